"""A file of questions answered into a file of answers, one JSON line each, resumable: questions answered already are skipped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from assistant import rendering
from assistant.assistant import Assistant
from assistant.errors import AssistantError, BadInput
from assistant.indexing import Progress
from assistant.schema import Failure, Filters, Turn


class EarlierTurn(BaseModel):
    """One earlier question and what was answered."""

    question: str
    answer: str = ""


class WrittenQuestion(BaseModel):
    """A question as it comes in a file or over HTTP; ``since`` and ``until`` are inclusive, ``as_of`` is treated as today."""

    question: str
    turns: list[EarlierTurn] = Field(default_factory=list)
    as_of: date | None = None
    since: date | None = None
    until: date | None = None
    source: str | None = None


class _Line(WrittenQuestion):
    id: str


def answer_written(assistant: Assistant, asked: WrittenQuestion, filters: Filters | None = None) -> dict[str, Any]:
    """The answer in its JSON form, under these filters; those of the question win. Raises as ``Assistant.ask`` does."""
    turns = [Turn(turn.question, turn.answer) for turn in asked.turns]
    named = asked.model_dump(include={"as_of", "since", "until", "source"}, exclude_none=True)
    return rendering.answer_dict(
        assistant.ask(asked.question, turns=turns, filters=replace(filters or Filters(), **named))
    )


def answer_file(
    assistant: Assistant, questions: Path, out: Path, *, filters: Filters, on_progress: Progress
) -> list[Failure]:
    """Append an answer with its ``id`` to ``out`` for every line of ``questions`` that has none there yet.

    Returns the lines that could not be answered; they are written as no answer, so a corrected file can be run again. A line's
    own dates and source win over those of the filters. Raises BadInput where a file cannot be used.
    """
    if not questions.is_file():
        raise BadInput(f"there is no file {questions}", hint="Name a file of JSON lines with id and question.")
    lines = [(number, line) for number, line in enumerate(_lines(questions), 1) if line.strip()]
    done = _answered(out)
    failed: list[Failure] = []
    with out.open("a", encoding="utf-8") as file:
        for count, (number, line) in enumerate(lines):
            on_progress("Answering", count, len(lines))
            try:
                asked = _Line.model_validate_json(line)
                if asked.id in done:
                    continue
                found = answer_written(assistant, asked, filters)
            except ValidationError as error:
                first = error.errors()[0]
                reason = f"{'.'.join(str(part) for part in first['loc']) or 'line'}: {first['msg']}"
                failed.append(
                    Failure(f"{questions}:{number}", reason, 'A line is {"id": "q1", "question": "Who said so?"}')
                )
            except AssistantError as error:
                failed.append(Failure(f"{questions}:{number}", str(error), error.hint))
            else:
                done.add(asked.id)
                file.write(json.dumps({"id": asked.id} | found, ensure_ascii=False) + "\n")
                file.flush()
        on_progress("Answering", len(lines), len(lines))
    return failed


def _answered(out: Path) -> set[str]:
    """The ids in an answers file. A last line that an interruption cut off is removed. Raises BadInput for another file."""
    if not out.exists():
        return set()
    raw = out.read_bytes()  # the cut may be within a character
    whole = raw[: raw.rfind(b"\n") + 1]
    try:
        ids = {str(json.loads(line)["id"]) for line in whole.split(b"\n") if line}
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{out} is no file of answers", hint="Name a new file; nothing was changed.") from error
    if whole != raw:
        out.write_bytes(whole)
    return ids


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield from file
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8", hint="Save it as UTF-8.") from error
