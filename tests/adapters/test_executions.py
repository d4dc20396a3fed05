"""Executions, the port: starting by a name once, and ending bakes that may have ended already."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from controller.adapters.stepfunctions_executions import StepFunctionsExecutions
from controller.core.errors import DeniedError, UnavailableError
from rampart.embedded.aws import EmbeddedAws
from tests.adapters.clients import refusing, restricted
from tests.engine.memory import MemoryExecutions

ROLE = "arn:aws:iam::123456789012:role/machine"


def machine(aws: EmbeddedAws, name: str, *, waits: bool = False) -> str:
    """Make a state machine that ends at once, or at a callback whose token it sends to a queue of its name."""
    states: dict[str, Any] = {"Done": {"Type": "Succeed"}}
    if waits:
        url = aws.client("sqs").create_queue(QueueName=name)["QueueUrl"]
        statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
        aws.states_role(name, [{"Version": "2012-10-17", "Statement": [statement]}])
        states["Bake"] = {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {"QueueUrl": url, "MessageBody.$": "$$.Task.Token"},
            "Next": "Tell",
        }
        states["Tell"] = {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage",
            "Parameters": {"QueueUrl": url, "MessageBody.$": "States.JsonToString($)"},
            "Next": "Done",
        }
    definition = {"StartAt": "Bake" if waits else "Done", "States": states}
    created = aws.client("stepfunctions").create_state_machine(
        name=name, definition=json.dumps(definition), roleArn=ROLE
    )
    return str(created["stateMachineArn"])


def next_message(aws: EmbeddedAws, queue: str) -> str:
    """Wait for a queue's next message and return its text."""
    client = aws.client("sqs")
    url = client.get_queue_url(QueueName=queue)["QueueUrl"]
    (message,) = client.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return str(message["Body"])


@pytest.fixture
def executions(aws: EmbeddedAws, fresh: Callable[[str], str]) -> StepFunctionsExecutions:
    """Return the executions of a machine that ends at once."""
    return StepFunctionsExecutions(aws.client("stepfunctions"), machine(aws, fresh("machine")))


def test_an_execution_is_started_by_its_name_with_its_request(
    aws: EmbeddedAws, fresh: Callable[[str], str]
) -> None:
    arn = machine(aws, fresh("machine"))
    assert StepFunctionsExecutions(aws.client("stepfunctions"), arn).start("orders-abc-1", '{"target":"orders"}')
    (execution,) = aws.client("stepfunctions").list_executions(stateMachineArn=arn)["executions"]
    described = aws.client("stepfunctions").describe_execution(executionArn=execution["executionArn"])
    assert (described["name"], described["input"]) == ("orders-abc-1", '{"target":"orders"}')


@pytest.mark.parametrize("implementation", ["memory", "stepfunctions"])
def test_a_name_that_was_used_with_another_request_starts_nothing(
    executions: StepFunctionsExecutions, implementation: str
) -> None:
    tried = MemoryExecutions() if implementation == "memory" else executions
    assert tried.start("orders-abc-1", '{"event_id":"1"}')
    assert not tried.start("orders-abc-1", '{"event_id":"2"}')
    assert tried.start("orders-abc-2", '{"event_id":"2"}')


def test_a_name_that_aws_says_exists_starts_nothing(aws: EmbeddedAws) -> None:
    client = refusing(aws, "stepfunctions", "start_execution", "ExecutionAlreadyExists")
    assert not StepFunctionsExecutions(client, "arn").start("orders-abc-1", "{}")


def test_the_same_request_again_while_the_first_still_runs_finds_that_one(
    aws: EmbeddedAws, fresh: Callable[[str], str]
) -> None:
    name = fresh("machine")
    arn = machine(aws, name, waits=True)
    executions = StepFunctionsExecutions(aws.client("stepfunctions"), arn)
    assert executions.start("orders-abc-1", "{}")
    assert executions.start("orders-abc-1", "{}")
    assert len(aws.client("stepfunctions").list_executions(stateMachineArn=arn)["executions"]) == 1


def test_starting_that_failed_for_now_is_worth_another_try(aws: EmbeddedAws) -> None:
    client = refusing(aws, "stepfunctions", "start_execution", "ThrottlingException")
    with pytest.raises(UnavailableError, match="starting execution orders-abc-1"):
        StepFunctionsExecutions(client, "arn").start("orders-abc-1", "{}")


def test_waking_ends_the_bake_and_the_execution_goes_on(aws: EmbeddedAws, fresh: Callable[[str], str]) -> None:
    name = fresh("machine")
    executions = StepFunctionsExecutions(aws.client("stepfunctions"), machine(aws, name, waits=True))
    executions.start("bake", "{}")
    token = next_message(aws, name)
    executions.wake(token)
    assert next_message(aws, name) == "{}"
    executions.wake(token)


@pytest.mark.parametrize("code", ["InvalidToken", "TaskTimedOut", "TaskDoesNotExist"])
def test_waking_a_bake_that_has_ended_does_nothing(aws: EmbeddedAws, code: str) -> None:
    client = refusing(aws, "stepfunctions", "send_task_success", code)
    StepFunctionsExecutions(client, "arn").wake("token")


def test_waking_a_token_nobody_ever_gave_out_does_nothing(executions: StepFunctionsExecutions) -> None:
    executions.wake("no such token")


def test_waking_that_failed_for_now_is_worth_another_try(aws: EmbeddedAws) -> None:
    client = refusing(aws, "stepfunctions", "send_task_success", "ThrottlingException")
    with pytest.raises(UnavailableError, match="waking a bake"):
        StepFunctionsExecutions(client, "arn").wake("token")


def test_a_missing_permission_is_said(aws: EmbeddedAws, fresh: Callable[[str], str]) -> None:
    limited = StepFunctionsExecutions(
        restricted(aws, "stepfunctions", fresh("role")), machine(aws, fresh("machine"))
    )
    with pytest.raises(DeniedError, match="states:StartExecution"):
        limited.start("orders-abc-1", "{}")


def test_an_execution_is_alive_until_it_has_ended(aws: EmbeddedAws, fresh: Callable[[str], str]) -> None:
    name = fresh("machine")
    executions = StepFunctionsExecutions(aws.client("stepfunctions"), machine(aws, name, waits=True))
    executions.start("bake", "{}")
    arn = f"arn:aws:states:eu-west-1:123456789012:execution:{name}:bake"
    assert executions.is_alive(arn)
    executions.wake(next_message(aws, name))
    next_message(aws, name)
    aws.client("stepfunctions").stop_execution(executionArn=arn)
    assert not executions.is_alive(arn)


def test_an_execution_that_is_forgotten_is_not_alive(aws: EmbeddedAws) -> None:
    client = refusing(aws, "stepfunctions", "describe_execution", "ExecutionDoesNotExist")
    assert not StepFunctionsExecutions(client, "arn").is_alive("arn")


def test_an_execution_that_cannot_be_asked_after_is_not_taken_for_dead(aws: EmbeddedAws) -> None:
    client = refusing(aws, "stepfunctions", "describe_execution", "ThrottlingException")
    with pytest.raises(UnavailableError):
        StepFunctionsExecutions(client, "arn").is_alive("arn")
