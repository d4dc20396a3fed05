"""The composition root: one AWS account in one region on one port of this machine."""

import json
import random
import threading
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from botocore.exceptions import ClientError

from rampart.embedded import bucket_owner, moto_guard
from rampart.embedded.aws_lambda.asynchronous import AsyncInvocations
from rampart.embedded.aws_lambda.image_access import ImageAccess
from rampart.embedded.aws_lambda.images import Behaviour, Images
from rampart.embedded.aws_lambda.in_process import InProcessRunner
from rampart.embedded.aws_lambda.model import LambdaModel
from rampart.embedded.aws_lambda.runner import FunctionHost, RunRequest, RunResult
from rampart.embedded.aws_lambda.runtime import ProcessRunner
from rampart.embedded.clock import Clock, SystemClock
from rampart.embedded.cloudformation import deployer
from rampart.embedded.cloudformation.stacks import CloudFormationModel
from rampart.embedded.cloudwatch.emf import data_of
from rampart.embedded.cloudwatch.model import CloudWatchModel
from rampart.embedded.ecr.build import build_image
from rampart.embedded.ecr.model import EcrModel
from rampart.embedded.ecr.repository import REGISTRY
from rampart.embedded.eventbridge import s3_events
from rampart.embedded.eventbridge.ecr_events import EcrEvents
from rampart.embedded.eventbridge.events import EventBridge
from rampart.embedded.eventbridge.s3_events import S3Events
from rampart.embedded.eventbridge.streams import Streams
from rampart.embedded.eventbridge.targets import Destinations, Targets
from rampart.embedded.front import Around, Front, Hooks, Operation, Server, name_execution, plainly
from rampart.embedded.iam.authoriser import Authoriser
from rampart.embedded.log_queries import LogQueries
from rampart.embedded.operator_clients import OperatorClients
from rampart.embedded.schemas import SchemasModel
from rampart.embedded.wire import ApiError, Call, Service
from rampart.embedded.wire_format import Response

OnLog = Callable[[str, str, str], None]
"""Takes (function, version, line)."""

_KEPT_LINES = 10_000
_TABLE_WRITES = (
    *("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"),
    *("ExecuteStatement", "ExecuteTransaction", "BatchExecuteStatement"),
)
_one_at_a_time = threading.Lock()


class EmbeddedAws:
    """AWS, as far as Rampart needs it; it runs from its creation until it is closed."""

    def __init__(
        self,
        clock_or_minute_seconds: Clock | float = 60.0,
        runner: Literal["process", "in_process"] = "process",
        seed: int = 0,
        metric_lag_seconds: float = 0.0,
        delivery_delay_seconds: float = 0.0,
        on_log: OnLog | None = None,
        around: Around = plainly,
        processes: int = 4,
    ) -> None:
        """Start an empty account.

        `metric_lag_seconds` is how late metrics show, `delivery_delay_seconds` how late events arrive, and
        `on_log` gets every line that a function writes, but for metrics in embedded metric format. Each call
        that was authorised is carried out within the context that `around` gives. At most `processes` run for
        each version of a function; further invocations wait.
        """
        if not _one_at_a_time.acquire(blocking=False):
            raise RuntimeError("an embedded AWS runs in this process already; close it before starting another")
        if isinstance(clock_or_minute_seconds, int | float):
            self.clock: Clock = SystemClock(float(clock_or_minute_seconds))
        else:
            self.clock = clock_or_minute_seconds
        self._random = random.Random(seed)  # noqa: S311 (ids and weighted picks that a seed repeats)
        self._on_log = on_log
        self._around = around
        self._logs: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=_KEPT_LINES))
        self._clients = OperatorClients()
        self._announced: set[str] = set()
        # What was started last is closed first.
        self._closing = ExitStack()
        self._closing.callback(_one_at_a_time.release)
        try:
            self._start(runner, processes, metric_lag_seconds, delivery_delay_seconds)
        except BaseException:
            self.close()
            raise

    def _start(
        self,
        runner: Literal["process", "in_process"],
        processes: int,
        metric_lag_seconds: float,
        delivery_delay_seconds: float,
    ) -> None:
        server = Server()
        self._closing.callback(server.close)
        self.url = f"http://127.0.0.1:{server.port}"
        """Where the account is: what AWS_ENDPOINT_URL must be."""
        self._clients.url = self.url
        self._closing.callback(self._clients.close)
        moto = moto_guard.Moto(self._execution_ended)
        self._closing.callback(moto.close)
        moto.start(server.port)

        self.authoriser = Authoriser(self._tags, moto_guard.hash_key_of)
        self.cloudwatch = CloudWatchModel(self.clock, self._publish, self._new_id, metric_lag_seconds)
        self.ecr = EcrModel(self.clock, self.url)
        self._images = Images(self.ecr.manifest)
        host = FunctionHost(self.clock, self.url, access_key, self._take_log)
        self._runner = _Runner(
            ProcessRunner(host, per_version=processes) if runner == "process" else InProcessRunner(host)
        )
        self._asynchronous = AsyncInvocations(self.clock, self._send, self.cloudwatch.record)
        self._closing.callback(self._asynchronous.close, 0.3)
        self.lambda_model = LambdaModel(
            clock=self.clock,
            random=self._random,
            code=self._read_object,
            runner=self._runner,
            record=self.cloudwatch.record,
            enqueue=self._asynchronous.enqueue,
            new_id=self._new_id,
            images=self._images,
        )
        self._destinations = Destinations(self.lambda_model, self.client, self.authoriser.allows)
        self._streams = Streams(self.clock, self.lambda_model, self.authoriser.allows, self._send)
        self._closing.callback(self._streams.close)
        # Before all that may wait for a function: functions end with their runner.
        self._closing.callback(self._runner.close)
        targets = Targets(self.lambda_model, self.client, self._check_role)
        self.events = EventBridge(self.clock, targets, self._new_id, delivery_delay_seconds)
        self._closing.callback(self.events.close)
        self._closing.callback(moto.stop_all)

        self._ticker = _Ticker(self.clock, self._tick)
        self._closing.callback(self._ticker.close)
        self._target = deployer.DeployTarget(self.client, self.authoriser, access_key)
        self._front = self._make_front(moto)
        self._asynchronous.start(self.lambda_model)
        server.start(self.ecr.blobs.before(self._front.handle))

    def _make_front(self, moto: moto_guard.Moto) -> Front:
        def started(call: Call, response: Response) -> None:
            execution = moto.settle(json.loads(response.body)["executionArn"])
            if execution.arn not in self._announced:  # StartExecution may be repeated
                self._announced.add(execution.arn)
                self._publish(_execution_event(execution, "RUNNING"))

        def stopped(call: Call, response: Response) -> None:
            moto.stop(call.params["executionArn"], call.params.get("error"), call.params.get("cause"))

        def written(call: Call, response: Response) -> None:
            self._streams.collect()

        def mapped(call: Call, response: Response) -> None:
            with self._front.lock_of("dynamodb"):
                self._streams.refresh()
                self._streams.collect()

        def rescheduled(call: Call, response: Response) -> None:
            self._ticker.wake()

        after: dict[Operation, Callable[[Call, Response], None]] = {
            **S3Events(self.clock, self._publish).after,
            **EcrEvents(self._publish).after,
            ("stepfunctions", "StartExecution"): started,
            ("stepfunctions", "StopExecution"): stopped,
            ("lambda", "CreateEventSourceMapping"): mapped,
            ("lambda", "DeleteEventSourceMapping"): mapped,
            **{("dynamodb", operation): written for operation in _TABLE_WRITES},
            **{("events", each): rescheduled for each in ("PutRule", "EnableRule", "DisableRule", "DeleteRule")},
        }
        before = {
            **self.events.before,
            **ImageAccess(self.ecr, self.authoriser).before,
            **bucket_owner.BEFORE,
            ("stepfunctions", "StartExecution"): name_execution(self._new_id),
            ("lambda", "CreateEventSourceMapping"): self._streams.check,
        }
        services: dict[str, Service] = {
            "lambda": self.lambda_model,
            "cloudwatch": self.cloudwatch,
            "ecr": self.ecr,
            "schemas": SchemasModel(),
            "cloudformation": CloudFormationModel(self.clock, self._target.stacks),
        }
        queries = LogQueries(self._new_id)
        operations: dict[Operation, Service] = {("events", "PutEvents"): self.events}
        operations |= {("logs", each): queries for each in queries.operations}
        hooks = Hooks(before, after, s3_events.AMEND, self._around)
        return Front(self.authoriser, services, operations, moto.app, hooks, self._new_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop everything and forget everything; a second call does nothing."""
        self._closing.pop_all().close()

    def client(self, service: str) -> Any:
        """Return a boto3 client with the rights of the operator, who may do everything."""
        return self._clients.client(service)

    def deploy(
        self,
        template: Path,
        stack_name: str,
        parameters: Mapping[str, str],
        package: deployer.Package | None = None,
    ) -> deployer.Stack:
        """Deploy a SAM template, in place of a stack that has this name."""
        return deployer.deploy(self._target, template, stack_name, parameters, package)

    def push_image(
        self,
        repository: str,
        tags: Sequence[str],
        code: bytes,
        handler: str = "app.handler",
        architecture: str = "arm64",
        index: bool = False,
    ) -> str:
        """Push an image that runs a zip's code, and return its URI by the digest that the tags point at.

        Every tag is a PutImage of its own; what is there already is left, as docker leaves it. With `index`
        the tags point at an index of the image and its provenance, which Lambda refuses.
        """
        image = build_image(code, handler, architecture, index)
        self.ecr.blobs.keep(image.configs)
        self._images.remember(image.runnable, Behaviour(code, handler, architecture))
        *untagged, last = image.manifests
        pushes = [{"imageManifest": manifest} for manifest in untagged]
        pushes += [{"imageManifest": last, "imageTag": tag} for tag in tags] or [{"imageManifest": last}]
        client = self.client("ecr")
        for push in pushes:
            with suppress(client.exceptions.ImageAlreadyExistsException):
                client.put_image(repositoryName=repository, **push)
        return f"{REGISTRY}/{repository}@{image.digest}"

    def states_role(self, role_name: str, policies: list[dict[str, Any]]) -> None:
        """Give every state machine a role: moto's interpreter signs for all of them with one key."""
        self.authoriser.register(moto_guard.STATES_KEY, role_name, policies)

    def logs(self, function_name: str) -> list[str]:
        """Return the last lines that a function wrote, but for metrics in embedded metric format."""
        return list(self._logs[function_name])

    def wait_until_idle(self, timeout_seconds: float) -> bool:
        """Wait until no event and no stream record is on its way; say whether that came true."""
        return self._streams.wait_until_idle(timeout_seconds) and self.events.wait_until_idle(timeout_seconds)

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def _publish(self, event: Mapping[str, Any]) -> None:
        self.events.publish(event)

    def _execution_ended(self, execution: moto_guard.Execution) -> None:
        self._publish(_execution_event(execution, execution.status))

    def _send(self, arn: str, body: str, function: str) -> None:
        self._destinations.send(arn, body, function)

    def _take_log(self, function: str, version: str, line: str) -> None:
        data = data_of(line, self.clock.now())
        for datum in data:
            self.cloudwatch.record(datum)
        if not data:
            self._logs[function].append(line)
            if self._on_log is not None:
                self._on_log(function, version, line)

    def _tick(self) -> float:
        """Do what is due by the clock, and return when to come again (epoch seconds)."""
        self.cloudwatch.evaluate()
        scheduled = self.events.run_schedules()
        alarms = self.cloudwatch.next_evaluation()
        return alarms if scheduled is None else min(alarms, scheduled)

    def _tags(self, arn: str) -> Mapping[str, str]:
        if arn.startswith("arn:aws:lambda:"):
            return self.lambda_model.tags(arn)
        if arn.startswith("arn:aws:ecr:"):
            return self.ecr.labels(arn)
        return self.cloudwatch.tags_of(arn) if arn.startswith("arn:aws:cloudwatch:") else {}

    def _check_role(self, role_arn: str, call: Call) -> None:
        """Raise ApiError unless the inline policies of a role allow a call."""
        policies = [json.loads(text) for text in moto_guard.role_policies(role_arn).values()]
        self.authoriser.register(role_arn, role_arn.rpartition("/")[2], policies)
        self.authoriser.check(Call(call.service, call.operation, role_arn, call.params))

    def _read_object(self, bucket: str, key: str, version_id: str | None) -> bytes:
        version = {} if version_id is None else {"VersionId": version_id}
        try:
            body: bytes = self.client("s3").get_object(Bucket=bucket, Key=key, **version)["Body"].read()
        except ClientError as error:
            details = error.response["Error"]
            raise ApiError(details["Code"], details["Message"]) from error
        return body


def access_key(function_name: str) -> str:
    """Return the access key id that a function signs its calls with."""
    return f"ASIA-{function_name}"


def _execution_event(execution: moto_guard.Execution, status: str) -> dict[str, Any]:
    """Return the event of an execution's change of status."""
    # EventBridge events reference: AWS Step Functions, "Step Functions Execution Status Change".
    ended = status != "RUNNING"
    detail = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.state_machine_arn,
        "name": execution.name,
        "status": status,
        "startDate": execution.start_ms,
        "stopDate": execution.stop_ms if ended else None,
        "input": execution.input,
        "output": execution.output if ended else None,
        "inputDetails": {"included": True},
        "outputDetails": {"included": True} if ended and execution.output is not None else None,
        "error": execution.error if ended else None,
        "cause": execution.cause if ended else None,
    }
    return {
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "resources": [execution.arn],
        "detail": detail,
    }


class _Runner:
    """A runner that answers with an AWS error once it is closed."""

    def __init__(self, runner: ProcessRunner | InProcessRunner) -> None:
        self._runner = runner
        self._closed = False

    def run(self, request: RunRequest) -> RunResult:
        if self._closed:
            raise ApiError("ServiceException", "The embedded AWS is closed.", 500)
        try:
            return self._runner.run(request)
        except Exception as error:
            if self._closed:
                raise ApiError("ServiceException", "The embedded AWS is closed.", 500) from error
            raise

    def close(self) -> None:
        self._closed = True
        self._runner.close()


class _Ticker:
    """A thread that does what is due by the clock."""

    def __init__(self, clock: Clock, tick: Callable[[], float]) -> None:
        self._clock = clock
        self._tick = tick
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="embedded-aws-ticker", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def close(self) -> None:
        self._closed = True
        self._wake.set()
        self._thread.join(0.3)

    def _run(self) -> None:
        while not self._closed:
            self._wake.clear()
            due = self._tick()
            self._wake.wait(max(0.0, due - self._clock.now()))
