"""The owner that a caller of S3 expects a bucket to have, at which moto does not look.

S3 user guide: Verifying bucket ownership with bucket owner condition.
"""

from collections.abc import Callable, Mapping

from rampart.embedded.front import Operation
from rampart.embedded.wire import ACCOUNT, ApiError, Call
from rampart.embedded.wire_format import Request


def _check(call: Call, request: Request) -> Request:
    if call.params.get("ExpectedBucketOwner", ACCOUNT) != ACCOUNT:
        raise ApiError("AccessDenied", "Access Denied", 403)
    return request


BEFORE: Mapping[Operation, Callable[[Call, Request], Request]] = {
    ("s3", operation): _check for operation in ("GetObject", "HeadObject")
}
"""The hooks that see the requests."""
