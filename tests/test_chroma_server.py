"""A Chroma server in place of the folder: a real one, which two data folders share without seeing each other's vectors."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from assistant import Assistant, Settings
from assistant.doctor import examine
from assistant.errors import StoreProblem
from tests.doubles import WordEncoder

Write = Callable[..., Path]

BRIDGE = "The bridge at Aldwick was closed on Monday. Engineers found a crack in the northern pillar."
FERRY = "The ferry to Sandhaven sails again. Its captain praised the shipyard."


@contextmanager
def running_server(folder: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = str(Path(sys.executable).with_name("chroma"))
    place = ["--path", str(folder), "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen([program, "run", *place], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                httpx.get(f"{url}/api/v2/heartbeat").raise_for_status()
                break
            except httpx.HTTPError:
                assert process.poll() is None, "the server ended"
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_server(tmp_path_factory.mktemp("chroma")) as url:
        yield url


def vectors_of(assistant: Assistant) -> set[str]:
    vectors = assistant.store.own_vectors()
    assert vectors is not None
    return vectors.ids()


def test_two_data_folders_on_one_server_do_not_share_vectors(server: str, tmp_path: Path, write: Write) -> None:
    mine, theirs = (Settings(home=tmp_path / name, chroma_url=server) for name in ("mine", "theirs"))
    with Assistant(mine, encoder=WordEncoder()) as one, Assistant(theirs, encoder=WordEncoder()) as other:
        one.add([write("bridge.md", BRIDGE, title="Bridge")])
        other.add([write("ferry.md", FERRY, title="Ferry")])
        assert len(vectors_of(one)) == len(vectors_of(other)) == 1
        assert vectors_of(one).isdisjoint(vectors_of(other))
        other.store.rebuild("vectors")
        assert one.retrieve("northern pillar")[0].dense_rank == 1
        saved = tmp_path / "saved.sqlite"
        one.store.database.backup(saved)
        other.store.restore(saved)
        other.remove(["bridge.md"])
        assert vectors_of(other) == set()
        assert len(vectors_of(one)) == 1


def test_one_process_owns_the_vectors_of_a_data_folder_on_a_server_too(
    server: str, tmp_path: Path, write: Write
) -> None:
    settings = Settings(home=tmp_path / "home", chroma_url=server)
    with Assistant(settings, encoder=WordEncoder()) as chat, Assistant(settings, encoder=WordEncoder()) as beside:
        chat.add([write("bridge.md", BRIDGE, title="Bridge")])
        with pytest.raises(StoreProblem, match="another process owns"):
            beside.store.rebuild("vectors")
        assert chat.retrieve("northern pillar")[0].dense_rank == 1
    with Assistant(settings, encoder=WordEncoder()) as again:
        assert again.retrieve("northern pillar")[0].dense_rank == 1


def test_vectors_that_were_kept_elsewhere_meanwhile_are_made_anew(server: str, tmp_path: Path, write: Write) -> None:
    folder = Settings(home=tmp_path / "home")
    served = folder.model_copy(update={"chroma_url": server})
    other = WordEncoder(fingerprint="words-2")
    with Assistant(folder, encoder=WordEncoder()) as assistant:
        assistant.add([write("bridge.md", BRIDGE, title="Bridge")])
    with Assistant(served, encoder=other) as assistant:
        assistant.store.rebuild()
        assistant.add([write("ferry.md", FERRY, title="Ferry")])
    with Assistant(folder, encoder=other) as assistant:
        assert vectors_of(assistant) == set()
        assistant.catch_up()
        assert len(vectors_of(assistant)) == 2
        assert assistant.retrieve("captain shipyard")[0].dense_rank == 1


def test_a_server_that_is_gone_is_said_with_a_hint(tmp_path: Path, write: Write) -> None:
    with running_server(tmp_path / "chroma") as url:
        settings = Settings(home=tmp_path / "home", chroma_url=url)
        assistant = Assistant(settings, encoder=WordEncoder())
        assistant.add([write("bridge.md", BRIDGE, title="Bridge")])
    with assistant, pytest.raises(StoreProblem, match="cannot be used") as caught:
        assistant.ask("When was the bridge closed?")
    assert "Start the server" in caught.value.hint
    with Assistant(settings, encoder=WordEncoder()) as again:
        examined = examine(again.store, lambda: "none")
    assert any("cannot be opened" in problem.what for problem in examined.problems)
    assert examined.counts["articles"] == 1


def test_the_doctor_looks_at_a_server_without_taking_the_vectors_there(
    server: str, tmp_path: Path, write: Write
) -> None:
    folder = Settings(home=tmp_path / "home")
    with Assistant(folder, encoder=WordEncoder()) as assistant:
        assistant.add([write("bridge.md", BRIDGE, title="Bridge")])
    with Assistant(folder.model_copy(update={"chroma_url": server}), encoder=WordEncoder()) as looking:
        assert "kept elsewhere" in examine(looking.store, lambda: "none").problems[0].what
    with Assistant(folder, encoder=WordEncoder()) as assistant:
        assert len(vectors_of(assistant)) == 1
        assert assistant.store.pending("vectors") == 0
