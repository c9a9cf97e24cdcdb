"""A quote is its slice or it is not shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.citing import cite, verify
from assistant.errors import BrokenCitation
from assistant.schema import Article

ARTICLE = Article(
    "a.md", "v1", "Title", "Zoë paid €44 million. “So what?” she said.", "Sample Wire", date(2024, 10, 25)
)


@given(st.text(min_size=1), st.data())
def test_a_quote_is_exactly_its_slice(text: str, data: st.DataObject) -> None:
    article = replace(ARTICLE, text=text)
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    citation = cite(article, start, end)
    assert citation.quote == text[start:end]
    assert verify(citation, article) is citation


@pytest.mark.parametrize(("start", "end"), [(-1, 3), (3, 3), (5, 2), (0, 10_000)])
def test_impossible_ranges_are_refused(start: int, end: int) -> None:
    with pytest.raises(BrokenCitation):
        cite(ARTICLE, start, end)


def test_whatever_does_not_match_the_stored_text_is_broken() -> None:
    citation = cite(ARTICLE, 0, 21)
    shifted = replace(citation, start=1, end=22)
    for wrong in (
        shifted,
        replace(citation, quote=citation.quote.replace("44", "45")),
        replace(citation, published=date(2024, 10, 26)),
        replace(citation, source="Sample Gazette"),
        replace(citation, version="v0"),
        replace(citation, article_id="b.md"),
    ):
        with pytest.raises(BrokenCitation):
            verify(wrong, ARTICLE)
