"""How long a rollback takes: the real template, state machine and handlers on the embedded AWS, in real time.

During a bake of ten minutes an alarm goes off; what is measured runs from the change of its state to the alias
that is back on its baseline, and to the end of the execution. What takes longer on AWS than here is injected: the
delivery of an event, and UpdateAlias. Other runs stop the execution while Shift writes the alias.
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from bench.alias_writes import AliasWrites
from bench.command import count, forget_aws
from bench.rehearsal import EndedOtherwiseError, Rehearsal, Taken
from bench.waiting import WaitedInVainError
from rampart.embedded.aws import EmbeddedAws

MEDIAN_GOAL_SECONDS = 0.5
P99_GOAL_SECONDS = 1.5
_ONE, _THREE = ("checkout",), ("checkout", "basket", "search")


class Spread(BaseModel):
    """How measurements spread, in seconds; percentiles are of nearest rank."""

    median: float
    p90: float
    p99: float
    max: float


class Section(BaseModel):
    """One kind of run."""

    name: str
    is_cold: bool
    """Whether no function of the controller had a process yet; the goal is for those that have."""
    runs: int
    injected_seconds: float
    """How much was injected before the last alias."""
    to_alias: Spread
    """From the alarm, or from StopExecution, to the last alias back on its baseline."""
    on_top: Spread
    """The same without what was injected."""
    to_end: Spread | None
    """From the alarm to the end of the execution."""

    @property
    def meets_goal(self) -> bool:
        """Say whether the alias is back as soon as it should be."""
        return self.on_top.median < MEDIAN_GOAL_SECONDS and self.on_top.p99 < P99_GOAL_SECONDS


class Report(BaseModel):
    """All that was measured."""

    delivery_seconds: float
    update_alias_seconds: float
    sections: list[Section]

    @property
    def meets_goal(self) -> bool:
        """Say whether every section does, but the cold ones."""
        return all(section.meets_goal for section in self.sections if not section.is_cold)


@dataclass(frozen=True, slots=True)
class Bench:
    """Measures, one run at a time."""

    delivery_seconds: float
    update_alias_seconds: float
    say: Callable[[str], None]

    def report(self, runs: int, fewer_runs: int) -> Report:
        """Measure rollbacks by alarm `runs` times, and everything else `fewer_runs` times."""
        sections = [
            self._section("alarm", _ONE, self._alarms(_ONE, runs)),
            self._section("alarm, three members", _THREE, self._alarms(_THREE, fewer_runs)),
            self._section("alarm, cold functions", _ONE, self._cold_alarms(fewer_runs), is_cold=True),
            self._section("execution stopped in Shift", _ONE, self._stops(fewer_runs)),
        ]
        return Report(
            delivery_seconds=self.delivery_seconds,
            update_alias_seconds=self.update_alias_seconds,
            sections=sections,
        )

    def _alarms(self, members: tuple[str, ...], runs: int) -> Iterator[Taken]:
        with self._rehearsal(members) as rehearsal:
            rehearsal.roll_back_by_alarm(0)  # which starts the processes that the others find
            for number in range(1, runs + 1):
                yield rehearsal.roll_back_by_alarm(number)

    def _cold_alarms(self, runs: int) -> Iterator[Taken]:
        """Yield the first rollback of one account after the other: no function has a process yet."""
        for number in range(runs):
            with self._rehearsal(_ONE) as rehearsal:
                yield rehearsal.roll_back_by_alarm(number)

    def _stops(self, runs: int) -> Iterator[Taken]:
        with self._rehearsal(_ONE) as rehearsal:
            rehearsal.stop_in_shift(0)
            for number in range(1, runs + 1):
                yield rehearsal.stop_in_shift(number)

    @contextmanager
    def _rehearsal(self, members: tuple[str, ...]) -> Iterator[Rehearsal]:
        writes = AliasWrites(self.update_alias_seconds)
        delay = self.delivery_seconds
        with EmbeddedAws(60.0, delivery_delay_seconds=delay, around=writes.around) as aws:
            yield Rehearsal(aws, writes, members)

    def _section(
        self, name: str, members: tuple[str, ...], measured: Iterator[Taken], *, is_cold: bool = False
    ) -> Section:
        taken = []
        for each in measured:
            taken.append(each)
            self.say(f"{name}: run {len(taken)}, alias back after {each.to_alias_seconds:.3f} s")
        injected = self.delivery_seconds + len(members) * self.update_alias_seconds  # written one by one
        ends = [each.to_end_seconds for each in taken if each.to_end_seconds is not None]
        return Section(
            name=name,
            is_cold=is_cold,
            runs=len(taken),
            injected_seconds=injected,
            to_alias=spread([each.to_alias_seconds for each in taken]),
            on_top=spread([each.to_alias_seconds - injected for each in taken]),
            to_end=spread(ends) if ends else None,
        )


def spread(seconds: list[float]) -> Spread:
    """Return how measurements spread."""
    ranked = sorted(seconds)

    def percentile(percent: int) -> float:
        return round(ranked[math.ceil(len(ranked) * percent / 100) - 1], 3)

    return Spread(median=round(median(ranked), 3), p90=percentile(90), p99=percentile(99), max=round(ranked[-1], 3))


def table(report: Report) -> Table:
    """Return a report as a table for people."""
    shown = Table(box=None, padding=(0, 2), header_style="dim")
    for column in ("seconds", "runs", "median", "p90", "p99", "max"):
        shown.add_column(column, justify="left" if column == "seconds" else "right")
    for section in report.sections:
        shown.add_row(f"[bold]{section.name}", str(section.runs))
        rows = [("to the alias", section.to_alias)]
        rows.append((f"on top of the injected {section.injected_seconds:g} s", section.on_top))
        if section.to_end:
            rows.append(("to the end of the execution", section.to_end))
        for name, seen in rows:
            shown.add_row(f"  {name}", "", *(f"{each:.3f}" for each in (seen.median, seen.p90, seen.p99, seen.max)))
    return shown


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.rollback_latency", description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=count(10_000), default=100, help="rollbacks by alarm (default 100)")
    parser.add_argument("--fewer-runs", type=count(10_000), default=5, help="runs of every other kind (default 5)")
    parser.add_argument("--delivery-seconds", type=_seconds, default=0.5, help="how late events arrive")
    parser.add_argument("--update-alias-seconds", type=_seconds, default=0.2, help="how long UpdateAlias takes")
    parser.add_argument("--output", choices=("text", "json"), default="text")
    return parser.parse_args()


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= 30:
        raise argparse.ArgumentTypeError(f"write seconds from 0 to 30, not {text!r}")
    return seconds


def main() -> int:
    """Measure and print; the exit code is 0 when the goal is met, else 1."""
    given = _arguments()
    forget_aws()
    progress = Console(stderr=True, highlight=False, soft_wrap=True)
    bench = Bench(given.delivery_seconds, given.update_alias_seconds, progress.print)
    try:
        report = bench.report(given.runs, given.fewer_runs)
    except (EndedOtherwiseError, WaitedInVainError) as error:
        progress.print(f"bench.rollback_latency: {error}", markup=False)
        return 1
    out = Console(highlight=False, soft_wrap=True)
    if given.output == "json":
        out.print(report.model_dump_json(indent=2), markup=False)
        return 0 if report.meets_goal else 1
    out.print(table(report))
    goal = (
        f"median under {MEDIAN_GOAL_SECONDS:g} s and p99 under {P99_GOAL_SECONDS:g} s on top, cold functions aside"
    )
    out.print(f"goal: {goal}: {'met' if report.meets_goal else 'missed'}")
    return 0 if report.meets_goal else 1


if __name__ == "__main__":
    sys.exit(main())
