"""The story: add, sync, remove and ask. Each reads as a handful of calls into the modules that do the work."""

from __future__ import annotations

import gc
import logging
import time
import unicodedata
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from assistant import citing
from assistant.answering import Decision, decide, join
from assistant.conversation import Before, before, parts, readings
from assistant.errors import BadInput, BadQuestion, BrokenCitation, ModelProblem, UnknownArticle
from assistant.evidence import Evidence
from assistant.excerpts import asked_about, decide_excerpts, read_excerpts
from assistant.gloss import gloss
from assistant.indexing import Progress, index_words
from assistant.ingest import Tally, ingest, remove_gone, stored_at
from assistant.models import Encoder, Page, load_ranker
from assistant.owner import ask_owner
from assistant.retrieval import retrieve
from assistant.schema import (
    AddReport,
    Answer,
    Article,
    Citation,
    Engine,
    Failure,
    Filters,
    Passage,
    Removed,
    RemoveReport,
    Statement,
    StoredArticle,
    Turn,
)
from assistant.settings import Settings, load_settings
from assistant.sources import DEEPER, count_sources, read_claim
from assistant.spelling import search_respelled
from assistant.store import Store, quiet
from assistant.vectors import Vectors

log = logging.getLogger(__name__)

_TURNS = 20  # the last ones that a follow-up is read after


class Assistant:
    """The assistant over one data folder. Several threads may use it at once. ``close`` it, or use it in a ``with`` block.

    ``encoder`` takes the place of the one that the settings name.
    """

    def __init__(self, settings: Settings, *, encoder: Encoder | None = None) -> None:
        self.settings = settings
        self.store = Store(settings, encoder=encoder)
        self._owner_is_silent = False

    def __enter__(self) -> Assistant:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the data folder."""
        self.store.close()

    def varied(self, **settings: Any) -> Assistant:
        """The same open data folder asked under other settings of answering. Raises BadSetting; close one of the two only."""
        other = copy(self)
        other.settings = load_settings(**self.settings.model_dump() | settings)
        if other.settings.ranker != self.settings.ranker:
            other.__dict__.pop("_judged_by", None)
        return other

    @cached_property
    def _judged_by(self) -> tuple[Evidence, tuple[str, ...]]:
        """The fitted scorer of sentences, and a note where it has to do without the ranker that the settings ask for."""
        try:
            return Evidence.load(load_ranker(self.settings), self.settings.home), ()
        except ModelProblem as problem:
            return Evidence.load(), (f"Judged without the evidence ranker: {problem}.",)

    @property
    def ranker_name(self) -> str:
        """What judges the sentences, and which fit of it."""
        evidence, _ = self._judged_by
        return f"{evidence.name}@{evidence.fingerprint}"

    def add(
        self, paths: Iterable[Path], *, again: bool = False, wait: bool = True, on_progress: Progress = quiet
    ) -> AddReport:
        """Add files, folders or JSON lines. A file that cannot be read is named in the report and changes nothing.

        What the report names as added is on disk and findable by words; by meaning too, where ``wait`` is true and this process
        may write the vectors, else as soon as ``catch_up`` has been called. ``again`` brings back what was removed.
        """
        self.store.check_versions()
        tally = Tally()
        for path in paths:
            try:
                ingest(self.store, path, again=again, tally=tally, on_progress=on_progress)
            except BadInput as error:
                tally.failed.append(Failure(str(path), str(error), error.hint))
        return tally.report(pending_vectors=self._finish(wait, on_progress))

    def sync(self, path: Path, *, again: bool = False, wait: bool = True, on_progress: Progress = quiet) -> AddReport:
        """Make what is stored of a folder or file equal to it: add, change, and remove what is gone from it.

        ``wait`` is that of ``add``. Only articles that came from there are removed, and none whose file is there but cannot be
        read. A file that has not changed since it was read whole is not read again. Raises BadInput where
        the path is missing or holds no articles: then nothing is removed.
        """
        self.store.check_versions()
        tally = Tally()
        before = stored_at(self.store.catalog, path)  # what another process adds meanwhile is not missed
        ingest(self.store, path, again=again, tally=tally, on_progress=on_progress)
        remove_gone(self.store, path, before, tally)
        return tally.report(pending_vectors=self._finish(wait, on_progress))

    def remove(self, article_ids: Iterable[str], *, wait: bool = True, on_progress: Progress = quiet) -> RemoveReport:
        """Delete the text of articles: they are neither retrieved nor quoted any more, and a sync does not bring them back.

        All open index work is done as well, unless ``wait`` is False.
        """
        removed: list[Removed] = []
        failed: list[Failure] = []
        with self.store.writing():
            for article_id in article_ids:
                try:
                    removed.append(self.store.catalog.remove(article_id))
                except UnknownArticle as error:
                    failed.append(Failure(article_id, str(error), error.hint))
            index_words(self.store.catalog, self.store.fulltext)
        if wait:
            self.catch_up(on_progress)
        return RemoveReport(tuple(removed), tuple(failed))

    def catch_up(self, on_progress: Progress = quiet) -> int:
        """Do the open index work, as far as this process may. Returns how many passages still wait for the vector index."""
        return self.store.catch_up(on_progress)

    def ask(self, question: str, *, turns: Sequence[Turn] = (), filters: Filters | None = None) -> Answer:
        """The answer to a question after earlier turns, oldest first. Raises BadQuestion, and BadInput for impossible filters."""
        for step in self.ask_in_stages(question, turns=turns, filters=filters):
            if isinstance(step, Answer):
                return step
        raise AssertionError("the last stage is the answer")

    def ask_in_stages(
        self, question: str, *, turns: Sequence[Turn] = (), filters: Filters | None = None
    ) -> Iterator[str | Answer]:
        """What is being done, a line at a time, and last the Answer."""
        started, store, filters = time.perf_counter(), self.store, _stated(filters)
        _check(question, filters, longest=self.settings.max_question_characters)
        yield f"Searching {store.catalog.article_count():,} articles"
        if store.own_vectors() is None and not self._owner_is_silent:
            yield "Asking the running chat"
            if answer := self._owners_answer(question, turns, filters, started):
                yield answer
                return
        asked, turns = unicodedata.normalize("NFC", question), turns[-_TURNS:]  # as the articles are
        today = filters.as_of or date.today()
        vectors, notes = store.searchable_vectors()
        search = partial(self._passages, vectors=vectors, filters=filters, today=today)
        ways = (asked.strip(),) if read_excerpts(asked) else readings(asked, turns)  # no quoted "he" is replaced
        for reading in [way for way in ways if read_claim(way)] or ways:
            quoted = asked_about(asked, turns)
            asked_as, passages, decision = yield from (
                self._look_up(reading, quoted, search)
                if quoted
                else self._read(reading, search, before(asked, turns, reading))
            )
            if decision.outcome == "answer":
                break
        statements = self._standing(decision.statements)
        if decision.statements and not statements:  # the articles were removed while they were being read
            decision = replace(decision, outcome="nearest", reason="The articles that answered were just removed.")
        yield Answer(
            question=question,
            asked_as=asked_as,
            outcome=decision.outcome,
            reason=decision.reason if passages else self._nothing_found(filters, today),
            as_of=today,
            newest_cited=_newest(statements),
            confidence=decision.confidence,
            seconds=time.perf_counter() - started,
            statements=statements,
            passages=tuple(passages),
            nearest=decision.nearest,
            engine=self.engine(),
            notes=(*notes, *self._judged_by[1], *([decision.note] if decision.note else [])),
            lead=decision.lead if len(statements) == len(decision.statements) else "",
        )

    def retrieve(self, question: str, *, filters: Filters | None = None) -> list[Passage]:
        """The passages nearest to a question, best first, without deciding whether they answer it. Raises as ``ask`` does."""
        filters = _stated(filters)
        _check(question, filters, longest=self.settings.max_question_characters)
        vectors, _ = self.store.searchable_vectors()
        return self._passages(unicodedata.normalize("NFC", question), vectors, filters, filters.as_of or date.today())

    def warm_up(self) -> None:
        """Open the vector index and load the models, so that the first question does not wait for them.

        What lies in memory then is for good and is left out of garbage collection, for all of the process: looking through the
        libraries and models took a third of a second every few dozen questions.
        """
        self.store.own_vectors()
        self.store.encoder.encode_questions(["Who said what?"])
        evidence, _ = self._judged_by
        if evidence.ranker:
            evidence.ranker.read("Who said what?", [Page("", "Nobody said anything.", ((0, 21),))])
        gc.collect()
        gc.freeze()

    def verify(self, citation: Citation) -> Citation:
        """The citation, sliced again from the stored text. Raises BrokenCitation, also where the article was removed."""
        article = self.article(citation.article_id, citation.version)
        if isinstance(article, Removed):
            raise BrokenCitation(
                f"“{article.title}” was removed on {article.removed_at:%Y-%m-%d}", hint="It is not quoted any more."
            )
        return citing.verify(citation, article)

    def article(self, article_id: str, version: str | None = None) -> Article | Removed:
        """One article in its current or in an earlier version. Raises UnknownArticle."""
        return self.store.catalog.article(article_id, version)

    def articles(self) -> list[StoredArticle]:
        """Every article, newest first, undated last."""
        return self.store.catalog.articles()

    def engine(self) -> Engine:
        """What answers are made with, as every answer states it."""
        encoder = self.store.encoder
        return Engine(
            encoder=f"{encoder.name}@{encoder.fingerprint}",
            ranker=self.ranker_name,
            corpus_hash=self.store.catalog.corpus_hash(),
            settings_hash=self.settings.answering_hash,
        )

    def _owners_answer(self, question: str, turns: Sequence[Turn], filters: Filters, started: float) -> Answer | None:
        """What the process that owns the vectors answers, if it can be asked and answers under the same settings."""
        home, under = self.settings.home, self.settings.answering_hash
        try:
            answer = ask_owner(home, question, turns=turns, filters=filters, settings_hash=under)
        except TimeoutError as silence:
            log.warning("%s; it is not asked again", silence)
            self._owner_is_silent, answer = True, None
        if answer is None:
            return None
        statements = self._standing(answer.statements)  # what comes over a socket is held against the catalog, too
        if len(statements) < len(answer.statements):
            return None
        return replace(answer, statements=statements, seconds=time.perf_counter() - started)

    def _finish(self, wait: bool, on_progress: Progress) -> int:
        if wait:
            self.catch_up(on_progress)
        return self.store.unfindable("vectors")

    def _passages(
        self, question: str, vectors: Vectors | None, filters: Filters, today: date, *, limit: int | None = None
    ) -> list[Passage]:
        return retrieve(
            question,
            catalog=self.store.catalog,
            fulltext=self.store.fulltext,
            vectors=vectors,
            encoder=self.store.encoder,
            settings=self.settings,
            allowed=self.store.catalog.allowed(filters, today),
            limit=limit,
        )

    def _look_up(
        self, question: str, quoted: Sequence[str], search: Callable[[str], list[Passage]]
    ) -> Generator[str, None, tuple[str, list[Passage], Decision]]:
        """As ``_read``, for a question that quotes: the quoted words are what is searched for, whichever language they are in."""
        languages = ["en", *self.store.catalog.languages()]
        read = [(excerpt, dict.fromkeys(gloss(excerpt, language) for language in languages)) for excerpt in quoted]
        found = [(excerpt, [*dict.fromkeys(p for text in texts for p in search(text))]) for excerpt, texts in read]
        passages = list(dict.fromkeys(passage for _, mine in found for passage in mine))
        yield f"Reading {len(passages)} passages"
        return question, passages, decide_excerpts(found)

    def _read(
        self, question: str, search: Callable[..., list[Passage]], earlier: Before
    ) -> Generator[str, None, tuple[str, list[Passage], Decision]]:
        """What is being done; returns the question as it was understood, the passages and the decision made on them."""
        question, passages = search_respelled(question, search)
        yield f"Reading {len(passages)} passages"
        evidence, encoder = self._judged_by[0], self.store.encoder
        if claim := read_claim(question):
            telling = search(claim, limit=DEEPER * self.settings.passages)
            if counted := count_sources(claim, telling, encoder=encoder, evidence=evidence, settings=self.settings):
                return question, telling, counted
        judge = partial(decide, encoder=encoder, evidence=evidence, settings=self.settings, earlier=earlier)
        asked = parts(question)
        if len(asked) > 1:  # questions asked in one are searched for and answered one by one
            found = [passages if part == question else search(part) for part in asked]
            share = [judge(part, mine, sharing=len(asked)) for part, mine in zip(asked, found, strict=True)]
            if joined := join(share, self.settings):
                return question, [*dict.fromkeys(passage for mine in found for passage in mine)], joined
        return question, passages, judge(question, passages)

    def _standing(self, statements: Sequence[Statement]) -> tuple[Statement, ...]:
        """The statements whose every citation still is what the catalog holds."""
        standing: list[Statement] = []
        for statement in statements:
            try:
                standing.append(replace(statement, citations=tuple(self.verify(c) for c in statement.citations)))
            except (BrokenCitation, UnknownArticle) as broken:
                log.warning("a statement was dropped: %s", broken)
        return tuple(standing)

    def _nothing_found(self, filters: Filters, today: date) -> str:
        if not self.store.catalog.article_count():
            return "No articles are stored yet. Add some with: assistant add FILE"
        allowed = self.store.catalog.allowed(filters, today)
        if filters != Filters() and allowed is not None and not allowed.every:
            return "No article matches these dates and this source."
        return "No stored article has words or a meaning in common with the question."


def _stated(filters: Filters | None) -> Filters:
    """The filters, a source without blanks around it; a blank one limits nothing."""
    filters = filters or Filters()
    return replace(filters, source=" ".join((filters.source or "").split()) or None)


def _check(question: str, filters: Filters, *, longest: int) -> None:
    if not question.strip():
        raise BadQuestion(
            "the question is empty", hint='Ask something, for example: assistant ask "Who denied the report?"'
        )
    if any("\ud800" <= sign <= "\udfff" for sign in question):
        raise BadQuestion("the question is not UTF-8", hint="Write it in UTF-8.")
    if len(question) > longest:
        raise BadQuestion(
            f"the question has {len(question):,} characters; at most {longest:,} are read",
            hint="Shorten it, or raise ASSISTANT_MAX_QUESTION_CHARACTERS.",
        )
    if filters.since and filters.until and filters.since > filters.until:
        raise BadInput(f"no day lies between {filters.since} and {filters.until}", hint="Swap the two dates.")


def _newest(statements: Iterable[Statement]) -> date | None:
    dates = [c.published for statement in statements for c in statement.citations if c.published]
    return max(dates, default=None)
