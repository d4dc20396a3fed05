"""History: what Plan reads of the week before, so that a look knows what is usual and what there is to compare."""

from collections.abc import Sequence

from controller.core.criteria import ComparisonTerms
from controller.core.deployment import Deployment, MemberRecord
from controller.core.history import (
    HOUR_MINUTES,
    WEEK_MINUTES,
    expects_evidence,
    metrics_by_hour,
    metrics_by_minute,
    subjects_of,
    with_traffic,
)
from controller.core.measurement import Measured, minute_number
from controller.core.ramp import first_weight
from controller.core.strategy import spell_plan
from controller.tasks.context import Context


def with_history(context: Context, planned: Deployment) -> Deployment:
    """Return a planned deployment with its traffic, what is compared, and its plan in words."""
    plan = planned.plan
    if plan is None:
        raise AssertionError("unreachable")  # pragma: no cover
    terms = planned.comparison if plan.is_split else None
    if terms or planned.rules:
        hours, minutes, now = _read(context, planned.members, terms or ComparisonTerms())
        members = tuple(with_traffic(member, hours, minutes, now) for member in planned.members)
        planned = planned.model_copy(update={"members": members})
    if terms is None:
        return planned.model_copy(update={"reason": f"planned {plan.strategy}: {spell_plan(plan)}"})
    if plan.guard:
        traffic = sum(member.requests_per_minute for member in planned.members)
        plan = plan.starting_at(first_weight(plan.guard.budget, traffic))
    expects = expects_evidence(
        plan, planned.members, terms.min_requests, planned.max_hold_seconds, context.minute_seconds
    )
    week = sum(member.requests_last_week for member in planned.members)
    told = (
        f"compared with the baseline, at the {week:,.0f} requests of the last week"
        if expects
        else f"without evidence, because the {week:,.0f} requests of the last week are too few to compare by"
    )
    return planned.model_copy(
        update={
            "subjects": tuple(s for m in planned.members for s in subjects_of(m, terms, hours, now)),
            "plan": plan,
            "expects_evidence": expects,
            "reason": f"planned {plan.strategy}: {spell_plan(plan)}; {told}",
        }
    )


def _read(
    context: Context, members: Sequence[MemberRecord], terms: ComparisonTerms
) -> tuple[Measured, Measured, int]:
    """Return a week by the hour, the last hour by the minute, and the minute that it is."""
    now = minute_number(context.now, context.minute_seconds)
    this_hour = now - now % HOUR_MINUTES
    read = context.ports.metrics.read
    by_hour = metrics_by_hour(members, terms)
    hours = read(by_hour, this_hour - WEEK_MINUTES, this_hour + HOUR_MINUTES, HOUR_MINUTES)
    return hours, read(metrics_by_minute(members), now - HOUR_MINUTES, now), now
