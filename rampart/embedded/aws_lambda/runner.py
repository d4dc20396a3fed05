"""What runs a function's code: the request, the answer, and what every execution environment has."""

import json
import os
import signal
import tempfile
import threading
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Protocol

from rampart.embedded.clock import Clock
from rampart.embedded.wire import REGION

UNHANDLED = "Unhandled"
TRACE_HEADER = "Root=1-00000000-000000000000000000000000;Sampled=0"
"""The X-Ray trace header of every invocation: nothing is sampled, so no daemon is asked for."""


@dataclass(frozen=True, slots=True)
class Package:
    """A zip of code and its CodeSha256, by which it is told from others."""

    sha256: str
    data: bytes = field(repr=False, compare=False)

    @property
    def size(self) -> int:
        """Return CodeSize, in bytes."""
        return len(self.data)


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One invocation of one version."""

    function: str
    version: str
    handler: str
    code: Package
    environment: Mapping[str, str]
    """The variables of the function's own configuration."""
    timeout_seconds: int
    memory_mb: int
    payload: bytes
    request_id: str
    invoked_arn: str
    layers: tuple[Package, ...] = ()
    log_format: str = "Text"
    log_level: str = ""

    @property
    def environment_key(self) -> tuple[object, ...]:
        """Return what an execution environment must agree on to serve this request."""
        return (
            self.function,
            self.version,
            self.code,
            self.layers,
            self.handler,
            tuple(sorted(self.environment.items())),
            self.timeout_seconds,
            self.memory_mb,
            self.log_format,
            self.log_level,
        )


@dataclass(frozen=True, slots=True)
class RunResult:
    """What came of one invocation."""

    payload: bytes
    """The function's answer, or its error as JSON."""
    error: str | None
    """None, or the value of the header X-Amz-Function-Error."""
    duration_ms: float
    log: str = ""


def timeout_result(request: RunRequest) -> RunResult:
    """Return Lambda's answer for a function that ran past its timeout."""
    reason = f"Task timed out after {request.timeout_seconds:.2f} seconds"
    return _sandbox_error(request, "Sandbox.Timedout", reason, request.timeout_seconds * 1000.0)


def exit_result(request: RunRequest, status: int, duration_ms: float) -> RunResult:
    """Return Lambda's answer for a process that ended with `status` (negative: by a signal)."""
    if status == 0:
        reason = "Runtime exited without providing a reason"
    elif status > 0:
        reason = f"Runtime exited with error: exit status {status}"
    else:
        reason = f"Runtime exited with error: signal: {_signal_text(-status)}"
    return _sandbox_error(request, "Runtime.ExitError", reason, duration_ms)


def launch_error_result(request: RunRequest) -> RunResult:
    """Return Lambda's answer for an image that was built for another architecture than the function's."""
    reason = "fork/exec /lambda-entrypoint.sh: exec format error"
    return _sandbox_error(request, "Runtime.InvalidEntrypoint", reason, 0.0)


def _signal_text(number: int) -> str:
    return (signal.strsignal(number) or str(number)).lower()


def _sandbox_error(request: RunRequest, kind: str, reason: str, duration_ms: float) -> RunResult:
    message = f"RequestId: {request.request_id} Error: {reason}"
    payload = json.dumps({"errorType": kind, "errorMessage": message}).encode()
    return RunResult(payload, UNHANDLED, duration_ms)


class Runner(Protocol):
    """Runs code."""

    def run(self, request: RunRequest) -> RunResult:
        """Run one invocation to its end; an error of the function is a result, never an exception."""
        ...


@dataclass(frozen=True, slots=True)
class FunctionHost:
    """What all execution environments of one embedded AWS share."""

    clock: Clock
    endpoint_url: str
    credentials: Callable[[str], str]
    """Gives the access key id under which a function's own calls are made."""
    on_log: Callable[[str, str, str], None]
    """Takes (function, version, line) for each line that a function writes."""

    def variables(self, request: RunRequest, task_root: Path, layer_roots: list[Path]) -> dict[str, str]:
        """Return the whole environment of a function; nothing of ours leaks in but the search path."""
        inherited = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        defaults = {"HOME": tempfile.gettempdir(), "LANG": "en_US.UTF-8", "TZ": ":UTC"}
        layers = [str(root / "python") for root in layer_roots]
        search = [*layers, *filter(None, [request.environment.get("PYTHONPATH")])]
        # Lambda developer guide: Defined runtime environment variables.
        defined = {
            "AWS_LAMBDA_FUNCTION_NAME": request.function,
            "AWS_LAMBDA_FUNCTION_VERSION": request.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(request.memory_mb),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(request.timeout_seconds),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{request.function}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"[{request.version}]{request.request_id}",
            "AWS_LAMBDA_LOG_FORMAT": request.log_format,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.credentials(request.function),
            "AWS_SECRET_ACCESS_KEY": "embedded",
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "LAMBDA_TASK_ROOT": str(task_root),
            "_HANDLER": request.handler,
            "RAMPART_MINUTE_SECONDS": str(self.clock.minute_seconds),
        }
        if request.log_level:
            defined["AWS_LAMBDA_LOG_LEVEL"] = request.log_level
        path = {"PYTHONPATH": os.pathsep.join(search)} if search else {}
        return {**inherited, **defaults, **request.environment, **path, **defined}


class UnpackedCode:
    """Packages unzipped once each into a directory that goes away with `close`."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="rampart-code-", ignore_cleanup_errors=True)
        self._roots: dict[str, Path] = {}
        self._lock = threading.Lock()

    def root(self, package: Package) -> Path:
        """Return the directory that holds the package's files."""
        with self._lock:
            root = self._roots.get(package.sha256)
            if root is None:
                root = Path(self._directory.name).resolve() / str(len(self._roots))
                root.mkdir()
                with zipfile.ZipFile(BytesIO(package.data)) as archive:
                    archive.extractall(root)
                self._roots[package.sha256] = root
            return root

    def close(self) -> None:
        """Remove everything that was unzipped."""
        with self._lock:
            self._directory.cleanup()
