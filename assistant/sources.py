"""A question for the number of independent sources: "How many independent sources report that …?" English only.

Who retells whom is read from the articles' own words: a sentence that names the paper or agency it has its news from counts for
that one, and so do copies. The count is the one thing that the assistant says in words of its own; the quotes under it show what
it rests on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from assistant.answering import Decision, Sentence, answers_from, candidates, denies, nearest_articles, share_of_words
from assistant.citing import cite
from assistant.evidence import Evidence
from assistant.models import Encoder
from assistant.schema import Article, Passage, Statement
from assistant.settings import Settings
from assistant.words import Word, read_words

_WHO = r"(?:sources|outlets|newspapers|papers|agencies|broadcasters|media|accounts|articles|reports)"
_SAYS = (
    r"(?:reports?|reported|says?|said|confirm(?:s|ed)?|writes?|wrote|written|states?|stated|tell|told|carry|carried)"
)
_ASKS = re.compile(
    rf"^\W*how many\s+(?:[\w-]+\s+){{0,2}}?{_WHO}\b[^?]*?\b"
    rf"(?:{_SAYS}\b[^?]*?\bthat|(?:report|claim|news) that|are there for(?: (?:the )?(?:report|claim|news) that)?)"
    r"\s+(?P<claim>[^?]+?)\s*\??$",
    re.IGNORECASE,
)
_DATED = re.compile(
    r"\b(?:1[5-9]|20)\d\d\b|\b\d{1,2}(?= [A-Z])|(?<=[a-z] )\d{1,2}\b(?=,? \d{4})"
)  # years, days of a month
_PRESS = re.compile(  # names of papers, agencies and broadcasters, as far as a name tells
    r"(?:[A-Z][\w’'.-]*\s+(?:(?:of|and|am|im|der|di|du|de)\s+)?)*"
    r"(?:Times|Post|Journal|Wire|Press|News|Herald|Tribune|Gazette|Courier|Telegraph|Guardian|Chronicle|Observer|Mail|Express"
    r"|Mirror|Standard|Ledger|Echo|Star|Sun|Week|Review|Examiner|Dispatch|Bulletin|Daily|Zeitung|Spiegel|Tagesspiegel|Bild|Monde"
    r"|Figaro|País|Mundo|Reuters|AFP|AP|PA|DPA|dpa|Bloomberg|CNN|BBC|NBC|CBS|ABC|NPR|Axios|Politico|ARD|ZDF|Tass|TASS|EFE|Xinhua"
    r"|Agence France-Presse)\b(?:\s+(?:of\s+)?[A-Z][\w’'-]*)*"
)
_ATTRIBUTED = re.compile(
    r"\baccording to\b|\bquot\w+|\bcit(?:es|ed|ing)\b|\b(?:reports?|reported|writes?|wrote|written|says?|said|told|put|puts|gave"
    r"|gives|speaks?|spoke|counts?|counted|describes?|called|calls)\b",
    re.IGNORECASE,
)
_SHORT = re.compile(
    r"\b[Tt]he (?:paper|newspaper|agency|daily|weekly|magazine|broadcaster|wire|report)\b|\bquoted there\b"
)
_COPY = 0.8  # a sentence that shares more of its words with one of another source is a copy of it
_NUMBERS = "no one two three four five six seven eight nine ten eleven twelve".split()
_COUNTED = "Counted among the articles nearest to the claim; who retells whom is read from their own words."


@dataclass(frozen=True, slots=True)
class _Telling:
    """A sentence that states the claim, how surely, and whom it has it from."""

    sentence: Sentence
    support: float
    origin: str


def read_claim(question: str) -> str | None:
    """What is said to be reported, where the question asks how many sources report it; else None."""
    asked = _ASKS.match(question)
    return asked["claim"] if asked else None


def count_sources(
    claim: str,
    passages: Sequence[Passage],
    *,
    encoder: Encoder,
    evidence: Evidence,
    settings: Settings,
) -> Decision | None:
    """A statement for each source that reports the claim for itself, with those that retell it; None where no article states it.

    An article states it where its best sentence is sure enough to answer, has one of the claim's numbers, if it has any, and
    says "not" only where the claim does.
    """
    articles = {passage.article.id: passage.article for passage in passages}
    press = {article.source for article in articles.values() if article.source}
    tellings: list[_Telling] = []
    for article in articles.values():
        found = candidates([passage for passage in passages if passage.article.id == article.id])
        mine = [pair for pair in found if _may_state(claim, pair[0])]
        supports = evidence.score(f"Is it reported that {claim}?", [candidate for _, candidate in mine], encoder)
        pairs = zip([sentence for sentence, _ in mine], supports, strict=True)
        best = max(pairs, key=lambda pair: pair[1].probability, default=None)
        if best and best[1].probability >= answers_from(evidence, settings):
            tellings.append(_Telling(best[0], best[1].probability, _origin(best[0], press)))
    if not tellings:
        return None
    groups = _grouped(tellings)
    statements = tuple(map(_statement, groups))
    at_least = "At least " if len(tellings) == len(articles) > 1 else ""
    lead = f"{at_least}{_written(len(groups))} independent source{'s' if len(groups) > 1 else ''} in the articles found"
    named = "; ".join(_named(group) for group in groups)
    return Decision(
        "answer",
        _COUNTED,
        max(telling.support for telling in tellings),
        statements,
        nearest_articles(passages),
        lead=f"{lead[0].upper()}{lead[1:]}: {named}.",
    )


def _may_state(claim: str, sentence: Sentence) -> bool:
    """Whether the sentence has one of the numbers that the claim rests on, days and years aside, and denies what it denies."""
    language = sentence.article.language
    if denies(sentence.text, language) is not denies(claim, "en"):
        return False
    wanted = {word.stem for word in _numbers(_DATED.sub(" ", claim), "en")}
    return not wanted or any(word.stem in wanted for word in _numbers(sentence.text, language))


def _numbers(text: str, language: str) -> Iterator[Word]:
    return (word for word in read_words(text, language) if word.kind == "number")


def _origin(sentence: Sentence, press: set[str]) -> str:
    """The paper or agency that the sentence names as where it has its news from; else the article's own source, or its title."""
    article = sentence.article
    own = article.source or article.title
    if not _ATTRIBUTED.search(sentence.text):
        return own
    named = _press_in(sentence.text, press)
    if not named and _SHORT.search(sentence.text):
        named = _press_in(article.text[: sentence.start], press)[-1:]
    return _in_full(named[0], article.text, press) if named else own


def _press_in(text: str, press: set[str]) -> list[str]:
    """The papers and agencies that a text names, in order, without "The"."""
    known = "|".join(sorted(map(re.escape, press), key=len, reverse=True))
    found = re.finditer(rf"\b(?:{known})\b|{_PRESS.pattern}" if known else _PRESS.pattern, text)
    return [name for match in found if (name := re.sub(r"^The\s+", "", match.group()))]


def _in_full(name: str, text: str, press: set[str]) -> str:
    """ "Journal" as the longest name of a text that ends with it: "Wall Street Journal"."""
    longer = [other for other in _press_in(text, press) if other.endswith(f" {name}")]
    return max(longer, key=len, default=name)


def _grouped(tellings: Sequence[_Telling]) -> list[list[_Telling]]:
    """The tellings by whom they come from, the surest source first; in each, its own telling before those that retell it.

    Of copies whose origin nobody names the oldest comes first.
    """
    groups: list[list[_Telling]] = []
    retold = {telling.origin for telling in tellings if not _is_own(telling)}

    def first_hand(telling: _Telling) -> tuple[bool, bool, date, str]:
        article = telling.sentence.article
        return not _is_own(telling), telling.origin not in retold, article.published or date.max, article.id

    for telling in sorted(tellings, key=first_hand):
        for group in groups:
            if any(telling.origin == one.origin or _is_copy(telling, one) for one in group):
                group.append(telling)
                break
        else:
            groups.append([telling])
    return sorted(groups, key=lambda group: -max(one.support for one in group))


def _is_own(telling: _Telling) -> bool:
    return telling.origin == _publisher(telling.sentence.article)


def _is_copy(one: _Telling, other: _Telling) -> bool:
    return share_of_words(one.sentence, other.sentence) > _COPY


def _publisher(article: Article) -> str:
    return article.source or article.title


def _statement(group: Sequence[_Telling]) -> Statement:
    cited = tuple(cite(t.sentence.article, t.sentence.start, t.sentence.end) for t in group)
    return Statement(cited[0].quote, max(telling.support for telling in group), cited)


def _named(group: Sequence[_Telling]) -> str:
    """A source and who retells it: "Sample Wire (retold by Sample Post)"."""
    origin = group[0].origin
    others = list(dict.fromkeys(p for t in group if (p := _publisher(t.sentence.article)) != origin))
    return f"{origin} (retold by {', '.join(others)})" if others else origin


def _written(number: int) -> str:
    return _NUMBERS[number] if number < len(_NUMBERS) else str(number)
