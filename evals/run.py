"""Asks the questions and writes one JSON line per case as it ends, so that an interrupted run goes on where it stopped.

``run.json`` beside the cases says what produced them: settings, versions, models, corpus, code, commit and the ids asked. The
same inputs give the same figures; only the seconds differ. Every reading of the held questions is noted in
``evals/results/held.jsonl``.
"""

from __future__ import annotations

import hashlib
import json
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from assistant import Answer, Assistant, BadInput, Passage, Settings, answer_dict, load_settings
from evals.metrics import Rank
from evals.schema import HERE, Question, SourceFile, Span, Split
from evals.score import Score, covers, heard, says, score

Progress = Callable[[str, int, int | None], None]

RESULTS = HERE / "results"
_CODE = (".py", ".json", ".safetensors", ".txt")  # .txt: the glossaries
HELD_LOG = RESULTS / "held.jsonl"
ENGINES = ("fused", "words", "vectors")
_CANDIDATES, _DEEP = (
    50,
    20,
)  # passages taken from each engine, and ranks looked at: the tail of an approximate index may change
_ARTICLES = 10
_KEPT = ("asked_as", "outcome", "abstained", "reason", "confidence", "lead", "statements", "nearest")  # of an answer
_VERSIONS = ("chromadb", "llama-index-core", "sentence-transformers", "tantivy", "torch", "transformers", "numpy")


@dataclass(frozen=True)
class Case:
    """One question asked: what was said, how right it is, and where its evidence stood in each engine's ranking.

    ``ranks`` holds per engine the rank of the first passage with each piece of the evidence, ``articles`` the first articles.
    ``best_passage``: whether the first passage, shown whole, would be right. ``would_be``: for an answerable question that was
    declined, the score of the answer that the lowest threshold gives. ``question_hash`` is over the whole question with its gold,
    turns and limits; None in runs that did not note it.
    """

    id: str
    story: str
    kind: str
    split: Split
    question: str
    answerable: bool
    answer: dict[str, Any]
    score: Score
    ranks: dict[str, tuple[Rank, ...]]
    articles: dict[str, tuple[str, ...]]
    best_passage: bool
    gold_articles: tuple[str, ...] = ()
    chain: str | None = None
    yes: bool | None = None
    would_be: Score | None = None
    question_hash: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def abstained(self) -> bool:
        """Whether it was not answered."""
        return bool(self.answer["abstained"])

    @property
    def if_answered(self) -> Score:
        """The score had it been answered, whatever the threshold."""
        return self.would_be or (self.score if self.answerable else _WRONG)


_WRONG = Score(right=False, points=0.0, first=False, pieces=0.0, precise=0.0)


def run(
    assistant: Assistant,
    questions: Sequence[tuple[Question, Split]],
    out: Path,
    *,
    sources: Mapping[str, SourceFile],
    hostile: Mapping[str, Sequence[str]],
    on_progress: Progress,
    workers: int = 1,
) -> list[Case]:
    """Ask every question and append its case to ``out/cases.jsonl``; cases that are there already are not asked again.

    ``workers`` questions are asked at a time: the figures are the same, only the seconds grow. Returns the cases in the order of
    the questions. A reading of held questions is noted before they are asked. Raises BadInput where ``out`` holds a run of
    something else.
    """
    out.mkdir(parents=True, exist_ok=True)
    described = describe(assistant, [question for question, _ in questions])
    _open_run(out, described)
    log_held(described, sum(split == "held" for _, split in questions))
    done = {case.id: case for case in read_cases(out)}
    left = [(question, split) for question, split in questions if question.id not in done]
    pool = ThreadPoolExecutor(workers)
    try:
        asked = [pool.submit(ask, assistant, question, split, sources, hostile) for question, split in left]
        with (out / "cases.jsonl").open("a", encoding="utf-8") as file:
            for future in as_completed(asked):
                on_progress("Asking", len(done), len(questions))
                case = future.result()
                done[case.id] = case
                file.write(json.dumps(asdict(case), ensure_ascii=False) + "\n")
                file.flush()
    finally:
        pool.shutdown(cancel_futures=True)
    on_progress("Asking", len(questions), len(questions))
    (out / "memory.json").write_text(json.dumps({"peak_mb": _peak_megabytes()}) + "\n", encoding="utf-8")
    return [done[question.id] for question, _ in questions]


def ask(
    assistant: Assistant,
    question: Question,
    split: Split,
    sources: Mapping[str, SourceFile],
    hostile: Mapping[str, Sequence[str]],
) -> Case:
    """One case: the answer as given, timed by stage, and the rankings behind it."""
    found, seconds = _ask_timed(assistant, question)
    answer = answer_dict(found)
    passages = assistant.varied(passages=2 * _CANDIDATES, candidates=_CANDIDATES).retrieve(
        found.asked_as, filters=question.filters
    )
    rankings = _rankings(passages)
    would_be = None
    if question.answerable and found.abstained:
        bold = assistant.varied(answer_threshold=0.0, nearest_threshold=0.0)
        forced = bold.ask(question.question, turns=question.earlier, filters=question.filters)
        would_be = score(question, answer_dict(forced), sources, hostile)
    return Case(
        question.id,
        question.story,
        question.kind,
        split,
        question.question,
        question.answerable,
        {name: answer[name] for name in _KEPT},
        score(question, answer, sources, hostile),
        ranks={name: tuple(_rank(ranking, piece) for piece in question.evidence) for name, ranking in rankings.items()},
        articles={name: _articles(ranking) for name, ranking in rankings.items()},
        best_passage=_answers(passages[:1], question),
        gold_articles=tuple(sorted(question.gold_articles)),
        chain=question.chain,
        yes=question.yes,
        would_be=would_be,
        question_hash=hash_questions([question]),
        seconds=seconds,
    )


def _ask_timed(assistant: Assistant, question: Question) -> tuple[Answer, dict[str, float]]:
    """The answer, and the seconds of searching and of reading."""
    started, marks = time.perf_counter(), []
    for step in assistant.ask_in_stages(question.question, turns=question.earlier, filters=question.filters):
        marks.append(time.perf_counter() - started)
        if isinstance(step, Answer):
            return step, {"search": marks[1] - marks[0], "read": marks[-1] - marks[1], "ask": marks[-1]}
    raise AssertionError("the last stage is the answer")


def _rankings(passages: Sequence[Passage]) -> dict[str, list[Passage]]:
    """The fused ranking and those of both engines alone, which the ranks of the passages tell."""
    words = [p for p in passages if p.lexical_rank is not None]
    vectors = [p for p in passages if p.dense_rank is not None]
    return {
        "fused": list(passages),
        "words": sorted(words, key=lambda p: p.lexical_rank or 0),
        "vectors": sorted(vectors, key=lambda p: p.dense_rank or 0),
    }


def _rank(ranking: Sequence[Passage], piece: Sequence[Span]) -> Rank:
    """The rank of the first passage that holds one of the alternative spans."""
    for rank, passage in enumerate(ranking[:_DEEP], 1):
        chunk = passage.chunk
        if any(covers(chunk.article_id, chunk.start, chunk.end, span) for span in piece):
            return rank
    return None


def _articles(ranking: Sequence[Passage]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(passage.chunk.article_id for passage in ranking))[:_ARTICLES]


def _answers(passages: Sequence[Passage], question: Question) -> bool:
    """Whether these passages, shown whole, say all points and hold all pieces; an unanswerable question is got wrong."""
    said = heard(question, {"statements": [_as_statement(passage) for passage in passages]})
    all_said = all(any(says(said, wording) for wording in point) for point in question.points)
    return question.answerable and all_said and all(_rank(passages, piece) for piece in question.evidence)


def _as_statement(passage: Passage) -> dict[str, Any]:
    """A passage as a statement with its source and date, to be held against the points as an answer is."""
    article = passage.article
    published = article.published.isoformat() if article.published else None
    return {"text": passage.text, "citations": [{"source": article.source, "published": published}]}


def own_settings(home: Path, **changes: Any) -> Settings:
    """The user's settings for a data folder that is the evaluation's own: its vectors go to no server. Raises BadSetting."""
    return load_settings(home=home, **changes).model_copy(update={"chroma_url": None})


def describe(assistant: Assistant, questions: Sequence[Question]) -> dict[str, Any]:
    """What a run is a run of. Two runs of equal ``identity`` have equal figures."""
    engine = assistant.engine()
    return {
        "identity": {
            "settings": engine.settings_hash,
            "encoder": engine.encoder,
            "ranker": engine.ranker,
            "corpus": engine.corpus_hash,
            "code": code_hash(),
            "questions": hash_questions(questions),
            "versions": {name: version(name) for name in _VERSIONS} | {"python": platform.python_version()},
        },
        "settings": assistant.settings.answering,
        "commit": commit(),
        "machine": f"{platform.machine()}, {platform.system()}",
        "ids": [question.id for question in questions],
    }


def hash_questions(questions: Sequence[Question]) -> str:
    """16 hex digits over the questions and their gold. Only the fields that are given count: a new optional one changes none."""
    written = "\n".join(question.model_dump_json(exclude_defaults=True) for question in questions)
    return hashlib.sha256(written.encode()).hexdigest()[:16]


def code_hash() -> str:
    """16 hex digits over the files of the assistant and of the evaluation, whether committed or not."""
    digest = hashlib.sha256()
    for folder in (HERE.parent / "assistant", HERE):
        for path in sorted(path for path in folder.rglob("*") if path.suffix in _CODE):
            if RESULTS not in path.parents:
                digest.update(path.relative_to(HERE.parent).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def commit() -> str | None:
    """The commit that is checked out, with ``+`` where files differ from it; None outside a checkout."""
    done = subprocess.run(
        ["git", "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"],
        cwd=HERE,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip() if done.returncode == 0 else None


def _open_run(out: Path, described: Mapping[str, Any]) -> None:
    """Write ``run.json``, or see that the one that is there is of the same run."""
    path = out / "run.json"
    if path.is_file():
        earlier = json.loads(path.read_text(encoding="utf-8"))
        changed = [name for name, value in described["identity"].items() if earlier["identity"].get(name) != value]
        if changed or earlier["ids"] != described["ids"]:
            raise BadInput(
                f"{out} holds a run with other {', '.join(changed or ['questions'])}",
                hint="Name another folder with --out, or remove this one.",
            )
        return
    path.write_text(json.dumps(described, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_cases(out: Path) -> list[Case]:
    """The cases of a run. A last line that an interruption cut off is removed."""
    path = out / "cases.jsonl"
    if not path.is_file():
        return []
    raw = path.read_bytes()  # the cut may be within a character
    whole = raw[: raw.rfind(b"\n") + 1]
    if whole != raw:
        path.write_bytes(whole)
    return [_case(json.loads(line)) for line in whole.splitlines()]


def _case(row: dict[str, Any]) -> Case:
    scores = {
        name: Score(**row[name] | {"broken": tuple(row[name]["broken"])}) for name in ("score", "would_be") if row[name]
    }
    lists = {name: {k: tuple(v) for k, v in row[name].items()} for name in ("ranks", "articles")}
    return Case(**row | scores | lists | {"gold_articles": tuple(row["gold_articles"])})


def log_held(described: Mapping[str, Any], held: int) -> None:
    """Note that the held questions were read, once for what is the same run."""
    if not held:
        return
    row = {
        "read": datetime.now(UTC).isoformat(timespec="seconds"),
        "questions": held,
        "commit": described["commit"],
        "identity": described["identity"],
        "command": " ".join(sys.argv[1:]),
    }
    HELD_LOG.parent.mkdir(exist_ok=True)
    earlier = HELD_LOG.read_text(encoding="utf-8").splitlines() if HELD_LOG.is_file() else []
    if all(json.loads(line)["identity"] != row["identity"] for line in earlier):
        with HELD_LOG.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _peak_megabytes() -> float:
    """Peak resident memory of this process: kilobytes on Linux, bytes on macOS."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)
