"""The states language as far as our definition uses it: an execution as a generator of what it waits for."""

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.engine.step_functions import StepFunctions

DEFINITION = Path(__file__).parents[2] / "state_machine" / "deployment.asl.json"
_BAKE = "arn:aws:states:::lambda:invoke.waitForTaskToken"
_INVOKE = "arn:aws:states:::lambda:invoke"


@cache
def definition() -> dict[str, Any]:
    """Return the state machine, which nobody changes."""
    document: dict[str, Any] = json.loads(DEFINITION.read_text())
    return document


class TaskFailedError(Exception):
    """A task failed, with the name and the cause that Step Functions would see."""

    def __init__(self, name: str, cause: str) -> None:
        super().__init__(f"{name}: {cause}")
        self.name = name
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a Task: it ends with an answer, or with TaskFailedError."""

    state: str
    payload: dict[str, Any] = field(repr=False)
    seconds: float
    """After which it fails with States.Timeout."""
    token: str | None = None
    """Of a callback, which alone ends it well."""


@dataclass(frozen=True, slots=True)
class Pause:
    """The wait before a retry."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Left:
    """A state was left; the execution stands before the next, or has ended."""

    state: str


Walk = Generator[Attempt | Pause | Left, Any, None]
"""What an execution waits for, one after the other; it is sent an attempt's answer, or thrown TaskFailedError."""


@dataclass
class Execution:
    """One execution: where it is, what it carries, where it has been."""

    name: str
    input: Any
    state: str = field(default_factory=lambda: str(definition()["StartAt"]))
    document: Any = None
    """What the state is given."""
    path: list[str] = field(default_factory=list)
    """Every state that it entered."""
    ways: list[tuple[str, str, str]] = field(default_factory=list)
    """Every state that it left, by which branch, and for which other; "" is the end."""
    status: str = "RUNNING"
    error: str = ""
    cause: str = ""
    attempts: int = 0
    started_at: str = "1970-01-01T00:00:00.000Z"
    machine: "StepFunctions | None" = field(default=None, repr=False, compare=False)
    """Who runs it."""

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:aws:states:eu-west-1:123456789012:execution:rampart:{self.name}"

    def leave(self, branch: str, state: str = "") -> None:
        """Go on to another state, or to the end."""
        self.ways.append((self.state, branch, state))
        self.state = state or self.state


def walk(execution: Execution, jitter: Callable[[float], float] = lambda seconds: seconds) -> Walk:
    """Walk an execution from where it is to its end; `jitter` picks a wait up to a number of seconds."""
    states = definition()["States"]
    while execution.status == "RUNNING":
        name = execution.state
        execution.path.append(name)
        match states[name]["Type"]:
            case "Task":
                yield from _task(execution, states[name], jitter)
            case "Choice":
                _choose(execution, states[name])
            case "Succeed":
                execution.status = "SUCCEEDED"
                execution.leave("end")
            case "Fail":
                _fail(execution, states[name])
            case other:
                raise AssertionError(f"the walker does not know states of type {other}")
        yield Left(name)


def _fail(execution: Execution, state: dict[str, Any]) -> None:
    execution.status = "FAILED"
    execution.error = _at(execution, state["ErrorPath"])
    execution.cause = _at(execution, state["CausePath"])
    execution.leave("end")


def _choose(execution: Execution, state: dict[str, Any]) -> None:
    for choice in state["Choices"]:
        if _at(execution, choice["Variable"]) == choice["StringEquals"]:
            execution.leave(choice["StringEquals"], choice["Next"])
            return
    execution.leave("default", state["Default"])


def _task(execution: Execution, state: dict[str, Any], jitter: Callable[[float], float]) -> Walk:
    retried: dict[int, int] = {}
    while True:
        try:
            answer = yield _attempt(execution, state)
        except TaskFailedError as failure:
            delay = _delay(state, failure, retried, jitter)
            if delay is None:
                _catch(execution, state, failure)
                return
            yield Pause(delay)
        else:
            if state.get("OutputPath") == "$.Payload":
                execution.document = answer
            execution.leave("next", state["Next"])
            return


def _attempt(execution: Execution, state: dict[str, Any]) -> Attempt:
    execution.attempts += 1
    token = f"{execution.name}/{execution.attempts}"
    payload = _fill(execution, state["Parameters"]["Payload"], token)
    match state["Resource"]:
        case arn if arn == _INVOKE:
            return Attempt(execution.state, payload, state["TimeoutSeconds"])
        case arn if arn == _BAKE:
            seconds = _at(execution, state["TimeoutSecondsPath"])
            assert isinstance(seconds, int), "Step Functions wants whole seconds"
            assert seconds >= 1, "Step Functions wants at least a second"
            return Attempt(execution.state, payload, seconds, token)
        case other:
            raise AssertionError(f"the walker does not know resource {other}")


def _delay(
    state: dict[str, Any], failure: TaskFailedError, retried: dict[int, int], jitter: Callable[[float], float]
) -> float | None:
    """Return the seconds before the next try, or None when there is none."""
    for index, rule in enumerate(state["Retry"]):
        if not _matches(rule["ErrorEquals"], failure.name):
            continue
        count = retried.get(index, 0)
        if count >= rule["MaxAttempts"]:
            return None
        retried[index] = count + 1
        grown: float = rule["IntervalSeconds"] * rule["BackoffRate"] ** count
        delay = min(grown, float(rule["MaxDelaySeconds"]))
        return jitter(delay) if rule.get("JitterStrategy") == "FULL" else delay
    return None


def _catch(execution: Execution, state: dict[str, Any], failure: TaskFailedError) -> None:
    for index, rule in enumerate(state["Catch"]):
        if _matches(rule["ErrorEquals"], failure.name):
            place = rule["ResultPath"].removeprefix("$.")
            caught = {"Error": failure.name, "Cause": failure.cause}
            execution.document = caught if place == "$" else {**execution.document, place: caught}
            execution.leave(f"catch {index}", rule["Next"])
            return
    execution.status, execution.error, execution.cause = "FAILED", failure.name, failure.cause
    execution.leave("end")


def _matches(names: list[str], name: str) -> bool:
    return name in names or "States.ALL" in names


def _fill(execution: Execution, template: dict[str, str], token: str) -> dict[str, Any]:
    context = {
        "$$.Execution.Name": execution.name,
        "$$.Execution.Id": execution.arn,
        "$$.Execution.Input": execution.input,
        "$$.Execution.StartTime": execution.started_at,
        "$$.Task.Token": token,
    }
    return {
        name.removesuffix(".$"): context[path] if path in context else _at(execution, path)
        for name, path in template.items()
    }


def _at(execution: Execution, path: str) -> Any:
    value = execution.document
    for part in path.removeprefix("$").removeprefix(".").split("."):
        value = value[part] if part else value
    return value
