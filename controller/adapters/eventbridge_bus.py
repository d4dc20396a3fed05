"""The bus that teams listen to, on Amazon EventBridge."""

import json
from typing import TYPE_CHECKING, Any

from controller.adapters.aws_errors import aws_errors
from controller.core.errors import UnavailableError
from controller.core.notification import DETAIL_TYPE, SOURCE

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient


class EventBridgeBus:
    """A bus through a boto3 EventBridge client."""

    def __init__(self, client: "EventBridgeClient", bus_name: str) -> None:
        self._events = client
        self._bus_name = bus_name

    def send(self, detail: dict[str, Any]) -> None:
        """Put one notification on the bus; raises UnavailableError."""
        with aws_errors(f"bus {self._bus_name}"):
            answer = self._events.put_events(
                Entries=[
                    {
                        "Source": SOURCE,
                        "DetailType": DETAIL_TYPE,
                        "Detail": json.dumps(detail),
                        "EventBusName": self._bus_name,
                    }
                ]
            )
        if answer["FailedEntryCount"]:  # the call itself succeeds all the same
            entry = answer["Entries"][0]
            raise UnavailableError(f"bus {self._bus_name}: {entry.get('ErrorCode')}: {entry.get('ErrorMessage')}")
