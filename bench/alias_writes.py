"""Every UpdateAlias that reaches the embedded AWS: from whom, and when it took effect; and its delay."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.waiting import WaitedInVainError
from rampart.embedded.wire import Call

_LONGEST_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Write:
    """One UpdateAlias."""

    function: str
    by: str
    """The access key id of the caller, which has the name of a function of the controller in it."""
    splits: bool
    """Whether it gave a second version a weight."""
    at: float | None
    """When the alias changed, in seconds since the epoch; None when the call was refused."""


class AliasWrites:
    """Watches and delays: give `around` to the embedded AWS."""

    def __init__(self, seconds: float) -> None:
        """Each UpdateAlias will take `seconds` before it has its effect."""
        self._seconds = seconds
        self._changed = threading.Condition()
        self._under_way: list[str] = []
        self._answered: list[Write] = []

    @contextmanager
    def around(self, call: Call) -> Iterator[None]:
        """Carry out one call; one that is refused leaves as the error that it is."""
        if (call.service, call.operation) != ("lambda", "UpdateAlias"):
            yield
            return
        with self._changed:
            self._under_way.append(call.principal)
            self._changed.notify_all()
        time.sleep(self._seconds)
        at = None
        try:
            yield
            at = time.time()
        finally:
            splits = bool(call.params["RoutingConfig"]["AdditionalVersionWeights"])
            with self._changed:
                self._answered.append(Write(call.params["FunctionName"], call.principal, splits, at))
                self._under_way.remove(call.principal)
                self._changed.notify_all()

    def forget(self) -> None:
        """Forget every write so far."""
        with self._changed:
            self._answered.clear()

    def back(self) -> list[Write]:
        """Return every write, refused ones too, that would put an alias on one version; the oldest answer first."""
        with self._changed:
            return [write for write in self._answered if not write.splits]

    def back_at(self) -> float:
        """Return when the last alias was put on one version, in seconds since the epoch; 0.0 when none was."""
        return max((write.at or 0.0 for write in self.back()), default=0.0)

    def wait_for_start(self, by: str) -> None:
        """Wait until a function of the controller (by its logical id) is writing an alias."""
        self._wait(lambda: any(by in each for each in self._under_way), f"{by} is writing an alias")

    def wait_for_return(self, functions: set[str]) -> None:
        """Wait until the alias of each function has been put back on one version."""
        self._wait(
            lambda: functions <= {write.function for write in self.back() if write.at}, "the aliases are back"
        )

    def _wait(self, true: Callable[[], bool], what: str) -> None:
        with self._changed:
            if not self._changed.wait_for(true, _LONGEST_SECONDS):
                raise WaitedInVainError(f"waited {_LONGEST_SECONDS:g} s in vain: {what}")
