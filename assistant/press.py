"""Papers, agencies and broadcasters as articles name them, and whom a sentence says it has its news from.

Read from the text alone, in English, German, French and Spanish: a name counts where the words beside it credit it with the news
("Reuters reported", "told the Journal", "selon l'agence Reuters"), not where it is the news itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from assistant.schema import Article

_PAPER = r"Times|Post|Journal|Wire|Press|Herald|Tribune|Gazette|Courier|Telegraph|Guardian|Chronicle|Observer|Mirror|News|Zeitung"
_PRESS = re.compile(  # as far as a name tells; "Times Square" and "the Post Office" are no papers
    rf"(?:\b[A-Z][\w’'-]*\s+(?:of\s+|and\s+)?){{1,3}}(?:{_PAPER})\b(?!\s+[A-Z])|(?<=[Tt]he )(?:{_PAPER})\b(?!\s+[A-Z])"
    r"|\b(?:Reuters|Associated Press|Agence France-Presse|AFP|AP|PA|DPA|dpa|Bloomberg|CNN|BBC(?: News)?|NBC|CBS|NPR|Axios"
    r"|Politico|Daily (?:Mail|Express|Star)|Evening Standard|Der Spiegel|Le Monde|Le Figaro|El País|ARD|ZDF|Tass|EFE|Xinhua)\b"
)
_ALIKE = {"associated press": "ap", "agence france-presse": "afp", "bbc news": "bbc"}
_OPENERS = frozenset(
    """As But And On In When After While Then The Monday Tuesday Wednesday Thursday Friday Saturday Sunday According
    Die Der Das Dem Den Eine Einer Laut Wie Nach La Le Les Selon Comme D'après El Según Como""".split()
)
_KIND = r"(?:(?:news\s+)?(?:agency|paper|newspaper|daily|weekly|magazine|broadcaster)\s+)?"
_KIND_DE = r"(?:(?:nachrichten)?(?:agentur|zeitung|magazin|sender)\s+)?"
_KIND_FR = r"(?:(?:agence(?: de presse)?|journal|quotidien|hebdomadaire|magazine)\s+)?"
_KIND_ES = r"(?:(?:agencia(?: de noticias)?|diario|periódico|semanario|revista)\s+)?"
_SAYS_DE = r"(?:berichte(?:t|te|ten)|melde(?:t|te|ten)|schreib(?:t|en)|schrieb(?:en)?)"
_SAYS_FR = r"(?:(?:rapport|évoqu|annonc|affirm|cit|révél|indiqu|précis|publi)(?:e|ait|é)|écri(?:t|vait))"
_SAYS_ES = r"(?:(?:inform|public|señal|cit|revel|indic|afirm)(?:ó|a|aba|ado)|cont(?:ó|aba)(?!\s+con\b)|escri(?:bió|be|to)|dijo)"
_CREDITED_BEFORE = re.compile(  # what stands before the name: "according to", "laut", "selon", "según"
    r"\b(?:according to|quot(?:es|ed|ing)|cit(?:es|ed|ing)|told|(?:reported|published|carried) (?:by|in)|reports? (?:in|by|from))"
    rf"\s+(?:the\s+)?{_KIND}$"
    r"|\b(?:laut(?: (?:einem|dem) bericht(?: von)?)?|nach (?:angaben|informationen)(?: von)?|gegenüber|sagten?"
    rf"|ein(?:em)? von(?= der)|{_SAYS_DE})\s+(?:(?:die|der|das|dem)\s+)?{_KIND_DE}$"
    r"|\b(?:selon|d['’]après|citant|citée?s? par|rapportée?s? par|(?:déclaré|dit|confié) (?:à|au)"
    rf"|(?:(?:a|ont|avait) )?{_SAYS_FR})\s+(?:(?:la|le)\s+|l['’])?{_KIND_FR}$"
    rf"|\b(?:según|citad[oa]s? por|de acuerdo con|(?:dijo|declaró) a|{_SAYS_ES})\s+(?:(?:la|el)\s+)?{_KIND_ES}$",
    re.IGNORECASE,
)
_CREDITED_AFTER = re.compile(  # what stands behind it: "reported", "meldete", "avait rapporté", "informó"
    r"^(?:\s+(?:has|had|have|first|also|later|then|itself))*"
    r"\s+(?:report(?:s|ed)|wr(?:ites|ote|itten)|sa(?:ys|id)|puts?|g(?:ives|ave|iven)|sp(?:eaks|oke)|count(?:s|ed)|describe[sd]|call(?:s|ed))\b"
    r"|^(?:\s+(?:hat|hatten?|haben))?(?:\s+(?:am|im|vor|zuvor|zuerst|bereits|später)(?:\s+\w+){0,2}?)?"
    rf"\s+(?:{_SAYS_DE}|zitierte?|zufolge|gemeldet|geschrieben)\b"
    rf"|^\s+(?:l['’])?(?:(?:a|ont|avait|avaient)\s+)?(?:d['’]abord |aussi |déjà )?{_SAYS_FR}(?!\w)"
    rf"|^\s+(?:lo )?(?:(?:ha|había)\s+)?(?:también |ya )?{_SAYS_ES}(?!\w)"
)
_SHORT = re.compile(  # a paper or agency that was named before; "die Agentur für Arbeit" is none
    r"\b[Tt]he (?:paper|newspaper|agency|daily|weekly|magazine|broadcaster)\b|\bquoted there\b|\b[Ii]t(?= (?:said|wrote))"
    r"|\b(?:the )?same (?:agency|report|dispatch)(?: report)?\b|\b[Dd](?:ie|er|erselben) (?:Agentur|Zeitung)\b(?!\s+für)"
    r"|\b[Ll]['’]agence\b(?!\s+(?:de|des|du|spatiale|nationale))|\b[Ll]e journal\b|\b[Ll]a même dépêche\b"
    r"|\b[Ll]a (?:misma )?agencia\b(?!\s+(?:de|tributaria|espacial|estatal))|\b[Ee]l (?:diario|periódico)\b"
)
_BACK = 600  # characters before "the paper" in which its name is looked for
_CREDIT = 200  # characters at both ends of an article in which it may credit an agency: "TAVEL (Reuters) -"


class Press:
    """Papers, agencies and broadcasters as texts name them: the known sources, and what else is written like one."""

    def __init__(self, sources: Sequence[str]) -> None:
        known = "|".join(
            re.escape(re.sub(r"^The\s+", "", name)) for name in sorted(set(sources), key=len, reverse=True)
        )
        self._known: re.Pattern[str] | None = re.compile(rf"\b(?:{known})\b(?!\s+[A-Z])") if known else None

    def origin(self, article: Article, start: int, end: int) -> str | None:
        """Whom the sentence ``[start, end)`` of an article says it has its news from, else whom the article credits.

        Else the article's own source, None where it states none.
        """
        sentence, before = article.text[start:end], f"{article.source or ''}. {article.text[:start]}"
        if named := self._credited(sentence):
            return self._in_full(named[0], before)
        unnamed = any(_is_credited(sentence, *match.span()) for match in _SHORT.finditer(sentence))
        if unnamed and (named := self._credited(before[-_BACK:])):
            return self._in_full(named[-1], before)
        dateline = re.search(r"\(([^()]{2,40})\)\s*[-–—]", article.text[:_CREDIT])
        at_the_end = re.search(r"\(([^()]{2,40})\)\W*$", article.text[-_CREDIT:])
        for credit in (found[1] for found in (dateline, at_the_end) if found):
            if credit in self._names(credit):
                return credit
        return article.source

    def _names(self, text: str) -> list[str]:
        return [name for name, _, _ in self._found(text)]

    def _credited(self, text: str) -> list[str]:
        """The names that the text says to have something from, in order."""
        return [name for name, start, end in self._found(text) if _is_credited(text, start, end)]

    def _found(self, text: str) -> Iterator[tuple[str, int, int]]:
        """The names in a text, in order, each with its place."""
        taken = [*self._known.finditer(text)] if self._known else []
        for match in _PRESS.finditer(text):
            if all(match.end() <= other.start() or match.start() >= other.end() for other in taken):
                taken.append(match)
        for match in sorted(taken, key=lambda found: found.start()):
            name = match.group().split()
            while len(name) > 1 and name[0] in _OPENERS:
                name.pop(0)
            written = match.group()[match.group().index(name[0]) :]
            if written != "Zeitung":  # "Die Zeitung": one that was named before
                yield " ".join(name), match.end() - len(written), match.end()

    def _in_full(self, name: str, before: str) -> str:
        """ "Journal" as the last name before it that ends so: "Wall Street Journal"."""
        longer = [other for other in self._names(before) if other.endswith(f" {name}")]
        return longer[-1] if longer and " " not in name else name


def _is_credited(text: str, start: int, end: int) -> bool:
    if text[start:end] == "quoted there":
        return True
    return bool(_CREDITED_BEFORE.search(text[:start]) or _CREDITED_AFTER.match(text[end:]))


def is_same(one: str | None, other: str | None) -> bool:
    """Whether two names are of the same source; what is not stated is the same as nothing."""
    return one is not None and other is not None and key(one) == key(other)


def key(name: str) -> str:
    """What is the same for all ways to write one name: "The Associated Press", "AP"."""
    plain = re.sub(r"^the\s+", "", name.casefold())
    return _ALIKE.get(plain, plain)
