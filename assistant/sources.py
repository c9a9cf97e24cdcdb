"""A question for the number of independent sources: "How many independent sources report that …?", asked in English.

Who retells whom is read from the articles' own words: a sentence that says which paper or agency it has its news from counts for
that one, an article that credits an agency counts for the agency, and so do copies. The count is the one thing that the assistant
says in words of its own; the quotes under it show what it rests on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from assistant.answering import Decision, answers_from, candidates, nearest_articles
from assistant.citing import cite
from assistant.conversation import by_itself, names
from assistant.evidence import Candidate, Evidence, Support
from assistant.fulltext import words
from assistant.gloss import read_in, reader
from assistant.models import Encoder
from assistant.press import Press, is_same, key
from assistant.quoting import Sentence, repeats_what_was_wrong
from assistant.sameness import denies, share_of_words
from assistant.schema import Passage, Statement
from assistant.settings import Settings
from assistant.words import Word, find_absent, read_known, read_question, read_words

# What is asked

_SAYS = r"(?:reports?|reported|says?|said|confirm(?:s|ed)?|writes?|wrote|written|states?|stated|carry|carried)"
_ASKS = re.compile(
    r"^\W*(?:(?:and|but|so)\W+)?how many\s+(?:[\w-]+\s+){0,3}?"
    r"(?P<who>sources|outlets|newspapers|papers|agencies|broadcasters|media)\b"
    r"(?P<between>[^?]*?)\b"
    rf"(?:{_SAYS}(?:,[^?,]*,)?(?:\s+(?:the\s+)?(?:news|claim))?(?:\s+that)?"
    r"|are there for(?: (?:the )?(?:report|claim|news) that)?)"
    r"\s+(?P<claim>[^?]+?)\s*\??$",
    re.IGNORECASE,
)
# Of independent sources other words are asked, too: "give 186 million as the price", "mention the washbasin".
_ASKS_OF_INDEPENDENT = re.compile(
    r"^\W*(?:(?:and|but|so)\W+)?how many\s+(?:other\s+)?independent\s+(?:news\s+)?"
    r"(?:sources|outlets|newspapers|papers|agencies|broadcasters|media)\s+(?:(?:have|had)\s+)?"
    r"(?:give|gave|given|put|mention(?:ed)?|used?|support(?:ed)?|back(?:ed)?|named?|call(?:ed)?|described?|quoted?|indicated?"
    r"|claim(?:ed)?|suggest(?:ed)?|speak of|spoke of|spoken of|tell of|told of|pass(?:ed)? on)"
    r"(?:\s+(?:the\s+)?(?:news|claim|report))?(?:\s+that)?\s+(?P<claim>[^?]+?)\s*\??$",
    re.IGNORECASE,
)
_INDEPENDENT = re.compile(r"\bindependent(?:ly)?\b|\bdepend on (?:each other|one another)\b", re.IGNORECASE)
_ASKS_MORE = re.compile(r"\band\s+(?:who|whom|what|when|where|why|how|which)\b", re.IGNORECASE)
# What the outlets said of themselves, or what they reported on, is no claim.
_NO_CLAIM = re.compile(r"(?:they|it(?! was .+ (?:who|that)\b)|their|its|on|about|why|how)\b", re.IGNORECASE)

# Whether a sentence states it

_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_DATES = re.compile(
    rf"\b\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}\b|\b{_MONTH}\s+\d{{1,2}}\b|\b(?:1[5-9]|20)\d\d\b|\([^()]*\)"
)
_DENIES = re.compile(
    r"\b(?:den(?:y|ies|ied|ial)|reject(?:s|ed)?|disput(?:es|ed)|refut(?:es|ed)|dismiss(?:es|ed)|false|untrue|not true|no truth"
    r"|(?:is|was) wrong|wrongly (?:reported|said|wrote|stated)"
    r"|withdr(?:aws?|ew|awn) (?:its|the|their|that) (?:report|claim|statement|story)"
    r"|retract(?:s|ed)?|debunk(?:s|ed)?|hoax|unfounded|baseless)\b",
    re.IGNORECASE,
)
_NO_DENIAL = re.compile(
    r"\b(?:no|not) (?:fewer|less|more) (?:than|of|as)\b|\bnot only\b|\bno one else\b", re.IGNORECASE
)
_CLAUSES = re.compile(r"[,;:–—]|\b(?:but|although|though|while|and)\b")

_AT_ONCE = 3  # further articles that are read in one pass, though the first of them may be where reading ends
DEEPER = 2  # times as many passages are found as for other questions
_STATES = 0.35  # the least probability with which a sentence states a claim; chosen on evals/practice, fit
_COPY, _LEAST_WORDS = 0.8, 8  # a sentence of so many words that shares more than that with another's is a copy of it

_NUMBERS = "no one two three four five six seven eight nine ten eleven twelve".split()
_COUNTED = "Counted in the articles nearest to the claim. Who retells whom is read from their own words."


@dataclass(frozen=True, slots=True)
class _Telling:
    """A sentence that states the claim, how surely, and whom it has it from; None where the article does not state its source."""

    sentence: Sentence
    support: float
    origin: str | None

    @property
    def publisher(self) -> str | None:
        return self.sentence.article.source

    @property
    def is_own(self) -> bool:
        return is_same(self.origin, self.publisher)


def read_claim(question: str) -> str | None:
    """What is said to be reported, where the question asks how many sources report it, and nothing else; else None."""
    question = by_itself(question)
    of_independent = _ASKS_OF_INDEPENDENT.match(question)
    reported = None if of_independent else _ASKS.match(question)
    asked = of_independent or reported
    if asked is None or _NO_CLAIM.match(asked["claim"]) or _ASKS_MORE.search(asked["claim"]):
        return None
    if reported and re.search(r"\b(?:did|does)\b", reported["between"], re.IGNORECASE):  # "did the paper say that"
        return None
    beside_names = re.sub("|".join(map(re.escape, names(asked["claim"]))), "", asked["claim"])
    if not read_question(beside_names, "en").content:  # a name alone states nothing
        return None
    of_sources = reported is None or reported["who"].lower() == "sources"
    return asked["claim"] if of_sources or _INDEPENDENT.search(question[: asked.start("claim")]) else None


def count_sources(
    claim: str,
    passages: Sequence[Passage],
    *,
    encoder: Encoder,
    evidence: Evidence,
    settings: Settings,
) -> Decision | None:
    """A statement for each source that reports the claim for itself, with those that retell it; None where no article states it.

    An article states it where its best sentence, read for the bare claim, is sure enough, has the claim's numbers, if it has any,
    and denies only what the claim denies. The ``passages``, best first, are DEEPER times as many as for other questions; the
    articles of those beyond ``settings.passages`` are read as long as each states it. Articles that do not state their source are
    quoted and named apart. There are as many statements as sources, whatever the settings say; the confidence is that of the
    least sure one.
    """
    of_article: dict[str, list[Passage]] = {}
    for passage in passages:
        of_article.setdefault(passage.article.id, []).append(passage)
    first = list(dict.fromkeys(passage.article.id for passage in passages[: settings.passages]))
    others = [article for article in of_article if article not in first]
    press = Press([found[0].article.source for found in of_article.values() if found[0].article.source])
    sure = max(_STATES, answers_from(evidence, settings))
    tellings: list[_Telling] = []
    states = False  # whether the article that was read last states it
    for read in (first, *(others[place : place + _AT_ONCE] for place in range(0, len(others), _AT_ONCE))):
        best = _best_of_each(claim, [passage for article in read for passage in of_article[article]], encoder, evidence)
        for article in read:
            states = article in best and best[article][1].probability >= sure
            if states:
                sentence, support = best[article]
                origin = press.origin(sentence.article, sentence.start, sentence.end)
                tellings.append(_Telling(sentence, support.probability, origin))
            elif read is not first:
                break
        if not states:
            break
    if not tellings:
        return None
    groups = _grouped(_followed(tellings))
    more = states and len(passages) == DEEPER * settings.passages
    statements = tuple(map(_statement, groups))
    least = min(statement.support for statement in statements)
    lead = _lead(groups, more=more)
    return Decision("answer", _COUNTED, least, statements, nearest_articles(passages), lead=lead, note=_COUNTED)


def _best_of_each(
    claim: str, passages: Sequence[Passage], encoder: Encoder, evidence: Evidence
) -> dict[str, tuple[Sentence, Support]]:
    """By article the sentence that states the claim most surely; none of an article that does not name whom the claim names."""
    found = candidates(passages)
    one_of = {sentence.article.id: candidate for sentence, candidate in found}
    naming = {article for article, candidate in one_of.items() if _names_them(claim, candidate)}
    found = [(one, candidate) for one, candidate in found if one.article.id in naming and _may_state(claim, one)]
    article_ids = [sentence.article.id for sentence, _ in found]
    supports = evidence.score(claim, [candidate for _, candidate in found], encoder, article_ids=article_ids)
    best: dict[str, tuple[Sentence, Support]] = {}
    for (sentence, _), support in zip(found, supports, strict=True):
        if sentence.article.id not in best or support.probability > best[sentence.article.id][1].probability:
            best[sentence.article.id] = sentence, support
    return best


def _names_them(claim: str, candidate: Candidate) -> bool:
    """Whether the article of the sentence names whom the claim names."""
    asked = read_question(f"That {_DATES.sub(' ', claim)}", "en")  # a claim begins with a name as likely as not
    known = read_known(f"{candidate.title}\n{candidate.article}", candidate.language)
    return not any(lacking[0].isupper() for lacking in find_absent(asked, known)[1])


def _may_state(claim: str, sentence: Sentence) -> bool:
    """Whether the sentence has the claim's numbers, dates aside, denies no more and no less, and takes nothing back."""
    if repeats_what_was_wrong(sentence, claim):
        return False
    article = sentence.article
    text, language = reader(article.text, article.language)(sentence.text), read_in(article.language)
    wanted = {word.stem for word in _numbers(_DATES.sub(" ", claim), "en")}
    if not wanted <= {word.stem for word in _numbers(text, language)}:
        return False
    if bool(_DENIES.search(text)) is not bool(_DENIES.search(claim)):
        return False
    asked = frozenset(words(claim, "en"))
    clauses = _CLAUSES.split(_NO_DENIAL.sub(" ", text))
    stating = max(clauses, key=lambda clause: len(asked.intersection(words(clause, language))))
    return denies(stating, language) is denies(_NO_DENIAL.sub(" ", claim), "en")


def _numbers(text: str, language: str) -> Iterator[Word]:
    """The numbers of a text but "one", which may count nothing: "one of them"."""
    return (word for word in read_words(text, language) if word.kind == "number" and word.text.lower() != "one")


def _followed(tellings: Sequence[_Telling]) -> list[_Telling]:
    """The same with each chain of retellings followed to its beginning: who retells the Courier's retelling retells Reuters."""
    own = {key(t.publisher) for t in tellings if t.is_own and t.publisher}
    via = {key(t.publisher): t.origin for t in tellings if t.publisher and t.origin and not t.is_own}

    def first(origin: str | None) -> str | None:
        seen: set[str] = set()
        while origin and (name := key(origin)) in via and name not in own | seen:
            seen.add(name)
            origin = via[name]
        return origin

    return [replace(telling, origin=first(telling.origin)) for telling in tellings]


def _grouped(tellings: Sequence[_Telling]) -> list[list[_Telling]]:
    """The tellings by whom they come from, the surest source first and those without one last; in each, its own telling first.

    Of copies whose origin nobody names the oldest comes first.
    """
    groups: list[list[_Telling]] = []
    retold = {key(telling.origin) for telling in tellings if telling.origin and not telling.is_own}

    def first_hand(telling: _Telling) -> tuple[bool, bool, bool, date, str]:
        article = telling.sentence.article
        is_retold = telling.origin is not None and key(telling.origin) in retold
        return telling.origin is None, not telling.is_own, not is_retold, article.published or date.max, article.id

    for telling in sorted(tellings, key=first_hand):
        for group in groups:
            if any(is_same(telling.origin, one.origin) or _is_copy(telling, one) for one in group):
                group.append(telling)
                break
        else:
            groups.append([telling])
    return sorted(groups, key=lambda group: (group[0].origin is None, -max(one.support for one in group)))


def _is_copy(one: _Telling, other: _Telling) -> bool:
    shortest = min(len(set(words(t.sentence.text, t.sentence.article.language))) for t in (one, other))
    return shortest >= _LEAST_WORDS and share_of_words(one.sentence, other.sentence) > _COPY


def _statement(group: Sequence[_Telling]) -> Statement:
    cited = tuple(cite(t.sentence.article, t.sentence.start, t.sentence.end) for t in group)
    return Statement(cited[0].quote, max(telling.support for telling in group), cited)


def _lead(groups: Sequence[Sequence[_Telling]], *, more: bool) -> str:
    """ "Two independent sources in the articles found: Sample Wire (retold by Sample Post); Sample Gazette." """
    stated = [group for group in groups if group[0].origin]
    unstated = len(groups) - len(stated)
    without = f"{_written(unstated)} article{'s' if unstated > 1 else ''} whose source is not stated"
    if not stated:
        return f"No source is stated: {without} in the articles found."
    number = f"{'at least ' if more else ''}{_written(len(stated))}"
    number = f"{number[0].upper()}{number[1:]} independent source{'s' if len(stated) > 1 else ''} in the articles found"
    return f"{number}: {'; '.join(map(_named, stated))}{f'; and {without}' if unstated else ''}."


def _named(group: Sequence[_Telling]) -> str:
    """A source and who retells it: "Sample Wire (retold by Sample Post)"."""
    origin = group[0].origin or ""
    others = list(dict.fromkeys(t.publisher for t in group if t.publisher and not is_same(t.publisher, origin)))
    return f"{origin} (retold by {', '.join(others)})" if others else origin


def _written(number: int) -> str:
    return _NUMBERS[number] if number < len(_NUMBERS) else str(number)
