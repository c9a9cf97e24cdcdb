"""The nouns of the assistant: frozen dataclasses that every other module speaks in. No I/O, no behaviour beyond a property.

All character positions are half-open ranges ``[start, end)`` in code points of ``Article.text``, which is fixed when an article
is read (NFC, ``\\n`` line ends) and never changes for one version.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

Outcome = Literal["answer", "nearest", "decline"]
Markup = Literal["markdown", "plain"]
SpanKind = Literal["sentence", "heading"]


@dataclass(frozen=True, slots=True)
class Article:
    """One version of a source text, as read from a file or a line.

    ``id`` is the path relative to the root it came from, or the ``id`` of its JSON line. ``version`` is a hash of the text and
    the details below it, so that equal content has an equal version. ``published`` and ``source`` are None where the file does
    not say: they are then shown as "undated" and "source not stated", never guessed.
    """

    id: str
    version: str
    title: str
    text: str
    source: str | None = None
    published: date | None = None
    updated: date | None = None
    url: str | None = None
    language: str = "en"
    story: str | None = None
    sources: tuple[str, ...] = ()
    markup: Markup = "plain"


@dataclass(frozen=True, slots=True)
class Span:
    """A sentence or a heading of an article. The spans of a text tile it: each ends where the next starts."""

    start: int
    end: int
    kind: SpanKind


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stored run of whole sentences of one article version. The chunks of a version tile its text, in order of ``position``."""

    id: str
    article_id: str
    version: str
    position: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk found for one question. Ranks count from 1 and are None where that engine did not return the chunk."""

    chunk: Chunk
    article: Article
    score: float
    lexical_rank: int | None = None
    dense_rank: int | None = None

    @property
    def text(self) -> str:
        """The characters of the chunk."""
        return self.article.text[self.chunk.start : self.chunk.end]


@dataclass(frozen=True, slots=True)
class Citation:
    """Exact characters of one version of an article: ``quote == article.text[start:end]``, sliced and never typed."""

    article_id: str
    version: str
    start: int
    end: int
    quote: str
    title: str
    source: str | None = None
    published: date | None = None
    updated: date | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of an answer with the citations it stands on. ``support`` is the probability (0–1) that they carry it."""

    text: str
    support: float
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Nearest:
    """An article offered when the question is not answered."""

    article_id: str
    title: str
    source: str | None = None
    published: date | None = None


@dataclass(frozen=True, slots=True)
class Engine:
    """What produced an answer, enough to tell whether two answers can be compared."""

    encoder: str
    ranker: str
    corpus_hash: str
    settings_hash: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier question of a conversation and what was answered, oldest first in a sequence of turns."""

    question: str
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which articles may be used. ``as_of`` is the day treated as today; ``since`` and ``until`` are inclusive.

    An undated article matches no date the asker named: it is left out as soon as ``since``, ``until`` or ``as_of`` is set.
    """

    as_of: date | None = None
    since: date | None = None
    until: date | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the assistant says to one question, and all that is needed to check it.

    ``lead`` comes before the statements, in words of the assistant's own: how many sources report it, where that was asked.
    ``statements`` is empty unless ``outcome`` is "answer". ``confidence`` (0–1) is the probability that the corpus answers the
    question with the best sentence found; it does not depend on how many articles are stored. ``notes`` tell the reader what
    limited this answer (an index that is still being built, for example); ``seconds`` is wall time.
    """

    question: str
    asked_as: str
    outcome: Outcome
    reason: str
    as_of: date
    newest_cited: date | None
    confidence: float
    seconds: float
    statements: tuple[Statement, ...]
    passages: tuple[Passage, ...]
    nearest: tuple[Nearest, ...]
    engine: Engine
    notes: tuple[str, ...] = ()
    lead: str = ""

    @property
    def abstained(self) -> bool:
        """True unless the question was answered."""
        return self.outcome != "answer"


@dataclass(frozen=True, slots=True)
class Failure:
    """A file or line that could not be added: where, why, and what to do about it."""

    where: str
    reason: str
    hint: str


@dataclass(frozen=True, slots=True)
class AddReport:
    """What an add or a sync did, as article ids. ``tombstoned`` were removed by the user and stay so.

    ``notes`` tell how a file was read where that is not obvious; ``pending_vectors`` counts chunks not yet findable by meaning.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    tombstoned: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()
    pending_vectors: int = 0


@dataclass(frozen=True, slots=True)
class Removed:
    """What is left of an article that was removed: its title and the moment (UTC)."""

    article_id: str
    title: str
    removed_at: datetime


@dataclass(frozen=True, slots=True)
class RemoveReport:
    """What a remove did. ``failed`` names the ids that are not in the catalog."""

    removed: tuple[Removed, ...] = ()
    failed: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredArticle:
    """One row of the list of articles: the current version without its text."""

    id: str
    version: str
    title: str
    source: str | None
    published: date | None
    updated: date | None
    url: str | None
    language: str
    story: str | None
    characters: int
    chunks: int
    added_at: datetime
    root: str
