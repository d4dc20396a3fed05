"""A stand-in for AWS that holds every call against botocore's own model of the API."""

import io
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError
from botocore.validate import ParamValidator

from rampart.embedded.cloudformation.deployer import DeployTarget

_ARN = "arn:aws:{}:eu-west-1:123456789012:{}"
_SESSION = botocore.session.get_session()
_ANSWERS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "CreateAlias": lambda p: {"AliasArn": _ARN.format("lambda", f"function:{p['FunctionName']}:{p['Name']}")},
    "CreateEventBus": lambda p: {"EventBusArn": _ARN.format("events", f"event-bus/{p['Name']}")},
    "CreateEventSourceMapping": lambda _: {"UUID": "11111111-2222-3333-4444-555555555555"},
    "CreateFunction": lambda p: {"FunctionArn": _ARN.format("lambda", f"function:{p['FunctionName']}")},
    "CreateQueue": lambda p: {"QueueUrl": f"https://sqs/{p['QueueName']}"},
    "CreateRepository": lambda p: {
        "repository": {"repositoryArn": _ARN.format("ecr", f"repository/{p['repositoryName']}")}
    },
    "CreateRole": lambda p: {"Role": {"Arn": f"arn:aws:iam::123456789012:role/{p['RoleName']}", "RoleId": "an-id"}},
    "CreateStateMachine": lambda p: {"stateMachineArn": _ARN.format("states", f"stateMachine:{p['name']}")},
    "CreateTable": lambda p: {
        "TableDescription": {
            "TableArn": _ARN.format("dynamodb", f"table/{p['TableName']}"),
            "LatestStreamArn": _ARN.format("dynamodb", f"table/{p['TableName']}/stream/1"),
        }
    },
    "CreateTopic": lambda p: {"TopicArn": _ARN.format("sns", p["Name"])},
    "GetQueueAttributes": lambda p: {
        "Attributes": {"QueueArn": _ARN.format("sqs", p["QueueUrl"].rpartition("/")[2])}
    },
    "PublishLayerVersion": lambda p: {"LayerVersionArn": _ARN.format("lambda", f"layer:{p['LayerName']}:1")},
    "PublishVersion": lambda p: {
        "FunctionArn": _ARN.format("lambda", f"function:{p['FunctionName']}:1"),
        "Version": "1",
    },
    "PutRule": lambda p: {"RuleArn": _ARN.format("events", f"rule/{p['Name']}")},
    "PutTargets": lambda _: {"FailedEntryCount": 0, "FailedEntries": []},
    "Subscribe": lambda _: {"SubscriptionArn": _ARN.format("sns", "a-subscription")},
}


class RecordingAws:
    """Answers every valid call with a canned shape, and remembers what was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.grants: dict[str, tuple[str, list[dict[str, Any]]]] = {}
        self.refuses = ""
        """The operation that is answered with an error."""
        self._objects: dict[str, bytes] = {}

    def target(self) -> DeployTarget:
        """Return the target that deploys here."""
        return DeployTarget(self.client, self, lambda function: f"ASIA{function}")

    def client(self, service: str) -> Any:
        """Return what looks like the boto3 client of `service`."""
        model = _SESSION.get_service_model(service)
        methods = {xform_name(name): self._method(model, name) for name in model.operation_names}
        meta = SimpleNamespace(service_model=model)
        return SimpleNamespace(meta=meta, get_waiter=self._waiter, **methods)

    def register(
        self, access_key_id: str, role_name: str, policies: list[dict[str, Any]], session: str | None = None
    ) -> None:
        """Remember what a principal may do."""
        self.grants[access_key_id] = (role_name, policies)

    def operations(self) -> list[str]:
        """Return the operations asked for, in order."""
        return [operation for operation, _ in self.calls]

    def asked(self, operation: str, **having: Any) -> dict[str, Any]:
        """Return the parameters of the one call of `operation` that has these."""
        found = [p for name, p in self.calls if name == operation and having.items() <= p.items()]
        assert len(found) == 1, found
        return found[0]

    def object(self, key: str) -> bytes:
        """Return what was put under an S3 key."""
        return self._objects[key]

    def _waiter(self, name: str) -> Any:
        return SimpleNamespace(wait=lambda **_: self.calls.append((name, {})))

    def _method(self, model: Any, operation: str) -> Callable[..., Any]:
        def call(**params: Any) -> dict[str, Any]:
            report = ParamValidator().validate(params, model.operation_model(operation).input_shape)
            if report.has_errors():
                raise ParamValidationError(report=report.generate_report())
            self.calls.append((operation, params))
            if operation == self.refuses:
                raise ClientError({"Error": {"Code": "Refused", "Message": "as told"}}, operation)
            if operation == "PutObject":
                self._objects[params["Key"]] = params["Body"]
            if operation == "GetObject":
                return {"Body": io.BytesIO(self._objects[params["Key"]])}
            return _ANSWERS[operation](params) if operation in _ANSWERS else {}

        return call


def test_the_recorder_refuses_what_botocore_refuses() -> None:
    aws = RecordingAws()
    with pytest.raises(ParamValidationError, match="Unknown parameter"):
        aws.client("sqs").create_queue(QueueName="q", Colour="red")
    assert aws.calls == []
