"""German, French and Spanish word by word in English: so articles and questions in these languages are searched and read.

The packaged models know English only. The gloss is no translation and is never shown, quotes are verbatim; it carries names,
numbers and the sense of most words: "how much money received Terrasol on subsidies". The glossaries in ``glossaries/`` were
written for this, one word a line: ``zurücktreten = resign``. Words are looked up as written, then by their stem, German
compounds by their parts. What is in none stays as it is.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources

from assistant.words import DAYS, Word, guess_language, read_words

LANGUAGES = ("de", "es", "fr")
_LEAST = 3  # letters of a part of a compound
_LINKS = ("", "s", "es", "n", "en", "e")  # what may stand between two parts: Wohnung-s-bau
_BEGINS = re.compile(r"[.!?:…»«„“”\"\n]")  # between two words, where the second begins a sentence or a quote
_FEMININE = re.compile(r"in(?:nen)?$")  # Ministerin, Ministerinnen

Glossary = tuple[dict[str, str], dict[str, str]]  # English by word as written, and by its stem


def read_in(language: str) -> str:
    """The language that a text in ``language`` is searched and read in."""
    return "en" if language in LANGUAGES else language


def in_english(question: str) -> str:
    """The question word by word in English; one in English, or in a language without a glossary, as it is."""
    return gloss(question, guess_language(question))


@lru_cache(maxsize=8192)
def gloss(text: str, language: str, names: frozenset[str] = frozenset()) -> str:
    """A text word by word in English, one in a language without a glossary as it is. The words in ``names`` are kept."""
    if language not in LANGUAGES:
        return text
    written, end, before = "", 0, None
    for word in read_words(text, language):
        between = text[end : word.start]
        begins = not written or _BEGINS.search(between) is not None
        if word.text in names or (begins and _is_name_before(word, text)):
            english = word.text
        else:
            english = _english(word, language, before if between == " " else None, begins=begins)
        if begins:
            english = english[0].upper() + english[1:]
        written += (" " if between in ("'", "’") else between) + english
        before, end = (word, english), word.end
    return written + text[end:]


@lru_cache(maxsize=256)
def names_of(text: str, language: str) -> frozenset[str]:
    """The words of a text that are part of a name, though the glossary may know them: the "Vogel" of "Anna Vogel".

    In German they follow a capitalised word that the glossary does not know; in French and Spanish they have a capital within a
    sentence.
    """
    if language not in LANGUAGES:
        return frozenset()
    found: set[str] = set()
    before: Word | None = None
    end = 0
    for word in read_words(text, language):
        between = text[end : word.start]
        capital = word.text[0].isupper() and word.kind not in ("number", "function")
        if language == "de":
            follows = before is not None and between == " " and before.text[0].isupper()
            if capital and follows and before and _known(before, language) is None and before.kind != "function":
                found.add(word.text)
        elif capital and before and not _BEGINS.search(between):
            found.add(word.text)
        before, end = word, word.end
    return frozenset(name for name in found if name not in DAYS)


def _is_name_before(word: Word, text: str) -> bool:
    """Whether a sentence begins with a name of two words: "Pierre Blanc"; what is a plain word never has one behind it."""
    following = text[word.end : word.end + 2]
    return word.kind != "function" and word.text[0].isupper() and following[:1] == " " and following[1:].isupper()


def _english(word: Word, language: str, before: tuple[Word, str] | None, *, begins: bool) -> str:
    """A word in English, or as it is where it seems to be a name; ``before`` is the word in front of it with its English."""
    if word.kind == "number":
        return word.text.translate(str.maketrans(",.", ".,"))  # 1.485,5 is 1,485.5
    found = _known(word, language)
    behind_noun = before is not None and before[0].kind != "function" and before[0].text[0].isupper()
    if language == "de" and before and behind_noun and word.text[0].isupper():  # a noun, or a name
        entry = _entry(word.text.lower(), word.stem, language)
        if entry is None or before[1] == before[0].text:  # "Flughafen Hohenlau" is no compound; "Anna Vogel"
            return word.text
        return f"{word.text} {entry}"  # "Richterin Vogel", "Millionen Menschen"
    if found is None or (word.kind == "name" and not begins and not found[0].isupper()):  # "Blanc", but "l'Allemagne"
        return word.text
    return found


def _known(word: Word, language: str) -> str | None:
    """The English of a word, of a German compound that of its parts."""
    lower = word.text.lower().replace("’", "'")
    found = _entry(lower, word.stem, language)
    return (_part(lower) or _parts(lower)) if found is None and language == "de" else found


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
