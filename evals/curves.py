"""What the report shows beyond the summary: curves and bins over cases in order of confidence. Pure functions of cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evals import metrics
from evals.metrics import Interval
from evals.run import Case

BINS = 15  # as in metrics.calibration_error
Floats = NDArray[np.float64]


class Curve(NamedTuple):
    """A figure over coverage, the share of the questions that is answered when the surest are answered first."""

    coverage: Floats
    value: Floats


class Bin(NamedTuple):
    """Questions of neighbouring confidence: its range and mean, and the share that is right."""

    low: float
    high: float
    mean: float
    right: Interval


def coverage(cases: Sequence[Case]) -> float:
    """The share of the questions that was answered."""
    return metrics.mean([not case.abstained for case in cases])


def risk(cases: Sequence[Case]) -> Interval:
    """The share of the answers given that is not wholly right."""
    wrong = [not case.score.right for case in cases]
    given = [not case.abstained for case in cases]
    return metrics.bootstrap_share([case.story for case in cases], wrong, among=given)


def risk_curve(cases: Sequence[Case]) -> Curve:
    """The share of wrong answers over coverage."""
    right = np.array([case.if_answered.right for case in cases])
    return Curve(*metrics.risk_coverage(_confidence(cases), right))


def decision_curve(cases: Sequence[Case]) -> Curve:
    """The share dealt with rightly over coverage: right answers among the surest, unanswerable questions among the rest."""
    answerable = np.array([case.answerable for case in cases])
    answered, wrong = risk_curve(cases)
    _, unanswerable = metrics.risk_coverage(_confidence(cases), answerable)
    declined = 1 - answerable.mean() - answered * unanswerable
    return Curve(np.append(0.0, answered), np.append(1 - answerable.mean(), answered * (1 - wrong) + declined))


def bins(cases: Sequence[Case]) -> list[Bin]:
    """The bins of equal mass of ``metrics.calibration_error``; right is a first statement that stands on a gold span.

    The interval is Wilson's, over questions: a bin is of questions of a like confidence, whatever their story.
    """
    confidence, first = _confidence(cases), _first(cases)
    found = []
    for part in np.array_split(np.argsort(confidence, kind="stable"), min(BINS, len(cases))):
        right = Interval(float(first[part].mean()), *metrics.wilson(int(first[part].sum()), len(part)), len(part))
        within = confidence[part]
        found.append(Bin(float(within.min()), float(within.max()), float(within.mean()), right))
    return found


def counts(cases: Sequence[Case], steps: int = 10) -> tuple[Floats, Floats]:
    """How many questions have a confidence in each step from 0 to 1: those whose first statement is right, and the others."""
    confidence, first = _confidence(cases), _first(cases)
    right, wrong = (np.histogram(confidence[chosen], steps, (0, 1))[0] for chosen in (first, ~first))
    return right.astype(float), wrong.astype(float)


def _confidence(cases: Sequence[Case]) -> Floats:
    return np.array([case.answer["confidence"] for case in cases], float)


def _first(cases: Sequence[Case]) -> NDArray[np.bool_]:
    return np.array([case.if_answered.first for case in cases])
