"""Shift: weights of versions that are compared change when a minute begins, and are recorded as they were made."""

from datetime import datetime

import pytest

from controller.core.deployment import Deployment, Mark
from tests.engine import walker
from tests.engine.traffic import Traffic
from tests.engine.world import World
from tests.tasks.walks import arrive, ask, carry_out, finish, mark, resume, walk_to

WEIGHTS = [2_000, 4_000, 6_000, 8_000, 10_000]


@pytest.fixture
def compared(world: World) -> World:
    """Return a world whose target is compared, and called ten times a second."""
    world.target(comparison={}, strategy="Linear20PercentEvery1Minute")
    Traffic(world, 600).past().flow(30)
    world.wait(16.5)
    return world


def record(world: World, execution: walker.Execution) -> Deployment:
    """Return the record of a deployment."""
    return world.record(execution.name)


def past_the_minute(moment: datetime) -> float:
    """Return how many seconds a moment is after the start of its minute."""
    return moment.timestamp() % 60


def test_every_weight_but_the_first_changes_when_a_minute_begins(compared: World) -> None:
    execution = compared.push(compared.upload())
    shifts = record(compared, execution).shifts
    assert [made.weight for made in shifts] == WEIGHTS
    assert [past_the_minute(made.at) for made in shifts[1:]] == [0.0] * 4
    assert past_the_minute(shifts[0].at) > 5


def test_steps_of_a_minute_follow_each_other_minute_by_minute(compared: World) -> None:
    execution = compared.push(compared.upload())
    minutes = [made.at.timestamp() // 60 for made in record(compared, execution).shifts]
    # The minute in which the first shift was made does not count, as it had two weights.
    assert [minute - minutes[1] for minute in minutes] == [-2, 0, 1, 2, 3]
    assert execution.path.count("Judge") == execution.path.count("Bake")
    assert execution.path[execution.path.index("Shift") :].count("Shift") == 5


def test_a_shift_is_decided_five_seconds_before_its_minute_and_waits_no_longer(compared: World) -> None:
    execution = arrive(compared, "Shift", 2)
    assert past_the_minute(compared.now()) == 55
    shift_at = record(compared, execution).shift_at
    assert shift_at is not None
    assert (shift_at - compared.now()).total_seconds() == 5
    carry_out(compared, "Shift", execution)
    assert compared.now() == shift_at
    assert record(compared, execution).shift_at is None


@pytest.mark.parametrize("late", [5, 8, 30])
def test_a_shift_whose_minute_has_begun_does_not_wait_for_another(compared: World, late: float) -> None:
    execution = arrive(compared, "Shift", 2)
    compared.wait(late)
    earliest, before = record(compared, execution).shift_at, compared.now()
    carry_out(compared, "Shift", execution)
    assert compared.now() == before
    made = record(compared, execution).shifts[-1]
    # A try before this one might have made it, as soon as it was allowed to.
    assert (made.at, made.until) == (earliest, before)


def test_a_shift_that_is_not_compared_waits_for_nothing(world: World) -> None:
    world.wait(16.5)
    execution = arrive(world, "Shift", 2)
    before = world.now()
    assert record(world, execution).shift_at == before
    carry_out(world, "Shift", execution)
    assert world.now() == before


@pytest.mark.parametrize("which", [Mark.ABORT, Mark.ALARM, Mark.SUPERSEDED])
def test_a_mark_that_came_while_a_shift_waited_is_seen_before_the_alias_is_touched(
    compared: World, which: Mark
) -> None:
    execution = arrive(compared, "Shift", 2)
    compared.at(3, lambda: mark(compared, execution, which))
    weights: list[str] = []
    compared.meanwhile("UpdateAlias", lambda: weights.append(compared.alias()), "after")
    assert resume(execution).error == "RolledBack"
    assert weights == ["version 1"]
    assert compared.alias() == "version 1"


def test_an_approval_that_came_while_a_shift_waited_does_not_stop_it(compared: World) -> None:
    execution = arrive(compared, "Shift", 2)
    compared.at(3, lambda: ask(compared, execution.name, "approve"))
    walk_to(execution, "Bake")
    assert compared.alias() == "version 1 with 40% on version 2"


def test_a_shift_is_recorded_from_its_first_write_to_its_last(world: World) -> None:
    world.function("basket")
    members = [{"function": "checkout"}, {"function": "basket"}]
    world.target(members=members, comparison={}, strategy="Linear20PercentEvery1Minute")
    for function in ("checkout", "basket"):
        Traffic(world, 600, function=function).past()
    execution = arrive(world, "Shift", 1)
    before = world.now()
    world.meanwhile("UpdateAlias", lambda: world.clock.advance(4), "after", 1)
    world.meanwhile("UpdateAlias", lambda: world.clock.advance(3), "after", 2)
    carry_out(world, "Shift", execution)
    (made,) = record(world, execution).shifts
    assert (made.at, (made.until - made.at).total_seconds(), made.weight) == (before, 7, 2_000)
    assert record(world, execution).shifted_at == made.until


def test_a_shift_that_is_repeated_is_recorded_once(compared: World) -> None:
    execution = arrive(compared, "Shift", 2)
    carry_out(compared, "Shift", execution)
    made = record(compared, execution).shifts
    carry_out(compared, "Shift", execution)
    assert record(compared, execution).shifts == made
    assert len(made) == 2


def test_a_shift_that_was_made_before_a_crash_is_recorded_when_it_is_found(compared: World) -> None:
    execution = arrive(compared, "Shift", 2)
    compared.wait(5)
    update = {"FunctionName": "checkout", "Name": "live", "FunctionVersion": "1"}
    compared.aws("UpdateAlias", **update, RoutingConfig={"AdditionalVersionWeights": {"2": 0.4}})
    compared.wait(2)
    finish(compared, "Shift", execution)
    made = record(compared, execution).shifts[-1]
    assert (made.weight, past_the_minute(made.at), past_the_minute(made.until)) == (4_000, 0, 2)
    assert compared.alias() == "version 1 with 40% on version 2"


def test_the_next_look_after_a_shift_is_before_the_next_minute(compared: World) -> None:
    execution = walk_to(arrive(compared, "Shift", 2), "Bake")
    look_at = record(compared, execution).look_at
    assert look_at is not None
    assert past_the_minute(look_at) == 55
    assert 0 < (look_at - compared.now()).total_seconds() <= 55
