"""Alarms: what their parameters may be, how data points decide a state, and how the state is explained."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rampart.embedded.cloudwatch.checks import invalid, need, one_of, only
from rampart.embedded.cloudwatch.queries import Metric, dimensions_of, period_minutes
from rampart.embedded.cloudwatch.rules import Rule, parse_rule
from rampart.embedded.cloudwatch.statistics import Bucket, is_percentile
from rampart.embedded.wire import ACCOUNT, REGION

EXTRA_PERIODS = 2
"""How many periods before the evaluated ones are looked at when data is missing.

AWS says only that it "attempts to retrieve a higher number of data points"; its example retrieves 5 for 3.
"""

_OPERATORS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (lambda value, limit: value >= limit, "greater than or equal to"),
    "GreaterThanThreshold": (lambda value, limit: value > limit, "greater than"),
    "LessThanThreshold": (lambda value, limit: value < limit, "less than"),
    "LessThanOrEqualToThreshold": (lambda value, limit: value <= limit, "less than or equal to"),
}
_COMMON = ("AlarmName", "AlarmDescription", "ActionsEnabled", "OKActions", "AlarmActions")
_ACTIONS = ("InsufficientDataActions", "Tags")
_METRIC = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period", "Unit")
_THRESHOLD = ("EvaluationPeriods", "DatapointsToAlarm", "Threshold", "ComparisonOperator")
_MISSING = ("TreatMissingData", "EvaluateLowSampleCountPercentile")


@dataclass(frozen=True, slots=True)
class State:
    """A state of an alarm, why it is in it, and since when (epoch seconds)."""

    value: str
    reason: str
    data: str
    since: float


@dataclass(slots=True)
class Alarm:
    """A metric alarm or, when it has a rule, a composite alarm."""

    config: dict[str, Any]
    """The members of the call that put it, defaults filled in, without its tags."""
    state: State
    configured: float
    updated: float
    transitioned: float
    rule: Rule | None = None
    tags: dict[str, str] = field(default_factory=dict)
    unchecked: bool = True
    """Whether a composite alarm is still to be evaluated after it was put."""

    @property
    def name(self) -> str:
        """Return the name of the alarm."""
        return str(self.config["AlarmName"])

    @property
    def kind(self) -> str:
        """Return the alarm's type as AlarmTypes names it."""
        return "CompositeAlarm" if self.rule else "MetricAlarm"

    @property
    def metric(self) -> Metric:
        """Return namespace, name and dimensions of the metric that a metric alarm watches."""
        dimensions = tuple((each["Name"], each["Value"]) for each in self.config["Dimensions"])
        return self.config["Namespace"], self.config["MetricName"], dimensions

    @property
    def statistic(self) -> str:
        """Return the statistic that a metric alarm compares."""
        return str(self.config.get("Statistic") or self.config["ExtendedStatistic"])

    def describe(self) -> dict[str, Any]:
        """Return the alarm as DescribeAlarms shows it."""
        return self.config | {
            "AlarmArn": alarm_arn(self.name),
            "AlarmConfigurationUpdatedTimestamp": self.configured,
            "StateValue": self.state.value,
            "StateReason": self.state.reason,
            "StateReasonData": self.state.data,
            "StateUpdatedTimestamp": self.updated,
            "StateTransitionedTimestamp": self.transitioned,
        }


@dataclass(frozen=True, slots=True)
class Point:
    """What an alarm sees of one period: when it began (epoch seconds) and its data, if there is any."""

    start: float
    bucket: Bucket | None


def alarm_arn(name: str) -> str:
    """Return the ARN of the alarm `name`."""
    return f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"


def iso(time: float) -> str:
    """Return an epoch second as the text that CloudWatch writes into events and history."""
    moment = datetime.fromtimestamp(time, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def new_alarm(config: dict[str, Any], rule: Rule | None, tags: dict[str, str], now: float) -> Alarm:
    """Return an alarm that was just created (PutMetricAlarm: "immediately set to INSUFFICIENT_DATA")."""
    state = State("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation", "", now)
    return Alarm(config, state, now, now, now, rule, tags)


def tags_of(params: Mapping[str, Any]) -> dict[str, str]:
    """Return the Tags member of a call."""
    return {tag["Key"]: tag["Value"] for tag in params.get("Tags") or ()}


def metric_config(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration that PutMetricAlarm asks for; raises ApiError when AWS would, or we must."""
    for name in ("Metrics", "ThresholdMetricId", "EvaluationCriteria", "EvaluationWindow"):
        if name in params:
            raise invalid(f"PutMetricAlarm: only alarms on one metric's statistic are supported, not {name}.")
    only("PutMetricAlarm", params, *_COMMON, *_ACTIONS, *_METRIC, *_THRESHOLD, *_MISSING)
    required = ("EvaluationPeriods", "Threshold", "ComparisonOperator")
    need("PutMetricAlarm", params, "MetricName", "Namespace", "Period", *required)
    if ("Statistic" in params) == ("ExtendedStatistic" in params):
        raise invalid("PutMetricAlarm needs either Statistic or ExtendedStatistic.")
    if "ExtendedStatistic" in params and not is_percentile(params["ExtendedStatistic"]):
        raise invalid("ExtendedStatistic must be a percentile such as p95: no other is supported.")
    one_of("ComparisonOperator", params["ComparisonOperator"], *_OPERATORS)
    # "Configuring how CloudWatch alarms treat missing data": AWS/DynamoDB alarms default to ignore.
    missing = "ignore" if params["Namespace"] == "AWS/DynamoDB" else "missing"
    missing = params.get("TreatMissingData", missing)
    low_samples = params.get("EvaluateLowSampleCountPercentile", "evaluate")
    one_of("TreatMissingData", missing, "breaching", "notBreaching", "ignore", "missing")
    one_of("EvaluateLowSampleCountPercentile", low_samples, "evaluate", "ignore")
    periods, span = params["EvaluationPeriods"], 60 * period_minutes(params["Period"])
    if not 1 <= params.get("DatapointsToAlarm", periods) <= periods:
        raise invalid("DatapointsToAlarm must be between 1 and EvaluationPeriods.")
    # CloudWatch API: PutMetricAlarm, Period: one day in all, or seven days from one hour upwards.
    if periods * span > (604_800 if span >= 3_600 else 86_400):
        raise invalid("EvaluationPeriods times Period is longer than an alarm may look back.")
    dimensions = [{"Name": name, "Value": value} for name, value in dimensions_of(params.get("Dimensions"))]
    config = _common_config(params)
    config |= {name: params[name] for name in (*_METRIC, *_THRESHOLD, *_MISSING) if name in params}
    return config | {"Dimensions": dimensions, "TreatMissingData": missing, "Threshold": float(params["Threshold"])}


def composite_config(params: Mapping[str, Any]) -> tuple[dict[str, Any], Rule]:
    """Return the configuration and the parsed rule that PutCompositeAlarm asks for."""
    only("PutCompositeAlarm", params, *_COMMON, *_ACTIONS, "AlarmRule")
    return _common_config(params) | {"AlarmRule": params["AlarmRule"]}, parse_rule(params["AlarmRule"])


def _common_config(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members that both kinds of alarm have."""
    lists = {
        name: list(params.get(name) or ()) for name in ("OKActions", "AlarmActions", "InsufficientDataActions")
    }
    described = {name: params[name] for name in ("AlarmName", "AlarmDescription") if name in params}
    return described | lists | {"ActionsEnabled": params.get("ActionsEnabled", True)}


def decide(points: Sequence[bool | None], periods: int, to_alarm: int, missing: str) -> str | None:
    """Return the state that data points decide, or None when the alarm keeps the state that it has.

    `points` is the evaluation range, oldest first: True breaches, False does not, None is missing.
    "Configuring how CloudWatch alarms treat missing data", both tables. They are narrower than the text on
    premature transitions: a data point within the threshold anywhere in the range prevents one.
    """
    real = [point for point in points if point is not None]
    if len(real) >= periods:
        return "ALARM" if sum(real[-periods:]) >= to_alarm else "OK"
    filled = periods - len(real) if missing == "breaching" else 0
    if sum(real) + filled >= to_alarm:
        return "ALARM"
    if missing in ("breaching", "notBreaching") or False in real:
        return "OK"
    if missing == "ignore":
        return None
    if not real:
        return "INSUFFICIENT_DATA"
    oldest_age = len(points) - points.index(True)
    return "ALARM" if oldest_age >= to_alarm else "OK"


def without_data(config: Mapping[str, Any]) -> str | None:
    """Return the state in which a metric alarm ends up without any data, or None when it keeps the one it has."""
    periods = config["EvaluationPeriods"]
    return decide((), periods, config.get("DatapointsToAlarm", periods), config["TreatMissingData"])


def judge(alarm: Alarm, points: Sequence[Point], now: float) -> State | None:
    """Return the state that `points` (oldest first) put a metric alarm in, or None to keep its state."""
    config = alarm.config
    breaches, _ = _OPERATORS[config["ComparisonOperator"]]
    periods, limit = config["EvaluationPeriods"], config["Threshold"]
    values = [point.bucket.statistic(alarm.statistic) if point.bucket else None for point in points]
    marks = [None if value is None else breaches(value, limit) for value in values]
    used = [at for at, value in enumerate(values) if value is not None][-periods:]
    if config.get("EvaluateLowSampleCountPercentile") == "ignore" and "ExtendedStatistic" in config:
        needed = _samples_needed(float(alarm.statistic[1:]))
        if any((bucket := points[at].bucket) and bucket.count < needed for at in used):
            return None
    to_alarm = config.get("DatapointsToAlarm", periods)
    value = decide(marks, periods, to_alarm, config["TreatMissingData"])
    if value is None:
        return None
    seen = [(points[at], values[at] or 0.0, bool(marks[at])) for at in used]
    return State(value, _reason(alarm, value, seen), _reason_data(alarm, seen, now), now)


def _samples_needed(percent: float) -> float:
    """Return how many samples a percentile needs to be significant.

    CloudWatch User Guide, "Percentile-based alarms and low data samples": 10/(1-p), below the median 10/p.
    """
    share = percent / 100
    tail = share if share < 0.5 else 1 - share
    return 10 / tail if tail > 0 else float("inf")


def _reason(alarm: Alarm, value: str, seen: Sequence[tuple[Point, float, bool]]) -> str:
    """Return the sentence that explains the state, in CloudWatch's form."""
    periods = alarm.config["EvaluationPeriods"]
    gaps = periods - len(seen)
    if value == "INSUFFICIENT_DATA":
        return f"Insufficient Data: {_count(gaps, 'datapoint')} {'was' if gaps == 1 else 'were'} unknown."
    if not seen:
        treated = {"breaching": "Breaching", "notBreaching": "NonBreaching"}[alarm.config["TreatMissingData"]]
        verb = "was" if gaps == 1 else "were"
        filled = f"{_count(gaps, 'missing datapoint')} {verb} treated as [{treated}]"
        return f"Threshold Crossed: no datapoints were received for {_count(gaps, 'period')} and {filled}."
    telling = [each for each in seen if each[2] == (value == "ALARM")] or list(seen)
    shown = ", ".join(f"{number} ({_moment(point.start)})" for point, number, _ in telling)
    _, words = _OPERATORS[alarm.config["ComparisonOperator"]]
    verb = ("was" if len(telling) == 1 else "were") + ("" if value == "ALARM" else " not")
    limit = alarm.config["Threshold"]
    counted = f"{len(telling)} out of the last {_count(periods, 'datapoint')}"
    return f"Threshold Crossed: {counted} [{shown}] {verb} {words} the threshold ({limit})."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _moment(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%d/%m/%y %H:%M:%S")


def _reason_data(alarm: Alarm, seen: Sequence[tuple[Point, float, bool]], now: float) -> str:
    """Return the state's reason as CloudWatch writes it in JSON."""
    config = alarm.config
    data: dict[str, Any] = {"version": "1.0", "queryDate": iso(now)}
    if seen:
        data["startDate"] = iso(seen[0][0].start)
    data |= {
        "statistic": alarm.statistic,
        "period": config["Period"],
        "recentDatapoints": [value for _, value, _ in seen],
        "threshold": config["Threshold"],
        "evaluatedDatapoints": [
            {"timestamp": iso(point.start), "sampleCount": point.bucket.count, "value": value}
            for point, value, _ in reversed(seen)
            if point.bucket
        ],
    }
    return json.dumps(data)
