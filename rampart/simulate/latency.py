"""Slow answers: the comparison of counts of slow requests beside alarms on a percentile, on the same durations.

Durations are log-normal. The ramp is CodeDeploy's Linear10PercentEvery1Minute for both sides, so that what is
compared is how many minutes of data each needs. An alarm watches the p95 of the alias for 20 % above what it was
before. The comparison counts the requests that took longer than the baseline's p95 of the hour before.
"""

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from controller.core.document import Document
from rampart.simulate.scenario import MAX_REQUESTS_PER_SECOND
from rampart.simulate.split import Counts, Numbers

SIGMA = 0.6
"""The standard deviation of the logarithm of a duration."""
MEDIAN_MS = 100.0
COLD_START_MS = 400.0
MINUTES = 10
ALARM_TIMES = 1.2
"""How far above what it was before the p95 must be for the alarm."""
_P95 = 1.6448536269514722
_HOUR_MINUTES = 60


class SlowScenario(Document):
    """One kind of rollout of a release that answers more slowly, or no more slowly, than its baseline."""

    requests_per_second: Annotated[float, Field(gt=0, le=min(1_000, MAX_REQUESTS_PER_SECOND))]
    slower: Annotated[float, Field(ge=0.5, le=100)] = 1.0
    """The factor on the candidate's durations."""
    tail_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The share of the candidate's requests, the slowest ones, that have it."""
    drift: Annotated[float, Field(ge=0.5, le=2)] = 1.0
    """The factor by which the durations of both versions change every minute."""
    cold_sandboxes: Annotated[int, Field(ge=0, le=100_000)] = 0
    """How many cold starts a rise from 0 to 100 % of the traffic brings the candidate."""


@dataclass(frozen=True, slots=True)
class SlowTraces:
    """Rollouts of one scenario; arrays have a row for each and a column for each minute."""

    scenario: SlowScenario
    candidate_requests: Counts
    candidate_slow: Counts
    """Those that took longer than the baseline's p95 of the hour before."""
    baseline_requests: Counts
    baseline_slow: Counts
    p95_times: Numbers
    """The alias's p95 as a multiple of the baseline's before; not a number without requests."""


def draw_slow(scenario: SlowScenario, rollouts: int, seed: int) -> SlowTraces:
    """Return the traces of so many rollouts; the same for the same arguments."""
    chance = np.random.default_rng([seed, 5])
    counts = np.zeros((4, rollouts, MINUTES), dtype=np.int64)
    p95 = np.full((rollouts, MINUTES), np.nan)
    for rollout in range(rollouts):
        before = _threshold(scenario, chance)
        for minute in range(MINUTES):
            requests = chance.poisson(60 * scenario.requests_per_second)
            mine = chance.binomial(requests, (minute + 1) / MINUTES)
            shared = scenario.drift ** (minute + 1)
            candidate = _candidate(scenario, mine, chance) * shared
            baseline = _durations(requests - mine, chance) * shared
            counts[:, rollout, minute] = (
                mine,
                (candidate > before).sum(),
                requests - mine,
                (baseline > before).sum(),
            )
            if requests:
                p95[rollout, minute] = np.quantile(np.concatenate([candidate, baseline]), 0.95) / before
    return SlowTraces(scenario, counts[0], counts[1], counts[2], counts[3], p95)


def alarm_minutes(traces: SlowTraces, breaching: int, of: int) -> Numbers:
    """Return after how many minutes of data the alarm goes off; not a number for never."""
    is_high = traces.p95_times > ALARM_TIMES
    found = np.full(len(is_high), np.nan)
    for minute in range(of - 1, MINUTES):
        is_red = is_high[:, minute - of + 1 : minute + 1].sum(axis=1) >= breaching
        found = np.where(np.isnan(found) & is_red, minute + 1, found)
    return found


def _threshold(scenario: SlowScenario, chance: np.random.Generator) -> float:
    """Return the p95 of the hour before, with the error that a percentile of so many requests has."""
    requests = _HOUR_MINUTES * 60 * scenario.requests_per_second
    p95 = MEDIAN_MS * math.exp(SIGMA * _P95)
    density = math.exp(-(_P95**2) / 2) / math.sqrt(2 * math.pi) / (SIGMA * p95)
    return float(chance.normal(p95, math.sqrt(0.95 * 0.05 / requests) / density))


def _durations(requests: int, chance: np.random.Generator) -> Numbers:
    return chance.lognormal(math.log(MEDIAN_MS), SIGMA, requests)


def _candidate(scenario: SlowScenario, requests: int, chance: np.random.Generator) -> Numbers:
    durations = _durations(requests, chance)
    if scenario.slower != 1:
        from_here = np.quantile(durations, 1 - scenario.tail_share) if requests else 0.0
        durations = np.where(durations >= from_here, durations * scenario.slower, durations)
    cold = min(requests, chance.poisson(scenario.cold_sandboxes / MINUTES))
    durations[:cold] += COLD_START_MS
    return durations
