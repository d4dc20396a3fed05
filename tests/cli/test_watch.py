"""How deployments are watched: as a picture on a terminal, as one line per transition elsewhere."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from rich.console import Console

from controller.core.deployment import Event, Status
from controller.core.errors import ControllerError, InputError, UnavailableError
from controller.ports import Functions
from rampart.cli.watch import LOOK_SECONDS, Everything, One, Scene, Watcher
from tests.builders import after
from tests.cli.paper import NARROW, WIDE
from tests.cli.records import RUNNING, ended, running, store
from tests.engine.world import World


class EnoughError(Exception):
    """Somebody who watches has seen enough, as Ctrl-C says it."""


@dataclass
class Onlooker:
    """Somebody who watches a world for a while; what they see is on paper."""

    world: World
    seconds: float = 3600.0
    is_terminal: bool = False
    paper: io.StringIO = field(default_factory=io.StringIO)
    looks: list[float] = field(default_factory=list)

    def watch(self, scene: Scene, functions: Functions | None = None, **options: object) -> bool:
        """Watch a scene until it is over, or until the time is up."""
        console = Console(
            file=self.paper,
            width=NARROW if self.is_terminal else WIDE * 2,
            height=200,
            highlight=False,
            force_terminal=self.is_terminal,
            color_system=None,
            _environ={},
        )
        watcher = Watcher(console, self.world.ports.deployments, self.world.now, self._pause, functions, **options)  # type: ignore[arg-type]
        return watcher.watch(scene)

    def lines(self) -> list[str]:
        """Return what is on the paper, without what moves the cursor."""
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.paper.getvalue())
        return [line.rstrip() for line in text.replace("\r", "").splitlines()]

    def _pause(self, seconds: float) -> None:
        self.looks.append(seconds)
        if sum(self.looks) > self.seconds:
            raise EnoughError
        self.world.wait(seconds)


@pytest.fixture
def world() -> World:
    """Return a world in which checkout is a function and a target."""
    found = World()
    found.function()
    found.target(final_bake="1m")
    return found


def start(world: World, name: str = "checkout-1", code: str = "release = 2") -> str:
    """Start a deployment and return its id."""
    world.start(name, {"target": "checkout", "artifact": world.upload(code).model_dump()})
    return name


def _words(lines: list[str]) -> list[str]:
    """Return the transitions of lines such as "2026-03-02 09:00:00Z  checkout  PLANNED  planned …"."""
    return [line.split()[3] for line in lines]


def test_one_deployment_is_told_from_its_first_transition_to_its_end_where_there_is_no_terminal(
    world: World,
) -> None:
    onlooker = Onlooker(world)
    name = start(world)
    assert onlooker.watch(One(world.ports.deployments, name))
    nothing, *lines = onlooker.lines()
    assert nothing == f"{name} has been started, and is not planned yet."
    assert _words(lines) == world.told(name)
    assert _words(lines)[-1] == "PROMOTED"
    assert lines[0].endswith(world.ports.deployments.events(name)[0].reason)
    assert set(onlooker.looks) == {LOOK_SECONDS}


def test_a_failed_rollback_is_the_end_for_who_waits() -> None:
    memory = store(running().model_copy(update={"status": Status.ROLLBACK_FAILED}))
    scene = One(memory, RUNNING)
    scene.look()
    assert scene.is_over


def test_who_watches_everything_hears_where_things_are_and_then_all_that_happens(world: World) -> None:
    first, onlooker = start(world), Onlooker(world, seconds=150)
    world.wait(70)
    before = len(world.told(first))
    world.at(100, lambda: start(world, "checkout-2", "release = 3"))
    with pytest.raises(EnoughError):
        onlooker.watch(Everything(world.ports.deployments))
    words = _words(onlooker.lines())
    assert before > 1
    assert words[: len(world.told(first)) - before + 1] == world.told(first)[before - 1 :]
    assert sorted(words) == sorted(world.told(first)[before - 1 :] + world.told("checkout-2"))


def test_only_the_targets_that_are_named_are_watched(world: World) -> None:
    start(world)
    world.wait(10)
    onlooker = Onlooker(world, seconds=10)
    with pytest.raises(EnoughError):
        onlooker.watch(Everything(world.ports.deployments, ["basket"]))
    assert onlooker.lines() == ["No deployment of basket is running or waiting."]
    with pytest.raises(InputError, match="write a name of 1 to 80 characters"):
        onlooker.watch(Everything(world.ports.deployments, [""]))


def test_the_last_deployment_of_a_target_is_seen_when_nothing_runs() -> None:
    found = Everything(store(ended("old-1"), ended("orders-2", started_at=after(10))), ["orders"]).look()
    assert [d.deployment_id for d in found] == ["orders-2"]
    assert Everything(store(ended())).look() == []


def test_those_that_end_while_they_are_watched_stay_to_be_seen_but_not_for_ever() -> None:
    memory = store(*(running().model_copy(update={"deployment_id": f"n-{n}", "target": f"t{n}"}) for n in range(5)))
    scene = Everything(memory)
    assert len(scene.look()) == 5
    for name, record in memory.records.items():
        memory.records[name] = record.model_copy(update={"status": Status.PROMOTED})
    assert [d.deployment_id for d in scene.look()] == ["n-2", "n-3", "n-4"]


def test_programs_are_told_each_transition_and_nothing_is_printed(world: World) -> None:
    told: list[Event] = []
    onlooker = Onlooker(world)
    name = start(world)
    assert onlooker.watch(One(world.ports.deployments, name), tell=told.append)
    assert told == world.ports.deployments.events(name)
    assert onlooker.lines() == []


def test_a_terminal_has_a_picture_that_is_renewed_and_ends_with_the_end(world: World) -> None:
    onlooker = Onlooker(world, is_terminal=True)
    name = start(world)
    assert onlooker.watch(One(world.ports.deployments, name), world.ports.functions)
    lines = onlooker.lines()
    assert "checkout  ● IN_PROGRESS  bakes" in lines
    assert "  Weight      set 50%  observed 50%" in lines
    seconds = [int(found[1]) for line in lines if (found := re.search(r"●  1  50%.*ends in (\d+)s$", line))]
    assert seconds == sorted(seconds, reverse=True)
    assert len(set(seconds)) > 20, "it is renewed every second"
    last = max(index for index, line in enumerate(lines) if line.startswith("checkout  "))
    assert lines[last] == "checkout  ✔ PROMOTED"
    assert not any("observed" in line for line in lines[last:])


def test_aliases_are_asked_for_one_at_a_look(world: World) -> None:
    for name in ("one", "two", "three"):
        world.function(name)
    members = [{"function": name} for name in ("one", "two", "three")]
    world.target("all", members=members, source={"bucket": "releases", "key": "all/*.zip"})
    asked: list[str] = []

    class Counted:
        """Aliases, and which were asked for."""

        def alias(self, function: str, name: str) -> object:
            asked.append(function)
            return world.ports.functions.alias(function, name)

    world.start("all-1", {"target": "all", "artifact": world.upload(key="all/1.zip").model_dump()})
    onlooker = Onlooker(world, seconds=40, is_terminal=True)
    with pytest.raises(EnoughError):
        onlooker.watch(One(world.ports.deployments, "all-1"), Counted())  # type: ignore[arg-type]
    assert 0 < len(asked) <= len(onlooker.looks) // 2 + 1
    assert asked[:3] == ["one", "three", "two"]
    assert asked[3:6] == asked[:3]


def failing_twice(look: Callable[[], list[object]], error: Exception) -> Callable[[], list[object]]:
    """Return a look that fails the second time and the third."""
    times = iter(range(1_000_000))

    def tried() -> list[object]:
        if next(times) in (1, 2):
            raise error
        return look()

    return tried


def test_where_all_has_ended_no_look_is_tried_again(world: World) -> None:
    name, onlooker = start(world), Onlooker(world)
    scene = One(world.ports.deployments, name)
    scene.look = failing_twice(scene.look, UnavailableError("cannot connect"))  # type: ignore[assignment,arg-type]
    with pytest.raises(ControllerError, match=r"^the AWS of this machine has ended$"):
        onlooker.watch(scene, ended=lambda: "the AWS of this machine has ended")


def test_a_look_that_fails_is_said_once_and_tried_again(world: World) -> None:
    name, onlooker = start(world), Onlooker(world)
    scene = One(world.ports.deployments, name)
    scene.look = failing_twice(scene.look, UnavailableError("the table is slow"))  # type: ignore[assignment,arg-type]
    assert onlooker.watch(scene)
    assert onlooker.lines().count("the table is slow; trying again") == 1
    assert _words(onlooker.lines()[-1:]) == ["PROMOTED"]


def test_a_record_that_never_comes_is_an_error_and_not_a_wait_for_ever(world: World) -> None:
    began = world.now()
    scene = One(world.ports.deployments, "lost-1", lambda: (world.now() - began).total_seconds() < 60)
    with pytest.raises(ControllerError, match=r"^lost-1 has no record; its execution in Step Functions tells why$"):
        Onlooker(world).watch(scene)


def test_who_has_a_deadline_waits_no_longer(world: World) -> None:
    name, onlooker = start(world), Onlooker(world)
    deadline = world.now()
    watcher = Watcher(Console(file=io.StringIO()), world.ports.deployments, world.now, onlooker._pause)
    scene = One(world.ports.deployments, name)
    assert not watcher.watch(scene, deadline)
    assert onlooker.looks == []
