"""From cases to figures: one nested dict that tables, report and comparison read, so that a figure is computed in one place.

All intervals are 95 %, over resampled stories. Shares are 0–1. A figure that has no cases is left out. Threshold, ranker and
confidence were chosen on the fit split: the figures of declining and of simple rules are over the cases outside it, if any.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from evals import metrics
from evals.metrics import Interval
from evals.run import ENGINES, Case
from evals.schema import KINDS, SPLITS, Split

LEAST = 20  # a kind with fewer questions gets no row


@dataclass(frozen=True)
class Summary:
    """All figures of some cases, by table, row and column. ``declines`` and ``baselines`` are over the cases of ``splits``."""

    answers: dict[str, dict[str, Interval]]
    retrieval: dict[str, dict[str, Interval]]
    declines: dict[str, Interval]
    baselines: dict[str, Interval]
    seconds: dict[str, dict[str, float]]
    broken: list[str]
    splits: tuple[Split, ...]

    @property
    def over(self) -> str:
        """The splits in words: ``over the dev and held questions``, with a warning where it is the fit split."""
        words = f"over the {' and '.join(self.splits)} questions"
        return words if self.splits != ("fit",) else f"{words}, on which threshold and confidence were chosen"

    def as_dict(self) -> dict[str, object]:
        """For a JSON file."""
        return asdict(self)


def summarise(cases: Sequence[Case]) -> Summary:
    """The figures of the cases: overall, by split where there are several, by answerability and by kind."""
    answerable = [case for case in cases if case.answerable]
    unanswerable = [case for case in cases if not case.answerable]
    splits = {f"split: {split}": [case for case in cases if case.split == split] for split in SPLITS}
    several = sum(map(bool, splits.values())) > 1
    rows = {"all": list(cases)} | ({name: group for name, group in splits.items() if group} if several else {})
    rows |= {"answerable": answerable} if answerable else {}
    rows |= {"not answerable": unanswerable} if unanswerable else {}
    kinds = {kind: [case for case in cases if case.kind == kind] for kind in KINDS}
    rows |= {kind: group for kind, group in kinds.items() if len(group) >= LEAST}
    apart = outside_fit(cases)
    return Summary(
        answers={name: _answers(group) for name, group in rows.items()},
        retrieval={engine: _retrieval(answerable, engine) for engine in ENGINES} if answerable else {},
        declines=_declines(apart) if len({case.answerable for case in apart}) == 2 else {},
        baselines=_baselines(apart),
        seconds={stage: _percentiles([case.seconds[stage] for case in cases]) for stage in ("search", "read", "ask")},
        broken=broken_promises(cases),
        splits=tuple(split for split in SPLITS if any(case.split == split for case in apart)),
    )


def outside_fit(cases: Sequence[Case]) -> list[Case]:
    """The cases that are not of the fit split; all of them where there is no other."""
    return [case for case in cases if case.split != "fit"] or list(cases)


def broken_promises(cases: Sequence[Case]) -> list[str]:
    """Every promise that these cases break, in words and with the id of the question."""
    return [f"{case.id}: {what}" for case in cases for what in case.score.broken]


def summarise_set(cases: Sequence[Case]) -> dict[str, Interval]:
    """One row for a set: deciding and answering, finding the evidence by each engine, and the base rate of answerable ones."""
    gold = [case for case in cases if case.answerable]
    none = [case for case in cases if not case.answerable]
    row = {"answerable": _mean(cases, lambda c: c.answerable), "right": _mean(cases, lambda c: c.score.right)}
    if gold:
        row["answered rightly"] = _mean(gold, lambda c: c.score.right)
        row["right first"] = _mean(gold, lambda c: c.if_answered.first)
        for engine in ENGINES:
            row[f"{engine}@1"] = _mean(gold, lambda c, e=engine: metrics.recall_at(c.ranks[e], 1))  # type: ignore[misc]
        row["fused@5"] = _mean(gold, lambda c: metrics.recall_at(c.ranks["fused"], 5))
    if none:
        row["declined rightly"] = _mean(none, lambda c: c.score.right)
    if gold and none:
        row["AUROC"] = _declines(cases)["AUROC"]
    return row


def _answers(cases: Sequence[Case]) -> dict[str, Interval]:
    """How right the decisions and the answers are; the columns after ``answered`` are over answerable questions."""
    rows: dict[str, Interval] = {
        "right": _mean(cases, lambda c: c.score.right),
        "answered": _mean(cases, lambda c: not c.abstained),
    }
    gold = [case for case in cases if case.answerable]
    said = [case for case in gold if not case.abstained]
    if gold:
        rows |= {
            "right first": _mean(gold, lambda c: c.if_answered.first),
            "points": _mean(gold, lambda c: c.score.points),
            "all points": _mean(gold, lambda c: c.score.points == 1),
            "evidence cited": _mean(gold, lambda c: c.score.pieces),
        }
    if said:
        rows["statements that stand"] = _mean(said, lambda c: c.score.precise)
    return rows


def _retrieval(cases: Sequence[Case], engine: str) -> dict[str, Interval]:
    """Where the evidence stands in the ranking of one engine: passages, and for article@1 and nDCG the articles in order."""
    rows = {f"evidence@{k}": _mean(cases, lambda c, k=k: metrics.recall_at(c.ranks[engine], k)) for k in (1, 5, 10)}  # type: ignore[misc]
    rows["all evidence@10"] = _mean(cases, lambda c: metrics.recall_at(c.ranks[engine], 10) == 1)
    rows["article@1"] = _mean(cases, lambda c: bool(set(c.articles[engine][:1]) & set(c.gold_articles)))
    rows["nDCG@10"] = _mean(cases, lambda c: metrics.ndcg_at(c.articles[engine], c.gold_articles, 10))
    rows["MRR"] = _mean(cases, lambda c: metrics.reciprocal_rank(c.ranks[engine]))
    return rows


def _declines(cases: Sequence[Case]) -> dict[str, Interval]:
    """How well it knows what it cannot answer. Precision and recall are of declining; risk counts wrong answers."""
    stories = [case.story for case in cases]
    declined = [case.abstained for case in cases]
    unanswerable = [not case.answerable for case in cases]
    confidence = np.array([case.answer["confidence"] for case in cases], float)
    answerable = ~np.array(unanswerable)
    right = np.array([case.if_answered.right for case in cases])
    first = np.array([case.if_answered.first for case in cases])
    figures: dict[str, metrics.Figure] = {
        "AUROC": lambda d: metrics.auroc(confidence[d], answerable[d]),
        "area under risk-coverage": lambda d: metrics.risk_coverage_area(confidence[d], right[d]),
        "calibration error": lambda d: metrics.calibration_error(confidence[d], first[d]),
    }
    return {
        "precision": metrics.bootstrap_share(stories, unanswerable, among=declined),
        "recall": metrics.bootstrap_share(stories, declined, among=unanswerable),
    } | {name: metrics.bootstrap(stories, figure) for name, figure in figures.items()}


def _baselines(cases: Sequence[Case]) -> dict[str, Interval]:
    """What simple rules would get right, beside the assistant."""
    asked = [case for case in cases if case.yes is not None]
    rows = {
        "the assistant": _mean(cases, lambda c: c.score.right),
        "always answer": _mean(cases, lambda c: c.if_answered.right),
        "always decline": _mean(cases, lambda c: not c.answerable),
        "show the best passage": _mean(cases, lambda c: c.best_passage),
    }
    return rows | ({"always yes, of yes-no": _mean(asked, lambda c: c.yes is True)} if asked else {})


def _mean(cases: Sequence[Case], value: Callable[[Case], float | bool]) -> Interval:
    return metrics.bootstrap_share([case.story for case in cases], [float(value(case)) for case in cases])


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    return {f"p{q}": float(np.percentile(seconds, q)) for q in (50, 95)} if seconds else {}
