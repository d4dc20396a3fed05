"""Publish: waiting for Lambda, somebody else's hands on $LATEST, and versions that are there already."""

import copy
from typing import Any

import pytest

from controller.adapters.lambda_functions import LambdaFunctions
from controller.core.deployment import Status
from rampart.embedded.wire import Call, Service
from tests.engine.model_client import ModelClient
from tests.engine.walker import TaskFailedError
from tests.engine.world import World, zip_of
from tests.tasks.walks import arrive, carry_out, holder, resume, versions


def put_code(world: World, code: str) -> None:
    """Put code on $LATEST by hand."""
    world.aws("UpdateFunctionCode", FunctionName="checkout", ZipFile=zip_of(code), Architectures=["arm64"])


def refused_by(world: World, name: str) -> str | None:
    """Return who refused what a deployment brought."""
    return world.ports.deployments.tried("checkout", world.record(name).what).refused_by


def test_an_update_by_somebody_else_is_waited_for(world: World) -> None:
    execution = arrive(world, "Publish")
    put_code(world, "theirs = 1")
    with pytest.raises(TaskFailedError, match=r"NotReadyError.*is being updated by somebody else"):
        carry_out(world, "Publish", execution)
    assert resume(execution).status == "SUCCEEDED"
    assert world.alias() == "version 2"


def test_an_update_that_begins_between_the_look_and_the_write_is_waited_for(world: World) -> None:
    execution = arrive(world, "Publish")
    world.meanwhile("UpdateFunctionCode", lambda: put_code(world, "theirs = 1"))
    with pytest.raises(TaskFailedError, match="NotReadyError"):
        carry_out(world, "Publish", execution)
    assert resume(execution).status == "SUCCEEDED"


def test_an_update_that_never_ends_gives_up_without_moving_traffic(world: World) -> None:
    execution = arrive(world, "Publish")

    def still_at_it(operation: str, moment: str) -> None:
        if (operation, moment) == ("GetFunction", "before"):
            world.fault = lambda operation, moment: None
            world.clock.advance(1)
            put_code(world, f"theirs = {world.clock.now()}")
            world.fault = still_at_it

    world.fault = still_at_it
    assert resume(execution).error == "RolledBack"
    assert "is being updated by somebody else" in execution.cause
    assert (world.alias(), holder(world)) == ("version 1", None)


def test_code_that_somebody_changed_before_it_was_published_is_refused(world: World) -> None:
    execution = arrive(world, "Publish")
    with pytest.raises(TaskFailedError, match="NotReadyError"):
        carry_out(world, "Publish", execution)
    world.clock.advance(1)
    put_code(world, "theirs = 1")
    world.clock.advance(1)
    assert resume(execution).error == "Rejected"
    assert "somebody changed the code of function checkout" in execution.cause
    assert (versions(world), world.alias(), holder(world)) == (["1"], "version 1", None)


def test_an_artifact_is_not_blamed_for_what_somebody_did_to_the_function(world: World) -> None:
    execution = arrive(world, "Publish")
    with pytest.raises(TaskFailedError, match="NotReadyError"):
        carry_out(world, "Publish", execution)
    world.clock.advance(1)
    put_code(world, "theirs = 1")
    world.clock.advance(1)
    resume(execution)
    assert refused_by(world, execution.name) is None


def test_code_that_somebody_changed_in_the_moment_of_publishing_is_not_published(world: World) -> None:
    execution = arrive(world, "Publish")

    def change() -> None:
        put_code(world, "theirs = 1")
        world.clock.advance(1)

    world.meanwhile("PublishVersion", change)
    assert resume(execution).error == "Rejected"
    assert (versions(world), world.alias(), holder(world)) == (["1"], "version 1", None)


def test_the_same_code_after_a_rollback_is_the_version_that_is_there(world: World) -> None:
    world.at(30, lambda: world.set_alarm("errors", "ALARM"))
    world.push(world.upload("release = 1"))
    world.set_alarm("errors", "OK")
    again = world.push(world.upload("release = 1"))
    assert again.status == "SUCCEEDED"
    assert (versions(world), world.alias()) == (["1", "2"], "version 2")


def test_the_code_of_the_baseline_after_a_rollback_is_a_new_version_of_it(world: World) -> None:
    world.at(30, lambda: world.set_alarm("errors", "ALARM"))
    world.push(world.upload("release = 1"))
    world.set_alarm("errors", "OK")
    assert world.push(world.upload("release = 0")).status == "SUCCEEDED"
    assert (versions(world), world.alias()) == (["1", "2", "3"], "version 3")


def test_the_code_that_the_alias_runs_already_is_skipped(world: World) -> None:
    execution = world.push(world.upload("release = 0"))
    assert world.record(execution.name).status is Status.SKIPPED
    assert "is live already: checkout version 1" in world.record(execution.name).reason
    assert (versions(world), world.alias(), holder(world)) == (["1"], "version 1", None)


def test_one_member_that_has_the_code_already_moves_with_the_others(world: World) -> None:
    world.function("basket")
    world.aws("UpdateFunctionCode", FunctionName="basket", ZipFile=zip_of("release = 1"), Architectures=["arm64"])
    world.clock.advance(1)
    world.aws("PublishVersion", FunctionName="basket")
    world.aws("UpdateAlias", FunctionName="basket", Name="live", FunctionVersion="2")
    world.target(members=[{"function": "checkout"}, {"function": "basket"}])
    assert world.push(world.upload("release = 1")).status == "SUCCEEDED"
    assert (world.alias(), world.alias("basket")) == ("version 2", "version 2")


def test_an_existing_version_is_deployed_without_publishing(world: World) -> None:
    world.push(world.upload())
    execution = world.run("back-to-1", {"target": "checkout", "version": "1"})
    assert execution.status == "SUCCEEDED"
    assert (versions(world), world.alias()) == (["1", "2"], "version 1")


def test_a_version_that_does_not_exist_is_rejected(world: World) -> None:
    execution = world.run("to-7", {"target": "checkout", "version": "7"})
    assert execution.error == "Rejected"
    assert "Function not found" in execution.cause
    assert (world.alias(), holder(world)) == ("version 1", None)


class _Spoilt:
    """Lambda, where one thing turns out to have failed."""

    def __init__(self, model: Service, qualifier: str | None, code: dict[str, Any], **shown: str) -> None:
        self._model = model
        self._code = code
        self._qualifier = qualifier
        self._shown = shown

    def handle(self, call: Call) -> dict[str, Any]:
        """Carry out one call."""
        answer = copy.deepcopy(self._model.handle(call))
        if call.operation == "GetFunction" and call.params.get("Qualifier") == self._qualifier:
            answer["Configuration"] |= self._shown
            answer["Code"] |= self._code
        return answer


def spoil(world: World, qualifier: str | None, code: dict[str, Any] | None = None, /, **shown: str) -> None:
    """Let Lambda tell that a version, or $LATEST, has failed, or where its code is."""
    model = _Spoilt(world.aws_lambda, qualifier, code or {}, **shown)
    world.ports.functions = LambdaFunctions(ModelClient("lambda", model))  # type: ignore[arg-type]


def test_a_version_that_lambda_could_not_prepare_is_rejected(world: World) -> None:
    spoil(world, "2", State="Failed", StateReasonCode="InvalidImage", StateReason="the image is broken")
    execution = world.push(world.upload())
    assert execution.error == "Rejected"
    assert execution.cause.endswith("Lambda could not prepare checkout 2: InvalidImage: the image is broken")
    assert (world.alias(), holder(world)) == ("version 1", None)
    assert refused_by(world, execution.name) == execution.name


def test_an_update_that_failed_is_rejected(world: World) -> None:
    execution = arrive(world, "Publish")
    why = {"LastUpdateStatusReasonCode": "DisabledKMSKey", "LastUpdateStatusReason": "no such key"}
    spoil(world, None, LastUpdateStatus="Failed", **why)
    assert resume(execution).error == "Rejected"
    assert "Lambda could not prepare checkout $LATEST: DisabledKMSKey: no such key" in execution.cause
    assert refused_by(world, execution.name) is None  # the artifact is not to blame
    assert versions(world) == ["1"]
