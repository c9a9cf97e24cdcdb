"""Vectors measured beside plain ``SentenceTransformer.encode`` and beside the LlamaIndex starter, in turn in one run."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assistant import Article, Assistant, load_settings
from assistant.models import Encoder, load_encoder, packaged_folder
from assistant.reading import read_root
from assistant.settings import PACKAGED_ENCODER
from evals.bench.building import chunks_of, texts_of
from evals.bench.corpus import corpus_file
from evals.bench.measuring import Progress, lines_of, part_of
from evals.bench.results import Row, figure, torch_threads
from evals.run import own_settings

Encode = Callable[[list[str]], NDArray[np.float32]]

_SLICE = 256  # chunks: what the index work writes at a time
_STARTER_SLICE = 25  # articles


def vectors(
    work: Path,
    count: int,
    seconds: float,
    on_progress: Progress,
    *,
    encoder: Encoder | None = None,
    plain: Encode | None = None,
    slice_chunks: int = _SLICE,
) -> list[Row]:
    """Chunks a second through our own whole path and through plain ``encode`` of the same texts, slice by slice in turn."""
    home = work / "vectors"
    shutil.rmtree(home, ignore_errors=True)
    encoder, plain = encoder or load_encoder(load_settings()), plain or plain_encode()
    ours: list[float] = []
    theirs: list[float] = []
    with Assistant(own_settings(home / "home"), encoder=encoder) as assistant:
        assistant.warm_up()
        plain(["Who said what?"] * 32)
        for number, (file, texts) in enumerate(_slices(encoder, corpus_file(work, count), home, slice_chunks)):
            assistant.add([file], wait=False)
            turns: list[tuple[list[float], Callable[[], object]]] = [
                (ours, assistant.catch_up),
                (theirs, lambda texts=texts: plain(texts)),  # type: ignore[misc]
            ]
            for rates, work_through in turns if number % 2 == 0 else turns[::-1]:
                started = time.perf_counter()
                work_through()
                rates.append(len(texts) / (time.perf_counter() - started))
            spent = sum(len(texts) / rate for rate in (*ours, *theirs))
            on_progress("Encoding beside plain encode, seconds", int(spent), int(seconds))
            if spent >= seconds:
                break
    return _compared(ours, theirs, slice_chunks)


def _compared(ours: list[float], theirs: list[float], slice_chunks: int) -> list[Row]:
    ratios = [our / their for our, their in zip(ours, theirs, strict=True)]
    spread = f"slices between {min(ratios):.2f} and {max(ratios):.2f}"
    note = f"{len(ours)} slices of {slice_chunks} chunks"
    return [
        figure(f"vectors, our whole path, {note}", statistics.harmonic_mean(ours), "chunks/s"),
        figure(
            "vectors, plain `SentenceTransformer.encode`, the same texts", statistics.harmonic_mean(theirs), "chunks/s"
        ),
        figure(
            f"ours against plain, {spread}",
            statistics.harmonic_mean(ours) / statistics.harmonic_mean(theirs),
            "×",
            "≥ 1.2",
        ),
    ]


def _slices(encoder: Encoder, file: Path, folder: Path, slice_chunks: int) -> Iterator[tuple[Path, list[str]]]:
    """JSON lines files of about so many chunks each, with the texts that the encoder is given for them."""
    first, last, texts = 0, 0, list[str]()
    for article in _articles(file):
        texts += texts_of(encoder, article, chunks_of(encoder, article))
        last += 1
        if len(texts) >= slice_chunks:
            yield part_of(file, folder / "slices" / f"{first:06}.jsonl", first, last - first), texts
            first, texts = last, []
    if texts:
        yield part_of(file, folder / "slices" / f"{first:06}.jsonl", first, last - first), texts


def _articles(file: Path) -> Iterator[Article]:
    settings = load_settings()
    for found in read_root(file, language=settings.language, max_bytes=settings.max_article_bytes):
        if found.article is not None:
            yield found.article


def starter(
    work: Path, count: int, on_progress: Progress, *, encoder: Encoder | None = None, plain: Encode | None = None
) -> list[Row]:
    """The same articles through the LlamaIndex starter and through ours, some at a time in turn, until all are findable."""
    from evals.bench.starter import index_articles

    folder = work / "starter"
    shutil.rmtree(folder, ignore_errors=True)
    file, plain = corpus_file(work, count), plain or plain_encode()
    seconds, chunks = {"ours": 0.0, "starter": 0.0}, {"ours": 0, "starter": 0}
    with Assistant(own_settings(folder / "home"), encoder=encoder or load_encoder(load_settings())) as assistant:
        assistant.warm_up()
        plain(["Who said what?"])
        for first in range(0, count, _STARTER_SLICE):
            part = part_of(file, folder / "parts" / f"{first:06}.jsonl", first, _STARTER_SLICE)
            started = time.perf_counter()
            assistant.add([part])
            seconds["ours"] += time.perf_counter() - started
            started = time.perf_counter()
            _, chunks["starter"] = index_articles(folder / "chroma", list(lines_of(part)), plain)
            seconds["starter"] += time.perf_counter() - started
            on_progress("Adding beside the starter", min(first + _STARTER_SLICE, count), count)
        chunks["ours"] = sum(row.chunks for row in assistant.articles())
    what = {"ours": "ours", "starter": "LlamaIndex starter (of its chunks the encoder reads the first 256 tokens)"}
    return [
        row
        for name, spent in seconds.items()
        for row in (
            figure(f"{count} articles until findable by words and vectors, {what[name]}", count / spent, "articles/s"),
            figure(f"the same, {chunks[name]:,} chunks", chunks[name] / spent, "chunks/s"),
        )
    ]


def plain_encode() -> Encode:
    """``SentenceTransformer.encode`` of the packaged model with default arguments, and torch's default threads."""
    import torch
    from sentence_transformers import SentenceTransformer

    if load_settings().encoder != PACKAGED_ENCODER:
        raise SystemExit("the comparison with plain encode is of the packaged encoder: unset ASSISTANT_ENCODER")
    model: Any = SentenceTransformer(str(packaged_folder()))

    def encode(texts: list[str]) -> NDArray[np.float32]:
        torch.set_num_threads(torch_threads())
        rows: NDArray[np.float32] = model.encode(texts)
        return rows

    return encode
