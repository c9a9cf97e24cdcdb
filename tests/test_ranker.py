"""The packaged ranker: what its scores keep to, that it is refused when damaged, and what then still answers."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
import torch

from assistant import Assistant, Settings
from assistant.doctor import examine
from assistant.errors import ModelProblem
from assistant.models import Page, Ranker, SentenceEncoder, load_ranker, ranker
from tests.conftest import DATA

SENTENCES = (
    "The council closed the old bridge at Aldwick on Monday.",
    "Engineers had found cracks in two of its pillars.",
    "Repairs will take eight months and cost 2.4 million pounds, said Mary Holt, who leads the council.",
    "Buses are sent through Penfield until then.",
)


READS = Settings(ranker="packaged", threads=1)


def page_of(*sentences: str, title: str = "Bridge closed") -> Page:
    """A page with these sentences."""
    ends = [sum(map(len, sentences[: n + 1])) + n for n in range(len(sentences))]
    ranges = tuple((end - len(text), end) for text, end in zip(sentences, ends, strict=True))
    return Page(title, " ".join(sentences), ranges)


BRIDGE = page_of(*SENTENCES)


@pytest.fixture(scope="module")
def reader() -> Ranker:
    found = load_ranker(READS)
    assert found is not None
    return found


@pytest.fixture
def fitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the packaged files that may be damaged."""
    folder = tmp_path / "fitted"
    folder.mkdir()
    for name in ("ranker.json", "ranker.safetensors"):
        shutil.copy(ranker.FITTED / name, folder)
    monkeypatch.setattr(ranker, "FITTED", folder)
    return folder


@pytest.mark.parametrize(
    ("question", "answers"),
    [
        ("Why was the crossing shut?", 1),
        ("How expensive is it to fix the bridge?", 2),
        ("When was the bridge closed?", 0),
        ("Which way do buses go?", 3),
        ("Who is the head of the council?", 2),
    ],
)
def test_the_sentence_that_answers_comes_first(reader: Ranker, question: str, answers: int) -> None:
    [scores] = reader.read(question, [BRIDGE])
    assert scores.index(max(scores)) == answers


def test_a_page_on_something_else_scores_below_one_that_answers(reader: Ranker) -> None:
    other = page_of("The orchestra plays Mahler on Friday.", "Tickets are sold out.", title="Concert")
    there, not_there = reader.read("How long will the repairs take?", [BRIDGE, other])
    assert max(there) > max(not_there) + 2


def test_other_pages_change_no_score_by_more_than_rounding(reader: Ranker) -> None:
    question = "When was the bridge closed?"
    concert = page_of("The orchestra plays Mahler on Friday.", "Tickets are sold out.", title="Concert")
    beyond_the_window = page_of(*["The ferry to Tavel was shut on 3 May, and the bridge stayed open."] * 60)
    [alone] = reader.read(question, [BRIDGE])
    for pages in ([concert, BRIDGE], [beyond_the_window, concert, BRIDGE], [BRIDGE, beyond_the_window]):
        scores = reader.read(question, pages)[pages.index(BRIDGE)]
        assert scores == pytest.approx(alone, abs=0.15)  # rounding in bfloat16; the scores lie further apart
    assert max(alone) - min(alone) > 3
    assert reader.read(question, []) == []


def test_threads_share_the_pages_and_change_no_score_by_more_than_rounding(reader: Ranker) -> None:
    question = "When was the bridge closed?"
    pages = [page_of(*SENTENCES[n % 3 :], *SENTENCES * 4, title=f"Part {n}") for n in range(9)]  # 2,400 tokens
    for threads in (2, 3, 20):
        shared = load_ranker(READS.model_copy(update={"threads": threads}))
        assert shared is not None
        for mine, theirs in zip(reader.read(question, pages), shared.read(question, pages), strict=True):
            assert mine == pytest.approx(theirs, abs=0.15)
        assert shared.read(question, []) == []


@pytest.mark.parametrize("question", ["", "?", "x " * 2_000, "为什么?", "\x00", "💥" * 300])
def test_odd_questions_and_pages_get_one_score_a_sentence(reader: Ranker, question: str) -> None:
    pages = [BRIDGE, page_of("…"), Page("", "", ()), page_of(*["No " * 300, "Yes."])]
    scores = reader.read(question, pages)
    assert [len(row) for row in scores] == [4, 1, 0, 2]
    assert all(abs(score) < 1_000 for row in scores for score in row)


def test_none_is_no_ranker() -> None:
    assert load_ranker(Settings(ranker="none")) is None


@pytest.mark.parametrize("name", ["ranker.json", "ranker.safetensors"])
def test_a_missing_or_damaged_file_is_refused_with_a_hint(fitted: Path, name: str) -> None:
    whole = (fitted / name).read_bytes()
    (fitted / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelProblem, match="damaged") as caught:
        load_ranker(READS)
    assert "ASSISTANT_RANKER=none" in caught.value.hint
    (fitted / name).unlink()
    with pytest.raises(ModelProblem, match="not installed"):
        load_ranker(READS)


def test_without_the_file_answers_still_come_and_say_so(fitted: Path, tmp_path: Path, encoder: SentenceEncoder) -> None:
    (fitted / "ranker.safetensors").unlink()
    with Assistant(Settings(home=tmp_path / "home", ranker="packaged"), encoder=encoder) as assistant:
        assistant.add([DATA / "2024-10-25-newspaper-report.txt"])
        answer = assistant.ask("How much did Musk give to America PAC in the first half of October?")
        assert answer.outcome == "answer"
        assert "without ranker" in answer.engine.ranker
        assert any("not installed" in note for note in answer.notes)
        health = examine(assistant.store, lambda: assistant.ranker_name)
        assert [problem.what for problem in health.problems] == ["the evidence ranker is not installed"]


@pytest.mark.parametrize(("chosen", "named"), [("packaged", "with reader@"), ("none", "without ranker")])
def test_either_way_answers_come_exact_and_without_a_note(
    tmp_path: Path, encoder: SentenceEncoder, chosen: Literal["packaged", "none"], named: str
) -> None:
    with Assistant(Settings(home=tmp_path / "home", ranker=chosen), encoder=encoder) as assistant:
        assistant.add([DATA / "2024-10-25-newspaper-report.txt"])
        answer = assistant.ask("How much did Musk give to America PAC in the first half of October?")
        assert "He put another $44 million" in answer.statements[0].text
        assert named in answer.engine.ranker
        assert answer.notes == ()
        assert not examine(assistant.store, lambda: assistant.ranker_name).problems


def loss_by_hand(right: list[float], wrong: list[float]) -> float:
    """The mean over right sentences of the negative log of the share that each has beside all that is wrong."""
    shares = [math.exp(one) / (math.exp(one) + sum(map(math.exp, wrong))) for one in right]
    return -sum(map(math.log, shares)) / len(shares)


def test_right_sentences_do_not_compete_in_training() -> None:
    from evals.fit.reader import collate, loss_of
    from evals.fit.readings import Example

    sentences = [-1, 0, 1, 2]  # one token each: the spans are the diagonal
    both = Example([1] * 4, [0] * 4, sentences, ((1, 1), (3, 3)), whole=True)
    places = Example([1] * 4, [0] * 4, sentences, ((1, 1), (3, 3)), whole=False)
    one = Example([1] * 4, [0] * 4, sentences, ((2, 2),), whole=True)
    none = Example([1] * 4, [0] * 4, sentences, (), whole=False)
    batch = collate([both, places, replace(one, odds=1.5), none])
    assert batch["odds"].tolist() == [0.0, 0.0, 1.5, 0.0]
    gold = batch["gold"]
    assert gold.amax(dim=(1, 2)).tolist() == [2, 1, 1, 0]
    spans = torch.full((4, 4, 4), float("-inf"))
    for token, logit in ((1, 0.5), (2, -1.0), (3, 2.0)):
        spans[:, token, token] = logit
    null = torch.zeros(4)
    first = torch.zeros(1, dtype=torch.long)
    found = [float(loss_of(spans[row : row + 1], null[row : row + 1], gold[row : row + 1], first)) for row in range(4)]
    several = math.log(math.exp(0.5) + math.exp(2.0))  # places of one answer are right together
    assert found == pytest.approx(
        [
            loss_by_hand([0.5, 2.0], [-1.0, 0.0]),
            loss_by_hand([several], [-1.0, 0.0]),
            loss_by_hand([-1.0], [0.5, 2.0, 0.0]),
            loss_by_hand([0.0], [0.5, -1.0, 2.0]),
        ],
        abs=1e-5,
    )
    loss = loss_of(spans.requires_grad_(), null, gold, torch.arange(4))
    assert float(loss.detach()) == pytest.approx(sum(found) / 4, abs=1e-5)
    loss.backward()  # type: ignore[no-untyped-call]
    assert spans.grad is not None
    assert torch.isfinite(spans.grad).all()


def test_passages_of_one_question_compete_in_training() -> None:
    from evals.fit.reader import loss_of

    spans = torch.full((3, 2, 2), float("-inf"))
    spans[:, 0, 0] = torch.tensor([1.0, 2.0, 0.5])
    spans[0, 1, 1] = -1.0
    null = torch.tensor([0.0, 0.5, 0.25])
    gold = torch.zeros(3, 2, 2, dtype=torch.int8)
    gold[0, 0, 0] = 1
    gold[1, 0, 0] = 2  # all that there is to read in the second
    loss = loss_of(spans.requires_grad_(), null, gold, torch.tensor([0, 0, 1]))
    first = loss_by_hand([1.0, 1.5], [-1.0, 0.0])  # less each one's own "no answer"
    assert float(loss.detach()) == pytest.approx((first + loss_by_hand([0.0], [0.25])) / 2, abs=1e-5)
    alone = loss_of(spans.detach()[:1], null[:1], gold[:1], torch.tensor([0]))
    with_other = loss_of(spans.detach()[[0, 2]], null[[0, 2]], gold[[0, 2]], torch.tensor([0, 0]))
    assert float(with_other) > float(alone), "what the other passage says is wrong, too"
    loss.backward()  # type: ignore[no-untyped-call]
    assert spans.grad is not None
    assert torch.isfinite(spans.grad).all()


def test_training_goes_on_only_from_its_own_work(tmp_path: Path) -> None:
    from evals.fit.ranker import Progress, resume, save
    from evals.fit.reader import Reader

    model = Reader()
    optimiser = torch.optim.AdamW([model.head])
    whole: dict[str, Any] = {"steps": 9, "left out": None}
    assert resume(tmp_path, whole, model, optimiser) is None
    save(tmp_path, model, optimiser, Progress(3, 60))
    assert resume(tmp_path, whole, model, optimiser) == Progress(3, 60)
    with pytest.raises(SystemExit, match="holds another training"):
        resume(tmp_path, whole | {"left out": "nyt"}, model, optimiser)


def test_the_mean_of_two_readers_lies_between_them() -> None:
    from evals.fit.ranker import mix
    from evals.fit.reader import Reader

    model = Reader()
    begun = {name: weight.clone() for name, weight in model.state_dict().items()}
    model.head.data += 2.0
    mix(model, begun, 0.25)
    assert torch.allclose(model.head, begun["head"] + 0.5)
