"""The report of a run: one HTML file that needs nothing else, for a reader who was not there.

No figure is computed here: they come from ``evals.summary``, ``evals.compare`` and ``evals.curves``. Questions,
answers and articles are untrusted: the template escapes all of them. The same cases give the same bytes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from evals import curves, plots, tables
from evals.compare import Difference, compare, left_out
from evals.metrics import Interval
from evals.run import Case
from evals.schema import HERE, SPLITS, Question
from evals.score import cites, heard, says, written_date
from evals.summary import Summary, outside_fit, summarise

WORST = 20  # cases shown with answer beside gold


@dataclass(frozen=True, slots=True)
class Mistake:
    """A kind of wrong decision. Of two the one with the higher ``badness`` is the worse."""

    what: str
    holds: Callable[[Case], bool]
    badness: Callable[[Case], float]


MISTAKES = (
    Mistake("answered wrongly", lambda c: not c.abstained and not c.score.right, lambda c: c.answer["confidence"]),
    Mistake(
        "declined, holding back a right answer",
        lambda c: c.abstained and c.answerable and c.if_answered.right,
        lambda c: -c.answer["confidence"],
    ),
    Mistake(
        "declined, with no right answer to hold back",
        lambda c: c.abstained and c.answerable and not c.if_answered.right,
        lambda c: -c.answer["confidence"],
    ),
)


@dataclass(frozen=True, slots=True)
class Tile:
    """One of the few figures at the top: the figure, its interval as written, and what it is a figure of."""

    value: str
    interval: str
    what: str
    alarm: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing an answer needs, in its alternative forms, and whether the answer given has it."""

    forms: tuple[str, ...]
    met: bool


def write_report(
    path: Path,
    cases: Sequence[Case],
    *,
    run: Mapping[str, Any],
    baseline: Sequence[Case] = (),
    questions: Sequence[Question] = (),
) -> None:
    """Write the report of these cases, at least one, to ``path``.

    ``run`` is the content of ``run.json`` with ``peak_mb``. ``questions`` give the gold of the cases by id; without one only the
    articles of its gold are named. With a ``baseline`` it is compared question by question.
    """
    summary, differences = summarise(cases), compare(baseline, cases)
    page = _template().render(
        css=Markup((HERE / "report.css").read_text(encoding="utf-8")),
        lead=_lead(summary, cases, differences),
        tiles=_tiles(summary, cases),
        facts=_facts(cases, run),
        summary=summary,
        cases=cases,
        plots=_plots(summary, cases),
        bins=curves.bins(outside_fit(cases)),
        peak_mb=run["peak_mb"],
        mistakes=[(mistake.what, sum(map(mistake.holds, cases))) for mistake in MISTAKES],
        worst=worst(cases),
        questions={question.id: question for question in questions},
        baseline=baseline,
        differences=differences,
        left_out=len(left_out(baseline, cases)),
    )
    path.write_bytes(page.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace"))


def pictures(cases: Sequence[Case]) -> dict[str, str]:
    """Risk over coverage and the reliability diagram as SVG files that stand alone, by name, for a light and a dark page.

    Like the tables of declining, they are over the cases outside the fit split, where there are any.
    """
    css = (HERE / "report.css").read_text(encoding="utf-8")
    colours = css[css.index(":root") : css.index("\n* {")]
    looks = "\n".join(line for line in css.splitlines() if line.startswith(".plot"))
    style = f"<style>{colours}{looks}\nsvg {{ background: var(--paper); }}</style>"
    drawn = _plots(summarise(cases), cases)
    found = {}
    for name in ("risk", "reliability"):
        head, body = str(drawn[name]).split(">", 1)
        found[name] = f'{head} xmlns="http://www.w3.org/2000/svg">{style}{body}\n'
    return found


def worst(cases: Sequence[Case], most: int = WORST) -> list[tuple[str, Case]]:
    """The worst cases with what is wrong, worst first: the mistakes in the order of MISTAKES, each by badness, then by id."""
    found = []
    for mistake in MISTAKES:
        made = [case for case in cases if mistake.holds(case)]
        found += [(mistake.what, case) for case in sorted(made, key=lambda c, m=mistake: (-m.badness(c), c.id))]  # type: ignore[misc]
    return found[:most]


# What the template calls


def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"written": tables.written, "attribution": _attribution, "change": _change}
    environment.globals |= {
        "points": _points,
        "pieces": _pieces,
        "quotes": _quotes,
        "rank": _first_rank,
        "limits": _limits,
        "worst_count": WORST,
    }
    return environment.get_template("report.html.j2")


def _points(case: Case, question: Question) -> list[Wanted]:
    """What the answer should say, and whether it does."""
    said = heard(question, case.answer)
    return [Wanted(point, any(says(said, wording) for wording in point)) for point in question.points]


def _pieces(case: Case, question: Question) -> list[tuple[tuple[tuple[str, str], ...], bool]]:
    """The evidence, each piece as (quote, article) alternatives, and whether the answer cites it."""
    statements = case.answer["statements"]
    return [
        (tuple((span.quote, span.article) for span in piece), any(cites(s, span) for s in statements for span in piece))
        for piece in question.evidence
    ]


def _quotes(statement: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """The citations of a statement by their quote; copies of one report share it."""
    quotes: dict[str, list[Mapping[str, Any]]] = {}
    for citation in statement["citations"]:
        quotes.setdefault(citation["quote"], []).append(citation)
    return quotes


def _attribution(item: Mapping[str, Any]) -> str:
    """Source and date of a citation or a near article."""
    words = f"{item['source'] or 'source not stated'}, {_day(item['published'])}"
    return f"{words}, updated {_day(item['updated'])}" if item.get("updated") else words


def _day(iso: str | None) -> str:
    """A date in words; what is no date stays as it is."""
    try:
        return written_date(iso) or "undated"
    except ValueError:
        return str(iso)


def _limits(question: Question) -> str:
    """The limits that a question was asked under, in words; empty where it has none."""
    days = {"as of": question.as_of, "since": question.since, "until": question.until}
    parts = [f"{name} {_day(day.isoformat())}" for name, day in days.items() if day]
    return ", ".join(parts + ([f"only {question.source}"] if question.source else []))


def _first_rank(case: Case) -> str:
    """The rank of the first passage with evidence, as the reciprocal rank sees it."""
    ranks = [rank for rank in case.ranks["fused"] if rank is not None]
    return str(min(ranks)) if ranks else "not found"


def _percent(found: Interval) -> str:
    """``71 % (66–76 %)``, or a dash where there is no figure."""
    return "–" if math.isnan(found.value) else f"{_rounded(found.value)} % ({_range(found)})"


def _range(found: Interval) -> str:
    return f"{_rounded(found.low)}–{_rounded(found.high)} %"


def _change(found: Interval) -> str:
    """``+0.025 [−0.017, +0.067]``."""
    return f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]".replace("-", "−")


def _rounded(share: float) -> str:
    return "–" if math.isnan(share) else f"{100 * share:.0f}"


# The top of the page


def _lead(summary: Summary, cases: Sequence[Case], differences: Sequence[Difference]) -> list[str]:
    """The run in a few sentences."""
    stories = len({case.story for case in cases})
    rules = {name: found for name, found in summary.baselines.items() if name != "always yes, of yes-no"}
    beside = ", ".join(f"{name} {_rounded(found.value)} %" for name, found in rules.items())
    sentences = [
        f"Asked {len(cases)} questions about {stories} stories, the assistant dealt rightly with"
        f" {_percent(summary.answers['all']['right'])} of them: it answered with all that was asked for and the quotes"
        " that show it, or it declined because the articles do not hold the answer.",
        f"Beside simple rules, share right {summary.over}: {beside}.",
        f"{_counted(len(summary.broken), 'promise was', 'promises were')} broken.",
    ]
    for found in differences:
        sentences.append(
            f"Against the baseline, {found.measure}: {found.verdict}{' by this run' if found.verdict == 'cannot tell' else ''},"
            f" {found.before:.3f} → {found.after:.3f}, change {_change(found.change)}."
        )
    return sentences


def _counted(count: int, one: str, many: str) -> str:
    return f"{count or 'No'} {one if count < 2 else many}"


def _tiles(summary: Summary, cases: Sequence[Case]) -> list[Tile]:
    """The few figures that matter."""
    answers, seconds = summary.answers, summary.seconds["ask"]
    shares = [(answers["all"]["right"], "of all questions dealt with rightly")]
    sorts = {"answerable": "the articles answer: wholly right", "not answerable": "they do not answer: declined"}
    for found, what in [(answers[sort]["right"], what) for sort, what in sorts.items() if sort in answers]:
        shares.append((found, f"of the {found.n} questions that {what}"))
    shares.append((curves.risk(cases), "of the answers given are wrong or incomplete"))
    if summary.retrieval:
        shares.append((summary.retrieval["fused"]["evidence@5"], "of the evidence is among the first 5 passages"))
    tiles = [Tile(f"{_rounded(found.value)} %", _range(found), what) for found, what in shares]
    tiles.append(Tile(f"{seconds['p50']:.2f} s", f"19 of 20 within {seconds['p95']:.2f} s", "until the answer, median"))
    broken = len(summary.broken)
    return [*tiles, Tile(str(broken), f"in {len(cases)} answers", "promises broken", alarm=broken > 0)]


def _facts(cases: Sequence[Case], run: Mapping[str, Any]) -> dict[str, str]:
    """What was run, a line each."""
    identity, splits = run["identity"], Counter(case.split for case in cases)
    stories = len({case.story for case in cases})
    by_split = ", ".join(f"{splits[name]} {name}" for name in SPLITS if splits[name])
    settings = {name: "as fitted" if value is None else str(value) for name, value in run["settings"].items()}
    return {
        "Questions": f"{len(cases)} about {stories} stories ({by_split}), hash {identity['questions']}",
        "Corpus": f"hash {identity['corpus']}",
        "Commit": f"{run['commit'] or 'not a checkout'} (+ = with changes), hash of the code {identity['code']}",
        "Encoder": str(identity["encoder"]),
        "Evidence ranker": str(identity["ranker"]),
        "Settings": ", ".join(f"{name} {value}" for name, value in settings.items()) + f"; hash {identity['settings']}",
        "Versions": ", ".join(f"{name} {value}" for name, value in identity["versions"].items()),
        "Machine": str(run["machine"]),
    }


# The plots


def _plots(summary: Summary, cases: Sequence[Case]) -> dict[str, Markup]:
    """Every plot by name; none of retrieval where no question has evidence."""
    apart = outside_fit(cases)
    rates = {name: found.value for name, found in summary.baselines.items()}
    right = {kind: {"right": row["right"]} for kind, row in summary.answers.items()}
    rules = {name: {"right": found} for name, found in summary.baselines.items()}
    found = {
        "answers": plots.dots(
            "answers", right, label="Share dealt with rightly, by kind", axis="share dealt with rightly"
        ),
        "rules": plots.dots("rules", rules, label="Share right of simple rules", axis="share right"),
        "risk": plots.risk(
            curves.risk_curve(apart),
            chosen=(curves.coverage(apart), curves.risk(apart)),
            always=1 - rates["always answer"],
        ),
        "decisions": plots.decisions(
            curves.decision_curve(apart),
            chosen=(curves.coverage(apart), summary.baselines["the assistant"]),
            bases={name: rates[name] for name in ("always decline", "always answer")},
        ),
        "reliability": plots.reliability(curves.bins(apart), curves.counts(apart)),
    }
    if summary.retrieval:
        shown_of = ("evidence@1", "evidence@5", "evidence@10", "all evidence@10", "article@1")
        rows = {name: {engine: row[name] for engine, row in summary.retrieval.items()} for name in shown_of}
        found["retrieval"] = plots.dots("retrieval", rows, label="Evidence found, by engine", axis="share found")
    return found
