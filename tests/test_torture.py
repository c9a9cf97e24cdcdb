"""A short torture passes, and its checks name what is wrong with a store that was damaged on purpose."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tantivy

from assistant import Article, Assistant, Settings
from assistant.outbox import note
from evals.bench.torture.__main__ import main
from evals.bench.torture.articles import HashedWords, marker, wording
from evals.bench.torture.checks import problems
from evals.bench.torture.journals import acknowledged, allowed, intended
from evals.bench.torture.rounds import Tally
from evals.bench.torture.scenarios import SCENARIOS, Scenario, Task

ROOT = Path(__file__).resolve().parent.parent
IDS = [f"a{number:04}.txt" for number in range(12)]
EXPECTED = {id_: {1} for id_ in IDS} | {"a0050.txt": {0}}

Damage = Callable[[Assistant], None]


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Assistant]:
    wire = tmp_path / "wire.jsonl"
    lines = [{"id": id_, "title": f"News {id_}", "text": wording(id_, 1)} for id_ in [*IDS, "a0050.txt"]]
    wire.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    with Assistant(Settings(home=tmp_path / "home", ranker="none"), encoder=HashedWords()) as opened:
        assert opened.add([wire]).pending_vectors == 0
        opened.remove(["a0050.txt"])
        yield opened


def chunk_of(assistant: Assistant, id_: str = IDS[3]) -> str:
    article = assistant.article(id_)
    assert isinstance(article, Article)
    return assistant.store.chunks(article)[0].id


def lose_a_vector(assistant: Assistant) -> None:
    vectors = assistant.store.own_vectors()
    assert vectors is not None
    vectors.delete([chunk_of(assistant)])


def mistake_a_vector(assistant: Assistant) -> None:
    vectors = assistant.store.own_vectors()
    assert vectors is not None
    vectors.write([chunk_of(assistant)], HashedWords().encode_passages(["something else"]))


def keep_a_vector_too_many(assistant: Assistant) -> None:
    vectors = assistant.store.own_vectors()
    assert vectors is not None
    vectors.write(["of-no-article"], HashedWords().encode_passages(["something else"]))


def write_words_twice(assistant: Assistant) -> None:
    document = tantivy.Document()
    document.add_text("chunk_id", chunk_of(assistant))
    document.add_text("text_en", f"{marker(IDS[3], 1)} again")
    with assistant.store.writing(), assistant.store.fulltext._writer() as writer:
        writer.add_document(document)
        writer.commit()


def lose_words(assistant: Assistant) -> None:
    with assistant.store.writing():
        assistant.store.fulltext.write([], [chunk_of(assistant)])


def change(assistant: Assistant, sql: str) -> None:
    with assistant.store.database.writing() as connection:
        connection.execute(sql, (IDS[3],))


def shorten_a_text(assistant: Assistant) -> None:
    change(assistant, "UPDATE version SET text = substr(text, 1, 100) WHERE article_id = ?")


def shorten_a_passage(assistant: Assistant) -> None:
    change(assistant, 'UPDATE chunk SET "end" = "end" - 5 WHERE article_id = ? AND position = 0')


def lose_an_article(assistant: Assistant) -> None:
    assistant.remove([IDS[3]])


def bring_back_an_article(assistant: Assistant) -> None:
    wire = assistant.settings.home.parent / "wire.jsonl"
    assistant.add([wire], again=True)


def leave_work_open(assistant: Assistant) -> None:
    with assistant.store.database.writing():
        note(assistant.store.database, "add", [chunk_of(assistant)])


def orphan_a_passage(assistant: Assistant) -> None:
    assistant.store.database.connection.execute("PRAGMA foreign_keys = OFF")
    change(assistant, "DELETE FROM version WHERE article_id = ?")


def test_a_sound_store_has_no_problems(stored: Assistant) -> None:
    assert problems(stored, EXPECTED) == []


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lose_a_vector, ["unsound: 1 chunks are missing in vectors", "misindexed: vectors: 1 chunks", "far: the vector of"]),
        (mistake_a_vector, ["far: the vector of"]),
        (keep_a_vector_too_many, ["unsound: 1 chunks in vectors are in no article", "misindexed: vectors: 0 chunks"]),
        (write_words_twice, ["not each once"]),
        (lose_words, ["unsound: 1 chunks are missing in fulltext", "misindexed: fulltext: 1 chunks"]),
        (shorten_a_text, [f"lost: {IDS[3]} has a text that it may not have", "torn: the passages"]),
        (shorten_a_passage, [f"torn: the passages of {IDS[3]} do not tile", "torn: a0003.txt is cut otherwise"]),
        (lose_an_article, [f"lost: {IDS[3]} was acknowledged and is not there"]),
        (bring_back_an_article, ["lost: a0050.txt has a text that it may not have"]),
        (leave_work_open, ["unsound: 2 rows of index work are open"]),
        (orphan_a_passage, ["unsound: a row of the catalog refers to none"]),
    ],
)  # fmt: skip
def test_a_damaged_store_is_noticed(stored: Assistant, damage: Damage, said: list[str]) -> None:
    damage(stored)
    found = problems(stored, EXPECTED)
    for part in said:
        assert any(part in what for what in found), (part, found)


def test_what_may_be_found_after_a_kill() -> None:
    """Acknowledged: as told. In the making: as before or as after. A removal that nobody reported may have happened."""
    scenario = Scenario(
        {"kept": 1, "changing": 1, "going": 1},
        (Task("sync", {"changing": 2, "new": 1, "other": 1}), Task("remove", {"going": 0, "new": 0})),
    )
    said: list[dict[str, Any]] = [{"acknowledged": {"new": 1}}, {"asked": 3}]
    assert allowed(scenario, said) == {
        "kept": {1}, "changing": {1, 2}, "going": {0, 1}, "new": {0, 1}, "other": {0, 1},
    }  # fmt: skip
    said += [{"acknowledged": {"going": 0, "new": 0}}, {"acknowledged": {"new": 1, "changing": 2}}]
    assert acknowledged(said) == {"going": 0, "new": 0, "changing": 2}
    assert allowed(scenario, said)["new"] == {0}
    assert intended(scenario) == {"kept": {1}, "changing": {2}, "going": {0}, "new": {0}, "other": {1}}


def test_a_failure_keeps_its_folder_and_says_the_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rebuild is said to remove an article. It does not, so the check after it has to fail."""
    lie = Scenario(dict.fromkeys(IDS, 1), (Task("rebuild", {IDS[0]: 0}),))
    monkeypatch.setitem(SCENARIOS, "lie", lie)
    given = ["--kills", "1", "--seed", "5", "--only", "lie", "--work", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main(given) == 1
    told = capsys.readouterr()
    assert f"FAILED lie, seed 5, round 1, no kill: done again: lost: {IDS[0]} has a text that it may not" in told.err
    assert "| lie | 1 | " in told.out
    kept = sorted(tmp_path.glob("torture-*/lie/failed-*/failure.txt"))
    assert kept
    assert (kept[0].parent / "home" / "catalog.sqlite").exists()
    assert json.loads((tmp_path / "out" / "torture.json").read_text("utf-8"))["scenarios"][0]["kills"] == 1


@pytest.mark.parametrize(
    ("given", "stopped", "replaced"),
    [
        ([], False, True),
        (["--only", "sync"], False, False),
        (["--kills", "1"], False, False),  # most scenarios get none
        ([], True, False),
    ],
)
def test_only_the_table_of_a_whole_torture_is_published(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: list[str],
    stopped: bool,
    replaced: bool,
) -> None:
    class Quick:
        """Kills nothing, and is interrupted in its last scenario where it is to be."""

        def __init__(self, name: str, work: Path, *, seed: int) -> None:
            self.tally = Tally(name)

        def run(self, kills: int) -> None:
            self.tally.kills = kills
            if stopped and self.tally.name == list(SCENARIOS)[-1]:
                raise KeyboardInterrupt

    monkeypatch.setattr("evals.bench.torture.__main__.Torture", Quick)
    readme = tmp_path / "README.md"
    readme.write_text("<!-- bench:torture -->\nold\n<!-- /bench:torture -->\n", encoding="utf-8")
    where = ["--work", str(tmp_path / "work"), "--out", str(tmp_path), "--into", str(readme)]
    assert main([*given, *where]) == (130 if stopped else 0)
    assert ("| all |" in readme.read_text("utf-8")) is replaced
    assert ("old" in readme.read_text("utf-8")) is not replaced
    assert ("is left as it is" in capsys.readouterr().err) is not replaced


def test_a_short_torture_passes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "evals.bench.torture", "--kills", "6", "--work", str(tmp_path / "work")]
    command += ["--only", "sync", "--only", "adder + remover", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "| all | 6 | 0 |" in done.stdout
    assert (tmp_path / "torture.md").read_text("utf-8") == done.stdout
    assert not list((tmp_path / "work").iterdir()), "nothing is kept where nothing failed"
