"""A CrossEncoder of one's own as ranker: read like the packaged one, used only where the decision is fitted to its scores."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from assistant import Assistant, Settings
from assistant.doctor import examine
from assistant.errors import ModelProblem
from assistant.evidence import FEATURES, fitted_for
from assistant.models import Ranker, SentenceEncoder, load_ranker, packaged_folder
from tests.conftest import DATA
from tests.test_ranker import BRIDGE, page_of

QUESTION = "How much did Musk give to America PAC in the first half of October?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real CrossEncoder: the packaged encoder with an untrained head."""
    from sentence_transformers import CrossEncoder

    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("pairs") / "cross"
    CrossEncoder(str(packaged_folder()), num_labels=1).save_pretrained(str(path))
    return path


@pytest.fixture(scope="module")
def ranker(folder: Path) -> Ranker:
    found = load_ranker(Settings(ranker=str(folder)))
    assert found is not None
    return found


def test_every_sentence_gets_a_score_that_no_other_page_changes(ranker: Ranker) -> None:
    other = page_of("The orchestra plays Mahler on Friday.", "Tickets are sold out.", title="Concert")
    scores = ranker.read("When was the bridge closed?", [other, BRIDGE, page_of()])
    assert [len(row) for row in scores] == [2, 4, 0]
    assert scores[1] == ranker.read("When was the bridge closed?", [BRIDGE])[0]
    assert len(set(scores[1])) == 4


def test_a_sentence_is_read_behind_title_and_the_sentence_before(ranker: Ranker) -> None:
    [plain] = ranker.read("Who?", [page_of("Ida came.", "She left.", title="")])
    [titled] = ranker.read("Who?", [page_of("Ida came.", "She left.", title="Party")])
    [other] = ranker.read("Who?", [page_of("Tom came.", "She left.", title="")])
    assert plain[1] != titled[1]
    assert plain[1] != other[1]


def test_until_it_is_fitted_answers_come_without_it_and_say_what_to_run(
    folder: Path, ranker: Ranker, tmp_path: Path, encoder: SentenceEncoder
) -> None:
    settings = Settings(home=tmp_path / "home", ranker=str(folder))
    with Assistant(settings, encoder=encoder) as assistant:
        assistant.add([DATA / "2024-10-25-newspaper-report.txt"])
        answer = assistant.ask(QUESTION)
        assert "without ranker" in answer.engine.ranker
        assert any("nothing is fitted to the scores" in note for note in answer.notes)
        [problem] = examine(assistant.store, lambda: assistant.ranker_name).problems
        assert f"python -m evals.fit.evidence --ranker {folder}" in problem.hint

    names = FEATURES["with ranker"]
    fitted = {
        "name": "evidence-test",
        "ranker": ranker.fingerprint,
        "features": names,
        "coefficients": [4.0 if name == "late" else 0.0 for name in names],
        "mean": [0.0] * len(names),
        "scale": [1.0] * len(names),
        "intercept": -1.0,
        "thresholds": {"answer": 0.1, "nearest": 0.05},
    }
    fitted_for(ranker, settings.home).write_text(json.dumps({"with ranker": fitted}), encoding="utf-8")
    with Assistant(settings, encoder=encoder) as assistant:
        answer = assistant.ask(QUESTION)
        assert f"evidence-test with {folder}@{ranker.fingerprint}" in answer.engine.ranker
        assert answer.notes == ()
        health = examine(assistant.store, lambda: assistant.ranker_name)
        assert not health.problems
        assert any("model hub" in sent for sent in health.leaves_the_machine)


def test_what_is_no_such_model_is_refused_with_a_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sentence_transformers import CrossEncoder

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelProblem, match="neither a folder nor a model") as caught:
        load_ranker(Settings(ranker="nobody/no-such-model"))
    assert "ASSISTANT_RANKER" in caught.value.hint
    for mistyped in ("packagd", "./rankers", str(tmp_path / "gone")):
        with pytest.raises(ModelProblem, match="neither a folder nor a name of a hub") as caught:
            load_ranker(Settings(ranker=mistyped))
        assert "ASSISTANT_RANKER" in caught.value.hint
    with pytest.raises(ModelProblem, match="holds no model weights"):
        load_ranker(Settings(ranker=str(tmp_path)))
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "model.safetensors").write_bytes(b"no weights")
    odd = load_ranker(Settings(ranker=str(tmp_path / "odd")))
    assert odd is not None
    with pytest.raises(ModelProblem, match="cannot be loaded"):
        odd.read("Who?", [BRIDGE])
    CrossEncoder(str(packaged_folder()), num_labels=3).save_pretrained(str(tmp_path / "three"))
    three = load_ranker(Settings(ranker=str(tmp_path / "three")))
    assert three is not None
    with pytest.raises(ModelProblem, match="gives 3 scores a pair"):
        three.read("Who?", [BRIDGE])
