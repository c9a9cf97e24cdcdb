"""The catalog: every article with its versions and chunks; the only record. The indexes are derived from it.

Whatever changes an index is promised to the outbox in the same transaction as the articles. A changed article gets a new
current version and keeps the old one readable for old citations; a removed article keeps its title and the moment only.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Literal

from assistant import outbox
from assistant.database import Database
from assistant.errors import UnknownArticle
from assistant.schema import Article, Chunk, Filters, Removed, StoredArticle

Change = Literal["added", "changed", "tombstoned"]

_FEW = 500  # SQL variables per statement, well under SQLite's limit
_DETAILS = "v.article_id, v.version, v.title, text, source, published, updated, url, language, story, sources, markup"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an article came from: the root that was added or synced, and the file below it (posix, relative)."""

    root: str
    path: str


@dataclass(frozen=True, slots=True)
class Known:
    """A file as it was read: its stamp, and its articles by id, each "current" or "removed"."""

    stamp: str
    articles: dict[str, str]


class Allowed:
    """The current chunks whose article passes a test of its columns."""

    def __init__(self, database: Database, test: str, values: Sequence[str]) -> None:
        self._database = database
        self._select = (
            "SELECT c.id FROM chunk c JOIN article a ON a.id = c.article_id"
            " JOIN version v ON v.article_id = a.id AND v.version = a.version"
            f" WHERE a.state = 'current' AND {test}"
        )
        self._values = values

    @cached_property
    def every(self) -> list[str]:
        """All of them; there may be hundreds of thousands."""
        return [row[0] for row in self._database.connection.execute(self._select, self._values)]

    def among(self, chunk_ids: Sequence[str]) -> set[str]:
        """Those of some chunks."""
        found: set[str] = set()
        for first in range(0, len(chunk_ids), _FEW):
            some = chunk_ids[first : first + _FEW]
            select = f"{self._select} AND c.id IN ({', '.join('?' * len(some))})"
            found.update(row[0] for row in self._database.connection.execute(select, (*self._values, *some)))
        return found


class Catalog:
    """Articles, versions and chunks in one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._hashed: tuple[int, str] = (-1, "")

    # --- articles -----------------------------------------------------------------------------------------------------

    def put(self, article: Article, chunks: Sequence[Chunk], origin: Origin, *, again: bool = False) -> Change:
        """Store this version as the current one, wherever its id came from before, and note the index work.

        ``again`` lifts a tombstone.
        """
        row = self._row("SELECT * FROM article WHERE id = ?", article.id)
        if row is not None and row["state"] == "removed" and not again:
            return "tombstoned"
        with self._changing() as connection:
            self._insert_version(article)
            connection.execute(
                "INSERT INTO article (id, root, path, version, state, title, changed_at) VALUES (?, ?, ?, ?, 'current', ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET root = excluded.root, path = excluded.path, version = excluded.version,"
                " state = 'current', title = excluded.title, changed_at = excluded.changed_at",
                (article.id, origin.root, origin.path, article.version, article.title, _now()),
            )
            self.replace_chunks(article, chunks)
        return "changed" if row is not None and row["state"] == "current" else "added"

    def move(self, article_id: str, origin: Origin) -> None:
        """Note that an article, as it is stored, is in this file now."""
        with self.database.writing() as connection:
            connection.execute(
                "UPDATE article SET root = ?, path = ? WHERE id = ?", (origin.root, origin.path, article_id)
            )

    def remove(self, article_id: str, *, tombstone: bool = True) -> Removed:
        """Delete the article's text in every version; keep its title and the moment. Raises UnknownArticle.

        With ``tombstone`` a later sync does not bring it back; without (its file is gone) a returning file does.
        """
        row = self._row("SELECT * FROM article WHERE id = ?", article_id)
        if row is None:
            raise _unknown(article_id)
        with self._changing() as connection:
            self._drop_chunks(article_id)
            connection.execute("DELETE FROM version WHERE article_id = ?", (article_id,))
            state = "removed" if tombstone else "gone"
            when = _now() if row["state"] == "current" else row["changed_at"]
            connection.execute("UPDATE article SET state = ?, changed_at = ? WHERE id = ?", (state, when, article_id))
        return Removed(article_id, row["title"], datetime.fromisoformat(when))

    def article(self, article_id: str, version: str | None = None) -> Article | Removed:
        """The current version, or an earlier one for an old citation. Raises UnknownArticle."""
        row = self._row("SELECT * FROM article WHERE id = ?", article_id)
        if row is None:
            raise _unknown(article_id)
        if row["state"] != "current":
            return Removed(article_id, row["title"], datetime.fromisoformat(row["changed_at"]))
        wanted = version or row["version"]
        found = self._row(f"SELECT {_DETAILS} FROM version v WHERE article_id = ? AND version = ?", article_id, wanted)
        if found is None:
            raise UnknownArticle(
                f"the article {article_id} has no version {wanted}", hint=f"Its current version is {row['version']}."
            )
        return _article(found)

    def articles(self) -> list[StoredArticle]:
        """Every current article without its text, newest first, undated last."""
        rows = self._rows(
            "SELECT a.id, a.version, a.root, v.title, v.source, v.published, v.updated, v.url, v.language, v.story,"
            " length(v.text) AS characters, v.added_at,"
            " (SELECT count(*) FROM chunk c WHERE c.article_id = a.id) AS chunks"
            " FROM article a JOIN version v ON v.article_id = a.id AND v.version = a.version WHERE a.state = 'current'"
            " ORDER BY v.published IS NULL, v.published DESC, a.id"
        )
        return [_stored(row) for row in rows]

    def article_count(self) -> int:
        """How many current articles there are."""
        return int(self.database.value("SELECT count(*) FROM article WHERE state = 'current'") or 0)

    def origin(self, article_id: str) -> tuple[str, Origin] | None:
        """The version of a current article and where it came from; None where there is none of this id."""
        row = self._row("SELECT version, root, path FROM article WHERE id = ? AND state = 'current'", article_id)
        return None if row is None else (row["version"], Origin(row["root"], row["path"]))

    def from_root(self, root: str) -> dict[str, str]:
        """The current articles that came from a root: id → path below it."""
        rows = self._rows("SELECT id, path FROM article WHERE root = ? AND state = 'current'", root)
        return {row["id"]: row["path"] for row in rows}

    def files(self, root: str) -> dict[str, Known]:
        """The files of a root that articles came from, by path.

        The stamp is empty but for those that were read whole and whose articles are still those that came from them.
        """
        rows = self._rows("SELECT id, path, state FROM article WHERE root = ? AND state <> 'gone'", root)
        states = {(row["path"], row["id"]): row["state"] for row in rows}
        files = {path: Known("", {}) for path, _ in states}
        for row in self._rows("SELECT path, stamp, articles FROM file WHERE root = ?", root):
            articles = {id_: states.get((row["path"], id_)) for id_ in json.loads(row["articles"])}
            if all(articles.values()):
                files[row["path"]] = Known(row["stamp"], {id_: state for id_, state in articles.items() if state})
        return files

    def forget_files(self) -> None:
        """Have every file read again."""
        self.database.connection.execute("DELETE FROM file")

    def know_files(self, root: str, files: Mapping[str, Known]) -> None:
        """Note files that were read whole, by path below the root."""
        with self.database.writing() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?)",
                [(root, path, known.stamp, json.dumps(list(known.articles))) for path, known in files.items()],
            )

    def roots(self) -> list[str]:
        """Every root that an article came from which is current or was removed: where from must be known for it to stay so."""
        return [row[0] for row in self._rows("SELECT DISTINCT root FROM article WHERE state <> 'gone'")]

    # --- chunks -------------------------------------------------------------------------------------------------------

    def current(self, chunk_ids: Sequence[str]) -> dict[str, tuple[Chunk, Article]]:
        """Those of the chunks that are current, with their articles. An index hit that is not among them is stale."""
        chunks: list[Chunk] = []
        for part in _parts(chunk_ids):
            places = ",".join("?" * len(part))
            rows = self._rows(
                f'SELECT id, article_id, version, position, start, "end" FROM chunk WHERE id IN ({places})', *part
            )
            chunks.extend(Chunk(*row) for row in rows)
        articles = {article_id: self.article(article_id) for article_id in {chunk.article_id for chunk in chunks}}
        found: dict[str, tuple[Chunk, Article]] = {}
        for chunk in chunks:
            article = articles[chunk.article_id]
            if isinstance(article, Article) and article.version == chunk.version:  # a writer may have come between
                found[chunk.id] = (chunk, article)
        return found

    def replace_chunks(self, article: Article, chunks: Sequence[Chunk]) -> None:
        """Make these the article's chunks, and promise both indexes the change."""
        with self._changing() as connection:
            self._drop_chunks(article.id)
            connection.executemany(
                'INSERT INTO chunk (id, article_id, version, position, start, "end") VALUES (?, ?, ?, ?, ?, ?)',
                [(c.id, c.article_id, c.version, c.position, c.start, c.end) for c in chunks],
            )
            outbox.note(self.database, "add", [c.id for c in chunks])

    def chunk_ids(self) -> list[str]:
        """Every current chunk, the newest last."""
        return [row[0] for row in self._rows("SELECT id FROM chunk ORDER BY rowid")]

    def allowed(self, filters: Filters, today: date) -> Allowed | None:
        """What the filters let through, or None where they let all through.

        Without ``as_of`` only articles dated after today are left out. A named date lets no undated article through.
        """
        dated = filters.as_of or filters.since or filters.until
        tests = ["published <= ?" if dated else "(published <= ? OR published IS NULL)"]
        values = [(filters.as_of or today).isoformat()]
        for bound, sign in ((filters.since, ">="), (filters.until, "<=")):
            if bound is not None:
                tests.append(f"published {sign} ?")
                values.append(bound.isoformat())
        if filters.source is not None:
            tests.append("source = ? COLLATE NOCASE")
            values.append(unicodedata.normalize("NFC", filters.source))
        if filters == Filters() and not self.database.value(
            "SELECT EXISTS (SELECT 1 FROM version WHERE published > ?)", values
        ):
            return None  # the usual case, told by an index
        return Allowed(self.database, " AND ".join(tests), values)

    def languages(self) -> list[str]:
        """The languages of the stored articles, earlier versions included."""
        return [row[0] for row in self._rows("SELECT DISTINCT language FROM version ORDER BY language")]

    def revision(self) -> int:
        """A number that grows with every change of the articles."""
        return int(self.database.recorded("revision") or 0)

    def corpus_hash(self) -> str:
        """16 hex digits over the ids and versions of the current articles."""
        revision = self.revision()
        if self._hashed[0] != revision:
            rows = self._rows("SELECT id, version FROM article WHERE state = 'current' ORDER BY id")
            text = "\n".join(f"{row['id']} {row['version']}" for row in rows)
            self._hashed = (revision, hashlib.sha256(text.encode()).hexdigest()[:16])
        return self._hashed[1]

    # --- inside -------------------------------------------------------------------------------------------------------

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self.database.writing() as connection:
            yield connection
            connection.execute("UPDATE meta SET value = value + 1 WHERE name = 'revision'")

    def _rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        return self.database.connection.execute(sql, values).fetchall()

    def _row(self, sql: str, *values: object) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self.database.connection.execute(sql, values).fetchone()
        return row

    def _insert_version(self, article: Article) -> None:
        self.database.connection.execute(
            "INSERT OR IGNORE INTO version (article_id, version, title, text, source, published, updated, url, language,"
            " story, sources, markup, added_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                article.id,
                article.version,
                article.title,
                article.text,
                article.source,
                article.published and article.published.isoformat(),
                article.updated and article.updated.isoformat(),
                article.url,
                article.language,
                article.story,
                json.dumps(article.sources, ensure_ascii=False),
                article.markup,
                _now(),
            ),
        )

    def _drop_chunks(self, article_id: str) -> None:
        rows = self._rows("DELETE FROM chunk WHERE article_id = ? RETURNING id", article_id)
        outbox.note(self.database, "delete", [row[0] for row in rows])


def _article(row: sqlite3.Row) -> Article:
    return Article(
        id=row["article_id"],
        version=row["version"],
        title=row["title"],
        text=row["text"],
        source=row["source"],
        published=_date(row["published"]),
        updated=_date(row["updated"]),
        url=row["url"],
        language=row["language"],
        story=row["story"],
        sources=tuple(json.loads(row["sources"])),
        markup=row["markup"],
    )


def _stored(row: sqlite3.Row) -> StoredArticle:
    return StoredArticle(
        id=row["id"],
        version=row["version"],
        title=row["title"],
        source=row["source"],
        published=_date(row["published"]),
        updated=_date(row["updated"]),
        url=row["url"],
        language=row["language"],
        story=row["story"],
        characters=row["characters"],
        chunks=row["chunks"],
        added_at=datetime.fromisoformat(row["added_at"]),
        root=row["root"],
    )


def _unknown(article_id: str) -> UnknownArticle:
    return UnknownArticle(f"there is no article {article_id}", hint="See the ids with: assistant list")


def _date(value: str | None) -> date | None:
    return None if value is None else date.fromisoformat(value)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(ids), _FEW):
        yield ids[first : first + _FEW]
