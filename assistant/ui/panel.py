"""The pieces of HTML on the page that are no answer: the source panel, the list of articles, the start, stages and problems.

Every text goes through ``rendering.inert``; nothing here escapes by itself. No piece holds a blank line, because some are shown
in chat messages, which are read as Markdown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from markupsafe import Markup

from assistant import showing
from assistant.rendering import NO_SOURCE, UNDATED, article_href, inert, written_date
from assistant.schema import Article, Filters, Removed, StoredArticle

# The most rows the list shows at once; a reader narrows it down by words.
MOST_ROWS = 500

# Asked of the sample articles only; the last one has no answer in them.
EXAMPLES = (
    "What did Putin ask Musk about Starlink and Taiwan?",
    "How much did Musk give to America PAC in October 2024?",
    "What does the Kremlin say about contacts with Musk?",
    "How many Teslas were sold in Russia in 2024?",
)

# Column name → heading and what it is sorted by. A leading "-" in an order turns it round.
ORDERS: dict[str, tuple[str, Callable[[StoredArticle], Any]]] = {
    "title": ("Title", lambda row: row.title.casefold()),
    "source": ("Source", lambda row: (row.source or "").casefold()),
    "published": ("Published", lambda row: row.published or date.min),
    "language": ("Language", lambda row: row.language),
    "id": ("Id", lambda row: row.id),
}
NEWEST_FIRST = "-published"


# The chat


def question_html(question: str, filters: Filters = Filters()) -> str:  # noqa: B008  (it is frozen)
    """What was asked and with which filters."""
    limits = _filters_in_words(filters)
    line = Markup('<p class="limits">Only {}</p>').format(inert(limits)) if limits else ""
    return Markup('<div class="question"><p>{}</p>{}</div>').format(inert(question.strip()), line)


def stage_html(stage: str) -> Markup:
    """What is being done while an answer is made."""
    return Markup('<div class="stage">{}</div>').format(inert(stage.rstrip(".…") + "…"))


def problem_html(message: str, hint: str) -> Markup:
    """What went wrong and what to do about it."""
    sentence = message[:1].upper() + message[1:]
    return Markup('<div class="problem"><p class="what">{}</p><p>{}</p></div>').format(inert(sentence), inert(hint))


def welcome_html(articles: Sequence[StoredArticle]) -> Markup:
    """The start of a conversation: what the page does, and questions to try or how to add a first article."""
    if not articles:
        return Markup(
            '<div class="welcome"><h2>There are no articles yet</h2>'
            "<p>Answers come from the articles you add. Add a first one in a terminal, then reload this page:</p>"
            "<p><code>assistant add FILE</code></p></div>"
        )
    count = "1 article" if len(articles) == 1 else f"{len(articles):,} articles"
    lead = Markup(
        "<h2>Ask the {}</h2><p>Answers are word-for-word quotes. Click the number after a quote to read it in its article.</p>"
    )
    sample = any("musk" in article.title.casefold() for article in articles)
    links = Markup("").join(
        Markup('<li><a href="#ask" class="example" role="button">{}</a></li>').format(inert(e)) for e in EXAMPLES
    )
    examples = Markup('<ul class="examples">{}</ul><p class="aside">The last one has no answer here.</p>').format(links)
    return Markup('<div class="welcome">{}{}</div>').format(lead.format(count), examples if sample else "")


# The source panel


def empty_html() -> Markup:
    """The panel before anything was clicked."""
    return Markup('<div class="source empty"><h2>Source</h2><p>Click a citation to see it in its article.</p></div>')


def article_html(article: Article, highlight: tuple[int, int] | None = None, *, outdated: bool = False) -> Markup:
    """An article in the panel. ``outdated`` says that this is the version quoted and that there is a newer one."""
    note = Markup('<p class="version">The article has changed since. This is the version that was quoted.</p>')
    shown = Markup(showing.article_html(article, highlight))
    return Markup('<div class="source">{}{}{}</div>').format(note if outdated else "", shown, _BACK)


def removed_html(removed: Removed) -> Markup:
    """All that may still be said of a removed article."""
    body = Markup(
        '<h2 id="source-title" tabindex="-1">{}</h2><p>This article was removed on {}. It is not shown any more.</p>'
    )
    day = written_date(removed.removed_at.date())
    return Markup('<div class="source">{}{}</div>').format(body.format(inert(removed.title), day), _BACK)


def problem_panel_html(message: str, hint: str) -> Markup:
    """Why a source cannot be shown."""
    heading = Markup('<h2 id="source-title" tabindex="-1">Source</h2>')
    return Markup('<div class="source">{}{}{}</div>').format(heading, problem_html(message, hint), _BACK)


_BACK = Markup('<button type="button" class="back">Back to the conversation</button>')


# The list of articles


def table_html(articles: Sequence[StoredArticle], *, words: str, order: str) -> Markup:
    """The articles whose title, source or id hold all the words, sorted by ``order`` (a key of ORDERS, "-" reverses)."""
    wanted = words.casefold().split()
    found = [row for row in articles if all(w in f"{row.title} {row.source or ''} {row.id}".casefold() for w in wanted)]
    column = order.lstrip("-")
    found.sort(key=ORDERS[column][1], reverse=order.startswith("-"))
    if not articles:
        return Markup('<p class="count">No articles yet. Add one in a terminal: <code>assistant add FILE</code></p>')
    count = f"{len(found):,} of {len(articles):,} articles"
    if len(found) > MOST_ROWS:
        count += f", the first {MOST_ROWS} shown. Type words to narrow it down."
    head = Markup("").join(_head_html(name, order) for name in ORDERS)
    rows = Markup("").join(map(_row_html, found[:MOST_ROWS]))
    table = Markup('<p class="count" role="status">{}</p><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>')
    return table.format(count, head, rows)


def _head_html(name: str, order: str) -> Markup:
    sorted_by = {name: "ascending", f"-{name}": "descending"}.get(order, "none")
    cell = Markup('<th scope="col" class="{0}" aria-sort="{1}"><button type="button" data-sort="{2}">{3}</button></th>')
    return cell.format(name, sorted_by, f"-{name}" if order == name else name, ORDERS[name][0])


def _row_html(row: StoredArticle) -> Markup:
    cells = (row.source or NO_SOURCE, written_date(row.published) if row.published else UNDATED, row.language, row.id)
    title = Markup('<td class="title"><a href="{}">{}</a></td>').format(inert(article_href(row.id)), inert(row.title))
    rest = zip(list(ORDERS)[1:], cells, strict=True)
    return Markup("<tr>{}{}</tr>").format(
        title, Markup("").join(Markup('<td class="{}">{}</td>').format(name, inert(cell)) for name, cell in rest)
    )


def _filters_in_words(filters: Filters) -> str:
    words = [
        f"articles from {filters.source}" if filters.source else "",
        f"since {written_date(filters.since)}" if filters.since else "",
        f"until {written_date(filters.until)}" if filters.until else "",
        f"as of {written_date(filters.as_of)}" if filters.as_of else "",
    ]
    return ", ".join(filter(None, words))
