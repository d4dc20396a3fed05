"""Alarms: a stepped clock, metric data, and the states, events and history that come of it."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rampart.embedded.clock import VirtualClock
from rampart.embedded.cloudwatch.datum import Datum
from rampart.embedded.cloudwatch.model import CloudWatchModel
from rampart.embedded.wire import ApiError, Call

START = 1_800_000_000.0
ALL_TYPES = ["MetricAlarm", "CompositeAlarm"]


class World:
    """CloudWatch, its clock, and the events it wrote."""

    def __init__(self, minute_seconds: float = 60.0, lag_seconds: float = 0.0) -> None:
        ids = itertools.count(1)
        self.clock = VirtualClock(minute_seconds, START)
        self.events: list[dict[str, Any]] = []
        self.cloudwatch = CloudWatchModel(self.clock, self.events.append, lambda: f"id-{next(ids)}", lag_seconds)

    def ask(self, operation: str, **params: Any) -> dict[str, Any]:
        return self.cloudwatch.handle(Call("cloudwatch", operation, "AKIAOPERATOR", params))

    def put_alarm(self, name: str = "errors", **more: Any) -> None:
        config: dict[str, Any] = {"Namespace": "shop", "MetricName": "Failed", "Statistic": "Sum", "Period": 60}
        config |= {"EvaluationPeriods": 1, "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold"}
        if "ExtendedStatistic" in more:
            del config["Statistic"]
        self.ask("PutMetricAlarm", AlarmName=name, **config | more)

    def minute(self, *values: float) -> None:
        """Record values at the beginning of a minute, then let the minute pass."""
        for value in values:
            self.cloudwatch.record(Datum("shop", "Failed", (), value, "Count", self.clock.now()))
        self.clock.advance(self.clock.minute_seconds)
        self.cloudwatch.evaluate()

    def alarm(self, name: str = "errors") -> dict[str, Any]:
        (found,) = self.ask("DescribeAlarms", AlarmNames=[name])["MetricAlarms"]
        return dict(found)

    def state(self, name: str = "errors") -> str:
        return str(self.alarm(name)["StateValue"])


def test_a_new_alarm_has_insufficient_data_until_its_first_evaluation() -> None:
    world = World()
    world.put_alarm()
    assert world.alarm()["StateReason"] == "Unchecked: Initial alarm creation"
    assert world.state() == "INSUFFICIENT_DATA"
    world.minute(0)
    assert world.state() == "OK"


def test_an_alarm_follows_its_metric() -> None:
    world = World()
    world.put_alarm(TreatMissingData="notBreaching")
    world.minute(2)
    assert world.state() == "ALARM"
    assert "1 out of the last 1 datapoint [2.0 (" in world.alarm()["StateReason"]
    assert json.loads(world.alarm()["StateReasonData"])["recentDatapoints"] == [2.0]
    world.minute(0)
    assert world.state() == "OK"


def test_the_last_real_data_point_counts_while_it_is_in_the_evaluation_range() -> None:
    world = World()
    world.put_alarm(TreatMissingData="notBreaching")
    world.minute(1)
    seen = [world.state()]
    for _ in range(3):
        world.minute()
        seen.append(world.state())
    assert seen == ["ALARM", "ALARM", "ALARM", "OK"]
    assert "1 missing datapoint was treated as [NonBreaching]" in world.alarm()["StateReason"]


@pytest.mark.parametrize(
    ("treatment", "expected"),
    [("missing", "INSUFFICIENT_DATA"), ("ignore", "OK"), ("breaching", "ALARM"), ("notBreaching", "OK")],
)
def test_silence_is_treated_as_the_alarm_says(treatment: str, expected: str) -> None:
    world = World()
    world.put_alarm(TreatMissingData=treatment)
    world.minute(0)
    for _ in range(4):
        world.minute()
    assert world.state() == expected


def test_two_bad_minutes_of_three_raise_the_alarm() -> None:
    world = World()
    world.put_alarm(EvaluationPeriods=3, DatapointsToAlarm=2)
    seen = []
    for failures in (0, 1, 0, 0, 1, 1, 0, 0):
        world.minute(failures)
        seen.append(world.state())
    assert seen == ["OK", "OK", "OK", "OK", "OK", "ALARM", "ALARM", "OK"]


@pytest.mark.parametrize(
    ("operator", "alarming"),
    [
        ("GreaterThanThreshold", [6]),
        ("GreaterThanOrEqualToThreshold", [5, 6]),
        ("LessThanThreshold", [4]),
        ("LessThanOrEqualToThreshold", [4, 5]),
    ],
)
def test_each_comparison_operator_compares(operator: str, alarming: list[int]) -> None:
    world = World()
    world.put_alarm(ComparisonOperator=operator, Threshold=5)
    raised = []
    for value in (4, 5, 6):
        world.minute(value)
        raised += [value] if world.state() == "ALARM" else []
    assert raised == alarming


def test_a_percentile_alarm_looks_at_the_slow_tail() -> None:
    world = World()
    world.put_alarm(ExtendedStatistic="p95", Threshold=100)
    world.minute(*[10] * 95, *[500] * 5)
    assert world.state() == "OK"
    world.minute(*[10] * 94, *[500] * 6)
    assert world.state() == "ALARM"


def test_a_percentile_of_too_few_samples_changes_nothing_when_asked() -> None:
    world = World()
    world.put_alarm(ExtendedStatistic="p95", Threshold=100, EvaluateLowSampleCountPercentile="ignore")
    world.minute(*[10] * 250)
    world.minute(500)
    assert world.state() == "OK"
    world.minute(*[500] * 250)
    assert world.state() == "ALARM"


def test_alarms_are_evaluated_once_in_each_minute_however_long_it_is() -> None:
    world = World(minute_seconds=0.5)
    world.put_alarm(Period=120, EvaluationPeriods=1)
    assert world.cloudwatch.next_evaluation() == START + 0.5
    world.minute(1)
    assert world.state() == "ALARM"
    assert world.alarm()["StateUpdatedTimestamp"] == START + 0.5
    world.clock.advance(0.25)
    assert world.cloudwatch.next_evaluation() == START + 1.0


def test_minutes_that_were_slept_through_are_evaluated_in_order() -> None:
    world = World()
    world.put_alarm()
    for minute, failures in enumerate((0, 1, 0)):
        world.cloudwatch.record(Datum("shop", "Failed", (), failures, "Count", START + 60 * minute))
    world.clock.advance(600)
    world.cloudwatch.evaluate()
    assert [event["detail"]["state"]["value"] for event in world.events] == [
        "OK",
        "ALARM",
        "OK",
        "INSUFFICIENT_DATA",
    ]
    assert [event["time"][14:] for event in world.events][:3] == ["01:00Z", "02:00Z", "03:00Z"]


def test_late_data_raises_the_alarm_after_the_lag() -> None:
    world = World(lag_seconds=90)
    world.put_alarm(TreatMissingData="notBreaching")
    world.minute(1)
    assert world.state() == "OK"
    world.minute()
    assert world.state() == "ALARM"


def test_a_slept_through_minute_sees_only_what_had_arrived_by_then() -> None:
    world = World(lag_seconds=90)
    world.put_alarm(TreatMissingData="notBreaching")
    world.cloudwatch.record(Datum("shop", "Failed", (), 1, "Count", START))
    world.clock.advance(120)
    world.cloudwatch.evaluate()
    assert [event["detail"]["state"]["value"] for event in world.events] == ["OK", "ALARM"]


def test_set_alarm_state_lasts_until_the_next_evaluation() -> None:
    world = World()
    world.put_alarm()
    world.minute(0)
    world.ask("SetAlarmState", AlarmName="errors", StateValue="ALARM", StateReason="drill")
    assert (world.state(), world.alarm()["StateReason"]) == ("ALARM", "drill")
    world.minute(0)
    assert world.state() == "OK"
    assert [event["detail"]["state"]["value"] for event in world.events] == ["OK", "ALARM", "OK"]


def test_a_state_change_writes_the_event_that_eventbridge_documents() -> None:
    world = World()
    world.put_alarm(AlarmDescription="orders", Dimensions=[{"Name": "version", "Value": "7"}])
    world.ask("SetAlarmState", AlarmName="errors", StateValue="ALARM", StateReason="drill", StateReasonData="{}")
    arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:errors"
    metric = {"dimensions": {"version": "7"}, "name": "Failed", "namespace": "shop"}
    stat = {"metric": metric, "period": 60, "stat": "Sum"}
    before = {"value": "INSUFFICIENT_DATA", "reason": "Unchecked: Initial alarm creation"}
    after = {"value": "ALARM", "reason": "drill", "reasonData": "{}"}
    assert world.events == [
        {
            "version": "0",
            "id": "id-1",
            "detail-type": "CloudWatch Alarm State Change",
            "source": "aws.cloudwatch",
            "account": "123456789012",
            "time": "2027-01-15T08:00:00Z",
            "region": "eu-west-1",
            "resources": [arn],
            "detail": {
                "alarmName": "errors",
                "configuration": {
                    "description": "orders",
                    "metrics": [{"id": "id-2", "metricStat": stat, "returnData": True}],
                },
                "previousState": before | {"timestamp": "2027-01-15T08:00:00.000+0000"},
                "state": after | {"timestamp": "2027-01-15T08:00:00.000+0000"},
            },
        }
    ]


def test_a_listener_may_call_cloudwatch_back() -> None:
    clock, seen = VirtualClock(start=START), list[str]()

    def listen(event: dict[str, Any]) -> None:
        shown = cloudwatch.handle(Call("cloudwatch", "DescribeAlarms", "AKIAOPERATOR", {}))
        seen.append(shown["MetricAlarms"][0]["StateValue"])

    cloudwatch = CloudWatchModel(clock, listen, lambda: "id")
    config = {"Namespace": "a", "MetricName": "b", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1}
    config |= {"AlarmName": "x", "Threshold": 0, "ComparisonOperator": "LessThanThreshold"}
    cloudwatch.handle(
        Call("cloudwatch", "PutMetricAlarm", "AKIAOPERATOR", config | {"TreatMissingData": "breaching"})
    )
    clock.advance(60)
    cloudwatch.evaluate()
    assert seen == ["ALARM"]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"Metrics": []}, "not Metrics"),
        ({"EvaluationWindow": {"WallClockWindow": {}}}, "not EvaluationWindow"),
        ({"WarmUpConfiguration": {"WarmUpPeriodDurationInMinutes": 5}}, "does not support WarmUpConfiguration"),
        ({"ExtendedStatistic": "Sum"}, "must be a percentile"),
        ({"Statistic": "Median"}, "'statistic' .* enum value set"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "ComparisonOperator must be one of"),
        ({"Period": 10}, "multiple of 60"),
        ({"DatapointsToAlarm": 2}, "DatapointsToAlarm"),
        ({"EvaluationPeriods": 1441}, "longer than an alarm may look back"),
        ({"TreatMissingData": "zero"}, "TreatMissingData must be one of"),
    ],
)
def test_an_alarm_that_cannot_be_is_refused(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ApiError, match=message):
        World().put_alarm(**params)


HAPPENINGS = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), st.integers(1, 300)),
        st.tuples(st.just("record"), st.integers(-3, 5)),
        st.tuples(st.just("set"), st.sampled_from(["OK", "ALARM", "INSUFFICIENT_DATA"])),
        st.tuples(st.just("put"), st.sampled_from(["breaching", "notBreaching", "ignore", "missing"])),
        st.tuples(st.just("compose"), st.just("")),
    ),
    max_size=12,
)


@pytest.mark.parametrize("lag_seconds", [0.0, 90.0])
@given(happenings=HAPPENINGS)
def test_an_alarm_that_nothing_can_change_is_left_alone_and_nobody_can_tell(
    lag_seconds: float, happenings: list[tuple[str, Any]]
) -> None:
    resting, busy = World(lag_seconds=lag_seconds), World(lag_seconds=lag_seconds)
    busy.cloudwatch._is_at_rest = lambda: False  # type: ignore[method-assign]
    for world in (resting, busy):
        world.put_alarm(EvaluationPeriods=2, DatapointsToAlarm=1)
        for what, how in happenings:
            match what:
                case "pass":
                    until = world.clock.now() + 60.0 * how
                    while (due := world.cloudwatch.next_evaluation(until)) <= until:
                        world.clock.advance(due - world.clock.now())
                        world.cloudwatch.evaluate()
                    world.clock.advance(until - world.clock.now())
                case "record":  # of a minute that is over, or not yet there
                    moment = world.clock.now() + 60 * how
                    world.cloudwatch.record(Datum("shop", "Failed", (), max(0, how), "Count", moment))
                case "set":
                    world.ask("SetAlarmState", AlarmName="errors", StateValue=how, StateReason="by hand")
                case "put":
                    world.put_alarm(EvaluationPeriods=2, DatapointsToAlarm=1, TreatMissingData=how)
                case "compose":
                    world.ask("PutCompositeAlarm", AlarmName="either", AlarmRule='ALARM("errors")')
    history = [world.ask("DescribeAlarmHistory", AlarmTypes=ALL_TYPES) for world in (resting, busy)]
    assert history[0] == history[1]
    assert resting.events == busy.events


def test_when_nothing_can_change_an_alarm_its_next_evaluation_is_the_last_one_before_something_happens() -> None:
    world = World()
    world.put_alarm()
    world.minute(1)
    assert world.cloudwatch.next_evaluation(START + 6000) == START + 120
    for _ in range(3):
        world.minute()
    assert world.state() == "INSUFFICIENT_DATA"
    assert world.cloudwatch.next_evaluation(START + 6010) == START + 6000
    world.cloudwatch.record(Datum("shop", "Failed", (), 1, "Count", START + 300))
    assert world.cloudwatch.next_evaluation(START + 6010) == START + 300
