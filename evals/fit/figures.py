"""What a fitted model is worth on questions it has not seen: tables with bootstrap intervals over topics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.metrics import roc_auc_score

from assistant.evidence import FEATURES, VECTOR_FEATURES, WORD_FEATURES
from evals.fit.data import SEED, Question
from evals.fit.regression import Model, confidence, fit

SAMPLES = 500  # bootstrap resamples
NAMES = ("names_absent", "absent", "names_elsewhere", "names_off_sentence")
FORM = ("typed", "fits", "no_number")
DROPPED: dict[str, dict[str, tuple[str, ...]]] = {
    "with ranker": {
        "all features": (),
        "ranker alone": (*WORD_FEATURES, *VECTOR_FEATURES),
        "without ranker's score": ("read",),
        "without token vectors": VECTOR_FEATURES,
        "without reading on": tuple(name for name in VECTOR_FEATURES if name.startswith("read_on_")),
        "without the sentence alone": ("cosine", "late", "late_least"),
        "without names and numbers": NAMES,
        "without absent from article": ("names_absent", "absent"),
        "without names in context": ("names_elsewhere", "names_off_sentence"),
        "without the form of answer": FORM,
    },
    "without ranker": {
        "all features": (),
        "without token vectors": VECTOR_FEATURES,
        "without reading on": tuple(name for name in VECTOR_FEATURES if name.startswith("read_on_")),
        "without the sentence alone": ("cosine", "late", "late_least"),
        "without cosine": ("cosine", "read_on_cosine"),
        "without names and numbers": NAMES,
        "without absent from article": ("names_absent", "absent"),
        "without names in context": ("names_elsewhere", "names_off_sentence"),
        "without the form of answer": FORM,
    },
}


def bootstrap(questions: list[Question], figure: Callable[[NDArray[np.int64]], float]) -> list[float]:
    """A figure over all questions and its 95 % interval over resampled topics."""
    topics: dict[str, list[int]] = {}
    for number, question in enumerate(questions):
        topics.setdefault(question.topic, []).append(number)
    groups, rng = [np.array(group) for group in topics.values()], np.random.default_rng(SEED)
    draws = [np.concatenate([groups[i] for i in rng.integers(0, len(groups), len(groups))]) for _ in range(SAMPLES)]
    low, high = np.nanpercentile([figure(draw) for draw in draws], [2.5, 97.5])
    return [round(float(value), 3) for value in (figure(np.arange(len(questions))), low, high)]


def is_first(model: Model, question: Question, *, own_article: bool = False) -> bool:
    """Whether the best candidate, of all or of the gold article's, answers."""
    logits = model.logits(question)
    if own_article and len(question.keys):
        logits = np.where([key == question.near for key, _ in question.keys], logits, -np.inf)
    return bool(len(question.keys)) and bool(question.right[int(np.argmax(logits))])


def report(model: Model, questions: list[Question], answer: float) -> dict[str, dict[str, Any]]:
    """Per set and kind: AUROC against the set's answerable questions, right decisions at ``answer``, right sentence first."""
    figures: dict[str, dict[str, Any]] = {}
    for source, kind, answerable in dict.fromkeys((q.source, q.kind, q.answerable) for q in questions):
        mine = [q for q in questions if q.source == source and q.kind == kind and q.answerable is answerable]
        best = confidence(model, mine)
        decided = (best >= answer) == answerable
        row: dict[str, Any] = {"questions": len(mine), "topics": len({q.topic for q in mine})}
        row["decided right"] = bootstrap(mine, lambda draw, decided=decided: float(decided[draw].mean()))  # type: ignore[misc]
        if answerable:
            first, within = (np.array([is_first(model, q, own_article=own) for q in mine]) for own in (False, True))
            row["right first"] = bootstrap(mine, lambda draw, first=first: float(first[draw].mean()))  # type: ignore[misc]
            row["first in article"] = bootstrap(mine, lambda draw, within=within: float(within[draw].mean()))  # type: ignore[misc]
        else:
            both = mine + [q for q in questions if q.source == source and q.answerable]
            row["auroc"] = bootstrap(both, auroc(model, both))
        figures[label(source, kind, answerable)] = row
    return figures


def auroc(model: Model, questions: list[Question]) -> Callable[[NDArray[np.int64]], float]:
    """AUROC of answerable against unanswerable as a function of the drawn questions; nan where a draw has one side only."""
    best = confidence(model, questions)
    answerable = np.array([question.answerable for question in questions])

    def figure(draw: NDArray[np.int64]) -> float:
        mixed = 0 < answerable[draw].sum() < len(draw)
        return float(roc_auc_score(answerable[draw], best[draw])) if mixed else float("nan")

    return figure


def calibration(model: Model, questions: list[Question]) -> dict[str, dict[str, Any]]:
    """Per set and over all: the share of answerable questions, the mean confidence, and the calibration error.

    The error is the mean distance of confidence and share of answerable questions in 15 bins of equally many questions.
    """
    rows: dict[str, dict[str, Any]] = {}
    for source in (*dict.fromkeys(q.source for q in questions), "all"):
        mine = [q for q in questions if source in (q.source, "all")]
        best, answerable = confidence(model, mine), np.array([q.answerable for q in mine], float)
        bins = [part for part in np.array_split(np.argsort(best, kind="stable"), 15) if len(part)]
        error = sum(len(part) * abs(best[part].mean() - answerable[part].mean()) for part in bins) / len(mine)
        rows[source] = {
            "questions": len(mine),
            "answerable": round(float(answerable.mean()), 3),
            "mean confidence": round(float(best.mean()), 3),
            "calibration error": round(float(error), 3),
        }
    return rows


def ablate(kind: str, fitting: list[Question], reporting: list[Question]) -> dict[str, dict[str, float]]:
    """Mean AUROC and mean share of right-sentence-first on the reporting halves, with groups of features left out."""
    result = {}
    for name, dropped in track(DROPPED[kind].items(), "ablation"):
        model = fit(fitting, [i for i, feature in enumerate(FEATURES[kind]) if feature not in dropped])
        row: dict[str, float] = {}
        for source, made in sorted({(q.source, q.kind) for q in reporting if not q.answerable}):
            both = [q for q in reporting if q.source == source and (q.answerable or q.kind == made)]
            row[f"{source} {made}"] = round(auroc(model, both)(np.arange(len(both))), 3)
        firsts = {
            source: float(np.mean([is_first(model, q) for q in reporting if q.source == source and q.answerable]))
            for source in dict.fromkeys(q.source for q in reporting)
        }
        mean = {
            "auroc": round(float(np.mean(list(row.values()))), 3),
            "right first": round(float(np.mean(list(firsts.values()))), 3),
        }
        result[name] = mean | row | {f"{source} first": round(share, 3) for source, share in firsts.items()}
    return result


def show(title: str, rows: dict[str, dict[str, Any]], console: Console) -> None:
    """Print rows of figures as a table; a list is a figure with its interval."""
    table = Table("", *dict.fromkeys(column for row in rows.values() for column in row), title=title)
    for name, row in rows.items():
        cells = [row.get(str(column.header), "") for column in table.columns[1:]]
        table.add_row(name, *(f"{c[0]:.3f} [{c[1]:.3f}, {c[2]:.3f}]" if isinstance(c, list) else str(c) for c in cells))
    console.print(table)


def decisions(model: Model, questions: list[Question]) -> dict[str, dict[str, Any]]:
    """Per set and kind the share of right decisions when answering from a threshold on, for a row of thresholds."""
    rows: dict[str, dict[str, Any]] = {}
    for source, kind, answerable in dict.fromkeys((q.source, q.kind, q.answerable) for q in questions):
        best = confidence(
            model, [q for q in questions if (q.source, q.kind, q.answerable) == (source, kind, answerable)]
        )
        shares = {
            f"{at / 100:.2f}": round(float(((best >= at / 100) == answerable).mean()), 3) for at in range(25, 80, 5)
        }
        rows[label(source, kind, answerable)] = shares
    return rows


def count_statements(model: Model, questions: Sequence[Question], answer: float) -> dict[str, dict[str, Any]]:
    """What further statements bring: for each least share of the best one's probability, how many statements an answered
    answerable question gets, how often one of them is right, and how many of them are. At most three, all above ``answer``.
    """
    rows: dict[str, dict[str, Any]] = {}
    for share in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        counts, hits, rights = [], [], []
        for question in questions:
            chances = 1 / (1 + np.exp(-model.logits(question)))
            if not question.answerable or chances.max() < answer:
                continue
            order = np.argsort(-chances, kind="stable")[:3]
            kept = [i for i in order if chances[i] >= max(answer, share * chances.max())]
            counts.append(len(kept))
            hits.append(bool(question.right[kept].any()))
            rights.append(float(question.right[kept].mean()))
        asked = max(len(counts), 1)
        rows[f"{share:.1f}"] = {
            "statements": round(sum(counts) / asked, 3),
            "one is right": round(sum(hits) / asked, 3),
            "share right": round(sum(rights) / asked, 3),
        }
    return rows


def label(source: str, kind: str, answerable: bool) -> str:
    """How a group of questions is called in the tables."""
    return f"{source}: {'answerable' if answerable else 'unanswerable' if kind == 'plain' else kind}"
