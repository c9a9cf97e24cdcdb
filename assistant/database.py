"""The SQLite file under the catalog: connections, transactions, the schema with its migrations, backup and restore.

Readers never wait for a writer (WAL). Each thread has a connection of its own, so that a chat page may ask while it adds.
"""

from __future__ import annotations

import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from assistant.errors import BadInput, Busy, StoreProblem
from assistant.locks import holding

# Migration N leads from schema N to schema N + 1; the number is kept in PRAGMA user_version. Never edit one that was released.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    INSERT INTO meta VALUES ('revision', '0');

    CREATE TABLE version (
        article_id TEXT NOT NULL, version TEXT NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL, source TEXT,
        published TEXT, updated TEXT, url TEXT, language TEXT NOT NULL, story TEXT, sources TEXT NOT NULL,
        markup TEXT NOT NULL CHECK (markup IN ('markdown', 'plain')), added_at TEXT NOT NULL,
        PRIMARY KEY (article_id, version)
    ) STRICT;

    -- state: 'current'; 'removed' by the user, which a sync respects; 'gone' with its file, which may come back
    CREATE TABLE article (
        id TEXT PRIMARY KEY, root TEXT NOT NULL, path TEXT NOT NULL, version TEXT NOT NULL, title TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('current', 'removed', 'gone')), changed_at TEXT NOT NULL
    ) STRICT;
    CREATE INDEX article_root ON article (root, state);

    -- chunks of current versions only: an index hit that is not in here is stale
    CREATE TABLE chunk (
        id TEXT PRIMARY KEY, article_id TEXT NOT NULL, version TEXT NOT NULL, position INTEGER NOT NULL,
        start INTEGER NOT NULL, "end" INTEGER NOT NULL,
        FOREIGN KEY (article_id, version) REFERENCES version (article_id, version)
    ) STRICT;
    CREATE INDEX chunk_article ON chunk (article_id, position);

    CREATE TABLE outbox (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, "index" TEXT NOT NULL CHECK ("index" IN ('fulltext', 'vectors')),
        action TEXT NOT NULL CHECK (action IN ('add', 'delete')), chunk_id TEXT NOT NULL
    ) STRICT;
    CREATE INDEX outbox_index ON outbox ("index", seq);
    """,
    """
    CREATE INDEX version_published ON version (published);
    CREATE INDEX version_source ON version (source COLLATE NOCASE);
    CREATE INDEX version_language ON version (language);

    -- files that were read whole, without a failure or a note, and the ids that were in them (a JSON array): while the stamp
    -- stays and the articles are still from there, a file need not be read again
    CREATE TABLE file (
        root TEXT NOT NULL, path TEXT NOT NULL, stamp TEXT NOT NULL, articles TEXT NOT NULL, PRIMARY KEY (root, path)
    ) STRICT;
    """,
    """
    -- which catalog this is, to tell its vectors from those of others on one server
    INSERT INTO meta VALUES ('catalog', lower(hex(randomblob(16))));
    """,
)


_UNWRITABLE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}


class Database:
    """An open catalog file. Raises StoreProblem where the file is damaged or was written by a newer program."""

    def __init__(self, path: Path, *, wait_seconds: float) -> None:
        self.path = path
        self._wait = wait_seconds
        self._local = threading.local()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._migrate()
        except sqlite3.DatabaseError as error:
            if _code(error) == sqlite3.SQLITE_BUSY:
                raise self._busy() from error
            if _code(error) in _UNWRITABLE:
                raise _unwritable(path, error) from error
            raise StoreProblem(
                f"the catalog {path} cannot be used: {error}",
                hint=f"Move {path.name}, {path.name}-wal and {path.name}-shm away, then: assistant restore BACKUP-FILE",
            ) from error

    def close(self) -> None:
        """Close this thread's connection; those of other threads close with their threads."""
        held = getattr(self._local, "connection", None)
        if held is not None:
            held.close()
            self._local.connection = None

    @property
    def connection(self) -> sqlite3.Connection:
        """The calling thread's connection."""
        if getattr(self._local, "connection", None) is None:
            connection = sqlite3.connect(self.path, timeout=self._wait, isolation_level=None)
            connection.row_factory = sqlite3.Row
            for pragma in (
                "synchronous = FULL",  # an acknowledged add survives a power cut
                "foreign_keys = ON",
                "secure_delete = ON",  # what is removed does not stay in free pages
            ):
                connection.execute(f"PRAGMA {pragma}")
            self._local.connection = connection
        held: sqlite3.Connection = self._local.connection
        return held

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, all or nothing; a block inside another is part of it.

        Raises Busy, and StoreProblem on a full disk or without the right to write.
        """
        connection = self.connection
        if connection.in_transaction:
            yield connection
            return
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY:
                raise
            raise self._busy() from error
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:  # SQLite itself rolls back when the disk is full
                connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError) and _code(error) in _UNWRITABLE:
                raise _unwritable(self.path, error) from error
            raise

    def value(self, sql: str, values: Sequence[object] = ()) -> str | int | None:
        """The first column of the first row, None where there is no row."""
        row = self.connection.execute(sql, values).fetchone()
        result: str | int | None = None if row is None else row[0]
        return result

    def recorded(self, name: str) -> str | None:
        """What was recorded under a name (the encoder of the vectors, say), None where nothing was."""
        value = self.value("SELECT value FROM meta WHERE name = ?", (name,))
        return None if value is None else str(value)

    def record(self, name: str, value: str) -> None:
        """Record a value under a name, where it is not recorded already."""
        if self.recorded(name) == value:
            return
        with self.writing() as connection:
            connection.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value)
            )

    def backup(self, target: Path) -> None:
        """Write a consistent copy while others read and write. Raises BadInput where the file exists already, StoreProblem
        where it cannot be written.
        """
        if target.exists():
            raise BadInput(f"{target} exists already", hint="Name a new file; a backup never overwrites one.")
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(target.name + ".partial")
        try:
            with closing(sqlite3.connect(partial)) as copy:
                self.connection.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")  # one file, nothing beside it
        except sqlite3.OperationalError as error:
            raise _unwritable(target, error) from error
        partial.replace(target)

    def restore(self, source: Path, *, prepare: Callable[[Database], None]) -> None:
        """Replace everything by a backup, in one transaction, after ``prepare`` has changed a copy of it as it needs to be.

        Raises BadInput where the file is no sound backup.
        """
        if not source.is_file():
            raise BadInput(f"there is no file {source}", hint="Name a file that `assistant backup` wrote.")
        with closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as copy:
            try:
                sound = copy.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
                found = copy.execute("SELECT value FROM meta WHERE name = 'revision'").fetchone()
                known = 0 < _schema(copy) <= len(MIGRATIONS)
            except sqlite3.DatabaseError as error:
                raise BadInput(f"{source} is no backup of a catalog: {error}", hint="Nothing was changed.") from error
            if not (sound and found and known):
                raise BadInput(f"{source} is damaged or from a newer program", hint="Nothing was changed.")
            with tempfile.TemporaryDirectory(dir=self.path.parent, prefix="restoring-") as folder:
                prepared = Database(Path(folder) / self.path.name, wait_seconds=self._wait)
                copy.backup(prepared.connection)
                prepared._migrate()
                prepare(prepared)
                prepared.connection.backup(self.connection)
                prepared.close()
        self._migrate()

    def _busy(self) -> Busy:
        return Busy(
            f"another process has been writing to {self.path} for more than {self._wait:g} seconds",
            hint="Wait for it to finish, or raise ASSISTANT_LOCK_SECONDS.",
        )

    def _migrate(self) -> None:
        if _schema(self.connection) > len(MIGRATIONS):
            raise StoreProblem(
                f"the catalog {self.path} was written by a newer version of this program",
                hint="Update the program, or choose another data folder with ASSISTANT_HOME.",
            )
        if _schema(self.connection) == len(MIGRATIONS) and self.value("PRAGMA journal_mode") == "wal":
            return
        # SQLite does not wait for another process that turns to WAL at the same moment: one at a time
        with holding(self.path.with_suffix(".opening"), seconds=self._wait):
            self.connection.execute("PRAGMA journal_mode = WAL")
            self._bring_up()

    def _bring_up(self) -> None:
        with self.writing() as connection:
            for number in range(_schema(connection), len(MIGRATIONS)):
                for statement in _statements(MIGRATIONS[number]):
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code, 0 for an error of Python's own."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _unwritable(path: Path, error: sqlite3.Error) -> StoreProblem:
    return StoreProblem(f"{path} cannot be read and written: {error}", hint="Check who may use it, and the free space.")


def _schema(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _statements(script: str) -> Iterator[str]:
    """The statements of a script; ``executescript`` would commit the transaction around it."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
