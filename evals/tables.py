"""Figures as tables: in the terminal, and as Markdown between two marks of the README."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from assistant import BadInput
from evals.compare import Difference
from evals.metrics import Interval
from evals.run import Case
from evals.summary import Summary

Rows = Mapping[str, Mapping[str, Interval]]


def show(summary: Summary, console: Console) -> None:
    """Print every table of a summary, and each broken promise."""
    for title, rows in (("Answers, by kind", summary.answers), ("Where the evidence is found", summary.retrieval)):
        if rows:
            console.print(table(title, rows))
    for title, figures in (("Declining", summary.declines), ("Rules of thumb, share right", summary.baselines)):
        if figures:
            console.print(table(f"{title}, {summary.over}", {name: {"": value} for name, value in figures.items()}))
    for stage, seconds in summary.seconds.items():
        console.print(f"{stage:7}" + "".join(f"  {name} {value:.3f} s" for name, value in seconds.items()))
    console.print(f"{len(summary.broken)} broken promises")
    for broken in summary.broken:
        console.print(f"  {broken}", markup=False)


def show_differences(differences: Sequence[Difference], console: Console, *, most: int) -> None:
    """Print the verdicts and the questions decided and answered otherwise, with both answers."""
    for difference in differences:
        console.print(difference_line(difference), markup=False, highlight=False)
    decided = [difference for difference in differences if difference.measure.endswith("rightly")]
    lost = [pair for difference in decided for pair in difference.lost]
    won = [pair for difference in decided for pair in difference.won]
    for name, pairs in (("lost", lost), ("won", won)):
        for before, after in pairs[:most]:
            console.print(f"\n{name} {after.id} ({after.kind}): {after.question}", markup=False, highlight=False)
            for label, case in (("before", before), ("after", after)):
                console.print(f"  {label:6} {said(case)}", markup=False, highlight=False)
        if len(pairs) > most:
            console.print(f"\n… and {len(pairs) - most} more {name}")


def difference_line(difference: Difference) -> str:
    """One measure in a line: both values, the change with its interval, and the verdict."""
    change = difference.change
    values = f"{difference.before:.3f} → {difference.after:.3f}, change {change.value:+.3f}"
    counts = f"over {change.n} questions, {len(difference.won)} won, {len(difference.lost)} lost"
    return f"{difference.measure}: {values} [{change.low:+.3f}, {change.high:+.3f}] {counts}: {difference.verdict}"


def said(case: Case) -> str:
    """What a case answered, in a line."""
    texts = [f"“{' '.join(statement['text'].split())}”" for statement in case.answer["statements"]]
    texts = [case.answer["lead"], *texts] if case.answer.get("lead") else texts
    return " ".join(texts) or f"{case.answer['outcome']}: {case.answer['reason']}"


def written(interval: Interval) -> str:
    """``0.81 [0.75, 0.86]``, or a dash where there is no figure."""
    if math.isnan(interval.value):
        return "–"
    return f"{interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def markdown(rows: Rows, first: str) -> str:
    """Rows as a Markdown table; ``n`` is the second column."""
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    lines = [f"| {first} | n | {' | '.join(columns)} |", "|---" * (len(columns) + 2) + "|"]
    for name, row in rows.items():
        cells = [written(row[column]) if column in row else "" for column in columns]
        lines.append(f"| {name} | {max(interval.n for interval in row.values())} | {' | '.join(cells)} |")
    return "\n".join(lines)


def blocks(summary: Summary, other: Path) -> dict[str, str]:
    """The tables of the README by the name of their marks; those of other sets where their figures have been saved."""
    found = {
        "eval:kinds": markdown(summary.answers, "questions"),
        "eval:engines": markdown(summary.retrieval, "engine"),
        "eval:declining": markdown(
            {name: {"": value} for name, value in summary.declines.items()}, f"figure, {summary.over}"
        ),
        "eval:rules": markdown(
            {name: {"share right": value} for name, value in summary.baselines.items()}, f"rule, {summary.over}"
        ),
    }
    if other.is_file():
        found["eval:sets"] = _saved_sets(json.loads(other.read_text(encoding="utf-8")))
    return found


def _saved_sets(saved: Mapping[str, Any]) -> str:
    """The table of other people's sets, and under it the sets on which promises were broken; older files do not say which."""
    sets: Mapping[str, Mapping[str, Mapping[str, Any]]] = saved["sets"]
    rows = {name: {column: Interval(**value) for column, value in row.items()} for name, row in sets.items()}
    broken = ", ".join(f"{name} {count}" for name, count in saved.get("broken", {}).items() if count)
    return markdown(rows, "set") + (f"\n\nBroken promises: {broken}." if broken else "")


def replace_between(path: Path, name: str, text: str) -> None:
    """Put text between ``<!-- NAME -->`` and ``<!-- /NAME -->`` of a file. Raises BadInput where the marks are missing."""
    whole = path.read_text(encoding="utf-8")
    marks = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- /{re.escape(name)} -->)", re.DOTALL)
    if not marks.search(whole):
        raise BadInput(f"{path} has no marks for {name}", hint=f"Add <!-- {name} --> and <!-- /{name} --> to it.")
    path.write_text(marks.sub(lambda found: f"{found[1]}{text}\n{found[2]}", whole), encoding="utf-8")


def table(title: str, rows: Rows) -> Table:
    """Rows for the terminal; ``n`` is the second column."""
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    drawn = Table("", "n", *columns, title=title, title_justify="left", box=None)
    for name, row in rows.items():
        cells = [written(row[column]) if column in row else "" for column in columns]
        drawn.add_row(name, str(max(interval.n for interval in row.values())), *cells)
    return drawn
