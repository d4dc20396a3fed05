"""Runs functions under the real Lambda runtime interface client, in pools of processes."""

import threading
from collections import Counter

from rampart.embedded.aws_lambda.execution_environment import ExecutionEnvironment
from rampart.embedded.aws_lambda.runner import FunctionHost, RunRequest, RunResult, UnpackedCode

_CLOSE_SECONDS = 1.0


class ProcessRunner:
    """Warm awslambdaric processes, at most `per_version` of each kind; further invocations wait."""

    def __init__(self, host: FunctionHost, *, per_version: int = 4, idle_limit: int = 32) -> None:
        self._host = host
        self._per_version = per_version
        self._idle_limit = idle_limit
        self._code = UnpackedCode()
        self._changed = threading.Condition(threading.RLock())
        self._all: set[ExecutionEnvironment] = set()
        self._idle: list[ExecutionEnvironment] = []
        self._counts: Counter[tuple[object, ...]] = Counter()
        self._closed = False

    def run(self, request: RunRequest) -> RunResult:
        """Run one invocation in a warm environment, or in a new one."""
        environment = self._take(request) or self._start(request)
        try:
            return environment.invoke(request)
        finally:
            self._give_back(environment)

    def close(self) -> None:
        """Kill every process and remove the unzipped code; a second call does nothing."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            for environment in self._all:
                environment.kill()
            while self._idle:
                self._retire(self._idle.pop())
            # A busy environment is reaped by the thread that waits for its answer.
            self._changed.wait_for(lambda: not self._all, _CLOSE_SECONDS)
        self._code.close()

    def _take(self, request: RunRequest) -> ExecutionEnvironment | None:
        """Return a warm environment, or None when a new one may be started; waits while all are busy."""
        key = request.environment_key
        with self._changed:
            while True:
                if self._closed:
                    raise RuntimeError("the runner is closed")
                warm = next((each for each in reversed(self._idle) if each.key == key), None)
                if warm is not None:
                    self._idle.remove(warm)
                    if warm.is_alive():
                        return warm
                    self._retire(warm)
                elif self._counts[key] < self._per_version:
                    self._counts[key] += 1
                    return None
                else:
                    self._changed.wait()

    def _start(self, request: RunRequest) -> ExecutionEnvironment:
        try:
            root = self._code.root(request.code)
            # A later layer wins over an earlier one. (Lambda developer guide: Managing dependencies with layers)
            layers = [self._code.root(layer) for layer in reversed(request.layers)]
            environment = ExecutionEnvironment(self._host, request, root, layers)
        except BaseException:
            self._uncount(request.environment_key)
            raise
        with self._changed:
            self._all.add(environment)
            if self._closed:
                environment.kill()
            self._retire_predecessors(environment)
        return environment

    def _retire_predecessors(self, environment: ExecutionEnvironment) -> None:
        """Retire warm environments of the same version from before its code or configuration changed."""
        for each in list(self._idle):
            if each.serves == environment.serves and each.key != environment.key:
                self._idle.remove(each)
                self._retire(each)

    def _give_back(self, environment: ExecutionEnvironment) -> None:
        with self._changed:
            if self._closed or not environment.is_alive():
                self._retire(environment)
                return
            self._idle.append(environment)
            if len(self._idle) > self._idle_limit:
                self._retire(self._idle.pop(0))
            self._changed.notify_all()

    def _retire(self, environment: ExecutionEnvironment) -> None:
        with self._changed:
            environment.close()
            self._all.discard(environment)
            self._uncount(environment.key)

    def _uncount(self, key: tuple[object, ...]) -> None:
        with self._changed:
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]
            self._changed.notify_all()
