"""How far the words of a question alone give away that it is answerable: annotation artifacts (Gururangan et al. 2018).

    python -m evals.fit.artifacts    # prints how far, in the questions that are trained on and in those of evals/questions

Whoever writes questions that an article does not answer writes more "Why" and "What did it cost", and a reader trained on them
learns to decline those. So each of our questions is given the log odds that a model of the questions alone gives it, and in
training they are added to the reader's (a product of experts, Clark et al. 2019): what the words give away need not be learned.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline

from assistant.gloss import in_english
from evals.fit.asked import read_asked
from evals.fit.data import SOURCES, Floats, near_article
from evals.fit.invented import read_invented
from evals.schema import Split, question_files, read_questions, read_splits, select

FOLDS, LEAST = 5, 500  # parts in which the questions are judged by the others; fewer questions tell nothing
SPLITS: tuple[Split, ...] = ("fit", "dev")


def give_away(questions: Sequence[str], answerable: Sequence[bool], groups: Sequence[str]) -> Floats:
    """Per question the probability that it is answerable, judged by its words, learned from questions of other groups.

    Fewer than LEAST questions, or only answerable ones, or none, tell nothing: it is the share of the answerable for all then.
    """
    share = float(np.mean(answerable)) if len(answerable) else 0.0
    if len(questions) < LEAST or not 0 < share < 1 or len(set(groups)) < FOLDS:
        return np.full(len(questions), share)
    found = cross_val_predict(
        _model(), list(questions), list(answerable), groups=list(groups), cv=GroupKFold(FOLDS), method="predict_proba"
    )
    return np.asarray(found[:, 1]).clip(0.02, 0.98)


def _model() -> Pipeline:
    """A logistic regression over one to three words in a row."""
    words = TfidfVectorizer(
        ngram_range=(1, 3), min_df=3, sublinear_tf=True, token_pattern=r"\w+|\?", strip_accents="unicode"
    )
    return make_pipeline(words, LogisticRegression(C=3, max_iter=500))


def main() -> None:
    """Prints the AUROC of answerable or not, from the words alone; what was trained on is judged by other articles' questions."""
    _, invented = read_invented()
    for name, rows in (
        ("invented", invented),
        ("asked", [row for source in SOURCES for row in read_asked(source.folder)]),
    ):
        answerable = [row["answerable"] for row in rows]
        found = give_away([row["question"] for row in rows], answerable, list(map(near_article, rows)))
        print(f"{name}: {roc_auc_score(answerable, found):.2f} of {len(rows)}")
    model = _model().fit([row["question"] for row in invented], [row["answerable"] for row in invented])
    for split in SPLITS:
        asked = [
            q for q in select(read_questions(question_files()), [split], read_splits()) if q.kind != "quote-source"
        ]
        found = model.predict_proba([in_english(question.question) for question in asked])[:, 1]  # as it was trained
        area = roc_auc_score([question.answerable for question in asked], found)
        print(f"evals/questions, {split}, by the words of invented: {area:.2f} of {len(asked)}")


if __name__ == "__main__":
    main()
