"""First deployments, and what hooks, gates, pauses and the line hold up, meet faults, alone and in pairs.

These stories have up to four hundred calls: of their pairs of faults a night tries a sample, always the same one.
"""

import json
import random
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from controller.control import asked_of, on_asked
from controller.core.deployment import Status
from controller.core.errors import InputError
from controller.hook_answers import on_said, said_of
from rampart.embedded.aws_lambda.runner import RunRequest, RunResult
from tests.conftest import Tried
from tests.engine.faults import Fault
from tests.engine.walker import Execution
from tests.engine.world import World
from tests.test_fault_pairs import KINDS, Pair
from tests.test_faults import FOR_A_MOMENT, FOR_GOOD, MOMENTS, Story, calls_of, settled, unrest, wrongs

PARTS, PAIRS_OF_A_PART = 20, 100


def first(world: World) -> Execution:
    """Push the first release, to a function that has no alias yet."""
    world.aws("DeleteAlias", FunctionName="checkout", Name="live")
    return world.push(world.upload())


def first_and_stopped(world: World) -> Execution:
    """Push the first release, whose execution is stopped while its last gate waits."""
    world.target(approval=True)
    world.at(70, lambda: world.stop(next(iter(world.ports.executions.started))))
    return first(world)


def held_up(world: World) -> Execution:
    """Push a release that is held up by hooks that answer later, by the line, a pause, and gates."""
    world.hook_function()
    world.answer = partial(answered, world)
    places = ("before_each_step", "before_promotion")
    hooks = [{"function": "acceptance", "at": place, "timeout": "2h"} for place in places]
    steps = [{"weight": "50%", "bake": "1m", "approval": True}]
    world.target(strategy={"steps": steps}, final_bake="1m", hooks=hooks, alarms=["errors"])
    world.at(5, lambda: asks(world, "stop-the-line"))
    world.at(300, lambda: asks(world, "release-the-line"))
    for minute in range(6, 90):
        world.at(60 * minute + 40, lambda: asks(world, "approve"))
    for minute in (6, 7, 8):
        world.at(60 * minute, lambda: asks(world, "pause"))
    for minute in range(6, 90):
        world.at(60 * minute + 20, lambda: asks(world, "resume"))
    return world.push(world.upload())


def held_up_and_aborted(world: World) -> Execution:
    """Push a release that is held up, and aborted while its second hook is waited for."""
    world.at(500, lambda: asks(world, "abort"))
    return held_up(world)


def held_up_and_red(world: World) -> Execution:
    """Push a release that is held up, whose alarm fires unheard while its second hook is waited for."""
    world.alarm_events = False
    world.at(500, lambda: world.set_alarm("errors", "ALARM"))
    return held_up(world)


STORIES: dict[Story, Status] = {
    first: Status.PROMOTED,
    first_and_stopped: Status.ROLLED_BACK,
    held_up: Status.PROMOTED,
    held_up_and_aborted: Status.ROLLED_BACK,
    held_up_and_red: Status.ROLLED_BACK,
}


def answered(world: World, request: RunRequest) -> RunResult:
    """Answer as the candidate, or as a hook that says later that it passed, and once more if nobody heard."""
    if request.function != "acceptance":
        return RunResult(b"{}", None, 10.0)
    asked = json.loads(request.payload)
    name = asked["deployment_id"]
    said = {"deployment_id": name, "verb": "hook", "hook_id": asked["hook_id"], "outcome": "PASS", "by": "suite"}
    for seconds in (130.0, 250.0):
        world.deliveries.send("Control", lambda: on_said(world.visit(name), said_of(said)), seconds)
    return RunResult(b'{"outcome": "WAIT"}', None, 10.0)


def asks(world: World, verb: str) -> None:
    """Let a person ask something of the line, or of whatever is under way; what is refused is refused."""
    live = [d.deployment_id for d in world.ports.deployments.records.values() if not d.status.is_over]
    for name in [None] if verb.endswith("line") else live:
        asked = {"deployment_id": name, "verb": verb, "by": "kim", "reason": "as the story goes"}
        world.deliveries.send("Control", partial(_ask, world, asked))


def _ask(world: World, asked: dict[str, Any]) -> None:
    with suppress(InputError):
        on_asked(world.visit(asked["deployment_id"] or ""), asked_of(asked))


@pytest.mark.parametrize("story", STORIES)
def test_without_a_fault_the_stories_end_as_they_are_meant_to(story: Story) -> None:
    world, execution = settled(story, Fault(0))
    assert (world.record(execution.name).status, unrest(world)) == (STORIES[story], [])


@pytest.mark.nightly
@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("kind", FOR_A_MOMENT | FOR_GOOD)
def test_any_call_of_what_is_held_may_fail(story: Story, moment: str, kind: str, tried: Tried) -> None:
    ends = {STORIES[story]}
    if kind in FOR_GOOD:
        ends |= {Status.ROLLED_BACK, Status.REJECTED}
    assert wrongs(story, moment, (FOR_A_MOMENT | FOR_GOOD)[kind], *ends) == {}
    tried("single faults", len(calls_of(story)))


@pytest.mark.nightly
@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("part", range(PARTS))
def test_of_the_pairs_of_faults_of_what_is_held_a_sample_leaves_everything_at_rest(
    story: Story, part: int, tried: Tried
) -> None:
    chance = random.Random(f"{story.__name__} {part}")  # noqa: S311 - chances that repeat
    calls, found = len(calls_of(story)), {}
    for _ in range(PAIRS_OF_A_PART):
        (one, first_fault), (other, second_fault) = chance.choices(list(KINDS.items()), k=2)
        soon = chance.choice((12, calls))
        pair = Pair(Fault(chance.randint(1, calls), *first_fault), Fault(chance.randint(1, soon), *second_fault))
        world, _ = settled(story, pair)
        if wrong := unrest(world):
            found[f"call {pair.first.nth}, {one}, then {pair.second.nth}, {other}"] = wrong
    assert found == {}
    tried("pairs of faults", PAIRS_OF_A_PART)
