"""Given an excerpt, name outlet, date and article: questions made from the corpus itself, and misquotes that must be declined.

Excerpts are 8 to 30 running words of one paragraph that stand in no other article. Half of the misquotes are excerpts with one
number or name changed, half come from a text that is not in the corpus. Deterministic: the same corpus gives the same questions.
"""

from __future__ import annotations

import random
import re
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path

from assistant import BadInput
from evals.schema import CORPUS, Question, SourceFile, Span, read_sources
from evals.score import says, written_date

EXCERPTS, MISQUOTES, SEED = 200, 50, 1
_DRAWS = 50  # tries per article
ELSEWHERE = CORPUS.parent / "tests" / "data" / "2024-10-25-newspaper-report.txt"

_FORMS = (
    "Which outlet published “{}”, and when?",
    "“{}” – where does this come from?",
    "In which article and on what date did these words appear: “{}”",
    "Who reported that “{}”?",
    "Please find the source and date of this passage: “{}”",
)
_WORD = re.compile(r"\S+")
_CHANGEABLE = re.compile(r"(?<=\s)(?:\d[\d,.]*\d|\d|[A-Z][a-zà-ÿ]{3,})(?=[\s,.;])")


def excerpt_questions(folder: Path = CORPUS) -> list[Question]:
    """EXCERPTS answerable questions and MISQUOTES that are not, as ``evals.run`` asks them."""
    sources, rng = read_sources(folder), random.Random(SEED)
    excerpts = list(_excerpts(sources, rng, EXCERPTS))
    asked = [_asked(number, article, span, sources[article], rng) for number, (article, span) in enumerate(excerpts)]
    missing = [*_changed(sources, rng, MISQUOTES // 2), *_elsewhere(sources, rng, MISQUOTES - MISQUOTES // 2)]
    stories = [sources[article].field("story") or "" for article, _ in excerpts]
    return asked + [
        Question(
            id=f"misquote-{number:03}",
            story=rng.choice(stories),
            kind="absent-fact",
            question=rng.choice(_FORMS).format(excerpt),
            answerable=False,
            why_not="No article has these words.",
        )
        for number, excerpt in enumerate(missing)
    ]


def _asked(number: int, article: str, span: Span, source: SourceFile, rng: random.Random) -> Question:
    stated = (source.field("source"), written_date(source.field("published")))
    return Question(
        id=f"excerpt-{number:03}",
        story=source.field("story") or "",
        kind="quote-source",
        question=rng.choice(_FORMS).format(span.quote),
        answerable=True,
        evidence=((span,),),
        points=tuple((part,) for part in stated if part) or ((span.quote,),),
    )


def _excerpts(sources: Mapping[str, SourceFile], rng: random.Random, count: int) -> Iterator[tuple[str, Span]]:
    """Different excerpts, each of one article only, articles drawn evenly.

    Raises BadInput where there are not so many: articles may be copies of others, or without a paragraph to draw from.
    """
    seen: set[str] = set()
    articles = deque(sorted(sources))
    failed = 0
    while len(seen) < count:
        article = articles[0]
        span = _draw(article, sources[article].text, rng)
        alone = span is not None and sum(says(source.text, span.quote) for source in sources.values()) == 1
        if span is not None and alone and span.quote not in seen:
            seen.add(span.quote)
            yield article, span
            articles.rotate(-1)
            failed = 0
            continue
        failed += 1
        if failed % _DRAWS == 0:
            articles.rotate(-1)
        if failed == _DRAWS * len(articles):
            raise BadInput(
                f"only {len(seen)} excerpts stand in one article only", hint="Ask for fewer, or add articles."
            )


def _draw(article: str, text: str, rng: random.Random) -> Span | None:
    """A run of 8 to 30 words of a random paragraph; None where the draw fell on a heading, a list or a quotation."""
    lines = [match for match in re.finditer(r"[^\n]+", text) if len(match.group().split()) >= 12]
    if not lines:
        return None
    line = rng.choice(lines)
    words = list(_WORD.finditer(line.group()))
    length = rng.randint(8, min(30, len(words)))
    first = rng.randrange(len(words) - length + 1)
    start, end = words[first].start(), words[first + length - 1].end()
    quote = line.group()[start:end]
    if line.group().lstrip()[0] in "#>-*" or re.search(r"[“”\"„«»*_]", quote) or not re.match(r"\w", quote):
        return None
    return Span(article=article, quote=quote, start=line.start() + start, end=line.start() + end)


def _changed(sources: Mapping[str, SourceFile], rng: random.Random, count: int) -> list[str]:
    """Excerpts with one number or name replaced by one of another excerpt, so that no article has them."""
    drawn = [span.quote for _, span in _excerpts(sources, rng, 8 * count)]
    pool = sorted({found for quote in drawn for found in _CHANGEABLE.findall(quote)})
    changed: list[str] = []
    for quote in drawn:
        place = next(_CHANGEABLE.finditer(quote), None)
        if place is None or len(changed) == count:
            continue
        alike = [other for other in pool if other[0].isdigit() == place.group()[0].isdigit() and other != place.group()]
        misquote = quote[: place.start()] + rng.choice(alike) + quote[place.end() :]
        if not any(says(source.text, misquote) for source in sources.values()):
            changed.append(misquote)
    return changed


def _elsewhere(sources: Mapping[str, SourceFile], rng: random.Random, count: int) -> list[str]:
    """Excerpts of a text that is not in the corpus."""
    text = ELSEWHERE.read_text(encoding="utf-8")
    found: list[str] = []
    while len(found) < count:
        span = _draw(ELSEWHERE.name, text, rng)
        known = span is None or span.quote in found or any(says(source.text, span.quote) for source in sources.values())
        if span is not None and not known:
            found.append(span.quote)
    return found
