"""The evidence ranker: what its features see, and what a whole score keeps to, with a small encoder of hashed words."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from assistant.errors import ModelProblem
from assistant.evidence import (
    FEATURES,
    JUDGED,
    Candidate,
    Evidence,
    Support,
    compare_vectors,
    compare_words,
    shared_words,
    shortlist,
)
from assistant.models import Page, Ranker, load_ranker
from assistant.settings import Settings
from assistant.words import find_absent, guess_language, read_against, read_known, read_question, read_words
from tests.doubles import WordEncoder, WordRanker

ARTICLE = (
    "Elon Musk has been in contact with Vladimir Putin since 2022. He donated 44 million dollars to a group that supports "
    "Donald Trump. The Wall Street Journal (WSJ) cited officials. Ukrainian forces use Starlink because networks were destroyed."
)
DONATION = Candidate(
    text="He donated 44 million dollars to a group that supports Donald Trump.",
    title="Musk apparently had regular contact with Putin",
    before="Elon Musk has been in contact with Vladimir Putin since 2022.",
    article=ARTICLE,
)
WEATHER = Candidate("Rain fell.", "Weather", "", "Rain fell.")


def absent(question: str, article: str = ARTICLE, language: str = "en") -> tuple[str, ...]:
    return find_absent(read_question(question, language), read_known(article, language))[1]


def kinds(text: str, language: str = "en") -> dict[str, str]:
    return {word.text: word.kind for word in read_words(text, language)}


def coefficients(kind: str, **weights: float) -> str:
    """An evidence.json with these coefficients, the others 0, fitted with the ranker of the doubles."""
    features = FEATURES[kind]
    fitted = {
        "name": "test",
        "ranker": WordRanker.fingerprint,
        "features": list(features),
        "coefficients": [weights.get(name, 0.0) for name in features],
        "mean": [0.0] * len(features),
        "scale": [1.0] * len(features),
        "intercept": -1.0,
        "thresholds": {"answer": 0.6, "nearest": 0.3},
    }
    return json.dumps({kind: fitted})


@pytest.fixture
def evidence() -> Evidence:
    return Evidence.read(coefficients("without ranker", cosine=1.0, late=1.0, absent=-1.0))


def page_of(*sentences: str) -> list[Candidate]:
    """The candidates of a page with these sentences."""
    text, ends = " ".join(sentences), [sum(map(len, sentences[: n + 1])) + n for n in range(len(sentences))]
    ranges = tuple((end - len(sentence), end) for sentence, end in zip(sentences, ends, strict=True))
    page = Page("Musk", text, ranges)
    return [Candidate(s, "Musk", "", text, page=page, number=n) for n, s in enumerate(sentences)]


def test_words_are_told_apart_by_kind() -> None:
    assert kinds("Did Musk give 44 million to the US?") == {
        "Did": "function", "Musk": "name", "give": "plain", "44": "number", "million": "plain", "to": "function",
        "the": "function", "US": "name",
    }  # fmt: skip
    assert kinds("U.S. tells us five things") == {
        "U.S.": "name", "tells": "plain", "us": "function", "five": "number", "things": "plain"
    }  # fmt: skip


def test_word_positions_are_those_of_the_text() -> None:
    text = "Did Musk’s “X” earn $1,200.50 in 2024?"
    assert [text[word.start : word.end] for word in read_words(text, "en")] == [
        "Did",
        "Musk",
        "s",
        "X",
        "earn",
        "1,200.50",
        "in",
        "2024",
    ]


def test_german_capitals_make_no_name() -> None:
    assert kinds("Hat die Regierung das Gesetz gebilligt?", "de")["Regierung"] == "plain"


def test_a_question_in_another_language_than_the_article_has_no_names_to_miss(evidence: Evidence) -> None:
    german = "Welche 8,5 Millionen Geräte hat Microsoft 2024 gezählt?"
    asked = read_against(german, "en")
    assert asked.names == ()
    assert [word.text for word in asked.numbers] == ["2024"]
    assert {word.stem for word in asked.words if word.text == "Microsoft"} == {read_words("Microsoft", "en")[0].stem}
    assert read_against("Which devices did Microsoft count?", "de").names == ()
    for question, language in (("Which devices did Microsoft count?", "en"), ("Quanti ne ha contati Microsoft?", "it")):
        assert [word.text for [word] in read_against(question, language).names] == ["Microsoft"]
    candidates = [
        Candidate("It counted 8.5 million devices in 2024.", "Outage", "", "It counted 8.5 million devices in 2024.")
    ]
    [found] = evidence.score(german, candidates, WordEncoder())
    assert found.missing == ()
    [found] = evidence.score("Which devices did Microsoft count?", candidates, WordEncoder())
    assert found.missing == ("Microsoft",)


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("Was Ursula von der Leyen in Kyiv?", "en"),
        ("Did Ursula von der Leyen resign?", "en"),
        ("Marine Le Pen appeal", "en"),
        ("La Niña and El Niño 2024", "en"),
        ("Wann ist Ursula von der Leyen zurückgetreten?", "de"),
        ("Wie viele Windows-Geräte sind von dem Update von CrowdStrike betroffen?", "de"),
        ("Quand le triathlon de Paris a-t-il eu lieu ?", "fr"),
        ("¿Qué día declaró la OMS la emergencia por la mpox?", "es"),
        ("Qu'a dit Macron ?", "fr"),
        ("D'où vient l'argent ?", "fr"),
        ("Who is Conan O'Brien?", "en"),
        ("Was kostete der Umbau des Stadions?", "de"),
        ("Was von der Leyen there?", "en"),
        ("Was traffic diverted around La Défense?", "en"),
    ],
)
def test_the_language_of_a_question_is_that_of_its_function_words(question: str, language: str) -> None:
    assert guess_language(question) == language


def test_names_next_to_each_other_are_one_name() -> None:
    asked = read_question("What did Elon Musk say to Vladimir Putin, Xi Jinping and NATO in 2022?", "en")
    assert [" ".join(word.text for word in name) for name in asked.names] == [
        "Elon Musk",
        "Vladimir Putin",
        "Xi Jinping",
        "NATO",
    ]
    assert [word.text for word in asked.numbers] == ["2022"]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Did Musk donate to the Harris campaign?", ("Harris",)),
        ("Did Musk donate to the Trump campaign?", ()),
        ("When did Kamala Harris meet Putin?", ("Kamala Harris",)),
        ("Did Musk donate 75 million dollars?", ("75",)),
        ("Did Musk donate 44 million dollars?", ()),
        ("What happened in 2019?", ("2019",)),
        ("What does Ukraine use Starlink for?", ()),  # the article says Ukrainian
        ("Did Russia respond to the WSJ?", ("Russia",)),
        ("What did Wall Street Journal reporters cite?", ()),
        ("What did NASA say?", ("NASA",)),
    ],
)
def test_what_the_article_does_not_mention_is_named(question: str, expected: tuple[str, ...]) -> None:
    assert absent(question) == expected


def test_a_name_known_by_its_last_word_is_half_absent_and_not_lacking() -> None:
    share, lacking = find_absent(read_question("Did Eric Trump answer?", "en"), read_known(ARTICLE, "en"))
    assert (share, lacking) == (0.5, ())


def test_acronyms_stand_for_their_words_both_ways() -> None:
    assert absent("What does the WHO want?", "The World Health Organization wants more money.") == ()
    assert absent("What does the World Health Organization want?", "Officials of the WHO want more money.") == ()
    assert absent("What does the WHO want?", "those who want health had organised") == ()  # "who" itself is there
    assert absent("What does the FBI want?", "For big institutes, little changes.") == ("FBI",)


@pytest.mark.parametrize(
    ("one", "other"), [("Iran", "Iranian"), ("Germany", "German"), ("Ukraine", "Ukrainians"), ("Japan", "Japanese")]
)
def test_a_country_is_known_by_its_people(one: str, other: str) -> None:
    assert absent(f"What did the {one} government say?", f"Speaking for {other} firms, she left.") == ()
    assert absent(f"What did the {other} government say?", f"Speaking for {one}, she left.") == ()


def test_numbers_are_compared_as_numbers() -> None:
    assert absent("Who lost 1,200 jobs?", "It cut 1200 jobs.") == ()
    assert absent("Who lost 3 ships?", "The navy lost three ships.") == ()
    assert absent("Who lost 3 ships?", "The navy lost 13 ships.") == ("3",)
    assert absent("Who lost 15 ships?", "The navy lost fifteen ships.") == ()
    assert absent("Who lost 34 ships?", "Thirty-four ships were lost by the navy.") == ()
    assert absent("Who lost 4 ships?", "Thirty-four ships were lost by the navy.") == ("4",)
    assert absent("Who is 21?", "A twenty-one-year-old was lost.") == ()
    for number, word in (("1485", "1.485"), ("12.5", "12,5"), ("22.37", "22.37")):
        assert read_words(word, "de")[0].stem == number
    assert read_words("1,5", "fr")[0].stem != read_words("15", "fr")[0].stem


def test_french_words_are_told_from_what_is_elided_before_them() -> None:
    text = "L’État d'Airbus jusqu'à l'aujourd'hui n'a qu'un prud'homme."
    assert [word.text for word in read_words(text, "fr")] == [
        *("L", "État", "d", "Airbus", "jusqu", "à", "l", "aujourd'hui", "n", "a", "qu", "un", "prud'homme"),
    ]
    asked = read_question("Combien de postes Airbus va-t-il supprimer ?", "fr")
    assert find_absent(asked, read_known("La direction d'Airbus annonce un plan.", "fr"))[1] == ()


def test_context_covers_what_the_sentence_leaves_out() -> None:
    asked = read_question("Did Elon Musk donate?", "en")
    assert shared_words(asked, DONATION) == pytest.approx(1 / 3 + 1.0)
    assert compare_words(asked, DONATION) == {"names_absent": 0.0, "absent": 0.0}


def test_what_the_article_lacks_is_counted() -> None:
    asked = read_question("Did Tim Cook or Elon Musk donate?", "en")
    assert compare_words(asked, DONATION) == {"names_absent": 1.0, "absent": 1.0}
    asked = read_question("Did Musk donate 3,000 dollars?", "en")
    assert compare_words(asked, DONATION) == {"names_absent": 0.0, "absent": 1.0}


def test_late_interaction_is_one_for_equal_words_and_the_least_drops_with_an_absent_one() -> None:
    encoder = WordEncoder()
    asked, other = read_question("Musk donated dollars", "en"), read_question("Musk donated zebras", "en")
    mine, theirs, sentence = encoder.encode_tokens(
        ["Musk donated dollars", "Musk donated zebras", "Musk donated many dollars."]
    )
    full, part = compare_vectors(asked, mine, sentence, ""), compare_vectors(other, theirs, sentence, "")
    assert full["late"] == pytest.approx(1.0, abs=1e-5)
    assert part["late_least"] < 0.6 < full["late_least"]
    assert part["late"] < full["late"]


def test_words_of_the_context_are_not_words_of_the_sentence() -> None:
    encoder, context = WordEncoder(), "Musk donated. "
    mine, read = encoder.encode_tokens(["Musk donated", context + "It rained."])
    asked = read_question("Musk donated", "en")
    assert compare_vectors(asked, mine, read, context)["late"] < 0.6
    assert compare_vectors(asked, mine, read, "")["late"] == pytest.approx(1.0, abs=1e-5)


def test_vectors_of_an_empty_text_count_nothing() -> None:
    encoder = WordEncoder()
    mine, nothing = encoder.encode_tokens(["Who?", "…"])
    assert compare_vectors(read_question("Who?", "en"), mine, nothing, "") == {
        "cosine": 0.0,
        "late": 0.0,
        "late_least": 0.0,
    }


def test_the_shortlist_holds_those_that_share_most_words_in_given_order() -> None:
    scores = {0: 0.1, 1: 0.9, 5: 0.5, 7: 0.9}
    assert shortlist(scores, 3) == [1, 7, 5]
    assert shortlist(scores, 1, "aa   b b") == [1, 7], "the best of a, and of b"


def test_an_absent_name_lowers_the_probability_and_is_reported(evidence: Evidence) -> None:
    encoder = WordEncoder()
    [trump] = evidence.score("Did Musk donate to the Trump campaign?", [DONATION], encoder)
    [harris] = evidence.score("Did Musk donate to the Harris campaign?", [DONATION], encoder)
    assert harris.probability < trump.probability
    assert (trump.missing, harris.missing) == ((), ("Harris",))


def test_other_candidates_do_not_change_a_probability(evidence: Evidence) -> None:
    encoder = WordEncoder()
    question = "Did Musk donate to the Trump campaign?"
    [alone] = evidence.score(question, [DONATION], encoder)
    among = evidence.score(question, [WEATHER] * 30 + [DONATION], encoder)[-1]
    assert among.probability == pytest.approx(alone.probability, abs=1e-6)


def test_only_the_shortlist_reaches_the_encoder_and_it_is_called_once(evidence: Evidence) -> None:
    class Counting(WordEncoder):
        calls: list[int] = []  # noqa: RUF012

        def encode_tokens(self, texts):  # type: ignore[no-untyped-def]
            self.calls.append(len(texts))
            return super().encode_tokens(texts)

    encoder = Counting()
    supports = evidence.score("Did Musk donate?", [DONATION] * 40, encoder)
    assert encoder.calls == [JUDGED + 1], "the question, and each sentence read on"
    assert [support.probability > 0 for support in supports] == [True] * JUDGED + [False] * (40 - JUDGED)


@pytest.mark.parametrize(
    "question", ["", "?", "…", "who is it", 'C++ OR "is', "¿Qué?", "为什么?", "💥" * 10, "x" * 500]
)
@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "zh", ""])
def test_odd_questions_in_any_language_get_a_probability(evidence: Evidence, question: str, language: str) -> None:
    candidates = [replace(DONATION, language=language), replace(WEATHER, language=language)]
    for support in evidence.score(question, candidates, WordEncoder()):
        assert 0.0 <= support.probability <= 1.0
        assert np.isfinite(support.probability)


def test_no_candidates_no_supports(evidence: Evidence) -> None:
    assert evidence.score("Who?", [], WordEncoder()) == []


def test_the_ranker_reads_every_page_and_the_best_sentences_are_judged() -> None:
    ranker = WordRanker()
    evidence = Evidence.read(coefficients("with ranker", read=0.1), ranker)
    near, far = (
        page_of("Rain fell.", "Musk donated dollars.", "He slept."),
        page_of("Musk, who donated dollars."),
    )
    others = [one for n in range(8) for one in page_of(*(f"Musk met {n} and {m}." for m in range(JUDGED)))]
    supports = evidence.score("Who donated dollars?", [*near, *others, *far], WordEncoder())
    assert len(ranker.seen) == 10
    assert max(supports, key=lambda support: support.probability) is supports[-1], "it stands on the last page"
    assert supports[1].probability > 0
    assert sum(support.probability > 0 for support in supports) == JUDGED


def test_questions_that_share_the_time_of_one_share_its_pages() -> None:
    ranker = WordRanker()
    evidence = Evidence.read(coefficients("with ranker", read=1.0), ranker)
    pages = [Page("", f"Bridge {number} is shut.", ((0, 17),)) for number in range(9)]
    found = [Candidate(page.text, "", "", page.text, page=page) for page in pages]
    evidence.score("Which bridge is shut?", found, WordEncoder(), sharing=2)
    assert ranker.seen == pages[:4]
    evidence.score("Which bridge is shut?", found, WordEncoder(), sharing=99)
    assert ranker.seen[4:] == pages[:1]


def test_other_pages_do_not_change_what_the_ranker_makes_of_a_page() -> None:
    evidence = Evidence.read(coefficients("with ranker", read=1.0, absent=-1.0), WordRanker())
    mine = page_of("Rain fell.", "Musk donated dollars.")
    alone = evidence.score("Who donated dollars?", mine, WordEncoder())
    among = evidence.score(
        "Who donated dollars?",
        [*(one for n in range(30) for one in page_of(f"Snow fell {n} times.")), *mine],
        WordEncoder(),
    )
    assert among[-1] == alone[-1]


def test_coefficients_of_other_features_or_another_ranker_are_refused() -> None:
    with pytest.raises(ModelProblem, match="other features"):
        Evidence.read(json.dumps({"without ranker": {"features": ["magic"]}}))
    other: Ranker = WordRanker()
    with pytest.raises(ModelProblem, match="other features") as caught:
        Evidence.read(json.dumps({"with ranker": {"features": ["magic"]}}), other)
    assert "--ranker words" in caught.value.hint, "what was fitted for a ranker of one's own is fitted again for it"
    other.fingerprint = "words-2"
    with pytest.raises(ModelProblem, match="nothing is fitted to the scores of the ranker words"):
        Evidence.read(coefficients("with ranker"), other)


@pytest.mark.parametrize("ranker", ["packaged", "none"])
def test_the_packaged_coefficients_load_and_are_ordered(ranker: Literal["packaged", "none"]) -> None:
    evidence = Evidence.load(load_ranker(Settings(ranker=ranker)))
    assert 0.0 < evidence.nearest_threshold <= evidence.answer_threshold < 1.0
    assert len(evidence.weights) == len(evidence.features)
    weights = dict(zip(evidence.features, evidence.weights, strict=True))
    assert weights["names_absent"] + weights["absent"] < 0
    assert weights["late" if ranker == "none" else "read"] > 0


def test_raising_adds_to_the_log_odds() -> None:
    raised = Support(0.5, ("Mara",)).raised(math.log(3))
    assert raised.probability == pytest.approx(0.75)
    assert raised.missing == ("Mara",)
    assert [Support(p, ()).raised(2.0).probability for p in (0.0, 1.0)] == [0.0, 1.0]
