"""The doctor: versions, models, health of the indexes, settings, and what leaves the machine.

It changes nothing, but that whoever opens the vector index promises again what a sample shows to be lost.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from assistant import outbox
from assistant.errors import AssistantError, StoreProblem
from assistant.evidence import Evidence
from assistant.fulltext import FullText
from assistant.models import load_ranker
from assistant.outbox import IndexName
from assistant.settings import PACKAGED_ENCODER, Settings
from assistant.store import Store
from assistant.vectors import Vectors

_LIBRARIES = (
    "chromadb", "gradio", "llama-index-core", "sentence-transformers", "sentencex", "tantivy", "torch", "transformers",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it should be, and what to run."""

    what: str
    hint: str


@dataclass(frozen=True, slots=True)
class Health:
    """What the doctor found. ``counts`` are articles, chunks, rows of each index (None: not counted) and open work."""

    versions: dict[str, str]
    encoder: str
    ranker: str
    counts: dict[str, int | None]
    settings: dict[str, object]
    leaves_the_machine: tuple[str, ...]
    problems: tuple[Problem, ...]


def examine(store: Store, evidence: Callable[[], str]) -> Health:
    """Look at everything once. ``evidence`` loads the scorer of sentences and returns its name."""
    problems: list[Problem] = []
    encoder = _named(problems, lambda: f"{store.encoder.name}@{store.encoder.fingerprint}")
    ranker = _named(problems, evidence)
    _named(problems, lambda: _judged(store.settings))  # a question does without the ranker, the doctor says why
    counts = _compare(store, problems) if encoder != "missing" else {}
    return Health(
        versions={"python": platform.python_version()} | {name: version(name) for name in _LIBRARIES},
        encoder=encoder,
        ranker=ranker,
        counts=counts,
        settings=store.settings.model_dump(mode="json"),
        leaves_the_machine=tuple(leaves_the_machine(store.settings)),
        problems=tuple(problems),
    )


def leaves_the_machine(settings: Settings) -> list[str]:
    """What is sent elsewhere under these settings: nothing, unless the user named a server."""
    sent: list[str] = []
    if settings.chroma_url:
        sent.append(
            f"vectors of passages and questions, and ids of passages, to the Chroma server {settings.chroma_url}"
        )
    if settings.encoder != PACKAGED_ENCODER:
        sent.append(f"the name of the encoder {settings.encoder}, to its model hub, if it is not on this machine yet")
    if settings.ranker not in ("packaged", "none"):
        sent.append(f"the name of the ranker {settings.ranker}, to its model hub, if it is not on this machine yet")
    return sent


def _judged(settings: Settings) -> str:
    return Evidence.load(load_ranker(settings), settings.home).name


def _named(problems: list[Problem], load: Callable[[], str]) -> str:
    try:
        return load()
    except AssistantError as error:
        problems.append(Problem(str(error), error.hint))
        return "missing"


def _compare(store: Store, problems: list[Problem]) -> dict[str, int | None]:
    """Compare both indexes with the catalog, id by id; rows with open work are not counted as wrong."""
    chunks = set(store.catalog.chunk_ids())
    counts: dict[str, int | None] = {"articles": store.catalog.article_count(), "chunks": len(chunks)}
    if mismatches := store.mismatches():
        problems.append(Problem(f"made with another {' and '.join(mismatches)}", "Run: assistant rebuild"))
    for name in outbox.INDEXES:
        counts |= {name: None, f"{name} waiting": store.pending(name)}
        try:
            counts[name] = _compare_index(store, name, chunks, problems)
        except StoreProblem as error:  # the rest is worth knowing all the more
            problems.append(Problem(str(error), error.hint))
    if waiting := store.pending("fulltext") + store.pending("vectors"):
        problems.append(
            Problem(f"{waiting} rows of index work are open", "Any add, sync or running chat finishes them.")
        )
    return counts


def _compare_index(store: Store, name: IndexName, chunks: set[str], problems: list[Problem]) -> int | None:
    """How many chunks an index holds; None where another process owns it. Raises StoreProblem where it cannot be used."""
    if name == "vectors" and store.kept_elsewhere():
        problems.append(Problem("the vectors were last kept elsewhere", "The next command makes them anew here."))
        return None
    index: FullText | Vectors | None = store.fulltext if name == "fulltext" else store.own_vectors()
    if index is None:
        return None
    stored, open_work = index.ids(), outbox.waiting(store.database, name)
    if missing := len(chunks - stored - open_work):
        problems.append(Problem(f"{missing} chunks are missing in {name}", f"Run: assistant rebuild {name}"))
    if isinstance(index, Vectors) and (lost := len(index.lost(sorted((chunks & stored) - open_work)))):
        problems.append(
            Problem(f"{lost} vectors are not found by a search for themselves", f"Run: assistant rebuild {name}")
        )
    if extra := len(stored - chunks - open_work):
        problems.append(Problem(f"{extra} chunks in {name} are in no article", f"Run: assistant rebuild {name}"))
    return len(stored)
