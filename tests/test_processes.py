"""Several processes and a killed one: a chat answers from what another shell adds, and nothing acknowledged is lost."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from assistant import Assistant, Settings, owner
from assistant.api import build_app
from assistant.database import Database
from assistant.doctor import examine
from tests.doubles import WordEncoder
from tests.filler import filler

Write = Callable[..., Path]

BRIDGE = "The bridge at Aldwick was closed on Monday. Engineers found a crack in the northern pillar."
QUESTION = "When was the bridge at Aldwick closed?"


@contextmanager
def chat(home: Path) -> Iterator[str]:
    """``assistant chat`` in a process of its own; gives its address."""
    command = [
        sys.executable,
        "-c",
        "from assistant.cli import main; main()",
        "--home",
        str(home),
        "chat",
        "--port",
        "0",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, line
        yield found.group()
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) in (0, 130)


def ask(address: str) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.post(f"{address}api/ask", json={"question": QUESTION}, timeout=60).json()
    return answer


def open_new(home: Path, barrier: Barrier) -> None:
    barrier.wait(30)
    Database(home / "catalog.sqlite", wait_seconds=30).close()


def test_processes_that_open_a_new_folder_at_the_same_moment_all_open_it(tmp_path: Path) -> None:
    """SQLite does not wait for another that turns the file to WAL; unguarded, most of these rounds fail."""
    context = get_context("fork")
    for number in range(20):
        barrier = context.Barrier(4)
        processes = [context.Process(target=open_new, args=(tmp_path / str(number), barrier)) for _ in range(4)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
        assert [process.exitcode for process in processes] == [0] * 4


def test_a_running_chat_answers_from_what_a_second_shell_adds(tmp_path: Path, write: Write) -> None:
    home = tmp_path / "home"
    path = write("bridge.md", BRIDGE, title="Bridge closed", published="2024-05-06")
    with chat(home) as address:
        assert "assistant add" in ask(address)["reason"]
        add = [sys.executable, "-c", "from assistant.cli import main; main()", "--home", str(home), "add", str(path)]
        done = subprocess.run(add, capture_output=True, text=True, check=True, timeout=120)
        assert "1 added" in done.stdout
        answer = ask(address)
        assert answer["statements"][0]["text"] == "The bridge at Aldwick was closed on Monday."
        assert answer["passages"][0]["lexical_rank"] == 1
        deadline = time.monotonic() + 30
        while ask(address)["passages"][0]["dense_rank"] is None and time.monotonic() < deadline:
            time.sleep(0.2)
        answer = ask(address)
        assert (answer["passages"][0]["dense_rank"], answer["notes"]) == (1, [])
        shown = [sys.executable, "-c", "from assistant.cli import main; main()", "--home", str(home), "ask", QUESTION]
        second = subprocess.run([*shown, "--json"], capture_output=True, text=True, check=True, timeout=120)
        answer = json.loads(second.stdout)
        assert (answer["passages"][0]["dense_rank"], answer["notes"]) == (1, []), "the chat answered it"
        other = os.environ | {"ASSISTANT_PASSAGES": "7"}
        third = subprocess.run(shown, capture_output=True, text=True, check=True, timeout=120, env=other)
        assert "Searched by words only" in third.stdout, "under other settings the chat is not asked, and that is said"
        wrong = httpx.post(f"{address}api/owner/ask", json={"question": QUESTION, "turns": [], "filters": {}})
        assert wrong.status_code == 403
    assert not (home / "owner.json").exists()


def test_a_killed_owner_is_succeeded(tmp_path: Path, write: Write) -> None:
    """Its address is still there, its lock is not: the next process takes over and answers by itself."""
    settings = Settings(home=tmp_path / "home")
    with Assistant(settings, encoder=WordEncoder()) as assistant:
        assistant.add([write("bridge.md", BRIDGE, title="Bridge closed", published="2024-05-06")])
    door = owner.Door("http://127.0.0.1:9", settings.answering_hash)
    owner.announce(settings.home, door)
    assert (settings.home / "owner.json").stat().st_mode & 0o077 == 0
    with Assistant(settings, encoder=WordEncoder()) as assistant:
        assert assistant.ask(QUESTION).passages[0].dense_rank == 1
        assert not (settings.home / "owner.json").exists()


def test_an_owner_that_does_not_answer_is_done_without(tmp_path: Path, write: Write) -> None:
    settings = Settings(home=tmp_path / "home")
    with Assistant(settings, encoder=WordEncoder()) as first, Assistant(settings, encoder=WordEncoder()) as second:
        first.add([write("bridge.md", BRIDGE, title="Bridge closed", published="2024-05-06")])
        first.store.announce(owner.Door("http://127.0.0.1:9", settings.answering_hash))
        answer = second.ask(QUESTION)
        assert answer.passages[0].lexical_rank == 1
        assert "by words only" in answer.notes[0]


def test_an_owner_that_says_nothing_is_asked_once(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chat that was suspended still takes connections."""
    monkeypatch.setattr(owner, "_PATIENCE", 0.3)
    settings = Settings(home=tmp_path / "home")
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        Assistant(settings, encoder=WordEncoder()) as first,
        Assistant(settings, encoder=WordEncoder()) as second,
    ):
        first.add([write("bridge.md", BRIDGE, title="Bridge closed", published="2024-05-06")])
        first.store.announce(owner.Door(f"http://127.0.0.1:{mute.getsockname()[1]}", settings.answering_hash))
        stages = [step for step in second.ask_in_stages(QUESTION) if isinstance(step, str)]
        assert "Asking the running chat" in stages
        stages = [step for step in second.ask_in_stages(QUESTION) if isinstance(step, str)]
        assert "Asking the running chat" not in stages
        assert "by words only" in second.ask(QUESTION).notes[0]


def test_what_an_owner_says_is_held_against_the_catalog(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path / "home")
    with Assistant(settings, encoder=WordEncoder()) as first, Assistant(settings, encoder=WordEncoder()) as second:
        first.add([write("bridge.md", BRIDGE, title="Bridge closed", published="2024-05-06")])
        said = first.ask(QUESTION)
        (statement,) = said.statements
        (citation,) = statement.citations
        made_up = replace(statement, text="Moon fell.", citations=(replace(citation, quote="Moon fell."),))
        for answered, believed in ((said, True), (replace(said, statements=(made_up,)), False)):
            monkeypatch.setattr("assistant.assistant.ask_owner", lambda *_, answered=answered, **__: answered)
            answer = second.ask(QUESTION)
            assert "Moon" not in " ".join(one.text for one in answer.statements)
            assert any("by words only" in note for note in answer.notes) is not believed


def test_a_chat_that_is_embedding_closes_at_once(tmp_path: Path) -> None:
    """What it leaves open is finished by the next process."""
    home, wire = tmp_path / "home", tmp_path / "wire.jsonl"
    wire.write_text("\n".join(json.dumps(article) for article in filler(3_000)), encoding="utf-8")
    with Assistant(Settings(home=home)) as assistant:
        assistant.add([wire], wait=False)
        waiting = assistant.store.pending("vectors")
        with chat(home):
            deadline = time.monotonic() + 60
            while assistant.store.pending("vectors") == waiting and time.monotonic() < deadline:
                time.sleep(0.1)
            started = time.monotonic()
        assert time.monotonic() - started < 20
        assert 0 < assistant.store.pending("vectors") < waiting


def test_the_index_work_of_a_chat_survives_any_error(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with Assistant(Settings(home=tmp_path / "home"), encoder=WordEncoder()) as assistant:
        assistant.add([write("bridge.md", BRIDGE, title="Bridge closed")], wait=False)
        catch_up, failures = assistant.store.catch_up, [sqlite3.OperationalError("database or disk is full")]

        def fail_once(*given: Any, **named: Any) -> int:
            if failures:
                raise failures.pop()
            return catch_up(*given, **named)

        monkeypatch.setattr(assistant.store, "catch_up", fail_once)
        with TestClient(build_app(assistant)):
            deadline = time.monotonic() + 60
            while assistant.store.pending("vectors") and time.monotonic() < deadline:
                time.sleep(0.1)
        assert assistant.store.pending("vectors") == 0
        assert "disk is full" in caplog.text


def test_an_add_that_is_killed_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """kill -9 in the middle of adding 3,000 articles; the next process finishes the work and the doctor finds nothing."""
    home, wire = tmp_path / "home", tmp_path / "wire.jsonl"
    wire.write_text("\n".join(json.dumps(article) for article in filler(3_000)), encoding="utf-8")
    script = (
        "import sys\nfrom pathlib import Path\nfrom assistant import Assistant, Settings\nfrom tests.doubles import WordEncoder\n"
        "def say(stage, done, total): print(stage, done, flush=True)\n"
        f"assistant = Assistant(Settings(home=Path({str(home)!r})), encoder=WordEncoder())\n"
        f"assistant.add([Path({str(wire)!r})], on_progress=say)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    acknowledged = 0
    for line in process.stdout:
        stage, done = line.split()
        if stage == "Reading":
            acknowledged = int(done)
        if acknowledged >= 500:
            break
    process.kill()
    assert process.wait() == -signal.SIGKILL
    with Assistant(Settings(home=home), encoder=WordEncoder()) as assistant:
        assert assistant.store.catch_up() == 0
        stored = len(assistant.articles())
        assert stored >= acknowledged
        assert examine(assistant.store, lambda: "none").problems == ()
        report = assistant.sync(wire)
        assert (len(report.unchanged), len(report.added)) == (stored, 3_000 - stored)
        assert examine(assistant.store, lambda: "none").problems == ()
