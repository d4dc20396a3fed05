"""Approve: a person lets a deployment go on whose evidence is unclear; what fails is nobody's to approve."""

import pytest

from controller.core.deployment import Mark, Status
from controller.core.errors import InputError
from tests.engine import walker
from tests.engine.traffic import Traffic
from tests.engine.world import World
from tests.tasks.walks import arrive, ask, holder, mark, resume, walk_to

DUE, HELD = 300, 900


@pytest.fixture
def quiet(world: World) -> World:
    """Return a world whose target was called once a second, and is called no more."""
    world.target(comparison={}, strategy="Canary10Percent5Minutes", max_hold="10m")
    Traffic(world, 60).past()
    return world


def approve(world: World, execution: walker.Execution) -> str:
    """Let a person approve, and return what they are told."""
    return ask(world, execution.name, "approve", reason="nobody calls at night")


def awaiting(world: World) -> walker.Execution:
    """Return a deployment that sleeps until somebody approves."""
    execution = arrive(world, "Bake")
    for _ in range(40):
        if world.record(execution.name).awaits_approval:
            return execution
        walk_to(execution, "Judge")
        walk_to(execution, "Bake")
    raise AssertionError("nobody was asked")


def asleep(world: World) -> walker.Execution:
    """Return a deployment that has gone to sleep, and waits for somebody to approve."""
    execution = awaiting(world)
    world.machine.release(execution.name)
    world.wait(1)
    assert world.record(execution.name).token
    return execution


def test_what_stays_unclear_asks_for_a_person(quiet: World) -> None:
    execution = awaiting(quiet)
    record = quiet.record(execution.name)
    assert record.reason.startswith(
        "step 1/2: awaits approval, still unclear after a hold of 10m: checkout version 2"
    )
    assert "JUDGED" in quiet.told(execution.name)
    shifted_at = record.shifted_at
    assert shifted_at is not None
    assert HELD <= (quiet.now() - shifted_at).total_seconds() < HELD + 10 * 60


def test_a_person_who_approves_wakes_it_and_it_goes_on(quiet: World) -> None:
    execution = asleep(quiet)
    before = quiet.now()
    assert approve(quiet, execution) == f"deployment {execution.name} is approved at step 1/2 and goes on"
    walk_to(execution, "Shift")
    assert (quiet.now() - before).total_seconds() < 3
    assert quiet.record(execution.name).reason.startswith(
        "step 1/2: approve by kim: nobody calls at night, though checkout version 2 has served 0 requests"
    )
    assert resume(execution).status == "SUCCEEDED"
    assert (quiet.alias(), quiet.record(execution.name).status) == ("version 2", Status.PROMOTED)


def test_who_approves_before_anybody_asked_is_told_so_and_it_goes_on_when_its_bake_is_over(quiet: World) -> None:
    execution = arrive(quiet, "Bake")
    assert approve(quiet, execution) == (
        f"deployment {execution.name} is approved at step 1/2 and has not asked yet: "
        "it goes on when its bake is over, unless something fails"
    )
    assert resume(execution).status == "SUCCEEDED"
    first, second = quiet.record(execution.name).shifts
    assert DUE - 60 < (second.at - first.at).total_seconds() < DUE + 120


def test_who_approves_after_the_end_is_told_so(quiet: World) -> None:
    execution = arrive(quiet, "Bake")
    mark(quiet, execution, Mark.ABORT)
    resume(execution)
    assert approve(quiet, execution) == f"deployment {execution.name} has ended already"
    assert quiet.record(execution.name).approval is None


def test_nobody_approves_what_there_is_none_of(quiet: World) -> None:
    with pytest.raises(InputError, match="there is no deployment 'no-such'"):
        approve(quiet, walker.Execution("no-such", {}))


def test_what_nobody_approves_within_a_day_is_rolled_back_without_blame(quiet: World) -> None:
    execution = awaiting(quiet)
    asked = quiet.now()
    assert resume(execution).error == "RolledBack"
    assert execution.cause.startswith("step 1/2: nobody has approved within 1d, still unclear after a hold of 10m")
    assert 86_000 < (quiet.now() - asked).total_seconds() < 86_400 + 1_800
    assert (quiet.alias(), holder(quiet)) == ("version 1", None)
    assert not quiet.record(execution.name).refused


def test_a_candidate_that_fails_is_not_approved_away(world: World) -> None:
    world.target(comparison={}, strategy="Canary10Percent5Minutes")
    Traffic(world, 600, lambda version: 0.2 if version == "2" else 0.001).past().flow(30)
    execution = arrive(world, "Bake")
    approve(world, execution)
    assert resume(execution).error == "RolledBack"
    assert "checkout version 2 fails more than version 1" in execution.cause


def test_an_alarm_that_fires_is_not_approved_away(quiet: World) -> None:
    quiet.target(comparison={}, strategy="Canary10Percent5Minutes", max_hold="10m", alarms=["errors"])
    execution = asleep(quiet)
    quiet.set_alarm("errors", "ALARM")
    approve(quiet, execution)
    assert resume(execution).error == "RolledBack"


def test_an_alarm_without_data_is_not_approved_away(quiet: World) -> None:
    quiet.target(comparison={}, strategy="Canary10Percent5Minutes", max_hold="10m", alarms=["errors"])
    execution = arrive(quiet, "Bake")
    quiet.set_alarm("errors", "INSUFFICIENT_DATA")
    approve(quiet, execution)
    assert resume(execution).error == "RolledBack"
    assert "still unclear after a hold of 10m: alarm errors has INSUFFICIENT_DATA" in execution.cause


@pytest.mark.parametrize(
    ("when_unclear", "status", "words"),
    [
        ("promote", Status.PROMOTED, "passed"),
        ("roll_back", Status.ROLLED_BACK, "still unclear after a hold of 10m"),
    ],
)
def test_nobody_is_asked_where_the_target_says_what_follows(
    quiet: World, when_unclear: str, status: Status, words: str
) -> None:
    quiet.target(comparison={}, strategy="Canary10Percent5Minutes", max_hold="10m", when_unclear=when_unclear)
    execution = quiet.push(quiet.upload())
    record = quiet.record(execution.name)
    assert (record.status, words in record.reason) == (status, True)
    assert not record.awaits_approval
    reasons = [event.reason for event in quiet.ports.deployments.events(execution.name)]
    assert any("goes on without evidence" in reason for reason in reasons) is (when_unclear == "promote")
