"""The models, and the only home of torch: the encoder turns text into vectors, the ranker reads passages for a question."""

from assistant.models.encoder import (
    PACKAGED_SHA256,
    Encoder,
    SentenceEncoder,
    TokenVectors,
    Vectors,
    load_encoder,
)
from assistant.models.folders import packaged_folder, sha256
from assistant.models.pairs import load_ranker
from assistant.models.ranker import (
    Page,
    Ranker,
    SpanReader,
    apply_changes,
    pack_changes,
    place_tokens,
    score_spans,
)

__all__ = [
    "PACKAGED_SHA256",
    "Encoder",
    "Page",
    "Ranker",
    "SentenceEncoder",
    "SpanReader",
    "TokenVectors",
    "Vectors",
    "apply_changes",
    "load_encoder",
    "load_ranker",
    "pack_changes",
    "packaged_folder",
    "place_tokens",
    "score_spans",
    "sha256",
]
