"""Bake: leave the callback's token on the record, so that whoever has something to say can end the wait."""

from controller.tasks.context import Context
from controller.tasks.waiting import has_cause_to_wake


def bake(context: Context, token: str) -> None:
    """Register the token; wake the execution at once when a mark, or the end, came first.

    Token and marks live in one item and each write returns all of it, so whoever writes second wakes the other.
    """
    deployment = context.ports.deployments.register_token(context.deployment_id, token)
    due = deployment.look_at is not None and context.now >= deployment.look_at
    if deployment.status.is_over or due or has_cause_to_wake(context.ports, deployment):
        context.ports.executions.wake(token)
