"""Signal: stop the deployments that watch an alarm as soon as it fires."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic import Field

from controller.core.alarm_rule import RedAtStart
from controller.core.aws_event import Part, read_event
from controller.core.deployment import Deployment, Mark, MarkDetail
from controller.core.errors import ControllerError
from controller.tasks.context import Context
from controller.tasks.stop import stop

Visit = Callable[[str], Context]
"""Returns the visit of the deployment of that id."""


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
        reason = change.state.reason or "it is in ALARM"
        detail = MarkDetail(at=context.now, by=change.name, reason=reason, since=change.state.timestamp)
        try:
            deployment = context.ports.deployments.find(deployment_id)
            if deployment and _counts(deployment, change) and stop(context, deployment, Mark.ALARM, detail):
                stopped.append(deployment_id)
        except ControllerError as error:
            errors.append(error)
    if errors:
        raise errors[0]
    return stopped


def _counts(deployment: Deployment, change: AlarmChange) -> bool:
    """Say whether an alarm that fires now counts: one that was red at the start does once it was OK.

    An event that was delivered late tells of something before this deployment.
    """
    alarm = next((a for a in deployment.alarms if a.name == change.name), None)
    if alarm is None or alarm.red_at_start is RedAtStart.IGNORE or change.state.timestamp <= alarm.armed_at:
        return False
    return alarm.armed or change.before.value == "OK"
