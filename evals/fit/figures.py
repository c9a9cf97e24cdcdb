"""What a fitted model is worth on questions it has not seen: tables with bootstrap intervals over topics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.metrics import roc_auc_score

from assistant.evidence import FEATURES, VECTOR_FEATURES, WORD_FEATURES
from assistant.settings import Settings
from evals import metrics
from evals.fit.data import Question
from evals.fit.regression import GRID, Model, confidence, fit, is_first
from evals.metrics import Interval, calibration_error

SAMPLES = metrics.SAMPLES  # bootstrap resamples
COSTS = ("wrong of the answers", "answered of the answerable", "answered rightly of these", "declined of the others")
DROPPED: dict[str, dict[str, tuple[str, ...]]] = {
    "with ranker": {
        "all features": (),
        "ranker alone": (*WORD_FEATURES, *VECTOR_FEATURES),
        "without ranker's score": ("read",),
        "without token vectors": VECTOR_FEATURES,
        "without names and numbers": WORD_FEATURES,
    },
    "without ranker": {
        "all features": (),
        "without token vectors": VECTOR_FEATURES,
        "without cosine": ("cosine",),
        "without names and numbers": WORD_FEATURES,
    },
}


def bootstrap(questions: list[Question], figure: Callable[[NDArray[np.int64]], float]) -> list[float]:
    """A figure from 0 to 1 over all questions and the ends of its 95 % interval over resampled topics."""
    return _rounded(metrics.bootstrap([question.topic for question in questions], figure))


def share(questions: list[Question], holds: NDArray[np.bool_]) -> list[float]:
    """The share of the questions for which this holds, and the ends of its interval, as ``bootstrap`` gives them."""
    return _rounded(metrics.bootstrap_share([question.topic for question in questions], holds.tolist()))


def _rounded(found: Interval) -> list[float]:
    return [round(value, 3) for value in (found.value, found.low, found.high)]


def report(model: Model, questions: list[Question], answer: float) -> dict[str, dict[str, Any]]:
    """Per set and kind: AUROC against the set's answerable questions, right decisions at ``answer``, right sentence first."""
    figures: dict[str, dict[str, Any]] = {}
    for source, kind, answerable in dict.fromkeys((q.source, q.kind, q.answerable) for q in questions):
        mine = [q for q in questions if q.source == source and q.kind == kind and q.answerable is answerable]
        best = confidence(model, mine)
        decided = (best >= answer) == answerable
        row: dict[str, Any] = {"questions": len(mine), "topics": len({q.topic for q in mine})}
        row["decided right"] = share(mine, decided)
        if answerable:
            first, within = (np.array([is_first(model, q, own_article=own) for q in mine]) for own in (False, True))
            row["right first"], row["first in article"] = share(mine, first), share(mine, within)
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
    """Per set and over all: the share whose best sentence answers, the mean confidence, and the calibration error.

    The error is the mean distance of confidence and that share in 15 bins of equally many questions.
    """
    rows: dict[str, dict[str, Any]] = {}
    for source in (*dict.fromkeys(q.source for q in questions), "all"):
        mine = [q for q in questions if source in (q.source, "all")]
        best, first = confidence(model, mine), np.array([is_first(model, q) for q in mine])
        rows[source] = {
            "questions": len(mine),
            "answerable": round(float(np.mean([q.answerable for q in mine])), 3),
            "best sentence answers": round(float(first.mean()), 3),
            "mean confidence": round(float(best.mean()), 3),
            "calibration error": round(calibration_error(best, first), 3),
        }
    return rows


def targets(model: Model, fitting: list[Question], reporting: list[Question]) -> dict[str, dict[str, Any]]:
    """For each share of wrong answers to be kept to, and of unanswerable questions to be declined: the least threshold that does
    so on the fitting questions, and what it costs on both. An answer is wrong where its best sentence does not answer.
    """
    wanted: dict[str, Callable[[dict[str, float]], bool]] = {}
    for share in (0.1, 0.2, 0.3, 0.4, 0.5):
        wanted[f"at most {share:.0%} wrong"] = lambda cost, share=share: cost["wrong of the answers"] <= share  # type: ignore[misc]
    for share in (0.75, 0.8, 0.85, 0.9, 0.95):
        wanted[f"{share:.0%} declined"] = lambda cost, share=share: cost["declined of the others"] >= share  # type: ignore[misc]
    fit_costs = {at: _costs(model, fitting, at) for at in GRID}
    rows: dict[str, dict[str, Any]] = {}
    for name, reached in wanted.items():
        at = next((at for at, cost in fit_costs.items() if reached(cost)), None)
        if at is not None:
            costs = {"fit": fit_costs[at], "dev": _costs(model, reporting, at)}
            row = {f"{half}: {what}": value for half, cost in costs.items() for what, value in cost.items()}
            rows[name] = {"answer at": float(at)} | row
    return rows


def _costs(model: Model, questions: list[Question], at: float) -> dict[str, float]:
    said = confidence(model, questions) >= at
    first = np.array([is_first(model, question) for question in questions])
    answerable = np.array([question.answerable for question in questions])
    wrong = float((~first[said]).mean()) if said.any() else 0.0
    shares = (wrong, said[answerable].mean(), (said & first)[answerable].mean(), (~said)[~answerable].mean())
    return {name: round(float(share), 3) for name, share in zip(COSTS, shares, strict=True)}


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


def markdown(both: Mapping[str, Any]) -> dict[str, str]:
    """The README's tables of the fitted coefficients, by the name of their marks, from the JSON that the fit writes."""
    ours, plain = (both[kind]["figures"] for kind in ("with ranker", "without ranker"))
    columns = {"right sentence first": "right first", "AUROC": "auroc"}
    head = ["set", "questions (topics)", *(name for column in columns for name in (column, "without ranker"))]
    reporting = [
        [name, f"{row['questions']} ({row['topics']})"]
        + [_interval(of["reporting"][name].get(key)) for key in columns.values() for of in (ours, plain)]
        for name, row in ours["reporting"].items()
    ]
    costs = ["answer at", *(f"{half}: {what}" for half in ("fit", "dev") for what in COSTS)]
    chosen = both["with ranker"]["thresholds"]["answer"]
    targets_ = [
        [f"**{name}**" if row["answer at"] == chosen else name, *(f"{row[column]:.2f}" for column in costs)]
        for name, row in ours["targets"].items()
    ]
    shares = ["answerable", "best sentence answers", "mean confidence", "calibration error"]
    calibrated = [
        [name, str(row["questions"]), *(f"{row[column]:.2f}" for column in shares)]
        for name, row in ours["calibration"].items()
    ]
    return {
        "fit:sets": _lines([head, *reporting]),
        "fit:targets": _lines([["target on the fit split", *costs], *targets_]),
        "fit:calibration": _lines([["set", "questions", *shares], *calibrated]),
    }


def _interval(found: Sequence[float] | None) -> str:
    return f"{found[0]:.2f} [{found[1]:.2f}, {found[2]:.2f}]" if found else ""


def _lines(rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


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
    answerable question gets, how often one of them is right, and how many of them are. As many as an answer has at most.
    """
    most = Settings.model_fields["statements"].default
    rows: dict[str, dict[str, Any]] = {}
    for share in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        counts, hits, rights = [], [], []
        for question in questions:
            chances = 1 / (1 + np.exp(-model.logits(question)))
            if not question.answerable or chances.max() < answer:
                continue
            order = np.argsort(-chances, kind="stable")[:most]
            kept = [i for i in order if chances[i] >= share * chances.max()]
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
