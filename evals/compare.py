"""Two runs side by side, question by question, and the gate that stops a change which loses or breaks a promise.

A difference is judged by a paired randomisation test over questions (Smucker et al. 2007), those of one conversation taken as
one; its interval comes from resampled stories, as everywhere. Three measures count: answering rightly what can be answered,
declining what cannot, and the reciprocal rank of the first passage with evidence. Answering and declining are kept apart, so that
one is not bought with the other unseen: who means to, commits a new baseline. Questions whose gold was corrected in between are
left out: there it is not the assistant that changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from evals import metrics
from evals.metrics import Interval
from evals.run import Case

ALPHA = 0.05
MEASURES: dict[str, Callable[[Case], float | None]] = {
    "answered rightly": lambda case: float(case.score.right) if case.answerable else None,
    "declined rightly": lambda case: None if case.answerable else float(case.score.right),
    "reciprocal rank": lambda case: metrics.reciprocal_rank(case.ranks["fused"]) if case.answerable else None,
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One measure on the questions of both runs: second minus first.

    ``p_worse`` is the one-sided p of a loss that large by chance; ``won`` and ``lost`` are the questions that changed, as pairs.
    """

    measure: str
    before: float
    after: float
    change: Interval
    p_worse: float
    p_better: float
    won: tuple[tuple[Case, Case], ...]
    lost: tuple[tuple[Case, Case], ...]

    @property
    def verdict(self) -> Literal["better", "worse", "cannot tell"]:
        """Better or worse where the one-sided p is below ALPHA."""
        return "worse" if self.p_worse < ALPHA else "better" if self.p_better < ALPHA else "cannot tell"


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule of the gate that fired, with the cases that show it."""

    rule: str
    what: str
    cases: tuple[str, ...]


def compare(before: Sequence[Case], after: Sequence[Case]) -> list[Difference]:
    """The differences over the questions that both runs asked alike; empty where there is none."""
    pairs = [(a, b) for a, b in _common(before, after) if alike(a, b.question, b.question_hash)]
    return [_difference(name, value, pairs) for name, value in MEASURES.items() if pairs]


def left_out(before: Sequence[Case], after: Sequence[Case]) -> list[str]:
    """The ids of the questions that both runs asked, but not alike; ``compare`` leaves them out."""
    return [b.id for a, b in _common(before, after) if not alike(a, b.question, b.question_hash)]


def alike(case: Case, question: str, question_hash: str | None) -> bool:
    """Whether a case asked these words with this gold and these limits; only the words count where one side has no hash."""
    return case.question == question and (
        case.question_hash == question_hash or None in (case.question_hash, question_hash)
    )


def _common(before: Sequence[Case], after: Sequence[Case]) -> list[tuple[Case, Case]]:
    """The cases of the same ids."""
    asked = {case.id: case for case in before}
    return [(asked[case.id], case) for case in after if case.id in asked]


def _difference(measure: str, value: Callable[[Case], float | None], pairs: Sequence[tuple[Case, Case]]) -> Difference:
    scored = [(a, b, x, y) for a, b in pairs if (x := value(a)) is not None and (y := value(b)) is not None]
    changes = [y - x for _, _, x, y in scored]
    units: dict[str, float] = {}
    for (case, *_), change in zip(scored, changes, strict=True):
        unit = case.chain or case.id
        units[unit] = units.get(unit, 0.0) + change
    return Difference(
        measure,
        before=metrics.mean([x for *_, x, _ in scored]),
        after=metrics.mean([y for *_, y in scored]),
        change=metrics.bootstrap_mean([case.story for case, *_ in scored], changes),
        p_worse=metrics.sign_flip(list(units.values())),
        p_better=metrics.sign_flip([-change for change in units.values()]),
        won=tuple((a, b) for a, b, x, y in scored if y > x),
        lost=tuple((a, b) for a, b, x, y in scored if y < x),
    )


def judge(
    cases: Sequence[Case], baseline: Sequence[Case], *, stored: Collection[str], gold: Mapping[str, Collection[str]]
) -> list[Finding]:
    """Every rule that these cases break, none where the change may pass.

    ``stored`` are the ids of the articles that were asked, ``gold`` the articles that each question needs, by question id.
    """
    findings = [
        Finding("broken promise", what, (case.id,)) for case in cases for what in dict.fromkeys(case.score.broken)
    ]
    missing: dict[str, list[str]] = {}
    for question, articles in gold.items():
        for article in set(articles) - set(stored):
            missing.setdefault(article, []).append(question)
    findings += [Finding("gold article missing", article, tuple(ids)) for article, ids in sorted(missing.items())]
    for difference in compare(baseline, cases):
        if difference.verdict == "worse":
            shares = f"{difference.before:.3f} → {difference.after:.3f}"
            what = f"{difference.measure}: {shares}, one-sided p = {difference.p_worse:.4f}"
            findings.append(Finding("significant loss", what, tuple(case.id for case, _ in difference.lost)))
    return findings
