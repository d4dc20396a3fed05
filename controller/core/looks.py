"""Looks: when Judge visits a bake, and how much of Step Functions' history a plan uses up."""

import hashlib
import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from controller.core.deployment import Deployment
from controller.core.duration import spell_span
from controller.core.measurement import SHIFT_SECONDS
from controller.core.plan import Plan
from controller.core.ramp import MOST_GUARDED_STEPS

MACHINE_TIMEOUT_SECONDS = 864_000
"""The state machine's own TimeoutSeconds: ten days, for a day's wait, a plan of seven, and its holds."""
MAX_PLAN_SECONDS = 604_800
MAX_GATED_SECONDS = MACHINE_TIMEOUT_SECONDS - 86_400
"""The longest plan with all that its gates may wait: nine days, of which a day's wait for its turn is no part."""
MAX_HISTORY_EVENTS = 20_000
"""Step Functions fails an execution at 25,000 history events (service quotas); holds need the rest."""

LEAD_SECONDS = 5
"""How long before the start of a minute a look comes that may shift: for Judge and the way to Shift, in seconds."""

_EVENTS_PER_LOOK = 13
_EVENTS_PER_STEP = 8
_EVENTS_OF_THE_REST = 60
# A bake is looked at every minute at first, then every 5 minutes, then every 30: (until minute, every minutes).
_PACES = ((15, 1), (360, 5), (math.inf, 30))


def next_look(deployment: Deployment, now: datetime, minute_seconds: float) -> datetime:
    """Return when to look next: at the end of the bake, or at the pace of its age, whichever comes first.

    Looks get a stable offset per target, so that a fleet that shifted together does not meet
    CloudWatch's DescribeAlarms quota (9 calls a second) together. A look after which versions that are compared may
    get other weights comes shortly before a minute begins. `minute_seconds` is 60 on AWS.
    """
    due_at = shift_due_at(deployment, minute_seconds)
    if deployment.shifted_at is None or due_at is None:
        return now
    age = (now - deployment.shifted_at).total_seconds()
    pace = _pace_seconds(age, minute_seconds)
    wait = pace * (0.5 + 0.5 * _spread(deployment.target)) - age % pace
    if wait <= pace / 4:  # this look came a little late or is about to repeat itself
        wait += pace
    soon = now + timedelta(seconds=wait)
    due_look = due_at - lead(deployment, minute_seconds)
    if due_look > now:
        # Alarms tell of themselves: a look less than a pace before the one that may end the bake is not worth it.
        return due_look if (due_look - soon).total_seconds() < pace else soon
    if lead(deployment, minute_seconds):
        return _next_minute(now + timedelta(seconds=pace / 2), pace) - lead(deployment, minute_seconds)
    return soon


def shift_due_at(deployment: Deployment, minute_seconds: float) -> datetime | None:
    """Return when the bake of the step is over, from which on a shift may be made; None before the first shift.

    While versions are compared that is when a minute begins: the one that the bake ends with, or the next one.
    """
    if deployment.due_at is None or not lead(deployment, minute_seconds):
        return deployment.due_at
    late = timedelta(seconds=SHIFT_SECONDS * minute_seconds / 60)
    return _next_minute(deployment.due_at - late, minute_seconds)


def start_of_shift(deployment: Deployment, now: datetime, minute_seconds: float) -> datetime:
    """Return the earliest moment of a shift that is decided now: the start of a minute, when that is not far."""
    minute = _next_minute(now, minute_seconds)
    return minute if minute - now <= lead(deployment, minute_seconds) else now


def lead(deployment: Deployment, minute_seconds: float) -> timedelta:
    """Return how long before a minute a look comes that may shift at its start; none where nothing is compared."""
    is_due = deployment.is_compared and not deployment.is_alone
    return timedelta(seconds=LEAD_SECONDS * minute_seconds / 60 if is_due else 0)


def _next_minute(moment: datetime, seconds: float) -> datetime:
    """Return the first multiple of `seconds` since the epoch that is not before a moment."""
    number = math.ceil(round(moment.timestamp() / seconds, 4))
    return datetime.fromtimestamp(number * seconds, moment.tzinfo)


def look_at_once(deployment: Deployment, now: datetime, minute_seconds: float) -> datetime:
    """Return the next moment at which a look may find that all is passed and shift: now, or before a minute."""
    minute, early = _next_minute(now, minute_seconds), lead(deployment, minute_seconds)
    return now if not early or minute - now <= early else minute - early


def history_events(plan: Plan, minute_seconds: float, waits: Sequence[int] = ()) -> int:
    """Return how many history events an execution of the plan writes when every verdict is PASS.

    `waits` are the seconds that each hook may be waited for.
    """
    bakes = [step.bake_seconds / minute_seconds for step in plan.steps]
    looks, steps = sum(map(_looks, bakes)), len(plan.steps)
    if plan.guard:
        ramp = _looks(plan.guard.min_duration_seconds / minute_seconds)
        steps = MOST_GUARDED_STEPS
        looks = max(ramp, steps - 1) + _looks(bakes[-1])
    looks += sum(_looks(wait / minute_seconds) for wait in waits)
    steps += len(waits)
    return _EVENTS_OF_THE_REST + looks * _EVENTS_PER_LOOK + steps * _EVENTS_PER_STEP


def refuse_long_plan(plan: Plan, minute_seconds: float, waits: Sequence[int] = ()) -> str | None:
    """Return why a plan is too long to be carried out, or None; `waits` as in `history_events`."""
    if plan.total_seconds + sum(waits) > MAX_PLAN_SECONDS:
        hooks = f", of which its hooks may take {spell_span(sum(waits))}" if waits else ""
        return f"the plan takes {spell_span(plan.total_seconds + sum(waits))}{hooks}; a deployment may take 7d"
    gates = sum(step.approval.within_seconds for step in plan.steps if step.approval)
    if plan.total_seconds + sum(waits) + gates > MAX_GATED_SECONDS:
        own = spell_span(plan.total_seconds + sum(waits))
        return (
            f"the plan takes {own}, and its gates may wait {spell_span(gates)}; with them a deployment may take 9d"
        )
    events = history_events(plan, minute_seconds, waits)
    if events > MAX_HISTORY_EVENTS:
        return f"the plan needs {events} history events of Step Functions; {MAX_HISTORY_EVENTS} is the most"
    return None


def _pace_seconds(age_seconds: float, minute_seconds: float) -> float:
    minutes = age_seconds / minute_seconds
    return next(every for until, every in _PACES if minutes < until) * minute_seconds


def _looks(bake_minutes: float) -> int:
    looks, since = 1, 0.0
    for until, every in _PACES:
        if bake_minutes <= since:
            break
        looks += math.ceil((min(bake_minutes, until) - since) / every)
        since = until
    return looks


def _spread(text: str) -> float:
    """Return a number from 0 to 1 that is always the same for the same text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) / 2**32
