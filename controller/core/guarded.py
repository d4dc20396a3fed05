"""The guarded plan: how it grows by what an observation pays for."""

from datetime import timedelta

from controller.core.criteria import Then
from controller.core.evidence import Minute, highest_excess
from controller.core.looks import lead
from controller.core.measurement import ERRORS, Subject
from controller.core.observation import Observation, member_of
from controller.core.plan import Plan
from controller.core.ramp import HALF_WEIGHT, next_weight

_MOST_TIMES = 4
_RECENT_MINUTES = 5


def next_plan(seen: Observation, *, is_paid: bool = False) -> Plan | None:
    """Return the plan by which to go on; None when a guarded ramp may not rise yet.

    `is_paid` says that it is to rise whatever the evidence pays for, because somebody said so.
    """
    deployment, plan = seen.deployment, seen.deployment.plan
    if plan is None or plan.guard is None or deployment.is_alone:
        return plan
    weight, index = deployment.weight, deployment.step_index + 1
    if weight >= HALF_WEIGHT:
        return plan if is_paid or _is_ready_for_all(seen, plan.guard.min_duration_seconds) else None
    if is_paid:
        wanted = min(HALF_WEIGHT, weight * _MOST_TIMES)
    else:
        wanted = next_weight(plan.guard.budget, weight, _excesses(seen))
    return plan.growing_to(index, wanted, seen.minute_seconds) if wanted > weight else None


def _is_ready_for_all(seen: Observation, min_duration_seconds: int) -> bool:
    """Say whether the ramp will have lasted as long as it must, to the nearest minute, when its last shift is made.

    The last minutes at half of the traffic are seen only afterwards: the final bake waits for them.
    """
    due = seen.deployment.shifts[0].at + timedelta(seconds=min_duration_seconds - seen.minute_seconds / 2)
    return seen.now + lead(seen.deployment, seen.minute_seconds) >= due


def _excesses(seen: Observation) -> list[tuple[float, float]]:
    """Return each member's requests a minute, and how far its failure rate may plausibly exceed the baseline's."""
    found = []
    for errors, minutes in _errors(seen):
        recent = [m.candidate_requests + m.baseline_requests for m in list(minutes.values())[-_RECENT_MINUTES:]]
        usual = member_of(seen.deployment, errors.function).requests_per_minute
        traffic = sum(recent) / len(recent) if recent else usual
        excess = max(
            highest_excess(counted.values())
            for subject, counted in seen.counts
            if subject.function == errors.function and subject.then is Then.ROLL_BACK
        )
        found.append((traffic, excess))
    return found


def _errors(seen: Observation) -> list[tuple[Subject, dict[int, Minute]]]:
    """Return the errors that Lambda counts of each member, of which there are counts for every request."""
    return [(subject, minutes) for subject, minutes in seen.counts if subject.name == ERRORS]
