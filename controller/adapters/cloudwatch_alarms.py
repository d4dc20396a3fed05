"""Alarms on Amazon CloudWatch."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from controller.adapters.aws_errors import aws_errors
from controller.core.errors import UnavailableError
from controller.core.verdict import AlarmState, Reading

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

_AT_ONCE = 100  # DescribeAlarms takes at most 100 names
_TYPES: list[Any] = ["MetricAlarm", "CompositeAlarm", "LogAlarm"]
_MEMBERS = ("MetricAlarms", "CompositeAlarms", "LogAlarms")
# A state that stands because the alarm could not be evaluated says nothing (API reference, MetricAlarm).
_NOT_EVALUATED = ("EVALUATION_ERROR", "EVALUATION_FAILURE")


class CloudWatchAlarms:
    """Alarms through a boto3 CloudWatch client."""

    def __init__(self, client: "CloudWatchClient") -> None:
        self._cloudwatch = client

    def read(self, names: Sequence[str], since: datetime | None = None) -> list[Reading]:
        """Return one reading for each name, in order; a failed read is UNREADABLE.

        With `since`, an alarm that was in ALARM after that moment and has recovered says so.
        """
        try:
            found = self._describe(names)
        except UnavailableError as error:
            return [Reading(name, AlarmState.UNREADABLE, str(error)) for name in names]
        return [self._reading(name, found.get(name), since) for name in names]

    def _describe(self, names: Sequence[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for start in range(0, len(names), _AT_ONCE):
            with aws_errors("reading alarms"):
                # Without AlarmTypes the answer holds metric alarms only; without paging, fifty.
                pages = self._cloudwatch.get_paginator("describe_alarms").paginate(
                    AlarmNames=names[start : start + _AT_ONCE], AlarmTypes=_TYPES
                )
                page: Any
                for page in pages:
                    for alarm in (each for kind in _MEMBERS for each in page.get(kind, [])):
                        found[alarm["AlarmName"]] = alarm
        return found

    def _reading(self, name: str, alarm: Any, since: datetime | None) -> Reading:
        if alarm is None:  # CloudWatch leaves out the names that it does not know
            return Reading(name, AlarmState.MISSING)
        state, why = AlarmState(alarm["StateValue"]), alarm.get("StateReason", "")
        changed = alarm.get("StateTransitionedTimestamp", alarm["StateUpdatedTimestamp"])
        if state is not AlarmState.ALARM and alarm.get("EvaluationState") in _NOT_EVALUATED:
            return Reading(name, AlarmState.UNREADABLE, f"CloudWatch says {alarm['EvaluationState']}")
        try:
            changes = self._changes(name, since) if since and changed > since else []
        except UnavailableError as error:
            if state is not AlarmState.ALARM:
                return Reading(name, AlarmState.UNREADABLE, str(error))
            changes = []
        alarmed = [at for at, entered in changes if entered == "ALARM"]
        recovered = [at for at, entered in changes if entered == "OK"]
        return Reading(
            name,
            state,
            why,
            alarmed_at=changed if state is AlarmState.ALARM else max(alarmed, default=None),
            ok_at=min(recovered, default=None),
        )

    def _changes(self, name: str, since: datetime) -> list[tuple[datetime, str]]:
        """Return when the alarm entered which state after `since`: what happened between two looks."""
        with aws_errors(f"history of alarm {name}"):
            pages = self._cloudwatch.get_paginator("describe_alarm_history").paginate(
                AlarmName=name,
                AlarmTypes=_TYPES,
                HistoryItemType="StateUpdate",
                StartDate=since,
            )
            found = [i for page in pages for i in page["AlarmHistoryItems"] if i["Timestamp"] > since]
        return [(i["Timestamp"], json.loads(i["HistoryData"])["newState"]["stateValue"]) for i in found]
