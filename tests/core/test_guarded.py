"""The guarded plan: it grows by what both versions have served, and waits where that does not pay for more."""

from typing import Any

import pytest

from controller.core.criteria import CountMetric, Then
from controller.core.deployment import Deployment
from controller.core.guarded import next_plan
from controller.core.measurement import Measured, counts_of, errors_of, slowness_of
from controller.core.observation import observe
from controller.core.plan import Plan
from tests.builders import (
    a_compared_deployment,
    a_guarded_plan,
    a_member,
    a_plan,
    a_shift,
    after,
    measured,
)

ORDERS = CountMetric(
    name="orders",
    namespace="Shop",
    requests="Orders",
    failures="Failed",
    dimensions={},
    version_dimension="version",
)
MEDIUM = 6_000.0
"""Requests a minute of every story here, but where it says otherwise; a second of them is the budget of 100."""
GOOD = (30, 0, 5_970, 5)
"""What is served in a minute with 50 basis points on the candidate."""


def ramping(*weights: int, **overrides: Any) -> Deployment:
    """Return a guarded deployment that shifted to each of the weights, one minute after the other."""
    values = {
        "plan": a_guarded_plan(*weights),
        "shifts": tuple(a_shift(60 * number, weight) for number, weight in enumerate(weights)),
        "members": (a_member(requests_per_minute=MEDIUM),),
    }
    return a_compared_deployment(at_step=len(weights) - 1, **(values | overrides))


def grown(deployment: Deployment, seen: Measured, second: float = 600, *, is_paid: bool = False) -> Plan | None:
    """Return the plan by which a deployment goes on after a look at `second`."""
    return next_plan(observe(deployment, seen, after(second), 60), is_paid=is_paid)


def weights_of(plan: Plan | None) -> list[int] | None:
    """Return the basis points of a plan's steps."""
    return [step.weight for step in plan.steps] if plan else None


def test_a_plan_that_is_not_guarded_goes_on_as_it_is() -> None:
    deployment = a_compared_deployment(plan=a_plan())
    assert grown(deployment, measured()) is deployment.plan


def test_before_anything_was_compared_the_evidence_pays_for_nothing() -> None:
    assert grown(ramping(50), measured()) is None


# Per the ramp's formula: U = (2.45 x sqrt(10 x 30 / 5,970) + 3) / 60, and 100 / (6,000 x 3 x U) is 9.4 %.
def test_what_was_served_well_pays_for_four_times_as_much_at_most() -> None:
    assert weights_of(grown(ramping(50), measured(GOOD, GOOD))) == [50, 200, 10_000]
    assert weights_of(grown(ramping(500), measured(GOOD, GOOD))) == [500, 930, 10_000]
    assert weights_of(grown(ramping(900), measured(GOOD, GOOD))) is None


def test_failures_of_the_candidate_alone_pay_for_nothing() -> None:
    assert grown(ramping(50), measured((30, 30, 5_970, 5), (30, 30, 5_970, 5))) is None


def test_the_step_that_grows_is_the_one_before_full_weight() -> None:
    deployment = ramping(50, 200, 500)
    plan = grown(deployment, measured(*[(300, 0, 5_700, 5)] * 6))
    assert weights_of(plan) == [50, 200, 500, 2_000, 10_000]
    assert plan
    assert [step.bake_seconds for step in plan.steps] == [60, 60, 60, 60, 300]
    assert plan.guard == a_guarded_plan().guard


def test_the_step_at_half_of_the_traffic_takes_two_minutes() -> None:
    plan = grown(ramping(2_000), measured(*[(1_200, 0, 4_800, 5)] * 3))
    assert weights_of(plan) == [2_000, 5_000, 10_000]
    assert plan
    assert plan.steps[1].bake_seconds == 120


def test_a_minute_in_which_a_weight_changed_too_late_pays_for_nothing() -> None:
    shifts = (a_shift(0, 50), a_shift(90, 200))
    spoiled = ramping(50, 200, shifts=shifts)
    on_time = ramping(50, 200, shifts=(a_shift(0, 50), a_shift(60, 200)))
    assert grown(spoiled, measured((120, 0, 5_880, 5)), second=170) is None
    assert grown(on_time, measured((120, 0, 5_880, 5)), second=170) is not None


def test_traffic_is_that_of_the_last_five_minutes_and_not_what_was_usual() -> None:
    plan = a_guarded_plan(100, requests=100)
    busy_of_late = measured(*[(5, 0, 595, 1)] * 20, *[(500, 20, 59_500, 50)] * 5)
    for usual in (1.0, 600_000.0):
        deployment = ramping(100, members=(a_member(requests_per_minute=usual),), plan=plan)
        assert weights_of(grown(deployment, busy_of_late, 3_000)) == [100, 130, 10_000]


def test_with_a_budget_in_requests_more_traffic_gets_a_smaller_share() -> None:
    plan = a_guarded_plan(1_000, requests=100)
    calm = grown(ramping(1_000, plan=plan), measured(*[(60, 0, 1_140, 1)] * 4))
    busy = grown(ramping(1_000, plan=plan), measured(*[(60, 0, 11_940, 1)] * 4))
    assert weights_of(calm) == [1_000, 4_000, 10_000]
    assert weights_of(busy) == [1_000, 1_990, 10_000]


def test_whole_percents_rise_by_whole_percents() -> None:
    plan = a_guarded_plan(500, finest=100)
    assert weights_of(grown(ramping(500, plan=plan), measured(GOOD, GOOD))) == [500, 900, 10_000]


# Two members of 6,000 and 600 requests a minute: 110 / (3 x (6,000 x 0.0592 + 600 x 3 / 60)) is 9.5 %.
def test_of_several_members_all_that_could_be_lost_is_paid_for() -> None:
    members = (a_member(requests_per_minute=MEDIUM), a_member(function="basket", requests_per_minute=600.0))
    subjects = (errors_of("orders", "live"), errors_of("basket", "live"))
    deployment = ramping(500, members=members, subjects=subjects)
    both = measured(GOOD, GOOD) | measured((30, 0, 570, 0), (30, 0, 570, 0), subject=subjects[1])
    assert weights_of(grown(deployment, both)) == [500, 950, 10_000]
    # Of a member of which nothing is known yet everything may be lost: 110 / (3 x (355 + 600)).
    assert grown(deployment, measured(GOOD, GOOD)) is None


def test_the_applications_own_failures_count_as_much_as_lambdas() -> None:
    own = counts_of("orders", ORDERS)
    deployment = ramping(50, subjects=(errors_of("orders", "live"), own))
    handled = measured((30, 30, 5_970, 5), (30, 30, 5_970, 5), subject=own)
    assert grown(deployment, measured(GOOD, GOOD) | handled) is None
    assert grown(deployment, measured(GOOD, GOOD) | measured(GOOD, GOOD, subject=own)) is not None


@pytest.mark.parametrize(("then", "rises"), [(Then.HOLD, True), (Then.OBSERVE, True), (Then.ROLL_BACK, False)])
def test_slow_requests_are_paid_for_only_where_they_roll_back(then: Then, rises: bool) -> None:
    slow = slowness_of("orders", "live", 500, then)
    deployment = ramping(50, subjects=(errors_of("orders", "live"), slow))
    # Its second metric counts the quick ones: none of the candidate's.
    all_slow = measured(*[(30, 0, 5_970, 5_900)] * 6, subject=slow)
    assert (grown(deployment, measured(*[GOOD] * 6) | all_slow) is not None) is rises


@pytest.mark.parametrize(
    ("second", "ready"),
    [(540, True), (505, True), (504, False)],
    ids=["in time", "its shift waits for the start of the nearest minute", "too early"],
)
def test_all_of_the_traffic_comes_when_the_ramp_has_lasted_as_long_as_it_must(second: float, ready: bool) -> None:
    deployment = ramping(5_000)
    assert grown(deployment, measured(), second) is (deployment.plan if ready else None)


def test_somebodys_word_is_worth_four_times_as_much_whatever_the_evidence_pays_for() -> None:
    assert weights_of(grown(ramping(50), measured(), is_paid=True)) == [50, 200, 10_000]
    assert weights_of(grown(ramping(2_000), measured(), is_paid=True)) == [2_000, 5_000, 10_000]
    assert grown(at_half := ramping(5_000), measured(), is_paid=True) is at_half.plan


def test_at_full_weight_there_is_nothing_left_to_pay_for() -> None:
    alone = ramping(5_000).model_copy(update={"step_index": 1})
    assert grown(alone, measured()) is alone.plan


def test_a_compressed_minute_scales_what_grows() -> None:
    assert a_guarded_plan(50).growing_to(1, 5_000, 6.0).steps[1].bake_seconds == 12
    assert a_guarded_plan(50).growing_to(1, 200, 6.0).steps[1].bake_seconds == 6
