"""Timetable: when each step of a plan is made when all is well, from the moment of its first shift."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.core.deployment import Deployment
from controller.core.looks import shift_due_at


@dataclass(frozen=True, slots=True)
class Timetable:
    """The moments of a plan."""

    shifts: tuple[datetime, ...]
    """When each step is made: where versions are compared, at the start of a minute."""
    promoted_at: datetime
    """When the final bake is over: the earliest moment of the promotion."""


def timetable(planned: Deployment, first_shift_at: datetime, minute_seconds: float) -> Timetable:
    """Return the timetable of a planned deployment when every verdict is PASS and nobody is waited for.

    Of a guarded ramp the steps in between are for the evidence to make: it has its first, and its last at the
    earliest. `minute_seconds` is 60 on AWS.
    """
    plan = planned.plan
    if plan is None:
        raise ValueError("there is no plan")
    shifts, at = [first_shift_at], first_shift_at
    for index in range(len(plan.steps)):
        made = planned.model_copy(update={"step_index": index, "intended_index": index, "shifted_at": at})
        due_at = shift_due_at(made, minute_seconds) or at
        if plan.guard and index == 0:
            ramp = timedelta(seconds=plan.guard.min_duration_seconds)
            ramped = made.model_copy(update={"shifted_at": at + ramp - (due_at - at)})
            due_at = max(due_at, shift_due_at(ramped, minute_seconds) or at)
        at = due_at
        shifts.append(at)
    return Timetable(tuple(shifts[:-1]), shifts[-1])
