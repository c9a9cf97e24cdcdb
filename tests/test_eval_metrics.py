"""Measures against hand-computed cases and against ir-measures."""

from __future__ import annotations

import math

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import AP, RR, R, Success, nDCG

from evals import metrics

DOCUMENTS = [f"d{number}" for number in range(12)]
rankings = st.permutations(DOCUMENTS).flatmap(lambda order: st.integers(0, 12).map(lambda n: list(order[:n])))
wanted_sets = st.sets(st.sampled_from(DOCUMENTS), min_size=1)


def reference(measure: ir_measures.Measure, ranking: list[str], wanted: set[str]) -> float:
    """What ir-measures says of one ranking; an empty one counts 0."""
    run = {"q": {document: float(-rank) for rank, document in enumerate(ranking)}}
    qrels = {"q": dict.fromkeys(wanted, 1)}
    return float(ir_measures.calc_aggregate([measure], qrels, run)[measure]) if ranking else 0.0


def ranks(ranking: list[str], wanted: set[str]) -> list[int | None]:
    return [ranking.index(document) + 1 if document in ranking else None for document in sorted(wanted)]


@given(rankings, wanted_sets, st.sampled_from([1, 5, 10]))
def test_rankings_agree_with_ir_measures(ranking: list[str], wanted: set[str], k: int) -> None:
    found = ranks(ranking, wanted)
    assert metrics.recall_at(found, k) == pytest.approx(reference(R @ k, ranking, wanted), abs=1e-9)
    assert metrics.reciprocal_rank(found) == pytest.approx(reference(RR, ranking, wanted), abs=1e-9)
    assert metrics.ndcg_at(ranking, wanted, k) == pytest.approx(reference(nDCG @ k, ranking, wanted), abs=1e-9)
    hit = any(rank is not None and rank <= k for rank in found)
    assert float(hit) == reference(Success @ k, ranking, wanted)


def test_the_reference_can_tell_rankings_apart() -> None:
    assert reference(AP, ["d1", "d0"], {"d0"}) == 0.5


def test_rankings_by_hand() -> None:
    assert metrics.recall_at([1, 7, None], 5) == pytest.approx(1 / 3)
    assert metrics.reciprocal_rank([None, 4]) == 0.25
    assert metrics.reciprocal_rank([None]) == 0
    # found at ranks 2 and 3 of two wanted: (1/log2 3 + 1/log2 4) / (1 + 1/log2 3)
    assert metrics.ndcg_at(["x", "a", "b"], {"a", "b"}, 10) == pytest.approx(
        (1 / math.log2(3) + 0.5) / (1 + 1 / math.log2(3))
    )


def test_auroc_by_hand() -> None:
    # pairs (0.9, 0.4), (0.9, 0.6), (0.4, 0.4) and (0.4, 0.6): won, won, tied, lost
    confidence, positive = np.array([0.9, 0.4, 0.4, 0.6]), np.array([True, True, False, False])
    assert metrics.auroc(confidence, positive) == pytest.approx(2.5 / 4)
    assert math.isnan(metrics.auroc(confidence, np.ones(4, bool)))


def test_risk_coverage_by_hand() -> None:
    # surest first: right; then two tied, one of them wrong; then wrong
    coverage, risk = metrics.risk_coverage(np.array([0.5, 0.9, 0.5, 0.1]), np.array([True, True, False, False]))
    assert coverage.tolist() == [0.25, 0.75, 1.0]
    assert risk.tolist() == pytest.approx([0, 1 / 3, 0.5])
    area = metrics.risk_coverage_area(np.array([0.5, 0.9, 0.5, 0.1]), np.array([True, True, False, False]))
    assert area == pytest.approx(0.25 * 0 + 0.5 / 3 + 0.25 * 0.5)


def test_calibration_error_by_hand() -> None:
    # two bins of two: mean confidence 0.2 against 0 right, 0.8 against a half
    confidence, right = np.array([0.1, 0.3, 0.7, 0.9]), np.array([False, False, True, False])
    assert metrics.calibration_error(confidence, right, bins=2) == pytest.approx(0.5 * 0.2 + 0.5 * 0.3)


def test_the_bootstrap_draws_whole_stories() -> None:
    # Two stories, one all right and one all wrong: a drawn mean is 0, 1/2 or 1, so the interval is the whole range,
    # and with every question a story of its own it is narrower.
    values = [1.0] * 20 + [0.0] * 20
    clustered = metrics.bootstrap_share(["a"] * 20 + ["b"] * 20, values)
    assert (clustered.value, clustered.low, clustered.high, clustered.n) == (0.5, 0.0, 1.0, 40)
    single = metrics.bootstrap_share([str(number) for number in range(40)], values)
    assert 0.3 < single.low < 0.5 < single.high < 0.7
    assert math.isnan(metrics.bootstrap_share([], []).value)


def test_an_interval_over_few_stories_is_widened_and_keeps_to_what_a_figure_can_be() -> None:
    def half_width(stories: int, spread: float) -> float:
        names, values = map(str, range(stories)), [0.5 + (-1) ** number * spread for number in range(stories)]
        found = metrics.bootstrap_share(list(names), values)
        return (found.high - found.low) / 2

    # Resampled, the mean of 4 stories has a deviation of spread / 2, that of 400 one of spread / 20. By hand, with t(3) = 3.182:
    # 3.182 * spread / 2 * sqrt(4 / 3), as of the t interval over the four means.
    assert half_width(400, 0.1) == pytest.approx(1.96 * 0.1 / 20, rel=0.1)
    assert half_width(4, 0.1) == pytest.approx(3.182 * 0.1 / 2 * math.sqrt(4 / 3), rel=0.1)
    wide = metrics.bootstrap_share(["a", "b", "c"], [0.9, 0.1, 0.9])
    assert (wide.low, wide.high) == (0.0, 1.0)
    change = metrics.bootstrap_mean(["a", "b", "c"], [0.1, 0.0, 0.1])
    assert change.low < 0 < change.high
    alone = metrics.bootstrap_share(["a", "a"], [1.0, 0.0]), metrics.bootstrap_mean(["a", "a"], [1.0, 0.0])
    assert [(found.low, found.high) for found in alone] == [(0.0, 1.0), (-1.0, 1.0)]


def test_a_share_that_is_the_same_in_every_story_has_wilsons_interval() -> None:
    # all of n: the lower end is n / (n + 1.96²)
    stories = [str(number % 5) for number in range(40)]
    right, wrong = (metrics.bootstrap_share(stories, [value] * 40) for value in (True, False))
    assert (right.value, right.low, right.high) == pytest.approx((1.0, 40 / 43.8415, 1.0), abs=1e-4)
    assert (wrong.value, wrong.low, wrong.high) == pytest.approx((0.0, 0.0, 3.8415 / 43.8415), abs=1e-4)
    some = metrics.bootstrap_share(stories, [number < 10 for number in range(40)], among=[n < 10 for n in range(40)])
    assert (some.value, some.low, some.n) == pytest.approx((1.0, 10 / 13.8415, 40), abs=1e-4)
    assert math.isnan(metrics.bootstrap_share(stories, [True] * 40, among=[False] * 40).value)
    # only the stories with a counted case are resampled: one of them says nothing of others
    among = [number < 6 for number in range(18)]
    one = metrics.bootstrap_share(["a"] * 6 + ["b"] * 6 + ["c"] * 6, [True, True, False] * 6, among=among)
    assert (one.low, one.high, one.n) == (0.0, 1.0, 18)
    nothing_changed = metrics.bootstrap_mean(stories, [0.0] * 40)
    assert (nothing_changed.low, nothing_changed.high) == (0.0, 0.0)


def test_sign_flip_by_hand() -> None:
    assert metrics.sign_flip([-1, -1, -1, -1, -1]) == pytest.approx(1 / 32)
    assert metrics.sign_flip([-1, 1]) == pytest.approx(3 / 4)  # sums -2, 0, 0, 2: three are as low as 0
    assert metrics.sign_flip([0.0, 0.0]) == 1.0
    assert metrics.sign_flip([-1.0] * 20) < 0.001 < metrics.sign_flip([1.0] * 20)
