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
            return [self._reading(name, found.get(name), since) for name in names]
        except UnavailableError as error:
            return [Reading(name, AlarmState.UNREADABLE, str(error)) for name in names]

    def _describe(self, names: Sequence[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for start in range(0, len(names), _AT_ONCE):
            with aws_errors("reading alarms"):
                # Without AlarmTypes the answer holds metric alarms only; without paging, fifty.
                pages = self._cloudwatch.get_paginator("describe_alarms").paginate(
                    AlarmNames=names[start : start + _AT_ONCE], AlarmTypes=["MetricAlarm", "CompositeAlarm"]
                )
                for page in pages:
                    for alarm in [*page.get("MetricAlarms", []), *page.get("CompositeAlarms", [])]:
                        found[alarm["AlarmName"]] = alarm
        return found

    def _reading(self, name: str, alarm: Any, since: datetime | None) -> Reading:
        if alarm is None:  # CloudWatch leaves out the names that it does not know
            return Reading(name, AlarmState.MISSING)
        state = AlarmState(alarm["StateValue"])
        changed = alarm.get("StateTransitionedTimestamp", alarm["StateUpdatedTimestamp"])
        if state is AlarmState.ALARM:
            return Reading(name, state, alarm.get("StateReason", ""), changed)
        alarmed_at = self._last_alarm(name, since) if since and changed > since else None
        return Reading(name, state, alarm.get("StateReason", ""), alarmed_at)

    def _last_alarm(self, name: str, since: datetime) -> datetime | None:
        """Return the last time the alarm went into ALARM after `since`: a flap between two looks."""
        with aws_errors(f"history of alarm {name}"):
            answer = self._cloudwatch.describe_alarm_history(
                AlarmName=name,
                AlarmTypes=["MetricAlarm", "CompositeAlarm"],
                HistoryItemType="StateUpdate",
                StartDate=since,
                ScanBy="TimestampDescending",
            )
        for item in answer["AlarmHistoryItems"]:
            if json.loads(item["HistoryData"])["newState"]["stateValue"] == "ALARM":
                return item["Timestamp"]
        return None
