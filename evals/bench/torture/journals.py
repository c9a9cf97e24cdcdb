"""What the processes of a round have said, and which versions of the articles may be found after that."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.bench.torture.scenarios import Scenario


def read_journals(now: Path, *, only: int | None = None) -> list[dict[str, Any]]:
    """What all processes or only one of a round's folder have said so far, whole lines only."""
    texts = [path.read_text("utf-8") for path in sorted(now.glob(f"journal-{'*' if only is None else only}.jsonl"))]
    return [json.loads(line) for text in texts for line in text[: text.rfind("\n") + 1].splitlines()]


def acknowledged(said: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """The articles that were acknowledged. A removal counts most: nothing here brings an article back."""
    found: dict[str, int] = {}
    for facts in said:
        for id_, version in facts.get("acknowledged", {}).items():
            found[id_] = 0 if found.get(id_) == 0 else version
    return found


def allowed(scenario: Scenario, said: Sequence[Mapping[str, Any]]) -> dict[str, set[int]]:
    """The versions in which each article may be found after a kill."""
    known, found = acknowledged(said), {id_: {version} for id_, version in scenario.before.items()}
    removing = {id_ for task in scenario.tasks if task.verb == "remove" for id_ in task.after}
    for task in scenario.tasks:
        for id_, version in task.after.items():
            found[id_].add(version)
    return found | {id_: {v, 0} if id_ in removing else {v} for id_, v in known.items()}


def intended(scenario: Scenario) -> dict[str, set[int]]:
    """How every article is once all tasks were done in their order."""
    found = scenario.before | {id_: v for task in scenario.tasks for id_, v in task.after.items()}
    return {id_: {version} for id_, version in found.items()}
