"""Events reach the controller again when it failed over them, and are given up as AWS gives them up."""

from typing import Any

from controller.core.deployment import Status
from controller.core.errors import UnavailableError
from rampart.embedded.aws_lambda.runner import RunResult
from tests.engine.faults import BROKEN, CRASH, Fault, always, no_fault
from tests.engine.world import World, s3_event


def test_an_event_is_delivered_three_times_and_then_given_up(world: World) -> None:
    began, tried = world.clock.now(), list[float]()

    def refuse() -> None:
        tried.append(world.clock.now() - began)
        raise UnavailableError("throttled")

    world.deliveries.send("Signal", refuse, 0.5)
    world.settle()
    assert tried == [0.5, 60.5, 180.5]
    ((function, error),) = world.deliveries.dead_letters
    assert (function, str(error)) == ("Signal", "throttled")


def test_an_artifact_whose_event_met_a_fault_is_deployed_all_the_same(world: World) -> None:
    world.fault = fault = Fault(1, "after", CRASH, "StartExecution")
    assert world.push(world.upload()).status == "SUCCEEDED"
    assert fault.fired == ["StartExecution"]
    assert len(world.ports.executions.started) == 1


def test_an_event_may_be_on_its_way_for_a_while(world: World) -> None:
    taken = world.announce(s3_event(world.upload()), 90)
    world.wait(89)
    assert taken == []
    world.wait(1)
    assert len(taken[0].started) == 1


def test_an_alarm_tells_of_itself_only_when_it_fires_and_when_it_is_to(world: World) -> None:
    world.alarm("errors")
    world.target(alarms=["errors"], strategy="Canary10Percent10Minutes")
    heard: list[str] = []
    world.fault = lambda operation, moment: heard.append(operation) if operation == "Query" else None
    world.set_alarm("errors", "ALARM")
    world.settle()
    assert heard == []
    world.alarm_events = True
    world.set_alarm("errors", "OK")
    world.settle()
    assert heard == []
    world.set_alarm("errors", "ALARM")
    world.settle()
    assert heard == ["Query", "Query"]


def test_an_alarm_that_is_evaluated_in_a_long_bake_is_heard_in_that_minute(world: World) -> None:
    world.cloudwatch_call(
        "PutMetricAlarm",
        AlarmName="errors",
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0.0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
        Dimensions=[{"Name": "FunctionName", "Value": "checkout"}],
    )
    world.wait(60)
    world.alarm_events = True
    world.target(alarms=["errors"], strategy="Canary10Percent60Minutes")
    world.at(30 * 60, lambda: setattr(world, "answer", lambda request: RunResult(b"{}", "Unhandled", 1.0)))
    world.at(30 * 60 + 1, lambda: world.aws("Invoke", FunctionName="checkout", Qualifier="live"))
    began = world.clock.now()
    execution = world.push(world.upload())
    assert execution.error == "RolledBack"
    assert world.clock.now() - began < 32 * 60


def test_teams_are_told_in_order_though_the_bus_was_broken_for_a_while(world: World) -> None:
    world.fault = always("PutEvents", BROKEN)
    world.at(3, lambda: setattr(world, "fault", no_fault))
    execution = world.push(world.upload())
    assert world.told(execution.name) == [
        *("PLANNED", "PUBLISHED", "VERIFIED", "SHIFTED", "JUDGED", "SHIFTED", "JUDGED", "PROMOTED")
    ]


def test_what_was_told_before_a_crash_is_told_again_under_the_same_id(world: World) -> None:
    world.fault = Fault(1, "after", CRASH, "PutEvents")
    execution = world.push(world.upload())
    first, again = world.ports.bus.told[:2]
    assert first == again
    assert world.told(execution.name)[:3] == ["PLANNED", "PLANNED", "PUBLISHED"]
    assert world.ports.deployments.outbox == {}


def test_what_cannot_be_told_is_given_up_and_does_not_keep_the_rest_from_being_told(world: World) -> None:
    sent: list[str] = []
    send = world.ports.bus.send

    def refuse_the_first(detail: dict[str, object]) -> None:
        if detail["transition"] == "PLANNED":
            raise UnavailableError("never")
        sent.append(str(detail["transition"]))
        send(detail)

    world.ports.bus.send = refuse_the_first  # type: ignore[method-assign]
    world.push(world.upload())
    world.settle()
    assert sent[0] == "PUBLISHED"
    assert len(world.stream.dead_letters) == 1
    assert len(world.ports.deployments.outbox) == 1


def test_restore_hears_of_an_execution_that_failed_and_puts_back_what_that_left(world: World) -> None:
    carry_out = world.tasks

    def broken_off(state: str, payload: dict[str, Any]) -> dict[str, Any]:
        if state in ("Judge", "RollBack", "GiveUp"):
            raise KeyError("a bug")
        return carry_out(state, payload)

    world.tasks = broken_off
    execution = world.push(world.upload())
    assert (execution.error, world.alias()) == ("KeyError", "version 1 with 50% on version 2")
    world.settle()
    assert world.record(execution.name).status is Status.ROLLED_BACK
    assert world.alias() == "version 1"
