"""History: what Plan reads of the week before, so that a look knows what is usual and what there is to compare."""

from collections.abc import Sequence

from controller.core.criteria import ComparisonTerms
from controller.core.deployment import Deployment
from controller.core.errors import ControllerError
from controller.core.history import (
    HOUR_MINUTES,
    WEEK_MINUTES,
    bypass_warnings,
    expects_evidence,
    metrics_by_hour,
    metrics_by_minute,
    metrics_of_calls,
    subjects_of,
    with_traffic,
)
from controller.core.measurement import Measured, Metric, minute_number
from controller.core.member_record import MemberRecord
from controller.core.plan import spell_plan
from controller.core.ramp import first_weight
from controller.tasks.context import Context


def with_history(context: Context, planned: Deployment) -> Deployment:
    """Return a planned deployment with its traffic, what is compared, and its plan in words."""
    plan = planned.plan
    if plan is None:
        raise AssertionError("unreachable")  # pragma: no cover
    if planned.is_first:  # its candidate is the only version, and nobody calls it through the alias yet
        reason = f"planned a first deployment: {spell_plan(plan)}"
        return planned.model_copy(update={"comparison": None, "rules": (), "reason": reason})
    terms = planned.comparison if plan.is_split else None
    if terms or planned.rules:
        hours, minutes, now = _read(context, planned.members, terms or ComparisonTerms())
        members = tuple(with_traffic(member, hours, minutes, now) for member in planned.members)
        warnings = (*planned.warnings, *bypass_warnings(members, hours, now))
        planned = planned.model_copy(update={"members": members, "warnings": warnings})
    else:
        planned = planned.model_copy(
            update={"warnings": (*planned.warnings, *_bypassing(context, planned.members))}
        )
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
    by_hour = list(dict.fromkeys([*metrics_by_hour(members, terms), *metrics_of_calls(members)]))
    minutes = context.ports.metrics.read(metrics_by_minute(members), now - HOUR_MINUTES, now)
    return _week(context, by_hour, now), minutes, now


def _bypassing(context: Context, members: Sequence[MemberRecord]) -> list[str]:
    """Return what there is to warn of where nothing else asks for the metrics: that alone stops nobody."""
    now = minute_number(context.now, context.minute_seconds)
    try:
        return bypass_warnings(members, _week(context, metrics_of_calls(members), now), now)
    except ControllerError as error:
        return [f"whether callers bypass the alias is unknown: {error}"]


def _week(context: Context, metrics: list[Metric], now: int) -> Measured:
    this_hour = now - now % HOUR_MINUTES
    return context.ports.metrics.read(metrics, this_hour - WEEK_MINUTES, this_hour + HOUR_MINUTES, HOUR_MINUTES)
