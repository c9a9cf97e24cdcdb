"""How long an answer takes: p50 and p95 of the English dev questions, warm, as in a chat, in folders of three sizes.

    python -m evals.bench.ask [--work .bench] [--articles 20000] [--questions 100] [--only 1000 250000-ingest …]

Each size is asked with and without the ranker, question by question in turn, alone and beside an ingest: a thread of the same
process that embeds freshly added articles, as a chat does. At 20,000 passages the LlamaIndex starter retrieves for the same
questions, over the same passages with the same vectors, in the same turn. The folder of 250,000 passages holds real vectors and
jittered copies of them (``building.py``); it is built once, which is resumable and long. Each part is kept in ``ask.json`` as it
ends; ``ask.md`` is the table. Parts of an answer are medians: full text, the dense search with the question's own encoding, and
reading the passages for the answer.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from assistant import Answer, Assistant, Filters
from assistant.models import Encoder
from assistant.store import quiet
from evals.bench import results
from evals.bench.building import Builder, Stage, texts_of
from evals.bench.corpus import ARTICLES, corpus_file
from evals.bench.measuring import Enough, Progress, Stopwatch, apart, percentile, saying
from evals.bench.results import Row
from evals.run import own_settings
from evals.schema import HERE, Question, question_files, read_questions, read_splits, select
from evals.tables import replace_between

WORK = HERE.parent / ".bench"
STAGES, STARTER_AT, QUESTIONS = (1_000, 20_000, 250_000), 20_000, 100
ORDER = tuple(f"{size}{beside}" for size in STAGES for beside in ("", "-ingest"))

_FRESH, _FRESH_SEED = 3_000, 3  # articles that are added at a time meanwhile
_WARM = 5  # questions asked before any is timed
_WITH, _WITHOUT = "with the ranker", "without the ranker"
_WANTED = {  # at the largest size: how it is asked, and whether beside an ingest
    (_WITHOUT, False): "p50 ≤ 120, p95 ≤ 250",
    (_WITHOUT, True): "p95 ≤ 1,000",
    (_WITH, False): "p50 ≤ 250, p95 ≤ 500",
    (_WITH, True): "p95 ≤ 1,500",
}
_PARTS = ("full text", "dense", "read")


@dataclass
class Taken:
    """Seconds of the questions asked in one way: whole, of the filtered ones, of searching, and of each part."""

    whole: list[float] = field(default_factory=list)
    filtered: list[float] = field(default_factory=list)
    search: list[float] = field(default_factory=list)
    parts: dict[str, list[float]] = field(default_factory=dict)


def dev_questions(count: int) -> list[Question]:
    """So many of the English dev questions, spread evenly over them, with their dates, sources and earlier turns."""
    found = [
        question
        for question in select(read_questions(question_files()), ["dev"], read_splits())
        if question.kind != "other-language"
    ]
    count = min(count, len(found))
    return [found[number * len(found) // count] for number in range(count)]


def measure(
    builder: Builder, passages: int, beside: bool, questions: Sequence[Question], on_progress: Progress
) -> list[Row]:
    """The rows of one size: every question asked in every way in turn, alone or beside an ingest."""
    stage = builder.stage(passages=passages)
    stage = builder.copy(stage) if beside else stage
    cores = os.cpu_count() or 1
    settings = own_settings(stage.home, add_threads=max(1, cores - 1))  # as in a chat
    with Assistant(settings, encoder=builder.encoder) as assistant:
        ways = {_WITH: assistant, _WITHOUT: assistant.varied(ranker="none")}
        retrieve = _starter(builder, stage) if passages == STARTER_AT and not beside else None
        assistant.warm_up()
        for question in questions[:_WARM]:
            _ask_all(ways, retrieve, question, {}, [])
        taken: dict[str, Taken] = {}
        retrieved: list[float] = []
        with _ingest(assistant, builder.work, on_progress) if beside else _alone() as rate:
            for number, question in enumerate(questions, 1):
                _ask_all(ways, retrieve, question, taken, retrieved)
                on_progress(f"Asking at {passages:,} passages", number, len(questions))
        meanwhile = rate()
    if beside:
        shutil.rmtree(stage.home)
    wanted = {name: _WANTED[name, beside] for name in ways} if passages == max(STAGES) else {}
    return _rows(stage, meanwhile, taken, retrieved, wanted)


def _ask_all(
    ways: dict[str, Assistant],
    retrieve: Callable[[str], object] | None,
    question: Question,
    taken: dict[str, Taken],
    retrieved: list[float],
) -> None:
    for name, assistant in ways.items():
        _ask(assistant, question, taken.setdefault(name, Taken()))
    if retrieve is not None:
        started = time.perf_counter()
        retrieve(question.question)
        retrieved.append(time.perf_counter() - started)


def _ask(assistant: Assistant, question: Question, taken: Taken) -> None:
    """Ask, and note how long the whole and its parts took."""
    with _watching(assistant) as watch:
        started = searched = time.perf_counter()
        parts: dict[str, float] = {}
        for step in assistant.ask_in_stages(question.question, turns=question.earlier, filters=question.filters):
            now = time.perf_counter()
            if isinstance(step, Answer):
                break
            searched, parts = now, dict(watch.seconds)
    taken.whole.append(now - started)
    taken.search.append(searched - started)
    if question.filters != Filters():
        taken.filtered.append(now - started)
    for name, seconds in (parts | {"read": now - searched}).items():
        taken.parts.setdefault(name, []).append(seconds)


@contextmanager
def _watching(assistant: Assistant) -> Iterator[Stopwatch]:
    store, watch = assistant.store, Stopwatch()
    with ExitStack() as stack:
        stack.enter_context(watch.over(store.fulltext, "search", "full text"))
        stack.enter_context(watch.over(store.encoder, "encode_questions", "dense"))
        stack.enter_context(watch.over(store.own_vectors(), "search", "dense"))
        yield watch


@contextmanager
def _alone() -> Iterator[Callable[[], float | None]]:
    yield lambda: None


@contextmanager
def _ingest(assistant: Assistant, work: Path, on_progress: Progress) -> Iterator[Callable[[], float | None]]:
    """While it lasts, a thread embeds fresh articles; gives what tells afterwards how many passages a second it did.

    Where it has embedded them all before the questions are over, it adds others, so that none is asked beside nothing.
    """
    over, rate = threading.Event(), 0.0
    before = embedded = 0

    def mark(_: str, finished: int, __: int | None) -> None:
        nonlocal embedded, rate
        embedded = before + finished
        rate = embedded / (time.perf_counter() - started)
        if over.is_set():
            raise Enough

    def add(seed: int, on_progress: Progress = quiet) -> None:
        assistant.add([corpus_file(work, _FRESH, seed=seed)], wait=False, on_progress=on_progress)

    def embed() -> None:
        nonlocal before
        with suppress(Enough):
            for seed in itertools.count(_FRESH_SEED + 1):
                assistant.catch_up(mark)
                before = embedded
                if over.is_set():
                    return
                add(seed)

    add(_FRESH_SEED, on_progress)
    started = time.perf_counter()
    with ThreadPoolExecutor(1, thread_name_prefix="ingest") as pool:
        ingest = pool.submit(embed)
        try:
            yield lambda: rate
        finally:
            over.set()
            ingest.result()


def _starter(builder: Builder, stage: Stage) -> Callable[[str], object]:
    """The retriever of the five-line LlamaIndex program over the passages of a stage, with their vectors."""
    from evals.bench.starter import index_passages

    ids: list[str] = []
    texts: list[str] = []
    rows = []
    for _, portion in builder.contents(None, stage.passages):
        for article, chunks in zip(portion.articles, portion.chunks, strict=True):
            ids += [chunk.id for chunk in chunks]
            texts += texts_of(builder.encoder, article, chunks)
        rows.append(portion.vectors)
    folder = builder.work / "stages" / f"starter-of-{stage.home.name}"
    encode = builder.encoder.encode_questions
    retriever = index_passages(folder, ids, texts, np.concatenate(rows), encode).as_retriever()
    return retriever.retrieve


def _rows(
    stage: Stage,
    meanwhile: float | None,
    taken: dict[str, Taken],
    retrieved: Sequence[float],
    wanted: dict[str, str],
) -> list[Row]:
    size = f"{stage.passages:,}" + (f" ({stage.copied:,} of them jittered copies)" if stage.copied else "")
    size += "" if meanwhile is None else " and those of the articles being added"
    beside = "nothing" if meanwhile is None else f"an ingest of {meanwhile:.0f} passages/s"
    rows: list[Row] = []
    for name, found in taken.items():
        row: dict[str, Any] = {"passages": size, "asked": name, "beside": beside}
        row |= {"n": f"{len(found.whole)}, {len(found.filtered)} filtered"}
        row |= {"p50 ms": _ms(found.whole, 50), "p95 ms": _ms(found.whole, 95)}
        row |= {"wanted": wanted.get(name, "")}
        row |= {"p95 ms, filtered": _ms(found.filtered, 95)}
        row |= {"search p50": _ms(found.search, 50)}
        rows.append(row | {part: _ms(found.parts.get(part, []), 50) for part in _PARTS})
    if retrieved:
        row = {
            "passages": size,
            "asked": "LlamaIndex starter, retrieval only",
            "beside": beside,
            "n": f"{len(retrieved)}",
        }
        rows.append(row | {"p50 ms": _ms(retrieved, 50), "p95 ms": _ms(retrieved, 95)})
    return rows


def _ms(seconds: Sequence[float], percent: float) -> float | None:
    found = percentile(seconds, percent)
    return None if found is None else 1_000 * found


def run(
    work: Path, articles: int, count: int, only: Sequence[str], on_progress: Progress, *, encoder: Encoder | None = None
) -> str:
    """Measure the parts that are named, keep each as it ends, and return the table of all that have been measured."""
    builder, questions = Builder(work, on_progress, articles=articles, encoder=encoder), dev_questions(count)
    for name in only:
        size, _, beside = name.partition("-")
        results.keep(work / "ask.json", name, measure(builder, int(size), bool(beside), questions, on_progress))
    table = results.table(work / "ask.json", (*ORDER, *(name for name in only if name not in ORDER)))
    (work / "ask.md").write_text(table, encoding="utf-8")
    return table


def _run_one(work: Path, articles: int, count: int, name: str) -> str:
    return run(work, articles, count, [name], saying())


def main() -> None:
    """Run from the command line; each part in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=WORK, help="where everything is built and kept; default: .bench")
    parser.add_argument("--articles", type=int, default=ARTICLES, help="different ones; above their passages, copies")
    parser.add_argument("--questions", type=int, default=QUESTIONS)
    parser.add_argument("--only", nargs="+", choices=ORDER, default=ORDER, help="the parts to measure; default: all")
    parser.add_argument("--into", type=Path, help="a file, README.md say, whose table between the marks is replaced")
    chosen = parser.parse_args()
    chosen.work.mkdir(parents=True, exist_ok=True)
    for name in chosen.only:
        table = apart(_run_one, chosen.work.resolve(), chosen.articles, chosen.questions, name)
    print(table)
    print(f"kept in {chosen.work}/ask.json and ask.md", file=sys.stderr)
    if chosen.into is not None:
        replace_between(chosen.into, "bench:ask", table.rstrip())


if __name__ == "__main__":
    main()
