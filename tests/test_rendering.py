"""Answers and articles as a reader gets them, and that hostile article text stays text."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assistant import rendering
from assistant.schema import (
    Answer,
    Article,
    Chunk,
    Citation,
    Engine,
    Nearest,
    Passage,
    Statement,
)
from assistant.showing import article_html

GOLDEN = Path(__file__).parent / "golden"

ARTICLE = Article(
    "2024/contacts.md",
    "v1",
    "Contacts, denied",
    "Officials say the two men spoke.\n\n## The Kremlin\n\nThe Kremlin denies it. “Nothing happened,” a spokesman said.\n",
    source="Sample Courier",
    published=date(2024, 10, 25),
    updated=date(2024, 10, 26),
    url="https://courier.example/contacts",
    sources=("Filings <of> Thursday",),
    markup="markdown",
)
HOSTILE = (
    '<img src="http://tracker.example/a" onerror=alert(1)> ![x](http://tracker.example/b) [go](javascript:alert(1)) '
    "<script>alert(1)</script> $x^2$ ${1} {{y}} `code` **bold** www.tracker.example me@tracker.example\n\n# Big\n\x1b[31mred"
)


def cite(article: Article, quote: str) -> Citation:
    start = article.text.index(quote)
    details = (article.title, article.source, article.published, article.updated, article.url)
    return Citation(article.id, article.version, start, start + len(quote), quote, *details)


def answer(**changes: object) -> Answer:
    spoke = cite(ARTICLE, "Officials say the two men spoke.")
    denied = cite(ARTICLE, "“Nothing happened,” a spokesman said.")
    copy = replace(spoke, article_id="copy.md", title="A copy", source=None, published=None, updated=None, url=None)
    made = Answer(
        question="Did they speak?",
        asked_as="Did the two men speak?",
        outcome="answer",
        reason="",
        as_of=date(2026, 11, 24),
        newest_cited=date(2024, 10, 25),
        confidence=0.914,
        seconds=0.25,
        statements=(
            Statement(spoke.quote, 0.9, (spoke, copy)),
            Statement("A spokesman denied that anything happened.", 0.7, (denied,)),
        ),
        passages=(Passage(Chunk("c1", ARTICLE.id, "v1", 0, 0, 34), ARTICLE, 0.8, lexical_rank=1),),
        nearest=(Nearest(ARTICLE.id, ARTICLE.title, ARTICLE.source, ARTICLE.published),),
        engine=Engine("enc@1", "ranker@1", "c" * 16, "s" * 16),
        notes=("2 chunks are not yet findable by meaning.",),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def decline() -> Answer:
    reason = "The nearest article does not mention 2023."
    near = (Nearest(ARTICLE.id, ARTICLE.title, ARTICLE.source, ARTICLE.published), Nearest("b [1].md", "B *bold*"))
    changes = {"outcome": "decline", "statements": (), "newest_cited": None, "confidence": 0.03, "notes": ()}
    return answer(asked_as="Did they speak?", reason=reason, nearest=near, **changes)


def hostile() -> Answer:
    bad = Article('a"><svg onload=x>.md', "v", HOSTILE, HOSTILE, source=HOSTILE, url="javascript:alert(1)")
    quoted = Statement(HOSTILE, 0.9, (cite(bad, HOSTILE),))
    near = (Nearest(bad.id, bad.title, bad.source),)
    said = {"lead": HOSTILE, "statements": (quoted,), "nearest": near, "notes": (HOSTILE,)}
    return answer(question=HOSTILE, asked_as="x" + HOSTILE, **said)


class Seen(HTMLParser):
    """The tags and the text of a piece of HTML, and the text within ``<mark>``."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = self.marked = ""
        self._in_mark = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in_mark = self._in_mark or tag == "mark"

    def handle_endtag(self, tag: str) -> None:
        self._in_mark = self._in_mark and tag != "mark"

    def handle_data(self, data: str) -> None:
        self.text += data
        self.marked += data if self._in_mark else ""


@pytest.mark.parametrize("kind", ["answer", "decline", "hostile"])
@pytest.mark.parametrize("form", ["md", "txt", "html"])
def test_forms_are_as_reviewed(kind: str, form: str) -> None:
    """``UPDATE_GOLDEN=1`` writes the files anew; read the difference before committing it."""
    given_answer = {"answer": answer, "decline": decline, "hostile": hostile}[kind]()
    forms: dict[str, Callable[[Answer], str]] = {
        "md": rendering.answer_markdown,
        "txt": rendering.answer_text,
        "html": lambda it: rendering.answer_html(it, turn=3).replace("<p", "\n<p") + "\n",
    }
    made = forms[form](given_answer)
    path = GOLDEN / f"{kind}.{form}"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(made, encoding="utf-8")
    assert made == path.read_text(encoding="utf-8")


def test_dates_and_sources_are_never_guessed() -> None:
    assert rendering.written_date(date(2024, 10, 5)) == "5 October 2024"
    assert rendering.written_date(None) == "undated"
    assert rendering.attribution(Nearest("a", "A")) == "source not stated, undated"
    assert rendering.attribution(ARTICLE) == "Sample Courier, 25 October 2024, updated 26 October 2024"
    line = rendering.as_of_line(answer())
    assert line == "As of 24 November 2026; newest article cited: 25 October 2024"
    assert rendering.as_of_line(decline()) == "As of 24 November 2026"


def test_the_dict_is_json_and_holds_every_documented_field() -> None:
    made = rendering.answer_dict(answer())
    assert json.loads(json.dumps(made)) == made
    documented = (
        "question asked_as outcome abstained reason as_of newest_cited confidence seconds statements passages nearest"
    )
    assert set(documented.split()) | {"engine", "notes"} <= set(made)
    citation = made["statements"][0]["citations"][0]
    assert citation["quote"] == ARTICLE.text[citation["start"] : citation["end"]]
    assert (citation["published"], made["statements"][0]["citations"][1]["published"]) == ("2024-10-25", None)
    assert made["passages"][0] == {
        "article_id": ARTICLE.id,
        "start": 0,
        "end": 34,
        "score": 0.8,
        "lexical_rank": 1,
        "dense_rank": None,
    }
    assert made["nearest"][0] == {
        "article_id": ARTICLE.id,
        "title": "Contacts, denied",
        "source": "Sample Courier",
        "published": "2024-10-25",
    }


def test_hostile_text_is_text_in_a_chat_message() -> None:
    made = rendering.answer_html(hostile(), turn=1)
    seen = Seen(made)
    assert {tag for tag, _ in seen.tags} <= {"div", "p", "span", "a", "ul", "li"}
    assert all(attrs["href"] == "#cite-1-1" for tag, attrs in seen.tags if tag == "a")
    assert "\n" not in made  # a blank line would end the HTML block and let Markdown begin
    outside_tags = re.sub(r"<[^>]*>|&#\d+;", "", made)
    assert not set("`*_[]{}$!\\~|") & set(outside_tags)
    assert "www." not in outside_tags
    assert HOSTILE.split("\n")[0] in seen.text


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", rendering.answer_text(hostile()))
    assert "\x1b" not in rendering.answer_markdown(hostile())


def test_terminal_lines_keep_their_width() -> None:
    lines = rendering.answer_text(answer(), width=60).splitlines()
    assert max(map(len, lines)) <= 60


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_links_lead_back_to_any_id(article_id: str) -> None:
    href = rendering.article_href(article_id)
    assert href.isascii()
    assert not set(" \"'<>()[]`*") & set(href)
    assert rendering.read_href(href) == article_id


@pytest.mark.parametrize(
    ("href", "meant"), [("#cite-2-11", (2, 11)), ("#cite-2", None), ("#cite-٢-1", None), ("http://x", None), ("", None)]
)
def test_only_our_links_are_read(href: str, meant: object) -> None:
    assert rendering.read_href(href) == meant


@pytest.mark.parametrize(
    "url", [None, "", "javascript:alert(1)", "data:text/html,x", "//host", "https://", "http://[", "file:///etc"]
)
def test_only_web_addresses_become_links(url: str | None) -> None:
    assert rendering.web_address(url) is None
    assert not [tag for tag, _ in Seen(article_html(replace(ARTICLE, url=url))).tags if tag == "a"]


def test_an_article_is_paragraphs_and_headings_with_one_mark() -> None:
    quote = "“Nothing happened,” a spokesman said."
    start = ARTICLE.text.index(quote)
    made = article_html(ARTICLE, (start, start + len(quote)))
    seen = Seen(made)
    assert seen.marked == quote
    assert made.count('id="quote"') == 1
    assert '<h3><span class="hashes">## </span>The Kremlin</h3>' in made
    assert ("a", {"href": ARTICLE.url, "target": "_blank", "rel": "noopener noreferrer"}) in seen.tags
    assert "Filings <of> Thursday" in seen.text


def test_in_plain_text_a_line_without_closing_punctuation_is_a_heading() -> None:
    text = (
        "Musk had contact\nHe has been in contact since 2022, it says. "
        + "More of it. " * 12
        + "\nTrump too\nAlso he.\n"
    )
    made = article_html(replace(ARTICLE, text=text, markup="plain"))
    assert re.findall(r"</span>([^<]*)</h3>", made) == ["Musk had contact", "Trump too"]


_PIECES = st.sampled_from(
    ["Word ", "\n", "\n\n", "## H\n", "<b>", "&amp;", "$x$", "- item\n", "\r", "ä", "\u202e", "`"]
)


def test_one_long_line_does_not_make_headings_of_a_wrapped_article() -> None:
    prose = "The council voted on Tuesday to close the old bridge across the river and to\nbuild a new one.\n\n"
    text = prose * 3 + f"https://example.org/{'x' * 130}\n\n*The author reports from Berlin.*\n\nHe resigned.[1]\n"
    made = article_html(replace(ARTICLE, text=text, markup="markdown", sources=()))
    assert "<h3>" not in made
    assert made.count("<p>The council voted") == 3
    lines = [f"Line {number} says something." for number in range(9)] + ["It goes on and on. " * 10]
    assert article_html(replace(ARTICLE, text="\n".join(lines), sources=())).count("<p>") == 10


@given(st.lists(_PIECES, min_size=1, max_size=30).map("".join), st.data())
def test_what_is_marked_is_exactly_the_range(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    assume(text[start:end].strip())  # no quote is blank
    seen = Seen(article_html(replace(ARTICLE, text=text, sources=()), (start, end)))
    assert seen.marked == text[start:end]
    shown = seen.text.removeprefix(ARTICLE.title)
    assert "".join(text.split()) in "".join(shown.split())


def test_a_range_outside_the_text_is_refused() -> None:
    for outside in ((0, 0), (-1, 3), (0, len(ARTICLE.text) + 1)):
        with pytest.raises(ValueError, match="no range"):
            article_html(ARTICLE, outside)
