"""Notify, invoked by the table's stream."""

from typing import Any

from controller import bootstrap
from controller.handlers.entry_point import Event, entry_point
from controller.notify import tell
from controller.observability import count, logger


@entry_point
def on_transition(event: Event, _: Any) -> Event:
    """Tell the bus of every transition, and Lambda of those that could not be told."""
    stage = bootstrap.settings().stage
    failed = tell(
        bootstrap.ports(), event["Records"], stage, lambda error: logger.exception("not told", exc_info=error)
    )
    count("Notifications", len(event["Records"]) if not failed else 0)
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}
