"""History: what Plan reads of the week before, so that a look knows what is usual and what there is to compare."""

from controller.core.deployment import Deployment
from controller.core.history import (
    HOUR_MINUTES,
    WEEK_MINUTES,
    expects_evidence,
    metrics_by_hour,
    metrics_by_minute,
    subjects_of,
    with_traffic,
)
from controller.core.measurement import minute_number
from controller.core.ramp import first_weight
from controller.core.strategy import spell_plan
from controller.tasks.context import Context


def with_history(context: Context, planned: Deployment) -> Deployment:
    """Return a planned deployment with its traffic, what is compared, and its plan in words."""
    plan, terms = planned.plan, planned.comparison
    if plan is None:
        raise AssertionError("unreachable")  # pragma: no cover
    if terms is None or not plan.is_split:
        return planned.model_copy(update={"reason": f"planned {plan.strategy}: {spell_plan(plan)}"})
    now = minute_number(context.now, context.minute_seconds)
    this_hour = now - now % HOUR_MINUTES
    read = context.ports.metrics.read
    hours = read(
        metrics_by_hour(planned.members, terms), this_hour - WEEK_MINUTES, this_hour + HOUR_MINUTES, HOUR_MINUTES
    )
    minutes = read(metrics_by_minute(planned.members), now - HOUR_MINUTES, now)
    members = tuple(with_traffic(member, hours, minutes, now) for member in planned.members)
    subjects = tuple(s for member in members for s in subjects_of(member, terms, hours, now))
    if plan.guard:
        plan = plan.starting_at(first_weight(plan.guard.budget, sum(m.requests_per_minute for m in members)))
    expects = expects_evidence(plan, members, terms.min_requests, planned.max_hold_seconds, context.minute_seconds)
    week = sum(member.requests_last_week for member in members)
    told = (
        f"compared with the baseline, at the {week:,.0f} requests of the last week"
        if expects
        else f"without evidence, because the {week:,.0f} requests of the last week are too few to compare by"
    )
    return planned.model_copy(
        update={
            "members": members,
            "subjects": subjects,
            "plan": plan,
            "expects_evidence": expects,
            "reason": f"planned {plan.strategy}: {spell_plan(plan)}; {told}",
        }
    )
