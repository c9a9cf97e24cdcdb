"""The command line. Results go to stdout, progress and errors to stderr; ``--json`` where there is a result.

Exit codes: 0 done (declining a question is a result), 1 a file, line or id failed or something was found, 2 bad input or
setting, 3 a model is missing or damaged, 4 a file or the data folder cannot be used, 130 interrupted. Importing this loads no
model and no index.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from assistant import batch, rendering, reports
from assistant.assistant import Assistant
from assistant.errors import AssistantError, BadInput
from assistant.outbox import INDEXES
from assistant.schema import AddReport, Article, Failure, Filters
from assistant.settings import CHECKOUT, in_checkout, load_settings
from assistant.terminal import progress_line

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Ask a corpus of news articles and get verbatim, dated, attributed quotes, or an honest no.",
    epilog='Example: [b]assistant add articles/ && assistant ask "Who denied the report?"[/b]',
)

_FEW = 256  # passages that a question waits for; while more are to be embedded it is asked of what there is
_UNUSABLE = 4  # the exit code where a file or the data folder cannot be used
_INTERRUPTED = 130  # the exit code of a command that Ctrl-C ended; Typer gives it, too

NoWait = Annotated[bool, typer.Option("--no-wait", help="Return once the articles are findable by words.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Again = Annotated[bool, typer.Option("--again", help="Read unchanged files, too, and bring back what was removed.")]
Day = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="Take this day for today: later articles are not used."),
]


def main() -> None:
    """Run the command line; an error is one line and a hint. What it prints is UTF-8, redirected or not."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        code = app(standalone_mode=False)
    except AssistantError as error:
        _complain(f"error: {error}", f"hint: {error.hint}")
        code = error.exit_code
    except typer.TyperException as error:
        misread, message = getattr(error, "ctx", None), error.format_message().strip()
        if message:  # without one no command was given, and the help has been printed
            _complain(f"error: {message}", f"hint: See: {getattr(misread, 'command_path', 'assistant')} --help")
        code = error.exit_code
    except UnicodeError:  # a name on the disk may be any bytes, what is stored and printed may not
        _complain("error: an argument, or the name of a file, is not UTF-8", "hint: Write or rename it in UTF-8.")
        code = BadInput.exit_code
    except OSError as error:
        _complain(f"error: {error}", "hint: Check the path, who may read and write there, and the free space.")
        code = _UNUSABLE
    except (typer.Abort, KeyboardInterrupt):
        code = _INTERRUPTED
    if code == _INTERRUPTED:
        _complain("interrupted: what was reported as done is done; run the same command again to go on")
    sys.exit(code if isinstance(code, int) else 0)


@app.callback()
def _common(
    context: typer.Context,
    home: Annotated[str | None, typer.Option(help="The data folder (ASSISTANT_HOME).", metavar="FOLDER")] = None,
) -> None:
    context.obj = {"home": home}


@app.command(epilog='Example: [b]assistant ask "What did the Kremlin say?" --as-of 2024-10-31 --json[/b]')
def ask(
    context: typer.Context,
    question: Annotated[str | None, typer.Argument(help="The question.")] = None,
    as_json: AsJson = False,
    as_of: Day = None,
    since: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], metavar="DATE", help="Published that day or later."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], metavar="DATE", help="Published that day or earlier."),
    ] = None,
    source: Annotated[str | None, typer.Option(help="Use articles of this source only.")] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="Questions as JSON lines: id, question; as_of, since, until, source, turns if wanted."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where the answers to --file go, one JSON line each.")] = None,
) -> None:
    """Answer a question, or a file of questions, from the articles."""
    filters = Filters(_day(as_of), _day(since), _day(until), source)
    if (file is None) == (question is None) or (file is None) != (out is None):
        raise BadInput(
            "give either a question, or both --file and --out", hint='For example: assistant ask "Who said so?"'
        )
    with _open(context) as assistant:
        with progress_line() as on_progress:
            assistant.store.catch_up(on_progress, at_most=_FEW)
            if file is not None and out is not None:
                failed = batch.answer_file(assistant, file, out, filters=filters, on_progress=on_progress)
        if question is None:
            _report_failures(failed)
        else:
            answer = assistant.ask(question, filters=filters)
            typer.echo(_json(rendering.answer_dict(answer)) if as_json else rendering.answer_text(answer))


@app.command(epilog="Example: [b]assistant add article.md archive/ wire.jsonl[/b]")
def add(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Files (.md, .txt, .jsonl) or folders.", metavar="PATH...")],
    again: Again = False,
    no_wait: NoWait = False,
    as_json: AsJson = False,
) -> None:
    """Add articles. Files that did not change are left as they are; a file that fails changes nothing.

    The report comes when they are safe and findable by words; then they are embedded, to be found by meaning too.
    """
    with _open(context) as assistant:
        with progress_line() as on_progress:
            report = assistant.add(paths, again=again, wait=False, on_progress=on_progress)
        _finish(assistant, report, no_wait=no_wait, as_json=as_json)


@app.command(epilog="Example: [b]assistant sync corpus/[/b]")
def sync(
    context: typer.Context,
    folder: Annotated[Path | None, typer.Argument(help="A folder or .jsonl file; default: the corpus.")] = None,
    again: Again = False,
    no_wait: NoWait = False,
    as_json: AsJson = False,
) -> None:
    """Make what is stored of a folder equal to the folder: add, change, and remove what is gone from it."""
    with _open(context) as assistant:
        with progress_line() as on_progress:
            report = assistant.sync(_corpus(assistant, folder), again=again, wait=False, on_progress=on_progress)
        _finish(assistant, report, no_wait=no_wait, as_json=as_json)


@app.command(epilog="Example: [b]assistant remove 2024-10-28-taiwan-and-starlink.md[/b]")
def remove(
    context: typer.Context,
    ids: Annotated[list[str], typer.Argument(help="Article ids, see: assistant list", metavar="ID...")],
    as_json: AsJson = False,
) -> None:
    """Remove articles: their text is deleted and never quoted again; a sync does not bring them back."""
    with _open(context) as assistant:
        report = assistant.remove(ids, wait=False)
        if as_json:
            typer.echo(_json(report))
        else:
            for gone in report.removed:
                typer.echo(f"removed {gone.article_id}: {gone.title}")
        _name_failures(report.failed)
        with progress_line() as on_progress:  # the text is gone by now; work of others may be open, too, and take long
            assistant.catch_up(on_progress)
    if report.failed:
        raise typer.Exit(1)


@app.command(name="list")
def list_articles(context: typer.Context, as_json: AsJson = False) -> None:
    """List the articles, newest first."""
    with _open(context) as assistant:
        rows = assistant.articles()
    if as_json:
        typer.echo(_json(rows))
        return
    for row in rows:
        typer.echo(
            f"{row.published or rendering.UNDATED!s:<10}  {row.id}  {row.title} ({row.source or rendering.NO_SOURCE})"
        )
    if not rows:
        typer.echo("No articles are stored yet. Add some with: assistant add FILE", err=True)


@app.command(epilog="Example: [b]assistant show 2024-10-28-taiwan-and-starlink.md[/b]")
def show(
    context: typer.Context,
    article_id: Annotated[str, typer.Argument(help="An article id, see: assistant list", metavar="ID")],
    version: Annotated[str | None, typer.Option(help="An earlier version, as a citation names it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show an article as it is stored, or when it was removed."""
    with _open(context) as assistant:
        found = assistant.article(article_id, version)
    if as_json:
        typer.echo(_json(found))
    elif isinstance(found, Article):
        typer.echo(f"{found.title}\n{rendering.attribution(found)}\n\n{found.text}")
    else:
        typer.echo(f"{found.title}\nremoved on {found.removed_at:%Y-%m-%d %H:%M} UTC")


@app.command()
def rebuild(
    context: typer.Context,
    index: Annotated[
        str | None, typer.Argument(help="fulltext or vectors; default: cut the articles anew and both.")
    ] = None,
) -> None:
    """Build the indexes anew from the catalog. Resumable: interrupted, the next command goes on."""
    if index not in (None, *INDEXES):
        raise BadInput(f"there is no index {index}", hint=f"The indexes are {' and '.join(INDEXES)}.")
    with _open(context) as assistant, progress_line() as on_progress:
        assistant.store.rebuild(index, on_progress=on_progress)
    typer.echo("rebuilt")


@app.command(epilog="Example: [b]assistant backup saturday.sqlite[/b]")
def backup(context: typer.Context, file: Annotated[Path, typer.Argument(help="A new file.")]) -> None:
    """Write the catalog, the only record, to one file; everything else can be rebuilt from it."""
    with _open(context) as assistant:
        assistant.store.database.backup(file)
        typer.echo(f"wrote {file} ({assistant.store.catalog.article_count():,} articles)")


@app.command(epilog="Example: [b]assistant restore saturday.sqlite[/b]")
def restore(context: typer.Context, file: Annotated[Path, typer.Argument(help="A file that backup wrote.")]) -> None:
    """Replace the catalog by a backup and rebuild the indexes; the catalog as it was is kept beside it."""
    with _open(context) as assistant:
        with progress_line() as on_progress:
            kept = assistant.store.restore(file, on_progress=on_progress)
        typer.echo(f"restored {assistant.store.catalog.article_count():,} articles; what was there before is in {kept}")


@app.command()
def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Show versions, models, the health of the indexes, the settings, and what leaves the machine."""
    from assistant.doctor import examine

    with _open(context) as assistant:
        health = examine(assistant.store, lambda: assistant.ranker_name)
    typer.echo(_json(health) if as_json else reports.health_text(health))
    raise typer.Exit(1 if health.problems else 0)


@app.command(
    name="eval",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    help="Check, run, compare and gate the evaluation; from a checkout. See: assistant eval --help",
)
def evaluate(context: typer.Context) -> None:
    """Hand the arguments on to ``evals.commands``, which lies beside the package in a checkout only."""
    if not in_checkout():
        raise BadInput("the evaluation is not installed", hint="Run it from a checkout of the project.")
    sys.path.append(str(CHECKOUT))
    from evals.commands import app as evaluation

    raise typer.Exit(evaluation(context.args, prog_name="assistant eval", standalone_mode=False) or 0)


@app.command(epilog="Example: [b]assistant chat --port 8000[/b]")
def chat(
    context: typer.Context,
    host: Annotated[
        str, typer.Option(help="Where to listen; other than this machine only if you mean it.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.", min=0, max=65535)] = 7860,
    sync_first: Annotated[bool, typer.Option("--sync", help="Sync the corpus first.")] = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Open the chat page."""
    flags = context.obj | {"add_threads": load_settings(**context.obj).add_threads or _all_but_one()}
    with Assistant(load_settings(**flags)) as assistant:
        if sync_first:
            with progress_line() as on_progress:
                report = assistant.sync(_corpus(assistant, None), on_progress=on_progress)
            typer.echo(reports.report_text(report))
            _name_failures(report.failed)
        with progress_line() as on_progress:
            on_progress("Starting", 0, None)
            from assistant.api import serve

        def ready(address: str) -> None:
            typer.echo(f"The chat is open at {address}  (Ctrl-C closes it)")
            if open_page and _has_screen():
                typer.launch(address)

        with suppress(KeyboardInterrupt):  # that is how it is closed
            serve(assistant, host=host, port=port, on_ready=ready)


def _all_but_one() -> int:
    """Threads for embedding beside questions, which get the other one."""
    return max(1, (os.cpu_count() or 1) - 1)


def _has_screen() -> bool:
    """Whether a browser can show itself; on a bare terminal a text browser would take it over."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@contextmanager
def _open(context: typer.Context) -> Iterator[Assistant]:
    with Assistant(load_settings(**context.obj)) as assistant:
        yield assistant


def _corpus(assistant: Assistant, folder: Path | None) -> Path:
    chosen = folder or assistant.settings.corpus
    if chosen is None:
        raise BadInput("no folder was named and there is no corpus", hint="Name one, or set ASSISTANT_CORPUS.")
    return chosen


def _finish(assistant: Assistant, report: AddReport, *, no_wait: bool, as_json: bool) -> None:
    """Say what is safe and findable by words, then embed it; JSON comes once, at the end of what is waited for."""
    if not as_json:
        typer.echo(reports.report_text(report))
    _name_failures(report.failed)
    try:
        if not no_wait:
            with progress_line() as on_progress:
                assistant.catch_up(on_progress)
    finally:
        waiting = assistant.store.unfindable("vectors")
        if as_json:
            typer.echo(_json(replace(report, pending_vectors=waiting)))
    if report.pending_vectors and not as_json:
        typer.echo(reports.pending_text(report.pending_vectors, waiting))
    if report.failed:
        raise typer.Exit(1)


def _report_failures(failed: Sequence[Failure]) -> None:
    """Name what failed and leave with exit code 1; the rest of the batch is done."""
    _name_failures(failed)
    if failed:
        raise typer.Exit(1)


def _name_failures(failed: Sequence[Failure]) -> None:
    for failure in failed:
        _complain(f"failed {failure.where}: {failure.reason}", f"hint: {failure.hint}")


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()


def _json(value: Any) -> str:
    return json.dumps(reports.json_value(value), ensure_ascii=False, indent=2)


def _complain(*lines: str) -> None:
    for line in lines:
        typer.echo(line, err=True)
