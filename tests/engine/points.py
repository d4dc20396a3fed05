"""Every call through a port that stands for AWS is a point: before and after it, something may go wrong."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from botocore.exceptions import ClientError

from controller.adapters.aws_errors import aws_errors
from controller.core.artifact import ImageArtifact
from controller.ports import Artifacts, Bus, Deployments, Line, StoredEvents, Targets
from rampart.embedded.wire import ApiError

Point = Callable[[str, str], None]
"""Is called with an operation and "before" or "after"; what it raises, the caller of AWS sees.

Both moments of a call have the same operation, which is no other call's.
"""

P = TypeVar("P")


class Operation(str):
    """The name of an operation, made anew for each call, so that a call is told from others of its name."""

    __slots__ = ()


OPERATIONS: dict[type, dict[str, str]] = {
    Artifacts: {
        "find": "HeadObject",
        "read": "GetObject",
        "current": "HeadObject",
        "manifest": "BatchGetImage",
        "config": "GetDownloadUrlForLayer",
        "clean_up": "GetLifecyclePolicy",
        "scan": "DescribeImageScanFindings",
    },
    Targets: {"read": "GetParameter", "all": "GetParametersByPath"},
    Deployments: {
        "find": "GetItem",
        "open": "TransactWriteItems",
        "save": "TransactWriteItems",
        "close": "TransactWriteItems",
        "undo": "TransactWriteItems",
        "register_token": "UpdateItem",
        "mark": "UpdateItem",
        "answer": "UpdateItem",
        "claim": "GetItem",
        "live": "GetItem",
        "newest": "GetItem",
        "tried": "GetItem",
        "watching": "Query",
        "unfinished": "Query",
        "unsent": "Query",
        "history": "Query",
        "events": "Query",
        "sent": "UpdateItem",
    },
    StoredEvents: {"parameter": "GetParameter", "shareable": "DescribeSchema"},
    Line: {"stopped": "GetItem", "last": "GetItem", "stop": "PutItem", "release": "UpdateItem"},
    Bus: {"send": "PutEvents"},
}
"""The one operation by which AWS carries out each call of a port that the engine holds in memory."""


class _Tapped:
    """Stands before a port in memory. Whatever is no call of the port goes straight through."""

    def __init__(self, port: Any, protocol: type, point: Point) -> None:
        self._port = port
        calls = {name for name in vars(protocol) if not name.startswith("_")}
        assert calls == OPERATIONS[protocol].keys(), f"{protocol.__name__}: {calls ^ OPERATIONS[protocol].keys()}"
        for name, operation in OPERATIONS[protocol].items():
            setattr(self, name, _tapped(getattr(port, name), operation, point))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)


def tapped(port: P, protocol: type, point: Point) -> P:
    """Return a port of which every call is a point, and fails as its adapter would let it fail."""
    return cast(P, _Tapped(port, protocol, point))


def _tapped(call: Callable[..., Any], operation: str, point: Point) -> Callable[..., Any]:
    def carry_out(*arguments: Any, **named: Any) -> Any:
        is_image = operation == "HeadObject" and isinstance(arguments[0], ImageArtifact)
        this = Operation("DescribeImages" if is_image else operation)
        with aws_errors(this):
            signalled(this, "before", point)
        answer = call(*arguments, **named)
        with aws_errors(this):
            signalled(this, "after", point)
        return answer

    return carry_out


def signalled(operation: Operation, moment: str, point: Point) -> None:
    """Come to a point; raises what a boto3 client raises when AWS answers with an error there."""
    try:
        point(operation, moment)
    except ApiError as error:
        raise client_error(error, operation) from error


def client_error(error: ApiError, operation: str) -> ClientError:
    """Return an error of AWS as a boto3 client raises it."""
    response = {
        "Error": {"Code": error.code, "Message": error.message},
        "ResponseMetadata": {"HTTPStatusCode": error.status},
    }
    return ClientError(response, operation)  # type: ignore[arg-type]
