"""The line in memory."""

from controller.core.mark import MarkDetail, Stop


class MemoryLine:
    """The switch of a stage."""

    def __init__(self) -> None:
        self._last: Stop | None = None

    def stopped(self) -> Stop | None:
        """Return who has stopped the line and why, or None."""
        return self._last if self._last and not self._last.released else None

    def last(self) -> Stop | None:
        """Return who stopped the line last, and who has released it since; None when nobody ever stopped it."""
        return self._last

    def stop(self, detail: MarkDetail) -> None:
        """Stop the line."""
        self._last = Stop(**detail.model_dump())

    def release(self, detail: MarkDetail) -> None:
        """Let everything go forward again, and keep who says so."""
        if self._last and not self._last.released:
            self._last = self._last.model_copy(update={"released": detail})
