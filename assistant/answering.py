"""From passages to an answer: the sentences of the passages are scored, the best become statements, or the question is declined.

Every statement is verbatim: one or more whole sentences of an article, sliced by its citation. Nothing is written here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from itertools import pairwise

from assistant.chunking import trimmed
from assistant.citing import cite
from assistant.conversation import Before, weighs_two
from assistant.evidence import Candidate, Evidence, Support
from assistant.gloss import read_in, reader
from assistant.models import Encoder, Page
from assistant.quoting import Sentence, pieces_of, with_antecedent, with_correction
from assistant.sameness import says_the_same
from assistant.schema import Article, Citation, Nearest, Outcome, Passage, Statement
from assistant.settings import Settings

_NOTHING = Before()
_SAME_ARTICLE = 1.0  # log odds; all 13 follow-ups of the fit split are answered by an article of the turn before
_TOO_SHORT = 20  # characters; a shorter sentence, "He denies it.", may stand in any article
_NEAREST = 3  # articles offered with a decline
_FURTHER = 0.5  # a further statement has at least this share of the best one's probability
_FURTHER_OF_TWO = 0.3  # the same where a question weighs two things, so that its answer has two halves


@dataclass(frozen=True, slots=True)
class Decision:
    """What to say: ``statements`` is empty unless ``outcome`` is "answer". ``confidence`` is the best sentence's probability.

    ``lead`` is said before the statements in words of the assistant's own, and ``note`` what they rest on; "" for most questions.
    """

    outcome: Outcome
    reason: str
    confidence: float
    statements: tuple[Statement, ...]
    nearest: tuple[Nearest, ...]
    lead: str = ""
    note: str = ""


def decide(
    question: str,
    passages: Sequence[Passage],
    *,
    encoder: Encoder,
    evidence: Evidence,
    settings: Settings,
    earlier: Before = _NOTHING,
    sharing: int = 1,
) -> Decision:
    """Score the sentences of the passages and decide between an answer, the nearest articles and a plain decline.

    The articles that the turn before was answered from, where the question goes on from it, are likelier to answer this one, too;
    the confidence counts that in. ``sharing`` is how many questions, asked in one, share the time of one.
    """
    found = candidates(passages, earlier.unwanted)
    nearest = nearest_articles(passages)
    if not found:
        return Decision("decline", "The passages found hold no sentence that could answer it.", 0.0, (), nearest)
    supports = evidence.score(question, [candidate for _, candidate in found], encoder, sharing=sharing)
    if earlier.answer:
        supports = [
            support.raised(_SAME_ARTICLE) if _is_quoted(sentence.article, earlier.answer) else support
            for (sentence, _), support in zip(found, supports, strict=True)
        ]
    ranked = sorted(
        zip([sentence for sentence, _ in found], supports, strict=True),
        key=lambda pair: (-pair[1].probability, pair[0].article.id, pair[0].start),
    )
    best = ranked[0][1]
    answer_at = answers_from(evidence, settings)
    nearest_at = evidence.nearest_threshold if settings.nearest_threshold is None else settings.nearest_threshold
    if best.probability >= answer_at:
        further = _FURTHER_OF_TWO if weighs_two(question) else _FURTHER
        kept = [pair for pair in ranked if pair[1].probability >= further * best.probability]
        statements = _statements(question, kept, limit=settings.statements)
        return Decision("answer", "The quoted sentences answer the question.", best.probability, statements, nearest)
    outcome: Outcome = "nearest" if best.probability >= nearest_at else "decline"
    return Decision(outcome, _why_not(best, ranked[0][0].article, nearest), best.probability, (), nearest)


def answers_from(evidence: Evidence, settings: Settings) -> float:
    """The probability from which on a sentence is an answer: the fitted one, unless the settings name another."""
    return evidence.answer_threshold if settings.answer_threshold is None else settings.answer_threshold


def join(decisions: Sequence[Decision], settings: Settings) -> Decision | None:
    """One answer to questions asked together: the best statement of each, then the next best. None unless each is answered.

    Its confidence is the least of theirs.
    """
    if any(decision.outcome != "answer" for decision in decisions):
        return None
    chosen: list[Statement] = []
    for decision in decisions:
        for new in decision.statements:
            if _put(new, chosen):
                break
    others = sorted((new for decision in decisions for new in decision.statements), key=lambda new: -new.support)
    for new in others:
        if len(chosen) < settings.statements:
            _put(new, chosen)
    least = min(decisions, key=lambda decision: decision.confidence)
    return replace(least, statements=tuple(chosen), nearest=decisions[0].nearest)


def candidates(passages: Sequence[Passage], said: str = "") -> list[tuple[Sentence, Candidate]]:
    """The sentences of the passages, best passage first, with what is needed to judge them. Headings say nothing.

    Those that stand in ``said`` are left out, unless they were quoted for the sake of the next one only.
    """
    found: list[tuple[Sentence, Candidate]] = []
    for passage in passages:
        article = passage.article
        read = reader(article.text, article.language)(article.text)
        text = read if read == article.text else f"{read}\n{article.text}"  # a name may stand in it as it is asked for
        page, sentences = _page(passage)
        said_for_next = [_said_for(one, other, said) for (_, one), (_, other) in pairwise(sentences)]
        for number, (before, sentence) in enumerate(sentences):
            candidate = Candidate(
                text=page.text[slice(*page.sentences[number])],
                title=page.title,
                before=before,
                article=f"{_written(article.published)}\n{text}",
                language=read_in(article.language),
                page=page,
                number=number,
            )
            if sentence.text not in said or any(said_for_next[number : number + 1]):
                found.append((sentence, candidate))
    return found


def _said_for(one: Sentence, following: Sentence, said: str) -> bool:
    """Whether a sentence stands in what was said because the one behind it leans on it."""
    together = one.article.text[one.start : following.end]
    return bool(said) and together in said and with_antecedent(following, "").start <= one.start


def _page(passage: Passage) -> tuple[Page, list[tuple[str, Sentence]]]:
    """The passage as the ranker reads it, and its sentences, each with what is read before it in the article."""
    article, start = passage.article, passage.chunk.start
    read = reader(article.text, article.language)
    pieces, end, text = pieces_of(article), start, ""
    found: list[tuple[str, Sentence]] = []
    places: list[tuple[int, int]] = []
    for before, span in zip((None, *pieces), pieces, strict=False):
        first, last = trimmed(article.text, span)
        if span.kind == "sentence" and start <= span.start < passage.chunk.end and first < last:
            earlier = article.text[before.start : before.end].strip() if before else ""
            found.append((read(earlier), Sentence(article, first, last)))
            text += read(article.text[end:first])
            begun = len(text)
            text, end = text + read(article.text[first:last]), last
            places.append((begun, len(text)))
    text += read(article.text[end : passage.chunk.end])
    return Page(read(article.title), text, tuple(places)), found


def _written(day: date | None) -> str:
    return f"{day.day} {day:%B} {day.year}" if day else ""


def _statements(question: str, ranked: Sequence[tuple[Sentence, Support]], limit: int) -> tuple[Statement, ...]:
    """The best sentences as statements, best first; one that repeats an earlier one is left out.

    A sentence that says "he" or "this" is quoted with what stands before it, and what an outlet takes back with what it puts in
    its place, unless that is quoted already.
    """
    chosen: list[tuple[Sentence, Sentence, Statement]] = []  # what was judged, what is quoted, the statement
    for sentence, support in ranked:
        if len(chosen) == limit:
            break
        if any(says_the_same(sentence, judged) or _is_shown(sentence, quoted) for judged, quoted, _ in chosen):
            continue
        wanted = with_correction(with_antecedent(sentence, question))
        quoted = _beside(wanted, sentence, [earlier for _, earlier, _ in chosen])
        citation = cite(quoted.article, quoted.start, quoted.end)
        chosen.append((sentence, quoted, Statement(citation.quote, support.probability, (citation,))))
    return tuple(statement for _, _, statement in chosen)


def _is_shown(sentence: Sentence, quoted: Sentence) -> bool:
    """Whether a quote has the sentence in it, or, from another article, the same words."""
    said_there = len(sentence.text) > _TOO_SHORT and sentence.text in quoted.text
    return said_there or _overlap(_place(sentence), _place(quoted))


def _beside(wanted: Sentence, judged: Sentence, quoted: Sequence[Sentence]) -> Sentence:
    """As much of what is ``wanted`` around the sentence that was ``judged`` as is not quoted already."""
    mine = [one for one in quoted if one.article.id == judged.article.id]
    start = max([wanted.start, *(one.end for one in mine if one.end <= judged.start)])
    end = min([wanted.end, *(one.start for one in mine if one.start >= judged.end)])
    text = judged.article.text[start:end]
    return Sentence(judged.article, start + len(text) - len(text.lstrip()), end - len(text) + len(text.rstrip()))


def _put(new: Statement, chosen: list[Statement]) -> bool:
    """Add a statement to those chosen, or in the place of one that it has in it; False where one of them has it in it."""
    if any(_lies_in(new, old) for old in chosen):
        return False
    inside = [place for place, old in enumerate(chosen) if _lies_in(old, new)]
    if inside:
        chosen[inside[0]] = new
        for place in reversed(inside[1:]):
            del chosen[place]
    else:
        chosen.append(new)
    return True


def _lies_in(one: Statement, other: Statement) -> bool:
    """Whether every citation of one statement is, whole, within one of the other's."""
    places = [_place(citation) for citation in other.citations]
    return all(
        any(mine[0] == place[0] and place[1] <= mine[1] and mine[2] <= place[2] for place in places)
        for mine in map(_place, one.citations)
    )


@lru_cache(maxsize=256)
def _is_quoted(article: Article, answer: str) -> bool:
    """Whether a sentence of the article stands in an answer."""
    text = article.text
    pieces = (text[slice(*trimmed(text, span))] for span in pieces_of(article))
    return any(len(piece) > _TOO_SHORT and piece in answer for piece in pieces)


def _place(cited: Sentence | Citation) -> tuple[str, int, int]:
    return (cited.article.id if isinstance(cited, Sentence) else cited.article_id), cited.start, cited.end


def _overlap(one: tuple[str, int, int], other: tuple[str, int, int]) -> bool:
    return one[0] == other[0] and one[1] < other[2] and other[1] < one[2]


def nearest_articles(passages: Sequence[Passage]) -> tuple[Nearest, ...]:
    """The articles of the best passages, each once, best first."""
    articles = {passage.article.id: passage.article for passage in passages}
    return tuple(
        Nearest(article.id, article.title, article.source, article.published)
        for article in list(articles.values())[:_NEAREST]
    )


def _why_not(best: Support, article: Article, nearest: Sequence[Nearest]) -> str:
    if best.missing:
        first = nearest[0].article_id == article.id
        return f"{'The nearest article' if first else f'“{article.title}”'} does not mention {_joined(best.missing)}."
    return "No sentence found answers it clearly enough."


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
