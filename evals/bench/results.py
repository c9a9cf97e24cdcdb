"""What was measured, kept as JSON part by part, so that a run can be partial and go on; and the table that is printed from it."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]
"""One line of the table: column → text, a number, or None where there is no figure."""


def figure(name: str, value: float | None, unit: str, wanted: str = "") -> Row:
    """One figure of the table of adding; ``wanted`` is what it should be."""
    return {"figure": name, "value": value, "unit": unit, "wanted": wanted}


def keep(file: Path, part: str, rows: Sequence[Row]) -> None:
    """Put the rows of a part into the file in place of those it had, with the machine and the moment."""
    kept = read(file)
    kept[part] = {"rows": list(rows), "machine": machine(), "when": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"}
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(file.name + ".partial")
    partial.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    partial.replace(file)


def read(file: Path) -> dict[str, Any]:
    """The kept parts by name; none where there is no file yet."""
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found


def table(file: Path, order: Sequence[str]) -> str:
    """The kept parts as one Markdown table, in this order, and below it a line for every machine that measured."""
    kept = read(file)
    parts = [name for name in order if name in kept]
    lines = [markdown([row for name in parts for row in kept[name]["rows"]]), ""]
    for said in dict.fromkeys(kept[name]["machine"] for name in parts):
        measured = [f"{name} {kept[name]['when']}" for name in parts if kept[name]["machine"] == said]
        lines.append(f"{said} ({'; '.join(measured)})  ")
    return "\n".join(lines).rstrip() + "\n"


def markdown(rows: Sequence[Row]) -> str:
    """Rows as a Markdown table; the columns are all that occur, in order of appearance."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    return "\n".join(lines + [f"| {' | '.join(written(row.get(column, '')) for column in columns)} |" for row in rows])


def written(value: Any) -> str:
    """A cell: whole numbers in full, others with three significant digits, a dash where there is no figure."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 0.995 else f"{value:.3f}"


def machine() -> str:
    """What measured: cores, processor, Python, torch and its threads, and whether the processor has bfloat16."""
    import torch

    processor, flags = _processor()
    has = "unknown" if not flags else "yes" if {"avx512_bf16", "amx_bf16", "bf16"} & flags else "no"
    device = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{cores} cores ({processor}){device}, Python {platform.python_version()} on {sys.platform},"
        f" torch {torch.__version__} with {torch_threads()} threads by default, bfloat16 in the processor: {has}"
    )


def torch_threads() -> int:
    """The threads that torch takes where nobody has told it: one for each core that this process may use."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return int(told) if told.isdigit() else cores


def _processor() -> tuple[str, frozenset[str]]:
    """Its name and what it can do, from Linux; elsewhere its name only."""
    info = Path("/proc/cpuinfo")
    if not info.is_file():
        return platform.processor() or platform.machine(), frozenset()
    fields = [line.split(":", 1) for line in info.read_text(encoding="utf-8").splitlines() if ":" in line]
    named = {name.strip(): value.strip() for name, value in fields}
    return named.get("model name", platform.machine()), frozenset(named.get("flags", named.get("Features", "")).split())
