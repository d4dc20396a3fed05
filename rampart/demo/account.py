"""The shop's account: Rampart deployed from its real template, a function, an alarm, a target, a listening team."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from controller.adapters.dynamodb_deployments import DynamoDbDeployments
from controller.adapters.lambda_functions import LambdaFunctions
from controller.core.alias import Routing
from controller.core.notification import SOURCE
from rampart.demo.releases import FIRST, Release
from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.cloudformation.deployer import Stack

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
STAGE = "dev"
BUCKET = "shop-artifacts"
FUNCTION = TARGET = "checkout"
ALIAS = "live"
ALARM = "checkout-errors"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


@dataclass
class Inbox:
    """What the team heard on the bus, through a rule and a queue of its own."""

    queue_url: str
    messages: list[dict[str, Any]] = field(default_factory=list)


class Account:
    """The shop on an embedded AWS, with Rampart deployed next to it."""

    def __init__(self, aws: EmbeddedAws, template: Path = TEMPLATE) -> None:
        self.aws = aws
        self.stack: Stack = aws.deploy(template, f"rampart-{STAGE}", {"Stage": STAGE, "ArtifactBucket": BUCKET})
        self.deployments = DynamoDbDeployments(aws.client("dynamodb"), self.stack.outputs["TableName"])
        self.functions = LambdaFunctions(aws.client("lambda"))
        self._make_bucket()
        self._make_function(FIRST)
        self.make_alarm()
        self.inbox = self._listen()

    def declare_target(self, strategy: str | Mapping[str, Any], **fields: Any) -> None:
        """Declare the shop's target in its SSM parameter, as the shop's own stack would."""
        document = {
            "version": 1,
            "source": {"bucket": BUCKET, "key": "checkout/*.zip"},
            "members": [{"function": FUNCTION, "alias": ALIAS}],
            "strategy": strategy,
            "alarms": [ALARM],
            "test_events": [{"name": "an order", "payload": {"order": 59}}],
        }
        self.write_target(json.dumps(document | fields))

    def write_target(self, text: str) -> None:
        """Write the text of the shop's target, whatever it is."""
        name = f"/rampart/{STAGE}/targets/{TARGET}"
        self.aws.client("ssm").put_parameter(Name=name, Type="String", Value=text, Overwrite=True)

    def upload(self, key: str, data: bytes) -> str:
        """Upload a zip, which is all that it takes to release it; return its identity as an artifact."""
        answer = self.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=data)
        return f"s3://{BUCKET}/{key}@{answer['VersionId']}"

    def listen(self) -> list[dict[str, Any]]:
        """Return what the team has heard since the last time."""
        new = []
        sqs = self.aws.client("sqs")
        while True:
            answer = sqs.receive_message(QueueUrl=self.inbox.queue_url, MaxNumberOfMessages=10)
            received = answer.get("Messages", [])
            for message in received:
                new.append(json.loads(message["Body"])["detail"])
                sqs.delete_message(QueueUrl=self.inbox.queue_url, ReceiptHandle=message["ReceiptHandle"])
            if not received:
                self.inbox.messages += new
                return new

    def routing(self) -> Routing:
        """Return where the shop's alias sends its traffic now."""
        return self.functions.alias(FUNCTION, ALIAS).routing

    def alarm_state(self) -> str:
        """Return the state of the shop's alarm."""
        answer = self.aws.client("cloudwatch").describe_alarms(AlarmNames=[ALARM])
        state: str = answer["MetricAlarms"][0]["StateValue"]
        return state

    def dead_letters(self) -> list[dict[str, Any]]:
        """Return the events that intake could not use, as they lie in its dead-letter queue."""
        sqs = self.aws.client("sqs")
        answer = sqs.receive_message(
            QueueUrl=self.stack.outputs["IntakeDeadLettersUrl"],
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
        )
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]

    def denied(self) -> str | None:
        """Return which function was denied which action on what, if that has happened."""
        if not self.aws.authoriser.denials:
            return None
        denial = self.aws.authoriser.denials[0]
        names = {physical: logical for logical, physical in self.stack.resources.items()}
        who = names.get(denial.role, denial.role).removesuffix("Role")
        return f"{who} was denied {denial.action} on {denial.resource}"

    def _make_bucket(self) -> None:
        s3 = self.aws.client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )

    def _make_function(self, first: Release) -> None:
        role = self.aws.client("iam").create_role(RoleName="shop", AssumeRolePolicyDocument=json.dumps(_TRUST))
        client = self.aws.client("lambda")
        client.create_function(
            FunctionName=FUNCTION,
            Role=role["Role"]["Arn"],
            Runtime="python3.13",
            Handler="app.handler",
            Architectures=["arm64"],
            Code={"ZipFile": first.zip},
            Tags={"rampart:managed": STAGE},
        )
        waiter = client.get_waiter("function_active_v2")
        waiter.wait(FunctionName=FUNCTION, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
        version = client.publish_version(FunctionName=FUNCTION, Description="release 1")["Version"]
        client.create_alias(FunctionName=FUNCTION, Name=ALIAS, FunctionVersion=version)

    def make_alarm(self) -> None:
        """Make the shop's alarm: any failed request through the alias within a minute."""
        self.aws.client("cloudwatch").put_metric_alarm(
            AlarmName=ALARM,
            Namespace="AWS/Lambda",
            MetricName="Errors",
            Dimensions=[
                {"Name": "FunctionName", "Value": FUNCTION},
                {"Name": "Resource", "Value": f"{FUNCTION}:{ALIAS}"},
            ],
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="notBreaching",
        )

    def _listen(self) -> Inbox:
        sqs, events = self.aws.client("sqs"), self.aws.client("events")
        url = sqs.create_queue(QueueName="shop-team")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        rule = events.put_rule(Name="shop-team", EventPattern=json.dumps({"source": [SOURCE]}))["RuleArn"]
        allow = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        events.put_targets(Rule="shop-team", Targets=[{"Id": "queue", "Arn": arn}])
        return Inbox(url)
