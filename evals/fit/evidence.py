"""Fits ``assistant/fitted/evidence.json``: coefficients and thresholds of the evidence ranker.

    python -m evals.fit.evidence --data FOLDER [--out FILE]

FOLDER holds one folder per question set with ``corpus.jsonl.gz`` and ``questions.jsonl.gz``. Topics are split in halves by hash;
coefficients and thresholds see the fitting halves only, every figure comes from the reporting halves. Deterministic. To the sets'
own unanswerable questions two kinds are added: *removed* (the article with the answer is taken out of the corpus) and *swapped*
(one name or number of an answerable question is replaced by one that its article does not mention).
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import sentencex
import tantivy
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from assistant.evidence import FEATURES, Candidate, compare_vectors, compare_words, shared_words, shortlist
from assistant.models import SentenceEncoder, load_encoder, packaged_folder
from assistant.ranker import EvidenceRanker
from assistant.settings import Settings
from assistant.words import read_known, read_question

Floats = NDArray[np.float64]
Key = tuple[str, int]  # article id, number of the sentence

PASSAGES, PASSAGE_WORDS, SEED, SAMPLES = 8, 170, 1, 500
GROUPS: dict[str, tuple[str, ...]] = {
    "all features": (),
    "without the ranker": ("ranker",),
    "the ranker alone": tuple(name for name in FEATURES if name != "ranker"),
    "without token vectors": ("cosine", "late", "late_least"),
    "without late interaction": ("late", "late_least"),
    "without late_least": ("late_least",),
    "without cosine": ("cosine",),
    "without names and numbers": ("names_absent", "absent", "names_elsewhere", "names_off_sentence"),
    "without absent from article": ("names_absent", "absent"),
    "without names in context": ("names_elsewhere", "names_off_sentence"),
    "without the form of answer": ("typed", "fits"),
}


@dataclass(frozen=True)
class Source:
    """A question set: how many answerable and unanswerable questions are taken from each half, and what it is used for."""

    folder: str
    licence: str
    cap: int
    ranker_cap: int
    own_unanswerable: bool = False
    within: bool = False  # candidates are the gold article's own sentences: its questions presuppose the paragraph
    removed: bool = False
    tokenised: bool = False


SOURCES = (
    Source("squad2_dev_part", "CC BY-SA 4.0", 350, 2600, own_unanswerable=True),
    Source("clapnq_dev", "Apache-2.0; text CC BY-SA", 150, 300, own_unanswerable=True, tokenised=True),
    Source("selqa", "Apache-2.0", 200, 1200, removed=True),
    Source("squadshifts", "CC BY 4.0", 200, 6000, within=True),
)


@dataclass(frozen=True)
class Question:
    """A question with the sentences that answer it and, once retrieved, its candidates: features and right or wrong, by row."""

    text: str
    source: str
    kind: str  # plain, removed, swapped
    topic: str
    answerable: bool
    near: str  # the article that answers it, or nearly
    gold: frozenset[Key] = frozenset()
    without: str = ""
    keys: tuple[Key, ...] = ()
    features: Floats = field(default_factory=lambda: np.zeros((0, len(FEATURES))))

    @property
    def right(self) -> NDArray[np.bool_]:
        """Per judged candidate, whether it is one of the sentences that answer."""
        return np.array([key in self.gold for key in self.keys], bool)


@dataclass(frozen=True)
class Model:
    """A logistic regression over standardised columns of the features."""

    columns: list[int]
    mean: Floats
    scale: Floats
    coefficients: Floats
    intercept: float

    def logits(self, question: Question) -> Floats:
        """One logit per judged candidate; -20 stands for "none was found" where there is no candidate."""
        if not len(question.features):
            return np.full(1, -20.0)
        rows = (question.features[:, self.columns] - self.mean) / self.scale
        return np.asarray(rows @ self.coefficients + self.intercept)


# --- data ---------------------------------------------------------------------------------------------------------------------


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a gzipped JSON lines file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def join_tokens(text: str) -> str:
    """Undoes the tokenised spelling of Natural Questions ("year . Any", "`` season ''")."""
    text = re.sub(r" ([.,;:!?)%])", r"\1", text)
    text = re.sub(r" (n't|'s|'re|'ve|'d|'ll|')(?=\W|$)", r"\1", text)
    return re.sub(r"([($]) ", r"\1", re.sub(r" ?''", '"', re.sub(r"`` ?", '"', text)))


def half_of(topic: str) -> str:
    """Untitled articles have no topic to split by: they are for fitting only."""
    return "report" if topic and int(hashlib.sha256(topic.encode()).hexdigest(), 16) % 2 else "fit"


def is_for_ranker(topic: str) -> bool:
    """Three of four topics of the fitting halves train the ranker; the coefficients are fitted on the fourth."""
    return int(hashlib.sha256(topic.encode()).hexdigest(), 16) // 2 % 4 != 0


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
    """The articles of one half of a set, cut into sentences and passages, searched with BM25 as the product does."""

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
            article, spans = self.articles[key], self.spans[key]
            for number in numbers:
                start, end = spans[number]
                before = article["text"][slice(*spans[number - 1])] if number else ""
                sentence = article["text"][start:end]
                result[key, number] = Candidate(sentence, article["title"], before, article["text"])
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


def read_half(source: Source, folder: Path, half: str, *, cap: int | None = None) -> tuple[Corpus, list[Question]]:
    """The corpus of a half and its questions, sampled, with the made unanswerable ones; the same text is never in both halves."""
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
            questions.append(Question(row["question"], source.folder, "plain", topic, row["answerable"], near, gold))
    questions = [
        q for side in (True, False) for q in [q for q in questions if q.answerable is side][: cap or source.cap]
    ]
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
        known = read_known(f"{article['title']}\n{article['text']}", "en")
        parts = swappable(question.text)
        if not parts or source.tokenised:  # its questions are all in lower case
            continue
        old = rng.choice(parts)
        alike = [new for new in pool if shape(new) == shape(old) and new not in question.text]
        alike = [
            new for new in alike if not any(w.stem in known.stems for w in read_question(f"x {new}", "en").words[1:])
        ]
        if alike:
            made.append(replace(none, kind="swapped", text=question.text.replace(old, rng.choice(alike), 1)))
    return made


def swappable(text: str) -> list[str]:
    """Names and numbers of a question, as written."""
    asked = read_question(text, "en")
    return [text[name[0].start : name[-1].end] for name in asked.names] + [word.text for word in asked.numbers]


def shape(part: str) -> tuple[int, int]:
    """Words of a name, or digits of a number: only like is swapped for like."""
    return (0, len(part)) if part[0].isdigit() else (len(part.split()), 0)


def measure(
    questions: list[Question], corpus: Corpus, source: Source, encoder: SentenceEncoder, ranker: EvidenceRanker
) -> list[Question]:
    """The questions with the features of their judged candidates; every distinct sentence is encoded once."""
    jobs = []
    for question in track(questions, f"{source.folder}: words"):
        asked = read_question(question.text, "en")
        candidates = corpus.candidates(question, within=source.within)
        keys = list(candidates)
        kept = [keys[i] for i in shortlist([shared_words(asked, candidate) for candidate in candidates.values()])]
        jobs.append((question, asked, {key: candidates[key] for key in kept}))
    needed = {key: corpus.passage_text(key[0], [key[1]]) for job in jobs for key in job[2]}
    vectors = encode_all(sorted({*needed.values(), *(q.text for q in questions)}), encoder, source.folder)
    result = []
    for question, asked, judged in track(jobs, f"{source.folder}: ranker"):
        mine = vectors[question.text]
        reads = [candidate.read for candidate in judged.values()]
        logits = ranker.score(question.text, reads) if reads else np.zeros(0, np.float32)
        rows = [
            compare_words(asked, candidate)
            | compare_vectors(asked, mine, vectors[needed[key]])
            | {"ranker": float(logit)}
            for (key, candidate), logit in zip(judged.items(), logits, strict=True)
        ]
        features = np.array([[row[name] for name in FEATURES] for row in rows]).reshape(-1, len(FEATURES))
        result.append(replace(question, keys=tuple(judged), features=features))
    return result


def encode_all(texts: list[str], encoder: SentenceEncoder, name: str) -> dict[str, Any]:
    """Token vectors by text, encoded in batches of like length."""
    texts = sorted(texts, key=len)
    found: dict[str, Any] = {}
    for start in track(range(0, len(texts), 256), f"{name}: vectors"):
        batch = texts[start : start + 256]
        found |= dict(zip(batch, encoder.encode_tokens(batch), strict=True))
    return found


# --- fitting ------------------------------------------------------------------------------------------------------------------


def weigh(questions: Sequence[Question]) -> Floats:
    """Question weights: every set counts the same on the answerable and on the unanswerable side, whatever its size.

    Within a side the kinds share; swapped questions count half. Squadshifts has no unanswerable questions of its own: half.
    """
    share = {"plain": 1.0, "removed": 1.0, "swapped": 0.5}
    groups: dict[tuple[str, bool, str], int] = {}
    for question in questions:
        group = (question.source, question.answerable, question.kind)
        groups[group] = groups.get(group, 0) + 1
    weights = []
    for question in questions:
        sides = [
            kind
            for source, answerable, kind in groups
            if (source, answerable) == (question.source, question.answerable)
        ]
        side = 0.5 if question.source == "squadshifts" and not question.answerable else 1.0
        total = sum(share[kind] for kind in sides)
        weights.append(
            side * share[question.kind] / total / groups[question.source, question.answerable, question.kind]
        )
    return np.array(weights) * len(questions) / sum(weights)


def fit(questions: list[Question], columns: list[int], rounds: int = 3, hardest: int = 3) -> Model:
    """Logistic regression in which a question is as answerable as its best sentence (multiple-instance learning).

    The first round sees every judged sentence; the following ones the best right sentence and the ``hardest`` wrong ones of the
    round before, so that the highest probability of a question is what gets fitted.
    """
    questions = [q for q in questions if len(q.features) and (not q.answerable or q.right.any())]
    weights = weigh(questions)
    everything = np.concatenate([question.features[:, columns] for question in questions])
    model = Model(columns, everything.mean(axis=0), everything.std(axis=0) + 1e-9, np.zeros(len(columns)), 0.0)
    for turn in range(rounds + 1):
        rows, labels, shares = [], [], []
        for question, weight in zip(questions, weights, strict=True):
            order = np.argsort(-model.logits(question), kind="stable")
            right, wrong = order[question.right[order]], order[~question.right[order]]
            right, wrong = (right[:1], wrong[:hardest]) if turn else (right, wrong)
            for chosen, label in ((right, 1), (wrong, 0)):
                if not len(chosen):
                    continue
                rows.append((question.features[chosen][:, columns] - model.mean) / model.scale)
                labels += [label] * len(chosen)
                shares += [weight / len(chosen)] * len(chosen)
        found = LogisticRegression(C=0.1, max_iter=1000).fit(np.concatenate(rows), labels, sample_weight=shares)
        model = replace(model, coefficients=found.coef_[0], intercept=float(found.intercept_[0]))
    return model


def calibrate(model: Model, questions: list[Question]) -> Model:
    """Platt scaling of the best sentence's logit against answerable or not, folded into the coefficients."""
    best = np.array([[model.logits(question).max()] for question in questions])
    answerable = [question.answerable for question in questions]
    found = LogisticRegression(C=1e6).fit(best, answerable, sample_weight=balance(questions))
    slope, shift = float(found.coef_[0, 0]), float(found.intercept_[0])
    return replace(model, coefficients=model.coefficients * slope, intercept=model.intercept * slope + shift)


def balance(questions: Sequence[Question]) -> Floats:
    """Weights under which both sides count the same."""
    weights = weigh(questions)
    answerable = np.array([question.answerable for question in questions])
    sides: Floats = np.where(answerable, weights / weights[answerable].sum(), weights / weights[~answerable].sum())
    return sides


def choose_thresholds(model: Model, questions: list[Question]) -> dict[str, float]:
    """``answer`` has the highest balanced accuracy; 95 % of the answerable questions lie above ``nearest``."""
    best = confidence(model, questions)
    answerable = np.array([question.answerable for question in questions])
    weights = balance(questions)
    grid = np.round(np.arange(0.02, 0.99, 0.01), 2)
    gains = [weights[(best >= at) == answerable].sum() for at in grid]
    smooth = np.convolve(np.pad(gains, 2, mode="edge"), np.ones(5) / 5, mode="valid")  # a plateau, not a lucky point
    answer = float(grid[int(np.argmax(smooth))])
    order = np.argsort(best[answerable])
    share = np.cumsum(weights[answerable][order]) / weights[answerable].sum()
    nearest = float(best[answerable][order][int(np.searchsorted(share, 0.05))])
    return {"answer": answer, "nearest": round(min(nearest, answer), 3)}


def confidence(model: Model, questions: Sequence[Question]) -> Floats:
    """Per question the highest probability among its sentences."""
    return np.array([1 / (1 + np.exp(-model.logits(question).max())) for question in questions])


# --- figures ------------------------------------------------------------------------------------------------------------------


def bootstrap(questions: list[Question], figure: Callable[[NDArray[np.int64]], float]) -> list[float]:
    """A figure over all questions and its 95 % interval over resampled topics."""
    topics: dict[str, list[int]] = {}
    for number, question in enumerate(questions):
        topics.setdefault(question.topic, []).append(number)
    groups, rng = [np.array(group) for group in topics.values()], np.random.default_rng(SEED)
    draws = [np.concatenate([groups[i] for i in rng.integers(0, len(groups), len(groups))]) for _ in range(SAMPLES)]
    low, high = np.nanpercentile([figure(draw) for draw in draws], [2.5, 97.5])
    return [round(float(value), 3) for value in (figure(np.arange(len(questions))), low, high)]


def is_first(model: Model, question: Question, *, own_article: bool = False) -> bool:
    """Whether the best candidate, of all or of the gold article's, answers."""
    logits = model.logits(question)
    if own_article and len(question.keys):
        logits = np.where([key == question.near for key, _ in question.keys], logits, -np.inf)
    return bool(len(question.keys)) and bool(question.right[int(np.argmax(logits))])


def report(model: Model, questions: list[Question], answer: float) -> dict[str, dict[str, Any]]:
    """Per set and kind: AUROC against the set's answerable questions, right decisions at ``answer``, right sentence first."""
    figures: dict[str, dict[str, Any]] = {}
    for source, kind, answerable in dict.fromkeys((q.source, q.kind, q.answerable) for q in questions):
        mine = [q for q in questions if q.source == source and q.kind == kind and q.answerable is answerable]
        best = confidence(model, mine)
        decided = (best >= answer) == answerable
        row: dict[str, Any] = {"questions": len(mine), "topics": len({q.topic for q in mine})}
        row["decided right"] = bootstrap(mine, lambda draw, decided=decided: float(decided[draw].mean()))  # type: ignore[misc]
        if answerable:
            first, within = (np.array([is_first(model, q, own_article=own) for q in mine]) for own in (False, True))
            row["right first"] = bootstrap(mine, lambda draw, first=first: float(first[draw].mean()))  # type: ignore[misc]
            row["first in article"] = bootstrap(mine, lambda draw, within=within: float(within[draw].mean()))  # type: ignore[misc]
        else:
            both = mine + [q for q in questions if q.source == source and q.answerable]
            row["auroc"] = bootstrap(both, auroc(model, both))
        figures[label(source, kind, answerable)] = row
    return figures


def auroc(model: Model, questions: list[Question]) -> Callable[[NDArray[np.int64]], float]:
    """AUROC of answerable against unanswerable as a function of the drawn questions; nan where a draw has one side only."""
    best = confidence(model, questions)
    answerable = np.array([question.answerable for question in questions])

    def figure(draw: NDArray[np.int64]) -> float:
        mixed = 0 < answerable[draw].sum() < len(draw)
        return float(roc_auc_score(answerable[draw], best[draw])) if mixed else float("nan")

    return figure


def ablate(fitting: list[Question], reporting: list[Question]) -> dict[str, dict[str, float]]:
    """Mean AUROC and mean share of right-sentence-first on the reporting halves, with groups of features left out."""
    result = {}
    for name, dropped in track(GROUPS.items(), "ablation"):
        model = fit(fitting, [i for i, feature in enumerate(FEATURES) if feature not in dropped])
        row: dict[str, float] = {}
        for source, kind in sorted({(q.source, q.kind) for q in reporting if not q.answerable}):
            both = [q for q in reporting if q.source == source and (q.answerable or q.kind == kind)]
            row[f"{source} {kind}"] = round(auroc(model, both)(np.arange(len(both))), 3)
        firsts = {
            source: float(np.mean([is_first(model, q) for q in reporting if q.source == source and q.answerable]))
            for source in dict.fromkeys(q.source for q in reporting)
        }
        mean = {
            "auroc": round(float(np.mean(list(row.values()))), 3),
            "right first": round(float(np.mean(list(firsts.values()))), 3),
        }
        result[name] = mean | row
    return result


def show(title: str, rows: dict[str, dict[str, Any]], console: Console) -> None:
    """Print rows of figures as a table; a list is a figure with its interval."""
    table = Table("", *dict.fromkeys(column for row in rows.values() for column in row), title=title)
    for name, row in rows.items():
        cells = [row.get(str(column.header), "") for column in table.columns[1:]]
        table.add_row(name, *(f"{c[0]:.3f} [{c[1]:.3f}, {c[2]:.3f}]" if isinstance(c, list) else str(c) for c in cells))
    console.print(table)


def main() -> None:
    """Fits, reports and writes; prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with one folder per question set")
    parser.add_argument("--out", type=Path, default=Path("assistant/fitted/evidence.json"))
    parser.add_argument("--ranker", type=Path, default=Path("assistant/fitted/ranker.safetensors"))
    given = parser.parse_args()
    weights = given.ranker.read_bytes()
    encoder, ranker = load_encoder(Settings(threads=2)), EvidenceRanker(packaged_folder(), weights, threads=2)
    halves = {"fit": list[Question](), "report": list[Question]()}
    for source in SOURCES:
        for half, questions in halves.items():
            corpus, mine = read_half(source, given.data, half)
            if half == "fit":
                mine = [question for question in mine if not is_for_ranker(question.topic)]
            questions += measure(mine, corpus, source, encoder, ranker)
    fitting, reporting = halves["fit"], halves["report"]
    judging = [question for question in fitting if question.source != "squadshifts"]
    model = calibrate(fit(fitting, list(range(len(FEATURES)))), judging)
    thresholds = choose_thresholds(model, judging)
    figures, ablation = report(model, reporting, thresholds["answer"]), ablate(fitting, reporting)
    console = Console(width=200)
    show(f"reporting halves, answer at {thresholds['answer']}, nearest at {thresholds['nearest']}", figures, console)
    curve = decisions(model, reporting)
    show("right decisions by threshold", curve, console)
    show("ablation", ablation, console)
    write(
        given.out,
        model,
        thresholds,
        encoder,
        weights,
        {"reporting": figures, "by threshold": curve, "ablation": ablation},
    )
    for name, value in zip(FEATURES, model.coefficients, strict=True):
        console.print(f"{name:20s} {value:+.3f}")


def decisions(model: Model, questions: list[Question]) -> dict[str, dict[str, Any]]:
    """Per set and kind the share of right decisions when answering from a threshold on, for a row of thresholds."""
    rows: dict[str, dict[str, Any]] = {}
    for source, kind, answerable in dict.fromkeys((q.source, q.kind, q.answerable) for q in questions):
        best = confidence(
            model, [q for q in questions if (q.source, q.kind, q.answerable) == (source, kind, answerable)]
        )
        shares = {
            f"{at / 100:.2f}": round(float(((best >= at / 100) == answerable).mean()), 3) for at in range(25, 80, 5)
        }
        rows[label(source, kind, answerable)] = shares
    return rows


def label(source: str, kind: str, answerable: bool) -> str:
    """How a group of questions is called in the tables."""
    return f"{source}: {'answerable' if answerable else 'unanswerable' if kind == 'plain' else kind}"


def write(
    out: Path,
    model: Model,
    thresholds: dict[str, float],
    encoder: SentenceEncoder,
    ranker: bytes,
    figures: dict[str, Any],
) -> None:
    """The JSON that ``assistant.evidence.Evidence.load`` reads, with where it comes from."""
    provenance = {
        "command": "python -m evals.fit.evidence --data FOLDER",
        "sets": {
            source.folder: {"licence": source.licence, "most per side and half": source.cap} for source in SOURCES
        },
        "split": "half of the topics for fitting, half for reporting: sha256 of the topic, odd to reporting; untitled to fitting",
        "intervals": f"95 %, {SAMPLES} bootstrap resamples of the topics",
        "encoder": {"name": encoder.name, "fingerprint": encoder.fingerprint},
    }
    fitted = {
        "name": "evidence-lr-2",
        "ranker_sha256": hashlib.sha256(ranker).hexdigest(),
        "features": list(FEATURES),
        "coefficients": [round(float(value), 5) for value in model.coefficients],
        "mean": [round(float(value), 5) for value in model.mean],
        "scale": [round(float(value), 5) for value in model.scale],
        "intercept": round(model.intercept, 5),
        "thresholds": thresholds,
        "provenance": provenance,
        "figures": figures,
    }
    out.write_text(json.dumps(fitted, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
