"""Trains ``assistant/fitted/ranker.safetensors``: question × sentence → logit that the sentence answers.

    python -m evals.fit.ranker --data FOLDER [--out FILE] [--minutes 25] [--questions 9000]

It starts from the installed encoder, keeps its lower layers as they are, and learns the upper three and a linear head. One
example is a question with a few of its own retrieved sentences; the loss is a softmax over these and "none of them", so that
sentences are ranked and near misses are declined by the same number. Only topics of the fitting halves are seen, and of those
three quarters: the rest is left for fitting ``evidence.json`` on. Same seed, same weights, up to the order of sums in threads.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor

from assistant.evidence import Candidate, shared_words, shortlist
from assistant.models import packaged_folder
from assistant.ranker import EvidenceRanker
from assistant.words import read_question
from evals.fit.evidence import SOURCES, Source, is_for_ranker, read_half

SEED = 1
_SENTENCES = 5  # candidates of one example
_BATCH = 12  # examples of one step
_RATE = 2e-4  # AdamW, warmed up over a twentieth of the steps, then down to zero in a line


@dataclass(frozen=True, slots=True)
class Example:
    """A question, some candidates, and which of them answer; none where the question is unanswerable."""

    question: str
    candidates: tuple[Candidate, ...]
    gold: tuple[bool, ...]


def read_examples(data: Path, limit: int) -> list[Example]:
    """Examples of all sets' fitting halves, shuffled, at most ``limit``; sets share it by how many questions they have."""
    examples: list[Example] = []
    for source in SOURCES:
        examples.extend(_examples_of(source, data))
    random.Random(SEED).shuffle(examples)
    return examples[:limit]


def _examples_of(source: Source, data: Path) -> Iterator[Example]:
    corpus, questions = read_half(source, data, "fit", cap=source.ranker_cap)
    rng = random.Random(SEED)
    for question in questions:
        if not is_for_ranker(question.topic):
            continue
        found = corpus.candidates(question, within=source.within)
        keys = list(found)
        asked = read_question(question.text, "en")
        order = [keys[i] for i in shortlist([shared_words(asked, candidate) for candidate in found.values()])]
        gold = [key for key in keys if key in question.gold]
        wrong = [key for key in order if key not in question.gold]
        if question.answerable and not gold:
            continue
        chosen = gold[:1] + wrong[: _SENTENCES - len(gold[:1])]
        rng.shuffle(chosen)
        if chosen:
            yield Example(
                question.text, tuple(found[key] for key in chosen), tuple(key in question.gold for key in chosen)
            )


def loss_of(ranker: EvidenceRanker, batch: Sequence[Example]) -> Tensor:
    """Mean over examples of -log of the probability of what is right: a gold sentence, or "none"."""
    pairs = [(example.question, candidate.read) for example in batch for candidate in example.candidates]
    logits = iter(ranker.forward(pairs).split([len(example.candidates) for example in batch]))  # type: ignore[no-untyped-call]
    losses = []
    for example in batch:
        mine = torch.cat([next(logits), torch.zeros(1)])
        right = torch.tensor([*example.gold, not any(example.gold)])
        losses.append(torch.logsumexp(mine, 0) - torch.logsumexp(mine[right], 0))
    return torch.stack(losses).mean()


def train(ranker: EvidenceRanker, examples: Sequence[Example], *, minutes: float, console: Console) -> int:
    """One pass over the examples, or as far as the time reaches; returns how many were seen. Prints the loss on the way."""
    torch.manual_seed(SEED)
    learned = ranker.start_learning()
    optimiser = torch.optim.AdamW(learned, lr=_RATE, weight_decay=0.01)
    started, seen, recent = time.monotonic(), 0, []
    steps = len(examples) // _BATCH
    for step in range(steps):
        gone = max(step / steps, (time.monotonic() - started) / (60 * minutes))
        if gone >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = _RATE * min(1.0, (step + 1) / (steps / 20)) * (1 - gone)
        batch = examples[step * _BATCH : (step + 1) * _BATCH]
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_of(ranker, batch)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimiser.step()
        seen += len(batch)
        recent.append(float(loss.detach()))
        if step % 50 == 49:
            console.print(
                f"{seen:6,} of {len(examples):,}  loss {sum(recent) / len(recent):.3f}  {time.monotonic() - started:.0f} s"
            )
            recent = []
    return seen


def main() -> None:
    """Train and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with one folder per question set")
    parser.add_argument("--out", type=Path, default=Path("assistant/fitted/ranker.safetensors"))
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--questions", type=int, default=9_000)
    given = parser.parse_args()
    console = Console()
    examples = read_examples(given.data, given.questions)
    answerable = sum(any(example.gold) for example in examples)
    console.print(f"{len(examples):,} questions, {answerable:,} answerable")
    ranker = EvidenceRanker(packaged_folder(), None)
    seen = train(ranker, examples, minutes=given.minutes, console=console)
    ranker.save(given.out, questions_seen=seen)
    console.print(f"wrote {given.out} after {seen:,} questions")


if __name__ == "__main__":
    main()
