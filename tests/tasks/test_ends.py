"""What happens to a task that finds its deployment ended: it leads to that end, from wherever it stands."""

from collections.abc import Callable

import pytest

from controller.core.deployment import Mark, Status
from tests.engine import walker
from tests.engine.faults import always
from tests.engine.world import World, damaged_zip
from tests.tasks.walks import arrive, carry_out, edit_alias, holder, mark, resume

STATES = ("Plan", "Publish", "Verify", "Shift", "Bake", "Judge", "Promote", "RollBack", "GiveUp")


def promoted(world: World) -> walker.Execution:
    """Return a deployment that went well."""
    return world.push(world.upload())


def skipped(world: World) -> walker.Execution:
    """Return a deployment of what is live already."""
    artifact = world.upload()
    world.push(artifact)
    return world.push(artifact)


def rejected(world: World) -> walker.Execution:
    """Return a deployment of a zip that Lambda could not unpack."""
    return world.push(world.upload(data=damaged_zip()))


def refused_at_the_start(world: World) -> walker.Execution:
    """Return a deployment that a red alarm blocked."""
    world.set_alarm("errors", "ALARM")
    execution = world.push(world.upload())
    world.set_alarm("errors", "OK")
    return execution


def rolled_back(world: World) -> walker.Execution:
    """Return a deployment that an alarm ended."""
    world.at(30, lambda: world.set_alarm("errors", "ALARM"))
    return world.push(world.upload())


def drifted(world: World) -> walker.Execution:
    """Return a deployment whose alias somebody else moved."""
    world.at(30, lambda: edit_alias(world, RoutingConfig={"AdditionalVersionWeights": {"2": 0.3}}))
    return world.push(world.upload())


ENDS: list[tuple[Callable[[World], walker.Execution], Status, str]] = [
    (promoted, Status.PROMOTED, "Promoted"),
    (skipped, Status.SKIPPED, "Skipped"),
    (rejected, Status.REJECTED, "Rejected"),
    (refused_at_the_start, Status.REJECTED, "Rejected"),
    (rolled_back, Status.ROLLED_BACK, "RolledBack"),
    (drifted, Status.DRIFTED, "Drifted"),
]


def redrive(world: World, execution: walker.Execution, state: str) -> walker.Execution:
    """Walk an execution that has ended again, from a state on."""
    document = {"deployment_id": execution.name, "look_seconds": 1}
    world.machine.put(walker.Execution(execution.name, execution.input, state, document))
    return world.run(execution.name, execution.input)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(("story", "status", "end"), ENDS, ids=[story.__name__ for story, _, _ in ENDS])
def test_a_redrive_from_any_state_leads_to_the_end_there_was(
    world: World, story: Callable[[World], walker.Execution], status: Status, end: str, state: str
) -> None:
    execution = story(world)
    before = (world.record(execution.name), world.alias(), world.told(execution.name))
    assert before[0].status is status
    again = redrive(world, execution, state)
    assert again.path[-1] == end
    assert (again.error, again.cause) == (execution.error, execution.cause)
    record = world.record(execution.name).model_copy(update={"token": None})
    assert (record, world.alias(), world.told(execution.name)) == before
    assert holder(world) is None


def failed(world: World) -> walker.Execution:
    """Return a deployment whose rollback was denied; from now on it would not be."""
    execution = arrive(world, "Judge")
    mark(world, execution, Mark.ABORT)
    world.fault = always("UpdateAlias")
    resume(execution)
    world.fault = lambda operation, moment: None
    assert world.record(execution.name).status is Status.ROLLBACK_FAILED
    assert world.alias() == "version 1 with 50% on version 2"
    return execution


@pytest.mark.parametrize("state", STATES)
def test_a_redrive_after_a_failed_rollback_never_goes_forward(world: World, state: str) -> None:
    execution = failed(world)
    again = redrive(world, execution, state)
    assert again.path[-1] in ("RolledBack", "RollbackFailed")
    assert "Promoted" not in again.path
    assert world.alias() in ("version 1", "version 1 with 50% on version 2")


def failed_by_an_unclear_alarm(world: World) -> walker.Execution:
    """Return a deployment without marks whose rollback was denied, and whose alarm is fine again."""
    world.target(alarms=["errors"], max_hold="1m")
    world.at(30, lambda: world.set_alarm("errors", "INSUFFICIENT_DATA"))
    execution = arrive(world, "Judge")
    world.fault = always("UpdateAlias")
    resume(execution)
    world.fault = lambda operation, moment: None
    world.set_alarm("errors", "OK")
    assert world.record(execution.name).status is Status.ROLLBACK_FAILED
    return execution


@pytest.mark.parametrize("state", STATES)
def test_a_failed_rollback_without_a_mark_never_goes_forward_either(world: World, state: str) -> None:
    execution = failed_by_an_unclear_alarm(world)
    again = redrive(world, execution, state)
    assert again.path[-1] in ("RolledBack", "RollbackFailed")


def test_a_failed_rollback_is_tried_again_by_a_redrive_and_then_frees_the_claim(world: World) -> None:
    execution = failed(world)
    assert holder(world) == execution.name
    assert redrive(world, execution, "RollBack").error == "RolledBack"
    assert (world.alias(), holder(world)) == ("version 1", None)


def test_a_bake_of_a_deployment_that_has_ended_is_woken_at_once(world: World) -> None:
    execution = promoted(world)
    before = world.now()
    again = redrive(world, execution, "Bake")
    assert again.path == ["Bake", "Judge", "Decide", "Promoted"]
    assert world.now() == before


def test_giving_up_does_not_spoil_an_end(world: World) -> None:
    execution = promoted(world)
    assert carry_out(world, "GiveUp", execution)["decision"] == "PROMOTED"
    assert world.record(execution.name).status is Status.PROMOTED
