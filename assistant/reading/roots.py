"""Folders and files → what was found in them, one article at a time. Reads; never writes, never fetches."""

from __future__ import annotations

import os
import re
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from assistant.errors import UnreadableFile
from assistant.reading.formats import article_of_json, joined, json_id, json_object, read_file
from assistant.reading.text import BOMS, clean
from assistant.schema import Article, Failure

SUFFIXES = (".md", ".markdown", ".txt", ".jsonl")
LINKED, OTHER = "linked folder", "other"  # what is left out besides files of other kinds
_SETTLED = 2.0  # seconds; the coarsest clock of a file system in use
_FORMS = 2  # raised when a form is read that was misread before: every file is read again then


@dataclass(frozen=True, slots=True)
class Found:
    """One article of a root, or why it is none. One of ``article`` and ``failure`` is set, neither where the file is ``known``.

    ``path`` is relative to ``root``, with slashes. ``id`` is the article's id, on failure too if it could be told: what
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
    root: Path = Path()


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
    """The nearest known root that is or holds ``path``, else the folder itself or the folder of the file; absolute.

    A known root in which the path would be hidden does not count. Known roots are compared by name only: one on a disk that
    does not answer stops nothing. Raises UnreadableFile where the path cannot be looked at.
    """
    place = place_of(path)
    known = [root for root in known_roots if _shows(root, place)]
    with _looking_at(path):
        own = place if place.is_dir() else place.parent
    return max(known, key=lambda root: len(root.parts), default=own)


def roots_of(path: Path, known_roots: Sequence[Path]) -> list[Path]:
    """The root of ``path``, and then the other known roots that hold it or lie in it, where nothing on the way is hidden.

    Raises UnreadableFile as ``root_of`` does.
    """
    place, own = place_of(path), root_of(path, known_roots)
    around = [root for root in known_roots if _shows(root, place) or _shows(place, root)]
    return [own, *(root for root in around if root != own)]


def read_root(
    root: Path,
    *,
    only: Path | None = None,
    language: str,
    max_bytes: int,
    known: Mapping[Path, Mapping[str, KnownFile]] | None = None,
    left_out: Counter[str] | None = None,
) -> Iterator[Found]:
    """Every article of a root, sorted by path, the lines of a file in their order.

    ``root`` is a folder (searched recursively; hidden files and folders are skipped) or one file. ``only`` narrows it
    to one file or folder inside; ids stay relative to ``root``. ``language`` is that of articles that do not state one.
    No more than ``max_bytes`` of a file, or of a JSON line, are held in memory. An id that came before is a Failure.
    ``known`` are those of ``roots_of`` with the files they have, by path: a file that another one has belongs to it and not
    to ``root``, and one whose stamp is known is not read. ``left_out`` counts files of other kinds by ending, and linked
    folders.

    Raises UnreadableFile, at the call, if the path is missing, outside ``root``, hidden in it, of no supported kind, or
    holds no file that could be an article.
    """
    with _looking_at(only or root):
        top = place_of(root)
        base = top if top.is_dir() else top.parent
        files, failures = _files(top, place_of(only) if only else top, Counter() if left_out is None else left_out)
    return _read_files(base, files, failures, language, max_bytes, known or {})


def ids_in(root: Path, path: str, *, language: str, max_bytes: int) -> frozenset[str] | None:
    """The ids of the articles in a file as it was stored: none where it is gone, None where not all of it can be read."""
    spellings = (path, unicodedata.normalize("NFD", path))  # stored composed, whatever the disk has
    try:
        file = next((root / spelling for spelling in spellings if (root / spelling).exists()), None)
        if file is None:
            return frozenset()
        if file.suffix.lower() != ".jsonl":
            return frozenset({path})
        lines = [found for _, found in _lines_of(file, path, language, max_bytes)]
        return None if any(found.failure for found in lines) else frozenset(found.id for found in lines if found.id)
    except OSError:
        return None


def place_of(path: Path) -> Path:
    """Where the path is: absolute; links are followed in the folders, not in the name of a file, which would move it.

    Raises UnreadableFile where the path cannot be looked at.
    """
    with _looking_at(path):
        return path.resolve() if path.is_dir() else path.parent.resolve() / path.name


def as_stored(path: Path) -> Path:
    """The path in the characters in which paths are stored, so that two can be compared; it may name no file on the disk."""
    return Path(_shown(path.as_posix()))


@contextmanager
def _looking_at(path: Path) -> Iterator[None]:
    """Raises UnreadableFile in place of what a disk that does not answer, a loop of links or an impossible name raise."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        raise UnreadableFile(f"{path} cannot be read: {error}", hint="Check the path and its rights.") from error


def _shows(folder: Path, place: Path) -> bool:
    """Whether ``place`` is the folder or lies in it, and no name on the way is hidden."""
    inside = place.is_relative_to(folder)
    return inside and not any(part.startswith(".") for part in place.relative_to(folder).parts)


def _files(top: Path, start: Path, left_out: Counter[str]) -> tuple[list[Path], list[OSError]]:
    """The files under ``start`` that may hold articles, sorted by path, and the folders that cannot be read."""
    shown = ", ".join(SUFFIXES)
    if not start.exists():
        raise UnreadableFile(f"{start} does not exist", hint="Check the path.")
    if not start.is_relative_to(top):
        raise UnreadableFile(f"{start} is not in {top}", hint="Name a file or folder inside it.")
    if not _shows(top, start):
        raise UnreadableFile(f"{start} is hidden", hint="Names that start with a dot are not read; rename it.")
    if start.is_file():
        if start.suffix.lower() not in SUFFIXES:
            raise UnreadableFile(f"{start.name} is of no kind that can be read", hint=f"Supported are {shown}.")
        return [start], []
    errors: list[OSError] = []
    files = sorted(_walk(start, errors, left_out), key=Path.as_posix)
    if not files and not errors:
        raise UnreadableFile(f"no articles in {start}", hint=f"Put files of these kinds into it: {shown}.")
    return files, errors


def _walk(start: Path, errors: list[OSError], left_out: Counter[str]) -> Iterator[Path]:
    """Files of a supported kind. Linked folders are not entered: a loop would never end, a twin would come twice."""
    for folder, folders, names in os.walk(start, onerror=errors.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        left_out.update(LINKED for name in folders if os.path.islink(os.path.join(folder, name)))
        for file in (Path(folder, name) for name in names if not name.startswith(".")):
            if (ending := file.suffix.lower()) not in SUFFIXES:
                left_out[ending if re.fullmatch(r"\.\w{1,12}", ending) else OTHER] += 1
            # What does not exist is a broken link, and is reported; what is no file (a pipe, say) is left out.
            elif os.path.isfile(file) or not os.path.exists(file):
                yield file


def _read_files(
    base: Path,
    files: Sequence[Path],
    failures: Sequence[OSError],
    language: str,
    max_bytes: int,
    known: Mapping[Path, Mapping[str, KnownFile]],
) -> Iterator[Found]:
    for error in failures:
        yield replace(_unreadable(_shown(Path(error.filename).relative_to(base).as_posix()), error), root=base)
    seen: defaultdict[Path, dict[str, str]] = defaultdict(dict)
    for file in files:
        root = _home(file, base, known)
        path = _shown(file.relative_to(root).as_posix())
        read = _lines_of if file.suffix.lower() == ".jsonl" else _article_of
        try:
            stamp, before = _stamp(file, language), known.get(root, {}).get(path)
            if before is not None and stamp and before.stamp == stamp:
                seen[root].update(dict.fromkeys(before.articles, path))
                yield Found(path, known=True, root=root)
                continue
            for where, found in read(file, path, language, max_bytes):
                yield replace(_first_of(found, where, seen[root]), stamp=stamp, root=root)
        except OSError as error:
            yield replace(_unreadable(path, error), root=root)


def _home(file: Path, base: Path, known: Mapping[Path, Collection[str]]) -> Path:
    """The innermost of the known roots that has the file already, else ``base``: a file is one article, whatever was added."""
    for folder in file.parents if len(known) > 1 else ():
        if folder in known and _shown(file.relative_to(folder).as_posix()) in known[folder]:
            return folder
    return base


def _stamp(file: Path, language: str) -> str:
    """What changes with the file; empty while it is so new that another change may leave no trace in its time."""
    status = file.stat()
    settled = time.time() - status.st_mtime > _SETTLED
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ino} {language} {_FORMS}" if settled else ""


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
