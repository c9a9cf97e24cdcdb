"""A run goes on where it was interrupted, repeats itself exactly, and says what it was a run of."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assistant import Assistant, BadInput
from evals import run as running
from evals.run import Case, log_held, read_cases, run
from evals.schema import Question, SourceFile, Split, read_sources
from evals.summary import summarise

TEXTS = {
    "owl.md": "The owl Flaco left the zoo in February. Somebody had cut the mesh of the cage.",
    "bank.md": "The bank failed on Friday. Regulators closed the bank before noon.",
    "ship.md": "The wreck lies 3,008 metres deep. The ship sank in 1915.",
}


@pytest.fixture
def corpus(assistant: Assistant, write: Callable[..., Path]) -> dict[str, SourceFile]:
    """Three stored articles and their files, read without the program."""
    for name, text in TEXTS.items():
        path = write(name, text, title=name, source="Sample Wire", published="2023-03-10", story=name[:-3])
    assert not assistant.add([path.parent]).failed
    return read_sources(path.parent)


def question(article: str, sentence: str, asked: str, point: str) -> tuple[Question, Split]:
    start = TEXTS[article].index(sentence)
    span = {"article": article, "quote": sentence, "start": start, "end": start + len(sentence)}
    row = {
        "id": f"{article[:-3]}-{start}",
        "story": article[:-3],
        "kind": "fact",
        "question": asked,
        "answerable": True,
    }
    return Question.model_validate(row | {"evidence": [[span]], "points": [[point]]}), "dev"


def none(story: str, asked: str) -> tuple[Question, Split]:
    row = {"id": f"{story}-none", "story": story, "kind": "absent-fact", "question": asked, "answerable": False}
    return Question.model_validate(row | {"why_not": "It is not there."}), "dev"


QUESTIONS = [
    question("owl.md", "The owl Flaco left the zoo in February.", "When did the owl Flaco leave the zoo?", "February"),
    question("bank.md", "The bank failed on Friday.", "When did the bank fail?", "Friday"),
    question("ship.md", "The ship sank in 1915.", "When did the ship sink?", "1915"),
    none("ship", "How many penguins has Patagonia?"),
]


def quiet(stage: str, done: int, total: int | None) -> None:
    pass


def ask(assistant: Assistant, out: Path, sources: dict[str, SourceFile], **more: Any) -> list[Case]:
    return run(assistant, QUESTIONS, out, sources=sources, hostile={}, on_progress=more.get("on_progress", quiet))


def figures(cases: list[Case]) -> dict[str, object]:
    return {name: value for name, value in summarise(cases).as_dict().items() if name != "seconds"}


def test_cases_say_what_was_asked_and_where_the_evidence_stood(
    assistant: Assistant, corpus: dict[str, SourceFile], tmp_path: Path
) -> None:
    cases = ask(assistant, tmp_path / "run", corpus)
    assert [case.id for case in cases] == [asked.id for asked, _ in QUESTIONS]
    assert cases[0].gold_articles == ("owl.md",)
    assert set(cases[0].ranks) == {"fused", "words", "vectors"}
    assert all(case.ranks["words"] == (1,) for case in cases[:3])
    assert cases[3].ranks["words"] == ()
    assert all(case.seconds["ask"] >= case.seconds["read"] > 0 for case in cases)
    assert all((case.would_be is not None) == (case.answerable and case.abstained) for case in cases)
    assert not any(case.score.broken for case in cases)
    described = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert described["ids"] == [case.id for case in cases]
    assert described["identity"]["corpus"] == assistant.store.catalog.corpus_hash()
    assert read_cases(tmp_path / "run") == cases


def test_a_case_keeps_the_number_that_is_said_before_the_quotes(
    assistant: Assistant, corpus: dict[str, SourceFile], tmp_path: Path
) -> None:
    says = "The bank failed on Friday."
    asked = question("bank.md", says, "How many independent sources report that the bank failed on Friday?", "one")
    [case] = run(assistant, [asked], tmp_path / "run", sources=corpus, hostile={}, on_progress=quiet)
    assert case.answer["lead"] == "One independent source in the articles found: Sample Wire."


def test_the_same_run_twice_has_the_same_figures(
    assistant: Assistant, corpus: dict[str, SourceFile], tmp_path: Path
) -> None:
    first, second = (ask(assistant, tmp_path / name, corpus) for name in ("one", "two"))
    assert figures(first) == figures(second)
    assert [replace(case, seconds={}) for case in first] == [replace(case, seconds={}) for case in second]


def test_an_interrupted_run_goes_on(assistant: Assistant, corpus: dict[str, SourceFile], tmp_path: Path) -> None:
    out = tmp_path / "run"

    def interrupt(stage: str, done: int, total: int | None) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask(assistant, out, corpus, on_progress=interrupt)
    kept = read_cases(out)
    assert len(kept) == 2
    with (out / "cases.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "ship-33", "story"')  # cut off while it was written
    cases = ask(assistant, out, corpus)
    assert cases[:2] == kept
    assert len(cases) == len(QUESTIONS)
    assert len((out / "cases.jsonl").read_text(encoding="utf-8").splitlines()) == len(QUESTIONS)
    whole = ask(assistant, tmp_path / "whole", corpus)
    assert figures(cases) == figures(whole)


def test_a_case_that_was_cut_off_within_a_character_is_asked_again(
    assistant: Assistant, corpus: dict[str, SourceFile], tmp_path: Path
) -> None:
    cases = ask(assistant, tmp_path / "run", corpus)
    file = tmp_path / "run" / "cases.jsonl"
    file.write_bytes(file.read_bytes()[:-2] + "“".encode()[:2])
    assert read_cases(tmp_path / "run") == cases[:-1]


def test_a_passage_is_held_against_the_points_with_its_source_and_date(
    assistant: Assistant, corpus: dict[str, SourceFile], tmp_path: Path
) -> None:
    words = "Regulators closed the bank before noon."
    row, split = question("bank.md", words, f"Who wrote “{words}”, and when?", "Sample Wire")
    row = row.model_copy(update={"points": (("Sample Wire",), ("10 March 2023",))})
    [case] = run(assistant, [(row, split)], tmp_path / "run", sources=corpus, hostile={}, on_progress=quiet)
    assert case.score.right
    assert case.best_passage


def test_an_evaluation_sends_its_vectors_to_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_CHROMA_URL", "http://127.0.0.1:9")
    assert running.own_settings(tmp_path, dense_weight=0.2).chroma_url is None


def test_a_reading_of_held_questions_is_noted_even_when_interrupted(
    monkeypatch: pytest.MonkeyPatch, assistant: Assistant, corpus: dict[str, SourceFile], tmp_path: Path
) -> None:
    monkeypatch.setattr(running, "HELD_LOG", tmp_path / "held.jsonl")

    def interrupt(stage: str, done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    held: list[tuple[Question, Split]] = [(asked, "held") for asked, _ in QUESTIONS]
    with pytest.raises(KeyboardInterrupt):
        run(assistant, held, tmp_path / "run", sources=corpus, hostile={}, on_progress=interrupt)
    assert json.loads(running.HELD_LOG.read_text(encoding="utf-8"))["questions"] == len(QUESTIONS)


def test_another_run_is_not_mixed_in(assistant: Assistant, corpus: dict[str, SourceFile], tmp_path: Path) -> None:
    ask(assistant, tmp_path / "run", corpus)
    with pytest.raises(BadInput, match="other settings") as error:
        ask(assistant.varied(dense_weight=0.9), tmp_path / "run", corpus)
    assert "--out" in error.value.hint


def test_settings_change_only_the_varied_assistant(assistant: Assistant, corpus: dict[str, SourceFile]) -> None:
    bold = assistant.varied(answer_threshold=0.0, nearest_threshold=0.0)
    asked = "How many penguins has the bank?"
    assert not bold.ask(asked).abstained
    assert assistant.ask(asked).abstained
    assert bold.ask(asked).engine.settings_hash != assistant.ask(asked).engine.settings_hash


def test_a_reading_of_the_held_questions_is_noted_once_per_identity(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(running, "HELD_LOG", tmp_path / "results" / "held.jsonl")
    described = {"commit": "abc", "identity": {"code": "1"}}
    log_held(described, 0)
    assert not running.HELD_LOG.exists()
    log_held(described, 7)
    log_held(described, 7)
    log_held(described | {"identity": {"code": "2"}}, 7)
    rows = [json.loads(line) for line in running.HELD_LOG.read_text(encoding="utf-8").splitlines()]
    assert [(row["questions"], row["identity"]["code"]) for row in rows] == [(7, "1"), (7, "2")]
