"""The outbox: index work that the catalog has promised and an index has not yet done.

A row is written in the transaction that changes the articles and deleted when the index is safe on disk, so that a restart
knows what is missing. Doing a row twice does no harm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from assistant.database import Database

IndexName = Literal["fulltext", "vectors"]
INDEXES: tuple[IndexName, ...] = ("fulltext", "vectors")
Action = Literal["add", "delete"]


@dataclass(frozen=True, slots=True)
class Work:
    """One row: a chunk to write into an index, or to delete from it."""

    seq: int
    action: Action
    chunk_id: str


def note(
    database: Database, action: Action, chunk_ids: Sequence[str], *, indexes: Sequence[IndexName] = INDEXES
) -> None:
    """Promise the change to both indexes, or to one. To be called inside the transaction that makes it true."""
    with database.writing() as connection:
        connection.executemany(
            'INSERT INTO outbox ("index", action, chunk_id) VALUES (?, ?, ?)',
            [(index, action, chunk_id) for index in indexes for chunk_id in chunk_ids],
        )


def oldest(database: Database, index: IndexName, *, limit: int) -> list[Work]:
    """The oldest open rows of an index, in the order in which they were promised."""
    rows = database.connection.execute(
        'SELECT seq, action, chunk_id FROM outbox WHERE "index" = ? ORDER BY seq LIMIT ?', (index, limit)
    )
    return [Work(row["seq"], row["action"], row["chunk_id"]) for row in rows]


def done(database: Database, index: IndexName, *, upto: int) -> None:
    """Delete an index' rows up to and including a number: its changes are on disk."""
    database.connection.execute('DELETE FROM outbox WHERE "index" = ? AND seq <= ?', (index, upto))


def pending(database: Database, index: IndexName) -> int:
    """How many rows wait for an index."""
    return int(database.value('SELECT count(*) FROM outbox WHERE "index" = ?', (index,)) or 0)


def unfindable(database: Database, index: IndexName) -> int:
    """How many chunks wait to be written to an index."""
    sql = "SELECT count(DISTINCT chunk_id) FROM outbox WHERE \"index\" = ? AND action = 'add'"
    return int(database.value(sql, (index,)) or 0)


def waiting(database: Database, index: IndexName) -> set[str]:
    """The chunks that wait for an index."""
    return {row[0] for row in database.connection.execute('SELECT chunk_id FROM outbox WHERE "index" = ?', (index,))}


def refill(database: Database, index: IndexName) -> None:
    """Promise every current chunk anew: the index is being rebuilt from nothing.

    Open deletes stay, for chunks that it may still hold if it is not emptied after all.
    """
    with database.writing() as connection:
        connection.execute("DELETE FROM outbox WHERE \"index\" = ? AND action = 'add'", (index,))
        connection.execute(
            'INSERT INTO outbox ("index", action, chunk_id)'
            " SELECT ?, 'add', id FROM chunk ORDER BY article_id, position",
            (index,),
        )
