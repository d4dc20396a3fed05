"""Executions on AWS Step Functions."""

from typing import TYPE_CHECKING

from controller.adapters.aws_errors import aws_errors
from controller.core.errors import ConflictError, MissingError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

# All three mean that nobody waits under the token any more.
_GONE = ("InvalidToken", "TaskTimedOut", "TaskDoesNotExist")


class StepFunctionsExecutions:
    """Executions of one state machine through a boto3 Step Functions client."""

    def __init__(self, client: "SFNClient", state_machine_arn: str) -> None:
        self._states = client
        self._state_machine_arn = state_machine_arn

    def start(self, name: str, request: str) -> bool:
        """Start one; False when one of that name was started before."""
        try:
            with aws_errors(f"starting execution {name}", {"ExecutionAlreadyExists": ConflictError}):
                self._states.start_execution(stateMachineArn=self._state_machine_arn, name=name, input=request)
        except ConflictError:
            return False
        return True

    def wake(self, token: str) -> bool:
        """End a bake now; False when it has ended already."""
        try:
            with aws_errors("waking a bake", dict.fromkeys(_GONE, MissingError)):
                self._states.send_task_success(taskToken=token, output="{}")
        except MissingError:
            return False
        return True

    def is_alive(self, execution_arn: str) -> bool:
        """Say whether an execution goes on, or may be redriven by itself; one that is forgotten does not."""
        try:
            with aws_errors(f"execution {execution_arn}", {"ExecutionDoesNotExist": MissingError}):
                found = self._states.describe_execution(executionArn=execution_arn)
        except MissingError:
            return False
        return found["status"] in ("RUNNING", "PENDING_REDRIVE")
