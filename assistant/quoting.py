"""What of an article is quoted for a sentence: with it who its "He" is, and what is put in the place of what it takes back.

Never quoted as a statement: headings, and what gives orders to machines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from assistant.chunking import spans, trimmed
from assistant.schema import Article, Span
from assistant.words import DAYS, read_question, read_words

_BACK = 2  # sentences that a quote reaches back for the name of its "He"
_LEANS = {  # sentences that begin so lean on the one before
    language: re.compile(rf"[\"“„»«'‘(\s]*(?!(?:{but})\b)(?:{words})\b", re.IGNORECASE)
    for language, (words, but) in {  # "this year" is no "this", nor is the "it" in "it is known that"
        "en": (
            "he|she|they|it|his|her|their|its|this|these|that|those|both|neither",
            r"this (?:day|morning|afternoon|evening|week|month|spring|summer|autumn|fall|winter|year)"
            r"|it (?:is|was|remains) (?:not |now |still )*(?:(?:known|clear|unclear|true|likely|possible|said) )?"
            "(?:that|whether|how|what|who|if|when|where|why)",
        ),
        "de": (
            "er|sie|es|sein|seine|ihr|ihre|dies|diese|dieser|dieses|beide",
            "diese (?:woche|nacht)|diese[nrsm]? (?:tag|monat|jahr|morgen|abend|sommer|winter|herbst)|es (?:gibt|gab|heißt)",
        ),
        "fr": (
            "il|elle|ils|elles|son|sa|ses|leur|leurs|cela|ce|cette|ces|celui-ci|celle-ci",
            "il y (?:a|avait|aura)|il (?:faut|fallait)|(?:ce|cette) (?:matin|soir|nuit|jour|semaine|mois|année|été|hiver)",
        ),
        "es": (
            "él|ella|ellos|ellas|su|sus|esto|este|esta|estos|estas|eso|ambos|ambas",
            "est[ea] (?:mañana|tarde|noche|día|semana|mes|año|verano|invierno)",
        ),
    }.items()
}
_SAID_BY = re.compile(
    r"\b(?:he|she|they) (?:said|says|told|wrote|writes|argue[sd]|claim(?:s|ed)|added|adds|call(?:s|ed)|insist(?:s|ed)"
    r"|warn(?:s|ed)|explain(?:s|ed)|stress(?:es|ed)|denie[sd]|noted|thinks|thought|believe[sd]|suggest(?:s|ed)"
    r"|demand(?:s|ed)|promise[sd])\b"
)
_HE_OR_SHE = re.compile(r"\b(?:he|she)\b", re.IGNORECASE)
_OPENS_WITH_SOMEBODY = re.compile(  # "A woman said she …": whom "she" stands for
    r"[\"“„»«'‘(\s]*(?:an?|any|each|every|no|one|some|the|everybody|everyone|nobody|somebody|someone)\b", re.IGNORECASE
)
_TO_WHOM = frozenset("at by from in of on to with".split())

# How orders to a machine begin, in the usual forms. In quotation marks it is none: an article may report such words.
_ORDERS = re.compile(
    r"[\s\[(<>*_#`!|\-]*+(?:\w+(?: \w+)?:\s+)?(?:please\s+)?(?:"
    r"(?-i:SYSTEM)\s*:|im_start\b|system>|inst\]"
    r"|(?:ignore|disregard|forget)\s+(?:(?:all|any|of|the|your|these)\s+)*"
    r"(?:previous|prior|earlier|above|preceding|system|existing)\s+(?:system\s+)?(?:instructions?|prompts?)\b"
    r"|(?:ignore|disregard|forget)\s+(?:(?:all|of)\s+)*your\s+(?:(?:previous|prior|earlier)\s+)?(?:instructions?|prompts?|rules)\b"
    r"|note\s+(?:to|for)\s+(?:(?:all|any)\s+)?(?:ai|language)\s+(?:models?|assistants?|systems?)\b"
    r"|note\s+(?:to|for)\s+(?:(?:all|any)\s+)?(?:llms?|chatbots?|(?-i:AIs?)(?=\s*[:,]))"
    r"|if you are an?\s+(?:(?:large )?language model|ai (?:model|assistant|system)|llm|chatbot)\b"
    r"|(?:ignorier(?:e|t|en sie)|vergiss|vergessen sie)\s+(?:(?:alle|die|sämtliche|deine|ihre)\s+)*"
    r"(?:vorherigen|bisherigen|vorigen|obigen|früheren)\s+(?:anweisungen|befehle|instruktionen)\b"
    r"|hinweis (?:an|für) (?:alle )?(?:ki-\w+|sprachmodelle)\b"
    r"|(?:ignore|oublie)[sz]?\s+(?:toutes\s+)?(?:les|tes|vos)\s+(?:instructions|consignes)\s+(?:précédentes|antérieures)\b"
    r"|(?:ignor[ae]|olvid[ae])\s+(?:todas\s+)?(?:las|tus|sus)\s+(?:instrucciones|órdenes)\s+(?:anteriores|previas)\b)",
    re.IGNORECASE,
)
_BLANK_LINE, _LINE_END = re.compile(r"\n\s*\n"), re.compile(r"\n")

# What an outlet takes back: in an article that corrects, what "we wrote"; in any, what "an earlier version of this article" said.

_OPENING = 400  # characters of title and text in which an article says that it corrects
_CORRECTS = re.compile(
    r"\bcorrect(?:s|ions?|ing)\b|\bkorrektur|\bkorrigier|\bberichtig|\brectifi|\berratum|\bcorrig|\bcorrecci|\bfe de errores",
    re.IGNORECASE,
)
_WE_WROTE = {
    language: re.compile(pattern, re.IGNORECASE)
    for language, pattern in {
        "en": r"\bwe (?:had |have )?(?:\w+ly )?"
        r"(?:wrote|written|reported|said|stated|spoke|gave|given|called|described|passed on|repeated|attributed|published|printed"
        r"|claimed|named|listed|cited|suggested|quoted|put)\b"
        r"|\bour (?:\w+ )?(?:report|article) (?:had )?(?:said|stated|gave)\b",
        "de": r"\b(?:wir (?:hatten|haben|schrieben|berichteten|meldeten|nannten)|hatten wir)\b",
        "fr": r"\bnous (?:avi?ons (?:\w+ )?(?:écrit|rapporté|indiqué|annoncé|publié)|écrivions)\b",
        "es": r"\b(?:escribimos|informamos|publicamos|dijimos|habíamos (?:escrito|informado|publicado|dicho))\b",
    }.items()
}
_EARLIER_VERSION = {
    language: re.compile(pattern, re.IGNORECASE)
    for language, pattern in {
        "en": r"\b(?:earlier|previous|original) version of (?:this|our) (?:article|report|story|post)\b|^\W*correction:",
        "de": r"\bfrühere[nr]? (?:fassung|version) (?:dieses|unseres) (?:artikels|berichts|beitrags|textes)\b"
        r"|^\W*(?:korrektur|berichtigung):",
        "fr": r"\bversion (?:précédente|antérieure) de (?:cet|notre) article\b|^\W*(?:rectificatif|correction|erratum) ?:",
        "es": r"\bversión anterior de (?:est[ea]|nuestr[oa]) (?:artículo|texto|noticia|información)\b"
        r"|^\W*(?:corrección|rectificación|fe de errores):",
    }.items()
}
_PUTS_RIGHT = re.compile(
    r";|\b(?:in fact|instead|correct|tatsächlich|richtig|en fait|en réalité|en realidad|correcto)\b", re.IGNORECASE
)
_ONLY_WRONG = 60  # characters; a shorter sentence after it, "That was wrong.", does not say yet what is right


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a passage, as exact characters of its article, blanks and list markers left out."""

    article: Article
    start: int
    end: int

    @property
    def text(self) -> str:
        """The characters of the sentence."""
        return self.article.text[self.start : self.end]


@lru_cache(maxsize=256)
def pieces_of(article: Article) -> tuple[Span, ...]:
    """The sentences and headings of an article, in order.

    What gives orders to machines, and what follows it in its paragraph, is a heading, too: nothing to quote as a statement.
    """
    text, found = article.text, list[Span]()
    paragraph_ends = _BLANK_LINE if _BLANK_LINE.search(text.strip()) else _LINE_END
    orders = False
    for span in spans(text, article.language, article.markup):
        first, last = trimmed(text, span)
        orders = orders or _ORDERS.match(text, first, last) is not None
        found.append(replace(span, kind="heading") if orders else span)
        orders = orders and not paragraph_ends.search(text, last, span.end)
    return tuple(found)


def with_antecedent(sentence: Sentence, question: str) -> Sentence:
    """The sentence, from the one on that says who its "He" is: at most _BACK sentences earlier, and never across a heading.

    In English, "she said" later in a sentence leans on the one before, too, where no name stands before it, and any "he" or "she"
    where nobody is named in the sentence and it does not open with somebody, "A woman" or "The mayor".
    """
    article = sentence.article
    known = frozenset(word.stem for word in read_question(question, article.language).words)
    pieces = pieces_of(article)
    at = next(i for i, span in enumerate(pieces) if span.start <= sentence.start < span.end)
    start, earliest = sentence.start, max(at - _BACK, 0)
    while at > earliest and pieces[at - 1].kind == "sentence":
        if not _leans(article, article.text[start : pieces[at].end], known):
            break
        at -= 1
        start, _ = trimmed(article.text, pieces[at])
    return Sentence(article, start, sentence.end)


def with_person(sentence: Sentence) -> Sentence:
    """The sentence, where it says "he" or "she", with what ``with_antecedent`` quotes it with, whatever was asked."""
    return with_antecedent(sentence, "") if _HE_OR_SHE.search(sentence.text) else sentence


def with_correction(sentence: Sentence) -> Sentence:
    """The sentence, with what is put in the place of what it takes back: the next one, or two, of its paragraph.

    Where it is more than one sentence, the first of them is what may take something back.
    """
    article, end = sentence.article, sentence.end
    begun = next(span.end for span in pieces_of(article) if span.start <= sentence.start < span.end)
    puts_right = article.text[begun:end] if begun < end else sentence.text
    if not takes_back(sentence) or _PUTS_RIGHT.search(puts_right):
        return sentence
    for span in [span for span in pieces_of(article) if span.start >= end][:2]:
        first, last = trimmed(article.text, span)
        between = article.text[end:first]
        if span.kind != "sentence" or between.strip() or between.count("\n") > 1:  # one is where a line was broken
            break
        end = last
        if last - first >= _ONLY_WRONG:
            break
    return Sentence(article, sentence.start, end)


def repeats_what_was_wrong(sentence: Sentence, question: str) -> bool:
    """Whether a sentence says what its outlet takes back: itself, or as one that leans on that and puts nothing right."""
    leaning = with_antecedent(sentence, question)
    return takes_back(sentence) or (takes_back(leaning) and not _PUTS_RIGHT.search(sentence.text))


def takes_back(sentence: Sentence) -> bool:
    """Whether a sentence says what its own outlet had written, in order to correct it; what somebody is quoted with does not."""
    article = sentence.article
    patterns = [_EARLIER_VERSION.get(article.language)]
    if _CORRECTS.search(f"{article.title}\n{article.text}"[:_OPENING]):
        patterns.append(_WE_WROTE.get(article.language))
    found = [pattern.search(sentence.text) for pattern in patterns if pattern]
    return any(match and not re.search(r"[\"“„«]", sentence.text[: match.start()]) for match in found)


def _leans(article: Article, text: str, known: frozenset[str]) -> bool:
    """Whether a sentence of the article needs the one before it to say who it speaks of; stems that are ``known`` are no news."""
    if article.language not in _LEANS:
        return False
    if _LEANS[article.language].match(text):
        return True
    if article.language != "en":
        return False
    said_by = _SAID_BY.search(text)
    if said_by and not _has_new_name(text[: said_by.start()], known):
        return True
    if not _HE_OR_SHE.search(text) or _OPENS_WITH_SOMEBODY.match(text) or _has_new_name(text, frozenset()):
        return False
    opening = next(iter(read_words(text, "en")))
    return opening.kind == "function" or opening.stem not in known | _named_in(article)


@lru_cache(maxsize=256)
def _named_in(article: Article) -> frozenset[str]:
    """The stems of the names in an article, those that only open a sentence left out."""
    sentences = (article.text[span.start : span.end] for span in pieces_of(article))
    return frozenset(word.stem for text in sentences for word in read_words(text, "en") if word.kind == "name")


def _has_new_name(text: str, known: frozenset[str]) -> bool:
    """Whether the beginning of an English sentence names somebody of whom no stem is ``known``.

    Not counted are its first word, months and days, what stands beside a number, and where or to whom it was said.
    """
    read = read_words(text, "en")
    for before, word, after in zip((None, *read), read, (*read[1:], None), strict=False):
        beside = {near.kind for near in (before, after) if near}
        told = before is not None and before.text.lower() in _TO_WHOM
        if word.kind == "name" and word.stem not in known and not (told or "number" in beside or word.text in DAYS):
            return True
    return False
