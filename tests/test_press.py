"""Whom an article has its news from: only a name that is credited counts, and all ways to write it are one."""

from __future__ import annotations

import pytest

from assistant.press import Press, is_same
from assistant.schema import Article

SOURCES = ["Sample Wire", "The Guardian", "Sample Courier"]


@pytest.mark.parametrize(
    ("text", "origin"),
    [  # the last sentence is the one that is judged
        ("The market burned down.", "Sample Courier"),
        ("The market burned down, Sample Wire reported.", "Sample Wire"),
        ("According to the news agency Sample Wire, the market burned down.", "Sample Wire"),
        ("As Reuters reported, the market burned down.", "Reuters"),
        ("On Monday Reuters reported that the market had burned down.", "Reuters"),
        ("But Sample Wire wrote that the market burned down.", "Sample Wire"),
        ("The market burned down, the Guardian reported.", "Guardian"),
        ("The Wall Street Journal wrote of a fire. In May the Journal had reported it.", "Wall Street Journal"),
        ("Reuters had the story. The market burned down, the Kyiv Post reported.", "Kyiv Post"),
        ("Sample Wire reports on it. The market burned down, according to the agency.", "Sample Wire"),
        ("The occasion was a report in The New York Times. Officials quoted there spoke of a fire.", "New York Times"),
        ("Reuters reported on the fire. The market was gone, it said.", "Reuters"),
        ("As Sample Wire reported, it burned. According to the same agency report, two died.", "Sample Wire"),
        ("Wie die Agentur Sample Wire am Montag berichtete, brannte der Markt.", "Sample Wire"),
        ("Der Markt brannte, wie die Nachrichtenagentur Reuters meldete.", "Reuters"),
        ("Sample Wire zufolge brannte der Markt.", "Sample Wire"),
        ("Er bestreitet, was ein von der Agentur Sample Wire gezeigtes Papier sagt.", "Sample Wire"),
        ("Sample Wire meldete den Brand. Nach Angaben der Agentur starben zwei.", "Sample Wire"),
        ("Der Markt brannte, meldete Reuters.", "Reuters"),
        ("Wie Nova Tribune berichtete, brannte der Markt.", "Nova Tribune"),
        ("Laut Nova Tribune brannte der Markt.", "Nova Tribune"),
        ("Sample Wire berichtete davon. Die Zeitung berichtete auch von Toten.", "Sample Wire"),
        ("Die Redaktion der Sample Wire wurde verhaftet.", "Sample Courier"),
        ("Medien wie die BBC kürzen 500 Stellen.", "Sample Courier"),
        ("Sample Wire berichtete davon. Nach Angaben der Agentur für Arbeit fehlen 500 Stellen.", "Sample Courier"),
        ("Selon l'agence Sample Wire, le marché a brûlé.", "Sample Wire"),
        ("Comme l'agence Sample Wire l'avait rapporté, le marché a brûlé.", "Sample Wire"),
        ("Le marché a brûlé, a rapporté Sample Wire.", "Sample Wire"),
        ("L'agence Sample Wire évoque un feu. Selon la même dépêche, deux sont morts.", "Sample Wire"),
        ("Le marché a brûlé, indique l'agence de presse Reuters.", "Reuters"),
        ("Il l'a dit à la BBC.", "BBC"),
        ("Le patron de Sample Wire a été arrêté.", "Sample Courier"),
        ("Des médias comme Le Monde ont été perquisitionnés.", "Sample Courier"),
        ("Según informó la agencia Sample Wire, ardió el mercado.", "Sample Wire"),
        ("Sample Wire había publicado que ardió el mercado.", "Sample Wire"),
        ("Ardió el mercado, informó EFE.", "EFE"),
        ("El director de Sample Wire fue detenido.", "Sample Courier"),
        ("La BBC contó con 500 empleados.", "Sample Courier"),
        ("A minister told the Journal that the market had burned down.", "Journal"),
        ("TAVEL (Reuters) - The market burned down.", "Reuters"),
        ("The British Broadcasting Corporation (BBC) will cut 500 jobs.", "Sample Courier"),
        ("White House Press Secretary Karoline Leavitt said the market had burned down.", "Sample Courier"),
        ("The Post Office said that the market had burned down.", "Sample Courier"),
        ("The Guardian Council said that the market had burned down.", "Sample Courier"),
        ("News of the fire was reported by police.", "Sample Courier"),
        ("Police said that the man was shot at Times Square.", "Sample Courier"),
        ("A fire in Butler, PA, killed 12, officials said.", "Sample Courier"),
        ("The editor of Sample Wire was arrested, police said.", "Sample Courier"),
        ("NASA wants a rocket. The agency said that the launch had failed.", "Sample Courier"),
        ("A crowd formed in Times Square. The agency said that the market had burned down.", "Sample Courier"),
    ],
)
def test_only_who_is_credited_is_the_origin(text: str, origin: str) -> None:
    article = Article("a.md", "v1", "Fire", text, source="Sample Courier")
    start = max(text.rfind(". ") + 2, 0) if ". " in text else 0
    assert Press(SOURCES).origin(article, start, len(text)) == origin


def test_a_paper_that_names_itself_briefly_is_its_own_source() -> None:
    text = "Officials told the Journal that the market had burned down."
    article = Article("a.md", "v1", "Fire", text, source="The Wall Street Journal")
    origin = Press([]).origin(article, 0, len(text))
    assert is_same(origin, article.source), origin


def test_an_article_that_states_no_source_has_none() -> None:
    article = Article("a.md", "v1", "Fire", "The market burned down.")
    assert Press([]).origin(article, 0, len(article.text)) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("The Guardian", "Guardian", True),
        ("AP", "Associated Press", True),
        ("the BBC", "BBC News", True),
        ("Guardian", "Courier", False),
        (None, None, False),
    ],
)
def test_names_are_the_same_however_they_are_written(one: str | None, other: str | None, same: bool) -> None:
    assert is_same(one, other) is same


def test_capital_letters_throughout_do_not_take_long() -> None:
    text = "Reuters reported that the market burned. " + "FIRE AND SMOKE OVER TAVEL " * 2_000
    assert Press(SOURCES).origin(Article("a.md", "v1", "Fire", text, source="Sample Wire"), 0, 40) == "Reuters"
