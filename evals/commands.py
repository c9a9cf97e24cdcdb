"""``assistant eval …``: check the questions, ask them, compare two runs, and the gate. Runs from a checkout.

Exit codes: 0 done, 1 the check or the gate found something or a promise to another set was broken, 2 bad input.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from assistant import Assistant, BadInput
from assistant.terminal import progress_line
from evals import check as checking
from evals import run as running
from evals import tables
from evals.compare import alike, judge, left_out
from evals.compare import compare as compare_runs
from evals.metrics import Interval
from evals.run import Case, hash_questions, own_settings, read_cases
from evals.schema import (
    CORPUS,
    HERE,
    SPLITS,
    Question,
    Split,
    named_files,
    read_questions,
    read_sources,
    select,
    splits_of,
)
from evals.summary import broken_promises, summarise, summarise_set

BASELINE = running.RESULTS / "baseline"
RUNS = HERE.parent / ".eval"

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Evaluate the assistant on the fixed questions.")

Files = Annotated[
    list[Path] | None,
    typer.Option("--questions", help="Question files, or a folder of them; default: evals/questions."),
]
Splits = Annotated[list[str] | None, typer.Option("--split", help="fit, dev or held; may be given several times.")]
Changes = Annotated[list[str] | None, typer.Option("--set", help="A setting, as NAME=VALUE.", metavar="NAME=VALUE")]
Corpus = Annotated[Path, typer.Option(help="The folder of articles.")]
Out = Annotated[Path | None, typer.Option(help="The folder of the run; one that was interrupted goes on.")]


@app.command(epilog="Example: [b]assistant eval check --fill[/b]")
def check(
    questions: Files = None,
    fill: Annotated[bool, typer.Option("--fill", help="Write the positions of quotes that occur once.")] = False,
    corpus: Corpus = CORPUS,
) -> None:
    """Say, line by line, where questions and corpus do not fit together."""
    files = named_files(questions or ())
    sources, stories, asked = read_sources(corpus), splits_of(files), read_questions(files)
    if fill:
        for file in files:
            typer.echo(f"{file.name}: {checking.fill(file, sources)} spans written")
    problems = checking.check_files(files, sources, stories)
    problems += [
        problem for folder in {file.parent for file in files} for problem in checking.check_hostile(folder, sources)
    ]
    for problem in problems:
        typer.echo(f"{problem.where}: {problem.what}\n  hint: {problem.hint}", err=True)
    typer.echo(f"{len(asked)} questions in {len(files)} files, {len(problems)} problems")
    raise typer.Exit(1 if problems else 0)


@app.command(epilog="Example: [b]assistant eval run --split dev --set dense_weight=0.2[/b]")
def run(
    questions: Files = None,
    split: Splits = None,
    out: Out = None,
    changes: Changes = None,
    corpus: Corpus = CORPUS,
) -> None:
    """Ask the fixed questions; print the tables and write cases, figures and a report."""
    chosen = _questions(questions, split)
    gold = {name for question, _ in chosen for name in question.gold_articles}
    if gold and not any((corpus / name).is_file() for name in gold):
        hint = f"Name the folder of {min(gold)} and the others with --corpus."
        raise BadInput(f"none of the articles that answer these questions is in {corpus}", hint=hint)
    folder = out or RUNS / f"{datetime.now():%Y-%m-%d-%H%M%S}"
    try:
        cases = ask_all(chosen, folder, corpus=corpus, changes=changes or (), files=questions)
    except KeyboardInterrupt:
        typer.echo(f"interrupted; the cases so far are kept: go on with --out {folder}", err=True)
        raise
    described = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    write_results(folder, cases, [question for question, _ in chosen], described)
    tables.show(summarise(cases), Console())
    typer.echo(f"cases, figures and report.html are in {folder}")


@app.command(epilog="Example: [b]assistant eval compare .eval/monday .eval/tuesday[/b]")
def compare(
    before: Annotated[Path, typer.Argument(help="The folder of a run.")],
    after: Annotated[Path, typer.Argument(help="The folder of another.")],
    most: Annotated[int, typer.Option(help="Questions shown that were won and lost.")] = 10,
) -> None:
    """Compare two runs question by question: better, worse or cannot tell, with both answers."""
    earlier, later = _cases(before), _cases(after)
    differences = compare_runs(earlier, later)
    _say_left_out(earlier, later)
    if not differences:
        raise BadInput("the two runs have no question in common", hint="Run both with the same --split or --questions.")
    tables.show_differences(differences, Console(), most=most)


@app.command(epilog="Example: [b]assistant eval gate[/b]")
def gate(
    baseline: Annotated[Path, typer.Option(help="The folder of the run to compare with.")] = BASELINE,
    questions: Files = None,
    out: Out = None,
    changes: Changes = None,
    corpus: Corpus = CORPUS,
) -> None:
    """Ask the dev questions and exit 1 on a significant loss against the baseline or on a broken promise."""
    earlier = _cases(baseline)
    chosen = _questions(questions, ["dev"])
    asked = {case.id: case for case in earlier}
    if not any(q.id in asked and alike(asked[q.id], q.question, hash_questions([q])) for q, _ in chosen):
        raise BadInput(
            f"{baseline} has none of these questions", hint="Make one: assistant eval run --split dev --out FOLDER"
        )
    with tempfile.TemporaryDirectory() as scratch:
        cases = ask_all(chosen, out or Path(scratch), corpus=corpus, changes=changes or (), files=questions)
    gold = {question.id: question.gold_articles for question, _ in chosen}
    findings = judge(cases, earlier, stored=read_sources(corpus).keys(), gold=gold)
    for difference in compare_runs(earlier, cases):
        typer.echo(tables.difference_line(difference))
    _say_left_out(earlier, cases)
    if unasked := {case.id for case in earlier} - {case.id for case in cases}:
        typer.echo(f"{len(unasked)} questions of the baseline are not asked any more: {', '.join(sorted(unasked))}")
    for finding in findings:
        typer.echo(f"{finding.rule}: {finding.what}\n  {', '.join(finding.cases)}", err=True)
    typer.echo(f"{len(cases)} questions, {len(findings)} findings: the gate {'is shut' if findings else 'is open'}")
    raise typer.Exit(1 if findings else 0)


@app.command(epilog="Example: [b]assistant eval sets ../sets/squad2_dev_part dev-v2.0.json --half report[/b]")
def sets(
    paths: Annotated[list[Path], typer.Argument(help="Folders or files of other people's sets.", metavar="SET...")],
    half: Annotated[
        Literal["fit", "report"] | None, typer.Option(help="fit or report: half of the topics; default: all of them.")
    ] = None,
    cap: Annotated[int, typer.Option(help="Questions taken per side, answerable and not.", min=1)] = 100,
    changes: Changes = None,
    save: Annotated[Path | None, typer.Option(help="Where the figures go, as JSON.")] = None,
) -> None:
    """Ask other people's questions (our layout, BEIR, SQuAD), each in a data folder of its own; exit 1 on a broken promise."""
    from evals.sets import load, run_set

    loaded = [load(path, half=half, cap=cap) for path in paths]
    names = [chosen.name for chosen in loaded]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise BadInput(f"two of these sets are called {twice}", hint="Rename a file or a folder.")
    rows, broken = dict[str, dict[str, Interval]](), dict[str, list[str]]()
    with progress_line() as on_progress:
        for chosen in loaded:
            cases = run_set(chosen, on_progress=on_progress, settings=_settings(changes or ()))
            rows[chosen.name], broken[chosen.name] = summarise_set(cases), broken_promises(cases)
            typer.echo(f"{chosen.name} ({chosen.licence}): {chosen.note}")
    Console().print(tables.table("Other people's sets", rows))
    for name, promises in broken.items():
        for promise in promises:
            typer.echo(f"broken promise, {name}: {promise}", err=True)
    if save is not None:
        ids = {chosen.name: [question.id for question in chosen.questions] for chosen in loaded}
        asked = {"half": half, "cap": cap, "commit": running.commit(), "code": running.code_hash(), "ids": ids}
        figures = {name: {column: asdict(value) for column, value in row.items()} for name, row in rows.items()}
        found = {"broken": {name: len(promises) for name, promises in broken.items()}, "sets": figures}
        save.write_text(json.dumps(asked | found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    raise typer.Exit(1 if any(broken.values()) else 0)


@app.command("tables", epilog="Example: [b]assistant eval tables .eval/monday[/b]")
def write_tables(
    folder: Annotated[Path, typer.Argument(help="The folder of a run.")],
    readme: Annotated[Path, typer.Option(help="A file with marks such as <!-- eval:kinds -->.")] = HERE.parent
    / "README.md",
    other: Annotated[Path, typer.Option(help="What `eval sets --save` wrote.")] = running.RESULTS / "sets.json",
) -> None:
    """Write the tables of a run, and of other people's sets, into the README, and its pictures into .github beside it."""
    from evals.report import pictures

    cases = _cases(folder)
    for name, text in tables.blocks(summarise(cases), other).items():
        tables.replace_between(readme, name, text)
        typer.echo(f"wrote {name} into {readme.name}")
    for name, svg in pictures(cases).items():
        path = readme.parent / ".github" / f"{name}.svg"
        path.parent.mkdir(exist_ok=True)
        path.write_text(svg, encoding="utf-8")
        typer.echo(f"wrote {path}")


@app.command(epilog="Example: [b]assistant eval quotes[/b]")
def quotes(out: Out = None) -> None:
    """Given 200 excerpts of the corpus, name outlet, date and article; decline 50 that stand in no article."""
    from evals.quotes import excerpt_questions

    chosen: list[tuple[Question, Split]] = [(question, "dev") for question in excerpt_questions()]
    with tempfile.TemporaryDirectory() as scratch:
        cases = ask_all(chosen, out or Path(scratch), corpus=CORPUS)
    for name, answerable in (("named rightly", True), ("declined", False)):
        mine = [case for case in cases if case.answerable is answerable]
        typer.echo(f"{name}: {sum(case.score.right for case in mine)} of {len(mine)}")
        for case in (case for case in mine if not case.score.right):
            typer.echo(f"  {case.question}\n    {tables.said(case)}")


def ask_all(
    chosen: Sequence[tuple[Question, Split]],
    out: Path,
    *,
    corpus: Path,
    changes: Sequence[str] = (),
    files: Sequence[Path] | None = None,
) -> list[Case]:
    """The cases of these questions over a corpus, in a data folder of their own; ``files`` are those that they come from."""
    sources = read_sources(corpus)
    folders = {file.parent for file in named_files(files or ())}
    hostile = {article: orders for folder in folders for article, orders in checking.read_hostile(folder).items()}
    with (
        tempfile.TemporaryDirectory() as home,
        progress_line() as on_progress,
        Assistant(own_settings(Path(home), **_settings(changes))) as assistant,
    ):
        report = assistant.sync(corpus, on_progress=on_progress)
        if report.failed:
            raise BadInput(f"{report.failed[0].where}: {report.failed[0].reason}", hint=report.failed[0].hint)
        if unread := {row.id for row in assistant.articles()} - sources.keys():
            raise BadInput(
                f"{corpus / min(unread)} is no .md file", hint="Articles that are asked about have front matter."
            )
        assistant.warm_up()
        return running.run(
            assistant,
            chosen,
            out,
            sources=sources,
            hostile=hostile,
            on_progress=on_progress,
            workers=os.cpu_count() or 1,
        )


def write_results(out: Path, cases: Sequence[Case], questions: Sequence[Question], described: dict[str, Any]) -> None:
    """``summary.json`` and ``report.html`` beside the cases, compared with the baseline where they share questions."""
    from evals.report import write_report

    figures = json.dumps(summarise(cases).as_dict(), ensure_ascii=False, indent=1)
    (out / "summary.json").write_text(figures + "\n", encoding="utf-8")
    memory = json.loads((out / "memory.json").read_text(encoding="utf-8"))
    baseline = read_cases(BASELINE) if BASELINE.is_dir() else []
    write_report(out / "report.html", cases, run=described | memory, baseline=baseline, questions=questions)


def _questions(files: Sequence[Path] | None, splits: Sequence[str] | None) -> list[tuple[Question, Split]]:
    """The questions to ask with their split; questions of a story in no split are an error."""
    files = named_files(files or ())
    stories = splits_of(files)
    for name in splits or ():
        if name not in SPLITS:
            raise BadInput(f"there is no split {name}", hint=f"The splits are {', '.join(SPLITS)}.")
    questions = read_questions(files)
    if stray := next((q for q in questions if q.story not in stories), None):
        raise BadInput(f"the story of {stray.id} is in no split", hint="Run: assistant eval check")
    wanted = [split for split in SPLITS if split in (splits or SPLITS)]
    chosen = [(question, stories[question.story]) for question in select(questions, wanted, stories)]
    if not chosen:
        raise BadInput("there are no questions in this split", hint="Name other files or another split.")
    seen: set[str] = set()
    for question, _ in chosen:
        spans = [span for piece in question.evidence for span in piece]
        if question.id in seen:
            raise BadInput(f"there are two questions {question.id}", hint="Run: assistant eval check")
        if question.answerable != bool(spans) or any(span.start is None or span.end is None for span in spans):
            message = f"the evidence of {question.id} is missing or has no positions"
            raise BadInput(message, hint="Run: assistant eval check --fill")
        seen.add(question.id)
    return chosen


def _cases(folder: Path) -> list[Case]:
    """The cases of a run. Raises BadInput where the folder holds none, or one that was interrupted."""
    cases = read_cases(folder)
    if not cases:
        raise BadInput(f"{folder} holds no run", hint="Make one with: assistant eval run --out FOLDER")
    described = folder / "run.json"
    ids: list[str] = json.loads(described.read_text(encoding="utf-8"))["ids"] if described.is_file() else []
    if missing := set(ids) - {case.id for case in cases}:
        raise BadInput(
            f"{folder} is unfinished: {len(ids) - len(missing)} of {len(ids)} questions were asked",
            hint=f"Go on with --out {folder}",
        )
    return cases


def _say_left_out(before: Sequence[Case], after: Sequence[Case]) -> None:
    if ids := left_out(before, after):
        typer.echo(f"{len(ids)} questions are left out, their words or gold were changed: {', '.join(ids)}")


def _settings(changes: Sequence[str]) -> dict[str, str]:
    pairs = [change.partition("=") for change in changes]
    for name, sign, _ in pairs:
        if not sign or name == "home":
            raise BadInput(f"--set {name} is not NAME=VALUE", hint="For example: --set dense_weight=0.2")
    return {name: value for name, _, value in pairs}
