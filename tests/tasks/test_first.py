"""The first deployment: no member has an alias yet, which is made on the candidate after its tests."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.core.deployment import Mark, Status
from controller.core.errors import InputError
from rampart.embedded.aws_lambda.runner import RunResult
from tests.engine.faults import BROKEN, DENIED, KILLED, LOST, Fault
from tests.engine.walker import Execution
from tests.engine.world import World
from tests.tasks.walks import arrive, ask, edit_alias, holder, mark, resume, versions

COMMAND = (
    "make it on the version that serves now: aws lambda create-alias --function-name {0} --name live "
    "--function-version VERSION"
)


@pytest.fixture
def world(world: World) -> World:
    """Return an account whose function has a version and no alias."""
    world.aws("DeleteAlias", FunctionName="checkout", Name="live")
    return world


def aliases(world: World, function: str = "checkout") -> list[str]:
    """Return the names of the aliases of a function."""
    return [alias["Name"] for alias in world.aws("ListAliases", FunctionName=function)["Aliases"]]


def create(world: World, version: str, function: str = "checkout", name: str = "live") -> None:
    """Make an alias by hand."""
    world.aws("CreateAlias", FunctionName=function, Name=name, FunctionVersion=version)


def refused(world: World) -> str:
    """Return why a push is refused, which changes nothing."""
    before = versions(world)
    execution = world.push(world.upload())
    assert execution.error == "Rejected", execution.cause
    assert (versions(world), holder(world)) == (before, None)
    return execution.cause


def at_rest(world: World, execution: Execution) -> tuple[Status, str | None]:
    """Return how a deployment has ended, and who holds the function."""
    return world.record(execution.name).status, holder(world)


def test_the_alias_is_made_on_the_candidate_at_once_and_the_deployment_promoted(world: World) -> None:
    world.target(strategy="Canary10Percent5Minutes", alarms=["errors"])
    execution = world.push(world.upload())
    record = world.record(execution.name)
    assert (execution.status, world.alias(), holder(world)) == ("SUCCEEDED", "version 2", None)
    assert [(step.weight, step.bake_seconds) for step in record.steps] == [(10_000, 0)]
    assert record.warnings == (
        "first deployment: alias checkout:live will be made on the candidate; there is nothing to compare with or "
        "to go back to",
    )
    assert world.told(execution.name)[-1] == "PROMOTED"
    assert world.ports.bus.told[-1]["members"][0] | {"candidate": "2"} == {
        "function": "checkout",
        "alias": "live",
        "baseline": "",
        "candidate": "2",
    }
    assert world.ports.deployments.live("checkout")
    assert world.reconcile() == []


def test_the_next_deployment_has_the_first_version_for_its_baseline(world: World) -> None:
    world.push(world.upload())
    record = world.record(world.push(world.upload("release = 2")).name)
    assert (record.status, record.members[0].baseline, record.warnings) == (Status.PROMOTED, "2", ())


def test_a_function_without_any_version_is_deployed_to_as_well(world: World) -> None:
    world.aws("DeleteFunction", FunctionName="checkout", Qualifier="1")
    execution = world.push(world.upload())
    assert (execution.status, world.alias()) == ("SUCCEEDED", f"version {versions(world)[-1]}")


def test_a_version_that_a_person_names_is_given_its_alias(world: World) -> None:
    assert world.run("by-hand", {"target": "checkout", "version": "1"}).status == "SUCCEEDED"
    assert (world.alias(), versions(world)) == ("version 1", ["1"])


def test_nothing_is_read_of_a_past_or_of_a_way_back_that_there_is_none_of(world: World) -> None:
    world.target(rules=[{"metric": "error_rate", "above": "5%"}])
    reads: list[str] = []
    world.fault = lambda operation, moment: reads.append(operation) if moment == "before" else None
    execution = world.push(world.upload())
    assert execution.status == "SUCCEEDED", execution.cause
    unwanted = {"GetMetricData", "ListEventSourceMappings", "ListProvisionedConcurrencyConfigs", "UpdateAlias"}
    assert not unwanted & set(reads)
    assert reads.count("CreateAlias") == 1


def test_several_members_are_made_in_lockstep(world: World) -> None:
    world.function("basket")
    world.aws("DeleteAlias", FunctionName="basket", Name="live")
    world.target(members=[{"function": "checkout"}, {"function": "basket"}])
    assert world.push(world.upload()).status == "SUCCEEDED"
    assert (world.alias(), world.alias("basket")) == ("version 2", "version 2")


def test_a_candidate_that_fails_its_test_event_gets_no_alias(world: World) -> None:
    world.answer = lambda request: RunResult(b'{"errorType": "KeyError"}', "Unhandled", 10.0)
    execution = world.push(world.upload())
    assert (execution.error, aliases(world), holder(world)) == ("Rejected", [], None)
    assert world.record(execution.name).refused
    assert world.reconcile() == []


@pytest.mark.parametrize("error", [BROKEN, LOST, KILLED], ids=["broken", "lost", "killed"])
def test_an_alias_that_was_made_before_a_crash_is_recognised(world: World, error: BaseException) -> None:
    execution = arrive(world, "Shift")
    world.fault = fault = Fault(1, "after", error, "CreateAlias")
    assert resume(execution).status == "SUCCEEDED"
    assert (fault.fired, world.alias()) == (["CreateAlias"], "version 2")


def told_with(fault: Fault) -> tuple[World, Execution]:
    """Return a first deployment that has met a fault, and its world when all is at rest."""
    world = World()
    world.function()
    world.alarm("errors")
    world.target(alarms=["errors"], test_events=[{"name": "ping", "payload": {}}])
    world.aws("DeleteAlias", FunctionName="checkout", Name="live")
    artifact = world.upload()
    (name,) = world.take_in(artifact).started
    world.fault = fault
    return world, world.machine.finish(name)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_any_call_may_fail_and_be_tried_again(moment: str) -> None:
    told_with(calm := Fault(10_000))
    assert "CreateAlias" in calm.calls
    for number in range(1, len(calm.calls) + 1):
        world, execution = told_with(Fault(number, moment, BROKEN))
        assert (execution.status, world.alias(), holder(world)) == ("SUCCEEDED", "version 2", None), number


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_call_that_is_denied_leaves_no_alias_or_that_of_the_candidate_and_no_claim(moment: str) -> None:
    told_with(calm := Fault(10_000))
    for number in range(1, len(calm.calls) + 1):
        world, execution = told_with(fault := Fault(number, moment, DENIED))
        world.settle(600)
        record = world.record(execution.name)
        assert (record.status.is_over, holder(world)) == (True, None), (number, fault.fired, record.status)
        assert aliases(world) == [] or world.alias() == "version 2"
        is_told = "is left on version 2" in record.reason or record.status is Status.PROMOTED
        assert is_told is bool(aliases(world)), (number, fault.fired, record.reason)


def test_an_alias_that_somebody_else_makes_meanwhile_is_left_to_them(world: World) -> None:
    execution = arrive(world, "Shift")
    create(world, "1")
    assert resume(execution).error == "Drifted"
    assert "alias checkout:live was changed by somebody else to version 1" in execution.cause
    assert (world.alias(), holder(world)) == ("version 1", None)


def test_an_alias_that_somebody_else_makes_in_that_very_moment_is_left_to_them(world: World) -> None:
    execution = arrive(world, "Shift")
    world.meanwhile("CreateAlias", lambda: create(world, "1"))
    assert resume(execution).error == "Drifted"
    assert (world.alias(), holder(world)) == ("version 1", None)


def test_an_alias_that_somebody_moves_after_it_was_made_is_left_to_them(world: World) -> None:
    execution = arrive(world, "Judge")
    edit_alias(world, FunctionVersion="1")
    assert resume(execution).error == "Drifted"
    assert (world.alias(), holder(world)) == ("version 1", None)


@pytest.mark.parametrize("state", ["Publish", "Verify", "Shift"])
def test_one_that_is_aborted_before_its_shift_makes_no_alias(world: World, state: str) -> None:
    execution = arrive(world, state)
    mark(world, execution, Mark.ABORT)
    assert resume(execution).error == "RolledBack"
    assert (aliases(world), at_rest(world, execution)) == ([], (Status.ROLLED_BACK, None))
    assert "is left on" not in execution.cause
    assert world.reconcile() == []
    assert world.push(world.upload("release = 2")).status == "SUCCEEDED"


def test_one_that_is_stopped_in_the_very_moment_of_its_shift_leaves_no_alias(world: World) -> None:
    execution = arrive(world, "Shift")
    world.meanwhile("CreateAlias", lambda: ask(world, execution.name, "abort"))
    assert resume(execution).error == "RolledBack"
    assert (aliases(world), at_rest(world, execution)) == ([], (Status.ROLLED_BACK, None))
    assert "is left on" not in execution.cause
    assert world.push(world.upload("release = 2")).status == "SUCCEEDED"


def test_an_alias_that_somebody_has_touched_since_it_was_made_is_not_taken_back(world: World) -> None:
    execution = arrive(world, "Shift")
    world.meanwhile("CreateAlias", lambda: ask(world, execution.name, "abort"))
    world.meanwhile("CreateAlias", lambda: edit_alias(world, Description="mine"), "after")
    assert resume(execution).error == "RolledBack"
    assert (aliases(world), holder(world)) == (["live"], None)


def test_one_whose_alias_is_the_baseline_of_another_deployment_by_now_is_not_taken_back(world: World) -> None:
    execution = arrive(world, "Shift")
    world.meanwhile("CreateAlias", lambda: ask(world, execution.name, "abort"))
    world.meanwhile("CreateAlias", lambda: world.ports.deployments.give_away("checkout", "another-1"), "after")
    assert resume(execution).error == "RolledBack"
    assert aliases(world) == ["live"]


@settings(max_examples=150)
@given(st.lists(st.integers(0, 3), max_size=50), st.integers(1, 2))
def test_whoever_goes_first_when_one_is_stopped_in_its_shift_what_is_left_is_told(
    choices: list[int], members: int
) -> None:
    world, left = World(), iter(choices)
    functions = ("checkout", "basket")[:members]
    for function in functions:
        world.function(function)
        world.aws("DeleteAlias", FunctionName=function, Name="live")
    world.target(members=[{"function": function} for function in functions])
    execution = arrive(world, "Shift")
    world.timeline.choose = lambda labels: next(left, 0) % len(labels)
    world.machine.release(execution.name)
    world.deliveries.send("Control", lambda: ask(world, execution.name, "abort"))
    world.settle(3600)
    record = world.record(execution.name)
    assert (record.status, holder(world)) in {(Status.ROLLED_BACK, None), (Status.PROMOTED, None)}
    if record.status is Status.ROLLED_BACK:
        is_there = {function: bool(aliases(world, function)) for function in functions}
        assert {f: f"alias {f}:live, which it made, is left" in record.reason for f in functions} == is_there


@pytest.mark.parametrize("which", [Mark.ABORT, Mark.ALARM])
def test_one_that_is_stopped_after_its_shift_leaves_the_alias_and_says_so(world: World, which: Mark) -> None:
    execution = arrive(world, "Judge")
    mark(world, execution, which)
    assert resume(execution).error == "RolledBack"
    assert execution.cause.endswith(
        "; alias checkout:live, which it made, is left on version 2: there was no version before"
    )
    assert (world.alias(), at_rest(world, execution)) == ("version 2", (Status.ROLLED_BACK, None))
    assert world.ports.bus.told[-1]["weight_percent"] == 100
    assert world.reconcile() == []


def test_one_whose_execution_is_stopped_is_restored_and_leaves_the_alias(world: World) -> None:
    execution = arrive(world, "Judge")
    world.stop(execution.name)
    world.settle(60)
    assert (world.alias(), at_rest(world, execution)) == ("version 2", (Status.ROLLED_BACK, None))


def test_a_gate_before_the_promotion_still_waits_for_a_person(world: World) -> None:
    world.target(approval={"within": "1h"})
    world.at(120, lambda: ask(world, world.ports.deployments.unfinished()[0].deployment_id, "approve"))
    execution = world.push(world.upload())
    assert execution.status == "SUCCEEDED", execution.cause
    assert "ASKED" in {event.transition for event in world.ports.deployments.events(execution.name)}


def test_one_that_cannot_make_the_alias_of_one_member_tells_which_it_has_made(world: World) -> None:
    world.function("basket")
    world.aws("DeleteAlias", FunctionName="basket", Name="live")
    world.target(members=[{"function": "checkout"}, {"function": "basket"}])
    execution = arrive(world, "Shift")
    world.fault = Fault(2, error=DENIED, operation="CreateAlias", times=100)
    assert resume(execution).error == "RolledBack"
    assert (aliases(world), aliases(world, "basket"), holder(world)) == (["live"], [], None)
    assert "; alias checkout:live, which it made, is left on version 2: there was no version" in execution.cause
    assert "alias basket:live, which it made" not in execution.cause


def test_an_alias_that_somebody_deletes_after_it_was_made_is_not_made_again(world: World) -> None:
    execution = arrive(world, "Judge")
    world.aws("DeleteAlias", FunctionName="checkout", Name="live")
    assert resume(execution).error == "RolledBack"
    assert "alias checkout:live was changed by somebody else: it is on no version" in execution.cause
    assert (aliases(world), holder(world)) == ([], None)


def test_it_cannot_be_undone(world: World) -> None:
    name = world.push(world.upload()).name
    with pytest.raises(InputError, match="there was no version before"):
        ask(world, name, "undo")
    assert world.alias() == "version 2"


def test_a_target_of_which_some_members_have_an_alias_is_refused(world: World) -> None:
    world.function("basket")
    world.target(members=[{"function": "checkout"}, {"function": "basket"}])
    assert refused(world) == f"alias checkout:live does not exist; {COMMAND.format('checkout')}"
    assert aliases(world) == []


def test_a_function_that_has_another_alias_is_refused_since_the_name_may_be_mistyped(world: World) -> None:
    create(world, "1", name="prod")
    assert refused(world) == (
        "alias checkout:live does not exist (the function has prod: is one of them meant?); "
        f"{COMMAND.format('checkout')}"
    )
