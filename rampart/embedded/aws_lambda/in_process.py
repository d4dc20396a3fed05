"""Runs functions inside this process, where awslambdaric is missing or a test wants no process.

Limits: one invocation at a time (a function that waits for another function waits in vain), every
invocation is a cold start, a function past its timeout is reported but not stopped, threads that it
leaves behind live on, only what it prints or logs through Python is captured, and the variables of this
process show through and are overlaid for every thread while a function runs.
"""

import importlib
import io
import json
import logging
import os
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from rampart.embedded.aws_lambda.runner import (
    TRACE_HEADER,
    UNHANDLED,
    FunctionHost,
    RunRequest,
    RunResult,
    UnpackedCode,
    exit_result,
    timeout_result,
)
from rampart.embedded.clock import Clock


@dataclass(frozen=True, slots=True)
class InProcessContext:
    """The context object of a handler, as far as it makes sense here."""

    function_name: str
    function_version: str
    invoked_function_arn: str
    memory_limit_in_mb: str
    aws_request_id: str
    log_group_name: str
    log_stream_name: str
    clock: Clock
    deadline: float

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the function's timeout."""
        return max(0, int((self.deadline - self.clock.now()) * 1000))


class InProcessRunner:
    """Imports the unzipped code for each invocation and forgets it afterwards."""

    def __init__(self, host: FunctionHost) -> None:
        self._host = host
        self._code = UnpackedCode()
        self._lock = threading.Lock()

    def run(self, request: RunRequest) -> RunResult:
        """Run one invocation, after those that came before it."""
        root = self._code.root(request.code)
        layers = [self._code.root(layer) for layer in reversed(request.layers)]
        if not self._lock.acquire(timeout=request.timeout_seconds):
            return timeout_result(request)
        try:
            output = io.StringIO()
            variables = self._host.variables(request, root, layers)
            variables["_X_AMZN_TRACE_ID"] = TRACE_HEADER
            paths = [root, *(layer / "python" for layer in layers)]
            with _variables(variables), _modules_of(paths), _captured(output):
                result = self._call(request)
        finally:
            self._lock.release()
        for line in output.getvalue().splitlines():
            self._host.on_log(request.function, request.version, line)
        return replace(result, log=output.getvalue())

    def close(self) -> None:
        """Remove the unzipped code."""
        self._code.close()

    def _call(self, request: RunRequest) -> RunResult:
        clock = self._host.clock
        started = clock.now()
        error: str | None = None
        try:
            answer = _handler(request)(json.loads(request.payload), self._context(request, started))
            payload = json.dumps(answer).encode()
        except SystemExit as exit_:
            status = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
            return exit_result(request, status, (clock.now() - started) * 1000)
        except Exception as failure:  # noqa: BLE001 - the function's errors are its result
            error, payload = UNHANDLED, _error_payload(request, failure)
        duration_ms = (clock.now() - started) * 1000
        if duration_ms > request.timeout_seconds * 1000:
            return timeout_result(request)
        return RunResult(payload, error, duration_ms)

    def _context(self, request: RunRequest, started: float) -> InProcessContext:
        return InProcessContext(
            function_name=request.function,
            function_version=request.version,
            invoked_function_arn=request.invoked_arn,
            memory_limit_in_mb=str(request.memory_mb),
            aws_request_id=request.request_id,
            log_group_name=os.environ["AWS_LAMBDA_LOG_GROUP_NAME"],
            log_stream_name=os.environ["AWS_LAMBDA_LOG_STREAM_NAME"],
            clock=self._host.clock,
            deadline=started + request.timeout_seconds,
        )


class _InitError(Exception):
    """The handler cannot be had; `kind` is the error type that awslambdaric would report."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def _handler(request: RunRequest) -> Any:
    module_name, dot, function_name = request.handler.rpartition(".")
    if not dot:
        raise _InitError("Runtime.MalformedHandlerName", f"Bad handler '{request.handler}'")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as failure:
        message = f"Unable to import module '{module_name}': {failure}"
        raise _InitError("Runtime.ImportModuleError", message) from failure
    except SyntaxError as failure:
        message = f"Syntax error in module '{module_name}': {failure}"
        raise _InitError("Runtime.UserCodeSyntaxError", message) from failure
    if not hasattr(module, function_name):
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        raise _InitError("Runtime.HandlerNotFound", message)
    return getattr(module, function_name)


def _error_payload(request: RunRequest, failure: Exception) -> bytes:
    kind = failure.kind if isinstance(failure, _InitError) else type(failure).__name__
    error = {
        "errorMessage": str(failure),
        "errorType": kind,
        "requestId": request.request_id,
        "stackTrace": traceback.format_tb(failure.__traceback__),
    }
    return json.dumps(error).encode()


@contextmanager
def _variables(variables: dict[str, str]) -> Iterator[None]:
    """Lay the function's variables over ours; ours stay, since other threads may need them meanwhile."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _modules_of(paths: list[Path]) -> Iterator[None]:
    """Let the code's own modules win, even over loaded ones of the same name, and forget them after."""
    names = {entry.name.partition(".")[0] for path in paths if path.is_dir() for entry in path.iterdir()}
    hidden = _take_modules(names)
    sys.path[:0] = [str(path) for path in paths]
    importlib.invalidate_caches()
    try:
        yield
    finally:
        del sys.path[: len(paths)]
        _take_modules(names)
        sys.modules.update(hidden)


def _take_modules(top_names: set[str]) -> dict[str, ModuleType]:
    taken = [name for name in sys.modules if name.partition(".")[0] in top_names]
    return {name: sys.modules.pop(name) for name in taken}


@contextmanager
def _captured(output: io.StringIO) -> Iterator[None]:
    """Capture prints and log records, and keep boto3's default session from crossing functions."""
    handler = logging.StreamHandler(output)
    root = logging.getLogger()
    boto3: Any = sys.modules.get("boto3")
    session = boto3.DEFAULT_SESSION if boto3 else None
    root.addHandler(handler)
    if boto3:
        boto3.DEFAULT_SESSION = None
    try:
        with redirect_stdout(output), redirect_stderr(output):
            yield
    finally:
        root.removeHandler(handler)
        if boto3:
            boto3.DEFAULT_SESSION = session
