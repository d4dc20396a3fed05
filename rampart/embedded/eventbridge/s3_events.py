"""S3's "Object Created" events, for buckets whose EventBridge notifications are on.

S3 user guide: EventBridge event message structure.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from rampart.embedded import moto_guard
from rampart.embedded.clock import Clock
from rampart.embedded.front import Operation
from rampart.embedded.wire import ACCOUNT, Call
from rampart.embedded.wire_format import Response

_REASONS = {
    "PutObject": "PutObject",
    "CopyObject": "CopyObject",
    "CompleteMultipartUpload": "CompleteMultipartUpload",
}


def _with_eventbridge(call: Call, response: Response) -> Response:
    """Show that a bucket's EventBridge notifications are on, which moto takes in and does not show.

    S3 API reference, GetBucketNotificationConfiguration: EventBridgeConfiguration is an empty element.
    """
    if not moto_guard.sends_to_eventbridge(call.params["Bucket"]):
        return response
    element, end = b"<EventBridgeConfiguration/>", b"</NotificationConfiguration>"
    body = response.body
    if end in body:
        body = body.replace(end, element + end)
    else:  # an empty element of its own
        body = b'<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' + element + end
    headers = tuple((name, value) for name, value in response.headers if name.lower() != "content-length")
    return Response(response.status, (*headers, ("Content-Length", str(len(body)))), body)


AMEND = {("s3", "GetBucketNotificationConfiguration"): _with_eventbridge}
"""What is put into S3's answers."""


class S3Events:
    """Tells EventBridge of every new object."""

    def __init__(self, clock: Clock, publish: Callable[[dict[str, Any]], object]) -> None:
        self._clock = clock
        self._publish = publish
        self._lock = threading.Lock()
        self._sequencer = 0

    @property
    def after(self) -> Mapping[Operation, Callable[[Call, Response], None]]:
        """Return the hooks that see S3's answers."""
        return {("s3", operation): self._created for operation in _REASONS}

    def _created(self, call: Call, response: Response) -> None:
        bucket, key = call.params["Bucket"], call.params["Key"]
        if not moto_guard.sends_to_eventbridge(bucket):
            return
        headers = {name.lower(): value for name, value in response.headers}
        stored = moto_guard.stored_object(bucket, key, headers.get("x-amz-version-id"))
        described: dict[str, Any] = {"key": key, "size": stored.size, "etag": stored.etag}
        if stored.version_id is not None:
            described["version-id"] = stored.version_id
        described["sequencer"] = self._next_sequencer()
        detail = {
            "version": "0",
            "bucket": {"name": bucket},
            "object": described,
            "request-id": headers.get("x-amz-request-id") or headers.get("x-amzn-requestid", ""),
            "requester": ACCOUNT,
            "source-ip-address": "127.0.0.1",
            "reason": _REASONS[call.operation],
        }
        self._publish(
            {
                "source": "aws.s3",
                "detail-type": "Object Created",
                "resources": [f"arn:aws:s3:::{bucket}"],
                "detail": detail,
            }
        )

    def _next_sequencer(self) -> str:
        """Return a hexadecimal number that is greater than every one before it."""
        with self._lock:
            self._sequencer = max(self._sequencer + 1, int(self._clock.now() * 1_000_000))
            return f"{self._sequencer:018X}"
