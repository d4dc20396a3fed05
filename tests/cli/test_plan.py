"""Plan on the command line: it says what a deployment then does, and changes nothing."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from controller.core.artifact import ZipArtifact
from controller.core.deployment import Status
from controller.core.request import Wish
from controller.core.timetable import timetable
from controller.tasks.context import Context
from rampart.cli.plan import Foresight, foresee, foresight_document, looks_like_file, print_foresight
from tests.cli.paper import WIDE, printed
from tests.engine.traffic import Traffic
from tests.engine.world import STAGE, World, zip_of

MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:rampart-dev"


@pytest.fixture
def world() -> World:
    """Return an account with the function checkout and its target."""
    world = World()
    world.function()
    world.alarm("errors")
    world.target(alarms=["errors"])
    return world


def foreseen(world: World, artifact: ZipArtifact | None = None, **wish: Any) -> Foresight:
    """Return what would become of a deployment of the target checkout."""
    context = Context(world.ports, "plan", world.now(), STAGE, 60)
    target = world.ports.targets.read("checkout")
    return foresee(context, target, Wish(target="checkout", artifact=artifact, **wish), MACHINE)


def written(world: World) -> object:
    """Return all that a deployment may change."""
    shown = world.aws("ListVersionsByFunction", FunctionName="checkout")["Versions"]
    return dict(world.ports.deployments.records), world.alias(), shown


@pytest.mark.parametrize(
    "fields",
    [
        {"strategy": "Linear10PercentEvery1Minute"},
        {"strategy": "Canary10Percent5Minutes", "final_bake": "7m"},
        {"strategy": {"steps": [{"weight": "1%", "bake": "90s"}, {"weight": "30%", "bake": "20m"}]}},
        {"strategy": "AllAtOnce"},
        {"strategy": "Linear10PercentEvery1Minute", "comparison": {}},
        {
            "strategy": {"steps": [{"weight": "5%", "bake": "100s"}, {"weight": "50%", "bake": "3m"}]},
            "comparison": {},
        },
    ],
    ids=str,
)
def test_steps_and_times_are_those_of_the_deployment_that_follows(world: World, fields: dict[str, Any]) -> None:
    world.target(**fields)
    Traffic(world, 600).past().flow(60)
    artifact = world.upload()
    before = written(world)
    told = foreseen(world, artifact)
    assert written(world) == before
    assert told.planned is not None
    assert told.times is not None
    record = world.record(world.push(artifact).name)
    assert record.status is Status.PROMOTED, record.reason
    assert told.planned.steps == record.steps
    reason = world.ports.deployments.events(record.deployment_id)[0].reason
    assert told.planned.reason.partition("; ")[0] == reason.partition("; ")[0]
    assert told.warnings == record.warnings
    late = record.shifts[0].until - told.times.shifts[0]
    assert timedelta(0) <= late < timedelta(seconds=30), "publishing and Verify come first"
    times = timetable(told.planned, record.shifts[0].until, 60)
    made = [shift.until for shift in record.shifts] + [record.ended_at]
    differ = [
        (at - by).total_seconds() for at, by in zip(made, [*times.shifts, times.promoted_at], strict=True) if at
    ]
    assert all(-5 <= seconds <= 5 for seconds in differ), differ
    if told.planned.is_compared:
        assert differ[:-1] == [0.0] * len(record.shifts), "weights change at the start of a minute"


def test_a_guarded_plan_has_its_first_step_and_the_earliest_moment_of_its_last(world: World) -> None:
    world.target(strategy="guarded", comparison={})
    Traffic(world, 600).past()
    told = foreseen(world)
    assert told.times is not None
    first, last = told.times.shifts
    assert timedelta(minutes=9) <= last - first < timedelta(minutes=10)
    text = printed(lambda console: print_foresight(console, told), WIDE)
    assert "not before" in text
    assert re.search(r"^1 +\S+ +\S+ \S+Z +0s ", text, re.MULTILINE), "times count from the first shift"


def test_all_refusals_and_warnings_are_told_at_once_in_words_and_as_json(world: World) -> None:
    world.target(alarms=["nothing"])
    world.aws("CreateAlias", FunctionName="checkout", Name="dev", FunctionVersion="$LATEST")
    wrapped = world.upload(data=zip_of("x = 1", "folder/app.py"))
    told = foreseen(world, wrapped)
    assert len(told.refusals) == 2
    document = json.loads(json.dumps(foresight_document(told)))
    assert document["is_refused"]
    assert document["steps"] == []
    text = printed(lambda console: print_foresight(console, told), WIDE)
    for words in ("folder", "alarm nothing of target checkout does not exist", "alias dev of function checkout"):
        assert words in text
    execution = world.push(wrapped)
    assert execution.error == "Rejected"
    assert execution.cause in told.refusals, "the controller refuses what needs no claim first"


def test_what_can_be_detected_is_told_and_what_is_theatre(world: World) -> None:
    world.target(comparison={}, strategy="Linear10PercentEvery1Minute")
    Traffic(world, 0.1).past()
    told = foreseen(world)
    document = foresight_document(told)
    assert [step["weight_percent"] for step in document["steps"]] == [*range(10, 101, 10)]
    assert document["detection"][0]["member"] == "checkout:live"
    assert document["detection"][0]["is_theatre"]
    text = printed(lambda console: print_foresight(console, told), WIDE)
    assert "requests a minute" in text


def test_a_function_that_is_being_deployed_is_said_to_be(world: World) -> None:
    from tests.tasks.walks import arrive

    execution = arrive(world, "Judge")
    told = foreseen(world)
    assert told.refusals == ()
    assert told.planned is None
    assert told.notes[0].startswith(f"function checkout is being deployed by {execution.name}")


@pytest.mark.parametrize(
    ("name", "is_file"), [("checkout", False), ("checkout.json", True), ("targets/checkout", True)]
)
def test_a_file_is_told_from_a_target(name: str, is_file: bool) -> None:
    assert looks_like_file(name) is is_file


def test_a_first_deployment_is_foretold_and_then_is_as_it_was_told(world: World) -> None:
    world.aws("DeleteAlias", FunctionName="checkout", Name="live")
    found = foreseen(world, world.upload())
    assert found.refusals == ()
    assert found.planned
    assert found.planned.reason == "planned a first deployment: 100% for 0s"
    text = printed(lambda console: print_foresight(console, found), WIDE)
    assert "first deployment: alias checkout:live will be made on the candidate" in text
    record = world.record(world.push(world.upload()).name)
    assert (record.plan, record.warnings) == (found.planned.plan, found.warnings)
