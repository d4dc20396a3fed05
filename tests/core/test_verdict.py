"""Verdicts: unknown is never success, an alarm that flapped is seen, and the worst one wins."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.criteria import WhenUnclear
from controller.core.outcome import Outcome
from controller.core.verdict import AlarmState, Verdict, judge_reading, worst
from tests.builders import START, a_reading, a_verdict, after

BEFORE, LATER = after(-60), after(60)
DAY = 86_400


@pytest.mark.parametrize(
    ("state", "reason", "alarmed_at", "outcome", "line"),
    [
        (AlarmState.OK, "", None, Outcome.PASS, "alarm orders-errors is OK"),
        (AlarmState.OK, "", BEFORE, Outcome.PASS, "alarm orders-errors is OK"),
        (AlarmState.OK, "", START, Outcome.PASS, "alarm orders-errors is OK"),
        (
            AlarmState.OK,
            "",
            LATER,
            Outcome.FAIL,
            "alarm orders-errors was in ALARM at 2026-03-02T09:01:00+00:00 and recovered",
        ),
        (AlarmState.ALARM, "", None, Outcome.FAIL, "alarm orders-errors is in ALARM"),
        (
            AlarmState.ALARM,
            "3 datapoints were above 1.0",
            LATER,
            Outcome.FAIL,
            "alarm orders-errors is in ALARM: 3 datapoints were above 1.0",
        ),
        (AlarmState.ALARM, "", BEFORE, Outcome.FAIL, "alarm orders-errors is in ALARM"),
        (
            AlarmState.INSUFFICIENT_DATA,
            "",
            None,
            Outcome.INCONCLUSIVE,
            "alarm orders-errors has INSUFFICIENT_DATA",
        ),
        (
            AlarmState.INSUFFICIENT_DATA,
            "",
            LATER,
            Outcome.FAIL,
            "alarm orders-errors was in ALARM at 2026-03-02T09:01:00+00:00 and recovered",
        ),
        (AlarmState.MISSING, "", None, Outcome.FAIL, "alarm orders-errors does not exist any more"),
        (
            AlarmState.UNREADABLE,
            "throttled",
            None,
            Outcome.INCONCLUSIVE,
            "alarm orders-errors could not be read: throttled",
        ),
    ],
    ids=[
        "ok",
        "ok, red long ago",
        "ok, red when armed",
        "ok, red since",
        "red",
        "red, with a reason",
        "red since before",
        "no data",
        "no data, red since",
        "missing",
        "unreadable",
    ],
)
def test_a_reading_is_judged(
    state: AlarmState, reason: str, alarmed_at: datetime | None, outcome: Outcome, line: str
) -> None:
    verdict = judge_reading(a_reading(state, reason=reason, alarmed_at=alarmed_at), START)
    assert (verdict.outcome, verdict.reason) == (outcome, line)


@given(st.sampled_from(AlarmState), st.none() | st.integers(-DAY, DAY))
def test_nothing_but_an_alarm_that_is_ok_and_was_not_red_passes(state: AlarmState, second: int | None) -> None:
    alarmed_at = None if second is None else after(second)
    passed = judge_reading(a_reading(state, alarmed_at=alarmed_at), START).outcome is Outcome.PASS
    assert passed is (state is AlarmState.OK and (second is None or second <= 0))


def test_no_alarm_at_all_passes_and_says_that_time_alone_decides() -> None:
    assert worst([]) == a_verdict(Outcome.PASS, "no alarm is named; time alone decides")


@given(st.permutations([Outcome.PASS, Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL]), st.integers(1, 4))
def test_the_worst_verdict_wins_whatever_the_order(outcomes: list[Outcome], size: int) -> None:
    rank = [Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL]
    found = worst(a_verdict(outcome) for outcome in outcomes[:size])
    assert found.outcome is max(outcomes[:size], key=rank.index)


def test_the_first_of_equally_bad_verdicts_is_told() -> None:
    verdicts = [a_verdict(Outcome.PASS, "a"), a_verdict(Outcome.FAIL, "b"), a_verdict(Outcome.FAIL, "c")]
    assert worst(verdicts).reason == "b"


STRICT = {WhenUnclear.ROLL_BACK: 2, WhenUnclear.APPROVE: 1, WhenUnclear.PROMOTE: 0}


@given(st.permutations(list(WhenUnclear)), st.integers(1, 3))
def test_of_unclear_verdicts_the_strictest_is_told(policies: list[WhenUnclear], size: int) -> None:
    verdicts = [
        Verdict(outcome=Outcome.INCONCLUSIVE, reason=policy, when_unclear=policy) for policy in policies[:size]
    ]
    assert worst([a_verdict(), *verdicts]).reason == max(policies[:size], key=STRICT.__getitem__)


@pytest.mark.parametrize("policy", WhenUnclear)
def test_a_failure_outranks_what_is_unclear_however_strict_that_is(policy: WhenUnclear) -> None:
    unclear = Verdict(outcome=Outcome.INCONCLUSIVE, reason="unclear", when_unclear=WhenUnclear.ROLL_BACK)
    failed = Verdict(outcome=Outcome.FAIL, reason="failed", when_unclear=policy)
    assert worst([unclear, failed]) == failed


def test_an_alarm_without_data_is_for_nobody_to_approve() -> None:
    assert judge_reading(a_reading(AlarmState.INSUFFICIENT_DATA), START).when_unclear is WhenUnclear.ROLL_BACK
    assert judge_reading(a_reading(AlarmState.UNREADABLE), START).when_unclear is WhenUnclear.ROLL_BACK


def test_that_requests_are_still_to_come_hides_nothing_else_that_is_unclear() -> None:
    starved = Verdict(outcome=Outcome.INCONCLUSIVE, reason="3 requests", is_starved=True)
    unsure = Verdict(outcome=Outcome.INCONCLUSIVE, reason="may be worse")
    assert worst([starved, unsure]) == unsure
