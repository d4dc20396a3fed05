"""What is remembered of functions and targets from one deployment to the next."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """The one-at-a-time right on a function."""

    function: str
    owner: str | None
    fencing: int
    """Rises by one with every claim, so that a deployment that lost its claim is recognised."""
    waiters: tuple[str, ...] = ()
    """The deployments that wait for it."""
    targets: tuple[str, ...] = ()
    """The targets that have ever held it, as far as that was noted: one whose document is gone is known by this."""


@dataclass(frozen=True, slots=True)
class Live:
    """What a target's last completed deployment left on its aliases."""

    deployment_id: str
    artifact: str
    versions: dict[str, str]
    """Version by function."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What a target remembers of an artifact."""

    ended: int = 0
    """How many deployments of it have ended, those that were skipped aside."""
    refused_by: str | None = None
    """The deployment that found the artifact itself wanting, if the last one did."""


@dataclass(frozen=True, slots=True)
class Newest:
    """The youngest artifact that a target has deployed."""

    artifact: str
    appeared_at: datetime
