"""Test events in SSM parameters, and the shareable ones that the Lambda console keeps as EventBridge schemas."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from controller.adapters.aws_errors import aws_errors
from controller.core.errors import DeniedError, MissingError

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

# Lambda developer guide, "Testing Lambda functions in the console": where shareable test events are kept.
REGISTRY = "lambda-testevent-schemas"
_MEANING = {
    "NotFoundException": MissingError,
    "ForbiddenException": DeniedError,
    "UnauthorizedException": DeniedError,
}


class AwsStoredEvents:
    """Test events through clients of SSM and of EventBridge's schema registry, each made when it is needed."""

    def __init__(self, ssm: "Callable[[], SSMClient]", schemas: Callable[[], Any], path: str) -> None:
        """`path` ends with a slash."""
        self._ssm = ssm
        self._schemas = schemas
        self._path = path

    def parameter(self, name: str) -> str:
        """Return the text of a parameter of test events; raises MissingError."""
        where = self._path + name
        try:
            with aws_errors(f"test events {name}"):
                return self._ssm().get_parameter(Name=where)["Parameter"]["Value"]
        except MissingError:
            raise MissingError(f"there is no SSM parameter {where}, which is to hold the test events") from None

    def shareable(self, function: str) -> str | None:
        """Return the document that holds the shareable test events of a function; None when it has none."""
        try:
            with aws_errors(f"shareable test events of {function}", _MEANING):
                found = self._schemas().describe_schema(RegistryName=REGISTRY, SchemaName=f"_{function}-schema")
        except MissingError:
            return None
        return str(found["Content"])
