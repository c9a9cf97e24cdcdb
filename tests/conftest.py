"""Fixtures: data folders, the real encoder once a session, and the assistant over each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assistant import Assistant, Settings
from assistant.models import SentenceEncoder, load_encoder
from tests.doubles import WordEncoder

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT / "corpus"
DATA = Path(__file__).parent / "data"


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the settings or the data folder of the person who runs it."""
    import os

    for name in [name for name in os.environ if name.startswith("ASSISTANT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ASSISTANT_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="session")
def encoder() -> SentenceEncoder:
    """The real encoder, loaded once."""
    return load_encoder(Settings())


@pytest.fixture
def assistant(tmp_path: Path) -> Iterator[Assistant]:
    """An empty assistant with a small encoder: for what does not depend on meaning."""
    with Assistant(Settings(home=tmp_path / "home"), encoder=WordEncoder()) as opened:
        yield opened


@pytest.fixture(scope="session")
def newsroom(tmp_path_factory: pytest.TempPathFactory, encoder: SentenceEncoder) -> Iterator[Assistant]:
    """The shipped corpus with the real encoder, shared: tests read it and change nothing."""
    with Assistant(Settings(home=tmp_path_factory.mktemp("newsroom")), encoder=encoder) as opened:
        report = opened.sync(CORPUS)
        assert not report.failed
        assert report.pending_vectors == 0
        yield opened


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a file below ``tmp_path / "articles"``, with front matter where fields are given."""

    def write_file(name: str, text: str, **front: str) -> Path:
        path = tmp_path / "articles" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = "".join(f"{key}: {value}\n" for key, value in front.items())
        path.write_text(f"---\n{lines}---\n{text}" if front else text, encoding="utf-8")
        return path

    return write_file
