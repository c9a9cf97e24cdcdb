"""Reading: what becomes of good files, and that each bad one is named with a reason and a hint and stops nothing."""

import hashlib
import json
import os
import unicodedata
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import UnreadableFile
from assistant.reading import (
    LINKED,
    OTHER,
    Found,
    clean,
    decode,
    ids_in,
    read_file,
    read_line,
    read_root,
    root_of,
    roots_of,
    version_of,
)
from assistant.schema import Article

MAX_BYTES = 2_000

MARKDOWN = """---
title: "Ferries: who pays?"
source: Fjord Gazette
published: 2025-03-04
updated: 2025-03-05T23:30:00-05:00
url: https://example.org/ferries
language: no
story: ferries
sources: [Harbour board, Blue Star]
---

# Ferries

The **board** has bought two ferries.
"""

DATED = """ Date 2025-03-04 Who pays?
Board buys two ferries

The board has bought two ferries.
The price is secret.
"""


def read(text: str, path: str = "a.md") -> Article:
    return read_file(text.encode(), path=path, language="en")[0]


def line(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def found(root: Path, only: Path | None = None, max_bytes: int = MAX_BYTES) -> list[Found]:
    return list(read_root(root, only=only, language="en", max_bytes=max_bytes))


def only_failure(results: list[Found]) -> str:
    """The one failure among the results as ``where: reason``; it must have a hint and no article."""
    failures = [item.failure for item in results if item.failure]
    assert len(failures) == 1
    assert all((item.article is None) == (item.failure is not None) for item in results)
    assert failures[0].hint.endswith(".")
    return f"{failures[0].where}: {failures[0].reason}"


# Formats


def test_markdown_with_front_matter() -> None:
    article = read(MARKDOWN, "sub/ferries.md")
    assert article == Article(
        id="sub/ferries.md",
        version=version_of(article),
        title="Ferries: who pays?",
        text="# Ferries\n\nThe **board** has bought two ferries.\n",
        source="Fjord Gazette",
        published=date(2025, 3, 4),
        updated=date(2025, 3, 5),
        url="https://example.org/ferries",
        language="no",
        story="ferries",
        sources=("Harbour board", "Blue Star"),
        markup="markdown",
    )


def test_the_title_falls_back_to_the_first_heading_then_the_file_name() -> None:
    assert read("---\nsource: X\n---\nText.\n\n# The *title* #\n\n# Later\n").title == "The *title*"
    assert read("Only text.", "sub/two ferries.md").title == "two ferries"


def test_empty_details_are_not_stated() -> None:
    article = read("---\nsource:\npublished: ~\nurl: null\nlanguage: ''\n---\nText.")
    assert (article.source, article.published, article.url, article.language) == (None, None, None, "en")


def test_a_dated_text_loses_date_line_and_title_line() -> None:
    article = read(DATED, "a.txt")
    assert (article.title, article.published, article.source) == ("Board buys two ferries", date(2025, 3, 4), None)
    assert article.text == "The board has bought two ferries.\nThe price is secret.\n"
    assert article.markup == "plain"


@pytest.mark.parametrize(
    ("text", "title", "start"),
    [
        ("Board buys ferries\n\nIt has bought two.", "Board buys ferries", "It has"),
        ("Board buys ferries\nIt has bought two.", "Board buys ferries", "It has"),
        ("Board buys ferries?\n\nIt has bought two.", "Board buys ferries?", "It has"),
        ("The board has bought two.\n\nThey sail in May.", "a", "The board"),
        ("The board has bought\ntwo of them.", "a", "The board"),
        ("The board of the harbour has bought two ferries of the\nBergen yard, it said.", "a", "The board"),
        ("Board buys ferries\n", "a", "Board"),
    ],
)
def test_the_first_line_of_a_text_is_its_title_if_it_looks_like_one(text: str, title: str, start: str) -> None:
    article = read(text, "a.txt")
    assert article.title == title
    assert article.text.startswith(start)


def test_a_json_line() -> None:
    raw = line(
        id="n1",
        title="T",
        date="2025-03-04T08:00:00Z",
        source="S",
        url="http://example.org",
        text="\n A.\r\nB.",
        story="f",
    )
    article, note = read_line(raw, language="de")
    assert article == Article(
        "n1",
        version_of(article),
        "T",
        " A.\nB.",
        "S",
        date(2025, 3, 4),
        url="http://example.org",
        language="de",
        story="f",
    )
    assert note == ""


def test_a_json_line_may_call_its_day_published() -> None:
    for days in ({"published": "2024-05-06"}, {"date": "2024-05-06", "published": "1999-01-01"}):
        article, _ = read_line(line(id="1", text="A.", **days), language="en")
        assert article.published == date(2024, 5, 6)


def test_a_json_line_needs_no_more_than_id_and_text() -> None:
    article, _ = read_line(line(id=17, text="A.", date=None, url="", title=None, source=""), language="en")
    assert (article.id, article.title, article.source, article.published, article.url) == ("17", "17", None, None, None)


def test_other_addresses_than_web_ones_are_left_out_with_a_note() -> None:
    for url in ("javascript:alert(1)", "file:///etc/passwd", "//example.org", "https://", "http://[", "https://a b"):
        article, note = read_line(line(id="1", text="A.", url=url), language="en")
        assert article.url is None
        assert url in note


def test_the_version_depends_on_text_and_details_but_not_on_the_id() -> None:
    assert read(MARKDOWN, "a.md").version == read(MARKDOWN, "b.md").version
    assert read(MARKDOWN.replace("two", "2")).version != read(MARKDOWN).version
    assert read(MARKDOWN.replace("Gazette", "Times")).version != read(MARKDOWN).version
    assert len(read(MARKDOWN).version) == 16


def test_the_version_is_a_hash_of_canonical_json() -> None:
    canonical = (
        '{"language":"en","markup":"markdown","published":"2025-03-04","source":null,"sources":[],"story":null,'
        '"text":"Zoë.","title":"T","updated":null,"url":null}'
    )
    version = read("---\ntitle: T\npublished: 2025-03-04\n---\nZoë.").version
    assert version == hashlib.sha256(canonical.encode()).hexdigest()[:16]


# Text and encodings


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_clean_text_is_composed_and_without_control_characters(text: str) -> None:
    cleaned = clean(text)
    assert unicodedata.is_normalized("NFC", cleaned)
    assert all(mark in "\n\t" or unicodedata.category(mark) not in ("Cc", "Cs") for mark in cleaned)
    assert clean(cleaned) == cleaned
    cleaned.encode()


def test_clean() -> None:
    assert clean("\ufeffe\u0301\r\nb\rc\0d\te\x85f\u2028g") == "é\nb\nc d\te f\ng"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_read_without_a_note(encoding: str) -> None:
    assert decode("Zoë 😀 paid €5.".encode(encoding)) == ("Zoë 😀 paid €5.", "")


@pytest.mark.parametrize(
    ("encoding", "language", "text"),
    [
        ("cp1252", "en", "The mayor’s café “plan” failed. El señor Núñez paid €5."),
        ("cp1252", "de", "Der Bürgermeister sagte „Nein“ – für 5 €."),
        ("cp1250", "cs", "Předseda vlády řekl, že příští týden přijede."),
        ("cp1251", "ru", "Президент России заявил в среду, что приедет."),
        ("shift_jis", "ja", "これは日本語の記事です。今日は天気がいい。"),
    ],
)
def test_other_encodings_are_detected_and_said(encoding: str, language: str, text: str) -> None:
    assert decode(text.encode(encoding), language) == (
        text,
        f"read as {encoding}, not UTF-8: check the accented letters",
    )


@pytest.mark.parametrize(
    "raw", [b"\x89PNG\r\n\x1a\n\0\0", b"%PDF-1.7 text", b"a\0b\0c\0d\0", b"\xff\xfea", b"ab\xff\0\xfe\x80\0"]
)
def test_bytes_that_are_no_text(raw: bytes) -> None:
    with pytest.raises(UnreadableFile, match="not a text file") as error:
        decode(raw)
    assert error.value.hint


# Bad files


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the file is empty"),
        (" \n\t\n\ufeff", "the file is empty"),
        ("---\ntitle: A\n---\n \n", "no text"),
        ("---\ntitle: A\nText.\n", "line 1: the front matter is not closed"),
        ("---\ntitle: A\nsource: B: C\n---\nText.", "line 3: the front matter is not YAML"),
        ("---\n" + "[" * 5000 + "\n---\nText.", "the front matter is not YAML"),
        ("---\n- a\n- b\n---\nText.", "line 2: the front matter has no fields"),
        ("---\ntitle: A\npublished: yesterday\n---\nText.", "line 3: published is no date: 'yesterday'"),
        ("---\nupdated: [2025-03-04]\n---\nText.", "line 2: updated is no date"),
        ("---\npublished: 2025-13-04\n---\nText.", "line 2: published is no date"),
        ("---\ntitle: [A, B]\n---\nText.", "line 2: title is no text"),
        ("---\nlanguage: english\n---\nText.", "line 2: language is no code of two letters"),
    ],
)
def test_bad_markdown(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "a.md").write_text(text)
    (tmp_path / "b.md").write_text("Good.")
    results = found(tmp_path, max_bytes=10_000)
    assert only_failure(results).startswith("a.md: ")
    assert reason in only_failure(results)
    assert [item.id for item in results] == ["a.md", "b.md"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [("date 2025-03-04\nTitle only\n", "no text"), ("date 2025-02-30 x\nTitle\nText.", "published is no date")],
)
def test_bad_dated_text(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "a.txt").write_text(text)
    assert reason in only_failure(found(tmp_path))


@pytest.mark.parametrize(
    ("bad", "reason", "article_id"),
    [
        (b"{oops", "not JSON: Expecting property name", None),
        (b"[" * 900, "not JSON", None),
        (b'["a"]', "not a JSON object", None),
        (line(text="A."), "no id", None),
        (line(id=" ", text="A."), "no id", None),
        (line(id=True, text="A."), "no id", None),
        (line(id="x"), "no text", "x"),
        (line(id="x", text=" \n"), "no text", "x"),
        (line(id="x", text=["A."]), "no text", "x"),
        (line(id="x", text="A.", date="4 March"), "published is no date", "x"),
        (line(id="x", text="A.", date=20250304), "published is no date", "x"),
        (line(id="x", text="A.", language="eng"), "language is no code", "x"),
        (line(id="n1", text="Again."), "the id n1 came before, in a.jsonl:1", "n1"),
        (line(id="x", text="A" * MAX_BYTES), "larger than 2,000 bytes", None),
        (b" " * 200_000, "larger than 2,000 bytes", None),
        (b"\x89PNG\0\0\0", "not a text file", None),
    ],
)
def test_a_bad_json_line_is_named_and_the_next_ones_are_read(
    tmp_path: Path, bad: bytes, reason: str, article_id: str | None
) -> None:
    good = [line(id="n1", text="One."), line(id="n2", text="Two.")]
    (tmp_path / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + good[0] + b"\r\n\n" + bad + b"\n" + good[1])
    results = found(tmp_path)
    assert only_failure(results).startswith("a.jsonl:3: ")
    assert reason in only_failure(results)
    assert [item.id for item in results] == ["n1", article_id, "n2"]


def test_a_line_of_exactly_the_limit_is_read(tmp_path: Path) -> None:
    raw = line(id="x", text="A.")
    for end in (b"", b"\n", b"\r\n"):
        (tmp_path / "a.jsonl").write_bytes(raw + end)
        assert [bool(item.article) for item in found(tmp_path, max_bytes=len(raw))] == [True]
        assert "larger than" in only_failure(found(tmp_path, max_bytes=len(raw) - 1))


def test_json_lines_without_a_line_or_in_utf_16(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"\n \n")
    assert "no line with an article" in only_failure(found(tmp_path))
    (tmp_path / "a.jsonl").write_bytes(line(id="x", text="A.").decode().encode("utf-16"))
    assert "not in UTF-8" in only_failure(found(tmp_path))


def test_a_file_above_the_limit_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("A" * MAX_BYTES)
    assert len(found(tmp_path)) == 1
    with (tmp_path / "a.md").open("wb") as stream:
        stream.truncate(10**12)  # sparse: reading it whole would not end
    assert only_failure(found(tmp_path)) == "a.md: larger than 2,000 bytes"


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.md", "b.jsonl", "c.txt"):
        (tmp_path / name).write_text("Text.")
    opened = Path.open

    def refuse(self: Path, mode: str) -> object:
        if self.name != "c.txt":
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, mode)

    monkeypatch.setattr(Path, "open", refuse)
    results = found(tmp_path)
    assert [item.failure.reason if item.failure else "" for item in results] == [
        "cannot be read: Permission denied"
    ] * 2 + [""]
    assert [item.id for item in results] == ["a.md", None, "c.txt"]


# Roots


def test_a_folder_is_read_in_order_without_hidden_files_and_loops(tmp_path: Path) -> None:
    for name in ("b/z.md", "b/a.TXT", "a.markdown", "README.md", ".hidden.md", ".git/c.md", "b/x.pdf", "b-c.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("Text.")
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.md").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.md")
    results = found(tmp_path)
    assert [item.path for item in results] == ["README.md", "a.markdown", "b-c.md", "b/a.TXT", "b/z.md", "gone.md"]
    assert only_failure(results).startswith("gone.md: cannot be read")
    assert [item.article.id for item in results if item.article] == [item.path for item in results][:-1]


def test_only_narrows_a_root_and_keeps_its_ids(tmp_path: Path) -> None:
    for name in ("a.md", "sub/b.md", "sub/c.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("Text.")
    assert [item.id for item in found(tmp_path, tmp_path / "sub")] == ["sub/b.md", "sub/c.md"]
    assert [item.id for item in found(tmp_path, tmp_path / "sub" / "c.md")] == ["sub/c.md"]


def test_one_file_is_a_root_too(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(line(id="n1", text="One."))
    (tmp_path / "b.md").write_text("Text.")
    assert [(item.path, item.id) for item in found(tmp_path / "a.jsonl")] == [("a.jsonl", "n1")]
    assert [(item.path, item.id) for item in found(tmp_path / "b.md")] == [("b.md", "b.md")]


def test_the_id_of_a_decomposed_file_name_is_composed(tmp_path: Path) -> None:
    (tmp_path / "e\u0301.md").write_text("Text.")
    assert [item.id for item in found(tmp_path)] == ["é.md"]


def test_an_id_in_two_files_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(line(id="n1", text="One."))
    (tmp_path / "b.jsonl").write_bytes(line(id="n1", text="Two."))
    assert only_failure(found(tmp_path)) == "b.jsonl:1: the id n1 came before, in a.jsonl:1"


@pytest.mark.parametrize(
    ("root", "only", "message"),
    [
        ("missing", None, "does not exist"),
        ("sub", "missing.md", "does not exist"),
        ("sub", "a.pdf", "is of no kind that can be read"),
        ("a.pdf", None, "is of no kind that can be read"),
        ("empty", None, "no articles in"),
        ("sub", ".hidden.md", "is hidden"),
        ("empty", "sub/a.md", "is not in"),
        ("nul\0", None, "does not exist"),
        ("x" * 300, None, "cannot be read"),
    ],
)
def test_what_was_named_and_cannot_be_used_raises_at_the_call(
    tmp_path: Path, root: str, only: str | None, message: str
) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("a.pdf", "sub/a.md", "sub/a.pdf", "sub/.hidden.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("Text.")
    below = None if only is None else tmp_path / only if "/" in only else tmp_path / root / only
    with pytest.raises(UnreadableFile, match=message) as error:
        read_root(tmp_path / root, only=below, language="en", max_bytes=MAX_BYTES)
    assert error.value.hint.endswith(".")


def test_root_of(tmp_path: Path) -> None:
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    file = tmp_path / "sub" / "deep" / "a.md"
    file.write_text("Text.")
    top = tmp_path.resolve()
    assert root_of(file, []) == top / "sub" / "deep"
    assert root_of(tmp_path / "sub", []) == top / "sub"
    assert root_of(file, [tmp_path, tmp_path / "sub", tmp_path / "other"]) == top / "sub"
    assert root_of(tmp_path / "sub" / ".." / "sub", [tmp_path / "sub" / "deep"]) == top / "sub"
    assert root_of(tmp_path / "sub-two" / "a.md", [tmp_path / "sub"]) == top / "sub-two"
    assert root_of(file, [file]) == top / "sub" / "deep" / "a.md"


def test_a_known_root_that_hides_the_path_or_does_not_answer_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    articles, dead = tmp_path / ".reader" / "articles", tmp_path / "dead"
    articles.mkdir(parents=True)
    (articles / "a.md").write_text("Text.")
    is_dir = Path.is_dir

    def refuse(self: Path) -> bool:
        if "dead" in self.parts:
            raise OSError(107, "Transport endpoint is not connected", str(self))
        return is_dir(self)

    monkeypatch.setattr(Path, "is_dir", refuse)
    assert root_of(articles, [tmp_path, dead]) == articles
    assert [item.id for item in found(root_of(articles, [tmp_path]))] == ["a.md"]
    with pytest.raises(UnreadableFile, match="Transport endpoint") as error:
        root_of(dead, [tmp_path])
    assert error.value.hint.endswith(".")


def test_roots_around_and_inside_a_folder(tmp_path: Path) -> None:
    news, year, month = tmp_path / "news", tmp_path / "news" / "2024", tmp_path / "news" / "2024" / "05"
    month.mkdir(parents=True)
    known = [month, tmp_path / "other", news, year / ".drafts"]
    assert roots_of(year, known) == [news, month]
    assert roots_of(year, []) == [year]
    assert roots_of(month, known) == [month, news]


def test_what_is_left_out_of_a_folder_is_counted(tmp_path: Path) -> None:
    for name in ("a.md", "a.html", "sub/b.HTML", "b.pdf", "LICENSE", "Dr. Smith said so", ".hidden.html", ".git/c.pdf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("Text.")
    (tmp_path / "sub" / "loop").symlink_to(tmp_path)
    counts: Counter[str] = Counter()
    assert len(list(read_root(tmp_path, language="en", max_bytes=MAX_BYTES, left_out=counts))) == 1
    assert counts == {".html": 2, ".pdf": 1, OTHER: 2, LINKED: 1}


def test_the_ids_that_a_file_has(tmp_path: Path) -> None:
    (tmp_path / "e\u0301.jsonl").write_bytes(line(id="n1", text="One.") + b"\n" + line(id="n2", text="Two."))
    (tmp_path / "broken.jsonl").write_bytes(line(id="n1", text="One.") + b"\n{oops\n")
    assert ids_in(tmp_path, "broken.jsonl", language="en", max_bytes=MAX_BYTES) is None
    (tmp_path / "a.md").write_text("Text.")
    ids = {
        path: ids_in(tmp_path, path, language="en", max_bytes=MAX_BYTES)
        for path in ("é.jsonl", "a.md", "b.md", "a.md/b")
    }
    none: frozenset[str] = frozenset()
    assert ids == {"é.jsonl": frozenset({"n1", "n2"}), "a.md": frozenset({"a.md"}), "b.md": none, "a.md/b": none}


@pytest.mark.parametrize(
    ("front", "published", "note"),
    [
        ("\n \n---\ntitle: T\npublished: 2024-10-28\n---\n", date(2024, 10, 28), ""),
        ("---\ndate: 2024-10-28 08:30:00 +0100\n---\n", date(2024, 10, 28), ""),
        ("---\ndate: October 28, 2024\n---\n", date(2024, 10, 28), ""),
        ("---\ndate: 2024-10-28\npublished: 2024-10-27\n---\n", date(2024, 10, 27), ""),
        ("---\npublished: true\ndate: 2024-10-28\n---\n", date(2024, 10, 28), ""),
        ("---\npublished: False\n---\n", None, ""),
        ("---\ndate: last week\n---\n", None, "date left out, it is in no known form: last week"),
    ],
)
def test_the_day_of_a_front_matter(front: str, published: date | None, note: str) -> None:
    article, said = read_file(f"{front}Text.".encode(), path="a.md", language="en")
    assert (article.published, article.text, said) == (published, "Text.", note)


@pytest.mark.parametrize("text", ["---\nA rule.\n---\nText.", "---\nNote: a rule.\n---\nText.", "---\nText."])
def test_rules_below_blank_lines_are_text(text: str) -> None:
    assert read(f"\n\n{text}").text == text


def test_a_json_line_that_is_published_and_dated() -> None:
    article, _ = read_line(line(id="1", text="A.", published=True), language="en")
    assert article.published is None
    article, _ = read_line(line(id="1", text="A.", published=False, date="2024-05-06"), language="en")
    assert article.published == date(2024, 5, 6)


@pytest.mark.parametrize(
    ("first", "published", "note"),
    [
        ("Date: October 28, 2024", date(2024, 10, 28), ""),
        ("DATE: Monday, 28th Oct. 2024, 10:15", date(2024, 10, 28), ""),
        ("Date:2024-10-28", date(2024, 10, 28), ""),
        ("Date: 10/05/2024", None, "date left out, it is in no known form: 10/05/2024"),
        ("Date: February 30, 2024", None, "date left out, it is in no known form: February 30, 2024"),
    ],
)
def test_a_date_line_is_no_title(first: str, published: date | None, note: str) -> None:
    raw = f"{first}\n\nBoard buys ferries\n\nIt has bought two.\n".encode()
    article, said = read_file(raw, path="a.txt", language="en")
    assert (article.title, article.published, said) == ("Board buys ferries", published, note)
    assert article.text == "It has bought two.\n"


def test_a_text_with_a_date_line_need_not_have_a_title() -> None:
    article = read("Date: October 28, 2024\n\nThe board has bought two ferries.\n\nThey sail in May.\n", "a.txt")
    assert (article.title, article.published) == ("a", date(2024, 10, 28))
    assert article.text.startswith("The board")


@pytest.mark.parametrize("title", ["Date night for two", "Date: the fruit of the desert", "Dated 2024"])
def test_a_title_that_starts_like_a_date_line(title: str) -> None:
    assert read(f"{title}\n\nIt is a fine one.\n", "a.txt").title == title


@pytest.mark.parametrize(("stated", "language"), [("en-US", "en"), ("pt_BR", "pt"), ("DE", "de")])
def test_a_language_is_read_without_its_region(stated: str, language: str) -> None:
    assert read(f"---\nlanguage: {stated}\n---\nText.").language == language
