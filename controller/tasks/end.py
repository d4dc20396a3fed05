"""The end of a deployment: record, event and claims in one write."""

from typing import Any

from controller.core.decision import Ruling, end_of
from controller.core.deployment import Deployment, Status, Transition, event_of
from controller.tasks.context import Context


def end(
    context: Context,
    deployment: Deployment,
    status: Status,
    reason: str,
    *,
    evidence: dict[str, Any] | None = None,
    **changes: Any,
) -> Ruling:
    """Close the record with its reason and free the claims; raises ConflictError when somebody wrote first."""
    after = deployment.model_copy(update={"status": status, "reason": reason, "ended_at": context.now, **changes})
    event = event_of(after, Transition.ENDED, context.now, evidence)
    return end_of(context.ports.deployments.close(deployment, after, event))
