"""What prune deletes, what keeps it from deleting, and what may come in between."""

from collections.abc import Iterator
from typing import Any

import pytest

from controller.core.deployment import Mark
from controller.core.errors import ConflictError, ControllerError, InputError
from controller.core.pruning import PublishedVersion
from rampart.cli.prune import Done, carry_out, functions_of, survey
from rampart.cli.versions import Versions
from rampart.embedded.wire import ApiError
from tests.cli.pruner import Pruner, account, deploy, publish, with_a_policy
from tests.engine.world import World
from tests.tasks.walks import mark, versions


@pytest.fixture
def world() -> World:
    """Return an account with something to prune."""
    return account()


@pytest.fixture
def pruner(world: World) -> Pruner:
    """Return somebody who prunes there."""
    return Pruner(world)


def test_a_deployment_that_holds_the_function_is_waited_for(world: World, pruner: Pruner) -> None:
    publish(world, 2, 3, 4)
    execution = world.start("running", {"target": "checkout", "version": "3"})
    world.go_on(lambda: world.ports.deployments.holder("checkout") is not None)
    well, told = pruner.run(yes=True)
    assert not well
    assert told["refused"] == (
        "deployment running holds function checkout, or waits for it; prune when it has ended"
    )
    assert versions(world) == ["1", "2", "3", "4"]
    mark(world, execution, Mark.ABORT)
    world.settle()
    assert pruner.run()[0]


def test_a_deployment_that_begins_after_the_survey_loses_nothing(world: World, pruner: Pruner) -> None:
    publish(world, 2, 3, 4, 5)
    found = survey(pruner, "checkout", 1, world.now())
    assert [version.number for version in found.pruning.deleted] == [2, 3, 4]
    # It is deployed and promoted meanwhile, so that its baseline is on no alias: its record alone keeps that.
    deploy(world, 3)
    done = carry_out(pruner, found)
    assert done == Done((), ("a deployment of function checkout has begun meanwhile; nothing more is deleted",))
    assert versions(world) == ["1", "2", "3", "4", "5"]


def test_a_deployment_that_begins_between_two_deletions_ends_them(world: World, pruner: Pruner) -> None:
    publish(world, 2, 3, 4, 5)
    found = survey(pruner, "checkout", 1, world.now())
    world.meanwhile("DeleteFunction", lambda: world.ports.deployments.give_away("checkout", "new-1"), "after")
    done = carry_out(pruner, found)
    assert done.deleted == (2,)
    assert "has begun meanwhile" in done.failed[0]


def test_an_alias_that_is_moved_at_the_last_moment_is_lambdas_own_to_keep(world: World, pruner: Pruner) -> None:
    publish(world, 2, 3, 4)
    found = survey(pruner, "checkout", 1, world.now())

    def move() -> None:
        world.aws("UpdateAlias", FunctionName="checkout", Name="live", FunctionVersion="2")

    world.meanwhile("DeleteFunction", move)
    done = carry_out(pruner, found)
    assert done.deleted == (3,)
    assert done.failed[0].startswith("version 2 is kept: deleting function checkout version 2: Unable to delete")
    assert versions(world) == ["1", "2", "4"]


def test_what_begins_to_be_used_after_the_survey_is_kept(world: World, pruner: Pruner) -> None:
    publish(world, 2, 3, 4)
    found = survey(pruner, "checkout", 1, world.now())
    with_a_policy(world)
    world.aws("CreateAlias", FunctionName="checkout", Name="beta", FunctionVersion="3")
    done = carry_out(pruner, found)
    assert done.deleted == ()
    assert [failure.partition(": ")[2] for failure in done.failed] == [
        "its policy lets others invoke it (gateway)",
        "alias beta is on it",
    ]


def test_a_version_that_somebody_else_deletes_is_no_fault(world: World, pruner: Pruner) -> None:
    publish(world, 2, 3, 4)
    found = survey(pruner, "checkout", 1, world.now())
    world.meanwhile(
        "DeleteFunction", lambda: world.aws("DeleteFunction", FunctionName="checkout", Qualifier="2"), "before"
    )
    assert carry_out(pruner, found) == Done((3,), ())


@pytest.mark.parametrize("operation", ["ListAliases", "ListProvisionedConcurrencyConfigs", "GetPolicy"])
def test_what_cannot_be_read_is_not_taken_for_unused(world: World, pruner: Pruner, operation: str) -> None:
    publish(world, 2, 3, 4)

    def denied(called: str, moment: str) -> None:
        if called == operation and moment == "before":
            raise ApiError("AccessDeniedException", "not allowed", 403)

    world.fault = denied
    with pytest.raises(ControllerError, match="not allowed"):
        pruner.run(yes=True)
    assert versions(world) == ["1", "2", "3", "4"]


def test_a_target_that_cannot_be_read_may_need_anything(world: World, pruner: Pruner) -> None:
    world.ports.targets.documents["other"] = "{"
    with pytest.raises(InputError, match="until it can be read, nobody knows which versions it needs"):
        pruner.run(yes=True)


def test_the_functions_of_all_targets_are_pruned_unless_one_is_named(world: World) -> None:
    world.function("receipts")
    world.target("receipts", members=[{"function": "receipts"}, {"function": "checkout"}])
    assert functions_of(world.ports.targets, None) == ["checkout", "receipts"]
    assert functions_of(world.ports.targets, "checkout") == ["checkout"]
    for name in ("", "nothing"):  # an empty name is a variable that is not set
        with pytest.raises(InputError):
            functions_of(world.ports.targets, name)


class Calls:
    """A client that remembers what it is asked for."""

    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []

    def delete_function(self, **params: Any) -> None:
        """Delete whatever is named."""
        self.made.append(params)


def hostile() -> Iterator[tuple[Any, Any]]:
    """Yield what must never reach DeleteFunction."""
    for version in (0, -1, True, None, "", "1", "$LATEST", "live", 1.0):
        yield "checkout", version
    for function in (
        "",
        "checkout:live",
        "arn:aws:lambda:eu-west-1:123456789012:function:checkout",
        "check out",
        "a/b",
    ):
        yield function, 1


@pytest.mark.parametrize(("function", "version"), list(hostile()))
def test_nothing_but_a_numbered_version_can_be_deleted(function: Any, version: Any) -> None:
    calls = Calls()
    with pytest.raises(ControllerError):
        Versions(calls).delete(function, version)  # type: ignore[arg-type]
    assert calls.made == []


def test_a_function_without_a_qualifier_is_never_deleted(world: World, pruner: Pruner) -> None:
    calls = Calls()
    Versions(calls).delete("checkout", 7)  # type: ignore[arg-type]
    assert calls.made == [{"FunctionName": "checkout", "Qualifier": "7"}]
    world.aws("DeleteFunction", FunctionName="checkout")
    well, told = pruner.run(yes=True)
    assert not well
    assert "Function not found" in told["refused"]


def test_the_size_that_is_freed_is_that_of_zips(world: World, pruner: Pruner) -> None:
    publish(world, 2, 3)
    sizes = {version.number: version.size_bytes for version in pruner.versions.published("checkout")}
    assert pruner.run(keep=1)[1]["freed_bytes"] == sizes[2] > 0
    world.image_function("images")
    assert pruner.versions.published("images") == [PublishedVersion(1)]


def test_a_claim_that_is_waited_for_is_held(world: World, pruner: Pruner) -> None:
    deployments: Any = world.ports.deployments
    deployments.give_away("checkout", "gone-1")
    with pytest.raises(ConflictError, match="deployment gone-1 holds function checkout"):
        survey(pruner, "checkout", 1, world.now())
