"""A follow-up question made to stand alone, from the turns before it.

A first cut for English: where it was asked who, "he" and "she" are replaced by the person that the answer names, other pronouns
by the subject of the last turns; an elliptic question, "And what replaced it?", takes the last question along, and one that
names nothing takes the subject along in brackets. What a question says itself is never changed, and a question that stands alone
is returned as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import dropwhile

from assistant.schema import Turn
from assistant.words import DAYS, read_question

_SUBJECT = re.compile(r"\b(he|she|they|him|them)\b", re.IGNORECASE)
_THING = re.compile(  # not "IT", nor an "it" that stands for what follows
    r"\b([Ii]t)\b(?!\s+(?:true|clear|known|possible|likely|that|(?:takes?|took|costs?)\b[^?]*\bto)\b)"
)
_OWNER = re.compile(r"\b(his|her|hers|their|theirs|its)\b", re.IGNORECASE)
_GOES_ON = re.compile(r"^\W*(?:and|but|or|also|what about|how about)\b", re.IGNORECASE)
_BARE = re.compile(r"^\W*(?:why|when|where|who|how|since when|really)\b", re.IGNORECASE)
_UPPER = "".join(filter(str.isupper, map(chr, range(0x530))))  # Latin, Greek and Cyrillic
_CAPITALISED = rf"(?:(?:[{_UPPER}]\.)+|(?:St|Dr|Mr|Mrs|Ms|Sen|Gov)\.|[a-z]?[{_UPPER}][\w’'-]*)"  # also "U.S.", "xAI"
_NAME = re.compile(rf"(?<!\w){_CAPITALISED}(?:\s+(?:(?:of|the|de|von|van|for)\s+)*(?:{_CAPITALISED}|\d[\w’'-]*))*")
_FEW_WORDS, _FEW_TO_GO_ON = 4, 6  # fewer words are an ellipsis
_MUCH = 4  # content words with which a question that names nothing can stand alone
_HE, _SHE = (re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for words in ("he|him|his", "she|her|hers"))
_PERSON = re.compile(rf"{_HE.pattern}|{_SHE.pattern}", re.IGNORECASE)
_PEOPLE = """actor actress artist assistant astronaut athlete author candidate captain coach director doctor driver editor
    employee executive governor journalist judge lawyer leader man manager mayor member minister officer official person pilot
    player politician president professor prosecutor reporter researcher scientist senator singer spokesman spokesperson
    spokeswoman swimmer teacher witness woman worker writer"""
_ASKS_WHO = re.compile(
    r"^\W*(?:(?:and|but|so)\W+)?(?:(?:about|against|at|by|for|from|in|of|on|to|with)\s+)?"
    rf"(?:who|whom|whose|which(?:\s+[\w'’-]+){{0,3}}\s+(?:{'|'.join(_PEOPLE.split())}))\b",
    re.IGNORECASE,
)
_NO_PERSON = re.compile(r"\d|\b(?:of|for|the)\b")  # "Bank of America"
_NOT_SAID_BY = frozenset("the told in at near from".split())  # what stands behind these words is not who did it
_WHEN = DAYS | {"Yesterday", "Today", "Tomorrow"}
_MOST_READ = 2_000  # characters of an answer in which a person is looked for
_OBJECT = re.compile(
    r"\bher\b(?=\s*(?:[?.!,;]|$)|\s+(?:about|after|and|as|at|before|by|for|from|in|on|or|to|when|why|with)\b)",
    re.IGNORECASE,
)
_ASKING = "|".join(
    """what which who whom whose when where why how wer wem wann wo wie warum wieso welche welchem welchen welcher welches quand
    où qui quel quelle quels quelles combien pourquoi cuándo quién dónde cuánto cuántos cuánta cuántas""".split()
)
_ASKS_ANEW = re.compile(rf"^\W*(?:and|but|or|also)\W+(?:\w+\W+)?(?:{_ASKING})\b", re.IGNORECASE)
_ASKS = rf"(?:(?:in|at|by|on|for|to|from|of|with|nach|um|zu|von)\s+)?(?:{_ASKING})\b"
_AND_ASKS = re.compile(  # "?" before it ends an earlier question, which is not asked again
    rf"(?<!\?),?\s+(?:and|und|et|y)\s+(?={_ASKS})", re.IGNORECASE
)
_BEFORE_OR_AFTER = re.compile(
    r"^(?P<verb>do|does|did|was|were|is|are|had|has|have|will|would)\s+(?P<one>[^?]+?),?\s+before or after"
    r"\s+(?P<other>(?=[^?\d]*[a-z])[^?\d,]+)\s*\??$",  # not a mere date
    re.IGNORECASE,
)
_ORDER = r"(?:first|earlier|sooner|last|later)"
_WHICH_FIRST = re.compile(  # "Which came first, the … or the …?"; without articles they may be sentences
    rf"^(?:what|which) (?:happened|came|took place|occurred) {_ORDER}[,:]\s+(?P<one>(?:the|an?)\s[^,?]+?),?"
    r"\s+or\s+(?P<other>(?:the|an?)\s[^,?]+?)\s*\?*$",
    re.IGNORECASE,
)
_FINITE = re.compile(r"\b(?:was|were|is|are|did|had|has|by|confirm|deny)\b", re.IGNORECASE)
_DID_FIRST = re.compile(  # "…, did the storm or the flood come first?"; a verb that takes an object would be split wrongly
    r"^(?P<where>(?:[^?]*,\s+)?)(?P<verb>did|was|were)\s+(?P<one>(?!more|fewer|less)[^,?]+?)\s+or\s+(?P<other>[^,?]+?)"
    r"\s+(?P<does>come|happen|occur|take place|begin|start|end|open|close|resign|speak|arrive|die|fall|built|born|\w+ed)"
    rf"\s+{_ORDER}\s*\?*$",
    re.IGNORECASE,
)
_COMPARES = r"""first|last|ahead|more|less|fewer|most|least|worse|better|further|farther|earl(?:ier|iest)|heav(?:ier|iest)
    (?:big|bigg|cheap|clos|cold|dear|deep|fast|great|high|hott|larg|lat|long|low|near|new|old|poor)(?:er|est)
    (?:rich|short|slow|small|soon|strong|tall|warm|weak|wid|young)(?:er|est)
    früher|zuerst|eher|später|mehr|weniger|größer|höher|länger|älter|jünger|teurer|billiger|niedriger|kleiner|schneller
    plus|moins|premiers?|premières?|avant|más|menos|antes|primer[oa]?|mayor|menor"""
_THIS_OR_THAT = re.compile(
    rf"^\W*(?P<asked>{_ASKS}[^,?]*?\b(?:{'|'.join(_COMPARES.split())})\b[^,?]*?),\s+(?P<one>[^,:?]+?)"
    r"\s+(?:or|oder|ou|o)\s+(?P<other>[^,:?]+?)\s*\??$",
    re.IGNORECASE,
)
_WEIGHS = re.compile(
    r"\b(?:or|than|before|after|first|oder|als|vor|nach|zuerst|ou|avant|après|d['’]abord|antes|después|primero)\b|\so\s",
    re.IGNORECASE,
)

_TURNS_TO = re.compile(  # "What about Tesla?", not "And in Paris?"
    rf"^\W*(?i:(?:and )?(?:what|how) about|and|but|or|also)\s+(?i:the\s+)?{_CAPITALISED}"
)
_BROUGHT_ALONG = re.compile(r"\??\s(\([^()]+\))$")  # as ``standalone`` writes it

# Capitalised at the start of a question without being a name.
_OPENERS = frozenset(
    """A About According After All An And Any Are At Before But By Can Could Describe Did Do Does During Explain For From Give
    Had Has Have How I IT If In Is It Its List Name On Or Please Should Show Since Summarise Summarize Tell That The Then There
    These They This Those To Was Were What When Where Whether Which Who Whom Whose Why Will With Would""".split()
)


def standalone(question: str, turns: Sequence[Turn]) -> str:
    """The question as it is to be understood after the turns, oldest first. Without turns it is the question itself."""
    said = question.strip()
    if not turns:
        return said
    *earlier, last = turns
    asked_before = standalone(last.question, earlier)
    pronoun = next(filter(None, (pattern.search(said) for pattern in (_SUBJECT, _OWNER, _THING))), None)
    subject = (_subject(last.question) if _TURNS_TO.match(last.question) else None) or _subject(asked_before)
    of_two = _HE.search(said) and _SHE.search(said)  # "Why did she choose him?" asks of two, who may be either
    # A name before the pronoun is what it stands for: "Did Putin say he knew?" is left alone.
    if pronoun is not None and not names(said[: pronoun.start()]) and not of_two:
        of_person = _PERSON.search(said) is not None
        if of_person and (person := _person_named(last.question.strip(), last.answer)):
            about = f" ({subject})" if subject and subject not in person else ""
            return f"{_replaced(said, person)}{about}"
        goes_on = _is_elliptic(said) and _GOES_ON.match(said)  # "And what replaced it?" says too little of what "it" is
        if subject is not None and (of_person or not goes_on):
            return _replaced(said, subject)
    if _is_elliptic(said):
        whole = _BROUGHT_ALONG.sub(r" \1", asked_before.strip())  # "Who died (Baltimore)? And when?"
        return f"{whole.rstrip(' ?.!')}? {said}"
    return said if subject is None or names(said) else f"{said} ({subject})"


def readings(question: str, turns: Sequence[Turn]) -> tuple[str, ...]:
    """How a question can be understood, the likelier first: after the turns, and by itself where it may start something new.

    "Who was hurt in the night of the storm?" names nobody, and yet need not be about whom the last turn was about.
    """
    said, understood = question.strip(), standalone(question, turns)
    brought_along = understood != said and understood.startswith(f"{said} (")
    says_much = len(read_question(said, "en").content) >= _MUCH
    return (understood, said) if brought_along and says_much else (understood,)


@dataclass(frozen=True, slots=True)
class Before:
    """What the last turn answered, "" where the question does not lean on it, and whether that may be said ``again``."""

    answer: str = ""
    again: bool = True

    @property
    def unwanted(self) -> str:
        """What is not to be said again."""
        return "" if self.again else self.answer


def before(question: str, turns: Sequence[Turn], understood: str) -> Before:
    """What the question, as it was understood, goes on from; one that may start something new goes on from nothing.

    "And in 2023?" does not ask for the same sentence again, "When did he say so?" may.
    """
    if not turns or understood == question.strip() or len(readings(question, turns)) > 1:
        return Before()
    return Before(turns[-1].answer, again=not _is_elliptic(question.strip()))


def parts(question: str) -> tuple[str, ...]:
    """The questions that are asked in one, each standing alone; one that asks once, "How many came and left?", comes alone.

    A part that names nothing, "when did it end?", is nothing without the others: the whole question stands for it. What came
    first and which of two is more asks for both: "Who paid more, the town or the state?" is asked of either.
    """
    brought = _BROUGHT_ALONG.search(question)
    about = f" {brought[1]}" if brought else ""  # what both are about
    bare = question.removesuffix(about)
    if two := _WHICH_FIRST.match(bare):
        return f"When was {two['one']}?{about}", f"When was {two['other']}?{about}"
    if (two := _DID_FIRST.match(bare)) and not _FINITE.search(f"{two['one']} {two['other']}"):
        begin, end = f"{two['where']}{'when' if two['where'] else 'When'} {two['verb'].lower()}", two["does"]
        return f"{begin} {two['one']} {end}?{about}", f"{begin} {two['other']} {end}?{about}"
    if either := _THIS_OR_THAT.match(
        question
    ):  # brackets hold one thing: what was taken along leaves no room for either
        return f"{either['asked']}? ({either['one']})", f"{either['asked']}? ({either['other']})"
    first, *others = (part.strip().removesuffix("?") for part in _AND_ASKS.split(bare))
    if not others:
        if (order := _BEFORE_OR_AFTER.match(bare)) is None:
            return (question,)
        first, others = f"When {order['verb'].lower()} {order['one']}", [f"When {order['other'].strip()}"]
        first = first if names(first) or about else bare.removesuffix("?")
    found = [f"{first}?{about}"]
    for part in others:
        if _PERSON.search(part):
            part = standalone(part, [Turn(found[0])])
        found.append(f"{part}?{about}" if about or names(part) else question)
    return tuple(dict.fromkeys(found))


def by_itself(question: str) -> str:
    """The question without what ``standalone`` took along in brackets."""
    return _BROUGHT_ALONG.sub("?", question)


def weighs_two(question: str) -> bool:
    """Whether a question sets one thing against another: "more in spring than in autumn?", "before the storm?", "one or two?"."""
    return _WEIGHS.search(question) is not None


def names(question: str) -> list[str]:
    """The names in a question, in order: runs of capitalised words that do not merely open it, nor are a date."""
    found = (_stripped(match.group(), _merely_opens) for match in _NAME.finditer(question))
    return [name for name in found if not all(word in DAYS or word.isdigit() for word in name.split())]


def _stripped(run: str, opens: Callable[[str], bool]) -> str:
    """A run of capitalised words without those that only open it and the ending of an owner; "" where none is left."""
    return re.sub(r"['’]s$", "", " ".join(dropwhile(opens, run.split())))


def _person_named(question: str, answer: str) -> str | None:
    """The person that the answer names to "who?": its first name of two words or more that is no place or listener, one that the
    question does not name before one that it does. None where nobody was asked for or is named, and for "Who is Mara Lind?".
    """
    asks = _ASKS_WHO.match(question)
    if asks is None or (names(question) and not read_question(_NAME.sub(" ", question[asks.end() :]), "en").content):
        return None
    known: str | None = None
    for match in _NAME.finditer(answer[:_MOST_READ]):
        name = _stripped(match.group(), lambda word: word in _WHEN or _merely_opens(word))
        before = answer[: match.start()].lower().split()[-2:]
        not_by_it = not _NOT_SAID_BY.isdisjoint(before[-1:]) or before == ["according", "to"]
        if " " not in name or not_by_it or _NO_PERSON.search(name):
            continue
        if name not in question:
            return name
        known = known or name
    return known


def _merely_opens(word: str) -> bool:
    """ "What", "What's", "Didn't"."""
    return not _OPENERS.isdisjoint(re.split(apostrophe, word)[0] for apostrophe in (r"['’]", r"n['’]"))


def _subject(question: str) -> str | None:
    """What a question is about: its first name, with the second where "and" joins the two. None where it has no name."""
    first, *others = [*names(question), None]
    pair = f"{first} and {others[0]}" if others and others[0] else None
    return pair if pair and pair in question else first


def _replaced(question: str, subject: str) -> str:
    owned = _OWNER.sub(f"{subject}'s", _OBJECT.sub(subject, question))
    return _SUBJECT.sub(subject, owned) if _SUBJECT.search(owned) else _THING.sub(subject, owned, count=1)


def _is_elliptic(question: str) -> bool:
    """ "And in 2023?", "What about Tesla?", "Why?": too little to be searched for on its own."""
    count = len(re.findall(r"\w+", question))
    if _GOES_ON.match(question):
        return count < _FEW_TO_GO_ON or not _ASKS_ANEW.match(question)
    return count < _FEW_WORDS and bool(_BARE.match(question)) and not names(question)
