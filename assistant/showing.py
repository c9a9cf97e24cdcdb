"""An article as HTML: its whole text as paragraphs and headings, with one quote marked.

Everything is escaped by ``rendering.inert``. The text is shown as it is stored: Markdown in it stays visible as
characters, because what is marked has to be exactly what was quoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup

from assistant.rendering import attribution, inert, web_address
from assistant.schema import Article

_WRAPPED_COLUMNS = 120
_HEADING_CHARACTERS = 120
_CLOSING = tuple(".!?…:;,\"'”’»)")
_MARKS_BEHIND = re.compile(r"(?:[*_`]|\[\d+\])+$")  # of emphasis and notes: "He resigned.[1]"
_OWN_LINE = re.compile(r"(#{1,6} |[-*+] |\d{1,3}[.)] |>|\|)")


def article_html(article: Article, highlight: tuple[int, int] | None = None) -> str:
    """Title, source, dates, address and the whole text as paragraphs and headings.

    ``highlight`` is a range of ``article.text``: exactly these characters are the text content of
    ``<mark id="quote">``, also where they run over several paragraphs.
    Raises ValueError for a range that is empty or not inside the text.
    """
    if highlight and not 0 <= highlight[0] < highlight[1] <= len(article.text):
        raise ValueError(f"{highlight} is no range of a text of {len(article.text)} characters")
    wrapped = not any(map(_is_paragraph, article.text.split("\n")))
    blocks = _blocks(article.text, wrapped=wrapped)
    address = web_address(article.url)
    link = Markup('<p class="address"><a href="{0}" target="_blank" rel="noopener noreferrer">{0}</a></p>')
    page = Markup(
        '<article lang="{}" dir="auto"><header><h2 id="source-title" tabindex="-1">{}</h2>'
        '<p class="meta">{}</p>{}</header><div class="{}text">{}</div>{}</article>'
    ).format(
        inert(article.language),
        inert(article.title),
        inert(attribution(article)),
        link.format(inert(address)) if address else "",
        "wrapped " if wrapped else "",
        Markup("").join(_blocks_html(article, blocks, highlight)),
        _based_on_html(article),
    )
    return str(page)


def _is_paragraph(line: str) -> bool:
    """Whether a line is longer than any of a wrapped text; a link or a table row may be."""
    return len(line) > _WRAPPED_COLUMNS and " " in line.strip() and not line.lstrip().startswith("|")


class _Block(NamedTuple):
    start: int
    end: int
    heading: bool


def _blocks(text: str, *, wrapped: bool) -> list[_Block]:
    """Paragraphs and headings of a text, blanks around them left out. In unwrapped text every line is a paragraph."""
    found: list[list[int]] = []
    for match in re.finditer(r"^[^\n]*\S[^\n]*", text, re.MULTILINE):
        joins = wrapped and found and match.start() == found[-1][1] + 1
        if joins and not (_OWN_LINE.match(match[0]) or text[found[-1][0]] == "#"):
            found[-1][1] = match.end()
        else:
            found.append([match.start(), match.end()])
    return [_Block(start, end, _is_heading(text[start:end].strip())) for start, end in found]


def _is_heading(block: str) -> bool:
    """A Markdown heading, or one line without closing punctuation that is short enough to be one."""
    if re.match(r"#{1,6} ", block):
        return True
    if not any(map(str.isalnum, block)):  # a rule, a fence
        return False
    return len(block) <= _HEADING_CHARACTERS and not (
        "\n" in block or _MARKS_BEHIND.sub("", block).endswith(_CLOSING) or _OWN_LINE.match(block)
    )


def _blocks_html(article: Article, blocks: list[_Block], highlight: tuple[int, int] | None) -> Iterator[Markup]:
    """Each block as an element. The blocks that the highlight touches become one, so that the mark is one as well."""
    first, last = highlight or (0, 0)
    touched = [block for block in blocks if block.start < last and block.end > first]
    for block in blocks:
        text = article.text[block.start : block.end]
        if touched and block == touched[0]:
            yield _marked_html(article.text, touched, first, last)
        elif block in touched:
            continue
        elif block.heading:
            hashes = re.match(r"(#{1,6} )?", text.lstrip())[0]  # type: ignore[index]  # it matches the empty text
            yield Markup('<h3><span class="hashes">{}</span>{}</h3>').format(hashes, inert(text.strip()[len(hashes) :]))
        else:
            yield Markup("<p>{}</p>").format(inert(text))


def _marked_html(text: str, touched: list[_Block], first: int, last: int) -> Markup:
    """The touched blocks in one element: exactly ``text[first:last]`` in the mark, the headings among them as spans."""
    start, end = min(first, touched[0].start), max(last, touched[-1].end)
    headings = [block for block in touched if block.heading] if len(touched) > 1 else []
    cuts = sorted({start, first, last, end} | {edge for h in headings for edge in (h.start, h.end)})
    parts = {"before": Markup(""), "mark": Markup(""), "after": Markup("")}
    for left, right in pairwise(cuts):
        piece = inert(text[left:right])
        if any(h.start <= left and right <= h.end for h in headings):
            piece = Markup('<span class="heading">{}</span>').format(piece)
        parts["before" if right <= first else "after" if left >= last else "mark"] += piece
    tag = Markup("h3" if len(touched) == 1 and touched[0].heading else "div" if len(touched) > 1 else "p")
    whole = Markup('<{0} class="quoted">{before}<mark id="quote">{mark}</mark>{after}</{0}>')
    return whole.format(tag, **parts)


def _based_on_html(article: Article) -> Markup:
    """What the article itself names as its sources, where it does."""
    if not article.sources:
        return Markup("")
    rows = Markup("").join(Markup("<li>{}</li>").format(inert(source)) for source in article.sources)
    return Markup('<footer class="based-on"><h3>Sources named by the article</h3><ul>{}</ul></footer>').format(rows)
