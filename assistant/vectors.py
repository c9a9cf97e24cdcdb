"""The vector index: chunk vectors in Chroma, through LlamaIndex's adapter. Derived from the catalog and rebuildable.

A Chroma folder bears one process at a time, for reading too, so a lock of the operating system is held as long as it is open. On
a server each data folder has a collection of its own, and there, too, one process at a time.
No text is stored here: it would stay in the folder after a delete. Distances are cosine.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from assistant.errors import StoreProblem
from assistant.fulltext import Hit
from assistant.locks import acquire

if TYPE_CHECKING:
    from filelock import FileLock
    from llama_index.core.vector_stores.types import VectorStoreQueryResult

COLLECTION = "news-chunks"
ROWS_PER_CALL = 5_000  # Chroma's own limit is 5,461
_ASKED_AT_ONCE = 500
_SAME = 1e-5  # cosine distance of a vector to its twin, rounding included


class Vectors:
    """The open vector index of a data folder. Made by ``open_vectors``; ``close`` lets other processes in.

    Threads take turns: what is asked of the index holds while it is asked.
    """

    def __init__(self, client: Any, collection: str, lock: FileLock, *, server: str | None) -> None:
        self._client = client
        self._name = collection
        self._lock = lock
        self._server = server
        self._turn = threading.RLock()
        self._open_collection()

    def _open_collection(self) -> None:
        from llama_index.vector_stores.chroma import ChromaVectorStore

        self._collection = self._client.get_or_create_collection(
            self._name, embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
        )
        self._store = ChromaVectorStore(chroma_collection=self._collection)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """One thread's turn. Raises StoreProblem where Chroma fails: its server may have gone, or come back without its data."""
        import httpx
        from chromadb.errors import ChromaError

        with self._turn:
            try:
                yield
            except (httpx.HTTPError, ChromaError) as error:
                away = (
                    "Start the server, or unset ASSISTANT_CHROMA_URL. If it lost its data, start the assistant again."
                )
                raise StoreProblem(
                    f"the vector index{f' at {self._server}' if self._server else ''} cannot be used: {error}",
                    hint=away if self._server else "Rebuild it: assistant rebuild vectors",
                ) from error

    def write(self, chunk_ids: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Write vectors, float32 (n, d), for the chunks, replacing those that were there."""
        from llama_index.core.schema import BaseNode, TextNode

        for first in range(0, len(chunk_ids), ROWS_PER_CALL):
            ids = list(chunk_ids[first : first + ROWS_PER_CALL])
            rows = vectors[first : first + ROWS_PER_CALL]
            nodes: list[BaseNode] = [
                TextNode(id_=id_, text="", embedding=row.tolist()) for id_, row in zip(ids, rows, strict=True)
            ]
            with self._asking():
                self.delete(ids)  # the adapter's add ignores an id that is there already
                self._store.add(nodes)

    def delete(self, chunk_ids: Sequence[str]) -> None:
        """Delete the chunks; unknown ids do no harm."""
        for first in range(0, len(chunk_ids), ROWS_PER_CALL):
            with self._asking():
                self._store.delete_nodes(list(chunk_ids[first : first + ROWS_PER_CALL]))

    def search(self, vector: NDArray[np.float32], *, limit: int, allowed: Sequence[str] | None = None) -> list[Hit]:
        """The chunks nearest to one unit vector (d,), best first, scored by cosine; among ``allowed`` only, where given.

        Chunks without a vector are passed over, among ``allowed`` too.
        """
        from chromadb.errors import InternalError

        with self._asking():
            try:
                found = self._nearest(vector, limit, allowed)
            except InternalError:  # Chroma fails for all that are named where one of them is not there
                if allowed is None:
                    raise
                found = self._nearest(vector, limit, self._collection.get(ids=list(allowed), include=[])["ids"])
        if found is None:
            return []
        # the adapter's score is exp(-distance), and a cosine distance is 1 - cosine
        hits = [
            Hit(id_, 1.0 + math.log(max(score, 1e-9)))
            for id_, score in zip(found.ids or [], found.similarities or [], strict=True)
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id))

    def _nearest(
        self, vector: NDArray[np.float32], limit: int, allowed: Sequence[str] | None
    ) -> VectorStoreQueryResult | None:
        """What the adapter finds; None where there is nothing to search."""
        from llama_index.core.vector_stores.types import VectorStoreQuery

        count = self._collection.count() if allowed is None else min(len(allowed), self._collection.count())
        if count == 0:
            return None
        query = VectorStoreQuery(query_embedding=vector.tolist(), similarity_top_k=min(limit, count))
        return self._store.query(query, **({} if allowed is None else {"ids": list(allowed)}))

    def lost(self, chunk_ids: Sequence[str]) -> list[str]:
        """Those of the chunks that are not there, or that a search for their own vector does not find."""
        lost: list[str] = []
        for first in range(0, len(chunk_ids), _ASKED_AT_ONCE):
            with self._asking():
                lost += self._lost(chunk_ids[first : first + _ASKED_AT_ONCE])
        return lost

    def _lost(self, chunk_ids: Sequence[str]) -> Iterator[str]:
        held = self._held(chunk_ids)
        yield from (id_ for id_ in chunk_ids if id_ not in held)
        if not held:
            return
        found = self._collection.query(query_embeddings=list(held.values()), n_results=1, include=["distances"])
        for id_, nearest, distances in zip(held, found["ids"], found["distances"], strict=True):
            if nearest != [id_] and (not distances or distances[0] > _SAME):
                yield id_

    def _held(self, chunk_ids: Sequence[str]) -> dict[str, Any]:
        """The vectors of the chunks that have one. Chroma fails for all that are asked for where one is lost."""
        from chromadb.errors import InternalError

        try:
            got = self._collection.get(ids=list(chunk_ids), include=["embeddings"])
        except InternalError:
            if len(chunk_ids) == 1:
                return {}
            middle = len(chunk_ids) // 2
            return self._held(chunk_ids[:middle]) | self._held(chunk_ids[middle:])
        return dict(zip(got["ids"], got["embeddings"], strict=True))

    def is_readable(self) -> bool:
        """Whether the index can be read at all; a file of it may be gone or damaged."""
        from chromadb.errors import InternalError

        with self._asking():
            try:
                self._collection.peek(1)
                self._collection.count()
            except InternalError:
                return False
        return True

    def ids(self) -> set[str]:
        """Every chunk in the index."""
        with self._asking():
            return set(self._collection.get(include=[])["ids"])

    def count(self) -> int:
        """How many vectors are stored."""
        with self._asking():
            return int(self._collection.count())

    def clear(self) -> None:
        """Delete every vector and start an empty collection."""
        with self._asking():
            self._client.delete_collection(self._name)
            self._open_collection()

    def close(self) -> None:
        """Let go of the folder. Closing twice does no harm."""
        self._client.close()
        self._lock.release()


def open_vectors(
    folder: Path,
    *,
    server: str | None,
    collection: str = COLLECTION,
    lock_seconds: float,
    on_owned: Callable[[], None] | None = None,
) -> Vectors | None:
    """The vector index in a folder, or in a collection of a Chroma server; None where another process owns it.

    ``on_owned`` is called when it is this process' own and Chroma has not yet opened it. Raises StoreProblem where Chroma cannot
    open it.
    """
    lock = acquire(folder.parent / "vectors.lock", seconds=lock_seconds)
    if lock is None:
        return None
    try:
        if on_owned is not None:
            on_owned()
        return _opened(folder, server, collection, lock)
    except BaseException:
        lock.release()
        raise


def _opened(folder: Path, server: str | None, collection: str, lock: FileLock) -> Vectors:
    import chromadb
    from chromadb.config import Settings as ChromaSettings
    from chromadb.errors import ChromaError

    quiet = ChromaSettings(anonymized_telemetry=False)
    try:
        if server:
            return Vectors(_server_client(server, quiet), collection, lock, server=server)
        return Vectors(chromadb.PersistentClient(str(folder), settings=quiet), collection, lock, server=None)
    except (ChromaError, ValueError, OSError) as error:
        raise StoreProblem(
            f"the vector index {server or folder} cannot be opened: {error}",
            hint="Start the server, or unset ASSISTANT_CHROMA_URL."
            if server
            else "Rebuild it: assistant rebuild vectors",
        ) from error


def _server_client(url: str, settings: Any) -> Any:
    import chromadb

    parts = urlsplit(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 8000)
    return chromadb.HttpClient(host=parts.hostname or "", port=port, ssl=secure, settings=settings)
