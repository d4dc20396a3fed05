"""Observation: what a look sees of a deployment's metrics, and when that is."""

from dataclasses import dataclass
from datetime import datetime

from controller.core.deployment import Deployment
from controller.core.evidence import Minute
from controller.core.measurement import Measured, Subject, compared_minutes
from controller.core.member_record import MemberRecord
from controller.core.ramp import HALF_WEIGHT


@dataclass(frozen=True, slots=True)
class Observation:
    """What a look sees."""

    deployment: Deployment
    measured: Measured
    now: datetime
    minute_seconds: float
    weights: dict[int, int]
    """The minutes in which both versions had a constant part of the traffic, with the candidate's weight."""
    counts: tuple[tuple[Subject, dict[int, Minute]], ...]
    """What both versions served in those of the minutes that can be seen, for each thing that is compared."""

    @property
    def is_deciding(self) -> bool:
        """Whether what is not known is a reason to hold: from the last step below full weight on.

        A guarded ramp goes by the evidence at every step.
        """
        plan = self.deployment.plan
        return plan is not None and (plan.guard is not None or self.deployment.step_index >= plan.last_index - 1)

    @property
    def is_before_all(self) -> bool:
        """Whether a guarded ramp would give the candidate all of the traffic next."""
        plan = self.deployment.plan
        return plan is not None and plan.guard is not None and self.deployment.weight == HALF_WEIGHT


def observe(deployment: Deployment, measured: Measured, now: datetime, minute_seconds: float) -> Observation:
    """Return what a look at `now` sees in what was measured."""
    if not deployment.is_compared:
        return Observation(deployment, measured, now, minute_seconds, {}, ())
    weights = compared_minutes(deployment.shifts, now, minute_seconds)
    numbers = list(weights)

    def counted(subject: Subject) -> dict[int, Minute]:
        member = member_of(deployment, subject.function)
        return subject.minutes(measured, member.baseline, str(member.candidate), numbers)

    counts = tuple((subject, counted(subject)) for subject in deployment.subjects)
    return Observation(deployment, measured, now, minute_seconds, weights, counts)


def member_of(deployment: Deployment, function: str | None) -> MemberRecord:
    """Return the member of a function; the only one for None."""
    return next(member for member in deployment.members if function in (None, member.function))
