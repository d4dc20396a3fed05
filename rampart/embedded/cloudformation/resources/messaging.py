"""What carries messages: SQS queues, SNS topics, EventBridge buses and rules."""

import json
from typing import Any

from rampart.embedded.cloudformation.resources.maker import Resource, made, makes


@makes(
    "AWS::SQS::Queue",
    sent="ContentBasedDeduplication DeduplicationScope DelaySeconds FifoQueue FifoThroughputLimit "
    "KmsDataKeyReusePeriodSeconds KmsMasterKeyId MaximumMessageSize MessageRetentionPeriod "
    "ReceiveMessageWaitTimeSeconds RedriveAllowPolicy RedrivePolicy SqsManagedSseEnabled VisibilityTimeout",
    used="QueueName Tags",
)
def _queue(resource: Resource) -> dict[str, Any]:
    name = resource.name("QueueName", 80)
    attributes = {key: _attribute(value) for key, value in resource.sent().items()}
    answer = resource.call(
        "sqs", "CreateQueue", QueueName=name, Attributes=attributes or None, tags=resource.tags()
    )
    url = answer["QueueUrl"]
    resource.on_remove("sqs", "DeleteQueue", QueueUrl=url)
    arn = resource.call("sqs", "GetQueueAttributes", QueueUrl=url, AttributeNames=["QueueArn"])
    return made(url, Arn=arn["Attributes"]["QueueArn"], QueueName=name, QueueUrl=url)


@makes("AWS::SQS::QueuePolicy", used="PolicyDocument Queues")
def _queue_policy(resource: Resource) -> dict[str, Any]:
    policy = json.dumps(resource.required("PolicyDocument"))
    for url in resource.required("Queues"):
        resource.call("sqs", "SetQueueAttributes", QueueUrl=url, Attributes={"Policy": policy})
        resource.on_remove("sqs", "SetQueueAttributes", QueueUrl=url, Attributes={"Policy": ""})
    identity = resource.name("Id", 255)
    return made(identity, Id=identity)


@makes("AWS::SNS::Topic", sent="Tags", used="DisplayName KmsMasterKeyId Subscription TopicName")
def _topic(resource: Resource) -> dict[str, Any]:
    name = resource.name("TopicName", 256)
    settings = {key: resource.properties.get(key) for key in ("DisplayName", "KmsMasterKeyId")}
    attributes = {key: value for key, value in settings.items() if value is not None}
    arn = resource.call("sns", "CreateTopic", Name=name, Attributes=attributes or None, **resource.sent())[
        "TopicArn"
    ]
    resource.on_remove("sns", "DeleteTopic", TopicArn=arn)
    for subscription in resource.properties.get("Subscription", []):
        answer = resource.call("sns", "Subscribe", TopicArn=arn, ReturnSubscriptionArn=True, **subscription)
        resource.on_remove("sns", "Unsubscribe", SubscriptionArn=answer["SubscriptionArn"])
    return made(arn, TopicArn=arn, TopicName=name)


@makes("AWS::SNS::TopicPolicy", used="PolicyDocument Topics")
def _topic_policy(resource: Resource) -> dict[str, Any]:
    policy = json.dumps(resource.required("PolicyDocument"))
    for arn in resource.required("Topics"):  # the policy goes with its topic
        resource.call("sns", "SetTopicAttributes", TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
    identity = resource.name("Id", 255)
    return made(identity, Id=identity)


@makes("AWS::Events::EventBus", sent="DeadLetterConfig Description Name Tags")
def _event_bus(resource: Resource) -> dict[str, Any]:
    name = resource.required("Name")
    answer = resource.call("events", "CreateEventBus", **resource.sent())
    resource.on_remove("events", "DeleteEventBus", Name=name)
    return made(name, Arn=answer["EventBusArn"], Name=name)


@makes(
    "AWS::Events::Rule",
    sent="Description EventBusName ScheduleExpression State Tags",
    used="EventPattern Name Targets",
)
def _rule(resource: Resource) -> dict[str, Any]:
    name = resource.name("Name", 64)
    bus = resource.properties.get("EventBusName")
    pattern = resource.properties.get("EventPattern")
    targets = resource.properties.get("Targets", [])
    for target in targets:
        if "RoleArn" in target:
            # EventBridge delivers in the name of the rule's role, known by its ARN.
            resource.deployment.roles.assume(target["RoleArn"], "events.amazonaws.com", target["RoleArn"])
    answer = resource.call(
        "events",
        "PutRule",
        Name=name,
        EventPattern=None if pattern is None else json.dumps(pattern),
        **resource.sent(),
    )
    where = {"EventBusName": bus} if bus else {}
    resource.on_remove("events", "DeleteRule", Name=name, **where)
    if targets:
        put = resource.call("events", "PutTargets", Rule=name, Targets=targets, **where)
        if put["FailedEntryCount"]:
            raise resource.error(f"targets were refused: {put['FailedEntries']}")
        ids = [target["Id"] for target in targets]
        resource.on_remove("events", "RemoveTargets", Rule=name, Ids=ids, **where)
    # On a bus of its own the rule's Ref is "bus|rule", on the default bus it is the rule's name.
    return made(f"{bus}|{name}" if bus and bus != "default" else name, Arn=answer["RuleArn"])


def _attribute(value: Any) -> str:
    """Return a queue attribute as text, which is all that SQS knows."""
    if isinstance(value, dict | bool):
        return json.dumps(value)
    return str(value)
