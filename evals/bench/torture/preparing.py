"""The stored folder that every round of a scenario begins with. It is made by the same processes, none of them killed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from evals.bench.torture.articles import read_lines, write_folder, write_lines
from evals.bench.torture.children import LIMIT, child, start
from evals.bench.torture.journals import read_journals
from evals.bench.torture.scenarios import Scenario, Task

_OPEN, _STORED, _HOLDER = 5, 8, 9  # numbers of processes; those of a round are counted from 0


class NotPrepared(Exception):
    """A stored folder could not be made, or a process that it needs did not start: already that is a failure."""


def prepare(scenario: Scenario, folder: Path) -> None:
    """Make ``folder/start``: the stored articles, and the files that the tasks read. Raises NotPrepared."""
    now = folder / "now"
    now.mkdir(parents=True)
    if scenario.stored:
        synced = [task for task in scenario.tasks if task.verb == "sync"]
        _do(now, [replace(synced[0], after=scenario.stored) if synced else Task("add", scenario.stored)], _STORED)
    if scenario.unembedded:
        _do_unembedded(now, scenario.unembedded)
    for journal in now.glob("journal-*"):
        journal.unlink()
    _write_inputs(now, scenario.tasks, 0)
    now.rename(folder / "start")


def _do(now: Path, tasks: Sequence[Task], first: int) -> None:
    """Do the tasks one after the other, numbered from ``first``."""
    _write_inputs(now, tasks, first)
    for number, task in enumerate(tasks, first):
        process = start(child, now, number, task)
        process.join(LIMIT)
        if process.exitcode != 0:
            raise NotPrepared(f"a store could not be prepared, see {now}/child-{number}.log")


def _do_unembedded(now: Path, tasks: Sequence[Task]) -> None:
    """Do the tasks while another process holds the vectors, so that their index work stays open."""
    holder = start(child, now, _HOLDER, Task("hold"))
    deadline = time.monotonic() + LIMIT
    while not read_journals(now, only=_HOLDER):
        if time.monotonic() > deadline or not holder.is_alive():
            raise NotPrepared(f"the process that holds the vectors did not start, see {now}/child-{_HOLDER}.log")
        time.sleep(0.01)
    _do(now, tasks, _OPEN)
    holder.kill()
    holder.join()


def _write_inputs(now: Path, tasks: Sequence[Task], first: int) -> None:
    """Write what the tasks read; they are numbered from ``first``, and no file of an add is written twice."""
    for number, task in enumerate(tasks, first):
        if task.verb == "sync" and task.lines:
            write_lines(now / "articles.jsonl", read_lines(now / "articles.jsonl") | dict(task.after))
        elif task.verb == "sync":
            write_folder(now / "articles", task.after)
        elif task.verb == "add":
            for path, part in task.parts(now, number).items():
                write_lines(path, part)
