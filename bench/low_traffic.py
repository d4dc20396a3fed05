"""Functions that are seldom called: whether total breaks are caught, what they cost, and that silence is no fault.

Over the cells of less than half a request a second. The last measurement plays the good ones again with metrics
that never arrive: nobody may be rolled back for that, which is what Flagger does.
"""

import sys
from dataclasses import dataclass

import numpy as np

from bench.cells import Cell
from bench.judging import Given, Goal, Report, goal, run
from bench.ratios import Estimate, Numbers, ratio, resampled_means, share
from rampart.simulate import codedeploy, flagger, ours
from rampart.simulate.traces import draw

LEAST_CAUGHT = 0.99
MOST_OF_CODEDEPLOY = 0.25
MOST_FALSE = 0.005


@dataclass(frozen=True, slots=True)
class Played:
    """What became of one cell."""

    cell: Cell
    rollouts: int
    rolled_back: dict[str, int]
    means: dict[str, Numbers]
    """The mean of failed requests and its resamples, by policy."""
    rolled_back_in_silence: int | None
    """How many of a good release's rollouts of ours were rolled back though CloudWatch showed nothing."""


def play(job: tuple[Cell, int, int]) -> Played:
    """Play one cell."""
    cell, runs, seed = job
    policy = ours.Policy(ours.target_with(ours.GUARDED))
    traces = draw(cell.scenario, runs, seed, cell.name)
    found = {
        "ours": policy.play(traces),
        "linear >5%": codedeploy.play(traces, codedeploy.Configuration(codedeploy.LINEAR, codedeploy.ORDINARY)),
        "linear Sum>0": codedeploy.play(
            traces, codedeploy.Configuration(codedeploy.LINEAR, codedeploy.ANY_FAILURE)
        ),
        "Flagger 5": flagger.play(traces, 5),
    }
    silence = None
    if cell.is_good:
        silent = cell.scenario.model_copy(update={"missing_share": 1.0})
        silence = int(
            ours.Policy(ours.target_with(ours.GUARDED))
            .play(draw(silent, runs, seed, cell.name))
            .is_rolled_back.sum()
        )
    rows = resampled_means([each.failed for each in found.values()], seed)
    return Played(
        cell=cell,
        rollouts=runs,
        rolled_back={name: int(each.is_rolled_back.sum()) for name, each in found.items()},
        means=dict(zip(found, rows, strict=True)),
        rolled_back_in_silence=silence,
    )


def measure(given: Given) -> Report:
    """Return what becomes of functions that are seldom called."""
    cells = [c for c in given.cells.cells if c.traffic == "low"]
    jobs = [(cell, given.good_runs if cell.is_good else given.runs, given.seed) for cell in cells]
    played = given.each(play, jobs, "bench.low_traffic")
    policies = list(played[0].means) if played else []
    return Report(
        bench="bench.low_traffic",
        seed=given.seed,
        columns=["failed requests (rolled back)", *policies, "ours / linear >5%"],
        rows=[_row(each) for each in played],
        goals=_goals(played),
        data=[
            {
                "cell": each.cell.name,
                "rollouts": each.rollouts,
                "rolled_back": each.rolled_back,
                "mean_failed": {name: float(row[0]) for name, row in each.means.items()},
                "rolled_back_in_silence": each.rolled_back_in_silence,
            }
            for each in played
        ],
    )


def _goals(played: list[Played]) -> list[Goal]:
    breaks = [each for each in played if each.cell.scenario.regression == 1]
    good = [each for each in played if each.cell.is_good]
    if not breaks or not good:
        return [Goal(what="cells of low traffic with a total break, and without", measured=0, at_least=1)]
    mine, theirs = (np.mean([each.means[name] for each in breaks], axis=0) for name in ("ours", "linear >5%"))
    silent = sum(each.rolled_back_in_silence or 0 for each in good)
    return [
        goal("total breaks caught", _share(breaks), at_least=LEAST_CAUGHT),
        goal("cost of a total break / CodeDeploy linear > 5%", ratio(mine, theirs), at_most=MOST_OF_CODEDEPLOY),
        goal("false rollbacks", _share(good), at_most=MOST_FALSE),
        Goal(what="rollbacks for missing data", measured=silent, at_most=0),
    ]


def _share(played: list[Played]) -> Estimate:
    return share(sum(each.rolled_back["ours"] for each in played), sum(each.rollouts for each in played))


def _ratio(played: Played) -> Estimate:
    return ratio(played.means["ours"], played.means["linear >5%"])


def _row(played: Played) -> list[str]:
    costs = [
        f"{row[0]:.3g} ({100 * played.rolled_back[name] / played.rollouts:.3g}%)"
        for name, row in played.means.items()
    ]
    return [played.cell.name, *costs, "" if played.cell.is_good else str(_ratio(played))]


if __name__ == "__main__":
    sys.exit(run("bench.low_traffic", (__doc__ or "").splitlines()[0], [measure]))
