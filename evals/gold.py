"""Finds the gold of other people's question sets in texts as they are stored. Pure.

A set gives ranges of its own text, or words to look for. The stored text is NFC, has ``\\n`` line ends and no blank lines before
its first words, so that positions move: every range is found anew and held against the characters it had.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from evals.fit.data import cut_sentences
from evals.schema import Span, composed, stored_text

_LONGEST = 600  # characters; a longer sentence was not seen to end (an open bracket, say): the words themselves are the gold then


@dataclass(frozen=True, slots=True)
class Gold:
    """A range of an article's text as given, or its sentences with some words, or, with neither, any sentence of it."""

    article: str
    range: tuple[int, int] | None = None
    words: str | None = None


class Articles:
    """The texts of a set as given, by article id, and as stored; each is cut into sentences once."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        self._stored: dict[str, str] = {}
        self._sentences: dict[str, list[tuple[int, int]]] = {}

    def spans(self, gold: Gold) -> Iterator[Span]:
        """The gold in the stored text; nothing where there is no such article or its words are not there."""
        if gold.article not in self._given:
            return
        if gold.article not in self._stored:
            self._stored[gold.article] = stored_text(self._given[gold.article])
            self._sentences[gold.article] = cut_sentences(self._stored[gold.article])
        text, sentences = self._stored[gold.article], self._sentences[gold.article]
        if gold.range:
            place = relocate(self._given[gold.article], *gold.range)
            found = [place] if place else []
        elif gold.words is not None:
            places = list(places_of(stored_text(gold.words).strip(" .\n"), text))
            found = [
                (a, b) if b - a <= _LONGEST else (start, end)
                for a, b in sentences
                for start, end in places
                if start < b and a < end
            ]
        else:
            found = sentences
        for start, end in dict.fromkeys(found):
            yield Span(article=gold.article, quote=text[start:end], start=start, end=end)


def relocate(given: str, start: int, end: int) -> tuple[int, int] | None:
    """Where characters ``[start, end)`` of a text as given are in it as stored; None where they are not the same there.

    A range that cuts a letter from its accent is widened to the whole letter.
    """
    while 0 < start < len(given) and unicodedata.combining(given[start]):
        start -= 1
    while end < len(given) and unicodedata.combining(given[end]):
        end += 1
    stored = stored_text(given)
    dropped = len(composed(given)) - len(stored)
    first, last = (len(composed(given[:place])) - dropped for place in (start, end))
    same = 0 <= first < last and stored[first:last] == composed(given[start:end])
    return (first, last) if same else None


def places_of(words: str, text: str) -> Iterator[tuple[int, int]]:
    """Where a text has these words: as written, else in any case, else as parts of longer words."""
    exact, case = re.escape(words), re.IGNORECASE
    for pattern, flags in ((rf"(?<!\w){exact}(?!\w)", re.NOFLAG), (rf"(?<!\w){exact}(?!\w)", case), (exact, case)):
        found = [match.span() for match in re.finditer(pattern, text, flags)] if words else []
        if found:
            yield from found
            return
