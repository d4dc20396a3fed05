"""The demonstration's shop as the end-to-end tests use it, and how they wait for it."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from boto3.dynamodb.types import TypeDeserializer

from controller.core.deployment import Deployment
from rampart.demo.account import BUCKET, FUNCTION, STAGE, TARGET, TEMPLATE, Account
from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.cloudformation.template import DeployError

T = TypeVar("T")
_LONGEST_SECONDS = 60.0
_deserialize = TypeDeserializer().deserialize


class RunFailedError(Exception):
    """A run met a denial; its text is the line that says who was denied what."""


def until(found: Callable[[], T], what: str, seconds: float = _LONGEST_SECONDS) -> T:
    """Return the first true answer of `found`; fails with `what` when none comes in time."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not (answer := found()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain: {what}"
        pause.wait(0.03)
    return answer


class Shop(Account):
    """The shop; whatever waits for it stops at the first denial."""

    def __init__(self, aws: EmbeddedAws, template: Path = TEMPLATE) -> None:
        """Deploy everything; raises RunFailedError when deploying is denied something."""
        self._letters: list[dict[str, Any]] = []
        try:
            super().__init__(aws, template)
        except DeployError as error:
            denials = aws.authoriser.denials
            if not denials:
                raise
            raise RunFailedError(f"{denials[0].role} was denied {denials[0].action}: {error}") from error
        self.set_alarm("OK")  # which saves waiting for the end of the first minute

    def wait(self, found: Callable[[], T], what: str) -> T:
        """Return the first true answer of `found`; raises RunFailedError at the first denial."""

        def answer() -> T:
            seen = found()
            line = self.denied()  # after it was looked for, which a denial may have brought about
            if line:
                raise RunFailedError(line)
            return seen

        return until(answer, what)

    def settle(self) -> None:
        """Wait until every event and every record has been delivered."""
        self.wait(lambda: self.aws.wait_until_idle(0.05), "all is delivered")

    def publish(self, code: bytes) -> str:
        """Publish a version as a person would, past Rampart, and return its number."""
        client = self.aws.client("lambda")
        quickly = {"Delay": 0.03, "MaxAttempts": 1000}
        client.update_function_code(FunctionName=FUNCTION, ZipFile=code)
        client.get_waiter("function_updated_v2").wait(FunctionName=FUNCTION, WaiterConfig=quickly)
        version: str = client.publish_version(FunctionName=FUNCTION)["Version"]
        waiter = client.get_waiter("published_version_active")
        waiter.wait(FunctionName=FUNCTION, Qualifier=version, WaiterConfig=quickly)
        return version

    def executions(self, prefix: str = "") -> set[str]:
        """Return the names of all executions that start with `prefix`."""
        machine = self.stack.outputs["StateMachineArn"]
        answer = self.aws.client("stepfunctions").list_executions(stateMachineArn=machine)
        return {each["name"] for each in answer["executions"] if each["name"].startswith(prefix)}

    def execution(self, name: str) -> dict[str, Any]:
        """Return how an execution ended, once it has."""

        def ended() -> dict[str, Any] | None:
            answer: dict[str, Any] = self.aws.client("stepfunctions").describe_execution(
                executionArn=self.execution_arn(name)
            )
            return answer if answer["status"] != "RUNNING" else None

        described = self.wait(ended, f"execution {name} has ended")
        assert described is not None
        return described

    def record(self, deployment_id: str) -> Deployment:
        """Return the record of a deployment, which must be there."""
        found = self.deployments.find(deployment_id)
        assert found is not None, f"deployment {deployment_id} has no record"
        return found

    def shifted(self, deployment_id: str) -> Deployment:
        """Return a deployment once its first step is made."""

        def at_step() -> Deployment | None:
            found = self.deployments.find(deployment_id)
            assert found is None or not found.status.is_over, f"{found.status}: {found.reason}"
            return found if found and found.step_index >= 0 else None

        found = self.wait(at_step, f"deployment {deployment_id} has shifted")
        assert found is not None
        return found

    def deployment_of(self, artifact: str) -> Deployment:
        """Return the deployment of an uploaded artifact, once it has ended."""

        def over() -> Deployment | None:
            records = self.deployments.history(TARGET, 50)
            found = [d for d in records if d.artifact and d.artifact.identity == artifact]
            return found[0] if found and found[0].status.is_over else None

        found = self.wait(over, f"the deployment of {artifact} has ended")
        assert found is not None
        return found

    def told(self, deployment_id: str) -> list[dict[str, Any]]:
        """Return what the team heard of a deployment, in the order of arrival, once all is delivered."""
        self.settle()
        self.listen()
        return [each for each in self.inbox.messages if each["deployment_id"] == deployment_id]

    def letter(self, key: str) -> dict[str, Any]:
        """Return the dead letter of the event about an S3 key, once it is there."""

        def found() -> dict[str, Any] | None:
            self._letters += self.dead_letters()
            about = (each for each in self._letters if each["requestPayload"]["detail"]["object"]["key"] == key)
            return next(about, None)

        letter = self.wait(found, f"the event about {key} is a dead letter")
        assert letter is not None
        return letter

    def taken_in(self, artifact: str) -> list[dict[str, Any]]:
        """Return the lines in which intake says what it made of an artifact."""
        lines = [json.loads(line) for line in self.aws.logs(self.stack.resources["IntakeFunction"])]
        return [each for each in lines if each.get("artifact") == artifact]

    def items(self) -> list[dict[str, Any]]:
        """Return all that is in the table."""
        paginator = self.aws.client("dynamodb").get_paginator("scan")
        pages = paginator.paginate(TableName=self.stack.outputs["TableName"])
        found = [item for page in pages for item in page["Items"]]
        return [{name: _deserialize(value) for name, value in item.items()} for item in found]

    def claims(self) -> dict[str, str | None]:
        """Return who holds each function that was ever claimed."""
        return {item["pk"]: item.get("owner") for item in self.items() if item["sk"] == "claim"}

    def belongings(self) -> dict[str, Any]:
        """Return all that bad input must leave alone: the alias, the versions, who holds what, the targets."""
        client = self.aws.client("lambda")
        alias = client.get_alias(FunctionName=FUNCTION, Name="live")
        versions = client.list_versions_by_function(FunctionName=FUNCTION)["Versions"]
        targets = self.aws.client("ssm").get_parameters_by_path(Path=f"/rampart/{STAGE}/targets/")["Parameters"]
        return {
            "alias": {name: value for name, value in alias.items() if name != "ResponseMetadata"},
            "versions": [(each["Version"], each["CodeSha256"]) for each in versions],
            "claims": self.claims(),
            "targets": {each["Name"]: (each["Value"], each["Version"]) for each in targets},
        }

    def set_versioning(self, status: str) -> None:
        """Make the bucket's versioning Enabled or Suspended."""
        self.aws.client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": status})
