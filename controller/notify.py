"""Notify: each transition, read from the table's stream, is told on the bus, and then taken off the outbox."""

from collections.abc import Callable, Iterable
from typing import Any

from controller.adapters.dynamodb_items import event_of_item, from_dynamodb
from controller.core.deployment import Event
from controller.core.notification import notification
from controller.ports import Ports
from controller.tasks.hooks import start_hooks_after
from controller.tasks.waiting import wake_others


def tell(
    ports: Ports,
    records: Iterable[dict[str, Any]],
    stage: str,
    on_error: Callable[[Exception], None],
    on_told: Callable[[Event], None] = lambda _: None,
) -> list[str]:
    """Tell the bus of every event in the stream's records, and wake the executions that it concerns.

    Return the sequence number of the first record that failed, if one did.

    The order of a deployment's events is kept: nothing after a failed record is told before it.
    """
    for record in records:
        try:
            event = event_of_item(from_dynamodb(record["dynamodb"]["NewImage"]))
            ports.bus.send(notification(event, stage))
            start_hooks_after(ports, event, stage)
            ports.deployments.sent(event)
            wake_others(ports, event)
            on_told(event)
        except Exception as error:  # noqa: BLE001 - the stream must hear which record to repeat, whatever failed
            on_error(error)
            return [record["dynamodb"]["SequenceNumber"]]
    return []
