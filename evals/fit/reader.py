"""What is trained: the packaged encoder as a reader of answer spans, its batches, its loss and one step of the optimiser."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import AutoModel

from assistant.models import packaged_folder, score_spans
from evals.fit.readings import Example

BATCH_TOKENS = 4096
_LEAST = torch.tensor(-60.0)  # a logit that counts for nothing, where there may be no other


class Reader(torch.nn.Module):
    """The packaged encoder with a head of three rows: start, end and no answer."""

    def __init__(self) -> None:
        super().__init__()
        self.bert = AutoModel.from_pretrained(
            str(packaged_folder()),
            add_pooling_layer=False,
            attn_implementation="eager",
            hidden_dropout_prob=0.0,  # it does not even learn its own questions by heart: nothing is gained by dropping
            attention_probs_dropout_prob=0.0,
        )
        self.bert.embeddings.word_embeddings.weight.requires_grad = False
        self.head = torch.nn.Parameter(torch.zeros(3, self.bert.config.hidden_size + 1))

    def fix(self, layers: int) -> None:
        """Leave the embeddings and so many of the lowest layers as they are."""
        for part in (self.bert.embeddings, *self.bert.encoder.layer[:layers]):
            part.requires_grad_(False)

    def forward(self, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of all spans and of no answer."""
        with torch.autocast("cpu", torch.bfloat16):
            hidden = self.bert(
                input_ids=batch["ids"], attention_mask=batch["mask"], token_type_ids=batch["parts"]
            ).last_hidden_state
        return score_spans(hidden.float(), self.head, batch["sentences"])


def collate(examples: Sequence[Example]) -> dict[str, torch.Tensor]:
    """Examples padded to the longest. ``gold`` (batch, token, token) numbers the right spans from 1 on, 0 marks wrong ones.

    Each sentence that is marked as a whole has a number of its own; places where an answer occurs are all number 1.
    """
    longest = max(len(example.ids) for example in examples)
    batch = {name: torch.zeros(len(examples), longest, dtype=torch.long) for name in ("ids", "mask", "parts")}
    batch["sentences"] = torch.full((len(examples), longest), -1)
    batch["gold"] = torch.zeros(len(examples), longest, longest, dtype=torch.int8)
    batch["odds"] = torch.tensor([example.odds for example in examples])
    for row, example in enumerate(examples):
        size = len(example.ids)
        batch["ids"][row, :size] = torch.tensor(example.ids)
        batch["mask"][row, :size] = 1
        batch["parts"][row, :size] = torch.tensor(example.parts)
        batch["sentences"][row, :size] = torch.tensor(example.sentences)
        for number, (first, last) in enumerate(example.gold, 1):
            if example.whole:
                batch["gold"][row, first : last + 1, first : last + 1] = number
            else:
                batch["gold"][row, first, last] = 1
    return batch


def loss_of(spans: torch.Tensor, null: torch.Tensor, gold: torch.Tensor, question: torch.Tensor) -> torch.Tensor:
    """Mean over questions of the negative log of the probability of the right spans, or of no answer where there is none.

    ``question`` numbers each example's question from 0 on. The examples of one question compete: what is wrong in any of them
    stands against what is right (Clark and Gardner 2018, "Simple and Effective Multi-Paragraph Reading Comprehension"), each
    example's spans counted against its own logit of no answer, as they are scored in use. Right sentences do not compete: each is
    to win against all that is wrong, or a reader of two accounts would learn one of them.
    """
    spans, gold, count = (spans - null[:, None, None]).flatten(1), gold.flatten(1), int(question.max()) + 1
    wrong = torch.logsumexp(
        torch.cat([spans.masked_fill(gold > 0, float("-inf")), _LEAST.expand(len(spans), 1)], dim=1), 1
    )
    wrong = torch.logsumexp(torch.where(question == torch.arange(count)[:, None], wrong, _LEAST), dim=1)
    wrong = torch.logaddexp(wrong, torch.zeros(count))  # no answer
    losses, right_ones = torch.zeros(count), torch.zeros(count)
    for number in range(1, int(gold.max()) + 1):
        has = (gold == number).any(dim=1)
        right = spans.masked_fill(gold != number, float("-inf"))
        right = torch.logsumexp(torch.where(has[:, None], right, 0.0), dim=1)  # keeps the gradient of other rows finite
        against = torch.where(has, torch.logaddexp(wrong[question], right) - right, 0.0)
        losses = losses.index_add(0, question, against)
        right_ones = right_ones.index_add(0, question, has.float())
    return torch.where(right_ones > 0, losses / right_ones.clamp(min=1), wrong).mean()


def batches(questions: Sequence[Sequence[Example]], seed: int) -> Iterator[list[Sequence[Example]]]:
    """Batches of like length and at most BATCH_TOKENS with padding, in an order that depends on the seed only.

    A question comes with all its examples; one that has more tokens than that makes a batch of its own.
    """
    rng, order = random.Random(seed), list(range(len(questions)))
    longest = [max(len(example.ids) for example in question) for question in questions]
    rng.shuffle(order)
    for start in range(0, len(order), 2000):
        pool = sorted(order[start : start + 2000], key=longest.__getitem__)
        found: list[list[Sequence[Example]]] = [[]]
        for i in pool:
            if found[-1] and (sum(map(len, found[-1])) + len(questions[i])) * longest[i] > BATCH_TOKENS:
                found.append([])
            found[-1].append(questions[i])
        rng.shuffle(found)
        yield from found


@torch.no_grad()
def read_all(model: Reader, examples: Sequence[Example]) -> tuple[list[float], list[bool], list[bool]]:
    """Per example: log odds of "it is answered here", whether it is, and whether the best sentence is a right one."""
    model.eval()
    best, answered, first = [], [], []
    for start in range(0, len(examples), 16):
        spans, null = model(collate(examples[start : start + 16]))
        best += (torch.logsumexp(spans.flatten(1), dim=1) - null).tolist()
        for row, example in enumerate(examples[start : start + 16]):
            number = torch.tensor(example.sentences)
            by_token = torch.logsumexp(spans[row], dim=1)[: len(number)]
            scores = [float(torch.logsumexp(by_token[number == n], dim=0)) for n in range(int(number.max()) + 1)]
            right = {example.sentences[token] for token, _ in example.gold}
            answered.append(bool(right))
            first.append(int(np.argmax(scores)) in right)
    return best, answered, first


def take_step(model: Reader, optimiser: torch.optim.Optimizer, questions: Sequence[Sequence[Example]]) -> float:
    """One step of the optimiser; the loss before it. What the questions' words give away is added to the reader's odds."""
    model.train()
    batch = collate([example for question in questions for example in question])
    numbers = torch.tensor([number for number, question in enumerate(questions) for _ in question])
    spans, null = model(batch)
    loss = loss_of(spans, null - batch["odds"], batch["gold"], numbers)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    optimiser.zero_grad()
    return float(loss.detach())


def read_tokenizer() -> Tokenizer:
    """The packaged encoder's, neither cutting nor padding."""
    tokenizer = Tokenizer.from_file(str(packaged_folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
