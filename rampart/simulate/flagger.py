"""Flagger's rule: a canary's success rate of each minute against a fixed threshold, and a number of failed checks.

As its documentation's example has it, and `pkg/controller/scheduler.go` carries it out: 10 % more at each interval
of a minute up to 50 %, then the promotion; a check that fails, or finds no data, halts the canary and is counted;
at the interval after the count has reached the threshold, it rolls back. Flagger reads a metrics server and not
CloudWatch: here it sees the last minute whole and at once, which favours it.
"""

import numpy as np

from rampart.simulate.outcomes import Outcomes, charged
from rampart.simulate.split import Counts, Numbers, thinned
from rampart.simulate.traces import FLAT, Traces

LEAST_SUCCESS = 0.99
WEIGHTS = (0.1, 0.2, 0.3, 0.4, 0.5)


def play(traces: Traces, most_failed: int) -> Outcomes:
    """Return what becomes of the rollouts when `most_failed` failed checks roll back."""
    per_minute = traces.scenario.steps_per_minute
    rollouts, minutes = traces.rollouts, traces.minutes - 1  # it begins within the first minute
    level = np.zeros(rollouts, dtype=np.int64)
    failed_checks = np.zeros(rollouts, dtype=np.int64)
    back_minute, promoted_minute = np.full(rollouts, np.nan), np.full(rollouts, np.nan)
    regressed = np.zeros(traces.regressed.shape, dtype=np.int64)
    weights = np.array([*WEIGHTS, WEIGHTS[-1], 1.0])  # one more minute at half while the primary is replaced
    for minute in range(minutes):
        steps = traces.begin_steps[:, None] + minute * per_minute + np.arange(per_minute)
        is_over = ~np.isnan(back_minute)
        weight = np.where(is_over, 0.0, weights[level])
        served, shared, failing = _served(traces, steps, weight[:, None])
        np.put_along_axis(regressed, steps, failing, axis=1)
        requests = (served + shared + failing).sum(axis=1)
        failures = (shared + failing).sum(axis=1)
        success = 1 - np.divide(failures, requests, out=np.ones(rollouts), where=requests > 0)
        is_checked = ~is_over & (level < len(WEIGHTS))
        is_back = is_checked & (failed_checks >= most_failed)
        back_minute[is_back] = minute + 1
        is_good = success >= LEAST_SUCCESS
        failed_checks += is_checked & ~is_good
        goes_on = ((is_checked & is_good) | (level == len(WEIGHTS))) & ~is_back & ~is_over
        promoted_minute[goes_on & (level == len(WEIGHTS))] = minute + 1
        level += goes_on
    back_step = np.where(
        np.isnan(back_minute), traces.steps, traces.begin_steps + np.nan_to_num(back_minute) * per_minute
    )
    is_full = np.arange(traces.steps) >= (minutes * per_minute + traces.begin_steps)[:, None]
    left = np.where(is_full & (level == len(weights) - 1)[:, None], traces.regressed, regressed)
    failed, by_minute = charged(traces, left, back_step.astype(np.int64))
    return Outcomes(
        policy=f"Flagger success rate >= 99%, threshold {most_failed}",
        failed=failed,
        rolled_back=back_minute,
        promoted=promoted_minute,
        failed_by_minute=by_minute,
    )


def _served(traces: Traces, steps: Counts, weight: Numbers) -> tuple[Counts, Counts, Counts]:
    """Return what the canary serves of each fate in those steps of each rollout."""
    requests, shared, regressed = (
        np.take_along_axis(counts, steps, axis=1) for counts in (traces.requests, traces.shared, traces.regressed)
    )
    served = np.maximum(requests - shared * traces.scenario.cluster - regressed, 0)
    chances = [np.take_along_axis(traces.chances[:, fate], steps, axis=1) for fate in range(len(FLAT))]
    canary = [thinned(c, weight, luck) for c, luck in zip((served, shared, regressed), chances, strict=True)]
    return canary[0], canary[1] * traces.scenario.cluster, canary[2]
