"""A small Assistant over articles in memory, for driving the page: it answers with the sentence that shares most words."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from assistant.errors import BadQuestion, BrokenCitation, UnknownArticle
from assistant.schema import (
    Answer,
    Article,
    Citation,
    Engine,
    Filters,
    Nearest,
    Outcome,
    Removed,
    Statement,
    StoredArticle,
    Turn,
)

TODAY = date(2026, 11, 24)
NO_FILTERS = Filters()
_COMMON = set(
    "a an and are by did do does for from had has have how in is it many of on or said that the to was what with".split()
)


@dataclass
class StandIn:
    """What the page needs of an Assistant. ``seconds`` is how long a question takes."""

    stored: list[Article]
    seconds: float = 0.0
    removed: dict[str, Removed] = field(default_factory=dict)

    def articles(self) -> list[StoredArticle]:
        return [_row(article) for article in self.stored if article.id not in self.removed]

    def article(self, article_id: str, version: str | None = None) -> Article | Removed:
        if article_id in self.removed:
            return self.removed[article_id]
        for article in self.stored:
            if article.id == article_id and version in (None, article.version):
                return article
        raise UnknownArticle(f"there is no article {article_id}", hint="List the articles with `assistant list`.")

    def remove(self, article_id: str) -> None:
        title = next(article.title for article in self.stored if article.id == article_id)
        self.removed[article_id] = Removed(article_id, title, datetime(2026, 11, 23, 12, tzinfo=UTC))

    def verify(self, citation: Citation) -> Citation:
        article = self.article(citation.article_id, citation.version)
        if isinstance(article, Removed) or article.text[citation.start : citation.end] != citation.quote:
            raise BrokenCitation("the quote is not in the stored article", hint="Ask again.")
        return citation

    def ask_in_stages(
        self, question: str, *, turns: Sequence[Turn] = (), filters: Filters = NO_FILTERS
    ) -> Iterator[str | Answer]:
        if len(question) > 2000:
            raise BadQuestion("the question is longer than 2,000 characters", hint="Ask something shorter.")
        kept = [a for a in self.stored if a.id not in self.removed and _matches(a, filters)]
        yield f"Searching {len(kept)} articles"
        time.sleep(self.seconds / 2)
        yield "Reading 12 passages"
        time.sleep(self.seconds / 2)
        yield _answer(question, kept, filters)


def _answer(question: str, articles: list[Article], filters: Filters) -> Answer:
    wanted = _words(question)
    ranked = sorted(
        ((len(wanted & _words(quote.quote)) / max(1, len(wanted)), quote) for a in articles for quote in _sentences(a)),
        key=lambda pair: -pair[0],
    )
    best = ranked[0][0] if ranked else 0.0
    outcome: Outcome = "answer" if best >= 0.5 else "nearest" if best >= 0.25 else "decline"
    good = [(share, quote) for share, quote in ranked if share >= max(0.5, best - 0.15)][:3]
    near = list({quote.article_id: quote for share, quote in ranked if share > 0}.values())[:3]
    statements = tuple(Statement(quote.quote, share, (quote,)) for share, quote in good)
    dates = [quote.published for _, quote in good if quote.published]
    return Answer(
        question=question,
        asked_as=question,
        outcome=outcome,
        reason="" if outcome == "answer" else "No sentence found states it.",
        as_of=filters.as_of or TODAY,
        newest_cited=max(dates, default=None),
        confidence=min(0.97, best),
        seconds=0.1,
        statements=statements,
        passages=(),
        nearest=() if statements else tuple(Nearest(q.article_id, q.title, q.source, q.published) for q in near),
        engine=Engine("none", "word overlap", "0" * 16, "0" * 16),
    )


def _sentences(article: Article) -> Iterator[Citation]:
    for match in re.finditer(r"[^\n#][^\n]*?[.?!](?=\s|$)", article.text):
        start = match.start() + len(match[0]) - len(match[0].lstrip())
        yield Citation(
            article.id, article.version, start, match.end(), article.text[start : match.end()], article.title,
            article.source, article.published, article.updated, article.url,
        )  # fmt: skip


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold())) - _COMMON


def _matches(article: Article, filters: Filters) -> bool:
    day = article.published
    limits = (filters.since, filters.until, filters.as_of)
    if any(limits) and day is None:
        return False
    first, last, today = filters.since or date.min, filters.until or date.max, filters.as_of or date.max
    return filters.source in (None, article.source) and (day is None or first <= day <= min(last, today))


def _row(article: Article) -> StoredArticle:
    details = (article.title, article.source, article.published, article.updated, article.url, article.language)
    added = datetime(2026, 11, 24, tzinfo=UTC)
    return StoredArticle(article.id, article.version, *details, article.story, len(article.text), 1, added, root="")


CONTACTS = Article(
    "2024-10-25-contacts.md",
    "c0ffee",
    "Musk is said to have been in regular contact with Putin",
    "Musk has spoken with Putin regularly since late 2022, the Sample Courier reports, citing officials.\n\n"
    "## A request about Taiwan\n\n"
    "On one occasion Putin asked Musk not to activate Starlink over Taiwan, two people briefed on the matter said. "
    "The favour was meant for Xi Jinping.\n\n"
    "## The Kremlin\n\n"
    "The Kremlin denies regular contacts with Musk. A spokesman said there had been one phone call.\n\n"
    + "\n\n".join(f"Background paragraph {n}: nothing in it bears on the matter at hand." for n in range(1, 41))
    + "\n\nMusk has given more than 129 million dollars to the campaign in total, filings show.\n",
    source="Sample Courier",
    published=date(2024, 10, 25),
    updated=date(2024, 10, 26),
    url="https://courier.example/contacts",
    markup="markdown",
)
DONATIONS = Article(
    "2024-10-25-donations.md",
    "d0na7e",
    "New filings show what Musk gave",
    "Musk gave 44 million dollars to America PAC in the first half of October 2024.\nThe filings were published on Thursday.\n",
    source="Sample Wire",
    published=date(2024, 10, 25),
)
HOSTILE = Article(
    'odd/<img src=x onerror="window.bitten=1">.md',
    "bad",
    "<script>window.bitten=1</script> **Zebra** {{title}}",
    'The zebra said <img src="http://tracker.example/a.png" onerror="window.bitten=1"> and '
    "![pixel](http://tracker.example/b.png) and [go](javascript:window.bitten=1) and ${window.bitten=1} "
    "and {{constructor}} and $x^2$ and `code` and http://tracker.example/c with **stars**.\n\n"
    "<script>window.bitten=1</script><iframe src=//tracker.example></iframe>\n\n```mermaid\ngraph TD\n```\n",
    source='"><svg onload=window.bitten=1>',
    url="javascript:window.bitten=1",
)
