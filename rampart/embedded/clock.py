"""The one clock of the embedded AWS: how long a minute is, and what time it is."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time and how many real seconds a minute of AWS's takes."""

    @property
    def minute_seconds(self) -> float:
        """Return the length of a minute in seconds: 60 on AWS, less when a rehearsal is compressed."""
        ...

    def now(self) -> float:
        """Return the time in seconds since the epoch."""
        ...


class SystemClock:
    """The machine's clock with minutes of `minute_seconds` seconds."""

    def __init__(self, minute_seconds: float = 60.0) -> None:
        self.minute_seconds = minute_seconds

    def now(self) -> float:
        """Return the machine's time in seconds since the epoch."""
        return time.time()


class VirtualClock:
    """A clock that stands still until it is told to advance."""

    def __init__(self, minute_seconds: float = 60.0, start: float = 1_800_000_000.0) -> None:
        self.minute_seconds = minute_seconds
        self._now = start

    def now(self) -> float:
        """Return the virtual time in seconds since the epoch."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the clock forward by `seconds`."""
        if seconds < 0:
            raise ValueError(f"a clock does not run backwards: {seconds}")
        self._now += seconds
