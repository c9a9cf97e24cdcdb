"""Adding measured from outside: until findable by words, one article at a time, a cold start, a sync that changes nothing."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assistant import Assistant
from assistant.models import Encoder
from evals.bench.building import Builder
from evals.bench.corpus import articles, corpus_file
from evals.bench.measuring import (
    Enough,
    Progress,
    apart,
    command,
    environment,
    lines_of,
    peak_megabytes,
    percentile,
    saying,
    until,
)
from evals.bench.results import Row, figure
from evals.run import own_settings

_FEW = 100  # articles in the small folder that the large one is compared with
_ONES, _COLD, _SYNCS = 30, 5, 3
_SMALL = 300  # characters of an article of the folder that is synced
_FRESH_SEED = 2  # of articles that no stage holds


@dataclass(frozen=True, slots=True)
class Words:
    """One add of JSON lines: seconds and articles at each batch, passages of each article in order, and peaks in MB."""

    marks: tuple[tuple[float, int], ...]
    passages: tuple[int, ...]
    peak: float
    peak_embedding: float
    embedded: int


def words(work: Path, count: int, seconds: float, on_progress: Progress) -> list[Row]:
    """Articles a second until findable by words, at stages, and peak memory, in a process that does nothing else."""
    home = work / "words"
    shutil.rmtree(home, ignore_errors=True)
    found = apart(add_by_words, home, corpus_file(work, count), seconds)
    on_progress("Adding, words", count, count)
    rows: list[Row] = []
    for passages in (1_000, 20_000, sum(found.passages)):
        if passages > sum(found.passages):
            continue
        after, done = _reached(found, passages)
        rows.append(figure(f"findable by words, the first {passages:,} passages", done / after, "articles/s", "≥ 300"))
    note = f"{count:,} articles from JSON lines"
    rows.append(figure(f"peak memory: {note}, by words", found.peak, "MB", "≤ 1,500"))
    rows.append(
        figure(f"peak memory: and {found.embedded:,} passages by vectors", found.peak_embedding, "MB", "≤ 1,500")
    )
    return rows


def add_by_words(
    home: Path, file: Path, seconds: float, *, encoder: Encoder | None = None, on_progress: Progress | None = None
) -> Words:
    """Add a JSON lines file, then embed for so many seconds. To be called in a process of its own."""
    say, marks, started = on_progress or saying(), [], time.perf_counter()

    def mark(stage: str, done: int, total: int | None) -> None:
        marks.append((time.perf_counter() - started, done))
        say(stage, done, total)

    with Assistant(own_settings(home), encoder=encoder) as assistant:
        report = assistant.add([file], wait=False, on_progress=mark)
        marks.append((time.perf_counter() - started, len(report.added)))
        peak = peak_megabytes()
        stored = {row.id: row.chunks for row in assistant.articles()}
        _check_findable(assistant, file, report.added)
        try:
            left = assistant.catch_up(until(seconds, say))
        except Enough:
            left = assistant.add([], wait=False).pending_vectors
    passages = tuple(stored[id_] for id_ in report.added)
    return Words(tuple(marks), passages, peak, peak_megabytes(), sum(passages) - left)


def _check_findable(assistant: Assistant, file: Path, added: tuple[str, ...]) -> None:
    """Raises SystemExit unless the last article is found by words of it: what is measured must be true."""
    last = next(line for line in lines_of(file) if line["id"] == added[-1])
    found = assistant.varied(dense_weight=0.0).retrieve(last["text"][:200])
    if last["id"] not in {passage.article.id for passage in found}:
        raise SystemExit(f"{last['id']} was added and is not findable by words")


def _reached(found: Words, passages: int) -> tuple[float, int]:
    """Seconds and articles when the batch was done in which there were so many passages."""
    needed = int(np.searchsorted(np.cumsum(found.passages), passages)) + 1
    return next((after, done) for after, done in found.marks if done >= needed)


def single(
    work: Path, count: int, on_progress: Progress, *, encoder: Encoder | None = None, times: int = _ONES
) -> list[Row]:
    """One article added in a running process, to a small and to a large folder in turn."""
    builder = Builder(work, on_progress, articles=count, encoder=encoder)
    few = min(_FEW, count)
    stages = {size: builder.copy(builder.stage(articles=size)) for size in (few, count)}
    opened = {size: Assistant(own_settings(stage.home), encoder=builder.encoder) for size, stage in stages.items()}
    taken: dict[int, list[tuple[float, float]]] = {size: [] for size in opened}
    for assistant in opened.values():
        assistant.warm_up()
    for number, article in enumerate(articles(times + 1, seed=_FRESH_SEED)):
        for size, assistant in opened.items():
            path = _markdown(work / "single" / str(size) / f"{number:03}.md", article)
            taken[size].append(_add_one(assistant, path))
        on_progress("Adding one article", number, times)
    for assistant in opened.values():
        assistant.close()
    shutil.rmtree(work / "single")
    return _single_rows(taken, few, count)


def _single_rows(taken: Mapping[int, Sequence[tuple[float, float]]], few: int, count: int) -> list[Row]:
    """Of each size p50 and p95, the first add left out: it opens what the others use."""
    rows: list[Row] = []
    for size, pairs in taken.items():
        for place, index, wanted in ((0, "words", "p95 < 0.3"), (1, "vectors", "p95 < 2")):
            seconds = [pair[place] for pair in pairs[1:]]
            name = f"one article added among {size:,}, until findable by {index}"
            rows.append(figure(f"{name}, p50 of {len(seconds)}", percentile(seconds, 50), "s"))
            rows.append(figure("the same, p95", percentile(seconds, 95), "s", wanted if size == count else ""))
    medians = {size: percentile([pair[0] for pair in pairs[1:]], 50) or 0.0 for size, pairs in taken.items()}
    against = f"time to words of p50, among {count:,} articles against {few:,}"
    return [*rows, figure(against, medians[count] / medians[few], "×", "≤ 1.5")]


def _add_one(assistant: Assistant, path: Path) -> tuple[float, float]:
    """Seconds until the article is findable by words, and until it is by vectors."""
    started = time.perf_counter()
    report = assistant.add([path], wait=False)
    by_words = time.perf_counter() - started
    left = assistant.catch_up()
    by_vectors = time.perf_counter() - started
    if len(report.added) != 1 or left:
        raise SystemExit(f"{path} was not added: {report}, {left} passages left")
    return by_words, by_vectors


def cold(work: Path, count: int, on_progress: Progress, *, times: int = _COLD) -> list[Row]:
    """``assistant add one.md`` from nothing: until its line says that it is findable by words, and until it ends."""
    builder = Builder(work, on_progress, articles=count)
    stage = builder.copy(builder.stage(articles=count))
    acknowledged: list[float] = []
    ended: list[float] = []
    for number, article in enumerate(articles(times, seed=_FRESH_SEED)):
        path = _markdown(work / "single" / f"{number:03}.md", article)
        words_after, end_after = _run_add(stage.home, path)
        acknowledged += [] if words_after is None else [words_after]
        ended.append(end_after)
        on_progress("Adding from the shell", number + 1, times)
    shutil.rmtree(work / "single")
    what = f"`assistant add one.md`, cold, among {count:,} articles"
    return [
        figure(
            f"{what}, until “findable by words”, p50 of {len(acknowledged)}", percentile(acknowledged, 50), "s", "< 1.5"
        ),
        figure("the same, slowest", max(acknowledged, default=None), "s"),
        figure(f"{what}, until it ends, p50", percentile(ended, 50), "s"),
    ]


def _run_add(home: Path, path: Path) -> tuple[float | None, float]:
    """Seconds until the acknowledgement was printed, None where none was, and until the command ended."""
    words_, acknowledged = command("--home", str(home), "add", str(path)), None
    with tempfile.TemporaryFile("w+") as complaints:
        started = time.perf_counter()
        with subprocess.Popen(words_, stdout=subprocess.PIPE, stderr=complaints, text=True, env=environment()) as run:
            for line in run.stdout or ():
                if acknowledged is None and "findable by words" in line:
                    acknowledged = time.perf_counter() - started
        ended = time.perf_counter() - started
        complaints.seek(0)
        if run.returncode:
            raise SystemExit(f"assistant add {path} failed with exit code {run.returncode}:\n{complaints.read()}")
    return acknowledged, ended


def unchanged(
    work: Path, count: int, on_progress: Progress, *, encoder: Encoder | None = None, times: int = _SYNCS
) -> list[Row]:
    """A sync of a folder of small files that changes nothing."""
    folder, home = work / "folder" / str(count), work / "synced" / str(count)
    if not (home / "synced").is_file():
        shutil.rmtree(home, ignore_errors=True)
        for number, article in enumerate(articles(count, characters=_SMALL)):
            _markdown(folder / f"{number // 1_000:02}" / f"{number:06}.md", article)
        with Assistant(own_settings(home), encoder=encoder) as assistant:
            assistant.sync(folder, wait=False, on_progress=on_progress)
        (home / "synced").touch()
    taken: list[float] = []
    for _ in range(times):
        started = time.perf_counter()
        with Assistant(own_settings(home), encoder=encoder) as assistant:
            report = assistant.sync(folder, wait=False)
        taken.append(time.perf_counter() - started)
        if len(report.unchanged) != count or report.added or report.removed:
            raise SystemExit(
                f"the sync was to change nothing: {len(report.added)} added, {len(report.removed)} removed"
            )
    return [figure(f"sync of {count:,} files that changes nothing, p50 of {times}", percentile(taken, 50), "s", "< 2")]


def _markdown(path: Path, article: dict[str, str]) -> Path:
    front = "".join(f'{name}: "{article[key]}"\n' for name, key in _FRONT)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"---\n{front}---\n{article['text']}\n", encoding="utf-8")
    return path


_FRONT = (("title", "title"), ("source", "source"), ("published", "date"), ("url", "url"))
