"""GiveUp: record that the alias could not be put back. The claims stay, so that nothing else ships over it."""

from controller.core.decision import Ruling, end_of
from controller.core.deployment import Status, Transition, event_of
from controller.core.errors import StoppedError
from controller.tasks.context import Context


def give_up(context: Context, cause: str) -> Ruling:
    """Set ROLLBACK_FAILED, which notifies as CRITICAL; a deployment that is over leads to its own end."""
    deployment = context.ports.deployments.find(context.deployment_id)
    if deployment is None:
        raise StoppedError(f"deployment {context.deployment_id} has no record")
    if deployment.status.is_over or deployment.status is Status.ROLLBACK_FAILED:
        return end_of(deployment)
    after = deployment.model_copy(
        update={
            "status": Status.ROLLBACK_FAILED,
            "reason": f"{deployment.reason}; the alias could not be put back: {cause}",
        }
    )
    event = event_of(after, Transition.ENDED, context.now)
    return end_of(context.ports.deployments.save(deployment, after, event))
