"""A hook function of the world: what it is asked, and what it says, at once or later."""

import json
from collections.abc import Callable
from typing import Any

from controller.hook_answers import on_said, said_of
from rampart.embedded.aws_lambda.runner import RunRequest, RunResult
from tests.engine.walker import Execution
from tests.engine.world import World

Says = Callable[[dict[str, Any]], Any]


class Hook:
    """A hook function of the world: what it was asked, and what it says."""

    def __init__(self, world: World, says: Says) -> None:
        self.asked: list[dict[str, Any]] = []
        self.says = says
        self.seconds = 0.0
        self._world = world

    def __call__(self, request: RunRequest) -> RunResult:
        if request.function != "acceptance":
            return RunResult(b"{}", None, 10.0)
        question = json.loads(request.payload)
        self.asked.append(question)
        self._world.clock.advance(self.seconds)
        said = self.says(question)
        if isinstance(said, RunResult):
            return said
        return RunResult(said if isinstance(said, bytes) else json.dumps(said).encode(), None, 10.0)


def passes(_: dict[str, Any]) -> dict[str, str]:
    """Say PASS."""
    return {"outcome": "PASS", "reason": "12 of 12 orders"}


def waits(_: dict[str, Any]) -> dict[str, str]:
    """Say that it will say later."""
    return {"outcome": "WAIT"}


def ready(at: str | list[str], says: Says = passes, timeout: str = "5m", **fields: Any) -> tuple[World, Hook]:
    """Return a world whose target has hooks at these places, and the one function that is all of them."""
    world = World()
    world.function()
    world.hook_function()
    world.alarm("errors")
    hook = Hook(world, says)
    world.answer = hook
    places = [at] if isinstance(at, str) else at
    hooks = [{"function": "acceptance", "at": place, "timeout": timeout} for place in places]
    declared: dict[str, Any] = {"alarms": ["errors"], "hooks": hooks}
    world.target(**(declared | fields))
    return world, hook


def later(world: World, hook_id: str, outcome: str = "PASS", reason: str = "seen", by: str = "suite") -> str:
    """Let a hook say later what it found."""
    name = hook_id.rsplit(".", 2)[0]
    said = {"deployment_id": name, "verb": "hook", "hook_id": hook_id, "outcome": outcome}
    return on_said(world.visit(name), said_of(said | {"reason": reason, "by": by}))


def in_a_while(world: World, seconds: float, outcome: str = "PASS", reason: str = "seen") -> Says:
    """Say that it will say later, and do."""

    def says(asked: dict[str, Any]) -> Any:
        world.at(seconds, lambda: later(world, asked["hook_id"], outcome, reason))
        return waits(asked)

    return says


def asked_by(world: World, hook: Hook) -> Execution:
    """Push an artifact, and return its execution when a bake has asked the hook."""
    (name,) = world.take_in(world.upload()).started
    world.go_on(lambda: bool(hook.asked))
    return world.machine.execution(name)


def shifts(world: World, execution: Execution) -> list[int]:
    """Return the weights that were given, in their order."""
    return [made.weight for made in world.record(execution.name).shifts]
