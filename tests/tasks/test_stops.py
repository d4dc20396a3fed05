"""Whoever stops deployments from outside the state machine, while something else goes wrong."""

from typing import Any

from controller.core.errors import ControllerError
from controller.restore import DeadExecution, restore
from controller.signal import alarm_change, on_alarm_change
from tests.engine.faults import DENIED, Fault, always
from tests.engine.world import World
from tests.tasks.walks import arrive, carry_out, holder, resume, visit

FIRED: dict[str, Any] = {
    "source": "aws.cloudwatch",
    "detail-type": "CloudWatch Alarm State Change",
    "id": "event-9",
    "detail": {
        "alarmName": "errors",
        "state": {"value": "ALARM", "reason": "5 errors", "timestamp": "2040-01-01T00:00:00.000+0000"},
        "previousState": {"value": "OK", "timestamp": "2039-12-31T00:00:00.000+0000"},
    },
}


def fire(world: World) -> None:
    """Let the event of the alarm arrive; what it raises, Lambda tries again later."""
    try:
        on_alarm_change(world.visit, alarm_change(FIRED))
    except ControllerError:
        return


def test_an_alarm_stops_every_deployment_that_watches_it(world: World) -> None:
    world.function("basket")
    world.target("basket", alarms=["errors"])
    first, second = arrive(world, "Judge"), arrive(world, "Judge", artifact=world.upload(key="basket/1.zip"))
    fire(world)
    assert (world.alias(), world.alias("basket")) == ("version 1", "version 1")
    assert {resume(first).error, resume(second).error} == {"RolledBack"}


def test_a_deployment_that_cannot_be_put_back_does_not_keep_the_others_from_being_stopped(world: World) -> None:
    world.function("basket")
    world.target("basket", alarms=["errors"])
    both = arrive(world, "Judge"), arrive(world, "Judge", artifact=world.upload(key="basket/1.zip"))
    world.fault = Fault(1, error=DENIED, operation="UpdateAlias")
    fire(world)
    assert all(world.record(execution.name).marks for execution in both)
    assert "version 1" in (world.alias(), world.alias("basket"))


def test_a_deployment_that_cannot_be_put_back_is_woken_all_the_same(world: World) -> None:
    execution = arrive(world, "Bake")
    carry_out(world, "Bake", execution)
    world.fault = always("UpdateAlias")
    fire(world)
    assert world.ports.executions.woken == {"token"}


def test_an_execution_that_was_stopped_while_plan_was_under_way_claims_nothing(world: World) -> None:
    execution = arrive(world, "Plan")
    restore(visit(world, execution), DeadExecution(name=execution.name, status="ABORTED"))
    carry_out(world, "Plan", execution)
    assert holder(world) is None


def test_an_execution_that_was_stopped_in_the_middle_is_rolled_back_and_closed(world: World) -> None:
    execution = arrive(world, "Judge")
    restore(visit(world, execution), DeadExecution(name=execution.name, status="ABORTED"))
    assert (world.alias(), holder(world)) == ("version 1", None)
    assert world.told(execution.name).count("ROLLED_BACK") == 1
