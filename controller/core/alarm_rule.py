"""Rules about alarms: which one is watched, and what it means that it is red already."""

from enum import StrEnum
from typing import Any

from pydantic import Field

from controller.core.document import Document
from controller.core.wording import shown


class RedAtStart(StrEnum):
    """What an alarm that is already in ALARM when a deployment starts means for it."""

    BLOCK = "block"
    """The deployment is refused."""
    IGNORE_UNTIL_OK = "ignore_until_ok"
    """The alarm counts again as soon as it has recovered."""
    IGNORE = "ignore"
    """The alarm does not count for this deployment."""


class AlarmRule(Document):
    """One alarm to watch."""

    name: str = Field(min_length=1, max_length=255)
    """The alarm's name, a composite one's too. In ALARM it rolls back; one that is missing is refused."""
    red_at_start: RedAtStart | None = None
    """What it means that it is in ALARM already. Null: `block`, or for a hotfix `ignore_until_ok`."""


def parse_alarm(value: Any) -> Any:
    """Return an alarm as an object, by its name or as it is; raises ValueError."""
    if isinstance(value, str):
        return {"name": value}
    if isinstance(value, dict | AlarmRule):
        return value
    raise ValueError(f'write an alarm\'s name or {{"name": …}}, not {shown(value)}')
