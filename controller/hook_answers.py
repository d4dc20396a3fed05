"""Hook answers: what a hook that was to say later says, when it has found out."""

from typing import Any, Literal

from pydantic import Field

from controller.core.deployment import Deployment, Mark, MarkDetail, Status
from controller.core.document import Document, parse
from controller.core.errors import InputError
from controller.core.hook import HookOutcome
from controller.core.hooks_due import after_promotion, later_answer
from controller.core.wording import one_line, shown
from controller.tasks.context import Context
from controller.tasks.hooks import record_after


class Said(Document):
    """What a hook says later."""

    deployment_id: str = Field(min_length=1, max_length=80)
    verb: Literal["hook"]
    hook_id: str = Field(min_length=1, max_length=120)
    """The asking that it answers, as it was asked with."""
    outcome: Literal["PASS", "FAIL"]
    reason: str = Field(default="", max_length=500)
    by: str = Field(min_length=1, max_length=200)


def is_of_hook(request: Any) -> bool:
    """Say whether what reaches control comes from a hook."""
    return isinstance(request, dict) and request.get("verb") == "hook"


def said_of(request: Any) -> Said:
    """Return what a hook says; raises InputError."""
    return parse(Said, request, "hook")


def on_said(context: Context, said: Said) -> str:
    """Leave word of a hook, and wake the deployment if it waits for that; return what becomes of it in one line.

    The first answer to an asking counts. Raises InputError for what was never asked.
    """
    deployment = context.ports.deployments.find(said.deployment_id)
    if deployment is None:
        raise InputError(f"hook: deployment_id: there is no deployment {shown(said.deployment_id)}")
    if not said.hook_id.startswith(f"{said.deployment_id}."):
        raise InputError(f"hook: hook_id: {shown(said.hook_id)} is not of deployment {said.deployment_id}")
    if said.hook_id in after_promotion(deployment):
        return _after(context, deployment, said)
    if deployment.status is not Status.IN_PROGRESS:
        return f"deployment {said.deployment_id} has ended already"
    if deployment.hook is None or deployment.hook.hook_id != said.hook_id:
        return f"deployment {said.deployment_id} does not wait for {said.hook_id}"
    if context.now >= deployment.hook.until:
        until = f"{deployment.hook.until:%H:%M:%S} UTC"
        return f"hook {deployment.hook.function} has answered too late: it had until {until}"
    detail = MarkDetail(
        at=context.now,
        by=said.by,
        reason=said.reason,
        hook_id=said.hook_id,
        outcome=HookOutcome(said.outcome),
    )
    marked = context.ports.deployments.answer(said.deployment_id, said.hook_id, detail)
    counted = later_answer(marked)
    if counted is None or Mark.HOOK not in marked.marks:
        return f"deployment {said.deployment_id} does not wait for {said.hook_id}"
    if marked.token and marked.hook and marked.hook.is_waiting:
        context.ports.executions.wake(marked.token)
    return f"hook {deployment.hook.function} has answered {counted.outcome or 'nothing of use'}"


def _after(context: Context, deployment: Deployment, said: Said) -> str:
    """Record and tell what a hook says after the promotion, which changes nothing."""
    if deployment.status is not Status.PROMOTED:
        return f"deployment {said.deployment_id} is not promoted"
    hook = after_promotion(deployment)[said.hook_id]
    verb = "passed" if said.outcome == HookOutcome.PASS else "failed"
    told = (
        f"hook {hook.function} {verb} after the promotion{': ' if said.reason else ''}{one_line(said.reason, 300)}"
    )
    is_first = record_after(context.ports, said.deployment_id, said.hook_id, told)
    return told if is_first else f"hook {hook.function} has answered already"
