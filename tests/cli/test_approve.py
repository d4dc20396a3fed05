"""A person's word for a deployment that is held for want of evidence."""

from controller.core.deployment import Status
from tests.cli.operator import Operator
from tests.engine.traffic import Traffic
from tests.engine.world import World


def held() -> World:
    """Return a world in which the traffic that was there before the deployment has stopped."""
    world = World()
    world.function()
    world.target(strategy="Canary10Percent5Minutes", comparison={}, max_hold="10m")
    Traffic(world, 60).past()
    return world


def approved(world: World, minute: int) -> tuple[Status, list[str]]:
    """Return how a deployment ends for which somebody gives his word in a minute, and the answers."""
    answers: list[str] = []
    (name,) = world.take_in(world.upload()).started
    world.at(
        minute * 60, lambda: answers.append(Operator(world).ask("approve", name, "user/kim", "it is night here"))
    )
    world.machine.finish(name)
    return world.record(name).status, answers


def test_what_waits_for_somebodys_word_goes_on_with_it_and_is_promoted() -> None:
    world = held()
    status, (answer,) = approved(world, 60)
    assert status is Status.PROMOTED
    assert answer.endswith("is approved at step 1/2 and goes on")
    reasons = [event["reason"] for event in world.ports.bus.told]
    assert any("approve by user/kim: it is night here, though checkout version 2 has served" in r for r in reasons)


def test_a_word_given_before_it_is_asked_for_ends_the_hold_at_once() -> None:
    world = held()
    status, (answer,) = approved(world, 2)
    assert status is Status.PROMOTED
    assert "has not asked yet" in answer
    assert not any("awaits approval" in event["reason"] for event in world.ports.bus.told)


def test_no_word_helps_a_candidate_that_fails() -> None:
    world = World()
    world.function()
    world.target(strategy="Canary10Percent10Minutes", comparison={})
    Traffic(world, 600, lambda version: 0.0 if version == "1" else 0.5).past().flow(30)
    status, _ = approved(world, 1)
    assert status is Status.ROLLED_BACK
