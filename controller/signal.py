"""Signal: stop a deployment now, because an alarm fired or a person said so.

Whoever stops a deployment writes the mark, then puts the alias back, then wakes the execution: traffic is safe
before anything else is tidied up, and every task that looks later finds the mark.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from controller.core.deployment import Deployment, Mark, MarkDetail
from controller.core.document import Document, parse
from controller.core.errors import InputError, MalformedEventError
from controller.core.target import RedAtStart
from controller.ports import Ports
from controller.tasks.roll_back import put_back


class Verb(Document):
    """What a person asks of a running deployment."""

    deployment_id: str = Field(min_length=1, max_length=80)
    mark: Literal["abort"]
    by: str = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=500)


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _State(_Loose):
    value: str
    reason: str = ""


class AlarmChange(_Loose):
    """The detail of a "CloudWatch Alarm State Change" event."""

    name: str = Field(alias="alarmName")
    state: _State
    before: _State = Field(alias="previousState")


def alarm_change(event: Any) -> AlarmChange:
    """Return what an alarm's event says; raises MalformedEventError.

    Source: CloudWatch user guide, "Alarm events and EventBridge".
    """
    try:
        return AlarmChange.model_validate(event["detail"])
    except (KeyError, TypeError) as error:
        raise MalformedEventError(f"alarm event has no detail: {error}") from None
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise MalformedEventError(f"alarm event: {place}: {fault['msg']}") from None


def on_alarm_change(ports: Ports, change: AlarmChange, now: datetime) -> list[str]:
    """Stop every live deployment for which the alarm counts; return their ids."""
    if change.state.value != "ALARM":
        return []
    detail = MarkDetail(at=now, by=change.name, reason=change.state.reason or "it is in ALARM")
    return [
        deployment_id
        for deployment_id in ports.deployments.watching(change.name)
        if _stop(ports, deployment_id, Mark.ALARM, detail, change)
    ]


def on_verb(ports: Ports, request: Any, now: datetime) -> str:
    """Stop a deployment because a person says so; return what became of it in one line. Raises InputError."""
    verb = parse(Verb, request, "verb")
    detail = MarkDetail(at=now, by=verb.by, reason=verb.reason)
    if ports.deployments.find(verb.deployment_id) is None:
        raise InputError(f"verb: deployment_id: there is no deployment {verb.deployment_id!r}")
    if _stop(ports, verb.deployment_id, Mark(verb.mark), detail):
        return f"deployment {verb.deployment_id} is rolling back"
    ended = ports.deployments.find(verb.deployment_id)
    return f"deployment {verb.deployment_id} has ended already: {ended.status if ended else 'unknown'}"


def _stop(
    ports: Ports, deployment_id: str, mark: Mark, detail: MarkDetail, change: AlarmChange | None = None
) -> bool:
    """Mark a deployment, put its aliases back, wake it; say whether it was still to be stopped."""
    deployment = ports.deployments.find(deployment_id)
    if deployment is None or deployment.status.is_over:
        return False
    if change and not _counts(deployment, change):
        return False
    marked = ports.deployments.mark(deployment_id, mark, detail)
    if marked.status.is_over:  # it was promoted, or ended otherwise, before the mark
        return False
    put_back(ports, marked)
    if marked.token:
        ports.executions.wake(marked.token)
    return True


def _counts(deployment: Deployment, change: AlarmChange) -> bool:
    """Say whether an alarm that fires now counts: one that was red at the start does once it was OK."""
    alarm = next((a for a in deployment.alarms if a.name == change.name), None)
    if alarm is None or alarm.red_at_start is RedAtStart.IGNORE:
        return False
    return alarm.armed or change.before.value == "OK"
