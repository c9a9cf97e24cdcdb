"""Trains the evidence ranker: writes ``assistant/fitted/ranker.safetensors``, ``ranker.json`` and ``ranker_ids.json``.

    python -m evals.fit.ranker --data FOLDER [--work FOLDER] [--turns 2] [--steps N] [--out FOLDER]
        [--rate 1e-4] [--from FOLDER [--fixed-layers N] [--share 0.5] [--together]]
    python -m evals.fit.ranker --data FOLDER --leave-out amazon_reviews [--work FOLDER] [--steps N]    # writes no ranker

FOLDER holds one folder per question set, see ``evals/fit/data.py``; ``evals/fit/readings.py`` says what is read. It starts from
the packaged encoder, or an earlier ranker, and trains all but its word embeddings. Only the fitting halves are seen, less the
topics kept out of it, on a slice of which the learning curve is measured. Progress is kept in the work folder: the same command
goes on where it stopped; ``--steps`` ends sooner, with the rate falling to zero by then. The order of questions is the same in
every run. ``--together`` reads each question with passages that compete, after training on them one by one. ``--fixed-layers N``
leaves an earlier ranker's embeddings and N lowest layers as they are: that saves time. ``--rate`` is the highest rate of
learning, for the head five times that: a good ranker goes on at less. ``--share 0.5`` writes the mean of the earlier ranker's
weights and the trained ones, which keeps more of what the earlier one knew than either end (Wortsman et al. 2022, "Robust
fine-tuning of zero-shot models").

Then run ``python -m evals.fit.evidence``: its coefficients belong to one ranker. ``--leave-out`` asks how far the same training
carries: a domain of squadshifts is not trained on, and afterwards its questions of the reporting half are read.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from sklearn.metrics import roc_auc_score
from transformers import AutoModel

from assistant.models import SpanReader, apply_changes, pack_changes, packaged_folder, sha256
from evals.fit.data import SEED
from evals.fit.reader import Reader, batches, read_all, read_tokenizer, take_step
from evals.fit.readings import ASKED, OWN, READ_FOR_TRAINING, Example, Readings, tokenise
from evals.metrics import Interval, bootstrap_share
from evals.tables import written

RATE, FOR_THE_HEAD, WARM_UP, SAVE_EVERY = 1e-4, 5, 0.06, 50  # the head, new at first, learns so many times as fast
CURVE_EVERY = 400  # steps between two points of the learning curve
LEFT_OUT = 600  # questions of a domain left out that are read
CURVE = {"squad2_dev_part": 260, "squadshifts": 160, "selqa": 80}  # questions of kept-out topics it is measured on


def measure(model: Reader, slices: dict[str, list[Example]]) -> dict[str, float]:
    """On questions of kept-out topics read with their own passage: AUROC of answerable or not, right sentence first."""
    figures: dict[str, float] = {}
    for name, examples in slices.items():
        best, answered, first = read_all(model, examples)
        if 0 < sum(answered) < len(answered):
            figures[f"{name} auroc"] = round(float(roc_auc_score(answered, best)), 3)
        figures[f"{name} first"] = round(sum(first) / max(sum(answered), 1), 3)
    return figures


def read_examples(
    data: Path, turns: int, left_out: str | None, *, together: bool
) -> tuple[list[list[list[Example]]], dict[str, list[Example]]]:
    """The examples of each turn, question by question, and those of the learning curve."""
    tokenizer = read_tokenizer()
    rounds: list[list[list[Example]]] = [[] for _ in range(turns)]
    slices: dict[str, list[Example]] = {}
    for source in READ_FOR_TRAINING:
        readings = Readings(source, data, but=left_out)
        for number in range(turns):
            read = readings.together(number) if together else ([reading] for reading in readings.turn(number))
            examples = [[e for reading in question if (e := tokenise(tokenizer, reading))] for question in read]
            rounds[number] += [question for question in examples if question]
        told = "" if readings.given_away is None else f"; AUROC of the words of ours alone {readings.given_away:.2f}"
        print(f"{source.folder}: {len(readings.rows)} questions{told}", flush=True)
        if source.folder in CURVE:
            others = Readings(source, data, kept_out=True, but=left_out)
            theirs = [row for row in others.rows if not row.ours]
            rows = random.Random(SEED).sample(theirs, CURVE[source.folder])
            slices[source.folder] = [e for row in rows if (e := tokenise(tokenizer, others.own(row)))]
    return rounds, slices


def measure_left_out(model: Reader, data: Path, domain: str) -> Interval:
    """How often the right sentence comes first in its own paragraph, in a domain that was not trained on; over paragraphs."""
    [source] = [source for source in READ_FOR_TRAINING if source.folder == "squadshifts"]
    readings, tokenizer = Readings(source, data, only=domain), read_tokenizer()
    rows = random.Random(SEED).sample(readings.rows, min(LEFT_OUT, len(readings.rows)))
    read = [(row.near, example) for row in rows if (example := tokenise(tokenizer, readings.own(row)))]
    _, _, first = read_all(model, [example for _, example in read])
    return bootstrap_share([near for near, _ in read], first)


@dataclass
class Progress:
    """How far training is; kept in the work folder."""

    steps: int = 0
    readings: int = 0
    losses: list[float] = field(default_factory=list)


def train(
    data: Path,
    work: Path,
    *,
    turns: int,
    most: int | None,
    earlier: Path | None,
    rate: float = RATE,
    fixed: int = 0,
    share: float = 1.0,
    together: bool = False,
    left_out: str | None = None,
) -> Reader:
    """The trained model; goes on from the work folder where there is something in it, else from the ``earlier`` ranker.

    Where ``fixed`` is not 0, the embeddings and so many of the lowest layers are not trained. The weights lie ``share`` of the
    way from the earlier ones to the trained ones.
    """
    work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    rounds, slices = read_examples(data, turns, left_out, together=together)
    todo = [batch for number, questions in enumerate(rounds) for batch in batches(questions, SEED + number)][:most]
    readings = [sum(map(len, batch)) for batch in todo]
    model = Reader()
    torch.nn.init.normal_(model.head, std=0.02)
    seen = start_from(earlier, work, model) if earlier else 0
    begun = {name: weight.clone() for name, weight in model.state_dict().items()}
    if fixed:
        model.fix(fixed)
    optimiser = optimiser_of(model, rate)
    made_by = {"turns": turns, "most": most, "rate": rate, "fixed": fixed, "left out": left_out, "together": together}
    made_by |= {"steps": len(todo), "data": str(data.resolve()), "earlier": str(earlier), "readings": sum(readings)}
    done = resume(work, made_by, model, optimiser) or Progress(readings=seen)
    print(f"{len(todo)} steps, {sum(readings)} readings, from step {done.steps}", flush=True)
    for batch in todo[done.steps :]:
        gone = done.steps / len(todo)
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * min((gone + 1e-3) / WARM_UP, (1 - gone) / (1 - WARM_UP))
        done.losses.append(take_step(model, optimiser, batch))
        done.steps, done.readings = done.steps + 1, done.readings + sum(map(len, batch))
        last = done.steps == len(todo)
        if done.steps % CURVE_EVERY == 0 or last:
            add_to_curve(work, {"readings": done.readings} | measure(model, slices))
        if done.steps % 25 == 0:
            print(f"step {done.steps}: loss {np.mean(done.losses[-25:]):.3f}", flush=True)
        if done.steps % SAVE_EVERY == 0 or last:
            save(work, model, optimiser, done)
    if share < 1:
        mix(model, begun, share)
        print({"readings": done.readings} | measure(model, slices), flush=True)
    return model


def optimiser_of(model: Reader, rate: float) -> torch.optim.Optimizer:
    """For all weights that are trained; ``peak`` of a group is its highest rate."""
    body = [weight for weight in model.bert.parameters() if weight.requires_grad]
    groups = [{"params": body, "peak": rate}, {"params": [model.head], "peak": FOR_THE_HEAD * rate}]
    return torch.optim.AdamW(groups, lr=rate, weight_decay=0.01, fused=True)


def mix(model: Reader, begun: Mapping[str, torch.Tensor], share: float) -> None:
    """Put the weights ``share`` of the way from those it ``begun`` with to those it has, in place."""
    for name, weight in model.state_dict().items():
        if weight.is_floating_point():
            weight.copy_(begun[name].lerp(weight, share))


def start_from(earlier: Path, work: Path, model: Reader) -> int:
    """Give the model the weights of an earlier ranker and the work folder its learning curve. Returns how much it has read."""
    changes = load_file(earlier / "ranker.safetensors")
    model.head.data = changes.pop("head").float()
    apply_changes(model.bert, changes)
    curve = json.loads((earlier / "ranker.json").read_text(encoding="utf-8"))["learning curve"]
    if not (work / "curve.jsonl").is_file():
        for point in curve:
            add_to_curve(work, point)
    return int(curve[-1]["readings"])


def resume(work: Path, made_by: dict[str, Any], model: Reader, optimiser: torch.optim.Optimizer) -> Progress | None:
    """How far the work folder is, with model and optimiser as they were then; None where there is nothing in it.

    Raises SystemExit where it holds what another command, or the same over other data, has trained.
    """
    command = work / "command.json"
    if not (work / "state.pt").is_file():
        command.write_text(json.dumps(made_by) + "\n", encoding="utf-8")
        return None
    if not command.is_file() or json.loads(command.read_text(encoding="utf-8")) != made_by:
        raise SystemExit(f"{work} holds another training: name another --work, or remove the folder")
    kept: dict[str, Any] = torch.load(work / "state.pt", weights_only=True)
    model.load_state_dict(kept["model"])
    optimiser.load_state_dict(kept["optimiser"])
    return Progress(kept["done"], kept["read"])


def save(work: Path, model: Reader, optimiser: torch.optim.Optimizer, done: Progress) -> None:
    """Replace what the work folder keeps, at once or not at all."""
    state = {
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "done": done.steps,
        "read": done.readings,
    }
    torch.save(state, work / "state.new")
    (work / "state.new").replace(work / "state.pt")


def add_to_curve(work: Path, point: dict[str, float]) -> None:
    """A point of the learning curve, printed and kept."""
    print(point, flush=True)
    with (work / "curve.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(point) + "\n")


def write_ids(out: Path, data: Path) -> None:
    """The ids of the questions it is trained on, by set, one set a line; ours, in no set of ``evals.sets``, are left out."""
    lines = []
    for source in READ_FOR_TRAINING:
        if source in OWN:
            continue
        ids = sorted({row.id for row in Readings(source, data).rows if not row.ours})
        lines.append(f"{json.dumps(source.folder)}:{json.dumps(ids, separators=(',', ':'))}")
    (out / "ranker_ids.json").write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")


def command(given: argparse.Namespace) -> str:
    """The command as it is written down, without the places of data and progress."""
    share = given.share if given.share < 1 else None
    rate = given.rate if given.rate != RATE else None
    named = (("turns", given.turns), ("steps", given.steps), ("rate", rate), ("fixed-layers", given.fixed or None))
    flags = [f"--{name} {value}" for name, value in (*named, ("share", share)) if value is not None]
    flags += ["--from FOLDER"] * bool(given.earlier) + ["--together"] * given.together
    return " ".join(("python -m evals.fit.ranker --data FOLDER", *flags))


def write(given: argparse.Namespace, model: Reader) -> None:
    """What training changed, and beside it what it must be, where it comes from and which questions it has seen."""
    out, work, data = given.out, given.work, given.data
    out.mkdir(parents=True, exist_ok=True)
    write_ids(out, data)
    base = AutoModel.from_pretrained(str(packaged_folder()), add_pooling_layer=False).state_dict()
    changed = pack_changes(base, model.bert.state_dict()) | {"head": model.head.detach().float()}
    save_file({name: tensor.contiguous() for name, tensor in changed.items()}, out / "ranker.safetensors")
    said = {
        "name": SpanReader.name,
        "sha256": sha256(out / "ranker.safetensors"),
        "base": "all-MiniLM-L6-v2",
        "base_sha256": sha256(packaged_folder() / "model.safetensors"),
        "command": command(given),
        "sets": {source.folder: source.licence for source in READ_FOR_TRAINING} | {"evals/fit/asked": ASKED},
        "learning curve": [
            json.loads(line) for line in (work / "curve.jsonl").read_text(encoding="utf-8").splitlines()
        ],
    }
    (out / "ranker.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Trains and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with one folder per question set")
    parser.add_argument("--work", type=Path, default=Path(".ranker"), help="where progress is kept")
    parser.add_argument("--turns", type=int, default=2, help="times that the questions are gone through")
    parser.add_argument("--steps", type=int, help="end after so many steps of the optimiser")
    parser.add_argument("--rate", type=float, default=RATE, help="highest rate of learning; falls to zero by the end")
    parser.add_argument("--from", type=Path, dest="earlier", help="folder of an earlier ranker to go on from")
    parser.add_argument("--fixed-layers", type=int, default=0, dest="fixed", help="lowest layers that are not trained")
    parser.add_argument("--share", type=float, default=1.0, help="how far from the earlier weights to the trained ones")
    parser.add_argument("--together", action="store_true", help="the passages of a question compete")
    parser.add_argument("--out", type=Path, default=Path("assistant/fitted"))
    parser.add_argument("--leave-out", help="a domain of squadshifts that is measured instead of trained on")
    given = parser.parse_args()
    if given.leave_out and given.earlier:
        parser.error("an earlier ranker may have seen the domain: leave out --from")
    if (given.fixed or given.share < 1) and not given.earlier:
        parser.error("--fixed-layers and --share go with --from: they are about an earlier ranker")
    ways = {name: getattr(given, name) for name in ("turns", "rate", "earlier", "fixed", "share", "together")} | {
        "most": given.steps
    }
    model = train(given.data, given.work, left_out=given.leave_out, **ways)
    if given.leave_out:
        found = measure_left_out(model, given.data, given.leave_out)
        print(f"{given.leave_out}, not trained on: right sentence first {written(found)} of {found.n}")
    else:
        write(given, model)


if __name__ == "__main__":
    main()
