"""How fast adding is: one Markdown table, from a run that may be partial. See ``evals/bench/__init__.py`` for the parts.

    python -m evals.bench.add [--articles 20000] [--work .bench] [--seconds 120] [--only words single …]

Each part is kept in ``add.json`` as it ends and replaces what was measured before; ``add.md`` is the table of all that are there.
The parts ``single`` and ``cold`` need the vectors of all articles, which are encoded once and kept; that is resumable and long.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from evals.bench import adding, encoding, neighbours, results
from evals.bench.corpus import ARTICLES
from evals.bench.measuring import Progress, apart, saying
from evals.bench.results import Row
from evals.schema import HERE
from evals.tables import replace_between

WORK = HERE.parent / ".bench"
FILES, STARTED, TOGETHER = 10_000, 200, 2_500  # files to sync; articles for the starter; articles of each of two adders


def parts(work: Path, articles: int, seconds: float, on_progress: Progress) -> dict[str, Callable[[], list[Row]]]:
    """What can be measured, by name, in the order of the table."""
    return {
        "words": lambda: adding.words(work, articles, seconds, on_progress),
        "vectors": lambda: encoding.vectors(work, articles, seconds, on_progress),
        "starter": lambda: encoding.starter(work, min(STARTED, articles), on_progress),
        "single": lambda: adding.single(work, articles, on_progress),
        "cold": lambda: adding.cold(work, articles, on_progress),
        "sync": lambda: adding.unchanged(work, min(FILES, articles), on_progress),
        "neighbours": lambda: neighbours.measure(work, min(TOGETHER, articles), on_progress),
    }


ORDER = ("words", "vectors", "starter", "single", "cold", "sync", "neighbours")


def run(work: Path, articles: int, seconds: float, only: Sequence[str], on_progress: Progress) -> str:
    """Measure the parts that are named, keep each as it ends, and return the table of all that have been measured."""
    measures = parts(work, articles, seconds, on_progress)
    for name in only:
        results.keep(work / "add.json", name, measures[name]())
    table = results.table(work / "add.json", ORDER)
    (work / "add.md").write_text(table, encoding="utf-8")
    return table


def run_apart(work: Path, articles: int, seconds: float, only: Sequence[str]) -> str:
    """The same, each part in a process of its own, so that none finds warm what another loaded."""
    for name in only:
        table = apart(_run_one, work, articles, seconds, name)
    return table


def _run_one(work: Path, articles: int, seconds: float, name: str) -> str:
    return run(work, articles, seconds, [name], saying())


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=ARTICLES)
    parser.add_argument("--work", type=Path, default=WORK, help="where everything is built and kept; default: .bench")
    parser.add_argument("--seconds", type=float, default=120, help="how long to encode where all would take too long")
    parser.add_argument("--only", nargs="+", choices=ORDER, default=ORDER, help="the parts to measure; default: all")
    parser.add_argument("--into", type=Path, help="a file, README.md say, whose table between the marks is replaced")
    chosen = parser.parse_args()
    chosen.work.mkdir(parents=True, exist_ok=True)
    table = run_apart(chosen.work.resolve(), chosen.articles, chosen.seconds, chosen.only)
    print(table)
    print(f"kept in {chosen.work}/add.json and add.md", file=sys.stderr)
    if chosen.into is not None:
        replace_between(chosen.into, "bench:add", table.rstrip())


if __name__ == "__main__":
    main()
