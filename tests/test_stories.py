"""Deployments from start to end: the real state machine, the real tasks, a strict Lambda, a virtual clock."""

import json

import pytest

from controller.core.deployment import Mark, MarkDetail, Status
from controller.intake import take_in
from rampart.embedded.aws_lambda.runner import RunRequest, RunResult
from tests.engine.world import World, damaged_zip, s3_event, zip_of


@pytest.fixture
def world() -> World:
    """An account with the function checkout, its target and one alarm that is OK."""
    world = World()
    world.function()
    world.alarm("errors")
    world.target(alarms=["errors"])
    return world


def test_a_good_release_is_promoted_step_by_step(world: World) -> None:
    seen = []
    for second in (10, 70):
        world.at(second, lambda: seen.append(world.alias()))
    execution = world.push(world.upload())
    assert execution.status == "SUCCEEDED"
    assert execution.path[-3:] == ["Promote", "Decide", "Promoted"]
    assert seen == ["version 1 with 50% on version 2", "version 2"]
    assert world.alias() == "version 2"
    record = world.record(execution.name)
    assert record.status is Status.PROMOTED
    assert record.reason == "step 2/2 passed: 1 alarm is OK"
    assert world.ports.deployments.claim("checkout").owner is None
    assert world.told(execution.name) == [
        "PLANNED", "PUBLISHED", "VERIFIED", "SHIFTED", "JUDGED", "SHIFTED", "JUDGED", "PROMOTED",
    ]  # fmt: skip


def test_an_alarm_during_a_bake_rolls_back_at_the_next_look(world: World) -> None:
    world.target(alarms=["errors"], strategy="Canary10Percent10Minutes")
    world.at(130, lambda: world.set_alarm("errors", "ALARM"))
    execution = world.push(world.upload())
    assert (execution.status, execution.error) == ("FAILED", "RolledBack")
    assert execution.cause == "step 1/2: alarm errors is in ALARM: as the story goes"
    assert world.alias() == "version 1"
    record = world.record(execution.name)
    assert record.status is Status.ROLLED_BACK
    assert (record.ended_at - record.started_at).total_seconds() < 200  # type: ignore[operator]
    assert record.refused


def test_an_alarm_that_recovers_between_two_looks_still_rolls_back(world: World) -> None:
    world.target(alarms=["errors"], strategy="Canary10Percent30Minutes")
    world.at(20 * 60 + 10, lambda: world.set_alarm("errors", "ALARM"))
    world.at(20 * 60 + 40, lambda: world.set_alarm("errors", "OK"))
    execution = world.push(world.upload())
    assert execution.error == "RolledBack"
    assert "alarm errors was in ALARM at" in execution.cause


def test_an_alarm_without_data_holds_the_step_and_rolls_back_when_the_hold_is_over(world: World) -> None:
    world.set_alarm("errors", "INSUFFICIENT_DATA")
    world.target(alarms=["errors"], max_hold="10m")
    execution = world.push(world.upload())
    assert execution.cause == ("step 1/2: still unclear after a hold of 10m: alarm errors has INSUFFICIENT_DATA")
    assert world.alias() == "version 1"
    assert not world.record(execution.name).refused


def test_a_hold_ends_when_the_alarm_becomes_clear(world: World) -> None:
    world.set_alarm("errors", "INSUFFICIENT_DATA")
    world.target(alarms=["errors"], max_hold="10m")
    world.at(200, lambda: world.set_alarm("errors", "OK"))
    assert world.push(world.upload()).status == "SUCCEEDED"


def test_a_final_bake_of_no_time_is_over_at_once(world: World) -> None:
    world.target(strategy="AllAtOnce", final_bake="0s")
    execution = world.push(world.upload())
    record = world.record(execution.name)
    assert record.status is Status.PROMOTED
    assert (record.ended_at - record.started_at).total_seconds() < 5  # type: ignore[operator]


def test_an_alarm_that_is_deleted_meanwhile_rolls_back_and_is_named(world: World) -> None:
    world.at(30, lambda: world.cloudwatch_call("DeleteAlarms", AlarmNames=["errors"]))
    execution = world.push(world.upload())
    assert execution.cause == "step 1/2: alarm errors does not exist any more"


def test_a_red_alarm_blocks_a_deployment_before_it_starts(world: World) -> None:
    world.set_alarm("errors", "ALARM")
    execution = world.push(world.upload())
    assert execution.error == "Rejected"
    assert execution.cause.startswith("alarm errors is in ALARM before the start; wait until it is OK")
    assert world.alias() == "version 1"
    assert world.told(execution.name) == ["REJECTED"]


def test_a_hotfix_deploys_past_a_red_alarm_which_counts_again_once_it_has_recovered(world: World) -> None:
    world.set_alarm("errors", "ALARM")
    artifact = world.upload()
    request = {
        "target": "checkout",
        "artifact": artifact.model_dump(),
        "strategy": "Canary10Percent10Minutes",
        "hotfix": {"reason": "checkout is down", "by": "kim"},
    }
    world.at(100, lambda: world.set_alarm("errors", "OK"))
    world.at(300, lambda: world.set_alarm("errors", "ALARM"))
    execution = world.run("hotfix-1", request)
    assert execution.cause == "step 1/2: alarm errors is in ALARM: as the story goes"


def test_a_console_edit_of_the_alias_is_left_alone(world: World) -> None:
    def edit() -> None:
        weights = {"AdditionalVersionWeights": {"2": 0.3}}
        world.aws("UpdateAlias", FunctionName="checkout", Name="live", RoutingConfig=weights)

    world.at(30, edit)
    execution = world.push(world.upload())
    assert execution.error == "Drifted"
    assert "alias checkout:live was changed by somebody else to version 1 with 30% on version 2" in execution.cause
    assert world.alias() == "version 1 with 30% on version 2"
    assert world.ports.deployments.claim("checkout").owner is None
    assert world.told(execution.name)[-1] == "DRIFTED"


def test_a_candidate_that_fails_its_test_event_gets_no_traffic(world: World) -> None:
    report = b'{"errorType": "KeyError", "errorMessage": "\'price\'"}'

    def answer(request: RunRequest) -> RunResult:
        return RunResult(report, "Unhandled", 5.0)

    world.answer = answer
    world.target(test_events=[{"name": "ping", "payload": {"ping": True}}])
    artifact = world.upload()
    execution = world.push(artifact)
    assert execution.error == "Rejected"
    assert execution.cause == "checkout version 2 failed test event 'ping': KeyError: 'price'"
    assert "Shift" not in execution.path
    again = world.push(artifact)
    assert again.status == "SUCCEEDED"
    assert world.record(again.name).status is Status.SKIPPED
    assert f"was refused by deployment {execution.name}" in world.record(again.name).reason


def test_a_zip_that_is_wrapped_in_a_folder_is_refused_before_anything_is_published(world: World) -> None:
    artifact = world.upload(data=zip_of("release = 2", "release-2/app.py"))
    execution = world.push(artifact)
    assert (execution.error, execution.path) == ("Rejected", ["Plan", "Decide", "Rejected"])
    assert execution.cause == (
        f"{artifact.identity}: everything in it is inside the folder 'release-2', so that Lambda finds no app.py "
        "at its root; zip what is in the folder: cd 'release-2' && zip -r /tmp/package.zip ."
    )
    assert world.told(execution.name) == ["REJECTED"]
    assert world.alias() == "version 1"
    versions = world.aws("ListVersionsByFunction", FunctionName="checkout")["Versions"]
    assert [version["Version"] for version in versions] == ["$LATEST", "1"]


def test_a_zip_that_lambda_cannot_unpack_is_refused_and_the_claim_is_free_again(world: World) -> None:
    artifact = world.upload(data=damaged_zip())
    execution = world.push(artifact)
    assert execution.error == "Rejected"
    assert execution.cause == (
        f"{artifact.identity}: Lambda refused the code for function checkout: "
        "Could not unzip uploaded file. Please check your file, then try to upload again."
    )
    assert world.alias() == "version 1"
    assert world.ports.deployments.claim("checkout").owner is None


def test_a_mark_that_came_before_the_bake_ends_it_at_once(world: World) -> None:
    world.target(strategy="Canary10Percent10Minutes")

    def abort() -> None:
        detail = MarkDetail(at=world.now(), by="kim", reason="wrong build")
        marked = world.ports.deployments.mark(name, Mark.ABORT, detail)
        if marked.token:
            world.ports.executions.wake(marked.token)

    artifact = world.upload()
    (name,) = world.take_in(artifact).started
    world.at(30, abort)
    execution = world.run(name, json.loads(world.ports.executions.started[name]))
    assert execution.cause == "step 1/2: abort by kim: wrong build"
    record = world.record(name)
    assert (record.ended_at - record.started_at).total_seconds() == pytest.approx(30, abs=3)  # type: ignore[operator]


def test_a_duplicate_event_starts_nothing(world: World) -> None:
    first = world.upload("release = 1")
    world.push_event(first, "event-a")
    world.push_event(world.upload("release = 2"), "event-b")
    again = take_in(world.ports, s3_event(first, "event-a"))  # delivered once more, long after
    assert (again.started, len(again.known)) == ((), 1)
    assert world.alias() == "version 3"


def test_an_artifact_that_is_being_deployed_is_skipped_when_another_event_names_it(world: World) -> None:
    artifact = world.upload()
    again = []
    world.at(30, lambda: again.append(world.push(artifact)))
    first = world.push(artifact)
    assert first.status == "SUCCEEDED"
    assert again[0].status == "SUCCEEDED"
    assert (
        world.record(again[0].name).reason
        == f"{artifact.identity} is being deployed to checkout by {first.name} already"
    )


def test_a_refusal_is_remembered_though_another_deployment_was_in_the_way(world: World) -> None:
    world.target(test_events=[{"name": "ping", "payload": {}}])
    world.answer = lambda request: RunResult(b"{}", "Unhandled", 1.0)
    bad = world.upload("release = 1")
    world.push(bad)
    world.answer = lambda request: RunResult(b"{}", None, 1.0)
    world.at(30, lambda: world.push(bad))
    world.push(world.upload("release = 2"))
    assert world.record(world.push(bad).name).status is Status.SKIPPED


def test_the_artifact_that_is_live_is_skipped(world: World) -> None:
    artifact = world.upload()
    first = world.push(artifact)
    again = world.push(artifact)
    assert again.status == "SUCCEEDED"
    assert (
        world.record(again.name).reason == f"{artifact.identity} is live on checkout since deployment {first.name}"
    )


def test_members_move_in_lockstep_and_roll_back_together(world: World) -> None:
    world.function("basket")
    world.target(alarms=["errors"], members=[{"function": "checkout"}, {"function": "basket"}])
    seen: list[tuple[str, str]] = []
    world.at(10, lambda: seen.append((world.alias("checkout"), world.alias("basket"))))
    world.at(70, lambda: world.set_alarm("errors", "ALARM"))
    execution = world.push(world.upload())
    assert seen == [("version 1 with 50% on version 2",) * 2]
    assert execution.error == "RolledBack"
    assert (world.alias("checkout"), world.alias("basket")) == ("version 1", "version 1")


def test_a_function_that_another_deployment_holds_is_refused_with_its_name(world: World) -> None:
    rule = {"source": {"bucket": "artifacts", "key": "o.zip"}, "when_busy": "reject"}
    world.target("other", members=[{"function": "checkout"}], **rule)
    refused = []
    world.at(30, lambda: refused.append(world.push(world.upload(key="o.zip", code="release = 9"))))
    first = world.push(world.upload())
    assert first.status == "SUCCEEDED"
    assert refused[0].cause == (
        f"function checkout is being deployed by {first.name}; start again when that has ended"
    )


def test_a_rollback_that_is_denied_keeps_the_claim_and_is_told_as_critical(world: World) -> None:
    from rampart.embedded.wire import ApiError

    def deny(operation: str, moment: str) -> None:
        if (operation, moment) == ("UpdateAlias", "before"):
            raise ApiError("AccessDeniedException", "User: rampart is not authorized", 403)

    world.at(30, lambda: setattr(world, "fault", deny))
    world.at(31, lambda: world.set_alarm("errors", "ALARM"))
    execution = world.push(world.upload())
    assert execution.error == "RollbackFailed"
    assert "is not authorized" in execution.cause
    assert world.ports.deployments.claim("checkout").owner == execution.name
    assert world.ports.bus.told[-1]["severity"] == "CRITICAL"


@pytest.mark.parametrize(
    ("request_", "cause"),
    [
        (
            {"target": "checkout", "artefact": {}},
            "execution input: artefact: unknown field; did you mean 'artifact'?",
        ),
        ({"target": "chekout", "version": "1"}, "there is no target 'chekout'"),
        ("checkout", "execution input: write a JSON object, not 'checkout'"),
        (
            {"target": "checkout", "version": "1", "strategy": "Linear10PercentEvery1Minut"},
            "execution input: strategy: there is no strategy 'Linear10PercentEvery1Minut'; "
            "did you mean 'Linear10PercentEvery1Minute'?",
        ),
    ],
    ids=["typo in a field", "unknown target", "not an object", "unknown strategy"],
)
def test_bad_input_by_hand_is_one_clear_line_and_changes_nothing(
    world: World, request_: object, cause: str
) -> None:
    execution = world.run("by-hand", request_)
    assert execution.error == "Rejected"
    assert execution.cause.startswith(cause)
    assert "\n" not in execution.cause
    assert world.alias() == "version 1"
    assert world.told("by-hand") == ["REJECTED"]
