"""Asking, with the real encoder: verbatim, dated, exact, and declined where the articles do not say."""

from __future__ import annotations

import gc
import json
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from assistant import Answer, Article, Assistant, Filters, Settings, Turn
from assistant.errors import BadQuestion, BrokenCitation
from assistant.models import SentenceEncoder
from assistant.rendering import answer_dict
from evals import one_article
from tests.conftest import CORPUS, DATA
from tests.filler import filler

Write = Callable[..., Path]

REPORT = DATA / "2024-10-25-newspaper-report.txt"
QUESTIONS = DATA / "newspaper_report_questions.jsonl"


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory, encoder: SentenceEncoder) -> Assistant:
    """One dated article without a source, alone in its data folder."""
    opened = Assistant(Settings(home=tmp_path_factory.mktemp("one")), encoder=encoder)
    assert opened.add([REPORT]).added == (REPORT.name,)
    return opened


def reread(article_id: str, folder: Path = CORPUS) -> str:
    """The text of a file as a reader without this program has it: what follows front matter, or date and title lines."""
    text = unicodedata.normalize("NFC", (folder / article_id).read_bytes().decode("utf-8")).replace("\r\n", "\n")
    if article_id.endswith(".md"):
        return text.split("\n---\n", 1)[1].lstrip("\n")
    return text.split("\n", 2)[2].lstrip("\n")


def check_exact(shown: dict[str, object], folder: Path = CORPUS) -> None:
    """Every quote of an answer, as it left through JSON, is the slice of the file that its citation names."""
    for statement in shown["statements"]:  # type: ignore[attr-defined]
        for citation in statement["citations"]:
            assert reread(citation["article_id"], folder)[citation["start"] : citation["end"]] == citation["quote"]


def test_the_donation_is_answered_with_its_sentence_its_date_and_no_invented_source(one: Assistant) -> None:
    answer = one.ask("How much did Musk give to America PAC in the first half of October?")
    assert answer.outcome == "answer"
    citation = answer.statements[0].citations[0]
    assert "Musk instead kept posting" in citation.quote, "who put it there is quoted as well"
    assert "He put another $44 million" in citation.quote
    assert citation.quote.endswith("first half of October.")
    assert (citation.published, citation.source, answer.newest_cited) == (date(2024, 10, 25), None, date(2024, 10, 25))
    assert answer.statements[0].text == citation.quote


def test_a_heading_is_never_quoted(one: Assistant) -> None:
    headings = {line for line in REPORT.read_text(encoding="utf-8").splitlines() if line and line[-1] not in ".!?”\"'"}
    assert len(headings) >= 5
    for line in QUESTIONS.read_text(encoding="utf-8").splitlines():
        for statement in one.ask(json.loads(line)["question"]).statements:
            assert not any(heading in statement.text for heading in headings)


def test_a_name_that_the_articles_do_not_have_is_declined_and_said(one: Assistant) -> None:
    answer = one.ask("Did Musk donate to the Harris campaign?")
    assert answer.abstained
    assert "Harris" in answer.reason
    assert answer.statements == ()
    assert [near.article_id for near in answer.nearest] == [REPORT.name]


@pytest.mark.parametrize(
    ("file", "answered", "declined"),
    [
        ("newspaper_report_questions.jsonl", 13, 4),
        ("newspaper_report_blind.jsonl", 13, 4),
        ("newspaper_report_fourth.jsonl", 14, 3),
    ],
)
def test_twenty_questions_on_one_article(file: str, answered: int, declined: int) -> None:
    """What is reached is held here; the aim is 12 of 14 answered and 5 of 6 declined. See evals/one_article.py."""
    cases = list(one_article.run(REPORT, DATA / file, gold="gold"))
    right = [case for case in cases if case.right]
    assert sum(case.answerable for case in cases) == 14
    assert len(cases) == 20
    assert sum(case.answerable for case in right) >= answered, [case.question for case in cases if not case.right]
    assert sum(not case.answerable for case in right) >= declined, [case.question for case in cases if not case.right]


ASKED_OF_THE_CORPUS = (
    "How much did Musk give to America PAC in the first half of October?",
    "What did the Kremlin say about the Wall Street Journal's report?",
    "Who called for an investigation into the calls?",
    "Why did Musk not activate Starlink near Crimea?",
    "When did Trump name Musk to lead the Department of Government Efficiency?",
)


@pytest.mark.parametrize("question", ASKED_OF_THE_CORPUS)
def test_every_quote_is_exact_against_the_file_and_dated(newsroom: Assistant, question: str) -> None:
    answer = newsroom.ask(question)
    assert answer.outcome == "answer", answer.reason
    shown = json.loads(json.dumps(answer_dict(answer)))
    check_exact(shown)
    for statement in shown["statements"]:
        for citation in statement["citations"]:
            assert citation["source"].startswith("Sample ")
            assert citation["published"] == citation["article_id"][:10]


def test_one_character_off_is_noticed(newsroom: Assistant) -> None:
    answer = newsroom.ask(ASKED_OF_THE_CORPUS[0])
    shown = answer_dict(answer)
    citation = shown["statements"][0]["citations"][0]
    citation["start"] += 1
    citation["end"] += 1
    with pytest.raises(AssertionError):
        check_exact(shown)
    exact = answer.statements[0].citations[0]
    with pytest.raises(BrokenCitation):
        newsroom.verify(replace(exact, start=exact.start + 1, end=exact.end + 1))


def test_a_span_shifted_in_the_catalog_does_not_reach_a_quote(tmp_path: Path, encoder: SentenceEncoder) -> None:
    """Chunks choose where to look; quotes are cut from the sentences of the text. A shifted chunk loses, it does not misquote."""
    with Assistant(Settings(home=tmp_path / "home"), encoder=encoder) as assistant:
        assistant.add([REPORT])
        with assistant.store.database.writing() as connection:
            connection.execute('UPDATE chunk SET start = start + 1, "end" = "end" + 1')
        answer = assistant.ask("How much did Musk give to America PAC in the first half of October?")
        assert answer.statements
        check_exact(answer_dict(answer), DATA)


@pytest.mark.parametrize(
    "question",
    [
        "Who won the Nobel Prize in Physics in 2021?",
        "How many goals did Messi score for Barcelona?",
        "What did Angela Merkel say about Starlink?",
        "How much did Jeff Bezos donate to America PAC?",
    ],
)
def test_what_no_article_says_is_declined_with_the_nearest(newsroom: Assistant, question: str) -> None:
    answer = newsroom.ask(question)
    assert answer.abstained, answer.statements
    assert answer.nearest
    assert answer.reason


def test_as_of_uses_nothing_later(newsroom: Assistant) -> None:
    answer = newsroom.ask("Who won the election?", filters=Filters(as_of=date(2024, 10, 31)))
    assert answer.as_of == date(2024, 10, 31)
    assert all(p.article.published and p.article.published <= date(2024, 10, 31) for p in answer.passages)
    nothing = newsroom.ask("Who won the election?", filters=Filters(as_of=date(2019, 1, 1)))
    assert (nothing.outcome, nothing.passages, nothing.nearest) == ("decline", (), ())
    assert "No article matches" in nothing.reason


def test_the_decision_does_not_depend_on_how_many_articles_are_stored(tmp_path: Path, encoder: SentenceEncoder) -> None:
    """The same twenty questions over the report alone, with 12 and with 5,000 articles on other things around it."""
    questions = [json.loads(line)["question"] for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    others = tmp_path / "others.jsonl"
    said: list[list[tuple[str, float, list[str]]]] = []
    with Assistant(Settings(home=tmp_path / "home"), encoder=encoder) as assistant:
        for count in (0, 12, 5_000):
            others.write_text("\n".join(json.dumps(article) for article in filler(count)), encoding="utf-8")
            assistant.add([REPORT, others] if count else [REPORT])
            assert len(assistant.articles()) == count + 1
            answers = [assistant.ask(question) for question in questions]
            said.append([(a.outcome, a.confidence, [s.text for s in a.statements]) for a in answers])
    alone, few, many = said
    assert {outcome for outcome, _, _ in alone} > {"answer"}
    for question, first, second, third in zip(questions, alone, few, many, strict=True):
        assert first[0] == second[0] == third[0], question
        # of further statements a weak one may stand in a passage that is crowded out
        assert first[2][:1] == second[2][:1] == third[2][:1], question
        if first[0] == "answer":  # of a decline the best of the wrong sentences may come from any article
            assert first[1] == pytest.approx(second[1], abs=1e-3) == pytest.approx(third[1], abs=1e-3), question


def test_a_follow_up_is_answered_from_the_article_of_the_turn_before(assistant: Assistant, write: Write) -> None:
    first = "Mara Lind left the council of Tavel on Monday. The chairman gave no reason for it."
    write("tavel.md", first, title="Lind leaves", published="2023-05-01")
    second = "Mara Lind left the board of Kesta Bank on Friday. She cited her health as the reason."
    path = write("kesta.md", second, title="Lind leaves bank", published="2023-06-01")
    assert not assistant.add([path.parent]).failed
    for said, article in ((first, "tavel.md"), (second, "kesta.md")):
        sentence = said[: said.index(".") + 1]
        answer = assistant.ask("And what reason was given?", turns=[Turn("What did Mara Lind leave?", sentence)])
        assert answer.statements[0].citations[0].article_id == article


def test_a_follow_up_is_asked_with_its_subject(newsroom: Assistant) -> None:
    answer = newsroom.ask("How much did he give to America PAC?", turns=[Turn("Who is Elon Musk?")])
    assert answer.question == "How much did he give to America PAC?"
    assert answer.asked_as == "How much did Elon Musk give to America PAC?"
    assert "$44 million" in answer.statements[0].text


def test_what_a_warm_up_loads_is_left_out_of_garbage_collection(newsroom: Assistant) -> None:
    try:
        newsroom.warm_up()
        assert gc.get_freeze_count() > 100_000, "torch and transformers alone are more"
    finally:
        gc.unfreeze()


def test_the_same_question_twice_gives_the_same_answer(newsroom: Assistant) -> None:
    def without_time(answer: Answer) -> Answer:
        return replace(answer, seconds=0.0)

    for question in ASKED_OF_THE_CORPUS:
        assert without_time(newsroom.ask(question)) == without_time(newsroom.ask(question))


def test_an_empty_corpus_says_how_to_add(assistant: Assistant) -> None:
    answer = assistant.ask("Who denied the report?")
    assert answer.outcome == "decline"
    assert "assistant add" in answer.reason


@pytest.mark.parametrize("question", ["", "  \n", "x" * 50_000])
def test_no_question_and_a_far_too_long_one_are_refused_with_a_hint(assistant: Assistant, question: str) -> None:
    with pytest.raises(BadQuestion) as caught:
        assistant.ask(question)
    assert caught.value.hint


@pytest.mark.parametrize("question", ["?", "😀", "the of and", "'; DROP TABLE article; --", "\x00"])
def test_odd_questions_are_declined(newsroom: Assistant, question: str) -> None:
    assert newsroom.ask(question).abstained


def test_markup_is_read_for_its_words_and_answered_with_little_confidence_at_most(newsroom: Assistant) -> None:
    answer = newsroom.ask("<script>alert(1)</script>")
    assert answer.abstained or answer.confidence < 0.5
    assert all(newsroom.verify(citation) for statement in answer.statements for citation in statement.citations)


def test_a_quote_of_an_article_that_changed_is_still_readable(
    tmp_path: Path, encoder: SentenceEncoder, write: Write
) -> None:
    path = write(
        "bridge.md", "The bridge at Aldwick was closed on Monday.", title="Bridge closed", published="2024-05-01"
    )
    with Assistant(Settings(home=tmp_path / "home"), encoder=encoder) as assistant:
        assistant.add([path])
        citation = assistant.ask("When was the bridge at Aldwick closed?").statements[0].citations[0]
        write(
            "bridge.md", "The bridge at Aldwick was closed on Tuesday.", title="Bridge closed", published="2024-05-01"
        )
        assistant.add([path])
        assert assistant.verify(citation) == citation
        now = assistant.ask("When was the bridge at Aldwick closed?").statements[0].citations[0]
        assert now.quote.endswith("Tuesday.")
        current = assistant.article("bridge.md")
        assert isinstance(current, Article)
        assert now.version == current.version != citation.version


def test_a_thousand_turns_are_no_harm(newsroom: Assistant) -> None:
    turns = [Turn("And when?", "On Monday.")] * 1500
    assert newsroom.ask("And where?", turns=turns).question == "And where?"
