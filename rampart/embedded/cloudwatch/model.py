"""CloudWatch: metrics, alarms and the events of alarms, pure and steppable.

Every alarm is evaluated at every full minute of the clock (a minute is `clock.minute_seconds` long); a
Period is given in AWS seconds, so 60 is one minute of the clock. Windows slide, as on AWS by default
(PutMetricAlarm, EvaluationWindow). Simpler than AWS: all alarms are evaluated at the same moment, the
evaluation range is the evaluation periods and two more, actions are recorded and never carried out,
composite alarms that depend on each other in a circle are refused, and nothing is suppressed.
"""

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from rampart.embedded.clock import Clock
from rampart.embedded.cloudwatch.alarms import (
    EXTRA_PERIODS,
    Alarm,
    Point,
    State,
    alarm_arn,
    composite_config,
    iso,
    judge,
    metric_config,
    new_alarm,
    tags_of,
    without_data,
)
from rampart.embedded.cloudwatch.checks import epoch, invalid, one_of, only, page
from rampart.embedded.cloudwatch.dashboards import Dashboards
from rampart.embedded.cloudwatch.datum import Datum
from rampart.embedded.cloudwatch.metrics import MetricStore
from rampart.embedded.cloudwatch.queries import period_minutes
from rampart.embedded.cloudwatch.rules import Rule
from rampart.embedded.shapes import check
from rampart.embedded.wire import ACCOUNT, REGION, ApiError, Call

Operation = Callable[[Mapping[str, Any]], dict[str, Any]]


class CloudWatchModel:
    """The CloudWatch service of the embedded AWS."""

    def __init__(
        self,
        clock: Clock,
        on_state_change: Callable[[dict[str, Any]], None],
        new_id: Callable[[], str],
        metric_lag_seconds: float = 0.0,
    ) -> None:
        """`on_state_change` gets each "CloudWatch Alarm State Change" event; data shows after the lag."""
        self._clock = clock
        self._on_state_change = on_state_change
        self._new_id = new_id
        self._metrics = MetricStore(clock, metric_lag_seconds)
        self._lock = threading.RLock()
        self._alarms: dict[str, Alarm] = {}
        self._history: list[dict[str, Any]] = []
        self._outbox: list[dict[str, Any]] = []
        self._evaluated_minute = self._metrics.minute_of(clock.now())
        self._operations: dict[str, Operation] = {
            "PutMetricData": self._metrics.put_metric_data,
            "GetMetricData": self._metrics.get_metric_data,
            "GetMetricStatistics": self._metrics.get_metric_statistics,
            "ListMetrics": self._metrics.list_metrics,
            "PutMetricAlarm": self._put_metric_alarm,
            "PutCompositeAlarm": self._put_composite_alarm,
            "DescribeAlarms": self._describe_alarms,
            "DescribeAlarmHistory": self._describe_alarm_history,
            "SetAlarmState": self._set_alarm_state,
            "DeleteAlarms": self._delete_alarms,
            "EnableAlarmActions": lambda params: self._switch_actions("EnableAlarmActions", params, True),
            "DisableAlarmActions": lambda params: self._switch_actions("DisableAlarmActions", params, False),
            "ListTagsForResource": self._list_tags,
            **Dashboards().operations,
        }

    def handle(self, call: Call) -> dict[str, Any]:
        """Carry out one call, after every evaluation that was due before it."""
        operation = self._operations.get(call.operation)
        if operation is None:
            raise ApiError("UnknownOperationException", f"CloudWatch {call.operation} is not supported.")
        check(call, frozenset(call.params))  # which parameters are supported, each operation says itself
        self.evaluate()
        try:
            with self._lock:
                self._metrics.settle(self._clock.now())
                return operation(call.params)
        finally:
            self._send()

    def record(self, datum: Datum, count: float = 1.0) -> None:
        """Take in a value from AWS itself, such as an invocation's error count, that was seen `count` times."""
        with self._lock:
            self._metrics.record(datum, count)

    def evaluate(self) -> None:
        """Evaluate the alarms once for each full minute that has passed since the last evaluation."""
        with self._lock:
            now = self._metrics.minute_of(self._clock.now())
            while self._evaluated_minute < now:
                if self._is_at_rest():
                    self._evaluated_minute = now
                    break
                self._evaluated_minute += 1
                self._evaluate_at(self._evaluated_minute)
        self._send()

    def next_evaluation(self, unless_before: float = 0.0) -> float:
        """Return the epoch second at which alarms are next evaluated.

        When nothing can change an alarm unless somebody calls, and nobody does so before the epoch second
        `unless_before`, it is the last one that is due by then.
        """
        with self._lock:
            following = self._evaluated_minute + 1
            if following < (last := self._metrics.minute_of(unless_before)) and self._is_at_rest():
                following = last
            return self._metrics.time_of(following)

    def _is_at_rest(self) -> bool:
        """Tell whether every further evaluation finds each alarm as it is, until somebody calls."""
        if self._alarms and self._metrics.is_arriving:
            return False
        return not any(each.unchecked if each.rule else self._may_change(each) for each in self._alarms.values())

    def _may_change(self, alarm: Alarm) -> bool:
        """Tell whether a metric alarm has data to look at, or is not yet in the state that it has without any."""
        looked_at_from = self._evaluated_minute + 1 - _range_minutes(alarm)
        has_data = self._metrics.newest_minute(alarm.metric) >= looked_at_from
        return has_data or without_data(alarm.config) not in (None, alarm.state.value)

    def tags_of(self, arn: str) -> dict[str, str]:
        """Return the tags of the alarm with this ARN; none when there is no such alarm."""
        with self._lock:
            return dict(next((each.tags for each in self._alarms.values() if alarm_arn(each.name) == arn), {}))

    def _send(self) -> None:
        """Hand over the events that were written, outside the lock."""
        with self._lock:
            events, self._outbox = self._outbox, []
        for event in events:
            self._on_state_change(event)

    def _evaluate_at(self, minute: int) -> None:
        """Evaluate every alarm with what was known when `minute` began."""
        at = self._metrics.time_of(minute)
        self._metrics.settle(at)
        for alarm in [each for each in self._alarms.values() if each.rule is None]:
            state = judge(alarm, self._points(alarm, minute), at)
            if state and state.value != alarm.state.value:
                self._change(alarm, state)
        for alarm in [each for each in self._alarms.values() if each.rule and each.unchecked]:
            if alarm.unchecked:  # a child's change may have had it evaluated meanwhile
                self._apply_rule(alarm, None, at)

    def _points(self, alarm: Alarm, minute: int) -> list[Point]:
        """Return the complete periods of a metric alarm's evaluation range before `minute`, oldest first."""
        length = period_minutes(alarm.config["Period"])
        first = minute - _range_minutes(alarm)
        found = self._metrics.periods(alarm.metric, alarm.config.get("Unit"), range(first, minute), length)
        return [Point(self._metrics.time_of(start), found.get(start)) for start in range(first, minute, length)]

    def _change(self, alarm: Alarm, state: State) -> None:
        """Put an alarm in `state`; when the value is another one: history, event, composite alarms above."""
        old, alarm.state, alarm.updated = alarm.state, state, state.since
        if old.value == state.value:
            return
        alarm.transitioned = state.since
        data = {"version": "1.0", "oldState": _past(old), "newState": _past(state)}
        summary = f"Alarm updated from {old.value} to {state.value}"
        self._remember(alarm, "StateUpdate", summary, data, state.since)
        self._outbox.append(_event(alarm, old, self._new_id(), self._new_id()))
        for parent in self._parents(alarm.name):
            self._apply_rule(parent, alarm, state.since)

    def _apply_rule(self, alarm: Alarm, trigger: Alarm | None, at: float) -> None:
        """Evaluate a composite alarm because `trigger` changed, or because it was put."""
        alarm.unchecked = False
        holds = alarm.rule is not None and alarm.rule.holds(lambda name: self._alarms[name].state.value)
        value = "ALARM" if holds else "OK"
        if value == alarm.state.value:
            return
        reason = f"{alarm_arn(alarm.name)} was created and its alarm rule evaluates to {value}"
        data: dict[str, Any] = {"triggeringAlarms": []}
        if trigger:
            moment = datetime.fromtimestamp(at, UTC).strftime("%A %d %B, %Y %H:%M:%S UTC")
            reason = f"{alarm_arn(trigger.name)} transitioned to {trigger.state.value} at {moment}"
            shown = {"value": trigger.state.value, "timestamp": iso(at)}
            data = {"triggeringAlarms": [{"arn": alarm_arn(trigger.name), "state": shown}]}
        self._change(alarm, State(value, reason, json.dumps(data), at))

    def _parents(self, name: str) -> list[Alarm]:
        return [each for each in self._alarms.values() if each.rule and name in each.rule.children]

    def _remember(self, alarm: Alarm, kind: str, summary: str, data: dict[str, Any], at: float) -> None:
        item = {"AlarmName": alarm.name, "AlarmType": alarm.kind, "Timestamp": at}
        item |= {"HistoryItemType": kind, "HistorySummary": summary, "HistoryData": json.dumps(data)}
        self._history.append(item)

    def _put_metric_alarm(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return self._put(metric_config(params), None, params)

    def _put_composite_alarm(self, params: Mapping[str, Any]) -> dict[str, Any]:
        config, rule = composite_config(params)
        absent = [name for name in rule.children if name not in self._alarms]
        if config["AlarmName"] in self._below(rule.children):
            raise invalid("Composite alarms that depend on each other in a circle are not supported.")
        if absent:
            names = ", ".join(absent)
            raise invalid(f"Could not save the composite alarm as alarms [{names}] in the alarm rule do not exist")
        return self._put(config, rule, params)

    def _below(self, names: Iterable[str]) -> set[str]:
        """Return `names` and every alarm that they depend on."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            alarm = self._alarms.get(name)
            if name not in found and alarm and alarm.rule:
                waiting.extend(alarm.rule.children)
            found.add(name)
        return found

    def _put(self, config: dict[str, Any], rule: Rule | None, params: Mapping[str, Any]) -> dict[str, Any]:
        """Create an alarm or overwrite its configuration, which leaves state and tags unchanged."""
        now, name = self._clock.now(), config["AlarmName"]
        alarm = self._alarms.get(name)
        if alarm is None:
            alarm = self._alarms[name] = new_alarm(config, rule, tags_of(params), now)
            kind, summary = "Create", f'Alarm "{name}" created'
        elif (alarm.rule is None) != (rule is None):
            raise invalid(f"The alarm {name} exists already with another type.")
        else:
            alarm.config, alarm.rule, alarm.configured, alarm.unchecked = config, rule, now, True
            kind, summary = "Update", f'Alarm "{name}" updated'
        data = {"version": "1.0", "type": kind, f"{kind.lower()}dAlarm": config}
        self._remember(alarm, "ConfigurationUpdate", summary, data, now)
        return {}

    def _describe_alarms(self, params: Mapping[str, Any]) -> dict[str, Any]:
        supported = ("AlarmNames", "AlarmNamePrefix", "AlarmTypes", "StateValue", "MaxRecords", "NextToken")
        only("DescribeAlarms", params, *supported)
        names, prefix = params.get("AlarmNames") or (), params.get("AlarmNamePrefix")
        if names and prefix is not None:
            raise ApiError("InvalidParameterCombinationException", "Give either AlarmNames or AlarmNamePrefix.")
        kinds = _kinds(params)
        wanted = params.get("StateValue")
        found = [
            alarm
            for name, alarm in sorted(self._alarms.items())
            if alarm.kind in kinds
            and (name in names if names else name.startswith(prefix or ""))
            and wanted in (None, alarm.state.value)
        ]
        shown, token = page(found, params)
        return {
            "MetricAlarms": [each.describe() for each in shown if each.rule is None],
            "CompositeAlarms": [each.describe() for each in shown if each.rule],
        } | token

    def _describe_alarm_history(self, params: Mapping[str, Any]) -> dict[str, Any]:
        supported = ("AlarmName", "AlarmTypes", "HistoryItemType", "StartDate", "EndDate", "ScanBy")
        only("DescribeAlarmHistory", params, *supported, "MaxRecords", "NextToken")
        kinds, name, wanted = _kinds(params), params.get("AlarmName"), params.get("HistoryItemType")
        if wanted is not None:
            one_of("HistoryItemType", wanted, "StateUpdate", "ConfigurationUpdate")
        scan = params.get("ScanBy", "TimestampDescending")
        start = epoch("StartDate", params["StartDate"]) if "StartDate" in params else float("-inf")
        end = epoch("EndDate", params["EndDate"]) if "EndDate" in params else float("inf")
        found = [
            item
            for item in (self._history if scan == "TimestampAscending" else reversed(self._history))
            if item["AlarmType"] in kinds
            and name in (None, item["AlarmName"])
            and wanted in (None, item["HistoryItemType"])
            and start <= item["Timestamp"] <= end
        ]
        shown, token = page(found, params)
        return {"AlarmHistoryItems": list(shown)} | token

    def _set_alarm_state(self, params: Mapping[str, Any]) -> dict[str, Any]:
        only("SetAlarmState", params, "AlarmName", "StateValue", "StateReason", "StateReasonData")
        alarm = self._alarms.get(params["AlarmName"])
        if alarm is None:
            raise ApiError("ResourceNotFound", f"There is no alarm {params['AlarmName']}.", 404)
        data = params.get("StateReasonData", "")
        if data and not _is_json(data):
            raise ApiError("InvalidFormatFault", "StateReasonData must be JSON.")
        self._change(alarm, State(params["StateValue"], params["StateReason"], data, self._clock.now()))
        return {}

    def _delete_alarms(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """DeleteAlarms: correct names are deleted even when others are wrong, at most one composite alarm."""
        only("DeleteAlarms", params, "AlarmNames")
        names = list(dict.fromkeys(params["AlarmNames"]))
        going = [self._alarms[name] for name in names if name in self._alarms]
        if sum(1 for alarm in going if alarm.rule) > 1:
            raise invalid("DeleteAlarms takes at most one composite alarm.")
        for alarm in going:
            parents = ", ".join(each.name for each in self._parents(alarm.name) if each.name not in names)
            if parents:
                raise invalid(
                    f"Cannot delete {alarm.name} as there are composite alarm(s) depending on it: {parents}"
                )
        for alarm in going:
            del self._alarms[alarm.name]
            data = {"version": "1.0", "type": "Delete", "deletedAlarm": alarm.config}
            summary = f'Alarm "{alarm.name}" deleted'
            self._remember(alarm, "ConfigurationUpdate", summary, data, self._clock.now())
        if len(going) < len(names):
            absent = ", ".join(name for name in names if name not in {alarm.name for alarm in going})
            raise ApiError("ResourceNotFound", f"There are no alarms {absent}.", 404)
        return {}

    def _switch_actions(self, operation: str, params: Mapping[str, Any], enabled: bool) -> dict[str, Any]:
        only(operation, params, "AlarmNames")
        for name in params["AlarmNames"]:
            if alarm := self._alarms.get(name):
                alarm.config["ActionsEnabled"] = enabled
        return {}

    def _list_tags(self, params: Mapping[str, Any]) -> dict[str, Any]:
        only("ListTagsForResource", params, "ResourceARN")
        arn = params["ResourceARN"]
        if all(alarm_arn(name) != arn for name in self._alarms):
            raise ApiError("ResourceNotFoundException", f"There is no resource {arn}.", 404)
        return {"Tags": [{"Key": key, "Value": value} for key, value in self.tags_of(arn).items()]}


def _range_minutes(alarm: Alarm) -> int:
    """Return how many minutes a metric alarm's evaluation range is long."""
    periods: int = alarm.config["EvaluationPeriods"] + EXTRA_PERIODS
    return periods * period_minutes(alarm.config["Period"])


def _kinds(params: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the wanted alarm types (AlarmTypes: "If you omit this parameter, only metric alarms")."""
    return tuple(params.get("AlarmTypes") or ("MetricAlarm",))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _past(state: State) -> dict[str, Any]:
    """Return a state as the history tells it."""
    past: dict[str, Any] = {"stateValue": state.value, "stateReason": state.reason}
    return past | ({"stateReasonData": json.loads(state.data)} if state.data else {})


def _event(alarm: Alarm, old: State, event_id: str, metric_id: str) -> dict[str, Any]:
    """Return the EventBridge event (CloudWatch User Guide, "Alarm events and EventBridge")."""
    config = alarm.config
    if alarm.rule:
        watched: dict[str, Any] = {"alarmRule": config["AlarmRule"]}
    else:
        namespace, name, dimensions = alarm.metric
        metric = {"dimensions": dict(dimensions), "name": name, "namespace": namespace}
        stat = {"metric": metric, "period": config["Period"], "stat": alarm.statistic}
        watched = {"metrics": [{"id": metric_id, "metricStat": stat, "returnData": True}]}
    if "AlarmDescription" in config:
        watched["description"] = config["AlarmDescription"]
    return {
        "version": "0",
        "id": event_id,
        "detail-type": "CloudWatch Alarm State Change",
        "source": "aws.cloudwatch",
        "account": ACCOUNT,
        "time": datetime.fromtimestamp(alarm.state.since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [alarm_arn(alarm.name)],
        "detail": {
            "alarmName": alarm.name,
            "configuration": watched,
            "previousState": _told(old),
            "state": _told(alarm.state),
        },
    }


def _told(state: State) -> dict[str, Any]:
    """Return a state as an event tells it."""
    told = {"value": state.value, "reason": state.reason, "timestamp": iso(state.since)}
    return told | ({"reasonData": state.data} if state.data else {})
