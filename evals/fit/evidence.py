"""Fits ``assistant/fitted/evidence.json``: coefficients and thresholds of the evidence.

    python -m evals.fit.evidence --data FOLDER [--out FILE]

FOLDER holds one folder per question set, see ``evals/fit/data.py``. Coefficients and thresholds see the fitting halves only;
every figure comes from the reporting halves, but for what further statements bring. Deterministic.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from assistant.evidence import (
    FEATURES,
    compare_read_on,
    compare_vectors,
    compare_words,
    shared_words,
    shortlist,
    texts_to_encode,
)
from assistant.models import SentenceEncoder, load_encoder
from assistant.settings import Settings
from assistant.words import read_question
from evals.fit.data import SOURCES, Corpus, Question, Source, read_half
from evals.fit.figures import SAMPLES, ablate, count_statements, decisions, report, show
from evals.fit.regression import Model, calibrate, choose_thresholds, fit


def measure(questions: list[Question], corpus: Corpus, source: Source, encoder: SentenceEncoder) -> list[Question]:
    """The questions with the features of their judged candidates; every distinct text is encoded once."""
    jobs = []
    for question in track(questions, f"{source.folder}: words"):
        asked = read_question(question.text, "en")
        candidates = corpus.candidates(question, within=source.within)
        keys = list(candidates)
        kept = [keys[i] for i in shortlist([shared_words(asked, candidate) for candidate in candidates.values()])]
        jobs.append((question, asked, {key: candidates[key] for key in kept}))
    needed = {text for job in jobs for candidate in job[2].values() for text in texts_to_encode(candidate)}
    vectors = encode_all(sorted(needed | {question.text for question in questions}), encoder, source.folder)
    result = []
    for question, asked, judged in jobs:
        mine, rows = vectors[question.text], []
        for candidate in judged.values():
            alone, read = (vectors[text] for text in texts_to_encode(candidate))
            row = compare_words(asked, candidate) | compare_vectors(asked, mine, alone)
            row |= compare_read_on(asked, mine, read, candidate.context)
            rows.append([row[name] for name in FEATURES])
        result.append(replace(question, keys=tuple(judged), features=np.array(rows).reshape(-1, len(FEATURES))))
    return result


def encode_all(texts: list[str], encoder: SentenceEncoder, name: str) -> dict[str, Any]:
    """Token vectors by text, encoded in batches of like length."""
    texts = sorted(texts, key=len)
    found: dict[str, Any] = {}
    for start in track(range(0, len(texts), 256), f"{name}: vectors"):
        batch = texts[start : start + 256]
        found |= dict(zip(batch, encoder.encode_tokens(batch), strict=True))
    return found


def main() -> None:
    """Fits, reports and writes; prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with one folder per question set")
    parser.add_argument("--out", type=Path, default=Path("assistant/fitted/evidence.json"))
    given = parser.parse_args()
    encoder = load_encoder(Settings(threads=os.cpu_count() or 1))
    halves = {"fit": list[Question](), "report": list[Question]()}
    for source in SOURCES:
        for half, questions in halves.items():
            corpus, mine = read_half(source, given.data, half)
            questions += measure(mine, corpus, source, encoder)
    fitting, reporting = halves["fit"], halves["report"]
    judging = [question for question in fitting if question.source != "squadshifts"]
    model = calibrate(fit(fitting, list(range(len(FEATURES)))), judging)
    thresholds = choose_thresholds(model, judging)
    figures, ablation = report(model, reporting, thresholds["answer"]), ablate(fitting, reporting)
    console = Console(width=200)
    show(f"reporting halves, answer at {thresholds['answer']}, nearest at {thresholds['nearest']}", figures, console)
    curve = decisions(model, reporting)
    show("right decisions by threshold", curve, console)
    show("further statements, fitting halves", count_statements(model, judging, thresholds["answer"]), console)
    show("ablation", ablation, console)
    write(
        given.out,
        model,
        thresholds,
        encoder,
        {"reporting": figures, "by threshold": curve, "ablation": ablation},
    )
    for name, value in zip(FEATURES, model.coefficients, strict=True):
        console.print(f"{name:20s} {value:+.3f}")


def write(
    out: Path,
    model: Model,
    thresholds: dict[str, float],
    encoder: SentenceEncoder,
    figures: dict[str, Any],
) -> None:
    """The JSON that ``assistant.evidence.Evidence.load`` reads, with where it comes from."""
    provenance = {
        "command": "python -m evals.fit.evidence --data FOLDER",
        "sets": {
            source.folder: {"licence": source.licence, "most per side and half": source.cap} for source in SOURCES
        },
        "split": "half of the topics for fitting, half for reporting: sha256 of the topic, odd to reporting; untitled to fitting",
        "intervals": f"95 %, {SAMPLES} bootstrap resamples of the topics",
        "encoder": {"name": encoder.name, "fingerprint": encoder.fingerprint},
    }
    fitted = {
        "name": "evidence-lr-2",
        "features": list(FEATURES),
        "coefficients": [round(float(value), 5) for value in model.coefficients],
        "mean": [round(float(value), 5) for value in model.mean],
        "scale": [round(float(value), 5) for value in model.scale],
        "intercept": round(model.intercept, 5),
        "thresholds": thresholds,
        "provenance": provenance,
        "figures": figures,
    }
    out.write_text(json.dumps(fitted, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
