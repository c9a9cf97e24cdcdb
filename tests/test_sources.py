"""Independent sources are counted: who retells another, or copies it, does not count again, and who denies it does not count."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from assistant import Article, Assistant, Turn
from assistant.quoting import Sentence
from assistant.rendering import answer_dict, answer_text
from assistant.sources import _may_state, read_claim

WIRE = "A fire destroyed the old harbour market of Tavel on Sunday night. Nobody was hurt."
RETOLD = (
    "The fire brigade in Tavel wants new engines. A fire destroyed the old harbour market there, the agency reported."
)
AGENCY = "Tavel is short of water, Sample Wire writes."
SEEN = "Our reporter stood on the quay of Tavel when the old harbour market burned down on Sunday night. The roof fell first."
DENIED = "The mayor of Tavel said that no fire had destroyed the old harbour market. It was not damaged."


@pytest.fixture
def stored(assistant: Assistant, write: Callable[..., Path]) -> Assistant:
    write("wire.md", WIRE, title="Market burns", source="Sample Wire", published="2023-05-01")
    write("courier.md", f"{AGENCY} {RETOLD}", title="New engines", source="Sample Courier", published="2023-05-02")
    write("copy.md", WIRE, title="Fire in Tavel", source="Sample Post", published="2023-05-02")
    write("gazette.md", SEEN, title="On the quay", source="Sample Gazette", published="2023-05-01")
    path = write("tribune.md", DENIED, title="Mayor denies", source="Sample Tribune", published="2023-05-03")
    assert not assistant.add([path.parent]).failed
    return assistant


@pytest.mark.parametrize(
    ("question", "claim"),
    [
        ("How many independent sources report that the market burned down?", "the market burned down"),
        ("How many newspapers have written, independently of each other, that he left?", "he left"),
        ("How many sources that do not depend on each other say that he left?", "he left"),
        ("How many independent sources are there for the figure of 12 dead?", "the figure of 12 dead"),
        ("How many sources are there for the report that the talks failed?", "the talks failed"),
        ("How many independent outlets carried the news that the talks failed?", "the talks failed"),
        ("And how many other independent news outlets say he left?", "he left"),
        ("How many independent sources are there that say he left?", "he left"),
        ("How many independent sources report the fire in Tavel?", "the fire in Tavel"),
        ("How many independent sources give 186 million as the price?", "186 million as the price"),
        ("How many independent sources put the dead at three?", "the dead at three"),
        ("How many independent outlets mention the washbasin?", "the washbasin"),
        ("How many independent sources say it was Jones who had it changed?", "it was Jones who had it changed"),
        ("How many independent sources claim the state paid for the bridge?", "the state paid for the bridge"),
        ("How many independent sources support the claim that he left?", "he left"),
        (
            "How many independent sources report that Alan Holt left? (Tavel)",
            "Alan Holt left",
        ),  # as a follow-up is understood
        ("How many independent sources report it? (Tavel)", None),
        ("How many independent sources give their names?", None),
        ("How many outlets mention the washbasin?", None),
        ("How many independent sources report Elon Musk?", None),  # "it", after a turn about him
        ("How many sources did the ledger rely on?", None),
        ("How many newspapers wrote that he left?", None),
        ("How many media outlets said that they would not sign the rules?", None),
        ("How many sources did the paper say that it had?", None),
        ("How many newspapers have reported, independently of each other, on why he left?", None),
        ("How many sources report that he left, and when was it?", None),
        ("How many people said that the market burned down?", None),
        ("How many reports did the committee write?", None),
        ("Who reports that the market burned down?", None),
    ],
)
def test_what_is_to_be_counted_is_read_from_the_question(question: str, claim: str | None) -> None:
    assert read_claim(question) == claim


def test_who_retells_or_copies_another_does_not_count_again_and_who_denies_it_not_at_all(stored: Assistant) -> None:
    answer = stored.ask(
        "How many independent sources report that the old harbour market of Tavel was destroyed by fire?"
    )
    assert answer.lead.startswith("Two independent sources in the articles found: ")
    groups = [{c.source for c in statement.citations} for statement in answer.statements]
    assert sorted(groups, key=len) == [{"Sample Gazette"}, {"Sample Wire", "Sample Courier", "Sample Post"}]
    first = next(s.citations[0] for s in answer.statements if len(s.citations) > 1)
    assert first.source == "Sample Wire"  # the one that it comes from, before those that retell it
    assert "Sample Wire (retold by " in answer.lead
    assert all(stored.verify(citation) == citation for s in answer.statements for citation in s.citations)
    assert answer_dict(answer)["lead"] == answer.lead
    assert answer_text(answer, width=500).startswith(answer.lead)


@pytest.mark.parametrize(
    ("claim", "text", "states"),
    [
        ("12 people died on May 3", "12 people died on the third of May.", True),
        ("12 people died on May 3", "On May 3 a storm came.", False),
        ("12 Russian soldiers died", "14 Russian soldiers died.", False),
        ("the fire broke out on 12 May", "The fire broke out on Sunday.", True),
        ("one of the pilots died", "A pilot died.", True),
        ("a fire destroyed the market", "The mayor denied that a fire had destroyed the market.", False),
        ("a fire destroyed the market", "No fire destroyed the market.", False),
        ("a fire destroyed the market", "A fire destroyed the market, but nobody was hurt.", True),
        ("no fewer than 12 people died", "At least 12 people died.", True),
        ("the mayor denied the report", "The mayor denied the report.", True),
        ("12 people died", "Correction: We wrote that 12 people died.", False),
        ("twelve soldiers were killed", "Twelve soldiers were killed before the army withdrew from the town.", True),
        ("Musk had spoken to Putin", "That Musk had spoken to Putin, the Kremlin said, was not true.", False),
        ("Musk had spoken to Putin", "The paper withdrew its report that Musk had spoken to Putin.", False),
    ],
)
def test_a_sentence_has_the_numbers_of_the_claim_denies_what_it_denies_and_takes_nothing_back(
    claim: str, text: str, states: bool
) -> None:
    assert _may_state(claim, Sentence(Article("a.md", "v1", "A", text), 0, len(text))) is states


def test_a_chain_of_retellings_is_one_source(assistant: Assistant, write: Callable[..., Path]) -> None:
    fire = "The old harbour market of Tavel was destroyed by fire"
    write("reuters.md", f"{fire} on Sunday night.", title="Fire", source="Reuters", published="2023-05-01")
    write("courier.md", f"{fire}, Reuters reported.", title="Fire", source="The Courier", published="2023-05-02")
    path = write("post.md", f"{fire}, the Courier wrote.", title="Fire", source="Post", published="2023-05-03")
    assert not assistant.add([path.parent]).failed
    answer = assistant.ask(
        "How many independent sources report that the old harbour market of Tavel was destroyed by fire?"
    )
    assert answer.lead == "One independent source in the articles found: Reuters (retold by The Courier, Post)."


def test_an_article_without_a_source_is_named_apart(assistant: Assistant, write: Callable[..., Path]) -> None:
    fire = "The old harbour market of Tavel was destroyed by fire on Sunday night"
    question = "How many independent sources report that the old harbour market of Tavel was destroyed by fire?"
    path = write("unknown.md", f"{fire}, witnesses say.", title="Fire", published="2023-05-01")
    assert not assistant.add([path]).failed
    unknown = assistant.ask(question).lead
    assert unknown == "No source is stated: one article whose source is not stated in the articles found."
    path = write("wire.md", f"{fire}. It was a hundred years old.", title="Fire", source="Sample Wire")
    assert not assistant.add([path]).failed
    both = assistant.ask(question).lead
    expected = "One independent source in the articles found: Sample Wire; and one article whose source is not stated."
    assert both == expected


def test_after_a_turn_about_somebody_else_the_sources_are_counted(stored: Assistant) -> None:
    question = "How many independent sources report that the old harbour market of Tavel was destroyed by fire?"
    answer = stored.ask(question, turns=[Turn("When did Mara Lind resign?", "Mara Lind resigned on Monday.")])
    assert answer.lead.startswith("Two independent sources")
    assert answer.notes[-1].startswith("Counted in the articles nearest to the claim.")


def test_a_claim_that_nobody_states_is_not_counted(stored: Assistant) -> None:
    answer = stored.ask(
        "How many independent sources report that the harbour market of Tavel was sold for 12 million euros?"
    )
    assert (answer.lead, answer.abstained) == ("", True)


def test_a_number_of_the_claim_must_be_said(assistant: Assistant, write: Callable[..., Path]) -> None:
    write("a.md", "The fire in Tavel killed 12 people.", title="Fire", source="Sample Wire", published="2023-05-01")
    path = write(
        "b.md", "The fire in Tavel killed 14 people.", title="Deaths", source="Sample Post", published="2023-05-02"
    )
    assert not assistant.add([path.parent]).failed
    answer = assistant.ask("How many independent sources say that 12 people died in the fire in Tavel?")
    assert answer.lead == "One independent source in the articles found: Sample Wire."


def test_a_retelling_in_another_language_counts_for_the_agency(
    assistant: Assistant, write: Callable[..., Path]
) -> None:
    write("wire.md", WIRE, title="Market burns", source="Sample Wire", published="2023-05-01")
    german = "Tavel trauert. Der alte Markt am Hafen von Tavel ist abgebrannt, wie die Agentur Sample Wire am Montag meldete."
    path = write("tag.md", german, title="Brand", source="Sample Tag", published="2023-05-02", language="de")
    assert not assistant.add([path.parent]).failed
    answer = assistant.ask("How many independent sources report that the old harbour market of Tavel burned down?")
    assert answer.lead == "One independent source in the articles found: Sample Wire (retold by Sample Tag)."


def test_an_article_that_never_names_whom_the_claim_names_does_not_state_it(
    stored: Assistant, write: Callable[..., Path]
) -> None:
    other = "A fire destroyed the old harbour market of Ruskola on Sunday night. Nobody was hurt there."
    path = write("other.md", other, title="Ruskola market burns", source="Sample Star", published="2023-05-01")
    assert not stored.add([path]).failed
    answer = stored.ask("How many independent sources report that a fire destroyed the old harbour market of Tavel?")
    assert answer.lead.startswith("Two independent sources in the articles found: ")
    assert "Sample Star" not in answer.lead


def test_articles_are_read_on_as_long_as_they_state_it(assistant: Assistant, write: Callable[..., Path]) -> None:
    for n in range(10):
        text = f"A fire destroyed the old harbour market of Tavel on Sunday night. Witness {n} saw the roof fall."
        path = write(f"{n}.md", text, title="Market burns", source=f"Paper {n}", published="2023-05-01")
    assert not assistant.add([path.parent]).failed
    asked = "How many independent sources report that a fire destroyed the old harbour market of Tavel?"
    answer = assistant.ask(asked)
    assert sum(len(statement.citations) for statement in answer.statements) == 10
    assert not answer.lead.startswith("At least")
    fewer = assistant.varied(passages=4).ask(asked)
    assert fewer.lead.startswith("At least")
