"""Slow answers: how many minutes of data the comparison needs to tell, beside an alarm on the p95 of the alias.

Both watch CodeDeploy's ramp of 10 % more every minute. The alarm is set 20 % above the p95 of before, for three
minutes in a row. The comparison counts requests that took longer than the baseline's p95 of the hour before, with
the tolerance and the odds that a deployment has by default.
"""

import math
import sys
from dataclasses import dataclass

import numpy as np

from bench.cells import SlowCell
from bench.judging import Given, Goal, Report, run
from bench.ratios import Numbers
from rampart.simulate import ours
from rampart.simulate.latency import alarm_minutes, draw_slow

MOST_OF_ALARM = 1 / 3
MOST_FALSE = 0.01
_RUNS_DIVISOR = 2
"""Durations are drawn one by one, which takes its time."""


@dataclass(frozen=True, slots=True)
class Played:
    """What became of one cell: the minutes of data until each rule told, not a number for never."""

    cell: SlowCell
    minutes: dict[str, Numbers]


def play(job: tuple[SlowCell, int, int]) -> Played:
    """Play one cell."""
    cell, runs, seed = job
    traces = draw_slow(cell.scenario, runs, seed)
    return Played(
        cell,
        {
            "ours": ours.slow_minutes(traces),
            "p95 3/3": alarm_minutes(traces, 3, 3),
            "p95 1/1": alarm_minutes(traces, 1, 1),
        },
    )


def measure(given: Given) -> Report:
    """Return how soon slow answers are told."""
    runs = max(1, given.runs // _RUNS_DIVISOR)
    played = given.each(play, [(cell, runs, given.seed) for cell in given.cells.latency], "bench.latency")
    rules = list(played[0].minutes) if played else []
    return Report(
        bench="bench.latency",
        seed=given.seed,
        columns=["median minutes of data (told)", *rules, "ours / p95 3/3"],
        rows=[_row(each) for each in played],
        goals=_goals(played),
        notes=[f"{runs} rollouts of each cell"],
        data=[
            {
                "cell": each.cell.name,
                "median_minutes": {rule: _median(found) for rule, found in each.minutes.items()},
                "told": {rule: _told(found) for rule, found in each.minutes.items()},
            }
            for each in played
        ],
    )


def _goals(played: list[Played]) -> list[Goal]:
    slow = [p for p in played if _is_shift(p.cell)]
    good = [p for p in played if p.cell.scenario.slower <= 1]
    goals = [
        Goal(what=f"minutes of data / the p95 alarm's, {p.cell.name}", measured=_ratio(p), at_most=MOST_OF_ALARM)
        for p in slow
    ]
    goals += [
        Goal(what=f"false alarms, {p.cell.name}", measured=_told(p.minutes["ours"]), at_most=MOST_FALSE)
        for p in good
    ]
    return goals or [Goal(what="latency cells", measured=0, at_least=1)]


def _is_shift(cell: SlowCell) -> bool:
    """Say whether a cell is one that the goal speaks of: all answers 30 % slower or more, 100 a second or more."""
    scenario = cell.scenario
    return scenario.slower >= 1.3 and scenario.tail_share == 1 and scenario.requests_per_second >= 100


def _ratio(played: Played) -> float:
    return _median(played.minutes["ours"]) / _median(played.minutes["p95 3/3"])


def _told(minutes: Numbers) -> float:
    return float((~np.isnan(minutes)).mean())


def _median(minutes: Numbers) -> float:
    """Return the median, those that were never told counting as later than all others."""
    ranked = np.sort(np.where(np.isnan(minutes), math.inf, minutes))
    return float(ranked[(len(ranked) - 1) // 2])


def _row(played: Played) -> list[str]:
    cells = [f"{_median(found):g} ({100 * _told(found):.3g}%)" for found in played.minutes.values()]
    is_told = math.isfinite(_median(played.minutes["p95 3/3"]))
    return [played.cell.name, *cells, f"{_ratio(played):.3g}" if is_told else ""]


if __name__ == "__main__":
    sys.exit(run("bench.latency", (__doc__ or "").splitlines()[0], [measure]))
