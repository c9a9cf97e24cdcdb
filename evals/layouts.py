"""Other people's question sets as they lie on disk, read and not yet sampled. Reads; never fetches, never writes.

Three layouts: a folder with ``corpus.jsonl.gz`` and ``questions.jsonl.gz``, the one that fitting reads (``evals/fit/data.py``); a
BEIR folder (Thakur et al. 2021); a SQuAD 1.1 or 2.0 file (Rajpurkar et al. 2016, 2018).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant import BadInput
from evals.fit.data import SOURCES, Source, join_tokens, near_article, read_lines, topic_of
from evals.fit.data import slug as slug  # evals.sets takes it from here
from evals.gold import Gold

Row = Mapping[str, Any]

KNOWN: Mapping[str, Source] = {
    source.folder: source
    for source in (
        *SOURCES,
        Source("timeqa_human", "BSD-3-Clause", 200, tokenised=True),
        Source("ramdocs", "MIT", 200),
    )
}
HINT = "Name a folder with corpus.jsonl.gz and questions.jsonl.gz, a BEIR folder, or a SQuAD .json file."

_UNKNOWN = "not stated"
_IN_VIEW = "many questions were written with the paragraph in view and name nothing"
_NOTES = {
    "squad2_dev_part": f"Paragraphs; {_IN_VIEW}. The unanswerable ones are near misses written to fool.",
    "clapnq_dev": "Answers are free text: whoever shows a gold sentence is taken to say it.",
    "selqa": "No answer strings: whoever shows the gold sentence is taken to say it.",
    "squadshifts": f"Paragraphs; {_IN_VIEW}. Untitled ones are split by id: no claim about topics there.",
    "timeqa_human": "Gold is every sentence with the answer; whether it speaks of the asked time is not known.",
    "ramdocs": "Gold are the sentences with a right answer in the documents that support one; others contradict them.",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as its set gives it. ``topic`` is what the halves are split by, ``near`` the article that comes nearest."""

    id: str
    text: str
    topic: str
    answerable: bool
    gold: tuple[Gold, ...]
    answers: tuple[str, ...] = ()
    near: str | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """A whole set. ``articles`` are JSON lines of ours; ``topics`` says the topic of each, None where there are no topics."""

    name: str
    licence: str
    articles: Sequence[Row]
    topics: Mapping[str, str] | None
    asked: Sequence[Asked]
    note: str


def read_shared(folder: Path) -> Read:
    """The set in a folder of ``corpus.jsonl.gz`` and ``questions.jsonl.gz``. Raises BadInput.

    Gold are the marked spans, else the sentences of the gold articles with an evidence string, else those with an answer.
    """
    _need(folder, "corpus.jsonl.gz", "questions.jsonl.gz")
    source = KNOWN.get(folder.name, Source(folder.name, _UNKNOWN, 0))
    clean: Callable[[str], str] = join_tokens if source.tokenised else str
    with _layout(folder):
        articles, rows = read_lines(folder / "corpus.jsonl.gz"), read_lines(folder / "questions.jsonl.gz")
        by_question = {row["id"]: row["question"] for row in rows}
        topics = {
            a["id"]: by_question[a["question_id"]] if "question_id" in a else topic_of(source, a) for a in articles
        }
        asked = [_shared_question(row, topics, clean, folder.name) for row in rows]
        kept = [_article(a, title=a["title"].replace("_", " "), text=clean(a["text"])) for a in articles]
    return Read(folder.name, source.licence, kept, topics, asked, _NOTES.get(folder.name, ""))


def _shared_question(row: Row, topics: Mapping[str, str], clean: Callable[[str], str], name: str) -> Asked:
    answers = tuple(clean(answer) for answer in row["answers"])
    if row.get("spans"):
        gold = [Gold(article, range=(start, end)) for article, start, end in row["spans"]]
    else:
        words = [clean(text) for text in row.get("evidence", ())] or answers
        gold = [Gold(article, words=text) for article in row["gold_ids"] for text in words]
    nearest = [*row["gold_ids"], *row.get("near_miss_ids", ())]
    for article in (*nearest, *(one.article for one in gold)):
        _known(article, topics, row["id"], name)
    near = near_article({"gold_ids": nearest}) if nearest else None
    topic = row["question"] if near is None else topics[near]
    return Asked(row["id"], row["question"], topic, row["answerable"], tuple(gold), answers, near)


def read_beir(folder: Path, *, licence: str = _UNKNOWN) -> Read:
    """The set in a BEIR folder: ``corpus.jsonl``, ``queries.jsonl`` and every ``qrels/*.tsv``. Raises BadInput.

    Gold are whole documents: any sentence of one that was judged relevant (score above 0) will do. There are no topics: the
    queries are split by their text. Queries without a relevant document and documents without text are left out.
    """
    _need(folder, "corpus.jsonl", "queries.jsonl", "qrels")
    gold: dict[str, dict[str, Gold]] = {}
    with _layout(folder):
        documents = {row["_id"]: row for row in _json_lines(folder / "corpus.jsonl")}
        queries = {row["_id"]: row["text"] for row in _json_lines(folder / "queries.jsonl")}
        for file in sorted((folder / "qrels").glob("*.tsv")):
            for line in file.read_text(encoding="utf-8").splitlines()[1:]:
                query, document, score = line.split("\t")
                _known(document, documents, query, folder.name)
                if int(score) > 0 and documents[document]["text"].strip():
                    gold.setdefault(query, {})[document] = Gold(document)
        asked = [
            Asked(key, text, text, True, tuple(gold[key].values())) for key, text in queries.items() if key in gold
        ]
        articles = [_article(row, id=key) for key, row in documents.items() if row["text"].strip()]
    note = "Gold are whole documents; every query has one. Split by query: the articles are the same in both halves."
    return Read(folder.name, licence, articles, None, asked, note)


def read_squad(file: Path, *, licence: str = _UNKNOWN) -> Read:
    """The set in a SQuAD 1.1 or 2.0 file, a paragraph an article; gold are the answer spans. Raises BadInput."""
    if not file.is_file():
        raise BadInput(f"there is no file {file}", hint=HINT)
    articles, topics, asked = list[Row](), dict[str, str](), list[Asked]()
    with _layout(file):
        for number, group in enumerate(json.loads(file.read_text(encoding="utf-8"))["data"]):
            title = group["title"]
            for place, paragraph in enumerate(group["paragraphs"]):
                key = f"{slug(title)}-{number}-{place}"
                topics[key] = title
                articles.append(_article({}, id=key, title=title.replace("_", " "), text=paragraph["context"]))
                asked += [_squad_question(row, key, title) for row in paragraph["qas"]]
    return Read(file.stem, licence, articles, topics, asked, f"Paragraphs; {_IN_VIEW}.")


def _squad_question(row: Row, article: str, topic: str) -> Asked:
    answers = [] if row.get("is_impossible") else row["answers"]
    ranges = dict.fromkeys((a["answer_start"], a["answer_start"] + len(a["text"])) for a in answers)
    gold = tuple(Gold(article, range=found) for found in ranges)
    texts = tuple(answer["text"] for answer in answers)
    return Asked(row["id"], row["question"], topic, bool(answers), gold, texts, article)


def _article(row: Row, **given: str) -> Row:
    """A JSON line of ours: ``given`` before what the row has."""
    return {name: given.get(name, row.get(name)) for name in ("id", "title", "date", "source", "url", "text")}


def _json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


def _need(folder: Path, *names: str) -> None:
    if not folder.is_dir():
        raise BadInput(f"there is no folder {folder}", hint=HINT)
    if missing := [name for name in names if not (folder / name).exists()]:
        raise BadInput(f"{folder} has no {missing[0]}", hint=HINT)


def _known(article: str, known: Container[str], question: str, name: str) -> None:
    if article not in known:
        message = f"{name}: the question {question} names the article {article}, which is not in the corpus"
        raise BadInput(message, hint="Take the corpus and the questions from the same release.")


@contextmanager
def _layout(path: Path) -> Iterator[None]:
    """A field that is missing or of another type, or bytes of another kind, mean another layout."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError, OSError, EOFError) as error:
        raise BadInput(f"{path} is of another layout than its name says: {error!r}", hint=HINT) from error
