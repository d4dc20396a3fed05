"""Every single AWS call of a deployment fails once: before its effect or after it, for a moment or by a crash.

Whatever fails, the deployment comes to rest: one version behind the alias, no weights, the claim free, and the
end told exactly once. What fails for a moment is overcome.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from controller.core.deployment import Status
from tests.engine import walker
from tests.engine.faults import BROKEN, DENIED, THROTTLE, CrashError, Fault
from tests.engine.world import World

ENDS = {status.value for status in Status} - {"PENDING", "IN_PROGRESS"}
CRASH = CrashError("the process died")
FOR_A_MOMENT: dict[str, Exception] = {"throttled": THROTTLE, "broken": BROKEN}
FOR_GOOD: dict[str, Exception] = {"denied": DENIED, "crashed": CRASH}


def ready() -> World:
    """Return a world in which a deployment can be pushed."""
    world = World()
    world.function()
    world.alarm("errors")
    world.target(alarms=["errors"], test_events=[{"name": "ping", "payload": {}}])
    return world


def promoted(world: World) -> walker.Execution:
    """Push a release that is good."""
    return world.push(world.upload())


def rolled_back(world: World) -> walker.Execution:
    """Push a release during which an alarm fires and recovers."""
    world.at(70, lambda: world.set_alarm("errors", "ALARM"))
    return world.push(world.upload())


STORIES: dict[str, Callable[[World], walker.Execution]] = {"promoted": promoted, "rolled-back": rolled_back}
WANTED = {"promoted": Status.PROMOTED, "rolled-back": Status.ROLLED_BACK}


@cache
def calls_of(story: str) -> tuple[str, ...]:
    """Return the AWS calls of a story in which nothing fails."""
    world = ready()
    world.fault = counter = Fault(0)
    assert STORIES[story](world).path
    return tuple(counter.calls)


def cases(errors: dict[str, Exception]) -> list[Any]:
    """Return one case for each story, call, moment and kind of failure."""
    return [
        pytest.param(
            *(story, number, moment, error),
            id=f"{story}-{kind}-{moment}-{number}-{operation}",
        )
        for story in STORIES
        for number, operation in enumerate(calls_of(story), start=1)
        for moment in ("before", "after")
        for kind, error in errors.items()
    ]


def carry_out(story: str, number: int, moment: str, error: Exception) -> tuple[World, walker.Execution]:
    """Let a story happen in which one call fails."""
    world = ready()
    world.fault = fault = Fault(number, moment, error)
    execution = STORIES[story](world)
    world.fault = lambda operation, moment: None
    assert len(fault.fired) == 1
    return world, execution


def assert_at_rest(world: World, execution: walker.Execution) -> None:
    """Hold a world against what must be true of it when a deployment has ended, however it did."""
    record = world.record(execution.name)
    assert record.status.is_over
    assert world.alias() == ("version 2" if record.status is Status.PROMOTED else "version 1")
    assert world.ports.deployments.claim("checkout").owner is None
    assert [word for word in world.told(execution.name) if word in ENDS] == [record.status.value]
    assert execution.status == ("SUCCEEDED" if record.status is Status.PROMOTED else "FAILED")
    assert bool(execution.cause) == (execution.status == "FAILED")
    assert "\n" not in execution.cause


def test_there_are_enough_cases_to_speak_of_every_call() -> None:
    operations = set(calls_of("promoted")) | set(calls_of("rolled-back"))
    assert operations >= {
        *("GetFunction", "ListTags", "GetAlias", "DescribeAlarms", "UpdateFunctionCode", "PublishVersion"),
        *("Invoke", "UpdateAlias"),
    }
    assert len(cases(FOR_A_MOMENT | FOR_GOOD)) > 200


@pytest.mark.parametrize(("story", "number", "moment", "error"), cases(FOR_A_MOMENT))
def test_what_fails_for_a_moment_is_overcome(story: str, number: int, moment: str, error: Exception) -> None:
    world, execution = carry_out(story, number, moment, error)
    assert_at_rest(world, execution)
    assert world.record(execution.name).status is WANTED[story]


@pytest.mark.parametrize(("story", "number", "moment", "error"), cases(FOR_GOOD))
def test_a_call_that_kills_its_task_leaves_everything_at_rest(
    story: str, number: int, moment: str, error: Exception
) -> None:
    world, execution = carry_out(story, number, moment, error)
    assert_at_rest(world, execution)
    assert world.record(execution.name).status in (WANTED[story], Status.ROLLED_BACK, Status.REJECTED)
