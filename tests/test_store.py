"""Adding, changing, syncing and removing: nothing acknowledged is lost, nothing removed comes back."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from assistant import Assistant, Settings, outbox
from assistant.catalog import Origin
from assistant.doctor import examine
from assistant.errors import BadInput, BrokenCitation, Busy, ModelProblem, StoreProblem, UnknownArticle
from assistant.locks import holding
from assistant.outbox import note
from assistant.schema import Article, Filters, Removed
from tests.doubles import WordEncoder
from tests.filler import filler

Write = Callable[..., Path]

BRIDGE = "The bridge at Aldwick was closed on Monday. Engineers found a crack in the northern pillar."
FERRY = "The ferry to Aldwick carries nine hundred people a day. Its owner wants a second boat."


def problems(assistant: Assistant) -> list[str]:
    return [problem.what for problem in examine(assistant.store, lambda: "none").problems]


def found(assistant: Assistant, question: str) -> set[str]:
    return {passage.article.id for passage in assistant.retrieve(question)}


def test_added_articles_are_in_both_indexes(assistant: Assistant, write: Write) -> None:
    write("bridge.md", BRIDGE, title="Bridge closed")
    write("sub/ferry.txt", FERRY)
    report = assistant.add([write("bridge.md", BRIDGE, title="Bridge closed").parent])
    assert report.added == ("bridge.md", "sub/ferry.txt")
    assert report.pending_vectors == 0
    passage = assistant.retrieve("crack in the pillar")[0]
    assert (passage.article.id, passage.lexical_rank, passage.dense_rank) == ("bridge.md", 1, 1)
    assert problems(assistant) == []


def test_the_same_bytes_change_nothing(assistant: Assistant, write: Write) -> None:
    path = write("bridge.md", BRIDGE, title="Bridge closed")
    assistant.add([path])
    revision = assistant.store.catalog.revision()
    report = assistant.add([path])
    assert report.unchanged == ("bridge.md",)
    assert assistant.store.catalog.revision() == revision


def test_an_add_that_does_not_wait_is_findable_by_words_and_finished_later(assistant: Assistant, write: Write) -> None:
    report = assistant.add([write("bridge.md", BRIDGE, title="Bridge closed")], wait=False)
    assert (report.added, report.pending_vectors) == (("bridge.md",), 1)
    assert assistant.retrieve("crack in the pillar")[0].dense_rank is None
    assert "1 passages are still being indexed" in assistant.ask("Who found a crack?").notes[0]
    assert assistant.store.catch_up(at_most=0) == 1, "too many to wait for"
    assert assistant.catch_up() == 0
    assert assistant.retrieve("crack in the pillar")[0].dense_rank == 1


def settle(path: Path, *, seconds: float = 60) -> None:
    """Let the file look as if it had not been written just now."""
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


def test_a_file_that_has_not_changed_is_not_read_again(
    assistant: Assistant, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, wire = (
        write("bridge.md", BRIDGE, title="Bridge closed"),
        write("wire.jsonl", '{"id": "f", "text": "A ferry."}'),
    )
    for file in (path, wire):
        settle(file)
    assistant.sync(path.parent)
    monkeypatch.setattr("assistant.reading.roots.read_file", None)
    monkeypatch.setattr("assistant.reading.roots.json_object", None)
    assert assistant.sync(path.parent).unchanged == ("bridge.md", "f")
    assistant.remove(["f"])
    assert assistant.sync(path.parent).tombstoned == ("f",)
    monkeypatch.undo()
    assert assistant.sync(path.parent, again=True).added == ("f",)
    settle(path, seconds=120)
    assert sorted(assistant.sync(path.parent).unchanged) == ["bridge.md", "f"], "read again: the same text"
    write("bridge.md", BRIDGE.replace("northern", "southern"), title="Bridge closed")
    assert assistant.sync(path.parent).changed == ("bridge.md",)
    write("bridge.md", BRIDGE, title="Bridge closed")
    assert assistant.sync(path.parent).changed == ("bridge.md",), "a change within the clock's grain is seen"


def test_a_file_that_went_and_comes_back_as_it_was_is_read(assistant: Assistant, write: Write, tmp_path: Path) -> None:
    path = write("bridge.md", BRIDGE, title="Bridge closed")
    write("ferry.md", FERRY, title="Ferry")
    settle(path)
    settle(path.with_name("ferry.md"))
    assistant.sync(path.parent)
    path.rename(tmp_path / "aside")
    assert assistant.sync(path.parent).removed == ("bridge.md",)
    (tmp_path / "aside").rename(path)
    assert assistant.sync(path.parent).added == ("bridge.md",)


def test_what_is_gone_from_an_added_file_goes_with_the_next_sync(assistant: Assistant, write: Write) -> None:
    wire = write("wire.jsonl", '{"id": "a", "text": "A ferry."}\n{"id": "b", "text": "A bridge."}\n')
    settle(wire)
    assistant.sync(wire)
    wire.write_text('{"id": "b", "text": "A bridge."}\n{"id": "c", "text": "A road."}\n', encoding="utf-8")
    settle(wire)
    assert assistant.add([wire]).added == ("c",), "an add removes nothing"
    report = assistant.sync(wire)
    assert (report.removed, report.unchanged) == (("a",), ("b", "c"))


def test_a_full_text_that_was_made_and_never_filled_is_filled(tmp_path: Path, write: Write) -> None:
    """As after a kill between making the index and promising it the chunks."""
    settings = Settings(home=tmp_path / "home")
    with Assistant(settings, encoder=WordEncoder()) as assistant:
        assistant.add([write("bridge.md", BRIDGE, title="Bridge")])
        assistant.store.fulltext.clear()
    with Assistant(settings, encoder=WordEncoder()) as assistant:
        assert assistant.catch_up() == 0
        assert assistant.retrieve("northern pillar")[0].lexical_rank == 1


def test_a_rebuild_that_died_leaves_no_vector_of_what_was_removed(tmp_path: Path, write: Write) -> None:
    with Assistant(Settings(home=tmp_path / "home"), encoder=WordEncoder()) as assistant:
        assistant.add([write("bridge.md", BRIDGE, title="Bridge"), write("ferry.md", FERRY, title="Ferry")])
        with assistant.store.writing():
            assistant.store.catalog.remove("ferry.md")
        outbox.refill(assistant.store.database, "vectors")  # and then, instead of emptying the index, it died
        assert assistant.catch_up() == 0
        assert problems(assistant) == []


def test_what_is_wrong_with_an_unchanged_file_is_said_every_time(assistant: Assistant, write: Write) -> None:
    wire = write("wire.jsonl", '{"id": "f", "text": "A ferry."}\nno json\n')
    other = write("z.jsonl", '{"id": "g", "text": "A bridge."}\n')
    for file in (wire, other):
        settle(file)
    assert [len(assistant.sync(wire.parent).failed) for _ in range(3)] == [1, 1, 1]
    twin = write("zz.jsonl", '{"id": "g", "text": "Another bridge."}\n')
    settle(twin)
    assert [failure.where for failure in assistant.sync(wire.parent).failed] == ["wire.jsonl:2", "zz.jsonl:1"]


def test_a_changed_file_replaces_the_old_version_which_stays_readable(assistant: Assistant, write: Write) -> None:
    path = write("bridge.md", BRIDGE, title="Bridge closed")
    assistant.add([path])
    old = assistant.article("bridge.md")
    assert isinstance(old, Article)
    write("bridge.md", BRIDGE.replace("northern", "southern"), title="Bridge closed")
    assert assistant.add([path]).changed == ("bridge.md",)
    texts = [passage.text for passage in assistant.retrieve("Which pillar has a crack?")]
    assert texts == [BRIDGE.replace("northern", "southern")]
    assert assistant.article("bridge.md", old.version) == old
    assert problems(assistant) == []


def test_going_back_to_an_earlier_text_makes_it_current_again(assistant: Assistant, write: Write) -> None:
    for text in (BRIDGE, FERRY, BRIDGE):
        assistant.add([write("news.md", text, title="News")])
    assert [passage.text for passage in assistant.retrieve("pillar crack")] == [BRIDGE]
    assert problems(assistant) == []


def test_removed_articles_are_neither_found_nor_shown_and_sync_respects_it(assistant: Assistant, write: Write) -> None:
    folder = write("bridge.md", BRIDGE, title="Bridge closed").parent
    write("ferry.md", FERRY, title="Ferry")
    assistant.sync(folder)
    cited = assistant.article("bridge.md")
    assert isinstance(cited, Article)
    report = assistant.remove(["bridge.md", "unknown.md"])
    assert [gone.article_id for gone in report.removed] == ["bridge.md"]
    assert [failure.where for failure in report.failed] == ["unknown.md"]
    assert found(assistant, "crack in the northern pillar") <= {"ferry.md"}
    assert isinstance(assistant.article("bridge.md", cited.version), Removed)
    assert assistant.sync(folder).tombstoned == ("bridge.md",)
    assert b"northern pillar" not in checkpointed(assistant)
    assert assistant.sync(folder, again=True).added == ("bridge.md",)
    assert "bridge.md" in found(assistant, "crack in the northern pillar")
    assert problems(assistant) == []


def checkpointed(assistant: Assistant) -> bytes:
    """The bytes of the catalog, once the write-ahead log is folded into it."""
    assistant.store.database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return assistant.store.database.path.read_bytes()


def test_a_citation_of_a_removed_article_is_broken(assistant: Assistant, write: Write) -> None:
    from assistant.citing import cite

    assistant.add([write("bridge.md", BRIDGE, title="Bridge closed")])
    article = assistant.article("bridge.md")
    assert isinstance(article, Article)
    citation = cite(article, 0, 43)
    assert assistant.verify(citation) == citation
    assistant.remove(["bridge.md"])
    with pytest.raises(BrokenCitation, match="removed on"):
        assistant.verify(citation)


def test_sync_removes_only_what_came_from_there(assistant: Assistant, tmp_path: Path, write: Write) -> None:
    write("one/bridge.md", BRIDGE, title="Bridge")
    write("two/ferry.md", FERRY, title="Ferry")
    one, two = tmp_path / "articles" / "one", tmp_path / "articles" / "two"
    write("one/third.md", FERRY, title="Third")
    assistant.sync(one)
    assistant.sync(two)
    (one / "third.md").unlink()
    assert assistant.sync(one).removed == ("third.md",)
    assert {row.id for row in assistant.articles()} == {"bridge.md", "ferry.md"}
    write("one/third.md", FERRY, title="Third")
    assert assistant.sync(one).added == ("third.md",), "a file that comes back is no tombstone"


def test_a_file_that_can_no_longer_be_read_is_named_and_its_article_stays(assistant: Assistant, write: Write) -> None:
    folder = write("bridge.md", BRIDGE, title="Bridge").parent
    write("ferry.md", FERRY, title="Ferry")
    assistant.sync(folder)
    (folder / "bridge.md").write_text("---\ntitle: [broken\n---\ntext", encoding="utf-8")
    report = assistant.sync(folder)
    assert report.removed == ()
    assert [failure.where.endswith("bridge.md") for failure in report.failed] == [True]
    assert "bridge.md" in found(assistant, "crack in the northern pillar")


def test_a_folder_that_can_no_longer_be_listed_removes_nothing(
    assistant: Assistant, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write("deep/bridge.md", BRIDGE, title="Bridge").parent.parent
    write("ferry.md", FERRY, title="Ferry")
    assistant.sync(folder)
    for closed in (folder, folder / "deep"):

        def refuse(path: Path, *, closed: Path = closed, list_it: Callable[[Path], Any] = os.scandir) -> Any:
            if Path(path) == closed:
                raise PermissionError(13, "Permission denied", str(path))
            return list_it(path)

        with monkeypatch.context() as patch:
            patch.setattr(os, "scandir", refuse)
            report = assistant.sync(folder)
        assert report.removed == ()
        assert [failure.hint for failure in report.failed] == ["Check that it exists and who may read it."]
    assert {row.id for row in assistant.articles()} == {"deep/bridge.md", "ferry.md"}


def test_a_line_that_moved_to_another_file_stays_with_it(assistant: Assistant, write: Write) -> None:
    old, line = write("a.jsonl", f"{json.dumps({'id': 'b', 'text': BRIDGE})}\n"), json.dumps({"id": "f", "text": FERRY})
    with old.open("a", encoding="utf-8") as file:
        file.write(line)
    assistant.sync(old.parent)
    write("b.jsonl", line)
    old.write_text(json.dumps({"id": "b", "text": BRIDGE}), encoding="utf-8")
    assert sorted(assistant.sync(old.parent).unchanged) == ["b", "f"]
    assert assistant.sync(old).removed == ()
    assert {row.id for row in assistant.articles()} == {"b", "f"}


def test_what_is_gone_from_a_linked_file_goes_with_the_next_sync(assistant: Assistant, write: Write) -> None:
    lines = [json.dumps({"id": "b", "text": BRIDGE}), json.dumps({"id": "f", "text": FERRY})]
    export = write("exports/monday.jsonl", "\n".join(lines))
    latest = export.parent.parent / "latest.jsonl"
    latest.symlink_to(export)
    assert assistant.sync(latest).added == ("b", "f")
    export.write_text(lines[0], encoding="utf-8")
    assert assistant.sync(latest).removed == ("f",)


def test_a_missing_or_emptied_folder_removes_nothing(assistant: Assistant, write: Write) -> None:
    folder = write("bridge.md", BRIDGE, title="Bridge").parent
    assistant.sync(folder)
    (folder / "bridge.md").rename(folder.parent / "elsewhere.md")
    with pytest.raises(BadInput):
        assistant.sync(folder)
    folder.rmdir()
    with pytest.raises(BadInput):
        assistant.sync(folder)
    assert [row.id for row in assistant.articles()] == ["bridge.md"]


def test_an_id_belongs_to_the_root_that_brought_it(assistant: Assistant, tmp_path: Path, write: Write) -> None:
    write("one/news.md", BRIDGE, title="Bridge")
    write("two/news.md", FERRY, title="Ferry")
    assistant.add([tmp_path / "articles" / "one"])
    report = assistant.add([tmp_path / "articles" / "two"])
    assert [failure.reason for failure in report.failed] == [
        f"the id news.md already belongs to an article from {(tmp_path / 'articles' / 'one').resolve()}"
    ]
    assert {passage.article.title for passage in assistant.retrieve("Aldwick")} == {"Bridge"}


def test_a_file_added_on_its_own_belongs_to_the_folder_that_was_synced(assistant: Assistant, write: Write) -> None:
    folder = write("deep/bridge.md", BRIDGE, title="Bridge").parent.parent
    assistant.sync(folder)
    assert assistant.add([write("deep/ferry.md", FERRY, title="Ferry")]).added == ("deep/ferry.md",)
    assert assistant.sync(folder).unchanged == ("deep/bridge.md", "deep/ferry.md")


def test_json_lines_are_articles_and_a_bad_line_stops_nothing(assistant: Assistant, write: Write) -> None:
    lines = [
        json.dumps(
            {"id": "b", "title": "Bridge", "date": "2024-05-01", "source": "Sample Wire", "url": None, "text": BRIDGE}
        ),
        "{not json",
        json.dumps({"id": "x", "title": "No text"}),
        json.dumps({"id": "f", "title": "Ferry", "date": None, "source": None, "url": None, "text": FERRY}),
    ]
    path = write("wire.jsonl", "\n".join(lines))
    report = assistant.add([path])
    assert report.added == ("b", "f")
    assert len(report.failed) == 2
    path.write_text("\n".join([lines[0], lines[3]]), encoding="utf-8")
    assert assistant.sync(path).removed == ()
    path.write_text(lines[0], encoding="utf-8")
    assert assistant.sync(path).removed == ("f",)


def test_work_left_by_a_process_that_died_is_finished_by_the_next(tmp_path: Path, write: Write) -> None:
    path = write("bridge.md", BRIDGE, title="Bridge")
    settings = Settings(home=tmp_path / "home")

    class Dying(WordEncoder):
        def encode_passages(self, texts: object) -> object:  # type: ignore[override]
            raise KeyboardInterrupt

    with Assistant(settings, encoder=Dying()) as first:  # type: ignore[arg-type]
        with pytest.raises(KeyboardInterrupt):
            first.add([path])
        assert [row.id for row in first.articles()] == ["bridge.md"], "acknowledged before the vectors"
        assert first.store.pending("vectors") == 1
    with Assistant(settings, encoder=WordEncoder()) as second:
        assert "bridge.md" in found(second, "northern pillar"), "findable by words meanwhile"
        assert second.store.catch_up() == 0
        assert second.retrieve("northern pillar")[0].dense_rank == 1
        assert problems(second) == []


@pytest.mark.parametrize("index", ["fulltext", "vectors"])
def test_a_deleted_index_folder_is_rebuilt_from_the_catalog(tmp_path: Path, write: Write, index: str) -> None:
    import shutil

    settings = Settings(home=tmp_path / "home")
    with Assistant(settings, encoder=WordEncoder()) as assistant:
        assistant.add([write("bridge.md", BRIDGE, title="Bridge"), write("ferry.md", FERRY, title="Ferry")])
    shutil.rmtree(settings.home / index)
    with Assistant(settings, encoder=WordEncoder()) as assistant:
        assistant.store.own_vectors()
        assert assistant.store.catch_up() == 0
        assert assistant.retrieve("northern pillar")[0].lexical_rank == 1
        assert problems(assistant) == []


def test_the_doctor_sees_a_row_that_is_missing_and_rebuild_mends_it(assistant: Assistant, write: Write) -> None:
    assistant.add([write("bridge.md", BRIDGE, title="Bridge")])
    vectors = assistant.store.own_vectors()
    assert vectors is not None
    vectors.delete(sorted(vectors.ids()))
    assert problems(assistant) == ["1 chunks are missing in vectors"]
    assistant.store.rebuild("vectors")
    assert problems(assistant) == []


def test_vectors_that_were_lost_are_made_again_at_the_next_start(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    wire = tmp_path / "wire.jsonl"
    wire.write_text("\n".join(json.dumps(article) for article in filler(300)), encoding="utf-8")
    with Assistant(settings, encoder=WordEncoder()) as assistant:
        assistant.add([wire])
        vectors = assistant.store.own_vectors()
        assert vectors is not None
        vectors.delete(assistant.store.catalog.chunk_ids()[-30:])
    with Assistant(settings, encoder=WordEncoder()) as assistant:
        assistant.store.own_vectors()
        assert assistant.store.pending("vectors") == 30
        assert assistant.catch_up() == 0
        assert problems(assistant) == []


def test_work_that_names_a_chunk_twice_is_done(assistant: Assistant, write: Write) -> None:
    """Added, changed, changed back and removed before anything was embedded."""
    path = write("bridge.md", BRIDGE, title="Bridge")
    for text in (BRIDGE, FERRY, BRIDGE):
        write("bridge.md", text, title="Bridge")
        assistant.add([path], wait=False)
    assistant.remove(["bridge.md"])
    assert assistant.catch_up() == 0
    assert problems(assistant) == []
    assert assistant.add([write("ferry.md", FERRY, title="Ferry")]).pending_vectors == 0


def test_a_sync_leaves_what_another_process_adds_meanwhile(tmp_path: Path, write: Write) -> None:
    settings = Settings(home=tmp_path / "home")
    with Assistant(settings, encoder=WordEncoder()) as first, Assistant(settings, encoder=WordEncoder()) as second:
        folder = write("bridge.md", BRIDGE, title="Bridge").parent
        first.sync(folder)

        def add_another(stage: str, done: int, total: int | None) -> None:
            if not (folder / "ferry.md").exists():
                second.add([write("ferry.md", FERRY, title="Ferry")], wait=False)

        write("bridge.md", BRIDGE + " It is open again.", title="Bridge")
        report = first.sync(folder, on_progress=add_another)
        assert (folder / "ferry.md").exists()
        assert report.removed == ()
        assert {row.id for row in first.articles()} == {"bridge.md", "ferry.md"}


def test_a_filtered_question_is_answered_while_vectors_are_missing(assistant: Assistant, write: Write) -> None:
    """Chroma fails for all ids that it is given where it has no vector for one of them."""
    assistant.add([write("bridge.md", BRIDGE, title="Bridge", published="2024-05-06")])
    assistant.add([write("ferry.md", FERRY, title="Ferry", published="2024-05-06")], wait=False)
    passages = assistant.retrieve("northern pillar at Aldwick", filters=Filters(since=date(2024, 5, 1)))
    ranks = {passage.article.id: passage.dense_rank for passage in passages}
    assert ranks["bridge.md"] == 1
    assert ranks.get("ferry.md") is None


@pytest.mark.parametrize("damage", ["data_level0.bin", "chroma.sqlite3"])
def test_a_damaged_vector_index_is_made_anew(tmp_path: Path, damage: str) -> None:
    """A lost file of the graph is noticed at opening; a database that cannot be opened by a rebuild, as the error says."""
    home, wire = tmp_path / "home", tmp_path / "wire.jsonl"
    wire.write_text("\n".join(json.dumps(article) for article in filler(1_200)), encoding="utf-8")
    command = [sys.executable, "-c", OPENED, str(home)]
    subprocess.run([*command, "assistant.add([Path(sys.argv[3])])", str(wire)], check=True, timeout=120)
    (file,) = (home / "vectors").rglob(damage)
    if damage == "chroma.sqlite3":
        file.write_bytes(b"no database" * 1_000)
        failing = subprocess.run(
            [*command, "assistant.retrieve('harbour')"], capture_output=True, text=True, timeout=120
        )
        assert "StoreProblem" in failing.stderr
        subprocess.run([*command, "assistant.store.rebuild('vectors')"], check=True, timeout=120)
    else:
        file.unlink()
        subprocess.run([*command, "assistant.warm_up(); assistant.catch_up()"], check=True, timeout=120)
    with Assistant(Settings(home=home), encoder=WordEncoder()) as assistant:
        assert {passage.dense_rank for passage in assistant.retrieve("harbour")} >= {1, 2, 3}
        assert problems(assistant) == []


OPENED = """
import sys
from pathlib import Path
from assistant import Assistant, Settings
from tests.doubles import WordEncoder
with Assistant(Settings(home=Path(sys.argv[1])), encoder=WordEncoder()) as assistant:
    exec(sys.argv[2])
"""


def test_a_full_text_that_cannot_be_opened_is_made_anew(tmp_path: Path, write: Write) -> None:
    settings = Settings(home=tmp_path / "home")
    with Assistant(settings, encoder=WordEncoder()) as assistant:
        assistant.add([write("bridge.md", BRIDGE, title="Bridge")])
    (settings.home / "fulltext" / "meta.json").write_text("{", encoding="utf-8")
    with Assistant(settings, encoder=WordEncoder()) as assistant:
        with pytest.raises(StoreProblem, match="full-text index"):
            assistant.retrieve("northern pillar")
        assistant.store.rebuild("fulltext")
        assert found(assistant, "northern pillar") == {"bridge.md"}
        assert problems(assistant) == []


def test_a_question_does_not_wait_for_a_process_that_writes(tmp_path: Path, write: Write) -> None:
    settings = Settings(home=tmp_path / "home", lock_seconds=30)
    with Assistant(settings, encoder=WordEncoder()) as first, Assistant(settings, encoder=WordEncoder()) as second:
        first.add([write("bridge.md", BRIDGE, title="Bridge")])
        with first.store.writing():
            with first.store.database.writing():
                note(first.store.database, "add", first.store.catalog.chunk_ids())
            started = time.monotonic()
            second.store.catch_up(at_most=100)
            answer = second.ask("What was found in the northern pillar?")
            assert time.monotonic() - started < 10
        assert answer.passages
        assert "not findable by words yet" in answer.notes[0]


def test_an_index_hit_that_is_not_current_is_dropped(assistant: Assistant, write: Write) -> None:
    from assistant.fulltext import Entry

    assistant.add([write("bridge.md", BRIDGE, title="Bridge")])
    assistant.store.fulltext.write([Entry("stale-0000", "en", "Bridge", "northern pillar crack")], deleted=[])
    assert found(assistant, "northern pillar crack") == {"bridge.md"}


def test_another_encoder_is_noticed_and_rebuild_cuts_and_embeds_anew(tmp_path: Path, write: Write) -> None:
    settings = Settings(home=tmp_path / "home")
    with Assistant(settings, encoder=WordEncoder()) as assistant:
        assistant.add([write("bridge.md", BRIDGE, title="Bridge")])
    with Assistant(settings, encoder=WordEncoder(window=16, dimension=32, fingerprint="words-2")) as assistant:
        assert assistant.retrieve("northern pillar")[0].dense_rank is None
        _, notes = assistant.store.searchable_vectors()
        assert "assistant rebuild" in notes[0]
        with pytest.raises(StoreProblem) as caught:
            assistant.add([write("ferry.md", FERRY, title="Ferry")])
        assert "assistant rebuild" in caught.value.hint
        assistant.store.rebuild()
        assert assistant.retrieve("northern pillar")[0].dense_rank == 1
        assert len(assistant.store.catalog.chunk_ids()) == 2, "a smaller window makes more chunks"
        assert problems(assistant) == []


def test_rebuilding_the_vectors_with_another_encoder_cuts_for_its_window(tmp_path: Path, write: Write) -> None:
    settings = Settings(home=tmp_path / "home")
    with Assistant(settings, encoder=WordEncoder()) as assistant:
        assistant.add([write("bridge.md", BRIDGE, title="Bridge")])
    with Assistant(settings, encoder=WordEncoder(window=16, dimension=32, fingerprint="words-2")) as assistant:
        assistant.store.rebuild("vectors")
        assert len(assistant.store.catalog.chunk_ids()) == 2, "a smaller window makes more chunks"
        assert problems(assistant) == []


def test_an_encoder_that_cannot_be_loaded_costs_no_vectors(tmp_path: Path, write: Write) -> None:
    settings = Settings(home=tmp_path / "home")
    with Assistant(settings, encoder=WordEncoder()) as assistant:
        assistant.add([write("bridge.md", BRIDGE, title="Bridge")])
        saved = tmp_path / "saved.sqlite"
        assistant.store.database.backup(saved)
    with Assistant(settings.model_copy(update={"encoder": str(tmp_path / "missing")})) as assistant:
        for undo in (
            assistant.store.rebuild,
            lambda: assistant.store.rebuild("vectors"),
            lambda: assistant.store.restore(saved),
        ):
            with pytest.raises(ModelProblem):
                undo()
    with Assistant(settings, encoder=WordEncoder()) as assistant:
        assert assistant.store.pending("vectors") == 0
        assert assistant.retrieve("northern pillar")[0].dense_rank == 1


def test_backup_and_restore(assistant: Assistant, tmp_path: Path, write: Write) -> None:
    assistant.add([write("bridge.md", BRIDGE, title="Bridge")])
    saved = tmp_path / "saved.sqlite"
    assistant.store.database.backup(saved)
    with pytest.raises(BadInput, match="exists already"):
        assistant.store.database.backup(saved)
    assistant.remove(["bridge.md"])
    assistant.add([write("ferry.md", FERRY, title="Ferry")])
    kept = assistant.store.restore(saved)
    assert [row.id for row in assistant.articles()] == ["bridge.md"]
    assert found(assistant, "northern pillar Aldwick") == {"bridge.md"}
    assert problems(assistant) == []
    assert kept.is_file()
    assistant.store.restore(kept)
    assert [row.id for row in assistant.articles()] == ["ferry.md"]


def test_a_restore_beside_a_running_chat_changes_nothing(tmp_path: Path, write: Write) -> None:
    settings, saved = Settings(home=tmp_path / "home"), tmp_path / "saved.sqlite"
    with Assistant(settings, encoder=WordEncoder()) as first, Assistant(settings, encoder=WordEncoder()) as second:
        first.add([write("bridge.md", BRIDGE, title="Bridge")])
        first.store.database.backup(saved)
        first.add([write("ferry.md", FERRY, title="Ferry")])
        with pytest.raises(StoreProblem, match="another process owns"):
            second.store.restore(saved)
        assert {row.id for row in first.articles()} == {"bridge.md", "ferry.md"}
        assert problems(first) == []


def test_a_restore_that_dies_when_the_catalog_is_replaced_is_finished_by_the_next_process(
    assistant: Assistant, tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    assistant.add([write("bridge.md", BRIDGE, title="Bridge")])
    saved = tmp_path / "saved.sqlite"
    assistant.store.database.backup(saved)
    assistant.remove(["bridge.md"])
    assistant.add([write("ferry.md", FERRY, title="Ferry")])

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(assistant.store, "rebuild", die)
    with pytest.raises(KeyboardInterrupt):
        assistant.store.restore(saved)
    with Assistant(assistant.settings, encoder=WordEncoder()) as beside:
        assistant.close()
        assert beside.catch_up() == 0
        assert found(beside, "northern pillar Aldwick") == {"bridge.md"}


@pytest.mark.parametrize("content", [b"", b"no database at all, but long enough to be one " * 100])
def test_what_is_no_backup_is_refused_and_changes_nothing(
    assistant: Assistant, tmp_path: Path, write: Write, content: bytes
) -> None:
    assistant.add([write("bridge.md", BRIDGE, title="Bridge")])
    wrong = tmp_path / "wrong.sqlite"
    wrong.write_bytes(content)
    with pytest.raises(BadInput):
        assistant.store.restore(wrong)
    with pytest.raises(BadInput):
        assistant.store.restore(tmp_path / "missing.sqlite")
    assert [row.id for row in assistant.articles()] == ["bridge.md"]


def test_a_catalog_that_another_process_holds_is_not_said_to_be_damaged(tmp_path: Path) -> None:
    Assistant(Settings(home=tmp_path)).close()
    with sqlite3.connect(tmp_path / "catalog.sqlite") as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Busy, match="another process"):
            Assistant(Settings(home=tmp_path, lock_seconds=0.1))
    other.close()


def test_a_full_disk_is_said_and_changes_nothing(assistant: Assistant, write: Write, tmp_path: Path) -> None:
    assistant.add([write("bridge.md", BRIDGE, title="Bridge")])
    pages = assistant.store.database.value("PRAGMA page_count")
    assistant.store.database.connection.execute(f"PRAGMA max_page_count = {pages}")
    write("ferry.md", FERRY * 2000, title="Ferry")
    with pytest.raises(StoreProblem, match="cannot be read and written"):
        assistant.add([tmp_path / "articles" / "ferry.md"])
    assert [row.id for row in assistant.articles()] == ["bridge.md"]
    (tmp_path / "no").write_text("a file")
    with pytest.raises(OSError, match="no"):
        assistant.store.database.backup(tmp_path / "no" / "saved.sqlite")


def test_a_catalog_of_a_newer_program_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    newer, damaged = tmp_path / "newer", tmp_path / "damaged"
    newer.mkdir()
    damaged.mkdir()
    with sqlite3.connect(newer / "catalog.sqlite") as connection:
        connection.execute("PRAGMA user_version = 999")
    (damaged / "catalog.sqlite").write_bytes(b"this is no catalog " * 100)
    for home in (newer, damaged):
        with pytest.raises(StoreProblem):
            Assistant(Settings(home=home))


def test_one_process_owns_the_vectors_and_the_other_answers_by_words(tmp_path: Path, write: Write) -> None:
    settings = Settings(home=tmp_path / "home")
    with Assistant(settings, encoder=WordEncoder()) as owner, Assistant(settings, encoder=WordEncoder()) as other:
        assert owner.store.own_vectors() is not None
        report = other.add([write("bridge.md", BRIDGE, title="Bridge")])
        assert report.pending_vectors == 1
        assert other.retrieve("northern pillar")[0].dense_rank is None
        assert "another process" in other.store.searchable_vectors()[1][0]
        assert owner.retrieve("northern pillar")[0].lexical_rank == 1, "by words at once, without a restart"
        assert owner.store.catch_up() == 0
        assert owner.retrieve("northern pillar")[0].dense_rank == 1
        with pytest.raises(StoreProblem, match="owns the vector index"):
            other.store.rebuild()


def test_a_write_waits_for_another_one_only_so_long(tmp_path: Path, write: Write) -> None:
    settings = Settings(home=tmp_path / "home", lock_seconds=0.2)
    with Assistant(settings, encoder=WordEncoder()) as assistant:
        with holding(settings.home / "write.lock", seconds=0), pytest.raises(Busy) as caught:
            assistant.add([write("bridge.md", BRIDGE, title="Bridge")])
        assert caught.value.hint
        assert assistant.add([write("bridge.md", BRIDGE, title="Bridge")]).added == ("bridge.md",)


def test_unknown_ids_and_versions_are_said(assistant: Assistant, write: Write) -> None:
    assistant.add([write("bridge.md", BRIDGE, title="Bridge")])
    for article_id, version in (("nothing.md", None), ("bridge.md", "0" * 16)):
        with pytest.raises(UnknownArticle) as caught:
            assistant.article(article_id, version)
        assert caught.value.hint


def lines_of(*articles: tuple[str, str]) -> str:
    return "\n".join(json.dumps({"id": article_id, "text": text}) for article_id, text in articles)


def text_of(assistant: Assistant, article_id: str) -> str:
    article = assistant.article(article_id)
    assert isinstance(article, Article)
    return article.text


def test_an_id_that_a_line_of_another_file_has_is_refused(assistant: Assistant, write: Write) -> None:
    monday = write("day1.jsonl", lines_of(("1", BRIDGE), ("2", FERRY)))
    tuesday = write("day2.jsonl", lines_of(("1", "A road."), ("2", "A mill."), ("3", "A well.")))
    settle(monday)
    for paths in ([monday, tuesday], [tuesday]):
        report = assistant.add(paths)
        assert report.changed == ()
        assert [(failure.where, failure.reason) for failure in report.failed] == [
            ("day2.jsonl", f"the id {number} already belongs to a line of day1.jsonl") for number in "12"
        ]
        assert "out of day1.jsonl" in report.failed[0].hint
    assert [text_of(assistant, number) for number in "123"] == [BRIDGE, FERRY, "A well."]
    write("day0.jsonl", lines_of(("1", "A farm.")))
    assert "day0.jsonl" in {failure.where for failure in assistant.sync(monday.parent).failed}
    assert text_of(assistant, "1") == BRIDGE


def test_a_line_that_moved_and_changed_is_read_from_where_it_is_now(assistant: Assistant, write: Write) -> None:
    later = write("b.jsonl", lines_of(("1", BRIDGE), ("2", FERRY)))
    assistant.sync(later.parent)
    write("a.jsonl", lines_of(("1", "A road.")))
    write("b.jsonl", lines_of(("2", FERRY)))
    report = assistant.sync(later.parent)
    assert (report.changed, report.unchanged, report.failed) == (("1",), ("2",), ())
    later.unlink()
    report = assistant.add([write("c.jsonl", lines_of(("2", "A mill.")))])
    assert (report.changed, report.failed) == (("2",), ())


def test_a_folder_that_is_added_after_one_inside_it_has_no_file_twice(assistant: Assistant, write: Write) -> None:
    inside = write("2024/bridge.md", BRIDGE, title="Bridge").parent
    news = write("ferry.md", FERRY, title="Ferry").parent
    assert assistant.add([inside]).added == ("bridge.md",)
    report = assistant.add([news])
    assert (report.added, report.unchanged) == (("ferry.md",), ("bridge.md",))
    write("2024/third.md", FERRY, title="Third")
    assert assistant.sync(news).added == ("2024/third.md",)
    report = assistant.sync(inside)
    assert (report.added, report.removed, sorted(report.unchanged)) == ((), (), ["2024/third.md", "bridge.md"])
    write("2024/bridge.md", BRIDGE + " It is open again.", title="Bridge")
    assert assistant.sync(news).changed == ("bridge.md",)
    assert assistant.sync(news, again=True).added == ()
    (inside / "bridge.md").unlink()
    assert assistant.sync(news).removed == ("bridge.md",)
    assert {row.id for row in assistant.articles()} == {"ferry.md", "2024/third.md"}


def test_a_folder_inside_that_came_first_alone_may_hold_all_there_is(assistant: Assistant, write: Write) -> None:
    inside = write("2024/bridge.md", BRIDGE, title="Bridge").parent
    assistant.add([inside])
    assert assistant.sync(inside.parent).unchanged == ("bridge.md",)
    (inside / "bridge.md").unlink()
    with pytest.raises(BadInput, match="no articles in"):
        assistant.sync(inside.parent)
    assert [row.id for row in assistant.articles()] == ["bridge.md"]


def test_an_article_that_was_stored_twice_is_stored_once_after_a_sync(assistant: Assistant, write: Write) -> None:
    inside = write("2024/bridge.md", BRIDGE, title="Bridge").parent
    assistant.add([inside])
    article, store = assistant.article("bridge.md"), assistant.store
    assert isinstance(article, Article)
    twin = replace(article, id="2024/bridge.md")
    with store.writing():
        store.catalog.put(twin, store.chunks(twin), Origin(str(inside.parent.resolve()), twin.id))
    assert assistant.sync(inside.parent).removed == ("2024/bridge.md",)
    assert {row.id for row in assistant.articles()} == {"bridge.md"}


def test_a_folder_inside_that_cannot_be_listed_keeps_its_articles(
    assistant: Assistant, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = write("e\u0301te\u0301/2024/bridge.md", BRIDGE, title="Bridge").parent
    news = write("ferry.md", FERRY, title="Ferry").parent
    assistant.add([inside])

    def refuse(path: Path, *, list_it: Callable[[Path], Any] = os.scandir) -> Any:
        if Path(path) == inside.parent:
            raise PermissionError(13, "Permission denied", str(path))
        return list_it(path)

    monkeypatch.setattr(os, "scandir", refuse)
    report = assistant.sync(news)
    assert (report.added, report.removed, len(report.failed)) == (("ferry.md",), (), 1)


def test_a_folder_that_moved_takes_its_articles_along(assistant: Assistant, write: Write, tmp_path: Path) -> None:
    folder = write("bridge.md", BRIDGE, title="Bridge").parent
    write("ferry.md", FERRY, title="Ferry")
    assistant.add([folder])
    moved = folder.rename(tmp_path / "moved")
    (moved / "ferry.md").write_text("A mill.", encoding="utf-8")
    report = assistant.add([moved])
    assert (report.unchanged, report.changed, report.failed) == (("bridge.md",), ("ferry.md",), ())
    assert {row.root for row in assistant.articles()} == {str(moved.resolve())}
    (moved / "bridge.md").unlink()
    assert assistant.sync(moved).removed == ("bridge.md",)
    assert problems(assistant) == []


def test_an_article_of_another_folder_gives_way_as_the_hint_says(assistant: Assistant, write: Write) -> None:
    assistant.add([write("one/news.md", BRIDGE, title="Bridge")])
    other = write("two/news.md", FERRY, title="Ferry")
    (failure,) = assistant.add([other]).failed
    assert "assistant remove news.md" in failure.hint
    assert "--again" in failure.hint
    assistant.remove(["news.md"])
    assert assistant.add([other], again=True).added == ("news.md",)
    assert text_of(assistant, "news.md") == FERRY


def test_what_is_gone_from_a_folder_with_a_decomposed_name_is_removed(assistant: Assistant, write: Write) -> None:
    below = write("e\u0301te\u0301/bridge.md", BRIDGE, title="Bridge").parent
    write("e\u0301te\u0301/ferry.md", FERRY, title="Ferry")
    assistant.sync(below.parent)
    (below / "bridge.md").unlink()
    assert assistant.sync(below).removed == ("été/bridge.md",)
    lines = write("e\u0301.jsonl", lines_of(("1", BRIDGE), ("2", FERRY)))
    assistant.sync(lines)
    lines.write_text(lines_of(("1", BRIDGE)), encoding="utf-8")
    assert assistant.sync(lines).removed == ("2",)


def test_a_disk_that_does_not_answer_stops_no_other(
    assistant: Assistant, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead, is_dir = write("dead/ferry.md", FERRY, title="Ferry").parent, Path.is_dir
    assistant.add([dead])

    def refuse(self: Path) -> bool:
        if "dead" in self.parts:
            raise OSError(107, "Transport endpoint is not connected", str(self))
        return is_dir(self)

    monkeypatch.setattr(Path, "is_dir", refuse)
    report = assistant.add([dead, write("alive/bridge.md", BRIDGE, title="Bridge")])
    assert report.added == ("bridge.md",)
    assert [failure.where for failure in report.failed] == [str(dead)]
    assert "Transport endpoint is not connected" in report.failed[0].reason
    with pytest.raises(BadInput, match="Transport endpoint"):
        assistant.sync(dead)


def test_what_was_removed_does_not_come_back_with_a_folder_inside(assistant: Assistant, write: Write) -> None:
    inside = write("2024/bridge.md", BRIDGE, title="Bridge").parent
    assistant.add([inside.parent])
    assistant.remove(["2024/bridge.md"])
    assert assistant.add([inside]).tombstoned == ("2024/bridge.md",)
    assert assistant.articles() == []


def test_a_folder_that_another_one_hides_is_added_on_its_own(assistant: Assistant, write: Write) -> None:
    top = write("bridge.md", BRIDGE, title="Bridge").parent
    hidden = write(".reader/articles/ferry.md", FERRY, title="Ferry").parent
    assistant.add([top / "bridge.md"])
    report = assistant.add([hidden])
    assert (report.added, report.failed) == (("ferry.md",), ())
    assert assistant.sync(top).removed == ()
    assert {row.id for row in assistant.articles()} == {"bridge.md", "ferry.md"}


def test_a_copy_of_a_folder_takes_no_article_away_from_the_first(assistant: Assistant, tmp_path: Path) -> None:
    for name in ("news", "backup"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "bridge.md").write_text(BRIDGE, encoding="utf-8")
    assistant.add([tmp_path / "news"])
    report = assistant.add([tmp_path / "backup"])
    assert [failure.reason for failure in report.failed] == [
        f"the id bridge.md already belongs to an article from {tmp_path / 'news'}"
    ]
    (tmp_path / "news" / "bridge.md").write_text(FERRY, encoding="utf-8")
    assert assistant.sync(tmp_path / "news").changed == ("bridge.md",)


def test_a_folder_inside_that_is_empty_all_at_once_keeps_its_articles(assistant: Assistant, tmp_path: Path) -> None:
    inside = tmp_path / "news" / "archive"
    inside.mkdir(parents=True)
    (inside / "bridge.md").write_text(BRIDGE, encoding="utf-8")
    (tmp_path / "news" / "ferry.md").write_text(FERRY, encoding="utf-8")
    assistant.add([inside])
    assistant.add([tmp_path / "news"])
    (inside / "bridge.md").unlink()  # as if its disk were not there
    report = assistant.sync(tmp_path / "news")
    assert report.removed == ()
    assert any("nothing is there any more" in note for note in report.notes)
    assert {row.id for row in assistant.articles()} == {"bridge.md", "ferry.md"}


def test_a_folder_inside_that_was_deleted_takes_its_articles_along(assistant: Assistant, tmp_path: Path) -> None:
    inside = tmp_path / "news" / "archive"
    inside.mkdir(parents=True)
    (inside / "bridge.md").write_text(BRIDGE, encoding="utf-8")
    (tmp_path / "news" / "ferry.md").write_text(FERRY, encoding="utf-8")
    assistant.add([inside])
    assistant.add([tmp_path / "news"])
    shutil.rmtree(inside)
    assert assistant.sync(tmp_path / "news").removed == ("bridge.md",)


def test_an_article_whose_folder_is_gone_is_replaced_with_a_note(assistant: Assistant, tmp_path: Path) -> None:
    for name, text in (("usb", BRIDGE), ("notes", FERRY)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.md").write_text(text, encoding="utf-8")
    assistant.add([tmp_path / "usb" / "index.md"])
    shutil.rmtree(tmp_path / "usb")
    report = assistant.add([tmp_path / "notes" / "index.md"])
    assert report.notes == (f"index.md: taken over from {tmp_path / 'usb'}, where it is no longer",)
