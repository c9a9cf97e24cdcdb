"""A question in another language finds what articles in English say, read word by word in English."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest

from assistant import Assistant
from assistant.gloss import LANGUAGES, in_english
from assistant.words import guess_language

Write = Callable[..., Path]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (
            "Wie viel Geld bekam Terrasol an Subventionen?",
            ["How", "much", "money", "received", "Terrasol", "subsidy"],
        ),
        ("Wer trat als Wohnungsbauministerin zurück?", ["Who", "housing", "construction", "minister"]),  # a compound
        ("Wie teuer wird der Flughafen Hohenlau?", ["expensive", "airport", "Hohenlau"]),  # a name is none
        ("Was hat die Anna Vogel gesagt?", ["Anna", "Vogel"]),
        ("Was hat die Richterin Vogel gesagt?", ["judge", "Vogel"]),
        ("Waren es 1.485,5 Euro?", ["1,485.5"]),
        ("Qui a ordonné l'attaque contre l'Allemagne ?", ["Who", "attack", "against", "Germany"]),
        ("Qu'a dit Pierre Blanc de la grève ?", ["said", "Pierre", "Blanc", "strike"]),  # not "stone", "white"
        ("¿Cuántos heridos hubo en el incendio?", ["How", "many", "injured", "fire"]),
        ("¿Cuántas viviendas se construyen en Ruskola?", ["homes", "Ruskola"]),
    ],
)
def test_words_are_looked_up_and_names_and_numbers_carried_over(asked: str, says: list[str]) -> None:
    found = in_english(asked).replace("¿", "").rstrip(" ?").split()
    assert set(says) <= set(found), found


@pytest.mark.parametrize(
    "asked", ["Who said what?", "What did von der Leyen say?", "", "?", "为什么?", "Mitä hän sanoi?"]
)
def test_other_questions_stay_as_they_are(asked: str) -> None:
    assert in_english(asked) == asked


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_glossary_has_one_word_a_line_in_order_and_each_is_read_as_one(language: str) -> None:
    lines = resources.files("assistant.glossaries").joinpath(f"{language}.txt").read_text(encoding="utf-8").splitlines()
    words = [line.partition(" = ")[0] for line in lines]
    assert words == sorted(set(words))
    assert len(words) > 5000
    for line in lines:
        word, sign, english = line.partition(" = ")
        assert sign, line
        assert word == word.lower(), line
        assert re.fullmatch(r"[A-Za-z0-9'. -]+", english), line


@pytest.mark.parametrize(
    "asked",
    [
        "Wie viele Kühe ertranken bei der Überschwemmung in Larenz?",
        "Combien de vaches ont été victimes de l'inondation à Larenz ?",
        "¿Cuántas vacas se ahogaron en la inundación de Larenz?",
    ],
)
def test_an_article_in_english_answers_a_question_in_another_language(
    assistant: Assistant, write: Write, asked: str
) -> None:
    told = "The flood in Larenz came at night. Some 140 cows drowned in their sheds. The mayor was not in town."
    others = [f"The club of Larenz won game {n}. The trainer praised the goalkeeper." for n in range(12)]
    paths = [
        write(f"{n}.md", text, title=f"Report {n}", source="Sample Wire") for n, text in enumerate([told, *others])
    ]
    assert not assistant.add(paths).failed
    assert guess_language(asked) != "en"
    assert "140 cows" in assistant.retrieve(asked)[0].text
    answer = assistant.varied(answer_threshold=0.15).ask(asked)
    assert any("140 cows" in statement.text for statement in answer.statements), (answer.reason, answer.confidence)
