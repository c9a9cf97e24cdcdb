"""A question in German, French or Spanish, read word by word in English: what articles in English are searched and read with.

The packaged models know English only. The gloss is no translation and is never shown; it carries names, numbers and the sense of
most words: "how much money received Terrasol on subsidies". The glossaries in ``glossaries/`` were written for this, one word a
line: ``zurücktreten = resign``. Words are looked up as written, then by their stem, German compounds by their parts. What is in
none stays as it is.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources

from assistant.words import Word, guess_language, read_words

LANGUAGES = ("de", "es", "fr")
_LEAST = 3  # letters of a part of a compound
_LINKS = ("", "s", "es", "n", "en", "e")  # what may stand between two parts: Wohnung-s-bau
_FEMININE = re.compile(r"in(?:nen)?$")  # Ministerin, Ministerinnen

Glossary = tuple[dict[str, str], dict[str, str]]  # English by word as written, and by its stem


@lru_cache(maxsize=256)
def in_english(question: str) -> str:
    """The question word by word in English; one in English, or in a language without a glossary, as it is."""
    language = guess_language(question)
    if language not in LANGUAGES:
        return question
    written, end, before = "", 0, None
    for word in read_words(question, language):
        between = question[end : word.start]
        english = _english(word, language, before if between == " " else None)
        written += (" " if between in ("'", "’") else between) + english
        before, end = (word, english), word.end
    written += question[end:]
    return re.sub(r"\w", lambda first: first[0].upper(), written, count=1)


def _english(word: Word, language: str, before: tuple[Word, str] | None) -> str:
    """A word in English, or as it is where it seems to be a name; ``before`` is the word in front of it with its English."""
    if word.kind == "number":
        return word.text.translate(str.maketrans(",.", ".,"))  # 1.485,5 is 1,485.5
    lower = word.text.lower().replace("’", "'")
    found = _entry(lower, word.stem, language)
    if language == "de" and before and before[0].text[0].isupper() and word.text[0].isupper():  # a noun, or a name
        if found is None or before[1] == before[0].text:  # "Flughafen Hohenlau" is no compound; "Anna Vogel"
            return word.text
        return f"{word.text} {found}"  # "Richterin Vogel", "Millionen Menschen"
    if found is None and language == "de":
        found = _part(lower) or _parts(lower)
    if found is None or (word.kind == "name" and not found[0].isupper()):  # "Pierre Blanc", but "l'Allemagne"
        return word.text
    return found


def _entry(word: str, stem: str, language: str) -> str | None:
    written, stems = _glossary(language)
    return written.get(word) or stems.get(stem)


@lru_cache(maxsize=4096)
def _parts(word: str) -> str | None:
    """A German compound by its parts, the first as long as possible."""
    for end in range(len(word) - _LEAST, _LEAST - 1, -1):
        rest = _part(word[end:]) or (_parts(word[end:]) if len(word) - end > 2 * _LEAST else None)
        if rest is None:
            continue
        for link in _LINKS:
            first = _part(word[: end - len(link)]) if word[:end].endswith(link) else None
            if first:
                return f"{first} {rest}"
    return None


def _part(word: str) -> str | None:
    """A part of a compound as written, by its stem, or as the masculine of a feminine."""
    if len(word) < _LEAST:
        return None
    forms = (word, _FEMININE.sub("", word))
    return next(filter(None, (_entry(form, read_words(form, "de")[0].stem, "de") for form in forms)), None)


@lru_cache(maxsize=len(LANGUAGES))
def _glossary(language: str) -> Glossary:
    """The English of every word, by the word and by its stem; of several words with one stem the first counts."""
    text = resources.files("assistant.glossaries").joinpath(f"{language}.txt").read_text(encoding="utf-8")
    written: dict[str, str] = {}
    stems: dict[str, str] = {}
    for line in text.splitlines():
        word, _, english = line.partition(" = ")
        written[word] = english
        stems.setdefault(read_words(word, language)[0].stem, english)
    return written, stems
