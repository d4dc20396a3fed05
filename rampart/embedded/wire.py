"""One AWS API call and its answer, free of HTTP: what every service of the embedded AWS speaks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

ACCOUNT = "123456789012"
REGION = "eu-west-1"


@dataclass(frozen=True, slots=True)
class Call:
    """One API call, decoded to the botocore input shape of its operation."""

    service: str
    """botocore's name of the service, such as "lambda" or "stepfunctions"."""
    operation: str
    """The operation, such as "UpdateAlias"."""
    principal: str
    """The access key id that signed the call."""
    params: Mapping[str, Any]
    """The input members as botocore names them; blobs are bytes."""


class ApiError(Exception):
    """An error that an AWS service answers with; `code` is botocore's name of the error shape."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class Service(Protocol):
    """One AWS service of ours."""

    def handle(self, call: Call) -> dict[str, Any]:
        """Carry out one call and return the botocore output shape; raises ApiError."""
        ...
