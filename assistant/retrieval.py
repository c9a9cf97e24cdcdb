"""From a question to passages: BM25 and dense candidates, fused by a weighted sum of their scores.

Scores order the passages of one question; they depend on the corpus and say nothing about whether the question is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from assistant.catalog import Allowed, Catalog
from assistant.fulltext import FullText, Hit
from assistant.gloss import in_english
from assistant.models import Encoder
from assistant.schema import Passage
from assistant.settings import Settings
from assistant.vectors import Vectors
from assistant.words import guess_language

# What an article in the question's language is worth in the order where that is not English, the only language that the packaged
# encoder knows. Chosen on the 13 fit questions that are not English: German evidence moves up, none in English down.
_OWN_LANGUAGE = 0.3
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
) -> list[Passage]:
    """The best passages for a question, best first, at most ``settings.passages``.

    ``vectors`` is None where they cannot be used: the question is then answered from full text alone. Hits whose chunk is not
    current in the catalog are dropped. ``allowed`` limits what both indexes find. For a question that is not English the best
    passage comes first, and then those in its language before others that score a little higher; articles in English are
    searched with its gloss.
    """
    spoken, english = catalog.languages(), in_english(question)
    texts = {question: spoken} | ({english: ["en"]} if english != question and "en" in spoken else {})
    searched = [
        _search(text, languages, fulltext, vectors, encoder, settings, allowed) for text, languages in texts.items()
    ]
    found = catalog.current([*{hit.chunk_id for engines in searched for hits in engines for hit in hits}])
    languages = {chunk_id: article.language for chunk_id, (_, article) in found.items()}
    scores: dict[str, float] = {}
    ranks: tuple[dict[str, int], dict[str, int]] = ({}, {})  # by words, by vectors
    for text, engines in zip(texts, searched, strict=True):
        wanted = {one for one, language in languages.items() if text == question or language == "en"}
        kept = [[hit for hit in hits if hit.chunk_id in wanted] for hits in engines]
        scores |= fuse(*kept, dense_weight=settings.dense_weight)
        for places, hits in zip(ranks, kept, strict=True):
            places |= {hit.chunk_id: rank for rank, hit in enumerate(hits, 1)}
    best = _order(question, scores, languages)[: settings.passages]
    return [
        Passage(*found[one], scores[one], lexical_rank=ranks[0].get(one), dense_rank=ranks[1].get(one)) for one in best
    ]


def _search(
    text: str,
    languages: Sequence[str],
    fulltext: FullText,
    vectors: Vectors | None,
    encoder: Encoder,
    settings: Settings,
    allowed: Allowed | None,
) -> tuple[list[Hit], list[Hit]]:
    """The hits of the full text in articles of these languages, and of the vectors, if they are used."""
    lexical = search_allowed(
        lambda limit, ids: fulltext.search(
            text, languages=languages, limit=limit, title_weight=settings.title_weight, allowed=ids
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


def _order(question: str, scores: Mapping[str, float], languages: Mapping[str, str]) -> list[str]:
    """The chunks by score; for a question that is not English those in its language count for more, but after the best one."""
    own = guess_language(question)

    def worth(chunk_id: str) -> float:
        return scores[chunk_id] + (_OWN_LANGUAGE if languages[chunk_id] == own != "en" else 0)

    by_score, by_worth = (sorted(scores, key=lambda one: (-key(one), one)) for key in (scores.__getitem__, worth))
    return [*dict.fromkeys((*by_score[:1], *by_worth))]


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
