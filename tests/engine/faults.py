"""Faults for a world: the n-th AWS call fails, before it had its effect or after it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from rampart.embedded.wire import ApiError

THROTTLE = ApiError("TooManyRequestsException", "Rate exceeded", 429)
BROKEN = ApiError("ServiceException", "An error occurred and the request cannot be processed.", 500)
DENIED = ApiError("AccessDeniedException", "User: rampart is not authorized", 403)


class CrashError(Exception):
    """The task's process died."""


@dataclass
class Fault:
    """Fails the n-th call, counted from 1, at a moment; of one operation when that is named."""

    nth: int
    moment: str = "before"
    error: Exception = THROTTLE
    operation: str | None = None
    times: int = 1
    """How many calls in a row fail."""
    calls: list[str] = field(default_factory=list)
    """The operations that were counted so far."""
    fired: list[str] = field(default_factory=list)
    """The operations that failed."""

    def __call__(self, operation: str, moment: str) -> None:
        """Count a call; raise when its turn has come."""
        if self.operation not in (None, operation):
            return
        if moment == "before":
            self.calls.append(operation)
        if moment == self.moment and self.nth <= len(self.calls) < self.nth + self.times:
            self.fired.append(operation)
            raise self.error


def meanwhile(operation: str, action: Callable[[], object], moment: str = "before") -> Callable[[str, str], None]:
    """Return a fault that raises nothing: somebody else acts once, right before or after an operation."""
    waiting = [action]

    def act(called: str, at: str) -> None:
        if (called, at) == (operation, moment) and waiting:
            waiting.pop()()

    return act


def always(operation: str, error: Exception = DENIED) -> Fault:
    """Return a fault by which every call of an operation fails before it has an effect."""
    return Fault(1, error=error, operation=operation, times=10_000)
