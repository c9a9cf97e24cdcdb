"""The fit behind ``evidence.json``: thresholds part the two sides, confidence is calibrated, targets are kept to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evals.fit.data import Question
from evals.fit.figures import bootstrap, calibration, share, targets
from evals.fit.regression import DECLINED, NEAR, Model, calibrate, choose_thresholds, confidence, fit, is_first


def questions(count: int, *, seed: int) -> list[Question]:
    """Of one set: three in four are answerable, and one noisy feature tells the sentence that answers."""
    drawn = np.random.default_rng(seed)
    found = []
    for number in range(count):
        answerable = number % 4 != 3
        rows = drawn.normal(0, 1, (4, 2))
        if answerable:
            rows[0, 0] += 2.5
        near = f"article-{number}"
        keys = tuple((near, place) for place in range(4))
        gold = frozenset(keys[:1]) if answerable else frozenset()
        found.append(
            Question(
                str(number),
                "?",
                "news",
                "plain",
                f"topic {number % 7}",
                answerable,
                near,
                gold,
                keys=keys,
                features=rows,
            )
        )
    return found


@pytest.fixture(scope="module")
def model() -> Model:
    mine = questions(400, seed=1)
    return calibrate(fit(mine, [0, 1]), mine)


def test_the_right_sentence_comes_first_and_confidence_is_how_often(model: Model) -> None:
    others = questions(400, seed=2)
    first = np.mean([is_first(model, question) for question in others])
    assert first > 0.6
    assert abs(confidence(model, others).mean() - first) < 0.05
    assert calibration(model, others)["news"]["calibration error"] < 0.08


def test_a_hit_in_another_article_is_not_first_in_its_own(model: Model) -> None:
    [question] = questions(1, seed=3)
    assert is_first(model, replace(question, features=question.features + np.eye(4, 2) * 9), own_article=True)
    assert not is_first(model, replace(question, near="another"), own_article=True)


def test_a_small_set_weighs_more_than_its_number_and_made_up_questions_nothing() -> None:
    few, many = questions(100, seed=4), [replace(question, source="other") for question in questions(900, seed=5)]
    many = [replace(question, gold=frozenset()) for question in many]  # the same features, and nothing answers
    fitted = fit(few, [0, 1])
    answering = np.mean([is_first(fitted, question) for question in few])
    said = confidence(calibrate(fitted, [*few, *many]), few).mean()
    assert said == pytest.approx(answering / 4, rel=0.2)  # 10 against 30, not 100 against 900
    made_up = [replace(question, kind="swapped") for question in many]
    assert calibrate(fitted, [*few, *made_up]).intercept == calibrate(fitted, few).intercept


def test_thresholds_decline_and_keep_near_as_many_as_they_are_chosen_for(model: Model) -> None:
    others = questions(400, seed=3)
    thresholds = choose_thresholds(model, others)
    assert thresholds["nearest"] <= thresholds["answer"]
    best, answerable = confidence(model, others), np.array([question.answerable for question in others])
    assert DECLINED <= (best[~answerable] < thresholds["answer"]).mean() < DECLINED + 0.05
    assert (best[answerable] >= thresholds["nearest"]).mean() == pytest.approx(NEAR, abs=0.01)


def test_intervals_are_those_of_the_evaluation() -> None:
    mine = questions(40, seed=6)
    assert share(mine, np.ones(40, bool)) == [1.0, pytest.approx(40 / 43.8415, abs=1e-3), 1.0]
    alike = [replace(question, topic="one") for question in mine]
    assert bootstrap(alike, lambda draw: float(draw.mean() / 40)) == [pytest.approx(19.5 / 40, abs=1e-3), 0.0, 1.0]


def test_a_target_is_kept_to_and_its_cost_is_told(model: Model) -> None:
    mine = questions(400, seed=1)
    rows = targets(model, mine, questions(400, seed=2))
    strict, lax = rows["at most 10% wrong"], rows["at most 30% wrong"]
    assert strict["fit: wrong of the answers"] <= 0.1
    assert strict["answer at"] > lax["answer at"]
    assert strict["dev: answered of the answerable"] < lax["dev: answered of the answerable"]
