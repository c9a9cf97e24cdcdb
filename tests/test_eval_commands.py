"""The doors of the evaluation: exit codes and hints, tables in a file."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pytest

from assistant import BadInput, cli
from evals import tables
from evals.metrics import Interval
from evals.run import RESULTS
from evals.schema import QUESTIONS


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """What `assistant eval …` exits with."""
    monkeypatch.setattr(sys, "argv", ["assistant", "eval", *words])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return int(left.value.code or 0)


def test_the_check_says_what_it_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, "check") == 0
    assert "0 problems" in capsys.readouterr().out


def test_a_broken_question_file_exits_1_and_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    row = {"id": "x-1", "story": "no-such-story", "kind": "fact", "question": "What is it?", "answerable": False}
    file = tmp_path / "x.jsonl"
    file.write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert call(monkeypatch, "check", "--questions", str(file)) == 1
    said = capsys.readouterr().err
    assert "x.jsonl:1: no article has the story no-such-story" in said
    assert "hint: " in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "--split", "deb"], "there is no split deb"),
        (["run", "--split", "fit", "--set", "home=x"], "is not NAME=VALUE"),
        (["run", "--split", "fit", "--set", "dense_weight=7"], "dense_weight cannot be used"),
        (["compare", "nothing", "here"], "nothing holds no run"),
        (["sets", "no-such-folder"], "there is no no-such-folder"),
        (["check", "--corpus", str(QUESTIONS)], "has no front matter"),
        (["sets", "a/two.json", "b/two.json"], "two of these sets are called two"),
    ],
)
def test_bad_input_is_an_error_with_a_hint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "two.json").write_text('{"data": []}', encoding="utf-8")
    assert call(monkeypatch, *words) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert "hint: " in shown


def test_a_baseline_of_other_questions_cannot_open_the_gate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    first, *_ = (RESULTS / "baseline" / "cases.jsonl").read_text(encoding="utf-8").splitlines()
    other = json.dumps(json.loads(first) | {"id": "gone-01"})
    (tmp_path / "cases.jsonl").write_text(other + "\n", encoding="utf-8")
    assert call(monkeypatch, "gate", "--baseline", str(tmp_path)) == 2
    assert "has none of these questions" in capsys.readouterr().err


def test_tables_go_between_their_marks_and_nowhere_else(tmp_path: Path) -> None:
    rows = {"all": {"right": Interval(0.5, 0.4, 0.61, 20), "AUROC": Interval(math.nan, math.nan, math.nan, 20)}}
    file = tmp_path / "README.md"
    file.write_text("before\n<!-- eval:x -->\nold\n<!-- /eval:x -->\nafter\n", encoding="utf-8")
    for _ in range(2):
        tables.replace_between(file, "eval:x", tables.markdown(rows, "questions"))
    assert file.read_text(encoding="utf-8") == (
        "before\n<!-- eval:x -->\n| questions | n | right | AUROC |\n|---|---|---|---|\n"
        "| all | 20 | 0.50 [0.40, 0.61] | – |\n<!-- /eval:x -->\nafter\n"
    )
    with pytest.raises(BadInput, match="has no marks for eval:y"):
        tables.replace_between(file, "eval:y", "")
