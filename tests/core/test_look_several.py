"""One look at several things: comparisons that share the risk, slow requests, rules, and the guarded ramp."""

import pytest

from controller.core.criteria import Rule, Then
from controller.core.decision import Decision
from controller.core.measurement import errors_of, slowness_of
from controller.core.outcome import Outcome
from tests.builders import a_guarded_plan, a_member, a_plan, a_shift, a_word, after, measured
from tests.core.test_look import BROKEN, ERRORS, ERRORS_BELOW_5, FOUR_WELL, ORDERS, UNSURE, compared, seen


def test_a_candidate_that_handles_its_failures_is_convicted_by_its_own_counts() -> None:
    both = compared(subjects=(ERRORS, ORDERS))
    handled = measured(*[(100, 0, 900, 9)] * 4) | measured(*[BROKEN] * 4, subject=ORDERS)
    found = seen(both, handled)
    assert found.outcome is Outcome.FAIL
    assert "60 of 300 requests (20%) failed (orders) against 3 of 2,700 requests" in found.verdict.reason
    assert [each["outcome"] for each in found.evidence["comparisons"]] == ["PASS", "FAIL"]


def test_comparisons_that_roll_back_share_the_risk_and_others_do_not_cost_any() -> None:
    slow = slowness_of("orders", "live", 500, Then.HOLD)
    (alone,) = seen(compared(), measured(UNSURE)).evidence["comparisons"]
    for subjects, share in (((ERRORS, slow), 1), ((ERRORS, ORDERS), 2)):
        found = seen(compared(subjects=subjects), measured(UNSURE)).evidence["comparisons"][0]
        assert found["odds"] == pytest.approx(alone["odds"] / share, rel=0.01)


# Its second metric counts the quick ones.
SLOW_CANDIDATE = [(1_000, 500, 9_000, 8_600)] * 8


@pytest.mark.parametrize(
    ("then", "outcome"),
    [
        (Then.HOLD, Outcome.INCONCLUSIVE),
        (Then.ROLL_BACK, Outcome.FAIL),
        (Then.OBSERVE, Outcome.PASS),
    ],
)
def test_a_slower_candidate_is_held_rolled_back_or_observed(then: Then, outcome: Outcome) -> None:
    slow = slowness_of("orders", "live", 500, then)
    deployment = compared(subjects=(ERRORS, slow), plan=a_plan((1_000, 900), (10_000, 300)))
    metrics = measured(*[(1_000, 1, 9_000, 9)] * 8) | measured(*SLOW_CANDIDATE, subject=slow)
    found = seen(deployment, metrics, 595)
    assert found.outcome is outcome
    if then is not Then.OBSERVE:
        assert found.verdict.reason.startswith(
            "orders version 2 is slower than version 1: 4,000 of 8,000 requests "
        )
        assert "(50%) took more than 500 ms against 3,200 of 72,000 requests (4.44%)" in found.verdict.reason
    assert found.evidence["comparisons"][1]["outcome"] == "FAIL"


def test_odds_that_only_ask_for_patience_hold_nobody_up_for_slow_requests() -> None:
    slow = slowness_of("orders", "live", 500, Then.ROLL_BACK)
    deployment = compared(subjects=(ERRORS, slow))
    maybe = measured(None, None, (100, 80, 900, 855), subject=slow)
    found = seen(deployment, measured(*[(1_000, 1, 9_000, 9)] * 4) | maybe)
    assert 2 < found.evidence["comparisons"][1]["odds"] < 200
    assert found.outcome is Outcome.PASS


def test_of_two_members_the_one_that_is_worse_convicts_both() -> None:
    basket = errors_of("basket", "live")
    members = (a_member(), a_member(function="basket", baseline="1"))
    deployment = compared(members=members, subjects=(ERRORS, basket))
    found = seen(deployment, FOUR_WELL | measured(*[BROKEN] * 4, subject=basket))
    assert found.ruling.decision is Decision.ROLL_BACK
    assert found.ruling.reason.startswith("step 1/2: basket version 2 fails more than version 1")


# ---- Rules --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("then", "outcome"), [("roll_back", Outcome.FAIL), ("hold", Outcome.INCONCLUSIVE), ("observe", Outcome.PASS)]
)
def test_a_rule_may_be_broken_where_no_comparison_is_made(then: str, outcome: Outcome) -> None:
    rule = Rule.model_validate({"metric": "error_rate", "above": "5%", "then": then})
    off = compared(subjects=(), comparison=None, rules=(rule,))
    assert seen(off, measured(*[(100, 8, 900, 72)] * 4)).outcome is outcome


def test_rules_see_nothing_before_the_minute_after_the_first_shift() -> None:
    off = compared(subjects=(), comparison=None, rules=(ERRORS_BELOW_5,), expects_evidence=False)
    before = measured(*[(100, 80, 900, 72)] * 5, since=-4)
    assert seen(off, before).verdict.reason == "1 rule is met"


# ---- The guarded ramp ---------------------------------------------------------------------------------------


def test_a_guarded_ramp_goes_on_by_what_is_paid_for_and_waits_for_the_minute() -> None:
    ramp = compared(plan=a_guarded_plan(1_000), shifts=(a_shift(0, 1_000),))
    found = seen(ramp, measured(*[(100, 0, 900, 1)] * 4), 295)
    assert found.ruling.decision is Decision.SHIFT
    assert [step.weight for step in found.after.steps] == [1_000, 4_000, 10_000]
    assert (found.after.intended_index, found.after.shift_at) == (1, after(300))


def test_a_guarded_ramp_that_is_not_paid_for_stays_and_says_so() -> None:
    ramp = compared(plan=a_guarded_plan(1_000), shifts=(a_shift(0, 1_000),))
    found = seen(ramp, measured((10, 1, 90, 9)), 295)
    assert found.ruling.decision is Decision.HOLD
    assert found.ruling.reason.startswith("step 1: the evidence does not pay for more yet: orders version 2 is no")
    assert found.after.plan == ramp.plan


def test_an_approved_ramp_rises_without_being_paid_for() -> None:
    busy = (a_member(requests_per_minute=6_000.0),)
    ramp = compared(plan=a_guarded_plan(50), shifts=(a_shift(0, 50),), approval=a_word(), members=busy)
    found = seen(ramp, {}, 295)
    assert found.ruling.decision is Decision.SHIFT
    assert [step.weight for step in found.after.steps] == [50, 200, 10_000]
