"""The evidence ranker: it reads a question together with a passage and says how far each sentence of the passage answers.

It is all-MiniLM-L6-v2, the packaged encoder, trained on as a reader of answer spans: one input per passage, ``[CLS] question
[SEP] title. passage [SEP]``; two logits per token say how likely an answer starts and ends there, one at ``[CLS]`` stands for
"no answer here" (Devlin et al. 2019, section 4.3). ``fitted/ranker.safetensors`` holds only what training changed, as
differences in eight bits; ``fitted/ranker.json`` says what it must be; ``evals/fit/ranker.py`` writes both.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from assistant.errors import ModelProblem
from assistant.models.encoder import has_bfloat16
from assistant.models.folders import packaged_folder, sha256
from assistant.models.workers import Workers

if TYPE_CHECKING:
    import torch
    from tokenizers import Encoding, Tokenizer
    from transformers import PreTrainedModel

WINDOW = 512  # tokens of question and passage together; what a question is too long by is cut off its end
UNREAD = -20.0  # the score of a sentence of which no token was read

_SHARE = 512  # tokens a thread; below about 384 in one pass, scores are rounded otherwise
_APART = "assistant_apart"  # the name under which transformers knows _attend_apart
_LONGEST_QUESTION = 128  # tokens, where passage and question do not fit together
FITTED = Path(str(resources.files("assistant.fitted")))
_AGAIN = "Install the assistant again, or go without: ASSISTANT_RANKER=none."


@dataclass(frozen=True, slots=True)
class Page:
    """A passage to read: its article's title, its text and the character ranges of its sentences, in order."""

    title: str
    text: str
    sentences: tuple[tuple[int, int], ...]

    @property
    def prefix(self) -> str:
        """What is read before the text."""
        return f"{self.title}. " if self.title else ""


class Ranker(Protocol):
    """Scores every sentence of a page for a question. But for rounding, its scores depend on the question and the page only."""

    name: str
    fingerprint: str

    def read(self, question: str, pages: Sequence[Page]) -> list[list[float]]:
        """Per page and sentence the log odds of "the answer is in this sentence" against "it is not in this page"."""
        ...


class SpanReader:
    """The packaged ranker. The weights load on first use.

    Pages lie one behind the other without padding, which takes two thirds of the time that they take one by one; each attends
    to itself only, so that other pages change its scores by no more than rounding.
    """

    name = "reader"

    def __init__(self, weights: Path, base: Path, fingerprint: str, *, threads: int = 1) -> None:
        self.fingerprint = fingerprint
        self._weights, self._base, self._workers = weights, base, Workers(threads)
        self._loading = threading.Lock()
        self._loaded: tuple[PreTrainedModel, torch.Tensor, Tokenizer] | None = None

    def read(self, question: str, pages: Sequence[Page]) -> list[list[float]]:
        """Per page and sentence the log odds of "the answer is in this sentence" against "it is not in this page"."""
        tokenizer = self._model()[2]
        coded = [(page, encode_pair(tokenizer, question, page)) for page in pages]
        return self._workers.share(self._read, coded, [len(one.ids) for _, one in coded], least=_SHARE)

    def _read(self, coded: Sequence[tuple[Page, Encoding]]) -> list[list[float]]:
        import torch

        model, head, _ = self._model()
        ids = [torch.tensor(one.ids[:WINDOW]) for _, one in coded]
        lengths = list(map(len, ids))
        scores: list[list[float]] = []
        with torch.inference_mode():
            output = model(
                input_ids=torch.cat(ids)[None],
                token_type_ids=torch.cat([torch.tensor(one.type_ids[:WINDOW]) for _, one in coded])[None],
                position_ids=torch.cat([torch.arange(length) for length in lengths])[None],
                lengths=lengths,
            )
            for (page, one), hidden in zip(coded, output.last_hidden_state.float().split(lengths, 1), strict=True):
                sentences = torch.tensor([place_tokens(one, page)[:WINDOW]])
                spans, null = score_spans(hidden, head, sentences)
                by_token = torch.logsumexp(spans[0], dim=1) - null[0]  # -inf for tokens outside every sentence
                for_sentence = [by_token[sentences[0] == number] for number in range(len(page.sentences))]
                scores.append([float(torch.logsumexp(row, dim=0)) if len(row) else UNREAD for row in for_sentence])
        return scores

    def _model(self) -> tuple[PreTrainedModel, torch.Tensor, Tokenizer]:
        with self._loading:
            if self._loaded is None:
                import torch
                from safetensors.torch import load_file
                from tokenizers import Tokenizer
                from transformers import AttentionInterface, AutoModel
                from transformers.utils.logging import disable_progress_bar

                disable_progress_bar()  # type: ignore[no-untyped-call]
                AttentionInterface.register(_APART, _attend_apart)
                model = AutoModel.from_pretrained(str(self._base), attn_implementation=_APART).eval()
                changes = load_file(self._weights)
                head = changes.pop("head").float()
                apply_changes(model, changes)
                tokenizer = Tokenizer.from_file(str(self._base / "tokenizer.json"))
                tokenizer.no_truncation()
                tokenizer.no_padding()
                self._loaded = (model.to(torch.bfloat16 if has_bfloat16() else torch.float32), head, tokenizer)
        return self._loaded


def _attend_apart(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float,
    lengths: Sequence[int],
    **_: object,
) -> tuple[torch.Tensor, None]:
    """Attention within each of the texts of these ``lengths`` that lie one behind the other, (1, heads, tokens, d)."""
    import torch

    apart = zip(*(torch.split(rows, list(lengths), 2) for rows in (query, key, value)), strict=True)
    attended = [torch.nn.functional.scaled_dot_product_attention(q, k, v, scale=scaling) for q, k, v in apart]
    return torch.cat(attended, 2).transpose(1, 2), None


def load_packaged(*, threads: int) -> SpanReader:
    """The packaged ranker. Raises ModelProblem where it is missing or damaged."""
    weights, said = FITTED / "ranker.safetensors", FITTED / "ranker.json"
    if not weights.is_file() or not said.is_file():
        raise ModelProblem("the evidence ranker is not installed", hint=_AGAIN)
    try:
        expected, base = (str(json.loads(said.read_text(encoding="utf-8"))[key]) for key in ("sha256", "base_sha256"))
    except (ValueError, KeyError) as error:
        raise ModelProblem("the description of the evidence ranker is damaged", hint=_AGAIN) from error
    if (found := sha256(weights)) != expected:
        message = f"the evidence ranker is damaged (sha256 {found[:12]}… instead of {expected[:12]}…)"
        raise ModelProblem(message, hint=_AGAIN)
    if sha256(packaged_folder() / "model.safetensors") != base:
        raise ModelProblem("the evidence ranker was trained from another version of its encoder", hint=_AGAIN)
    return SpanReader(weights, packaged_folder(), expected[:16], threads=threads)


def encode_pair(tokenizer: Tokenizer, question: str, page: Page) -> Encoding:
    """Question and page as one input, nothing cut unless both do not fit: then the question, never below 128 tokens."""
    coded: Encoding = tokenizer.encode(question, page.prefix + page.text)
    over = len(coded.ids) - WINDOW
    if over <= 0:
        return coded
    asked = tokenizer.encode(question, add_special_tokens=False)
    kept = max(len(asked.ids) - over, _LONGEST_QUESTION)
    if kept >= len(asked.ids):
        return coded
    return tokenizer.encode(question[: asked.offsets[kept - 1][1]], page.prefix + page.text)


def place_tokens(coded: Encoding, page: Page) -> list[int]:
    """Per token of the pair the number of the sentence it lies in, -1 for the question, the title and special tokens."""
    shift, number, places = len(page.prefix), 0, list[int]()
    for (start, end), part in zip(coded.offsets, coded.sequence_ids, strict=True):
        first, last = start - shift, end - shift
        if part != 1 or first < 0:
            places.append(-1)
            continue
        while number < len(page.sentences) and page.sentences[number][1] <= first:
            number += 1
        places.append(number if number < len(page.sentences) and last > page.sentences[number][0] else -1)
    return places


def score_spans(hidden: torch.Tensor, head: torch.Tensor, sentences: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of all spans (batch, token, token), -inf but where first <= last lie in one sentence, and of no answer (batch,).

    ``hidden`` (batch, token, d) comes from the encoder, ``head`` (3, d + 1) holds start, end and null with their biases,
    ``sentences`` (batch, token) the number of each token's sentence or -1.
    """
    import torch

    start, end = (hidden @ head[row, :-1] + head[row, -1] for row in (0, 1))
    null = hidden[:, 0] @ head[2, :-1] + head[2, -1]
    same = (sentences[:, :, None] == sentences[:, None, :]) & (sentences[:, :, None] >= 0)
    spans = (start[:, :, None] + end[:, None, :]).masked_fill(~torch.triu(same), float("-inf"))
    return spans, null


def pack_changes(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What training changed: matrices as eight-bit differences with a scale per row, vectors as differences in half precision.

    The greatest error of an entry is 1/254 of the greatest change in its row, less than bfloat16 makes of the weight itself.
    """
    import torch

    packed: dict[str, torch.Tensor] = {}
    for name, weight in after.items():
        change = weight.float() - before[name].float()
        if not change.any():
            continue
        if change.dim() < 2:
            packed[name] = change.half()
            continue
        scale = change.abs().amax(dim=1).clamp(min=1e-8) / 127
        packed[name] = (change / scale[:, None]).round().to(torch.int8)
        packed[f"{name}.scale"] = scale.float()
    return packed


def apply_changes(model: torch.nn.Module, packed: dict[str, torch.Tensor]) -> None:
    """Add what ``pack_changes`` made to the weights of the base model, in place."""
    weights = dict(model.named_parameters())
    for name, change in packed.items():
        if name.endswith(".scale"):
            continue
        scale = packed.get(f"{name}.scale")
        weights[name].data += change.float() if scale is None else change.float() * scale[:, None]
