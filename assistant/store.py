"""An open data folder: the catalog, both indexes and the encoder, each opened when it is first needed, and the locks over them.

The catalog is the record. An index that is missing, emptied or made with another encoder is noticed here, and rebuilt from it.
"""

from __future__ import annotations

import logging
import random
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from assistant import outbox, owner
from assistant.catalog import Catalog
from assistant.chunking import CHUNKING_VERSION, chunk
from assistant.database import Database
from assistant.errors import BadInput, Busy, StoreProblem
from assistant.fulltext import FullText
from assistant.indexing import Progress, index_vectors, index_words
from assistant.locks import holding
from assistant.models import Encoder, load_encoder
from assistant.outbox import IndexName
from assistant.owner import Door
from assistant.reading import READING_VERSION
from assistant.schema import Article, Chunk
from assistant.settings import Settings
from assistant.vectors import COLLECTION, Vectors, open_vectors

log = logging.getLogger(__name__)

# Under these names a catalog records which one it is, and where its vectors are.
_CATALOG, _VECTORS_IN = "catalog", "vectors in"
_NEWEST, _ONE_IN, _LARGEST_SAMPLE = 50, 20, 1_000  # rows: what one loses is seen by the sample's size, not by its share


def quiet(stage: str, done: int, total: int | None) -> None:
    """Progress that nobody watches."""


class Store:
    """One open data folder. Several threads may use it; other processes may too, one of them owning the vectors."""

    def __init__(self, settings: Settings, *, encoder: Encoder | None = None) -> None:
        self.settings = settings
        self._given_encoder = encoder
        self.database = Database(settings.home / "catalog.sqlite", wait_seconds=settings.lock_seconds)
        self.catalog = Catalog(self.database)
        self._opening = threading.RLock()
        self._embedding = threading.Lock()
        self._vectors: Vectors | None = None
        self._door: Door | None = None

    def close(self) -> None:
        """Let go of the data folder."""
        with self._opening:
            if self._vectors is not None:
                owner.withdraw(self.settings.home)
                self._vectors.close()
                self._vectors = None
        self.database.close()

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder that was given, or else the one that the settings name."""
        return self._given_encoder or load_encoder(self.settings)

    @cached_property
    def fulltext(self) -> FullText:
        """The full-text index. One that is missing is created, and every chunk promised to it."""
        with self._opening:
            opened = FullText(self.settings.home / "fulltext")
            if opened.created or (opened.count() == 0 and not self.pending("fulltext")):  # it was never filled
                outbox.refill(self.database, "fulltext")
            return opened

    def own_vectors(self, *, anew: bool = False) -> Vectors | None:
        """The vector index, from now on owned by this process, or None where another one owns it.

        ``anew`` throws away a folder that this process has not opened yet, whatever state it is in.
        """
        folder, server = self.settings.home / "vectors", self.settings.chroma_url

        def prepare() -> None:
            owner.withdraw(self.settings.home)  # a killed process left one
            if anew and not server and folder.exists():
                outbox.refill(self.database, "vectors")  # first: a process that is killed here leaves it to the next
                shutil.rmtree(folder)

        with self._opening:
            if self._vectors is None:
                opened = open_vectors(
                    folder, server=server, collection=self._collection(), lock_seconds=0, on_owned=prepare
                )
                if opened is not None:
                    try:
                        self._settle(opened)
                        self._mend(opened)
                    except BaseException:
                        opened.close()
                        raise
                    self._vectors = opened
                    if self._door is not None:
                        owner.announce(self.settings.home, self._door)
            return self._vectors

    def _collection(self) -> str:
        """Where the vectors are in Chroma: on a server, which other data folders may use as well, under a name of its own."""
        return f"{COLLECTION}-{self.database.recorded(_CATALOG)}" if self.settings.chroma_url else COLLECTION

    def announce(self, door: Door) -> None:
        """Have other processes ask at this door, as soon and as long as this one owns the vector index."""
        with self._opening:
            self._door = door
            if self._vectors is None:
                self.own_vectors()
            else:
                owner.announce(self.settings.home, door)

    def _settle(self, vectors: Vectors) -> None:
        """Make the vectors anew where they were last kept elsewhere: what is here may be of another time and encoder."""
        if self.kept_elsewhere():
            log.warning("the vectors were kept elsewhere before; they are being made anew")
            vectors.clear()
            outbox.refill(self.database, "vectors")
        self.database.record(_VECTORS_IN, self._place())

    def _place(self) -> str:
        return self.settings.chroma_url or "folder"

    def kept_elsewhere(self) -> bool:
        """Whether the vectors were last kept in another place, on a server or in the folder, than the settings name."""
        return self.database.recorded(_VECTORS_IN) not in (None, self._place())

    def _mend(self, vectors: Vectors) -> None:
        """Ask the index for rows that it should hold, by their own vectors; promise again all that are missing.

        A count proves nothing: Chroma may count rows that no search finds.
        """
        if not vectors.is_readable():
            log.warning("the vector index cannot be read; it is being made again")
            vectors.clear()
        if vectors.count() == 0 and not self.pending("vectors"):
            outbox.refill(self.database, "vectors")
        waiting = outbox.waiting(self.database, "vectors")
        stored = [chunk_id for chunk_id in self.catalog.chunk_ids() if chunk_id not in waiting]
        sample = random.Random(self.catalog.revision()).sample(stored, min(len(stored) // _ONE_IN, _LARGEST_SAMPLE))
        if vectors.lost(list(dict.fromkeys([*stored[-_NEWEST:], *sample]))):
            lost = vectors.lost(stored)
            log.warning("%d of %d vectors were lost; they are being made again", len(lost), len(stored))
            outbox.note(self.database, "add", lost, indexes=("vectors",))

    def searchable_vectors(self) -> tuple[Vectors | None, tuple[str, ...]]:
        """The vector index if a question may be asked of it, and notes for the reader on what limits the search."""
        notes: list[str] = []
        if unread := self.unfindable("fulltext"):
            notes.append(f"{unread:,} passages are not findable by words yet: another process is writing.")
        if "chunking" in self.mismatches():
            notes.append("The articles were indexed by another version of this program. Run: assistant rebuild")
        vectors = None
        if self.encoder_changed():
            notes.append("Searched by words only: the vectors are of another encoder. Run: assistant rebuild")
        elif (vectors := self.own_vectors()) is None:
            notes.append("Searched by words only: another process, a running chat perhaps, holds the vector index.")
        elif waiting := self.unfindable("vectors"):
            notes.append(f"{waiting:,} passages are still being indexed; so far they are found by words only.")
        return vectors, tuple(notes)

    def pending(self, index: IndexName) -> int:
        """How many chunks wait to be written to an index or deleted from it."""
        return outbox.pending(self.database, index)

    def unfindable(self, index: IndexName) -> int:
        """How many chunks an index does not find yet."""
        return outbox.unfindable(self.database, index)

    @contextmanager
    def writing(self, *, at_once: bool = False) -> Iterator[None]:
        """Be the only process that writes the catalog and the full text. Raises Busy after a bounded wait, or ``at_once``."""
        with holding(self.settings.home / "write.lock", seconds=0 if at_once else self.settings.lock_seconds):
            yield

    def chunks(self, article: Article) -> list[Chunk]:
        """The chunks of an article for this encoder's window."""
        return chunk(article, window=self.encoder.window, count_tokens=self.encoder.count_tokens)

    def catch_up(self, on_progress: Progress = quiet, *, at_most: int | None = None) -> int:
        """Do the open index work, as far as this process may. Returns how many chunks still wait for the vector index.

        ``at_most`` is for the sake of a question: no other process is waited for, and where more than so many chunks wait for
        their vectors, these are left for another time.
        """
        _ = self.fulltext  # a missing index promises itself
        if self.pending("fulltext"):
            try:
                with self.writing(at_once=at_most is not None):
                    index_words(self.catalog, self.fulltext)
            except Busy:
                if at_most is None:
                    raise
        waiting = self.pending("vectors")
        due = waiting > 0 if at_most is None else 0 < waiting <= at_most
        if due and not self.encoder_changed() and (vectors := self.own_vectors()) is not None:
            with self._embedding:
                self.database.record("encoder", self.encoder.fingerprint)
                index_vectors(self.catalog, vectors, self.encoder, on_progress)
        return self.pending("vectors")

    def encoder_changed(self) -> bool:
        """Whether the stored vectors were made with another encoder."""
        return self.database.recorded("encoder") not in (None, self.encoder.fingerprint)

    def mismatches(self) -> list[str]:
        """What the stored articles were made with and this program no longer uses; empty when all is as it was."""
        made_with = {"reading": READING_VERSION, "chunking": CHUNKING_VERSION, "encoder": self.encoder.fingerprint}
        return [name for name, now in made_with.items() if self.database.recorded(name) not in (None, str(now))]

    def check_versions(self) -> None:
        """Record what articles are read, cut and encoded with. Raises StoreProblem where those stored were made otherwise."""
        if mismatches := self.mismatches():
            raise StoreProblem(
                f"the stored articles were made with another {' and '.join(mismatches)} than this program uses",
                hint="Run: assistant rebuild",
            )
        self.database.record("reading", str(READING_VERSION))
        self.database.record("chunking", str(CHUNKING_VERSION))

    def rebuild(self, index: IndexName | None = None, *, on_progress: Progress = quiet) -> None:
        """Build one index anew from the catalog, or, without a name, cut the articles anew and build both.

        Passages are cut for one encoder's window, so that with another encoder its vectors are never built alone. Interrupted, it
        is resumed by the next command. Raises StoreProblem where another process owns the vector index, and ModelProblem, before
        anything is deleted, where the encoder cannot be loaded.
        """
        if index == "vectors" and self.encoder_changed():
            index = None
        if index is None:
            _ = self.encoder.fingerprint  # loaded here
        with self.writing():  # all of it: what another process did of the new work in between would be cleared
            vectors = None if index == "fulltext" else self._only_owner(anew=True)
            if vectors is not None:
                vectors.clear()
            with self.database.writing():
                if index is None:
                    self._cut_anew(on_progress)
                for name in (index,) if index else outbox.INDEXES:
                    outbox.refill(self.database, name)
                if vectors is not None:
                    self.database.record("encoder", self.encoder.fingerprint)
            if index != "vectors":
                self._openable_fulltext().clear()
        self.catch_up(on_progress)

    def _only_owner(self, *, anew: bool = False) -> Vectors:
        vectors = self.own_vectors(anew=anew)
        if vectors is None:
            raise StoreProblem("another process owns the vector index", hint="Stop the running chat, then try again.")
        return vectors

    def _openable_fulltext(self) -> FullText:
        """The full-text index, an empty one in place of one that cannot be opened."""
        try:
            return self.fulltext
        except StoreProblem:
            shutil.rmtree(self.settings.home / "fulltext")
            return self.fulltext

    def restore(self, source: Path, *, on_progress: Progress = quiet) -> Path:
        """Replace the catalog by a backup and rebuild the indexes. Returns where the catalog as it was is kept.

        Raises StoreProblem, before anything is changed, where another process owns the vector index, and ModelProblem where the
        encoder cannot be loaded.
        """
        _ = self.encoder.fingerprint
        self._only_owner()
        kept = self.database.path.with_name(f"before-restore-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.sqlite")
        with self.writing():
            self.database.backup(kept)
            try:
                self.database.restore(source, prepare=self._take_over)
            except BadInput:  # nothing was replaced
                kept.unlink()
                raise
        self.rebuild(on_progress=on_progress)
        return kept

    def _take_over(self, restored: Database) -> None:
        """Make the catalog of a backup this folder's own: it may be that of another one, which still has its vectors."""
        for name in outbox.INDEXES:
            outbox.refill(restored, name)
        restored.record(_CATALOG, self.database.recorded(_CATALOG) or "")
        restored.record(_VECTORS_IN, self._place())

    def _cut_anew(self, on_progress: Progress) -> None:
        self.catalog.forget_files()
        stored = self.catalog.articles()
        for done, row in enumerate(stored):
            article = self.catalog.article(row.id)
            if isinstance(article, Article):
                self.catalog.replace_chunks(article, self.chunks(article))
            on_progress("Cutting into passages", done + 1, len(stored))
        self.database.record("reading", str(READING_VERSION))
        self.database.record("chunking", str(CHUNKING_VERSION))
