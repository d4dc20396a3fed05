"""Whether the guarantee is exact: the mean of the shipped evidence over everything that can happen, enumerated.

For 180 cells of requests and failure rates, with a candidate that is no worse, the mean of the evidence of one
minute is summed up over all pairs of failure counts; with a tolerance, the candidate's odds of failing are as much
higher as it allows. It may not be above 1: that is what the bound on false rollbacks rests on. The same for two
minutes of which the second one's weight follows from the first one's failures: weights may depend on the past.
"""

import itertools
import math
import sys
from collections.abc import Iterator
from functools import lru_cache

from bench.judging import Given, Goal, Report, run
from controller.core.evidence import Minute, log_evidence

REQUESTS = (1, 2, 5, 10, 20, 40)
RATES = (0.001, 0.01, 0.1, 0.5, 0.9)
TOLERANCES = (1.0, 1.25, 2.0)
MOST = 1 + 1e-9
_SMALL = (1, 2, 4)
_QUICK_REQUESTS = (1, 5, 20)


def mean_of_one_minute(candidate: int, baseline: int, rate: float, tolerance: float) -> float:
    """Return the mean evidence of a minute with so many requests of each version, at the limit of the tolerance."""
    worse = tolerance * rate / (1 - rate + tolerance * rate)
    return math.fsum(
        chance * other_chance * math.exp(log_evidence([Minute(candidate, failed, baseline, other)], tolerance))
        for failed, chance in _outcomes(candidate, worse)
        for other, other_chance in _outcomes(baseline, rate)
    )


def mean_of_two_minutes(requests: int, rate: float, tolerance: float) -> float:
    """Return the mean evidence when a candidate that failed no more in the first minute gets more of the next."""
    worse = tolerance * rate / (1 - rate + tolerance * rate)
    total = []
    for failed, other in itertools.product(range(requests + 1), repeat=2):
        first = Minute(requests, failed, requests, other)
        chance = _chance(requests, failed, worse) * _chance(requests, other, rate)
        mine, theirs = (2 * requests, requests) if failed <= other else (1, 2 * requests)
        total += [
            chance * _chance(mine, again, worse) * _chance(theirs, others, rate)
            * math.exp(log_evidence([first, Minute(mine, again, theirs, others)], tolerance))
            for again in range(mine + 1)
            for others in range(theirs + 1)
        ]  # fmt: skip
    return math.fsum(total)


def measure(given: Given) -> Report:
    """Return the highest mean of the evidence."""
    requests = _QUICK_REQUESTS if given.is_quick else REQUESTS
    jobs = [(tolerance, requests) for tolerance in TOLERANCES]
    found = given.each(_highest, jobs, "bench.exact")
    cells = len(requests) ** 2 * len(RATES)
    return Report(
        bench="bench.exact",
        seed=given.seed,
        columns=["tolerance", "cells", "highest mean", "where", "two minutes"],
        rows=[[f"{t:g}", str(cells), f"{one:.10f}", where, f"{two:.10f}"] for t, one, where, two in found],
        goals=[
            Goal(
                what=f"mean evidence at a tolerance of {tolerance:g}, less 1",
                measured=max(one, two) - 1,
                at_most=MOST - 1,
            )
            for tolerance, one, _, two in found
        ],
        data=[
            {"tolerance": t, "cells": cells, "highest_mean": one, "where": where, "two_minutes": two}
            for t, one, where, two in found
        ],
    )


def _highest(job: tuple[float, tuple[int, ...]]) -> tuple[float, float, str, float]:
    tolerance, requests = job
    cells = list(itertools.product(requests, requests, RATES))
    highest, where = max(
        (mean_of_one_minute(*cell, tolerance), "{} and {} requests, {:g}".format(*cell)) for cell in cells
    )
    two = max(mean_of_two_minutes(few, rate, tolerance) for few in _SMALL for rate in RATES)
    return tolerance, highest, where, two


def _outcomes(requests: int, rate: float) -> Iterator[tuple[int, float]]:
    for failed in range(requests + 1):
        yield failed, _chance(requests, failed, rate)


@lru_cache(maxsize=100_000)
def _chance(requests: int, failed: int, rate: float) -> float:
    return math.comb(requests, failed) * rate**failed * (1 - rate) ** (requests - failed)


if __name__ == "__main__":
    sys.exit(run("bench.exact", (__doc__ or "").splitlines()[0], [measure]))
