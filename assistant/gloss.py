"""German, French and Spanish word by word in English: so articles and questions in these languages are searched and read.

The packaged models know English only. The gloss is no translation and is never shown, quotes are verbatim; it carries names,
numbers and the sense of most words: "how much money received Terrasol on subsidies". The glossaries in ``glossaries/`` were
written for this, one word a line: ``zurücktreten = resign``. Words are looked up as written, then by their stem, German
compounds by their parts. What is in none stays as it is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import lru_cache, partial
from importlib import resources

from assistant.words import DAYS, Word, guess_language, read_words, stem_of

LANGUAGES = ("de", "es", "fr")
_LEAST = 3  # letters of a part of a compound
_LINKS = ("", "s", "es", "n", "en", "e")  # what may stand between two parts: Wohnung-s-bau
_FEMININE = re.compile(r"in(?:nen)?$")  # Ministerin, Ministerinnen
_BEGINS = {  # between two words, where the second begins a sentence or a quote
    "de": re.compile(r"[.!?…\n]|(?:^|\s)[„»\"]"),
    "es": re.compile(r"[.!?…\n¿¡]|(?:^|\s)[«\"]"),
    "fr": re.compile(r"[.!?…\n]|(?:^|\s)[«\"]"),
}
_TITLES = frozenset("Dr Prof St Hr Fr Sr Sra Srta Mr Mrs Mme Mlle Mgr Me Lic Ing Gral".split())  # with a full stop
_ARTICLES = frozenset("el la los las un una al del le les l du des une".split())
_NO_NAMES = DAYS | _TITLES
_ENDS = re.compile(r"[.,;:!?]|$")
_GROUPS = re.compile(r"\.(?=\d{3}(?!\d))|,")

Glossary = tuple[dict[str, str], dict[str, str]]  # English by word as written, and by its stem


def read_in(language: str) -> str:
    """The language that a text in ``language`` is searched and read in."""
    return "en" if language in LANGUAGES else language


def in_english(question: str) -> str:
    """The question word by word in English; one in English, or in a language without a glossary, as it is."""
    return gloss(question, guess_language(question))


def reader(text: str, language: str) -> Callable[[str], str]:
    """How parts of an article's text, and its title, are read: by their gloss that keeps its names, or as they are."""
    return partial(gloss, language=language, names=names_of(text, language))


def gloss(text: str, language: str, names: frozenset[str] = frozenset()) -> str:
    """A text word by word in English, one in a language without a glossary as it is. The words in ``names`` are kept."""
    return _gloss(text, language, names) if language in LANGUAGES else text


@lru_cache(maxsize=4096)
def _gloss(text: str, language: str, names: frozenset[str]) -> str:
    written, end, before = "", 0, None
    for word in read_words.__wrapped__(text, language):
        between = text[end : word.start]
        begins = _begins(before[0] if before else None, between, language)
        if language == "de" and word.text == "ein" and _ENDS.match(text, word.end):
            english = "in"  # the end of a verb, "räumte es ein", is no article
        elif word.text in names or (begins and _is_name_before(word, text, language)):
            english = word.text
        else:
            english = _english(word, language, before if between in (" ", "'", "’") else None, begins=begins)
        if begins:
            english = english[0].upper() + english[1:]
        written += (" " if between in ("'", "’") else between) + english
        before, end = (word, english), word.end
    return written + text[end:]


@lru_cache(maxsize=256)
def names_of(text: str, language: str) -> frozenset[str]:
    """The words of a text that are part of a name, though the glossary may know them: the "Vogel" of "Anna Vogel".

    In German they follow a capitalised word that the glossary does not know, or a title, as often as a function word; in French
    and Spanish they have a capital within a sentence, but not behind an article: "la Cour".
    """
    if language not in LANGUAGES:
        return frozenset()
    named: Counter[str] = Counter()  # how often a word stands where a name does, less how often where none does
    before: Word | None = None
    end = 0
    for word in read_words.__wrapped__(text, language):
        between = text[end : word.start]
        capital = word.text[0].isupper() and word.kind not in ("number", "function")
        if before and capital and word.text not in _NO_NAMES:
            if _is_title(before, between):
                named[word.text] += 1
            elif language == "de":
                unknown = before.text[0].isupper() and not before.text.isupper() and _known(before, language) is None
                if between == " " and before.kind in ("name", "plain") and unknown:
                    named[word.text] += 1
                elif before.kind == "function":
                    named[word.text] -= 1
            elif not _begins(before, between, language) and not (_is_article(before) and _known(word, language)):
                named[word.text] += 1
        before, end = word, word.end
    return frozenset(name for name, often in named.items() if often >= 0)


def _begins(before: Word | None, between: str, language: str) -> bool:
    """Whether a sentence or a quote begins behind ``between``."""
    return before is None or (not _is_title(before, between) and _BEGINS[language].search(between) is not None)


def _is_title(before: Word, between: str) -> bool:
    """Whether a name follows: behind "Dr.", "M." or an initial."""
    return between == ". " and (before.text in _TITLES or (len(before.text) == 1 and before.text.isupper()))


def _is_article(word: Word) -> bool:
    return word.text.lower() in _ARTICLES


def _is_name_before(word: Word, text: str, language: str) -> bool:
    """Whether a sentence begins with a name of two words: "Pierre Blanc", not "Selon Macron"; in German any two may be none."""
    following = text[word.end : word.end + 2]
    two = word.text[0].isupper() and following[:1] == " " and following[1:].isupper()
    if language == "de" or not two or word.kind == "function":
        return False
    known = _known(word, language)
    return known is None or read_words(known, "en")[0].kind != "function"


def _english(word: Word, language: str, before: tuple[Word, str] | None, *, begins: bool) -> str:
    """A word in English, or as it is where it seems to be a name; ``before`` is the word in front of it with its English."""
    if word.kind == "number":  # 1.485,5 is 1,485.5
        return _GROUPS.sub(lambda sign: "," if sign[0] == "." else ".", word.text)
    found = _known(word, language)
    if found is None:
        return word.text
    if language == "de" and word.text[0].isupper() and not begins:
        entry = _entry(word.text.lower(), word.stem, language)
        behind_noun = before is not None and before[0].kind != "function" and before[0].text[0].isupper()
        if before and behind_noun:  # a noun, or a name
            if entry is None or before[1] == before[0].text:  # "Flughafen Hohenlau" is no compound; "Anna Vogel"
                return word.text
            return f"{word.text} {entry}"  # "Richterin Vogel", "Millionen Menschen"
        return found if entry else f"{word.text} {found}"  # "Regensburg" is no compound, either
    if word.kind == "name" and not begins and not found[0].isupper():  # "Blanc", but "l'Allemagne"; "la Cour" is both
        return f"{word.text} {found}" if before and _is_article(before[0]) else word.text
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
    return next(filter(None, (_entry(form, stem_of(form, "de"), "de") for form in forms)), None)


@lru_cache(maxsize=len(LANGUAGES))
def _glossary(language: str) -> Glossary:
    """The English of every word, by the word and by its stem; of several words with one stem the first counts."""
    text = resources.files("assistant.glossaries").joinpath(f"{language}.txt").read_text(encoding="utf-8")
    written: dict[str, str] = {}
    stems: dict[str, str] = {}
    for line in text.splitlines():
        word, _, english = line.partition(" = ")
        written[word] = english
        stems.setdefault(stem_of(word, language), english)
    return written, stems
