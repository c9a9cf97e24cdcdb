"""Index work: what the outbox promises is done in the full-text and the vector index, batch by batch, resumable anywhere."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from functools import cache

from assistant import outbox
from assistant.catalog import Catalog
from assistant.chunking import indexed_text, short_title
from assistant.fulltext import Entry, FullText
from assistant.gloss import read_in, reader
from assistant.models import Encoder
from assistant.outbox import Work
from assistant.schema import Article, Chunk
from assistant.vectors import Vectors

Progress = Callable[[str, int, int | None], None]
"""Called with a stage, how much of it is done, and how much there is (None where that is not known yet)."""

_FULLTEXT_ROWS = 20_000
_VECTOR_ROWS = 256  # a few seconds of encoding: what an interruption costs at most


def index_words(catalog: Catalog, fulltext: FullText) -> None:
    """Do all open full-text work. The caller holds the write lock."""
    while work := outbox.oldest(catalog.database, "fulltext", limit=_FULLTEXT_ROWS):
        found = _current(catalog, work)
        fulltext.write(
            (
                Entry(id_, read_in(article.language), *as_searched(chunk, article))
                for id_, (chunk, article) in found.items()
            ),
            deleted=_gone(work, found),
        )
        outbox.done(catalog.database, "fulltext", upto=work[-1].seq)


def index_vectors(catalog: Catalog, vectors: Vectors, encoder: Encoder, on_progress: Progress) -> None:
    """Do all open vector work. The caller owns the vector index. Raises ModelProblem before anything is changed."""
    finished = 0
    while work := outbox.oldest(catalog.database, "vectors", limit=_VECTOR_ROWS):
        total = finished + outbox.pending(catalog.database, "vectors")
        on_progress("Embedding", finished, total)
        found = _current(catalog, work)
        if deleted := _gone(work, found):
            vectors.delete(deleted)
        if found:
            vectors.write(list(found), encoder.encode_passages(encoded_texts(found.values(), encoder)))
        outbox.done(catalog.database, "vectors", upto=work[-1].seq)
        finished += len(work)
        on_progress("Embedding", finished, total)


def encoded_texts(rows: Iterable[tuple[Chunk, Article]], encoder: Encoder) -> list[str]:
    """What the encoder is given for each chunk: its title, cut as ``chunk`` reckoned with it, and its text.

    ``chunk`` counted the tokens of the article as written; where a gloss has more, its end is not read.
    """

    @cache
    def short(title: str) -> str:
        return short_title(title, window=encoder.window, count_tokens=encoder.count_tokens)

    searched = (as_searched(chunk, article) for chunk, article in rows)
    return [indexed_text(short(title), text) for title, text in searched]


def _current(catalog: Catalog, work: list[Work]) -> dict[str, tuple[Chunk, Article]]:
    """The chunks to write. One that was promised and is no longer current counts as deleted, whatever its row says."""
    return catalog.current(list(dict.fromkeys(row.chunk_id for row in work if row.action == "add")))


def _gone(work: list[Work], found: Container[str]) -> list[str]:
    """The chunks to delete, each once: Chroma refuses an id that is named twice."""
    return list(dict.fromkeys(row.chunk_id for row in work if row.chunk_id not in found))


def as_searched(chunk: Chunk, article: Article) -> tuple[str, str]:
    """Title and text of a chunk as they are searched: word by word in English where there is a glossary for their language."""
    read = reader(article.text, article.language)
    return read(article.title), read(article.text[chunk.start : chunk.end])
