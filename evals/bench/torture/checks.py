"""What is wrong with a store: its files, its articles and their passages, both indexes, and what questions find in them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

from assistant import Article, Assistant, AssistantError
from assistant.doctor import examine
from assistant.indexing import encoded_texts
from assistant.schema import Chunk, Removed
from evals.bench.torture.articles import marker, wording

_ASKED = 12  # questions over both indexes after a kill; by words alone every article is looked for
_SAID = 5  # findings that a check names; the others are counted
_Expected = Mapping[str, set[int]]


def problems(assistant: Assistant, expected: _Expected) -> list[str]:
    """What is wrong with a store whose index work is done; ``expected`` are the versions that each article may have."""
    found: list[str] = []
    for check in (_unsound, _lost, _torn, _misindexed, _far, _unfound):
        said: list[str] = []
        try:
            said.extend(check(assistant, expected))
        except AssistantError as error:
            said.append(f"cannot be checked, {error}")
        if len(said) > _SAID:
            said[_SAID:] = [f"and {len(said) - _SAID} more"]
        found += [f"{check.__name__[1:]}: {what}" for what in said]
    return found


def finds(assistant: Assistant, id_: str, version: int) -> bool:
    """Whether a question with the word of a version retrieves the article, which no other passage has more of."""
    passages = assistant.retrieve(f"Who opened {marker(id_, version)}?")
    return any(passage.chunk.article_id == id_ and passage.lexical_rank == 1 for passage in passages)


def _unsound(assistant: Assistant, _: _Expected) -> Iterator[str]:
    """The catalog file, the outbox, and what the doctor says."""
    if (said := assistant.store.database.value("PRAGMA integrity_check")) != "ok":
        yield f"integrity_check says {said}"
    if assistant.store.database.value("PRAGMA foreign_key_check") is not None:
        yield "a row of the catalog refers to none"
    yield from (problem.what for problem in examine(assistant.store, lambda: "none").problems)


def _lost(assistant: Assistant, expected: _Expected) -> Iterator[str]:
    """Every article has one of the versions that it may have, word for word; there is no other."""
    listed = {row.id for row in assistant.articles()}
    yield from (f"{id_} is listed and was never added" for id_ in sorted(listed - set(expected)))
    for id_, versions in expected.items():
        article = _article(assistant, id_)
        if (article is not None) != (id_ in listed):
            yield f"{id_} is listed and not shown, or shown and not listed"
        if article is None:
            if 0 not in versions:
                yield f"{id_} was acknowledged and is not there"
        elif article.text.strip() not in {wording(id_, version) for version in versions if version}:
            yield f"{id_} has a text that it may not have; expected is one of {sorted(versions)}"


def _torn(assistant: Assistant, _: _Expected) -> Iterator[str]:
    """The chunks of every article are those that it is cut into, and they tile its text."""
    for article, chunks in _cut(assistant):
        bounds = [0, *(chunk.end for chunk in chunks)]
        if [chunk.start for chunk in chunks] != bounds[:-1] or bounds[-1] != len(article.text):
            yield f"the passages of {article.id} do not tile its text"
        if chunks != assistant.store.chunks(article):
            yield f"{article.id} is cut otherwise than it would be now"


def _misindexed(assistant: Assistant, _: _Expected) -> Iterator[str]:
    """Both indexes hold every chunk once and nothing else."""
    store, chunks = assistant.store, assistant.store.catalog.chunk_ids()
    for name, index in (("fulltext", store.fulltext), ("vectors", store.own_vectors())):
        if index is None:
            yield f"{name} is owned by another process"
            continue
        rows, ids = index.count(), index.ids()
        if ids != set(chunks):
            yield f"{name}: {len(set(chunks) - ids)} chunks are missing, {len(ids - set(chunks))} are of no article"
        if not rows == len(ids) == len(chunks):
            yield f"{name}: {rows} rows, {len(ids)} ids, {len(chunks)} chunks: not each once"


def _far(assistant: Assistant, _: _Expected) -> Iterator[str]:
    """Every chunk is what the vector index returns for the vector that it ought to have; an equal one may come first."""
    encoder, vectors = assistant.store.encoder, assistant.store.own_vectors()
    texts: dict[str, str] = {}
    for article, chunks in _cut(assistant):
        written = encoded_texts(((chunk, article) for chunk in chunks), encoder)
        texts |= {chunk.id: text for chunk, text in zip(chunks, written, strict=True)}
    if vectors is None or not texts or not vectors.count():
        return  # what is missing altogether has been said
    # Vectors.search asks for one at a time through LlamaIndex, which takes 30 times as long as Chroma's own list of questions
    found = vectors._collection.query(
        query_embeddings=encoder.encode_passages(list(texts.values())),
        n_results=min(3, vectors.count()),
        include=["distances"],
    )
    for chunk_id, ids, distances in zip(texts, found["ids"], found["distances"], strict=True):
        if chunk_id not in {id_ for id_, distance in zip(ids, distances, strict=True) if distance < 1e-4}:
            yield f"the vector of {chunk_id} is not its own nearest neighbour"


def _unfound(assistant: Assistant, expected: _Expected) -> Iterator[str]:
    """The word of each article finds it and nothing else; those of what is gone find nothing. A few are asked of both indexes."""
    current = sorted(row.id for row in assistant.articles())
    asked = set(random.Random(len(current)).sample(current, min(_ASKED, len(current))))
    for id_, versions in expected.items():
        article = _article(assistant, id_)
        for version in (versions | {1, 2}) - {0}:
            there = article is not None and marker(id_, version) in article.text
            if (found := _found(assistant, marker(id_, version))) != ({id_} if there else set()):
                yield f"{marker(id_, version)} finds {sorted(found)}"
            elif there and id_ in asked and not finds(assistant, id_, version):
                yield f"a question with {marker(id_, version)} does not retrieve {id_}"


def _found(assistant: Assistant, word: str) -> set[str]:
    """The articles in which the full text finds a word."""
    hits = assistant.store.fulltext.search(word, languages=["en"], limit=9, title_weight=0.0)
    found = assistant.store.catalog.current([hit.chunk_id for hit in hits])
    return {chunk.article_id for chunk, _ in found.values()}


def _article(assistant: Assistant, id_: str) -> Article | None:
    """The article as it is shown; None where it was removed or is unknown."""
    try:
        article = assistant.article(id_)
    except AssistantError:
        return None
    return None if isinstance(article, Removed) else article


def _cut(assistant: Assistant) -> list[tuple[Article, list[Chunk]]]:
    """Every article that has chunks or is listed, with its chunks in order."""
    found: dict[str, tuple[Article, list[Chunk]]] = {}
    for row in assistant.articles():
        if article := _article(assistant, row.id):
            found[row.id] = (article, [])
    for chunk, article in assistant.store.catalog.current(assistant.store.catalog.chunk_ids()).values():
        found.setdefault(article.id, (article, []))[1].append(chunk)
    return [(article, sorted(chunks, key=lambda chunk: chunk.position)) for article, chunks in found.values()]
