"""Fits ``assistant/fitted/evidence.json``: coefficients and thresholds of the evidence, with the ranker and without.

    python -m evals.fit.evidence --data FOLDER [--ranker none] [--out FILE] [--into README.md]
    python -m evals.fit.evidence --ranker NAME [--data FOLDER]    # a CrossEncoder of your own, fitted into the data folder

FOLDER holds one folder per question set, see ``evals/fit/data.py``; this project's fit questions (``evals/fit/news.py``) are
one more set, on which the thresholds are chosen, and without FOLDER the only one. Each run fits one of the two kinds and
leaves the other as it is. Coefficients see the fitting halves only, and with the packaged ranker only topics that it was not
trained on; every figure comes from the reporting halves, of the project's questions the dev split, but for what further
statements bring. Deterministic.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from assistant.evidence import FEATURES, compare, fitted_for
from assistant.models import Ranker, SentenceEncoder, load_encoder, load_ranker
from assistant.settings import Settings, load_settings
from evals.fit.data import SOURCES, Corpus, Question, Source, read_half
from evals.fit.figures import (
    SAMPLES,
    ablate,
    calibration,
    count_statements,
    decisions,
    markdown,
    report,
    show,
    targets,
)
from evals.fit.news import LICENCE, NAME, measure_news
from evals.fit.regression import Model, calibrate, choose_thresholds, fit
from evals.tables import replace_between

FITTED = Path("assistant/fitted/evidence.json")
# The half that the coefficients see, "fit" but for the packaged ranker: it is too sure of topics it was trained on.
FITTED_ON = {"packaged": "kept out"}


def measure(
    questions: list[Question], corpus: Corpus, source: Source, encoder: SentenceEncoder, ranker: Ranker | None
) -> list[Question]:
    """The questions with one row of features per judged candidate."""
    names, result = FEATURES["with ranker" if ranker else "without ranker"], []
    for question in track(questions, source.folder):
        candidates = corpus.candidates(question, within=source.within)
        judged = compare(question.text, list(candidates.values()), encoder, ranker)
        keys = list(candidates)
        rows = np.array([[row[name] for name in names] for row in judged.values()]).reshape(-1, len(names))
        result.append(replace(question, keys=tuple(keys[i] for i in judged), features=rows))
    return result


def main() -> None:
    """Fits, reports and writes; prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with one folder per question set")
    parser.add_argument("--ranker", default="packaged", help="as the setting: packaged, none, or a CrossEncoder")
    parser.add_argument("--out", type=Path, help="default: in the package, for a ranker of your own in the data folder")
    parser.add_argument("--into", type=Path, help="a file, README.md say, whose tables between the marks are replaced")
    given = parser.parse_args()
    if given.data is None and given.ranker in ("packaged", "none"):
        parser.error("--data is needed for what comes with the package")
    settings = load_settings(ranker=given.ranker)
    ranker = load_ranker(settings)
    kind = "with ranker" if ranker else "without ranker"
    half = FITTED_ON.get(given.ranker, "fit")
    fitting, reporting = (measure_half(name, given.data, settings, ranker) for name in (half, "report"))
    news = [question for question in fitting if question.source == NAME]
    model = calibrate(fit(fitting, list(range(len(FEATURES[kind])))), fitting)
    thresholds = choose_thresholds(model, news)
    figures = {
        "reporting": report(model, reporting, thresholds["answer"]),
        "by threshold": decisions(model, reporting),
        "calibration": calibration(model, [q for q in reporting if q.kind == "plain"]),
        "targets": targets(model, news, [question for question in reporting if question.source == NAME]),
        "ablation": ablate(kind, fitting, reporting),
    }
    console = Console(width=200)
    show(f"{kind}, answer at {thresholds['answer']}, nearest at {thresholds['nearest']}", figures["reporting"], console)
    show("right decisions by threshold", figures["by threshold"], console)
    show("calibration, made-up questions left out", figures["calibration"], console)
    show("news: thresholds by target on the fit split, their cost on dev", figures["targets"], console)
    show("further statements, news, fit", count_statements(model, news, thresholds["answer"]), console)
    show("ablation", figures["ablation"], console)
    ids = {"fit": ids_by_set(fitting), "report": ids_by_set(reporting)}
    out = given.out or (fitted_for(ranker, settings.home) if ranker and given.ranker != "packaged" else FITTED)
    write(out, model, thresholds, ranker, figures, {"fitted on": half, "ids": ids, "command": command(given)})
    console.print(f"written: {out}")
    if given.into is not None:
        for mark, table in markdown(json.loads(out.read_text(encoding="utf-8"))).items():
            replace_between(given.into, mark, table)
    for name, value in zip(FEATURES[kind], model.coefficients, strict=True):
        console.print(f"{name:20s} {value:+.3f}")


def command(given: argparse.Namespace) -> str:
    """The command as it is written down, without the place of the data."""
    data = " --data FOLDER" if given.data else ""
    return f"python -m evals.fit.evidence{data} --ranker {given.ranker}"


def measure_half(half: str, data: Path | None, settings: Settings, ranker: Ranker | None) -> list[Question]:
    """The questions of one half of all sets, with features; without ``data`` those of the project's own."""
    encoder, questions = load_encoder(settings), list[Question]()
    if data is not None:
        for source in SOURCES:
            corpus, mine = read_half(source, data, half)
            questions += measure(mine, corpus, source, encoder, ranker)
    return questions + measure_news(half, settings, encoder, ranker)


def ids_by_set(questions: Iterable[Question]) -> dict[str, list[str]]:
    """The ids of these questions by set, each once; those of ``evals.sets``."""
    found: dict[str, set[str]] = {name: set() for name in (*(source.folder for source in SOURCES), NAME)}
    for question in questions:
        found[question.source].add(question.id)
    return {name: sorted(ids) for name, ids in found.items()}


def write(
    out: Path,
    model: Model,
    thresholds: dict[str, float],
    ranker: Ranker | None,
    figures: dict[str, Any],
    provenance: dict[str, Any],
) -> None:
    """The JSON that ``assistant.evidence.Evidence.load`` reads, with where it comes from."""
    kind = "with ranker" if ranker else "without ranker"
    licences = {source.folder: {"licence": source.licence, "most per side and half": source.cap} for source in SOURCES}
    licences |= {NAME: {"licence": LICENCE}}
    provenance = {
        "sets": {name: licence for name, licence in licences.items() if provenance["ids"]["fit"][name]},
        "split": "half of the topics for fitting, half for reporting: sha256 of the topic, odd to reporting; untitled to fitting",
        "intervals": f"95 %, {SAMPLES} bootstrap resamples of the topics",
        "encoder": load_encoder(Settings()).fingerprint,
    } | provenance
    fitted = {
        "name": "evidence-lr-4" if ranker else "evidence-lr-3",
        "ranker": ranker.fingerprint if ranker else None,
        "features": list(FEATURES[kind]),
        "coefficients": [round(float(value), 5) for value in model.coefficients],
        "mean": [round(float(value), 5) for value in model.mean],
        "scale": [round(float(value), 5) for value in model.scale],
        "intercept": round(model.intercept, 5),
        "thresholds": thresholds,
        "provenance": provenance,
        "figures": figures,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    both: dict[str, Any] = json.loads(out.read_text(encoding="utf-8")) if out.is_file() else {}
    out.write_text(json.dumps(both | {kind: fitted}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
