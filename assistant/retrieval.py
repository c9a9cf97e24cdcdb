"""From a question to passages: BM25 and dense candidates, fused by a weighted sum of their scores.

Scores order the passages of one question; they depend on the corpus and say nothing about whether the question is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from assistant.catalog import Allowed, Catalog
from assistant.fulltext import FullText, Hit
from assistant.gloss import in_english, read_in
from assistant.models import Encoder
from assistant.schema import Passage
from assistant.settings import Settings
from assistant.vectors import Vectors
from assistant.words import guess_language, read_question

_WIDER = 8  # times as many hits are looked through for those that a filter lets through


def retrieve(
    question: str,
    *,
    catalog: Catalog,
    fulltext: FullText,
    vectors: Vectors | None,
    encoder: Encoder,
    settings: Settings,
    allowed: Allowed | None = None,
    limit: int | None = None,
) -> list[Passage]:
    """The best passages for a question, best first, at most ``limit``, by default ``settings.passages``.

    ``vectors`` is None where they cannot be used: the question is then answered from full text alone. Hits whose chunk is not
    current in the catalog are dropped. ``allowed`` limits what both indexes find. A question in a language with a glossary is
    searched as the articles in these languages are, by its gloss, and by its own words: articles keep what is in no glossary.
    """
    engines = _search(question, searched_in(catalog), fulltext, vectors, encoder, settings, allowed)
    found = catalog.current([*{hit.chunk_id for hits in engines for hit in hits}])
    lexical, dense = ([hit for hit in hits if hit.chunk_id in found] for hits in engines)
    scores = fuse(lexical, dense, dense_weight=settings.dense_weight)
    ranks = [{hit.chunk_id: rank for rank, hit in enumerate(hits, 1)} for hits in (lexical, dense)]
    best = sorted(scores, key=lambda one: (-scores[one], one))[: limit or settings.passages]
    return [
        Passage(*found[one], scores[one], lexical_rank=ranks[0].get(one), dense_rank=ranks[1].get(one)) for one in best
    ]


def _search(
    question: str,
    languages: Sequence[str],
    fulltext: FullText,
    vectors: Vectors | None,
    encoder: Encoder,
    settings: Settings,
    allowed: Allowed | None,
) -> tuple[list[Hit], list[Hit]]:
    """The hits of the full text in articles read in these languages, and of the vectors, if they are used."""
    text = in_english(question)
    lexical = search_allowed(
        lambda limit, ids: fulltext.search(
            searched_words(question), languages=languages, limit=limit, title_weight=settings.title_weight, allowed=ids
        ),
        settings.candidates,
        allowed,
    )
    if vectors is None or settings.dense_weight == 0:
        return lexical, []
    vector = encoder.encode_questions([text])[0]
    dense = search_allowed(
        lambda limit, ids: vectors.search(vector, limit=limit, allowed=ids), settings.candidates, allowed
    )
    return lexical, dense


def searched_in(catalog: Catalog) -> list[str]:
    """The languages that the stored articles are searched in."""
    return sorted({read_in(language) for language in catalog.languages()})


def searched_words(question: str) -> str:
    """What the full text is asked for: the question, or its gloss and its own content words."""
    text = in_english(question)
    own = read_question(question, guess_language(question)).content if text != question else ()
    return " ".join((text, *(word.text for word in own)))


def search_allowed(
    search: Callable[[int, Sequence[str] | None], list[Hit]], limit: int, allowed: Allowed | None
) -> list[Hit]:
    """The best hits that are allowed, best first. A list of most of a large corpus is slow to search by, so it comes second."""
    if allowed is None:
        return search(limit, None)
    hits = search(_WIDER * limit, None)
    passing = allowed.among([hit.chunk_id for hit in hits])
    kept = [hit for hit in hits if hit.chunk_id in passing][:limit]
    return kept if len(kept) == limit else search(limit, allowed.every)


def fuse(lexical: Sequence[Hit], dense: Sequence[Hit], *, dense_weight: float) -> dict[str, float]:
    """A score in 0–1 per chunk: the weighted sum of both engines' scores, each divided by its best.

    Both lists are best first. A chunk that an engine did not return is given the score of that engine's last hit: it cannot
    have had more. Plain reciprocal rank fusion was measured and makes a strong BM25 ranking worse at the top.
    """
    if not lexical or not dense:
        return _scaled(lexical or dense)
    parts = ((_scaled(lexical), 1 - dense_weight), (_scaled(dense), dense_weight))
    ids = {hit.chunk_id for hit in (*lexical, *dense)}
    return {id_: sum(weight * scores.get(id_, min(scores.values())) for scores, weight in parts) for id_ in ids}


def _scaled(hits: Sequence[Hit]) -> dict[str, float]:
    best = max((hit.score for hit in hits), default=0.0)
    return {hit.chunk_id: max(hit.score, 0.0) / best if best > 0 else 0.0 for hit in hits}
