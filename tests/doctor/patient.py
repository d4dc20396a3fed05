"""A world that doctor looks at: the models of Lambda and CloudWatch, and what a test says of everything else."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from controller.core.errors import InputError
from controller.ports import Artifacts, Metrics, Targets
from rampart.doctor.examine import examine
from rampart.doctor.finding import Check, Finding, Severity
from rampart.embedded.aws_lambda.counts import traffic
from tests.cli.operator import Operator
from tests.engine.account import STAGE
from tests.engine.model_client import ModelClient
from tests.engine.world import World

ACCOUNT, REGION = "123456789012", "eu-west-1"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:rampart"
QUEUE = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/letters"
OUTPUTS = {
    "ControlFunctionName": "control",
    "StateMachineArn": MACHINE,
    "TableName": "deployments",
    "IntakeDeadLettersUrl": f"{QUEUE}-intake",
    "StopDeadLettersUrl": f"{QUEUE}-stop",
    "NotifyDeadLettersUrl": f"{QUEUE}-notify",
}
PARAMETERS = {"ArtifactBucket": "artifacts", "ArtifactPrefix": "", "ArtifactRepository": "-", "FunctionPrefix": ""}


def stack(outputs: Mapping[str, str] = OUTPUTS, parameters: Mapping[str, str] = PARAMETERS) -> dict[str, Any]:
    """Return Rampart's stack as it is described."""
    return {
        "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    }


ALARM = {
    "AlarmName": "errors",
    "Namespace": "AWS/Lambda",
    "MetricName": "Errors",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 0.0,
    "ComparisonOperator": "GreaterThanThreshold",
}
MEANT = [{"Name": "FunctionName", "Value": "checkout"}, {"Name": "Resource", "Value": "checkout:live"}]
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:checkout"
HEALTHY: dict[tuple[str, str], Any] = {
    ("s3", "get_bucket_versioning"): {"Status": "Enabled"},
    ("s3", "get_bucket_notification_configuration"): {"EventBridgeConfiguration": {}},
    ("sqs", "get_queue_attributes"): {"Attributes": {"ApproximateNumberOfMessages": "0"}},
    ("stepfunctions", "describe_state_machine"): {"status": "ACTIVE"},
    ("events", "describe_event_bus"): {"Name": "default"},
    ("iam", "get_role"): {"Role": {}},
}


class Service:
    """A client of one service that answers as a test says."""

    def __init__(self, service: str, answers: Mapping[tuple[str, str], Any], model: Any = None) -> None:
        self._service, self._answers, self._model = service, answers, model
        self.meta = SimpleNamespace(partition="aws", region_name=REGION)

    def __getattr__(self, operation: str) -> Any:
        answer = self._answers.get((self._service, operation))
        if answer is None and self._model:
            return getattr(self._model, operation)

        def call(**_: Any) -> Any:
            if isinstance(answer, str):  # the code of an error
                raise ClientError({"Error": {"Code": answer, "Message": f"{operation} is {answer}"}}, operation)
            return answer

        return call


class Patient(Operator):
    """What doctor reaches; `answers` says what AWS answers, where a string is the code of an error."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.world = world
        self.stage = STAGE
        self.stack_name = "rampart-dev"
        self.account = ACCOUNT
        self.targets: Targets = world.ports.targets
        self.artifacts: Artifacts = world.ports.artifacts
        self.metrics: Metrics = world.ports.metrics
        self.minute_seconds = world.clock.minute_seconds
        self.answers = dict(HEALTHY)
        self.stack: dict[str, Any] | None = stack()

    def described(self) -> Mapping[str, Any]:
        """Return Rampart's stack."""
        if self.stack is None:
            raise InputError("there is no stack")
        return self.stack

    def client(self, service: str) -> Any:
        """Return a client."""
        models: dict[str, Any] = {"lambda": self.world.aws_lambda, "cloudwatch": self.world.cloudwatch}
        model = ModelClient(service, models[service], self.world._point) if service in models else None
        return Service(service, self.answers, model)

    def examined(self, *names: str) -> list[Finding]:
        """Return what doctor finds."""
        return examine(self, names, self.world.now())

    def found(self, check: Check, severity: Severity | None = None) -> list[Finding]:
        """Return what doctor finds of one check."""
        return [f for f in self.examined() if f.check is check and severity in (None, f.severity)]


def alarm(world: World, **changes: Any) -> None:
    """Make the alarm errors, which the target names."""
    world.target(alarms=["errors"])
    made = {**ALARM, "Dimensions": MEANT, "TreatMissingData": "notBreaching", **changes}
    world.cloudwatch_call("PutMetricAlarm", **made)
    world.set_alarm("errors", "OK")


def served(world: World, calls: int, qualifier: str | None = "live") -> None:
    """Let calls of checkout be counted, through the alias or past it."""
    if qualifier:
        for datum, count in traffic("checkout", qualifier, "1", world.clock.now(), calls):
            world.cloudwatch.record(datum, count)
        return
    for _ in range(calls):
        world.aws("Invoke", FunctionName="checkout", Payload=b"{}")
