"""Control: all that a person may ask of a deployment; IAM on its one function says who may.

What stops a deployment is a mark, written beside everything else, because it must win against all that is under
way. Every other word goes into the record, with an event, by a writer that reads first as all others do: no word is
lost to a look that is just being written, and a word for one step is none for the next.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal

from pydantic import Field, model_validator

from controller.core.deployment import Deployment, Mark, MarkDetail, Pause, Status, Transition, event_of
from controller.core.document import Document, parse
from controller.core.errors import ConflictError, InputError
from controller.core.weight import spell_weight
from controller.core.wording import shown
from controller.line import release_line, stop_line
from controller.retry import retry
from controller.tasks.context import Context
from controller.tasks.stop import stop
from controller.undo import undo

MAX_PAUSE_MINUTES = 24 * 60
"""How long a pause lasts, unless somebody resumes; then the deployment is rolled back."""
_TRIES = 8
"""How often a word is written again when somebody else has written the record meanwhile."""


class Asked(Document):
    """What a person asks of a deployment."""

    deployment_id: str | None = Field(default=None, min_length=1, max_length=80)
    """Which deployment; the line is no deployment's."""
    verb: Literal[
        "abort", "approve", "pause", "promote", "resume", "retry", "undo", "stop-the-line", "release-the-line"
    ]
    by: str = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=500)

    @model_validator(mode="after")
    def _names_a_deployment(self) -> "Asked":
        if self.is_of_the_line and self.deployment_id:
            raise ValueError(f"deployment_id: leave it out: {self.verb} is for all deployments")
        if not self.is_of_the_line and not self.deployment_id:
            raise ValueError("deployment_id: this field is required")
        return self

    @property
    def is_of_the_line(self) -> bool:
        """Whether it is about the whole stage."""
        return self.verb.endswith("-the-line")


def asked_of(request: Any) -> Asked:
    """Return what a person asks for; raises InputError."""
    return parse(Asked, request, "control")


def on_asked(context: Context, asked: Asked) -> str:
    """Carry out what a person asks; return what becomes of the deployment in one line. Raises InputError."""
    detail = MarkDetail(at=context.now, by=asked.by, reason=asked.reason)
    if asked.is_of_the_line:
        return stop_line(context, detail) if asked.verb == "stop-the-line" else release_line(context, detail)
    deployment = context.ports.deployments.find(str(asked.deployment_id))
    if deployment is None:
        raise InputError(f"control: deployment_id: there is no deployment {shown(asked.deployment_id)}")
    match asked.verb:
        case "abort":
            ended = stop(context, deployment, Mark.ABORT, detail)
            return f"deployment {asked.deployment_id} " + (f"is {ended.decision}" if ended else "has ended already")
        case "undo":
            return undo(context, deployment, detail)
        case "retry":
            return retry(context, deployment, detail)
        case _:
            return _say(context, Mark(asked.verb), detail)


def _say(context: Context, verb: Mark, detail: MarkDetail) -> str:
    """Write a person's word into the record, wake the execution, and say what follows."""
    for last_try in (*(False,) * _TRIES, True):
        try:
            answer = _write(context, verb, detail)
            break
        except ConflictError:  # a look, or a shift, was being written; it takes milliseconds
            if last_try:
                raise
    current = context.ports.deployments.find(context.deployment_id)
    if current and current.token and not current.status.is_over:  # the token after the word, as a bake does it
        context.ports.executions.wake(current.token)
    return f"deployment {context.deployment_id} {answer}"


def _write(context: Context, verb: Mark, detail: MarkDetail) -> str:
    deployment = context.ports.deployments.find(context.deployment_id)
    if deployment is None or deployment.status.is_over:
        return "has ended already"
    if deployment.stopping_mark or deployment.status is Status.ROLLBACK_FAILED:
        return "is being rolled back"
    if deployment.status is Status.PENDING or deployment.step_index < 0:
        raise InputError(
            f"control: deployment {deployment.deployment_id} has not given its candidate any traffic yet; "
            f"{verb} it when it has, or abort it"
        )
    changes, answer = _SAYINGS[verb](context, deployment, detail)
    if changes:
        said = f"{deployment.spell_step(deployment.step_index)}: {detail.spell(verb)}"
        changes |= {"reason": said, "look_at": context.now}
        after = deployment.model_copy(update=changes)
        context.ports.deployments.save(deployment, after, event_of(after, Transition.ASKED, context.now))
    return answer


Saying = Callable[[Context, Deployment, MarkDetail], tuple[dict[str, Any], str]]
"""Returns what a word changes, nothing when it was said before, and what follows."""


def _pause(context: Context, deployment: Deployment, detail: MarkDetail) -> tuple[dict[str, Any], str]:
    if deployment.pause:
        return {}, f"was paused by {deployment.pause.by} already"
    until = context.now + timedelta(seconds=MAX_PAUSE_MINUTES * context.minute_seconds)
    paused = Pause(**detail.model_dump(), until=until)
    weight = spell_weight(deployment.weight)
    if deployment.intended_index != deployment.step_index:
        weight = f"{spell_weight(deployment.weight_at(deployment.intended_index))}, which it is getting just now"
    answer = f"is paused at {weight}, until {until:%Y-%m-%d %H:%M} UTC; checks go on"
    return {"pause": paused, "promotion": None, "awaits_approval": False}, answer


def _resume(_: Context, deployment: Deployment, detail: MarkDetail) -> tuple[dict[str, Any], str]:
    return ({"pause": None}, "goes on") if deployment.pause else ({}, "is not paused")


def _approve(_: Context, deployment: Deployment, detail: MarkDetail) -> tuple[dict[str, Any], str]:
    if deployment.approval and not deployment.awaits_approval:  # it may ask again, when the way back is lost
        return {}, f"was approved by {deployment.approval.by} already"
    follows = "and goes on"
    if not deployment.awaits_approval:
        follows = "and has not asked yet: it goes on when its bake is over, unless something fails"
    step = deployment.spell_step(deployment.step_index)
    return {"approval": detail, "awaits_approval": False}, f"is approved at {step} {follows}"


def _promote(_: Context, deployment: Deployment, detail: MarkDetail) -> tuple[dict[str, Any], str]:
    if deployment.promotion:
        return {}, f"was told so by {deployment.promotion.by} already"
    answer = "goes to full weight now, and is promoted unless something fails"
    return {"promotion": detail, "pause": None, "awaits_approval": False}, answer


_SAYINGS: dict[Mark, Saying] = {
    Mark.PAUSE: _pause,
    Mark.RESUME: _resume,
    Mark.APPROVE: _approve,
    Mark.PROMOTE: _promote,
}
