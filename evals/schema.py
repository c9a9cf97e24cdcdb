"""Questions as they lie in ``evals/questions`` and ``evals/practice``: files of one JSON object a line.

``evals/questions/README.md`` explains every field and kind. Reading is strict: a misspelt field is an error, not ignored.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from assistant import BadInput, Filters, Turn

Split = Literal["fit", "dev", "held"]
Answerable = Literal[
    "fact", "number", "who-said", "when", "yes-no", "several-articles", "comparison", "time-order", "conflict", "corrected",
    "date-window", "as-of", "independent-sources", "quote-source", "paraphrase", "misspelt", "follow-up", "other-language",
]  # fmt: skip
Unanswerable = Literal["absent-fact", "false-premise", "swapped", "off-topic"]

SPLITS: tuple[Split, ...] = get_args(Split)
UNANSWERABLE: tuple[str, ...] = get_args(Unanswerable)
KINDS: tuple[str, ...] = (*get_args(Answerable), *UNANSWERABLE)

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
HERE = Path(__file__).resolve().parent
QUESTIONS = HERE / "questions"
CORPUS = HERE.parent / "corpus"
PRACTICE = HERE / "practice"  # invented stories and questions about them, to try things out on; its README says more


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Span(_Strict):
    """Whole sentences of an article: ``quote`` is its characters ``[start, end)``. The positions are None until filled in."""

    article: str
    quote: str = Field(min_length=1)
    start: int | None = None
    end: int | None = None


class EarlierTurn(_Strict):
    """A question asked before and the gold sentence that answered it."""

    question: str
    answer: str = ""


class Question(_Strict):
    """One question with its gold.

    ``evidence`` holds the pieces that are all needed, each a sequence of alternative spans; ``points`` the things an answer must
    say, each a sequence of alternative wordings. Both are empty where the question is not answerable.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    story: str
    kind: Answerable | Unanswerable
    question: str = Field(min_length=3)
    answerable: bool
    evidence: tuple[tuple[Span, ...], ...] = ()
    points: tuple[tuple[str, ...], ...] = ()
    why_not: str | None = None
    nearest: str | None = None
    as_of: date | None = None
    since: date | None = None
    until: date | None = None
    source: str | None = None
    turns: tuple[EarlierTurn, ...] = ()
    chain: str | None = None
    yes: bool | None = None

    @property
    def filters(self) -> Filters:
        """The limits that the question is asked under."""
        return Filters(self.as_of, self.since, self.until, self.source)

    @property
    def earlier(self) -> tuple[Turn, ...]:
        """The turns before it, oldest first."""
        return tuple(Turn(turn.question, turn.answer) for turn in self.turns)

    @property
    def gold_articles(self) -> frozenset[str]:
        """Every article that holds a piece of the evidence."""
        return frozenset(span.article for piece in self.evidence for span in piece)


def read_questions(files: Iterable[Path]) -> list[Question]:
    """The questions of these files in order. Raises BadInput, which names the file and, where it is UTF-8, line and field."""
    return [question for file in files for _, question in read_numbered(file)]


def read_numbered(file: Path) -> list[tuple[int, Question]]:
    """The questions of one file with their line numbers. Raises BadInput as ``read_questions`` does."""
    if not file.is_file():
        raise BadInput(
            f"there is no file {file}", hint="Name a .jsonl file of questions, see evals/questions/README.md."
        )
    found = []
    for number, line in enumerate(read_text(file).split("\n"), 1):  # JSON may hold what splitlines() cuts at, U+2028
        if not line.strip():
            continue
        try:
            found.append((number, Question.model_validate_json(line)))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "line"
            raise BadInput(
                f"{file.name}:{number}: {where}: {first['msg']}",
                hint="The fields are explained in evals/questions/README.md.",
            ) from error
    return found


def read_text(file: Path) -> str:
    """The text of a file, line ends as ``\\n``. Raises BadInput where it is not UTF-8."""
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise _not_utf8(file, error) from error


def _not_utf8(file: Path, error: UnicodeDecodeError) -> BadInput:
    return BadInput(f"{file} is not UTF-8: {error.reason} at byte {error.start}", hint="Save it as UTF-8.")


def question_files(folder: Path = QUESTIONS) -> list[Path]:
    """The question files of a folder, sorted. Raises BadInput where there is none."""
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise BadInput(f"there are no questions in {folder}", hint="Put .jsonl files there, or name another folder.")
    return files


def named_files(named: Sequence[Path]) -> list[Path]:
    """These question files, those of a folder in its place; without any, all of ``evals/questions``. Raises BadInput as above."""
    found = [question_files(path) if path.is_dir() else [path] for path in named or [QUESTIONS]]
    return [file for files in found for file in files]


def splits_of(files: Iterable[Path]) -> dict[str, Split]:
    """Which split a story belongs to, from ``splits.json`` beside these files; where there is none, that of ``evals/questions``.

    Raises BadInput as ``read_splits`` does.
    """
    folders = {file.parent if (file.parent / "splits.json").is_file() else QUESTIONS for file in files}
    return {story: split for folder in sorted(folders) for story, split in read_splits(folder).items()}


def read_splits(folder: Path = QUESTIONS) -> dict[str, Split]:
    """Which split a story belongs to, from ``splits.json``. Raises BadInput where it is damaged or a split has another name."""
    stories: dict[str, Split] = {}
    for split, names in read_lists(folder / "splits.json").items():
        if split not in SPLITS:
            raise BadInput(f"there is no split {split}", hint=f"The splits are {', '.join(SPLITS)}.")
        stories |= dict.fromkeys(names, split)
    return stories


def read_lists(file: Path) -> dict[str, list[str]]:
    """Lists of texts by name, from a JSON file. Raises BadInput where it is missing or holds something else."""
    try:
        return TypeAdapter(dict[str, list[str]]).validate_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise BadInput(
            f"{file} cannot be read: {reason}", hint='It holds lists of texts by name: {"name": ["text", …], …}.'
        ) from error


def select(questions: Sequence[Question], splits: Iterable[Split], stories: dict[str, Split]) -> list[Question]:
    """The questions of the stories of these splits."""
    chosen = set(splits)
    return [question for question in questions if stories.get(question.story) in chosen]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """An article as its file states it, read without the program: what a citation is held against.

    ``text`` follows the rules in README.md on their own: what stands behind the front matter, NFC, ``\\n`` line ends, leading
    blank lines dropped. ``front`` are the fields as written.
    """

    text: str
    front: Mapping[str, object]

    @classmethod
    def read(cls, path: Path) -> SourceFile:
        """A Markdown file with front matter. Raises BadInput where it has none, or cannot be read."""
        try:
            written = path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise _not_utf8(path, error) from error
        written = unicodedata.normalize("NFC", re.sub(r"\r\n?", "\n", written))
        parts = written.split("---\n", 2)
        if len(parts) < 3 or not (front := _front(path, parts[1])):
            raise BadInput(
                f"{path} has no front matter", hint="The corpus of an evaluation is Markdown with front matter."
            )
        return cls(stored_text(parts[2]), front)

    def field(self, name: str) -> str | None:
        """A field of the front matter as text, None where the file does not state it."""
        value = self.front.get(name)
        return None if value is None else str(value)


def stored_text(text: str) -> str:
    """A text as the assistant stores it, by the rules of README.md and without the program."""
    lines = composed(text).split("\n")
    while lines and not lines[0].strip():
        lines.pop(0)
    return "\n".join(lines)


def composed(text: str) -> str:
    """NFC, ``\\n`` line ends, no byte order mark, a space for other control characters but tabs."""
    text = re.sub(r"\r\n?|[\u2028\u2029]", "\n", text).replace("\ufeff", "")
    return unicodedata.normalize("NFC", re.sub(r"[\ud800-\udfff]", "\ufffd", _CONTROLS.sub(" ", text)))


def _front(path: Path, written: str) -> Mapping[str, object]:
    """The fields of a front matter, none where nothing is written. Raises BadInput, which names file and line."""
    hint = 'It holds one field a line. A value with a colon needs quotation marks: title: "One: two".'
    try:
        fields = yaml.load(written, Loader=yaml.BaseLoader) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or getattr(error, "reason", "it is not YAML")
        where = f"{path}:{mark.line + 2}" if mark else str(path)  # the first line is the rule above it
        raise BadInput(f"{where}: the front matter cannot be read: {reason}", hint=hint) from error
    if not isinstance(fields, dict):
        raise BadInput(f"{path}: the front matter has no fields", hint=hint)
    return fields


def read_sources(folder: Path = CORPUS) -> dict[str, SourceFile]:
    """Every Markdown file of the corpus by its article id."""
    return {path.relative_to(folder).as_posix(): SourceFile.read(path) for path in sorted(folder.rglob("*.md"))}
