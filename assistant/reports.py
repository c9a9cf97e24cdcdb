"""What add, sync, remove and doctor found, as text for a terminal and as JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from assistant.doctor import Health
from assistant.schema import AddReport


def json_value(noun: Any) -> Any:
    """A noun of the schema, or a collection of them, as JSON values: fields by name, dates as ISO strings."""
    if is_dataclass(noun):
        return {field.name: json_value(getattr(noun, field.name)) for field in fields(noun)}
    if isinstance(noun, Mapping):
        return {str(key): json_value(value) for key, value in noun.items()}
    if isinstance(noun, (list, tuple)):
        return [json_value(value) for value in noun]
    if isinstance(noun, (date, datetime)):
        return noun.isoformat()
    return str(noun) if isinstance(noun, Path) else noun


def report_text(report: AddReport) -> str:
    """One line on what was done, then a line for each note and for what is still to come."""
    counted = {
        "added": report.added,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "removed": report.removed,
        "failed": report.failed,
    }
    lines = [", ".join(f"{len(ids):,} {word}" for word, ids in counted.items() if ids) or "nothing to do"]
    if report.tombstoned:
        lines.append(f"{len(report.tombstoned):,} were removed before and stay so; bring them back with --again")
    lines.extend(report.notes)
    if report.pending_vectors:
        lines.append(f"findable by words; {report.pending_vectors:,} passages are still to be embedded")
    return "\n".join(lines)


def pending_text(before: int, now: int) -> str:
    """One line on how far embedding has come since the report, in which ``before`` passages were waiting."""
    if not now:
        return f"findable by meaning too: {before:,} passages were embedded"
    return f"{now:,} passages wait for a running chat, which embeds them, or for the next: assistant sync"


def health_text(health: Health) -> str:
    """The doctor's findings, a heading for each kind; problems last, where they are seen."""
    sections = {
        "versions": [f"{name} {number}" for name, number in health.versions.items()],
        "models": [f"encoder {health.encoder}", f"ranker {health.ranker}"],
        "index": [
            f"{name}: {'not counted, another process owns it or it cannot be used' if n is None else f'{n:,}'}"
            for name, n in health.counts.items()
        ],
        "settings": [f"{name} = {value}" for name, value in health.settings.items()],
        "leaves the machine": list(health.leaves_the_machine) or ["nothing"],
        "problems": [f"{problem.what}\n    {problem.hint}" for problem in health.problems] or ["none"],
    }
    return "\n".join(f"{heading}\n" + "\n".join(f"  {line}" for line in lines) for heading, lines in sections.items())
