"""Deployments that stop before a state, so that a test can do something there, and then go on."""

from typing import Any

from controller.control import asked_of, on_asked
from controller.core.artifact import ZipArtifact
from controller.core.deployment import Mark, MarkDetail
from controller.tasks.context import Context
from tests.engine.walker import Execution, TaskFailedError
from tests.engine.world import World

TASKS = ("Plan", "Publish", "Verify", "Shift", "Judge", "Promote")
"""The states that move a deployment forward and answer with a decision."""


def arrive(world: World, state: str, visit: int = 1, artifact: ZipArtifact | None = None) -> Execution:
    """Push an artifact, and hold its execution before the n-th visit of a state."""
    (name,) = world.take_in(artifact or world.upload()).started
    return world.machine.walk_to(name, state, visit)


def walk_to(execution: Execution, state: str, visit: int = 1) -> Execution:
    """Let an execution go on, and hold it before the n-th visit of a state from here."""
    assert execution.machine
    return execution.machine.walk_to(execution.name, state, visit)


def resume(execution: Execution) -> Execution:
    """Let an execution go on to its end."""
    assert execution.machine
    return execution.machine.finish(execution.name)


def carry_out(world: World, state: str, execution: Execution) -> dict[str, Any]:
    """Run the task of a state as the state machine would, and return its answer."""
    payload = {
        "deployment_id": execution.name,
        "execution_arn": execution.arn,
        "started_at": "1970-01-01T00:00:00+00:00",
        "request": execution.input,
        "state": execution.document,
        "token": "token",
    }
    return world.invoke(state, payload)


def finish(world: World, state: str, execution: Execution) -> dict[str, Any]:
    """Run the task of a state until it is ready, as the state machine does, and return its answer."""
    while True:
        try:
            return carry_out(world, state, execution)
        except TaskFailedError as failure:
            if failure.name != "NotReadyError":
                raise
            world.wait(1)


def visit(world: World, execution: Execution) -> Context:
    """Return what a task is given."""
    return world.visit(execution.name)


def mark(world: World, execution: Execution, which: Mark, by: str = "kim") -> None:
    """Leave a mark on a deployment, and wake it as whoever marks does."""
    detail = MarkDetail(at=world.now(), by=by, reason="wrong build")
    marked = world.ports.deployments.mark(execution.name, which, detail)
    if marked.token:
        world.ports.executions.wake(marked.token)


def ask(world: World, name: str | None, verb: str, by: str = "kim", reason: str = "it is night") -> str:
    """Let a person ask something of a deployment, or of the line, and return what they are told."""
    asked = asked_of({"deployment_id": name, "verb": verb, "by": by, "reason": reason})
    return on_asked(world.visit(name or ""), asked)


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
