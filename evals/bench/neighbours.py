"""Two processes add in turn while a chat is open on the same data folder: is every stored vector found again?

    python -m evals.bench.neighbours [--articles 2500] [--work .bench]

Both adders are long-lived, each with the folder open, and add a fifth of their articles at a time, one after the other; the chat
does the index work. Then the chat is closed and every vector in the index is asked for its own nearest neighbour. A count would
prove nothing: Chroma's stays right even when rows cannot be found any more. The articles are short, for speed.
"""

from __future__ import annotations

import argparse
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant import Assistant
from assistant.vectors import COLLECTION
from evals.bench import results
from evals.bench.corpus import corpus_file
from evals.bench.measuring import Progress, command, environment, part_of, saying
from evals.bench.results import Row, figure
from evals.run import own_settings
from evals.schema import HERE

_TURNS, _SHORT = 5, 300  # turns of each adder; characters of an article
_PATIENCE = 1_800.0  # seconds for the chat to embed what was added
_AT_ONCE = 500  # vectors
_NEAR = 1e-5  # cosine distance; equal texts have equal vectors: one that is as near is no exception

_ADDER = """
import sys
from pathlib import Path
from assistant import Assistant
from evals.run import own_settings
with Assistant(own_settings(Path(sys.argv[1]))) as assistant:
    for line in sys.stdin:
        report = assistant.add([Path(line.strip())])
        print(len(report.added), len(report.failed), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Check:
    """What the vector index holds against the catalog. ``lost``: chunks without a vector; ``stale``: vectors without a chunk."""

    vectors: int
    exceptions: int
    lost: int
    stale: int


def measure(work: Path, count: int, on_progress: Progress) -> list[Row]:
    """Two adders of ``count`` articles each, in turn, beside a chat; then every vector is asked for itself."""
    home = work / "neighbours"
    shutil.rmtree(home, ignore_errors=True)
    file = corpus_file(work, 2 * count, characters=_SHORT)
    started = time.perf_counter()
    with chat(home), adder(home) as one, adder(home) as other:
        each = -(-count // _TURNS)
        for turn in range(2 * _TURNS):
            first = turn * each
            part = part_of(
                file, home.with_name("neighbours-parts") / f"{turn:02}.jsonl", first, min(each, 2 * count - first)
            )
            added = _tell((one, other)[turn % 2], part)
            on_progress("Adding in turn", min(first + added, 2 * count), 2 * count)
        _wait_for_vectors(home, on_progress)
    seconds = time.perf_counter() - started
    with Assistant(own_settings(home)) as assistant:
        stored, current = len(assistant.articles()), set(assistant.store.catalog.chunk_ids())
    found = check(home, current, on_progress)
    what = f"two processes added {count:,} articles each in turn, a chat open"
    return [
        figure(f"{what}: articles stored", stored, "articles", f"{2 * count:,}"),
        figure(
            f"the same: vectors that are not their own nearest neighbour, of {found.vectors:,}",
            found.exceptions,
            "",
            "0",
        ),
        figure("the same: passages without a vector, and vectors without a passage", found.lost + found.stale, "", "0"),
        figure("the same: until the chat had embedded all", seconds, "s"),
    ]


def check(home: Path, current: set[str], on_progress: Progress) -> Check:
    """Ask the vectors of a data folder that nobody holds for themselves, past the program. ``current`` should be there."""
    import chromadb
    from chromadb.config import Settings

    client: Any = chromadb.PersistentClient(str(home / "vectors"), settings=Settings(anonymized_telemetry=False))
    collection = client.get_collection(COLLECTION)
    stored = sorted(collection.get(include=[])["ids"])
    exceptions = 0
    for first in range(0, len(stored), _AT_ONCE):
        ids = stored[first : first + _AT_ONCE]
        exceptions += _exceptions(collection, ids)
        on_progress("Asking each vector for itself", first + len(ids), len(stored))
    client.close()
    return Check(len(stored), exceptions, len(current - set(stored)), len(set(stored) - current))


def _exceptions(collection: Any, ids: Sequence[str]) -> int:
    """How many of these cannot be read, or are not their own nearest neighbour and have none that is equally near."""
    from chromadb.errors import InternalError

    try:
        held = collection.get(ids=list(ids), include=["embeddings"])
    except InternalError:  # Chroma fails for all that are asked for where one is lost
        middle = len(ids) // 2
        return _exceptions(collection, ids[:middle]) + _exceptions(collection, ids[middle:]) if middle else 1
    found = collection.query(query_embeddings=held["embeddings"], n_results=1, include=["distances"])
    nearest = zip(held["ids"], found["ids"], found["distances"], strict=True)
    return sum(near != [id_] and (not distances or distances[0] > _NEAR) for id_, near, distances in nearest)


@contextmanager
def chat(home: Path) -> Iterator[str]:
    """``assistant chat`` in a process of its own; gives its address."""
    words = command("--home", str(home), "chat", "--port", "0")
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment())
    try:
        line = process.stdout.readline() if process.stdout else ""
        address = re.search(r"http://\S+", line)
        if address is None:
            raise SystemExit(f"the chat did not open: {line}")
        yield address.group()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


@contextmanager
def adder(home: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has the folder open and adds the file of each line it reads."""
    words = [sys.executable, "-c", _ADDER, str(home)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment())
    try:
        yield process
    finally:
        if process.stdin:
            process.stdin.close()
        process.wait(60)


def _tell(process: subprocess.Popen[str], file: Path) -> int:
    """Have an adder add a file. Returns how many articles it added."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{file}\n")
    process.stdin.flush()
    said = process.stdout.readline().split()
    if len(said) != 2 or said[1] != "0":
        raise SystemExit(f"{file} could not be added: {said}")
    return int(said[0])


def _wait_for_vectors(home: Path, on_progress: Progress) -> None:
    end = time.monotonic() + _PATIENCE
    with Assistant(own_settings(home)) as watching:
        most = waiting = watching.store.pending("vectors")
        while waiting:
            if time.monotonic() > end:
                raise SystemExit(f"after {_PATIENCE:.0f} seconds the chat had not embedded {waiting} passages")
            time.sleep(0.5)
            waiting = watching.store.pending("vectors")
            on_progress("Embedding in the chat", max(most - waiting, 0), max(most, waiting))


def main() -> None:
    """Run from the command line; the rows go into ``add.json`` beside those of ``evals.bench.add``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=2_500, help="of each of the two adders")
    parser.add_argument("--work", type=Path, default=HERE.parent / ".bench")
    chosen = parser.parse_args()
    rows = measure(chosen.work.resolve(), chosen.articles, saying())
    results.keep(chosen.work / "add.json", "neighbours", rows)
    print(results.markdown(rows))


if __name__ == "__main__":
    main()
