"""Other people's question sets, as articles and questions of ours, asked in a data folder that is gone afterwards.

Halves are those of fitting: by hash of the topic, one to fit on, the other to report on. Nothing of a set is kept.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from assistant import Assistant, BadInput
from evals.fit.data import SEED, half_of
from evals.gold import Articles
from evals.layouts import HINT, Asked, Read, Row, read_beir, read_shared, read_squad, slug
from evals.run import Case, Progress, own_settings, run
from evals.schema import Question, SourceFile, stored_text
from evals.score import says

Half = Literal["fit", "report"]
_AS_THEY_ARE: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True)
class QuestionSet:
    """Somebody's question set, or a half of it: ``articles`` are JSON lines of ours, ``questions`` have their gold in them.

    The text of an article is as the set gives it; the positions of the gold count in the text as it is stored. ``note`` says what
    the gold is and how many questions were left out because none was found for them.
    """

    name: str
    licence: str
    articles: tuple[Row, ...]
    questions: tuple[Question, ...]
    note: str

    @cached_property
    def sources(self) -> dict[str, SourceFile]:
        """Every article as it must be stored and cited, by its id."""
        return {article["id"]: _source_file(article) for article in self.articles}


def load(path: Path, *, half: Half | None = None, cap: int | None = None) -> QuestionSet:
    """The set in a folder or file of any of the three layouts. Raises BadInput, also for a path that is of none of them.

    ``half``: only the articles and questions of the topics that are fitted on, or reported on. ``cap``: at most so many
    answerable and so many unanswerable questions, the same ones every time, spread over the topics.
    """
    if not path.exists():
        raise BadInput(f"there is no {path}", hint=HINT)
    if path.is_file():
        return load_squad(path, half=half, cap=cap)
    reader = load_beir if (path / "corpus.jsonl").is_file() else load_shared
    return reader(path, half=half, cap=cap)


def load_shared(folder: Path, *, half: Half | None = None, cap: int | None = None) -> QuestionSet:
    """The set in a folder of ``corpus.jsonl.gz`` and ``questions.jsonl.gz``; the rest as in ``load``."""
    return _part(read_shared(folder), half, cap)


def load_beir(folder: Path, *, half: Half | None = None, cap: int | None = None) -> QuestionSet:
    """The set in a BEIR folder, its corpus whole whatever the half; the rest as in ``load``."""
    return _part(read_beir(folder), half, cap)


def load_squad(file: Path, *, half: Half | None = None, cap: int | None = None) -> QuestionSet:
    """The set in a SQuAD 1.1 or 2.0 file; the rest as in ``load``."""
    return _part(read_squad(file), half, cap)


def run_set(
    question_set: QuestionSet, *, on_progress: Progress, settings: Mapping[str, object] = _AS_THEY_ARE
) -> list[Case]:
    """The cases of all questions, asked in a temporary data folder under these settings; their split is called ``dev``.

    Raises BadInput where an article of the set cannot be added.
    """
    with (
        tempfile.TemporaryDirectory() as scratch,
        Assistant(own_settings(Path(scratch, "home"), **settings)) as assistant,
    ):
        add_articles(assistant, question_set, on_progress=on_progress)
        assistant.warm_up()
        return run(
            assistant,
            [(question, "dev") for question in question_set.questions],
            Path(scratch, "run"),
            sources=question_set.sources,
            hostile={},
            on_progress=on_progress,
            workers=os.cpu_count() or 1,
        )


def add_articles(assistant: Assistant, question_set: QuestionSet, *, on_progress: Progress) -> None:
    """Add the articles of a set as one file of JSON lines. Raises BadInput where one of them is refused."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "articles.jsonl")
        file.write_text("".join(f"{json.dumps(article)}\n" for article in question_set.articles), encoding="utf-8")
        report = assistant.add([file], on_progress=on_progress)
    if report.failed:
        failure = report.failed[0]
        raise BadInput(f"{question_set.name}: {failure.where}: {failure.reason}", hint=failure.hint)


def _part(read: Read, half: Half | None, cap: int | None) -> QuestionSet:
    """One half of a set, or all of it, its questions sampled. A text that is asked in both halves is for fitting only."""
    articles, topics = read.articles, read.topics
    ids = dict(zip(read.asked, _unique([one.id for one in read.asked]), strict=True))
    asked = list(read.asked)
    if half:
        fitted = {one.text.lower() for one in asked if half == "report" and half_of(one.topic) == "fit"}
        asked = [one for one in asked if half_of(one.topic) == half and one.text.lower() not in fitted]
        articles = [a for a in articles if topics is None or half_of(topics[a["id"]]) == half]
    texts = Articles({article["id"]: article["text"] for article in articles})
    questions, left_out = list[Question](), 0
    for side in (True, False):
        taken = 0
        for one in _spread([one for one in asked if one.answerable is side]):
            if taken == cap:
                break
            question = _question(one, ids[one], texts)
            questions += [question] if question else []
            taken, left_out = taken + bool(question), left_out + (question is None)
    note = read.note + (f" {left_out} questions were left out: no gold was found for them." if left_out else "")
    return QuestionSet(read.name, read.licence, tuple(articles), tuple(questions), note)


def _spread(asked: Sequence[Asked]) -> list[Asked]:
    """The questions in an order whose every beginning takes about as many from each topic; the same every time."""
    groups: dict[str, list[Asked]] = {}
    for one in random.Random(SEED).sample(asked, len(asked)):
        groups.setdefault(one.topic, []).append(one)
    turns = [(turn, one) for group in groups.values() for turn, one in enumerate(group)]
    return [one for _, one in sorted(turns, key=lambda pair: pair[0])]


def _question(asked: Asked, id_: str, texts: Articles) -> Question | None:
    """The question with its gold; None where it says nothing, or is answerable and none of its gold is found."""
    spans = tuple(dict.fromkeys(span for gold in asked.gold for span in texts.spans(gold)))
    text = " ".join(asked.text.split())
    if len(text) < 3 or asked.answerable != bool(spans):
        return None
    story = asked.topic or "untitled"
    if not asked.answerable:
        why = "The set says that its articles do not answer it."
        return Question(
            id=id_, story=story, kind="absent-fact", question=text, answerable=False, why_not=why, nearest=asked.near
        )
    quotes = tuple(dict.fromkeys(span.quote for span in spans))
    answers = tuple(dict.fromkeys(filter(None, (" ".join(answer.split()) for answer in asked.answers))))
    if not any(says(quote, answer) for quote in quotes for answer in answers):
        answers += quotes  # answers in free text, or none: to show the gold is to say it
    return Question(
        id=id_, story=story, kind="fact", question=text, answerable=True, evidence=(spans,), points=(answers,)
    )


def _source_file(article: Row) -> SourceFile:
    source = " ".join(stored_text(article["source"] or "").split())
    front = {"source": source or None, "published": (article["date"] or "")[:10] or None}
    return SourceFile(stored_text(article["text"]), front)


def _unique(ids: Sequence[str]) -> list[str]:
    """The ids in the letters that ours are made of, each used once."""
    seen, found = Counter[str](), list[str]()
    for id_ in map(slug, ids):
        seen[id_] += 1
        found.append(id_ if seen[id_] == 1 else f"{id_}-again-{seen[id_]}")
    return found
