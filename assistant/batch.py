"""A file of questions answered into a file of answers, one JSON line each, resumable: questions answered already are skipped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assistant import rendering
from assistant.assistant import Assistant
from assistant.errors import BadInput
from assistant.indexing import Progress
from assistant.schema import Failure, Filters, Turn

_LINE = 'A line is {"id": "q1", "question": "Who said so?"}, with turns, as_of, since, until and source where wanted.'
_BEGINS = b'{"id": "'  # as a line of answers begins


class EarlierTurn(BaseModel):
    """One earlier question and what was answered."""

    model_config = ConfigDict(extra="forbid")

    question: str
    answer: str = ""


class WrittenQuestion(BaseModel):
    """A question as it comes in a file or over HTTP; ``since`` and ``until`` are inclusive, ``as_of`` is treated as today.

    A field of another name is refused: a limit that is misspelt would not limit.
    """

    model_config = ConfigDict(extra="forbid")

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
    if out.exists() and out.samefile(questions):
        raise BadInput(f"{out} holds the questions", hint="Name another file for the answers; nothing was changed.")
    lines = [(number, line) for number, line in enumerate(_lines(questions), 1) if line.strip()]
    done, seen, failed = _answered(out), set[str](), list[Failure]()
    with out.open("a", encoding="utf-8") as file:
        for count, (number, line) in enumerate(lines):
            on_progress("Answering", count, len(lines))
            try:
                asked = _Line.model_validate_json(line)
                if asked.id in seen:
                    raise BadInput(f"the id {asked.id} is used twice", hint="Give each question an id of its own.")
                seen.add(asked.id)
                if asked.id in done:
                    continue
                found = answer_written(assistant, asked, filters)
            except ValidationError as error:
                first = error.errors()[0]
                reason = f"{'.'.join(str(part) for part in first['loc']) or 'line'}: {first['msg']}"
                failed.append(Failure(f"{questions}:{number}", reason, _LINE))
            except BadInput as error:  # what is wrong with more than this line, a model or the data folder, ends it
                failed.append(Failure(f"{questions}:{number}", str(error), error.hint))
            else:
                file.write(json.dumps({"id": asked.id} | found, ensure_ascii=False) + "\n")
                file.flush()
        on_progress("Answering", len(lines), len(lines))
    return failed


def _answered(out: Path) -> set[str]:
    """The ids in an answers file. A last line that an interruption cut off is removed. Raises BadInput for another file."""
    if not out.exists():
        return set()
    raw = out.read_bytes()  # the cut may be within a character
    *lines, last = raw.split(b"\n")
    cut_off = last.startswith(_BEGINS[: len(last)]) and not _is_json(last)
    try:
        ids = {_answered_id(line) for line in [*lines, *([] if cut_off else [last])] if line}
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{out} is no file of answers", hint="Name a new file; nothing was changed.") from error
    if last:  # only the end is touched
        with out.open("r+b") as file:
            file.seek(len(raw) - len(last) if cut_off else len(raw))
            file.truncate()
            file.write(b"" if cut_off else b"\n")
    return ids


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _answered_id(line: bytes) -> str:
    """Raises ValueError, KeyError or TypeError where the line is no answer."""
    row = json.loads(line)
    if "outcome" not in row:  # the id of an article, say
        raise KeyError("outcome")
    return str(row["id"])


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield from file
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8", hint="Save it as UTF-8.") from error
