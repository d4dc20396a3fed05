"""Every task may be carried out twice, because Step Functions asks again when it did not hear the answer."""

import pytest

from controller.core.deployment import Status
from tests.engine.faults import always
from tests.engine.world import World
from tests.tasks.walks import TASKS, arrive, carry_out, finish, holder, resume, versions, visit, walk_to

UNDISTURBED = ["PLANNED", "PUBLISHED", "VERIFIED", "SHIFTED", "JUDGED", "SHIFTED", "JUDGED", "PROMOTED"]
VISITS = [(state, nth) for state in TASKS for nth in ((1, 2) if state in ("Shift", "Judge") else (1,))]


@pytest.mark.parametrize(("state", "nth"), VISITS, ids=lambda value: str(value))
def test_a_task_whose_answer_was_lost_leads_to_the_same_end(world: World, state: str, nth: int) -> None:
    execution = arrive(world, state, nth)
    finish(world, state, execution)
    resume(execution)
    assert execution.status == "SUCCEEDED"
    assert world.record(execution.name).status is Status.PROMOTED
    assert (world.alias(), versions(world), holder(world)) == ("version 2", ["1", "2"], None)
    assert world.told(execution.name).count("PROMOTED") == 1
    assert world.told(execution.name).count("SHIFTED") == 2


@pytest.mark.parametrize("state", ["Plan", "Verify", "Shift", "Judge"])
def test_a_task_that_is_repeated_gives_the_same_answer(world: World, state: str) -> None:
    execution = arrive(world, state)
    first = carry_out(world, state, execution)
    assert carry_out(world, state, execution) == first


@pytest.mark.parametrize(
    "state",
    [
        "Plan",
        "Publish",
        "Verify",
        "Shift",
        "Judge",
        "Promote",
    ],
)
def test_a_task_that_is_repeated_tells_of_its_transition_once(world: World, state: str) -> None:
    execution = arrive(world, state, 2 if state == "Judge" else 1)
    finish(world, state, execution)
    resume(execution)
    assert world.told(execution.name) == UNDISTURBED


def test_a_shift_that_is_repeated_does_not_skip_a_step(world: World) -> None:
    execution = arrive(world, "Shift")
    for _ in range(3):
        carry_out(world, "Shift", execution)
    assert world.alias() == "version 1 with 50% on version 2"
    assert world.record(execution.name).step_index == 0


def test_a_shift_that_is_repeated_late_says_what_is_left_of_the_bake(world: World) -> None:
    execution = arrive(world, "Shift")
    first = carry_out(world, "Shift", execution)["look_seconds"]
    world.wait(7)
    assert carry_out(world, "Shift", execution)["look_seconds"] == first - 7


def test_a_judge_that_is_repeated_does_not_intend_a_step_twice(world: World) -> None:
    execution = arrive(world, "Judge")
    carry_out(world, "Judge", execution)
    assert carry_out(world, "Judge", execution)["decision"] == "SHIFT"
    assert world.record(execution.name).intended_index == 1


def test_publishing_again_when_it_is_done_publishes_nothing(world: World) -> None:
    execution = walk_to(arrive(world, "Publish"), "Verify")
    before = world.ports.functions.latest("checkout")
    assert carry_out(world, "Publish", execution)["decision"] == "VERIFY"
    assert world.ports.functions.latest("checkout") == before
    assert versions(world) == ["1", "2"]


def test_planning_again_claims_nothing_again(world: World) -> None:
    execution = arrive(world, "Publish")
    before = world.ports.deployments.claim("checkout")
    assert carry_out(world, "Plan", execution)["decision"] == "PUBLISH"
    assert world.ports.deployments.claim("checkout") == before


def test_a_rollback_that_is_repeated_ends_once(world: World) -> None:
    world.at(30, lambda: world.set_alarm("errors", "ALARM"))
    execution = arrive(world, "RollBack")
    first = carry_out(world, "RollBack", execution)
    assert carry_out(world, "RollBack", execution) == first
    assert resume(execution).error == "RolledBack"
    assert world.told(execution.name).count("ROLLED_BACK") == 1
    assert world.ports.deployments.tried("checkout", world.record(execution.name).what).ended == 1


def test_a_rollback_before_anything_moved_touches_no_alias(world: World) -> None:
    execution = arrive(world, "Publish")
    before = world.ports.functions.alias("checkout", "live")
    assert carry_out(world, "RollBack", execution)["decision"] == "ROLLED_BACK"
    assert world.ports.functions.alias("checkout", "live") == before


def test_giving_up_that_is_repeated_tells_of_it_once(world: World) -> None:
    execution = arrive(world, "Judge")
    world.fault = always("UpdateAlias")
    first = carry_out(world, "GiveUp", execution)
    assert carry_out(world, "GiveUp", execution) == first
    assert world.told(execution.name).count("ROLLBACK_FAILED") == 1


def test_a_bake_that_is_repeated_waits_on_its_last_token(world: World) -> None:
    execution = arrive(world, "Bake")
    for token in ("first", "second"):
        world.invoke("Bake", {"deployment_id": execution.name, "token": token})
    assert world.record(execution.name).token == "second"
    assert world.ports.executions.woken == set()


def test_a_record_that_does_not_exist_stops_every_task(world: World) -> None:
    execution = arrive(world, "Plan")
    for state in ("Publish", "Verify", "Shift", "Judge", "Promote", "GiveUp"):
        with pytest.raises(Exception, match="has no record"):
            carry_out(world, state, execution)
    assert visit(world, execution).ports.deployments.find(execution.name) is None
