"""Claims: whose turn it is when a function is being deployed already."""

from datetime import datetime
from enum import StrEnum

from controller.core.deployment import Deployment, Status
from controller.core.when_busy import WhenBusy

MAX_SUPERSEDES = 2
"""How many deployments in a row may be superseded; then the running one is let finish, lest none ever does."""
MAX_WAIT_MINUTES = 24 * 60
"""How long a deployment waits for its claims."""
WAIT_LOOK_MINUTES = 15
"""How often a deployment that waits looks by itself: seldom, because it is woken when its turn comes."""


class Turn(StrEnum):
    """What a deployment does about a claim that another one holds."""

    SUPERSEDE = "SUPERSEDE"
    WAIT = "WAIT"
    REJECT = "REJECT"


def turn_of(asking: Deployment, when_busy: WhenBusy, holder: Deployment | None) -> Turn:
    """Say what a deployment does about the holder of a claim; None for a holder without a record.

    Targets that share a function always queue, because $LATEST is shared. A hotfix goes before its target's
    deployment in any case, but a hotfix that runs is superseded by another hotfix only.
    """
    if when_busy is WhenBusy.REJECT and not asking.hotfix:
        return Turn.REJECT
    if holder is None or holder.target != asking.target or holder.status is not Status.IN_PROGRESS:
        return Turn.WAIT
    if asking.hotfix:
        return Turn.SUPERSEDE
    may = when_busy is WhenBusy.SUPERSEDE and not holder.hotfix and holder.supersedes < MAX_SUPERSEDES
    return Turn.SUPERSEDE if may else Turn.WAIT


def goes_before(one: Deployment, other: Deployment) -> bool:
    """Say whether one of two deployments of a target that wait goes on alone: a hotfix, else the newer."""
    return _rank(one) > _rank(other)


def _rank(waiting: Deployment) -> tuple[bool, datetime, str]:
    return waiting.hotfix is not None, waiting.started_at, waiting.deployment_id
