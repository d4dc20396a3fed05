"""Notify, invoked by the table's stream."""

from typing import Any

from controller import bootstrap
from controller.core.deployment import SECONDS_TO_ROLL_BACK, Transition
from controller.core.deployment import Event as Happened
from controller.handlers.entry_point import Event, entry_point
from controller.notify import tell
from controller.observability import count, logger, record_seconds


def told(event: Happened) -> None:
    """Log a transition that was told, and count each end of a deployment by its status."""
    logger.info(
        "told",
        deployment_id=event.deployment_id,
        target=event.target,
        transition=event.transition.value,
        status=event.status.value,
        reason=event.reason,
    )
    if event.transition is Transition.ENDED:
        count(event.status.value)
        if SECONDS_TO_ROLL_BACK in event.evidence:
            record_seconds("SecondsToRollBack", float(event.evidence[SECONDS_TO_ROLL_BACK]))


@entry_point
def on_transition(event: Event, _: Any) -> Event:
    """Tell the bus of every transition, and Lambda of those that could not be told."""
    stage = bootstrap.settings().stage
    failed = tell(
        bootstrap.ports(),
        event["Records"],
        stage,
        on_error=lambda error: logger.exception("not told", exc_info=error),
        on_told=told,
    )
    count("Notifications", len(event["Records"]) if not failed else 0)
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}
