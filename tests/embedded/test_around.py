"""The context in which calls are carried out: what it sees, and what it can keep from happening."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError

from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.iam.authoriser import OPERATOR_KEY
from rampart.embedded.wire import ApiError, Call


class Diary:
    """Writes down how calls begin and end, and refuses those that are to be refused."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.refused = ""

    @contextmanager
    def around(self, call: Call) -> Iterator[None]:
        self.lines.append(f"{call.service} {call.operation} by {call.principal}")
        if call.operation == self.refused:
            raise ApiError("ServiceUnavailable", "a rehearsal", 503)
        try:
            yield
        except ApiError as error:
            self.lines.append(error.code)
            raise
        self.lines.append("done")


@pytest.fixture
def diary() -> Diary:
    return Diary()


@pytest.fixture
def aws(diary: Diary) -> Iterator[EmbeddedAws]:
    with EmbeddedAws(0.6, runner="in_process", around=diary.around) as aws:
        yield aws


def test_a_call_begins_and_ends_within_its_context(aws: EmbeddedAws, diary: Diary) -> None:
    aws.client("cloudwatch").describe_alarms()
    aws.client("ssm").describe_parameters()
    assert diary.lines == [
        f"cloudwatch DescribeAlarms by {OPERATOR_KEY}",
        "done",
        f"ssm DescribeParameters by {OPERATOR_KEY}",
        "done",
    ]


def test_the_context_sees_the_error_of_a_call(aws: EmbeddedAws, diary: Diary) -> None:
    with pytest.raises(ClientError):
        aws.client("lambda").get_alias(FunctionName="shop", Name="live")
    assert diary.lines[1:] == ["ResourceNotFoundException"]


def test_a_call_to_a_service_of_ours_that_its_context_refuses_has_no_effect(aws: EmbeddedAws, diary: Diary) -> None:
    cloudwatch = aws.client("cloudwatch")
    diary.refused = "PutMetricData"
    with pytest.raises(ClientError, match="a rehearsal"):
        cloudwatch.put_metric_data(Namespace="shop", MetricData=[{"MetricName": "orders", "Value": 1}])
    assert cloudwatch.list_metrics()["Metrics"] == []


def test_a_call_to_a_service_of_motos_that_its_context_refuses_has_no_effect(
    aws: EmbeddedAws, diary: Diary
) -> None:
    sqs = aws.client("sqs")
    diary.refused = "CreateQueue"
    with pytest.raises(ClientError, match="a rehearsal"):
        sqs.create_queue(QueueName="orders")
    assert "QueueUrls" not in sqs.list_queues()
