"""Signal: stop a deployment now, because an alarm fired or a person said so.

Whoever stops a deployment writes the mark, then puts the alias back, then wakes the execution: traffic is safe
before anything else is tidied up, and every task that looks later finds the mark.
"""

from contextlib import suppress
from datetime import datetime
from enum import Enum, auto
from typing import Any, Literal

from pydantic import Field

from controller.core.aws_event import Part, read_event
from controller.core.deployment import Deployment, Mark, MarkDetail
from controller.core.document import Document, parse
from controller.core.errors import ConflictError, ControllerError, InputError
from controller.core.target import RedAtStart
from controller.core.wording import shown
from controller.ports import Ports
from controller.tasks.context import Context
from controller.tasks.roll_back import leave_mark, put_back, roll_back


class Verb(Document):
    """What a person asks of a running deployment."""

    deployment_id: str = Field(min_length=1, max_length=80)
    mark: Literal["abort"]
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


def on_alarm_change(ports: Ports, change: AlarmChange, now: datetime) -> list[str]:
    """Stop every live deployment for which the alarm counts; return their ids.

    One that cannot be stopped does not keep the others from it; then the first error is raised.
    """
    if change.state.value != "ALARM":
        return []
    detail = MarkDetail(at=now, by=change.name, reason=change.state.reason or "it is in ALARM")
    stopped: list[str] = []
    errors: list[ControllerError] = []
    for deployment_id in ports.deployments.watching(change.name):
        try:
            if _stop(ports, deployment_id, Mark.ALARM, detail, change) is not Stopped.ENDED_BEFORE:
                stopped.append(deployment_id)
        except ControllerError as error:
            errors.append(error)
    if errors:
        raise errors[0]
    return stopped


def on_verb(context: Context, verb: Verb) -> str:
    """Stop a deployment because a person says so; return what becomes of it in one line. Raises InputError."""
    deployment = context.ports.deployments.find(verb.deployment_id)
    if deployment is None:
        raise InputError(f"verb: deployment_id: there is no deployment {shown(verb.deployment_id)}")
    detail = MarkDetail(at=context.now, by=verb.by, reason=verb.reason)
    stopped = _stop(context.ports, verb.deployment_id, Mark(verb.mark), detail)
    if stopped is Stopped.ENDED_BEFORE:
        return f"deployment {verb.deployment_id} has ended already"
    if stopped is Stopped.NOT_WOKEN:  # no bake waits: the execution is between two states, or dead
        with suppress(ConflictError):  # it ends by itself at this moment
            ruling = roll_back(context, detail.spell(Mark(verb.mark)))
            return f"deployment {verb.deployment_id} is {ruling.decision}"
    return f"deployment {verb.deployment_id} is rolling back"


class Stopped(Enum):
    """What became of an attempt to stop a deployment."""

    ENDED_BEFORE = auto()
    """There was nothing to stop."""
    WOKEN = auto()
    """Its aliases are back, and its execution goes on to roll it back."""
    NOT_WOKEN = auto()
    """Its aliases are back; its execution finds the mark, if it is alive."""


def _stop(
    ports: Ports, deployment_id: str, mark: Mark, detail: MarkDetail, change: AlarmChange | None = None
) -> Stopped:
    """Mark a deployment, put its aliases back, wake it."""
    deployment = ports.deployments.find(deployment_id)
    if deployment is None or deployment.status.is_over:
        return Stopped.ENDED_BEFORE
    if change and not _counts(deployment, change):
        return Stopped.ENDED_BEFORE
    marked = leave_mark(ports, deployment, mark, detail)
    if marked.status.is_over:  # it was promoted, or ended otherwise, before the mark
        return Stopped.ENDED_BEFORE
    woken = False
    try:
        put_back(ports, marked)
    finally:  # RollBack tries again, and for longer
        if marked.token:
            woken = ports.executions.wake(marked.token)
    return Stopped.WOKEN if woken else Stopped.NOT_WOKEN


def _counts(deployment: Deployment, change: AlarmChange) -> bool:
    """Say whether an alarm that fires now counts: one that was red at the start does once it was OK.

    An event that was delivered late tells of something before this deployment.
    """
    alarm = next((a for a in deployment.alarms if a.name == change.name), None)
    if alarm is None or alarm.red_at_start is RedAtStart.IGNORE or change.state.timestamp <= alarm.armed_at:
        return False
    return alarm.armed or change.before.value == "OK"
