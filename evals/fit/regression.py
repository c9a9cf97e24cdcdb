"""The logistic regression behind ``evidence.json``: fitted so that a question is as answerable as its best sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.linear_model import LogisticRegression

from evals.fit.data import Floats, Question

# What the two thresholds are chosen for. For .9 of fit two more are declined and 4 of 168 fewer answered rightly.
DECLINED, NEAR = 0.85, 0.95
GRID = np.round(np.arange(0.02, 0.99, 0.01), 2)


@dataclass(frozen=True)
class Model:
    """A logistic regression over standardised columns of the features."""

    columns: list[int]
    mean: Floats
    scale: Floats
    coefficients: Floats
    intercept: float

    def logits(self, question: Question) -> Floats:
        """One logit per judged candidate; -20 stands for "none was found" where there is no candidate."""
        if not len(question.features):
            return np.full(1, -20.0)
        rows = (question.features[:, self.columns] - self.mean) / self.scale
        return np.asarray(rows @ self.coefficients + self.intercept)


def weigh(questions: Sequence[Question]) -> Floats:
    """Question weights: every set counts the same on the answerable and on the unanswerable side, whatever its size.

    Within a side the kinds share; swapped questions count half. Squadshifts has no unanswerable questions of its own: half.
    """
    share = {"plain": 1.0, "removed": 1.0, "swapped": 0.5}
    groups: dict[tuple[str, bool, str], int] = {}
    for question in questions:
        group = (question.source, question.answerable, question.kind)
        groups[group] = groups.get(group, 0) + 1
    weights = []
    for question in questions:
        sides = [
            kind
            for source, answerable, kind in groups
            if (source, answerable) == (question.source, question.answerable)
        ]
        side = 0.5 if question.source == "squadshifts" and not question.answerable else 1.0
        total = sum(share[kind] for kind in sides)
        weights.append(
            side * share[question.kind] / total / groups[question.source, question.answerable, question.kind]
        )
    return np.array(weights) * len(questions) / sum(weights)


def fit(questions: list[Question], columns: list[int], rounds: int = 3, hardest: int = 3) -> Model:
    """Logistic regression in which a question is as answerable as its best sentence (multiple-instance learning).

    The first round sees every judged sentence; the following ones the best right sentence and the ``hardest`` wrong ones of the
    round before, so that the highest probability of a question is what gets fitted.
    """
    questions = [q for q in questions if len(q.features) and (not q.answerable or q.right.any())]
    weights = weigh(questions)
    everything = np.concatenate([question.features[:, columns] for question in questions])
    model = Model(columns, everything.mean(axis=0), everything.std(axis=0) + 1e-9, np.zeros(len(columns)), 0.0)
    for turn in range(rounds + 1):
        rows, labels, shares = [], [], []
        for question, weight in zip(questions, weights, strict=True):
            order = np.argsort(-model.logits(question), kind="stable")
            right, wrong = order[question.right[order]], order[~question.right[order]]
            right, wrong = (right[:1], wrong[:hardest]) if turn else (right, wrong)
            for chosen, label in ((right, 1), (wrong, 0)):
                if not len(chosen):
                    continue
                rows.append((question.features[chosen][:, columns] - model.mean) / model.scale)
                labels += [label] * len(chosen)
                shares += [weight / len(chosen)] * len(chosen)
        found = LogisticRegression(C=0.1, max_iter=1000).fit(np.concatenate(rows), labels, sample_weight=shares)
        model = replace(model, coefficients=found.coef_[0], intercept=float(found.intercept_[0]))
    return model


def calibrate(model: Model, questions: list[Question]) -> Model:
    """Platt scaling of the best sentence's logit against whether it answers, folded into the coefficients.

    A set counts as the square root of its questions: few of them, as this project's own, then weigh more than their number, and
    the error over all is still small. Made-up questions, which nobody asks, are left out.
    """
    questions = [question for question in questions if question.kind == "plain"]
    sizes = Counter(question.source for question in questions)
    best = np.array([[model.logits(question).max()] for question in questions])
    right = [is_first(model, question) for question in questions]
    weights = np.array([sizes[question.source] ** -0.5 for question in questions])
    found = LogisticRegression(C=1e6).fit(best, right, sample_weight=weights / weights.mean())
    slope, shift = float(found.coef_[0, 0]), float(found.intercept_[0])
    return replace(model, coefficients=model.coefficients * slope, intercept=model.intercept * slope + shift)


def is_first(model: Model, question: Question, *, own_article: bool = False) -> bool:
    """Whether the best candidate, of all or of the gold article's, answers."""
    logits = model.logits(question)
    if own_article and len(question.keys):
        mine = np.array([key == question.near for key, _ in question.keys])
        if not mine.any():
            return False
        logits = np.where(mine, logits, -np.inf)
    return bool(len(question.keys)) and bool(question.right[int(np.argmax(logits))])


def choose_thresholds(model: Model, questions: list[Question]) -> dict[str, float]:
    """``answer``: the least at which DECLINED of the unanswerable are declined; NEAR of the answerable lie above ``nearest``."""
    best = confidence(model, questions)
    answerable = np.array([question.answerable for question in questions])
    answer = next(at for at in GRID if (best[~answerable] < at).mean() >= DECLINED)
    nearest = float(np.quantile(best[answerable], 1 - NEAR))
    return {"answer": float(answer), "nearest": round(min(nearest, answer), 3)}


def confidence(model: Model, questions: Sequence[Question]) -> Floats:
    """Per question the highest probability among its sentences."""
    return np.array([1 / (1 + np.exp(-model.logits(question).max())) for question in questions])
