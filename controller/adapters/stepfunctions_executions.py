"""Executions on AWS Step Functions."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from controller.adapters.aws_errors import translated

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

_GONE = {"InvalidToken", "TaskTimedOut", "TaskDoesNotExist"}


class StepFunctionsExecutions:
    """Executions of one state machine through a boto3 Step Functions client."""

    def __init__(self, client: "SFNClient", state_machine_arn: str) -> None:
        self._states = client
        self._state_machine_arn = state_machine_arn

    def start(self, name: str, request: str) -> bool:
        """Start one; False when one of that name was started before."""
        try:
            self._states.start_execution(stateMachineArn=self._state_machine_arn, name=name, input=request)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ExecutionAlreadyExists":
                return False
            raise translated(error, f"starting execution {name}") from error
        return True

    def wake(self, token: str) -> bool:
        """End a bake now; False when it has ended already."""
        try:
            self._states.send_task_success(taskToken=token, output="{}")
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise translated(error, "waking a bake") from error
            return False
        return True
