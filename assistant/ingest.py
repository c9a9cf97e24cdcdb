"""Adding: what a folder or file holds is read, cut and written to the catalog and the full text, batch by batch; syncing.

A batch is one transaction, and what it wrote is findable by words before the next one is read. A file that cannot be read
changes nothing and is named.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from assistant.catalog import Catalog, Known, Origin
from assistant.indexing import Progress, index_words
from assistant.reading import LINKED, OTHER, Found, as_stored, ids_in, place_of, read_root, roots_of
from assistant.schema import AddReport, Failure
from assistant.store import Store

_BATCH = 200  # articles; what an interruption costs at most
_KINDS = 6  # endings that are named among what is left out; the rest is counted together


@dataclass(slots=True)
class Tally:
    """What an add or a sync has done so far.

    ``unread`` are files and folders that failed, ``left_out`` counts what is of no kind that is read, and ``held`` says which
    ids the file still has that an article came from, None where that cannot be told.
    """

    seen: set[str] = field(default_factory=set)
    unread: set[Path] = field(default_factory=set)
    left_out: Counter[str] = field(default_factory=Counter)
    held: dict[Origin, frozenset[str] | None] = field(default_factory=dict)
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    tombstoned: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def is_unread(self, file: Path) -> bool:
        """Whether a file, or a folder it lies in, could not be read: its articles may well be there still."""
        return file in self.unread or not self.unread.isdisjoint(file.parents)

    def report(self, *, pending_vectors: int) -> AddReport:
        """The tally as a result."""
        return AddReport(
            added=tuple(self.added),
            changed=tuple(self.changed),
            unchanged=tuple(self.unchanged),
            removed=tuple(self.removed),
            tombstoned=tuple(self.tombstoned),
            failed=tuple(self.failed),
            notes=(*self.notes, *_left_out(self.left_out)),
            pending_vectors=pending_vectors,
        )


def ingest(store: Store, path: Path, *, again: bool, tally: Tally, on_progress: Progress) -> None:
    """Store every article of a folder or file. Raises BadInput where it cannot be read.

    A file that another root has already stays with it: one file is one article, whichever folder around it is added later.
    """
    settings, catalog = store.settings, store.catalog
    roots = _roots(catalog, path)
    known = {root: catalog.files(str(root)) for root in roots}
    if again:
        known = {root: dict.fromkeys(files, Known("", {})) for root, files in known.items()}
    found = read_root(
        roots[0],
        only=path,
        language=settings.language,
        max_bytes=settings.max_article_bytes,
        known=known,
        left_out=tally.left_out,
    )
    read: defaultdict[Path, dict[str, Known]] = defaultdict(dict)
    spoiled: set[tuple[Path, str]] = set()
    for batch in _batches(_unknown(found, known, tally)):
        with store.writing():
            with store.database.writing():
                for item in batch:
                    if _store(store, item, again=again, tally=tally) and item.id and item.stamp and not item.note:
                        read[item.root].setdefault(item.path, Known(item.stamp, {})).articles[item.id] = "current"
                    else:
                        spoiled.add((item.root, item.path))
            index_words(catalog, store.fulltext)
        on_progress("Reading", len(tally.seen), None)
    for root, files in read.items():
        catalog.know_files(str(root), {name: file for name, file in files.items() if (root, name) not in spoiled})


def stored_at(catalog: Catalog, path: Path) -> dict[Path, dict[str, str]]:
    """What is stored of the roots that hold a folder or file or lie in it: root → id → path below the root. Raises BadInput."""
    return {root: catalog.from_root(str(root)) for root in _roots(catalog, path)}


def remove_gone(store: Store, path: Path, before: Mapping[Path, Mapping[str, str]], tally: Tally) -> None:
    """Remove the articles of a folder or file that were stored ``before`` and that were not met when it was read.

    None is removed whose file could not be read, and none that another process has added meanwhile. Nor is any of a folder that
    was added on its own inside this one and in which nothing is any more: its disk may not be there.
    """
    place = as_stored(place_of(path))
    inside = [root for root in before if as_stored(root) != place and as_stored(root).is_relative_to(place)]
    away = {root for root in inside if before[root] and _is_away(root)}
    tally.notes.extend(f"{root}: nothing is there any more, and its articles are kept" for root in sorted(away))
    with store.writing():
        gone = [
            article_id
            for root, origins in before.items()
            for article_id, below in store.catalog.from_root(str(root)).items()
            if root not in away
            and article_id not in tally.seen
            and origins.get(article_id) == below
            and (file := as_stored(root / below)).is_relative_to(place)
            and not tally.is_unread(file)
        ]
        with store.database.writing():
            for article_id in gone:
                store.catalog.remove(article_id, tombstone=False)
        index_words(store.catalog, store.fulltext)
    tally.removed.extend(gone)


def _is_away(folder: Path) -> bool:
    """Whether a folder is there with nothing in it, as where a disk is to be mounted, or cannot be looked into."""
    try:
        return not any(folder.iterdir())
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _roots(catalog: Catalog, path: Path) -> list[Path]:
    return roots_of(path, [Path(root) for root in catalog.roots()])


def _unknown(found: Iterable[Found], known: Mapping[Path, Mapping[str, Known]], tally: Tally) -> Iterator[Found]:
    """What has to be stored. The articles of a file that is as it was are told from the catalog."""
    for item in found:
        if not item.known:
            yield item
            continue
        for article_id, state in known[item.root][item.path].articles.items():
            tally.seen.add(article_id)
            (tally.unchanged if state == "current" else tally.tombstoned).append(article_id)


def _store(store: Store, item: Found, *, again: bool, tally: Tally) -> bool:
    """Store one article, and say in the tally what became of it. Returns whether it is read from now on."""
    if item.note:
        tally.notes.append(f"{item.path}: {item.note}")
    if item.failure is not None:
        tally.unread.add(as_stored(item.root / item.path))
        tally.failed.append(item.failure)
    if item.id is not None:
        tally.seen.add(item.id)
    if item.article is None:
        return False
    article, origin = item.article, Origin(str(item.root), item.path)
    version, held = store.catalog.origin(article.id) or ("", origin)
    if held != origin and _is_held(store, article.id, held, origin, tally):
        tally.failed.append(_taken(article.id, held, origin))
        return False
    if held.root != origin.root:
        tally.notes.append(f"{item.path}: taken over from {held.root}, where it is no longer")
    if version == article.version:
        if held != origin:  # a line is in another file now, or a folder in another place
            store.catalog.move(article.id, origin)
        tally.unchanged.append(article.id)
        return True
    change = store.catalog.put(article, store.chunks(article), origin, again=again)
    {"added": tally.added, "changed": tally.changed, "tombstoned": tally.tombstoned}[change].append(article.id)
    return True


def _is_held(store: Store, article_id: str, held: Origin, origin: Origin, tally: Tally) -> bool:
    """Whether the file that an article came from still has it, and is not the file it is in now by another way."""
    if held not in tally.held:
        root, limit = Path(held.root), store.settings.max_article_bytes
        tally.held[held] = ids_in(root, held.path, language=store.settings.language, max_bytes=limit)
    ids = tally.held[held]
    return ids is None or (article_id in ids and not _is_same_file(held, origin))


def _is_same_file(one: Origin, other: Origin) -> bool:
    try:
        return Path(one.root, one.path).samefile(Path(other.root, other.path))
    except OSError:
        return False


def _taken(article_id: str, held: Origin, origin: Origin) -> Failure:
    """Why an id cannot be another article's: which of the two is meant nobody can tell."""
    if held.root == origin.root:
        holder = f"a line of {held.path}" if held.path.lower().endswith(".jsonl") else held.path
        hint = f"Give it another id, or take it out of {held.path} first."
    else:
        holder = f"an article from {held.root}"
        hint = (
            f"Rename the file; or remove the other one, assistant remove {article_id}, and add this one with --again."
        )
    return Failure(origin.path, f"the id {article_id} already belongs to {holder}", hint)


def _left_out(counts: Mapping[str, int]) -> list[str]:
    """A line on what a folder holds besides articles, the most frequent first; none where there is nothing."""
    kinds = Counter({kind: count for kind, count in counts.items() if kind not in (LINKED, OTHER)}).most_common()
    named = [f"{count:,} {kind}" for kind, count in kinds[:_KINDS]]
    others = counts.get(OTHER, 0) + sum(count for _, count in kinds[_KINDS:])
    linked = counts.get(LINKED, 0)
    named += [f"{others:,} other file{'s' * (others > 1)}"] if others else []
    named += [f"{linked:,} {LINKED}{'s' * (linked > 1)}"] if linked else []
    return [f"left out: {', '.join(named)}"] if named else []


def _batches(found: Iterator[Found]) -> Iterator[list[Found]]:
    batch: list[Found] = []
    for item in found:
        batch.append(item)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
