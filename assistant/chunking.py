"""Article → spans (sentences and headings) → chunks. Spans come first, so that every offset is right by construction.

Both tile the text: nothing is copied, changed or left out, only cut. Sentences come from sentencex, one paragraph at a
time; ours are the layout (headings, lists, hard-wrapped lines) and a short rule that joins what it splits too often.
This module never reads a file, never loads a model, and never looks a chunk up by its text.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from sentencex import get_sentence_boundaries

from assistant.schema import Article, Chunk, Markup, Span, SpanKind

CHUNKING_VERSION: int = 4
"""Recorded in the catalog; raised when the same text would be cut, or read for the indexes, differently."""

CountTokens = Callable[[Sequence[str]], list[int]]
"""Tokens of each text, without the special tokens that an encoder adds around a whole input."""

_Part = tuple[int, int, int, SpanKind]  # start, end, tokens, kind

_HEADING_CHARACTERS = 150  # a longer line without closing punctuation is a paragraph whose full stop is missing
_WRAP_COLUMNS = range(40, 121)  # hard-wrapped text is about this wide
_LONGEST_WORD = 20  # what is counted of a word that did not fit into a line: scripts without blanks have no words
_ITEM_WORDS = 8  # a list item of more words says enough to be quoted, even without a full stop
_TAIL = 40  # characters looked at before and behind a cut: enough for any abbreviation, and long sentences cost nothing

_HASHES = re.compile(r"[ ]{0,3}#{1,6}(?:[ \t]+|$)")
_RULE = re.compile(r"\s*(?:([-*_])(?:[ \t]*\1){2,}|=+)\s*$")
_MARKER = re.compile(r"\s*(?:[-*•·▪‣–—]|(\d{1,3})[.)])[ \t]+(?=\S)")
_CLOSING = re.compile(r"[*_]{1,3}\s+(?=\S)")
_QUOTED = re.compile(r"\s*>[> \t]*")
_CLOSED = re.compile(r"[.!?…:。！？؟۔।][\s\"'”’“‘»«›‹)\]}*_`]*(?:\[\d+\])*$")
_BLANKS = re.compile(r"\s*")
_WORD = re.compile(r"\S+\s*")

# sentencex splits after some of these before a name; in news they do not end a sentence.
_TITLES = {
    "en": "Sen|Sens|Rep|Reps|Gov|Gen|Lt|Col|Sgt|Capt|Cmdr|Adm|Maj|Rev|Hon|Supt|Det|Mr|Mrs|Ms|Dr|Prof|approx|ca",
    "de": r"ca|bzw|Hl|Hr|Frl|Prof|Dr|St|(?:[Dd](?:er|ie|as|en|em|es)|[Ii]m|[Vv]om|[Zz]u[mr])\s\d{1,3}",
    "fr": "M|MM|Mme|Mmes|Mlle|Me|Mgr|Dr|Pr|Ste|env",
    "es": "Sr|Sra|Sres|Sras|Srta|Dr|Dra|Lic|Ing|Gral|Cnel|aprox",
}
_TITLED = {code: re.compile(rf"(?<!\w)(?:{words})\.$") for code, words in _TITLES.items()}
_NUMBERED = re.compile(r"(?<!\w)(?:No|Nos|Nr|nº|núm|p|pp|Art|art|Abs|approx|aprox|env|ca)\.$")
_INITIALS = re.compile(r"(?<![\w.])(?!U\.[SNK]|E\.U|D\.C|L\.A|N\.[YJ]|[AP]\.M|D\.A|A\.I)[A-Z]\.[A-Z]\.$")
_OF_DAY = re.compile(r"\d\s?[ap]\.\s?m\.$", re.IGNORECASE)
_ZONE = re.compile(  # what follows a time of day: its zone, or the day
    r"(?:[ECMP][SD]?T|GMT|UTC|BST|CES?T)\b|(?:[A-Z]\w*\s+){1,3}[Tt]ime\b|(?:Eastern|Central|Mountain|Pacific)\b"
    r"|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b|(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]*\.?\s+\d"
)
_OPENER = re.compile(r"(?:An?|And|As|At|But|For|He|Her|His|I|If|In|It|Its|On|She|So|Th\w+|We|When|Wh\w+)\b")


def spans(text: str, language: str, markup: Markup) -> list[Span]:
    """The sentences and headings of ``text``, in order. They tile it: blanks belong to the span before them.

    ``language`` is a two-letter code; one that sentencex does not know is cut by its general rules. A "heading" is what
    must never be quoted as a statement: a line of at most 150 characters without closing punctuation, a Markdown ``#``
    line, a rule, a line that is one question, a list item of at most 8 words without closing punctuation.
    """
    found: list[Span] = []
    for start, end in _paragraphs(text, markup):
        if _is_heading(text[start:end], language, markup):
            found.append(Span(start, end, "heading"))
        else:
            cuts = [start, *_sentence_starts(text, start, end, language), end]
            found.extend(Span(left, right, "sentence") for left, right in pairwise(cuts))
    return found


def trimmed(text: str, span: Span) -> tuple[int, int]:
    """The range of ``span`` without blanks around it and without its marker (``- ``, ``> ``, ``1. ``, ``# ``).

    Emphasis marks stay, but for those that close what was before: "**Cost.** Nobody knows." is cut behind the first full stop. A
    number goes only if a neighbour of it starts another line: "1. FC Köln won." keeps it.
    """
    end = span.start + len(text[span.start : span.end].rstrip())
    start = min(end, _skip_blanks(text, span.start))
    if text[text.rfind("\n", 0, start) + 1 : start].strip():
        closing = _CLOSING.match(text, start, end)
        return closing.end() if closing else start, end
    for pattern in (_QUOTED, _HASHES, _MARKER):
        match = pattern.match(text, start, end)
        if match and (pattern is not _MARKER or match[1] is None or _has_neighbour(int(match[1]), text)):
            start = match.end()
    return start, end


def indexed_text(title: str, text: str) -> str:
    """What the encoder sees of a chunk: the title (as cut by ``short_title``), a line break, the chunk."""
    return f"{title}\n{text}"


def short_title(title: str, *, window: int, count_tokens: CountTokens) -> str:
    """``title``, or as many of its first words as fit half of ``window`` tokens (first characters, if no word does)."""
    if count_tokens([title])[0] <= window // 2:
        return title
    return title[: _pieces(title, 0, len(title), max(1, window // 2), count_tokens)[0][1]].rstrip()


def chunk(article: Article, *, window: int, count_tokens: CountTokens) -> list[Chunk]:
    """The chunks of an article: runs of whole sentences that tile its text, in order of ``position`` from 0.

    ``indexed_text(short_title(title, ...), chunk)`` has at most ``window`` tokens, special tokens not counted:
    pass the encoder's window less those. A sentence is counted once; the sum stands for the tokens of a run. A heading
    stays with what follows it; a chunk that is half full ends before it. A sentence longer than the room beside the
    title is cut at blanks, or anywhere if there are none, into pieces of at most half that room: only a character of
    more tokens than that can exceed it. An id is 16 hex digits over article id and version, then the position.
    """
    title = short_title(article.title, window=window, count_tokens=count_tokens)
    found = spans(article.text, article.language, article.markup)
    counts = count_tokens([title, *(article.text[span.start : span.end] for span in found)])
    room = max(1, window - counts[0] - 1)  # 1 for the line break, which some tokenizers count
    parts: list[_Part] = []
    for span, tokens in zip(found, counts[1:], strict=True):
        if tokens <= room:
            parts.append((span.start, span.end, tokens, span.kind))
        else:
            pieces = _pieces(article.text, span.start, span.end, max(1, room // 2), count_tokens)
            parts.extend((*piece, span.kind) for piece in pieces)
    stem = hashlib.sha256(json.dumps([article.id, article.version]).encode()).hexdigest()[:16]
    return [
        Chunk(f"{stem}-{position:04d}", article.id, article.version, position, start, end)
        for position, (start, end) in enumerate(_runs(_with_headings(parts, room), room))
    ]


def _paragraphs(text: str, markup: Markup) -> Iterator[tuple[int, int]]:
    """Ranges that no sentence crosses; they tile the text, blank lines at the end of the range before them."""
    lines = text.split("\n")
    widths = _wrap_widths(lines, markup)
    start = position = 0
    last: int | None = None  # the newest line that is not blank
    for index, line in enumerate(lines):
        if line.strip():
            if last is not None and (last < index - 1 or not _goes_on(line, lines[last], widths[last], markup)):
                yield start, position
                start = position
            last = index
        position += len(line) + 1
    if text:
        yield start, len(text)


def _wrap_widths(lines: Sequence[str], markup: Markup) -> list[int]:
    """For each line the column at which its block is hard-wrapped, 0 where it is not.

    A block is a run of lines that are not blank, as wide as its longest line with a blank in it. The text is wrapped if
    a fifth of the lines without closing punctuation in narrow blocks go on with a small letter (without capitals: were full).
    """
    widths = [0] * len(lines)
    first = 0
    for index in range(len(lines) + 1):
        if index == len(lines) or not lines[index].strip():
            width = max((len(line) for line in lines[first:index] if " " in line.strip()), default=0)
            widths[first:index] = [width if width in _WRAP_COLUMNS else 0] * (index - first)
            first = index + 1
    going_on = unclosed = 0
    for line, following, width in zip(lines, lines[1:], widths, strict=False):
        if (
            not width
            or _is_fixed(line, markup)
            or _is_closed(line)
            or _is_fixed(following, markup)
            or _MARKER.match(following)
        ):
            continue
        letter = _content(following)[0]
        caseless = letter.isalpha() and letter.lower() == letter.upper()
        unclosed += 1
        going_on += letter.islower() or (caseless and _is_full(line, following, width))
    return widths if 5 * going_on >= max(1, unclosed) else [0] * len(lines)


def _goes_on(line: str, before: str, width: int, markup: Markup) -> bool:
    """Whether ``line`` continues the paragraph of the line ``before`` it. Neither is blank."""
    if _is_fixed(before, markup) or _is_fixed(line, markup):
        return False
    full = _is_full(before, line, width)
    if _MARKER.match(line):
        # A dash or a date that happens to start a wrapped line; behind another item it is an item.
        return full and not _is_closed(before) and not _MARKER.match(before)
    if bool(_QUOTED.match(line)) != bool(_QUOTED.match(before)):
        return False
    return full or (not _is_closed(before) and (_content(line)[0].islower() or before.rstrip().endswith((",", ";"))))


def _is_full(line: str, following: str, width: int) -> bool:
    """Whether the first word of ``following`` did not fit into ``line`` any more."""
    word = _content(following).split(maxsplit=1)[0]
    return len(line.rstrip()) + 1 + min(len(word), _LONGEST_WORD) > width > 0


def _is_fixed(line: str, markup: Markup) -> bool:
    """Whether the line is no part of a longer paragraph: blank (maybe in a quote), a rule, a Markdown ``#`` line or table row."""
    if not _content(line) or _RULE.match(line):
        return True
    return markup == "markdown" and (bool(_HASHES.match(line)) or _content(line).startswith("|"))


def _content(line: str) -> str:
    """The line without the blanks and block quote marks before it."""
    return line.lstrip().lstrip("> \t").lstrip()


def _is_closed(text: str) -> bool:
    """Whether the text ends with closing punctuation, behind which quotation marks, brackets and emphasis may stand."""
    return bool(_CLOSED.search(text.rstrip()[-_TAIL:]))


def _is_heading(paragraph: str, language: str, markup: Markup) -> bool:
    """Whether a paragraph is never to be quoted as a statement."""
    if _is_fixed(paragraph.strip(), markup) or not _says(paragraph):
        return True
    marker = _MARKER.match(paragraph)
    content = paragraph[marker.end() if marker else 0 :].strip()
    too_long = len(content) > _HEADING_CHARACTERS or (marker and len(content.split()) > _ITEM_WORDS)
    closed = _is_closed(content) and content[-1] not in "?？؟"
    return not (too_long or closed or _sentence_starts(content, 0, len(content), language))


def _sentence_starts(text: str, start: int, end: int, language: str) -> list[int]:
    """Where sentences begin inside ``text[start:end]``, its own start left out; ascending, never at a blank."""
    marker = _MARKER.match(text, start, end)
    first = last = marker.end() if marker else start
    starts: list[int] = []
    for boundary in get_sentence_boundaries(language, text[first:end])[:-1]:
        cut = _skip_blanks(text, first + boundary["end_index"])
        before = text[max(last, cut - 2 * _TAIL) : cut]
        if last < cut < end and _says(text[last:cut]) and not _joins(before, text[cut : cut + _TAIL], language):
            starts.append(cut)
            last = cut
    if starts and not _says(text[starts[-1] : end]):
        starts.pop()  # a closing quotation mark on its own
    return starts


def _joins(before: str, following: str, language: str) -> bool:
    """Whether a cut between the two is wrong: the first ends with an abbreviation, or the second starts small."""
    if following[0].islower():
        return not following[1:2].isupper()  # "iPhone sales fell." is a sentence
    tail = before.rstrip()[-_TAIL:]
    if _INITIALS.search(tail):
        return not _OPENER.match(following)
    if _OF_DAY.search(tail):
        return bool(_ZONE.match(following)) and not _OPENER.match(following)
    numbered = following[0].isdigit() and _NUMBERED.search(tail)
    return bool(numbered or (language in _TITLED and _TITLED[language].search(tail)))


def _says(text: str) -> bool:
    """Whether there is a letter or a digit in it."""
    return any(map(str.isalnum, text))


def _skip_blanks(text: str, position: int) -> int:
    match = _BLANKS.match(text, position)
    return match.end() if match else position


def _has_neighbour(number: int, text: str) -> bool:
    """Whether a line of ``text`` starts with the number before or after ``number``: they are a list then."""
    return bool(re.search(rf"^[ \t]*(?:{number - 1}|{number + 1})[.)][ \t]", text, re.MULTILINE))


def _pieces(text: str, start: int, end: int, room: int, count_tokens: CountTokens) -> list[tuple[int, int, int]]:
    """``(start, end, tokens)`` of pieces that tile the range, at most ``room`` tokens each, cut at blanks if any."""
    words = [match.span() for match in _WORD.finditer(text, start, end)]
    if len(words) < 2 and end - start > 1:
        middle = (start + end) // 2
        words = [(start, middle), (middle, end)]
    words[0] = (start, words[0][1])
    pieces: list[tuple[int, int, int]] = []
    counts = count_tokens([text[left:right] for left, right in words])
    for (left, right), tokens in zip(words, counts, strict=True):
        fits = tokens <= room or right - left == 1
        for piece in [(left, right, tokens)] if fits else _pieces(text, left, right, room, count_tokens):
            if pieces and pieces[-1][2] + piece[2] <= room:
                pieces[-1] = (pieces[-1][0], piece[1], pieces[-1][2] + piece[2])
            else:
                pieces.append(piece)
    return pieces


def _with_headings(parts: Sequence[_Part], room: int) -> list[_Part]:
    """The parts, each heading joined to what follows it if both fit into ``room``. The kind is that of the first."""
    joined: list[_Part] = []
    for start, end, tokens, kind in reversed(parts):
        if kind == "heading" and joined and tokens + joined[-1][2] <= room:
            joined[-1] = (start, joined[-1][1], tokens + joined[-1][2], kind)
        else:
            joined.append((start, end, tokens, kind))
    return joined[::-1]


def _runs(parts: Sequence[_Part], room: int) -> Iterator[tuple[int, int]]:
    """Ranges of parts that fit into ``room`` tokens together; one that is at least half full ends before a heading."""
    start = end = tokens = 0
    for _, after, more, kind in parts:
        if tokens and (tokens + more > room or (kind == "heading" and 2 * tokens >= room)):
            yield start, end
            start, tokens = end, 0
        end, tokens = after, tokens + more
    if end > start:
        yield start, end
