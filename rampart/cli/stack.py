"""The stack: where Rampart's table and control function are, and what an operator reaches through them."""

import getpass
import json
import math
import os
import shlex
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from controller.adapters.artifact_store import ArtifactStore
from controller.adapters.aws_errors import aws_errors
from controller.adapters.cloudwatch_alarms import CloudWatchAlarms
from controller.adapters.cloudwatch_metrics import CloudWatchMetrics
from controller.adapters.dynamodb_deployments import DynamoDbDeployments
from controller.adapters.dynamodb_line import DynamoDbLine
from controller.adapters.lambda_functions import LambdaFunctions
from controller.adapters.ssm_targets import SsmTargets
from controller.adapters.stepfunctions_executions import StepFunctionsExecutions
from controller.control import asked_of
from controller.core.errors import ControllerError, InputError, MissingError
from controller.core.wording import shown
from controller.tasks.context import Context
from rampart.cli.claims import Claims
from rampart.cli.versions import Versions

if TYPE_CHECKING:
    from controller.ports import Ports

AWS_ERRORS = (BotoCoreError, ClientError, ResponseParserError)
"""All that a call of AWS may raise; the last where something else answers in its place."""
_CONTROL = "control: "
"""How control begins what it refuses."""
_LONGEST_NAME = 200
"""Control takes no longer name of who asks."""
# The control function may take 50 seconds; an abort is harmless to repeat.
_CONFIG = Config(retries={"mode": "standard", "max_attempts": 3}, connect_timeout=5, read_timeout=60)


@dataclass(frozen=True, slots=True)
class Place:
    """What an operator said of where Rampart is; boto3 knows the rest."""

    stage: str
    stack: str | None = None
    table: str | None = None
    control_function: str | None = None
    profile: str | None = None
    region: str | None = None

    @property
    def stack_name(self) -> str:
        """The name of the stack."""
        return self.stack or f"rampart-{self.stage}"

    @property
    def aws_options(self) -> str:
        """The options that lead a command of the AWS CLI to the same place."""
        given = {"--profile": self.profile, "--region": self.region}
        return "".join(f" {name} {shlex.quote(value)}" for name, value in given.items() if value)


class Stack:
    """Rampart in one account and region, reached with the operator's own rights."""

    def __init__(self, place: Place) -> None:
        """Nothing is asked and nothing found out before it is needed: a command looks at its arguments first."""
        self._place = place
        self._clients: dict[str, Any] = {}

    @cached_property
    def _session(self) -> boto3.Session:
        """The operator's session, by boto3's rules; raises InputError without credentials or a region."""
        try:
            session = boto3.Session(profile_name=self._place.profile, region_name=self._place.region)
            credentials = session.get_credentials()
            if credentials:
                credentials.get_frozen_credentials()  # which asks whoever lends them
        except BotoCoreError as error:
            raise InputError(f"AWS credentials: {error}") from None
        if credentials is None:
            raise InputError("there are no AWS credentials; log in, set AWS_PROFILE, or give --profile")
        if session.region_name is None:
            raise InputError("there is no AWS region; give --region, or set AWS_DEFAULT_REGION")
        return session

    @property
    def aws_options(self) -> str:
        """The options that lead a command of the AWS CLI to the same place."""
        return self._place.aws_options

    @property
    def stage(self) -> str:
        """The stage of this Rampart."""
        return self._place.stage

    @property
    def stack_name(self) -> str:
        """The name of its stack."""
        return self._place.stack_name

    @cached_property
    def minute_seconds(self) -> float:
        """How long a minute takes: 60 in an account, and what the environment says of an AWS of this machine.

        Raises InputError.
        """
        written = os.environ.get("RAMPART_MINUTE_SECONDS", "60")
        with suppress(ValueError):
            if 0 < float(written) < math.inf:
                return float(written)
        raise InputError(f"RAMPART_MINUTE_SECONDS: write a number of seconds, not {shown(written)}")

    @cached_property
    def account(self) -> str:
        """The number of the account; raises ControllerError."""
        with aws_errors("who you are"):
            return str(self.client("sts").get_caller_identity()["Account"])

    def described(self) -> Mapping[str, Any]:
        """Return the stack as CloudFormation describes it; raises ControllerError."""
        return described_stack(self.client("cloudformation"), self.stack_name)

    @cached_property
    def deployments(self) -> DynamoDbDeployments:
        """Records, events, claims."""
        return DynamoDbDeployments(self.client("dynamodb"), self._table)

    @cached_property
    def line(self) -> DynamoDbLine:
        """The switch of the stage."""
        return DynamoDbLine(self.client("dynamodb"), self._table)

    @cached_property
    def claims(self) -> Claims:
        """Claims, and how one is freed."""
        return Claims(self.client("dynamodb"), self._table)

    @cached_property
    def functions(self) -> LambdaFunctions:
        """Functions and aliases."""
        return LambdaFunctions(self.client("lambda"))

    @cached_property
    def versions(self) -> Versions:
        """The versions of functions, and the right to delete one."""
        return Versions(self.client("lambda"))

    @cached_property
    def metrics(self) -> CloudWatchMetrics:
        """Metrics."""
        return CloudWatchMetrics(self.client("cloudwatch"), self.minute_seconds)

    @cached_property
    def targets(self) -> SsmTargets:
        """The catalogue of this stage."""
        return SsmTargets(self.client("ssm"), f"/rampart/{self._place.stage}/targets/", time.monotonic)

    @cached_property
    def alarms(self) -> CloudWatchAlarms:
        """Alarms."""
        return CloudWatchAlarms(self.client("cloudwatch"))

    @cached_property
    def artifacts(self) -> ArtifactStore:
        """Zips and images."""
        return ArtifactStore(lambda: self.client("s3"), lambda: self.client("ecr"), self.account)

    def looking(self, now: datetime) -> Context:
        """Return what a survey is given: it asks nothing of the clock, the machine and the bus."""
        return Context(cast("Ports", self), "plan", now, self.stage, self.minute_seconds)

    @cached_property
    def executions(self) -> StepFunctionsExecutions:
        """Executions, to be looked at only."""
        return StepFunctionsExecutions(self.client("stepfunctions"), "")

    def machine(self, given: str | None) -> str:
        """Return the ARN of the state machine, which is the given one or the stack's; raises ControllerError."""
        return given or self._output("StateMachineArn", "--state-machine")

    def caller(self) -> str:
        """Return who the operator is: the end of the ARN that STS knows, or else the user of this machine."""
        try:
            arn: str = self.client("sts").get_caller_identity()["Arn"]
        except AWS_ERRORS:
            with suppress(KeyError, ImportError, OSError):
                return getpass.getuser()[:_LONGEST_NAME]
            raise InputError("nobody knows who you are; give --by NAME") from None
        return arn.rpartition(":")[2][-_LONGEST_NAME:]

    def ask(self, verb: str, deployment_id: str | None, by: str, reason: str) -> str:
        """Let the control function do what is asked and return its answer; raises ControllerError."""
        asked = {"deployment_id": deployment_id, "verb": verb, "by": by, "reason": reason}
        try:
            payload = asked_of(asked).model_dump_json().encode()
        except InputError as error:  # whose fields are named as the options are
            raise InputError(str(error).replace(_CONTROL, "--", 1)) from None
        function = self._place.control_function or self._output("ControlFunctionName", "--control-function")
        with aws_errors(f"control function {function}"):
            answered = self.client("lambda").invoke(FunctionName=function, Payload=payload)
        text = answered["Payload"].read().decode(errors="replace")
        is_error = "FunctionError" in answered
        try:
            said = str(json.loads(text)["errorMessage" if is_error else "answer"])
        except (ValueError, KeyError, TypeError):
            raise ControllerError(f"{function} does not answer as Rampart's control does: {text}") from None
        if is_error and said.startswith(_CONTROL):  # it may not be done, and says why
            raise ControllerError(said.removeprefix(_CONTROL))
        if is_error:
            raise ControllerError(f"control function {function}: {said}")
        return said

    def explain(self, error: ControllerError) -> ControllerError:
        """Return an error with what the operator may do about it, where that is known."""
        ended = None if isinstance(error, InputError) else self.ended()
        if ended:
            return ControllerError(ended)
        cause = error.__cause__
        if isinstance(error, MissingError) and isinstance(cause, ClientError) and cause.operation_name in _ON_TABLE:
            return InputError(f"there is no table {self._table} in {self._session.region_name}; check {_WHERE}")
        return error

    def ended(self) -> str | None:
        """Return what there is to say when the AWS that this shell points at was a local one, and has ended."""
        url = os.environ.get("RAMPART_LOCAL")
        if not url or url != os.environ.get("AWS_ENDPOINT_URL"):
            return None
        from rampart.local import place as local  # not everywhere is there such a lock

        return local.Place(local.state_directory()).ended(url)

    @cached_property
    def _table(self) -> str:
        return self._place.table or self._output("TableName", "--table")

    def _output(self, name: str, option: str) -> str:
        stack = self._place.stack_name
        if name not in self._outputs:
            raise InputError(f"stack {stack} has no output {name}; check {_WHERE}, or give {option}")
        return self._outputs[name]

    @cached_property
    def _outputs(self) -> dict[str, str]:
        return outputs_of(self.client("cloudformation"), self._place.stack_name)

    def client(self, service: str) -> Any:
        """Return a boto3 client, made once; raises InputError for one that cannot be made."""
        try:
            if service not in self._clients:
                made = self._session.client(service, config=_CONFIG)  # type: ignore[call-overload]
                self._clients[service] = made
            return self._clients[service]
        except (BotoCoreError, ValueError) as error:  # such as an endpoint that is no URL
            raise InputError(f"AWS {service}: {error}") from None


_WHERE = "--stage, --stack, --region and --profile"
_ON_TABLE = ("GetItem", "Query", "UpdateItem")


def outputs_of(cloudformation: Any, stack: str) -> dict[str, str]:
    """Return the outputs of a stack; raises InputError when there is none, else ControllerError."""
    found = described_stack(cloudformation, stack)
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def described_stack(cloudformation: Any, stack: str) -> Mapping[str, Any]:
    """Return a stack as it is described; raises InputError when there is none, else ControllerError.

    Source: CloudFormation API reference, DescribeStacks: a stack that does not exist is a ValidationError.
    """
    try:
        with aws_errors(f"CloudFormation in {cloudformation.meta.region_name}", {"ValidationError": MissingError}):
            (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except MissingError as missing:
        raise InputError(f"{missing}; check {_WHERE}") from None
    except (ControllerError, ResponseParserError) as error:
        kind = type(error) if isinstance(error, ControllerError) else ControllerError
        raise kind(f"{str(error).rstrip('.')}; --table and --control-function do without the stack") from error
    return cast(Mapping[str, Any], found)
