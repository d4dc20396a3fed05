"""The demonstration's shop as the end-to-end tests use it, and how they wait for it."""

import copy
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TypeVar

from boto3.dynamodb.types import TypeDeserializer

from controller.core.deployment import Deployment
from rampart.demo.account import ALIAS, BUCKET, FUNCTION, STAGE, TEMPLATE, Account, repository_of
from rampart.demo.releases import FIRST
from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.cloudformation.template import DeployError

T = TypeVar("T")
_LONGEST_SECONDS = 60.0
_SCHEDULE = "ReconcileFunctionEveryFiveMinutes"
_QUICKLY = {"Delay": 0.03, "MaxAttempts": 1000}
_deserialize = TypeDeserializer().deserialize


class RunFailedError(Exception):
    """A run met a denial; its text is the line that says who was denied what."""


def until(found: Callable[[], T], what: str, seconds: float = _LONGEST_SECONDS) -> T:
    """Return the first true answer of `found`; fails with `what` when none comes in time."""
    deadline = time.monotonic() + seconds
    pause, pause_seconds = threading.Event(), 0.03
    while not (answer := found()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain: {what}"
        pause.wait(pause_seconds)
        pause_seconds = min(0.1, 1.2 * pause_seconds)  # to look takes the time of those that are waited for
    return answer


class Shop(Account):
    """The shop; whatever waits for it stops at the first denial. Reconcile runs when a test says so."""

    def __init__(self, aws: EmbeddedAws, template: Path = TEMPLATE, images: Iterable[str] = ()) -> None:
        """Deploy everything; raises RunFailedError when deploying is denied something."""
        self.function = FUNCTION
        """What is deployed to; the target and the alarm are named after it."""
        self._letters: list[dict[str, Any]] = []
        self._old_denials = 0
        try:
            super().__init__(aws, template, images=images)
        except DeployError as error:
            denials = aws.authoriser.denials
            if not denials:
                raise
            raise RunFailedError(f"{denials[0].role} was denied {denials[0].action}: {error}") from error
        aws.client("events").disable_rule(Name=self.stack.resources[_SCHEDULE])
        self.set_alarm("OK")  # which saves waiting for the end of the first minute

    def open(self, function: str, **code: Any) -> Self:
        """Make another function of a zip or an image, and its alarm; return the shop that deploys to it.

        Nothing that was denied before counts there.
        """
        client = self.aws.client("lambda")
        runs = (
            {"PackageType": "Image"} if "ImageUri" in code else {"Runtime": "python3.13", "Handler": "app.handler"}
        )
        client.create_function(
            FunctionName=function,
            Role=self.aws.client("iam").get_role(RoleName="shop")["Role"]["Arn"],
            Architectures=["arm64"],
            Code=code,
            Tags={"rampart:managed": STAGE},
            **runs,
        )
        client.get_waiter("function_active_v2").wait(FunctionName=function, WaiterConfig=_QUICKLY)
        version = client.publish_version(FunctionName=function)["Version"]
        client.create_alias(FunctionName=function, Name=ALIAS, FunctionVersion=version)
        self.make_alarm(function)
        self.set_alarm("OK", function)
        there = copy.copy(self)
        there.function = function
        there.pardon()
        return there

    def open_image(self, function: str) -> Self:
        """Make another function of an image and its repository; return the shop that deploys to it."""
        repository = repository_of(function)
        self.aws.client("ecr").create_repository(repositoryName=repository)
        # Without a tag, so that no event tells of it.
        there = self.open(
            function, ImageUri=self.aws.push_image(repository, [], replace(FIRST, function=function).zip)
        )
        there._images = (*self._images, function)
        return there

    def pardon(self) -> None:
        """Let what was denied so far count no more."""
        self._old_denials = len(self.aws.authoriser.denials)

    def denied(self) -> str | None:
        """Return which function was denied which action on what, if that has happened."""
        denials = self.aws.authoriser.denials[self._old_denials :]
        if not denials:
            return None
        names = {physical: logical for logical, physical in self.stack.resources.items()}
        who = names.get(denials[0].role, denials[0].role).removesuffix("Role")
        return f"{who} was denied {denials[0].action} on {denials[0].resource}"

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
        client.update_function_code(FunctionName=self.function, ZipFile=code)
        client.get_waiter("function_updated_v2").wait(FunctionName=self.function, WaiterConfig=_QUICKLY)
        version: str = client.publish_version(FunctionName=self.function)["Version"]
        waiter = client.get_waiter("published_version_active")
        waiter.wait(FunctionName=self.function, Qualifier=version, WaiterConfig=_QUICKLY)
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
            records = self.deployments.history(self.function, 50)
            found = [d for d in records if d.artifact and d.artifact.identity == artifact]
            return found[0] if found and found[0].status.is_over else None

        found = self.wait(over, f"the deployment of {artifact} has ended")
        assert found is not None
        return found

    def reconcile(self) -> list[str]:
        """Run reconcile now, and return what it did, in one line each; raises RunFailedError at a denial."""
        function = self.stack.resources["ReconcileFunction"]
        before = len(self.aws.logs(function))
        answer = self.aws.client("lambda").invoke(FunctionName=function)
        said = answer["Payload"].read()
        line = self.denied()
        if line:
            raise RunFailedError(line)
        assert "FunctionError" not in answer, said
        lines = [json.loads(line) for line in self.aws.logs(function)[before:]]
        return [each["what"] for each in lines if each["message"] == "reconciled"]

    @contextmanager
    def scheduled(self) -> Iterator[None]:
        """Let reconcile run on its schedule for a while."""
        events, name = self.aws.client("events"), self.stack.resources[_SCHEDULE]
        events.enable_rule(Name=name)
        try:
            yield
        finally:
            events.disable_rule(Name=name)

    @contextmanager
    def losing(self, rule: str) -> Iterator[None]:
        """Let the events of a rule, by its logical id, reach nobody for a while."""
        events, name = self.aws.client("events"), self.stack.resources[rule]
        events.disable_rule(Name=name)
        try:
            yield
        finally:
            events.enable_rule(Name=name)

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
