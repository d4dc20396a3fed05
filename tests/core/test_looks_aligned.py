"""Looks at versions that are compared: shortly before a minute, at whose start a weight may change."""

import itertools
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.deployment import Deployment
from controller.core.looks import (
    LEAD_SECONDS,
    MAX_HISTORY_EVENTS,
    history_events,
    lead,
    next_look,
    refuse_long_plan,
    shift_due_at,
    start_of_shift,
)
from controller.core.measurement import SHIFT_SECONDS
from controller.core.ramp import MOST_GUARDED_STEPS
from tests.builders import START, a_compared_deployment, a_deployment, a_guarded_plan, a_plan, after
from tests.core.test_looks import DAY, EVENTS_OF_ANOTHER_LOOK, HOUR, MINUTE


def split(bake_seconds: int = 300, shifted: float = 0, target: str = "orders", **overrides: Any) -> Deployment:
    """Return a deployment that shifted 10 % `shifted` seconds after a minute began, and bakes."""
    plan = a_plan((1_000, bake_seconds), (10_000, 300))
    values: dict[str, Any] = {"plan": plan, "shifted_at": after(shifted)} | overrides
    return a_compared_deployment(target=target, **values)


def seconds(moment: datetime | None) -> float | None:
    """Return a moment in seconds after START."""
    return None if moment is None else (moment - START).total_seconds()


def looks(deployment: Deployment, until: float, minute_seconds: float = 60) -> list[float]:
    """Return the seconds of every look from the shift to `until`."""
    found = [seconds(deployment.shifted_at) or 0.0]
    while found[-1] < until:
        found.append(seconds(next_look(deployment, after(found[-1]), minute_seconds)) or 0.0)
        assert len(found) < 2_000, "the looks do not come to an end"
    return found[1:]


NAMES = [f"target-{number}" for number in range(50)]


@pytest.mark.parametrize("shifted", [0, 0.4, 4.9])
def test_a_one_minute_step_has_one_look_shortly_before_its_end(shifted: float) -> None:
    for name in NAMES:
        assert looks(split(60, shifted, name), 55) == [55]


def test_the_look_that_may_end_a_bake_comes_five_seconds_before_the_minute_that_it_ends_with() -> None:
    for name in NAMES:
        assert looks(split(300, target=name), 295)[-1] == 295
    assert LEAD_SECONDS == 5


def test_no_two_minutes_of_a_young_bake_pass_without_a_look() -> None:
    for name in NAMES:
        seen = [0.0, *looks(split(600, target=name), 595)]
        assert max(later - sooner for sooner, later in itertools.pairwise(seen)) <= 2 * MINUTE


def test_targets_that_are_compared_are_looked_at_apart_before_their_bake_is_over() -> None:
    assert len({looks(split(300, target=name), 295)[0] for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize(
    ("shifted", "due"),
    [(0, 300), (3, 300), (5, 300), (5.1, 360), (30, 360), (59.9, 360)],
)
def test_a_bake_is_over_when_a_minute_begins(shifted: float, due: float) -> None:
    assert seconds(shift_due_at(split(300, shifted), 60)) == due


def test_a_shift_that_came_as_late_as_it_may_does_not_put_off_the_next_one() -> None:
    assert seconds(shift_due_at(split(60, SHIFT_SECONDS), 60)) == 60


@pytest.mark.parametrize("late", [0, 1, 4, 20])
def test_what_is_held_is_looked_at_before_each_minute_though_a_look_came_late(late: float) -> None:
    assert seconds(next_look(split(300), after(295 + late), 60)) == 355
    assert seconds(next_look(split(300), after(355 + late), 60)) == 415


def test_a_long_hold_is_looked_at_more_seldom_and_always_before_a_minute() -> None:
    held = looks(split(300), 7 * HOUR)
    aligned = [look for look in held if look >= 295]
    assert [look for look in aligned if (look + 5) % MINUTE] == []
    gaps = {later - sooner for sooner, later in itertools.pairwise(aligned)}
    assert min(gaps) == MINUTE
    assert max(gaps) >= 5 * MINUTE


@given(st.integers(1, 3 * HOUR), st.floats(0, 59), st.integers(0, 2 * DAY), st.sampled_from(NAMES))
def test_a_look_that_may_shift_is_always_the_lead_before_a_minute(
    bake: int, shifted: float, age: int, name: str
) -> None:
    deployment = split(bake, shifted, name)
    due = shift_due_at(deployment, 60)
    assert due is not None
    now = after(shifted + age)
    look = next_look(deployment, now, 60)
    assert look > now
    if look >= due - lead(deployment, 60):
        assert (look.timestamp() + LEAD_SECONDS) % MINUTE == pytest.approx(0, abs=1e-3)
    else:
        assert now < due - lead(deployment, 60)


@pytest.mark.parametrize("minute_seconds", [60.0, 6.0, 2.0])
def test_the_lead_follows_the_length_of_a_minute(minute_seconds: float) -> None:
    scale = minute_seconds / 60
    deployment = split(round(300 * scale))
    assert lead(deployment, minute_seconds).total_seconds() == pytest.approx(5 * scale, abs=1e-6)
    assert seconds(shift_due_at(deployment, minute_seconds)) == pytest.approx(300 * scale, abs=1e-4)
    assert looks(deployment, 294 * scale, minute_seconds)[-1] == pytest.approx(295 * scale, abs=1e-4)


FREE: list[tuple[str, Deployment]] = [
    ("nothing to compare", a_deployment(at_step=0)),
    ("comparison off", split(subjects=())),
    ("all of the traffic", split(300, 7, step_index=1)),
    ("never split", a_compared_deployment(plan=a_plan((10_000, 300)))),
]


@pytest.mark.parametrize("deployment", [each for _, each in FREE], ids=[name for name, _ in FREE])
def test_where_nothing_is_compared_no_minute_is_waited_for(deployment: Deployment) -> None:
    assert lead(deployment, 60).total_seconds() == 0
    assert shift_due_at(deployment, 60) == deployment.due_at
    assert start_of_shift(deployment, after(295), 60) == after(295)


@pytest.mark.parametrize(
    ("second", "start"),
    [(295, 300), (299.9, 300), (300, 300), (294.9, 294.9), (300.1, 300.1), (330, 330)],
)
def test_a_shift_waits_for_the_minutes_start_when_that_is_no_more_than_the_lead_away(
    second: float, start: float
) -> None:
    assert seconds(start_of_shift(split(300), after(second), 60)) == start


def test_before_the_first_shift_there_is_nothing_to_wait_for() -> None:
    assert shift_due_at(a_compared_deployment(at_step=-1), 60) is None
    assert next_look(a_compared_deployment(at_step=-1), after(30), 60) == after(30)


# Nine minutes, but each of its 48 steps below full weight is looked at; a final bake of five has six looks.
def test_a_guarded_plan_is_estimated_with_as_many_steps_as_it_may_come_to() -> None:
    assert history_events(a_guarded_plan(50), 60) == 60 + 49 * 8 + (48 + 6) * 13
    assert history_events(a_guarded_plan(50), 60) == history_events(a_guarded_plan(50, 200, 800), 60)


def test_the_estimate_of_a_guarded_plan_is_not_below_the_looks_of_its_slowest_ramp() -> None:
    slowest = a_guarded_plan(*range(1, MOST_GUARDED_STEPS))
    ramp = sum(len(looks(split(60, target="orders"), 55)) for _ in slowest.steps[:-1])
    final = len(looks(a_compared_deployment(plan=slowest, at_step=slowest.last_index), 300))
    assert (ramp + final) * EVENTS_OF_ANOTHER_LOOK <= history_events(slowest, 60)


def test_a_guarded_plan_of_a_week_can_be_carried_out_and_a_longer_one_cannot() -> None:
    def lasting(min_duration_seconds: int) -> Any:
        plan = a_guarded_plan(50)
        assert plan.guard
        guard = plan.guard.model_copy(update={"min_duration_seconds": min_duration_seconds})
        return plan.model_copy(update={"guard": guard})

    assert refuse_long_plan(lasting(7 * DAY - 300), 60) is None
    assert history_events(lasting(7 * DAY - 300), 60) < MAX_HISTORY_EVENTS
    assert refuse_long_plan(lasting(7 * DAY), 60) == "the plan takes 7d 5m; a deployment may take 7d"
