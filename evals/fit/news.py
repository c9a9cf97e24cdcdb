"""The project's own questions as a set to fit on: the passages that the product finds in ``corpus/``, sentence by sentence.

The fitting half is the fit split, the reporting half the dev split; held questions are not read. Questions that quote are left
out: the quoted words decide them, not the evidence.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from rich.progress import track

from assistant import Assistant
from assistant.answering import candidates
from assistant.conversation import before, standalone
from assistant.evidence import FEATURES, compare
from assistant.models import Ranker, SentenceEncoder
from assistant.quoting import Sentence
from assistant.settings import Settings
from assistant.spelling import search_respelled
from evals.fit.data import Key, Question
from evals.schema import CORPUS, Split, question_files, read_questions, read_splits, select
from evals.schema import Question as Asked
from evals.score import covers

NAME, LICENCE = "evals/questions", "MIT, this project's own"
SPLIT: dict[str, Split] = {"fit": "fit", "kept out": "fit", "report": "dev"}


def measure_news(half: str, settings: Settings, encoder: SentenceEncoder, ranker: Ranker | None) -> list[Question]:
    """The questions of a half with one row of features per judged sentence."""
    asked = select(read_questions(question_files()), [SPLIT[half]], read_splits())
    with tempfile.TemporaryDirectory() as home:
        opened = settings.model_copy(update={"home": Path(home), "chroma_url": None})
        with Assistant(opened, encoder=encoder) as assistant:
            assistant.sync(CORPUS)
            return [
                _measure(assistant, question, encoder, ranker)
                for question in track(asked, NAME)
                if question.kind != "quote-source"
            ]


def _measure(assistant: Assistant, asked: Asked, encoder: SentenceEncoder, ranker: Ranker | None) -> Question:
    understood = standalone(asked.question, asked.earlier)
    text, passages = search_respelled(understood, partial(assistant.retrieve, filters=asked.filters))
    found = candidates(passages, before(asked.question, asked.earlier, understood).unwanted)
    judged = compare(text, [candidate for _, candidate in found], encoder, ranker)
    names = FEATURES["with ranker" if ranker else "without ranker"]
    keys = tuple((sentence.article.id, sentence.start) for sentence, _ in found)
    question = Question(
        id=asked.id,
        text=text,
        source=NAME,
        kind="plain",
        topic=asked.story,
        answerable=asked.answerable,
        near=min(asked.gold_articles, default=""),
        gold=_gold(asked, [sentence for sentence, _ in found]),
    )
    rows = np.array([[row[name] for name in names] for row in judged.values()]).reshape(-1, len(names))
    return replace(question, keys=tuple(keys[i] for i in judged), features=rows)


def _gold(asked: Asked, sentences: Sequence[Sentence]) -> frozenset[Key]:
    """The sentences that hold a piece of the evidence."""
    spans = [span for piece in asked.evidence for span in piece]
    return frozenset(
        (sentence.article.id, sentence.start)
        for sentence in sentences
        if any(covers(sentence.article.id, sentence.start, sentence.end, span) for span in spans)
    )
