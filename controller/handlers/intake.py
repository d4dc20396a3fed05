"""Intake, invoked by EventBridge with the event of a zip or an image."""

from typing import Any

from controller import bootstrap
from controller.handlers.entry_point import Event, entry_point
from controller.intake import take_in
from controller.observability import count, failures_told, logger


@entry_point
def on_artifact(event: Event, _: Any) -> None:
    """Start what the event asks for; what is raised reaches the dead-letter queue with its reason."""
    with failures_told():
        taken = take_in(bootstrap.ports(), event)
    for fault in taken.unreadable:
        count("UnreadableTargets")
        logger.error("target cannot be read", reason=fault)
    count("StartedDeployments", len(taken.started))
    count("DuplicateEvents", len(taken.known))
    if not taken.started and not taken.known:
        count("UnmatchedEvents")
    logger.info("artifact taken in", artifact=taken.artifact, started=taken.started, known=taken.known)
