"""What may go wrong at a call of AWS, before it had its effect or after it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from botocore.exceptions import ReadTimeoutError

from rampart.embedded.wire import ApiError
from tests.engine.lambdas import Died

THROTTLE = ApiError("TooManyRequestsException", "Rate exceeded", 429)
BROKEN = ApiError("ServiceException", "An error occurred and the request cannot be processed.", 500)
DENIED = ApiError("AccessDeniedException", "User: rampart is not authorized", 403)
LOST = ReadTimeoutError(endpoint_url="https://aws.example")
"""No answer came."""
CRASH = Died("Runtime.ExitError")
"""The process of the function exits; whoever invoked it hears at once."""
KILLED = Died("Sandbox.Timedout")
"""Lambda ends a function that took too long."""


@dataclass
class Fault:
    """Fails the n-th call, counted from 1, at a moment; of one operation when that is named."""

    nth: int
    moment: str = "before"
    error: BaseException = THROTTLE
    operation: str | None = None
    times: int = 1
    """How many calls in a row fail."""
    calls: list[str] = field(default_factory=list)
    """The operations that were counted so far."""
    fired: list[str] = field(default_factory=list)
    """The operations that failed."""
    answered: list[str] = field(default_factory=list)
    """The operations that AWS has carried out."""

    def __call__(self, operation: str, moment: str) -> None:
        """Count a call; raise when its turn has come."""
        if self.operation not in (None, operation):
            return
        if moment == "before":
            self.calls.append(operation)
        else:
            self.answered.append(operation)
        if moment == self.moment and self._means(operation):
            self.fired.append(operation)
            raise self.error.with_traceback(None)

    def has_answered(self, call: str) -> bool:
        """Say whether AWS has carried out a call of `calls`, and not refused it."""
        return any(answered is call for answered in self.answered)

    def _means(self, operation: str) -> bool:
        return any(call is operation for call in self.calls[max(0, self.nth - 1) : self.nth - 1 + self.times])


def always(operation: str, error: Exception = DENIED) -> Fault:
    """Return a fault by which every call of an operation fails before it has an effect."""
    return Fault(1, error=error, operation=operation, times=10_000)


def no_fault(operation: str, moment: str) -> None:
    """Let everything go well."""


@dataclass
class Meanwhile:
    """Somebody else acts once, right before or after the n-th call of an operation."""

    operation: str
    action: Callable[[], object]
    moment: str
    nth: int
    call: str = ""
    """The call before or after which it is, once that has begun."""

    def is_due(self, operation: str, moment: str) -> bool:
        """Count a call; say whether the moment has come."""
        if moment == "before" and operation == self.operation:
            self.nth -= 1
            self.call = operation if self.nth == 0 else self.call
        return moment == self.moment and operation is self.call
