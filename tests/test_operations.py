"""What people look at: dashboard, alarms and saved queries, held against what the entry points really write."""

import io
import json
import re
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from controller import bootstrap
from controller.adapters.dynamodb_items import event_item, to_dynamodb
from controller.handlers import visit
from controller.handlers.control import on_control
from controller.handlers.notify import on_transition
from controller.handlers.reconcile import on_schedule
from controller.handlers.restore import on_dead_execution
from controller.handlers.signal import on_signal
from controller.observability import logger, metrics
from controller.settings import Settings
from tests.engine.entry_points import LambdaContext, Machine, Stdout
from tests.engine.events import fired
from tests.engine.faults import always, no_fault
from tests.engine.insights import names, run
from tests.engine.world import STAGE, World
from tests.sam_template import FUNCTIONS, RESOURCES, TEMPLATE

SERVICE = f"rampart-{STAGE}"
DASHBOARD = RESOURCES["OperationsDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
QUERIES = {
    name: each["Properties"] for name, each in RESOURCES.items() if each["Type"] == "AWS::Logs::QueryDefinition"
}
ALARMS = {name: each["Properties"] for name, each in RESOURCES.items() if each["Type"] == "AWS::CloudWatch::Alarm"}
ENDS = ("PROMOTED", "ROLLED_BACK", "REJECTED", "SKIPPED", "DRIFTED", "ROLLBACK_FAILED")
Metric = tuple[str, tuple[tuple[str, str], ...]]


@dataclass
class Written:
    """What the entry points wrote while one deployment after another came to each of the ends."""

    lines: list[dict[str, Any]]
    world: World

    @property
    def logs(self) -> list[dict[str, Any]]:
        """The log lines."""
        return [line for line in self.lines if "_aws" not in line]

    @property
    def metrics(self) -> dict[Metric, list[float]]:
        """The values of each metric, by name and dimensions."""
        found: dict[Metric, list[float]] = {}
        for line in self.lines:
            for directive in line.get("_aws", {}).get("CloudWatchMetrics", ()):
                assert directive["Namespace"] == "Rampart"
                for dimensions in directive["Dimensions"]:
                    key = tuple(sorted((name, line[name]) for name in dimensions))
                    for metric in directive["Metrics"]:
                        found.setdefault((metric["Name"], key), []).extend(line[metric["Name"]])
        return found


def tell_all(world: World, name: str) -> None:
    """Let Notify hear of every transition of a deployment."""
    images = [to_dynamodb(event_item(event)) for event in world.ports.deployments.events(name)]
    records = [{"dynamodb": {"SequenceNumber": str(n), "NewImage": image}} for n, image in enumerate(images)]
    on_transition({"Records": records}, LambdaContext())


def deploy(world: World, name: str, request: Any = None) -> None:
    """Deploy through the entry points, and let Notify hear of it."""
    world.tasks = Machine().invoke
    world.run(name, request or {"target": "checkout", "artifact": world.upload(f"name = '{name}'").model_dump()})
    tell_all(world, name)


def fire(world: World) -> None:
    """Let the alarm go off, and Signal hear of it two seconds later."""
    world.set_alarm("errors", "ALARM")
    event = fired("errors", world.now().isoformat())
    world.at(2, lambda: on_signal(event, LambdaContext()))


def go_through_everything(world: World) -> None:
    """Come to every end, and to what else is counted."""
    asked = {"deployment_id": "good", "verb": "approve", "by": "kim", "reason": "seen by hand"}
    world.at(30, lambda: on_control(asked, LambdaContext()))
    deploy(world, "good")
    deploy(world, "refused", {"target": "checkout", "version": "99"})
    deploy(world, "again", {"target": "checkout", "artifact": world.record("good").artifact.model_dump()})  # type: ignore[union-attr]
    world.at(30, lambda: fire(world))
    deploy(world, "bad")
    world.set_alarm("errors", "OK")
    by_hand: dict[str, Any] = {"FunctionName": "checkout", "Name": "live", "FunctionVersion": "1"}
    by_hand["RoutingConfig"] = {"AdditionalVersionWeights": {}}
    world.at(30, lambda: world.aws("UpdateAlias", **by_hand))
    deploy(world, "edited")
    dead = {"name": "dead", "status": "ABORTED", "executionArn": "arn:dead", "input": "{}"}
    on_dead_execution({"detail": dead}, LambdaContext())
    world.lose_status_events = True
    world.at(30, lambda: world.set_alarm("errors", "ALARM"))
    world.at(30, lambda: setattr(world, "fault", always("UpdateAlias")))
    deploy(world, "stuck")
    world.fault = no_fault
    on_schedule({}, LambdaContext())


@pytest.fixture(scope="module")
def written() -> Written:
    """Return what was written while everything happened."""
    world = World()
    world.function()
    world.alarm("errors")
    world.target(alarms=["errors"], strategy="Linear50PercentEvery2Minutes")

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return world.now()

    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as stdout:
        chosen = Settings(STAGE, "123456789012", "table", "default", "arn", 60.0)
        patch.setattr(bootstrap, "ports", lambda: world.ports)
        patch.setattr(bootstrap, "settings", lambda: chosen)
        patch.setattr(visit, "datetime", Clock)
        patch.setattr(metrics.provider, "namespace", "Rampart")
        patch.setattr(metrics.provider, "service", SERVICE)
        patch.delenv("_X_AMZN_TRACE_ID", raising=False)
        patch.setattr(logger.registered_handler, "stream", Stdout())
        logger.structure_logs()
        go_through_everything(world)
        metrics.provider.clear_metrics()
        logger.structure_logs()
    return Written([json.loads(line) for line in stdout.getvalue().splitlines()], world)


def widgets(kind: str) -> list[dict[str, Any]]:
    """Return the properties of the dashboard's widgets of a type."""
    return [each["properties"] for each in json.loads(DASHBOARD)["widgets"] if each["type"] == kind]


def shown_metrics() -> list[list[Any]]:
    """Return every metric of the dashboard."""
    return [metric for widget in widgets("metric") for metric in widget["metrics"]]


def own(parts: list[Any]) -> Metric:
    """Return a metric of the dashboard by name and dimensions, for the stage of the tests."""
    names_only = [each.replace("${Stage}", STAGE) for each in parts[1:] if isinstance(each, str)]
    return names_only[0], tuple(sorted(zip(names_only[1::2], names_only[2::2], strict=True)))


def test_every_metric_of_ours_on_the_dashboard_is_one_that_was_written(written: Written) -> None:
    shown = [own(parts) for parts in shown_metrics() if parts[0] == "Rampart"]
    assert len(shown) >= 12
    assert [metric for metric in shown if metric not in written.metrics] == []


def test_the_dashboard_shows_every_function_and_queue_and_stays_within_what_is_free() -> None:
    failing = {re.sub(r"\W", "", parts[3]) for parts in shown_metrics() if parts[1] == "Errors"}
    assert failing == set(FUNCTIONS)
    queues = {parts[3] for parts in shown_metrics() if parts[0] == "AWS/SQS"}
    assert queues == {f"${{{name}.QueueName}}" for name, r in RESOURCES.items() if r["Type"] == "AWS::SQS::Queue"}
    assert len(shown_metrics()) <= 50  # CloudWatch pricing: three dashboards of up to 50 metrics are free


def test_the_dashboard_shows_every_alarm_and_an_output_leads_to_it() -> None:
    (alarms,) = widgets("alarm")
    assert alarms["alarms"] == [f"${{{name}.Arn}}" for name in ALARMS]
    assert len(ALARMS) <= 10  # CloudWatch pricing: ten are free
    name = RESOURCES["OperationsDashboard"]["Properties"]["DashboardName"]["Fn::Sub"]
    assert TEMPLATE["Outputs"]["DashboardUrl"]["Value"]["Fn::Sub"].endswith(f"#dashboards/dashboard/{name}")


@pytest.mark.parametrize("name", [name for name, alarm in ALARMS.items() if alarm["Namespace"] == "Rampart"])
def test_an_alarm_of_ours_watches_what_was_written_and_would_have_gone_off(name: str, written: Written) -> None:
    alarm = ALARMS[name]
    dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]} | {"service": SERVICE}
    values = written.metrics[alarm["MetricName"], tuple(sorted(dimensions.items()))]
    went_off = max(values) > alarm["Threshold"]
    # Reconcile ran through, and says so with a zero: its alarm goes off when nothing says so.
    assert went_off is (alarm["TreatMissingData"] != "breaching")


def test_every_end_is_counted_once_by_its_status(written: Written) -> None:
    counted = {end: written.metrics[end, (("service", SERVICE),)] for end in ENDS}
    assert counted == {end: [1.0] for end in ENDS}


def test_how_long_a_rollback_took_is_a_metric_and_in_the_evidence_of_its_end(written: Written) -> None:
    (seconds,) = written.metrics["SecondsToRollBack", (("service", SERVICE),)]
    (ended,) = [each for each in written.world.ports.deployments.events("bad") if each.status == "ROLLED_BACK"]
    assert ended.evidence == {"seconds_to_roll_back": seconds}
    assert seconds == 2.0  # as long as the alarm's event was on its way


@pytest.mark.parametrize("name", QUERIES)
def test_a_saved_query_finds_something_and_each_field_that_it_shows_is_in_it(name: str, written: Written) -> None:
    query = QUERIES[name]["QueryString"].replace("DEPLOYMENT_ID", "bad")
    rows = run(query, written.logs)
    assert rows
    asked = query.partition("\n")[0].removeprefix("fields ") if query.startswith("fields ") else "target"
    everything = run(query.replace("/bad/", "/./").replace("limit", "limit 100000 | limit"), written.logs)
    assert [each for each in names(asked) if not any(row.get(each) is not None for row in everything)] == []


def test_the_story_of_one_deployment_is_told_in_order_by_all_who_had_a_part(written: Written) -> None:
    rows = run(QUERIES["StoryQuery"]["QueryString"].replace("DEPLOYMENT_ID", "bad"), written.logs)
    assert [row["decision"] for row in rows if row["decision"]] == [
        *("PUBLISH", "VERIFY", "SHIFT", "HOLD", "WAIT", "ROLLED_BACK")
    ]
    assert [row["transition"] for row in rows if row["transition"]][-1] == "ENDED"
    assert "alarm errors" in rows[-1]["reason"]


def test_the_other_queries_find_what_their_names_say(written: Written) -> None:
    def found(name: str) -> list[dict[str, Any]]:
        return run(QUERIES[name]["QueryString"], written.logs)

    assert [row["deployment_id"] for row in found("RefusalsQuery")] == ["refused"]
    assert {row["status"]: row["deployments"] for row in found("EndsQuery")} == dict.fromkeys(ENDS, 1)
    took = [row["took_ms"] for row in found("SlowLooksQuery")]
    assert took == sorted(took, reverse=True)
    assert len(took) >= 5
    assert "not authorized" in str(found("ErrorsQuery"))
