"""Signal: stop a deployment now, because an alarm fired or a person said so, or let it go on if a person approves.

Whoever stops a deployment writes the mark, puts the alias back, closes the record, and then wakes the execution:
traffic is safe before anything else is tidied up, and every task that looks later finds the mark, or the end.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from controller.core.aws_event import Part, read_event
from controller.core.decision import Ruling
from controller.core.deployment import Deployment, Mark, MarkDetail
from controller.core.document import Document, parse
from controller.core.errors import ConflictError, ControllerError, InputError
from controller.core.target import RedAtStart
from controller.core.wording import shown
from controller.tasks.context import Context
from controller.tasks.roll_back import leave_mark, roll_back

Visit = Callable[[str], Context]
"""Returns the visit of the deployment of that id."""


class Verb(Document):
    """What a person asks of a running deployment."""

    deployment_id: str = Field(min_length=1, max_length=80)
    mark: Literal["abort", "approve"]
    by: str = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=500)


class _State(Part):
    value: str
    reason: str = ""
    timestamp: datetime


class AlarmChange(Part):
    """The detail of a "CloudWatch Alarm State Change" event."""

    name: str = Field(alias="alarmName")
    state: _State
    before: _State = Field(alias="previousState")


class _AlarmEvent(Part):
    detail: AlarmChange


def verb_of(request: Any) -> Verb:
    """Return the verb that a person wrote; raises InputError."""
    return parse(Verb, request, "verb")


def alarm_change(event: Any) -> AlarmChange:
    """Return what an alarm's event says; raises MalformedEventError.

    Source: CloudWatch user guide, "Alarm events and EventBridge".
    """
    return read_event(_AlarmEvent, event, "alarm event").detail


def on_alarm_change(visit: Visit, change: AlarmChange) -> list[str]:
    """Stop every live deployment for which the alarm counts; return their ids.

    One that cannot be stopped does not keep the others from it; then the first error is raised.
    """
    if change.state.value != "ALARM":
        return []
    stopped: list[str] = []
    errors: list[ControllerError] = []
    for deployment_id in visit("").ports.deployments.watching(change.name):
        context = visit(deployment_id)
        detail = MarkDetail(at=context.now, by=change.name, reason=change.state.reason or "it is in ALARM")
        try:
            deployment = context.ports.deployments.find(deployment_id)
            if deployment and _counts(deployment, change) and _stop(context, deployment, Mark.ALARM, detail):
                stopped.append(deployment_id)
        except ControllerError as error:
            errors.append(error)
    if errors:
        raise errors[0]
    return stopped


def on_verb(context: Context, verb: Verb) -> str:
    """Carry out what a person says; return what becomes of the deployment in one line. Raises InputError."""
    deployment = context.ports.deployments.find(verb.deployment_id)
    if deployment is None:
        raise InputError(f"verb: deployment_id: there is no deployment {shown(verb.deployment_id)}")
    detail = MarkDetail(at=context.now, by=verb.by, reason=verb.reason)
    if verb.mark == "approve":
        return _approve(context, deployment, detail)
    ended = _stop(context, deployment, Mark(verb.mark), detail)
    if ended is None:
        return f"deployment {verb.deployment_id} has ended already"
    return f"deployment {verb.deployment_id} is {ended.decision}"


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


def _stop(context: Context, deployment: Deployment, mark: Mark, detail: MarkDetail) -> Ruling | None:
    """Mark a deployment, roll it back, wake it; None when it had ended before the mark.

    The execution finds its deployment ended when it wakes. Where the rollback fails it finds the mark, and its
    own rollback tries again, and for longer.
    """
    marked = leave_mark(context.ports, deployment, mark, detail)
    if marked.status.is_over:
        return None
    step = f"{marked.spell_step(marked.step_index)}: " if marked.step_index >= 0 else ""
    cause = step + marked.marks[mark].spell(mark)
    try:
        return roll_back(context, cause)
    except ConflictError:  # the execution wrote meanwhile, perhaps its end
        return roll_back(context, cause)
    finally:
        if marked.token:
            context.ports.executions.wake(marked.token)


def _counts(deployment: Deployment, change: AlarmChange) -> bool:
    """Say whether an alarm that fires now counts: one that was red at the start does once it was OK.

    An event that was delivered late tells of something before this deployment.
    """
    alarm = next((a for a in deployment.alarms if a.name == change.name), None)
    if alarm is None or alarm.red_at_start is RedAtStart.IGNORE or change.state.timestamp <= alarm.armed_at:
        return False
    return alarm.armed or change.before.value == "OK"
