"""Short ways to what tests need in an account."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

from rampart.embedded.aws import EmbeddedAws, access_key
from rampart.embedded.iam.policy import parse_policies
from rampart.embedded.wire import ACCOUNT, REGION

Eventually = Callable[[Callable[[], object]], None]
"""Waits until a condition holds."""


def zipped(source: str) -> bytes:
    """Return a package whose module `main` has this source."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("main.py", source)
    return packed.getvalue()


def allow(*actions: str, resource: str = "*") -> dict[str, Any]:
    """Return a policy that allows the actions."""
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": resource}],
    }
    assert parse_policies([policy])
    return policy


def let_rule_in(resource: str, action: str, rule_arn: str) -> str:
    """Return a resource policy by which EventBridge may act for one rule."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": action,
        "Resource": resource,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def make_function(aws: EmbeddedAws, name: str, source: str, *policies: dict[str, Any]) -> str:
    """Create a function whose handler is main.handler, wait until it is active, and return its ARN."""
    aws.authoriser.register(access_key(name), f"{name}-role", policies)
    client = aws.client("lambda")
    created = client.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role=f"arn:aws:iam::{ACCOUNT}:role/{name}-role",
        Handler="main.handler",
        Code={"ZipFile": zipped(source)},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.01})
    return str(created["FunctionArn"])


def make_queue(aws: EmbeddedAws, name: str) -> tuple[str, str]:
    """Create a queue and return its URL and its ARN."""
    url = aws.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    return url, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"


def messages(aws: EmbeddedAws, queue_url: str) -> list[dict[str, Any]]:
    """Take the messages off a queue, ten at most."""
    received = aws.client("sqs").receive_message(
        QueueUrl=queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )
    return list(received.get("Messages", []))


def make_state_machine(aws: EmbeddedAws, name: str, definition: dict[str, Any]) -> str:
    """Create a state machine and return its ARN."""
    created = aws.client("stepfunctions").create_state_machine(
        name=name, definition=json.dumps(definition), roleArn=f"arn:aws:iam::{ACCOUNT}:role/{name}-role"
    )
    return str(created["stateMachineArn"])


def make_table(aws: EmbeddedAws, name: str, *, stream: bool = False) -> str | None:
    """Create a table with the hash key `pk`; return the ARN of its stream if it has one."""
    specification = {"StreamEnabled": stream, **({"StreamViewType": "NEW_AND_OLD_IMAGES"} if stream else {})}
    created = aws.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification=specification,
    )
    arn = created["TableDescription"].get("LatestStreamArn")
    return None if arn is None else str(arn)
