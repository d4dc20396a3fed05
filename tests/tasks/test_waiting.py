"""Waiting: deployments that find a function held supersede, wait for their turn, or are refused."""

from typing import Any

import pytest

from controller.core.artifact import ZipArtifact
from controller.core.deployment import Deployment, Mark, Status, Transition, event_of
from controller.tasks.waiting import wake_others
from tests.engine import walker
from tests.engine.world import World
from tests.tasks.walks import arrive, carry_out, holder, mark, resume

HOTFIX = {"reason": "payments fail", "by": "ada"}


@pytest.fixture
def world() -> World:
    """An account with the function checkout and its target."""
    world = World()
    world.function()
    world.target()
    return world


def upload(world: World) -> ZipArtifact:
    """Return a zip of its own."""
    world.clock.advance(1)
    return world.upload(f"release = {world.clock.now()}", f"checkout/{world.clock.now()}.zip")


def baking(world: World) -> walker.Execution:
    """Return a deployment that bakes its first step."""
    return arrive(world, "Bake", artifact=upload(world))


def asking(world: World, **request: Any) -> walker.Execution:
    """Return an execution that has been planned once, by hand, with its own zip."""
    document = {"target": "checkout", "artifact": upload(world).model_dump(), **request}
    execution = world.start(f"by-hand-{len(world.ports.deployments.records)}", document, held=True)
    execution.document = carry_out(world, "Plan", execution)
    return execution


def again(world: World, execution: walker.Execution) -> str:
    """Plan once more and return the decision."""
    decision: str = carry_out(world, "Plan", execution)["decision"]
    return decision


def record(world: World, execution: walker.Execution) -> Deployment:
    """Return the record of an execution's deployment."""
    return world.record(execution.name)


def test_a_newer_deployment_supersedes_the_running_one_which_is_rolled_back_first(world: World) -> None:
    old = baking(world)
    new = asking(world)
    assert new.document["decision"] == "HOLD"
    waiting = record(world, new)
    assert (waiting.status, waiting.waits_for, waiting.supersedes) == (Status.PENDING, "checkout", 1)
    assert waiting.reason == f"waits until {old.name}, which it supersedes, is rolled back"
    assert holder(world) == old.name
    assert resume(old).error == "RolledBack"
    assert old.cause == f"step 1/2: superseded by {new.name}, which deploys {waiting.what}"
    assert world.alias() == "version 1"
    assert again(world, new) == "PUBLISH"
    assert (record(world, new).members[0].baseline, holder(world)) == ("1", new.name)
    assert world.ports.deployments.claim("checkout").waiters == ()


def test_what_was_superseded_is_not_held_against_its_artifact(world: World) -> None:
    old = baking(world)
    asking(world)
    resume(old)
    tried = world.ports.deployments.tried("checkout", record(world, old).what)
    assert tried.refused_by is None


def test_after_two_in_a_row_the_running_one_is_let_finish(world: World) -> None:
    running = baking(world)
    for supersedes in (1, 2):
        new = asking(world)
        resume(running)
        assert again(world, new) == "PUBLISH"
        assert record(world, new).supersedes == supersedes
        running = new
        running.state = "Publish"
        running.document = {"deployment_id": new.name}
    third = asking(world)
    assert record(world, third).reason == f"waits until {running.name} has ended, which is deploying checkout"
    assert Mark.SUPERSEDED not in record(world, running).marks
    assert resume(running).status == "SUCCEEDED"
    assert again(world, third) == "PUBLISH"
    assert record(world, third).supersedes == 0


def test_a_target_may_ask_to_queue(world: World) -> None:
    world.target(when_busy="queue")
    old = baking(world)
    new = asking(world)
    assert record(world, new).status is Status.PENDING
    assert record(world, old).marks == {}
    assert resume(old).status == "SUCCEEDED"
    assert again(world, new) == "PUBLISH"
    assert record(world, new).members[0].baseline == "2"


def test_a_target_may_ask_to_be_left_alone_while_it_is_busy(world: World) -> None:
    world.target(when_busy="reject")
    old = baking(world)
    new = asking(world)
    assert new.document["decision"] == "REJECTED"
    assert (
        record(world, new).reason
        == f"function checkout is being deployed by {old.name}; start again when that has ended"
    )


@pytest.mark.parametrize("when_busy", ["supersede", "queue", "reject"])
def test_a_hotfix_goes_before_what_runs(world: World, when_busy: str) -> None:
    world.target(when_busy=when_busy)
    old = baking(world)
    fix = asking(world, hotfix=HOTFIX, strategy="AllAtOnce")
    assert record(world, fix).status is Status.PENDING
    resume(old)
    assert record(world, old).status is Status.ROLLED_BACK
    assert again(world, fix) == "PUBLISH"


def test_a_target_that_shares_a_function_waits_and_stops_nobody(world: World) -> None:
    world.function("basket")
    old = baking(world)
    world.target("both", members=[{"function": "basket"}, {"function": "checkout"}])
    new = asking(world, target="both")
    assert record(world, new).reason == f"waits until {old.name} has ended, which is deploying checkout"
    assert record(world, old).marks == {}
    assert holder(world, "basket") is None
    assert resume(old).status == "SUCCEEDED"
    assert again(world, new) == "PUBLISH"


def test_of_those_that_wait_only_the_newest_goes_on(world: World) -> None:
    old = baking(world)
    first, second = asking(world), asking(world)
    assert again(world, first) == "SKIPPED"
    assert record(world, first).reason == f"{second.name}, which waits for checkout too, goes before it"
    assert again(world, second) == "HOLD"
    resume(old)
    assert again(world, second) == "PUBLISH"


def test_a_hotfix_that_waits_is_not_displaced_by_a_push(world: World) -> None:
    old = baking(world)
    fix, push = asking(world, hotfix=HOTFIX), asking(world)
    resume(old)
    assert again(world, push) == "SKIPPED"
    assert record(world, push).reason == f"{fix.name}, which waits for checkout too, goes before it"
    assert again(world, fix) == "PUBLISH"


def test_a_waiter_that_is_told_again_that_it_must_wait_says_so_once(world: World) -> None:
    baking(world)
    new = asking(world)
    assert [again(world, new) for _ in range(3)] == ["HOLD"] * 3
    assert world.told(new.name) == ["WAITING"]


def test_a_waiter_that_is_aborted_ends_without_having_touched_anything(world: World) -> None:
    world.target(when_busy="queue")
    old = baking(world)
    new = asking(world)
    mark(world, new, Mark.ABORT)
    assert carry_out(world, "Judge", new)["decision"] == "PLAN"
    new.document = carry_out(world, "Plan", new)
    assert carry_out(world, "RollBack", new)["decision"] == "ROLLED_BACK"
    assert record(world, new).reason == "abort by kim: wrong build"
    assert world.ports.deployments.claim("checkout").waiters == ()
    assert holder(world) == old.name


def test_nobody_waits_for_more_than_a_day(world: World) -> None:
    world.target(when_busy="queue")
    old = baking(world)
    new = asking(world)
    world.clock.advance(24 * 3600)
    assert again(world, new) == "REJECTED"
    assert record(world, new).reason == (
        f"function checkout is being deployed by {old.name}, and has been for as long as a deployment may wait; "
        "start again"
    )


def test_a_failed_rollback_is_waited_for_and_named(world: World) -> None:
    old = baking(world)
    carry_out(world, "GiveUp", old)
    new = asking(world)
    assert (
        record(world, new).reason
        == f"waits until the failed rollback of {old.name} is mended, which holds checkout"
    )
    assert Mark.SUPERSEDED not in record(world, old).marks


def test_an_alarm_that_went_red_meanwhile_is_seen_when_the_turn_comes(world: World) -> None:
    world.alarm("errors")
    old = baking(world)
    world.target(alarms=["errors"])
    new = asking(world)
    resume(old)
    world.set_alarm("errors", "ALARM")
    assert again(world, new) == "REJECTED"
    assert "alarm errors is in ALARM before the start" in record(world, new).reason


def test_the_end_of_the_holder_wakes_its_waiters(world: World) -> None:
    old = baking(world)
    new = asking(world)
    carry_out(world, "Bake", new)  # registers the token
    token = record(world, new).token
    assert token not in world.ports.executions.woken
    resume(old)
    wake_others(world.ports, event_of(record(world, old), Transition.ENDED, world.now()))
    assert token in world.ports.executions.woken


def test_a_holder_that_is_superseded_is_woken(world: World) -> None:
    old = baking(world)
    carry_out(world, "Bake", old)
    new = asking(world)
    wake_others(world.ports, event_of(record(world, new), Transition.WAITING, world.now()))
    assert record(world, old).token in world.ports.executions.woken


def test_a_holder_that_nobody_stops_is_let_sleep(world: World) -> None:
    world.target(when_busy="queue")
    old = baking(world)
    carry_out(world, "Bake", old)
    new = asking(world)
    wake_others(world.ports, event_of(record(world, new), Transition.WAITING, world.now()))
    assert world.ports.executions.woken == set()


def test_a_waiter_whose_turn_came_before_it_slept_does_not_sleep(world: World) -> None:
    old = baking(world)
    new = asking(world)
    resume(old)
    carry_out(world, "Bake", new)
    assert record(world, new).token in world.ports.executions.woken


def test_a_request_that_cannot_work_supersedes_nobody(world: World) -> None:
    old = baking(world)
    new = asking(world, strategy={"steps": [{"weight": "1%", "bake": "8d"}]})
    assert new.document["decision"] == "REJECTED"
    assert record(world, old).marks == {}


def test_an_artifact_that_is_being_rolled_back_may_be_asked_for_again(world: World) -> None:
    old = baking(world)
    mark(world, old, Mark.ABORT)
    artifact = record(world, old).artifact
    assert artifact
    again_ = walker.Execution("again", {"target": "checkout", "artifact": artifact.model_dump()})
    assert carry_out(world, "Plan", again_)["decision"] == "HOLD"
    assert record(world, again_).status is Status.PENDING
