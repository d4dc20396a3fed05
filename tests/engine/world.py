"""A world with one AWS account in it, in which stories of deployments happen in no time at all."""

import io
import itertools
import json
import random
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from controller.adapters.cloudwatch_alarms import CloudWatchAlarms
from controller.adapters.lambda_functions import LambdaFunctions
from controller.core.artifact import ImageArtifact, ZipArtifact
from controller.core.deployment import Deployment, Event
from controller.core.notification import notification
from controller.handlers import TASKS
from controller.intake import Intake, take_in
from controller.ports import Stored
from controller.signal import alarm_change, on_alarm_change
from controller.tasks.context import Context
from rampart.embedded.aws_lambda.model import LambdaModel
from rampart.embedded.aws_lambda.runner import RunRequest, RunResult
from rampart.embedded.clock import VirtualClock
from rampart.embedded.cloudwatch.model import CloudWatchModel
from rampart.embedded.wire import ApiError, Call
from tests.engine import walker
from tests.engine.memory import MemoryArtifacts, MemoryBus, MemoryDeployments, MemoryExecutions, MemoryTargets
from tests.engine.model_client import ModelClient

BUCKET = "artifacts"
STAGE = "dev"


def zip_of(code: str) -> bytes:
    """Return a zip with a module `app`; equal code gives equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("app.py"), code)
    return buffer.getvalue()


@dataclass
class WorldPorts:
    """The ports of the world: real adapters over the models, and memory."""

    functions: LambdaFunctions
    artifacts: MemoryArtifacts
    alarms: CloudWatchAlarms
    targets: MemoryTargets
    deployments: MemoryDeployments
    executions: MemoryExecutions
    bus: MemoryBus


class World:
    """An account with functions, alarms and targets; `at` plans what happens while deployments wait."""

    def __init__(self, minute_seconds: float = 60.0) -> None:
        self.clock = VirtualClock(minute_seconds)
        self.objects: dict[tuple[str, str, str | None], bytes] = {}
        self.answer: Callable[[RunRequest], RunResult] = lambda request: RunResult(b"{}", None, 10.0)
        self.fault: Callable[[str, str], None] = lambda operation, moment: None
        self.alarm_events = False
        """Whether alarms tell of their changes as they do on AWS, or are only found by Judge's looks."""
        self._script: list[tuple[float, Callable[[], Any]]] = []
        self._ids = itertools.count(1)
        self.cloudwatch = CloudWatchModel(self.clock, self._alarm_changed, self._new_id)
        self.aws_lambda = LambdaModel(
            clock=self.clock,
            random=random.Random(7),  # noqa: S311 - weighted picks that repeat
            code=self._object,
            runner=_Runner(self),
            record=self.cloudwatch.record,
            enqueue=lambda event: None,
            new_id=self._new_id,
        )
        self.ports = WorldPorts(
            functions=LambdaFunctions(self._client("lambda", self.aws_lambda)),
            artifacts=MemoryArtifacts(),
            alarms=CloudWatchAlarms(self._client("cloudwatch", self.cloudwatch)),
            targets=MemoryTargets(),
            deployments=MemoryDeployments(self._tell),
            executions=MemoryExecutions(),
            bus=MemoryBus(),
        )

    # ---- What is there ----------------------------------------------------------------------------------

    def function(self, name: str = "checkout", stage: str = STAGE) -> None:
        """Create a function with version 1, and the alias live on it."""
        self.aws(
            "CreateFunction",
            FunctionName=name,
            Role="arn:aws:iam::123456789012:role/app",
            Handler="app.handler",
            Runtime="python3.13",
            Architectures=["arm64"],
            Code={"ZipFile": zip_of("release = 0")},
            Tags={"rampart:managed": stage},
        )
        self.clock.advance(1)
        self.aws("PublishVersion", FunctionName=name)
        self.clock.advance(1)
        self.aws("CreateAlias", FunctionName=name, Name="live", FunctionVersion="1")

    def target(self, name: str = "checkout", **fields: Any) -> None:
        """Declare a target, by default of one function of the same name."""
        document = {
            "version": 1,
            "source": {"bucket": BUCKET, "key": f"{name}/*.zip"},
            "members": [{"function": name}],
            "strategy": "Linear50PercentEvery1Minute",
        }
        self.ports.targets.documents[name] = json.dumps(document | fields)

    def alarm(self, name: str = "errors", state: str | None = "OK") -> None:
        """Create an alarm on a metric that never gets data, so that it keeps the state it is set to."""
        self.cloudwatch_call(
            "PutMetricAlarm",
            AlarmName=name,
            Namespace="Test",
            MetricName=name,
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=0.0,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="ignore",
        )
        if state:
            self.set_alarm(name, state)

    def set_alarm(self, name: str, state: str) -> None:
        """Put an alarm into a state."""
        self.cloudwatch_call("SetAlarmState", AlarmName=name, StateValue=state, StateReason="as the story goes")

    def upload(
        self, code: str = "release = 1", key: str = "checkout/1.zip", data: bytes | None = None
    ) -> ZipArtifact:
        """Put a zip into the artifact bucket and return it, pinned to its version."""
        version_id = f"v{next(self._ids)}"
        self.objects[BUCKET, key, version_id] = zip_of(code) if data is None else data
        artifact = ZipArtifact(bucket=BUCKET, key=key, version_id=version_id)
        self.ports.artifacts.put(artifact, Stored(self.now()))
        return artifact

    # ---- What happens -----------------------------------------------------------------------------------

    def at(self, seconds: float, action: Callable[[], Any]) -> None:
        """Plan an action for `seconds` from now; it happens while something waits."""
        self._script.append((self.clock.now() + seconds, action))
        self._script.sort(key=lambda planned: planned[0])

    def take_in(self, artifact: ZipArtifact) -> Intake:
        """Let intake see the event of an artifact."""
        return take_in(self.ports, s3_event(artifact, event_id=self._new_id()))

    def push(self, artifact: ZipArtifact) -> walker.Execution:
        """Let an event start its one execution, and walk it to its end."""
        (name,) = self.take_in(artifact).started
        return self.run(name, json.loads(self.ports.executions.started[name]))

    def push_event(self, artifact: ZipArtifact, event_id: str) -> walker.Execution:
        """Let an event of this id start its one execution, and walk it to its end."""
        (name,) = take_in(self.ports, s3_event(artifact, event_id)).started
        return self.run(name, json.loads(self.ports.executions.started[name]))

    def run(self, name: str, request: Any) -> walker.Execution:
        """Walk an execution to its end."""
        return walker.run(walker.start(name, request, self))

    def aws(self, operation: str, **params: Any) -> dict[str, Any]:
        """Call Lambda as somebody else than the controller."""
        return self.aws_lambda.handle(Call("lambda", operation, "AKIAPERSON", params))

    def cloudwatch_call(self, operation: str, **params: Any) -> dict[str, Any]:
        """Call CloudWatch as somebody else than the controller."""
        return self.cloudwatch.handle(Call("cloudwatch", operation, "AKIAPERSON", params))

    # ---- What is seen -----------------------------------------------------------------------------------

    def alias(self, function: str = "checkout") -> str:
        """Return where the alias live sends its traffic, in words."""
        return str(self.ports.functions.alias(function, "live").routing)

    def record(self, name: str) -> Deployment:
        """Return the record of a deployment."""
        return self.ports.deployments.records[name]

    def told(self, name: str) -> list[str]:
        """Return what teams were told of a deployment: transitions, ends by their status."""
        ours = [n for n in self.ports.bus.told if n["deployment_id"] == name]
        return [n["status"] if n["transition"] == "ENDED" else n["transition"] for n in ours]

    # ---- What the walker and the model need -------------------------------------------------------------

    def visit(self, deployment_id: str) -> Context:
        """Return a visit to a deployment, now."""
        return Context(self.ports, deployment_id, self.now(), STAGE, self.clock.minute_seconds)

    def invoke(self, state: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Run a task as its Lambda would."""
        visit = self.visit(payload["deployment_id"])
        try:
            ruling = TASKS[state](visit, json.loads(json.dumps(payload)))
        except Exception as error:
            cause = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": []}
            raise walker.TaskFailedError(type(error).__name__, json.dumps(cause)) from error
        return ruling.state_document(visit.deployment_id) if ruling else {}

    def wait(self, seconds: float, token: str | None) -> bool:
        """Let time pass with all that is planned in it; end early when the token is woken."""
        until = self.clock.now() + seconds
        self.ports.executions.waiting = token
        try:
            return self._wait(until, token)
        finally:
            self.ports.executions.waiting = None

    def _wait(self, until: float, token: str | None) -> bool:
        while token not in self.ports.executions.woken:
            moment = min([until, self.cloudwatch.next_evaluation(), *(at for at, _ in self._script[:1])])
            self.clock.advance(max(0.0, moment - self.clock.now()))
            self.cloudwatch.evaluate()
            while self._script and self._script[0][0] <= self.clock.now():
                self._script.pop(0)[1]()
            if self.clock.now() >= until:
                return token in self.ports.executions.woken
        return True

    def now(self) -> datetime:
        """Return the time of this world."""
        return datetime.fromtimestamp(self.clock.now(), UTC)

    def _alarm_changed(self, event: dict[str, Any]) -> None:
        if self.alarm_events:
            self.at(0.5, lambda: on_alarm_change(self.visit, alarm_change(event)))

    def _tell(self, event: Event) -> None:
        self.ports.bus.send(notification(event, STAGE))
        self.ports.deployments.sent(event)

    def _client(self, service: str, model: Any) -> Any:
        return ModelClient(service, model, lambda operation, moment: self.fault(operation, moment))

    def _object(self, bucket: str, key: str, version_id: str | None) -> bytes:
        if (bucket, key, version_id) not in self.objects:
            raise ApiError("NoSuchKey", "The specified key does not exist.", 404)
        return self.objects[bucket, key, version_id]

    def _new_id(self) -> str:
        return f"id-{next(self._ids)}"


class _Runner:
    """The model's runner: whatever the world says at that moment."""

    def __init__(self, world: World) -> None:
        self._world = world

    def run(self, request: RunRequest) -> RunResult:
        """Answer for a function's code."""
        return self._world.answer(request)


def ecr_event(image: ImageArtifact, tag: str, event_id: str = "event-1") -> dict[str, Any]:
    """Return the event by which ECR announces an image."""
    return {
        "version": "0",
        "id": event_id,
        "detail-type": "ECR Image Action",
        "source": "aws.ecr",
        "account": image.registry,
        "region": "eu-west-1",
        "resources": [],
        "detail": {
            "action-type": "PUSH",
            "result": "SUCCESS",
            "repository-name": image.repository,
            "image-digest": image.digest,
            "image-tag": tag,
        },
    }


def s3_event(artifact: ZipArtifact, event_id: str = "event-1") -> dict[str, Any]:
    """Return the event by which S3 announces an artifact."""
    return {
        "version": "0",
        "id": event_id,
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "123456789012",
        "region": "eu-west-1",
        "resources": [f"arn:aws:s3:::{artifact.bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": artifact.bucket},
            "object": {"key": artifact.key, "version-id": artifact.version_id, "size": 1, "sequencer": "00A1"},
            "reason": "PutObject",
        },
    }
