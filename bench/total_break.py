"""What a release costs that fails every request: in seconds of full traffic, and beside CodeDeploy."""

import sys
from dataclasses import dataclass

import numpy as np

from bench.cells import Cell
from bench.judging import Given, Goal, Report, goal, run
from bench.ratios import Estimate, Numbers, mean, ratio, resampled_means
from rampart.simulate import codedeploy, ours
from rampart.simulate.traces import draw

MOST_SECONDS = 1.5
MOST_OF_LINEAR = 1 / 15


@dataclass(frozen=True, slots=True)
class Played:
    """What became of one cell."""

    cell: Cell
    seconds: dict[str, Numbers]
    """The mean cost in seconds of the mean traffic and its resamples, by policy."""
    p95_seconds: float
    """What no more than one in twenty of ours costs more than."""


def play(job: tuple[Cell, int, int]) -> Played:
    """Play one cell."""
    cell, runs, seed = job
    traces = draw(cell.scenario, runs, seed, cell.name)
    watched = codedeploy.watch(traces, codedeploy.LINEAR)
    found = {
        "ours": ours.Policy(ours.target_with(ours.GUARDED)).play(traces),
        "linear >5%": watched.under(codedeploy.ORDINARY),
        "linear Sum>0": watched.under(codedeploy.ANY_FAILURE),
    }
    per_second = cell.scenario.requests_per_second
    rows = resampled_means([each.failed / per_second for each in found.values()], seed)
    p95 = float(np.quantile(found["ours"].failed / per_second, 0.95))
    return Played(cell, dict(zip(found, rows, strict=True)), p95)


def measure(given: Given) -> Report:
    """Return what the total breaks cost."""
    cells = [c for c in given.cells.cells if c.scenario.regression == 1 and c.traffic in ("medium", "high")]
    played = given.each(play, [(cell, given.runs, given.seed) for cell in cells], "bench.total_break")
    return Report(
        bench="bench.total_break",
        seed=given.seed,
        columns=["seconds of full traffic", "ours", "95th percentile", "linear >5%", "linear Sum>0", "ours / >5%"],
        rows=[_row(each) for each in played],
        goals=_goals(played),
        notes=[f"{given.runs} rollouts of each cell"],
        data=[
            {
                "cell": each.cell.name,
                "seconds": {name: mean(row).model_dump() for name, row in each.seconds.items()},
                "p95_seconds": each.p95_seconds,
            }
            for each in played
        ],
    )


def _goals(played: list[Played]) -> list[Goal]:
    if not played:
        return [Goal(what="cells with a total break", measured=0, at_least=1)]
    together = {name: np.mean([each.seconds[name] for each in played], axis=0) for name in played[0].seconds}
    strictest = min(("linear >5%", "linear Sum>0"), key=lambda name: float(together[name][0]))
    return [
        goal("mean cost in seconds of full traffic", mean(together["ours"]), at_most=MOST_SECONDS),
        goal(f"ours / CodeDeploy {strictest}", _ratio(together, strictest), at_most=MOST_OF_LINEAR),
    ]


def _ratio(seconds: dict[str, Numbers], other: str) -> Estimate:
    return ratio(seconds["ours"], seconds[other])


def _row(played: Played) -> list[str]:
    return [
        played.cell.name,
        str(mean(played.seconds["ours"])),
        f"{played.p95_seconds:.3g}",
        str(mean(played.seconds["linear >5%"])),
        str(mean(played.seconds["linear Sum>0"])),
        str(_ratio(played.seconds, "linear >5%")),
    ]


if __name__ == "__main__":
    sys.exit(run("bench.total_break", __doc__ or "", [measure]))
