"""What AWS's errors become, by what should happen next."""

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from controller.adapters.aws_errors import aws_errors, translated
from controller.core.errors import (
    ConflictError,
    ControllerError,
    DeniedError,
    MissingError,
    RefusedError,
    UnavailableError,
)


def aws_error(code: str, status: int = 400, message: str = "in AWS's words") -> ClientError:
    """Return an error as botocore raises it."""
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "Operation")


KINDS = [
    ("AccessDenied", 403, DeniedError),
    ("AccessDeniedException", 400, DeniedError),
    ("UnauthorizedOperation", 403, DeniedError),
    ("PreconditionFailedException", 412, ConflictError),
    ("ResourceConflictException", 409, ConflictError),
    ("ConditionalCheckFailedException", 400, ConflictError),
    ("ResourceNotFoundException", 404, MissingError),
    ("ParameterNotFound", 400, MissingError),
    ("NoSuchKey", 404, MissingError),
    ("InvalidParameterValueException", 400, RefusedError),
    ("CodeStorageExceededException", 400, RefusedError),
    ("CodeVerificationFailedException", 400, RefusedError),
    ("InvalidCodeSignatureException", 400, RefusedError),
    ("RequestTooLargeException", 413, RefusedError),
    ("TooManyRequestsException", 429, UnavailableError),
    ("Throttling", 400, UnavailableError),
    ("ThrottlingException", 400, UnavailableError),
    ("ThrottledException", 400, UnavailableError),
    ("RequestLimitExceeded", 503, UnavailableError),
    ("ProvisionedThroughputExceededException", 400, UnavailableError),
    ("TransactionConflictException", 400, UnavailableError),
    ("TransactionInProgressException", 400, UnavailableError),
    ("ServiceException", 500, UnavailableError),
    ("InternalFailure", 500, UnavailableError),
    ("NobodyKnowsException", 503, UnavailableError),
]


@pytest.mark.parametrize(("code", "status", "kind"), KINDS, ids=[code for code, _, _ in KINDS])
def test_an_error_becomes_the_kind_that_says_what_to_do(
    code: str, status: int, kind: type[ControllerError]
) -> None:
    assert type(translated(aws_error(code, status), "doing it")) is kind


@pytest.mark.parametrize("code", ["NobodyKnowsException", "ValidationException", "ExpiredTokenException"])
def test_an_error_that_is_not_known_is_none_that_is_tried_again(code: str) -> None:
    assert type(translated(aws_error(code, 400), "doing it")) is ControllerError


def test_the_text_says_what_we_did_and_what_aws_said() -> None:
    assert str(translated(aws_error("Throttling"), "reading alarms")) == "reading alarms: in AWS's words"


def test_the_code_stands_in_for_a_message_that_is_not_there() -> None:
    assert str(translated(aws_error("Throttling", message=""), "reading alarms")) == "reading alarms: Throttling"


def test_an_answer_without_code_and_status_is_still_an_error() -> None:
    bare: Any = {"Error": {}}
    assert type(translated(ClientError(bare, "Operation"), "doing it")) is ControllerError


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="https://lambda"),
        ConnectTimeoutError(endpoint_url="https://lambda"),
        ReadTimeoutError(endpoint_url="https://lambda"),
        NoCredentialsError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_answer_that_never_came_is_worth_another_try(error: Exception) -> None:
    with pytest.raises(UnavailableError, match="function shop") as raised, aws_errors("function shop"):
        raise error
    assert raised.value.__cause__ is error


def test_our_own_errors_pass_through() -> None:
    with pytest.raises(ConflictError, match="mine"), aws_errors("doing it"):
        raise ConflictError("mine")


def test_a_bug_is_not_dressed_up_as_an_answer_of_aws() -> None:
    with pytest.raises(KeyError), aws_errors("doing it"):
        raise KeyError("price")


def test_what_succeeds_is_left_alone() -> None:
    with aws_errors("doing it"):
        done = True
    assert done
