"""Misspelt words are read as the articles write them, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from assistant import Assistant
from assistant.spelling import respell

TEXT = (
    "Ittai Gradel warned the British Museum in 2021. The biography by Walter Isaacson was corrected."
    " Starlink is not sold in Taiwan, and the government has licensed nobody."
)


@pytest.fixture
def stored(assistant: Assistant, write: Callable[..., Path]) -> Assistant:
    path = write("a.md", TEXT, title="A dealer and a book", source="Sample Wire", published="2023-05-01")
    assert not assistant.add([path]).failed
    return assistant


@pytest.mark.parametrize(
    ("asked", "read"),
    [
        ("When did Itai Gradel warn the British Musuem?", "When did Ittai Gradel warn the British Museum?"),
        ("why is there no Starlnk in tiawan", "why is there no Starlink in Taiwan"),
        ("Was Isacson's biografy corrected?", "Was Isaacson's biography corrected?"),
        ("was the goverment asked", "was the government asked"),
        ("Did Meseum object?", "Did Museum object?"),
        ("Did Licesed object?", "Did Licesed object?"),  # a name is no misspelt verb
        ("Who warned the museums of the thefts?", "Who warned the museums of the thefts?"),  # a form, and a known word
        ("Did Gradow warn anybody?", "Did Gradow warn anybody?"),  # another name
        ("Who is Ita?", "Who is Ita?"),  # too short to tell
        ("Wann warnte Itai Gradel das Britische Musuem?", "Wann warnte Itai Gradel das Britische Musuem?"),
        ("What of 2012?", "What of 2012?"),
        ("Who said he'd warn them?", "Who said he'd warn them?"),  # nor is that "held"
    ],
)
def test_only_what_is_no_word_and_almost_one_of_the_articles_is_changed(
    stored: Assistant, asked: str, read: str
) -> None:
    assert respell(asked, stored.retrieve("museum biography Starlink")) == read


def test_an_answer_says_how_the_question_was_read(newsroom: Assistant) -> None:
    answer = newsroom.ask("why is there no Starlnk in Tiawan according to SpaceX")
    assert answer.asked_as == "why is there no Starlink in Taiwan according to SpaceX"
    assert answer.outcome == "answer"
    assert any("Taiwan has not licensed" in statement.text for statement in answer.statements)


def test_a_swapped_name_stays_swapped(newsroom: Assistant) -> None:
    question = "What did Bill Nelson say about Musk and Merkel?"
    assert newsroom.ask(question).asked_as == question
