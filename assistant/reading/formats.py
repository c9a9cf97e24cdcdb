"""One format each: Markdown with front matter, plain text, a JSON line → Article. Pure: no files.

Markdown: the text is what follows the front matter, marks kept. Plain text: what follows the date line and the title
line. JSON line: the field ``text``. Blank lines before the text are dropped: it starts with a line that says something.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import date
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import yaml

from assistant.errors import UnreadableFile
from assistant.reading.text import clean, decode, from_first_line, one_line
from assistant.schema import Article, Markup

_FRONT_CHARACTERS = 50_000  # a longer front matter is a mistake, and slow to parse
_FIELDS = {"title", "source", "published", "date", "updated", "url", "language", "story", "sources"}
_TITLE_CHARACTERS = 150
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(?:[Tt ]+\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?[ ]*(?:[Zz]|[+-]\d\d(?::?\d\d)?)?)?")
_MONTHS = "january february march april may june july august september october november december".split()
_NAMED = re.compile(  # October 28, 2024; Monday, 28 Oct. 2024
    r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*[.]?,?[ ]+)?"
    r"(?:([a-z]{3,9})[.]?[ ]+(\d{1,2})(?:st|nd|rd|th)?,?|(\d{1,2})(?:st|nd|rd|th)?[ ]+([a-z]{3,9})[.]?,?)[ ]+(\d{4})\b",
    re.IGNORECASE,
)
_DATED = re.compile(r"\s*date(?:\s*:\s*|\s+)(\d{4}-\d{2}-\d{2})\b", re.IGNORECASE)
_DATE_LINE = re.compile(r"[ \t]*date\b[ \t]*(:?)[ \t]*(.*)", re.IGNORECASE)
_OTHER_DAY = re.compile(r"\d{4}|\d[./-]\d")
_CLOSED = re.compile(r"[.!:;,…][\"'”’“»)\]]*$")
_HEADING = re.compile(r"^[ ]{0,3}#[ \t]+(.{1,300}?)[ \t]*#*$", re.MULTILINE)


def read_file(raw: bytes, *, path: str, language: str) -> tuple[Article, str]:
    """The article in the bytes of a Markdown or text file, and a note; its id is ``path``. Raises UnreadableFile."""
    text, note = decode(raw, language)
    if not text.strip():
        raise UnreadableFile("the file is empty", hint="Write the article into it, or remove it.")
    read = _read_plain if path.lower().endswith(".txt") else _read_markdown
    article, dropped = read(text, path, language)
    return article, joined(note, dropped)


def read_line(raw: bytes, *, language: str) -> tuple[Article, str]:
    """The article in one JSON line, and a note. Raises UnreadableFile."""
    fields, note = json_object(raw, language)
    article, dropped = article_of_json(fields, json_id(fields), language)
    return article, joined(note, dropped)


def version_of(article: Article) -> str:
    """16 hex digits of SHA-256 over text and details as canonical JSON, id and version left out."""
    details = {name: value for name, value in asdict(article).items() if name not in ("id", "version")}
    canonical = json.dumps(details, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=date.isoformat)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _read_plain(text: str, path: str, language: str) -> tuple[Article, str]:
    """A dated text (date line, title line, text) or a text that may start with a title; neither line stays in the text.

    What stands behind the date on its line (a kicker) is dropped. A date line in another form than ours need not have a
    title below it; where its day cannot be told, the note says so.
    """
    fields: dict[str, object] = {}
    title, rest, note = PurePosixPath(path).stem, from_first_line(text), ""
    dated = _DATED.match(rest)
    if dated:
        fields["published"] = dated[1]
    elif stated := _date_line(rest.partition("\n")[0]):
        fields["published"], note = stated
    if fields:
        rest = from_first_line(rest.partition("\n")[2])
    first, _, following = rest.partition("\n")
    if dated or _is_title(first, following):
        title, rest = first, following
    article, dropped = _article(fields, article_id=path, title=title, text=rest, markup="plain", language=language)
    return article, joined(note, dropped)


def _date_line(line: str) -> tuple[str | None, str] | None:
    """The day of a line like "Date: October 28, 2024", or none and a note where it is in no known form; None for other lines."""
    match = _DATE_LINE.match(line)
    if match is None:
        return None
    if (named := _NAMED.match(match[2])) and _day(named[0]):
        return named[0], ""
    return (None, _no_day(match[2])) if match[1] and _OTHER_DAY.search(match[2]) else None


def _is_title(line: str, following: str) -> bool:
    """Whether the first line of a text is its title: short, not closed, and no line that was broken at a column."""
    if not following.strip() or len(line) > _TITLE_CHARACTERS or _CLOSED.search(line.rstrip()):
        return False
    adjacent = bool(following.partition("\n")[0].strip())
    second = following.strip().partition("\n")[0]
    return not second[0].islower() and not (adjacent and len(line) >= 50 and len(second) <= 100)


def _read_markdown(text: str, path: str, language: str) -> tuple[Article, str]:
    given, body = _late_front_matter(text) or _front_matter(text)
    fields, note = _published(given)
    heading = _HEADING.search(body)
    title = heading[1] if heading else PurePosixPath(path).stem
    try:
        article, dropped = _article(
            fields, article_id=path, title=title, text=body, markup="markdown", language=language
        )
    except _BadField as error:
        lines = enumerate(text.split("\n"), start=1)
        number = next((number for number, line in lines if line.startswith(f"{error.field}:")), 1)
        raise UnreadableFile(f"line {number}: {error}", hint=error.hint) from error
    return article, joined(note, dropped)


def _published(given: Mapping[str, object]) -> tuple[dict[str, object], str]:
    """The fields of a front matter with ``published`` or else ``date`` as the day, and a note where that one is none."""
    day = _stated_day(given, "published") or _stated_day(given, "date")
    if day is not None and not _stated_day(given, "published") and _day(day) is None:
        return {**given, "published": None}, _no_day(day)
    return {**given, "published": day}, ""


def _late_front_matter(text: str) -> tuple[dict[str, object], str] | None:
    """That of ``_front_matter`` where blank lines come first; None where it would take in what may be text between two rules."""
    later = from_first_line(text)
    if later == text:
        return None
    try:
        fields, body = _front_matter(later)
    except UnreadableFile:
        return None
    return (fields, body) if fields.keys() & _FIELDS else None


def _front_matter(text: str) -> tuple[dict[str, object], str]:
    """The fields of the front matter as they are written, none if there is no front matter, and the text behind it."""
    first, _, rest = text.partition("\n")
    if first.rstrip() != "---":
        return {}, text
    end = re.search(r"^(?:---|\.\.\.)[ \t]*$", rest, re.MULTILINE)
    if not end or end.start() > _FRONT_CHARACTERS:
        raise UnreadableFile("line 1: the front matter is not closed", hint="End it with a line of three hyphens.")
    try:
        # BaseLoader is as safe as safe_load and leaves every value as written: "no" is Norwegian there, not False.
        fields = yaml.load(rest[: end.start()], Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        message = f"line {mark.line + 2 if mark else 1}: the front matter is not YAML"
        raise UnreadableFile(message, hint="Write `name: value` lines; quote a value that contains `: `.") from error
    if not isinstance(fields or {}, dict):
        raise UnreadableFile("line 2: the front matter has no fields", hint="Write `name: value` lines.")
    given = {name: value for name, value in (fields or {}).items() if value not in ("", "~", "null")}
    return given, rest[end.end() :]


def json_object(raw: bytes, language: str) -> tuple[dict[str, object], str]:
    """The object on a JSON line, and a note. Raises UnreadableFile."""
    text, note = decode(raw, language)
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        problem = (
            f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else "too deep or large"
        )
        raise UnreadableFile(f"not JSON: {problem}", hint="Write one JSON object a line.") from error
    if not isinstance(fields, dict):
        raise UnreadableFile("not a JSON object", hint='Write {"id": …, "title": …, "text": …} on one line.')
    return fields, note


def json_id(fields: Mapping[str, object]) -> str:
    """The ``id`` of a JSON line as one line of text; a whole number will do. Raises UnreadableFile."""
    value = fields.get("id")
    name = one_line(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not name:
        raise UnreadableFile("no id", hint='Every line needs an "id" that no other line has.')
    return name


def article_of_json(fields: Mapping[str, object], article_id: str, language: str) -> tuple[Article, str]:
    """The article of a JSON line, and a note; ``date``, or else ``published``, is its day. Raises UnreadableFile."""
    text = fields.get("text")
    if not isinstance(text, str):
        raise UnreadableFile("no text", hint='Every line needs a "text" that is a string.')
    details = {**fields, "published": _stated_day(fields, "date") or _stated_day(fields, "published")}
    return _article(
        details, article_id=article_id, title=article_id, text=clean(text), markup="plain", language=language
    )


class _BadField(UnreadableFile):
    """A detail of the wrong type or form."""

    def __init__(self, field: str, problem: str, *, hint: str) -> None:
        super().__init__(f"{field} {problem}", hint=hint)
        self.field = field


def _article(
    fields: Mapping[str, object], *, article_id: str, title: str, text: str, markup: Markup, language: str
) -> tuple[Article, str]:
    """The article with its version, and a note if its url was left out. ``title`` is used if the fields have none."""
    if not text.strip():
        raise UnreadableFile("no text", hint="Add the text of the article below its details.")
    url = _string(fields, "url")
    article = Article(
        id=article_id,
        version="",
        title=_string(fields, "title") or one_line(title),
        text=from_first_line(text),
        source=_string(fields, "source"),
        published=_date(fields, "published"),
        updated=_date(fields, "updated"),
        url=url if url and _is_web(url) else None,
        language=_language(fields, language),
        story=_string(fields, "story"),
        sources=_strings(fields, "sources"),
        markup=markup,
    )
    note = "" if article.url == url else f"url left out, it is not http or https: {url}"
    return replace(article, version=version_of(article)), note


def _string(fields: Mapping[str, object], name: str) -> str | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise _BadField(name, "is no text", hint=f"Write {name} as one line of text, or leave it out.")
    return one_line(value or "") or None


def _strings(fields: Mapping[str, object], name: str) -> tuple[str, ...]:
    value = fields.get(name)
    values = value if isinstance(value, list) else [] if value is None else [value]
    return tuple(filter(None, (_string({name: item}, name) for item in values)))


def _date(fields: Mapping[str, object], name: str) -> date | None:
    """The day as written, in the zone it was written in."""
    value = _stated_day(fields, name)
    day = _day(value)
    if value is not None and day is None:
        raise _BadField(name, f"is no date: {value!r:.60}", hint="Write it as YYYY-MM-DD.")
    return day


def _stated_day(fields: Mapping[str, object], name: str) -> object | None:
    """What a field says of a day, or None: ``published: true`` says none."""
    value = fields.get(name)
    return None if not value or str(value).lower() in ("true", "false") else value


def _day(value: object) -> date | None:
    """The day of a value that starts with YYYY-MM-DD or names its month in English, else None."""
    text = value.strip() if isinstance(value, str) else ""
    try:
        if match := _DATE.fullmatch(text):
            return date.fromisoformat(match[1])
        if match := _NAMED.fullmatch(text):
            month = (match[1] or match[4]).lower()
            number = next((number for number, name in enumerate(_MONTHS, 1) if name.startswith(month)), 0)
            return date(int(match[5]), number, int(match[2] or match[3]))
    except ValueError:  # the 30th of February, or a word that is no month
        pass
    return None


def _no_day(value: object) -> str:
    return f"date left out, it is in no known form: {one_line(str(value))[:60]}"


def _language(fields: Mapping[str, object], default: str) -> str:
    """The language without its region: ``en-US`` is en."""
    value = re.split("[-_]", _string(fields, "language") or default)[0].lower()
    if not re.fullmatch("[a-z]{2}", value):
        raise _BadField("language", f"is no code of two letters: {value:.60}", hint="Write en or de, for example.")
    return value


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc) and " " not in url


def joined(*notes: str) -> str:
    """The notes that say something, as one."""
    return "; ".join(filter(None, notes))
