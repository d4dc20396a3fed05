"""CloudFormation as those ask it who look for outputs and parameters: DescribeStacks of one stack by its name."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rampart.embedded.clock import Clock
from rampart.embedded.cloudformation.deployer import Stack
from rampart.embedded.shapes import check
from rampart.embedded.wire import ACCOUNT, REGION, ApiError, Call


class CloudFormationModel:
    """The CloudFormation service of the embedded AWS; stacks are deployed by `deployer`."""

    def __init__(self, clock: Clock, stacks: Mapping[str, Stack]) -> None:
        """`stacks` are those that are deployed, by their names."""
        self._made_at = datetime.fromtimestamp(clock.now(), UTC)
        self._stacks = stacks

    def handle(self, call: Call) -> dict[str, Any]:
        """Carry out one call; what is not supported is an error."""
        if call.operation != "DescribeStacks":
            message = f"The embedded AWS does not support cloudformation:{call.operation}."
            raise ApiError("NotImplementedException", message, 501)
        check(call, frozenset({"StackName"}))
        name = call.params.get("StackName")
        stacks = [stack for stack in self._stacks.values() if name in (None, stack.name, _id(stack))]
        if name is not None and not stacks:
            # CloudFormation API: DescribeStacks, "If the stack doesn't exist, a ValidationError is returned."
            raise ApiError("ValidationError", f"Stack with id {name} does not exist")
        return {"Stacks": [self._described(stack) for stack in stacks]}

    def _described(self, stack: Stack) -> dict[str, Any]:
        return {
            "StackId": _id(stack),
            "StackName": stack.name,
            "CreationTime": self._made_at,
            "StackStatus": "CREATE_COMPLETE",
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value} for key, value in stack.parameters.items()
            ],
            "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in stack.outputs.items()],
        }


def _id(stack: Stack) -> str:
    return f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{stack.name}/embedded"
