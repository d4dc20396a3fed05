"""How the measurements wait: for what they cannot be told of, with a pause and a limit."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class WaitedInVainError(Exception):
    """What was waited for did not come; its text says what that was."""


def until(found: Callable[[], T], what: str, limit_seconds: float = 60.0, pause_seconds: float = 0.03) -> T:
    """Return the first true answer of `found`; raises WaitedInVainError when none comes in time."""
    deadline = time.monotonic() + limit_seconds
    while not (answer := found()):
        if time.monotonic() > deadline:
            raise WaitedInVainError(f"waited {limit_seconds:g} s in vain: {what}")
        time.sleep(pause_seconds)
    return answer
