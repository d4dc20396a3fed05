"""Walks the real state machine with the real tasks. It knows what our definition uses, and refuses the rest."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

DEFINITION = Path(__file__).parents[2] / "state_machine" / "deployment.asl.json"
_BAKE = "arn:aws:states:::lambda:invoke.waitForTaskToken"
_INVOKE = "arn:aws:states:::lambda:invoke"


class Tasks(Protocol):
    """What the walker needs from the world."""

    def invoke(self, state: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Run the task of a state and return its answer."""
        ...

    def wait(self, seconds: float, token: str | None) -> bool:
        """Let time pass; return whether the token was woken meanwhile."""
        ...


class TaskFailedError(Exception):
    """A task failed, with the name and the cause that Step Functions would see."""

    def __init__(self, name: str, cause: str) -> None:
        super().__init__(f"{name}: {cause}")
        self.name = name
        self.cause = cause


@dataclass
class Execution:
    """One execution: where it is, what it carries, where it has been."""

    name: str
    input: Any
    tasks: Tasks
    state: str
    document: Any = None
    path: list[str] = field(default_factory=list)
    status: str = "RUNNING"
    error: str = ""
    cause: str = ""
    visits: int = 0
    started_at: str = "1970-01-01T00:00:00+00:00"


def start(name: str, request: Any, tasks: Tasks) -> Execution:
    """Return an execution that stands before its first state."""
    definition = json.loads(DEFINITION.read_text())
    return Execution(name, request, tasks, definition["StartAt"], document=request)


def run(execution: Execution, most_states: int = 2000) -> Execution:
    """Walk an execution to its end."""
    for _ in steps(execution):
        if len(execution.path) > most_states:
            raise AssertionError(f"still running after {most_states} states: {execution.path[-12:]}")
    return execution


def steps(execution: Execution) -> Iterator[str]:
    """Walk an execution state by state, yielding each name when it is left."""
    states = json.loads(DEFINITION.read_text())["States"]
    while execution.status == "RUNNING":
        name, state = execution.state, states[execution.state]
        execution.path.append(name)
        _KINDS[state["Type"]](execution, state)
        yield name


def _succeed(execution: Execution, _: dict[str, Any]) -> None:
    execution.status = "SUCCEEDED"


def _fail(execution: Execution, state: dict[str, Any]) -> None:
    execution.status = "FAILED"
    execution.error = _at(execution, state["ErrorPath"])
    execution.cause = _at(execution, state["CausePath"])


def _choose(execution: Execution, state: dict[str, Any]) -> None:
    for choice in state["Choices"]:
        if _at(execution, choice["Variable"]) == choice["StringEquals"]:
            execution.state = choice["Next"]
            return
    execution.state = state["Default"]


def _task(execution: Execution, state: dict[str, Any]) -> None:
    retried: dict[int, int] = {}
    while True:
        try:
            result = _attempt(execution, state)
        except TaskFailedError as failure:
            delay = _retry_delay(state, failure, retried)
            if delay is None:
                _catch(execution, state, failure)
                return
            execution.tasks.wait(delay, None)
        else:
            if state.get("OutputPath") == "$.Payload":
                execution.document = result
            execution.state = state["Next"]
            return


def _attempt(execution: Execution, state: dict[str, Any]) -> dict[str, Any]:
    execution.visits += 1
    token = f"{execution.name}/{execution.visits}"
    payload = _fill(execution, state["Parameters"]["Payload"], token)
    match state["Resource"]:
        case arn if arn == _INVOKE:
            return execution.tasks.invoke(execution.state, payload)
        case arn if arn == _BAKE:
            execution.tasks.invoke(execution.state, payload)
            seconds = _at(execution, state["TimeoutSecondsPath"])
            assert isinstance(seconds, int), "Step Functions wants whole seconds"
            assert seconds >= 1, "Step Functions wants at least a second"
            if not execution.tasks.wait(seconds, token):
                raise TaskFailedError("States.Timeout", "")
            return {}
        case other:
            raise AssertionError(f"the walker does not know resource {other}")


def _retry_delay(state: dict[str, Any], failure: TaskFailedError, retried: dict[int, int]) -> float | None:
    """Return the seconds before the next try, jitter left out, or None when there is none."""
    for index, rule in enumerate(state["Retry"]):
        if not _matches(rule["ErrorEquals"], failure.name):
            continue
        count = retried.get(index, 0)
        if count >= rule["MaxAttempts"]:
            return None
        retried[index] = count + 1
        delay: float = rule["IntervalSeconds"] * rule["BackoffRate"] ** count
        return min(delay, float(rule["MaxDelaySeconds"]))
    return None


def _catch(execution: Execution, state: dict[str, Any], failure: TaskFailedError) -> None:
    for rule in state["Catch"]:
        if _matches(rule["ErrorEquals"], failure.name):
            place = rule["ResultPath"].removeprefix("$.")
            caught = {"Error": failure.name, "Cause": failure.cause}
            execution.document = caught if place == "$" else {**execution.document, place: caught}
            execution.state = rule["Next"]
            return
    execution.status, execution.error, execution.cause = "FAILED", failure.name, failure.cause


def _matches(names: list[str], name: str) -> bool:
    return name in names or "States.ALL" in names


def _fill(execution: Execution, template: dict[str, Any], token: str) -> dict[str, Any]:
    context: dict[str, Callable[[], Any]] = {
        "$$.Execution.Name": lambda: execution.name,
        "$$.Execution.Id": lambda: f"arn:aws:states:eu-west-1:123456789012:execution:rampart:{execution.name}",
        "$$.Execution.StartTime": lambda: execution.started_at,
        "$$.Execution.Input": lambda: execution.input,
        "$$.Task.Token": lambda: token,
    }
    return {
        name.removesuffix(".$"): context[path]() if path in context else _at(execution, path)
        for name, path in template.items()
    }


def _at(execution: Execution, path: str) -> Any:
    value = execution.document
    for part in path.removeprefix("$").removeprefix(".").split("."):
        value = value[part] if part else value
    return value


_KINDS: dict[str, Callable[[Execution, dict[str, Any]], None]] = {
    "Task": _task,
    "Choice": _choose,
    "Succeed": _succeed,
    "Fail": _fail,
}
