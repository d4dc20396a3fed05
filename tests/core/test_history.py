"""History: what an alias served before says what is usual, what is slow, and whether there is enough to compare."""

from typing import Any

import pytest

from controller.core.criteria import ComparisonTerms, Then
from controller.core.history import (
    DAY_MINUTES,
    HOUR_MINUTES,
    WEEK_MINUTES,
    expects_evidence,
    metrics_by_hour,
    metrics_by_minute,
    subjects_of,
    usual_traffic,
    with_traffic,
)
from controller.core.measurement import Measured, Metric, Subject
from controller.core.member_record import MemberRecord
from tests.builders import a_member, a_plan

NOW = 1_000_000
ALIAS = (("FunctionName", "orders"), ("Resource", "orders:live"))
INVOCATIONS = Metric("AWS/Lambda", "Invocations", ALIAS, "Sum")
ERRORS = Metric("AWS/Lambda", "Errors", ALIAS, "Sum")
P95 = Metric("AWS/Lambda", "Duration", ALIAS, "p95")
OWN = {
    "name": "orders",
    "namespace": "Shop",
    "dimensions": {"service": "orders"},
    "version_dimension": "version",
    "requests": "Orders",
    "failures": "Failed",
}
BY_BASELINE = (("service", "orders"), ("version", "1"))
ORDERS, FAILED = Metric("Shop", "Orders", BY_BASELINE, "Sum"), Metric("Shop", "Failed", BY_BASELINE, "Sum")


def terms(**written: Any) -> ComparisonTerms:
    """Return the terms of a comparison."""
    return ComparisonTerms.model_validate(written)


def hours_ago(*values: float) -> dict[int, float]:
    """Return a series by the hour, of which the last value is this hour's."""
    return {NOW - HOUR_MINUTES * back: value for back, value in enumerate(reversed(values))}


def subjects(hours: Measured, asked: ComparisonTerms | None = None) -> list[Subject]:
    """Return what is compared of orders after a past like this."""
    return subjects_of(a_member(), asked or terms(), hours, NOW)


# ---- What is read -------------------------------------------------------------------------------------------


def test_a_week_is_read_of_requests_errors_and_durations_of_every_member() -> None:
    wanted = metrics_by_hour([a_member(), a_member(function="basket")], terms())
    assert wanted[:2] == [INVOCATIONS, ERRORS]
    assert P95 in wanted
    assert len(wanted) == len(set(wanted)) == 6


def test_an_applications_counts_are_read_of_the_baseline() -> None:
    assert {ORDERS, FAILED} <= set(metrics_by_hour([a_member()], terms(metrics=[OWN])))


def test_the_counts_of_one_member_are_not_read_for_another() -> None:
    members = [a_member(), a_member(function="basket", baseline="7")]
    wanted = metrics_by_hour(members, terms(metrics=[OWN | {"function": "basket"}]))
    own = [dict(metric.dimensions)["version"] for metric in wanted if metric.namespace == "Shop"]
    assert own == ["7", "7"]


def test_of_the_last_hour_only_the_requests_are_read() -> None:
    assert metrics_by_minute([a_member()]) == [INVOCATIONS]


# ---- Traffic ------------------------------------------------------------------------------------------------


def after_traffic(hours: dict[int, float], minutes: dict[int, float]) -> MemberRecord:
    """Return orders after traffic like this."""
    return with_traffic(a_member(), {INVOCATIONS: hours}, {INVOCATIONS: minutes}, NOW)


def test_the_traffic_of_late_is_that_of_a_quarter_of_an_hour_whose_metrics_have_settled() -> None:
    settled = dict.fromkeys(range(NOW - 17, NOW - 2), 30.0)
    unsettled = {NOW - 2: 900.0, NOW - 1: 900.0, NOW: 900.0, NOW - 18: 900.0}
    assert after_traffic({}, settled | unsettled).requests_per_minute == 30


def test_a_minute_without_data_had_no_requests() -> None:
    assert after_traffic({}, {NOW - 5: 30.0}).requests_per_minute == 2


def test_the_traffic_of_the_week_is_that_of_seven_days() -> None:
    inside, outside = NOW - WEEK_MINUTES, NOW - WEEK_MINUTES - HOUR_MINUTES
    assert after_traffic({inside: 5.0, outside: 700.0, NOW: 1.0}, {}).requests_last_week == 6


def test_who_was_never_called_has_no_traffic() -> None:
    idle = with_traffic(a_member(), {}, {}, NOW)
    assert (idle.requests_per_minute, idle.requests_last_week) == (0, 0)


@pytest.mark.parametrize(
    ("of_late", "last_week", "usual"), [(5.0, 0.0, 5.0), (0.0, 20_160.0, 2.0), (1.0, 20_160.0, 2.0)]
)
def test_the_usual_traffic_is_that_of_late_or_the_weeks_average_where_that_is_more(
    of_late: float, last_week: float, usual: float
) -> None:
    assert usual_traffic(a_member(requests_per_minute=of_late, requests_last_week=last_week)) == usual


# ---- What is compared ---------------------------------------------------------------------------------------


def test_errors_are_compared_of_a_function_that_nobody_has_called_yet() -> None:
    (errors,) = subjects({})
    assert (errors.name, errors.function) == ("errors", "orders")
    assert (errors.usual_requests, errors.usual_failures) == (0, 0)


def test_what_is_usual_is_what_the_last_day_had() -> None:
    yesterday = {NOW - DAY_MINUTES: 40.0, NOW - DAY_MINUTES - HOUR_MINUTES: 700.0}
    errors = subjects({INVOCATIONS: yesterday | {NOW: 60.0}, ERRORS: {NOW: 2.0}})[0]
    assert (errors.usual.requests, errors.usual.failures) == (100, 2)


def test_what_is_usual_of_an_applications_counts_is_what_the_baseline_had() -> None:
    errors, own = subjects({ORDERS: hours_ago(50, 50), FAILED: hours_ago(1, 0)}, terms(metrics=[OWN]))
    assert (own.name, own.namespace) == ("orders", "Shop")
    assert (own.usual.requests, own.usual.failures) == (100, 1)
    assert errors.usual.requests == 0


def test_a_metric_is_compared_of_the_member_that_it_names() -> None:
    asked = terms(metrics=[OWN | {"function": "basket"}])
    assert [s.name for s in subjects_of(a_member(), asked, {}, NOW)] == ["errors"]
    assert [s.name for s in subjects_of(a_member(function="basket"), asked, {}, NOW)] == ["errors", "orders"]


BUSY = {INVOCATIONS: hours_ago(100, 100, 100), P95: hours_ago(700, 800, 900)}


def test_slow_is_what_exceeds_the_95th_percentile_of_the_last_hour() -> None:
    errors, slow = subjects(BUSY)
    assert (slow.name, slow.slow_ms, slow.then) == ("slowness", 900, Then.HOLD)
    assert errors.then is Then.ROLL_BACK


@pytest.mark.parametrize(
    ("invocations", "durations", "slow_ms"),
    [
        ((100, 100, 99), (700, 800, 900), 800),
        ((99, 99, 99), (700, 800, 900), None),
        ((100, 100, 0), (700, 800), 700),
        ((), (), None),
        ((100, 100, 100), (), None),
    ],
    ids=["this hour too quiet", "all too quiet", "idle this hour", "never called", "no percentile"],
)
def test_a_percentile_is_taken_from_an_hour_that_had_enough_requests_to_tell_it(
    invocations: tuple[float, ...], durations: tuple[float, ...], slow_ms: float | None
) -> None:
    hours = {INVOCATIONS: hours_ago(*invocations), P95: hours_ago(*durations)}
    assert [s.slow_ms for s in subjects(hours) if s.name == "slowness"] == ([slow_ms] if slow_ms else [])


@pytest.mark.parametrize("slower", ["hold", "roll_back", "observe"])
def test_what_is_done_about_slow_requests_is_the_targets_to_say(slower: str) -> None:
    assert subjects(BUSY, terms(slower=slower))[-1].then == slower


def test_slow_requests_that_are_to_be_ignored_are_not_compared() -> None:
    assert [s.name for s in subjects(BUSY, terms(slower="ignore"))] == ["errors"]


# ---- Whether there is enough --------------------------------------------------------------------------------


# 10 % for five minutes, and for a hold of an hour, is 6.5 minutes of the traffic.
@pytest.mark.parametrize(("per_minute", "expected"), [(0.0, False), (1.53, False), (1.54, True), (100.0, True)])
def test_evidence_is_expected_when_the_usual_traffic_gives_the_candidate_enough(
    per_minute: float, expected: bool
) -> None:
    plan = a_plan((1_000, 300), (10_000, 300))
    member = a_member(requests_per_minute=per_minute)
    assert expects_evidence(plan, [member], 10, 3_600, 60) is expected


def test_the_steps_before_the_last_one_count_as_long_as_they_bake() -> None:
    # 1 x 10 % + 1 x 20 % and a hold of 5 minutes at 20 %: 1.3 minutes.
    plan = a_plan((1_000, 60), (2_000, 60), (10_000, 3_600))
    assert expects_evidence(plan, [a_member(requests_per_minute=7.7)], 10, 300, 60)
    assert not expects_evidence(plan, [a_member(requests_per_minute=7.6)], 10, 300, 60)


def test_a_compressed_plan_expects_what_the_real_one_does() -> None:
    plan = a_plan((1_000, 10), (10_000, 10))
    assert expects_evidence(plan, [a_member(requests_per_minute=1.54)], 10, 120, 2.0)
    assert not expects_evidence(plan, [a_member(requests_per_minute=1.53)], 10, 120, 2.0)


def test_every_member_is_to_have_enough() -> None:
    busy, idle = a_member(requests_per_minute=100.0), a_member(function="basket")
    assert expects_evidence(a_plan(), [busy], 10, 3_600, 60)
    assert not expects_evidence(a_plan(), [busy, idle], 10, 3_600, 60)


def test_what_is_never_split_expects_no_evidence() -> None:
    assert not expects_evidence(a_plan((10_000, 300)), [a_member(requests_per_minute=1e6)], 1, 3_600, 60)
