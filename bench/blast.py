"""How many requests a bad release costs: ours beside CodeDeploy with several alarms, its oracle, and Flagger.

Over the cells with a regression at 10 requests a second and more. The oracle is, for each cell, the best of 44
configurations of CodeDeploy among those that seldom roll the matching good release back: it knows the size of the
regression beforehand, which nobody does. All policies play the same traces. Intervals are 95 %.
"""

import sys
from dataclasses import dataclass

import numpy as np

from bench.cells import Cell
from bench.judging import Given, Goal, Report, goal, run
from bench.ratios import Numbers, geometric_mean, mean, ratio, resampled_means
from rampart.simulate import codedeploy, flagger, ours
from rampart.simulate.outcomes import Outcomes
from rampart.simulate.traces import draw

GOALS = {"oracle": 0.10, "worst": 0.80, "whole percents": 0.13, "ordinary": 0.02}
_ORDINARY = codedeploy.Configuration(codedeploy.LINEAR, codedeploy.ORDINARY)


@dataclass(frozen=True, slots=True)
class Played:
    """What became of one cell under every policy."""

    cell: Cell
    oracle_name: str
    means: dict[str, Numbers]
    """The mean of failed requests and its resamples, by policy."""
    missed: dict[str, float]
    """The share of the rollouts that were not rolled back, by policy."""
    rolled_back_minutes: dict[str, float]
    """The median time to the rollback, by policy."""


def play(job: tuple[Cell, int, int]) -> Played:
    """Play one cell."""
    cell, runs, seed = job
    traces = draw(cell.scenario, runs, seed, cell.name)
    good = draw(cell.scenario.good, runs, seed, cell.name)
    linear = codedeploy.watch(traces, codedeploy.LINEAR)
    canary = codedeploy.watch(traces, codedeploy.CANARY)
    best = codedeploy.oracle(traces, good)
    outcomes = {
        "ours": ours.Policy(ours.target_with(ours.GUARDED)).play(traces),
        "whole percents": ours.Policy(ours.target_with(ours.GUARDED_IN_WHOLE_PERCENTS)).play(traces),
        "oracle": best.outcomes,
        "linear >5%": linear.under(codedeploy.ORDINARY),
        "canary >5%": canary.under(codedeploy.ORDINARY),
        "linear Sum>0": linear.under(codedeploy.ANY_FAILURE),
        "Flagger 1": flagger.play(traces, 1),
        "Flagger 5": flagger.play(traces, 5),
    }
    rows = resampled_means([found.failed for found in outcomes.values()], seed)
    return Played(
        cell=cell,
        oracle_name=str(best.configuration).removeprefix("CodeDeploy "),
        means=dict(zip(outcomes, rows, strict=True)),
        missed={name: float((~found.is_rolled_back).mean()) for name, found in outcomes.items()},
        rolled_back_minutes={name: _median(found) for name, found in outcomes.items()},
    )


def measure(given: Given) -> Report:
    """Return what the cells cost."""
    cells = [c for c in given.cells.cells if not c.is_good and c.traffic in ("medium", "high")]
    played = given.each(play, [(cell, given.runs, given.seed) for cell in cells], "bench.blast")
    return Report(
        bench="bench.blast",
        seed=given.seed,
        columns=["failed requests", *_NAMES.values(), "ours / oracle", "the oracle's alarm"],
        rows=[_row(each) for each in played],
        goals=_goals(played),
        notes=[
            f"{given.runs} rollouts of each cell; in brackets what share was never rolled back",
            *_notes(played),
        ],
        data=[_data(each) for each in played],
    )


_NAMES = {
    "ours": "ours",
    "whole percents": "whole %",
    "oracle": "oracle",
    "linear >5%": "linear >5%",
    "canary >5%": "canary >5%",
    "linear Sum>0": "linear Sum>0",
    "Flagger 1": "Flagger 1",
    "Flagger 5": "Flagger 5",
}


def _goals(played: list[Played]) -> list[Goal]:
    if not played:
        return [Goal(what="cells with a regression at 10 requests a second and more", measured=0, at_least=1)]
    by = {name: [each.means[name] for each in played] for name in _NAMES}
    worst = max((ratio(each.means["ours"], each.means["oracle"]) for each in played), key=lambda found: found.value)
    return [
        goal("damage / oracle, geometric mean", geometric_mean(by["ours"], by["oracle"]), at_most=GOALS["oracle"]),
        goal("damage / oracle, worst cell", worst, at_most=GOALS["worst"]),
        goal(
            "damage in whole percents / oracle, geometric mean",
            geometric_mean(by["whole percents"], by["oracle"]),
            at_most=GOALS["whole percents"],
        ),
        goal(
            f"damage / {_ORDINARY}, geometric mean",
            geometric_mean(by["ours"], by["linear >5%"]),
            at_most=GOALS["ordinary"],
        ),
    ]


def _notes(played: list[Played]) -> list[str]:
    notes = []
    for traffic in ("medium", "high"):
        some = [each for each in played if each.cell.traffic == traffic]
        if some:
            found = geometric_mean([e.means["ours"] for e in some], [e.means["oracle"] for e in some])
            notes.append(f"damage / oracle, {traffic} traffic alone: {found}")
    return notes


def _row(played: Played) -> list[str]:
    costs = []
    for name in _NAMES:
        missed = f" ({100 * played.missed[name]:.0f}%)" if played.missed[name] >= 0.005 else ""
        costs.append(f"{played.means[name][0]:,.4g}{missed}")
    return [played.cell.name, *costs, str(ratio(played.means["ours"], played.means["oracle"])), played.oracle_name]


def _data(played: Played) -> dict[str, object]:
    return {
        "cell": played.cell.name,
        "oracle": played.oracle_name,
        "failed": {name: mean(row).model_dump() for name, row in played.means.items()},
        "not_rolled_back": played.missed,
        "median_rollback_minutes": played.rolled_back_minutes,
        "ratio_to_oracle": ratio(played.means["ours"], played.means["oracle"]).model_dump(),
    }


def _median(found: Outcomes) -> float:
    times = found.rolled_back[found.is_rolled_back]
    return float(np.median(times)) if len(times) else float("nan")


if __name__ == "__main__":
    sys.exit(run("bench.blast", (__doc__ or "").splitlines()[0], [measure]))
