"""Every way through the real state machine, walked with the real tasks: each Next, each Choice, each Catch."""

from collections.abc import Callable
from typing import Any

import pytest

from controller.core.errors import UnavailableError
from tests.engine.faults import always
from tests.engine.walker import Execution, definition
from tests.engine.world import World

STATES: dict[str, dict[str, Any]] = definition()["States"]
Way = tuple[str, str, str]
"""A state, the branch that was taken there, and the state that it leads to; "" is the end."""


def ways() -> set[Way]:
    """Return every way on from every state of the definition."""
    found: set[Way] = set()
    for name, state in STATES.items():
        match state["Type"]:
            case "Choice":
                found |= {(name, choice["StringEquals"], choice["Next"]) for choice in state["Choices"]}
                found.add((name, "default", state["Default"]))
            case "Task":
                found.add((name, "next", state["Next"]))
                found |= {(name, f"catch {index}", rule["Next"]) for index, rule in enumerate(state["Catch"])}
            case _:
                found.add((name, "end", ""))
    return found


Trouble = Callable[[World], object]


def no_trouble(world: World) -> None:
    """Leave the world as it is."""


def deny(operation: str) -> Trouble:
    """Let AWS deny an operation from now on."""
    return lambda world: setattr(world, "fault", always(operation))


def no_table(method: str) -> Trouble:
    """Let a write to the table fail from now on, in a way that nothing retries."""

    def spoil(world: World) -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise KeyError("a bug")

        setattr(world.ports.deployments, method, fail)

    return spoil


def busy_table(method: str) -> Trouble:
    """Let a write to the table be throttled from now on."""

    def spoil(world: World) -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise UnavailableError("throttled")

        setattr(world.ports.deployments, method, fail)

    return spoil


def alarm(state: str) -> Trouble:
    """Let the alarm change to a state."""
    return lambda world: world.set_alarm("errors", state)


def edit(world: World) -> None:
    """Move the alias by hand."""
    weights = {"AdditionalVersionWeights": {"2": 0.3}}
    world.aws("UpdateAlias", FunctionName="checkout", Name="live", FunctionVersion="1", RoutingConfig=weights)


STORIES: dict[str, dict[str, Trouble]] = {
    "all goes well": {},
    "Plan is denied": {"Plan": deny("GetFunction")},
    "Publish is denied": {"Publish": deny("UpdateFunctionCode")},
    "Publish cannot write": {"Publish": no_table("save")},
    "Verify is denied": {"Verify": deny("Invoke")},
    "Shift is denied": {"Shift": deny("UpdateAlias")},
    "Bake has a bug": {"Bake": no_table("register_token")},
    "Judge is denied": {"Judge": deny("DescribeAlarms")},
    "Promote cannot write": {"Promote": no_table("close")},
    "Promote is throttled": {"Promote": busy_table("close")},
    "somebody moves the alias before Promote": {"Promote": edit},
    "an alarm fires": {"Judge": alarm("ALARM")},
    "an alarm is red at the start": {"Plan": alarm("ALARM")},
    "somebody moves the alias": {"Bake": edit},
    "the rollback is denied": {"Bake": alarm("ALARM"), "RollBack": deny("UpdateAlias")},
    "nothing can be written any more": {
        "Bake": alarm("ALARM"),
        "RollBack": deny("UpdateAlias"),
        "GiveUp": no_table("save"),
    },
}


def walk(world: World, request: Any, troubles: dict[str, Trouble], name: str = "walk-1") -> set[Way]:
    """Walk an execution, with trouble before the first visit of some states, and return the ways it took."""
    execution, waiting = world.start(name, request), dict(troubles)
    while execution.status == "RUNNING":
        waiting.pop(execution.state, no_trouble)(world)
        left = len(execution.ways)
        world.go_on(lambda left=left: len(execution.ways) > left)  # type: ignore[misc]
    return set(execution.ways)


def ready() -> World:
    """Return a world with a target whose candidate is asked and whose steps are looked at."""
    world = World()
    world.function()
    world.alarm("errors")
    world.target(
        alarms=["errors"], strategy="Canary10Percent5Minutes", test_events=[{"name": "ping", "payload": {}}]
    )
    return world


def request(world: World) -> dict[str, Any]:
    """Return what intake would ask for."""
    return {"target": "checkout", "artifact": world.upload().model_dump(), "event_id": "event-1"}


def skip(world: World) -> set[Way]:
    """Walk what is live already."""
    asked = request(world)
    walk(world, asked, {})
    return walk(world, asked, {}, "walk-2")


def wake(world: World) -> set[Way]:
    """Walk a deployment whose bake is woken."""

    def soon(_: World) -> None:
        world.at(5, lambda: world.ports.executions.wake(str(world.record("walk-1").token)))

    return walk(world, request(world), {"Bake": soon})


def take_turns(world: World) -> set[Way]:
    """Walk a deployment that has to wait for its turn."""
    first = world.start("walk-1", request(world))
    world.go_on(lambda: first.state == "Bake")
    return walk(world, request(world), {}, "walk-2")


def answer_nonsense(world: World) -> set[Way]:
    """Walk on from a decision that no version of the controller knows."""
    execution = world.machine.put(Execution("walk-1", {}, "Decide", {"decision": "DANCE"}))
    world.go_on(lambda: bool(execution.ways))
    return set(execution.ways)


@pytest.mark.parametrize("story", STORIES)
def test_a_walk_takes_only_ways_that_the_definition_has_and_ends(story: str) -> None:
    world = ready()
    taken = walk(world, request(world), STORIES[story])
    assert taken <= ways()
    assert len([way for way in taken if way[1] == "end"]) == 1


def test_the_walks_together_take_every_way_that_the_definition_has() -> None:
    taken = skip(ready()) | wake(ready()) | take_turns(ready()) | answer_nonsense(ready())
    for troubles in STORIES.values():
        world = ready()
        taken |= walk(world, request(world), troubles)
    assert ways() - taken == set()


def test_every_state_can_be_reached_from_the_start() -> None:
    reached, waiting = set[str](), [definition()["StartAt"]]
    while waiting:
        name = waiting.pop()
        if name and name not in reached:
            reached.add(name)
            waiting += [to for state, _, to in ways() if state == name]
    assert reached == set(STATES)


def test_every_task_has_a_way_back_when_anything_fails() -> None:
    backward = {"RollBack": "GiveUp", "GiveUp": "RollbackFailed"}
    for name, state in STATES.items():
        if state["Type"] == "Task":
            last = state["Catch"][-1]
            assert (last["ErrorEquals"], last["Next"]) == (["States.ALL"], backward.get(name, "RollBack"))
