"""How far a long action is, on a line of the terminal: stage, count, rate and the time that is left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from assistant.indexing import Progress


@contextmanager
def progress_line() -> Iterator[Progress]:
    """Something to call with stage, done and total; it draws a line a stage on stderr, and nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Task, TaskID, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    class Rate(TextColumn):
        def __init__(self) -> None:
            super().__init__("")

        def render(self, task: Task) -> str:  # type: ignore[override]
            return f"{task.speed:,.0f}/s" if task.speed else ""

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    console = Console(stderr=True)
    # what is printed while the line is drawn stays on stdout, which may be a file
    with Bars(
        *columns, console=console, transient=True, redirect_stdout=False, disable=not console.is_terminal
    ) as bars:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield show
