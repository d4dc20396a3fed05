"""The service is Step Functions as far as the controller can tell."""

from collections.abc import Callable
from typing import Any

import pytest

from controller.core.errors import UnavailableError
from rampart.embedded.wire import ApiError, Call
from tests.engine.step_functions import MOST_STATES, REDRIVABLE_SECONDS
from tests.engine.walker import Execution, definition
from tests.engine.world import World

HOLD = {"decision": "HOLD", "look_seconds": 300}


@pytest.fixture
def world() -> World:
    """Return a world whose functions decide to hold, for ever."""
    world = World()
    world.tasks = lambda state, payload: HOLD
    return world


def held(world: World, name: str = "d-1") -> Execution:
    """Return an execution that waits in its first bake."""
    execution = world.start(name, {})
    world.go_on(lambda: execution.state == "Bake" and not world.machine.is_before(name, "Bake"))
    return execution


def call(world: World, operation: str, **params: Any) -> dict[str, Any]:
    """Call the service."""
    return world.machine.handle(Call("stepfunctions", operation, "AKIAPERSON", params))


def refusal(asked: Callable[[], object]) -> str:
    """Return the code by which the service refuses what is asked."""
    with pytest.raises(ApiError) as refused:
        asked()
    return refused.value.code


def test_a_name_with_the_same_request_finds_the_execution_as_long_as_that_runs(world: World) -> None:
    assert world.ports.executions.start("d-1", "{}")
    assert world.ports.executions.start("d-1", "{}")
    assert not world.ports.executions.start("d-1", '{"other": 1}')
    world.stop("d-1")
    assert not world.ports.executions.start("d-1", "{}")
    assert world.ports.executions.started == {"d-1": "{}"}


def test_a_token_ends_the_wait_it_was_given_out_for_and_no_other(world: World) -> None:
    execution = held(world)
    assert world.ports.executions.wake("d-1/2")
    world.go_on(lambda: execution.path[-1] == "Judge")
    assert execution.ways[-1] == ("Bake", "next", "Judge")


@pytest.mark.parametrize("token", ["nonsense", "d-1/1", "d-1/3", "d-2/2"])
def test_a_token_that_was_never_given_out_is_refused(world: World, token: str) -> None:
    held(world)
    assert not world.ports.executions.wake(token)
    assert refusal(lambda: call(world, "SendTaskSuccess", taskToken=token, output="{}")) == "InvalidToken"


def test_a_token_that_was_used_is_refused(world: World) -> None:
    held(world)
    assert world.ports.executions.wake("d-1/2")
    assert not world.ports.executions.wake("d-1/2")
    assert refusal(lambda: call(world, "SendTaskSuccess", taskToken="d-1/2", output="{}")) == "TaskTimedOut"


@pytest.mark.parametrize("ends", ["by its time", "by a stop"])
def test_a_token_whose_wait_has_ended_is_refused(world: World, ends: str) -> None:
    held(world)
    if ends == "by its time":
        world.wait(300)
    else:
        world.stop("d-1")
    assert not world.ports.executions.wake("d-1/2")


def test_a_token_that_is_used_before_its_function_has_ended_ends_the_wait(world: World) -> None:
    began = world.clock.now()

    def wake_at_once(state: str, payload: dict[str, Any]) -> dict[str, Any]:
        if state == "Bake":
            assert world.ports.executions.wake(payload["token"])
            raise KeyError("too late to matter")
        return HOLD

    world.tasks = wake_at_once
    execution = world.start("d-1", {})
    world.go_on(lambda: "Judge" in execution.path)
    assert execution.ways[-1] == ("Bake", "next", "Judge")
    assert world.clock.now() == began


def test_an_execution_that_goes_on_for_too_long_times_out_without_a_catch(world: World) -> None:
    world.tasks = lambda state, payload: HOLD | {"look_seconds": 100_000}
    began = world.clock.now()
    execution = world.run("d-1", {})
    assert (execution.status, execution.path[-1]) == ("TIMED_OUT", "Bake")
    assert world.clock.now() - began == definition()["TimeoutSeconds"]


def test_an_execution_that_goes_round_for_ever_is_found_out(world: World) -> None:
    world.tasks = lambda state, payload: {"decision": "PUBLISH"}
    with pytest.raises(AssertionError, match="d-1 still runs"):
        world.run("d-1", {})
    assert len(world.machine.execution("d-1").path) == MOST_STATES + 1


def test_a_redrive_goes_on_from_the_state_that_was_broken_off_with_its_input(world: World) -> None:
    execution = held(world)
    world.stop("d-1")
    assert world.redrive("d-1") is execution
    world.go_on(lambda: "Judge" in execution.path)
    assert execution.path == ["Plan", "Decide", "Bake", "Bake", "Judge"]


def test_a_redrive_of_what_was_held_when_it_was_stopped_goes_on_once(world: World) -> None:
    execution = world.start("d-1", {}, held=True)
    world.stop("d-1")
    world.redrive("d-1")
    world.machine.release("d-1")
    world.go_on(lambda: "Bake" in execution.path)
    assert execution.path == ["Plan", "Decide", "Bake"]


def test_a_redrive_counts_retries_and_the_machines_time_anew(world: World) -> None:
    def unavailable(state: str, payload: dict[str, Any]) -> dict[str, Any]:
        raise UnavailableError("throttled")

    world.tasks = unavailable
    execution = world.start("d-1", {})
    world.wait(5)
    tried = execution.attempts
    world.stop("d-1")
    world.clock.advance(definition()["TimeoutSeconds"] - 6)
    world.redrive("d-1")
    world.go_on(lambda: execution.state != "Plan")
    assert (execution.status, execution.state) == ("RUNNING", "RollBack")
    assert (tried > 1, execution.attempts - tried) == (True, 151)


def test_a_redrive_from_a_fail_state_fails_again_in_the_same_words(world: World) -> None:
    world.tasks = lambda state, payload: {"decision": "REJECTED", "error": {"Error": "Rejected", "Cause": "no zip"}}
    execution = world.run("d-1", {})
    world.redrive("d-1")
    world.settle()
    assert execution.path == ["Plan", "Decide", "Rejected", "Rejected"]
    assert (execution.status, execution.error, execution.cause) == ("FAILED", "Rejected", "no zip")


def test_what_runs_or_went_well_or_ended_long_ago_is_not_redriven(world: World) -> None:
    held(world)
    assert refusal(lambda: world.redrive("d-1")) == "ExecutionNotRedrivable"
    world.stop("d-1")
    world.clock.advance(REDRIVABLE_SECONDS + 1)
    assert refusal(lambda: world.redrive("d-1")) == "ExecutionNotRedrivable"
    world.tasks = lambda state, payload: {"decision": "SKIPPED"}
    world.run("d-2", {})
    assert refusal(lambda: world.redrive("d-2")) == "ExecutionNotRedrivable"


def test_an_execution_is_described_by_its_status(world: World) -> None:
    arn = held(world).arn
    assert call(world, "DescribeExecution", executionArn=arn)["status"] == "RUNNING"
    unknown = refusal(lambda: call(world, "DescribeExecution", executionArn=f"{arn}x"))
    assert unknown == "ExecutionDoesNotExist"
