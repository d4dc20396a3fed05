"""Looks: when Judge visits a bake, and how much of Step Functions' history a plan uses up."""

import hashlib
import math
from datetime import datetime, timedelta

from controller.core.deployment import Deployment
from controller.core.duration import spell_span
from controller.core.strategy import Plan

MACHINE_TIMEOUT_SECONDS = 864_000
"""The state machine's own TimeoutSeconds: ten days, for a day's wait, a plan of seven, and its holds."""
MAX_PLAN_SECONDS = 604_800
MAX_HISTORY_EVENTS = 20_000
"""Step Functions fails an execution at 25,000 history events (service quotas); holds need the rest."""

_EVENTS_PER_LOOK = 13
_EVENTS_PER_STEP = 8
_EVENTS_OF_THE_REST = 60
# A bake is looked at every minute at first, then every 5 minutes, then every 30: (until minute, every minutes).
_PACES = ((15, 1), (360, 5), (math.inf, 30))


def next_look(deployment: Deployment, now: datetime, minute_seconds: float) -> datetime:
    """Return when to look next: at the end of the bake, or at the pace of its age, whichever comes first.

    Looks get a stable offset per target, so that a fleet that shifted together does not meet
    CloudWatch's DescribeAlarms quota (9 calls a second) together. `minute_seconds` is 60 on AWS.
    """
    if deployment.shifted_at is None or deployment.due_at is None:
        return now
    age = (now - deployment.shifted_at).total_seconds()
    pace = _pace_seconds(age, minute_seconds)
    wait = pace * (0.5 + 0.5 * _spread(deployment.target)) - age % pace
    if wait <= pace / 4:  # this look came a little late or is about to repeat itself
        wait += pace
    soon = now + timedelta(seconds=wait)
    return soon if deployment.due_at <= now else min(soon, deployment.due_at)


def history_events(plan: Plan, minute_seconds: float) -> int:
    """Return how many history events an execution of the plan writes when every verdict is PASS."""
    looks = sum(_looks(step.bake_seconds / minute_seconds) for step in plan.steps)
    return _EVENTS_OF_THE_REST + looks * _EVENTS_PER_LOOK + len(plan.steps) * _EVENTS_PER_STEP


def refuse_long_plan(plan: Plan, minute_seconds: float) -> str | None:
    """Return why a plan is too long to be carried out, or None."""
    if plan.total_seconds > MAX_PLAN_SECONDS:
        return f"the plan takes {spell_span(plan.total_seconds)}; a deployment may take 7d"
    events = history_events(plan, minute_seconds)
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
