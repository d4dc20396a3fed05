"""One execution environment: a process under awslambdaric that serves one invocation at a time."""

import os
import selectors
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from rampart.embedded.aws_lambda.runner import (
    TRACE_HEADER,
    UNHANDLED,
    FunctionHost,
    RunRequest,
    RunResult,
    exit_result,
    timeout_result,
)
from rampart.embedded.aws_lambda.runtime_api import RuntimeApi, RuntimeMessage

# Lambda developer guide: Understanding the Lambda execution environment lifecycle, "Init phase".
_INIT_SECONDS = 10.0
# The end of a process shows at once in its closed connections; this is for one that had none.
_LIVENESS_SECONDS = 0.1
_READ_BYTES = 1 << 16


class _ProcessEndedError(Exception):
    """The process is gone and said nothing more."""


class ExecutionEnvironment:
    """A process, its Runtime API and its log; used by one thread at a time, only `kill` by any."""

    def __init__(self, host: FunctionHost, request: RunRequest, task_root: Path, layer_roots: list[Path]) -> None:
        self.key = request.environment_key
        self.serves = (request.function, request.version)
        self._host = host
        self._log = bytearray()
        self._line = b""
        self._selector = selectors.DefaultSelector()
        self._api = RuntimeApi(self._selector)
        try:
            self._process = self._start(request, task_root, layer_roots)
        except OSError:
            self._api.close()
            self._selector.close()
            raise
        assert self._process.stdout is not None  # noqa: S101 - says what PIPE gives
        self._output = self._process.stdout
        os.set_blocking(self._output.fileno(), False)
        self._selector.register(self._output, selectors.EVENT_READ, self._read_log)

    def _start(self, request: RunRequest, task_root: Path, layer_roots: list[Path]) -> subprocess.Popen[bytes]:
        variables = self._host.variables(request, task_root, layer_roots)
        return subprocess.Popen(  # noqa: S603 - running the function's code is the purpose
            [sys.executable, "-m", "awslambdaric", request.handler],
            cwd=task_root,
            env={**variables, "AWS_LAMBDA_RUNTIME_API": self._api.address},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def is_alive(self) -> bool:
        """Tell whether the process still runs; it is not reaped, so its id stays its own."""
        with suppress(ChildProcessError):
            found = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            return found is None
        return False

    def invoke(self, request: RunRequest) -> RunResult:
        """Run one invocation; an environment that timed out or broke is dead afterwards."""
        self._log.clear()
        clock = self._host.clock
        started = clock.now()
        try:
            ready = self._next_message(started + _INIT_SECONDS + request.timeout_seconds)
            if ready.kind == "ready":
                started = clock.now()
                self._send(request, started + request.timeout_seconds)
                answer = self._next_message(started + request.timeout_seconds)
            else:
                answer = ready
                self._kill_and_reap()
            error = None if answer.kind == "response" else UNHANDLED
            result = RunResult(answer.body, error, (clock.now() - started) * 1000)
        except TimeoutError:
            self._kill_and_reap()
            result = timeout_result(request)
        except _ProcessEndedError:
            result = exit_result(request, self._kill_and_reap(), (clock.now() - started) * 1000)
        while self._read_log():
            pass
        if self._line:
            self._tell(self._line)
            self._line = b""
        return replace(result, log=self._log.decode("utf-8", "replace"))

    def kill(self) -> None:
        """Kill the process and all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill and reap the process and close what belongs to it."""
        self._kill_and_reap()
        self._api.close()
        self._selector.close()
        self._output.close()

    def _kill_and_reap(self) -> int:
        if self._process.returncode is None:
            self.kill()
        return self._process.wait()

    def _send(self, request: RunRequest, deadline: float) -> None:
        headers = {
            "Lambda-Runtime-Aws-Request-Id": request.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": request.invoked_arn,
            "Lambda-Runtime-Trace-Id": TRACE_HEADER,
        }
        self._api.invoke(headers, request.payload)

    def _next_message(self, until: float) -> RuntimeMessage:
        """Return what the runtime says next; raises TimeoutError at the time `until`."""
        while not self._api.messages:
            left_seconds = until - self._host.clock.now()
            if left_seconds <= 0:
                raise TimeoutError
            if not self._pump(min(left_seconds, _LIVENESS_SECONDS)) and not self.is_alive():
                while self._pump(0):
                    pass
                if not self._api.messages:
                    raise _ProcessEndedError
        return self._api.messages.popleft()

    def _pump(self, timeout_seconds: float) -> bool:
        events = self._selector.select(timeout_seconds)
        for key, _ in events:
            key.data()
        return bool(events)

    def _read_log(self) -> bool:
        """Take in what the function has written so far; tell whether there was anything."""
        try:
            data = os.read(self._output.fileno(), _READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            with suppress(KeyError):
                self._selector.unregister(self._output)
            return False
        self._log += data
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            self._tell(line)
        return True

    def _tell(self, line: bytes) -> None:
        self._host.on_log(*self.serves, line.decode("utf-8", "replace"))
