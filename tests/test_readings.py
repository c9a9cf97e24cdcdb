"""What the ranker is trained on: our own articles and our questions about other people's say what they say they do."""

from __future__ import annotations

import gzip
import itertools
import json
import re
import shutil
from pathlib import Path

import pytest

from assistant.words import guess_language
from evals.fit import asked, invented
from evals.fit.artifacts import give_away
from evals.fit.asked import read_asked
from evals.fit.data import SOURCES, cut_sentences, half_of
from evals.fit.invented import read_invented
from evals.fit.practice import read_practice
from evals.fit.readings import INVENTED, PRACTISED, TOGETHER, Readings
from evals.schema import PRACTICE, read_splits


def write_set(
    folder: Path, domains: dict[str, str], text: str = "The kettle holds two litres. It boils in four minutes."
) -> None:
    """A set laid out as squadshifts is: an article with this text and a question for each of these titles."""
    articles = [{"id": title, "title": title, "text": text} for title in domains]
    questions = [
        {"id": title, "question": "How much does the kettle hold?", "answers": ["two litres"], "gold_ids": [title]}
        | {"answerable": True, "spans": [[title, 17, 27]], "domain": domain}
        for title, domain in domains.items()
    ]
    folder.mkdir()
    for name, rows in (("corpus", articles), ("questions", questions)):
        with gzip.open(folder / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)


def test_gold_is_whole_sentences_of_articles_that_are_there() -> None:
    articles, questions = read_invented()
    texts = {article["id"]: article["text"] for article in articles}
    assert len(texts) == len(articles)
    sentences = {key: {text[slice(*span)] for span in cut_sentences(text)} for key, text in texts.items()}
    for question in questions:
        assert question["answerable"] == bool(question["evidence"] and question["gold_ids"])
        assert all(any(gold in sentences[key] for key in question["gold_ids"]) for gold in question["evidence"])


def test_practice_questions_are_read_with_passages_that_compete() -> None:
    articles, questions = read_practice()
    assert {article["id"].rpartition("-")[0] for article in articles} == {
        story for story, split in read_splits(PRACTICE).items() if split == "fit"
    }
    gold = {question["question"]: question["evidence"] for question in questions}
    readings, answered = Readings(PRACTISED, Path()), 0
    for read in itertools.islice(readings.together(0), 200):
        [text] = {reading.question for reading in read}
        question = text if text in gold else f"Is it reported that {text}?"
        assert 1 < len(read) <= TOGETHER + 1
        marked = {reading.page.text[start:end].strip() for reading in read for start, end in reading.spans}
        assert all(any(one.strip(" .") in text for one in gold[question]) for text in marked)
        assert bool(marked) == bool(gold[question])
        for reading in read:
            if not reading.spans:
                assert not any(sentence.strip(" .") in reading.page.text for sentence in gold[question]), question
        answered += bool(marked)
    assert 100 < answered < 200


def test_no_question_is_asked_twice() -> None:
    asked = [
        one for path in invented.FOLDER.glob("*.txt") for article in invented._read(path) for _, one in article.asked
    ]
    assert len(set(asked)) == len(asked) > 1_000


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
    english = {word for one in gold if guess_language(one) == "en" for word in re.findall(r"\w+", one)}
    claims = {
        one: claim["claim"] for one in gold if (claim := re.fullmatch(r"Is it reported that (?P<claim>.+)\?", one))
    }
    whole = {claim: one for one, claim in claims.items()}
    read: dict[str, list[bool]] = {}
    for reading in readings.turn(0):
        question = whole.get(reading.question, reading.question)
        if question not in gold:  # a name was swapped, in an English question for one of another
            assert set(re.findall(r"\w+", question)) <= english
        marked = {reading.page.text[start:end] for start, end in reading.spans}
        assert marked <= set(gold.get(question, ()))
        if not marked and question in gold:
            assert not any(sentence in reading.page.text for sentence in gold[question])
        read.setdefault(reading.question, []).append(bool(marked))
    assert claims
    for question in questions:  # with each article that answers, and once, a claim as it stands, with one that does not
        if question["answerable"]:
            answered, asked_as = [True] * len(question["gold_ids"]), question["question"]
            if asked_as in claims:
                assert read[asked_as] == answered
            assert sorted(read[claims.get(asked_as, asked_as)], reverse=True) == [*answered, False]


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


ASKED = """@ selqa | Kettle 1
x | Elsewhere?

@ squadshifts | Kettle 1
= four | How long?
x | How hot?
"""


def test_our_questions_about_other_peoples_articles_are_read_with_what_they_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [source] = [source for source in SOURCES if source.folder == "squadshifts"]
    titles = [title for title in map("Kettle {}".format, range(12)) if half_of(title) == "fit"]
    write_set(tmp_path / source.folder, dict.fromkeys(titles, "wiki"))
    (tmp_path / "asked.txt").write_text(ASKED.replace("Kettle 1", titles[0]), encoding="utf-8")
    monkeypatch.setattr(asked, "FOLDER", tmp_path)
    both = [Readings(source, tmp_path, kept_out=kept_out) for kept_out in (False, True)]
    found = [readings.own(row) for readings in both for row in readings.rows if row.ours]
    said = [(one.question, [one.page.text[start:end] for start, end in one.spans]) for one in found]
    assert said == [("How long?", ["four"]), ("How hot?", [])]
    for number in (0, 1):  # every turn reads all of ours
        read = {reading.question for readings in both for reading in readings.turn(number)}
        assert {"How long?", "How hot?"} <= read


@pytest.mark.parametrize(("old", "new"), [("= four", "= five"), ("squadshifts | Kettle 1", "squadshifts | Pot")])
def test_a_question_about_what_is_not_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str
) -> None:
    [source] = [source for source in SOURCES if source.folder == "squadshifts"]
    write_set(tmp_path / source.folder, {"Kettle 1": "wiki"})
    (tmp_path / "asked.txt").write_text(ASKED.replace(old, new), encoding="utf-8")
    monkeypatch.setattr(asked, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match="no such article, or not its words: How long"):
        Readings(source, tmp_path)


def test_an_answer_is_marked_where_it_is_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [source] = [source for source in SOURCES if source.folder == "squadshifts"]
    title = next(title for title in map("Kettle {}".format, range(12)) if half_of(title) == "fit")
    write_set(tmp_path / source.folder, {title: "wiki"}, text="Women boil it. Two men hold it.")
    (tmp_path / "asked.txt").write_text(f"@ squadshifts | {title}\n= men | Who holds it?\n", encoding="utf-8")
    monkeypatch.setattr(asked, "FOLDER", tmp_path)
    both = [Readings(source, tmp_path, kept_out=kept_out) for kept_out in (False, True)]
    [row] = [row for readings in both for row in readings.rows if row.ours]
    assert row.spans == ((19, 22),)


def test_all_our_questions_about_other_peoples_articles_are_in_the_layout() -> None:
    rows = [row for source in SOURCES for row in read_asked(source.folder)]
    lines = [line for path in asked.FOLDER.glob("*.txt") for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == sum(bool(line) and not line.startswith("@") for line in lines) > 1_000
    assert len({row["id"] for row in rows}) == len(rows)


@pytest.mark.parametrize("text", ["x | Before any article?", "@ selqa | A\n= | No answer named?", "@ selqa | A\nWho?"])
def test_what_is_no_question_about_an_article_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (tmp_path / "z.txt").write_text(text, encoding="utf-8")
    monkeypatch.setattr(asked, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match=re.escape(f"z.txt:{text.count(chr(10)) + 1}: neither the head")):
        read_asked("selqa")


def test_a_domain_left_out_is_read_from_the_reporting_half_and_from_there_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked, "FOLDER", tmp_path)  # none of ours
    [source] = [source for source in SOURCES if source.folder == "squadshifts"]
    titles = [f"Kettle {number}" for number in range(12)]
    domains = {title: ("reddit", "reviews")[number % 2] for number, title in enumerate(titles)}
    write_set(tmp_path / source.folder, domains)
    trained = {
        row.near
        for kept_out in (False, True)
        for row in Readings(source, tmp_path, kept_out=kept_out, but="reddit").rows
    }
    reported = {row.near for row in Readings(source, tmp_path, only="reddit").rows}
    assert trained == {title for title in titles if half_of(title) == "fit" and domains[title] == "reviews"}
    assert reported == {title for title in titles if half_of(title) == "report" and domains[title] == "reddit"}
    assert trained
    assert reported


def test_what_the_words_give_away_is_learned_from_questions_about_other_articles() -> None:
    kinds = [("Why did the kettle {} boil?", False), ("Is the kettle {} hot, and how hot is it?", True)]
    told = [(text.format(n), answerable, f"a{n % 60}") for n in range(300) for text, answerable in kinds]
    coin = [(f"Who owns kettle {n}?", bool(n // 60 % 2), f"a{n % 60}") for n in range(600)]
    for rows, apart in ((told, 0.8), (coin, 0.0)):
        found = give_away(*map(list, zip(*rows, strict=True)))
        with_answer, without = (
            [p for p, row in zip(found, rows, strict=True) if row[1] is side] for side in (True, False)
        )
        difference = sum(with_answer) / len(with_answer) - sum(without) / len(without)
        assert difference > apart if apart else abs(difference) < 0.1
    assert set(give_away(["Why?", "Who?"], [False, True], ["a", "b"])) == {0.5}  # too few to tell


def test_a_question_of_ours_carries_what_its_words_give_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(invented.FOLDER / "a1.txt", tmp_path)
    monkeypatch.setattr(invented, "FOLDER", tmp_path)
    readings = Readings(INVENTED, Path())
    odds = {row.id: row.odds for row in readings.rows}
    assert sum(odds.values()) == pytest.approx(0.0, abs=1e-6)
    assert readings.given_away
    assert readings.given_away > 0.6
    asks_why = [row.odds for row in readings.rows if row.question.startswith("Why did")]
    assert sum(asks_why) / len(asks_why) < 0  # most of them ask for what is not told
    assert all(reading.odds == odds[row.id] for row in readings.rows[:20] for reading in [readings.own(row)])
