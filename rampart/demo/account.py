"""The shop's account: Rampart deployed from its real template, functions with alarms, targets, a listening team.

All that belongs to a function is named after it: its target, its alarm, the keys to which its zips are uploaded,
the repository to which its images are pushed.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from controller.adapters.dynamodb_deployments import DynamoDbDeployments
from controller.adapters.lambda_functions import LambdaFunctions
from controller.core.alias import Routing
from controller.core.notification import SOURCE
from rampart.demo.releases import BUCKET as BUCKET
from rampart.demo.releases import FIRST, Release
from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.cloudformation.deployer import Stack

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
STAGE = "dev"
FUNCTION = TARGET = "checkout"
ALIAS = "live"
TAG = "prod"
"""The tag that targets of images follow."""
_REPOSITORIES = "shop/*"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


def alarm_of(function: str) -> str:
    """Return the name of a function's alarm."""
    return f"{function}-errors"


def repository_of(function: str) -> str:
    """Return the name of the repository of a function's images."""
    return f"shop/{function}"


ALARM = alarm_of(FUNCTION)


@dataclass
class Inbox:
    """What the team heard on the bus, through a rule and a queue of its own."""

    queue_url: str
    messages: list[dict[str, Any]] = field(default_factory=list)


class Account:
    """The shop on an embedded AWS, with Rampart deployed next to it."""

    def __init__(
        self,
        aws: EmbeddedAws,
        template: Path = TEMPLATE,
        functions: Iterable[str] = (FUNCTION,),
        images: Iterable[str] = (),
    ) -> None:
        """Deploy Rampart and make the functions, those of zips and those of images, each with its alarm.

        Raises DeployError.
        """
        self.aws = aws
        self._images = tuple(images)
        parameters = {"Stage": STAGE, "ArtifactBucket": BUCKET}
        if self._images:
            parameters["ArtifactRepository"] = _REPOSITORIES
        self.stack: Stack = aws.deploy(template, f"rampart-{STAGE}", parameters)
        self.deployments = DynamoDbDeployments(aws.client("dynamodb"), self.stack.outputs["TableName"])
        self.functions = LambdaFunctions(aws.client("lambda"))
        self._make_bucket()
        names = [*functions, *self._images]
        self._make_functions(names)
        for name in names:
            self.make_alarm(name)
        self.inbox = self._listen()

    def declare_target(self, strategy: str | Mapping[str, Any], target: str = TARGET, **fields: Any) -> None:
        """Declare a function's target in its SSM parameter, as the shop's own stack would."""
        document = {
            "version": 1,
            "source": self._source(target),
            "members": [{"function": target, "alias": ALIAS}],
            "strategy": strategy,
            "alarms": [alarm_of(target)],
            "test_events": [{"name": "an order", "payload": {"order": 59}}],
        }
        self.write_target(json.dumps(document | fields), target)

    def write_target(self, text: str, target: str = TARGET) -> None:
        """Write the text of a target, whatever it is."""
        name = f"/rampart/{STAGE}/targets/{target}"
        self.aws.client("ssm").put_parameter(Name=name, Type="String", Value=text, Overwrite=True)

    def upload(self, key: str, data: bytes) -> str:
        """Upload a zip, which is all that it takes to release it; return its identity as an artifact."""
        answer = self.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=data)
        return f"s3://{BUCKET}/{key}@{answer['VersionId']}"

    def push(self, release: Release) -> str:
        """Push a release as an image with the tag that its target follows; return its identity as an artifact."""
        return self._push(release, [TAG])

    def start(self, request: Any, name: str | None = None) -> str:
        """Start an execution by hand and return its name, which is the deployment's id."""
        named = {"name": name} if name else {}
        machine = self.stack.outputs["StateMachineArn"]
        answer = self.aws.client("stepfunctions").start_execution(
            stateMachineArn=machine, input=json.dumps(request), **named
        )
        return str(answer["executionArn"]).rpartition(":")[2]

    def execution_arn(self, name: str) -> str:
        """Return the ARN of an execution."""
        return self.stack.outputs["StateMachineArn"].replace(":stateMachine:", ":execution:") + f":{name}"

    def set_alarm(self, state: str, function: str = FUNCTION) -> None:
        """Put a function's alarm into a state, until CloudWatch looks again."""
        self.aws.client("cloudwatch").set_alarm_state(
            AlarmName=alarm_of(function), StateValue=state, StateReason="a rehearsal"
        )

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

    def routing(self, function: str = FUNCTION) -> Routing:
        """Return where a function's alias sends its traffic now."""
        return self.functions.alias(function, ALIAS).routing

    def alarm_state(self, function: str = FUNCTION) -> str:
        """Return the state of a function's alarm."""
        answer = self.aws.client("cloudwatch").describe_alarms(AlarmNames=[alarm_of(function)])
        state: str = answer["MetricAlarms"][0]["StateValue"]
        return state

    def alarm_fired_at(self, function: str, since: datetime) -> datetime | None:
        """Return when a function's alarm first went into ALARM since a moment, as its history has it."""
        answer = self.aws.client("cloudwatch").describe_alarm_history(
            AlarmName=alarm_of(function),
            HistoryItemType="StateUpdate",
            StartDate=since,
            ScanBy="TimestampAscending",
        )
        for item in answer["AlarmHistoryItems"]:
            if json.loads(item["HistoryData"])["newState"]["stateValue"] == "ALARM":
                fired: datetime = item["Timestamp"]
                return fired
        return None

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

    def _source(self, target: str) -> dict[str, str]:
        """Return where the artifacts of a target appear, as its document says it."""
        if target in self._images:
            return {"repository": repository_of(target), "tag": TAG}
        return {"bucket": BUCKET, "key": f"{target}/*.zip"}

    def _make_functions(self, names: Iterable[str]) -> None:
        role = self.aws.client("iam").create_role(RoleName="shop", AssumeRolePolicyDocument=json.dumps(_TRUST))
        client = self.aws.client("lambda")
        for name in names:
            client.create_function(
                FunctionName=name,
                Role=role["Role"]["Arn"],
                Architectures=["arm64"],
                Tags={"rampart:managed": STAGE},
                **self._runs(replace(FIRST, function=name)),
            )
        waiter = client.get_waiter("function_active_v2")
        for name in names:
            waiter.wait(FunctionName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
            version = client.publish_version(FunctionName=name, Description="release 1")["Version"]
            client.create_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)

    def _push(self, release: Release, tags: list[str]) -> str:
        return self.aws.push_image(repository_of(release.function), tags, release.zip)

    def _runs(self, first: Release) -> dict[str, Any]:
        """Return what a function's first release is and how it is run, as CreateFunction takes it."""
        if first.function not in self._images:
            return {"Code": {"ZipFile": first.zip}, "Runtime": "python3.13", "Handler": "app.handler"}
        self.aws.client("ecr").create_repository(repositoryName=repository_of(first.function))
        untagged = self._push(first, [])  # which no target follows, so that it is not deployed once more
        return {"Code": {"ImageUri": untagged}, "PackageType": "Image"}

    def make_alarm(self, function: str = FUNCTION, **fields: Any) -> None:
        """Make a function's alarm: any failed request through the alias within a minute, but for `fields`."""
        alarm: dict[str, Any] = {
            "AlarmName": alarm_of(function),
            "Namespace": "AWS/Lambda",
            "MetricName": "Errors",
            "Dimensions": [
                {"Name": "FunctionName", "Value": function},
                {"Name": "Resource", "Value": f"{function}:{ALIAS}"},
            ],
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 0,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
        }
        given = {name: value for name, value in (alarm | fields).items() if value is not None}
        self.aws.client("cloudwatch").put_metric_alarm(**given)

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
