"""Alarms: whether those that a target names can tell of its candidate, and will not tell of anything else.

Sources: Lambda developer guide, "Types of metrics for Lambda functions" (the dimensions FunctionName, Resource and
ExecutedVersion; Resource is `function:alias`, and no ARN); CloudWatch user guide, "Configuring how CloudWatch
alarms treat missing data".
"""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from controller.core.measurement import LAMBDA, alias_dimensions
from controller.core.target import Member
from rampart.doctor.finding import Check, Finding, error, warning

_FLAGS = (
    ("AlarmName", "alarm-name"),
    ("AlarmDescription", "alarm-description"),
    ("Namespace", "namespace"),
    ("MetricName", "metric-name"),
    ("Statistic", "statistic"),
    ("ExtendedStatistic", "extended-statistic"),
    ("Unit", "unit"),
    ("Period", "period"),
    ("EvaluationPeriods", "evaluation-periods"),
    ("DatapointsToAlarm", "datapoints-to-alarm"),
    ("Threshold", "threshold"),
    ("ComparisonOperator", "comparison-operator"),
    ("TreatMissingData", "treat-missing-data"),
    ("EvaluateLowSampleCountPercentile", "evaluate-low-sample-count-percentile"),
)
_ACTIONS = (
    ("AlarmActions", "alarm-actions"),
    ("OKActions", "ok-actions"),
    ("InsufficientDataActions", "insufficient-data-actions"),
)
_SAME = {
    "missing": "it has INSUFFICIENT_DATA when nobody calls, which holds a deployment and then rolls it back",
    "ignore": "it stays in ALARM when nobody calls any more, as after a rollback, which blocks the next deployment",
    "breaching": "it is in ALARM whenever nobody calls",
}


def judge_alarm(
    name: str, described: Mapping[str, Any] | None, has_data: bool | None, members: Sequence[Member]
) -> list[Finding]:
    """Return what is wrong with an alarm as DescribeAlarms describes it; None: there is no such alarm.

    `has_data` says whether its metric had any value in the last day; None where that is not known.
    """
    if described is None:
        return [
            error(
                Check.ALARM,
                f"alarm {name} does not exist, so that every deployment is refused",
                _new(name, members),
            )
        ]
    findings = list(_state(name, described))
    if "AlarmRule" in described or "Metrics" in described:  # composite, or on an expression: nothing to read off
        return findings
    if described.get("Namespace") == LAMBDA:
        mended = _mended(described, members)
        findings += _dimensions(name, described, members, mended)
        treats = described.get("TreatMissingData", "missing")
        if treats in _SAME:
            findings.append(
                warning(
                    Check.ALARM_MISSING_DATA,
                    f"alarm {name} treats missing data as {treats}: {_SAME[treats]}",
                    mended,
                )
            )
    if has_data is False:
        findings.append(
            warning(
                Check.ALARM_WITHOUT_DATA,
                f"alarm {name} has had no data in the last day: either nobody calls, or no such metric exists",
            )
        )
    return findings


def _state(name: str, described: Mapping[str, Any]) -> Iterator[Finding]:
    match described.get("StateValue"):
        case "ALARM":
            yield warning(
                Check.ALARM_STATE,
                f"alarm {name} is in ALARM ({described.get('StateReason', 'no reason given')}): a deployment is "
                "refused while it is, unless it is a hotfix or red_at_start says otherwise",
            )
        case "INSUFFICIENT_DATA":
            yield warning(
                Check.ALARM_STATE,
                f"alarm {name} has INSUFFICIENT_DATA, which holds a deployment and then rolls it back",
            )


def _mended(described: Mapping[str, Any], members: Sequence[Member]) -> str:
    """Return the one command that puts right all that is wrong with an alarm on one of Lambda's metrics."""
    function = next((d["Value"] for d in described.get("Dimensions", []) if d["Name"] == "FunctionName"), None)
    member = next((member for member in members if member.function == function), None)
    changes: dict[str, Any] = {"TreatMissingData": "notBreaching"}
    if member:
        changes["Dimensions"] = _through(member)
    return _again(described, changes)


def _through(member: Member) -> list[dict[str, str]]:
    """Return the dimensions of what comes through an alias."""
    pairs = alias_dimensions(member.function, member.alias)
    return [{"Name": name, "Value": value} for name, value in pairs.items()]


def _dimensions(
    name: str, described: Mapping[str, Any], members: Sequence[Member], mended: str
) -> Iterator[Finding]:
    """Yield what is wrong with the dimensions of an alarm on one of Lambda's metrics."""
    dimensions = {each["Name"]: each["Value"] for each in described.get("Dimensions", [])}
    function, resource = dimensions.get("FunctionName"), dimensions.get("Resource")
    member = next((member for member in members if member.function == function), None)
    if function is None:
        yield warning(Check.ALARM_DIMENSIONS, f"alarm {name} names no FunctionName: it watches every function")
        return
    if member is None:
        yield warning(
            Check.ALARM_DIMENSIONS, f"alarm {name} watches function {function}, which is no member of the target"
        )
        return
    meant = f"{function}:{member.alias}"
    if "ExecutedVersion" in dimensions:
        version = dimensions["ExecutedVersion"]
        yield error(
            Check.ALARM_DIMENSIONS,
            f"alarm {name} is pinned to version {version} by ExecutedVersion: it never hears of a candidate",
            mended,
        )
    elif resource is None:
        yield warning(
            Check.ALARM_DIMENSIONS,
            f"alarm {name} has no Resource: it counts all calls of {function}, those past alias {member.alias} too",
            mended,
        )
    elif resource.startswith("arn:"):
        yield error(
            Check.ALARM_DIMENSIONS,
            f"alarm {name} has an ARN as Resource, and no metric of Lambda has: it never gets data",
            mended,
        )
    elif resource != meant:
        yield warning(
            Check.ALARM_DIMENSIONS, f"alarm {name} watches {resource}, and the target moves {meant}", mended
        )


def _new(name: str, members: Sequence[Member]) -> str:
    """Return the command that makes an alarm on the errors of the first member."""
    first = members[0]
    return _again(
        {
            "AlarmName": name,
            "Namespace": LAMBDA,
            "MetricName": "Errors",
            "Dimensions": _through(first),
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 0,
            "ComparisonOperator": "GreaterThanThreshold",
        },
        {"TreatMissingData": "notBreaching"},
    )


def _again(described: Mapping[str, Any], changes: Mapping[str, Any]) -> str:
    """Return the command that puts an alarm again with changes: PutMetricAlarm replaces all that there was."""
    alarm = {**described, **changes}
    parts = ["aws cloudwatch put-metric-alarm"]
    parts += [f"--{flag} {_value(alarm[field])}" for field, flag in _FLAGS if alarm.get(field) not in (None, "")]
    if alarm.get("Dimensions"):
        pairs = [shlex.quote(f"Name={each['Name']},Value={each['Value']}") for each in alarm["Dimensions"]]
        parts.append(f"--dimensions {' '.join(pairs)}")
    parts += [
        f"--{flag} {' '.join(map(shlex.quote, alarm[field]))}" for field, flag in _ACTIONS if alarm.get(field)
    ]
    if alarm.get("ActionsEnabled") is False:
        parts.append("--no-actions-enabled")
    return " ".join(parts)


def _value(value: Any) -> str:
    return shlex.quote(f"{value:g}" if isinstance(value, float) else str(value))
