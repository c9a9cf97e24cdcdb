"""The command line as a user types it: in a process of its own, with exit codes, JSON and hints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from assistant import cli
from assistant.errors import AssistantError, BadSetting
from assistant.settings import load_settings

Write = Callable[..., Path]

BRIDGE = "The bridge at Aldwick was closed on Monday. Engineers found a crack in the northern pillar."


def assistant(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the installed command. ``ASSISTANT_HOME`` points into the test's own folder."""
    command = [sys.executable, "-c", "from assistant.cli import main; main()", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=dict(os.environ))


def run(*words: str | Path) -> tuple[int, str]:
    """Run a command that needs no model in this process: exit code and everything that was printed."""
    result = CliRunner().invoke(cli.app, [str(word) for word in words])
    if isinstance(result.exception, AssistantError):
        return result.exception.exit_code, f"{result.output}{result.exception}\n{result.exception.hint}"
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_add_ask_show_list_remove(write: Write) -> None:
    path = write("bridge.md", BRIDGE, title="Bridge closed", source="Sample Wire", published="2024-05-06")
    added = assistant("add", path, "--json")
    assert added.returncode == 0, added.stderr
    assert json.loads(added.stdout)["added"] == ["bridge.md"]
    asked = assistant("ask", "When was the bridge at Aldwick closed?", "--json")
    assert asked.returncode == 0, asked.stderr
    answer = json.loads(asked.stdout)
    assert answer.keys() >= FIELDS
    citation = answer["statements"][0]["citations"][0]
    assert citation["quote"] == "The bridge at Aldwick was closed on Monday."
    assert BRIDGE[citation["start"] : citation["end"]] == citation["quote"]
    plain = assistant("ask", "When was the bridge at Aldwick closed?")
    assert "The bridge at Aldwick was closed on Monday." in plain.stdout
    assert "Sample Wire, 6 May 2024" in plain.stdout
    assert run("list")[1].startswith("2024-05-06  bridge.md  Bridge closed (Sample Wire)")
    assert BRIDGE in run("show", "bridge.md")[1]
    assert run("remove", "bridge.md")[0] == 0
    assert "removed on" in run("show", "bridge.md")[1]
    assert json.loads(run("list", "--json")[1]) == []


FIELDS = {
    "question", "asked_as", "outcome", "abstained", "reason", "as_of", "newest_cited", "confidence", "seconds", "statements",
    "passages", "nearest", "engine",
}  # fmt: skip


def test_a_file_of_questions_is_resumed_where_it_was_cut_off(write: Write, tmp_path: Path) -> None:
    assert assistant("add", write("bridge.md", BRIDGE, title="Bridge closed", published="2024-05-06")).returncode == 0
    lines: list[dict[str, Any]] = [
        {"id": "q1", "question": "When was the bridge at Aldwick closed?"},
        {
            "id": "q2",
            "question": "What did engineers find?",
            "turns": [{"question": "What about Aldwick?", "answer": ""}],
        },
        {"id": "q3", "question": "Who closed the bridge?", "as_of": "2020-01-01"},
        {"id": "q4", "question": "When was the bridge at Aldwick closed?", "since": "2024-05-07", "source": "Nobody"},
    ]
    questions = write(
        "questions.jsonl", "\n".join([*map(json.dumps, lines), "{broken", '{"id": "q5", "question": ""}'])
    )
    out = tmp_path / "answers.jsonl"
    first = assistant("ask", "--file", questions, "--out", out)
    assert first.returncode == 1
    assert "questions.jsonl:5" in first.stderr
    assert "questions.jsonl:6" in first.stderr
    answers = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [answer["id"] for answer in answers] == ["q1", "q2", "q3", "q4"]
    assert (answers[2]["as_of"], answers[2]["abstained"]) == ("2020-01-01", True)
    assert not answers[0]["abstained"]
    assert answers[3]["reason"] == "No article matches these dates and this source."
    kept = out.read_bytes().splitlines()[:2]
    out.write_bytes(kept[0] + b"\n" + kept[1][:30] + "“".encode()[:2])  # within a character
    assert assistant("ask", "--file", questions, "--out", out).returncode == 1
    assert [json.loads(line)["id"] for line in out.read_text(encoding="utf-8").splitlines()] == ["q1", "q2", "q3", "q4"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("questions.jsonl", None),  # the questions themselves
        ("wire.jsonl", '{"id": "a1", "text": "An article."}\n{"id": "a2", "text": "Another."}'),
        ("notes.txt", "one line that no newline ends"),
        ("one.json", '{"id": "a1", "text": "An article."}'),
    ],
)
def test_a_file_that_holds_no_answers_is_not_touched(
    write: Write, tmp_path: Path, name: str, content: str | None
) -> None:
    questions = write("questions.jsonl", '{"id": "q1", "question": "Who closed the bridge?"}')
    out = questions.with_name(name)
    if content:
        out.write_text(content, encoding="utf-8")
    before = out.read_bytes()
    code, errors = run("ask", "--file", questions, "--out", out)
    assert (code, "nothing was changed" in errors) == (2, True)
    assert out.read_bytes() == before


def test_an_answer_that_only_lacks_its_line_end_is_kept(write: Write, tmp_path: Path) -> None:
    questions = write("questions.jsonl", '{"id": "q1", "question": "Who closed the bridge?"}')
    out = tmp_path / "answers.jsonl"
    assert run("ask", "--file", questions, "--out", out)[0] == 0
    whole = out.read_bytes()
    out.write_bytes(whole.rstrip(b"\n"))
    assert run("ask", "--file", questions, "--out", out)[0] == 0
    assert out.read_bytes() == whole


def test_an_id_used_twice_and_a_limit_that_is_misspelt_are_named(write: Write, tmp_path: Path) -> None:
    asked = [
        {"id": "q1", "question": "Who closed the bridge?"},
        {"id": "q1", "question": "Who opened it?"},
        {"id": "q2", "question": "Who opened it?", "asof": "2020-01-01"},
    ]
    questions = write("questions.jsonl", "\n".join(map(json.dumps, asked)))
    code, errors = run("ask", "--file", questions, "--out", tmp_path / "answers.jsonl")
    assert code == 1
    assert "questions.jsonl:2: the id q1 is used twice" in errors
    assert "questions.jsonl:3: asof" in errors


BAD = [
    (["ask", ""], 2, "the question is empty"),
    (["ask", "x" * 50_000], 2, "50,000 characters"),
    (["ask"], 2, "either a question"),
    (["--home", "", "list"], 2, "no folder is named"),
    (["ask", "Who?", "--from", "2024-02-01", "--to", "2024-01-01"], 2, "no day lies between"),
    (["show", "nothing.md"], 2, "there is no article nothing.md"),
    (["remove", "nothing.md"], 1, "there is no article nothing.md"),
    (["add", "no/such/file.md"], 1, "no/such/file.md"),
    (["sync", "no/such/folder"], 2, "no/such/folder"),
    (["rebuild", "everything"], 2, "there is no index everything"),
    (["restore", "no-backup.sqlite"], 2, "there is no file"),
    (["ask", "--file", "missing.jsonl", "--out", "out.jsonl"], 2, "there is no file missing.jsonl"),
]


@pytest.mark.parametrize(
    ("words", "code", "message"), BAD, ids=lambda value: " ".join(value)[:30] if isinstance(value, list) else ""
)
def test_bad_input_is_a_line_and_a_hint(
    words: Sequence[str], code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    got, printed = run(*words)
    assert (got, message in printed) == (code, True), printed
    assert len(printed.strip().splitlines()) >= 2, "a hint follows"
    assert "Traceback" not in printed


def test_a_bad_file_does_not_stop_the_others(write: Write) -> None:
    folder = write("good.md", BRIDGE, title="Bridge").parent
    write("empty.md", "")
    write("front.md", "---\ntitle: [open\n---\n" + BRIDGE)
    (folder / "picture.txt").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    (folder / "latin.txt").write_bytes(
        "Überschrift\n\nDer Fluss trat über die Ufer, sagte der Bürgermeister.".encode("cp1252")
    )
    (folder / "huge.jsonl").write_text(json.dumps({"id": "h", "text": "x" * 10_000_000}) + "\n", encoding="utf-8")
    code, printed = run("add", folder)
    assert code == 1
    for failed in ("empty.md", "front.md", "picture.txt", "huge.jsonl"):
        assert f"failed {failed}" in printed or f"/{failed}" in printed
    assert "2 added" in printed
    assert "not UTF-8" in printed
    assert printed.count("hint:") == 4


def test_an_add_says_what_is_findable_by_words_before_it_embeds(write: Write) -> None:
    path = write("bridge.md", BRIDGE, title="Bridge closed")
    code, printed = run("add", path, "--no-wait")
    assert (code, printed.splitlines()) == (
        0,
        [
            "1 added",
            "findable by words; 1 passages are still to be embedded",
            "1 passages wait for a running chat, which embeds them, or for the next: assistant sync",
        ],
    )
    assert json.loads(run("add", path, "--no-wait", "--json")[1])["pending_vectors"] == 1
    printed = run("add", path)[1]
    assert printed.splitlines()[1:] == [
        "findable by words; 1 passages are still to be embedded",
        "findable by meaning too: 1 passages were embedded",
    ]


def test_an_add_that_is_interrupted_while_it_embeds_has_said_what_is_safe_and_what_failed(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("assistant.assistant.Assistant.catch_up", interrupted)
    given = ["add", str(write("bridge.md", BRIDGE, title="Bridge")), str(tmp_path / "missing.md"), "--json"]
    result = CliRunner().invoke(cli.app, given)
    assert result.exit_code != 0
    report = json.loads(result.stdout[: result.stdout.rindex("}") + 1])
    assert (report["added"], report["pending_vectors"]) == (["bridge.md"], 1)
    assert "missing.md" in result.stderr


@pytest.mark.parametrize(
    ("words", "named", "help_of"),
    [
        (("ask", "--foo"), "--foo", "assistant ask"),
        (("ask", "Who?", "--as-of", "yesterday"), "--as-of", "assistant ask"),
        (("nosuch",), "nosuch", "assistant"),
        (("eval", "run", "--foo"), "--foo", "assistant eval run"),
    ],
)
def test_a_mistyped_command_is_one_line_and_a_hint(
    words: Sequence[str], named: str, help_of: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["assistant", *words])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 2
    error, hint = capsys.readouterr().err.splitlines()
    assert error.startswith("error: ")
    assert named in error
    assert hint == f"hint: See: {help_of} --help"


def test_without_a_command_there_is_help_and_no_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["assistant"])
    with pytest.raises(SystemExit):
        cli.main()
    said = capsys.readouterr()
    assert "Usage: assistant" in said.out
    assert "error" not in said.err


def test_ctrl_c_says_that_nothing_is_lost(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "argv", ["assistant", "list"])
    monkeypatch.setattr("assistant.assistant.Assistant.articles", interrupted)
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 130
    assert capsys.readouterr().err.strip().startswith("interrupted: what was reported as done is done")


def test_a_bad_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_DENSE_WEIGHT", "a lot")
    done = assistant("list")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].startswith("error: the setting dense_weight cannot be used")
    assert done.stderr.splitlines()[1].startswith("hint: ")


def test_the_current_folder_may_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("--home", ".", "list")[0] == 0
    assert (tmp_path / "catalog.sqlite").is_file()


def test_an_empty_setting_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HOME", "CORPUS", "ENCODER", "DENSE_WEIGHT"):
        monkeypatch.setenv(f"ASSISTANT_{name}", "")
    settings, usual = load_settings(), load_settings(home=tmp_path)
    assert settings.home != Path()
    assert settings.corpus != Path()
    assert (settings.encoder, settings.dense_weight) == (usual.encoder, usual.dense_weight)


def test_what_is_not_utf_8_is_a_line_and_a_hint(write: Write) -> None:
    write("bridge.md", BRIDGE, title="Bridge closed")
    for words in (["ask", "caf\udce9?"], ["show", "\udce9"], ["add", "gone\udce9.md"]):
        done = assistant(*words)
        assert done.returncode in (1, 2), done.stderr
        assert "Traceback" not in done.stderr
        assert "hint: " in done.stderr


def test_a_file_of_questions_ends_where_the_model_is_missing(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("add", write("bridge.md", BRIDGE, title="Bridge"))[0] == 0
    asked = [{"id": f"q{n}", "question": "Who closed the bridge?"} for n in range(3)]
    questions = write("questions.jsonl", "\n".join(map(json.dumps, asked)))
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("ASSISTANT_ENCODER", str(tmp_path / "empty"))
    code, errors = run("ask", "--file", questions, "--out", tmp_path / "answers.jsonl")
    assert code == 3
    assert errors.count("holds no model weights") == 1


def test_doctor_backup_restore_rebuild(write: Write, tmp_path: Path) -> None:
    assert run("add", write("bridge.md", BRIDGE, title="Bridge"))[0] == 0
    assert run("backup", tmp_path / "saved.sqlite")[0] == 0
    assert run("remove", "bridge.md")[0] == 0
    assert run("restore", tmp_path / "saved.sqlite")[0] == 0
    assert run("rebuild", "fulltext")[0] == 0
    code, printed = run("doctor", "--json")
    health = json.loads(printed)
    assert code == 0, health
    assert health["problems"] == []
    assert health["leaves_the_machine"] == []
    assert (health["counts"]["articles"], health["counts"]["fulltext"], health["counts"]["vectors"]) == (1, 1, 1)
    assert "problems\n  none" in run("doctor")[1]


def test_a_damaged_catalog_is_restored_as_the_hint_says(write: Write, tmp_path: Path) -> None:
    saved = tmp_path / "week#40 100%.sqlite"
    assert run("add", write("bridge.md", BRIDGE, title="Bridge"))[0] == 0
    assert run("backup", saved)[0] == 0
    catalog = Path(os.environ["ASSISTANT_HOME"]) / "catalog.sqlite"
    catalog.write_bytes(b"no database" * 1000)
    code, said = run("list")
    assert code == 4
    assert "Move catalog.sqlite, catalog.sqlite-wal and catalog.sqlite-shm away" in said
    for file in catalog.parent.glob("catalog.sqlite*"):
        file.rename(tmp_path / file.name)
    assert run("restore", saved)[0] == 0
    assert run("list")[1].count("bridge.md") == 1


def test_a_restore_that_is_refused_leaves_no_copy_behind(write: Write, tmp_path: Path) -> None:
    assert run("add", write("bridge.md", BRIDGE, title="Bridge"))[0] == 0
    assert run("restore", tmp_path / "mistyped.sqlite")[0] == 2
    assert not list(Path(os.environ["ASSISTANT_HOME"]).glob("before-restore-*"))


@pytest.mark.parametrize(
    "words", [("ask", "--file", "{}/q.jsonl", "--out", "{}/no/a.jsonl"), ("--home", "{}/q.jsonl", "list")]
)
def test_a_path_that_cannot_be_used_is_a_line_and_a_hint(tmp_path: Path, words: Sequence[str]) -> None:
    (tmp_path / "q.jsonl").write_text('{"id": "q1", "question": "Who?"}\n', encoding="utf-8")
    done = assistant(*(word.format(tmp_path) for word in words))
    assert done.returncode == 4
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["error", "hint"]


def test_answers_are_resumed_whatever_characters_a_question_has(write: Write, tmp_path: Path) -> None:
    questions = write(
        "q.jsonl", json.dumps({"id": "q1", "question": "Who left\u2028and when\u0085?"}, ensure_ascii=False)
    )
    for _ in range(2):
        assert run("ask", "--file", questions, "--out", tmp_path / "a.jsonl")[0] == 0
    assert (tmp_path / "a.jsonl").read_text(encoding="utf-8").count("\n") == 1
    (tmp_path / "a.jsonl").write_bytes(b"\xff\xfe\n")
    assert run("ask", "--file", questions, "--out", tmp_path / "a.jsonl")[0] == 2


def test_what_was_only_removed_is_not_said_to_be_embedded(write: Write) -> None:
    path = write("bridge.md", BRIDGE, title="Bridge")
    write("ferry.md", "A ferry.", title="Ferry")
    assert run("sync", path.parent)[0] == 0
    path.unlink()
    code, printed = run("sync", path.parent)
    assert (code, printed.strip()) == (0, "1 unchanged, 1 removed")


def test_what_is_printed_is_utf_8_wherever_it_goes(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    assert run("add", write("lodz.md", BRIDGE, title="Łódź"))[0] == 0
    command = [sys.executable, "-c", "from assistant.cli import main; main()", "list"]
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    assert "Łódź" in done.stdout.decode("utf-8")


def test_a_home_in_the_users_folder_is_found_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings(home=Path("~/news")).home == tmp_path / "news"
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_bytes("ASSISTANT_LANGUAGE=de".encode("utf-16"))
    with pytest.raises(BadSetting, match="not UTF-8"):
        load_settings()


def test_a_damaged_or_missing_model_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_ENCODER", str(tmp_path))
    code, printed = run("doctor")
    assert code == 1
    assert "holds no model weights" in printed


@pytest.mark.parametrize(
    "command", ["ask", "add", "sync", "remove", "list", "show", "rebuild", "backup", "restore", "chat", "doctor"]
)
def test_every_command_has_help(command: str) -> None:
    code, printed = run(command, "--help")
    assert code == 0
    assert command in printed


def test_what_a_folder_holds_besides_articles_is_said(write: Write) -> None:
    folder = write("bridge.md", BRIDGE, title="Bridge").parent
    for name in ("a.html", "b.html", "c.PDF", "LICENSE", ".DS_Store"):
        write(name, "no article")
    (folder / "twin").symlink_to(folder)
    code, printed = run("add", folder, "--no-wait")
    assert (code, printed.splitlines()[1]) == (0, "left out: 2 .html, 1 .pdf, 1 other file, 1 linked folder")
    report = json.loads(run("sync", folder, "--no-wait", "--json")[1])
    assert report["notes"] == ["left out: 2 .html, 1 .pdf, 1 other file, 1 linked folder"]
