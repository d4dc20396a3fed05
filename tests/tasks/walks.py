"""Deployments that stop before a state, so that a test can do something there, and then go on."""

import json
from typing import Any

from controller.core.artifact import ZipArtifact
from controller.core.deployment import Mark, MarkDetail
from controller.tasks.context import Context
from tests.engine import walker
from tests.engine.world import STAGE, World

TASKS = ("Plan", "Publish", "Verify", "Shift", "Judge", "Promote")
"""The states that move a deployment forward and answer with a decision."""


def arrive(world: World, state: str, visit: int = 1, artifact: ZipArtifact | None = None) -> walker.Execution:
    """Push an artifact and walk its execution until it stands before the n-th visit of a state."""
    (name,) = world.take_in(artifact or world.upload()).started
    return walk_to(walker.start(name, json.loads(world.ports.executions.started[name]), world), state, visit)


def walk_to(execution: walker.Execution, state: str, visit: int = 1) -> walker.Execution:
    """Walk an execution until it stands before the n-th visit of a state from here."""
    walk = walker.steps(execution)
    visits = int(execution.state == state)
    while visits < visit:
        next(walk)
        visits += execution.state == state
    return execution


def resume(execution: walker.Execution) -> walker.Execution:
    """Walk an execution on to its end."""
    return walker.run(execution)


def carry_out(world: World, state: str, execution: walker.Execution) -> dict[str, Any]:
    """Run the task of a state as the state machine would, and return its answer."""
    payload = {
        "deployment_id": execution.name,
        "execution_arn": "arn",
        "started_at": "1970-01-01T00:00:00+00:00",
        "request": execution.input,
        "state": execution.document,
        "token": "token",
    }
    return world.invoke(state, payload)


def finish(world: World, state: str, execution: walker.Execution) -> dict[str, Any]:
    """Run the task of a state until it is ready, as the state machine does, and return its answer."""
    while True:
        try:
            return carry_out(world, state, execution)
        except walker.TaskFailedError as failure:
            if failure.name != "NotReadyError":
                raise
            world.wait(1, None)


def visit(world: World, execution: walker.Execution) -> Context:
    """Return what a task is given."""
    return Context(world.ports, execution.name, world.now(), STAGE, 60.0)


def mark(world: World, execution: walker.Execution, which: Mark, by: str = "kim") -> None:
    """Leave a mark on a deployment, and wake it as whoever marks does."""
    detail = MarkDetail(at=world.now(), by=by, reason="wrong build")
    marked = world.ports.deployments.mark(execution.name, which, detail)
    if marked.token:
        world.ports.executions.wake(marked.token)


def versions(world: World, function: str = "checkout") -> list[str]:
    """Return the published versions of a function."""
    shown = world.aws("ListVersionsByFunction", FunctionName=function)["Versions"]
    return [version["Version"] for version in shown if version["Version"] != "$LATEST"]


def edit_alias(world: World, function: str = "checkout", **changes: Any) -> None:
    """Change an alias by hand."""
    world.aws("UpdateAlias", FunctionName=function, Name="live", **changes)


def holder(world: World, function: str = "checkout") -> str | None:
    """Return who holds the claim on a function."""
    return world.ports.deployments.claim(function).owner
