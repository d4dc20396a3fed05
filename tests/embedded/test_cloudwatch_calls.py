"""The calls about alarms: describing, history, deletion, actions, and composite alarms."""

import itertools
from typing import Any

import pytest

from rampart.embedded.clock import VirtualClock
from rampart.embedded.cloudwatch.datum import Datum
from rampart.embedded.cloudwatch.model import CloudWatchModel
from rampart.embedded.cloudwatch.rules import parse_rule
from rampart.embedded.wire import ApiError, Call

START = 1_800_000_000.0


class World:
    """CloudWatch, its clock, and the events it wrote."""

    def __init__(self) -> None:
        ids = itertools.count(1)
        self.clock = VirtualClock(start=START)
        self.events: list[dict[str, Any]] = []
        self.cloudwatch = CloudWatchModel(self.clock, self.events.append, lambda: f"id-{next(ids)}")

    def ask(self, operation: str, **params: Any) -> dict[str, Any]:
        return self.cloudwatch.handle(Call("cloudwatch", operation, "AKIAOPERATOR", params))

    def put_alarm(self, name: str = "errors", **more: Any) -> None:
        config: dict[str, Any] = {"Namespace": "shop", "MetricName": "Failed", "Statistic": "Sum", "Period": 60}
        config |= {"EvaluationPeriods": 1, "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold"}
        self.ask("PutMetricAlarm", AlarmName=name, **config | more)

    def quiet_minute(self) -> None:
        """Record that nothing failed, then let a minute pass."""
        self.cloudwatch.record(Datum("shop", "Failed", (), 0.0, "Count", self.clock.now()))
        self.clock.advance(60)
        self.cloudwatch.evaluate()

    def alarm(self, name: str = "errors") -> dict[str, Any]:
        (found,) = self.ask("DescribeAlarms", AlarmNames=[name])["MetricAlarms"]
        return dict(found)


def composite(world: World, name: str = "any") -> str:
    (found,) = world.ask("DescribeAlarms", AlarmNames=[name], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    return str(found["StateValue"])


def force(world: World, name: str, value: str) -> None:
    world.ask("SetAlarmState", AlarmName=name, StateValue=value, StateReason="test")


def names(answer: dict[str, Any]) -> list[str]:
    return [alarm["AlarmName"] for alarm in answer["MetricAlarms"] + answer["CompositeAlarms"]]


def test_without_types_only_metric_alarms_are_described() -> None:
    world = World()
    world.put_alarm("a")
    world.ask("PutCompositeAlarm", AlarmName="any", AlarmRule="ALARM(a)")
    types = ["MetricAlarm", "CompositeAlarm", "LogAlarm"]
    assert names(world.ask("DescribeAlarms")) == ["a"]
    assert names(world.ask("DescribeAlarms", AlarmNames=["a", "any"])) == ["a"]
    assert names(world.ask("DescribeAlarms", AlarmTypes=types)) == ["a", "any"]


def test_names_that_do_not_exist_are_left_out_silently() -> None:
    world = World()
    world.put_alarm("a")
    assert names(world.ask("DescribeAlarms", AlarmNames=["a", "gone"])) == ["a"]


def test_alarms_are_found_by_prefix_and_state_in_pages() -> None:
    world = World()
    for name in ("a1", "a2", "a3", "b"):
        world.put_alarm(name)
    force(world, "a2", "ALARM")
    first = world.ask("DescribeAlarms", AlarmNamePrefix="a", MaxRecords=2)
    assert names(first) == ["a1", "a2"]
    rest = world.ask("DescribeAlarms", AlarmNamePrefix="a", MaxRecords=2, NextToken=first["NextToken"])
    assert names(rest) == ["a3"]
    assert "NextToken" not in rest
    assert names(world.ask("DescribeAlarms", StateValue="ALARM")) == ["a2"]


def test_an_alarm_tells_its_configuration_and_when_its_state_changed() -> None:
    world = World()
    world.put_alarm(AlarmActions=["arn:aws:sns:eu-west-1:123456789012:t"], Tags=[{"Key": "team", "Value": "shop"}])
    world.clock.advance(5)
    force(world, "errors", "ALARM")
    world.clock.advance(5)
    force(world, "errors", "ALARM")
    alarm = world.alarm()
    assert alarm["AlarmArn"] == "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:errors"
    assert (alarm["TreatMissingData"], alarm["ActionsEnabled"]) == ("missing", True)
    assert alarm["AlarmActions"] == ["arn:aws:sns:eu-west-1:123456789012:t"]
    assert (alarm["StateTransitionedTimestamp"], alarm["StateUpdatedTimestamp"]) == (START + 5, START + 10)
    assert world.ask("ListTagsForResource", ResourceARN=alarm["AlarmArn"])["Tags"] == [
        {"Key": "team", "Value": "shop"}
    ]
    assert world.cloudwatch.tags_of(alarm["AlarmArn"]) == {"team": "shop"}


def test_an_update_keeps_the_state_and_replaces_the_configuration() -> None:
    world = World()
    world.put_alarm(AlarmDescription="old")
    force(world, "errors", "ALARM")
    world.put_alarm(Threshold=9)
    assert (world.alarm()["StateValue"], world.alarm()["Threshold"]) == ("ALARM", 9.0)
    assert "AlarmDescription" not in world.alarm()


def test_actions_are_switched_by_name() -> None:
    world = World()
    world.put_alarm()
    world.ask("DisableAlarmActions", AlarmNames=["errors", "gone"])
    assert world.alarm()["ActionsEnabled"] is False
    world.ask("EnableAlarmActions", AlarmNames=["errors"])
    assert world.alarm()["ActionsEnabled"] is True


def test_history_tells_what_happened_newest_first() -> None:
    world = World()
    world.put_alarm()
    world.clock.advance(1)
    force(world, "errors", "ALARM")
    world.clock.advance(1)
    world.ask("DeleteAlarms", AlarmNames=["errors"])
    items = world.ask("DescribeAlarmHistory", AlarmName="errors")["AlarmHistoryItems"]
    assert [item["HistorySummary"] for item in items] == [
        'Alarm "errors" deleted',
        "Alarm updated from INSUFFICIENT_DATA to ALARM",
        'Alarm "errors" created',
    ]
    updates = world.ask("DescribeAlarmHistory", HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    assert [item["HistorySummary"] for item in updates] == [items[1]["HistorySummary"]]
    oldest = world.ask("DescribeAlarmHistory", ScanBy="TimestampAscending", MaxRecords=1)
    assert oldest["AlarmHistoryItems"] == [items[2]]
    later = world.ask("DescribeAlarmHistory", StartDate=START + 1, EndDate=START + 1)
    assert later["AlarmHistoryItems"] == [items[1]]
    assert world.ask("DescribeAlarmHistory", AlarmTypes=["CompositeAlarm"])["AlarmHistoryItems"] == []


def test_a_deletion_with_a_wrong_name_deletes_the_others_and_says_so() -> None:
    world = World()
    world.put_alarm("a")
    with pytest.raises(ApiError, match="gone") as refused:
        world.ask("DeleteAlarms", AlarmNames=["gone", "a"])
    assert (refused.value.code, refused.value.status) == ("ResourceNotFound", 404)
    assert names(world.ask("DescribeAlarms")) == []


def test_an_alarm_under_a_composite_alarm_is_not_deleted() -> None:
    world = World()
    world.put_alarm("a")
    world.ask("PutCompositeAlarm", AlarmName="any", AlarmRule="ALARM(a)")
    with pytest.raises(ApiError, match="depending on it: any"):
        world.ask("DeleteAlarms", AlarmNames=["a"])
    world.ask("DeleteAlarms", AlarmNames=["a", "any"])


def test_a_composite_alarm_follows_its_children_at_once() -> None:
    world = World()
    world.put_alarm("a")
    world.put_alarm("b")
    world.ask("PutCompositeAlarm", AlarmName="any", AlarmRule='ALARM("a") OR ALARM("b")')
    world.ask("PutCompositeAlarm", AlarmName="top", AlarmRule="ALARM(any) AND NOT OK(a)")
    assert composite(world) == "INSUFFICIENT_DATA"
    world.quiet_minute()
    assert (composite(world), composite(world, "top")) == ("OK", "OK")
    force(world, "b", "ALARM")
    assert (composite(world), composite(world, "top")) == ("ALARM", "OK")
    force(world, "a", "ALARM")
    assert composite(world, "top") == "ALARM"
    detail = next(event["detail"] for event in world.events if event["detail"]["alarmName"] == "top")
    assert detail["configuration"] == {"alarmRule": "ALARM(any) AND NOT OK(a)"}


def test_a_composite_alarm_that_was_set_sticks_until_a_child_changes() -> None:
    world = World()
    world.put_alarm("a")
    world.ask("PutCompositeAlarm", AlarmName="any", AlarmRule="ALARM(a)")
    world.quiet_minute()
    force(world, "any", "ALARM")
    for _ in range(3):
        world.quiet_minute()
    assert composite(world) == "ALARM"
    force(world, "a", "INSUFFICIENT_DATA")
    assert composite(world) == "OK"


@pytest.mark.parametrize(
    ("rule", "alarming", "expected"),
    [
        ("ALARM(a) AND ALARM(b)", {"a"}, False),
        ("ALARM(a) OR ALARM(b) AND ALARM(c)", {"a"}, True),
        ("(ALARM(a) OR ALARM(b)) AND ALARM(c)", {"a"}, False),
        ("NOT ALARM(a) AND OK(b)", {"c"}, True),
        ("NOT (ALARM(a) OR ALARM(b))", {"b"}, False),
        ('ALARM("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a")', {"a"}, True),
        ('ALARM("with (odd) name") OR FALSE', {"with (odd) name"}, True),
        ("TRUE", set(), True),
        ("false", set(), False),
    ],
)
def test_a_rule_combines_states(rule: str, alarming: set[str], expected: bool) -> None:
    assert parse_rule(rule).holds(lambda name: "ALARM" if name in alarming else "OK") is expected


@pytest.mark.parametrize(
    "rule", ["", "ALARM(a) ALARM(b)", "ALARM()", "(ALARM(a)", "ALARM(a) AND", "XOR(a)", "AT_LEAST(1, ALARM, (a))"]
)
def test_a_rule_that_is_not_understood_is_refused(rule: str) -> None:
    with pytest.raises(ApiError, match="not understood"):
        parse_rule(rule)


@pytest.mark.parametrize(
    ("operation", "params", "message"),
    [
        ("PutCompositeAlarm", {"AlarmName": "x", "AlarmRule": "ALARM(gone)"}, "do not exist"),
        ("PutCompositeAlarm", {"AlarmName": "x", "AlarmRule": "ALARM(x)"}, "circle"),
        (
            "PutCompositeAlarm",
            {"AlarmName": "x", "AlarmRule": "TRUE", "ActionsSuppressor": "y"},
            "ActionsSuppressor",
        ),
        ("DescribeAlarms", {"AlarmNames": ["a"] * 101}, "'alarmNames' .* less than or equal to 100"),
        ("DescribeAlarms", {"AlarmNames": ["a"], "AlarmNamePrefix": "a"}, "either"),
        ("DescribeAlarms", {"ActionPrefix": "arn"}, "does not support ActionPrefix"),
        ("DescribeAlarms", {"NextToken": "x"}, "token"),
        ("DescribeAlarmHistory", {"HistoryItemType": "Action"}, "HistoryItemType must be one of"),
        ("DescribeAlarmHistory", {"StartDate": "yesterday"}, "not a timestamp"),
        ("SetAlarmState", {"AlarmName": "x", "StateValue": "OK", "StateReason": ""}, "no alarm x"),
        (
            "SetAlarmState",
            {"AlarmName": "x", "StateValue": "RED", "StateReason": ""},
            "must satisfy enum",
        ),
        ("DeleteAlarms", {}, "'alarmNames' .* must not be null"),
    ],
)
def test_a_wrong_call_is_refused(operation: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(ApiError, match=message):
        World().ask(operation, **params)
