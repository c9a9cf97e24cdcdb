"""Fits ``assistant/fitted/fusion.json``: how much of the fused score is the dense one, and what a match in the title weighs.

    python -m evals.fit.fusion --data FOLDER [--out FILE] [--cap N]

FOLDER holds one folder per question set (``evals.layouts.KNOWN``). Every question is searched once by words and once by vectors
among the articles of its half; the weights are then swept through the product's own ``fuse``. They are chosen on the fitting
halves alone (``choose``); a reporting half on which the fused ranking is worse than BM25 alone is named. Deterministic,
but for the far hits of Chroma's approximate search: a rebuilt index now and then swaps one.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from assistant import load_settings
from assistant.models import Encoder, load_encoder
from evals import metrics
from evals.compare import ALPHA
from evals.fit.searching import Ranks, Searched, search_set, search_shipped
from evals.layouts import KNOWN
from evals.metrics import Interval
from evals.run import commit
from evals.schema import QUESTIONS
from evals.sets import Half, load_shared

CAP = 250  # answerable questions of a half: about a quarter of an hour on two cores for all sets
DENSE = tuple(step / 20 for step in range(21))
TITLE = (0.0, 0.25, 0.5, 1.0, 2.0)
DENSE_BEFORE, TITLE_BEFORE = 0.4, 0.5  # what the settings said before anything was fitted
SHIPPED = "evals/questions"
MEASURES: Mapping[str, Callable[[Ranks], float]] = {
    "evidence@1": lambda ranks: metrics.recall_at(ranks, 1),
    "evidence@5": lambda ranks: metrics.recall_at(ranks, 5),
    "MRR": metrics.reciprocal_rank,
}
_AGAINST = " − BM25"
_SPLIT = (
    "half of the topics for fitting, half for reporting: sha256 of the topic, odd to reporting; untitled to fitting"
)

Sets = Mapping[str, Sequence[Searched]]
Ranked = Mapping[str, Sequence[Ranks]]  # by set, in the order of its questions
Figures = Mapping[str, Mapping[str, Mapping[str, Interval | float]]]  # by set, ranking and measure


def sweep(sets: Sets, title: float) -> dict[float, Ranked]:
    """The ranks of every question by dense weight."""
    return {
        dense: {name: [question.ranks(dense, title) for question in questions] for name, questions in sets.items()}
        for dense in DENSE
    }


def choose(sets: Sets, swept: Mapping[float, Ranked]) -> float:
    """The least dense weight that is as good as the best: nearest to BM25 alone, which is hard to beat at rank 1.

    As good means that MRR over the topics of all sets, every set weighing the same, is not significantly lower than with the best
    weight, and that no set is significantly worse than by BM25 alone, in any measure.
    """
    best = swept[max(DENSE, key=lambda dense: (over_sets(swept[dense]), -dense))]
    as_good = [dense for dense in DENSE if not is_lower(sets, best, swept[dense])]
    return next((dense for dense in as_good if not lost(sets, swept[0.0], swept[dense])), 0.0)


def choose_title(sets: Sets, best: Mapping[float, Ranked], usual: float) -> float:
    """The title weight, from what each gives with the dense weight that is best for it.

    The one with the best mean takes the place of the usual one where it pays: its MRR is significantly better over the topics of
    all sets, every set weighing the same, and it makes no set significantly worse.
    """
    winner = max(best, key=lambda title: (over_sets(best[title]), -abs(title - usual)))
    pays = is_lower(sets, best[winner], best[usual]) and not lost(sets, best[usual], best[winner])
    return winner if pays else usual


def is_lower(sets: Sets, before: Ranked, after: Ranked) -> bool:
    """Whether MRR is significantly lower after than before, over the topics of all sets, every set weighing the same."""
    everything = [question for questions in sets.values() for question in questions]
    changed = [change / len(sets[name]) for name in sets for change in changes("MRR", before[name], after[name])]
    return p_lost(everything, changed) < ALPHA


def lost(sets: Sets, before: Ranked, after: Ranked) -> list[tuple[str, str]]:
    """Each set and measure with a significant loss."""
    return [
        (name, m)
        for name in sets
        for m in MEASURES
        if p_lost(sets[name], changes(m, before[name], after[name])) < ALPHA
    ]


def p_lost(questions: Sequence[Searched], changed: Sequence[float]) -> float:
    """One-sided p of a loss as large by chance, the questions of a topic flipped together, as in ``evals.compare``."""
    topics: dict[str, float] = {}
    for question, change in zip(questions, changed, strict=True):
        topics[question.topic] = topics.get(question.topic, 0.0) + change
    return metrics.sign_flip(list(topics.values()))


def changes(name: str, before: Sequence[Ranks], after: Sequence[Ranks]) -> list[float]:
    """A measure after minus before, question by question."""
    of = MEASURES[name]
    return [of(b) - of(a) for a, b in zip(before, after, strict=True)]


def over_sets(ranked: Ranked) -> float:
    """The mean over the sets of their MRR."""
    return metrics.mean([mrr(ranks) for ranks in ranked.values()])


def mrr(ranks: Sequence[Ranks]) -> float:
    """The mean of the reciprocal ranks."""
    return metrics.mean([metrics.reciprocal_rank(one) for one in ranks])


def measure(sets: Sets, weights: Sequence[float], title: float) -> Figures:
    """Per set and ranking every measure with its interval over topics; then what fusing with each of these dense weights changes
    against BM25 alone, question by question, with p.
    """
    found = dict[str, dict[str, dict[str, Interval | float]]]()
    for name, questions in sets.items():
        topics = [question.topic for question in questions]
        fused = {weight: [question.ranks(weight, title) for question in questions] for weight in weights}
        words = [question.ranks(0.0, title) for question in questions]
        rankings = {"BM25 alone": words, "dense alone": [question.vector_ranks for question in questions]}
        rankings |= {f"fused, {weight}": ranks for weight, ranks in fused.items()}
        found[name] = {
            label: {m: metrics.bootstrap_share(topics, [of(one) for one in ranks]) for m, of in MEASURES.items()}
            for label, ranks in rankings.items()
        }
        for weight, ranks in fused.items():
            row = found[name][f"{weight}{_AGAINST}"] = {}
            for m in MEASURES:
                changed = changes(m, words, ranks)
                row |= {m: metrics.bootstrap_mean(topics, changed), f"p worse, {m}": p_lost(questions, changed)}
    return found


def by_set(ranked: Ranked) -> dict[str, float]:
    """The mean over the sets and the MRR of each, to four digits."""
    return {"mean": round(over_sets(ranked), 4)} | {name: round(mrr(ranks), 4) for name, ranks in ranked.items()}


def show_sweep(title: str, rows: Mapping[float, Mapping[str, float]], console: Console) -> None:
    """Print one row a weight."""
    table = Table("", *next(iter(rows.values())), title=title, title_justify="left", box=None)
    for weight, row in rows.items():
        table.add_row(f"{weight:.2f}", *(f"{cell:.3f}" for cell in row.values()))
    console.print(table)


def show(figures: Figures, console: Console) -> None:
    """Print the figures as a table and name the sets that fusing makes worse."""
    columns = [*MEASURES, *(f"p worse, {m}" for m in MEASURES)]
    table = Table("set", "n", "ranking", *columns, title="Reporting halves", title_justify="left", box=None)
    for name, rows in figures.items():
        count = next(cell.n for cell in rows["BM25 alone"].values() if isinstance(cell, Interval))
        for label, row in rows.items():
            table.add_row(name, str(count), label, *(_cell(row[column]) if column in row else "" for column in columns))
    console.print(table)
    for where in worse(figures):
        console.print(f"WORSE than BM25 alone on a reporting half: {where}", highlight=False)


def worse(figures: Figures) -> list[str]:
    """Every significant loss against BM25 alone: the set, the dense weight, the measure and p."""
    return [
        f"{name}, {label.removesuffix(_AGAINST)}, {m}, p = {p:.3f}"
        for name, rows in figures.items()
        for label, row in rows.items()
        for m in MEASURES
        if isinstance(p := row.get(f"p worse, {m}"), float) and p < ALPHA
    ]


def _cell(value: Interval | float) -> str:
    return f"{value:.3f}" if isinstance(value, float) else f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"


def plain(figures: Figures) -> dict[str, Any]:
    """The figures to four digits for a JSON file: p as a number, the rest as value, low, high and number of questions."""
    return {
        name: {
            label: {
                m: round(cell, 4) if isinstance(cell, float) else [round(part, 4) for part in astuple(cell)]
                for m, cell in row.items()
            }
            for label, row in rows.items()
        }
        for name, rows in figures.items()
    }


def read(data: Path, half: Half, encoder: Encoder, cap: int, console: Console) -> dict[str, list[Searched]]:
    """One half of every set, searched; among the fitting halves the fitting questions of this project, where it has them."""
    found = dict[str, list[Searched]]()
    for name in (*KNOWN, SHIPPED):
        started = time.perf_counter()
        if name != SHIPPED:
            found[name] = search_set(load_shared(data / name, half=half, cap=cap), encoder, TITLE)
        elif half == "fit" and (QUESTIONS / "splits.json").is_file():
            found[name] = search_shipped(encoder, TITLE)
        else:
            continue
        took = time.perf_counter() - started
        console.print(f"{name}, half to {half}: {len(found[name])} questions, {took:.0f} s", highlight=False)
    return found


def provenance(fitting: Sets, reporting: Sets, encoder: Encoder, cap: int) -> dict[str, Any]:
    """Where the weights come from; the ids are those of ``evals.sets`` and of the question files."""
    return {
        "command": f"python -m evals.fit.fusion --data FOLDER --cap {cap}",
        "split": _SPLIT,
        "intervals": f"95 %, {metrics.SAMPLES} bootstrap resamples of the topics; p one-sided, signs of topics flipped",
        "commit": commit(),
        "encoder": {"name": encoder.name, "fingerprint": encoder.fingerprint},
        "sets": {
            name: {
                "licence": KNOWN[name].licence if name in KNOWN else "this project's",
                "fit": [question.id for question in fitting[name]],
                "report": [question.id for question in reporting.get(name, ())],
            }
            for name in fitting
        },
    }


def main() -> None:
    """Fits, reports and writes; prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with one folder per question set")
    parser.add_argument("--out", type=Path, default=Path("assistant/fitted/fusion.json"))
    parser.add_argument("--cap", type=int, default=CAP, help="answerable questions taken from each half of a set")
    given = parser.parse_args()
    console = Console(width=200)
    encoder = load_encoder(load_settings())
    fitting = read(given.data, "fit", encoder, given.cap, console)
    swept = {title: sweep(fitting, title) for title in TITLE}
    chosen = {title: choose(fitting, swept[title]) for title in TITLE}
    best = {title: swept[title][chosen[title]] for title in TITLE}
    title = choose_title(fitting, best, TITLE_BEFORE)
    by_dense = {dense: by_set(one) for dense, one in swept[title].items()}
    by_title = {one: {"dense weight": chosen[one], **by_set(best[one])} for one in TITLE}
    show_sweep(f"MRR on the fitting halves by dense weight, title weight {title}", by_dense, console)
    show_sweep("MRR on the fitting halves by title weight", by_title, console)
    reporting = read(given.data, "report", encoder, given.cap, console)
    figures = measure(reporting, sorted({DENSE_BEFORE, chosen[title]}), title)
    show(figures, console)
    console.print(f"dense weight {chosen[title]}, title weight {title}", highlight=False)
    fitted = {
        "name": "fusion-1",
        "dense_weight": chosen[title],
        "title_weight": title,
        "worse than BM25 alone on a reporting half": worse(figures),
        "figures": {
            "MRR on the fitting halves, by dense weight": by_dense,
            "MRR on the fitting halves, by title weight": by_title,
            "reporting halves: value, low, high, questions": plain(figures),
        },
        "provenance": provenance(fitting, reporting, encoder, given.cap),
    }
    given.out.write_text(json.dumps(fitted, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
