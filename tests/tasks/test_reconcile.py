"""Reconcile: what an event that was lost has left half-way is finished, and nothing else is touched."""

from collections.abc import Callable
from typing import Any

import pytest

from controller.core.alias import Alias, Routing
from controller.core.artifact import ImageArtifact
from controller.core.deployment import Deployment, Status
from controller.core.errors import ControllerError, UnavailableError
from controller.ports import Stored
from controller.reconcile import reconcile
from controller.tasks.context import Context
from rampart.embedded.wire import ApiError
from tests.builders import an_image
from tests.engine import walker
from tests.engine.world import STAGE, World
from tests.tasks.walks import arrive, carry_out, edit_alias, holder, resume

PATIENCE = 5 * 60


@pytest.fixture
def world() -> World:
    """An account with the function checkout and its target."""
    world = World()
    world.function()
    world.target()
    return world


def reconciled(world: World, errors: list[Exception] | None = None) -> list[str]:
    """Reconcile and return what was done; an error that no test asked for is raised."""
    met: list[Exception] = [] if errors is None else errors
    done = reconcile(lambda name: Context(world.ports, name, world.now(), STAGE, 60.0), met.append)
    if errors is None and met:
        raise met[0]
    return done


def dead(world: World, state: str, visit: int = 1, **more: Any) -> walker.Execution:
    """Return an execution that died before a state, and of which no event told."""
    execution = arrive(world, state, visit, **more)
    world.ports.executions.dead.add(execution.name)
    return execution


@pytest.mark.parametrize("state", ["Publish", "Verify", "Shift", "Bake", "Judge", "Promote"])
def test_a_deployment_whose_execution_is_gone_is_rolled_back(world: World, state: str) -> None:
    execution = dead(world, state)
    world.clock.advance(PATIENCE)
    assert reconciled(world) == [f"{execution.name}: ROLLED_BACK, because its execution is gone"]
    assert world.record(execution.name).status is Status.ROLLED_BACK
    assert world.record(execution.name).reason == "the execution has ended, and nobody heard of it"
    assert (world.alias(), holder(world)) == ("version 1", None)
    assert world.told(execution.name)[-1] == "ROLLED_BACK"
    assert reconciled(world) == []


def test_those_whose_business_it_is_are_given_time(world: World) -> None:
    dead(world, "Bake")
    world.clock.advance(PATIENCE - 60)
    assert reconciled(world) == []


def test_a_deployment_whose_execution_goes_on_is_left_to_it(world: World) -> None:
    execution = arrive(world, "Bake")
    world.clock.advance(PATIENCE)
    assert reconciled(world) == []
    assert world.record(execution.name).status is Status.IN_PROGRESS


def test_a_rollback_that_failed_is_tried_again(world: World) -> None:
    execution = dead(world, "Bake")
    carry_out(world, "GiveUp", execution)
    world.fault = _throttled("UpdateAlias")
    errors: list[Exception] = []
    assert reconciled(world, errors) == []
    assert [type(error) for error in errors] == [UnavailableError]
    assert world.record(execution.name).status is Status.ROLLBACK_FAILED
    world.fault = lambda operation, moment: None
    assert reconciled(world) == [f"{execution.name}: ROLLED_BACK, after a failed rollback"]
    assert (world.alias(), holder(world)) == ("version 1", None)


def test_one_that_cannot_be_finished_does_not_keep_the_others_from_it(world: World) -> None:
    world.function("basket")
    world.target("basket")
    first, second = dead(world, "Bake"), dead(world, "Bake", artifact=world.upload(key="basket/1.zip"))
    world.clock.advance(PATIENCE)
    route = world.ports.functions.route

    def without_checkout(alias: Alias, routing: Routing) -> Alias:
        if alias.function == "checkout":
            raise UnavailableError("not now")
        return route(alias, routing)

    world.ports.functions.route = without_checkout  # type: ignore[method-assign]
    errors: list[Exception] = []
    assert reconciled(world, errors) == [f"{second.name}: ROLLED_BACK, because its execution is gone"]
    assert "not now" in str(errors[0])
    assert world.record(first.name).status is Status.IN_PROGRESS


def test_weights_that_a_late_write_left_are_taken_off(world: World) -> None:
    execution = resume(dead(world, "Bake"))
    assert execution.status == "SUCCEEDED"
    edit_alias(world, FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}})
    (line,) = reconciled(world)
    assert line.startswith(f"{execution.name}: alias checkout:live put on version 2; a late write had left it on ")
    assert world.alias() == "version 2"


def test_weights_that_a_late_write_left_after_a_rollback_are_taken_off_too(world: World) -> None:
    execution = arrive(world, "Bake")
    carry_out(world, "RollBack", execution)
    edit_alias(world, FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}})
    assert len(reconciled(world)) == 1
    assert world.alias() == "version 1"


def test_weights_are_taken_off_though_something_was_refused_since(world: World) -> None:
    carry_out(world, "RollBack", arrive(world, "Bake"))
    edit_alias(world, FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}})
    carry_out(world, "Plan", world.start("typo", {"target": "checkout"}, held=True))
    assert len(reconciled(world)) == 1


def test_of_a_long_history_a_round_reads_little(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # Of a thousand targets fifty records each would take longer than a round may.
    for number in range(12):
        world.push(world.upload(f"release = {number}"))
    read: list[str] = []
    history = world.ports.deployments.history

    def reading(target: str, limit: int) -> list[Deployment]:
        found = history(target, limit)
        read.extend(each.deployment_id for each in found)
        return found

    monkeypatch.setattr(world.ports.deployments, "history", reading)
    assert reconciled(world) == []
    assert 1 <= len(read) <= 5


def test_weights_are_taken_off_though_much_was_refused_since(world: World) -> None:
    carry_out(world, "RollBack", arrive(world, "Bake"))
    edit_alias(world, FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}})
    for number in range(12):
        carry_out(world, "Plan", world.start(f"typo-{number}", {"target": "checkout"}, held=True))
    assert len(reconciled(world)) == 1


def test_a_deployment_that_left_an_alias_to_somebody_else_does_not_mend_it(world: World) -> None:
    execution = arrive(world, "Bake")
    edit_alias(world, FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {"2": 0.3}})
    carry_out(world, "RollBack", execution)
    assert world.record(execution.name).status is Status.DRIFTED
    edit_alias(world, FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}})
    assert reconciled(world) == []


def test_weights_that_somebody_else_chose_are_left(world: World) -> None:
    carry_out(world, "RollBack", arrive(world, "Bake"))
    edit_alias(world, FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {"2": 0.3}})
    assert reconciled(world) == []
    assert world.alias() == "version 1 with 30% on version 2"


def test_an_alias_is_watched_for_an_hour_and_then_is_its_owners_alone(world: World) -> None:
    carry_out(world, "RollBack", arrive(world, "Bake"))
    edit_alias(world, FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}})
    world.clock.advance(3600)
    assert reconciled(world) == []


def test_an_alias_that_another_deployment_holds_is_left_to_it(world: World) -> None:
    carry_out(world, "RollBack", arrive(world, "Bake"))
    world.ports.deployments.give_away("checkout", "another")
    edit_alias(world, FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}})
    assert reconciled(world) == []


def test_a_transition_of_which_nobody_was_told_is_told_late(world: World) -> None:
    world.stream.is_lost = True
    execution = resume(arrive(world, "Plan"))
    assert world.told(execution.name) == []
    assert reconciled(world) == []
    world.clock.advance(PATIENCE + 1)
    assert len(reconciled(world)) == 8
    assert world.told(execution.name)[-1] == "PROMOTED"
    assert reconciled(world) == []


def test_a_waiter_that_nobody_woke_is_woken(world: World) -> None:
    world.target(when_busy="queue")
    old = arrive(world, "Bake")
    world.start("by-hand", {"target": "checkout", "version": "1"})
    world.settle(10)
    world.stream.is_lost = True
    resume(old)
    assert "by-hand: woken" in reconciled(world)


# ---- Pushes of which no event told ------------------------------------------------------------------------------


@pytest.fixture
def following() -> World:
    """A target that follows the tag prod, and has deployed an image before."""
    world = World()
    world.image_function()
    world.target(source={"repository": "team/orders", "tag": "prod"})
    _pushed(world, an_image("a1"), "prod")
    request = {"target": "checkout", "artifact": an_image("a1").model_dump()}
    carry_out(world, "Plan", world.start("first", request, held=True))
    world.clock.advance(1)
    return world


def _pushed(world: World, image: ImageArtifact, tag: str) -> None:
    world.ports.artifacts.put(image, Stored(world.now()), tag)


def test_an_image_of_which_no_event_told_is_deployed(following: World) -> None:
    _pushed(following, an_image("a2"), "prod")
    following.clock.advance(PATIENCE + 1)
    (line,) = reconciled(following)
    name = f"checkout-{an_image('a2').fingerprint}-reconciled"
    assert line == f"{name}: started, because tag prod names {an_image('a2').identity} and no event said so"
    assert an_image("a2").digest in following.ports.executions.started[name]
    following.settle(10)
    assert reconciled(following) == []


def test_an_event_is_given_time_to_come(following: World) -> None:
    _pushed(following, an_image("a2"), "prod")
    following.clock.advance(PATIENCE - 60)
    assert reconciled(following) == []


def test_an_image_that_was_tried_is_not_tried_again(following: World) -> None:
    _pushed(following, an_image("a2"), "prod")
    tried = {"target": "checkout", "artifact": an_image("a2").model_dump(), "event_id": "e"}
    following.target(source={"repository": "team/orders", "tag": "prod"}, when_busy="reject")
    carry_out(following, "Plan", following.start("tried", tried, held=True))
    following.clock.advance(PATIENCE + 1)
    assert reconciled(following) == []


def test_a_target_that_has_deployed_nothing_is_left_to_its_first_event(world: World) -> None:
    world.target(source={"repository": "team/orders", "tag": "prod"})
    _pushed(world, an_image("a1"), "prod")
    world.clock.advance(PATIENCE + 1)
    assert reconciled(world) == []


def test_a_tag_that_is_gone_asks_for_nothing(following: World) -> None:
    following.ports.artifacts.forget(an_image("a1"), "prod")
    following.clock.advance(PATIENCE + 1)
    assert reconciled(following) == []


def _throttled(operation: str) -> Callable[[str, str], None]:
    def fault(called: str, moment: str) -> None:
        if (called, moment) == (operation, "before"):
            raise ApiError("TooManyRequestsException", "Rate exceeded", 429)

    return fault


def test_errors_that_are_not_ours_are_not_passed_over(world: World) -> None:
    def broken() -> Any:
        raise TypeError("a mistake of ours")

    world.ports.deployments.unfinished = broken  # type: ignore[method-assign]
    with pytest.raises(TypeError):
        reconciled(world)
    assert issubclass(UnavailableError, ControllerError)


def test_a_tag_of_a_repository_that_the_target_does_not_follow_asks_for_nothing(following: World) -> None:
    following.target(source={"repository": "team/new-orders", "tag": "prod"})
    _pushed(following, an_image("a2"), "prod")
    following.clock.advance(PATIENCE + 1)
    assert reconciled(following) == []
