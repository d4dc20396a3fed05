"""A task that died between its effect and its record, and what somebody else did in that moment."""

import pytest

from controller.core.alias import Alias, Routing
from controller.core.deployment import Mark, Status
from controller.core.errors import DeniedError
from controller.tasks.roll_back import roll_back
from tests.engine.faults import BROKEN, Fault
from tests.engine.walker import TaskFailedError
from tests.engine.world import World, zip_of
from tests.tasks.walks import arrive, carry_out, edit_alias, holder, mark, resume, versions, visit, walk_to

SPLIT = {"AdditionalVersionWeights": {"2": 0.3}}


@pytest.mark.parametrize("nth", [1, 2])
def test_a_shift_whose_write_was_answered_by_a_crash_recognises_its_own_write(world: World, nth: int) -> None:
    execution = arrive(world, "Shift", nth)
    world.fault = Fault(1, "after", BROKEN, "UpdateAlias")
    before = world.ports.functions.alias("checkout", "live").revision_id
    with pytest.raises(TaskFailedError, match="UnavailableError"):
        carry_out(world, "Shift", execution)
    written = world.ports.functions.alias("checkout", "live")
    assert written.revision_id != before
    carry_out(world, "Shift", execution)
    assert world.ports.functions.alias("checkout", "live") == written
    assert world.record(execution.name).step_index == nth - 1
    assert resume(execution).status == "SUCCEEDED"


def test_a_rollback_whose_write_was_answered_by_a_crash_recognises_its_own_write(world: World) -> None:
    execution = arrive(world, "Judge")
    mark(world, execution, Mark.ABORT)
    world.fault = Fault(1, "after", BROKEN, "UpdateAlias")
    assert resume(execution).error == "RolledBack"
    assert (world.alias(), holder(world)) == ("version 1", None)
    assert world.told(execution.name).count("ROLLED_BACK") == 1


def test_code_that_was_put_before_a_crash_is_published_once(world: World) -> None:
    execution = arrive(world, "Publish")
    world.fault = Fault(1, "after", BROKEN, "UpdateFunctionCode")
    assert resume(execution).status == "SUCCEEDED"
    assert versions(world) == ["1", "2"]


def test_a_version_that_was_published_before_a_crash_is_the_candidate(world: World) -> None:
    execution = arrive(world, "Publish")
    world.fault = Fault(1, "after", BROKEN, "PublishVersion")
    assert resume(execution).status == "SUCCEEDED"
    assert (versions(world), world.alias()) == (["1", "2"], "version 2")


def test_a_crash_between_two_members_leaves_them_in_step_in_the_end(world: World) -> None:
    world.function("basket")
    world.target(members=[{"function": "checkout"}, {"function": "basket"}])
    execution = arrive(world, "Shift")
    world.fault = Fault(2, "before", BROKEN, "UpdateAlias")
    with pytest.raises(TaskFailedError):
        carry_out(world, "Shift", execution)
    assert (world.alias(), world.alias("basket")) == ("version 1 with 50% on version 2", "version 1")
    assert resume(execution).status == "SUCCEEDED"
    assert (world.alias(), world.alias("basket")) == ("version 2", "version 2")


def test_a_rollback_after_a_crash_between_two_members_puts_back_the_one_that_moved(world: World) -> None:
    world.function("basket")
    world.target(members=[{"function": "checkout"}, {"function": "basket"}])
    execution = arrive(world, "Shift")
    world.fault = Fault(2, "before", BROKEN, "UpdateAlias")
    with pytest.raises(TaskFailedError):
        carry_out(world, "Shift", execution)
    mark(world, execution, Mark.ABORT)
    assert resume(execution).error == "RolledBack"
    assert (world.alias(), world.alias("basket")) == ("version 1", "version 1")


def test_a_new_description_changes_the_revision_and_is_no_drift(world: World) -> None:
    execution = arrive(world, "Shift")
    world.meanwhile("UpdateAlias", lambda: edit_alias(world, Description="do not touch"))
    assert resume(execution).status == "SUCCEEDED"
    assert world.alias() == "version 2"
    shown = world.aws("GetAlias", FunctionName="checkout", Name="live")
    assert shown["Description"] == "do not touch"


def test_a_new_description_does_not_hinder_a_rollback(world: World) -> None:
    execution = arrive(world, "Judge")
    mark(world, execution, Mark.ABORT)
    world.meanwhile("UpdateAlias", lambda: edit_alias(world, Description="do not touch"))
    assert resume(execution).error == "RolledBack"
    assert world.alias() == "version 1"


def test_weights_that_somebody_wrote_in_the_middle_of_a_shift_are_left_alone(world: World) -> None:
    execution = arrive(world, "Shift", 2)
    world.meanwhile("UpdateAlias", lambda: edit_alias(world, RoutingConfig=SPLIT))
    assert resume(execution).error == "Drifted"
    assert world.alias() == "version 1 with 30% on version 2"
    assert holder(world) is None


def test_weights_that_somebody_wrote_in_the_middle_of_a_rollback_are_left_alone(world: World) -> None:
    execution = arrive(world, "Judge")
    mark(world, execution, Mark.ABORT)
    world.meanwhile("UpdateAlias", lambda: edit_alias(world, RoutingConfig=SPLIT))
    assert resume(execution).error == "Drifted"
    assert world.alias() == "version 1 with 30% on version 2"


def test_an_alias_that_is_gone_ends_drifted_and_frees_the_claim(world: World) -> None:
    execution = arrive(world, "Judge")
    world.aws("DeleteAlias", FunctionName="checkout", Name="live")
    assert resume(execution).error == "Drifted"
    assert "Cannot find alias" in execution.cause
    assert holder(world) is None


def test_a_function_that_is_gone_ends_drifted_and_frees_the_claim(world: World) -> None:
    execution = arrive(world, "Shift")
    world.aws("DeleteFunction", FunctionName="checkout")
    assert resume(execution).error == "Drifted"
    assert holder(world) is None


def test_members_that_did_not_drift_are_put_back_when_another_did(world: World) -> None:
    world.function("basket")
    world.target(members=[{"function": "checkout"}, {"function": "basket"}])
    execution = arrive(world, "Judge")
    edit_alias(world, "checkout", RoutingConfig=SPLIT)
    assert resume(execution).error == "Drifted"
    assert "alias checkout:live was changed by somebody else" in execution.cause
    assert (world.alias(), world.alias("basket")) == ("version 1 with 30% on version 2", "version 1")
    assert (holder(world), holder(world, "basket")) == (None, None)


def test_a_member_that_cannot_be_put_back_does_not_keep_the_others_on_the_candidate(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.function("basket")
    world.target(members=[{"function": "checkout"}, {"function": "basket"}])
    execution = arrive(world, "Judge")
    mark(world, execution, Mark.ABORT)
    route = world.ports.functions.route

    def denied_for_checkout(alias: Alias, routing: Routing) -> Alias:
        if alias.function == "checkout":
            raise DeniedError("not authorized")
        return route(alias, routing)

    monkeypatch.setattr(world.ports.functions, "route", denied_for_checkout)
    assert resume(execution).error == "RollbackFailed"
    assert world.alias("basket") == "version 1"


def test_a_deployment_that_lost_its_claim_moves_nothing(world: World) -> None:
    execution = arrive(world, "Shift")
    world.ports.deployments.give_away("checkout", "another-1")
    with pytest.raises(TaskFailedError, match="the claim on function checkout is now held by another-1"):
        carry_out(world, "Shift", execution)
    assert world.alias() == "version 1"


def test_a_deployment_that_lost_its_claim_is_told_as_critical_and_frees_nothing(world: World) -> None:
    execution = arrive(world, "Shift")
    world.ports.deployments.give_away("checkout", "another-1")
    assert resume(execution).error == "RollbackFailed"
    assert (world.alias(), holder(world)) == ("version 1", "another-1")


def test_a_stop_that_ends_the_deployment_in_the_middle_of_a_shift_leaves_no_split(world: World) -> None:
    execution = arrive(world, "Shift")
    edit_alias(world, Description="so that Shift has to look")
    world.meanwhile("GetAlias", lambda: roll_back(visit(world, execution), "the execution was stopped"))
    with pytest.raises(TaskFailedError):
        carry_out(world, "Shift", execution)
    assert world.record(execution.name).status is Status.ROLLED_BACK
    assert world.alias() == "version 1"


def test_a_stop_between_the_look_at_the_alias_and_its_write_leaves_no_split(world: World) -> None:
    execution = arrive(world, "Shift")
    world.meanwhile("UpdateAlias", lambda: roll_back(visit(world, execution), "the execution was stopped"))
    with pytest.raises(TaskFailedError):
        carry_out(world, "Shift", execution)
    assert world.record(execution.name).status is Status.ROLLED_BACK
    assert world.alias() == "version 1"


def test_a_stop_while_the_write_is_on_its_way_leaves_no_split_even_where_the_revision_stays(world: World) -> None:
    execution = arrive(world, "Shift")
    route = world.ports.functions.route

    def written_after_a_stop(alias: Alias, routing: Routing) -> Alias:
        world.ports.functions.route = route  # type: ignore[method-assign]
        roll_back(visit(world, execution), "the execution was stopped")
        now = world.ports.functions.alias(alias.function, alias.name)
        return route(now, routing)  # as if putting back had not used up the RevisionId

    world.ports.functions.route = written_after_a_stop  # type: ignore[method-assign]
    with pytest.raises(TaskFailedError):
        carry_out(world, "Shift", execution)
    assert world.alias() == "version 1"


def test_members_are_published_side_by_side(world: World) -> None:
    names = [f"f{number}" for number in range(10)]
    for name in names:
        world.function(name)
    world.target(members=[{"function": name} for name in names])
    execution = arrive(world, "Publish")
    began = world.clock.now()
    walk_to(execution, "Verify")
    assert world.clock.now() - began < 30
    assert {member.candidate for member in world.record(execution.name).members} == {"2"}


@pytest.mark.parametrize("state", ["Publish", "Verify", "Shift", "Bake", "Judge", "Promote", "RollBack"])
def test_where_somebody_else_has_put_the_alias_it_stays_whatever_the_deployment_was_at(
    world: World, state: str
) -> None:
    world.aws("UpdateFunctionCode", FunctionName="checkout", ZipFile=zip_of("theirs"), Architectures=["arm64"])
    world.clock.advance(1)
    theirs = world.aws("PublishVersion", FunctionName="checkout")["Version"]
    world.clock.advance(1)
    if state == "RollBack":
        execution = arrive(world, "Judge")
        mark(world, execution, Mark.ABORT)
        walk_to(execution, "RollBack")
    else:
        execution = arrive(world, state)
    edit_alias(world, FunctionVersion=theirs, RoutingConfig={"AdditionalVersionWeights": {}})
    resume(execution)
    assert world.alias() == f"version {theirs}"
    assert world.record(execution.name).status is Status.DRIFTED
    assert holder(world) is None
