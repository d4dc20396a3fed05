"""What every task is given, and the rule that every forward step obeys."""

from dataclasses import dataclass
from datetime import datetime

from controller.core.deployment import Deployment, Status
from controller.core.errors import StoppedError
from controller.core.member_record import MemberRecord
from controller.ports import Ports


@dataclass(frozen=True, slots=True)
class Context:
    """One visit of the state machine to a task."""

    ports: Ports
    deployment_id: str
    now: datetime
    stage: str
    minute_seconds: float


def read_live(context: Context, member: MemberRecord | None = None) -> Deployment:
    """Return the record of a deployment that may move forward, or may move `member`; raises StoppedError otherwise.

    Every forward write comes after this, and this after the RevisionId was read: status, marks and fencing
    numbers are read strongly, so that nobody who stopped the deployment is overwritten.
    """
    deployment = context.ports.deployments.find(context.deployment_id)
    if deployment is None:
        raise StoppedError(f"deployment {context.deployment_id} has no record")
    if deployment.status is not Status.IN_PROGRESS:
        raise StoppedError(f"deployment {context.deployment_id} is {deployment.status}")
    mark = deployment.stopping_mark
    if mark:
        raise StoppedError(deployment.marks[mark].spell(mark))
    for held in (member,) if member else deployment.members:
        _hold_claim(context, deployment, held)
    return deployment


def _hold_claim(context: Context, deployment: Deployment, member: MemberRecord) -> None:
    claim = context.ports.deployments.claim(member.function)
    if (claim.owner, claim.fencing) != (deployment.deployment_id, member.fencing):
        holder = claim.owner or "nobody"
        raise StoppedError(f"the claim on function {member.function} is now held by {holder}")
