"""Functions that take turns, call by call, in whatever order somebody chooses."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.core.deployment import Status
from tests.engine.faults import CRASH, Fault
from tests.engine.test_world import by_hand
from tests.engine.world import World


def last(labels: Sequence[str]) -> int:
    """Choose what came last."""
    return len(labels) - 1


def start_both(world: World) -> list[str]:
    """Start a deployment of each target, and return the list to which every call's function is added."""
    callers: list[str] = []

    def note(operation: str, moment: str) -> None:
        if moment == "before":
            callers.append(world.lambdas.caller)

    for target in ("checkout", "basket"):
        world.start(target, by_hand(world, target))
    world.fault = note
    return callers


def plans(callers: list[str]) -> list[str]:
    """Return the calls of Plan."""
    return [caller for caller in callers if caller.startswith("Plan of")]


def changes(callers: list[str]) -> int:
    """Return how often a function called after another one."""
    return sum(one != other for one, other in itertools.pairwise(callers))


def test_without_a_choice_a_function_makes_all_of_its_calls_before_another_begins(world: World) -> None:
    callers = start_both(world)
    world.settle(0)
    assert changes(plans(callers)) == 1


def test_with_a_choice_functions_take_turns_at_every_call(world: World) -> None:
    world.timeline.choose = lambda labels: 0  # whoever has waited longest
    callers = start_both(world)
    world.settle(0)
    assert changes(plans(callers)) == len(plans(callers)) - 1


def test_a_choice_of_the_last_lets_one_go_first_all_the_way(world: World) -> None:
    world.timeline.choose = last
    callers = start_both(world)
    world.settle(0)
    assert changes(plans(callers)) == 1


def test_turns_lead_to_the_same_ends(world: World) -> None:
    world.timeline.choose = last
    start_both(world)
    world.settle()
    assert {world.record(target).status for target in ("checkout", "basket")} == {Status.PROMOTED}


def test_the_choice_is_told_in_words_what_may_go_next(world: World) -> None:
    told: list[list[str]] = []

    def choose(labels: Sequence[str]) -> int:
        told.append(list(labels))
        return 0

    world.timeline.choose = choose
    start_both(world)
    world.settle(0)
    assert told[0] == ["checkout goes on to Plan", "basket goes on to Plan"]
    assert ["Plan of checkout calls GetItem", "Plan of basket calls GetItem"] in told


def test_what_is_due_a_little_later_may_go_first_when_calls_are_slow(world: World) -> None:
    world.timeline.slack_seconds = 5.0
    world.timeline.choose = last
    acted: list[float] = []
    began = world.clock.now()
    world.at(3, lambda: acted.append(len(world.ports.deployments.records)))
    world.start("checkout", by_hand(world, "checkout"))
    world.settle(5)
    assert acted == [0]
    assert world.clock.now() >= began + 3


def test_a_function_that_crashes_in_its_turn_takes_no_other_with_it(world: World) -> None:
    for name in ("checkout", "basket"):
        world.target(name, test_events=[{"name": "ping", "payload": {}}])
    world.timeline.choose = lambda labels: 0
    start_both(world)
    world.fault = Fault(1, "before", CRASH, "Invoke")
    world.settle()
    assert sorted(world.record(target).status for target in ("checkout", "basket")) == ["PROMOTED", "ROLLED_BACK"]


def test_a_test_that_finds_something_wrong_in_a_turn_is_heard(world: World) -> None:
    def fail() -> None:
        raise AssertionError("found out")

    world.timeline.choose = last
    world.start("checkout", by_hand(world, "checkout"))
    world.meanwhile("UpdateAlias", fail)
    with pytest.raises(AssertionError, match="found out"):
        world.settle()


@given(st.data())
@settings(max_examples=25)
def test_two_deployments_of_two_functions_never_get_in_each_others_way(data: Any) -> None:
    world = World(choose=lambda labels: data.draw(st.integers(0, len(labels) - 1)))
    for name in ("checkout", "basket"):
        world.function(name)
        world.target(name, strategy="AllAtOnce", final_bake="0s")
    start_both(world)
    world.settle()
    for name in ("checkout", "basket"):
        assert (world.record(name).status, world.alias(name)) == (Status.PROMOTED, "version 2")
        assert world.told(name)[-1] == "PROMOTED"
