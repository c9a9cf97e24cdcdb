"""Words as questions and articles use them: stems, names and numbers.

Nothing here looks at a corpus: what a word is depends on its text alone. German capitalises every noun, so its capitals make no
name; other languages than the four with a list of function words have none.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import tantivy

from assistant.fulltext import STEMMED

Kind = Literal["function", "plain", "name", "number"]

DAYS = frozenset(  # and months, as the four languages write them
    """January February March April May June July August September October November December
    Monday Tuesday Wednesday Thursday Friday Saturday Sunday
    Januar Februar März Mai Juni Juli Oktober Dezember
    Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonnabend Sonntag
    janvier février mars avril mai juin juillet août septembre octobre novembre décembre
    lundi mardi mercredi jeudi vendredi samedi dimanche
    enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
    lunes martes miércoles jueves viernes sábado domingo""".split()
)

_FUNCTION_WORDS = {
    "en": """a about above after again against all also am an and any are as at be because been before being below between both
        but by can could d did do does doing done down during each else ever few for from further get gets got had has have having
        he her here hers him his how i if in into is it its just kind list ll many may me might more most much must my n't name no
        nor not of off on once one only or other our out over own please re s said same say says she should so some such t tell
        than that the their them then there these they this those through to too under until up upon us ve very was we were what
        when where whether which while who whom whose why will with within without would yes yet you your according""",
    "de": """aber als am an auch auf aus bei bis da das dass dem den der des die dies diese dieser dieses doch du durch ein eine
        einem einen einer eines er es für gab gibt haben hat hatte hatten ich ihr ihre im in ins ist ja kann können man mehr mit
        nach nicht noch nun nur ob oder sein seine sich sie sind so über um und uns unter vom von vor war waren warum was welche
        welcher welches wem wen wenn wer werden wessen wie wieso wird wo wofür wohin worden wurde wurden zu zum zur""",
    "fr": """à a au aux avec ce ces cette combien comment d dans de des donc du elle elles en est et été être eu il ils j je l la
        le les leur leurs lui ma mais me mon n ne nos notre nous on ont ou où par pas pour pourquoi qu quand que quel quelle
        quelles quels qui quoi s sa se sera ses son sont sur t un une vous y avait étaient était""",
    "es": """a al como cómo con cual cuál cuando cuándo cuanto cuánto cuántos de del desde donde dónde e el ella ellos en era es
        esta este fue ha han hay la las le les lo los más me no o para pero por porque qué que quien quién quiénes se ser si sin
        son su sus un una y ya""",
}
_STOP = {language: frozenset(words.split()) for language, words in _FUNCTION_WORDS.items()}
_PARTICLES = frozenset("von van der den de del della la le el du des da di bin al los las".split())
_ONES = "one two three four five six seven eight nine".split()
_TENS = "ten twenty thirty forty fifty sixty seventy eighty ninety".split()
_NUMBER_WORDS = (
    {word: str(n) for n, word in enumerate(["zero", *_ONES])}
    | {word: str(10 * n) for n, word in enumerate(_TENS, 1)}
    | {
        word: str(n)
        for n, word in enumerate(
            "eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(), 11
        )
    }
    | {  # "Thirty-four people": figures do not begin a sentence
        f"{ten}-{one}": str(10 * tens + ones)
        for tens, ten in enumerate(_TENS[1:], 2)
        for ones, one in enumerate(_ONES, 1)
    }
)
_POINT_GROUPS = frozenset({"de", "es", "fr"})  # write 1.485,5 where English has 1,485.5
_WORDS = r"\d+(?:[.,]\d+)*|(?:[^\W\d_]\.){2,}|[^\W\d_]+(?:['’](?!s\b)[^\W\d_]+)*"
_WORD = re.compile(_WORDS)
_ENGLISH_WORD = re.compile(rf"(?<!\w)(?i:(?:{'|'.join(_TENS[1:])})-(?:{'|'.join(_ONES)}))(?!\w)|{_WORDS}")
_ELIDED = r"(?<!\w)(?i:[cdjlmnst]|(?:jus|lors|puis)?qu)(?=['’]\w)"  # "d'Airbus": two words
_FRENCH_WORD = re.compile(rf"{_ELIDED}|{_WORDS}")
_NAME_WITH_MARK = re.compile(r"[A-Z]['’][A-Z]")  # "O'Brien"
# What is left of a name without the ending of its people or language: Iran, Iranian; Ukraine, Ukrainian; Germany, German.
_ROOT = re.compile(r"(\w{4,}?)(?:ians?|ans?|any|ese|ish|ain|en|ia|[aesiy])?$")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text, its place, its stem (digits for numbers) and what kind of word it is."""

    text: str
    start: int
    end: int
    stem: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as read: its content words, the names in it (runs of name words) and its numbers."""

    words: tuple[Word, ...]
    content: tuple[Word, ...]
    names: tuple[tuple[Word, ...], ...]
    numbers: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What a text mentions: stems, roots of capitalised words, and the initials of its capitalised runs."""

    stems: frozenset[str]
    roots: frozenset[str]
    initials: str

    def mentions(self, word: Word) -> bool:
        """Whether the text has this word, an inflection, the people of this country, or what this acronym stands for."""
        if word.stem in self.stems:
            return True
        if word.kind != "name":
            return False
        bare = word.text.replace(".", "")
        if bare.isupper() and 1 < len(bare) <= 6:
            return bare.lower() in self.initials
        return len(bare) >= 4 and _root(bare) in self.roots


@lru_cache(maxsize=4096)
def read_words(text: str, language: str) -> tuple[Word, ...]:
    """The words of a text in order. German capitalises every noun, so there capitals make no name."""
    stop = _STOP.get(language, frozenset())
    words: list[Word] = []
    for match in {"en": _ENGLISH_WORD, "fr": _FRENCH_WORD}.get(language, _WORD).finditer(text):
        word = match.group()
        stem = stem_of(word, language)
        acronym = word.isupper() and len(word) > 1
        kind: Kind = "plain"
        if stem[0].isdigit():
            kind = "number"
        elif word.lower() in stop and not acronym:
            kind = "function"
        elif acronym or (word[0].isupper() and words and language != "de"):
            kind = "name"
        words.append(Word(word, match.start(), match.end(), stem, kind))
    return tuple(words)


def guess_language(question: str) -> str:
    """The language of which the question has most function words, English where it has as many of that.

    "von der Leyen", "Rio de Janeiro" and "El Niño" are names in every language: their particles are not counted, but for those
    behind a plain word where two languages have as many words: "Was kostete der Umbau?".
    """
    if "¿" in question:
        return "es"
    counted: list[str] = []
    may_be_named: list[str] = []
    named = False  # whether a name begins behind the word
    words = read_words(question, "en")
    for place, word in reversed(list(enumerate(words))):
        particle = named and word.text.lower() in _PARTICLES
        if place == 0 or not particle:
            parts = [word.text] if _NAME_WITH_MARK.match(word.text) else re.split("['’]", word.text)
            counted += [part.lower() for part in parts]  # "qu'a": two function words of French
        elif words[place - 1].text.islower() and not any(words[place - 1].text in stop for stop in _STOP.values()):
            may_be_named.append(word.text.lower())
        named = particle or word.text[0].isupper()
    return max(
        _STOP, key=lambda language: tuple(sum(w in _STOP[language] for w in part) for part in (counted, may_be_named))
    )


@lru_cache(maxsize=256)
def read_question(question: str, language: str) -> Asked:
    """The question's words, names and numbers. Its content words are those that are no function words: "Who was it?" has none."""
    words = read_words(question, language)
    content = tuple(word for word in words if word.kind != "function")
    names: list[list[Word]] = []
    for before, word in zip((None, *words), words, strict=False):
        if word.kind != "name":
            continue
        if before is not None and before.kind == "name" and question[before.end : word.start] in (" ", "-"):
            names[-1].append(word)
        else:
            names.append([word])
    numbers = tuple(word for word in words if word.kind == "number" and word.text[0].isdigit())
    return Asked(words, content, tuple(map(tuple, names)), numbers)


@lru_cache(maxsize=256)
def read_against(question: str, language: str) -> Asked:
    """The question as it is held against an article in ``language``.

    One in another language has no names that the article could lack, be it "Sena" where the text says "Seine", or the nouns of a
    German question; nor numbers but of digits alone, "8,5" being written "8.5". Its words are stemmed as the article's are.
    """
    own = guess_language(question)
    if language == own or language not in _STOP:
        return read_question(question, language)
    asked = read_question(question, own)
    words, content = (
        tuple(replace(word, stem=stem_of(word.text, language)) for word in part)
        for part in (asked.words, asked.content)
    )
    return replace(
        asked, words=words, content=content, names=(), numbers=tuple(n for n in asked.numbers if n.text.isdigit())
    )


@lru_cache(maxsize=4096)
def read_known(text: str, language: str) -> Known:
    """What a text mentions, for looking up the words of a question."""
    words = read_words(text, language)
    capitals = [word for word in words if word.text[0].isupper()]
    initials = "".join(w.text[0].lower() if w.text[0].isupper() else "" if w.kind == "function" else " " for w in words)
    return Known(frozenset(word.stem for word in words), frozenset(_root(word.text) for word in capitals), initials)


def find_absent(asked: Asked, known: Known) -> tuple[float, tuple[str, ...]]:
    """How much of the question's names a text lacks, summed over names, and the names and numbers that it lacks as written.

    A name of several words counts by the share of its words that are not there and as lacking when more than half is: "Joe Biden"
    is half there in a text that says "Biden". "World Health Organization" is there where "WHO" is.
    """
    share, lacking = 0.0, []
    for name in asked.names:
        unknown = sum(not known.mentions(word) for word in name) / len(name)
        if len(name) > 2 and "".join(word.text[0] for word in name).lower() in known.stems:
            unknown = 0.0
        share += unknown
        if unknown > 0.5:
            lacking.append(" ".join(word.text for word in name))
    lacking += [word.text for word in asked.numbers if not known.mentions(word)]
    return share, tuple(lacking)


@lru_cache(maxsize=16)
def _analyser(language: str) -> tantivy.TextAnalyzer:
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.raw()).filter(tantivy.Filter.lowercase())
    if language in STEMMED:
        builder = builder.filter(tantivy.Filter.stemmer(STEMMED[language]))
    return builder.build()


@lru_cache(maxsize=100_000)
def stem_of(word: str, language: str) -> str:
    """The stem of a word; a number in digits, its groups joined."""
    word = unicodedata.normalize("NFKC", word).replace("’", "'")
    if word[0].isdigit():
        if language in _POINT_GROUPS:
            return re.sub(r"\.(?=\d{3}(?!\d))", "", word).replace(",", ".")
        return word.replace(",", "")
    word = word.replace(".", "").lower()
    if language == "en" and word in _NUMBER_WORDS:
        return _NUMBER_WORDS[word]
    stems: list[str] = _analyser(language).analyze(word)
    return stems[0] if stems and stems[0] else word


@lru_cache(maxsize=100_000)
def _root(word: str) -> str:
    found = _ROOT.match(word.lower())
    return found.group(1) if found else word.lower()
