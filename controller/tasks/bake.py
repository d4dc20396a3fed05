"""Bake: leave the callback's token on the record, so that whoever has something to say can end the wait.

A hook that is due is asked by the function of the bake. The state machine waits for the callback and not for that
function: looks come while it hears the hook, and what the hook answers ends whichever bake is then under way.

Source: Step Functions developer guide, "Task workflow state": TimeoutSeconds ends a task, and not its function.
"""

from controller.core.hooks_due import is_to_be_asked
from controller.tasks.context import Context
from controller.tasks.waiting import has_cause_to_wake


def bake(context: Context, token: str) -> None:
    """Register the token; wake the execution at once when a mark, or the end, came first; else ask what is due.

    Token and marks live in one item and each write returns all of it, so whoever writes second wakes the other.
    """
    deployment = context.ports.deployments.register_token(context.deployment_id, token)
    due = deployment.look_at is not None and context.now >= deployment.look_at
    if deployment.status.is_over or due or has_cause_to_wake(context.ports, deployment):
        context.ports.executions.wake(token)
    elif is_to_be_asked(deployment, context.now):
        from controller.tasks.asking import ask_hook  # few bakes pay for it

        ask_hook(context, deployment)
