"""Other people's question sets: three layouts read, gold found in the text as it is stored, asked and summarised."""

from __future__ import annotations

import gzip
import json
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from assistant import Article, Assistant, BadInput
from evals.fit.data import half_of
from evals.gold import places_of, relocate
from evals.run import run
from evals.schema import Question, Split, stored_text
from evals.sets import QuestionSet, add_articles, load, load_beir, load_shared, load_squad, run_set
from evals.summary import summarise

NFD = unicodedata.normalize("NFD", "Zoë Bérénice opened the café in Orléans in 1931.")
GIVEN = f" \n\nThe house was built in 1899. {NFD} It closed in 1950."


def quiet(stage: str, done: int, total: int | None) -> None:
    """Progress that nobody watches."""


def row(**fields: Any) -> dict[str, Any]:
    return {"answers": [], "gold_ids": [], "answerable": True, **fields}


def article(id_: str, title: str, text: str, **fields: Any) -> dict[str, Any]:
    return {"id": id_, "title": title, "date": None, "source": "A wiki", "url": "", "text": text, **fields}


@pytest.fixture
def shared(tmp_path: Path) -> Callable[..., Path]:
    """Write a folder of the layout that fitting reads."""

    def write(name: str, articles: Sequence[dict[str, Any]], questions: Sequence[dict[str, Any]]) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for file, rows in (("corpus", articles), ("questions", questions)):
            with gzip.open(folder / f"{file}.jsonl.gz", "wt", encoding="utf-8") as stream:
                stream.writelines(f"{json.dumps(one)}\n" for one in rows)
        return folder

    return write


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    folder = tmp_path / "beir"
    (folder / "qrels").mkdir(parents=True)
    documents = [
        {"_id": "D-1", "title": "Café", "text": GIVEN},
        {"_id": "D-2", "title": "Cats", "text": "Cats purr. They sleep a lot."},
        {"_id": "D-3", "title": "Nothing", "text": ""},
    ]
    queries = [{"_id": "Q-1", "text": "Who opened the café?"}, {"_id": "Q-2", "text": "What do cats do?"}]
    queries.append({"_id": "Q-3", "text": "Who is judged by nobody?"})
    for name, rows in (("corpus", documents), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    judged = "query-id\tcorpus-id\tscore\nQ-1\tD-1\t1\nQ-1\tD-2\t0\nQ-2\tD-2\t2\nQ-2\tD-3\t1\n"
    (folder / "qrels" / "test.tsv").write_text(judged, encoding="utf-8")
    return folder


@pytest.fixture
def squad(tmp_path: Path) -> Path:
    answer = unicodedata.normalize("NFD", "Zoë Bérénice")
    asked = [
        {"id": "a1", "question": "Who opened it?", "answers": [{"text": answer, "answer_start": GIVEN.index(answer)}]},
        {"id": "a2", "question": "Who sold it?", "answers": [], "is_impossible": True, "plausible_answers": []},
    ]
    data = [{"title": "The_café", "paragraphs": [{"context": GIVEN, "qas": asked}]}]
    path = tmp_path / "dev-v2.0.json"
    path.write_text(json.dumps({"version": "2.0", "data": data}), encoding="utf-8")
    return path


def assert_exact(assistant: Assistant, question_set: QuestionSet) -> None:
    """Every gold span is the slice of the article as it was stored, and so is the source that citations are held against."""
    add_articles(assistant, question_set, on_progress=quiet)
    for id_, source in question_set.sources.items():
        stored = assistant.article(id_)
        assert isinstance(stored, Article)
        assert (source.text, source.field("source")) == (stored.text, stored.source)
    spans = [span for question in question_set.questions for piece in question.evidence for span in piece]
    assert spans
    for span in spans:
        assert span.quote == question_set.sources[span.article].text[span.start : span.end]


def test_marked_spans_are_found_again_in_the_stored_text(shared: Callable[..., Path], assistant: Assistant) -> None:
    start = GIVEN.index(NFD)
    asked = row(id="Q_1", question="Who opened the café?", gold_ids=["a"], spans=[["a", start, start + len(NFD)]])
    folder = shared("marked", [article("a", "Orléans_café", GIVEN)], [asked])
    found = load_shared(folder)
    (question,) = found.questions
    assert (question.id, question.story, question.kind) == ("q-1", "Orléans_café", "fact")
    assert [span.quote for span in question.evidence[0]] == [unicodedata.normalize("NFC", NFD)]
    assert question.points == ((unicodedata.normalize("NFC", NFD),),)  # no answers: to show the gold is to say it
    assert found.articles[0]["title"] == "Orléans café"
    assert_exact(assistant, found)


def test_evidence_is_widened_to_whole_sentences(shared: Callable[..., Path], assistant: Assistant) -> None:
    questions = [
        row(id="q1", question="When was it opened?", answers=["1931"], gold_ids=["a"], evidence=["1931"]),
        row(id="q2", question="Who sold it?", answerable=False, near_miss_ids=["a"]),
        row(id="q3", question="Who burned it?", answers=["Nero"], gold_ids=["a"], evidence=["Nero"]),
    ]
    found = load_shared(shared("words", [article("a", "Café", GIVEN)], questions))
    answered, declined = found.questions
    assert [span.quote for span in answered.evidence[0]] == [unicodedata.normalize("NFC", NFD)]
    assert answered.points == (("1931",),)
    assert (declined.kind, declined.answerable, declined.evidence, declined.nearest) == ("absent-fact", False, (), "a")
    assert "1 questions were left out" in found.note
    assert_exact(assistant, found)


def test_tokenised_sets_are_joined_throughout(shared: Callable[..., Path]) -> None:
    text = "Newton D . Baker House . In 1916 , Newton D . Baker bought it ."
    asked = row(
        id="q1", question="Who bought it?", answers=["Newton D . Baker"], gold_ids=["a"], evidence=["Baker bought"]
    )
    found = load_shared(shared("timeqa_human", [article("a", "Newton D. Baker House", text)], [asked]))
    assert found.licence == "BSD-3-Clause"
    assert found.articles[0]["text"] == "Newton D. Baker House. In 1916, Newton D. Baker bought it."
    assert found.questions[0].points == (("Newton D. Baker",),)


def test_gold_of_ramdocs_are_supporting_documents_with_a_right_answer(shared: Callable[..., Path]) -> None:
    texts = {"d1": "It has 3,559 people. It is small.", "d2": "It has some people.", "d3": "It has 10,000 people."}
    articles = [article(id_, "", text, question_id="r1") for id_, text in texts.items()]
    asked = row(
        id="r1", question="How many live in Broken Bow?", answers=["3,559 People"], gold_ids=["d1", "d2"], evidence=[]
    )
    (question,) = load_shared(shared("ramdocs", articles, [asked])).questions
    assert [span.quote for span in question.evidence[0]] == ["It has 3,559 people."]
    assert question.story == asked["question"]


def test_halves_share_no_topic_and_caps_spread_over_topics(shared: Callable[..., Path]) -> None:
    topics = [f"Topic {number}" for number in range(12)]
    articles = [article(f"a{n}", topic, f"{topic} began in 19{n:02}. It ended.") for n, topic in enumerate(topics)]
    questions = [
        row(id=f"q{n}-{i}", question=f"When {i} {topic}?", answers=[f"19{n:02}"], gold_ids=[f"a{n}"])
        for n, topic in enumerate(topics)
        for i in range(4)
    ]
    questions += [
        row(id=f"same{n}", question="When?", answers=[f"19{n:02}"], gold_ids=[f"a{n}"]) for n in range(len(topics))
    ]
    folder = shared("halves", articles, questions)
    fit, report = load(folder, half="fit"), load(folder, half="report")
    assert {question.story for question in fit.questions} == {topic for topic in topics if half_of(topic) == "fit"}
    for values in (
        [{question.id for question in one.questions} for one in (fit, report)],
        [{question.story for question in one.questions} for one in (fit, report)],
        [{question.question for question in one.questions} for one in (fit, report)],
        [{one["id"] for one in part.articles} for part in (fit, report)],
    ):
        assert values[0]
        assert values[1]
        assert not values[0] & values[1]
    assert len(fit.articles) + len(report.articles) == len(articles)
    some = load(folder, half="fit", cap=len(fit.articles))
    assert {question.story for question in some.questions} == {question.story for question in fit.questions}
    assert some == load(folder, half="fit", cap=len(fit.articles))


def test_beir_gold_is_any_sentence_of_a_relevant_document(beir: Path, assistant: Assistant) -> None:
    found = load_beir(beir)
    assert [one["id"] for one in found.articles] == ["D-1", "D-2"]
    spans = {question.id: [span.quote for span in question.evidence[0]] for question in found.questions}
    assert spans.keys() == {"q-1", "q-2"}
    assert spans["q-2"] == ["Cats purr.", "They sleep a lot."]
    assert len(spans["q-1"]) == 3
    halves = [load_beir(beir, half="fit"), load_beir(beir, half="report")]
    assert {question.id for one in halves for question in one.questions} == spans.keys()
    assert [len(one.articles) for one in halves] == [2, 2]
    assert_exact(assistant, found)


def test_squad_gold_are_answer_spans(squad: Path, assistant: Assistant) -> None:
    found = load_squad(squad)
    answered, declined = found.questions
    assert [span.quote for span in answered.evidence[0]] == ["Zoë Bérénice"]
    assert (answered.story, declined.answerable) == ("The_café", False)
    assert found.articles[0]["id"] == "the-cafe-0-0"
    assert_exact(assistant, found)


def test_a_set_is_run_and_summarised_like_the_fixed_questions(
    squad: Path, assistant: Assistant, tmp_path: Path
) -> None:
    found = load(squad)
    add_articles(assistant, found, on_progress=quiet)
    asked: list[tuple[Question, Split]] = [(question, "dev") for question in found.questions]
    cases = run(assistant, asked, tmp_path / "run", sources=found.sources, hostile={}, on_progress=quiet)
    assert cases[0].ranks == dict.fromkeys(("fused", "words", "vectors"), (1,))
    summary = summarise(cases)
    assert summary.answers["all"]["right"].n == 2
    assert summary.broken == []


def test_run_set_leaves_nothing_behind(squad: Path) -> None:
    cases = run_set(load_squad(squad), on_progress=quiet, settings={"dense_weight": 0.0, "answer_threshold": 0.0})
    assert [case.id for case in cases] == ["a1", "a2"]
    assert cases[0].answer["outcome"] == "answer"
    assert not any(case.score.broken for case in cases)
    assert cases[0].ranks["vectors"] == (None,)


def test_what_cannot_be_read_is_named_with_a_hint(shared: Callable[..., Path], beir: Path, tmp_path: Path) -> None:
    stray = row(id="q1", question="Who opened it?", answers=["Zoë"], gold_ids=["nowhere"])
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "other.json").write_text('{"rows": []}', encoding="utf-8")
    with (beir / "qrels" / "test.tsv").open("a", encoding="utf-8") as file:
        file.write("Q-1\tD-9\t1\n")
    for path, said in (
        (tmp_path / "missing", "there is no"),
        (empty, r"has no corpus\.jsonl\.gz"),
        (tmp_path / "other.json", "of another layout"),
        (shared("stray", [article("a", "Café", GIVEN)], [stray]), "names the article nowhere"),
        (shared("fields", [article("a", "Café", GIVEN)], [{"id": "q1"}]), "of another layout"),
        (beir, "names the article D-9"),
    ):
        with pytest.raises(BadInput, match=said) as caught:
            load(path)
        assert caught.value.hint


def test_a_refused_article_stops_the_run(assistant: Assistant) -> None:
    blank = QuestionSet("blank", "", (article("a", "Nothing", " \n"),), (), "")
    with pytest.raises(BadInput, match=r"blank: articles\.jsonl:1: no text"):
        add_articles(assistant, blank, on_progress=quiet)


def test_words_are_found_as_written_before_anything_else() -> None:
    assert list(places_of("US", "A bus of us, the US.")) == [(17, 19)]
    assert list(places_of("bus", "The Bus left.")) == [(4, 7)]
    assert list(places_of("1990", "In the 1990s.")) == [(7, 11)]
    assert list(places_of("", "Anything")) == []


def test_a_range_that_cuts_a_letter_is_widened_and_one_that_is_gone_is_not_found() -> None:
    text = f"\r\n{NFD}"
    start = text.index("e", 3)
    assert relocate(text, start, start + 1) == (2, 3)
    assert stored_text(text)[2] == "ë"
    assert relocate(text, 0, 1) is None
