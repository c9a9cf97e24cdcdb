"""A follow-up question made to stand alone, from the turns before it.

A first cut for English: a pronoun is replaced by the subject of the last turns, an elliptic question takes the last question
along, and one that names nothing takes the subject along in brackets. What a question says itself is never changed, and a
question that stands alone is returned as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.schema import Turn

_SUBJECT = re.compile(r"\b(he|she|they|him|them)\b", re.IGNORECASE)
_THING = re.compile(r"\b(it)\b(?!\s+(?:true|clear|known|possible|likely|that)\b)", re.IGNORECASE)
_OWNER = re.compile(r"\b(his|her|hers|their|theirs|its)\b", re.IGNORECASE)
_GOES_ON = re.compile(r"^\W*(?:and|but|or|also|what about|how about)\b", re.IGNORECASE)
_BARE = re.compile(r"^\W*(?:why|when|where|who|how|since when|really)\b", re.IGNORECASE)
_NAME = re.compile(r"[A-Z][\w’'-]*(?:\s+(?:(?:of|the|de|von|van|for)\s+)*[A-Z0-9][\w’'-]*)*")
_FEW_WORDS = 4

# Capitalised at the start of a question without being a name.
_OPENERS = frozenset(
    "A About According After All An And Any Are At Before But By Can Could Did Do Does During For From Had Has Have How If In"
    " Is It Its List Name On Or Please Should Since Tell That The Then There These They This Those To Was Were What When Where"
    " Whether Which Who Whom Whose Why Will With Would".split()
)


def standalone(question: str, turns: Sequence[Turn]) -> str:
    """The question as it is to be understood after the turns, oldest first. Without turns it is the question itself."""
    said = question.strip()
    if not turns:
        return said
    *earlier, last = turns
    before = standalone(last.question, earlier)
    pronoun = next(filter(None, (pattern.search(said) for pattern in (_SUBJECT, _OWNER, _THING))), None)
    subject = _subject(before)
    # A name before the pronoun is what it stands for: "Did Putin say he knew?" is left alone.
    if pronoun is not None and subject is not None and not names(said[: pronoun.start()]):
        return _replaced(said, subject)
    if _is_elliptic(said):
        return f"{before.rstrip()} {said}"
    return said if subject is None or names(said) else f"{said} ({subject})"


def names(question: str) -> list[str]:
    """The names in a question, in order: runs of capitalised words that do not merely open it."""
    found: list[str] = []
    for match in _NAME.finditer(question):
        words = match.group().split()
        while words and words[0] in _OPENERS:
            words.pop(0)
        if words:
            name = re.sub(r"['’]s$", "", " ".join(words))
            found.append(name)
    return found


def _subject(question: str) -> str | None:
    """What a question is about: its first name, with the second where "and" joins the two. None where it has no name."""
    first, *others = [*names(question), None]
    pair = f"{first} and {others[0]}" if others and others[0] else None
    return pair if pair and pair in question else first


def _replaced(question: str, subject: str) -> str:
    owned = _OWNER.sub(f"{subject}'s", question)
    return _SUBJECT.sub(subject, owned) if _SUBJECT.search(owned) else _THING.sub(subject, owned, count=1)


def _is_elliptic(question: str) -> bool:
    """ "And in 2023?", "What about Tesla?", "Why?": too little to be searched for on its own."""
    short = len(re.findall(r"\w+", question)) < _FEW_WORDS
    return bool(_GOES_ON.match(question)) or (short and bool(_BARE.match(question)) and not names(question))
