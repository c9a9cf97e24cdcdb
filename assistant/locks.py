"""Locks between processes: held by the operating system, so that a killed process leaves none behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from assistant.errors import Busy


@contextmanager
def holding(path: Path, *, seconds: float) -> Iterator[None]:
    """Hold the lock file for the block; wait at most ``seconds`` for another process, then raise Busy."""
    lock = acquire(path, seconds=seconds)
    if lock is None:
        raise Busy(
            f"another process has been writing to {path.parent} for more than {seconds:g} seconds",
            hint="Wait for it to finish, or raise ASSISTANT_LOCK_SECONDS.",
        )
    try:
        yield
    finally:
        lock.release()


def acquire(path: Path, *, seconds: float) -> FileLock | None:
    """The held lock, or None where another process still holds it after ``seconds``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        return None
    return lock
