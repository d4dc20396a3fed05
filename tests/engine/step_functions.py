"""Step Functions with one state machine, ours: executions that go on side by side on one timeline."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from controller.adapters.stepfunctions_executions import StepFunctionsExecutions
from rampart.embedded.wire import ApiError, Call
from tests.engine.lambdas import Died, Lambdas
from tests.engine.timeline import Planned, Timeline
from tests.engine.walker import Attempt, Execution, Left, Pause, TaskFailedError, Walk, definition, walk

MOST_STATES = 2000
"""An execution that has entered more has lost its way."""
REDRIVABLE_SECONDS = 14 * 24 * 3600.0

Tasks = Callable[[str, dict[str, Any]], dict[str, Any]]
"""Does what the function of a state does with a payload."""


@dataclass
class _Run:
    """What the service knows of an execution beside where it stands."""

    execution: Execution
    request: str
    walk: Walk
    limit: Planned
    """The end of the machine's TimeoutSeconds."""
    next: Planned | None = None
    """The next step, when it is known when that comes."""
    is_between: bool = True
    """Whether it stands between two states."""
    is_held: bool = False
    """Whether it stays there."""
    attempt: Attempt | None = None
    """What is waited for."""
    timeout: Planned | None = None
    ended_at: float = 0.0

    def rest(self) -> None:
        """Wait for nothing any more."""
        self.attempt = None
        for planned in (self.next, self.timeout):
            if planned:
                planned.call_off()


class StepFunctions:
    """The service: `handle` is its API as the controller uses it, and the methods are for everybody else."""

    def __init__(
        self,
        timeline: Timeline,
        lambdas: Lambdas,
        tasks: Tasks,
        ended: Callable[[Execution], object],
        chance: random.Random,
    ) -> None:
        """`ended` is told of every execution that ends; `chance` is that of the jitter."""
        self._timeline = timeline
        self._lambdas = lambdas
        self._tasks = tasks
        self._ended = ended
        self._chance = chance
        self._runs: dict[str, _Run] = {}
        self._tokens: dict[str, _Run] = {}

    def handle(self, call: Call) -> dict[str, Any]:
        """Carry out one API call; raises ApiError."""
        params = call.params
        match call.operation:
            case "StartExecution":
                return {"executionArn": self.start(params["name"], params["input"]).arn}
            case "SendTaskSuccess":
                self._succeed(params["taskToken"])
                return {}
            case "DescribeExecution":
                run = self._run(params["executionArn"].rpartition(":")[2])
                return {"executionArn": run.execution.arn, "input": run.request, "status": run.execution.status}
            case other:
                raise AssertionError(f"the engine does not know {other} of Step Functions")

    def __str__(self) -> str:
        """Say where each execution is."""
        runs = self._runs.values()
        return ", ".join(f"{r.execution.name} is {r.execution.status} in {r.execution.state}" for r in runs)

    @property
    def requests(self) -> dict[str, str]:
        """The input of every execution by its name, in the order in which they were started."""
        return {name: run.request for name, run in self._runs.items()}

    def execution(self, name: str) -> Execution:
        """Return an execution; raises ApiError."""
        return self._run(name).execution

    def start(self, name: str, request: str) -> Execution:
        """Start an execution, or find it running with the same input; raises ApiError."""
        if known := self._runs.get(name):
            if known.execution.status == "RUNNING" and known.request == request:
                return known.execution
            raise ApiError("ExecutionAlreadyExists", f"Execution Already Exists: '{known.execution.arn}'")
        document = json.loads(request)
        now = datetime.fromtimestamp(self._timeline.clock.now(), UTC)
        began = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03}Z"
        return self.put(Execution(name, document, document=document, started_at=began), request)

    def put(self, execution: Execution, request: str = "{}") -> Execution:
        """Let an execution go on from wherever it stands."""
        execution.machine = self
        run = self._runs[execution.name] = _Run(execution, request, self._walk(execution), self._limit(execution))
        self._go_on_soon(run)
        return execution

    def stop(self, name: str, error: str = "", cause: str = "") -> None:
        """End an execution ABORTED: no Catch runs, and the function of its task goes on to its own end."""
        self._break_off(self._run(name), "ABORTED", error, cause)

    def redrive(self, name: str) -> Execution:
        """Let an execution that ended badly go on from the state in which it did, with that state's input.

        Source: Step Functions developer guide, "Restarting state machine executions with redrive": a Task is
        scheduled again, its retries are counted anew and so is the machine's timeout; a Fail state fails again.
        """
        run = self._run(name)
        is_late = self._timeline.clock.now() - run.ended_at > REDRIVABLE_SECONDS
        if run.execution.status not in ("FAILED", "TIMED_OUT", "ABORTED") or is_late:
            message = f"Execution is not redrivable: '{run.execution.arn}' is {run.execution.status}"
            raise ApiError("ExecutionNotRedrivable", message)
        run.execution.status, run.execution.error, run.execution.cause = "RUNNING", "", ""
        run.walk, run.limit, run.is_between = self._walk(run.execution), self._limit(run.execution), True
        self._go_on_soon(run)
        return run.execution

    def hold(self, name: str) -> None:
        """Keep an execution where it stands between two states; no time is too long for it there."""
        run = self._run(name)
        assert run.is_between, f"execution {name} is in the middle of {run.execution.state}"
        run.rest()
        run.limit.call_off()
        run.is_held = True

    def release(self, name: str) -> None:
        """Let an execution go on, if it was held."""
        run = self._run(name)
        if run.is_held and run.execution.status == "RUNNING":
            run.limit = self._limit(run.execution)
            self._go_on_soon(run)
        run.is_held = False

    def is_before(self, name: str, state: str) -> bool:
        """Say whether an execution stands before a state, and not in it."""
        run = self._run(name)
        return run.is_between and run.execution.state == state

    def walk_to(self, name: str, state: str, visit: int = 1) -> Execution:
        """Let things happen until an execution stands before the n-th visit of a state from here; hold it there."""
        execution = self.execution(name)
        self.release(name)
        entered = execution.path.count(state) + visit - 1

        def is_there() -> bool:
            assert execution.status == "RUNNING", f"never came to {state}: {execution}"
            return self.is_before(name, state) and execution.path.count(state) == entered

        self._timeline.go_on(is_there, self)
        self.hold(name)
        return execution

    def finish(self, name: str) -> Execution:
        """Let things happen until an execution has ended."""
        execution = self.execution(name)
        self.release(name)
        self._timeline.go_on(lambda: execution.status != "RUNNING", self)
        return execution

    def _run(self, name: str) -> _Run:
        if name not in self._runs:
            raise ApiError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{name}'")
        return self._runs[name]

    def _walk(self, execution: Execution) -> Walk:
        return walk(execution, lambda seconds: self._chance.uniform(0, seconds))

    def _limit(self, execution: Execution) -> Planned:
        seconds = definition()["TimeoutSeconds"]
        label = f"{execution.name} times out"
        return self._timeline.plan(seconds, label, lambda: self._break_off(self._run(execution.name), "TIMED_OUT"))

    def _break_off(self, run: _Run, status: str, error: str = "", cause: str = "") -> None:
        if run.execution.status == "RUNNING":
            run.walk.close()
            run.execution.status, run.execution.error, run.execution.cause = status, error, cause
            self._end(run)

    def _end(self, run: _Run) -> None:
        run.rest()
        run.limit.call_off()
        run.is_held = False
        run.ended_at = self._timeline.clock.now()
        self._ended(run.execution)

    def _go_on_soon(self, run: _Run, seconds: float = 0.0, *outcome: Any) -> None:
        label = f"{run.execution.name} goes on to {run.execution.state}"
        run.next = self._timeline.plan(seconds, label, lambda: self._go_on(run, *outcome))

    def _go_on(self, run: _Run, answer: Any = None, failure: TaskFailedError | None = None) -> None:
        """Take the next step, with what came of the attempt before it."""
        run.is_between = False
        execution = run.execution
        step = run.walk.throw(failure) if failure else run.walk.send(answer)
        match step:
            case Attempt():
                self._try(run, step)
            case Pause():
                self._go_on_soon(run, step.seconds)
            case Left() if execution.status == "RUNNING":
                assert len(execution.path) <= MOST_STATES, f"{execution.name} still runs: {execution.path[-12:]}"
                run.is_between = True
                self._go_on_soon(run)
            case Left():
                self._end(run)

    def _try(self, run: _Run, attempt: Attempt) -> None:
        label = f"{attempt.state} of {run.execution.name}"
        run.attempt = attempt
        if attempt.token:
            self._tokens[attempt.token] = run
        timed_out = TaskFailedError("States.Timeout", "")
        run.timeout = self._timeline.plan(
            attempt.seconds, f"{label} times out", lambda: self._finish(run, attempt, None, timed_out)
        )

        def ended(answer: Any, error: BaseException | None) -> None:
            if error or attempt.token is None:
                self._finish(run, attempt, answer, failure_of(error) if error else None)

        self._lambdas.invoke(attempt.state, label, lambda: self._tasks(attempt.state, attempt.payload), ended)

    def _finish(self, run: _Run, attempt: Attempt, answer: Any, failure: TaskFailedError | None) -> None:
        """End an attempt, unless it was ended by something else before."""
        if run.attempt is attempt:
            run.rest()
            self._go_on_soon(run, 0.0, answer, failure)

    def _succeed(self, token: str) -> None:
        """End a callback well; one that was never given out, or has ended already, is refused."""
        run = self._tokens.get(token)
        if run is None:
            raise ApiError("InvalidToken", f"Invalid Token: '{token}'")
        if run.attempt is None or run.attempt.token != token:
            raise ApiError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
        self._finish(run, run.attempt, {}, None)


def failure_of(error: BaseException) -> TaskFailedError:
    """Return how Step Functions tells of what a function raised, or of its death."""
    if isinstance(error, TaskFailedError):
        return error
    name = error.name if isinstance(error, Died) else type(error).__name__
    return TaskFailedError(name, json.dumps({"errorMessage": str(error), "errorType": name, "stackTrace": []}))


class Executions(StepFunctionsExecutions):
    """The port to this service, of which one sees what was asked of it."""

    def __init__(self, client: Any, machine: StepFunctions) -> None:
        super().__init__(client, "arn:aws:states:eu-west-1:123456789012:stateMachine:rampart")
        self._machine = machine
        self.woken: set[str] = set()
        """The tokens that somebody tried to end a wait with."""
        self.dead: set[str] = set()
        """The executions of which it is said that they are gone, whatever they do."""

    @property
    def started(self) -> dict[str, str]:
        """The request of every execution by its name."""
        return self._machine.requests

    def wake(self, token: str) -> bool:
        """End a bake now; False when it has ended already."""
        self.woken.add(token)
        return super().wake(token)

    def is_alive(self, execution_arn: str) -> bool:
        """Say whether an execution goes on."""
        return execution_arn.rpartition(":")[2] not in self.dead and super().is_alive(execution_arn)
