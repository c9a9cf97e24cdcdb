"""The bench: its corpus, its folders of a given size, its table, and one tiny run of each command."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from assistant import Assistant, load_settings
from assistant.doctor import examine
from assistant.models import Vectors
from evals.bench import add, adding, ask, corpus, encoding, measuring, neighbours, results
from evals.bench.building import Builder
from evals.bench.measuring import Stopwatch
from evals.run import own_settings
from tests.doubles import WordEncoder


def silent(stage: str, done: int, total: int | None) -> None:
    """Progress that nobody watches."""


def builder(work: Path, articles: int = 300) -> Builder:
    return Builder(work, silent, articles=articles, encoder=WordEncoder())


def test_the_corpus_is_the_same_for_a_seed_and_another_for_another() -> None:
    assert list(corpus.articles(20)) == list(corpus.articles(20))
    other = {article["text"] for article in corpus.articles(20, seed=2)}
    assert other.isdisjoint(article["text"] for article in corpus.articles(20))


def test_its_articles_are_different_and_long() -> None:
    articles = list(corpus.articles(1_000))
    assert len({article["text"] for article in articles}) == len({article["id"] for article in articles}) == 1_000
    assert statistics.mean(len(article["text"]) for article in articles) >= 2_500
    paragraphs = [part for article in articles for part in article["text"].split("\n\n")]
    assert len(set(paragraphs)) > 0.999 * len(paragraphs)
    assert {article["source"] for article in articles} == {
        f"Sample {name}" for name in "Wire Gazette Tribune Courier".split()
    }


def test_the_corpus_command_says_what_it_wrote(tmp_path: Path) -> None:
    said = corpus.write(tmp_path / "out.jsonl", 12)
    assert "12 articles" in said
    assert "12 different texts" in said
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [set(line) for line in lines] == [{"id", "title", "date", "source", "url", "text"}] * 12


def test_the_table_is_of_all_parts_that_were_kept_and_a_part_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "add.json"
    results.keep(file, "b", [{"figure": "late", "value": 1.5, "unit": "s"}])
    results.keep(file, "a", [{"figure": "early", "value": 20_000, "unit": ""}, {"figure": "none", "value": None}])
    results.keep(file, "b", [{"figure": "late", "value": 0.0123, "unit": "s"}])
    lines = results.table(file, ["a", "b", "c"]).splitlines()
    assert lines[:5] == [
        "| figure | value | unit |",
        "|---|---|---|",
        "| early | 20,000 |  |",
        "| none | – |  |",
        "| late | 0.012 | s |",
    ]
    assert "cores" in lines[6]
    assert "torch" in lines[6]
    assert "bfloat16" in lines[6]


def test_a_stage_has_what_it_says_and_the_doctor_finds_nothing(tmp_path: Path) -> None:
    stage = builder(tmp_path, 60).stage(passages=1_500)
    assert stage.passages >= 1_500
    assert 0 < stage.copied < stage.passages
    with Assistant(load_settings(home=stage.home), encoder=WordEncoder()) as assistant:
        assert len(assistant.articles()) == stage.articles > 60
        assert assistant.catch_up() == 0
        assert examine(assistant.store, lambda: "none").problems == ()
        current = set(assistant.store.catalog.chunk_ids())
    found = neighbours.check(stage.home, current, silent)
    assert (found.vectors, found.lost, found.stale) == (stage.passages, 0, 0)
    assert found.exceptions == 0


def test_a_stage_that_was_interrupted_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = builder(tmp_path)
    encode, calls = broken.encoder.encode_passages, []

    def once(texts: Sequence[str]) -> Vectors:
        calls.append(len(texts))
        if len(calls) > 1:
            raise KeyboardInterrupt
        return encode(texts)

    monkeypatch.setattr(broken.encoder, "encode_passages", once)
    with pytest.raises(KeyboardInterrupt):
        broken.stage(articles=300)
    stage = builder(tmp_path).stage(articles=300)
    assert stage.articles == 300
    with Assistant(load_settings(home=stage.home), encoder=WordEncoder()) as assistant:
        assert examine(assistant.store, lambda: "none").problems == ()


def breathe(file: Path) -> None:
    """Touches a file for half a minute."""
    for _ in range(1_500):
        file.touch()
        time.sleep(0.02)


def test_a_process_apart_ends_with_the_one_that_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "alive"
    words = (
        "from pathlib import Path",
        "from evals.bench.measuring import apart",
        "from tests.test_bench import breathe",
    )
    script = "; ".join((*words, f"apart(breathe, Path({str(file)!r}))"))
    parent = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    for _ in range(600):
        if file.is_file():
            break
        time.sleep(0.1)
    parent.kill()
    parent.wait(10)
    time.sleep(3)  # until the other notices
    before = file.stat().st_mtime_ns
    time.sleep(2)
    assert file.stat().st_mtime_ns == before, "it goes on without its parent"


def test_a_stopwatch_counts_this_thread_and_gives_the_method_back() -> None:
    counted, watch = [1, 2, 3], Stopwatch()

    class Owner:
        def size(self) -> int:
            return len(counted)

    owner = Owner()
    with watch.over(owner, "size", "sizing"), watch.over(owner, "unknown", "nothing"):
        assert owner.size() == 3
        assert measuring.apart is not None
    assert owner.size() == 3
    assert set(watch.seconds) == {"sizing"}


def test_adding_is_measured_from_end_to_end(tmp_path: Path) -> None:
    file = corpus.corpus_file(tmp_path, 120)
    found = adding.add_by_words(tmp_path / "words", file, 600, encoder=WordEncoder(), on_progress=silent)
    assert len(found.passages) == 120
    assert found.marks[-1][1] == 120
    assert found.embedded == sum(found.passages)
    assert found.peak_embedding >= found.peak > 50
    encoder = WordEncoder()
    rows = [
        *encoding.vectors(tmp_path, 40, 600, silent, encoder=encoder, plain=encoder.encode_passages, slice_chunks=64),
        *encoding.starter(tmp_path, 30, silent, encoder=encoder, plain=encoder.encode_passages),
        *adding.single(tmp_path, 120, silent, encoder=encoder, times=2),
        *adding.unchanged(tmp_path, 25, silent, encoder=encoder, times=1),
    ]
    figures = {row["figure"]: row["value"] for row in rows}
    assert all(value > 0 for value in figures.values())
    assert any("sync of 25 files" in name for name in figures)
    assert any("among 120" in name for name in figures)


def test_asking_is_measured_alone_and_beside_an_ingest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "STARTER_AT", 1_500)
    monkeypatch.setattr(ask, "_FRESH", 150)
    table = ask.run(tmp_path, 90, 4, ["1500", "1500-ingest"], silent, encoder=WordEncoder())
    lines = table.splitlines()
    assert [line.split(" | ")[1] for line in lines[2:7]] == [
        "with the ranker",
        "without the ranker",
        "LlamaIndex starter, retrieval only",
        "with the ranker",
        "without the ranker",
    ]
    assert "jittered copies" in lines[2]
    assert "an ingest of" in lines[5]
    assert (tmp_path / "ask.md").read_text(encoding="utf-8") == table
    assert not list((tmp_path / "changed").iterdir())


def test_an_ingest_goes_on_until_the_questions_are_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "_FRESH", 20)
    ends = time.monotonic() + 120
    with Assistant(own_settings(tmp_path / "home"), encoder=WordEncoder()) as assistant:
        with ask._ingest(assistant, tmp_path, silent) as rate:
            while len(assistant.articles()) < 60 and time.monotonic() < ends:
                time.sleep(0.05)
        count = len(assistant.articles())
        assert count >= 60
        assert (rate() or 0) > 0
        time.sleep(0.2)
        assert len(assistant.articles()) == count, "it is over"


def test_every_part_of_a_command_can_be_named(tmp_path: Path) -> None:
    assert tuple(add.parts(tmp_path, 10, 1, silent)) == add.ORDER
    assert len(ask.dev_questions(100)) == 100
    assert np.isclose(measuring.percentile([1.0, 2.0, 3.0], 50) or 0, 2.0)
