"""Fits the threshold to answer at in ``assistant/fitted/evidence.json`` on the fitting questions of this project: news.

    assistant eval run --split fit --out RUN
    python -m evals.fit.thresholds RUN [--into assistant/fitted/evidence.json]

It has the highest balanced accuracy of answering what is answerable and declining what is not, on a plateau of five hundredths,
not at a lucky point. Questions that quote are decided by the quoted words, not by confidence, and are left out. A run that holds
other questions than fitting ones is refused. ``python -m evals.fit.evidence`` drops what is written here: run this after it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evals.run import Case, read_cases


def choose(cases: Sequence[Case]) -> float:
    """The confidence to answer at. Raises ValueError where one side is missing."""
    confidence = np.array([case.answer["confidence"] for case in cases], float)
    answerable = np.array([case.answerable for case in cases])
    if answerable.all() or not answerable.any():
        raise ValueError("the run needs answerable and unanswerable questions")
    grid = np.round(np.arange(0.02, 0.99, 0.01), 2)
    gains = [((confidence[answerable] >= at).mean() + (confidence[~answerable] < at).mean()) / 2 for at in grid]
    plateau = np.convolve(np.pad(gains, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    return float(grid[int(np.argmax(plateau))])


def main() -> None:
    """Chooses, prints what the thresholds cost, and writes them with where they come from."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="the folder of a run of the fitting questions")
    parser.add_argument("--into", type=Path, default=Path("assistant/fitted/evidence.json"))
    given = parser.parse_args()
    cases = [case for case in read_cases(given.run) if case.kind != "quote-source"]
    if not cases or any(case.split != "fit" for case in cases):
        raise SystemExit("the run must hold fitting questions, and no others: assistant eval run --split fit")
    described = json.loads((given.run / "run.json").read_text(encoding="utf-8"))
    kind = "without ranker" if "without ranker" in described["identity"]["ranker"] else "with ranker"
    at = choose(cases)
    for answerable, name in ((True, "answerable"), (False, "not answerable")):
        above = [case.answer["confidence"] >= at for case in cases if case.answerable is answerable]
        print(f"answer at {at}: {np.mean(above):.2f} of {len(above)} {name}")
    fitted = json.loads(given.into.read_text(encoding="utf-8"))
    fitted[kind]["thresholds"]["answer"] = at
    fitted[kind]["answer threshold from"] = {
        "command": "python -m evals.fit.thresholds RUN",
        "commit": described["commit"],
        "ids": [case.id for case in cases],
    }
    given.into.write_text(json.dumps(fitted, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
