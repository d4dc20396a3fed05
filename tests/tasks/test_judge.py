"""Judge: alarms that were red at the start, marks and their rank, looks that come late or find nothing out."""

from typing import Any

import pytest

from controller.core.deployment import STOPPING_MARKS, Mark, Status
from tests.engine.faults import THROTTLE, Fault, always
from tests.engine.world import World, zip_of
from tests.tasks.walks import arrive, ask, carry_out, edit_alias, holder, mark, resume, walk_to

LONG = "Canary10Percent30Minutes"


def watching(world: World, policy: str | None, **fields: Any) -> None:
    """Declare a target whose alarm has a policy for the start."""
    rule = {"name": "errors"} | ({"red_at_start": policy} if policy else {})
    world.target(alarms=[rule], strategy=LONG, **fields)


def by_hand(world: World, **fields: Any) -> dict[str, Any]:
    """Return a person's request to deploy a new artifact."""
    return {"target": "checkout", "artifact": world.upload().model_dump(), **fields}


HOTFIX = {"reason": "checkout is down", "by": "kim"}


@pytest.mark.parametrize("policy", [None, "block"])
def test_a_red_alarm_blocks_the_start(world: World, policy: str | None) -> None:
    watching(world, policy)
    world.set_alarm("errors", "ALARM")
    assert world.push(world.upload()).error == "Rejected"


def test_a_red_alarm_that_is_named_to_block_blocks_a_hotfix_too(world: World) -> None:
    watching(world, "block")
    world.set_alarm("errors", "ALARM")
    assert world.run("hotfix", by_hand(world, hotfix=HOTFIX)).error == "Rejected"


@pytest.mark.parametrize("policy", ["ignore", "ignore_until_ok"])
def test_an_alarm_that_is_red_from_start_to_end_is_passed_over(world: World, policy: str) -> None:
    watching(world, policy)
    world.set_alarm("errors", "ALARM")
    assert world.push(world.upload()).status == "SUCCEEDED"


def test_an_ignored_alarm_stays_ignored_once_it_has_recovered(world: World) -> None:
    watching(world, "ignore")
    world.set_alarm("errors", "ALARM")
    world.at(100, lambda: world.set_alarm("errors", "OK"))
    world.at(300, lambda: world.set_alarm("errors", "ALARM"))
    assert world.push(world.upload()).status == "SUCCEEDED"


def test_an_alarm_that_was_red_counts_again_once_a_look_saw_it_recovered(world: World) -> None:
    watching(world, "ignore_until_ok")
    world.set_alarm("errors", "ALARM")
    world.at(100, lambda: world.set_alarm("errors", "OK"))
    world.at(300, lambda: world.set_alarm("errors", "ALARM"))
    execution = world.push(world.upload())
    assert execution.error == "RolledBack"
    assert "alarm errors is in ALARM" in execution.cause


def test_an_alarm_that_was_red_and_lost_its_data_has_not_recovered(world: World) -> None:
    watching(world, "ignore_until_ok")
    world.set_alarm("errors", "ALARM")
    world.at(100, lambda: world.set_alarm("errors", "INSUFFICIENT_DATA"))
    world.at(300, lambda: world.set_alarm("errors", "ALARM"))
    assert world.push(world.upload()).status == "SUCCEEDED"


def test_an_alarm_that_recovered_and_fired_again_between_two_looks_counts(world: World) -> None:
    watching(world, "ignore_until_ok")
    world.set_alarm("errors", "ALARM")
    world.at(20 * 60 + 5, lambda: world.set_alarm("errors", "OK"))
    world.at(20 * 60 + 35, lambda: world.set_alarm("errors", "ALARM"))
    assert world.push(world.upload()).error == "RolledBack"


def test_any_policy_counts_an_alarm_that_was_fine_at_the_start(world: World) -> None:
    watching(world, "ignore_until_ok")
    world.at(100, lambda: world.set_alarm("errors", "ALARM"))
    assert world.push(world.upload()).error == "RolledBack"


@pytest.mark.parametrize("which", STOPPING_MARKS)
def test_a_stopping_mark_rolls_back_at_once(world: World, which: Mark) -> None:
    world.target(alarms=["errors"], strategy=LONG)
    execution = arrive(world, "Bake")
    before = world.now()
    world.at(10, lambda: mark(world, execution, which))
    assert resume(execution).error == "RolledBack"
    assert (world.now() - before).total_seconds() == pytest.approx(10, abs=1)
    assert (world.alias(), holder(world)) == ("version 1", None)


def test_of_two_marks_the_abort_is_the_reason(world: World) -> None:
    execution = arrive(world, "Bake")
    mark(world, execution, Mark.SUPERSEDED, by="orders-2")
    mark(world, execution, Mark.ALARM, by="errors")
    mark(world, execution, Mark.ABORT, by="kim")
    assert resume(execution).cause == "step 1/2: abort by kim: wrong build"


def test_of_an_alarm_and_a_newer_deployment_the_alarm_is_the_reason(world: World) -> None:
    execution = arrive(world, "Bake")
    mark(world, execution, Mark.SUPERSEDED, by="orders-2")
    mark(world, execution, Mark.ALARM, by="errors")
    assert "alarm errors" in resume(execution).cause


def test_an_abort_outranks_a_wish_to_promote(world: World) -> None:
    execution = arrive(world, "Bake")
    ask(world, execution.name, "promote")
    mark(world, execution, Mark.ABORT)
    assert resume(execution).error == "RolledBack"


@pytest.mark.parametrize("state", ["Publish", "Verify", "Shift", "Judge", "Promote"])
def test_a_mark_before_any_state_stops_the_deployment_there(world: World, state: str) -> None:
    execution = arrive(world, state)
    mark(world, execution, Mark.ABORT)
    moved = world.alias()
    resume(execution)
    assert execution.error == "RolledBack"
    assert execution.cause.endswith("abort by kim: wrong build")
    assert execution.path.count("Shift") <= (2 if moved != "version 1" else 1)
    assert (world.alias(), holder(world)) == ("version 1", None)
    assert world.told(execution.name).count("ROLLED_BACK") == 1


def test_a_mark_in_the_very_moment_of_promotion_rolls_back(world: World) -> None:
    execution = arrive(world, "Promote")
    world.meanwhile("GetAlias", lambda: mark(world, execution, Mark.ALARM, by="errors"))
    assert resume(execution).error == "RolledBack"
    assert (world.alias(), holder(world)) == ("version 1", None)
    assert world.ports.deployments.live("checkout") is None


def test_an_alias_that_somebody_moved_in_the_very_moment_of_promotion_is_not_promoted(world: World) -> None:
    execution = arrive(world, "Promote")
    edit_alias(world, FunctionVersion="1")
    assert resume(execution).error == "RolledBack"
    assert world.alias() == "version 1"


def test_a_look_that_cannot_read_the_alarms_holds_and_the_next_one_goes_on(world: World) -> None:
    execution = arrive(world, "Judge")
    world.fault = Fault(1, error=THROTTLE, operation="DescribeAlarms")
    walk_to(execution, "Bake")
    assert world.record(execution.name).reason.startswith("step 1/2: alarm errors could not be read")
    assert resume(execution).status == "SUCCEEDED"


def test_alarms_that_cannot_be_read_for_good_roll_back_when_the_hold_is_over(world: World) -> None:
    world.target(alarms=["errors"], max_hold="10m")
    execution = arrive(world, "Judge")
    world.fault = always("DescribeAlarms", THROTTLE)
    assert resume(execution).error == "RolledBack"
    assert "still unclear after a hold of 10m" in execution.cause
    assert not world.record(execution.name).refused


def test_a_role_that_may_not_read_alarms_rolls_back_at_once(world: World) -> None:
    execution = arrive(world, "Judge")
    world.fault = always("DescribeAlarms")
    resume(execution)
    assert execution.error == "RolledBack"
    assert "not authorized" in execution.cause


def test_a_hold_at_the_very_end_of_a_bake_waits_before_it_looks_again(world: World) -> None:
    execution = arrive(world, "Judge", 2)
    world.set_alarm("errors", "INSUFFICIENT_DATA")
    assert world.now() == world.record(execution.name).due_at
    assert carry_out(world, "Judge", execution)["decision"] == "HOLD"
    look_at = world.record(execution.name).look_at
    assert look_at is not None
    assert look_at > world.now()


def test_a_deployment_without_alarms_is_judged_by_time_alone(world: World) -> None:
    world.target(alarms=[])
    execution = world.push(world.upload())
    assert world.record(execution.name).reason == "step 2/2 passed: no alarm is named; time alone decides"


def test_a_rollback_by_drift_does_not_blame_the_artifact(world: World) -> None:
    world.at(30, lambda: edit_alias(world, RoutingConfig={"AdditionalVersionWeights": {"2": 0.3}}))
    execution = world.push(world.upload())
    assert world.record(execution.name).status is Status.DRIFTED
    assert not world.record(execution.name).refused


def test_a_drift_that_was_undone_before_the_rollback_does_not_blame_the_artifact(world: World) -> None:
    execution = arrive(world, "Judge")
    edit_alias(world, RoutingConfig={"AdditionalVersionWeights": {"2": 0.3}})
    walk_to(execution, "RollBack")
    edit_alias(world, RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}})
    assert resume(execution).error == "RolledBack"
    assert not world.record(execution.name).refused


def test_a_red_alarm_takes_back_whatever_share_somebody_gave_our_candidate(world: World) -> None:
    world.at(20, lambda: edit_alias(world, RoutingConfig={"AdditionalVersionWeights": {"2": 0.3}}))
    world.at(20, lambda: world.set_alarm("errors", "ALARM"))
    execution = world.push(world.upload())
    assert (execution.error, world.alias()) == ("RolledBack", "version 1")
    assert "alarm errors is in ALARM" in execution.cause


def test_a_red_alarm_leaves_a_version_alone_that_is_neither_ours_nor_our_baseline(world: World) -> None:
    world.at(20, lambda: world.set_alarm("errors", "ALARM"))

    def by_somebody_else() -> None:
        world.aws("UpdateFunctionCode", FunctionName="checkout", ZipFile=zip_of("theirs"), Architectures=["arm64"])
        world.clock.advance(1)
        world.aws("PublishVersion", FunctionName="checkout")
        world.clock.advance(1)
        edit_alias(world, RoutingConfig={"AdditionalVersionWeights": {"3": 0.3}})

    world.at(20, by_somebody_else)
    execution = world.push(world.upload())
    assert (execution.error, world.alias()) == ("Drifted", "version 1 with 30% on version 3")


def test_an_alarm_that_was_deleted_is_not_the_artifacts_fault(world: World) -> None:
    world.at(20, lambda: world.cloudwatch_call("DeleteAlarms", AlarmNames=["errors"]))
    execution = world.push(world.upload())
    assert execution.error == "RolledBack"
    assert not world.record(execution.name).refused
