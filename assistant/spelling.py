"""Misspelt words of a question, read as the words of the articles found for it that they must mean.

Only a word is changed that neither any of these articles nor the packaged encoder's English vocabulary knows, and only into a
word of these articles that is written almost alike, a name only into a name. A question in another language than English stays
as it is. What was changed is shown: the answer says how the question was understood.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from assistant.models import packaged_folder
from assistant.schema import Passage
from assistant.words import Word, guess_language, read_words

_LEAST_LETTERS = 4  # a shorter word has too many neighbours
_LONG = 8  # letters from which on two slips are forgiven, else one: a letter missing, added, wrong, or swapped with the next


def search_respelled(question: str, search: Callable[[str], list[Passage]]) -> tuple[str, list[Passage]]:
    """The question as it was understood, and what ``search`` finds for it; with misspelt words put right it searches again."""
    passages = search(question)
    respelled = respell(question, passages)
    return (question, passages) if respelled == question else (respelled, search(respelled))


def respell(question: str, passages: Sequence[Passage]) -> str:
    """The question with its misspelt words as the articles of these passages write them; unchanged where there are none."""
    if guess_language(question) != "en":
        return question
    written = _written(passages)
    known = frozenset(word.stem for word in written.values()) | _vocabulary()
    for word in reversed(read_words(question, "en")):
        long_enough = len(word.text) >= _LEAST_LETTERS and word.text.isalpha() and not word.text.isupper()  # not "he'd"
        if long_enough and word.kind in ("plain", "name") and word.stem not in known:
            meant = _nearest(word, written)
            question = question[: word.start] + meant + question[word.end :]
    return question


def _written(passages: Sequence[Passage]) -> dict[tuple[str, str], Word]:
    """The words of the passages' articles, each once as a name and once as none."""
    articles = {passage.article.id: passage.article for passage in passages}
    texts = (f"{article.title}\n{article.text}" for article in articles.values())
    return {(w.text, w.kind): w for text in texts for w in read_words(text, "en") if w.kind != "number"}


def _nearest(word: Word, written: Mapping[tuple[str, str], Word]) -> str:
    """What ``word`` must mean, with a capital where the asker wrote one; itself where nothing is near enough."""
    asked = word.text.lower()
    fit = [one for one in written.values() if one.text[0].lower() == asked[0]]
    fit = [one for one in fit if one.kind == "name" or word.kind != "name"]
    fit.sort(key=lambda one: (one.text[0].isupper(), one.text))  # "biography" before "Biography"
    slips = 2 if len(asked) >= _LONG else 1
    found = process.extractOne(asked, [one.text.lower() for one in fit], scorer=OSA.distance, score_cutoff=slips)
    if found is None:
        return word.text
    meant = fit[found[2]].text
    return meant[0].upper() + meant[1:] if word.text[0].isupper() else meant


@lru_cache(maxsize=1)
def _vocabulary() -> frozenset[str]:
    """The stems of the whole words that the packaged encoder knows."""
    pieces = (packaged_folder() / "vocab.txt").read_text(encoding="utf-8").split("\n")
    words = " ".join(piece for piece in pieces if piece.isalpha() and len(piece) >= _LEAST_LETTERS)
    return frozenset(word.stem for word in read_words(words, "en"))
