"""Bus, the port: one notification on EventBridge, or an error."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from controller.adapters.eventbridge_bus import EventBridgeBus
from controller.core.errors import DeniedError, UnavailableError
from rampart.embedded.aws import EmbeddedAws
from tests.adapters.clients import answering, client, refusing, restricted

DETAIL = {"schema_version": 1, "message": "orders: schön 🚀", "weight_percent": 12.5}


def test_what_is_sent_reaches_whoever_listens(aws: EmbeddedAws, fresh: Callable[[str], str]) -> None:
    queue, name = aws.client("sqs").create_queue(QueueName=fresh("listener"))["QueueUrl"], fresh("bus")
    arn = aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    events = aws.client("events")
    events.create_event_bus(Name=name)
    pattern = {"source": ["rampart"], "detail-type": ["Rampart Deployment Transition"]}
    rule = events.put_rule(Name="all", EventBusName=name, EventPattern=json.dumps(pattern))["RuleArn"]
    _let_in(aws, queue, arn, rule)
    events.put_targets(Rule="all", EventBusName=name, Targets=[{"Id": "1", "Arn": arn}])
    EventBridgeBus(events, name).send(DETAIL)
    (message,) = aws.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
    assert json.loads(message["Body"])["detail"] == DETAIL


def _let_in(aws: EmbeddedAws, queue: str, arn: str, rule: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})


def test_an_entry_that_failed_is_worth_another_try_though_the_call_succeeded(aws: EmbeddedAws) -> None:
    entry = {"ErrorCode": "InternalFailure", "ErrorMessage": "try again"}
    failing = answering(aws, "events", "put_events", {"FailedEntryCount": 1, "Entries": [entry]})
    with pytest.raises(UnavailableError, match="bus teams: InternalFailure: try again"):
        EventBridgeBus(failing, "teams").send(DETAIL)


def test_a_throttled_call_is_worth_another_try(aws: EmbeddedAws) -> None:
    with pytest.raises(UnavailableError, match="bus teams"):
        EventBridgeBus(refusing(aws, "events", "put_events", "ThrottlingException"), "teams").send(DETAIL)


def test_a_lost_connection_is_worth_another_try(aws: EmbeddedAws) -> None:
    def lose(request: Any, **_: Any) -> None:
        raise ConnectionClosedError(endpoint_url=request.url)

    lost = client(aws, "events")
    lost.meta.events.register("before-send", lose)
    with pytest.raises(UnavailableError, match="bus teams"):
        EventBridgeBus(lost, "teams").send(DETAIL)


def test_a_missing_permission_is_said(aws: EmbeddedAws, fresh: Callable[[str], str]) -> None:
    with pytest.raises(DeniedError, match="events:PutEvents"):
        EventBridgeBus(restricted(aws, "events", fresh("role")), "default").send(DETAIL)
