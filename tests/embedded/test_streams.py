"""Records of DynamoDB streams reach functions in order, and what a function cannot take is retried or told."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.aws_lambda.asynchronous import Outcome
from rampart.embedded.aws_lambda.invocation import InvocationOutcome
from rampart.embedded.aws_lambda.runner import RunResult
from rampart.embedded.clock import Clock, VirtualClock
from rampart.embedded.eventbridge.streams import Streams
from rampart.embedded.wire import ACCOUNT, ApiError, Call
from tests.embedded.embedded_account import Eventually, allow, make_function, make_queue, make_table, messages

FUNCTION = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:notify"
QUEUE = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:graves"
Answer = Callable[[list[str]], Any]
"""Takes the keys of a batch, returns the function's answer, or raises ValueError for a function that fails."""


@dataclass
class Notify:
    """A function that remembers the batches that it was given, behind one event source mapping."""

    answer: Answer
    mapping: dict[str, Any]
    batches: list[list[str]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    def handle(self, call: Call) -> dict[str, Any]:
        return {"Role": "arn:aws:iam::123456789012:role/notify"}

    def event_source_mappings(self) -> list[dict[str, Any]]:
        return [self.mapping]

    def invoke(
        self, function: str, qualifier: str | None, payload: bytes, request_id: str | None = None
    ) -> Outcome:
        event = json.loads(payload)
        keys = [each["dynamodb"]["Keys"]["pk"]["S"] for each in event["Records"]]
        self.batches.append(keys)
        self.events.append(event)
        try:
            return InvocationOutcome("7", RunResult(json.dumps(self.answer(keys)).encode(), None, 1.0))
        except ValueError:
            return InvocationOutcome("7", RunResult(b"{}", "Unhandled", 1.0))


@dataclass
class Stage:
    """A table with a stream, and what is told of discarded batches."""

    aws: EmbeddedAws
    stream: str
    clock: Clock | None = None
    graves: list[dict[str, Any]] = field(default_factory=list)
    streams: list[Streams] = field(default_factory=list)

    def play(self, answer: Answer, keys: str, **mapping: Any) -> Notify:
        """Write one item for each letter before the mapping is made, and wait until all is processed."""
        for key in keys:
            self.write(key)
        notify = Notify(
            answer,
            {
                "UUID": "1",
                "EventSourceArn": self.stream,
                "FunctionArn": FUNCTION,
                "State": "Enabled",
                "StartingPosition": "TRIM_HORIZON",
                "BatchSize": 100,
                "DestinationConfig": {"OnFailure": {"Destination": QUEUE}},
                **mapping,
            },
        )
        graves = self.graves
        streams = Streams(
            self.clock or self.aws.clock,
            notify,
            lambda *_: True,
            lambda arn, body, _: graves.append(json.loads(body) | {"to": arn}),
        )
        self.streams.append(streams)
        streams.refresh()
        streams.collect()
        assert streams.wait_until_idle(10)
        return notify

    def write(self, key: str, **attributes: Any) -> None:
        item = {"pk": {"S": key}, **attributes}
        self.aws.client("dynamodb").put_item(TableName="table", Item=item)


@pytest.fixture
def stage(aws: EmbeddedAws) -> Iterator[Stage]:
    made = Stage(aws, make_table(aws, "table", stream=True) or "")
    yield made
    for each in made.streams:
        each.close()


def fail_with(bad: str) -> Answer:
    def answer(keys: list[str]) -> Any:
        if bad in keys:
            raise ValueError(bad)

    return answer


def test_records_come_in_order_in_batches_and_look_as_on_aws(stage: Stage) -> None:
    notify = stage.play(lambda _: None, "abcde", BatchSize=2)
    assert notify.batches == [["a", "b"], ["c", "d"], ["e"]]
    record = notify.events[0]["Records"][0]
    assert record["dynamodb"].pop("ApproximateCreationDateTime") == pytest.approx(stage.aws.clock.now(), abs=60)
    assert len(record.pop("eventID")) == 32
    assert record["dynamodb"].pop("SizeBytes") > 0
    assert record == {
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "eventVersion": "1.1",
        "awsRegion": "eu-west-1",
        "eventSourceARN": stage.stream,
        "dynamodb": {
            "StreamViewType": "NEW_AND_OLD_IMAGES",
            "SequenceNumber": "1100000000017454423009",
            "Keys": {"pk": {"S": "a"}},
            "NewImage": {"pk": {"S": "a"}},
        },
    }


def test_the_latest_position_leaves_out_what_was_before(stage: Stage) -> None:
    notify = stage.play(lambda _: None, "ab", StartingPosition="LATEST")
    stage.write("c")
    stage.streams[0].collect()
    assert stage.streams[0].wait_until_idle(10)
    assert notify.batches == [["c"]]


def test_a_write_that_changes_nothing_and_what_the_filter_stops_are_not_delivered(stage: Stage) -> None:
    pattern = {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": {"status": {"S": ["DONE"]}}}}
    stage.write("a", status={"S": "DONE"})
    stage.write("a", status={"S": "DONE"})
    stage.write("b", status={"S": "OPEN"})
    notify = stage.play(lambda _: None, "", FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
    assert notify.batches == [["a"]]


def test_a_failing_batch_is_retried_and_then_told_to_the_destination(stage: Stage) -> None:
    notify = stage.play(fail_with("b"), "abc", MaximumRetryAttempts=2)
    assert notify.batches == [["a", "b", "c"]] * 3
    (grave,) = stage.graves
    assert (grave["to"], grave["requestContext"]["condition"]) == (QUEUE, "RetryAttemptsExhausted")
    assert grave["requestContext"]["approximateInvokeCount"] == 3
    assert grave["responseContext"] == {"statusCode": 200, "executedVersion": "7", "functionError": "Unhandled"}
    info = grave["DDBStreamBatchInfo"]
    assert (info["batchSize"], info["streamArn"]) == (3, stage.stream)
    assert int(info["endSequenceNumber"]) - int(info["startSequenceNumber"]) == 2


def test_the_records_after_a_discarded_batch_are_delivered(stage: Stage) -> None:
    notify = stage.play(fail_with("a"), "ab", BatchSize=1, MaximumRetryAttempts=0)
    assert notify.batches == [["a"], ["b"]]


def test_a_reported_failure_is_retried_from_its_record_on(stage: Stage) -> None:
    def answer(keys: list[str]) -> Any:
        number = 1100000000017454423009 + 2
        return {"batchItemFailures": [{"itemIdentifier": str(number)}]} if "c" in keys else {}

    notify = stage.play(answer, "abcd", MaximumRetryAttempts=1, FunctionResponseTypes=["ReportBatchItemFailures"])
    assert notify.batches == [["a", "b", "c", "d"], ["c", "d"]]
    assert [each["DDBStreamBatchInfo"]["batchSize"] for each in stage.graves] == [2]


@pytest.mark.parametrize(
    "answer", [{"batchItemFailures": [{"itemIdentifier": "7"}]}, {"batchItemFailures": [{}]}, "text", [1]]
)
def test_an_answer_that_is_not_understood_fails_the_whole_batch(stage: Stage, answer: Any) -> None:
    notify = stage.play(
        lambda _: answer, "ab", MaximumRetryAttempts=1, FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    assert notify.batches == [["a", "b"]] * 2


def test_bisecting_leaves_only_the_record_that_fails_behind(stage: Stage) -> None:
    notify = stage.play(fail_with("c"), "abcd", MaximumRetryAttempts=0, BisectBatchOnFunctionError=True)
    assert notify.batches == [["a", "b", "c", "d"], ["a", "b"], ["c", "d"], ["c"], ["d"]]
    assert [each["DDBStreamBatchInfo"]["batchSize"] for each in stage.graves] == [1]


def test_records_that_are_too_old_are_not_tried_any_more(stage: Stage) -> None:
    stage.clock = VirtualClock(0.6, stage.aws.clock.now() + 1)  # 100 seconds of this clock later
    notify = stage.play(lambda _: None, "a", MaximumRecordAgeInSeconds=60)
    assert notify.batches == []
    assert [each["requestContext"]["condition"] for each in stage.graves] == ["RecordAgeExceeded"]


def test_a_function_that_is_gone_is_an_error_like_others(stage: Stage) -> None:
    def answer(_: list[str]) -> Any:
        raise ApiError("ResourceNotFoundException", "gone", 404)

    notify = stage.play(answer, "a", MaximumRetryAttempts=1)
    assert len(notify.batches) == 2
    assert "responseContext" not in stage.graves[0]


def test_a_real_function_is_given_the_writes_and_its_failures_reach_its_queue(
    aws: EmbeddedAws, eventually: Eventually
) -> None:
    stream = make_table(aws, "table", stream=True) or ""
    url, queue = make_queue(aws, "graves")
    source = """
def handler(event, context):
    keys = [each['dynamodb']['Keys']['pk']['S'] for each in event['Records']]
    print(*keys)
    assert 'bad' not in keys
"""
    streams = (
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
    )
    make_function(aws, "notify", source, allow(*streams), allow("sqs:SendMessage", resource=queue))
    aws.client("lambda").create_event_source_mapping(
        FunctionName="notify",
        EventSourceArn=stream,
        StartingPosition="LATEST",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": queue}},
    )
    for key in ("good", "bad"):
        aws.client("dynamodb").put_item(TableName="table", Item={"pk": {"S": key}})
        assert aws.wait_until_idle(5)
    eventually(lambda: {"good", "bad"} <= set(aws.logs("notify")))
    (message,) = messages(aws, url)
    assert json.loads(message["Body"])["requestContext"]["condition"] == "RetryAttemptsExhausted"


def test_a_mapping_needs_the_right_to_read_the_stream(aws: EmbeddedAws) -> None:
    stream = make_table(aws, "table", stream=True)
    make_function(aws, "notify", "def handler(event, context): pass", allow("dynamodb:GetRecords"))
    with pytest.raises(ClientError, match=r"ensure that role .* can perform dynamodb:DescribeStream"):
        aws.client("lambda").create_event_source_mapping(
            FunctionName="notify", EventSourceArn=stream, StartingPosition="LATEST"
        )


def test_a_queue_as_a_source_is_refused(aws: EmbeddedAws) -> None:
    make_function(aws, "notify", "def handler(event, context): pass")
    with pytest.raises(ClientError, match="polls DynamoDB streams only"):
        aws.client("lambda").create_event_source_mapping(
            FunctionName="notify", EventSourceArn=make_queue(aws, "q")[1]
        )
