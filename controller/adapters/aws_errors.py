"""botocore's errors in the controller's words."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.parsers import ResponseParserError

from controller.core.errors import (
    ConflictError,
    ControllerError,
    DeniedError,
    MissingError,
    RefusedError,
    UnavailableError,
)

_BY_CODE: dict[str, type[ControllerError]] = {
    "AccessDenied": DeniedError,
    "AccessDeniedException": DeniedError,
    "UnauthorizedOperation": DeniedError,
    "PreconditionFailedException": ConflictError,
    "ResourceConflictException": ConflictError,
    "ConditionalCheckFailedException": ConflictError,
    "ResourceNotFoundException": MissingError,
    "ParameterNotFound": MissingError,
    "NoSuchKey": MissingError,
    "InvalidParameterValueException": RefusedError,
    "CodeStorageExceededException": RefusedError,
    "CodeVerificationFailedException": RefusedError,
    "InvalidCodeSignatureException": RefusedError,
    "RequestTooLargeException": RefusedError,
    "TooManyRequestsException": UnavailableError,
    "Throttling": UnavailableError,
    "ThrottlingException": UnavailableError,
    "ThrottledException": UnavailableError,
    "RequestLimitExceeded": UnavailableError,
    "ProvisionedThroughputExceededException": UnavailableError,
    "TransactionConflictException": UnavailableError,
    "TransactionInProgressException": UnavailableError,
}

_TOO_MANY_REQUESTS = 429


@contextmanager
def aws_errors(doing: str, meaning: Mapping[str, type[ControllerError]] | None = None) -> Iterator[None]:
    """Raise what botocore raises inside as one of the controller's errors, with what we were doing.

    `meaning` says what a code means for this call when it is not what it usually means.
    """
    try:
        yield
    except ClientError as error:
        raise translated(error, doing, meaning) from error
    except ParamValidationError as error:  # our own mistake; another try would make it again
        raise ControllerError(f"{doing}: {error}") from error
    except (BotoCoreError, ResponseParserError) as error:
        raise UnavailableError(f"{doing}: {error}") from error


def translated(
    error: ClientError, doing: str, meaning: Mapping[str, type[ControllerError]] | None = None
) -> ControllerError:
    """Return the controller's error for one of AWS's; an unknown server error is UnavailableError."""
    code = error.response["Error"].get("Code", "")
    message = error.response["Error"].get("Message", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    passing = status >= 500 or status == _TOO_MANY_REQUESTS
    usual = _BY_CODE.get(code, UnavailableError if passing else ControllerError)
    kind = (meaning or {}).get(code, usual)
    return kind(f"{doing}: {message or code}")
