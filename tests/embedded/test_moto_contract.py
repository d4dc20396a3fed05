"""What we rely on moto for, so that an upgrade of moto cannot take it away unseen."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rampart.embedded.aws import EmbeddedAws
from tests.embedded.embedded_account import (
    Eventually,
    allow,
    make_function,
    make_queue,
    make_state_machine,
    make_table,
)

LAMBDA = "arn:aws:states:::lambda:invoke"
PRINT_TOKEN = "def handler(event, context): print(event['token'])"
SAY = "def handler(event, context): return event"
FAIL = """
class NotReadyError(Exception): pass
def handler(event, context): raise NotReadyError('not yet')
"""


def start(aws: EmbeddedAws, states: dict[str, Any], document: dict[str, Any] | None = None, **top: Any) -> str:
    """Start an execution of a machine that begins with its first state, with the right to everything."""
    aws.states_role("machine-role", [allow("*")])
    machine = make_state_machine(aws, "machine", {"StartAt": next(iter(states)), "States": states, **top})
    answer = aws.client("stepfunctions").start_execution(
        stateMachineArn=machine, name="one", input=json.dumps(document or {})
    )
    return str(answer["executionArn"])


def end_of(aws: EmbeddedAws, eventually: Eventually, execution: str) -> dict[str, Any]:
    """Wait for an execution's end and return its description."""
    client = aws.client("stepfunctions")
    eventually(lambda: client.describe_execution(executionArn=execution)["status"] != "RUNNING")
    return dict(client.describe_execution(executionArn=execution))


def output_of(aws: EmbeddedAws, eventually: Eventually, execution: str) -> Any:
    described = end_of(aws, eventually, execution)
    assert described["status"] == "SUCCEEDED", described
    return json.loads(described["output"])


def ask(function: str, **members: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": LAMBDA + ".waitForTaskToken",
        "Parameters": {"FunctionName": function, "Payload": {"token.$": "$$.Task.Token"}},
        "End": True,
        **members,
    }


def token_of(aws: EmbeddedAws, eventually: Eventually) -> str:
    eventually(lambda: aws.logs("ask"))
    return aws.logs("ask")[0]


def test_a_callback_that_times_out_by_its_path_is_caught_and_the_input_kept(
    aws: EmbeddedAws, eventually: Eventually
) -> None:
    make_function(aws, "ask", PRINT_TOKEN)
    catch = [{"ErrorEquals": ["States.Timeout"], "ResultPath": "$.timeout", "Next": "Judge"}]
    bake = ask("ask", TimeoutSecondsPath="$.look_seconds", Catch=catch)
    execution = start(aws, {"Bake": bake, "Judge": {"Type": "Pass", "End": True}}, {"look_seconds": 1})
    output = output_of(aws, eventually, execution)
    assert output["look_seconds"] == 1
    assert output["timeout"]["Error"] == "States.Timeout"


def test_a_task_token_wakes_its_execution_with_an_output(aws: EmbeddedAws, eventually: Eventually) -> None:
    make_function(aws, "ask", PRINT_TOKEN)
    bake = ask("ask", TimeoutSeconds=60, ResultPath="$.answer")
    execution = start(aws, {"Bake": bake}, {"kept": 1})
    token = token_of(aws, eventually)
    aws.client("stepfunctions").send_task_success(taskToken=token, output='{"mark": "abort"}')
    assert output_of(aws, eventually, execution) == {"kept": 1, "answer": {"mark": "abort"}}
    with pytest.raises(ClientError):
        aws.client("stepfunctions").send_task_success(taskToken=token, output="{}")


def test_a_task_token_fails_its_task_with_an_error_that_is_caught(aws: EmbeddedAws, eventually: Eventually) -> None:
    make_function(aws, "ask", PRINT_TOKEN)
    catch = [{"ErrorEquals": ["Refused"], "ResultPath": "$.error", "Next": "End"}]
    execution = start(aws, {"Bake": ask("ask", Catch=catch), "End": {"Type": "Succeed"}})
    aws.client("stepfunctions").send_task_failure(taskToken=token_of(aws, eventually), error="Refused", cause="c")
    assert output_of(aws, eventually, execution)["error"]["Error"] == "Refused"


def test_an_execution_is_woken_although_another_has_just_begun(aws: EmbeddedAws, eventually: Eventually) -> None:
    make_function(aws, "ask", PRINT_TOKEN)
    # A definition that takes a while to read: until it is read, moto fails whoever sends a token.
    long: dict[str, Any] = {f"P{number}": {"Type": "Pass", "Next": f"P{number + 1}"} for number in range(100)}
    long["P100"] = {"Type": "Succeed"}
    other = make_state_machine(aws, "other", {"StartAt": "P0", "States": long})
    execution = start(aws, {"Bake": ask("ask", TimeoutSeconds=60)})
    token = token_of(aws, eventually)
    client = aws.client("stepfunctions")
    client.start_execution(stateMachineArn=other)
    client.send_task_success(taskToken=token, output="{}")
    assert output_of(aws, eventually, execution) == {}


def test_a_stopped_callback_is_aborted_at_once(aws: EmbeddedAws, eventually: Eventually) -> None:
    make_function(aws, "ask", PRINT_TOKEN)
    execution = start(aws, {"Bake": ask("ask")})
    token_of(aws, eventually)
    client = aws.client("stepfunctions")
    client.stop_execution(executionArn=execution, cause="enough")
    described = client.describe_execution(executionArn=execution)
    assert (described["status"], described["cause"]) == ("ABORTED", "enough")


def test_a_custom_error_is_retried_counted_and_caught(aws: EmbeddedAws, eventually: Eventually) -> None:
    make_function(aws, "fails", FAIL)
    task = {
        "Type": "Task",
        "Resource": LAMBDA,
        "Parameters": {"FunctionName": "fails", "Payload": {"attempt.$": "$$.State.RetryCount"}},
        "Retry": [{"ErrorEquals": ["NotReadyError"], "IntervalSeconds": 1, "MaxAttempts": 1}],
        "Catch": [{"ErrorEquals": ["NotReadyError"], "ResultPath": "$.error", "Next": "End"}],
        "End": True,
    }
    execution = start(aws, {"Publish": task, "End": {"Type": "Succeed"}}, {"kept": 1})
    output = output_of(aws, eventually, execution)
    assert (output["kept"], output["error"]["Error"]) == (1, "NotReadyError")
    assert json.loads(output["error"]["Cause"])["errorMessage"] == "not yet"
    history = aws.client("stepfunctions").get_execution_history(executionArn=execution)["events"]
    payloads = [
        json.loads(each["taskScheduledEventDetails"]["parameters"])["Payload"]
        for each in history
        if each["type"] == "TaskScheduled"
    ]
    assert [each["attempt"] if isinstance(each, dict) else json.loads(each)["attempt"] for each in payloads] == [
        0,
        1,
    ]


def test_an_error_of_lambda_itself_has_the_name_that_aws_gives_it(aws: EmbeddedAws, eventually: Eventually) -> None:
    task = {"Type": "Task", "Resource": LAMBDA, "Parameters": {"FunctionName": "missing"}, "End": True}
    described = end_of(aws, eventually, start(aws, {"Publish": task}))
    assert (described["status"], described["error"]) == ("FAILED", "Lambda.ResourceNotFoundException")


def test_a_fail_state_says_why_by_its_paths(aws: EmbeddedAws, eventually: Eventually) -> None:
    fail = {"Type": "Fail", "ErrorPath": "$.error", "CausePath": "$.cause"}
    described = end_of(aws, eventually, start(aws, {"F": fail}, {"error": "RolledBack", "cause": "errors rose"}))
    assert (described["status"], described["error"], described["cause"]) == ("FAILED", "RolledBack", "errors rose")


def test_the_context_object_knows_the_execution(aws: EmbeddedAws, eventually: Eventually) -> None:
    parameters = {"input.$": "$$.Execution.Input", "name.$": "$$.Execution.Name", "id.$": "$$.Execution.Id"}
    execution = start(aws, {"P": {"Type": "Pass", "Parameters": parameters, "End": True}}, {"a": 1})
    assert output_of(aws, eventually, execution) == {"input": {"a": 1}, "name": "one", "id": execution}


def test_a_choice_takes_its_default_for_what_it_does_not_know(aws: EmbeddedAws, eventually: Eventually) -> None:
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.decision", "StringEquals": "PROMOTE", "Next": "Promote"}],
        "Default": "RollBack",
    }
    ends = {name: {"Type": "Pass", "Result": {"end": name}, "End": True} for name in ("Promote", "RollBack")}
    assert output_of(aws, eventually, start(aws, {"Decide": choice, **ends}, {"decision": "??"})) == {
        "end": "RollBack"
    }


def test_an_alias_is_invoked_and_the_version_that_ran_is_in_the_result(
    aws: EmbeddedAws, eventually: Eventually
) -> None:
    function = make_function(aws, "say", SAY)
    client = aws.client("lambda")
    client.publish_version(FunctionName="say")
    client.get_waiter("published_version_active").wait(
        FunctionName="say", Qualifier="1", WaiterConfig={"Delay": 0.01}
    )
    client.create_alias(FunctionName="say", Name="live", FunctionVersion="1")
    task = {
        "Type": "Task",
        "Resource": LAMBDA,
        "Parameters": {"FunctionName": function + ":live", "Payload.$": "$"},
        "ResultSelector": {"payload.$": "$.Payload", "version.$": "$.ExecutedVersion"},
        "End": True,
    }
    output = output_of(aws, eventually, start(aws, {"Verify": task}, {"a": 1}))
    assert output == {"payload": {"a": 1}, "version": "1"}


def test_dynamodb_and_events_are_called_with_the_role_of_the_state_machine(
    aws: EmbeddedAws, eventually: Eventually
) -> None:
    make_table(aws, "table")
    update = {
        "Type": "Task",
        "Resource": "arn:aws:states:::dynamodb:updateItem",
        "Parameters": {
            "TableName": "table",
            "Key": {"pk": {"S": "a"}},
            "UpdateExpression": "SET #s = :s",
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeNames": {"#s": "status"},
            "ExpressionAttributeValues": {":s": {"S": "DONE"}},
        },
        "Catch": [
            {"ErrorEquals": ["DynamoDB.ConditionalCheckFailedException"], "ResultPath": "$.e", "Next": "Tell"}
        ],
        "Next": "Tell",
    }
    entry = {"Source": "shop", "DetailType": "Sold", "Detail": {"a": 1}}
    tell = {
        "Type": "Task",
        "Resource": "arn:aws:states:::events:putEvents",
        "Parameters": {"Entries": [entry]},
        "End": True,
    }
    output = output_of(aws, eventually, start(aws, {"Update": update, "Tell": tell}))
    assert output["FailedEntryCount"] == 0
    actions = {use.action for use in aws.authoriser.used if use.role == "machine-role"}
    assert actions == {"dynamodb:UpdateItem", "events:PutEvents"}


def test_what_the_role_of_the_state_machine_does_not_allow_fails_the_task(
    aws: EmbeddedAws, eventually: Eventually
) -> None:
    make_function(aws, "say", SAY)
    task = {"Type": "Task", "Resource": LAMBDA, "Parameters": {"FunctionName": "say"}, "End": True}
    aws.states_role("machine-role", [allow("lambda:GetFunction")])
    machine = make_state_machine(aws, "machine", {"StartAt": "T", "States": {"T": task}})
    execution = aws.client("stepfunctions").start_execution(stateMachineArn=machine)["executionArn"]
    assert end_of(aws, eventually, execution)["error"] == "Lambda.AccessDeniedException"


def test_a_name_is_taken_for_good_and_repeated_while_it_runs(aws: EmbeddedAws, eventually: Eventually) -> None:
    execution = start(aws, {"P": {"Type": "Wait", "Seconds": 1, "End": True}})
    machine = execution.replace(":execution:", ":stateMachine:").rpartition(":")[0]
    client = aws.client("stepfunctions")
    assert client.start_execution(stateMachineArn=machine, name="one", input="{}")["executionArn"] == execution
    with pytest.raises(client.exceptions.ExecutionAlreadyExists):
        client.start_execution(stateMachineArn=machine, name="one", input='{"a": 1}')
    end_of(aws, eventually, execution)
    with pytest.raises(client.exceptions.ExecutionAlreadyExists):
        client.start_execution(stateMachineArn=machine, name="one", input="{}")


def test_the_time_limit_of_a_state_machine_ends_it(aws: EmbeddedAws, eventually: Eventually) -> None:
    execution = start(aws, {"W": {"Type": "Wait", "Seconds": 60, "End": True}}, TimeoutSeconds=1)
    assert end_of(aws, eventually, execution)["status"] == "TIMED_OUT"


def test_a_message_with_a_token_reaches_its_queue(aws: EmbeddedAws, eventually: Eventually) -> None:
    url, _ = make_queue(aws, "queue")
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": url, "MessageBody": {"token.$": "$$.Task.Token"}},
        "End": True,
    }
    execution = start(aws, {"Ask": task})
    received = aws.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    token = json.loads(received[0]["Body"])["token"]
    aws.client("stepfunctions").send_task_success(taskToken=token, output='{"a": 1}')
    assert output_of(aws, eventually, execution) == {"a": 1}
