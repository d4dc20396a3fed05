"""Executions go on side by side and are stopped; functions die; the world goes on as far as it is asked to."""

from typing import Any

import pytest

from controller.core.deployment import Status
from tests.engine.faults import CRASH, KILLED, Fault
from tests.engine.lambdas import Died
from tests.engine.world import World


def by_hand(world: World, target: str, **more: object) -> dict[str, object]:
    """Return a request for a release of a target."""
    return {"target": target, "artifact": world.upload(key=f"{target}/1.zip").model_dump(), **more}


def test_executions_that_were_started_go_on_side_by_side(world: World) -> None:
    both = [world.start(target, by_hand(world, target)) for target in ("checkout", "basket")]
    seen: list[tuple[str, str]] = []
    world.at(30, lambda: seen.append((world.alias("checkout"), world.alias("basket"))))
    world.settle()
    assert seen == [("version 1 with 50% on version 2",) * 2]
    assert [execution.status for execution in both] == ["SUCCEEDED", "SUCCEEDED"]


def test_a_run_ends_with_its_execution_and_the_others_have_gone_on_meanwhile(world: World) -> None:
    long = world.start("basket", by_hand(world, "basket", strategy="Canary10Percent10Minutes"))
    world.run("checkout", by_hand(world, "checkout"))
    assert (world.alias("basket"), long.status) == ("version 1 with 10% on version 2", "RUNNING")
    world.settle()
    assert (world.alias("basket"), long.status) == ("version 2", "SUCCEEDED")


def test_a_run_in_the_middle_of_another_lets_that_one_go_on(world: World) -> None:
    seen: list[str] = []

    def second() -> None:
        world.run("basket", by_hand(world, "basket", strategy="Canary10Percent10Minutes"))
        seen.append(first.status)

    world.at(30, second)
    first = world.start("checkout", by_hand(world, "checkout"))
    world.settle()
    assert seen == ["SUCCEEDED"]


def test_a_deployment_that_waits_for_another_goes_on_when_that_has_ended(world: World) -> None:
    world.target(when_busy="queue")
    first = world.start("first", by_hand(world, "checkout"))
    world.wait(30)
    second = world.start("second", {"target": "checkout", "artifact": world.upload("release = 2").model_dump()})
    world.settle()
    assert (first.status, second.status, world.alias()) == ("SUCCEEDED", "SUCCEEDED", "version 3")
    assert second.path[:5] == ["Plan", "Decide", "Bake", "Judge", "Decide"]
    assert world.told("second")[:2] == ["WAITING", "PLANNED"]


def test_what_is_due_beyond_the_horizon_waits(world: World) -> None:
    world.start("checkout", by_hand(world, "checkout", strategy="Canary10Percent10Minutes"))
    began = world.clock.now()
    world.settle(90)
    assert world.clock.now() - began < 90
    assert world.alias() == "version 1 with 10% on version 2"
    world.wait(90)
    assert world.clock.now() - began >= 90


def test_waiting_for_what_never_comes_says_where_everything_stands(world: World) -> None:
    world.push(world.upload())
    with pytest.raises(AssertionError, match=r"nothing happens any more.*is SUCCEEDED in Promoted"):
        world.go_on(lambda: False)


def test_an_execution_that_is_held_stands_still_while_others_go_on(world: World) -> None:
    held = world.start("checkout", by_hand(world, "checkout"))
    world.machine.walk_to("checkout", "Shift")
    other = world.start("basket", by_hand(world, "basket"))
    world.settle()
    assert (held.state, held.status, other.status) == ("Shift", "RUNNING", "SUCCEEDED")
    assert world.machine.finish("checkout").status == "SUCCEEDED"


def test_an_execution_that_is_stopped_runs_no_catch_and_restore_hears_of_it(world: World) -> None:
    execution = world.start("checkout", by_hand(world, "checkout"))
    world.at(30, lambda: world.stop("checkout", "OperatorStop", "wrong build"))
    world.settle()
    assert (execution.status, execution.path[-1]) == ("ABORTED", "Bake")
    assert (world.alias(), world.record("checkout").status) == ("version 1", Status.ROLLED_BACK)
    assert world.record("checkout").reason == "the execution ended ABORTED: OperatorStop: wrong build"


def test_an_end_of_which_nobody_hears_leaves_everything_as_it_was(world: World) -> None:
    world.lose_status_events = True
    world.start("checkout", by_hand(world, "checkout"))
    world.at(30, lambda: world.stop("checkout"))
    world.settle()
    assert world.alias() == "version 1 with 50% on version 2"
    assert world.record("checkout").status is Status.IN_PROGRESS


def test_the_function_of_a_stopped_execution_goes_on_to_its_end(world: World) -> None:
    world.lose_status_events = True
    execution = world.start("checkout", by_hand(world, "checkout"))
    world.meanwhile("UpdateAlias", lambda: world.stop("checkout"))
    world.settle()
    assert (execution.status, execution.state) == ("ABORTED", "Shift")
    assert world.record("checkout").step_index == 0
    assert world.alias() == "version 1 with 50% on version 2"


def test_a_function_that_crashed_makes_no_call_any_more(world: World) -> None:
    def stubborn(state: str, payload: dict[str, Any]) -> dict[str, Any]:
        try:
            world.ports.deployments.find("checkout")
        finally:
            world.ports.deployments.claim("checkout")
        return {}

    world.tasks = stubborn
    world.fault = fault = Fault(1, "after", CRASH)
    with pytest.raises(Died):
        world.lambdas.run("Shift", lambda: world.invoke("Shift", {}))
    assert fault.calls == ["GetItem"]


@pytest.mark.parametrize("death", [CRASH, KILLED], ids=str)
def test_a_function_that_died_is_run_again_where_the_definition_says_so(world: World, death: Died) -> None:
    world.fault = fault = Fault(1, "after", death, "UpdateAlias")
    execution = world.push(world.upload())
    assert (fault.fired, execution.status) == (["UpdateAlias"], "SUCCEEDED")
    assert world.told(execution.name).count("SHIFTED") == 2


def test_a_function_that_died_is_not_run_again_where_the_definition_does_not_say_so(world: World) -> None:
    world.target(test_events=[{"name": "ping", "payload": {}}])
    world.fault = Fault(1, "after", CRASH, "Invoke")
    execution = world.push(world.upload())
    assert ("Verify", "catch 0", "RollBack") in execution.ways
    assert "Runtime.ExitError" in execution.cause


def test_a_function_that_hangs_is_killed_and_run_again_while_it_hangs(world: World) -> None:
    began, seen = world.clock.now(), list[str]()

    def hang() -> None:
        world.wait(55)
        seen.append(world.alias())

    execution = world.start("checkout", by_hand(world, "checkout"))
    world.meanwhile("UpdateAlias", hang)
    world.settle(60)
    assert seen == ["version 1 with 50% on version 2"]  # by the second try
    assert world.clock.now() - began >= 55
    world.settle()
    assert execution.status == "SUCCEEDED"
    assert world.told("checkout").count("SHIFTED") == 2
