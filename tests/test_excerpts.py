"""Quoted words are found exactly where they stand, and a misquote is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from assistant import Assistant, Filters, Turn
from assistant.excerpts import read_excerpts

TEXT = (
    "The mayor opened the bridge on Monday. It had been closed for **three years** after the flood – the longest closure yet."
    " The city paid 4.5 million euros.\n\n## Cost\n\nNobody was hurt."
)


@pytest.fixture
def stored(assistant: Assistant, write: Callable[..., Path]) -> Assistant:
    write("a.md", TEXT, title="Bridge open again", source="Sample Wire", published="2023-05-01")
    write("b.md", f"Our agency reports. {TEXT}", title="Copied", source="Sample Courier", published="2023-05-02")
    path = write("c.md", "The flood came at night and took the bridge with it.", title="Flood", published="2020-01-01")
    assert not assistant.add([path.parent]).failed
    return assistant


@pytest.mark.parametrize(
    ("question", "excerpt"),
    [
        ("Which outlet wrote “the longest closure yet of any bridge”?", "the longest closure yet of any bridge"),
        ('Who wrote "it had been closed for three years…"?', "it had been closed for three years"),
        ("Wo steht „nobody was hurt in the whole long night“?", "nobody was hurt in the whole long night"),
        ("Où lit-on « nobody was hurt in the whole long night » ?", "nobody was hurt in the whole long night"),
        ("Who wrote ‘it was the city’s longest closure yet’?", "it was the city’s longest closure yet"),
        ("Who wrote 'it was the city's longest closure yet'?", "it was the city's longest closure yet"),
        ("Did the workers' union say that the drivers' pay was cut?", None),
        ("What did the '24 Olympics cost, and what did the athletes' union say?", None),
        ("Who called it “a bridge too far”?", None),
        ("What did the mayor's office say about the city's long, long closure?", None),
        (
            "Is “one two three four five six” in “one two three four five six seven”?",
            "one two three four five six seven",
        ),
    ],
)
def test_a_run_of_words_in_quotation_marks_is_the_excerpt(question: str, excerpt: str | None) -> None:
    assert read_excerpts(question) == ((excerpt,) if excerpt else ())


def test_the_sentences_around_it_are_quoted_with_source_and_date_oldest_first(stored: Assistant) -> None:
    answer = stored.ask("Who wrote “closed for three years after the flood - the longest”, and when?")
    [statement] = answer.statements
    assert statement.text.startswith("It had been closed for **three years**")
    assert statement.text.endswith("the longest closure yet.")
    assert [(c.article_id, c.source) for c in statement.citations] == [
        ("a.md", "Sample Wire"),
        ("b.md", "Sample Courier"),
    ]
    assert str(statement.citations[0].published) == "2023-05-01"


def test_quoted_words_are_found_though_nothing_in_them_tells_their_language(
    assistant: Assistant, write: Callable[..., Path]
) -> None:
    told = "Versicherungen warnen Gemeinden, Landwirte, Winzer und Fischer. Das Wasser kam nachts."
    write("de.md", told, title="Hochwasser", source="Sample Bote", published="2023-05-01", language="de")
    for n in range(12):
        text = f"Der Verein gewann Spiel {n}. Der Trainer lobte den Torwart."
        path = write(f"{n}.md", text, title=f"Spiel {n}", source="Sample Bote", published="2023-05-02", language="de")
    assert not assistant.add([path.parent]).failed
    answer = assistant.ask("Which paper wrote “Versicherungen warnen Gemeinden, Landwirte, Winzer und Fischer”?")
    assert [citation.article_id for citation in answer.statements[0].citations] == ["de.md"]
    without = assistant.ask("Which paper wrote “Versicherungen warnen Gemeinden, Landwirte, Winzer, Fischer”?")
    assert without.outcome == "decline"


def test_an_excerpt_over_two_sentences_is_one_quote(stored: Assistant) -> None:
    answer = stored.ask("Where does “the longest closure yet. The city paid 4.5 million euros” come from?")
    assert answer.statements[0].text.startswith("It had been closed")
    assert answer.statements[0].text.endswith("4.5 million euros.")


def test_he_and_she_who_said_it_are_quoted_with_their_name(assistant: Assistant, write: Callable[..., Path]) -> None:
    text = "Anthea Crowe learned of it late. She called it a punch in the stomach of a whole district."
    write("mill.md", text, title="Mill", source="Sample Wire", published="2023-05-01", language="en")
    assert not assistant.add([write("rain.md", "It rained all day.", title="Rain").parent]).failed
    answer = assistant.ask("Who spoke of “a punch in the stomach of a whole district”?")
    assert [statement.text for statement in answer.statements] == [text]


@pytest.mark.parametrize(
    "misquote",
    [
        "closed for four years after the flood – the longest",
        "closed for three years after the floods – the longest",
        "The city paid 4.6 million euros. Nobody was hurt",
        "he city paid 4.5 million euros. Nobody was",
    ],
)
def test_a_misquote_is_declined_whatever_comes_near(stored: Assistant, misquote: str) -> None:
    answer = stored.ask(f"Which paper wrote “{misquote}”?")
    assert answer.outcome == "decline"
    assert answer.reason == "None of the articles searched has the quoted words as they stand."
    assert answer.nearest


def test_the_limits_of_the_question_hold(stored: Assistant) -> None:
    asked = "Who wrote “It had been closed for three years after the flood”?"
    answer = stored.ask(asked, filters=Filters(source="Sample Courier"))
    assert [c.article_id for s in answer.statements for c in s.citations] == ["b.md"]
    assert stored.ask(asked, filters=Filters(source="Sample Gazette")).abstained


def test_a_headline_is_known_as_one_and_its_article_named_first(newsroom: Assistant) -> None:
    answer = newsroom.ask("Who published “Three students share 700,000 dollars for reading a scroll from Herculaneum”?")
    assert answer.outcome == "nearest"
    assert answer.reason == "The quoted words are the headline of the first article below."
    assert answer.nearest[0].title.startswith("Three students share 700,000 dollars")


def test_a_headline_that_another_article_quotes_is_named_beside_the_quote(newsroom: Assistant) -> None:
    answer = newsroom.ask("When was “Power fails across Spain and Portugal” published?")
    assert answer.lead == (
        "These words are the headline of an article: “Power fails across Spain and Portugal”, Sample Wire, 28 April 2025."
        " They also stand below."
    )
    assert all("Power fails across Spain and Portugal" in statement.text for statement in answer.statements)


def test_of_a_misquote_and_a_headline_both_are_said(newsroom: Assistant) -> None:
    answer = newsroom.ask(
        "Who wrote “none of these seven words stands anywhere”, and who “Three students share 700,000 dollars for reading a"
        " scroll from Herculaneum”?"
    )
    assert answer.outcome == "nearest"
    assert "headline of the first article" in answer.reason
    assert "“none of these seven words stands anywhere”" in answer.reason


def test_a_quoted_claim_that_was_taken_back_comes_with_what_puts_it_right(newsroom: Assistant) -> None:
    answer = newsroom.ask("Which outlet wrote “the bird had been found on a sidewalk”?")
    [statement] = answer.statements
    assert "That was wrong." in statement.text


def test_of_two_quotes_it_is_said_which_is_not_found(stored: Assistant) -> None:
    answer = stored.ask(
        "Did they write “closed for three years after the flood” or “closed for five years after the flood”?"
    )
    assert answer.lead == (
        "None of the articles searched has these words as they stand: “closed for five years after the flood”."
    )
    assert all("**three years**" in statement.text for statement in answer.statements)


@pytest.mark.parametrize(
    ("question", "outcome"),
    [
        ("Who wrote “closed for three years after the flood he said nothing of”?", "decline"),  # "he" stays "he"
        ("And when?", "answer"),
        ("And which paper printed that?", "answer"),
    ],
)
def test_a_follow_up_to_a_quote(stored: Assistant, question: str, outcome: str) -> None:
    quoted = "Who wrote “It had been closed for three years after the flood”, Smith?"
    turns = [Turn("What did Smith say?"), Turn(quoted, "It had been closed.")]
    answer = stored.ask(question, turns=turns)
    assert answer.outcome == outcome
    assert "Smith said" not in answer.asked_as


def test_another_question_after_a_quote_is_not_answered_with_the_quote(stored: Assistant) -> None:
    turns = [Turn("Who wrote “It had been closed for three years after the flood”?", "It had been closed.")]
    answer = stored.ask("What about Tesla?", turns=turns)
    assert answer.reason != "The quoted words stand in this article."
