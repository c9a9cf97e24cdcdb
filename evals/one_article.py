"""One article, twenty questions: how often the assistant answers with the right sentence, and declines what is not there.

    python -m evals.one_article tests/data/2024-10-25-newspaper-report.txt tests/data/newspaper_report_questions.jsonl

A question is answered rightly when a statement covers a gold sentence. Gold is a verbatim sentence (``gold``) or, for the article
that our retelling is of and that the project does not contain, a range of characters of the file (``--gold gold_original``).
No coefficient is fitted on any of these files. But the failures of ``newspaper_report_questions.jsonl`` were looked at while
features were chosen; ``newspaper_report_blind.jsonl``, ``_third`` and ``_fourth`` were written by others who had seen no code and
no result, and each was first asked when everything was fitted. From then on it is no longer blind either.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from assistant import Answer, Article, Assistant, BadInput
from evals.run import own_settings
from evals.schema import read_text


@dataclass(frozen=True, slots=True)
class Case:
    """One question with what was answered, and whether that was right."""

    question: str
    answerable: bool
    answer: Answer
    right: bool


def run(article: Path, questions: Path, *, gold: str, around: Sequence[Path] = ()) -> Iterator[Case]:
    """Ask every question with this article stored, and ``around`` it others, in a data folder of its own.

    Raises BadInput, before anything is asked, where a file is not UTF-8 or a line of ``questions`` cannot be read.
    """
    rows = list(_read(questions, gold))
    with tempfile.TemporaryDirectory() as home, Assistant(own_settings(Path(home))) as assistant:
        report = assistant.add([article, *around])
        if report.failed:
            raise SystemExit(f"{report.failed[0].where}: {report.failed[0].reason}")
        stored = assistant.article(article.name)
        assert isinstance(stored, Article)
        for asked in rows:
            answer = assistant.ask(asked["question"])
            ranges = _gold_ranges(stored, article, asked[gold])
            right = _covers(answer, stored.id, ranges) if asked["answerable"] else answer.abstained
            yield Case(asked["question"], asked["answerable"], answer, right)


def _read(questions: Path, gold: str) -> Iterator[dict[str, Any]]:
    """The lines of a file of questions, but for blank ones. Raises BadInput, which names file and line."""
    for number, line in enumerate(read_text(questions).split("\n"), 1):
        if not line.strip():
            continue
        where, fields = f"{questions.name}:{number}", ("question", "answerable", gold)
        try:
            asked = json.loads(line)
        except ValueError as error:
            raise BadInput(f"{where}: {error}", hint="A line is a JSON object.") from error
        if missing := [name for name in fields if not isinstance(asked, dict) or name not in asked]:
            raise BadInput(f"{where} has no {', '.join(missing)}", hint=f"A line has {', '.join(fields)}.")
        yield asked


def _gold_ranges(article: Article, file: Path, gold: Sequence[dict[str, Any]]) -> list[tuple[int, int]]:
    """The gold sentences as ranges of the article's text, which starts somewhere in its file."""
    text = unicodedata.normalize("NFC", read_text(file))
    ranges: list[tuple[int, int]] = []
    for one in gold:
        quote = one["quote"] if "quote" in one else text[one["start"] : one["end"]]
        if article.text.count(quote) != 1:
            raise SystemExit(f"the article does not contain this gold sentence once: {quote}")
        start = article.text.index(quote)
        ranges.append((start, start + len(quote)))
    return ranges


def _covers(answer: Answer, article_id: str, gold: Sequence[tuple[int, int]]) -> bool:
    """Whether a citation of the article contains one of the gold sentences."""
    cited = [c for statement in answer.statements for c in statement.citations if c.article_id == article_id]
    return any(c.start <= start and end <= c.end for c in cited for start, end in gold)


def show(cases: Sequence[Case], console: Console) -> None:
    """Print a row a question and the two counts."""
    table = Table("right", "said", "confidence", "question", "first statement or reason", box=None)
    for case in cases:
        said = case.answer.statements[0].text if case.answer.statements else case.answer.reason
        right = "yes" if case.right else "NO"
        table.add_row(right, case.answer.outcome, f"{case.answer.confidence:.2f}", case.question, said)
    console.print(table)
    for kind, answerable in (("answered rightly", True), ("declined", False)):
        rows = [case.right for case in cases if case.answerable == answerable]
        console.print(f"{kind}: {sum(rows)} of {len(rows)}")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("article", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--gold", default="gold", choices=["gold", "gold_original"])
    parser.add_argument("--around", type=Path, nargs="*", default=[], help="other articles to store as well")
    chosen = parser.parse_args()
    try:
        cases = list(run(chosen.article, chosen.questions, gold=chosen.gold, around=chosen.around))
    except BadInput as error:
        parser.error(f"{error}. {error.hint}")
    show(cases, Console())


if __name__ == "__main__":
    main()
