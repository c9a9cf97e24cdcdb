"""The report of a run: one file that loads nothing, is the same for the same cases, and shows mistakes in the stated order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from evals import curves, metrics
from evals.report import pictures, worst, write_report
from evals.run import ENGINES, Case
from evals.schema import Question
from evals.score import Score
from evals.summary import summarise

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'{{ 7 * 7 }}\0"
QUOTE = "The copper rooster was found in the rubble."
RUN: dict[str, Any] = {
    "identity": {
        "settings": "5e77195",
        "encoder": "MiniLM",
        "ranker": "ranker-1",
        "corpus": "c04b05",
        "code": "c0de",
        "questions": "9e57",
        "versions": {"chromadb": "1.5.9", "python": "3.11.9"},
    },
    "settings": {"dense_weight": 0.4, "answer_threshold": None},
    "commit": "0123456789ab",
    "machine": "x86_64, Linux",
    "ids": [],
    "peak_mb": 1234.5,
}


def case(
    name: str,
    *,
    right: bool,
    confidence: float,
    answerable: bool = True,
    declined: bool = False,
    held_back: bool = False,
) -> Case:
    """A case in story ``name`` up to the dash. ``held_back``: whether the answer that a decline held back is right."""
    citation = {"article_id": "a.md", "start": 0, "end": len(QUOTE), "quote": QUOTE, "title": "Fire"}
    citation |= {
        "source": "Sample Wire",
        "published": "2019-04-17",
        "updated": None,
        "version": "v",
        "url": "https://x.org",
    }
    share = float(right and answerable and not declined)
    would_be = Score(held_back, float(held_back), held_back, 1.0, 1.0) if declined and answerable else None
    return Case(
        id=name,
        story=name.partition("-")[0],
        kind="fact" if answerable else "absent-fact",
        split="dev",
        question=f"What of {name}?",
        answerable=answerable,
        answer={
            "asked_as": f"What of {name}?",
            "outcome": "decline" if declined else "answer",
            "abstained": declined,
            "reason": "Nothing fits." if declined else "",
            "confidence": confidence,
            "statements": [] if declined else [{"text": QUOTE, "support": 0.9, "citations": [citation]}],
            "nearest": [{"article_id": "a.md", "title": "Near", "source": None, "published": None}],
        },
        score=Score(right, share, bool(share), share, share),
        ranks=dict.fromkeys(ENGINES, (1, None) if answerable else ()),
        articles=dict.fromkeys(ENGINES, ("a.md", "b.md")),
        best_passage=right,
        gold_articles=("a.md",) if answerable else (),
        would_be=would_be,
        seconds={"search": 0.01, "read": 0.2, "ask": 0.21},
    )


CASES = [
    *(case(f"owl-{n}", right=True, confidence=0.7 + n / 100) for n in range(10)),
    *(case(f"ship-{n}", right=True, confidence=0.1 + n / 100, answerable=False, declined=True) for n in range(6)),
    case("fire-1", right=False, confidence=0.6),
    case("fire-2", right=False, confidence=0.9, answerable=False),
    case("bank-1", right=False, confidence=0.4, declined=True),
    case("bank-2", right=False, confidence=0.45, declined=True, held_back=True),
    case("bank-3", right=False, confidence=0.3, declined=True, held_back=True),
    case("bank-4", right=False, confidence=0.2, declined=True),
]


def question(of: Case, **gold: Any) -> Question:
    """The question of a case with its gold."""
    given = {"id": of.id, "story": of.story, "kind": of.kind, "question": of.question, "answerable": of.answerable}
    return Question.model_validate(given | gold)


def page(folder: Path, cases: Sequence[Case] = CASES, **options: Any) -> str:
    """The report as written."""
    path = folder / "report.html"
    write_report(path, cases, run=RUN, **options)
    return path.read_text(encoding="utf-8")


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(text: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(text)
    return parser.found


@pytest.fixture(scope="module", autouse=True)
def few_draws() -> Iterator[None]:
    """Fewer resampled stories: the intervals are tested elsewhere, and a report makes a hundred of them."""
    with pytest.MonkeyPatch.context() as patch:
        assert metrics.bootstrap.__kwdefaults__
        patch.setitem(metrics.bootstrap.__kwdefaults__, "samples", 40)
        yield


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A report with everything in it: baseline, gold, a broken promise and hostile text."""
    before = [replace(c, score=replace(c.score, right=not c.score.right)) if c.id == "owl-3" else c for c in CASES]
    cases = [replace(c, question=f"What {HOSTILE}?") if c.id == "fire-1" else c for c in CASES]
    cases[-1] = replace(cases[-1], score=replace(cases[-1].score, broken=(f"quotes {HOSTILE}",)))
    evidence = [[{"article": "a.md", "quote": QUOTE, "start": 0, "end": len(QUOTE)}]]
    evidence += [[{"article": "b.md", "quote": HOSTILE.replace("\0", ""), "start": 0, "end": 9}]]
    gold = [
        question(CASES[16], evidence=evidence, points=[["rubble"], ["286", "two hundred"]], as_of="2019-05-01"),
        question(CASES[17], why_not="No article says so.", nearest="near.md"),
    ]
    return page(tmp_path_factory.mktemp("report"), cases, baseline=before, questions=gold)


def test_every_section_is_there(report: str) -> None:
    ids = [given["id"] for tag, given in tags(report) if tag == "section" and "id" in given]
    assert ids == [
        *("summary", "run", "answers", "retrieval", "declining"),
        *("calibration", "rules", "speed", "promises", "worst", "comparison"),
    ]
    links = {given["href"] for tag, given in tags(report) if tag == "a"}
    assert links == {f"#{name}" for name in ids[1:]}


def test_nothing_is_loaded_from_elsewhere(report: str) -> None:
    for tag, given in tags(report):
        assert tag not in ("script", "link", "img", "iframe", "object", "embed", "base", "form")
        for name, value in given.items():
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href", "action"):
                assert (value or "").startswith("#")
    assert not re.search(r"(?:src|href|url|@import)\W{0,3}(?:https?:)?//", report)
    assert "default-src 'none'" in report


def test_hostile_text_is_shown_and_inert(report: str) -> None:
    assert "<script" not in report
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;" in report
    assert "{{ 7 * 7 }}" in report
    assert "\0" not in report


def test_plots_have_a_text_alternative_a_caption_and_ids_of_their_own(report: str) -> None:
    found = tags(report)
    labels = [given["aria-label"] for tag, given in found if tag == "svg" and given["role"] == "img"]
    assert len(labels) == 6
    assert all(label and len(label) > 30 for label in labels)
    assert report.count("<figcaption>") == 6
    ids = [given["id"] for _, given in found if "id" in given]
    assert len(ids) == len(set(ids))
    references = set(re.findall(r'(?:href="#|url\(#)([^")]+)', report))
    assert references <= set(ids)
    assert "#01fe" not in report
    assert "var(--accent)" in report


def test_pictures_stand_alone_in_a_light_and_a_dark_page() -> None:
    drawn = pictures(CASES)
    assert list(drawn) == ["risk", "reliability"]
    for svg in drawn.values():
        root = ElementTree.fromstring(svg)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert root.attrib["aria-label"]
        used, named = set(re.findall(r"var\((--\w+)\)", svg)), re.findall(r"(--[\w-]+):", svg)
        assert used <= set(named)
        assert named.count("--accent") == 2  # by day and by night
        assert 'href="http' not in svg


def test_what_was_chosen_on_the_fit_split_is_judged_outside_it(tmp_path: Path) -> None:
    fitted = [replace(c, id=f"{c.id}-fit", story=f"{c.story}-fit", split="fit") for c in CASES[:7]]
    mixed, alone = summarise([*CASES, *fitted]), summarise(CASES)
    assert (mixed.declines, mixed.baselines, mixed.splits) == (alone.declines, alone.baselines, ("dev",))
    assert mixed.answers["all"]["right"].n == len(CASES) + 7
    assert pictures([*CASES, *fitted]) == pictures(CASES)
    text = page(tmp_path, [*CASES, *fitted])
    assert text.count("All of this section is over the dev questions.") == 3
    held = [replace(c, id=f"{c.id}-held", split="held") for c in CASES]
    assert summarise([*held, *CASES, *fitted]).over == "over the dev and held questions"


def test_a_run_of_the_fit_split_alone_says_so(tmp_path: Path) -> None:
    fitted = [replace(c, split="fit") for c in CASES]
    summary = summarise(fitted)
    assert summary.declines == summarise(CASES).declines
    assert summary.over == "over the fit questions, on which threshold and confidence were chosen"
    assert page(tmp_path, fitted).count(f"All of this section is {summary.over}.") == 3


def test_the_same_cases_give_the_same_bytes(tmp_path: Path) -> None:
    assert page(tmp_path, baseline=CASES) == page(tmp_path, baseline=CASES)


def test_the_worst_come_surest_first(report: str) -> None:
    order = ["fire-2", "fire-1", "bank-3", "bank-2", "bank-4", "bank-1"]
    found = worst(list(reversed(CASES)))
    assert [c.id for _, c in found] == order
    assert [what for what, _ in found[:3]] == ["answered wrongly"] * 2 + ["declined, holding back a right answer"]
    assert [c.id for _, c in worst(CASES, most=3)] == order[:3]
    shown = report[report.index('<section id="worst">') : report.index('<section id="comparison">')]
    assert re.findall(r'<span class="id">(\w+-\d+)</span>', shown) == order


def test_gold_stands_beside_the_answer(report: str) -> None:
    shown = report[report.index("1. answered wrongly") : report.index("3. declined")]
    assert "No article says so." in shown
    assert "near.md" in shown
    assert "Sample Wire, 17 April 2019" in shown
    assert "asked as of 1 May 2019" in shown
    marks = re.findall(r'<span class="(met|missed)">', shown)
    assert marks == ["met", "missed", "met", "missed"]  # two points, two pieces
    assert "286 / two hundred" in shown


def test_broken_promises_are_listed(report: str, tmp_path: Path) -> None:
    assert "<b>1 broken:</b>" in report
    assert "bank-4: quotes &lt;script" in report
    assert "<b>0 broken</b> in 22 answers" in page(tmp_path)


def test_the_comparison_shows_both_answers(report: str) -> None:
    shown = report[report.index('<section id="comparison">') :]
    assert "Won: right now, not in the baseline: 1" in shown
    assert "owl-3" in shown
    assert "Lost:" not in shown
    assert shown.count("<h4>Baseline</h4>") == shown.count("<h4>This run</h4>") == 1


def test_what_was_declined_and_is_answered_now_is_lost(tmp_path: Path) -> None:
    declined = case("ship-9", right=True, confidence=0.1, answerable=False, declined=True)
    answered = case("ship-9", right=False, confidence=0.9, answerable=False)
    report = page(tmp_path, [*CASES, answered], baseline=[*CASES, declined])
    shown = report[report.index('<section id="comparison">') :]
    assert "Lost: right in the baseline, not now: 1" in shown
    assert shown.count("What of ship-9?") == 1


def test_the_comparison_counts_what_it_leaves_out(tmp_path: Path) -> None:
    corrected = [replace(c, question_hash="new" if c.id == "owl-1" else "same") for c in CASES]
    before = [replace(c, question_hash="same") for c in CASES]
    said = "; left out because their words or gold were changed in between: 1."
    assert said in page(tmp_path, corrected, baseline=before)
    assert "left out" not in page(tmp_path, corrected, baseline=CASES)


def test_without_a_baseline_or_common_questions(tmp_path: Path) -> None:
    assert "No baseline was given." in page(tmp_path)
    others = [replace(c, id=f"{c.id}0") for c in CASES]
    assert "no question in common" in page(tmp_path, baseline=others)


@pytest.mark.parametrize("answerable", [True, False])
def test_questions_of_one_sort(tmp_path: Path, answerable: bool) -> None:
    text = page(tmp_path, [c for c in CASES if c.answerable is answerable])
    assert "only one sort was asked" in text
    assert ("No question here has evidence" in text) is not answerable
    assert ">nan" not in text


def test_one_case_and_none_answered(tmp_path: Path) -> None:
    assert "None: every question was dealt with rightly." in page(tmp_path, CASES[:1])
    assert "as run: coverage 0.00" in page(tmp_path, CASES[10:16]).casefold()


def test_curves_agree_with_the_measures() -> None:
    confidence = np.array([c.answer["confidence"] for c in CASES])
    first = np.array([c.if_answered.first for c in CASES])
    bins = curves.bins(CASES)
    assert sum(bin.right.n for bin in bins) == len(CASES)
    error = sum(bin.right.n * abs(bin.mean - bin.right.value) for bin in bins) / len(CASES)
    assert error == pytest.approx(metrics.calibration_error(confidence, first))
    assert sum(map(sum, curves.counts(CASES))) == len(CASES)
    decisions = curves.decision_curve(CASES)
    assert decisions.value[0] == pytest.approx(7 / 22)  # declining all: the unanswerable
    assert decisions.value[-1] == pytest.approx(12 / 22)  # answering all: 10 right and 2 held back
    assert curves.coverage(CASES) == pytest.approx(12 / 22)
    assert curves.risk(CASES).value == pytest.approx(2 / 12)
    chosen = np.searchsorted(decisions.coverage, 12 / 22 - 1e-9)
    assert decisions.value[chosen] == pytest.approx(16 / 22)  # as run: 10 right answers and 6 right declines
