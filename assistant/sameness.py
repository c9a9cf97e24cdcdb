"""Whether two sentences say the same, so that one of them is enough, and whether a sentence says "not"."""

from __future__ import annotations

import re

from assistant.fulltext import words
from assistant.quoting import Sentence
from assistant.words import DAYS, read_words

_SAME = 0.6  # two sentences that share more of their words say the same
_NOT = frozenset(
    """no not never none nobody nothing neither nor cannot nicht nichts niemand weder kein keine keinen keinem keiner keines nie
    niemals ne n pas jamais aucun aucune rien ni nunca nadie ningún ninguna ninguno tampoco""".split()
)
_DENIES = re.compile(
    r"\b(?:den(?:y|ies|ied|ying)|reject(?:s|ed|ing)?|disput(?:es?|ed|ing)|dementier\w*|bestreite\w*|bestritt\w*|dément\w*"
    r"|ni(?:e|ent|ait|aient|é|ée|a)|niega\w*|negó|negaron|desmient\w*|desmint\w*)\b",
    re.IGNORECASE,
)


def says_the_same(one: Sentence, other: Sentence) -> bool:
    """Whether two sentences share so many words that the second tells the reader nothing: no other name, number or day, no "not".

    "Russia accused Ukraine" is not what "Ukraine accused Russia" says: the names of both come in one order.
    """
    if share_of_words(one, other) <= _SAME or _figures(one) != _figures(other):
        return False
    names, others = _names(one), _names(other)
    if names - others and others - names:  # each names somebody whom the other does not
        return False
    left, right = _capitalised(one), _capitalised(other)
    return [word for word in left if word in right] == [word for word in right if word in left]


def _names(sentence: Sentence) -> frozenset[str]:
    read = read_words(sentence.text, sentence.article.language)
    return frozenset(word.stem for word in read if word.kind == "name" and word.text not in DAYS)


def _capitalised(sentence: Sentence) -> list[str]:
    """The stems of the capitalised words of a sentence, each once, in order; a day may stand anywhere."""
    read = read_words(sentence.text, sentence.article.language)
    capitalised = [
        word for word in read if word.text[0].isupper() and word.kind != "function" and word.text not in DAYS
    ]
    return list(dict.fromkeys(word.stem for word in capitalised))


def share_of_words(one: Sentence, other: Sentence) -> float:
    """The share of the words of two sentences, each counted once, that both have."""
    left, right = (frozenset(words(sentence.text, sentence.article.language)) for sentence in (one, other))
    return len(left & right) / max(len(left | right), 1)


def _figures(sentence: Sentence) -> frozenset[str]:
    """The numbers, days and negations of a sentence: where they differ, two accounts disagree."""
    text, language = sentence.text, sentence.article.language
    denied = ({"not"} if denies(text, language) else set()) | ({"denied"} if _DENIES.search(text) else set())
    read = read_words(text, language)
    return frozenset(word.stem for word in read if word.kind == "number" or word.text in DAYS) | denied


def denies(text: str, language: str) -> bool:
    """Whether there is a "not" or the like in a text."""
    read = (word.text.lower() for word in read_words(text, language))
    return any(word in _NOT or word.endswith(("n't", "n’t")) for word in read)
