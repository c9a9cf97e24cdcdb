"""Data folders of a given size to measure in, built once into the work folder; what is interrupted goes on where it was.

This is the one place that reaches past the public names into ``assistant.store``: a folder of 250,000 passages takes too long to
fill by adding. An article is stored with ``catalog.put`` and its words indexed as ever; its vectors are read from files that were
encoded once, and written straight into the vector index. Where more passages are wanted than the articles have, each article is
stored again as a copy: another id and title, the same text, its vectors with Gaussian noise added and of unit length again.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assistant import Article, load_settings, outbox
from assistant.catalog import Origin
from assistant.chunking import CHUNKING_VERSION, chunk
from assistant.indexing import encoded_texts, index_words
from assistant.models import Encoder, load_encoder
from assistant.reading import READING_VERSION, read_root, version_of
from assistant.schema import Chunk
from assistant.store import Store
from evals.bench.corpus import ARTICLES, SEED, corpus_file
from evals.bench.measuring import Progress
from evals.run import own_settings
from evals.schema import CORPUS

_TOGETHER = 250  # articles encoded into one file, and stored in one transaction: what an interruption costs
_NOISE = 0.02  # standard deviation per dimension; a copy keeps a cosine of about 0.93 in 384 dimensions


@dataclass(frozen=True, slots=True)
class Stage:
    """A data folder of known size. ``copied`` of its passages are jittered copies of the others."""

    home: Path
    articles: int
    passages: int
    copied: int


@dataclass(frozen=True, slots=True)
class Portion:
    """Some articles, the chunks of each, and the vectors of all these chunks in order, float32 (n, d)."""

    articles: tuple[Article, ...]
    chunks: tuple[tuple[Chunk, ...], ...]
    vectors: NDArray[np.float32]


class Builder:
    """Builds stages in a work folder from the sample articles and ``articles`` invented ones."""

    def __init__(
        self, work: Path, on_progress: Progress, *, articles: int = ARTICLES, encoder: Encoder | None = None
    ) -> None:
        self.work = work
        self.articles = articles
        self.encoder = encoder or load_encoder(load_settings())
        self._say = on_progress

    def stage(self, *, articles: int | None = None, passages: int | None = None) -> Stage:
        """The data folder with the first so many articles, or with articles and copies until there are so many passages."""
        name = f"{articles}-articles" if articles else f"{passages}-passages"
        home = self.work / "stages" / f"{name}-of-{self.articles}-{self._made_from}"
        if not (home / "stage.json").is_file():
            stage = self._fill(home, articles or None, passages or None)
            (home / "stage.json").write_text(json.dumps(asdict(stage) | {"home": ""}), encoding="utf-8")
        return Stage(**json.loads((home / "stage.json").read_text(encoding="utf-8")) | {"home": home})

    def copy(self, stage: Stage) -> Stage:
        """A copy of a stage, to be changed and thrown away."""
        home = self.work / "changed" / stage.home.name
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(stage.home, home)
        return replace(stage, home=home)

    @cached_property
    def _made_from(self) -> str:
        """8 hex digits over what folders and vectors are made from: where any of it changes, they are made anew."""
        digest = hashlib.sha256(f"{self.encoder.fingerprint} {READING_VERSION} {CHUNKING_VERSION}".encode())
        for file in sorted(CORPUS.rglob("*.md")):
            digest.update(file.read_bytes())
        return digest.hexdigest()[:8]

    def portions(self) -> Iterator[Portion]:
        """The articles with their vectors, each portion encoded when it is first needed."""
        source = self._read()
        folder = self.work / f"vectors-{self.articles}-{self._made_from}"
        folder.mkdir(parents=True, exist_ok=True)
        total, done = self.articles, 0
        while some := [article for _, article in zip(range(_TOGETHER), source, strict=False)]:
            chunks = tuple(tuple(chunks_of(self.encoder, article)) for article in some)
            file = folder / f"{done:06}.npy"
            if not file.is_file():
                pairs = zip(some, chunks, strict=True)
                texts = [text for article, own in pairs for text in texts_of(self.encoder, article, own)]
                _save(file, self.encoder.encode_passages(texts))
                self._say("Encoding articles, once", min(done + len(some), total), total)
            done += len(some)
            yield Portion(tuple(some), chunks, np.load(file))

    def _read(self) -> Iterator[Article]:
        """The sample articles, which the questions are about, and after them the invented ones."""
        settings, left = load_settings(), self.articles
        for root in (CORPUS, corpus_file(self.work, self.articles, seed=SEED)):
            for found in read_root(root, language=settings.language, max_bytes=settings.max_article_bytes):
                if found.article is not None and left:
                    left -= 1
                    yield found.article

    def contents(self, articles: int | None, passages: int | None) -> Iterator[tuple[int, Portion]]:
        """What a stage holds, portion by portion, each with the number of its copy: 0 for the articles themselves."""
        stored = count = 0
        for copy, portion in self._rounds():
            left = articles - stored if articles else _reaching(portion, (passages or 0) - count)
            kept = _first(portion, left)
            stored, count = stored + len(kept.articles), count + len(kept.vectors)
            yield copy, _jittered(kept, copy) if copy else kept
            if stored == articles or (passages and count >= passages):
                return

    def _fill(self, home: Path, articles: int | None, passages: int | None) -> Stage:
        stage = Stage(home, 0, 0, 0)
        with closing(Store(own_settings(home), encoder=self.encoder)) as store:
            store.check_versions()
            store.database.record("encoder", self.encoder.fingerprint)
            there = store.catalog.article_count()
            for copy, portion in self.contents(articles, passages):
                stored, count = stage.articles + len(portion.articles), stage.passages + len(portion.vectors)
                stage = Stage(home, stored, count, stage.copied + (len(portion.vectors) if copy else 0))
                if stored > there - _TOGETHER:  # what is there may have been interrupted in its last portion: again
                    _put(store, portion, home)
                self._say(f"Building {home.name}", count if passages else stored, passages or articles)
        return stage

    def _rounds(self) -> Iterator[tuple[int, Portion]]:
        copy = 0
        while True:
            for portion in self.portions():
                yield copy, portion
            copy += 1


def chunks_of(encoder: Encoder, article: Article) -> list[Chunk]:
    """The chunks of an article for an encoder's window, as an add cuts it."""
    return chunk(article, window=encoder.window, count_tokens=encoder.count_tokens)


def texts_of(encoder: Encoder, article: Article, chunks: Sequence[Chunk]) -> list[str]:
    """What the encoder is given for each chunk of an article, as the index does it."""
    return encoded_texts(((one, article) for one in chunks), encoder)


def _reaching(portion: Portion, passages: int) -> int:
    """How many articles of a portion have so many passages between them; more than there are where all have fewer."""
    return int(np.searchsorted(np.cumsum([len(chunks) for chunks in portion.chunks]), passages)) + 1


def _first(portion: Portion, articles: int) -> Portion:
    chunks = portion.chunks[:articles]
    return Portion(portion.articles[:articles], chunks, portion.vectors[: sum(map(len, chunks))])


def _jittered(portion: Portion, copy: int) -> Portion:
    """The portion under other ids and titles, its vectors with noise."""
    rng = np.random.default_rng([copy, zlib.crc32(portion.articles[0].id.encode())])
    noisy = portion.vectors + rng.normal(0, _NOISE, portion.vectors.shape).astype(np.float32)
    articles: list[Article] = []
    chunks: list[tuple[Chunk, ...]] = []
    for article, own in zip(portion.articles, portion.chunks, strict=True):
        twin = replace(article, id=f"copy-{copy}-{article.id}", title=f"{article.title} ({copy + 1})")
        twin = replace(twin, version=version_of(twin))
        articles.append(twin)
        chunks.append(
            tuple(replace(one, id=f"c{copy}-{one.id}", article_id=twin.id, version=twin.version) for one in own)
        )
    return Portion(tuple(articles), tuple(chunks), noisy / np.linalg.norm(noisy, axis=1, keepdims=True))


def _put(store: Store, portion: Portion, root: Path) -> None:
    """Store a portion as an add would, but with vectors that are there already. Doing it twice does no harm."""
    vectors = store.own_vectors()
    if vectors is None:
        raise SystemExit(f"another process owns {store.settings.home}: stop it, then run this again")
    with store.writing():
        with store.database.writing():
            for article, chunks in zip(portion.articles, portion.chunks, strict=True):
                store.catalog.put(article, chunks, Origin(str(root), article.id))
        index_words(store.catalog, store.fulltext)
    ids = [one.id for chunks in portion.chunks for one in chunks]
    lost = set(vectors.lost(ids))  # a row that is written again may get lost in Chroma's graph
    vectors.write([id_ for id_ in ids if id_ in lost], portion.vectors[[id_ in lost for id_ in ids]])
    if work := outbox.oldest(store.database, "vectors", limit=1_000_000):
        outbox.done(store.database, "vectors", upto=work[-1].seq)


def _save(file: Path, rows: NDArray[np.float32]) -> None:
    partial = file.with_name(f"partial-{file.name}")
    np.save(partial, rows.astype(np.float32))
    partial.replace(file)
