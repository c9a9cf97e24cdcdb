"""Evidence: how likely is it that one sentence of an article answers a question?

Every feature compares the question with the sentence, the passage it stands in and its own article. None looks at other passages
or at the corpus, so an article that has nothing to do with a question cannot change the verdict on another by more than rounding.
The ranker reads all pages. The sentences that it scores highest, or, without a ranker, those that share most words with the
question, are judged: the encoder's token vectors are compared, and the question's names and numbers are looked for in their
article. A logistic regression, fitted with and without ranker by ``evals/fit/evidence.py``, turns the features into one
probability. The module reads one packaged file and never talks to an index or a catalog.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assistant.errors import ModelProblem
from assistant.gloss import in_english
from assistant.models import Page, Ranker, SpanReader
from assistant.words import Asked, Known, Word, find_absent, read_against, read_known

if TYPE_CHECKING:
    from assistant.models import Encoder, TokenVectors, Vectors

JUDGED = 8  # sentences per question, and language that they are read in; of fewer the best may be crowded out by other articles
JUDGED_OF_EACH = 2  # sentences per article where each article is judged by itself
WORD_FEATURES = ("names_absent", "absent")
VECTOR_FEATURES = ("cosine", "late", "late_least")
FEATURES = {
    "with ranker": (*WORD_FEATURES, *VECTOR_FEATURES, "read"),
    "without ranker": (*WORD_FEATURES, *VECTOR_FEATURES),
}
_FIT_AGAIN = "Install the assistant again; from a checkout: python -m evals.fit.evidence --data FOLDER"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence as it is read, see ``assistant.gloss``, with what is needed to judge it: ``before`` is the preceding sentence of
    its article ("" at the start), ``language`` that in which it is read.

    ``article`` is the article's whole text: names and numbers of the question are looked for there. Put the publication date into
    it as well, so that a question that names the year is not held against an article that leaves it out. It is the sentence
    ``number`` of its ``page``.
    """

    text: str
    title: str
    before: str
    article: str
    language: str = "en"
    page: Page | None = None
    number: int = 0

    @property
    def read_in(self) -> Page:
        """What the ranker reads to judge the sentence: its page, or the sentence alone where it stands in none."""
        return self.page or Page(self.title, self.text, ((0, len(self.text)),))

    @property
    def context(self) -> str:
        """Title and preceding sentence, as they stand before the sentence when the two are read together."""
        return f"{self.title}. {self.before} "


@dataclass(frozen=True, slots=True)
class Support:
    """How far a candidate answers. ``missing``: the names and numbers of the question that its article nowhere mentions."""

    probability: float
    missing: tuple[str, ...]

    def raised(self, log_odds: float) -> Support:
        """The same with so much added to its log odds; 0 and 1 stay."""
        odds = self.probability * math.exp(log_odds)
        return Support(odds / (odds + 1 - self.probability), self.missing)


def shared_words(asked: Asked, candidate: Candidate) -> float:
    """Share of the question's content words in the sentence plus the share in it with title and preceding sentence, 0 to 2."""
    context = read_known(f"{candidate.title}\n{candidate.before}\n{candidate.text}", candidate.language)
    stems = read_known(candidate.text, candidate.language).stems
    shared = sum((word.stem in stems) + (word.stem in context.stems) for word in asked.content)
    return shared / max(len(asked.content), 1)


def shortlist(scores: Mapping[int, float], limit: int, article_ids: Sequence[str] = ()) -> list[int]:
    """The candidates of the highest scores, best first, ties in given order; so many of each article, where its id is given."""
    ranked = sorted(scores, key=lambda i: -scores[i])
    if not article_ids:
        return ranked[:limit]
    taken = Counter[str]()
    kept = []
    for i in ranked:
        taken[article_ids[i]] += 1
        if taken[article_ids[i]] <= limit:
            kept.append(i)
    return kept


def compare_words(asked: Asked, candidate: Candidate) -> dict[str, float]:
    """The features that need no vectors. ``absent`` is 1 where the article lacks a name or number of the question,
    ``names_absent`` the sum of the shares that it lacks of each, see ``find_absent``.
    """
    absent, lacking = find_absent(asked, _article(candidate))
    return {"names_absent": absent, "absent": float(bool(lacking))}


def compare_vectors(asked: Asked, question: TokenVectors, read: TokenVectors, context: str) -> dict[str, float]:
    """Late interaction (Khattab and Zaharia 2020, ColBERT) over the encoder's own token vectors.

    The sentence is read on from its context, whose tokens are left out: "he" then stands for somebody. Per content word of the
    question the highest cosine with any token of the sentence; ``late`` is their mean, ``late_least`` the least of them.
    ``cosine`` compares the means of all tokens. The sentence read alone, and weighting words by rarity, did not pay.
    """
    rows = read[1][[i for i, (start, _) in enumerate(read[0]) if start >= len(context)]]
    if not len(rows) or not len(question[1]):
        return dict.fromkeys(VECTOR_FEATURES, 0.0)
    best = (_word_vectors(asked.content, question) @ rows.T).max(axis=1)
    return {
        "cosine": float(_unit(question[1].mean(axis=0)) @ _unit(rows.mean(axis=0))),
        "late": float(best.mean()),
        "late_least": float(best.min()),
    }


def compare(
    question: str,
    candidates: Sequence[Candidate],
    encoder: Encoder,
    ranker: Ranker | None,
    *,
    sharing: int = 1,
    article_ids: Sequence[str] = (),
) -> dict[int, dict[str, float]]:
    """Features by position for the candidates worth judging, see JUDGED; the others answer too little to be looked at.

    Candidates come page by page, the best page first. Those read in English are held against the gloss of a question in another
    language. ``sharing`` is how many questions share the time of one: so much fewer pages are read and sentences judged.
    Where ``article_ids`` says which article each candidate is of, every article is judged, by JUDGED_OF_EACH.
    """
    english = in_english(question)
    held_against: dict[str, dict[int, Candidate]] = {}
    for i, candidate in enumerate(candidates):
        held_against.setdefault(english if candidate.language == "en" else question, {})[i] = candidate
    features: dict[int, dict[str, float]] = {}
    for text, mine in held_against.items():
        features |= _compare(text, mine, encoder, ranker, sharing=sharing, article_ids=article_ids)
    return features


def _compare(
    question: str,
    candidates: Mapping[int, Candidate],
    encoder: Encoder,
    ranker: Ranker | None,
    *,
    sharing: int,
    article_ids: Sequence[str],
) -> dict[int, dict[str, float]]:
    asked = {i: read_against(question, candidate.language) for i, candidate in candidates.items()}
    asking = {i: candidate for i, candidate in candidates.items() if asked[i].content}
    if ranker:
        scores = read_pages(question, asking, ranker, sharing)
    else:
        scores = {i: shared_words(asked[i], candidate) for i, candidate in asking.items()}
    judged = (
        shortlist(scores, JUDGED_OF_EACH, article_ids) if article_ids else shortlist(scores, max(1, JUDGED // sharing))
    )
    if not judged:
        return {}
    texts = [candidates[i].context + candidates[i].text for i in judged]
    mine, *theirs = encoder.encode_tokens([question, *texts])
    return {
        i: compare_words(asked[i], candidates[i])
        | compare_vectors(asked[i], mine, vectors, candidates[i].context)
        | ({"read": scores[i]} if ranker else {})
        for i, vectors in zip(judged, theirs, strict=True)
    }


def read_pages(question: str, candidates: Mapping[int, Candidate], ranker: Ranker, sharing: int) -> dict[int, float]:
    """The ranker's score of the candidates, by their positions; where questions share the time of one, on their first pages."""
    pages = list(dict.fromkeys(candidate.read_in for candidate in candidates.values()))
    pages = pages[: max(1, len(pages) // sharing)]
    scores = dict(zip(pages, ranker.read(question, pages), strict=True))
    return {i: scores[one.read_in][one.number] for i, one in candidates.items() if one.read_in in scores}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Fitted coefficients and two thresholds: from the first on a sentence is an answer, from the second on it comes near."""

    name: str
    fingerprint: str
    answer_threshold: float
    nearest_threshold: float
    features: tuple[str, ...]
    weights: NDArray[np.float64]
    intercept: float
    ranker: Ranker | None = None

    @classmethod
    def load(cls, ranker: Ranker | None = None, home: Path | None = None) -> Evidence:
        """The coefficients for this ranker, or those without one: from the package, or fitted for it and kept in ``home``.

        Raises ModelProblem where there are none.
        """
        fitted = fitted_for(ranker, home) if ranker and home else None
        if fitted is None or not fitted.is_file():
            fitted = Path(str(resources.files("assistant.fitted").joinpath("evidence.json")))
        return cls.read(fitted.read_text(encoding="utf-8"), ranker)

    @classmethod
    def read(cls, text: str, ranker: Ranker | None = None) -> Evidence:
        """From the JSON that the fit writes. Raises ModelProblem where it was fitted with other features or another ranker."""
        kind = "with ranker" if ranker else "without ranker"
        hint = _FIT_AGAIN
        if ranker and ranker.name != SpanReader.name:
            hint = f"From a checkout: python -m evals.fit.evidence --ranker {ranker.name}"
        fitted: dict[str, Any] = json.loads(text)[kind]
        if tuple(fitted["features"]) != FEATURES[kind]:
            raise ModelProblem("the evidence was fitted with other features", hint=hint)
        if ranker and fitted["ranker"] != ranker.fingerprint:
            raise ModelProblem(f"nothing is fitted to the scores of the ranker {ranker.name}", hint=hint)
        weights = np.array(fitted["coefficients"]) / np.array(fitted["scale"])
        return cls(
            name=f"{fitted['name']} {f'with {ranker.name}@{ranker.fingerprint}' if ranker else kind}",
            fingerprint=hashlib.sha256(text.encode()).hexdigest()[:16],
            answer_threshold=fitted["thresholds"]["answer"],
            nearest_threshold=fitted["thresholds"]["nearest"],
            features=FEATURES[kind],
            weights=weights,
            intercept=float(fitted["intercept"] - weights @ np.array(fitted["mean"])),
            ranker=ranker,
        )

    def score(
        self,
        question: str,
        candidates: Sequence[Candidate],
        encoder: Encoder,
        *,
        sharing: int = 1,
        article_ids: Sequence[str] = (),
    ) -> list[Support]:
        """One support per candidate, in the given order; the question's confidence is the highest probability among them.

        Candidates that are not judged have probability 0. ``sharing`` and ``article_ids`` as in ``compare``.
        """
        features = compare(question, candidates, encoder, self.ranker, sharing=sharing, article_ids=article_ids)
        judged = {number: self.judge(row) for number, row in features.items()}
        supports = []
        for number, candidate in enumerate(candidates):
            probability = judged.get(number, 0.0)
            absent = find_absent(read_against(question, candidate.language), _article(candidate))[1]
            supports.append(Support(probability, absent))
        return supports

    def judge(self, features: Mapping[str, float]) -> float:
        """The probability for one candidate's features, between 0 and 1."""
        logit = float(self.weights @ np.array([features[name] for name in self.features])) + self.intercept
        return float(1 / (1 + np.exp(-logit)))


def fitted_for(ranker: Ranker, home: Path) -> Path:
    """Where the coefficients for a ranker that does not come with the package are kept."""
    return home / f"evidence-{ranker.fingerprint}.json"


def _article(candidate: Candidate) -> Known:
    return read_known(f"{candidate.title}\n{candidate.article}", candidate.language)


def _word_vectors(words: Sequence[Word], text: TokenVectors) -> Vectors:
    """One unit row per word: the mean of its pieces, or of the whole text for a word beyond the encoder's window."""
    offsets, rows = text
    whole = rows.mean(axis=0)
    pieces = [[i for i, (start, end) in enumerate(offsets) if start < word.end and end > word.start] for word in words]
    return np.stack([_unit(rows[found].mean(axis=0) if found else whole) for found in pieces])


def _unit(vector: Vectors) -> Vectors:
    return vector / np.float32(max(float(np.linalg.norm(vector)), 1e-9))
