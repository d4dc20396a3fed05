"""A world with one AWS account in it, in which stories of deployments happen side by side and in no time at all."""

import json
import math
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from typing import Any

from controller.adapters.cloudwatch_alarms import CloudWatchAlarms
from controller.adapters.cloudwatch_metrics import CloudWatchMetrics
from controller.adapters.lambda_functions import LambdaFunctions
from controller.core.artifact import ImageArtifact, ZipArtifact
from controller.core.decision import Ruling
from controller.core.deployment import Deployment
from controller.core.errors import ControllerError
from controller.intake import Intake, take_in
from controller.notify import tell
from controller.ports import Artifacts, Bus, Deployments, Line, Stored, StoredEvents, Targets
from controller.reconcile import reconcile
from controller.restore import dead_execution, restore
from controller.signal import alarm_change, on_alarm_change
from controller.tasks.context import Context
from tests.engine.account import BUCKET, FIRST_IMAGE, Account
from tests.engine.account import STAGE as STAGE
from tests.engine.account import damaged_zip as damaged_zip
from tests.engine.account import zip_of as zip_of
from tests.engine.deliveries import Deliveries, Stream
from tests.engine.events import ecr_event as ecr_event
from tests.engine.events import s3_event as s3_event
from tests.engine.events import status_event
from tests.engine.faults import Meanwhile, no_fault
from tests.engine.lambdas import Died, Lambdas
from tests.engine.memory import MemoryBus, MemoryDeployments, MemoryTargets
from tests.engine.memory_artifacts import MemoryArtifacts
from tests.engine.memory_line import MemoryLine
from tests.engine.model_client import ModelClient
from tests.engine.points import Point, tapped
from tests.engine.step_functions import Executions, StepFunctions, Tasks, failure_of
from tests.engine.stored_events import MemoryStoredEvents
from tests.engine.timeline import Choose, Timeline
from tests.engine.walker import Execution
from tests.state_machine.definition import snake_case


@cache
def act_of(state: str) -> Callable[[Context, Any], Ruling | None]:
    """Return what the entry point of a Task state does with its payload."""
    act: Callable[[Context, Any], Ruling | None] = import_module(f"controller.handlers.{snake_case(state)}").act
    return act


@dataclass
class WorldPorts:
    """The ports of the world: real adapters over the models, and memory."""

    functions: LambdaFunctions
    artifacts: MemoryArtifacts
    alarms: CloudWatchAlarms
    metrics: CloudWatchMetrics
    clock: "WorldClock"
    targets: MemoryTargets
    stored_events: MemoryStoredEvents
    deployments: MemoryDeployments
    line: MemoryLine
    executions: Executions
    bus: MemoryBus


class WorldClock:
    """The time of a world, for the function that waits for a moment."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def now(self) -> datetime:
        """Return the time."""
        return self._world.now()

    def wait_until(self, moment: datetime) -> None:
        """Let happen what happens until a moment has come."""
        self._world.lambdas.wait((moment - self.now()).total_seconds())


class World(Account):
    """An account to which things are deployed; `at` and `meanwhile` say what else happens, and when."""

    def __init__(self, minute_seconds: float = 60.0, *, seed: int = 7, choose: Choose | None = None) -> None:
        """`seed` is that of every chance; `choose` decides what goes next where functions are to take turns."""
        chance = random.Random(seed)  # noqa: S311 - chances that repeat
        super().__init__(minute_seconds, chance)
        self.fault: Point = no_fault
        """Is called before and after each call that the controller makes of AWS; the caller sees what it raises."""
        self.alarm_events = False
        """Whether alarms tell of their changes as they do on AWS, or are only found by Judge's looks."""
        self.lose_status_events = False
        """Whether nobody hears of an execution that ended badly."""
        self.alarm_event_seconds = 0.5
        self.status_event_seconds = 1.0
        self.tasks: Tasks = self._carry_out
        """What the functions of the states do."""
        self._meanwhile: list[Meanwhile] = []
        self.timeline = Timeline(self.clock, choose)
        self.timeline.tick = self.cloudwatch.evaluate
        self.timeline.next_tick = lambda horizon: (
            self.cloudwatch.next_evaluation(horizon) if self.alarm_events else math.inf
        )
        self.lambdas = Lambdas(self.timeline)
        self.deliveries = Deliveries(self.timeline, self.lambdas)
        self.stream = Stream(self.timeline, self.lambdas, self._tell)
        self.machine = StepFunctions(
            self.timeline, self.lambdas, lambda state, payload: self.invoke(state, payload), self._ended, chance
        )
        self._eyes = LambdaFunctions(ModelClient("lambda", self.aws_lambda))  # type: ignore[arg-type]
        self.ports = WorldPorts(
            functions=LambdaFunctions(self._client("lambda", self.aws_lambda)),
            artifacts=tapped(MemoryArtifacts(), Artifacts, self._point),
            alarms=CloudWatchAlarms(self._client("cloudwatch", self.cloudwatch)),
            metrics=CloudWatchMetrics(self._client("cloudwatch", self.cloudwatch), minute_seconds),
            clock=WorldClock(self),
            targets=tapped(MemoryTargets(), Targets, self._point),
            stored_events=tapped(MemoryStoredEvents(), StoredEvents, self._point),
            deployments=tapped(MemoryDeployments(self.stream.append), Deployments, self._point),
            line=tapped(MemoryLine(), Line, self._point),
            executions=Executions(self._client("stepfunctions", self.machine), self.machine),
            bus=tapped(MemoryBus(), Bus, self._point),
        )

    # ---- What is there ----------------------------------------------------------------------------------

    def target(self, name: str = "checkout", **fields: Any) -> None:
        """Declare a target, by default of one function of the same name."""
        document = {
            "version": 1,
            "source": {"bucket": BUCKET, "key": f"{name}/*.zip"},
            "members": [{"function": name}],
            "strategy": "Linear50PercentEvery1Minute",
            "comparison": False,
        }
        self.ports.targets.documents[name] = json.dumps(document | fields)

    def upload(
        self, code: str = "release = 1", key: str = "checkout/1.zip", data: bytes | None = None
    ) -> ZipArtifact:
        """Put a zip into the artifact bucket and return it, pinned to its version."""
        version_id = f"v{next(self._ids)}"
        data = self.objects[BUCKET, key, version_id] = zip_of(code) if data is None else data
        artifact = ZipArtifact(bucket=BUCKET, key=key, version_id=version_id)
        self.ports.artifacts.put(artifact, Stored(self.now()), data=data)
        return artifact

    def image_function(self, name: str = "checkout", stage: str = STAGE, architecture: str = "arm64") -> None:
        """Create a function of images with version 1, and the alias live on it; its image is there."""
        super().image_function(name, stage, architecture)
        self.ports.artifacts.put(ImageArtifact(image=FIRST_IMAGE), Stored(self.now()))

    # ---- What happens -----------------------------------------------------------------------------------

    def at(self, seconds: float, action: Callable[[], Any]) -> None:
        """Plan an action for `seconds` from now."""
        self.timeline.plan(seconds, "somebody acts", action)

    def meanwhile(self, operation: str, action: Callable[[], object], moment: str = "before", nth: int = 1) -> None:
        """Plan an action for the moment right before, or after, the n-th call of an operation from now on."""
        self._meanwhile.append(Meanwhile(operation, action, moment, nth))

    def announce(self, event: dict[str, Any], seconds: float = 0.0) -> list[Intake]:
        """Let an event reach intake, and return the list in which what becomes of it will be found."""
        taken: list[Intake] = []
        self.deliveries.send("Intake", lambda: taken.append(take_in(self.ports, event)), seconds)
        return taken

    def take_in(self, artifact: ZipArtifact) -> Intake:
        """Let intake see the event of an artifact at once."""
        return take_in(self.ports, s3_event(artifact, event_id=self._new_id()))

    def push(self, artifact: ZipArtifact) -> Execution:
        """Let an event start its one execution, and go on until that has ended."""
        return self.push_event(artifact, self._new_id())

    def push_event(self, artifact: ZipArtifact, event_id: str) -> Execution:
        """Let an event of this id start its one execution, and go on until that has ended."""
        taken = self.announce(s3_event(artifact, event_id))
        self.go_on(lambda: bool(taken))
        (name,) = (*taken[0].started, *taken[0].known)
        return self.machine.finish(name)

    def start(self, name: str, request: Any, *, held: bool = False) -> Execution:
        """Start an execution by hand; it goes on when the world does, unless it is held."""
        execution = self.machine.start(name, json.dumps(request))
        if held:
            self.machine.hold(name)
        return execution

    def run(self, name: str, request: Any) -> Execution:
        """Start an execution, unless intake has, and go on until it has ended."""
        if name not in self.machine.requests:
            self.start(name, request)
        return self.machine.finish(name)

    def stop(self, name: str, error: str = "", cause: str = "") -> None:
        """Stop an execution as a person does in the console."""
        self.machine.stop(name, error, cause)

    def redrive(self, name: str) -> Execution:
        """Redrive an execution that ended badly; it goes on when the world does."""
        return self.machine.redrive(name)

    def go_on(self, until: Callable[[], bool]) -> None:
        """Let things happen until something is so."""
        self.timeline.go_on(until, self.machine)

    def settle(self, horizon_seconds: float = math.inf) -> None:
        """Let things happen until nothing is left that is due within the horizon, counted from now."""
        self.timeline.settle(horizon_seconds)

    def wait(self, seconds: float) -> None:
        """Let time pass with all that happens in it."""
        self.timeline.pass_time(seconds)

    def reconcile(self) -> list[str]:
        """Let reconcile make its round, and return what it did; what it could not do it meets again next time."""
        done: list[str] = []
        with suppress(Died, ControllerError):
            done += self.lambdas.run("Reconcile", lambda: reconcile(self.visit, lambda error: None))
        return done

    # ---- What is seen -----------------------------------------------------------------------------------

    def alias(self, function: str = "checkout") -> str:
        """Return where the alias live sends its traffic, in words."""
        return str(self._eyes.alias(function, "live").routing)

    def record(self, name: str) -> Deployment:
        """Return the record of a deployment."""
        return self.ports.deployments.records[name]

    def told(self, name: str) -> list[str]:
        """Return what teams were told of a deployment: transitions, ends by their status."""
        ours = [n for n in self.ports.bus.told if n["deployment_id"] == name]
        return [n["status"] if n["transition"] == "ENDED" else n["transition"] for n in ours]

    def now(self) -> datetime:
        """Return the time of this world."""
        return datetime.fromtimestamp(self.clock.now(), UTC)

    def visit(self, name: str) -> Context:
        """Return what a task of a deployment is given now."""
        return Context(self.ports, name, self.now(), STAGE, self.clock.minute_seconds)

    # ---- What the functions of the controller do ----------------------------------------------------------

    def invoke(self, state: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Do what the function of a state does; raises TaskFailedError."""
        try:
            return self.tasks(state, payload)
        except AssertionError:  # a test speaking
            raise
        except Exception as error:
            raise failure_of(error) from error

    def _carry_out(self, state: str, payload: dict[str, Any]) -> dict[str, Any]:
        visit = self.visit(payload["deployment_id"])
        ruling = act_of(state)(visit, json.loads(json.dumps(payload)))
        return ruling.state_document(visit.deployment_id) if ruling else {}

    def _tell(self, records: list[dict[str, Any]]) -> list[str]:
        return tell(self.ports, records, STAGE, self.stream.errors.append)

    def _alarm_changed(self, event: dict[str, Any]) -> None:
        if self.alarm_events and event["detail"]["state"]["value"] == "ALARM":
            change = alarm_change(event)
            seconds = self.alarm_event_seconds
            self.deliveries.send("Signal", lambda: on_alarm_change(self.visit, change), seconds)

    def _ended(self, execution: Execution) -> None:
        if execution.status == "SUCCEEDED" or self.lose_status_events:
            return
        dead = dead_execution(status_event(execution, self.machine.requests[execution.name]))
        seconds = self.status_event_seconds
        self.deliveries.send("Restore", lambda: restore(self.visit(dead.name), dead), seconds)

    # ---- What the world is made of ------------------------------------------------------------------------

    def _client(self, service: str, model: Any) -> Any:
        return ModelClient(service, model, self._point)

    def _point(self, operation: str, moment: str) -> None:
        """Come to a call: others may act, the process may die, the call may fail."""
        if moment == "before":
            self.lambdas.reach(operation)
        if self._meanwhile:
            self._act_meanwhile(operation, moment)
        try:
            self.lambdas.live_on()
            self.fault(operation, moment)
        except Died as death:
            self.lambdas.die(death)
            raise

    def _act_meanwhile(self, operation: str, moment: str) -> None:
        for planned in [each for each in self._meanwhile if each.is_due(operation, moment)]:
            self._meanwhile.remove(planned)
            with self.lambdas.outside():
                planned.action()
