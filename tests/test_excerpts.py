"""Quoted words are found exactly where they stand, and a misquote is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from assistant import Assistant, Filters
from assistant.excerpts import read_excerpt

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
def test_the_longest_quoted_run_of_words_is_the_excerpt(question: str, excerpt: str | None) -> None:
    assert read_excerpt(question) == excerpt


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


def test_an_excerpt_over_two_sentences_is_one_quote(stored: Assistant) -> None:
    answer = stored.ask("Where does “the longest closure yet. The city paid 4.5 million euros” come from?")
    assert answer.statements[0].text.startswith("It had been closed")
    assert answer.statements[0].text.endswith("4.5 million euros.")


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
