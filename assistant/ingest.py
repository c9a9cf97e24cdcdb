"""Adding: what a root holds is read, cut and written to the catalog and the full text, batch by batch.

A batch is one transaction, and what it wrote is findable by words before the next one is read. A file that cannot be read
changes nothing and is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from assistant.catalog import Known, Origin
from assistant.errors import StoreProblem
from assistant.indexing import Progress, index_words
from assistant.reading import Found, read_root
from assistant.schema import AddReport, Failure
from assistant.store import Store

_BATCH = 200  # articles; what an interruption costs at most


@dataclass(slots=True)
class Tally:
    """What an add or a sync has done so far. ``unread`` are files and folders below the root that failed."""

    seen: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    tombstoned: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def is_unread(self, path: str) -> bool:
        """Whether a file, or a folder it lies in, could not be read: its articles may well be there still. "." is the root."""
        return any(unread in (".", path) or path.startswith(f"{unread}/") for unread in self.unread)

    def report(self, *, pending_vectors: int) -> AddReport:
        """The tally as a result."""
        return AddReport(
            added=tuple(self.added),
            changed=tuple(self.changed),
            unchanged=tuple(self.unchanged),
            removed=tuple(self.removed),
            tombstoned=tuple(self.tombstoned),
            failed=tuple(self.failed),
            notes=tuple(self.notes),
            pending_vectors=pending_vectors,
        )


def ingest(store: Store, root: Path, *, only: Path | None, again: bool, tally: Tally, on_progress: Progress) -> None:
    """Store every article of a root, or of one file or folder below it. Raises BadInput where the root cannot be read."""
    settings = store.settings
    known = {} if again else store.catalog.files(str(root))
    found = read_root(root, only=only, language=settings.language, max_bytes=settings.max_article_bytes, known=known)
    read: dict[str, Known] = {}
    spoiled: set[str] = set()
    for batch in _batches(_unknown(found, known, tally)):
        with store.writing():
            with store.database.writing():
                for item in batch:
                    if _store(store, root, item, again=again, tally=tally) and item.id and item.stamp and not item.note:
                        read.setdefault(item.path, Known(item.stamp, {})).articles[item.id] = "current"
                    else:
                        spoiled.add(item.path)
            index_words(store.catalog, store.fulltext)
        on_progress("Reading", len(tally.seen), None)
    store.catalog.know_files(str(root), {path: file for path, file in read.items() if path not in spoiled})


def _unknown(found: Iterable[Found], known: Mapping[str, Known], tally: Tally) -> Iterator[Found]:
    """What has to be stored. The articles of a file that is as it was are told from the catalog."""
    for item in found:
        if not item.known:
            yield item
            continue
        for article_id, state in known[item.path].articles.items():
            tally.seen.add(article_id)
            (tally.unchanged if state == "current" else tally.tombstoned).append(article_id)


def _store(store: Store, root: Path, item: Found, *, again: bool, tally: Tally) -> bool:
    """Store one article, and say in the tally what became of it. Returns whether it is read from now on."""
    if item.note:
        tally.notes.append(f"{item.path}: {item.note}")
    if item.failure is not None:
        tally.unread.add(item.path)
        tally.failed.append(item.failure)
    if item.id is not None:
        tally.seen.add(item.id)
    if item.article is None:
        return False
    article = item.article
    origin = Origin(str(root), item.path)
    if store.catalog.has(article.id, article.version, origin):
        tally.unchanged.append(article.id)
        return True
    try:
        change = store.catalog.put(article, store.chunks(article), origin, again=again)
    except StoreProblem as error:  # the id belongs to another root: nothing was written
        tally.failed.append(Failure(item.path, str(error), error.hint))
        return False
    {"added": tally.added, "changed": tally.changed, "unchanged": tally.unchanged, "tombstoned": tally.tombstoned}[
        change
    ].append(article.id)
    return True


def _batches(found: Iterator[Found]) -> Iterator[list[Found]]:
    batch: list[Found] = []
    for item in found:
        batch.append(item)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
