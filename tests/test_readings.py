"""What the ranker is trained on: our own invented articles say what their questions say they do."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.fit.data import cut_sentences
from evals.fit.readings import INVENTED, Readings, read_invented


@pytest.fixture(scope="module")
def invented() -> Readings:
    return Readings(INVENTED, Path(), kept_out=False)


def test_gold_is_whole_sentences_of_articles_that_are_there() -> None:
    articles, questions = read_invented()
    texts = {article["id"]: article["text"] for article in articles}
    assert len(texts) == len(articles)
    sentences = {key: {text[slice(*span)] for span in cut_sentences(text)} for key, text in texts.items()}
    for question in questions:
        assert question["answerable"] == bool(question["evidence"] and question["gold_ids"])
        assert all(any(gold in sentences[key] for key in question["gold_ids"]) for gold in question["evidence"])


def test_no_question_is_asked_twice() -> None:
    _, questions = read_invented()
    assert len({question["question"] for question in questions}) == len(questions) > 1_000


def test_every_question_is_read_with_its_answer_marked_and_with_pages_that_lack_it(invented: Readings) -> None:
    _, questions = read_invented()
    gold = {question["question"]: question["evidence"] for question in questions}
    assert len(invented.rows) == len(questions)
    asked: dict[str, set[bool]] = {}
    for reading in invented.turn(0):
        marked = {reading.page.text[start:end] for start, end in reading.spans}
        assert marked <= set(gold.get(reading.question, ()))
        if not marked and reading.question in gold:
            assert not any(sentence in reading.page.text for sentence in gold[reading.question])
        asked.setdefault(reading.question, set()).add(bool(marked))
    answerable = [question["question"] for question in questions if question["answerable"]]
    assert all(asked[question] == {True, False} for question in answerable)
