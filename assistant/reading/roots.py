"""Folders and files → what was found in them, one article at a time. Reads; never writes, never fetches."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from assistant.errors import UnreadableFile
from assistant.reading.formats import article_of_json, joined, json_id, json_object, read_file
from assistant.reading.text import BOMS, clean
from assistant.schema import Article, Failure

SUFFIXES = (".md", ".markdown", ".txt", ".jsonl")
_SETTLED = 2.0  # seconds; the coarsest clock of a file system in use


@dataclass(frozen=True, slots=True)
class Found:
    """One article of a root, or why it is none. One of ``article`` and ``failure`` is set, neither where the file is ``known``.

    ``path`` is relative to the root, with slashes. ``id`` is the article's id, on failure too if it could be told: what
    fails today may be stored from yesterday. ``note`` says what was changed on reading, empty if nothing was. ``stamp``
    tells this state of the file from others, empty where it cannot be relied on.
    """

    path: str
    article: Article | None = None
    failure: Failure | None = None
    id: str | None = None
    note: str = ""
    stamp: str = ""
    known: bool = False


class KnownFile(Protocol):
    """A file as it was read before."""

    @property
    def stamp(self) -> str:
        """That of ``Found``."""
        ...

    @property
    def articles(self) -> Collection[str]:
        """The ids of its articles."""
        ...


def root_of(path: Path, known_roots: Sequence[Path]) -> Path:
    """The nearest known root that is or holds ``path``, else the folder itself or the folder of the file; absolute."""
    place = place_of(path)
    known = [root for root in map(place_of, known_roots) if place.is_relative_to(root)]
    return max(known, key=lambda root: len(root.parts), default=place if place.is_dir() else place.parent)


def read_root(
    root: Path, *, only: Path | None = None, language: str, max_bytes: int, known: Mapping[str, KnownFile] | None = None
) -> Iterator[Found]:
    """Every article of a root, sorted by path, the lines of a file in their order.

    ``root`` is a folder (searched recursively; hidden files and folders are skipped) or one file. ``only`` narrows it
    to one file or folder inside; ids stay relative to ``root``. ``language`` is that of articles that do not state one.
    No more than ``max_bytes`` of a file, or of a JSON line, are held in memory. An id that came before is a Failure.
    A file whose path and stamp are ``known`` is not read.

    Raises UnreadableFile, at the call, if the path is missing, outside ``root``, hidden in it, of no supported kind, or
    holds no file that could be an article.
    """
    try:
        top = place_of(root)
        base = top if top.is_dir() else top.parent
        files, failures = _files(top, place_of(only) if only else top)
    except (OSError, ValueError) as error:
        raise UnreadableFile(
            f"{only or root} cannot be read: {error}", hint="Check the path and its rights."
        ) from error
    return _read_files(base, files, failures, language, max_bytes, known or {})


def place_of(path: Path) -> Path:
    """The path as it is stored: absolute; links are followed in the folders, not in the name of a file, which would move it."""
    return path.resolve() if path.is_dir() else path.parent.resolve() / path.name


def _files(top: Path, start: Path) -> tuple[list[Path], list[OSError]]:
    """The files under ``start`` that may hold articles, sorted by path, and the folders that cannot be read."""
    shown = ", ".join(SUFFIXES)
    if not start.exists():
        raise UnreadableFile(f"{start} does not exist", hint="Check the path.")
    if not start.is_relative_to(top):
        raise UnreadableFile(f"{start} is not in {top}", hint="Name a file or folder inside it.")
    if any(part.startswith(".") for part in start.relative_to(top).parts):
        raise UnreadableFile(f"{start} is hidden", hint="Names that start with a dot are not read; rename it.")
    if start.is_file():
        if start.suffix.lower() not in SUFFIXES:
            raise UnreadableFile(f"{start.name} is of no kind that can be read", hint=f"Supported are {shown}.")
        return [start], []
    errors: list[OSError] = []
    files = sorted(_walk(start, errors), key=Path.as_posix)
    if not files and not errors:
        raise UnreadableFile(f"no articles in {start}", hint=f"Put files of these kinds into it: {shown}.")
    return files, errors


def _walk(start: Path, errors: list[OSError]) -> Iterator[Path]:
    """Files of a supported kind. Linked folders are not entered: a loop would never end, a twin would come twice."""
    for folder, folders, names in os.walk(start, onerror=errors.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for file in (Path(folder, name) for name in names if not name.startswith(".")):
            # What does not exist is a broken link, and is reported; what is no file (a pipe, say) is left out.
            if file.suffix.lower() in SUFFIXES and (file.is_file() or not file.exists()):
                yield file


def _read_files(
    base: Path,
    files: Sequence[Path],
    failures: Sequence[OSError],
    language: str,
    max_bytes: int,
    known: Mapping[str, KnownFile],
) -> Iterator[Found]:
    for error in failures:
        yield _unreadable(_shown(Path(error.filename).relative_to(base).as_posix()), error)
    seen: dict[str, str] = {}
    for file in files:
        path = _shown(file.relative_to(base).as_posix())
        read = _lines_of if file.suffix.lower() == ".jsonl" else _article_of
        try:
            stamp, before = _stamp(file, language), known.get(path)
            if before is not None and stamp and before.stamp == stamp:
                seen.update(dict.fromkeys(before.articles, path))
                yield Found(path, known=True)
                continue
            for where, found in read(file, path, language, max_bytes):
                yield replace(_first_of(found, where, seen), stamp=stamp)
        except OSError as error:
            yield _unreadable(path, error)


def _stamp(file: Path, language: str) -> str:
    """What changes with the file; empty while it is so new that another change may leave no trace in its time."""
    status = file.stat()
    settled = time.time() - status.st_mtime > _SETTLED
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ino} {language}" if settled else ""


def _first_of(found: Found, where: str, seen: dict[str, str]) -> Found:
    """``found``, or a failure if an article of the same id came before. ``seen`` says where each id was found."""
    if found.article is None or found.article.id not in seen:
        seen.update({found.article.id: where} if found.article else {})
        return found
    reason = f"the id {found.article.id} came before, in {seen[found.article.id]}"
    return Found(found.path, failure=Failure(where, reason, "Give it another id."), id=found.article.id)


def _unreadable(path: str, error: OSError) -> Found:
    failure = Failure(path, f"cannot be read: {error.strerror or error}", "Check that it exists and who may read it.")
    return Found(path, failure=failure, id=None if path.lower().endswith(".jsonl") else path)


def _article_of(file: Path, path: str, language: str, max_bytes: int) -> Iterator[tuple[str, Found]]:
    with file.open("rb") as stream:
        too_large = os.fstat(stream.fileno()).st_size > max_bytes
        raw = b"" if too_large else stream.read(max_bytes + 1)
    try:
        if too_large or len(raw) > max_bytes:
            raise _too_large(max_bytes)
        article, note = read_file(raw, path=path, language=language)
        yield path, Found(path, article, id=article.id, note=note)
    except UnreadableFile as error:
        yield path, Found(path, failure=Failure(path, str(error), error.hint), id=path)


def _lines_of(file: Path, path: str, language: str, max_bytes: int) -> Iterator[tuple[str, Found]]:
    """Every line of a JSON lines file that is not blank; of one that is too long only the start is ever held."""
    number = found = 0
    with file.open("rb") as stream:
        if stream.peek(4).startswith(tuple(BOMS)):
            failure = Failure(path, "JSON lines, but not in UTF-8", "Save the file in UTF-8.")
            yield path, Found(path, failure=failure)
            return
        while raw := stream.readline(max_bytes + 2):
            number += 1
            where, article_id = f"{path}:{number}", None
            too_large = len(raw.removesuffix(b"\n").removesuffix(b"\r")) > max_bytes
            if not too_large and not raw.removeprefix(b"\xef\xbb\xbf").strip():
                continue
            found += 1
            try:
                while too_large and raw and not raw.endswith(b"\n"):
                    raw = stream.readline(65_536)
                if too_large:
                    raise _too_large(max_bytes)
                fields, note = json_object(raw, language)
                article_id = json_id(fields)
                article, dropped = article_of_json(fields, article_id, language)
                yield where, Found(path, article, id=article_id, note=joined(note, dropped))
            except UnreadableFile as error:
                yield where, Found(path, failure=Failure(where, str(error), error.hint), id=article_id)
    if not found:
        yield path, Found(path, failure=Failure(path, "no line with an article", "Write one JSON object a line."))


def _too_large(max_bytes: int) -> UnreadableFile:
    return UnreadableFile(f"larger than {max_bytes:,} bytes", hint="Split it, or raise max_article_bytes.")


def _shown(path: str) -> str:
    """The path as text that can be stored: composed as NFC, without the bytes that are no text."""
    return clean(path).replace("\n", " ")
