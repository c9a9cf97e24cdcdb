"""Fitting the fusion: ranks are the product's, and the weight is chosen by the rule that is stated."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources

from assistant import Assistant, Settings
from assistant.fulltext import Hit
from assistant.store import quiet
from evals.fit.fusion import choose, choose_title, lost, measure, plain, sweep, worse
from evals.fit.searching import Searched, search
from evals.schema import Question, Span
from evals.score import covers
from evals.sets import QuestionSet, add_articles

TEXTS = {
    "owl": "An owl left the zoo in February. It lived in the park for a year.",
    "bridge": "A ship struck the bridge in March. The bridge fell in seconds.",
    "zoo": "The zoo closed for a year. Nobody left the park by the bridge.",
}
BETTER, WORSE = (0.5, 1.0), (1.0, 0.5)  # what the words and what the vectors say of the gold, against 1.0 and 0.5


def searched(topic: str, *, gold: tuple[float, float]) -> Searched:
    """A question whose gold chunk has these scores by words and by vectors, and another one 1.5 less them."""
    by_words, by_vectors = (
        sorted([Hit("gold", own), Hit("other", 1.5 - own)], key=lambda hit: -hit.score) for own in gold
    )
    words = {0.5: by_words, 1.0: [Hit("gold", 1.0), Hit("other", 0.1)]}
    return Searched(topic, topic, words, by_vectors, (frozenset({"gold"}),))


def topics(count: int, *, gold: tuple[float, float]) -> Sequence[Searched]:
    return [searched(f"topic {number}", gold=gold) for number in range(count)]


def test_ranks_are_those_of_the_product(assistant: Assistant) -> None:
    articles = [
        {"id": id_, "title": id_, "date": None, "source": None, "url": None, "text": TEXTS[id_]} for id_ in TEXTS
    ]
    span = Span(article="bridge", quote=TEXTS["bridge"], start=0, end=len(TEXTS["bridge"]))
    question = Question(
        id="q", story="s", kind="fact", question="What left the park?", answerable=True, evidence=((span,),)
    )
    add_articles(assistant, QuestionSet("three", "", tuple(articles), (question,), ""), on_progress=quiet)
    (found,) = search(assistant, [question], (0.0, 1.0))
    for title in (0.0, 1.0):
        for dense in (0.0, 0.3, 1.0):
            passages = assistant.varied(dense_weight=dense, title_weight=title).retrieve(question.question)
            ranking = [covers(p.chunk.article_id, p.chunk.start, p.chunk.end, span) for p in passages]
            assert found.ranks(dense, title) == ((ranking.index(True) + 1) if any(ranking) else None,)


def test_the_least_weight_that_is_as_good_as_the_best_is_chosen() -> None:
    many, few = ({"gains": topics(count, gold=BETTER)} for count in (30, 3))
    assert choose(many, sweep(many, 0.5)) == 0.5  # from there on the gold is first: less is significantly worse
    assert choose(few, sweep(few, 0.5)) == 0.0  # three topics are no evidence for going away from BM25
    loses = {"loses": topics(30, gold=WORSE)}
    assert choose(loses, sweep(loses, 0.5)) == 0.0


def test_the_settings_have_the_fitted_weights() -> None:
    fitted = json.loads(resources.files("assistant.fitted").joinpath("fusion.json").read_text(encoding="utf-8"))
    settings = Settings()
    assert (settings.dense_weight, settings.title_weight) == (fitted["dense_weight"], fitted["title_weight"])
    assert fitted["worse than BM25 alone on a reporting half"] == []


def test_no_fitting_half_may_lose_for_the_others_to_gain() -> None:
    sets = {"loses": topics(6, gold=WORSE), "gains": topics(6, gold=BETTER), "gains too": topics(6, gold=BETTER)}
    swept = sweep(sets, 0.5)
    assert lost(sets, swept[0.0], swept[0.6]) == [("loses", "evidence@1"), ("loses", "MRR")]
    assert choose(sets, swept) == 0.5
    few = sets | {"loses": topics(3, gold=WORSE)}
    assert lost(few, sweep(few, 0.5)[0.0], sweep(few, 0.5)[0.6]) == []


def test_another_title_weight_has_to_pay() -> None:
    for count, winner in ((30, 1.0), (3, 0.5)):
        sets = {"one": topics(count, gold=BETTER)}
        best = {title: sweep(sets, title)[0.0] for title in (0.5, 1.0)}
        assert choose_title(sets, best, 0.5) == winner


def test_a_loss_on_a_reporting_half_is_named() -> None:
    figures = measure({"loses": topics(6, gold=WORSE), "gains": topics(6, gold=BETTER)}, [0.4, 1.0], 0.5)
    assert worse(figures) == ["loses, 1.0, evidence@1, p = 0.016", "loses, 1.0, MRR, p = 0.016"]
    assert plain(figures)["loses"]["1.0 − BM25"]["MRR"] == [-0.5, -0.5, -0.5, 6]
    assert plain(figures)["loses"]["0.4 − BM25"]["p worse, MRR"] == 1.0
    assert plain(figures)["gains"]["dense alone"]["evidence@1"] == [1.0, 0.6097, 1.0, 6]  # Wilson: 6 of 6
