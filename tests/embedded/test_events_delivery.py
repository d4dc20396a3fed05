"""EventBridge delivers with the rights that it was given, tries again, and buries what it cannot deliver."""

import json
from typing import Any

import pytest

from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.wire import ACCOUNT
from tests.embedded.embedded_account import (
    Eventually,
    allow,
    let_rule_in,
    make_function,
    make_queue,
    make_state_machine,
    messages,
)

PASS = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
PATTERN = json.dumps({"source": ["shop"]})


def put_rule(aws: EmbeddedAws, target: dict[str, Any], *, bus: str = "default", pattern: str = PATTERN) -> str:
    events = aws.client("events")
    rule = str(events.put_rule(Name="rule", EventPattern=pattern, EventBusName=bus)["RuleArn"])
    events.put_targets(Rule="rule", EventBusName=bus, Targets=[{"Id": "1", **target}])
    return rule


def put_event(aws: EmbeddedAws, bus: str = "default") -> str:
    entry = {"Source": "shop", "DetailType": "Sold", "Detail": '{"count": 3}', "EventBusName": bus}
    event_id = str(aws.client("events").put_events(Entries=[entry])["Entries"][0]["EventId"])
    assert aws.wait_until_idle(5)
    return event_id


def let_in(aws: EmbeddedAws, queue_url: str, queue_arn: str, rule: str) -> None:
    policy = let_rule_in(queue_arn, "sqs:SendMessage", rule)
    aws.client("sqs").set_queue_attributes(QueueUrl=queue_url, Attributes={"Policy": policy})


def role_for_rule(aws: EmbeddedAws, *policies: dict[str, Any]) -> str:
    iam = aws.client("iam")
    arn = str(iam.create_role(RoleName="rule-role", AssumeRolePolicyDocument="{}")["Role"]["Arn"])
    for number, policy in enumerate(policies):
        name = f"policy{number}"
        iam.put_role_policy(RoleName="rule-role", PolicyName=name, PolicyDocument=json.dumps(policy))
    return arn


def test_a_function_that_lets_the_rule_in_is_invoked(aws: EmbeddedAws, eventually: Eventually) -> None:
    function = make_function(aws, "shop", "def handler(event, context): print(event['detail']['count'])")
    rule = put_rule(aws, {"Arn": function})
    aws.client("lambda").add_permission(
        FunctionName="shop",
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule,
    )
    put_event(aws)
    eventually(lambda: aws.logs("shop") == ["3"])


@pytest.mark.parametrize("source_arn", [None, f"arn:aws:events:eu-west-1:{ACCOUNT}:rule/other"])
def test_a_function_that_does_not_let_the_rule_in_is_not_invoked(aws: EmbeddedAws, source_arn: str | None) -> None:
    function = make_function(aws, "shop", "def handler(event, context): print('invoked')")
    put_rule(aws, {"Arn": function})
    if source_arn is not None:
        aws.client("lambda").add_permission(
            FunctionName="shop",
            StatementId="rule",
            Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com",
            SourceArn=source_arn,
        )
    put_event(aws)
    assert [each.reason.partition(":")[0] for each in aws.events.lost] == ["NO_PERMISSIONS"]
    assert aws.logs("shop") == []


def test_an_event_without_a_way_in_is_buried_with_its_reason(aws: EmbeddedAws) -> None:
    _, target = make_queue(aws, "target")
    url, grave = make_queue(aws, "grave")
    rule = put_rule(aws, {"Arn": target, "DeadLetterConfig": {"Arn": grave}})
    let_in(aws, url, grave, rule)
    event_id = put_event(aws)
    (message,) = messages(aws, url)
    assert json.loads(message["Body"])["id"] == event_id
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes.pop("ERROR_MESSAGE").startswith(f"the policy of {target} does not let")
    assert attributes == {
        "RULE_ARN": rule,
        "TARGET_ARN": target,
        "ERROR_CODE": "NO_PERMISSIONS",
        "RETRY_ATTEMPTS": "0",
    }
    assert not aws.events.lost


def test_a_dead_letter_queue_that_lets_nothing_in_loses_the_event(aws: EmbeddedAws) -> None:
    _, target = make_queue(aws, "target")
    url, grave = make_queue(aws, "grave")
    put_rule(aws, {"Arn": target, "DeadLetterConfig": {"Arn": grave}})
    event_id = put_event(aws)
    assert [each.event["id"] for each in aws.events.lost] == [event_id]
    assert "dead-letter queue: NO_PERMISSIONS" in aws.events.lost[0].reason
    assert messages(aws, url) == []


def test_a_missing_queue_is_told_as_such(aws: EmbeddedAws) -> None:
    put_rule(aws, {"Arn": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:none"})
    put_event(aws)
    assert [each.reason.partition(":")[0] for each in aws.events.lost] == ["NO_RESOURCE"]


def test_what_fails_for_a_while_is_tried_again_until_the_policy_of_retries_ends(aws: EmbeddedAws) -> None:
    function = make_function(aws, "shop", "def handler(event, context): pass")
    url, grave = make_queue(aws, "grave")
    target = {"Arn": function, "DeadLetterConfig": {"Arn": grave}, "RetryPolicy": {"MaximumRetryAttempts": 2}}
    rule = put_rule(aws, target)
    let_in(aws, url, grave, rule)
    aws.client("lambda").add_permission(
        FunctionName="shop",
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule,
    )
    aws.client("events").put_targets(
        Rule="rule", Targets=[{"Id": "1", **target, "Input": json.dumps("x" * 1_048_577)}]
    )
    put_event(aws)
    (message,) = messages(aws, url)
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes["RETRY_ATTEMPTS"] == "2"
    assert attributes["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"


def test_a_state_machine_starts_under_the_id_of_the_event(aws: EmbeddedAws) -> None:
    machine = make_state_machine(aws, "machine", PASS)
    role = role_for_rule(aws, allow("states:StartExecution", resource=machine))
    transformer = {"InputPathsMap": {"count": "$.detail.count"}, "InputTemplate": '{"count": <count>}'}
    put_rule(aws, {"Arn": machine, "RoleArn": role, "InputTransformer": transformer})
    event_id = put_event(aws)
    execution = machine.replace("stateMachine", "execution") + ":" + event_id
    described = aws.client("stepfunctions").describe_execution(executionArn=execution)
    assert json.loads(described["input"]) == {"count": 3}


def test_a_state_machine_does_not_start_without_the_right_of_the_rules_role(aws: EmbeddedAws) -> None:
    machine = make_state_machine(aws, "machine", PASS)
    role = role_for_rule(aws, allow("states:StartExecution", resource=machine + "-other"))
    put_rule(aws, {"Arn": machine, "RoleArn": role})
    put_event(aws)
    assert [each.reason.partition(":")[0] for each in aws.events.lost] == ["NO_PERMISSIONS"]
    assert aws.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"] == []


def test_an_event_travels_to_another_bus_under_the_same_id(aws: EmbeddedAws) -> None:
    bus = aws.client("events").create_event_bus(Name="teams")["EventBusArn"]
    url, queue = make_queue(aws, "queue")
    let_in(aws, url, queue, put_rule(aws, {"Arn": queue}, bus="teams"))
    put_rule(aws, {"Arn": bus})
    event_id = put_event(aws)
    assert [json.loads(each["Body"])["id"] for each in messages(aws, url)] == [event_id]


def test_an_upload_tells_eventbridge_what_was_stored(aws: EmbeddedAws) -> None:
    url, queue = make_queue(aws, "queue")
    let_in(aws, url, queue, put_rule(aws, {"Arn": queue}, pattern='{"source": ["aws.s3"]}'))
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="uploads", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="uploads", Key="untold", Body=b"")
    s3.put_bucket_versioning(Bucket="uploads", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(
        Bucket="uploads", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    version = s3.put_object(Bucket="uploads", Key="a b/ü.zip", Body=b"hello")["VersionId"]
    s3.copy_object(Bucket="uploads", Key="copy", CopySource={"Bucket": "uploads", "Key": "a b/ü.zip"})
    upload = s3.create_multipart_upload(Bucket="uploads", Key="parts")["UploadId"]
    part = s3.upload_part(Bucket="uploads", Key="parts", UploadId=upload, PartNumber=1, Body=b"part")
    parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    s3.complete_multipart_upload(Bucket="uploads", Key="parts", UploadId=upload, MultipartUpload=parts)
    assert aws.wait_until_idle(5)
    events = [json.loads(each["Body"]) for each in messages(aws, url)]
    events.sort(key=lambda event: event["detail"]["object"]["sequencer"])
    assert [event["detail"]["reason"] for event in events] == ["PutObject", "CopyObject", "CompleteMultipartUpload"]
    first = events[0]
    assert (first["detail-type"], first["resources"]) == ("Object Created", ["arn:aws:s3:::uploads"])
    stored = first["detail"]["object"]
    assert (stored["key"], stored["size"], stored["version-id"]) == ("a b/ü.zip", 5, version)
    assert stored["etag"] == "5d41402abc4b2a76b9719d911017c592"
    assert events[2]["detail"]["object"]["etag"].endswith("-1")


def test_the_life_of_an_execution_is_told(aws: EmbeddedAws, eventually: Eventually) -> None:
    url, queue = make_queue(aws, "queue")
    let_in(aws, url, queue, put_rule(aws, {"Arn": queue}, pattern='{"source": ["aws.states"]}'))
    machine = make_state_machine(aws, "machine", PASS)
    aws.client("stepfunctions").start_execution(stateMachineArn=machine, name="one", input='{"a": 1}')
    eventually(lambda: len(aws.events.delivered) == 2)
    details = {each["status"]: each for each in (json.loads(m["Body"])["detail"] for m in messages(aws, url))}
    assert set(details) == {"RUNNING", "SUCCEEDED"}
    ended = details["SUCCEEDED"]
    assert (ended["name"], ended["input"], json.loads(ended["output"])) == ("one", '{"a": 1}', {"a": 1})
    assert details["RUNNING"]["stopDate"] is None
