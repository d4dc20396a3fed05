"""Control: all that a person may ask of a deployment; IAM on its one function says who may."""

from typing import Any, Literal

from pydantic import Field

from controller.core.deployment import Deployment, Mark, MarkDetail
from controller.core.document import Document, parse
from controller.core.errors import InputError
from controller.core.wording import shown
from controller.tasks.context import Context
from controller.tasks.stop import stop


class Asked(Document):
    """What a person asks of a deployment."""

    deployment_id: str = Field(min_length=1, max_length=80)
    verb: Literal["abort", "approve"]
    by: str = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=500)


def asked_of(request: Any) -> Asked:
    """Return what a person asks for; raises InputError."""
    return parse(Asked, request, "control")


def on_asked(context: Context, asked: Asked) -> str:
    """Carry out what a person asks; return what becomes of the deployment in one line. Raises InputError."""
    deployment = context.ports.deployments.find(asked.deployment_id)
    if deployment is None:
        raise InputError(f"control: deployment_id: there is no deployment {shown(asked.deployment_id)}")
    detail = MarkDetail(at=context.now, by=asked.by, reason=asked.reason)
    if asked.verb == "approve":
        return _approve(context, deployment, detail)
    ended = stop(context, deployment, Mark.ABORT, detail)
    if ended is None:
        return f"deployment {asked.deployment_id} has ended already"
    return f"deployment {asked.deployment_id} is {ended.decision}"


def _approve(context: Context, deployment: Deployment, detail: MarkDetail) -> str:
    """Leave word that a deployment may go on though the evidence is unclear, and wake it if it waits for that."""
    name = deployment.deployment_id
    if deployment.status.is_over:
        return f"deployment {name} has ended already"
    marked = context.ports.deployments.mark(name, Mark.APPROVE, detail)
    if not deployment.awaits_approval:
        return f"deployment {name} is approved, and has not asked yet: it goes on when evidence alone would hold it"
    if marked.token:
        context.ports.executions.wake(marked.token)
    return f"deployment {name} is approved and goes on"
