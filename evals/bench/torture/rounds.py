"""The rounds of a scenario: run its tasks, kill them, look at what is left, and keep the folder where anything is wrong."""

from __future__ import annotations

import json
import random
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from evals.bench.torture.children import LIMIT, child, resume, start
from evals.bench.torture.preparing import NotPrepared, prepare
from evals.bench.torture.scenarios import SCENARIOS

_CHAINED = 3  # kills in a row on one folder, at most


@dataclass(slots=True)
class Tally:
    """What came of a scenario. For every look after a kill: ``resumed`` are the seconds until nothing was left to index,
    ``unfinished`` the rows of index work that the kill left open. ``length`` are the seconds of a run without a kill.
    """

    name: str
    length: float = 0.0
    kills: int = 0
    resumed: list[float] = field(default_factory=list)
    unfinished: list[int] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


class Torture:
    """The rounds of one scenario in a work folder. Everything drawn comes from the seed; when a process is hit does not."""

    def __init__(self, name: str, work: Path, *, seed: int) -> None:
        self.tally = Tally(name)
        self._scenario = SCENARIOS[name]
        self._folder = work / name.replace(" ", "-").replace("+", "and")
        self._now = self._folder / "now"
        self._named = f"{name}, seed {seed}"
        self._drawn = random.Random(f"{seed} {name}")
        self._round = 0

    def run(self, kills: int) -> None:
        """Prepare, measure an unkilled run, then kill until there were ``kills``."""
        tally = self.tally
        try:
            prepare(self._scenario, self._folder)
        except NotPrepared as error:
            self._note(f"{self._named}: {error}")
            return
        self._begin()
        wrong, tally.length = self._strike([])
        self._look(wrong, "no kill", finish=True)
        while tally.kills < kills and self._round <= 5 * kills + 5:
            self._begin()
            self._chain(kills)
        if tally.kills < kills:
            self._note(f"{self._named}: only {tally.kills} of {kills} kills hit a running process")
        _say(f"{tally.name}: {tally.kills} kills, {len(tally.failures)} failures")

    def _begin(self) -> None:
        shutil.rmtree(self._now, ignore_errors=True)
        shutil.copytree(self._folder / "start", self._now)
        self._round += 1

    def _chain(self, kills: int) -> None:
        """Kill up to three times in a row and look each time, until one misses, there were ``kills``, or anything is wrong."""
        tally = self.tally
        for link in range(self._drawn.randint(1, _CHAINED)):
            before = tally.kills
            aims = self._aims(link, at_most=kills - before)
            wrong, seconds = self._strike(aims)
            missed = tally.kills == before
            if missed and link == 0:  # the machine is less busy than when it was measured
                tally.length = (tally.length + seconds) / 2
            last = missed or tally.kills >= kills or link == _CHAINED - 1
            story = "kill missed" if missed else f"kill at {aims}"
            sound = self._look(wrong, story, killed=not missed, finish=last or self._drawn.random() < 0.5)
            if last or not sound:
                break

    def _aims(self, link: int, *, at_most: int) -> list[tuple[float, int]]:
        """When to kill which task, soonest first. Done again after a kill, there is less to do."""
        tasks = range(len(self._scenario.tasks))
        hit = self._drawn.sample(tasks, self._drawn.randint(1, min(len(tasks), at_most)))
        return sorted((self.tally.length * self._drawn.random() * 0.6**link, number) for number in hit)

    def _strike(self, aims: Sequence[tuple[float, int]]) -> tuple[list[str], float]:
        """Run the tasks at once, kill as aimed and wait for the others. Returns what went wrong, and the seconds it took."""
        (self._now / "stop").unlink(missing_ok=True)
        tasks, started = self._scenario.tasks, time.perf_counter()
        running = [start(child, self._now, number, task) for number, task in enumerate(tasks)]
        try:
            for moment, number in aims:
                time.sleep(max(0.0, started + moment - time.perf_counter()))
                running[number].kill()
            asking = [number for number, task in enumerate(tasks) if task.verb == "ask"]
            wrong = [self._ended(running[n], f"child-{n}") for n in range(len(tasks)) if n not in asking]
            (self._now / "stop").touch()
            wrong += [self._ended(running[n], f"child-{n}") for n in asking]
        finally:
            for process in running:
                process.kill()
                process.join()
        self.tally.kills += sum(running[number].exitcode == -signal.SIGKILL for _, number in aims)
        return wrong, time.perf_counter() - started

    def _ended(self, process: ForkServerProcess, name: str) -> str:
        """Wait for a process; what is wrong with how it ended, empty if nothing is."""
        process.join(LIMIT)
        if process.exitcode is None:
            return f"hang: {name} did not end within {LIMIT:g} s"
        if process.exitcode in (0, -signal.SIGKILL):
            return ""
        log = self._now / f"{name}.log"
        last = log.read_text("utf-8", errors="replace").strip().splitlines()[-1:] if log.exists() else []
        return f"died: {name}, exit {process.exitcode}: {' '.join(last)}"

    def _look(self, wrong: list[str], story: str, *, killed: bool = False, finish: bool) -> bool:
        """Resume and check; note the seconds and what is wrong, and keep the folder if anything is."""
        verdict = self._now / "verdict.json"
        verdict.unlink(missing_ok=True)
        process = start(resume, self._now, self._scenario, finish)
        try:
            wrong = [*wrong, self._ended(process, "resume")]
        finally:
            process.kill()
            process.join()
        if verdict.exists():
            told = json.loads(verdict.read_text(encoding="utf-8"))
            if killed:
                self.tally.resumed.append(told["seconds"])
                self.tally.unfinished.append(told["unfinished"])
            wrong += told["problems"]
        if wrong := [what for what in wrong if what]:
            self._keep(wrong, story)
        return not wrong

    def _keep(self, wrong: Sequence[str], story: str) -> None:
        kept = self._folder / f"failed-{len(self.tally.failures):03}"
        self._now.rename(kept)
        what = f"{self._named}, round {self._round}, {story}: {'; '.join(wrong)} (kept: {kept})"
        (kept / "failure.txt").write_text(what + "\n", encoding="utf-8")
        self._note(what)

    def _note(self, what: str) -> None:
        self.tally.failures.append(what)
        _say(f"FAILED {what}")


def _say(line: str) -> None:
    """Progress, on stderr."""
    print(line, file=sys.stderr, flush=True)
