"""Question sets for fitting: read, split by topic in halves, cut into sentences and searched by words.

A set is a folder with ``corpus.jsonl.gz`` and ``questions.jsonl.gz``. Topics are split in halves by hash: one half is fitted on,
the other reported on. To a set's own unanswerable questions two kinds are added: *removed* (the article with the answer is taken
out of the corpus) and *swapped* (one name or number of an answerable question is replaced by one that its article lacks).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import sentencex
import tantivy
from numpy.typing import NDArray

from assistant.evidence import Candidate
from assistant.models import Page
from assistant.settings import Settings
from assistant.words import read_known, read_question

Floats = NDArray[np.float64]
Key = tuple[str, int]  # article id, number of the sentence

PASSAGES, PASSAGE_WORDS, SEED = Settings.model_fields["passages"].default, 170, 1


@dataclass(frozen=True)
class Source:
    """A question set: how many answerable and unanswerable questions are taken from each half, and what it is used for."""

    folder: str
    licence: str
    cap: int
    within: bool = False  # candidates are the gold article's own sentences: its questions presuppose the paragraph
    removed: bool = False
    tokenised: bool = False
    kept_out: int = 25  # percent of the fitting half's topics that the ranker is not trained on


SOURCES = (
    Source("squad2_dev_part", "CC BY-SA 4.0", 350),
    Source("clapnq_dev", "Apache-2.0; text CC BY-SA", 150, tokenised=True, kept_out=50),
    Source("selqa", "Apache-2.0", 200, removed=True),
    Source("squadshifts", "CC BY 4.0", 200, within=True, kept_out=10),
)


@dataclass(frozen=True)
class Question:
    """A question with the sentences that answer it and, once retrieved, its candidates: features and right or wrong, by row.

    ``id`` is its row's, by ``slug``; one that was made of another has the id of that other.
    """

    id: str
    text: str
    source: str
    kind: str  # plain, removed, swapped
    topic: str
    answerable: bool
    near: str  # the article that answers it, or nearly
    gold: frozenset[Key] = frozenset()
    without: str = ""
    keys: tuple[Key, ...] = ()
    features: Floats = field(default_factory=lambda: np.zeros((0, 0)))

    @property
    def right(self) -> NDArray[np.bool_]:
        """Per judged candidate, whether it is one of the sentences that answer."""
        return np.array([key in self.gold for key in self.keys], bool)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a gzipped JSON lines file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def slug(text: str) -> str:
    """A text in the letters that ids of questions are made of."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9-]", "-", plain).lstrip("-") or "untitled"


def join_tokens(text: str) -> str:
    """Undoes the tokenised spelling of Natural Questions ("year . Any", "`` season ''")."""
    text = re.sub(r" ([.,;:!?)%])", r"\1", text)
    text = re.sub(r" (n't|'s|'re|'ve|'d|'ll|')(?=\W|$)", r"\1", text)
    return re.sub(r"([($]) ", r"\1", re.sub(r" ?''", '"', re.sub(r"`` ?", '"', text)))


def half_of(topic: str) -> str:
    """Untitled articles have no topic to split by: they are for fitting only."""
    return "report" if topic and int(hashlib.sha256(topic.encode()).hexdigest(), 16) % 2 else "fit"


def is_kept_out(source: Source, topic: str) -> bool:
    """Whether a topic of the fitting half is for the regression and the learning curve, not for training the ranker."""
    return bool(topic) and int(hashlib.sha256(f"kept out{topic}".encode()).hexdigest(), 16) % 100 < source.kept_out


def topic_of(source: Source, article: dict[str, Any]) -> str:
    """What the halves are split by: the title, in selqa its part before the dash, for untitled squadshifts the id."""
    title = str(article["title"])
    return title.split(" — ")[0] if source.folder == "selqa" else title or (str(article["id"]) if source.within else "")


def cut_sentences(text: str) -> list[tuple[int, int]]:
    """Character ranges of the sentences of a text, blanks at their ends left out."""
    spans = []
    for line in re.finditer(r"[^\n]+", text):
        for found in sentencex.get_sentence_boundaries("en", line.group()):
            piece = line.group()[found["start_index"] : found["end_index"]]
            if piece.strip():
                start = line.start() + found["start_index"] + len(piece) - len(piece.lstrip())
                spans.append((start, start + len(piece.strip())))
    return spans


class Corpus:
    """The articles of one half of a set, cut into sentences and passages, searched with BM25, without vectors."""

    def __init__(self, articles: Iterable[dict[str, Any]]) -> None:
        self.articles = {article["id"]: article for article in articles}
        self.spans = {key: cut_sentences(article["text"]) for key, article in self.articles.items()}
        self.passages: list[tuple[str, list[int]]] = []
        builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple()).filter(tantivy.Filter.lowercase())
        builder = builder.filter(tantivy.Filter.stopword("english")).filter(tantivy.Filter.stemmer("english"))
        self._analyser = builder.build()
        schema = tantivy.SchemaBuilder().add_text_field("text", stored=False, tokenizer_name="words")
        self._index = tantivy.Index(schema.add_unsigned_field("passage", stored=True).build())
        self._index.register_tokenizer("words", self._analyser)
        writer = self._index.writer(15_000_000, 1)
        for key in self.articles:
            for numbers in self._cut_passages(key):
                text = f"{self.articles[key]['title']}\n{self.passage_text(key, numbers)}"
                writer.add_document(tantivy.Document(text=text, passage=len(self.passages)))
                self.passages.append((key, numbers))
        writer.commit()
        self._index.reload()

    def _cut_passages(self, key: str) -> list[list[int]]:
        passages: list[list[int]] = [[]]
        length = 0
        for number, (start, end) in enumerate(self.spans[key]):
            words = len(self.articles[key]["text"][start:end].split())
            if passages[-1] and length + words > PASSAGE_WORDS:
                passages.append([])
                length = 0
            passages[-1].append(number)
            length += words
        return [passage for passage in passages if passage]

    def passage_text(self, key: str, numbers: Sequence[int]) -> str:
        """The text from the first to the last of these sentences."""
        text: str = self.articles[key]["text"]
        return text[self.spans[key][numbers[0]][0] : self.spans[key][numbers[-1]][1]]

    def page(self, key: str, numbers: Sequence[int]) -> Page:
        """A passage as the ranker reads it."""
        base = self.spans[key][numbers[0]][0]
        ranges = ((start - base, end - base) for start, end in (self.spans[key][number] for number in numbers))
        return Page(self.articles[key]["title"], self.passage_text(key, numbers), tuple(ranges))

    def search(self, question: str, without: str) -> list[tuple[str, list[int]]]:
        """The best passages that are not of the article ``without``."""
        terms = sorted(set(self._analyser.analyze(question)))
        clauses = [(tantivy.Occur.Should, tantivy.Query.term_query(self._index.schema, "text", term)) for term in terms]
        searcher = self._index.searcher()
        hits = searcher.search(tantivy.Query.boolean_query(clauses), PASSAGES + 20).hits if clauses else []
        found = [self.passages[searcher.doc(address)["passage"][0]] for _, address in hits]
        return [passage for passage in found if passage[0] != without][:PASSAGES]

    def candidates(self, question: Question, *, within: bool) -> dict[Key, Candidate]:
        """The sentences to judge, from the best passages or, ``within``, from the gold article only."""
        mine = [passage for passage in self.passages if passage[0] == question.near] if within else None
        result: dict[Key, Candidate] = {}
        for key, numbers in mine if mine is not None else self.search(question.text, question.without):
            article, spans, page = self.articles[key], self.spans[key], self.page(key, numbers)
            for place, number in enumerate(numbers):
                before = article["text"][slice(*spans[number - 1])] if number else ""
                sentence = article["text"][slice(*spans[number])]
                result[key, number] = Candidate(
                    sentence, article["title"], before, article["text"], page=page, number=place
                )
        return result


def answer_sentences(row: dict[str, Any], corpus: Corpus, near: str) -> frozenset[Key]:
    """The sentences that hold a marked answer span, or, where a set has none, an evidence string."""
    text, found = corpus.articles[near]["text"], set()
    for number, (start, end) in enumerate(corpus.spans[near]):
        sentence = text[start:end]
        if "spans" in row:
            hit = any(key == near and first < end and start < last for key, first, last in row["spans"][:1])
        else:
            hit = any(
                e.strip(" .") in sentence or (len(sentence) > 20 and sentence.strip(" .") in e) for e in row["evidence"]
            )
        if hit:
            found.add((near, number))
    return frozenset(found)


def read_half(source: Source, folder: Path, half: str) -> tuple[Corpus, list[Question]]:
    """The corpus of a half and its questions, sampled, with the made unanswerable ones; the same text is never in both halves.

    The half "kept out" is the fitting half with questions only of those topics that the ranker was not trained on.
    """
    half, kept_out = ("fit", True) if half == "kept out" else (half, False)
    clean: Callable[[str], str] = join_tokens if source.tokenised else str
    articles = read_lines(folder / source.folder / "corpus.jsonl.gz")
    topics = {article["id"]: topic_of(source, article) for article in articles}
    for article in articles:
        article |= {"title": article["title"].replace("_", " "), "text": clean(article["text"])}
    corpus = Corpus(article for article in articles if half_of(topics[article["id"]]) == half)
    rng, questions, fitted = random.Random(SEED), [], set()
    rows = read_lines(folder / source.folder / "questions.jsonl.gz")
    if half == "report":
        fitted = {row["question"].lower() for row in rows if half_of(topics[near_article(row)]) == "fit"}
    rng.shuffle(rows)
    for row in rows:
        near = near_article(row)
        if near not in corpus.articles or row["question"].lower() in fitted:
            continue
        row["evidence"] = [clean(text) for text in row.get("evidence", [])]
        gold = answer_sentences(row, corpus, near) if row["answerable"] else frozenset()
        if bool(gold) == row["answerable"]:
            topic = topics[near] or "untitled"
            if kept_out and not is_kept_out(source, topics[near]):
                continue
            id_, text = slug(row["id"]), row["question"]
            questions.append(Question(id_, text, source.folder, "plain", topic, row["answerable"], near, gold))
    questions = [q for side in (True, False) for q in [q for q in questions if q.answerable is side][: source.cap]]
    return corpus, questions + make_unanswerable(source, corpus, questions, rng)


def near_article(row: dict[str, Any]) -> str:
    """The article that answers a question or nearly does."""
    return str((row["gold_ids"] or row["near_miss_ids"])[0])


def make_unanswerable(source: Source, corpus: Corpus, questions: list[Question], rng: random.Random) -> list[Question]:
    """The removed and the swapped variants of the answerable questions."""
    made, pool = [], sorted({part for question in questions for part in swappable(question.text)})
    for question in [question for question in questions if question.answerable]:
        none = replace(question, answerable=False, gold=frozenset())
        if source.removed:
            made.append(replace(none, kind="removed", without=question.near))
        article = corpus.articles[question.near]
        if source.tokenised:  # its questions are all in lower case
            continue
        text = swap(question.text, f"{article['title']}\n{article['text']}", pool, rng)
        if text:
            made.append(replace(none, kind="swapped", text=text))
    return made


def swap(question: str, article: str, pool: Sequence[str], rng: random.Random) -> str | None:
    """The question with a name or number replaced by one of the pool that its article lacks; None where there is none."""
    parts = swappable(question)
    if not parts:
        return None
    old, known = rng.choice(parts), read_known(article, "en")
    alike = [new for new in pool if shape(new) == shape(old) and new not in question]
    alike = [new for new in alike if not any(w.stem in known.stems for w in read_question(f"x {new}", "en").words[1:])]
    return question.replace(old, rng.choice(alike), 1) if alike else None


def swappable(text: str) -> list[str]:
    """Names and numbers of a question, as written."""
    asked = read_question(text, "en")
    return [text[name[0].start : name[-1].end] for name in asked.names] + [word.text for word in asked.numbers]


def shape(part: str) -> tuple[int, int]:
    """Words of a name, or digits of a number: only like is swapped for like."""
    return (0, len(part)) if part[0].isdigit() else (len(part.split()), 0)
