"""How the stack's things are found, and who the operator is."""

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from controller.core.errors import ControllerError, DeniedError, InputError, UnavailableError
from rampart.cli import stack as stack_module
from rampart.cli.stack import Place, Stack, outputs_of

ACCOUNT = Place(stage="prod", region="eu-west-1")


def stubbed(service: str) -> tuple[Any, Stubber]:
    """Return a client that answers what its stubber is told."""
    client = boto3.client(service, region_name="eu-west-1")  # type: ignore[call-overload]
    stubber = Stubber(client)
    stubber.activate()
    return client, stubber


def described(**outputs: str) -> dict[str, Any]:
    """Return what CloudFormation says of a stack with these outputs."""
    listed = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    stack = {"StackName": "rampart-prod", "StackStatus": "CREATE_COMPLETE", "CreationTime": "2026-03-02T09:00:00Z"}
    return {"Stacks": [{**stack, "Outputs": listed}]}


def test_a_stack_is_named_after_its_stage_unless_it_is_named() -> None:
    assert (Place("prod").stack_name, Place("prod", stack="ramps").stack_name) == ("rampart-prod", "ramps")


def test_a_command_for_a_person_leads_to_the_same_place() -> None:
    assert Place("prod").aws_options == ""
    assert Place("prod", profile="our shop", region="eu-west-1").aws_options == (
        " --profile 'our shop' --region eu-west-1"
    )


def test_the_outputs_of_the_stack_say_where_its_things_are() -> None:
    client, stubber = stubbed("cloudformation")
    stubber.add_response("describe_stacks", described(TableName="t"), {"StackName": "rampart-prod"})
    assert outputs_of(client, "rampart-prod") == {"TableName": "t"}


def test_a_stack_that_is_not_there_is_the_operators_to_put_right() -> None:
    client, stubber = stubbed("cloudformation")
    stubber.add_client_error("describe_stacks", "ValidationError", "Stack with id rampart-prod does not exist", 400)
    with pytest.raises(InputError) as refused:
        outputs_of(client, "rampart-prod")
    assert str(refused.value) == (
        "CloudFormation in eu-west-1: Stack with id rampart-prod does not exist; "
        "check --stage, --stack, --region and --profile"
    )


def test_where_the_stack_may_not_be_read_its_things_may_be_named() -> None:
    client, stubber = stubbed("cloudformation")
    stubber.add_client_error("describe_stacks", "AccessDenied", "User: kim is not authorized", 403)
    with pytest.raises(DeniedError) as refused:
        outputs_of(client, "rampart-prod")
    denied, hint = str(refused.value).split("; ")
    assert denied == "CloudFormation in eu-west-1: User: kim is not authorized"
    assert hint == "--table and --control-function do without the stack"


def test_a_stack_of_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_module, "outputs_of", lambda client, name: {"BucketName": "b"})
    with pytest.raises(InputError, match=r"stack rampart-prod has no output TableName; check .*, or give --table"):
        _ = Stack(ACCOUNT).deployments


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("control: deployment d-1 is PROMOTED; there is nothing", "deployment d-1 is PROMOTED; there is nothing"),
        ("Task timed out after 50 seconds", "control function control: Task timed out after 50 seconds"),
    ],
)
def test_what_control_refuses_is_told_without_its_name_and_what_fails_with_it(
    monkeypatch: pytest.MonkeyPatch, said: str, told: str
) -> None:
    client, stubber = stubbed("lambda")
    answer = json.dumps({"errorMessage": said}).encode()
    payload = StreamingBody(io.BytesIO(answer), len(answer))
    stubber.add_response("invoke", {"FunctionError": "Unhandled", "Payload": payload})
    stack = Stack(dataclasses.replace(ACCOUNT, control_function="control"))
    monkeypatch.setattr(Stack, "client", lambda self, service: client)
    with pytest.raises(ControllerError) as failed:
        stack.ask("retry", "d-1", "kim", "it was the network")
    assert str(failed.value) == told


def test_a_shell_that_points_at_a_local_aws_that_has_ended_is_told_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("RAMPART_LOCAL", "http://127.0.0.1:1")
    stack, lost = Stack(ACCOUNT), UnavailableError("cannot connect")
    assert str(stack.explain(lost)).startswith(
        "the AWS of this machine that this shell points at (http://127.0.0.1:1) has ended; start one in another"
    )
    assert str(stack.explain(InputError("no such target"))) == "no such target"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:2")  # somebody else's
    assert stack.explain(lost) is lost
    monkeypatch.delenv("RAMPART_LOCAL")
    assert stack.ended() is None


def test_a_minute_takes_sixty_seconds_unless_the_environment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("RAMPART_MINUTE_SECONDS", raising=False)
    assert Stack(ACCOUNT).minute_seconds == 60
    monkeypatch.setenv("RAMPART_MINUTE_SECONDS", "2.5")
    assert Stack(ACCOUNT).minute_seconds == 2.5


@pytest.mark.parametrize("written", ["", "ten", "0", "-1", "nan", "inf"])
def test_a_minute_of_no_length_is_refused(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("RAMPART_MINUTE_SECONDS", written)
    with pytest.raises(InputError, match="RAMPART_MINUTE_SECONDS: write a number of seconds, not"):
        _ = Stack(ACCOUNT).minute_seconds


@pytest.mark.parametrize(
    ("arn", "who"),
    [
        ("arn:aws:iam::123456789012:user/ops/kim", "user/ops/kim"),
        (
            "arn:aws:sts::123456789012:assumed-role/Deployer/kim@example.com",
            "assumed-role/Deployer/kim@example.com",
        ),
    ],
)
def test_an_operator_is_who_aws_says(monkeypatch: pytest.MonkeyPatch, arn: str, who: str) -> None:
    client, stubber = stubbed("sts")
    stubber.add_response("get_caller_identity", {"Arn": arn, "Account": "123456789012", "UserId": "AID"})
    monkeypatch.setattr(Stack, "client", lambda self, service: client)
    assert Stack(ACCOUNT).caller() == who


def test_where_aws_does_not_say_it_is_the_user_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    client, stubber = stubbed("sts")
    stubber.add_client_error("get_caller_identity", "ServiceUnavailable", "no", 503)
    monkeypatch.setattr(Stack, "client", lambda self, service: client)
    monkeypatch.setenv("LOGNAME", "kim")
    assert Stack(ACCOUNT).caller() == "kim"
