"""The gate stays open for what is as good, and shuts, naming rule and cases, for each thing that must not land."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest

from assistant import Assistant, Settings
from assistant.models import SentenceEncoder
from evals.check import read_hostile
from evals.commands import ask_all
from evals.compare import Finding, compare, judge, left_out
from evals.run import Case, hash_questions, run
from evals.schema import QUESTIONS, Question, Split, question_files, read_questions, read_sources, read_splits
from evals.score import score
from tests.conftest import CORPUS
from tests.doubles import WordEncoder

PER_STORY = 8
Asked = list[tuple[Question, Split]]


def quiet(stage: str, done: int, total: int | None) -> None:
    pass


def ask(assistant: Assistant, asked: Sequence[tuple[Question, Split]], out: Path) -> list[Case]:
    sources, hostile = read_sources(), read_hostile(QUESTIONS)
    return run(assistant, asked, out, sources=sources, hostile=hostile, on_progress=quiet, workers=2)


def shut(cases: Sequence[Case], baseline: Sequence[Case], asked: Asked) -> list[Finding]:
    gold = {question.id: question.gold_articles for question, _ in asked}
    return judge(cases, baseline, stored=read_sources().keys(), gold=gold)


@pytest.fixture(scope="module")
def dev() -> Asked:
    """Of every dev story the first answerable questions and all unanswerable ones."""
    stories = read_splits()
    mine = [question for question in read_questions(question_files()) if stories[question.story] == "dev"]
    kept: Asked = []
    for _, group in groupby(
        sorted(mine, key=lambda q: (q.story, not q.answerable, q.id)), key=lambda q: (q.story, q.answerable)
    ):
        kept += [(question, "dev") for question in list(group)[:PER_STORY]]
    return kept


@pytest.fixture(scope="module")
def baseline(newsroom: Assistant, dev: Asked, tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    return ask(newsroom, dev, tmp_path_factory.mktemp("baseline"))


def test_it_is_open_for_the_same(baseline: list[Case], dev: Asked) -> None:
    assert shut(baseline, baseline, dev) == []


def test_it_shuts_when_nothing_is_declined(
    newsroom: Assistant, baseline: list[Case], dev: Asked, tmp_path: Path
) -> None:
    none = [(question, split) for question, split in dev if not question.answerable]
    cases = ask(newsroom.varied(answer_threshold=0.0, nearest_threshold=0.0), none, tmp_path)
    [finding] = shut(cases, baseline, dev)
    assert finding.rule == "significant loss"
    assert finding.what.startswith("declined rightly: ")
    lost = {case.id for case in baseline if not case.answerable and case.abstained}
    assert lost <= set(finding.cases)


def test_it_shuts_when_only_vectors_are_searched(
    newsroom: Assistant, baseline: list[Case], dev: Asked, tmp_path: Path
) -> None:
    answerable = [(question, split) for question, split in dev if question.answerable]
    cases = ask(newsroom.varied(dense_weight=1.0), answerable, tmp_path)
    findings = shut(cases, baseline, dev)
    assert "significant loss" in {finding.rule for finding in findings}
    assert any(finding.what.startswith("reciprocal rank: ") and finding.cases for finding in findings)


def test_it_shuts_when_a_gold_article_is_gone(baseline: list[Case], dev: Asked) -> None:
    gold = {question.id: question.gold_articles for question, _ in dev}
    gone = next(iter(next(iter(gold.values()))))
    [finding] = judge(baseline, baseline, stored=read_sources().keys() - {gone}, gold=gold)
    assert (finding.rule, finding.what) == ("gold article missing", gone)
    assert set(finding.cases) == {name for name, articles in gold.items() if gone in articles}


def test_it_shuts_when_stored_text_is_shifted_by_one_character(
    encoder: SentenceEncoder, baseline: list[Case], dev: Asked, tmp_path: Path
) -> None:
    right = next(case for case in baseline if case.answerable and case.score.right)
    [article] = {c["article_id"] for s in right.answer["statements"][:1] for c in s["citations"]}
    with Assistant(Settings(home=tmp_path / "home"), encoder=encoder) as assistant:
        assistant.add([CORPUS / article])
    with sqlite3.connect(tmp_path / "home" / "catalog.sqlite") as catalog:
        catalog.execute("UPDATE version SET text = ' ' || text")
        catalog.execute('UPDATE chunk SET start = start + (start > 0), "end" = "end" + 1')
    mine = [(question, split) for question, split in dev if question.id == right.id]
    with Assistant(Settings(home=tmp_path / "home"), encoder=encoder) as assistant:
        cases = ask(assistant, mine, tmp_path / "run")
    findings = [finding for finding in shut(cases, baseline, dev) if finding.rule == "broken promise"]
    assert any("a quote is not characters" in finding.what and article in finding.what for finding in findings)
    assert {case for finding in findings for case in finding.cases} == {right.id}


def test_a_removed_article_that_is_still_quoted_breaks_a_promise(baseline: list[Case]) -> None:
    said = next(case for case in baseline if case.answer["statements"])
    statement = said.answer["statements"][0]
    ghost = statement | {"citations": [statement["citations"][0] | {"article_id": "gone.md"}]}
    question = next(q for q in read_questions(question_files()) if q.id == said.id)
    broken = score(question, {"statements": [ghost]}, read_sources(), {}).broken
    assert broken == ("quotes gone.md, which is not in the corpus",)


def test_verdicts_need_more_than_luck(baseline: list[Case]) -> None:
    def flipped(count: int) -> list[Case]:
        right = [case.id for case in baseline if case.answerable and case.score.right and not case.chain][:count]
        return [
            replace(case, score=replace(case.score, right=False)) if case.id in right else case for case in baseline
        ]

    verdicts = [compare(baseline, flipped(count))[0].verdict for count in (0, 2, 8)]
    assert verdicts == ["cannot tell", "cannot tell", "worse"]
    better, *_ = compare(flipped(8), baseline)
    assert (better.verdict, len(better.won), len(better.lost)) == ("better", 8, 0)


def test_a_question_whose_gold_was_corrected_is_neither_won_nor_lost(baseline: list[Case], dev: Asked) -> None:
    first = next(question for question, _ in dev if question.answerable)
    corrected = first.model_copy(update={"points": (("something else",),)})
    assert [case.question_hash for case in baseline] == [hash_questions([question]) for question, _ in dev]
    case = next(case for case in baseline if case.id == first.id)
    changed = replace(
        case, score=replace(case.score, right=not case.score.right), question_hash=hash_questions([corrected])
    )
    later = [changed if case.id == first.id else case for case in baseline]
    [decided, *_] = compare(baseline, later)
    assert (decided.won, decided.lost) == ((), ())
    assert decided.change.n == sum(case.answerable for case in baseline) - 1
    assert left_out(baseline, later) == [first.id]
    older = [replace(case, question_hash=None) for case in baseline]  # as before the hash was noted
    assert left_out(older, later) == []
    assert compare(older, later)[0].change.n == decided.change.n + 1


@pytest.mark.parametrize(
    "change",
    [
        {"points": (("other",),)},
        {"evidence": ()},
        {"turns": ({"question": "What?", "answer": ""},)},
        {"since": "2024-01-01"},
        {"source": "Sample Wire"},
    ],
)
def test_a_hash_is_over_the_whole_question(dev: Asked, change: dict[str, object]) -> None:
    first = next(question for question, _ in dev if question.answerable)
    other = Question.model_validate(first.model_dump() | change)
    assert hash_questions([first]) == hash_questions([first.model_copy()]) != hash_questions([other])


def test_a_run_over_a_folder_asks_what_is_in_it(
    monkeypatch: pytest.MonkeyPatch, dev: Asked, tmp_path: Path, write: Callable[..., Path]
) -> None:
    monkeypatch.setattr("assistant.store.load_encoder", lambda settings: WordEncoder())
    path = write("one.md", "The ship sank in 1915.", title="Ship", story="endurance-wreck")
    [case] = ask_all(dev[:1], tmp_path / "run", corpus=path.parent, changes=["answer_threshold=1"])
    assert case.abstained
