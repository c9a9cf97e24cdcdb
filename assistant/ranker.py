"""The evidence ranker's network: a cross-encoder that reads a question and a sentence together and says whether it answers.

It is the packaged encoder with its upper layers replaced by ones that ``evals/fit/ranker.py`` trained; only these are stored, in
half precision. torch is imported when the first question is scored.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.errors import ModelProblem
from assistant.models import packaged_folder, read_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor

# What is read of each part at most, in tokens; the whole input has at most 160.
_QUESTION, _SENTENCE, _CONTEXT = 48, 64, 44


class Read(NamedTuple):
    """What the ranker reads of a candidate: the sentence, and title and preceding sentence as context."""

    sentence: str
    context: str


class Ranker(Protocol):
    """Judges sentences one by one, whatever the others are."""

    def score(self, question: str, sentences: Sequence[Read]) -> NDArray[np.float32]:
        """One logit per sentence, float32 (n,): above 0 it answers rather than not."""
        ...


class EvidenceRanker:
    """A cross-encoder over one sentence at a time. The encoder's lower layers, and upper ones learned on top.

    Made by ``load_ranker``; without weights it is the encoder itself, ready to be trained.
    """

    LEARNED = 3  # upper layers that the weight file replaces

    def __init__(self, folder: Path, weights: bytes | None, *, threads: int = 1) -> None:
        self.fingerprint = "untrained" if weights is None else hashlib.sha256(weights).hexdigest()[:16]
        self._folder = folder
        self._weights = weights
        self._threads = threads
        self._loading = threading.Lock()

    def score(self, question: str, sentences: Sequence[Read]) -> NDArray[np.float32]:
        """One logit per sentence, float32 (n,): above 0 it answers rather than not."""
        import torch

        _ = self._network
        torch.set_num_threads(self._threads)
        with torch.inference_mode():
            logits = self.forward([(question, read) for read in sentences])
        return np.asarray(logits.float().numpy(), np.float32)

    def forward(self, pairs: Sequence[tuple[str, Read]]) -> Tensor:
        """The logits of (question, sentence) pairs, (n,), with gradients where learning was started."""
        import torch

        layers, head = self._network
        coded = [self._code(question, read) for question, read in pairs]
        width = max(len(ids) for ids, _ in coded)
        ids = torch.tensor([ids + [0] * (width - len(ids)) for ids, _ in coded])
        kinds = torch.tensor([kinds + [0] * (width - len(kinds)) for _, kinds in coded])
        mask = torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids, _ in coded])
        hidden = layers(input_ids=ids, token_type_ids=kinds, attention_mask=mask).last_hidden_state
        shares = (mask / mask.sum(1, keepdim=True)).unsqueeze(-1)
        return head((hidden * shares).sum(1)).squeeze(-1).float()  # type: ignore[no-any-return]

    def start_learning(self) -> list[Any]:
        """Make the upper layers and the head trainable; returns their parameters."""
        layers, head = self._network
        layers.train()
        for parameter in layers.parameters():
            parameter.requires_grad = False
        learned = [*self._upper(layers).parameters(), *head.parameters()]
        for parameter in learned:
            parameter.requires_grad = True
        return learned

    def save(self, path: Path, **provenance: object) -> None:
        """Write what was learned in half precision, with its provenance as the file's metadata."""
        from safetensors.torch import save_file

        layers, head = self._network
        learned = {f"upper.{name}": value for name, value in self._upper(layers).state_dict().items()}
        learned |= {f"head.{name}": value for name, value in head.state_dict().items()}
        halves = {name: value.half().contiguous() for name, value in learned.items()}
        save_file(halves, path, metadata={name: str(value) for name, value in provenance.items()})

    def _code(self, question: str, read: Read) -> tuple[list[int], list[int]]:
        """Token ids and segment (0 question, 1 sentence and context) of one pair."""
        texts = [question, read.sentence, read.context]
        asked, sentence, context = (one.ids for one in self._tokenizer.encode_batch(texts, add_special_tokens=False))
        start, stop = (self._tokenizer.encode(token, add_special_tokens=False).ids[0] for token in ("[CLS]", "[SEP]"))
        first = [start, *asked[:_QUESTION], stop]
        second = [*sentence[:_SENTENCE], stop, *context[:_CONTEXT], stop]
        return first + second, [0] * len(first) + [1] * len(second)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return read_tokenizer(self._folder)

    @cached_property
    def _network(self) -> tuple[Any, Any]:
        """The layers and the linear head."""
        with self._loading:
            import torch
            from safetensors.torch import load
            from transformers import AutoModel
            from transformers.utils.logging import disable_progress_bar

            disable_progress_bar()  # type: ignore[no-untyped-call]
            layers = AutoModel.from_pretrained(self._folder, local_files_only=True, add_pooling_layer=False).eval()
            head = torch.nn.Linear(layers.config.hidden_size, 1)
            torch.nn.init.zeros_(head.bias)
            torch.nn.init.zeros_(head.weight)
            if self._weights is not None:
                learned = {name: value.float() for name, value in load(self._weights).items()}
                self._upper(layers).load_state_dict(_below(learned, "upper."))
                head.load_state_dict(_below(learned, "head."))
            return layers, head

    def _upper(self, layers: Any) -> Any:
        return layers.encoder.layer[-self.LEARNED :]


def _below(weights: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


def load_ranker(sha256: str, *, threads: int) -> EvidenceRanker:
    """The trained ranker that comes with the package. Raises ModelProblem where its weights are missing or not these."""
    file = resources.files("assistant.fitted").joinpath("ranker.safetensors")
    hint = "Check out assistant/fitted/ranker.safetensors again, or install the package again."
    if not file.is_file():
        raise ModelProblem("the weights of the evidence ranker are missing", hint=hint)
    weights = file.read_bytes()
    if hashlib.sha256(weights).hexdigest() != sha256:
        raise ModelProblem("the weights of the evidence ranker are damaged", hint=hint)
    return EvidenceRanker(packaged_folder(), weights, threads=threads)
