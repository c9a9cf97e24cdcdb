"""A question that quotes: "Which outlet wrote “…”, and when?" The quoted words are looked for as they stand, not by likeness.

Case, quotation marks, dashes, blanks and Markdown emphasis may differ; no letter and no digit may. A misquote is not found, and
that is the answer then: close does not count when somebody checks a quote.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace

from assistant.answering import Decision, nearest_articles
from assistant.chunking import trimmed
from assistant.citing import cite
from assistant.quoting import Sentence, pieces_of, with_correction, with_person
from assistant.rendering import attribution
from assistant.schema import Article, Citation, Passage, Statement, Turn
from assistant.words import read_question

LEAST_WORDS = 6  # fewer are a name, a title or a turn of phrase

_QUOTED = re.compile(
    r"“([^“”]+)”|„([^„“”]+)[“”]|«([^«»]+)»|»([^«»]+)«|\"([^\"]+)\""
    r"|(?<!\w)[‘'](?!\d)((?:[^‘’']|[’'](?=\w))+)[’'](?!\w)"  # no apostrophe: “the workers' pay”, “in '24”
)
_ENDS = " \t\n.,;:!?…-"
_SAME = (
    {ord(sign): "'" for sign in "‘’‚`´"} | {ord(sign): '"' for sign in "“”„«»"} | {ord(sign): "-" for sign in "‐‑‒–—−"}
)
_MOST = 3  # articles quoted that all hold the words, and excerpts looked for
_HEADLINE = "The quoted words are the headline of the first article below."
_SOME = "Not all of the quoted words were found."
_OF_WRITING = frozenset(
    """write writes wrote written publish publishes published print printed report reports reported appear appeared say says said
    outlet paper newspaper article story source date day first""".split()
)


def read_excerpts(question: str) -> tuple[str, ...]:
    """What stands in quotation marks, from LEAST_WORDS words on, closing punctuation left out; what another has in it is not
    told apart. Of more than _MOST the first.
    """
    inside = (part for match in _QUOTED.finditer(question) for part in match.groups() if part)
    found = dict.fromkeys(part.strip(_ENDS) for part in inside if len(part.split()) >= LEAST_WORDS)
    return tuple(one for one in found if not any(one in other for other in found if one != other))[:_MOST]


def asked_about(typed: str, turns: Sequence[Turn]) -> tuple[str, ...]:
    """The excerpts that a question is about: its own, or, where it asks only "And who wrote it?", those that it goes on from."""
    for question in (typed, *(turn.question for turn in reversed(turns))):
        if found := read_excerpts(question):
            return found
        if any(
            word.kind != "function" and word.text.lower() not in _OF_WRITING
            for word in read_question(question, "en").words
        ):
            break
    return ()


def decide_excerpts(found: Sequence[tuple[str, Sequence[Passage]]]) -> Decision:
    """One decision on excerpts, each with the passages found for it; of several it is said which are not found."""
    decisions = [decide_excerpt(excerpt, passages) for excerpt, passages in found]
    best = max(decisions, key=lambda decision: ("decline", "nearest", "answer").index(decision.outcome))
    lacking = [f"“{excerpt}”" for (excerpt, _), one in zip(found, decisions, strict=True) if one.outcome == "decline"]
    if best.outcome == "decline" or not lacking:
        return _together(best, decisions)
    missing = f"None of the articles searched has these words as they stand: {'; '.join(lacking)}."
    if best.outcome == "nearest":
        return replace(best, reason=f"{best.reason} {missing}")
    return replace(_together(best, decisions), reason=_SOME, lead=missing)


def _together(best: Decision, decisions: Sequence[Decision]) -> Decision:
    """The best decision with the statements, and what is said before them, of all."""
    statements = {one.text: one for decision in decisions for one in decision.statements}
    leads = dict.fromkeys(decision.lead for decision in decisions if decision.lead)
    return replace(best, statements=tuple(statements.values()), lead=" ".join(leads))


def decide_excerpt(excerpt: str, passages: Sequence[Passage]) -> Decision:
    """Quote the sentences that hold the excerpt, oldest article first, or decline because no passage's article has the words.

    A headline has no place in a text that could be cited: that it is one is said, and its article named.
    """
    articles = {passage.article.id: passage.article for passage in passages}
    held = sorted(
        (citation for article in articles.values() for citation in _cite_excerpt(excerpt, article)),
        key=lambda citation: (citation.published is None, citation.published, citation.article_id),
    )
    nearest = nearest_articles(passages)
    headed = next((article for article in articles.values() if _find(excerpt, article.title)), None)
    if headed and headed.id in {citation.article_id for citation in held}:
        headed = None
    if not held and headed:
        first = nearest_articles([passage for passage in passages if passage.article.id == headed.id])
        others = tuple(one for one in nearest if one.article_id != headed.id)
        return Decision("nearest", _HEADLINE, 0.0, (), (*first, *others)[: len(nearest)])
    if not held:
        return Decision(
            "decline", "None of the articles searched has the quoted words as they stand.", 0.0, (), nearest
        )
    statements: dict[str, tuple[Citation, ...]] = {}
    for citation in held[:_MOST]:
        statements[citation.quote] = (*statements.get(citation.quote, ()), citation)
    said = tuple(Statement(quote, 1.0, citations) for quote, citations in statements.items())
    named = f"“{headed.title}”, {attribution(headed)}" if headed else ""
    lead = f"These words are the headline of an article: {named}. They also stand below." if headed else ""
    return Decision("answer", "The quoted words stand in this article.", 1.0, said, nearest, lead)


def _cite_excerpt(excerpt: str, article: Article) -> Iterator[Citation]:
    """The whole sentences around the first place where the article has the excerpt, none where it has not.

    They are cited with what says who "he" is and, where the article takes them back, with what puts them right.
    """
    if (place := _find(excerpt, article.text)) is None:
        return
    first, last = place
    pieces = [s for s in pieces_of(article) if s.start < last and s.end > first]
    held = Sentence(article, trimmed(article.text, pieces[0])[0], trimmed(article.text, pieces[-1])[1])
    quoted = with_correction(with_person(held))
    yield cite(article, quoted.start, quoted.end)


def _find(excerpt: str, text: str) -> tuple[int, int] | None:
    """The characters of the first place in a text that has the excerpt, None where there is none."""
    plain, places = _plain(text)
    wanted = _plain(excerpt)[0].strip()
    found = re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", plain) if wanted else None
    return (places[found.start()], places[found.end() - 1] + 1) if found else None


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
