"""Plan and Verify: what is found at the start, and candidates that are asked before they get traffic."""

from datetime import timedelta
from typing import Any

import pytest

from controller.core.deployment import Status
from controller.tasks.context import Context
from controller.tasks.plan import plan
from rampart.embedded.aws_lambda.runner import RunRequest, RunResult
from tests.engine.faults import BROKEN, DENIED, THROTTLE, Fault, always
from tests.engine.world import STAGE, World
from tests.tasks.test_publish import spoil
from tests.tasks.walks import arrive, edit_alias, holder, resume

EVENTS = [{"name": "ping", "payload": {"ping": 1.5}}, {"name": "pong", "payload": None}]


def test_every_member_is_asked_every_test_event_on_its_own_version(world: World) -> None:
    asked: list[tuple[str, str, bytes]] = []

    def answer(request: RunRequest) -> RunResult:
        asked.append((request.function, request.version, request.payload))
        return RunResult(b"{}", None, 1.0)

    world.answer = answer
    world.function("basket")
    world.target(members=[{"function": "checkout"}, {"function": "basket"}], test_events=EVENTS)
    assert world.push(world.upload()).status == "SUCCEEDED"
    assert asked == [
        ("checkout", "2", b'{"ping": 1.5}'),
        ("checkout", "2", b"null"),
        ("basket", "2", b'{"ping": 1.5}'),
        ("basket", "2", b"null"),
    ]


def test_a_candidate_that_fails_frees_its_claim_and_is_remembered(world: World) -> None:
    world.answer = lambda request: RunResult(b'{"errorType": "E", "errorMessage": "no"}', "Unhandled", 1.0)
    execution = world.push(world.upload())
    assert execution.error == "Rejected"
    assert (world.alias(), holder(world)) == ("version 1", None)
    record = world.record(execution.name)
    assert world.ports.deployments.tried("checkout", record.what).refused_by == execution.name


ANSWERS: list[tuple[dict[str, Any], bytes, str]] = [
    ({}, b'{"statusCode": 500, "body": "boom"}', "statusCode 500, expected less than 500: "),
    ({"expect": {"status": "2xx"}}, b'{"statusCode": 404}', 'statusCode 404, expected 2xx: {"statusCode": 404}'),
    ({"expect": {"payload": "ok"}}, b"\xff\x1b[2J\n", "an answer that is not JSON, expected ok to be true: "),
    ({"expect": {"within": "9ms"}}, b"{}", "it took 10 ms, expected at most 9 ms: {}"),
]


@pytest.mark.parametrize(("event", "payload", "fault"), ANSWERS)
def test_a_candidate_that_answers_otherwise_than_expected_gets_no_traffic(
    world: World, event: dict[str, Any], payload: bytes, fault: str
) -> None:
    world.answer = lambda request: RunResult(payload, None, 10.0)
    world.target(test_events=[{"name": "an order", "payload": {}} | event])
    before = world.aws("GetAlias", FunctionName="checkout", Name="live")
    execution = world.push(world.upload())
    assert execution.error == "Rejected"
    assert execution.cause.startswith(f"checkout version 2 failed test event 'an order': {fault}")
    assert execution.cause.isprintable()
    assert world.aws("GetAlias", FunctionName="checkout", Name="live") == before
    record = world.record(execution.name)
    assert world.ports.deployments.tried("checkout", record.what).refused_by == execution.name


def test_a_candidate_that_answers_as_expected_is_deployed(world: World) -> None:
    world.answer = lambda request: RunResult(b'{"statusCode": 201, "body": "{\\"id\\": 7}"}', None, 10.0)
    expect = {"status": "2xx", "payload": "powertools_json(body).id == `7`", "within": "10ms"}
    world.target(test_events=[{"name": "an order", "payload": {}, "expect": expect}])
    assert world.push(world.upload()).status == "SUCCEEDED"


def test_a_candidate_that_could_not_be_asked_at_first_is_asked_again(world: World) -> None:
    execution = arrive(world, "Verify")
    world.fault = Fault(1, error=THROTTLE, operation="Invoke", times=3)
    assert resume(execution).status == "SUCCEEDED"


def test_a_candidate_that_cannot_be_asked_at_all_is_rolled_back_without_blame(world: World) -> None:
    execution = arrive(world, "Verify")
    world.fault = always("Invoke", DENIED)
    assert resume(execution).error == "RolledBack"
    assert "not authorized" in execution.cause
    assert not world.record(execution.name).refused


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        ("GetFunction", THROTTLE),
        ("ListTags", BROKEN),
        ("ListAliases", THROTTLE),
        ("DescribeAlarms", THROTTLE),
    ],
)
def test_a_passing_trouble_of_aws_does_not_end_a_deployment_at_its_start(
    world: World, operation: str, error: Exception
) -> None:
    world.fault = Fault(1, error=error, operation=operation)
    assert world.push(world.upload()).status == "SUCCEEDED"


def test_a_start_that_is_denied_leaves_a_rejected_record_and_no_claim(world: World) -> None:
    world.fault = always("GetFunction")
    execution = world.push(world.upload())
    assert execution.error == "Rejected"
    assert "not authorized" in execution.cause
    assert world.record(execution.name).status is Status.REJECTED
    assert holder(world) is None
    assert world.told(execution.name) == ["REJECTED"]


def test_the_target_is_named_when_its_start_broke_off(world: World) -> None:
    world.fault = always("GetFunction")
    execution = world.push(world.upload())
    record = world.record(execution.name)
    assert record.target == "checkout"
    assert record.reason.startswith("nothing was changed: function checkout")


REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({"RoutingConfig": {"AdditionalVersionWeights": {"2": 0.3}}}, "is split by somebody else"),
    ({"FunctionVersion": "$LATEST"}, "points at $LATEST"),
]


@pytest.mark.parametrize(("edit", "words"), REFUSALS, ids=["split", "latest"])
def test_an_alias_that_cannot_be_split_is_refused(world: World, edit: dict[str, Any], words: str) -> None:
    world.push(world.upload())
    edit_alias(world, FunctionVersion="1")
    edit_alias(world, **edit)
    execution = world.push(world.upload("release = 2"))
    assert execution.error == "Rejected"
    assert words in execution.cause


def test_a_function_without_the_tag_of_this_stage_is_refused(world: World) -> None:
    world.function("basket", stage="prod")
    world.target(members=[{"function": "checkout"}, {"function": "basket"}])
    execution = world.push(world.upload())
    assert "function basket is not tagged rampart:managed=dev" in execution.cause
    assert (holder(world), holder(world, "basket")) == (None, None)


def test_an_alarm_that_does_not_exist_is_refused(world: World) -> None:
    world.target(alarms=["errors", "no-such-alarm"])
    assert "alarm no-such-alarm of target checkout does not exist" in world.push(world.upload()).cause


def test_a_version_number_is_refused_for_a_target_of_several_members(world: World) -> None:
    world.function("basket")
    world.target(members=[{"function": "checkout"}, {"function": "basket"}])
    execution = world.run("by-hand", {"target": "checkout", "version": "1"})
    assert "versions are numbered apart" in execution.cause


def test_a_plan_that_takes_longer_than_a_week_is_refused(world: World) -> None:
    steps = [{"weight": "10%", "bake": "8d"}]
    world.target(strategy={"steps": steps})
    assert "a deployment may take 7" in world.push(world.upload()).cause


def test_the_same_artifact_by_hand_after_a_refusal_is_tried_again(world: World) -> None:
    world.at(30, lambda: world.set_alarm("errors", "ALARM"))
    artifact = world.upload()
    world.push(artifact)
    world.set_alarm("errors", "OK")
    assert world.record(world.push(artifact).name).status is Status.SKIPPED
    again = world.run("by-hand", {"target": "checkout", "artifact": artifact.model_dump()})
    assert again.status == "SUCCEEDED"
    assert world.alias() == "version 2"


def test_a_person_may_deploy_what_is_live_again_to_ship_its_configuration(world: World) -> None:
    artifact = world.upload()
    world.push(artifact)
    request = {"target": "checkout", "artifact": artifact.model_dump()}
    same = world.run("same", request)
    assert world.record("same").reason == f"{artifact.identity} is live already: checkout version 2"
    world.aws("UpdateFunctionConfiguration", FunctionName="checkout", Environment={"Variables": {"COLOUR": "red"}})
    changed = world.run("changed", request)
    assert (same.status, changed.status) == ("SUCCEEDED", "SUCCEEDED")
    assert world.alias() == "version 3"


def test_a_plan_that_is_repeated_by_a_slow_clock_leads_to_the_end_there_was(world: World) -> None:
    world.run("hotfix", {"target": "nobody", "version": "1"})
    ended = world.record("hotfix")
    context = Context(world.ports, "hotfix", world.now(), STAGE, 60.0)
    repeated = plan(context, {"target": "nobody", "version": "1"}, "arn", ended.started_at + timedelta(seconds=3))
    assert (repeated.decision, repeated.reason) == ("REJECTED", ended.reason)


def test_a_name_that_was_used_long_ago_is_refused_and_its_record_stays(world: World) -> None:
    world.run("hotfix", {"target": "checkout", "artifact": world.upload().model_dump()})
    before = world.record("hotfix")
    world.clock.advance(91 * 24 * 3600)
    context = Context(world.ports, "hotfix", world.now(), STAGE, 60.0)
    ruling = plan(context, {"target": "checkout", "version": "1"}, "arn", world.now())
    assert ruling.decision == "REJECTED"
    day = f"{before.started_at:%Y-%m-%d}"
    assert ruling.reason == f"the name hotfix is that of a deployment of {day}; start again under another name"
    assert world.record("hotfix") == before


@pytest.mark.parametrize(
    "state",
    [{"State": "Failed"}, {"State": "Inactive", "StateReasonCode": "ImageDeleted"}, {"State": "Deactivated"}],
)
def test_a_baseline_that_lambda_cannot_run_is_no_way_back(world: World, state: dict[str, str]) -> None:
    spoil(world, "1", **state, StateReason="its image is gone")
    execution = world.push(world.upload())
    assert execution.cause.startswith("alias checkout:live is on version 1, which Lambda cannot run ("), (
        execution.cause
    )
    assert execution.cause.endswith("): there is no way back; point it at a version that runs")
    assert holder(world) is None


def test_an_alias_that_is_not_there_is_refused_with_the_command_that_makes_it(world: World) -> None:
    world.aws("DeleteAlias", FunctionName="checkout", Name="live")
    world.aws("CreateAlias", FunctionName="checkout", Name="prod", FunctionVersion="1")
    execution = world.push(world.upload())
    assert execution.error == "Rejected"
    assert execution.cause.endswith(
        "; make it on the version that serves now: aws lambda create-alias --function-name checkout "
        "--name live --function-version VERSION"
    )
