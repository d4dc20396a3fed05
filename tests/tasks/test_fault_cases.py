"""Cases of docs/reliability.md that no other story tells: what AWS, people and clocks do to a deployment."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from controller.core.deployment import Mark, Status
from rampart.embedded.wire import ApiError
from tests.engine.faults import THROTTLE, always, no_fault
from tests.engine.walker import TaskFailedError
from tests.engine.world import World, zip_of
from tests.sam_template import FUNCTIONS, statements
from tests.tasks.walks import arrive, edit_alias, holder, mark, resume, versions

STORAGE_FULL = ApiError("CodeStorageExceededException", "Code storage limit exceeded.", 400)
UNSIGNED = ApiError("CodeVerificationFailedException", "The code signature failed the integrity check.", 400)
MINUTE = 60


def throttled_for(world: World, operation: str, seconds: float) -> None:
    """Let an operation be throttled for a while, from its next call on."""
    until: list[float] = []

    def fault(called: str, moment: str) -> None:
        if (called, moment) != (operation, "before"):
            return
        until[:] = until or [world.clock.now() + seconds]
        if world.clock.now() < until[0]:
            raise THROTTLE

    world.fault = fault


# ---- Versions, functions and aliases -----------------------------------------------------------------------------


def test_a_candidate_that_is_deleted_before_its_first_shift_gets_no_traffic_and_no_blame(world: World) -> None:
    execution = arrive(world, "Shift")
    world.aws("DeleteFunction", FunctionName="checkout", Qualifier="2")
    assert resume(execution).error == "RolledBack"
    assert "Function not found" in execution.cause
    assert (world.alias(), holder(world)) == ("version 1", None)
    assert not world.record(execution.name).refused


def test_a_baseline_that_is_deleted_in_the_final_bake_is_told_as_critical_until_somebody_mends_it(
    world: World,
) -> None:
    world.target(strategy="AllAtOnce")
    execution = arrive(world, "Judge")
    world.aws("DeleteFunction", FunctionName="checkout", Qualifier="1")
    mark(world, execution, Mark.ALARM, by="errors")
    assert resume(execution).error == "RollbackFailed"
    assert world.ports.bus.told[-1]["severity"] == "CRITICAL"
    assert (world.reconcile(), world.alias(), holder(world)) == ([], "version 2", execution.name)
    code = world.aws("UpdateFunctionCode", FunctionName="checkout", ZipFile=zip_of("mended = 1"))
    world.clock.advance(1)
    mended = world.aws("PublishVersion", FunctionName="checkout", CodeSha256=code["CodeSha256"])["Version"]
    edit_alias(world, FunctionVersion=mended)
    assert world.reconcile() == [f"{execution.name}: DRIFTED, after a failed rollback"]
    assert (world.alias(), holder(world)) == (f"version {mended}", None)


def test_an_alias_that_somebody_deletes_is_not_made_again_and_nothing_is_published(world: World) -> None:
    first = world.push(world.upload())
    world.aws("DeleteAlias", FunctionName="checkout", Name="live")
    execution = world.push(world.upload("release = 2"))
    assert execution.error == "Rejected"
    assert f"does not exist (deployment {first.name} left it on version 2); make it" in execution.cause
    assert (versions(world), holder(world)) == (["1", "2"], None)


def test_a_role_that_changes_after_the_plan_rolls_back_and_the_next_one_goes_all_at_once(world: World) -> None:
    artifact = world.upload()
    execution = arrive(world, "Publish", artifact=artifact)
    world.aws("UpdateFunctionConfiguration", FunctionName="checkout", Role="arn:aws:iam::123456789012:role/new")
    world.clock.advance(1)
    assert resume(execution).error == "RolledBack"
    assert "must be associated with the same execution role" in execution.cause
    assert not world.record(execution.name).refused
    assert world.push(world.upload("release = 2")).status == "SUCCEEDED"


def test_a_function_that_is_stopped_after_the_start_is_found_out_by_its_test_event(world: World) -> None:
    execution = arrive(world, "Publish", artifact=world.upload())
    world.aws("PutFunctionConcurrency", FunctionName="checkout", ReservedConcurrentExecutions=0)
    resume(execution)
    assert execution.error == "RolledBack"
    assert "Rate Exceeded" in execution.cause
    assert "Shift" not in execution.path
    assert not world.record(execution.name).refused


# ---- What Lambda refuses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["UpdateFunctionCode", "PublishVersion"])
def test_a_full_code_storage_is_not_held_against_the_artifact(world: World, operation: str) -> None:
    artifact = world.upload()
    world.fault = always(operation, STORAGE_FULL)
    execution = world.push(artifact)
    assert execution.error == "Rejected"
    assert execution.cause.endswith("Code storage limit exceeded.")
    world.fault = no_fault
    assert world.push(artifact).status == "SUCCEEDED"
    assert world.alias() == "version 2"


def test_code_whose_signature_is_refused_is_tried_once_and_not_again_by_an_event(world: World) -> None:
    artifact = world.upload()
    world.fault = always("UpdateFunctionCode", UNSIGNED)
    execution = world.push(artifact)
    assert (execution.error, execution.path.count("Publish")) == ("Rejected", 1)
    assert "The code signature failed" in execution.cause
    assert (world.alias(), holder(world)) == ("version 1", None)
    assert world.record(world.push(artifact).name).status is Status.SKIPPED


# ---- What fails for a while --------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["GetFunction", "UpdateFunctionCode", "PublishVersion", "UpdateAlias"])
def test_two_minutes_of_throttling_do_not_end_a_good_deployment(world: World, operation: str) -> None:
    throttled_for(world, operation, 2 * MINUTE)
    assert world.push(world.upload()).status == "SUCCEEDED"


@pytest.mark.parametrize("state", ["Plan", "Publish", "Shift", "Bake", "Judge", "Promote"])
def test_a_task_that_dies_after_its_effect_is_repeated_and_nothing_is_done_twice(world: World, state: str) -> None:
    carry_out_task = world.tasks
    died: list[str] = []

    def die_once(left: str, payload: dict[str, Any]) -> dict[str, Any]:
        answer = carry_out_task(left, payload)
        if left == state and not died:
            died.append(left)
            raise TaskFailedError("Lambda.Unknown", "the process died")
        return answer

    world.tasks = die_once
    execution = world.push(world.upload())
    assert (died, execution.status) == ([state], "SUCCEEDED")
    assert (versions(world), world.alias()) == (["1", "2"], "version 2")
    assert world.told(execution.name).count("SHIFTED") == 2
    assert world.told(execution.name).count("PROMOTED") == 1


def test_nothing_begins_while_the_table_cannot_be_read(world: World) -> None:
    throttled_for(world, "GetItem", 30 * MINUTE)
    execution = world.push(world.upload())
    assert execution.cause.startswith("nothing was changed: ")
    assert (versions(world), world.alias(), holder(world)) == (["1"], "version 1", None)


def test_a_rollback_waits_until_the_table_can_be_read_again(world: World) -> None:
    execution = arrive(world, "Judge")
    mark(world, execution, Mark.ABORT)
    throttled_for(world, "GetItem", 30 * MINUTE)
    seen: list[str] = []
    world.at(29 * MINUTE, lambda: seen.append(world.alias()))
    assert resume(execution).error == "RolledBack"
    assert seen == ["version 1 with 50% on version 2"]
    assert (world.alias(), holder(world)) == ("version 1", None)


def test_an_alarm_that_fires_stops_a_deployment_though_no_alarm_can_be_read(world: World) -> None:
    world.alarm_events = True
    world.target(alarms=["errors"], strategy="Canary10Percent60Minutes")
    execution = arrive(world, "Bake")
    world.fault = always("DescribeAlarms", THROTTLE)
    world.at(10 * MINUTE, lambda: world.set_alarm("errors", "ALARM"))
    assert resume(execution).cause == "step 1/2: alarm errors fired: as the story goes"
    assert (world.alias(), holder(world)) == ("version 1", None)


def test_a_deployment_that_waits_for_a_dead_one_goes_on_once_reconcile_has_ended_that(world: World) -> None:
    dead = arrive(world, "Bake")
    world.lose_status_events = True
    world.stop(dead.name)
    request = {"target": "checkout", "artifact": world.upload("release = 2", "checkout/2.zip").model_dump()}
    world.start("waiter", request)
    world.wait(6 * MINUTE)
    assert (world.record("waiter").status, holder(world)) == (Status.PENDING, dead.name)
    assert f"{dead.name}: ROLLED_BACK, because its execution is gone" in world.reconcile()
    assert world.run("waiter", request).status == "SUCCEEDED"
    assert (world.alias(), holder(world)) == ("version 3", None)


# ---- Clocks, plans and accounts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead_seconds", [-30, 30])
def test_an_alarm_that_stays_red_is_found_though_the_controllers_clock_is_wrong(
    world: World, monkeypatch: pytest.MonkeyPatch, ahead_seconds: int
) -> None:
    monkeypatch.setattr(world, "now", lambda: datetime.fromtimestamp(world.clock.now() + ahead_seconds, UTC))
    world.at(10, lambda: world.set_alarm("errors", "ALARM"))
    assert world.push(world.upload()).cause == "step 1/2: alarm errors is in ALARM: as the story goes"
    assert world.alias() == "version 1"


def test_two_hundred_steps_end_on_one_version(world: World) -> None:
    world.target(strategy={"steps": [{"weight": f"{n / 2}%", "bake": "1m"} for n in range(1, 200)]})
    execution = world.push(world.upload())
    assert (execution.status, execution.path.count("Shift")) == ("SUCCEEDED", 200)
    assert (world.alias(), versions(world)) == ("version 2", ["1", "2"])


@pytest.mark.parametrize("name", ["IntakeFunction", "SignalFunction", "RestoreFunction"])
def test_a_rule_takes_the_events_of_its_own_account_only(name: str) -> None:
    events = FUNCTIONS[name]["Events"].values()
    patterns = [event["Properties"]["Pattern"] for event in events if event["Type"] == "EventBridgeRule"]
    assert patterns
    assert all(pattern["account"] == [{"Ref": "AWS::AccountId"}] for pattern in patterns)


def test_no_statement_reaches_beyond_its_region_and_account() -> None:
    arns = re.findall(r'arn:[^"]*', json.dumps([statement["Resource"] for statement in statements().values()]))
    assert len(arns) > 20
    assert [arn for arn in arns if not re.search(r":(s3::|\${AWS::Region}:\${AWS::AccountId}):", arn)] == []
