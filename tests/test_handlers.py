"""The Lambda entry points under their real decorators: payloads, answers, log lines and metrics."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from controller import bootstrap
from controller.adapters.dynamodb_items import event_item, to_dynamodb
from controller.core.deployment import Status
from controller.core.errors import InputError, MalformedEventError, StoppedError, UnavailableError
from controller.handlers import visit
from controller.handlers.control import on_control
from controller.handlers.intake import on_artifact
from controller.handlers.notify import on_transition
from controller.handlers.plan import on_plan
from controller.handlers.reconcile import on_schedule
from controller.handlers.shift import on_shift
from controller.observability import logger, metrics
from controller.settings import Settings
from tests.engine.entry_points import LambdaContext, Output, Stdout, deploy
from tests.engine.faults import always
from tests.engine.world import STAGE, World, s3_event


@pytest.fixture
def world() -> World:
    """Return an account with the function checkout and its target."""
    world = World()
    world.function()
    world.alarm("errors")
    world.target(alarms=["errors"])
    return world


@pytest.fixture
def output(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Output]:
    """Put the entry points into the world and return what they write."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return world.now()

    chosen = Settings(STAGE, "123456789012", "table", "default", "arn", 60.0)
    monkeypatch.setattr(bootstrap, "ports", lambda: world.ports)
    monkeypatch.setattr(bootstrap, "settings", lambda: chosen)
    monkeypatch.setattr(visit, "datetime", Clock)
    monkeypatch.setattr(metrics.provider, "namespace", "Rampart")
    monkeypatch.setattr(metrics.provider, "service", "rampart")
    monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)
    monkeypatch.setattr(logger.registered_handler, "stream", Stdout())
    logger.structure_logs()
    yield Output(capsys)
    metrics.provider.clear_metrics()
    logger.structure_logs()


def test_a_whole_deployment_goes_through_the_entry_points_that_the_template_names(
    world: World, output: Output
) -> None:
    execution, _ = deploy(world)
    assert execution.status == "SUCCEEDED"
    assert world.record("by-hand").status is Status.PROMOTED


def test_a_rollback_goes_through_the_entry_points_with_its_cause(world: World, output: Output) -> None:
    world.at(30, lambda: world.set_alarm("errors", "ALARM"))
    execution, _ = deploy(world)
    assert execution.cause == "step 1/2: alarm errors is in ALARM: as the story goes"


def test_giving_up_goes_through_its_entry_point_with_its_cause(world: World, output: Output) -> None:
    world.at(30, lambda: world.set_alarm("errors", "ALARM"))
    world.at(30, lambda: setattr(world, "fault", always("UpdateAlias")))
    execution, machine = deploy(world)
    assert execution.error == "RollbackFailed"
    assert "not authorized" in execution.cause
    assert machine.answers[-1][0] == "GiveUp"


def test_every_answer_is_a_tiny_document_that_the_choice_can_read(world: World, output: Output) -> None:
    world.at(70, lambda: world.set_alarm("errors", "ALARM"))
    _, machine = deploy(world)
    for state, answer in machine.answers:
        if state == "Bake":
            assert answer == {}
            continue
        assert answer.keys() - {"error"} == {"deployment_id", "decision", "look_seconds"}
        assert isinstance(answer["look_seconds"], int)
        assert len(json.dumps(answer)) < 1_000


def test_every_log_line_names_its_deployment_and_its_state(world: World, output: Output) -> None:
    _, machine = deploy(world)
    lines = output.logs
    assert [line["state"] for line in lines] == [state for state, _ in machine.answers]
    assert {line["deployment_id"] for line in lines} == {"by-hand"}
    assert {line["message"] for line in lines} == {"decided"}
    assert {line["function_request_id"] for line in lines} == {LambdaContext.aws_request_id}
    assert [line["decision"] for line in lines][-1] == "PROMOTED"


def test_a_second_deployment_in_the_same_environment_is_logged_under_its_own_name(
    world: World, output: Output
) -> None:
    deploy(world, "first")
    count = len(output.logs)
    deploy(world, "second")
    assert {line["deployment_id"] for line in output.logs[count:]} == {"second"}


def test_what_is_about_no_deployment_is_not_logged_under_the_one_before(world: World, output: Output) -> None:
    asked = {"deployment_id": "no-such", "verb": "abort", "by": "ada", "reason": "wrong build"}
    with pytest.raises(InputError):
        on_control(asked, LambdaContext())
    with pytest.raises(InputError):
        on_control({"verb": "abort"}, LambdaContext())
    assert [line.get("deployment_id") for line in output.logs] == ["no-such", None]


def test_every_decision_is_one_metric_with_the_state_as_its_dimension(world: World, output: Output) -> None:
    _, machine = deploy(world)
    decided = [line for line in output.metrics if "NotReadyError" not in line]
    assert [line["State"] for line in decided] == [state for state, _ in machine.answers]
    for line in output.metrics:
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "Rampart"
        assert sorted(directive["Dimensions"][0]) == ["State", "service"]
        (metric,) = directive["Metrics"]
        assert (metric["Unit"], line[metric["Name"]]) == ("Count", [1.0])


def test_what_a_task_raises_reaches_the_state_machine_by_its_name_and_is_counted(
    world: World, output: Output
) -> None:
    with pytest.raises(StoppedError, match="deployment nothing has no record"):
        on_shift({"deployment_id": "nothing"}, LambdaContext())
    (line,) = output.metrics
    assert (line["State"], line["StoppedError"]) == ("Shift", [1.0])


def test_a_bug_reaches_the_state_machine_as_itself_and_is_counted(
    world: World, output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise KeyError("price")

    monkeypatch.setattr(world.ports.deployments, "find", fail)
    with pytest.raises(KeyError, match="price"):
        on_shift({"deployment_id": "d-1"}, LambdaContext())
    assert output.metrics


def test_garbage_for_input_is_rejected_with_a_line_that_names_the_execution(world: World, output: Output) -> None:
    started = {"execution_arn": "arn", "started_at": "2026-03-02T09:00:00.000Z"}
    payload = {"deployment_id": "by-hand", "request": "hello", **started}
    answer = on_plan(payload, LambdaContext())
    assert answer["decision"] == "REJECTED"
    assert answer["error"]["Cause"].startswith("execution input: write a JSON object")
    assert [(line["deployment_id"], line["level"]) for line in output.logs] == [("by-hand", "INFO")]


def test_an_artifact_that_is_wanted_is_logged_and_counted(world: World, output: Output) -> None:
    artifact = world.upload()
    on_artifact(s3_event(artifact), LambdaContext())
    (name,) = world.ports.executions.started
    (line,) = output.logs
    assert (line["message"], line["artifact"], line["started"]) == ("artifact taken in", artifact.identity, [name])
    (emf,) = output.metrics
    assert (emf["StartedDeployments"], emf["DuplicateEvents"]) == ([1.0], [0.0])


def test_an_artifact_that_nobody_wants_is_one_line_and_a_metric(world: World, output: Output) -> None:
    on_artifact(s3_event(world.upload(key="other/1.zip")), LambdaContext())
    assert world.ports.executions.started == {}
    assert len(output.logs) == 1
    assert output.metrics[0]["UnmatchedEvents"] == [1.0]


def test_a_target_that_cannot_be_read_is_an_error_line_beside_the_others(world: World, output: Output) -> None:
    world.ports.targets.documents["basket"] = "{"
    on_artifact(s3_event(world.upload()), LambdaContext())
    first, second = output.logs
    assert (first["level"], first["message"]) == ("ERROR", "target cannot be read")
    assert "basket is not JSON" in first["reason"]
    assert second["message"] == "artifact taken in"
    assert output.metrics[0]["UnreadableTargets"] == [1.0]


def test_a_malformed_event_is_raised_with_one_error_line_that_says_why(world: World, output: Output) -> None:
    with pytest.raises(MalformedEventError):
        on_artifact({"hello": "world"}, LambdaContext())
    (line,) = output.logs
    assert (line["level"], line["message"]) == ("ERROR", "failed")
    assert line["reason"].startswith("event is not of the shape")
    assert output.metrics[0]["MalformedEventError"] == [1.0]


def test_an_event_that_may_have_been_for_an_unreadable_target_is_raised(world: World, output: Output) -> None:
    world.ports.targets.documents["checkout"] = "{"
    with pytest.raises(InputError, match="no readable target wants it"):
        on_artifact(s3_event(world.upload()), LambdaContext())
    (line,) = output.logs
    assert line["level"] == "ERROR"


def stream_record(world: World, number: int, image: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a record of the table's stream for an event of the deployment by-hand."""
    event = world.ports.deployments.events("by-hand")[number - 1]
    return {
        "eventName": "INSERT",
        "dynamodb": {
            "SequenceNumber": f"{number}00",
            "NewImage": to_dynamodb(event_item(event)) if image is None else image,
        },
    }


def test_transitions_are_told_in_order_and_taken_off_the_outbox(world: World, output: Output) -> None:
    deploy(world)
    world.ports.bus.told.clear()
    records = [stream_record(world, number) for number in (1, 2, 3)]
    answer = on_transition({"Records": records}, LambdaContext())
    assert answer == {"batchItemFailures": []}
    assert [told["event_id"] for told in world.ports.bus.told] == ["by-hand.1", "by-hand.2", "by-hand.3"]
    assert output.metrics[-1]["Notifications"] == [3.0]


def test_nothing_is_told_past_the_first_transition_that_failed(world: World, output: Output) -> None:
    deploy(world)
    world.ports.bus.told.clear()
    count = len(output.logs)
    records = [stream_record(world, 1), stream_record(world, 2, {"pk": {"S": "broken"}}), stream_record(world, 3)]
    answer = on_transition({"Records": records}, LambdaContext())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "200"}]}
    assert [told["event_id"] for told in world.ports.bus.told] == ["by-hand.1"]
    told, line = output.logs[count:]
    assert (told["message"], told["deployment_id"], told["transition"]) == ("told", "by-hand", "PLANNED")
    assert (line["level"], line["message"]) == ("ERROR", "not told")
    assert "ValidationError" in line["exception"]


def test_a_bus_that_does_not_answer_has_the_transition_told_again(
    world: World, output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(world)

    def refuse(detail: dict[str, Any]) -> None:
        raise UnavailableError("bus default: throttled")

    monkeypatch.setattr(world.ports.bus, "send", refuse)
    records = [stream_record(world, number) for number in (1, 2)]
    answer = on_transition({"Records": records}, LambdaContext())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "100"}]}


def test_what_reconcile_finishes_is_a_line_and_a_metric(world: World, output: Output) -> None:
    (name,) = world.take_in(world.upload()).started
    request = json.loads(world.ports.executions.started[name])
    started = {"execution_arn": f"arn:{name}", "started_at": "2026-03-02T09:00:00.000Z"}
    on_plan({"deployment_id": name, "request": request, **started}, LambdaContext())
    world.ports.executions.dead.add(name)
    world.clock.advance(301)
    on_schedule({}, LambdaContext())
    line = next(each for each in output.logs if each["message"] == "reconciled")
    assert (line["level"], line["what"]) == ("WARNING", f"{name}: ROLLED_BACK, because its execution is gone")
    assert output.metrics[-1]["Reconciled"] == [1.0]


def test_what_reconcile_could_not_finish_is_raised_once_the_rest_is_done(world: World, output: Output) -> None:
    world.ports.targets.all = _unavailable  # type: ignore[method-assign]
    with pytest.raises(UnavailableError, match="not now"):
        on_schedule({}, LambdaContext())
    assert "not now" in next(each for each in output.logs if each["message"] == "not reconciled")["reason"]


def _unavailable(*, fresh: bool = False) -> Any:
    raise UnavailableError("not now")
