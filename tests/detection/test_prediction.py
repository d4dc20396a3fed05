"""The prediction holds: what a plan is said to detect, the controller's own looks detect of simulated rollouts."""

import math
import re
from typing import Any

import numpy as np
import pytest

from rampart.detection.words import StepDetection, detections
from rampart.simulate.ours import Policy, target_with
from rampart.simulate.scenario import Scenario
from rampart.simulate.traces import Traces, draw

ROLLOUTS = 60
WITHIN = 1.5
"""The factor to within which the predicted excess over the baseline's failure rate is right."""
NINE_IN_TEN = 0.9 - 3 * math.sqrt(0.9 * 0.1 / ROLLOUTS)
"""The least that nine in ten come to in so few rollouts: three standard errors below."""
TWO_STEPS = {"steps": [{"weight": "10%", "bake": "10m"}, {"weight": "50%", "bake": "10m"}]}


def traces_of(rollouts: int, per_minute: float, base: float, failing: float | None = None) -> Traces:
    """Return rollouts of a candidate of which a share of requests fails; of a good one by default."""
    worse = 0.0 if failing is None else (failing - base) / (1 - base)
    return draw(
        Scenario(
            requests_per_second=per_minute / 60,
            base_failure_rate=base,
            regression=worse,
            diurnal=0,
            horizon_minutes=120,
        ),
        rollouts,
        seed=11,
        name="prediction",
    )


def rolled_back_by(policy: Policy, traces: Traces, step: int) -> float:
    """Return in which share of rollouts the controller rolls back by the end of a step, by its own reasons."""
    found = policy.play(traces)
    steps = [re.match(r"step (\d+)", reason) for reason in found.reasons]
    by_then = [at is not None and int(at[1]) <= step + 1 for at in steps]
    return float(np.mean(found.is_rolled_back & np.array(by_then)))


def predicted(policy: Policy, per_minute: float, base: float) -> tuple[StepDetection, ...]:
    """Return what the plan is said to detect by the end of each step, from what Plan read of the week before."""
    (told,) = detections(policy._planned(traces_of(1, per_minute, base), 0))
    return told.steps


def times(rate: float | None, base: float, factor: float) -> float:
    """Return a failure rate whose excess over the baseline's is so many times as large."""
    assert rate is not None
    assert rate > base
    return min(1.0, base + (rate - base) * factor)


@pytest.mark.parametrize(
    ("strategy", "per_minute", "base"),
    [
        ("Linear10PercentEvery1Minute", 4, 0.001),
        ("Canary10Percent5Minutes", 60, 0.001),
        ("Canary10Percent5Minutes", 6_000, 0.02),
        ("guarded", 6_000, 0.001),
    ],
)
def test_a_plan_detects_what_was_said_and_not_much_less(strategy: str, per_minute: float, base: float) -> None:
    policy = Policy(target_with(strategy))
    told = predicted(policy, per_minute, base)[-1]

    def measured(failing: float) -> float:
        return float(policy.play(traces_of(ROLLOUTS, per_minute, base, failing)).is_rolled_back.mean())

    assert measured(times(told.half, base, 1 / WITHIN)) < 0.5 < measured(times(told.half, base, WITHIN))
    assert measured(times(told.often, base, WITHIN)) >= NINE_IN_TEN


def test_a_step_detects_by_its_end_what_was_said_and_not_what_the_next_one_is_for() -> None:
    policy = Policy(target_with(TWO_STEPS))
    first, second, _ = predicted(policy, 60, 0.001)
    assert first.often is not None
    assert second.often is not None
    assert second.often < first.often / 2
    bad, less_bad = (traces_of(ROLLOUTS, 60, 0.001, rate) for rate in (first.often, second.often))
    assert rolled_back_by(policy, bad, 0) >= NINE_IN_TEN
    assert rolled_back_by(policy, less_bad, 1) >= NINE_IN_TEN
    assert rolled_back_by(policy, less_bad, 0) < 0.5


def test_what_is_called_theatre_is_promoted_more_often_than_not_and_what_is_offered_instead_is_not() -> None:
    strategy: dict[str, Any] = {"steps": [{"weight": "2%", "bake": "2m"}]}
    policy = Policy(target_with(strategy))
    (told,) = detections(policy._planned(traces_of(1, 6, 0.001), 0))
    assert told.is_theatre
    bad = traces_of(ROLLOUTS, 6, 0.001, 0.201)
    assert np.mean(~np.isnan(policy.play(bad).promoted)) > 0.5
    assert 'the strategy "guarded" would roll it back in' in told.warnings[0]
    assert "a single step of 50% for 10m would in" in told.warnings[0]
    alone: dict[str, Any] = {"steps": [{"weight": "50%", "bake": "10m"}]}
    for better in (alone, "guarded"):
        found = Policy(target_with(better)).play(bad)
        assert found.is_rolled_back.mean() >= NINE_IN_TEN
