"""A question that quotes: "Which outlet wrote “…”, and when?" The quoted words are looked for as they stand, not by likeness.

Case, quotation marks, dashes, blanks and Markdown emphasis may differ; no letter and no digit may. A misquote is not found, and
that is the answer then: close does not count when somebody checks a quote.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from assistant.answering import Decision, nearest_articles
from assistant.chunking import spans, trimmed
from assistant.citing import cite
from assistant.schema import Article, Citation, Passage, Statement

LEAST_WORDS = 6  # fewer are a name, a title or a turn of phrase

_QUOTED = re.compile(
    r"“([^“”]+)”|„([^„“”]+)[“”]|«([^«»]+)»|»([^«»]+)«|\"([^\"]+)\""
    r"|(?<!\w)[‘'](?!\d)((?:[^‘’']|[’'](?=\w))+)[’'](?!\w)"  # no apostrophe: “the workers' pay”, “in '24”
)
_ENDS = " \t\n.,;:!?…-"
_SAME = (
    {ord(sign): "'" for sign in "‘’‚`´"} | {ord(sign): '"' for sign in "“”„«»"} | {ord(sign): "-" for sign in "‐‑‒–—−"}
)
_MOST = 3  # articles quoted that all hold the words


def read_excerpt(question: str) -> str | None:
    """The longest run of at least LEAST_WORDS words in quotation marks, closing punctuation left out; None without one."""
    inside = (part for match in _QUOTED.finditer(question) for part in match.groups() if part)
    found = [part.strip(_ENDS) for part in inside if len(part.split()) >= LEAST_WORDS]
    return max(found, key=len, default=None)


def decide_excerpt(excerpt: str, passages: Sequence[Passage]) -> Decision:
    """Quote the sentences that hold the excerpt, oldest article first, or decline because no passage's article has the words."""
    articles = {passage.article.id: passage.article for passage in passages}
    held = sorted(
        (citation for article in articles.values() for citation in _cite_excerpt(excerpt, article)),
        key=lambda citation: (citation.published is None, citation.published, citation.article_id),
    )
    nearest = nearest_articles(passages)
    if not held:
        return Decision(
            "decline", "None of the articles searched has the quoted words as they stand.", 0.0, (), nearest
        )
    statements: dict[str, tuple[Citation, ...]] = {}
    for citation in held[:_MOST]:
        statements[citation.quote] = (*statements.get(citation.quote, ()), citation)
    said = tuple(Statement(quote, 1.0, citations) for quote, citations in statements.items())
    return Decision("answer", "The quoted words stand in this article.", 1.0, said, nearest)


def _cite_excerpt(excerpt: str, article: Article) -> Iterator[Citation]:
    """The whole sentences around the first place where the article has the excerpt, none where it has not."""
    text, places = _plain(article.text)
    wanted, _ = _plain(excerpt)
    found = re.search(rf"(?<!\w){re.escape(wanted.strip())}(?!\w)", text) if wanted.strip() else None
    if found is None:
        return
    first, last = places[found.start()], places[found.end() - 1] + 1
    pieces = [s for s in spans(article.text, article.language, article.markup) if s.start < last and s.end > first]
    yield cite(article, trimmed(article.text, pieces[0])[0], trimmed(article.text, pieces[-1])[1])


def _plain(text: str) -> tuple[str, list[int]]:
    """The text without what may differ, and for each of its characters the place in ``text`` that it comes from."""
    plain: list[str] = []
    places: list[int] = []
    for place, sign in enumerate(text):
        if sign in "*_":
            continue
        folded = " " if sign.isspace() else unicodedata.normalize("NFKC", sign).translate(_SAME).casefold()
        if folded == " " and (not plain or plain[-1] == " "):
            continue
        plain += folded
        places += [place] * len(folded)
    return "".join(plain), places
