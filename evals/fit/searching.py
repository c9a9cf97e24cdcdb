"""Questions with the hits of both engines, so that weights can be tried out without searching again.

The articles of a set lie in a temporary data folder, added as the product adds them; the gold is looked for in its own chunks.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from assistant import Assistant, BadInput
from assistant.fulltext import Hit
from assistant.gloss import in_english
from assistant.models import Encoder
from assistant.retrieval import fuse, searched_in, searched_words
from assistant.store import quiet
from evals.metrics import Rank
from evals.run import own_settings
from evals.schema import CORPUS, Question, question_files, read_questions, read_splits, select
from evals.score import covers
from evals.sets import QuestionSet, add_articles

DEEP = 50  # ranks looked at, as in evals.run

Ranks = tuple[Rank, ...]


@dataclass(frozen=True, slots=True)
class Searched:
    """A question with its hits: by words for every title weight that was asked for, and by vectors.

    ``gold`` holds for each piece of its evidence the chunks that hold it, of those that were hit.
    """

    id: str
    topic: str
    words: Mapping[float, Sequence[Hit]]
    vectors: Sequence[Hit]
    gold: tuple[frozenset[str], ...]

    def ranks(self, dense: float, title: float) -> Ranks:
        """Where each piece stands in the fused ranking; without a dense weight in that by words, as in the product."""
        scores = fuse(self.words[title], self.vectors if dense else (), dense_weight=dense)
        return self._ranks(sorted(scores, key=lambda chunk_id: (-scores[chunk_id], chunk_id)))

    @property
    def vector_ranks(self) -> Ranks:
        """Where each piece stands in the ranking by vectors alone."""
        return self._ranks([hit.chunk_id for hit in self.vectors])

    def _ranks(self, ranking: Sequence[str]) -> Ranks:
        places = list(enumerate(ranking[:DEEP], 1))
        return tuple(next((rank for rank, id_ in places if id_ in piece), None) for piece in self.gold)


def search_set(question_set: QuestionSet, encoder: Encoder, titles: Sequence[float]) -> list[Searched]:
    """The answerable questions of a set, searched among its articles."""
    with _opened(encoder) as assistant:
        add_articles(assistant, question_set, on_progress=quiet)
        return search(assistant, [question for question in question_set.questions if question.answerable], titles)


def search_shipped(encoder: Encoder, titles: Sequence[float]) -> list[Searched]:
    """The answerable fitting questions of this project, but for those that need an earlier turn to be understood."""
    questions = select(read_questions(question_files()), ["fit"], read_splits())
    with _opened(encoder) as assistant:
        report = assistant.sync(CORPUS)
        if report.failed:
            raise BadInput(f"{report.failed[0].where}: {report.failed[0].reason}", hint=report.failed[0].hint)
        return search(
            assistant, [question for question in questions if question.answerable and not question.turns], titles
        )


@contextmanager
def _opened(encoder: Encoder) -> Iterator[Assistant]:
    with (
        tempfile.TemporaryDirectory() as home,
        Assistant(own_settings(Path(home)), encoder=encoder) as assistant,
    ):
        yield assistant


def search(assistant: Assistant, questions: Sequence[Question], titles: Sequence[float]) -> list[Searched]:
    """The questions with their hits, found as ``assistant.retrieval.retrieve`` finds them, for each of these title weights."""
    store, limit = assistant.store, assistant.settings.candidates
    vectors, notes = store.searchable_vectors()
    assert vectors is not None, notes
    asked = store.encoder.encode_questions([in_english(question.question) for question in questions])
    languages, today, result = searched_in(store.catalog), date.today(), []
    for question, vector in zip(questions, asked, strict=True):
        passing = store.catalog.allowed(question.filters, question.as_of or today)
        allowed = None if passing is None else passing.every
        words = {
            title: store.fulltext.search(
                searched_words(question.question), languages=languages, limit=limit, title_weight=title, allowed=allowed
            )
            for title in titles
        }
        near = vectors.search(vector, limit=limit, allowed=allowed)
        hits = {hit.chunk_id for engine in (*words.values(), near) for hit in engine}
        chunks = [chunk for chunk, _ in store.catalog.current(sorted(hits)).values()]
        gold = [
            frozenset(c.id for c in chunks if any(covers(c.article_id, c.start, c.end, span) for span in piece))
            for piece in question.evidence
        ]
        result.append(Searched(question.id, question.story, words, near, tuple(gold)))
    return result
