"""One look: what alarms, comparison and rules come to together, and the record that remembers it."""

from datetime import datetime
from typing import Any

import pytest

from controller.core.alarm_rule import RedAtStart
from controller.core.criteria import CountMetric, Rule, WhenUnclear
from controller.core.decision import Decision
from controller.core.deployment import Deployment
from controller.core.look import Look, look, wanted_metrics
from controller.core.measurement import Measured, Metric, counts_of, errors_of
from controller.core.outcome import Outcome
from controller.core.verdict import AlarmState, Reading
from tests.builders import (
    FIRST_MINUTE,
    a_compared_deployment,
    a_deployment,
    a_guarded_plan,
    a_member,
    a_plan,
    a_reading,
    a_shift,
    a_word,
    after,
    an_alarm,
    measured,
)

WELL, BROKEN, UNSURE = (100, 1, 900, 9), (100, 20, 900, 1), (100, 4, 900, 9)
OK, RED, UNREADABLE = a_reading(), a_reading(AlarmState.ALARM), a_reading(AlarmState.UNREADABLE, reason="x")
ORDERS = counts_of(
    "orders",
    CountMetric.model_validate(
        {
            "name": "orders",
            "namespace": "Shop",
            "requests": "Orders",
            "failures": "Failed",
            "version_dimension": "version",
        }
    ),
)
ERRORS = errors_of("orders", "live")
UNREAD = "reading metrics: Rate exceeded"
FOUR_WELL = measured(*[WELL] * 4)


def compared(**overrides: Any) -> Deployment:
    """Return a deployment without alarms whose candidate has 10 % for five minutes, and may be held for ten."""
    return a_compared_deployment(**overrides)


def seen(
    deployment: Deployment, metrics: Measured | str, second: float = 295, readings: list[Reading] | None = None
) -> Look:
    """Return what a look so many seconds after the shift comes to; its alarms are OK unless it says otherwise."""
    chosen = readings if readings is not None else [a_reading(name=alarm.name) for alarm in deployment.alarms]
    return look(deployment, chosen, metrics, after(second), 60)


# ---- Alarms, comparison and rules together ----------------------------------------------------------------

ERRORS_BELOW_5 = Rule.model_validate({"metric": "error_rate", "above": "5%"})


def with_rule(deployment: Deployment, rule: Rule = ERRORS_BELOW_5) -> Deployment:
    """Return a deployment with a rule, and an alarm."""
    return deployment.model_copy(update={"rules": (rule,), "alarms": (an_alarm(),)})


@pytest.mark.parametrize(
    ("reading", "minutes", "outcome", "reason"),
    [
        (OK, WELL, Outcome.PASS, "1 alarm is OK; orders version 2 is no worse than version 1"),
        (RED, WELL, Outcome.FAIL, "alarm orders-errors is in ALARM"),
        (OK, BROKEN, Outcome.FAIL, "orders version 2 fails more than version 1"),
        (RED, UNSURE, Outcome.FAIL, "alarm orders-errors is in ALARM"),
        (a_reading(AlarmState.INSUFFICIENT_DATA), BROKEN, Outcome.FAIL, "orders version 2 fails more than"),
        (OK, UNSURE, Outcome.INCONCLUSIVE, "orders version 2 may be worse"),
        (
            a_reading(AlarmState.INSUFFICIENT_DATA),
            UNSURE,
            Outcome.INCONCLUSIVE,
            "alarm orders-errors has INSUFFICIENT",
        ),
        (OK, (100, 8, 900, 72), Outcome.FAIL, "rule error_rate above 5% is broken: orders version 2 has 8%"),
        (RED, (100, 8, 900, 72), Outcome.FAIL, "alarm orders-errors is in ALARM"),
    ],
)
def test_the_worst_of_alarms_comparison_and_rules_is_told(
    reading: Reading, minutes: tuple[float, float, float, float], outcome: Outcome, reason: str
) -> None:
    found = seen(with_rule(compared()), measured(*[minutes] * 4), 295, [reading])
    assert found.outcome is outcome
    assert found.verdict.reason.startswith(reason)


def test_a_pass_says_what_passed() -> None:
    found = seen(with_rule(compared()), FOUR_WELL)
    assert found.verdict.reason == (
        "1 alarm is OK; orders version 2 is no worse than version 1: 3 of 300 requests (1%) failed against 27 of "
        "2,700 requests (1%) in the same 3 minutes; 1 rule is met"
    )
    alone = seen(compared(), FOUR_WELL)
    assert alone.verdict.reason.startswith("orders version 2 is no worse than version 1")


def test_the_evidence_has_that_of_every_part() -> None:
    evidence = seen(with_rule(compared()), FOUR_WELL).evidence
    assert (evidence["decision"], evidence["outcome"]) == ("SHIFT", "PASS")
    assert evidence["alarms"] == {"orders-errors": "OK"}
    (comparison,) = evidence["comparisons"]
    assert (comparison["name"], comparison["outcome"], comparison["minutes"]) == ("errors", "PASS", 3)
    assert [rule["rule"] for rule in evidence["rules"]] == ["error_rate above 5%"]


def test_a_look_is_remembered_on_the_record() -> None:
    found = seen(compared(), FOUR_WELL)
    assert found.ruling.decision is Decision.SHIFT
    assert (found.after.intended_index, found.after.step_index) == (1, 0)
    assert (found.after.verdict, found.after.reason) == (found.verdict, found.ruling.reason)
    assert found.after.shift_at == after(300)
    held = seen(compared(), measured(*[UNSURE] * 4))
    assert (held.after.intended_index, held.after.shift_at) == (0, None)
    assert held.after.look_at == after(355)
    assert held.ruling.look_seconds == 60


# ---- Metrics that could not be read, and requests that do not come ----------------------------------------


def test_metrics_that_could_not_be_read_hold_and_then_roll_back_and_are_not_for_a_person_to_approve() -> None:
    approved = compared(approval=a_word())
    for second, decision in ((295, Decision.HOLD), (899, Decision.HOLD), (900, Decision.ROLL_BACK)):
        found = seen(approved, UNREAD, second)
        assert (found.outcome, found.ruling.decision) == (Outcome.INCONCLUSIVE, decision)
        assert found.verdict.reason == f"the metrics could not be read: {UNREAD}"
    assert found.after.verdict is not None


def test_metrics_that_could_not_be_read_excuse_no_alarm() -> None:
    red = compared(alarms=(an_alarm(),))
    assert seen(red, UNREAD, 295, [RED]).ruling.decision is Decision.ROLL_BACK


@pytest.mark.parametrize(
    ("when_unclear", "decision"),
    [
        (WhenUnclear.APPROVE, Decision.HOLD),
        (WhenUnclear.PROMOTE, Decision.SHIFT),
        (WhenUnclear.ROLL_BACK, Decision.ROLL_BACK),
    ],
)
def test_requests_that_were_to_be_expected_and_do_not_come_hold_and_then_the_target_says(
    when_unclear: WhenUnclear, decision: Decision
) -> None:
    waiting = compared(when_unclear=when_unclear)
    assert seen(waiting, {}, 295).ruling.decision is Decision.HOLD
    found = seen(waiting, {}, 900)
    assert (found.ruling.decision, found.verdict.is_starved) == (decision, True)
    assert found.after.awaits_approval is (when_unclear is WhenUnclear.APPROVE)


def test_where_no_evidence_was_to_be_expected_its_absence_is_said_and_does_not_hold() -> None:
    found = seen(compared(expects_evidence=False), {})
    assert found.ruling.decision is Decision.SHIFT
    assert "without evidence: orders version 2 has served 0 requests" in found.ruling.reason


def test_only_the_step_before_full_weight_needs_evidence_and_every_step_of_a_guarded_ramp() -> None:
    three = a_plan((1_000, 300), (5_000, 300), (10_000, 300))
    assert seen(compared(plan=three), {}).ruling.decision is Decision.SHIFT
    assert seen(compared(plan=three, at_step=1), {}).ruling.decision is Decision.HOLD
    guarded = compared(plan=a_guarded_plan(50, 200), shifts=(a_shift(0, 50),))
    assert seen(guarded, {}, 55).outcome is Outcome.INCONCLUSIVE


# ---- At full weight -----------------------------------------------------------------------------------------

ALONE = compared(
    at_step=1,
    shifts=(a_shift(-300, 1_000), a_shift(0, 10_000)),
    alarms=(an_alarm(),),
    started_at=after(-400),
)


def late(*minutes: Any) -> Measured:
    """Return counts of the minutes before the candidate got all of the traffic."""
    return measured(*minutes, since=-4)


def test_at_full_weight_late_counts_still_convict() -> None:
    assert seen(ALONE, late(*[BROKEN] * 4), 30).ruling.decision is Decision.ROLL_BACK


@pytest.mark.parametrize("metrics", [{}, late(*[UNSURE] * 2), late((3, 0, 900, 9))], ids=["none", "unsure", "few"])
def test_at_full_weight_nothing_that_is_unclear_holds(metrics: Measured) -> None:
    assert seen(ALONE, metrics, 30).ruling.decision is Decision.HOLD
    assert seen(ALONE, metrics, 300).ruling.decision is Decision.PROMOTE


def test_at_full_weight_new_counts_of_two_versions_are_not_compared() -> None:
    # The baseline still answers what was under way.
    assert seen(ALONE, measured(*[(100, 50, 900, 0)] * 4), 300).ruling.decision is Decision.PROMOTE


def test_at_full_weight_metrics_that_could_not_be_read_hold() -> None:
    assert seen(ALONE, UNREAD, 300).ruling.decision is Decision.HOLD


def test_at_full_weight_a_rule_looks_at_the_candidate_alone() -> None:
    alias = (("FunctionName", "orders"), ("Resource", "orders:live"))
    invocations, errors = Metric("AWS/Lambda", "Invocations", alias), Metric("AWS/Lambda", "Errors", alias)
    served = {FIRST_MINUTE + n: 100.0 for n in range(-4, 5)}
    ruled, failing = with_rule(ALONE), {FIRST_MINUTE + n: 9.0 for n in range(1, 5)}
    found = seen(ruled, {invocations: served, errors: failing}, 300)
    assert found.ruling.reason.startswith("step 2/2: rule error_rate above 5% is broken: orders version 2 has 9%")
    # Minutes before the shift had the baseline's numbers too, and those of the last two have not settled.
    failed_before = {FIRST_MINUTE + n: 90.0 for n in range(-4, 1)}
    assert seen(ruled, {invocations: served, errors: failed_before}, 300).outcome is Outcome.PASS
    assert seen(ruled, {invocations: served, errors: failing}, 179).outcome is Outcome.PASS
    busy = ruled.model_copy(update={"members": (a_member(requests_per_minute=100),)})
    assert seen(busy, {invocations: served, errors: failing}, 179).outcome is Outcome.INCONCLUSIVE


# ---- As before ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("readings", "second", "decision", "reason"),
    [
        ([OK], 60, Decision.HOLD, "step 1/2: 1 alarm is OK"),
        ([OK], 300, Decision.SHIFT, "step 1/2 passed: 1 alarm is OK"),
        ([RED], 60, Decision.ROLL_BACK, "step 1/2: alarm orders-errors is in ALARM"),
        (
            [a_reading(AlarmState.UNREADABLE)],
            300,
            Decision.HOLD,
            "step 1/2: alarm orders-errors could not be read: ",
        ),
    ],
)
def test_a_record_without_comparison_is_judged_by_its_alarms(
    readings: list[Reading], second: float, decision: Decision, reason: str
) -> None:
    found = seen(a_deployment(at_step=0, alarms=(an_alarm(),)), {}, second, readings)
    assert (found.ruling.decision, found.ruling.reason) == (decision, reason)
    assert found.evidence.keys() == {"decision", "outcome", "alarms"}
    assert found.after.shift_at == (after(second) if decision is Decision.SHIFT else None)


def test_a_record_without_anything_is_judged_by_time_alone() -> None:
    found = seen(a_deployment(at_step=0), {}, 300)
    assert found.ruling.reason == "step 1/2 passed: no alarm is named; time alone decides"


@pytest.mark.parametrize("deployment", [a_deployment(), compared(at_step=-1)], ids=["not compared", "compared"])
def test_before_the_first_shift_there_is_nothing_to_judge(deployment: Deployment) -> None:
    found = seen(deployment, {}, 60)
    assert found.ruling.reason == "there is nothing to judge before the first shift"
    assert wanted_metrics(deployment, after(60), 60) == []


@pytest.mark.parametrize("ok_at", [None, after(30)])
def test_an_alarm_that_was_red_at_the_start_is_armed_from_its_recovery_on(ok_at: datetime | None) -> None:
    alarm = an_alarm(red_at_start=RedAtStart.IGNORE_UNTIL_OK, armed=False)
    state = AlarmState.ALARM if ok_at else AlarmState.OK
    reading = Reading(alarm.name, state, ok_at=ok_at, alarmed_at=after(45) if ok_at else None)
    found = seen(a_deployment(at_step=0, alarms=(alarm,)), {}, 60, [reading])
    assert found.after.alarms[0].armed_at == (ok_at or after(60))
    assert found.ruling.decision is (Decision.ROLL_BACK if ok_at else Decision.HOLD)


# ---- What a look asks CloudWatch for --------------------------------------------------------------------------


def test_a_look_asks_for_each_metric_once_from_the_first_shift_to_now() -> None:
    ruled = with_rule(compared(subjects=(ERRORS, ORDERS)))
    ((wanted, since, until),) = wanted_metrics(ruled, after(295), 60)
    assert (since, until) == (FIRST_MINUTE, FIRST_MINUTE + 5)
    both = {*ERRORS.metrics("2"), *ERRORS.metrics("1"), *ORDERS.metrics("2"), *ORDERS.metrics("1")}
    assert len(wanted) == len(set(wanted)) == 8  # what the rule needs is among them
    assert set(wanted) == both


def test_a_look_asks_for_nothing_where_there_is_nothing_to_compare() -> None:
    assert wanted_metrics(a_deployment(at_step=0, shifts=(a_shift(0, 1_000),)), after(60), 60) == []
    off = compared(plan=a_plan((10_000, 300)), at_step=0)
    assert wanted_metrics(off, after(60), 60) == []


def asked_for(deployment: Deployment, minute: int) -> dict[tuple[int, int], set[Metric]]:
    """Return what a look in a minute asks for, by the minutes since the first shift of which it does."""
    wanted = wanted_metrics(deployment, after(minute * 60), 60)
    return {(since - FIRST_MINUTE, until - FIRST_MINUTE): set(metrics) for metrics, since, until in wanted}


def test_of_a_bake_of_days_at_full_weight_no_minute_is_asked_for_that_tells_nothing() -> None:
    shifts = (a_shift(0, 1_000), a_shift(600, 10_000))
    ruled = with_rule(compared(at_step=1, shifts=shifts, plan=a_plan((1_000, 600), (10_000, 6 * 86_400))))
    asked = asked_for(ruled, 7_200)
    assert asked.keys() == {(0, 10), (7_138, 7_201)}
    assert asked[0, 10] == {*ERRORS.metrics("2"), *ERRORS.metrics("1")}
    assert asked[0, 10].isdisjoint(asked[7_138, 7_201])


def test_of_a_split_of_days_a_rule_asks_for_its_window_alone() -> None:
    asked = asked_for(with_rule(compared(), Rule(metric="duration", above="800ms")), 1_440)
    assert {minutes: len(metrics) for minutes, metrics in asked.items()} == {(0, 1_441): 4, (1_378, 1_441): 1}
