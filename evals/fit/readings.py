"""What the ranker is trained on: questions with a passage to read and the places in it that answer, or none.

An answerable question is read with the passage that answers it, in our own set with one of each article that does; spans are
the marked ones (squadshifts), all occurrences of the answer in that passage (squad2, timeqa) or whole sentences (selqa, clapnq,
our own). Nothing is to be found in: the paragraph an unanswerable question was written about, a passage of our own search that
does not hold the answer, and the right passage for an English question in which a name or number was swapped. A claim, "Is it
reported that …?", is read bare, too, as ``assistant.sources`` reads it.

``invented`` and the fit stories of ``evals/practice`` are our own sets: articles about invented people and places. To the
questions of other people's sets come our own about their articles, ``asked``.

Questions are read with one passage at a time (``turn``), or with TOGETHER passages that compete (``together``): those that
answer and the best of our search that do not.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score
from tokenizers import Encoding, Tokenizer

from assistant.models import Page, place_tokens
from assistant.words import guess_language, read_known, read_question
from evals.fit.artifacts import give_away
from evals.fit.asked import read_asked
from evals.fit.data import (
    SEED,
    SOURCES,
    Corpus,
    Source,
    answer_sentences,
    half_of,
    is_kept_out,
    join_tokens,
    near_article,
    read_lines,
    slug,
    swap,
    swappable,
    topic_of,
)
from evals.fit.invented import read_invented
from evals.fit.practice import read_practice

TIMED = Source("timeqa_human", "BSD-3", 0, tokenised=True, kept_out=0)
INVENTED = Source("evals/fit/invented", "MIT, this project's own", 0, kept_out=0)
PRACTISED = Source("evals/practice", "MIT, this project's own", 0, kept_out=0)
OWN = {INVENTED: read_invented, PRACTISED: read_practice}
ASKED = "MIT, this project's own, but for the words of their articles that they name"  # licence of evals/fit/asked
READ_FOR_TRAINING = (*SOURCES, TIMED, INVENTED, PRACTISED)
TIMES = {"squad2_dev_part": 2}  # that a set is gone through in a turn, each time with other passages that do not answer
OTHER_SHARE = {"squadshifts": 0.3}  # questions also read with a passage that does not answer; the other sets: all
BY_SENTENCE = ("selqa", "clapnq_dev", INVENTED.folder, PRACTISED.folder)  # sets that mark whole sentences
NO_ANSWER_SHARE = 0.3  # the same for questions that nothing answers
SWAPPED_SHARE = 0.12
TOGETHER = 4  # passages that a question is read with where they compete, five where three of them answer
MOST_TOGETHER = {INVENTED.folder: 9000, "squad2_dev_part": 2600, "squadshifts": 2600, "selqa": 500, "timeqa_human": 500}
LONGEST = 320  # tokens; a longer input is cut at its end
_CLAIM = re.compile(r"Is it reported that (?P<claim>.+)\?")


@dataclass(frozen=True, slots=True)
class Reading:
    """A question and a page; ``spans`` are the characters of the page's text that answer, none where nothing does."""

    question: str
    page: Page
    spans: tuple[tuple[int, int], ...]
    whole: bool  # the spans are whole sentences: any place in them will do
    source: str
    odds: float = 0.0  # log odds of an answer that the question's words alone give away, see ``evals.fit.artifacts``


@dataclass(frozen=True, slots=True)
class Example:
    """A reading as the model takes it: token ids, parts, sentence of each token, and the token spans that answer."""

    ids: list[int]
    parts: list[int]
    sentences: list[int]
    gold: tuple[tuple[int, int], ...]
    whole: bool
    odds: float = 0.0


def tokenise(tokenizer: Tokenizer, reading: Reading) -> Example | None:
    """None where the window does not reach the answer."""
    page = reading.page
    coded: Encoding = tokenizer.encode(reading.question, page.prefix + page.text)
    sentences, gold = place_tokens(coded, page)[:LONGEST], list[tuple[int, int]]()
    for start, end in reading.spans:
        inside = [
            i
            for i, (first, last) in enumerate(coded.offsets[:LONGEST])
            if sentences[i] >= 0 and first - len(page.prefix) < end and last - len(page.prefix) > start
        ]
        for number in sorted({sentences[i] for i in inside}):
            mine = [i for i in inside if sentences[i] == number]
            gold.append((mine[0], mine[-1]))
    if reading.spans and not gold:
        return None
    marked = tuple(dict.fromkeys(gold))
    return Example(coded.ids[:LONGEST], coded.type_ids[:LONGEST], sentences, marked, reading.whole, reading.odds)


def read_set(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The articles and the questions of somebody else's set, then our own questions about its articles.

    Raises ValueError where one of ours names an article that is not there, or words that are not in it.
    """
    articles, ours = read_lines(folder / "corpus.jsonl.gz"), read_asked(folder.name)
    texts = {article["id"]: article["text"] for article in articles}
    for row in ours:
        text = texts.get(near_article(row))
        if text is None or not all(words in text for words in row["evidence"]):
            raise ValueError(
                f"{folder.name}, {near_article(row)}: no such article, or not its words: {row['question']}"
            )
    return articles, read_lines(folder / "questions.jsonl.gz") + ours


@dataclass(frozen=True)
class Row:
    """A question of the fitting half with the passage it is read with and what in it answers; ``id`` as in ``Question``.

    ``ours``: we wrote it; ``odds`` is then as in ``Reading``. ``again``: it is read with the passage of another article that
    answers, too, and there with those that do not.
    """

    id: str
    question: str
    near: str
    passage: list[int]
    spans: tuple[tuple[int, int], ...]
    texts: tuple[str, ...]
    ours: bool = False
    again: bool = False
    odds: float = 0.0
    language: str = "en"  # that it was asked in; ours are read in English whatever they were asked in


class Readings:
    """The readings of the fitting half of one set: of the topics trained on, or of those ``kept_out``.

    ``but`` is a domain whose questions are left out; ``only`` one of which all are taken, from the reporting half.
    """

    def __init__(
        self, source: Source, folder: Path, *, kept_out: bool = False, but: str | None = None, only: str | None = None
    ) -> None:
        self.source = source
        clean: Callable[[str], str] = join_tokens if source.tokenised else str
        articles, questions = OWN[source]() if source in OWN else read_set(folder / source.folder)
        topics = {article["id"]: "" if source in OWN else topic_of(source, article) for article in articles}
        for article in articles:
            article |= {"title": article["title"].replace("_", " "), "text": clean(article["text"])}
        half = "report" if only else "fit"
        mine = [article for article in articles if half_of(topics[article["id"]]) == half]
        self.corpus = Corpus(a for a in mine if only or is_kept_out(source, topics[a["id"]]) is kept_out)
        self.rows: list[Row] = []
        for row in questions:
            domain = row.get("domain")
            if (but and domain == but) or (only and domain != only):
                continue
            row["evidence"] = [clean(text) for text in row.get("evidence", [])]
            if near_article(row) in self.corpus.articles:
                answering = row["gold_ids"] if source in OWN and row["answerable"] else [near_article(row)]
                found = [placed for near in answering for placed in self._place(row, near)]
                self.rows += [*found[:1], *(replace(further, again=True) for further in found[1:])]
        self.given_away: float | None = None  # AUROC of answerable or not from the words of our questions alone
        self._weigh_words()

    def _weigh_words(self) -> None:
        """Give our questions the log odds that their words give of a reading with an answer, less the mean of all.

        An answerable question is read once with its answer and OTHER_SHARE times without, the others 1 + NO_ANSWER_SHARE times.
        """
        ours = [row for row in self.rows if row.ours and not row.again]
        if not ours:
            return
        answerable = [bool(row.spans) for row in ours]
        p = give_away([row.question for row in ours], answerable, [row.near for row in ours])
        if len(set(p)) > 1:
            self.given_away = float(roc_auc_score(answerable, p))
        without = OTHER_SHARE.get(self.source.folder, 1.0) * p + (1 + NO_ANSWER_SHARE) * (1 - p)
        odds = np.log(p / without)
        given = dict(zip([row.id for row in ours], odds - odds.mean(), strict=True))
        self.rows = [replace(row, odds=float(given.get(row.id, 0.0))) for row in self.rows]

    def _place(self, row: dict[str, Any], near: str) -> Iterator[Row]:
        """The question with its passage; nothing where it should have an answer and none is found."""
        passages = [numbers for key, numbers in self.corpus.passages if key == near]
        spans = self._spans(row, near) if row["answerable"] else ()
        holding = [numbers for numbers in passages if self._inside(near, numbers, spans)] if spans else passages
        if not holding or bool(spans) != row["answerable"]:
            return
        asked = read_question(row["question"], "en")
        known = [read_known(self.corpus.passage_text(near, numbers), "en").stems for numbers in holding]
        best = max(range(len(holding)), key=lambda i: sum(word.stem in known[i] for word in asked.content))
        mine = self._inside(near, holding[best], spans)
        answers = tuple(row["answers"]) if row["answerable"] else ()
        ours = "ours" in row or self.source in OWN
        language = row.get("language") or guess_language(row["question"])
        yield Row(slug(row["id"]), row["question"], near, holding[best], mine, answers, ours, language=language)

    def _spans(self, row: dict[str, Any], near: str) -> tuple[tuple[int, int], ...]:
        text = self.corpus.articles[near]["text"]
        if self.source.folder in BY_SENTENCE:
            return tuple(self.corpus.spans[near][number] for _, number in answer_sentences(row, self.corpus, near))
        if "spans" in row:
            return tuple((start, end) for key, start, end in row["spans"] if key == near)
        found: list[tuple[int, int]] = []
        for evidence in {text.strip(" .") for text in row["evidence"]} - {""}:
            places = [match.span() for match in re.finditer(re.escape(evidence), text)]
            words = [match.span() for match in re.finditer(rf"(?<!\w){re.escape(evidence)}(?!\w)", text)]
            found += words or places
        return tuple(sorted(found))

    def _inside(
        self, near: str, numbers: Sequence[int], spans: Sequence[tuple[int, int]]
    ) -> tuple[tuple[int, int], ...]:
        first, last = self.corpus.spans[near][numbers[0]][0], self.corpus.spans[near][numbers[-1]][1]
        return tuple((start, end) for start, end in spans if first <= start and end <= last)

    def own(self, row: Row) -> Reading:
        """The question read with its own passage."""
        base = self.corpus.spans[row.near][row.passage[0]][0]
        spans = tuple((start - base, end - base) for start, end in row.spans)
        whole = self.source.folder in BY_SENTENCE
        return Reading(
            row.question, self.corpus.page(row.near, row.passage), spans, whole, self.source.folder, row.odds
        )

    def turn(self, number: int) -> Iterator[Reading]:
        """One turn of training: squadshifts has so many questions that each turn takes every second one, and all of ours."""
        times = TIMES.get(self.source.folder, 1)
        for time in range(number * times, (number + 1) * times):
            yield from self._once(time)

    def _once(self, number: int) -> Iterator[Reading]:
        rng = random.Random(SEED + number)
        english = [row.question for row in self.rows if row.language == "en"]
        pool = sorted({part for question in english for part in swappable(question)})
        theirs, ours = ([row for row in self.rows if row.ours is mine] for mine in (False, True))
        for row in [*(theirs[number % 2 :: 2] if self.source.folder == "squadshifts" else theirs), *ours]:
            own = self.own(row)
            yield own
            claim = _CLAIM.fullmatch(row.question)
            if claim:
                yield replace(own, question=claim["claim"])
            if row.again:
                continue
            if rng.random() < (OTHER_SHARE.get(self.source.folder, 1.0) if row.spans else NO_ANSWER_SHARE):
                for other in self._other(row, number):
                    yield replace(other, question=claim["claim"]) if claim else other
            swaps = bool(row.spans) and not self.source.tokenised and row.language == "en"
            if swaps and rng.random() < SWAPPED_SHARE:
                article = self.corpus.articles[row.near]
                text = swap(row.question, f"{article['title']}\n{article['text']}", pool, rng)
                if text:
                    yield replace(own, question=text, spans=())

    def together(self, number: int) -> Iterator[list[Reading]]:
        """One turn of training with passages that compete: each question with up to TOGETHER - 1 that answer it and the best of
        our search that do not, two at least. Of the larger sets MOST_TOGETHER questions, others each turn; half the claims bare.
        """
        rng = random.Random(SEED + number)
        asked: dict[str, list[Row]] = {}
        for row in self.rows:
            asked.setdefault(row.id, []).append(row)
        for id_ in rng.sample(list(asked), min(len(asked), MOST_TOGETHER.get(self.source.folder, len(asked)))):
            answering = asked[id_][: TOGETHER - 1]
            first, own = answering[0], [self.own(row) for row in answering]
            read = [*own, *itertools.islice(self._others(first), max(2, TOGETHER - len(own)))]
            claim = _CLAIM.fullmatch(first.question)
            text = claim["claim"] if claim and rng.random() < 0.5 else first.question
            yield [replace(reading, question=text) for reading in read]

    def _other(self, row: Row, number: int) -> Iterator[Reading]:
        """The best passage of our search without the answer; a later turn takes the next one.

        Where the search finds none, it is any passage.
        """
        passages = self.corpus.passages
        any_of_them = random.Random(f"{SEED} {number} {row.id}").sample(passages, min(3, len(passages)))
        found = list(self._others(row, any_of_them))
        if found:
            yield found[min(number, len(found) - 1)]

    def _others(self, row: Row, further: Sequence[tuple[str, list[int]]] = ()) -> Iterator[Reading]:
        """The passages of our search, and then the ``further`` ones, that do not answer."""
        for key, numbers in (*self.corpus.search(row.question, ""), *further):
            lower = self.corpus.passage_text(key, numbers).lower()
            answers = any(answer.lower().strip(" .") in lower for answer in row.texts if answer.strip(" ."))
            if self.source.folder in BY_SENTENCE and self.source not in OWN:  # their answers are no parts of the text
                answers = answers or (key == row.near and bool(row.spans))
            if (key, numbers) != (row.near, row.passage) and not answers:
                yield Reading(row.question, self.corpus.page(key, numbers), (), False, self.source.folder, row.odds)
