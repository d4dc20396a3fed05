"""Deployments that are stopped in the middle: by an alarm's event, by a person, by the death of their execution."""

import json
from collections.abc import Callable

import pytest

from controller.control import asked_of, on_asked
from controller.core.artifact import ZipArtifact
from controller.core.deployment import Status
from controller.core.errors import InputError, UnavailableError
from controller.restore import DeadExecution, restore
from controller.tasks.context import Context
from rampart.embedded.wire import ApiError
from tests.engine.world import STAGE, World


@pytest.fixture
def world() -> World:
    """An account with a long canary under one alarm, whose events are delivered after half a second."""
    world = World()
    world.function()
    world.alarm("errors")
    world.target(alarms=["errors"], strategy="Canary10Percent60Minutes")
    world.alarm_events = True
    return world


def seconds(world: World, name: str) -> float:
    """Return how long a deployment took."""
    record = world.record(name)
    assert record.ended_at
    return (record.ended_at - record.started_at).total_seconds()


def visit(world: World, name: str) -> Context:
    """Return a visit of something outside the state machine to a deployment."""
    return Context(world.ports, name, world.now(), STAGE, world.clock.minute_seconds)


def dead(name: str, status: str, **more: str) -> DeadExecution:
    """Return an execution that died."""
    return DeadExecution.model_validate({"name": name, "status": status, "input": '{"target": "checkout"}', **more})


def stopped_at(world: World, state: str) -> str:
    """Stop a deployment's execution when it leaves a state, of which nobody hears; return its name."""
    world.lose_status_events = True
    (name,) = world.take_in(world.upload()).started
    execution = world.machine.execution(name)
    world.go_on(lambda: state in [left for left, _, _ in execution.ways])
    world.stop(name)
    return name


def test_an_alarms_event_puts_the_alias_back_in_the_middle_of_a_long_bake(world: World) -> None:
    began, written = world.clock.now(), []
    world.fault = lambda operation, moment: written.append((operation, world.clock.now() - began))
    world.at(30 * 60, lambda: world.set_alarm("errors", "ALARM"))
    execution = world.push(world.upload())
    assert max(at for operation, at in written if operation == "UpdateAlias") == 30 * 60 + 0.5
    assert world.alias() == "version 1"
    assert execution.error == "RolledBack"
    assert execution.cause == "step 1/2: alarm errors fired: as the story goes"
    assert seconds(world, execution.name) < 30 * 60 + 5
    assert world.record(execution.name).refused


def test_a_rollback_by_event_writes_the_alias_once(world: World) -> None:
    written: list[str] = []
    world.fault = lambda operation, moment: written.append(operation) if moment == "after" else None
    world.at(599, written.clear)
    world.at(600, lambda: world.set_alarm("errors", "ALARM"))
    world.push(world.upload())
    assert written.count("UpdateAlias") == 1


def test_an_alarm_that_nobody_watches_stops_nothing(world: World) -> None:
    world.alarm("disk")
    world.at(60, lambda: world.set_alarm("disk", "ALARM"))
    assert world.push(world.upload()).status == "SUCCEEDED"


def test_an_alarm_that_was_red_at_the_start_of_a_hotfix_stops_it_only_after_it_has_recovered(world: World) -> None:
    world.set_alarm("errors", "ALARM")
    world.at(60, lambda: world.set_alarm("errors", "INSUFFICIENT_DATA"))
    world.at(70, lambda: world.set_alarm("errors", "ALARM"))
    world.at(80, lambda: world.set_alarm("errors", "OK"))
    world.at(90, lambda: world.set_alarm("errors", "ALARM"))
    hotfix = {"reason": "checkout is down", "by": "kim"}
    request = {"target": "checkout", "artifact": world.upload().model_dump(), "hotfix": hotfix}
    execution = world.run("hotfix", request)
    assert execution.error == "RolledBack"
    assert 90 <= seconds(world, "hotfix") < 95


def test_an_alarm_after_the_promotion_changes_nothing(world: World) -> None:
    execution = world.push(world.upload())
    world.set_alarm("errors", "ALARM")
    world.wait(5)
    assert world.record(execution.name).status is Status.PROMOTED
    assert world.alias() == "version 2"


def test_a_person_aborts_a_bake_at_once(world: World) -> None:
    artifact = world.upload()
    (name,) = world.take_in(artifact).started
    asked = {"deployment_id": name, "verb": "abort", "by": "kim", "reason": "wrong build"}
    answers: list[str] = []
    world.at(600, lambda: answers.append(on_asked(visit(world, name), asked_of(asked))))
    execution = world.run(name, json.loads(world.ports.executions.started[name]))
    assert answers == [f"deployment {name} is ROLLED_BACK"]
    assert execution.cause == "step 1/2: abort by kim: wrong build"
    assert seconds(world, name) < 605
    assert not world.record(name).refused
    assert on_asked(visit(world, name), asked_of(asked)) == f"deployment {name} has ended already"


@pytest.mark.parametrize("asked_by", ["a person", "restore"])
def test_the_alias_is_put_back_even_while_no_mark_can_be_written(
    world: World, monkeypatch: pytest.MonkeyPatch, asked_by: str
) -> None:
    def throttled(*_: object) -> None:
        raise UnavailableError("DynamoDB is throttled")

    name = stopped_at(world, "Judge")
    monkeypatch.setattr(world.ports.deployments, "mark", throttled)
    asked = asked_of({"deployment_id": name, "verb": "abort", "by": "kim", "reason": "wrong build"})
    stops: dict[str, Callable[[], object]] = {
        "a person": lambda: on_asked(visit(world, name), asked),
        "restore": lambda: restore(visit(world, name), dead(name, "ABORTED")),
    }
    with pytest.raises(UnavailableError):
        stops[asked_by]()
    assert world.alias() == "version 1"
    monkeypatch.undo()
    restore(visit(world, name), dead(name, "ABORTED"))  # as Lambda tries again
    assert world.record(name).status is Status.ROLLED_BACK


def test_a_verb_for_a_deployment_that_is_not_there_is_refused(world: World) -> None:
    asked = {"deployment_id": "checkout-1", "verb": "abort", "by": "kim", "reason": "wrong build"}
    with pytest.raises(InputError, match="control: deployment_id: there is no deployment 'checkout-1'"):
        on_asked(visit(world, "checkout-1"), asked_of(asked))


@pytest.mark.parametrize("state", ["Plan", "Publish", "Verify", "Shift", "Bake", "Judge"])
def test_an_execution_that_is_stopped_leaves_one_version_and_no_claim(world: World, state: str) -> None:
    name = stopped_at(world, state)
    ruling = restore(visit(world, name), dead(name, "ABORTED", cause="stopped from the console"))
    assert ruling
    assert world.alias() == "version 1"
    assert world.record(name).status is Status.ROLLED_BACK
    assert world.record(name).reason == "the execution ended ABORTED: stopped from the console"
    assert world.ports.deployments.claim("checkout").owner is None
    assert world.told(name)[-1] == "ROLLED_BACK"


def test_a_stopped_deployment_of_an_artifact_is_tried_again_by_the_next_event(world: World) -> None:
    name = stopped_at(world, "Bake")
    record = world.record(name)
    restore(visit(world, name), dead(name, "ABORTED"))
    assert isinstance(record.artifact, ZipArtifact)
    again = world.push(record.artifact)
    assert again.name != name
    assert again.status == "SUCCEEDED"


def test_restoring_what_has_ended_changes_nothing(world: World) -> None:
    execution = world.push(world.upload())
    assert restore(visit(world, execution.name), dead(execution.name, "FAILED")) is None
    assert world.alias() == "version 2"


def test_a_plan_that_is_still_under_way_cannot_open_a_deployment_whose_execution_died(world: World) -> None:
    (name,) = world.take_in(world.upload()).started
    restore(visit(world, name), dead(name, "ABORTED"))
    execution = world.run(name, json.loads(world.ports.executions.started[name]))
    assert execution.error == "Rejected"
    assert world.record(name).reason == "nothing was changed: the execution ended ABORTED"
    assert world.ports.deployments.claim("checkout").owner is None


def test_a_redrive_after_a_restore_leads_to_the_end_that_it_found(world: World) -> None:
    name = stopped_at(world, "Shift")
    restore(visit(world, name), dead(name, "ABORTED"))
    execution = world.redrive(name)
    world.settle()
    assert execution.path[-4:] == ["Bake", "Judge", "Decide", "RolledBack"]
    assert execution.error == "RolledBack"


def test_a_rollback_that_had_failed_is_finished_by_a_persons_abort(world: World) -> None:
    def deny(operation: str, moment: str) -> None:
        if (operation, moment) == ("UpdateAlias", "before"):
            raise ApiError("AccessDeniedException", "User: rampart is not authorized", 403)

    world.alarm_events = False
    world.at(30, lambda: setattr(world, "fault", deny))
    world.at(31, lambda: world.set_alarm("errors", "ALARM"))
    execution = world.push(world.upload())
    assert world.record(execution.name).status is Status.ROLLBACK_FAILED
    world.fault = lambda operation, moment: None
    asked = {"deployment_id": execution.name, "verb": "abort", "by": "kim", "reason": "the role is mended"}
    assert on_asked(visit(world, execution.name), asked_of(asked)) == f"deployment {execution.name} is ROLLED_BACK"
    assert world.alias() == "version 1"
    assert world.ports.deployments.claim("checkout").owner is None
