"""Hooks: who may be asked, what an answer leads to, and those that are asked when all is done."""

from controller.core.deployment import Event, Status, Transition, event_of
from controller.core.errors import DeniedError, MissingError, RefusedError
from controller.core.hook import HOOK_TAG
from controller.core.hooks_due import after_promotion, question
from controller.ports import Ports
from controller.tasks.context import Context


def check_hook(context: Context, function: str) -> None:
    """Raise RefusedError unless this stage may invoke a function as a hook."""
    try:
        tags = context.ports.functions.latest(function).tags or {}
    except MissingError:
        raise RefusedError(f"hook {function} does not exist; create the function or drop the hook") from None
    except DeniedError:
        tags = {}
    if tags.get(HOOK_TAG) != context.stage:
        raise RefusedError(
            f"hook {function} is not tagged {HOOK_TAG}={context.stage}, or is outside of the stack's "
            "FunctionPrefix; tag it to let this stage invoke it: aws lambda tag-resource --resource "
            f"arn:aws:lambda:REGION:ACCOUNT:function:{function} --tags {HOOK_TAG}={context.stage}"
        )


def start_hooks_after(ports: Ports, event: Event, stage: str) -> None:
    """Start the hooks that come after a promotion, when the event tells of one; perhaps not for the first time.

    One that cannot be started is told like one that failed, so that it does not keep the others from it.
    """
    if (event.transition, event.status) != (Transition.ENDED, Status.PROMOTED):
        return
    deployment = ports.deployments.find(event.deployment_id)
    if deployment is None:
        return
    for hook_id, hook in after_promotion(deployment).items():
        asked = question(deployment, hook_id, hook.at, stage) | {"event_id": event.event_id}
        try:
            ports.functions.send(hook.function, asked)
        except (RefusedError, DeniedError) as error:
            record_after(ports, event.deployment_id, hook_id, f"hook {hook.function} could not be started: {error}")


def record_after(ports: Ports, deployment_id: str, hook_id: str, told: str) -> bool:
    """Record and tell what came of a hook after the promotion, once; say whether this was the first time."""
    deployment = ports.deployments.find(deployment_id)
    if deployment is None or hook_id in deployment.hooks_answered:
        return False
    after = deployment.model_copy(update={"hooks_answered": (*deployment.hooks_answered, hook_id)})
    event = event_of(after.model_copy(update={"reason": told}), Transition.JUDGED, ports.clock.now())
    ports.deployments.save(deployment, after, event)
    return True
