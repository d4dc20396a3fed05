"""The line in memory."""

from controller.core.deployment import MarkDetail


class MemoryLine:
    """The switch of a stage."""

    def __init__(self) -> None:
        self._stopped: MarkDetail | None = None

    def stopped(self) -> MarkDetail | None:
        """Return who has stopped the line and why, or None."""
        return self._stopped

    def stop(self, detail: MarkDetail) -> None:
        """Stop the line."""
        self._stopped = detail

    def release(self) -> None:
        """Let everything go forward again."""
        self._stopped = None
