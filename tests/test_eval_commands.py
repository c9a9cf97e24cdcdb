"""The doors of the evaluation: exit codes and hints, tables in a file."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from assistant import BadInput, cli
from evals import sets, tables
from evals.metrics import Interval
from evals.run import RESULTS, Case, read_cases
from evals.schema import PRACTICE, QUESTIONS
from evals.summary import summarise


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
        (["run", "--questions", str(PRACTICE)], "none of the articles that answer these questions is in"),
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


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"evidence": []}, "the evidence of owl-01 is missing or has no positions"),
        ({"evidence": [[{"article": "owl.md", "quote": "The owl left."}]]}, "is missing or has no positions"),
        ({"answerable": False}, "is missing or has no positions"),
        ({}, "there are two questions owl-01"),
    ],
)
def test_questions_that_cannot_be_scored_are_not_asked(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    change: dict[str, object],
    said: str,
) -> None:
    span = {"article": "owl.md", "quote": "The owl left.", "start": 0, "end": 13}
    row = {"id": "owl-01", "story": "owl", "kind": "fact", "question": "Who left?", "answerable": True}
    row |= {"evidence": [[span]], "points": [["owl"]]} | change
    (tmp_path / "splits.json").write_text('{"fit": ["owl"], "dev": [], "held": []}', encoding="utf-8")
    file = tmp_path / "owl.jsonl"
    file.write_text(f"{json.dumps(row)}\n" * (1 if change else 2), encoding="utf-8")
    assert call(monkeypatch, "run", "--questions", str(file), "--corpus", str(tmp_path)) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("change", [{"id": "gone-01"}, {"question_hash": "of other gold"}])
def test_a_baseline_of_other_questions_cannot_open_the_gate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, change: dict[str, str]
) -> None:
    first, *_ = (RESULTS / "baseline" / "cases.jsonl").read_text(encoding="utf-8").splitlines()
    other = json.dumps(json.loads(first) | change)
    (tmp_path / "cases.jsonl").write_text(other + "\n", encoding="utf-8")
    assert call(monkeypatch, "gate", "--baseline", str(tmp_path)) == 2
    assert "has none of these questions" in capsys.readouterr().err


def write_run(folder: Path, cases: list[Case], *, ids: list[str]) -> Path:
    """A run of these ids as far as it was asked."""
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps({"ids": ids}), encoding="utf-8")
    (folder / "cases.jsonl").write_text("".join(json.dumps(asdict(case)) + "\n" for case in cases), encoding="utf-8")
    return folder


def test_an_unfinished_run_is_neither_published_nor_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    cases = read_cases(RESULTS / "baseline")[:6]
    ids = [case.id for case in cases]
    part = str(write_run(tmp_path / "part", cases[:4], ids=ids))
    whole = str(write_run(tmp_path / "whole", cases, ids=ids))
    readme = tmp_path / "README.md"
    for words in (
        ["tables", part, "--readme", str(readme)],
        ["compare", whole, part],
        ["compare", part, whole],
        ["gate", "--baseline", part],
    ):
        assert call(monkeypatch, *words) == 2
        shown = capsys.readouterr().err
        assert "part is unfinished: 4 of 6 questions were asked" in shown
        assert f"--out {part}" in " ".join(shown.split())
    assert not readme.exists()
    assert call(monkeypatch, "compare", whole, whole) == 0


def test_a_comparison_says_what_it_leaves_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    cases = [replace(case, question_hash="1") for case in read_cases(RESULTS / "baseline")[:6]]
    ids = [case.id for case in cases]
    corrected = [replace(cases[0], question_hash="2"), *cases[1:]]
    one, other = (str(write_run(tmp_path / name, run, ids=ids)) for name, run in (("a", cases), ("b", corrected)))
    assert call(monkeypatch, "compare", one, other) == 0
    assert f"1 questions are left out, their words or gold were changed: {ids[0]}" in capsys.readouterr().out
    assert call(monkeypatch, "compare", one, one) == 0
    assert "left out" not in capsys.readouterr().out


def test_a_broken_promise_to_another_set_is_said_saved_and_exits_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    cases = read_cases(RESULTS / "baseline")[:6]
    cases[0] = replace(cases[0], score=replace(cases[0].score, broken=("quotes gone.md, which is not in the corpus",)))
    asked = {"bad.json": cases, "good.json": cases[1:]}
    monkeypatch.setattr(sets, "load", lambda path, **_: sets.QuestionSet(path.name, "", (), (), "a note"))
    monkeypatch.setattr(sets, "run_set", lambda chosen, **_: asked[chosen.name])
    saved = tmp_path / "sets.json"
    assert call(monkeypatch, "sets", "good.json", "bad.json", "--save", str(saved)) == 1
    said = capsys.readouterr().err
    assert f"broken promise, bad.json: {cases[0].id}: quotes gone.md" in said
    found = json.loads(saved.read_text(encoding="utf-8"))
    assert found["broken"] == {"good.json": 0, "bad.json": 1}
    summary = summarise(cases)
    assert tables.blocks(summary, saved)["eval:sets"].endswith("\n\nBroken promises: bad.json 1.")
    del found["broken"]  # as it was saved before
    saved.write_text(json.dumps(found), encoding="utf-8")
    assert "Broken" not in tables.blocks(summary, saved)["eval:sets"]
    assert call(monkeypatch, "sets", "good.json") == 0


def test_the_tables_say_which_splits_they_are_over(tmp_path: Path) -> None:
    asked = read_cases(RESULTS / "baseline")
    cases = [case for sort in (True, False) for case in [c for c in asked if c.answerable is sort][:10]]
    blocks = tables.blocks(summarise([*cases, replace(cases[0], split="fit")]), tmp_path / "none.json")
    assert blocks["eval:declining"].startswith("| figure, over the dev questions | n |")
    assert blocks["eval:rules"].startswith("| rule, over the dev questions | n |")
    assert f"| the assistant | {len(cases)} |" in blocks["eval:rules"]
    assert f"| all | {len(cases) + 1} |" in blocks["eval:kinds"]


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
