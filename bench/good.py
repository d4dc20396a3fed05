"""What becomes of good releases: how many are rolled back for nothing, and how long the others take.

Over the cells without a regression at 1 request a second and more. Cells whose failures stick to one version's
sandboxes are outside the guarantee: they are shown, and not counted. The time to promote is held against
CodeDeploy's Linear10PercentEvery1Minute in the cells that have nothing unusual.
"""

import math
import sys
from dataclasses import dataclass

import numpy as np

from bench.cells import Cell
from bench.judging import Given, Goal, Report, goal, run
from bench.ratios import Estimate, share
from rampart.simulate import codedeploy, flagger, ours
from rampart.simulate.traces import draw

MOST_FALSE, MOST_FALSE_IN_BURSTS = 0.001, 0.003
MOST_TIMES, MOST_TIMES_AT_ONE_PERCENT = 1.07, 1.2
_ONE_PERCENT = 0.01


@dataclass(frozen=True, slots=True)
class Played:
    """What became of one cell."""

    cell: Cell
    rollouts: int
    rolled_back: dict[str, int]
    """How many were, by policy."""
    median_minutes: float
    """Until the candidate had all of the traffic, of those that were promoted."""
    p95_minutes: float
    held: int
    """How many of ours were neither promoted nor rolled back before the horizon."""


def play(job: tuple[Cell, int, int]) -> Played:
    """Play one cell."""
    cell, runs, seed = job
    traces = draw(cell.scenario, runs, seed, cell.name)
    mine = ours.Policy(ours.target_with(ours.GUARDED)).play(traces)
    linear = codedeploy.watch(traces, codedeploy.LINEAR)
    found = {
        "ours": mine,
        "linear >5%": linear.under(codedeploy.ORDINARY),
        "linear >1% 2/3": linear.under(codedeploy.Alarm(0.01, 2, 3)),
        "linear Sum>0": linear.under(codedeploy.ANY_FAILURE),
        "canary >5%": codedeploy.watch(traces, codedeploy.CANARY).under(codedeploy.ORDINARY),
        "Flagger 1": flagger.play(traces, 1),
        "Flagger 5": flagger.play(traces, 5),
    }
    promoted = mine.promoted[~np.isnan(mine.promoted)]
    return Played(
        cell=cell,
        rollouts=runs,
        rolled_back={name: int(each.is_rolled_back.sum()) for name, each in found.items()},
        median_minutes=float(np.median(promoted)) if len(promoted) else math.nan,
        p95_minutes=float(np.quantile(promoted, 0.95)) if len(promoted) else math.nan,
        held=int((~mine.is_rolled_back & np.isnan(mine.promoted)).sum()),
    )


def measure(given: Given) -> Report:
    """Return what becomes of the good releases."""
    cells = [c for c in given.cells.cells if c.is_good and c.traffic != "low"]
    played = given.each(play, [(cell, given.good_runs, given.seed) for cell in cells], "bench.good")
    counted = [each for each in played if each.cell.scenario.cluster == 1]
    return Report(
        bench="bench.good",
        seed=given.seed,
        columns=[
            "rolled back, %",
            *(list(played[0].rolled_back) if played else []),
            "held",
            "minutes",
            "95th",
            "/ linear",
        ],
        rows=[_row(each) for each in played],
        goals=_false_goals(counted) + _time_goals(counted),
        notes=_notes(counted),
        data=[_data(each) for each in played],
    )


def _false_goals(played: list[Played]) -> list[Goal]:
    bursts = [each for each in played if each.cell.scenario.burst]
    goals = [goal("false rollbacks, pooled", _share(played, "ours"), at_most=MOST_FALSE)]
    if bursts:
        found = _share(bursts, "ours")
        goals.append(goal("false rollbacks in bursts", found, at_most=MOST_FALSE_IN_BURSTS))
    return goals


def _time_goals(played: list[Played]) -> list[Goal]:
    goals = []
    for is_one_percent, most in ((False, MOST_TIMES), (True, MOST_TIMES_AT_ONE_PERCENT)):
        plain = [
            each
            for each in played
            if each.cell.is_plain and (each.cell.scenario.base_failure_rate >= _ONE_PERCENT) is is_one_percent
        ]
        if plain:
            slowest = max(
                plain, key=lambda each: math.inf if math.isnan(each.median_minutes) else each.median_minutes
            )
            where = "1% and more" if is_one_percent else "below 1%"
            what = f"median time to promote / linear, base rate {where}, slowest cell ({slowest.cell.name})"
            goals.append(Goal(what=what, measured=_times(slowest), at_most=most))
    return goals


def _share(played: list[Played], policy: str) -> Estimate:
    return share(sum(each.rolled_back[policy] for each in played), sum(each.rollouts for each in played))


def _times(played: Played) -> float:
    return played.median_minutes / codedeploy.LINEAR.minutes


def _notes(played: list[Played]) -> list[str]:
    rollouts = sum(each.rollouts for each in played)
    if not rollouts:
        return []
    false = [f"{name} {_share(played, name)}" for name in ("linear >5%", "linear >1% 2/3")]
    return [f"{rollouts:,} rollouts counted; on the same ones CodeDeploy rolls back {', '.join(false)}"]


def _row(played: Played) -> list[str]:
    shares = [f"{100 * count / played.rollouts:.3g}" for count in played.rolled_back.values()]
    outside = " (not counted)" if played.cell.scenario.cluster > 1 else ""
    return [
        played.cell.name + outside,
        *shares,
        str(played.held),
        f"{played.median_minutes:.3g}",
        f"{played.p95_minutes:.3g}",
        f"{_times(played):.3g}",
    ]


def _data(played: Played) -> dict[str, object]:
    return {
        "cell": played.cell.name,
        "rollouts": played.rollouts,
        "rolled_back": played.rolled_back,
        "held": played.held,
        "median_minutes": played.median_minutes,
        "p95_minutes": played.p95_minutes,
        "times_linear": _times(played),
    }


if __name__ == "__main__":
    sys.exit(run("bench.good", (__doc__ or "").splitlines()[0], [measure]))
