"""History: what an alias served before the rollout: what is usual, and whether there is enough to compare."""

from collections.abc import Mapping, Sequence

from controller.core.bypass import bypass_warning
from controller.core.criteria import ComparisonTerms
from controller.core.measurement import (
    LAG_MINUTES,
    LAMBDA,
    Measured,
    Metric,
    Series,
    Subject,
    alias_dimensions,
    counts_of,
    errors_of,
    slowness_of,
)
from controller.core.member_record import MemberRecord
from controller.core.plan import Plan
from controller.core.weight import FULL_WEIGHT

HOUR_MINUTES, DAY_MINUTES, WEEK_MINUTES = 60, 24 * 60, 7 * 24 * 60

_RECENT_MINUTES = 15
_FEWEST_FOR_A_PERCENTILE = 100


def metrics_by_hour(members: Sequence[MemberRecord], terms: ComparisonTerms) -> list[Metric]:
    """Return the metrics of which a week is read, by the hour."""
    counts = [metric for member in members for s in _counted(member, terms) for metric in _usual(member, s)]
    return list(dict.fromkeys([*counts, *map(_duration, members)]))


def metrics_by_minute(members: Sequence[MemberRecord]) -> list[Metric]:
    """Return the metrics of which an hour is read, by the minute."""
    return [_invocations(member) for member in members]


def metrics_of_calls(members: Sequence[MemberRecord]) -> list[Metric]:
    """Return the metrics that tell which share of a function's calls comes through its alias, by the hour."""
    return [metric for member in members for metric in (_invocations(member), _calls(member))]


def bypass_warnings(members: Sequence[MemberRecord], hours: Measured, now: int) -> list[str]:
    """Return a warning for each member that many callers reach past its alias."""
    week = now - WEEK_MINUTES
    found = []
    for member in members:
        calls, through = (_since(hours.get(m, {}), week) for m in (_calls(member), _invocations(member)))
        found.append(bypass_warning(member.function, member.alias, calls, through))
    return [warning for warning in found if warning]


def with_traffic(member: MemberRecord, hours: Measured, minutes: Measured, now: int) -> MemberRecord:
    """Return a member with its traffic: of late, and in the last week."""
    settled = range(now - LAG_MINUTES - _RECENT_MINUTES, now - LAG_MINUTES)
    recent = minutes.get(_invocations(member), {})
    week = _since(hours.get(_invocations(member), {}), now - WEEK_MINUTES)
    return member.model_copy(
        update={
            "requests_per_minute": sum(recent.get(minute, 0.0) for minute in settled) / _RECENT_MINUTES,
            "requests_last_week": week,
        }
    )


def subjects_of(member: MemberRecord, terms: ComparisonTerms, hours: Measured, now: int) -> list[Subject]:
    """Return what is compared of a member, with what was usual in the last day.

    Slowness is what exceeds the 95th percentile of the last hour that had enough requests to tell it; it is frozen
    here, so that a slow candidate cannot move its own bar.
    """
    subjects = []
    for subject in _counted(member, terms):
        requests, failures = (_since(hours.get(m, {}), now - DAY_MINUTES) for m in _usual(member, subject))
        subjects.append(subject.model_copy(update={"usual_requests": requests, "usual_failures": failures}))
    slow_ms = _slow_ms(hours.get(_invocations(member), {}), hours.get(_duration(member), {}))
    if terms.slower != "ignore" and slow_ms:
        subjects.append(slowness_of(member.function, member.alias, slow_ms, terms.slower))
    return subjects


def expects_evidence(
    plan: Plan, members: Sequence[MemberRecord], min_requests: int, max_hold_seconds: int, minute_seconds: float
) -> bool:
    """Say whether the usual traffic gives every candidate enough requests to be compared by."""
    split = plan.steps[:-1]
    if not split:
        return False
    served = sum(step.weight * step.bake_seconds for step in split) + split[-1].weight * max_hold_seconds
    minutes = served / FULL_WEIGHT / minute_seconds
    return all(minutes * usual_traffic(member) >= min_requests for member in members)


def usual_traffic(member: MemberRecord) -> float:
    """Return a member's requests a minute: those of late, or the week's average where there were more."""
    return max(member.requests_per_minute, member.requests_last_week / WEEK_MINUTES)


def _counted(member: MemberRecord, terms: ComparisonTerms) -> list[Subject]:
    own = [metric for metric in terms.metrics if metric.function in (None, member.function)]
    return [errors_of(member.function, member.alias), *(counts_of(member.function, metric) for metric in own)]


def _usual(member: MemberRecord, subject: Subject) -> tuple[Metric, Metric]:
    """Return the counts of the whole alias, or of the baseline where an application counts by version alone."""
    return subject.metrics(None if subject.namespace == LAMBDA else member.baseline)


def _invocations(member: MemberRecord) -> Metric:
    return errors_of(member.function, member.alias).metrics(None)[0]


def _calls(member: MemberRecord) -> Metric:
    """Return the count of all calls of a function, through whichever name."""
    return Metric(LAMBDA, "Invocations", (("FunctionName", member.function),))


def _duration(member: MemberRecord) -> Metric:
    dimensions = alias_dimensions(member.function, member.alias)
    return Metric(LAMBDA, "Duration", tuple(sorted(dimensions.items())), "p95")


def _since(series: Series, first: int) -> float:
    return sum(value for minute, value in series.items() if minute >= first)


def _slow_ms(invocations: Mapping[int, float], durations: Mapping[int, float]) -> float | None:
    busy = [hour for hour, number in invocations.items() if number >= _FEWEST_FOR_A_PERCENTILE]
    told = [hour for hour in busy if hour in durations]
    return durations[max(told)] if told else None
