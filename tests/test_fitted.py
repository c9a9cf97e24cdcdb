"""What was fitted and what is reported on have no question in common, by the ids that the files record."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any

import pytest

from evals.run import RESULTS
from evals.schema import question_files, read_questions, read_splits, select

SHIPPED = "evals/questions"
KINDS = ("with ranker", "without ranker")

Ids = Mapping[str, Iterable[str]]  # by set


def fitted_file(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(resources.files("assistant.fitted").joinpath(name).read_text(encoding="utf-8"))
    return loaded


def fitted_on() -> dict[str, Ids]:
    """The ids that each thing was fitted on."""
    sets, evidence = fitted_file("fusion.json")["provenance"]["sets"], fitted_file("evidence.json")
    found: dict[str, Ids] = {"fusion": {name: one["fit"] for name, one in sets.items()}}
    found |= {f"evidence {kind}": evidence[kind]["provenance"]["ids"]["fit"] for kind in KINDS}
    return found | {"ranker": fitted_file("ranker_ids.json")}


def reported_on() -> dict[str, Ids]:
    """The ids that each figure is reported on; of this project's own questions the fusion reports on none."""
    sets, evidence = fitted_file("fusion.json")["provenance"]["sets"], fitted_file("evidence.json")
    found: dict[str, Ids] = {"fusion": {name: one["report"] for name, one in sets.items() if name != SHIPPED}}
    found |= {f"evidence {kind}": evidence[kind]["provenance"]["ids"]["report"] for kind in KINDS}
    if (file := RESULTS / "sets.json").is_file():
        found["sets.json"] = json.loads(file.read_text(encoding="utf-8"))["ids"]
    return found


def joined(lists: Iterable[Ids]) -> dict[str, set[str]]:
    """All ids of each set."""
    found: dict[str, set[str]] = {}
    for ids in lists:
        for name, some in ids.items():
            found.setdefault(name, set()).update(some)
    return found


def overlaps(fitted: Mapping[str, Ids], reported: Mapping[str, Ids]) -> dict[str, set[str]]:
    """The ids by set that something was fitted on and something else, or the same, is reported on."""
    ours, theirs = joined(fitted.values()), joined(reported.values())
    both = {name: ours[name] & theirs[name] for name in ours.keys() & theirs.keys()}
    return {name: ids for name, ids in both.items() if ids}


def shipped() -> dict[str, Ids]:
    """The ids of this project's own questions that are not for fitting, by split."""
    questions, stories = read_questions(question_files()), read_splits()
    return {
        split: {SHIPPED: [question.id for question in select(questions, [split], stories)]} for split in ("dev", "held")
    }


@pytest.mark.parametrize("lists", [fitted_on, reported_on, shipped])
def test_every_list_of_ids_is_there(lists: Any) -> None:
    for where, ids in lists().items():
        assert ids, where
        for name, some in ids.items():
            assert some, f"{where}: {name}"
            assert len(set(some)) == len(some), f"{where}: {name} names a question twice"


def test_nothing_is_reported_on_that_was_fitted_on() -> None:
    assert overlaps(fitted_on(), reported_on()) == {}


def test_nothing_was_fitted_on_questions_of_the_other_splits() -> None:
    assert overlaps(fitted_on(), shipped()) == {}
    own = joined(fitted_on().values())[SHIPPED]
    assert own <= {question.id for question in select(read_questions(question_files()), ["fit"], read_splits())}


@pytest.mark.parametrize("reported", [reported_on, shipped])
def test_a_planted_id_is_found(reported: Any) -> None:
    where, ids = next(iter(reported().items()))
    name, some = next(iter(ids.items()))
    for place, fitted in fitted_on().items():
        planted = {**fitted_on(), place: {**fitted, name: [*fitted.get(name, ()), next(iter(some))]}}
        assert overlaps(planted, reported()) == {name: {next(iter(some))}}, f"{place} against {where}"
