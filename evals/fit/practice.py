"""The fit stories of ``evals/practice`` as a set to train on: rows like those of other people's sets.

Left out are questions with limits of date, which a passage read alone cannot keep, and those that quote. "How many sources report
that …?" is read as the claim, "Is it reported that …?"; a follow-up is read as it is understood after its turns; other languages
are read as the product reads them, by their gloss.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from assistant import Filters
from assistant.conversation import standalone
from assistant.gloss import in_english, reader
from assistant.sources import read_claim
from assistant.words import guess_language, read_known, read_question
from evals.fit.data import cut_sentences
from evals.schema import PRACTICE, Question, SourceFile, named_files, read_questions, read_sources, select, splits_of


def read_practice() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The articles and the questions; ``answers`` and ``evidence`` are the gold sentences."""
    files, sources = named_files([PRACTICE]), read_sources(PRACTICE / "articles")
    asked = select(read_questions(files), ["fit"], splits_of(files))
    stories = {question.story for question in asked}
    mine = {name: source for name, source in sources.items() if source.field("story") in stories}
    articles = [
        {"id": name, "title": read(source.field("title") or ""), "text": read(source.text)}
        for name, source in mine.items()
        for read in [_reader(source)]
    ]
    rows = [
        _row(question, mine) for question in asked if question.filters == Filters() and question.kind != "quote-source"
    ]
    return articles, rows


def _row(question: Question, sources: dict[str, SourceFile]) -> dict[str, Any]:
    spans = [span for piece in question.evidence for span in piece]
    quoted = [(span.quote, _reader(sources[span.article])) for span in spans]
    sentences = [read(quote[start:end].strip()) for quote, read in quoted for start, end in cut_sentences(quote)]
    understood = standalone(question.question, question.earlier)
    near = spans[0].article if spans else _nearest(understood, question.story, sources)
    claim = read_claim(understood)
    return {
        "id": question.id,
        "question": f"Is it reported that {claim}?" if claim else in_english(understood),
        "language": guess_language(understood),
        "answerable": question.answerable,
        "gold_ids": list(dict.fromkeys(span.article for span in spans)),
        "near_miss_ids": [near],
        "evidence": sentences,
        "answers": sentences,
    }


def _reader(source: SourceFile) -> Callable[[str], str]:
    return reader(source.text, source.field("language") or "en")


def _nearest(question: str, story: str, sources: dict[str, SourceFile]) -> str:
    """The article of the story that has most words of the question."""
    content = read_question(question, "en").content

    def shared(name: str) -> int:
        known = read_known(f"{sources[name].field('title')}\n{sources[name].text}", "en").stems
        return sum(word.stem in known for word in content)

    return max((name for name, source in sources.items() if source.field("story") == story), key=shared)
