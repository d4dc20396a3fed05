"""Freezes: when nothing starts and no candidate gets more traffic; what is rolled back is never held up.

Windows are the target's own, by the calendar of a time zone. The line is the whole stage's, and a person stops it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from controller.core.document import Document
from controller.core.duration import Duration, spell_duration
from controller.core.wording import shown

MAX_FREEZE_MINUTES = 3 * 24 * 60
"""How long a freeze holds a deployment; then one that waits is refused, and one that has begun is rolled back."""
_MAX_WINDOW_SECONDS = 3 * 86_400


def _known_cron(text: str) -> str:
    from cronsim import CronSim, CronSimError  # only targets that freeze pay for it

    try:
        CronSim(text, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise ValueError(f'write five fields such as "0 16 * * FRI", not {shown(text)}: {error}') from None
    return text


def _known_zone(name: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise ValueError(f'write a time zone such as "Europe/Berlin" or "UTC", not {shown(name)}') from None
    return name


def _three_days_at_most(seconds: int) -> int:
    if not 0 < seconds <= _MAX_WINDOW_SECONDS:
        raise ValueError(f"a window lasts for 3d at most, not {spell_duration(seconds)}")
    return seconds


class FreezeWindow(Document):
    """A time that comes again and again, in which nothing is rolled out."""

    cron: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_known_cron)]
    """When it begins: minute, hour, day of the month, month, day of the week."""
    lasts: Annotated[Duration, AfterValidator(_three_days_at_most)]
    """How long it lasts; `3d` at most."""
    time_zone: Annotated[str, Field(max_length=64), AfterValidator(_known_zone)] = "UTC"
    """The time zone of `cron`, by its IANA name."""

    def ends_at(self, now: datetime) -> datetime | None:
        """Return when the window that is open now ends; None when none is."""
        from zoneinfo import ZoneInfo

        from cronsim import CronSim

        minute = now.astimezone(ZoneInfo(self.time_zone)).replace(second=0, microsecond=0)
        here = minute + timedelta(minutes=1)  # what begins in this minute has begun
        began = next(CronSim(self.cron, here, reverse=True), None)
        if began is None:
            return None
        end: datetime = began.astimezone(UTC) + timedelta(seconds=self.lasts)
        return end if end > now else None


@dataclass(frozen=True, slots=True)
class Freeze:
    """Why nothing goes forward, and until when, if that is known."""

    reason: str
    until: datetime | None = None


def freeze_at(windows: Sequence[FreezeWindow], stopped: Any, now: datetime) -> Freeze | None:
    """Return what holds everything up now; `stopped` is who stopped the line and why, or None."""
    if stopped:
        return Freeze(f"the line was stopped by {stopped.by}: {stopped.reason}")
    ends = [(end, window) for window in windows if (end := window.ends_at(now))]
    if not ends:
        return None
    until, window = max(ends, key=lambda pair: pair[0])
    return Freeze(f"frozen until {until:%Y-%m-%d %H:%M} UTC, by {window.cron!r} ({window.time_zone})", until)
