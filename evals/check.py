"""Whether the questions and the corpus fit together, said line by line, and the character positions of quotes filled in."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.schema import UNANSWERABLE, Question, SourceFile, Span, Split, read_lists, read_numbered, read_text
from evals.score import says, written_date

_UNQUOTED = {"quote-source", "independent-sources"}  # their points stand in the attribution, or are counted
_PAIRED = {"several-articles", "conflict"}  # these need more than one piece of evidence or point
_EXCERPT = re.compile(r"[“\"«„]([^”\"»“]{20,})[”\"»“]")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a line, where, and what to do about it."""

    where: str
    what: str
    hint: str


def check_files(
    files: Sequence[Path], sources: Mapping[str, SourceFile], stories: Mapping[str, Split]
) -> list[Problem]:
    """Every problem of these files, in order. Raises BadInput for a line that cannot be read at all."""
    lines = [(f"{file.name}:{number}", question) for file in files for number, question in read_numbered(file)]
    ids = Counter(question.id for _, question in lines)
    texts = Counter((question.question.casefold(), question.turns, question.filters) for _, question in lines)
    problems = []
    for where, question in lines:
        if ids[question.id] > 1:
            problems.append(
                Problem(where, f"the id {question.id} is used {ids[question.id]} times", "Give it another number.")
            )
        if texts[question.question.casefold(), question.turns, question.filters] > 1:
            problems.append(Problem(where, "the same question is asked twice", "Remove one, or ask it in other words."))
        problems += [Problem(where, what, hint) for what, hint in _problems(question, sources, stories)]
    return problems


def _problems(
    question: Question, sources: Mapping[str, SourceFile], stories: Mapping[str, Split]
) -> Iterator[tuple[str, str]]:
    """What is wrong with one question: the problem and a hint."""
    if question.story not in {source.field("story") for source in sources.values()}:
        yield f"no article has the story {question.story}", "Use the `story` of the article that answers it."
    elif question.story not in stories:
        yield f"the story {question.story} is in no split", "Add it to splits.json."
    if question.answerable == (question.kind in UNANSWERABLE):
        yield f"the kind {question.kind} does not go with answerable: {question.answerable}", "See the table of kinds."
    if question.answerable != bool(question.evidence) or question.answerable != bool(question.points):
        yield "evidence and points must be given where it is answerable, and nowhere else", "See the table of fields."
    if not question.answerable and not question.why_not:
        yield "why_not is missing", "Say in a sentence what the corpus lacks."
    if question.nearest is not None and question.nearest not in sources:
        yield f"there is no article {question.nearest}", "Name a file of corpus/, or leave `nearest` out."
    if (question.yes is not None) != (question.kind == "yes-no"):
        yield "`yes` goes with the kind yes-no, and only with it", "Say whether the answer is yes."
    if (question.kind == "follow-up") and not question.turns:
        yield "a follow-up has earlier turns", "List them in `turns`, oldest first."
    if question.kind in _PAIRED and max(len(question.evidence), len(question.points)) < 2:
        yield (
            f"{question.kind} needs two pieces of evidence or two points",
            "One per side or article; alternatives go into one.",
        )
    for piece in question.evidence:
        for span in piece:
            yield from _span_problems(question, span, sources, stories)
    quotes = " ".join(span.quote for piece in question.evidence for span in piece)
    if question.kind not in _UNQUOTED:
        for point in question.points:
            if not any(says(quotes, wording) for wording in point):
                yield f"no evidence says {' or '.join(point)}", "A point repeats words of the evidence."
    if question.kind == "quote-source":
        yield from _excerpt_problems(question, sources)


def _span_problems(
    question: Question, span: Span, sources: Mapping[str, SourceFile], stories: Mapping[str, Split]
) -> Iterator[tuple[str, str]]:
    source = sources.get(span.article)
    if source is None:
        yield f"there is no article {span.article}", "Name a file of corpus/."
        return
    if span.start is None or span.end is None:
        yield "a span has no positions", "Run: assistant eval check --fill"
        return
    if source.text[span.start : span.end] != span.quote:
        yield (
            f"characters {span.start}–{span.end} of {span.article} are not the quote",
            "Run: assistant eval check --fill",
        )
        return
    around = source.text[: span.start][-1:] + source.text[span.end : span.end + 1]
    if around.strip():
        yield f"the quote does not start and end at a blank: {span.quote[:40]}…", "Quote whole sentences."
    if stories.get(source.field("story") or "") != stories.get(question.story):
        yield f"{span.article} belongs to another split than {question.story}", "Questions must not cross splits."
    if reason := _out_of_limits(question, source):
        yield f"{span.article} {reason}", "Evidence must lie within the limits of its question."


def _out_of_limits(question: Question, source: SourceFile) -> str:
    published, limits = source.field("published"), (question.as_of, question.since, question.until)
    if published is None:
        return "is undated, but the question names a date" if any(limits) else ""
    if any(day and published > day.isoformat() for day in (question.as_of, question.until)):
        return "is later than the question allows"
    if question.since and published < question.since.isoformat():
        return "is earlier than the question allows"
    return "has another source" if question.source and question.source != source.field("source") else ""


def _excerpt_problems(question: Question, sources: Mapping[str, SourceFile]) -> Iterator[tuple[str, str]]:
    found = _EXCERPT.search(question.question)
    if found is None:
        yield "there is no excerpt in quotation marks", "Put 8 to 30 words of the article into “…”."
        return
    excerpt = found[1].strip(" .,…")
    for article in question.gold_articles & sources.keys():
        source = sources[article]
        if not says(source.text, excerpt):
            yield f"the excerpt is not in {article}", "Copy it character for character."
        stated = (source.field("source"), written_date(source.field("published")))
        named = {wording for point in question.points for wording in point}
        for part in filter(None, stated):
            if part not in named:
                yield (
                    f"the points do not name {part}",
                    "The points of a quote-source are source and date, as 21 August 2023.",
                )


def check_hostile(folder: Path, sources: Mapping[str, SourceFile]) -> list[Problem]:
    """Problems of ``hostile.json``: the sentences that give orders to a machine, by article, each of which must be there."""
    return [
        Problem(
            "hostile.json", f"{article} does not contain: {quote[:50]}…", "Copy the sentence character for character."
        )
        for article, quotes in read_hostile(folder).items()
        for quote in quotes
        if article not in sources or quote not in sources[article].text
    ]


def read_hostile(folder: Path) -> dict[str, list[str]]:
    """The hostile sentences by article id; empty where a folder has none. Raises BadInput where the file is damaged."""
    file = folder / "hostile.json"
    return read_lists(file) if file.is_file() else {}


def fill(file: Path, sources: Mapping[str, SourceFile]) -> int:
    """Write the positions of every quote that occurs exactly once in its article; returns how many spans were changed."""
    changed, lines = 0, []
    for line in read_text(file).removesuffix("\n").split("\n"):
        row: dict[str, Any] = json.loads(line) if line.strip() else {}
        for span in (span for piece in row.get("evidence", ()) for span in piece):
            text = sources[span["article"]].text if span["article"] in sources else ""
            if text.count(span["quote"]) != 1:
                continue
            start = text.index(span["quote"])
            place = {"start": start, "end": start + len(span["quote"])}
            changed += place != {name: span.get(name) for name in place}
            span |= place
        lines.append(json.dumps(row, ensure_ascii=False) if row else line)
    if changed:
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return changed
