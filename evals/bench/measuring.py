"""Clocks, memory, processes of their own, and progress on stderr."""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np

Progress = Callable[[str, int, int | None], None]
_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")

_SAY_EVERY = 5.0  # seconds


class Enough(Exception):
    """No error: raised from a progress callback to stop work that can be resumed."""


def saying() -> Progress:
    """Progress for stderr: a line when a stage starts or ends, and every few seconds between, with the time it still takes."""
    began: dict[str, tuple[float, int]] = {}
    said: dict[str, float] = {}

    def say(stage: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        started, first = began.setdefault(stage, (now, done))
        if now - said.get(stage, 0.0) < _SAY_EVERY and done != total:
            return
        said[stage] = now
        left = ""
        if total and done > first:
            left = f", {(now - started) / (done - first) * (total - done):,.0f} s left"
        print(f"{stage}: {done:,}{f' of {total:,}' if total else ''}{left}", file=sys.stderr, flush=True)

    return say


def until(seconds: float, on_progress: Progress) -> Progress:
    """The same progress, but raising Enough as soon as so many seconds have passed."""
    end = time.monotonic() + seconds

    def say(stage: str, done: int, total: int | None) -> None:
        on_progress(stage, done, total)
        if time.monotonic() > end:
            raise Enough

    return say


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The percentile, interpolated between values; None of nothing."""
    return float(np.percentile(values, percent)) if values else None


def peak_megabytes() -> float:
    """Peak resident memory of this process.

    Linux hands ``ru_maxrss`` on to a started program from the one that started it, so its own high-water mark is read there.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        marks = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        if marks:
            return int(marks[0]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def apart(function: Callable[_Given, _Result], *given: _Given.args, **named: _Given.kwargs) -> _Result:
    """What the function returns when it is called in a new process of its own, whose memory nothing else has used.

    That process ends with this one, however this one ends.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_end_with_parent) as pool:
        return pool.submit(function, *given, **named).result()


def _end_with_parent() -> None:
    """Left alone after a kill, a worker would go on with its task and take the time of whatever is measured next."""

    def watch() -> None:
        if (parent := parent_process()) is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class Stopwatch:
    """Seconds by name, of calls made by the thread that made the stopwatch; calls of other threads are not counted."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._thread = threading.get_ident()

    @contextmanager
    def over(self, owner: object, method: str, name: str) -> Iterator[None]:
        """While the block lasts, the calls of a method of one object are timed under a name. An unknown method is left out."""
        called = getattr(owner, method, None)
        if called is None:
            yield
            return

        def timed(*given: Any, **named: Any) -> Any:
            if threading.get_ident() != self._thread:
                return called(*given, **named)
            started = time.perf_counter()
            try:
                return called(*given, **named)
            finally:
                self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started

        setattr(owner, method, timed)
        try:
            yield
        finally:
            delattr(owner, method)


def command(*words: str) -> list[str]:
    """The command line of the assistant of this checkout, run by this Python."""
    return [sys.executable, "-c", "from assistant.cli import main; main()", *words]


def environment() -> dict[str, str]:
    """The environment for a measured process: no settings of the person who measures, and output as it comes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSISTANT_")}
    return kept | {"PYTHONUNBUFFERED": "1"}


def lines_of(file: Path) -> Iterator[dict[str, str]]:
    """The objects of a JSON lines file."""
    with file.open(encoding="utf-8") as stream:
        for line in stream:
            found: dict[str, str] = json.loads(line)
            yield found


def part_of(file: Path, out: Path, first: int, count: int) -> Path:
    """A JSON lines file of some of the lines of another."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with file.open(encoding="utf-8") as stream, out.open("w", encoding="utf-8") as kept:
        for number, line in enumerate(stream):
            if first <= number < first + count:
                kept.write(line)
            elif number >= first + count:
                break
    return out
