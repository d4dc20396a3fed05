"""Marks: what is left on a deployment for its next look, and by whom."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from controller.core.errors import ControllerError
from controller.core.hook import HookOutcome
from controller.core.wording import one_line


class Mark(StrEnum):
    """What somebody left on a deployment for its next look."""

    ABORT = "abort"
    PROMOTE = "promote"
    PAUSE = "pause"
    RESUME = "resume"
    APPROVE = "approve"
    SUPERSEDED = "superseded"
    ALARM = "alarm"
    HOOK = "hook"


STOPPING_MARKS = (Mark.ABORT, Mark.ALARM, Mark.SUPERSEDED)
"""Marks that end a deployment, the weightiest first."""


class Record(BaseModel):
    """What is stored, and read by later releases too."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    @classmethod
    def read(cls, stored: Any) -> Self:
        """Return a record as it was stored; raises ControllerError when somebody has broken it.

        Records outlive the code that wrote them: what a later version added is passed over, in the documents that
        people wrote, too, whose unknown fields are refused elsewhere.
        """
        try:
            return cls.model_validate(stored, extra="ignore")
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            where = ".".join(map(str, fault["loc"]))
            whose = stored.get("deployment_id", "") if isinstance(stored, dict) else ""
            kind = f"{cls.__name__.lower()} {whose}".strip()
            raise ControllerError(one_line(f"the stored {kind} cannot be read: {where}: {fault['msg']}")) from error


class MarkDetail(Record):
    """Who left a mark, when and why."""

    at: datetime
    by: str
    reason: str
    since: datetime | None = None
    """When what it tells of happened, where that is known: the alarm's own time."""
    hook_id: str | None = None
    """Which asking of a hook it answers."""
    outcome: HookOutcome | None = None
    """What the hook says; None when it said nothing that can be used, and `reason` is why."""

    def spell(self, mark: Mark) -> str:
        """Return the mark in words, for the reason of what follows from it."""
        match mark:
            case Mark.ALARM:
                return f"alarm {self.by} fired: {self.reason}"
            case Mark.SUPERSEDED:
                return f"superseded by {self.by}, which deploys {self.reason}"
            case _:
                return f"{mark} by {self.by}: {self.reason}"


class Pause(MarkDetail):
    """Who paused a deployment, why, and when it is rolled back unless somebody has resumed it."""

    until: datetime


class Stop(MarkDetail):
    """Who stopped the line and why, and who has let it go on since."""

    released: MarkDetail | None = None
