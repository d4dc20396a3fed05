"""What doctor finds wrong with the alarms that a target names."""

import shlex
from typing import Any

import pytest

from rampart.doctor.finding import Check, Severity
from tests.doctor.patient import ARN, MEANT, Patient, alarm, served
from tests.engine.world import World


@pytest.mark.parametrize(
    ("changes", "check", "severity", "said"),
    [
        (
            {"Dimensions": [MEANT[0]]},
            Check.ALARM_DIMENSIONS,
            Severity.WARNING,
            "has no Resource: it counts all calls of checkout, those past alias live too",
        ),
        (
            {"Dimensions": [MEANT[0], {"Name": "Resource", "Value": f"{ARN}:live"}]},
            Check.ALARM_DIMENSIONS,
            Severity.ERROR,
            "has an ARN as Resource",
        ),
        (
            {"Dimensions": [*MEANT, {"Name": "ExecutedVersion", "Value": "1"}]},
            Check.ALARM_DIMENSIONS,
            Severity.ERROR,
            "is pinned to version 1",
        ),
        (
            {"Dimensions": [MEANT[0], {"Name": "Resource", "Value": "checkout:beta"}]},
            Check.ALARM_DIMENSIONS,
            Severity.WARNING,
            "watches checkout:beta, and the target moves checkout:live",
        ),
        ({"Dimensions": []}, Check.ALARM_DIMENSIONS, Severity.WARNING, "names no FunctionName"),
        (
            {"Dimensions": [{"Name": "FunctionName", "Value": "other"}]},
            Check.ALARM_DIMENSIONS,
            Severity.WARNING,
            "watches function other, which is no member",
        ),
        (
            {"TreatMissingData": "missing"},
            Check.ALARM_MISSING_DATA,
            Severity.WARNING,
            "treats missing data as missing",
        ),
        (
            {"TreatMissingData": "ignore"},
            Check.ALARM_MISSING_DATA,
            Severity.WARNING,
            "it stays in ALARM when nobody",
        ),
        ({"TreatMissingData": "breaching"}, Check.ALARM_MISSING_DATA, Severity.WARNING, "in ALARM whenever nobody"),
    ],
)
def test_an_alarm_that_cannot_tell_is_found_and_put_right_by_its_command(
    world: World, patient: Patient, changes: dict[str, Any], check: Check, severity: Severity, said: str
) -> None:
    served(world, 3)
    alarm(world, AlarmActions=["arn:aws:sns:eu-west-1:123456789012:people"], **changes)
    (found,) = patient.found(check)
    assert (found.severity, said in found.what) == (severity, True), found
    if found.command:
        typed(world, found.command)
        world.set_alarm("errors", "OK")
        assert patient.found(check) == []
        (made,) = world.cloudwatch_call("DescribeAlarms", AlarmNames=["errors"])["MetricAlarms"]
        assert made["AlarmActions"] == ["arn:aws:sns:eu-west-1:123456789012:people"]


def typed(world: World, command: str) -> None:
    """Carry out a `put-metric-alarm` as the AWS CLI would; the end-to-end run uses the real one."""
    words = shlex.split(command)
    assert words[:3] == ["aws", "cloudwatch", "put-metric-alarm"]
    given: dict[str, list[str]] = {}
    for word in words[3:]:
        if word.startswith("--"):
            given[word[2:]] = []
        else:
            given[list(given)[-1]].append(word)
    params: dict[str, Any] = {
        "".join(part.capitalize() for part in name.split("-")): values[0] for name, values in given.items()
    }
    for name in ("Period", "EvaluationPeriods"):
        params[name] = int(params[name])
    params["Threshold"] = float(params["Threshold"])
    params["Dimensions"] = [dict(pair.split("=", 1) for pair in each.split(",", 1)) for each in given["dimensions"]]
    if "AlarmActions" in params:
        params["AlarmActions"] = given["alarm-actions"]
    world.cloudwatch_call("PutMetricAlarm", **params)


def test_an_alarm_that_is_not_there_is_made_by_its_command(world: World, patient: Patient) -> None:
    world.target(alarms=["errors"])
    (found,) = patient.found(Check.ALARM)
    assert found.severity is Severity.ERROR
    assert "alarm errors does not exist" in found.what
    typed(world, found.command)
    assert patient.found(Check.ALARM) == []


@pytest.mark.parametrize("state", ["ALARM", "INSUFFICIENT_DATA"])
def test_a_state_that_holds_or_blocks_is_told(world: World, patient: Patient, state: str) -> None:
    alarm(world)
    world.set_alarm("errors", state)
    (found,) = patient.found(Check.ALARM_STATE)
    assert state in found.what


@pytest.mark.parametrize("minute_seconds", [60.0, 10.0])
def test_an_alarm_without_data_for_a_day_is_told(minute_seconds: float) -> None:
    world = World(minute_seconds)
    world.function()
    alarm(world)
    patient = Patient(world)
    assert len(patient.found(Check.ALARM_WITHOUT_DATA)) == 1
    served(world, 1)
    assert patient.found(Check.ALARM_WITHOUT_DATA) == []
    world.wait(25 * 60 * minute_seconds)
    assert len(patient.found(Check.ALARM_WITHOUT_DATA)) == 1
