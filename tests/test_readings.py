"""What the ranker is trained on: our own invented articles say what their questions say they do."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from pathlib import Path

import pytest

from assistant.words import guess_language
from evals.fit import invented
from evals.fit.data import SOURCES, cut_sentences, half_of
from evals.fit.invented import read_invented
from evals.fit.readings import INVENTED, Readings


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


def test_every_question_is_read_with_its_answer_marked_and_with_pages_that_lack_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a1", "g1", "n6"):  # reading all takes minutes; g1 is in German
        shutil.copy(invented.FOLDER / f"{name}.txt", tmp_path)
    monkeypatch.setattr(invented, "FOLDER", tmp_path)
    readings = Readings(INVENTED, Path())
    _, questions = read_invented()
    gold = {question["question"]: question["evidence"] for question in questions}
    assert sum(not row.again for row in readings.rows) == len(questions) > 1_000
    assert {(row.question, row.near) for row in readings.rows if row.spans} == {
        (question["question"], key) for question in questions for key in question["gold_ids"]
    }
    asked: dict[str, list[bool]] = {}
    english = {word for one in gold if guess_language(one) == "en" for word in re.findall(r"\w+", one)}
    for reading in readings.turn(0):
        if reading.question not in gold:  # a name was swapped, in an English question for one of another
            assert set(re.findall(r"\w+", reading.question)) <= english
        marked = {reading.page.text[start:end] for start, end in reading.spans}
        assert marked <= set(gold.get(reading.question, ()))
        if not marked and reading.question in gold:
            assert not any(sentence in reading.page.text for sentence in gold[reading.question])
        asked.setdefault(reading.question, []).append(bool(marked))
    for question in questions:  # with each article that answers, and once with one that does not
        if question["answerable"]:
            answered = [True] * len(question["gold_ids"])
            assert sorted(asked[question["question"]], reverse=True) == [*answered, False]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1 Before any article.", "1: text before the first article"),
        ("@ z1 | s | T\n2 Not the first.", "2: sentence 2 is not the next one of z1"),
        ("@ z1 | s | T\n1 One.\nnothing of these", "3: neither article"),
        ("@ z1 | s | T\n1 One.\n= 2 | Who?", "the story has no sentence 2: Who?"),
        ("@ z1 | s | T\n1 One.\n@ z2 | other | T\n1 Two.\n= z1:1 | Who?", "the story has no sentence z1:1: Who?"),
        ("@ z1 | s | T\n1 One.\n@ z1 | s | T\n1 Two.", "an article id occurs twice"),
    ],
)
def test_what_is_not_in_the_layout_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, said: str
) -> None:
    (tmp_path / "z.txt").write_text(line, encoding="utf-8")
    monkeypatch.setattr(invented, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match=re.escape(said)):
        read_invented()


def test_a_domain_left_out_is_read_from_the_reporting_half_and_from_there_only(tmp_path: Path) -> None:
    [source] = [source for source in SOURCES if source.folder == "squadshifts"]
    text = "The kettle holds two litres. It boils in four minutes."
    titles = [f"Kettle {number}" for number in range(12)]
    domains = {title: ("reddit", "reviews")[number % 2] for number, title in enumerate(titles)}
    articles = [{"id": title, "title": title, "text": text} for title in titles]
    questions = [
        {"id": title, "question": "How much does the kettle hold?", "answers": ["two litres"], "gold_ids": [title]}
        | {"answerable": True, "spans": [[title, 17, 27]], "domain": domains[title]}
        for title in titles
    ]
    folder = tmp_path / source.folder
    folder.mkdir()
    for name, rows in (("corpus", articles), ("questions", questions)):
        with gzip.open(folder / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    trained = {
        row.near
        for kept_out in (False, True)
        for row in Readings(source, tmp_path, kept_out=kept_out, but="reddit").rows
    }
    asked = {row.near for row in Readings(source, tmp_path, only="reddit").rows}
    assert trained == {title for title in titles if half_of(title) == "fit" and domains[title] == "reviews"}
    assert asked == {title for title in titles if half_of(title) == "report" and domains[title] == "reddit"}
    assert trained
    assert asked
