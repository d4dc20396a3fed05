"""Invocation: which version runs, what is counted, and what the caller gets."""

import base64
import json
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rampart.embedded.aws_lambda.asynchronous import QueuedEvent
from rampart.embedded.aws_lambda.counts import NAMESPACE, dimension_sets, values_of
from rampart.embedded.aws_lambda.images import ImageCode
from rampart.embedded.aws_lambda.runner import (
    UNHANDLED,
    Package,
    Runner,
    RunRequest,
    RunResult,
    launch_error_result,
)
from rampart.embedded.aws_lambda.state import (
    LATEST,
    FunctionRecord,
    LambdaState,
    VersionConfig,
    function_arn,
)
from rampart.embedded.cloudwatch.datum import Datum
from rampart.embedded.wire import ApiError

# Lambda API: Invoke, "the maximum payload size is 6 MB ... For asynchronous invocations ... 1 MB".
_MAXIMUM_BYTES = {"RequestResponse": 6_291_456, "DryRun": 6_291_456, "Event": 1_048_576}
_LOG_TAIL_BYTES = 4096


@dataclass(frozen=True, slots=True)
class InvocationOutcome:
    """What came of one run: the version that ran, and its result."""

    version: str
    result: RunResult
    report: str = ""
    """The line that Lambda itself adds to the log."""


@dataclass(frozen=True, slots=True)
class _Target:
    """A version picked for one invocation, and under which qualifier."""

    record: FunctionRecord
    config: VersionConfig
    qualifier: str | None
    through_alias: bool

    def dimension_sets(self) -> list[dict[str, str]]:
        """Return the dimensions under which the invocation is counted."""
        executed = self.config.version if self.through_alias else None
        return dimension_sets(self.record.name, self.qualifier, executed)


class Invocation:
    """The operation Invoke, and the same for callers inside this process."""

    def __init__(
        self,
        state: LambdaState,
        chance: random.Random,
        runner: Runner,
        record: Callable[[Datum], None],
        enqueue: Callable[[QueuedEvent], None],
    ) -> None:
        self._state = state
        self._random = chance
        self._runner = runner
        self._record = record
        self._enqueue = enqueue

    def handle(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Invoke."""
        kind = params.get("InvocationType", "RequestResponse")
        payload = _checked_payload(bytes(params.get("Payload", b"")), kind)
        with self._state.lock:
            record, qualifier = self._state.locate(params)
            self._state.shown(record, qualifier)
        if kind == "DryRun":
            return {"StatusCode": 204}
        request_id = self._state.new_id()
        if kind == "Event":
            now = self._state.clock.now()
            self._enqueue(QueuedEvent(record.name, qualifier, payload, request_id, now))
            return {"StatusCode": 202, "Payload": b""}
        outcome = self.run(record.name, qualifier, payload, request_id)
        answer: dict[str, Any] = {
            "StatusCode": 200,
            "ExecutedVersion": outcome.version,
            "Payload": outcome.result.payload,
        }
        if outcome.result.error is not None:
            answer["FunctionError"] = outcome.result.error
        if params.get("LogType") == "Tail":
            tail = (outcome.result.log + outcome.report).encode()[-_LOG_TAIL_BYTES:]
            answer["LogResult"] = base64.b64encode(tail).decode()
        return answer

    def run(
        self, function: str, qualifier: str | None, payload: bytes, request_id: str | None
    ) -> InvocationOutcome:
        """Run one invocation and count it; raises ApiError if nothing ran."""
        started = self._state.clock.now()
        with self._state.lock:
            target = self._resolve(self._state.function(function, qualifier), qualifier)
            request = self._request(target, payload, request_id or self._state.new_id())
            record = target.record
            throttled = record.reserved is not None and record.running >= record.reserved
            if not throttled:
                record.running += 1
        if throttled:
            self._count(target, started, {"Throttles": (1.0, "Count")})
            # Lambda API: Invoke, ReservedFunctionConcurrentInvocationLimitExceeded.
            raise ApiError("TooManyRequestsException", "Rate Exceeded.", 429)
        try:
            result = _limited(self._run(target.config, request))
        finally:
            with self._state.lock:
                record.running -= 1
        self._count(target, started, values_of(result.error is not None, result.duration_ms))
        return InvocationOutcome(target.config.version, result, _report(request, result, target.config.settings))

    def _resolve(self, record: FunctionRecord, qualifier: str | None) -> _Target:
        """Pick the version to run; an alias with weights picks by chance."""
        alias = record.aliases.get(qualifier or "")
        version = alias.version if alias else qualifier or LATEST
        if alias:
            ((other, weight),) = alias.weights.items() or ((alias.version, 0.0),)
            version = other if self._random.random() < weight else alias.version
        config = self._state.version(record, version)
        now = self._state.clock.now()
        if version == LATEST and config.is_busy(now):
            # Lambda developer guide: Lambda function states. A new function cannot be invoked while it is
            # Pending; one that is being updated runs its old code.
            if config.busy == "create":
                message = (
                    "The operation cannot be performed at this time. "
                    "The function is currently in the following state: Pending"
                )
                raise ApiError("ResourceConflictException", message, 409)
            config = record.serving
        if self._state.lost_its_image(config):
            # Users report these words for an Invoke of a function whose image was deleted.
            message = "Lambda cannot initialize the provided container image. Verify the image."
            raise ApiError("CodeArtifactUserFailedException", message, 409)
        return _Target(record, config, qualifier, alias is not None)

    def _request(self, target: _Target, payload: bytes, request_id: str) -> RunRequest:
        config = target.config
        settings = config.settings
        logging = settings["LoggingConfig"]
        code, handler = self._code(config)
        return RunRequest(
            function=config.function,
            version=config.version,
            handler=handler,
            code=code,
            layers=config.layers,
            environment=settings.get("Environment", {}).get("Variables", {}),
            timeout_seconds=settings["Timeout"],
            memory_mb=settings["MemorySize"],
            payload=payload,
            request_id=request_id,
            invoked_arn=function_arn(config.function, target.qualifier),
            log_format=logging["LogFormat"],
            log_level=logging.get("ApplicationLogLevel", ""),
        )

    def _code(self, config: VersionConfig) -> tuple[Package, str]:
        """Return the files and the handler that a version runs."""
        if isinstance(config.code, Package):
            return config.code, config.settings["Handler"]
        behaviour = self._state.images.behaviour(config.code)
        (handler,) = config.settings.get("ImageConfig", {}).get("Command", [behaviour.handler])
        return Package(config.code.sha256, behaviour.code), handler

    def _run(self, config: VersionConfig, request: RunRequest) -> RunResult:
        if isinstance(config.code, ImageCode):
            # Lambda takes an image of another architecture, and fails to start it: no documentation says
            # so, but users do (aws/aws-lambda-base-images, "exec format error").
            built_for = self._state.images.behaviour(config.code).architecture
            if built_for not in config.settings["Architectures"]:
                return launch_error_result(request)
        return self._runner.run(request)

    def _count(self, target: _Target, started: float, values: Mapping[str, tuple[float, str]]) -> None:
        for dimensions in target.dimension_sets():
            for name, (value, unit) in values.items():
                self._record(Datum.of(NAMESPACE, name, dimensions, value, unit, started))


def _report(request: RunRequest, result: RunResult, settings: Mapping[str, Any]) -> str:
    """Return the line that Lambda writes at the end of an invocation.

    Source: Lambda developer guide, "Viewing CloudWatch logs for Lambda"; where a function logs JSON, "Telemetry API
    event schema", platform.report, which "Configuring advanced logging controls" has from the system log level INFO
    on.
    """
    duration_ms, billed_ms = round(result.duration_ms, 2), math.ceil(result.duration_ms)
    if settings["LoggingConfig"]["LogFormat"] == "JSON":
        if settings["LoggingConfig"]["SystemLogLevel"] == "WARN":
            return ""
        metrics = {"durationMs": duration_ms, "billedDurationMs": billed_ms, "memorySizeMB": request.memory_mb}
        status = "error" if result.error else "success"
        record = {"requestId": request.request_id, "metrics": metrics, "status": status}
        return json.dumps({"type": "platform.report", "record": record}) + "\n"
    return (
        f"REPORT RequestId: {request.request_id}\tDuration: {duration_ms:.2f} ms\tBilled Duration: {billed_ms} ms\t"
        f"Memory Size: {request.memory_mb} MB\n"
    )


def _checked_payload(payload: bytes, kind: str) -> bytes:
    limit = _MAXIMUM_BYTES[kind]
    if len(payload) > limit:
        message = f"{len(payload)} byte payload is too large for the {kind} invocation type (limit {limit} bytes)"
        raise ApiError("RequestTooLargeException", message, 413)
    try:
        json.loads(payload or b"{}")
    except ValueError as error:
        message = f"Could not parse request body into json: {error}"
        raise ApiError("InvalidRequestContentException", message) from error
    return payload or b"{}"


def _limited(result: RunResult) -> RunResult:
    limit = _MAXIMUM_BYTES["RequestResponse"]
    if len(result.payload) <= limit:
        return result
    message = f"Response payload size exceeded maximum allowed payload size ({limit} bytes)."
    payload = json.dumps({"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"}).encode()
    return replace(result, payload=payload, error=UNHANDLED)
