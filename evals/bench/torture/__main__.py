"""The command: which scenarios, how many kills, and the table of what came of them."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evals.bench import torture
from evals.bench.torture.rounds import Tally, Torture
from evals.bench.torture.scenarios import SCENARIOS
from evals.tables import replace_between


def main(given: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit code: 0 nothing failed, 1 something did, 130 interrupted.

    The table goes ``--into`` a file only where every scenario was run to its end.
    """
    chosen = _arguments(given)
    if chosen.work:
        chosen.work.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="torture-", dir=chosen.work)).resolve()
    tallies: list[Tally] = []
    started, interrupted = time.perf_counter(), False
    names = chosen.only or list(SCENARIOS)
    try:
        for number, name in enumerate(names):
            if kills := chosen.kills * (number + 1) // len(names) - chosen.kills * number // len(names):
                rounds = Torture(name, work, seed=chosen.seed)
                tallies.append(rounds.tally)
                rounds.run(kills)
    except KeyboardInterrupt:
        interrupted = True
    if not (failed := any(tally.failures for tally in tallies)):
        shutil.rmtree(work, ignore_errors=True)
    _write(chosen.out, tallies, seed=chosen.seed, seconds=time.perf_counter() - started, complete=not interrupted)
    print(table := _table(tallies))
    if chosen.into is not None and (interrupted or {tally.name for tally in tallies} != set(SCENARIOS)):
        print(f"{chosen.into} is left as it is: not every scenario was run to its end", file=sys.stderr)
    elif chosen.into is not None:
        replace_between(chosen.into, "bench:torture", table)
    return 1 if failed else 130 if interrupted else 0


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m evals.bench.torture",
        description=torture.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kills", type=int, default=200, help="in all, shared among the scenarios")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, help="the folder of the rounds; default: a new temporary one")
    parser.add_argument("--only", action="append", choices=SCENARIOS, help="a scenario; may be given several times")
    parser.add_argument("--out", type=Path, default=Path(".bench"), help="where torture.md and torture.json go")
    parser.add_argument("--into", type=Path, help="a file, README.md say, whose table between the marks is replaced")
    return parser.parse_args(given)


def _table(tallies: Sequence[Tally]) -> str:
    """The Markdown table of a run. *Left work* are the looks after a kill that found open index work."""
    every = Tally(
        "all",
        kills=sum(tally.kills for tally in tallies),
        resumed=[seconds for tally in tallies for seconds in tally.resumed],
        unfinished=[rows for tally in tallies for rows in tally.unfinished],
        failures=[what for tally in tallies for what in tally.failures],
    )
    head = "| scenario | kills | failures | left work | resume, median s | resume, max s |\n|---|---|---|---|---|---|"
    return "\n".join([head, *map(_row, (*tallies, every))])


def _row(tally: Tally) -> str:
    seconds = tally.resumed
    median, most = (f"{statistics.median(seconds):.2f}", f"{max(seconds):.2f}") if seconds else ("", "")
    left = f"{sum(map(bool, tally.unfinished))} of {len(tally.unfinished)}"
    return f"| {tally.name} | {tally.kills} | {len(tally.failures)} | {left} | {median} | {most} |"


def _write(out: Path, tallies: Sequence[Tally], **run: Any) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "torture.md").write_text(_table(tallies) + "\n", encoding="utf-8")
    facts = run | {"cores": os.cpu_count(), "scenarios": [asdict(tally) for tally in tallies]}
    (out / "torture.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what it started ends with it
    sys.exit(main())
