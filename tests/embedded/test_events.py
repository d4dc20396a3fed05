"""EventBridge takes in what AWS takes in, matches it, and shapes it for its targets."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rampart.embedded import moto_guard
from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.eventbridge.patterns import check_pattern, target_input
from rampart.embedded.wire import ACCOUNT, ApiError
from tests.embedded.embedded_account import Eventually, let_rule_in, make_queue, messages

RULE = f"arn:aws:events:eu-west-1:{ACCOUNT}:rule/r"
EVENT: dict[str, Any] = {
    "id": "1",
    "source": "shop",
    "detail-type": "Sold",
    "resources": ["arn:a"],
    "detail": {"name": 'a "quoted" <id> name', "count": 3, "tags": ["x"], "nested": {"a": None}},
}


def queue_behind(aws: EmbeddedAws, pattern: dict[str, Any], **target: Any) -> str:
    """Return the URL of a queue that gets what a pattern lets through."""
    url, arn = make_queue(aws, "queue")
    rule = aws.client("events").put_rule(Name="rule", EventPattern=json.dumps(pattern))["RuleArn"]
    policy = let_rule_in(arn, "sqs:SendMessage", rule)
    aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    aws.client("events").put_targets(Rule="rule", Targets=[{"Id": "1", "Arn": arn, **target}])
    return url


def put(aws: EmbeddedAws, **entry: Any) -> dict[str, Any]:
    whole = {"Source": "shop", "DetailType": "Sold", "Detail": '{"count": 3}', **entry}
    return dict(aws.client("events").put_events(Entries=[whole]))


def test_an_event_arrives_with_everything_that_aws_fills_in(aws: EmbeddedAws) -> None:
    queue = queue_behind(aws, {"source": ["shop"]})
    event_id = put(aws, Resources=["arn:x"], Time=1_800_000_000)["Entries"][0]["EventId"]
    assert aws.wait_until_idle(5)
    (message,) = messages(aws, queue)
    assert json.loads(message["Body"]) == {
        "version": "0",
        "id": event_id,
        "detail-type": "Sold",
        "source": "shop",
        "account": ACCOUNT,
        "time": "2027-01-15T08:00:00Z",
        "region": "eu-west-1",
        "resources": ["arn:x"],
        "detail": {"count": 3},
    }
    assert [each.event_id for each in aws.events.delivered] == [event_id]


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"Source": "aws.ec2"}, "NotAuthorizedForSourceException"),
        ({"Detail": "[]"}, "MalformedDetail"),
        ({"Detail": "{"}, "MalformedDetail"),
        ({"DetailType": ""}, "InvalidArgument"),
        ({"EventBusName": "none"}, "ResourceNotFoundException"),
    ],
)
def test_a_bad_entry_is_told_and_the_good_one_beside_it_delivered(
    aws: EmbeddedAws, entry: dict[str, str], code: str
) -> None:
    good = {"Source": "shop", "DetailType": "Sold", "Detail": "{}"}
    answer = aws.client("events").put_events(Entries=[{**good, **entry}, good])
    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][0]["ErrorCode"] == code
    assert "EventId" in answer["Entries"][1]


@pytest.mark.parametrize("entries", [11, 1])
def test_too_many_or_too_large_entries_are_refused(aws: EmbeddedAws, entries: int) -> None:
    detail = json.dumps({"a": "x" * (10 if entries > 1 else 1024 * 1024)})
    entry = {"Source": "shop", "DetailType": "Sold", "Detail": detail}
    with pytest.raises(ClientError, match="ValidationException"):
        aws.client("events").put_events(Entries=[entry] * entries)


def test_a_disabled_rule_delivers_nothing(aws: EmbeddedAws) -> None:
    queue = queue_behind(aws, {"source": ["shop"]})
    aws.client("events").disable_rule(Name="rule")
    put(aws)
    assert aws.wait_until_idle(5)
    assert messages(aws, queue) == []


def test_only_matching_events_pass(aws: EmbeddedAws) -> None:
    queue = queue_behind(aws, {"detail": {"count": [{"numeric": [">", 2]}], "name": [{"exists": False}]}})
    for detail in ({"count": 1}, {"count": 3}, {"count": 3, "name": "x"}):
        put(aws, Detail=json.dumps(detail))
    assert aws.wait_until_idle(5)
    assert [json.loads(each["Body"])["detail"] for each in messages(aws, queue)] == [{"count": 3}]


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ({"source": [{"startswith": "a"}]}, "Unrecognized match type startswith at source"),
        ({"detail": {"a": []}}, "must be an object or an array that is not empty"),
        ({"source": "aws.s3"}, '"source" must be an object or an array'),
        ({"detail": {"k": [{"wildcard": "a**b"}]}}, "Consecutive wildcard characters at detail.k"),
        ({}, "not empty"),
    ],
)
def test_a_pattern_that_aws_refuses_is_refused(pattern: dict[str, Any], reason: str) -> None:
    with pytest.raises(ApiError, match=reason):
        check_pattern(json.dumps(pattern))


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({}, EVENT),
        ({"Input": '{"fixed": 1}'}, {"fixed": 1}),
        ({"InputPath": "$.detail.nested"}, {"a": None}),
        ({"InputPath": "$.resources[0]"}, "arn:a"),
        ({"InputPath": "$.detail-type"}, "Sold"),
    ],
)
def test_a_target_receives_the_part_of_the_event_that_it_asks_for(target: dict[str, Any], expected: Any) -> None:
    assert json.loads(target_input(target, EVENT, RULE, "t")) == expected


def test_a_transformer_quotes_strings_and_never_reads_placeholders_in_values() -> None:
    transformer = {
        "InputPathsMap": {"name": "$.detail.name", "count": "$.detail.count", "id": "$.id", "no": "$.detail.no"},
        "InputTemplate": '{"name": <name>, "text": "<name>: <count>", "count": <count>, "no": <no>, '
        '"rule": <aws.events.rule-name>, "event": <aws.events.event.json>, "id": "<id>"}',
    }
    given = json.loads(target_input({"InputTransformer": transformer}, EVENT, RULE, "t"))
    assert given == {
        "name": EVENT["detail"]["name"],
        "text": EVENT["detail"]["name"] + ": 3",
        "count": 3,
        "no": "",
        "rule": "r",
        "event": EVENT,
        "id": "1",
    }


def test_a_schedule_fires_every_minute_of_the_clock(aws: EmbeddedAws, eventually: Eventually) -> None:
    url, arn = make_queue(aws, "queue")
    rule = aws.client("events").put_rule(Name="every", ScheduleExpression="rate(1 minute)")["RuleArn"]
    policy = let_rule_in(arn, "sqs:SendMessage", rule)
    aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    aws.client("events").put_targets(Rule="every", Targets=[{"Id": "1", "Arn": arn}])
    eventually(lambda: len(aws.events.delivered) == 2)
    first, second = [each.at for each in aws.events.delivered]
    assert 0.5 < second - first < 2.0
    event = json.loads(messages(aws, url)[0]["Body"])
    assert (event["source"], event["detail-type"], event["resources"]) == ("aws.events", "Scheduled Event", [rule])


@pytest.mark.parametrize("schedule", ["cron(0 12 * * ? *)", "rate(1 minutes)", "rate(2 minute)", "rate(0 hours)"])
def test_other_schedules_are_refused(aws: EmbeddedAws, schedule: str) -> None:
    with pytest.raises(ClientError, match="knows rate"):
        aws.client("events").put_rule(Name="rule", ScheduleExpression=schedule)


@pytest.mark.parametrize(
    "target",
    [
        {"Arn": f"arn:aws:kinesis:eu-west-1:{ACCOUNT}:stream/s"},
        {"Arn": f"arn:aws:states:eu-west-1:{ACCOUNT}:stateMachine:m"},
        {"Arn": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:q", "EcsParameters": {"TaskDefinitionArn": "a"}},
    ],
)
def test_a_target_that_cannot_be_reached_here_is_refused(aws: EmbeddedAws, target: dict[str, Any]) -> None:
    aws.client("events").put_rule(Name="rule", EventPattern='{"source": ["shop"]}')
    with pytest.raises(ClientError, match="ValidationException"):
        aws.client("events").put_targets(Rule="rule", Targets=[{"Id": "1", **target}])
    assert next(moto_guard.rules("default")).targets == ()
