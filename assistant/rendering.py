"""An answer as a dict, as Markdown, as plain text and as HTML. The one place that escapes.

Article text is untrusted. In HTML all of it passes ``inert``, which turns off Markdown and LaTeX as well, so that a
chat message can hold it: nothing of it becomes markup or sends a request. Nothing here looks anything up or cuts
a quote.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import date
from functools import partial
from textwrap import fill
from typing import Any, NamedTuple
from urllib.parse import quote as percent_encoded
from urllib.parse import unquote, urlsplit

from markupsafe import Markup

from assistant.schema import Answer, Article, Citation, Nearest, Statement

UNDATED = "undated"
NO_SOURCE = "source not stated"
NO_ANSWER = "The articles here do not answer this."

_NEAREST_LEAD = {"nearest": "These come nearest:", "decline": "The nearest articles, probably about something else:"}
_HALF_YEAR, _REST = "January February March April May June", "July August September October November December"
_MONTHS = f"{_HALF_YEAR} {_REST}".split()

# Every character that HTML, Markdown, LaTeX or a template could give a meaning. A line break is one of them: a blank
# line would end the HTML block and switch Markdown on again. NUL has no form in HTML at all.
_INERT = {ord(sign): f"&#{ord(sign)};" for sign in "&<>\"'\\`*_{}[]()#|!~$:@^=\n\r"} | {0: "\N{REPLACEMENT CHARACTER}"}
_MARKDOWN = {ord(sign): f"\\{sign}" for sign in "\\`*_{}[]()#!|~$:@^+="} | {ord("&"): "&amp;", ord("<"): "&lt;"}
# A terminal acts on control characters, so none but the line break goes there. Tabs become a blank.
_CONTROLS = dict.fromkeys((*range(32), *range(127, 160)), "\N{REPLACEMENT CHARACTER}") | {9: " ", 10: "\n"}

# What a URL in angle brackets may keep; all else is percent-encoded, so that it cannot end the link.
_URL_SIGNS = ":/?#[]@!$&%()*+,;=-._~"


# Words and dates


def written_date(day: date | None) -> str:
    """``25 October 2024``, in English whatever the locale; "undated" for None."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}" if day else UNDATED


def attribution(item: Citation | Nearest | Article) -> str:
    """Source and date: ``Harbour Post, 25 October 2024, updated 26 October 2024``. What is not stated, it says so."""
    words = f"{item.source or NO_SOURCE}, {written_date(item.published)}"
    updated = getattr(item, "updated", None)
    return f"{words}, updated {written_date(updated)}" if updated else words


def confidence_in_words(confidence: float) -> str:
    """High from 0.8, fair from 0.5, low below: the words for a probability."""
    return "high" if confidence >= 0.8 else "fair" if confidence >= 0.5 else "low"


def as_of_line(answer: Answer) -> str:
    """``As of 24 November 2026; newest article cited: 25 October 2024``; the second half only after statements."""
    newest = f"; newest article cited: {written_date(answer.newest_cited)}" if answer.statements else ""
    return f"As of {written_date(answer.as_of)}{newest}"


def understood_as(answer: Answer) -> str | None:
    """The question as it was searched, where that differs from what was typed (a follow-up)."""
    return answer.asked_as if answer.asked_as.strip() != answer.question.strip() else None


def cited(answer: Answer) -> tuple[Citation, ...]:
    """The citations of an answer in order, each once. Citation number n is element n − 1 in every form."""
    return tuple(dict.fromkeys(citation for statement in answer.statements for citation in statement.citations))


class Evidence(NamedTuple):
    """One quote of a statement and the citations that all hold it word for word (copies of one report)."""

    quote: str
    citations: tuple[Citation, ...]


def evidence(statement: Statement) -> tuple[Evidence, ...]:
    """The citations of a statement by their quote, in order."""
    quotes = dict.fromkeys(citation.quote for citation in statement.citations)
    return tuple(Evidence(quote, tuple(c for c in statement.citations if c.quote == quote)) for quote in quotes)


def written_sentence(statement: Statement) -> str | None:
    """The text of a statement that a writer worded; None where the statement is one of its quotes."""
    said = " ".join(statement.text.split())
    verbatim = any(" ".join(citation.quote.split()) == said for citation in statement.citations)
    return None if verbatim else statement.text


# Links inside the page


def cite_href(turn: int, number: int) -> str:
    """The link of a citation chip, unique in one conversation."""
    return f"#cite-{turn}-{number}"


def article_href(article_id: str) -> str:
    """The link that opens an article. The id is percent-encoded; ``read_href`` takes it back."""
    return "#article-" + percent_encoded(article_id, safe="", errors="replace")


def read_href(href: str) -> tuple[int, int] | str | None:
    """(turn, number) of a citation link, the id of an article link, None for any other text."""
    if match := re.fullmatch(r"#cite-(\d{1,9})-(\d{1,9})", href, re.ASCII):
        return int(match[1]), int(match[2])
    if href.startswith("#article-"):
        return unquote(href.removeprefix("#article-"), errors="replace")
    return None


def web_address(url: str | None) -> str | None:
    """The url if a reader may be sent there: http or https with a host. None for anything else (``javascript:`` …)."""
    try:
        parts = urlsplit(url or "")
        return url if parts.scheme in ("http", "https") and parts.hostname else None
    except ValueError:
        return None


# The four forms of an answer


def answer_dict(answer: Answer) -> dict[str, Any]:
    """The documented JSON form. Dates are ISO strings or None; keys may be added, never renamed."""
    plain = ("question", "asked_as", "outcome", "abstained", "reason", "confidence", "seconds", "lead")
    return {name: getattr(answer, name) for name in plain} | {
        "as_of": _iso(answer.as_of),
        "newest_cited": _iso(answer.newest_cited),
        "statements": [
            {"text": s.text, "support": s.support, "citations": [_dated_dict(c) for c in s.citations]}
            for s in answer.statements
        ],
        "passages": [
            {"article_id": p.chunk.article_id, "start": p.chunk.start, "end": p.chunk.end}
            | {"score": p.score, "lexical_rank": p.lexical_rank, "dense_rank": p.dense_rank}
            for p in answer.passages
        ],
        "nearest": [_dated_dict(n) for n in answer.nearest],
        "engine": asdict(answer.engine),
        "notes": list(answer.notes),
    }


def answer_markdown(answer: Answer) -> str:
    """The answer as Markdown with the citations as a numbered list. Article text is escaped and holds no live link."""
    numbers = {citation: number for number, citation in enumerate(cited(answer), 1)}
    parts = [f"*Understood as: {_markdown(asked)}*"] if (asked := understood_as(answer)) else []
    parts += [_markdown(answer.lead)] if answer.lead else []
    for statement in answer.statements:
        if sentence := written_sentence(statement):
            parts.append(_markdown(sentence))
        for quote, citations in evidence(statement):
            said_by = "; ".join(f"{_markdown(attribution(c))} \\[{numbers[c]}\\]" for c in citations)
            parts.append(f"> “{_markdown(quote)}”  \n> — {said_by}")
    if answer.abstained:
        parts.append(" ".join(filter(None, (f"**{NO_ANSWER}**", _markdown(answer.reason)))))
    if nearest := _offered(answer):
        rows = [f"- {_markdown(near.title)} — {_markdown(attribution(near))}" for near in nearest]
        parts.append("\n".join((_NEAREST_LEAD[answer.outcome], "", *rows)))
    parts.append(f"{as_of_line(answer)}. {_confidence(answer)}")
    parts += [f"*Note: {_markdown(note)}*" for note in answer.notes]
    sources = [f"{number}. {_markdown_source(citation)}" for citation, number in numbers.items()]
    return "\n\n".join((*parts, *(["\n".join(sources)] if sources else []))) + "\n"


def answer_text(answer: Answer, *, width: int = 80) -> str:
    """The answer for a terminal, wrapped at ``width`` columns. No control character of an article gets through."""
    numbers = {citation: number for number, citation in enumerate(cited(answer), 1)}
    parts = [_wrap(f"Understood as: {asked}", width)] if (asked := understood_as(answer)) else []
    parts += [_wrap(answer.lead, width)] if answer.lead else []
    for statement in answer.statements:
        lines = [_wrap(sentence, width)] if (sentence := written_sentence(statement)) else []
        for quote, citations in evidence(statement):
            lines.append(_wrap(f"“{quote}”", width))
            lines += [_wrap(f"— {attribution(c)} [{numbers[c]}]", width, "  ", "    ") for c in citations]
        parts.append("\n".join(lines))
    if answer.abstained:
        parts.append("\n".join(_wrap(line, width) for line in (NO_ANSWER, answer.reason) if line))
    if nearest := _offered(answer):
        rows = [_wrap(f"- {n.title} — {attribution(n)} ({n.article_id})", width, "  ", "    ") for n in nearest]
        parts.append("\n".join((_NEAREST_LEAD[answer.outcome], *rows)))
    parts.append("\n".join(_wrap(line, width) for line in (f"{as_of_line(answer)}.", _confidence(answer))))
    parts += [_wrap(f"Note: {note}", width) for note in answer.notes]
    if numbers:
        parts.append("\n".join(_text_source(citation, number, width) for citation, number in numbers.items()))
    return "\n\n".join(parts) + "\n"


def answer_html(answer: Answer, *, turn: int) -> str:
    """The answer as one HTML block without a blank line, for a chat message that is read as Markdown and sanitised.

    ``turn`` makes the links of the citation chips unique in the conversation: ``#cite-<turn>-<n>``.
    """
    numbers = {citation: number for number, citation in enumerate(cited(answer), 1)}
    parts = [Markup('<p class="asked-as">Understood as: {}</p>').format(inert(a)) for a in [understood_as(answer)] if a]
    parts += [Markup('<p class="written">{}</p>').format(inert(answer.lead))] if answer.lead else []
    for statement in answer.statements:
        if sentence := written_sentence(statement):
            parts.append(Markup('<p class="written">{}</p>').format(inert(sentence)))
        parts += [_evidence_html(item, numbers, turn) for item in evidence(statement)]
    if answer.abstained:
        parts.append(Markup('<p class="no-answer">{}</p>').format(NO_ANSWER))
        parts += [Markup('<p class="reason">{}</p>').format(inert(answer.reason))] if answer.reason else []
    if nearest := _offered(answer):
        rows = Markup("").join(map(_nearest_html, nearest))
        parts.append(
            Markup('<p class="lead">{}</p><ul class="nearest">{}</ul>').format(_NEAREST_LEAD[answer.outcome], rows)
        )
    foot = Markup('<p class="foot">{}. <span class="confidence">{}</span></p>')
    parts.append(foot.format(as_of_line(answer), _confidence(answer)))
    parts += [Markup('<p class="note">{}</p>').format(inert(note)) for note in answer.notes]
    return str(Markup('<div class="answer outcome-{}">{}</div>').format(answer.outcome, Markup("").join(parts)))


def inert(text: str) -> Markup:
    """The same characters to a reader, without any meaning to HTML, Markdown, LaTeX or a template."""
    return Markup(re.sub(r"(?i)(www)\.", r"\1&#46;", text.translate(_INERT)))


# Pieces of the forms


def _evidence_html(item: Evidence, numbers: dict[Citation, int], turn: int) -> Markup:
    chip = Markup('{} <a href="{}" class="cite" title="Show this quote in its article: {}">{}</a>')
    said_by = [
        chip.format(inert(attribution(c)), cite_href(turn, numbers[c]), inert(c.title), numbers[c])
        for c in item.citations
    ]
    block = Markup('<p class="statement"><span class="quote">“{}”</span> <span class="by">{}</span></p>')
    return block.format(inert(item.quote), Markup("; ").join(said_by))


def _nearest_html(near: Nearest) -> Markup:
    row = Markup('<li><a href="{}">{}</a> <span class="by">{}</span></li>')
    return row.format(inert(article_href(near.article_id)), inert(near.title), inert(attribution(near)))


def _offered(answer: Answer) -> tuple[Nearest, ...]:
    """The nearest articles are an offer in place of an answer; beside one they would repeat what is cited."""
    return answer.nearest if answer.abstained else ()


def _confidence(answer: Answer) -> str:
    what = "Confidence that they answer it" if answer.abstained else "Confidence"
    return f"{what}: {confidence_in_words(answer.confidence)} ({answer.confidence:.2f})."


def _markdown(text: str) -> str:
    """One line of text with everything escaped that Markdown or its HTML could act on."""
    line = " ".join(text.translate(_CONTROLS).split()).translate(_MARKDOWN)
    line = re.sub(r"^(\d*)([-.>])", r"\1\\\2", line)  # would start a list, or a quotation
    return re.sub(r"(?i)(www)\.", r"\1\\.", re.sub(r"(?i)\b(https?|ftp|mailto):", r"\1\\:", line))


def _markdown_source(citation: Citation) -> str:
    place = f"{citation.article_id}, characters {citation.start}–{citation.end}"
    address = web_address(citation.url)
    link = f", <{percent_encoded(address, safe=_URL_SIGNS)}>" if address else ""
    return f"{_markdown(citation.title)} — {_markdown(attribution(citation))} ({_markdown(place)}){link}"


def _text_source(citation: Citation, number: int, width: int) -> str:
    head = _wrap(f"[{number}] {citation.title} — {attribution(citation)}", width, "", "    ")
    place = f"    {citation.article_id}, characters {citation.start}–{citation.end}".translate(_CONTROLS)
    return "\n".join((head, place, *(f"    {a.translate(_CONTROLS)}" for a in [web_address(citation.url)] if a)))


def _wrap(text: str, width: int, first: str = "", rest: str = "") -> str:
    safe = " ".join(text.translate(_CONTROLS).split())
    wrap = partial(fill, break_long_words=False, break_on_hyphens=False)
    return wrap(safe, width, initial_indent=first, subsequent_indent=rest)


def _dated_dict(item: Citation | Nearest) -> dict[str, Any]:
    return {name: _iso(value) if isinstance(value, date) else value for name, value in asdict(item).items()}


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
