"""Looks: often at first and seldom later, always at the end of the bake, and never too many for Step Functions."""

from collections import Counter
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.approval import Gate, WhenUnanswered
from controller.core.claim import MAX_WAIT_MINUTES
from controller.core.deployment import Deployment
from controller.core.looks import (
    MACHINE_TIMEOUT_SECONDS,
    MAX_HISTORY_EVENTS,
    MAX_PLAN_SECONDS,
    history_events,
    next_look,
    refuse_long_plan,
)
from tests.builders import START, a_deployment, a_plan, after

MINUTE, HOUR, DAY = 60, 3_600, 86_400
EVENTS_OF_ANOTHER_LOOK = 13


def baking(bake_seconds: int, target: str = "orders") -> Deployment:
    """Return a deployment that shifted all traffic at START, and bakes."""
    return a_deployment(at_step=0, plan=a_plan((10_000, bake_seconds)), target=target)


def visits(deployment: Deployment, minute_seconds: float = 60, most: int = 1_000) -> list[datetime]:
    """Return every look from the shift to the end of the bake."""
    due, seen = deployment.due_at, [START]
    assert due is not None
    while seen[-1] < due:
        seen.append(next_look(deployment, seen[-1], minute_seconds))
        assert len(seen) <= most, "the looks do not come to an end"
    return seen[1:]


@pytest.mark.parametrize(
    ("age_seconds", "pace_seconds"),
    [
        (0, MINUTE),
        (5 * MINUTE, MINUTE),
        (15 * MINUTE - 1, MINUTE),
        (15 * MINUTE, 5 * MINUTE),
        (2 * HOUR, 5 * MINUTE),
        (6 * HOUR - 1, 5 * MINUTE),
        (6 * HOUR, 30 * MINUTE),
        (6 * DAY, 30 * MINUTE),
    ],
)
def test_looks_grow_rarer_with_the_age_of_the_bake(age_seconds: int, pace_seconds: int) -> None:
    deployment, now = baking(7 * DAY), after(age_seconds)
    wait = (next_look(deployment, now, 60) - now).total_seconds()
    assert pace_seconds / 4 < wait <= pace_seconds * 1.25


@pytest.mark.parametrize("minute_seconds", [60.0, 6.0, 1.0])
def test_the_pace_follows_the_length_of_a_minute(minute_seconds: float) -> None:
    real = [(at - START).total_seconds() for at in visits(baking(7 * HOUR))]
    compressed = visits(baking(int(7 * HOUR * minute_seconds / 60)), minute_seconds)
    assert [(at - START).total_seconds() * 60 / minute_seconds for at in compressed] == pytest.approx(
        real, abs=0.01
    )


def test_a_week_of_baking_fits_into_eight_thousand_history_events() -> None:
    assert history_events(a_plan((1_000, 300), (10_000, 7 * DAY - 300)), 60) < 8_000


@pytest.mark.parametrize("target", ["orders", "payments", "a", "z" * 50])
def test_a_look_that_comes_a_little_late_does_not_repeat_itself(target: str) -> None:
    deployment = baking(DAY, target)
    first = next_look(deployment, START, 60)
    late = first.replace(microsecond=0)
    for seconds in (1, 2, 5):
        wait = next_look(deployment, after((late - START).total_seconds() + seconds), 60) - late
        assert wait.total_seconds() > 15


def test_a_deployment_that_has_not_shifted_is_looked_at_now() -> None:
    assert next_look(a_deployment(), after(60), 60) == after(60)


@pytest.mark.parametrize("held_seconds", [0, 1, 59, 600, 3_599])
def test_a_step_that_is_held_goes_on_being_looked_at(held_seconds: int) -> None:
    now = after(300 + held_seconds)
    wait = (next_look(baking(300), now, 60) - now).total_seconds()
    assert 0 < wait <= 5 * MINUTE * 1.25


@given(st.integers(1, 7 * DAY), st.integers(0, 7 * DAY), st.text(max_size=50))
def test_a_look_during_a_bake_is_in_the_future_and_never_beyond_its_end(bake: int, age: int, target: str) -> None:
    deployment, now = baking(bake, target), after(age)
    look, due = next_look(deployment, now, 60), deployment.due_at
    assert due is not None
    assert look > now
    assert look <= due or now >= due
    seen = deployment.model_copy(update={"look_at": look})
    assert seen.seconds_to_look(now) >= 1


@given(st.integers(1, 7 * DAY), st.text(max_size=50))
def test_the_looks_of_a_bake_end_exactly_when_it_is_due(bake: int, target: str) -> None:
    deployment = baking(bake, target)
    assert visits(deployment)[-1] == deployment.due_at


@given(st.integers(1, 7 * DAY), st.text(max_size=50))
def test_the_estimate_of_history_events_is_never_below_the_looks_that_are_made(bake: int, target: str) -> None:
    deployment = baking(bake, target)
    assert deployment.plan is not None
    assert len(visits(deployment)) * EVENTS_OF_ANOTHER_LOOK <= history_events(deployment.plan, 60)


def test_a_target_is_always_looked_at_after_the_same_offset() -> None:
    assert next_look(baking(DAY), START, 60) == next_look(baking(DAY), START, 60) == visits(baking(HOUR))[0]


def test_targets_that_shift_together_are_looked_at_apart() -> None:
    assert next_look(baking(DAY, "orders"), START, 60) != next_look(baking(DAY, "payments"), START, 60)


# CloudWatch service quotas: DescribeAlarms answers 9 calls a second.
def test_a_fleet_that_shifts_together_stays_below_the_quota_of_describe_alarms() -> None:
    first_looks = (next_look(baking(DAY, f"target-{n}"), START, 60) for n in range(100))
    a_second = Counter(int((look - START).total_seconds()) for look in first_looks)
    assert max(a_second.values()) <= 9


@pytest.mark.parametrize(
    ("bakes", "refused"),
    [
        ([300, 300], None),
        ([MAX_PLAN_SECONDS - 300, 300], None),
        ([MAX_PLAN_SECONDS + HOUR * 12, 300], "the plan takes 7d 12h 5m; a deployment may take 7d"),
        ([30 * DAY], "the plan takes 30d; a deployment may take 7d"),
        ([30 * MINUTE] * 70, None),
        (
            [30 * MINUTE] * 200,
            "the plan needs 51060 history events of Step Functions; 20000 is the most",
        ),
    ],
    ids=["short", "a week", "more than a week", "a month", "70 steps", "200 steps"],
)
def test_a_plan_that_the_state_machine_cannot_finish_is_refused(bakes: list[int], refused: str | None) -> None:
    weights = [10_000 * (index + 1) // len(bakes) for index in range(len(bakes))]
    assert refuse_long_plan(a_plan(*zip(weights, bakes, strict=True)), 60) == refused


@pytest.mark.parametrize(
    ("gates", "refused"),
    [
        ([], None),
        ([3 * DAY], None),
        ([3 * DAY, 2 * DAY], None),
        (
            [3 * DAY, 3 * DAY],
            "the plan takes 4d, and its gates may wait 6d; with them a deployment may take 9d",
        ),
    ],
    ids=["none", "one", "just as much", "too long"],
)
def test_a_plan_whose_gates_may_outlast_the_state_machine_is_refused(gates: list[int], refused: str | None) -> None:
    plan = a_plan((1_000, 2 * DAY), (5_000, DAY), (10_000, DAY))
    gated = [
        step.model_copy(update={"approval": Gate(within_seconds=within, then=WhenUnanswered.GO_ON)})
        for step, within in zip(plan.steps, gates, strict=False)
    ]
    plan = plan.model_copy(update={"steps": (*gated, *plan.steps[len(gated) :])})
    assert refuse_long_plan(plan, 60) == refused
    if refused is None:
        assert plan.total_seconds + sum(gates) + 60 * MAX_WAIT_MINUTES <= MACHINE_TIMEOUT_SECONDS


@given(st.lists(st.integers(0, DAY), min_size=1, max_size=200))
def test_no_plan_that_is_accepted_could_exhaust_the_history(bakes: list[int]) -> None:
    plan = a_plan(*((index + 1, bake) for index, bake in enumerate(bakes)))
    if refuse_long_plan(plan, 60) is None:
        assert history_events(plan, 60) <= MAX_HISTORY_EVENTS
        assert plan.total_seconds < MACHINE_TIMEOUT_SECONDS
    else:
        assert history_events(plan, 60) > MAX_HISTORY_EVENTS or plan.total_seconds > MAX_PLAN_SECONDS
