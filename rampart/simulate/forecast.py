"""What to expect of a rollout: many of them played, ours beside CodeDeploy's, and summed up for an operator."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from rampart.simulate import codedeploy
from rampart.simulate.outcomes import Outcomes
from rampart.simulate.scenario import Scenario
from rampart.simulate.split import Numbers
from rampart.simulate.traces import Traces, draw

AT_ONCE = 20
"""How many rollouts are played between two signs of progress."""
RIVALS = tuple(
    codedeploy.Configuration(ramp, alarm)
    for ramp in (codedeploy.LINEAR, codedeploy.CANARY)
    for alarm in (codedeploy.ORDINARY, codedeploy.ANY_FAILURE)
)
Policy = Callable[[Traces], Outcomes]


@dataclass(frozen=True, slots=True)
class Expectation:
    """What to expect of one policy. Shares are from 0 to 1, times in minutes since the first shift."""

    policy: str
    failed_requests: float
    """Mean over the rollouts of the bad release."""
    failed_requests_p95: float
    """What no more than one in twenty of them exceeds."""
    rolled_back: float
    """The share of them that is rolled back."""
    rollback_minutes: float | None
    """The median time to the rollback; None when there is none."""
    false_rollbacks: float
    """The share of the rollouts of a good release that is rolled back for nothing."""
    promoted: float
    """The share of them that is promoted before the simulation ends."""
    promote_minutes: float | None
    """The median time until a good release has all of the traffic; None when it never has."""
    reason: str
    """Why the first one was rolled back, in the policy's own words; empty when it says nothing."""
    failed_by_minute: tuple[float, ...]
    """How many requests have failed after each minute, in the mean."""


def forecast(
    ours: Policy, scenario: Scenario, rollouts: int, seed: int, advance: Callable[[int], None]
) -> list[Expectation]:
    """Return what to expect of our policy, and of CodeDeploy on the same traffic; `advance` hears of progress."""
    policies: list[Policy] = [ours, *(_played(configuration) for configuration in RIVALS)]
    bad: list[list[Outcomes]] = [[] for _ in policies]
    good: list[list[Outcomes]] = [[] for _ in policies]
    for number, size in enumerate(_portions(rollouts)):
        traces = draw(scenario, size, seed, f"forecast {number}")
        matching = draw(scenario.good, size, seed, f"forecast {number}")
        for index, policy in enumerate(policies):
            found = policy(matching)
            good[index].append(found)
            bad[index].append(policy(traces) if scenario.regression else found)
        advance(size)
    return [_expectation(*each) for each in zip(bad, good, strict=True)]


def _played(configuration: codedeploy.Configuration) -> Policy:
    return lambda traces: codedeploy.play(traces, configuration)


def _portions(rollouts: int) -> Iterator[int]:
    for first in range(0, rollouts, AT_ONCE):
        yield min(AT_ONCE, rollouts - first)


def _expectation(bad: list[Outcomes], good: list[Outcomes]) -> Expectation:
    failed = np.concatenate([each.failed for each in bad])
    back = np.concatenate([each.rolled_back for each in bad])
    falsely = np.concatenate([each.rolled_back for each in good])
    promoted = np.concatenate([each.promoted for each in good])
    portions = [len(each.failed) for each in bad]
    by_minute = np.average([each.failed_by_minute for each in bad], axis=0, weights=portions)
    reasons = [reason for each in bad for reason in each.reasons]
    return Expectation(
        policy=bad[0].policy,
        failed_requests=float(failed.mean()),
        failed_requests_p95=float(np.quantile(failed, 0.95)),
        rolled_back=_share(back),
        rollback_minutes=_median(back),
        false_rollbacks=_share(falsely),
        promoted=_share(promoted),
        promote_minutes=_median(promoted),
        reason=next((reason for reason, at in zip(reasons, back, strict=False) if not np.isnan(at)), ""),
        failed_by_minute=tuple(by_minute.tolist()),
    )


def _share(times: Numbers) -> float:
    return float((~np.isnan(times)).mean())


def _median(times: Numbers) -> float | None:
    known = times[~np.isnan(times)]
    return float(np.median(known)) if len(known) else None
