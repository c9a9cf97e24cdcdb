"""Measures of ranking, deciding and calibration, with bootstrap intervals over stories. Pure functions of numbers and ids.

A share that is 0 or 1 in every story has Wilson's interval, over its cases: resampling would give it one of no width. Ranks count
from 1; None stands for "not found". Tests hold them against hand-computed cases and against ir-measures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats  # type: ignore[import-untyped]
from sklearn.metrics import roc_auc_score

SAMPLES, SEED = 1000, 1
Rank = int | None
Figure = Callable[[NDArray[np.int64]], float]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % interval; all three nan where it cannot be computed. ``n`` counts the cases."""

    value: float
    low: float
    high: float
    n: int


def recall_at(ranks: Sequence[Rank], k: int) -> float:
    """Share of the wanted pieces that stand among the first ``k``."""
    return sum(rank is not None and rank <= k for rank in ranks) / len(ranks)


def reciprocal_rank(ranks: Sequence[Rank]) -> float:
    """1 / the rank of the first wanted piece, 0 where none was found."""
    return max((1 / rank for rank in ranks if rank is not None), default=0.0)


def ndcg_at(ranking: Sequence[Hashable], wanted: Collection[Hashable], k: int) -> float:
    """Normalised discounted cumulative gain with binary relevance (Järvelin and Kekäläinen 2002): gain 1 / log2(rank + 1)."""
    gains = (1 / math.log2(rank + 1) for rank, found in enumerate(ranking[:k], 1) if found in wanted)
    best = sum(1 / math.log2(rank + 1) for rank in range(1, min(len(wanted), k) + 1))
    return sum(gains) / best if best else 0.0


def auroc(confidence: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """How likely a positive case has the higher confidence, ties counting half; nan where one side is missing."""
    mixed = 0 < positive.sum() < len(positive)
    return float(roc_auc_score(positive, confidence)) if mixed else math.nan


def risk_coverage(
    confidence: NDArray[np.float64], right: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coverage (share answered) and risk (share of those that is wrong) when the surest are answered first.

    One point per distinct confidence, so that ties are answered together.
    """
    order = np.argsort(-confidence, kind="stable")
    wrong = np.cumsum(~right[order])
    last = np.append(np.diff(confidence[order]) != 0, True)
    answered = np.arange(1, len(order) + 1)
    return answered[last] / len(order), wrong[last] / answered[last]


def risk_coverage_area(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Area under the risk-coverage curve (Geifman and El-Yaniv 2017): the mean risk over all coverages; lower is better."""
    coverage, risk = risk_coverage(confidence, right)
    return float((np.diff(coverage, prepend=0.0) * risk).sum())


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int = 15) -> float:
    """Expected calibration error over bins of equal mass: mean distance of mean confidence and share right, by bin size."""
    parts = np.array_split(np.argsort(confidence, kind="stable"), min(bins, len(confidence)))
    return float(sum(len(p) * abs(confidence[p].mean() - right[p].mean()) for p in parts if len(p)) / len(confidence))


def bootstrap(
    stories: Sequence[str], figure: Figure, *, samples: int = SAMPLES, within: tuple[float, float] = (0.0, 1.0)
) -> Interval:
    """A figure over cases and its 95 % percentile interval over resampled stories (cases of a story come and go together).

    ``figure`` is computed from the positions of the drawn cases; draws for which it is nan are left out. ``within`` are the
    least and the greatest value that it can have. Of few stories a percentile interval is too narrow, so its distances from the
    median of the draws are made t(k - 1) / 1.96 times as long for k stories, the critical value that Cameron, Gelbach and Miller
    (2008) take for few clusters, and sqrt(k / (k - 1)) times, what a resampled deviation lacks (Hesterberg 2015). One story says
    nothing of others: the interval is ``within``.
    """
    if not stories:
        return Interval(math.nan, math.nan, math.nan, 0)
    groups = [np.flatnonzero(np.array(stories) == story) for story in dict.fromkeys(stories)]
    rng = np.random.default_rng(SEED)
    draws = (rng.integers(0, len(groups), len(groups)) for _ in range(samples))
    values = np.array([figure(np.concatenate([groups[i] for i in draw])) for draw in draws])
    values = values[~np.isnan(values)]
    low, high = _ends(values, len(groups), within) if len(values) else (math.nan, math.nan)
    return Interval(figure(np.arange(len(stories))), low, high, len(stories))


def _ends(draws: NDArray[np.float64], groups: int, within: tuple[float, float]) -> tuple[float, float]:
    """The ends of the interval of these draws, widened as ``bootstrap`` says."""
    if groups == 1:
        return within
    low, middle, high = np.percentile(draws, [2.5, 50, 97.5])
    wider = stats.t.ppf(0.975, groups - 1) / stats.norm.ppf(0.975) * math.sqrt(groups / (groups - 1))
    low, high = np.clip([middle - wider * (middle - low), middle + wider * (high - middle)], *within)
    return float(low), float(high)


def mean(values: Sequence[float | bool]) -> float:
    """The arithmetic mean; 0 for no values."""
    return sum(values) / len(values) if values else 0.0


def bootstrap_mean(stories: Sequence[str], values: Sequence[float]) -> Interval:
    """``bootstrap`` of the mean of one value from -1 to 1 per case: a change."""
    array = np.array(values, float)
    return bootstrap(stories, lambda drawn: float(array[drawn].mean()), within=(-1.0, 1.0))


def bootstrap_share(
    stories: Sequence[str], values: Sequence[float | bool], *, among: Sequence[bool] | None = None
) -> Interval:
    """``bootstrap`` of the mean of one value from 0 to 1 per case, over the cases ``among`` where given; ``n`` counts all cases.

    Where all these values are 0, or all are 1, the interval is Wilson's, over as many cases; where there are none, nan.
    """
    array = np.array(values, float)
    counted = np.ones(len(array), bool) if among is None else np.array(among, bool)
    seen, theirs = array[counted], [story for story, one in zip(stories, counted, strict=True) if one]
    if len(seen) == 0:
        return Interval(math.nan, math.nan, math.nan, len(array))
    if seen.min() == seen.max() and seen[0] in (0, 1):
        return Interval(float(seen[0]), *wilson(int(seen.sum()), len(seen)), len(array))
    return replace(bootstrap(theirs, lambda drawn: float(seen[drawn].mean())), n=len(array))


def wilson(right: int, of: int) -> tuple[float, float]:
    """The ends of the 95 % interval of a share, ``right`` of ``of``, at least one (Wilson 1927)."""
    low, high = stats.binomtest(right, of).proportion_ci(0.95, method="wilson")
    return float(low), float(high)


def sign_flip(differences: Sequence[float], *, samples: int = 20_000) -> float:
    """One-sided p of "not worse" for paired differences: how often random signs give a mean as low as the one seen.

    The exact test over all sign patterns up to 14 non-zero differences, else a Monte Carlo estimate with a fixed seed.
    """
    seen = np.array([d for d in differences if d], float)
    if not len(seen):
        return 1.0
    if len(seen) <= 14:
        patterns = np.array(np.meshgrid(*[[-1.0, 1.0]] * len(seen))).reshape(len(seen), -1).T
    else:
        patterns = np.random.default_rng(SEED).choice([-1.0, 1.0], (samples, len(seen)))
    as_low = patterns @ np.abs(seen) <= seen.sum() + 1e-12
    return float(as_low.mean()) if len(seen) <= 14 else float((as_low.sum() + 1) / (samples + 1))
