"""The real encoder: what it counts, and that fast passage vectors are the published model's."""

from __future__ import annotations

import numpy as np
import pytest

from assistant.models import SentenceEncoder, load_encoder, packaged_folder
from assistant.settings import Settings

TEXTS = [
    "Bridge closed\nThe bridge at Aldwick was closed on Monday, after engineers had found a crack in a pillar.",
    "Ferry\n" + "The ferry carries nine hundred people a day. " * 20,
    "Rain",
]


def test_passage_vectors_are_those_of_the_published_model(encoder: SentenceEncoder) -> None:
    from sentence_transformers import SentenceTransformer

    plain = SentenceTransformer(str(packaged_folder()), device="cpu").encode(TEXTS, show_progress_bar=False)
    ours = encoder.encode_passages(TEXTS)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-5)
    cosines = (ours * plain).sum(axis=1) / np.linalg.norm(plain, axis=1)
    assert cosines.min() > 0.9995


def test_token_vectors_are_alike_and_in_order_on_any_number_of_threads() -> None:
    alone, *shared = (load_encoder(Settings(threads=threads)).encode_tokens([*TEXTS, ""]) for threads in (1, 2, 9))
    assert [len(vectors) for _, vectors in alone][-2:] == [1, 0]
    for other in shared:
        for (places, vectors), (same_places, same_vectors) in zip(alone, other, strict=True):
            assert places == same_places
            assert (vectors * same_vectors).sum(axis=1) == pytest.approx(1, abs=1e-3)


def test_tokens_are_counted_as_the_model_reads_them(encoder: SentenceEncoder) -> None:
    offsets = [places for places, _ in encoder.encode_tokens(TEXTS)]
    assert [len(places) for places in offsets] == [min(n, encoder.window) for n in encoder.count_tokens(TEXTS)]
