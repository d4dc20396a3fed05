"""What the measurements of the judging have in common as commands: cells, rollouts, workers, goals and a report."""

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench.cells import DEVELOPMENT_SET, CellSet, read_cells
from bench.command import count
from bench.ratios import Estimate
from controller.core.errors import InputError

WORKERS = 2
QUICK_DIVISOR = 20
"""How many times fewer rollouts --quick plays."""
_WIDE = 200

A = TypeVar("A")
B = TypeVar("B")


class Goal(BaseModel):
    """What must be measured, and what was."""

    what: str
    measured: float
    at_most: float | None = None
    at_least: float | None = None
    interval: tuple[float, float] | None = None

    @property
    def is_met(self) -> bool:
        """Whether it was; nothing measured is not."""
        if math.isnan(self.measured):
            return False
        above = self.at_most is None or self.measured <= self.at_most
        return above and (self.at_least is None or self.measured >= self.at_least)

    def __str__(self) -> str:
        asked = f"at most {self.at_most:g}" if self.at_most is not None else f"at least {self.at_least:g}"
        within = f" [{self.interval[0]:.3g}, {self.interval[1]:.3g}]" if self.interval else ""
        return f"{self.what}: {self.measured:.4g}{within}, {asked}: {'met' if self.is_met else 'MISSED'}"


def goal(what: str, found: Estimate, *, at_most: float | None = None, at_least: float | None = None) -> Goal:
    """Return a goal for an estimate."""
    interval = (found.low, found.high)
    return Goal(what=what, measured=found.value, at_most=at_most, at_least=at_least, interval=interval)


class Report(BaseModel):
    """What a bench measured."""

    bench: str
    seed: int
    seconds: float = 0.0
    columns: list[str]
    rows: list[list[str]]
    """What people read; `data` has the same for programs."""
    goals: list[Goal]
    notes: list[str] = []
    data: list[dict[str, Any]] = []

    @property
    def is_met(self) -> bool:
        """Whether every goal is."""
        return all(goal.is_met for goal in self.goals)


@dataclass(frozen=True, slots=True)
class Given:
    """What a bench measures with."""

    cells: CellSet
    seed: int
    runs: int
    """Rollouts of a cell with a regression."""
    good_runs: int
    """Rollouts of a cell without."""
    is_quick: bool = False
    workers: int = WORKERS
    """How many processes play."""
    console: Console | None = None
    """Where progress shows; None for nowhere."""

    def each(self, play: Callable[[A], B], jobs: Sequence[A], name: str) -> list[B]:
        """Return what `play` makes of each job, in their order, on several processes."""
        if not jobs:
            return []
        bar = Progress(
            TextColumn(name), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            console=self.console, disable=self.console is None or not self.console.is_terminal, transient=True,
        )  # fmt: skip
        with bar:
            task = bar.add_task(name, total=len(jobs))
            if self.workers == 1 or len(jobs) == 1:
                return [_advanced(play(job), bar, task) for job in jobs]
            with ProcessPoolExecutor(self.workers) as pool:
                return [_advanced(found, bar, task) for found in pool.map(play, jobs)]


def _advanced(found: B, bar: Progress, task: Any) -> B:
    bar.advance(task)
    return found


Measure = Callable[[Given], Report]


def given_arguments(parser: argparse.ArgumentParser, arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line says, with the options that all of these benches take."""
    parser.add_argument("--cells", type=Path, default=DEVELOPMENT_SET, metavar="FILE", help="your own cells")
    parser.add_argument("--seed", type=_seed, help="another seed than the file's")
    parser.add_argument("--runs", type=count(100_000), help="other rollouts of a cell than the file's")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_DIVISOR} times fewer rollouts")
    parser.add_argument("--workers", type=count(256), default=min(WORKERS, os.cpu_count() or 1), help="processes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report to FILE too")
    return parser.parse_args(arguments)


def given_by(options: argparse.Namespace) -> Given:
    """Return what to measure with; raises InputError."""
    cells = read_cells(options.cells)
    runs = options.runs or cells.runs
    good_runs = max(1, round(cells.good_runs * runs / cells.runs))
    if options.quick:
        runs, good_runs = (max(1, number // QUICK_DIVISOR) for number in (runs, good_runs))
    seed = cells.seed if options.seed is None else options.seed
    return Given(
        cells, seed, runs, good_runs, options.quick, options.workers, Console(stderr=True, highlight=False)
    )


def run(name: str, purpose: str, benches: Iterable[Measure], arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code: 0 when all goals are met, 1 when not, 2 for wrong input."""
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description=purpose)
    options = given_arguments(parser, arguments)
    try:
        given = given_by(options)
        if options.json:
            options.json.open("a").close()
    except (InputError, OSError) as error:
        print(f"{name}: {error}", file=sys.stderr)  # noqa: T201 - its own last word
        return 2
    out = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
    reports = []
    for measure in benches:
        began = time.monotonic()
        report = measure(given)
        report.seconds = round(time.monotonic() - began, 1)
        reports.append(report)
        _print(out, report)
    if len(reports) > 1:
        met = sum(goal.is_met for report in reports for goal in report.goals)
        out.print(f"{met} of {sum(len(report.goals) for report in reports)} goals met", markup=False)
    if options.json:
        documents = [_document(report) for report in reports]
        text = json.dumps(documents if len(documents) > 1 else documents[0], indent=2)
        options.json.write_text(text + "\n")
    return 0 if all(report.is_met for report in reports) else 1


def _document(report: Report) -> dict[str, Any]:
    # Through JSON, in which what is not a number is null.
    document: dict[str, Any] = json.loads(report.model_dump_json(exclude={"columns", "rows"}))
    for written, each in zip(document["goals"], report.goals, strict=True):
        written["is_met"] = each.is_met
    return document | {"is_met": report.is_met}


def _print(out: Console, report: Report) -> None:
    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for number, column in enumerate(report.columns):
        shown.add_column(column, justify="right" if number else "left", no_wrap=True)
    for row in report.rows:
        shown.add_row(*row)
    out.print(f"{report.bench}, seed {report.seed}, {report.seconds:g} s", style="bold", markup=False)
    out.print(shown)
    for note in report.notes:
        out.print(note, markup=False, style="dim")
    for each in report.goals:
        out.print(f"goal: {each}", markup=False, style="green" if each.is_met else "bold red")
    out.print()


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"write a number from 0 on, not {text!r}")
    return int(text)
