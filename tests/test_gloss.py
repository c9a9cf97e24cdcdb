"""German, French and Spanish are searched and read word by word in English, whichever of question and article it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest

from assistant import Article, Assistant
from assistant.gloss import LANGUAGES, gloss, in_english, names_of
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


@pytest.mark.parametrize(
    ("language", "text", "says"),
    [
        ("de", "Hartwig Fischer trat zurück. Der Rat dankte Fischer. Ein Fischer weinte.", "thanked Fischer"),
        ("de", "Am Montag kam das Schiff. Die Stadt zahlte.", "The city paid"),  # behind "Die" no name stands
        (
            "de",
            "Zahlreiche Helfer kamen. Russische Truppen zogen ab.",
            "Numerous Helfer helpers came. Russian Truppen troops",
        ),
        (
            "de",
            "Man traf Dr. Vogel in Regensburg. Vogel schwieg.",
            "met Dr. Vogel in Regensburg rain castle. Vogel was silent",
        ),
        (
            "de",
            "Die Bundeswehr kam um 20.15 Uhr mit 1.200 Mann, 2,5 Prozent.",
            "by 20.15 o'clock with 1,200 man, 2.5 percent",
        ),
        ("fr", "Selon Macron, le pont est sûr.", "According to Macron"),
        ("fr", "M. Petit est parti. La Cour a jugé.", "Petit is"),
        ("fr", "Hier, la Cour a jugé.", "the Cour court has judged"),
        ("fr", "La ministre a parlé avec Blanc. Blanc est malade.", "Blanc is sick"),
        ("fr", "Pierre Blanc est parti. Le pont est blanc.", "Pierre Blanc is"),
        ("es", "El alcalde Castillo dimitió. Castillo estaba en Madrid.", "Castillo was in Madrid"),
        ("es", "La ciudad pagó 1.485,5 euros. «El puente es seguro», dijo.", "«The bridge is"),
    ],
)
def test_in_a_text_names_are_kept_and_each_sentence_begins_anew(language: str, text: str, says: str) -> None:
    assert says in gloss(text, language, names_of(text, language))


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


@pytest.mark.parametrize(
    ("language", "told", "other", "answers"),
    [
        (
            "de",
            "In Larenz kam die Flut in der Nacht. Rund 140 Kühe ertranken in ihren Ställen. Der Bürgermeister war nicht da.",
            "Der Verein aus Larenz gewann Spiel {n}. Der Trainer lobte den Torwart.",
            "Rund 140 Kühe ertranken in ihren Ställen.",
        ),
        (
            "fr",
            "À Larenz, l'inondation est venue la nuit. Quelque 140 vaches se sont noyées. Le maire était absent.",
            "Le club de Larenz a gagné le match {n}. L'entraîneur a félicité le gardien.",
            "Quelque 140 vaches se sont noyées.",
        ),
        (
            "es",
            "En Larenz la inundación llegó de noche. Unas 140 vacas se ahogaron en los establos. El alcalde no estaba.",
            "El club de Larenz ganó el partido {n}. El entrenador felicitó al portero.",
            "Unas 140 vacas se ahogaron en los establos.",
        ),
    ],
)
def test_an_article_in_another_language_answers_a_question_in_english_and_is_quoted_verbatim(
    assistant: Assistant, write: Write, language: str, told: str, other: str, answers: str
) -> None:
    texts = [told, *(other.format(n=n) for n in range(12))]
    paths = [
        write(f"{n}.md", text, title=f"{language} {n}", source="Sample Wire", language=language)
        for n, text in enumerate(texts)
    ]
    assert not assistant.add(paths).failed
    asked = "How many cows drowned in the flood in Larenz?"
    assert assistant.retrieve(asked)[0].article.id == "0.md"
    answer = assistant.ask(asked)
    assert answers in answer.statements[0].text
    for statement in answer.statements:
        for citation in statement.citations:
            article = assistant.article(citation.article_id)
            assert isinstance(article, Article)
            assert article.text[citation.start : citation.end] == citation.quote


def test_articles_that_were_indexed_before_they_were_glossed_are_said(assistant: Assistant, write: Write) -> None:
    assert not assistant.add([write("a.md", "Im Larenz ertranken Kühe.", title="Flut", language="de")]).failed
    assert not assistant.ask("Who drowned in Larenz?").notes
    assistant.store.database.record("chunking", "3")
    assert any("assistant rebuild" in note for note in assistant.ask("Who drowned in Larenz?").notes)
