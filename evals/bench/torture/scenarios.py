"""What is killed: a stored folder, and the tasks that run on it at once, a process each."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from assistant.outbox import IndexName
from evals.bench.torture.articles import States

Verb = Literal["add", "sync", "remove", "rebuild", "resume", "ask", "hold"]


@dataclass(frozen=True, slots=True)
class Task:
    """What one process does. ``after`` is how it leaves the articles that it touches, in the order in which it does."""

    verb: Verb
    after: States = field(default_factory=dict)
    files: int = 1  # JSON lines files that an add is spread over, one call each
    lines: bool = False  # whether a sync is of one JSON lines file instead of a folder of files
    index: IndexName | None = None  # what a rebuild is of; None: the whole

    def parts(self, now: Path, number: int) -> dict[Path, dict[str, int]]:
        """The files of an add in a round's folder and what is in each; no two tasks of a round have the same number."""
        ids, size = list(self.after), -(-len(self.after) // self.files)
        return {
            now / f"wire-{number}-{first:04}.jsonl": {id_: self.after[id_] for id_ in ids[first : first + size]}
            for first in range(0, len(ids), size)
        }


@dataclass(frozen=True, slots=True)
class Scenario:
    """A stored folder and what runs on it. ``unembedded`` was done while another process held the vectors."""

    stored: States
    tasks: tuple[Task, ...]
    unembedded: tuple[Task, ...] = ()

    @property
    def before(self) -> dict[str, int]:
        """How the articles are before the round; those that are still to come are 0."""
        come = {id_: 0 for task in self.tasks for id_ in task.after}
        return come | dict(self.stored) | {id_: v for task in self.unembedded for id_, v in task.after.items()}


def _ids(first: int, last: int, version: int = 1) -> dict[str, int]:
    return {f"a{number:04}.txt": version for number in range(first, last)}


_CHANGED = _ids(0, 35, 2) | _ids(35, 60, 0) | _ids(150, 215)  # changed, deleted and new files
_OPEN = (Task("add", _ids(120, 250)), Task("remove", _ids(40, 60, 0)))

SCENARIOS: dict[str, Scenario] = {
    "add": Scenario(_ids(0, 120), (Task("add", _ids(120, 380)),)),
    "sync": Scenario(_ids(0, 150), (Task("sync", _CHANGED),)),
    "sync lines": Scenario(_ids(0, 150), (Task("sync", _CHANGED, lines=True),)),
    "remove": Scenario(_ids(0, 180), (Task("remove", _ids(20, 140, 0)),)),
    "rebuild": Scenario(_ids(0, 120), (Task("rebuild"),), _OPEN),
    "rebuild fulltext": Scenario(_ids(0, 120), (Task("rebuild", index="fulltext"),), _OPEN),
    "rebuild vectors": Scenario(_ids(0, 120), (Task("rebuild", index="vectors"),), _OPEN),
    "resume": Scenario(_ids(0, 120), (Task("resume"),), _OPEN),
    "two adders": Scenario({}, (Task("add", _ids(0, 180)), Task("add", _ids(160, 230), files=10))),
    "adder + asker": Scenario(_ids(0, 60), (Task("add", _ids(60, 240)), Task("ask"))),
    "adder + remover": Scenario(_ids(0, 100), (Task("add", _ids(100, 240)), Task("remove", _ids(40, 160, 0)))),
    "two syncs": Scenario(_ids(0, 150), (Task("sync", _CHANGED), Task("sync", _CHANGED))),
}
"""What ``make torture`` runs, by name."""
