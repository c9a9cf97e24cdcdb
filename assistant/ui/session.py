"""What one browser session has asked and been shown, and what happens when it asks again or opens a source. No Gradio here.

Everything a conversation needs is in ``Session``, which Gradio keeps per browser session: two readers share nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from markupsafe import Markup

from assistant.errors import UNEXPECTED, UNEXPECTED_HINT, AssistantError, BadInput, UnknownArticle
from assistant.rendering import answer_html, cited, inert, read_href
from assistant.schema import Answer, Citation, Filters, Removed, Turn
from assistant.ui import panel

if TYPE_CHECKING:
    from assistant.assistant import Assistant

ANY_SOURCE = "Any source"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the chat as HTML that is safe to show."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Session:
    """The messages shown, the turns that count as conversation, and the citations of each answer by its number."""

    messages: tuple[Message, ...] = ()
    turns: tuple[Turn, ...] = ()
    citations: tuple[tuple[Citation, ...], ...] = ()


def read_filters(typed: Mapping[str, str | None]) -> Filters:
    """Filters from what the fields hold: ``as_of``, ``since``, ``until`` as ISO dates, ``source`` as a name.

    Raises BadInput for a date that is none, and for a period that ends before it begins.
    """
    days = {name: _day(typed.get(name)) for name in ("as_of", "since", "until")}
    if days["since"] and days["until"] and days["since"] > days["until"]:
        raise BadInput("The period ends before it begins.", hint="Swap the dates From and To in the filters.")
    source = (typed.get("source") or "").strip()
    return Filters(**days, source=source if source and source != ANY_SOURCE else None)


def ask(assistant: Assistant, session: Session, question: str, typed: Mapping[str, str | None]) -> Iterator[Session]:
    """The session as it changes while the question is answered: first the question, then each stage, last the answer.

    Whatever goes wrong ends as a message below the question, which stays. Only the last session is to be kept.
    """
    asked = replace(session, messages=(*session.messages, Message("user", panel.question_html(question))))
    yield _with_reply(asked, panel.stage_html("Reading the question"))
    try:
        filters = read_filters(typed)
        asked = replace(asked, messages=(*session.messages, Message("user", panel.question_html(question, filters))))
        for step in assistant.ask_in_stages(question, turns=session.turns, filters=filters):
            if isinstance(step, Answer):
                yield _with_answer(asked, step)
            else:
                yield _with_reply(asked, panel.stage_html(step))
    except AssistantError as error:
        yield _with_reply(asked, panel.problem_html(str(error), error.hint))
    except Exception:  # the outermost event: the reader gets a message, the log the rest
        _log.exception("a question could not be answered")
        yield _with_reply(asked, panel.problem_html(UNEXPECTED, UNEXPECTED_HINT))


def lost() -> Session:
    """How a conversation goes on after the server has forgotten what the page still shows."""
    said = panel.problem_html(
        "The conversation so far is no longer kept.",
        "The page was open for long, or lost its connection. Say again what a follow-up is about.",
    )
    return Session(messages=(Message("assistant", said),))


def greet(assistant: Assistant) -> tuple[str, list[str]]:
    """How a conversation starts, and the sources that the articles name, in order."""
    try:
        articles = assistant.articles()
        return panel.welcome_html(articles), sorted({row.source for row in articles if row.source})
    except AssistantError as error:
        return panel.problem_html(str(error), error.hint), []
    except Exception:  # the outermost event: the reader gets a message, the log the rest
        _log.exception("the articles could not be listed")
        return panel.problem_html(UNEXPECTED, UNEXPECTED_HINT), []


def open_source(assistant: Assistant, session: Session, href: str) -> str:
    """The panel for a link of the page: the quote in its article, an article, or why neither can be shown.

    It names the link, so that it changes when two links lead to one quote: only then does the page show it again.
    """
    return Markup('<div data-of="{}">{}</div>').format(inert(href), Markup(_source(assistant, session, href)))


def _source(assistant: Assistant, session: Session, href: str) -> str:
    try:
        match read_href(href):
            case (int(turn), int(number)):
                return _open_citation(assistant, session, turn, number)
            case str(article_id):
                article = assistant.article(article_id)
                return panel.removed_html(article) if isinstance(article, Removed) else panel.article_html(article)
        return panel.empty_html()
    except AssistantError as error:
        return panel.problem_panel_html(str(error), error.hint)
    except Exception:  # the outermost event: the reader gets a message, the log the rest
        _log.exception("a source could not be shown")
        return panel.problem_panel_html(UNEXPECTED, UNEXPECTED_HINT)


def list_articles(assistant: Assistant, words: str, order: str) -> str:
    """The table of articles whose title, source or id hold all the words, in an order of ``panel.ORDERS``."""
    try:
        return panel.table_html(assistant.articles(), words=words, order=order)
    except AssistantError as error:
        return panel.problem_html(str(error), error.hint)
    except Exception:  # the outermost event: the reader gets a message, the log the rest
        _log.exception("the articles could not be listed")
        return panel.problem_html(UNEXPECTED, UNEXPECTED_HINT)


def _open_citation(assistant: Assistant, session: Session, turn: int, number: int) -> str:
    try:
        citation = session.citations[turn - 1][number - 1] if turn > 0 and number > 0 else None
    except IndexError:
        citation = None
    if citation is None:
        hint = "The server was restarted or the page was open for long. Ask the question again."
        raise UnknownArticle("This citation belongs to a conversation that is no longer kept.", hint=hint)
    article = assistant.article(citation.article_id, citation.version)
    if isinstance(article, Removed):
        return panel.removed_html(article)
    # Checked at this moment, not only when the answer was made: the quote shown is the slice of what is stored now.
    checked = assistant.verify(citation)
    current = assistant.article(citation.article_id)
    if isinstance(current, Removed):
        return panel.removed_html(current)
    return panel.article_html(article, (checked.start, checked.end), outdated=current.version != article.version)


def _with_reply(session: Session, content: str) -> Session:
    return replace(session, messages=(*session.messages, Message("assistant", content)))


def _with_answer(session: Session, answer: Answer) -> Session:
    said = " ".join(statement.text for statement in answer.statements)
    answered = _with_reply(session, answer_html(answer, turn=len(session.citations) + 1))
    return replace(
        answered,
        turns=(*session.turns, Turn(answer.question, said)),
        citations=(*session.citations, cited(answer)),
    )


def _day(typed: str | None) -> date | None:
    try:
        return date.fromisoformat(typed.strip()) if typed and typed.strip() else None
    except ValueError as error:
        hint = "Write dates as year-month-day, like 2024-10-25."
        raise BadInput(f"“{typed}” is not a date.", hint=hint) from error
