"""The sample stack on the real embedded AWS."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.cloudformation.deployer import remove

SAMPLE = Path(__file__).parent / "templates" / "sample.yaml"


def test_a_deployed_rule_starts_the_machine_which_runs_the_function_with_its_own_rights() -> None:
    with EmbeddedAws(60.0, runner="in_process") as aws:
        stack = aws.deploy(SAMPLE, "app", {"Stage": "dev"})
        question = {"Source": "questions", "DetailType": "Question", "Detail": json.dumps({"name": "Ada"})}
        aws.client("events").put_events(Entries=[{**question, "EventBusName": stack.resources["Bus"]}])
        assert aws.wait_until_idle(10)
        execution = _ended_execution(aws.client("stepfunctions"), stack.outputs["MachineArn"])
        assert execution["status"] == "SUCCEEDED"
        assert json.loads(execution["output"]) == {"greeting": "hello Ada"}
        assert aws.authoriser.denials == []

        table = aws.client("dynamodb").describe_table(TableName=stack.outputs["TableName"])["Table"]
        assert table["StreamSpecification"]["StreamViewType"] == "NEW_IMAGE"
        alias = aws.client("lambda").get_alias(FunctionName=stack.resources["Greeter"], Name="live")
        assert alias["FunctionVersion"] == "1"

        cloudformation = aws.client("cloudformation")
        (described,) = cloudformation.describe_stacks(StackName="app")["Stacks"]
        assert {each["OutputKey"]: each["OutputValue"] for each in described["Outputs"]} == stack.outputs
        assert (described["StackName"], described["StackStatus"]) == ("app", "CREATE_COMPLETE")
        assert cloudformation.describe_stacks(StackName=described["StackId"])["Stacks"] == [described]

        remove(stack)
        with pytest.raises(ClientError, match=r"\(ValidationError\).*: Stack with id app does not exist"):
            cloudformation.describe_stacks(StackName="app")
        with pytest.raises(ClientError, match="does not support cloudformation:DeleteStack"):
            cloudformation.delete_stack(StackName="app")
        assert cloudformation.describe_stacks()["Stacks"] == []
        assert aws.client("lambda").list_functions()["Functions"] == []
        assert aws.client("dynamodb").list_tables()["TableNames"] == []
        assert aws.client("s3").list_buckets()["Buckets"] == []
        assert aws.client("iam").list_roles()["Roles"] == []


def _ended_execution(states: Any, machine: str) -> dict[str, Any]:
    """Return the machine's only execution once it has ended; asks a bounded number of times."""
    (execution,) = states.list_executions(stateMachineArn=machine)["executions"]
    for _ in range(3000):
        found: dict[str, Any] = states.describe_execution(executionArn=execution["executionArn"])
        if found["status"] != "RUNNING":
            return found
    raise AssertionError("the execution is still running")
