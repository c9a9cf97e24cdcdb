"""Independent sources are counted: who retells another, or copies it, does not count again, and who denies it does not count."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from assistant import Assistant
from assistant.rendering import answer_dict, answer_text
from assistant.sources import read_claim

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
        ("How many outlets carried the news that the talks failed?", "the talks failed"),
        ("How many sources did the ledger rely on?", None),
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
