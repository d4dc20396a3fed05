"""Approval: a gate that a person opens, and what happens when nobody comes."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict

from controller.core.document import Document
from controller.core.duration import Duration, scaled, spell_duration
from controller.core.wording import shown

MAX_APPROVAL_SECONDS = 3 * 86_400
"""The longest that a gate waits for a person, in seconds; the state machine's own limit must hold plans too."""


class WhenUnanswered(StrEnum):
    """What follows when nobody has approved in time."""

    ROLL_BACK = "roll_back"
    """The alias is put back."""
    GO_ON = "go_on"
    """The deployment goes on as if somebody had approved."""


def _three_days_at_most(seconds: int) -> int:
    if seconds > MAX_APPROVAL_SECONDS:
        raise ValueError(f"a gate may wait for 3d at most, not {spell_duration(seconds)}")
    return seconds


class ApprovalTerms(Document):
    """A gate as a person writes it: how long it waits for somebody, and what follows then."""

    within: Annotated[Duration, AfterValidator(_three_days_at_most)] = 86_400
    """How long it waits for somebody; `3d` at most."""
    then: WhenUnanswered = WhenUnanswered.ROLL_BACK
    """What follows when nobody has come."""

    def gate(self, minute_seconds: float) -> "Gate":
        """Return the same for a plan, when a minute takes `minute_seconds`."""
        return Gate(within_seconds=scaled(self.within, minute_seconds), then=self.then)


class Gate(BaseModel):
    """A gate of a plan, in real seconds."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    within_seconds: int
    then: WhenUnanswered


def parse_approval(value: Any) -> Any:
    """Return what `true`, `false` or terms stand for; raises ValueError."""
    match value:
        case True:
            return {}
        case False | None:
            return None
        case dict() | ApprovalTerms():
            return value
    raise ValueError(f'write true, or {{"within": "4h", "then": "roll_back"}}, not {shown(value)}')
