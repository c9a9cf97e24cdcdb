"""What runs in processes of their own: the tasks, which are killed, and the look at what is left of them.

A process prints to a log in the round's folder, and writes to its journal what the assistant has acknowledged.
"""

from __future__ import annotations

import faulthandler
import json
import multiprocessing
import os
import random
import time
from collections.abc import Callable, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from assistant import Assistant, Settings
from evals.bench.torture.articles import HashedWords, States, marker, read_lines
from evals.bench.torture.checks import finds, problems
from evals.bench.torture.journals import acknowledged, allowed, intended, read_journals
from evals.bench.torture.scenarios import Scenario, Task

LIMIT = 120.0  # seconds that a process may take; the longest needs 3 on a free core
_PRELOADED = (
    "assistant.assistant", "assistant.doctor", "chromadb.api.rust", "llama_index.core.schema",
    "llama_index.core.vector_stores.types", "llama_index.vector_stores.chroma", "tantivy",
)  # fmt: skip
_Say = Callable[..., None]


def start(run: Callable[..., None], *arguments: object) -> ForkServerProcess:
    """A process that calls ``child`` or ``resume``, forked from one that has imported everything and opened nothing."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_PRELOADED))
    process = context.Process(target=_isolated, args=(run, *arguments), daemon=True)
    process.start()
    return process


def _isolated(run: Callable[..., None], *arguments: Any) -> None:
    """Without the settings of the person who runs it."""
    for name in [name for name in os.environ if name.startswith("ASSISTANT_")]:
        del os.environ[name]
    run(*arguments)


def child(now: Path, number: int, task: Task) -> None:
    """Do one task and journal what is acknowledged. Runs in a process of its own."""
    _log_to(now / f"child-{number}.log")
    with (now / f"journal-{number}.jsonl").open("ab", buffering=0) as journal:

        def say(**facts: Any) -> None:
            journal.write(json.dumps(facts).encode() + b"\n")  # one write: it is in the file whatever happens next

        with _opened(now) as assistant:
            _perform(assistant, now, number, task, say)
        say(ended=True)


def resume(now: Path, scenario: Scenario, finish: bool) -> None:
    """Open what a kill left, finish its index work and write ``verdict.json``. Runs in a process of its own.

    With ``finish`` the tasks are then done again, to their end. ``seconds`` are those until no index work was open.
    """
    _log_to(now / "resume.log")
    started = time.perf_counter()
    with _opened(now) as assistant:
        unfinished = assistant.store.pending("fulltext") + assistant.store.pending("vectors")
        left = assistant.store.catch_up()
        seconds = time.perf_counter() - started
        said = read_journals(now)
        found = [f"wrong: {facts['wrong']}" for facts in said if "wrong" in facts]
        found += [f"unsound: {left} rows of index work stay open"] if left else []
        found += problems(assistant, allowed(scenario, said))
        if finish:
            found += [f"done again: {what}" for what in _done_again(assistant, now, scenario)]
    verdict = {"problems": found, "seconds": seconds, "unfinished": unfinished}
    (now / "verdict.json").write_text(json.dumps(verdict), encoding="utf-8")


def _done_again(assistant: Assistant, now: Path, scenario: Scenario) -> list[str]:
    """Do the tasks again, and return what is wrong then."""
    wrong: list[str] = []

    def heed(**facts: Any) -> None:
        if "wrong" in facts:
            wrong.append(facts["wrong"])

    for number, task in enumerate(scenario.tasks):
        if task.verb != "ask":
            _perform(assistant, now, number, task, heed)
    return wrong + problems(assistant, intended(scenario))


def _opened(now: Path) -> Assistant:
    """The assistant over a round's folder."""
    return Assistant(Settings(home=now / "home", ranker="none"), encoder=HashedWords())


def _log_to(path: Path) -> None:
    """Send what the process prints to a file, and the stack of every thread shortly before it counts as hanging."""
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    faulthandler.enable(log)
    faulthandler.dump_traceback_later(LIMIT - 2, file=log)


def _perform(assistant: Assistant, now: Path, number: int, task: Task, say: _Say) -> None:
    """The task, from its start; done again it changes nothing. ``say`` is called with what was acknowledged."""
    match task.verb:
        case "add":
            for path, part in task.parts(now, number).items():
                _add(assistant, path, part, say, sync=False)
        case "sync":
            path = now / ("articles.jsonl" if task.lines else "articles")
            names = list(read_lines(path)) if task.lines else sorted(file.name for file in path.iterdir())
            _add(assistant, path, {name: task.after.get(name, 1) for name in names}, say, sync=True)
        case "remove":
            _remove(assistant, list(task.after), say)
        case "rebuild":
            assistant.store.rebuild(task.index)
        case "resume":
            assistant.store.catch_up()
        case "ask":
            _keep_asking(assistant, now, say)
        case "hold":
            assistant.store.own_vectors()
            say(holds=True)
            time.sleep(LIMIT)


def _add(assistant: Assistant, path: Path, articles: States, say: _Say, *, sync: bool) -> None:
    """Add or sync; ``articles`` are those that the path holds, in the order in which they are read."""
    ids, told = list(articles), 0

    def heed(stage: str, done: int, total: int | None) -> None:
        nonlocal told
        if stage == "Reading":
            say(acknowledged={id_: articles[id_] for id_ in ids[told:done]})
            told = done

    report = assistant.sync(path, on_progress=heed) if sync else assistant.add([path], on_progress=heed)
    stored = (*report.added, *report.changed, *report.unchanged)
    say(acknowledged={id_: articles[id_] for id_ in stored} | dict.fromkeys(report.removed, 0))
    for failure in report.failed:
        say(wrong=f"{path.name} was not added: {failure}")


def _remove(assistant: Assistant, ids: Sequence[str], say: _Say) -> None:
    for first in range(0, len(ids), 8):
        report = assistant.remove(ids[first : first + 8])
        gone = [removed.article_id for removed in report.removed]
        say(acknowledged=dict.fromkeys(gone, 0))
        for id_ in gone[:1]:
            if finds(assistant, id_, 1):
                say(wrong=f"{id_} was found after its removal was acknowledged")


def _keep_asking(assistant: Assistant, now: Path, say: _Say) -> None:
    """Ask for articles that others have acknowledged, index what is open as a chat does, until nobody else runs."""
    drawn, count = random.Random(7), 0
    while not (now / "stop").exists():
        known = {id_: v for id_, v in acknowledged(read_journals(now)).items() if v}
        for id_ in drawn.sample(sorted(known), min(3, len(known))):
            if not finds(assistant, id_, known[id_]):
                say(wrong=f"{id_} was acknowledged and not found")
        answer = assistant.ask(f"What did {marker(f'a{drawn.randrange(60):04}', 1)} do?")
        for citation in (citation for statement in answer.statements for citation in statement.citations):
            assistant.verify(citation)
        if count % 5 == 0:
            assistant.store.catch_up()
        count += 1
    say(asked=count)
