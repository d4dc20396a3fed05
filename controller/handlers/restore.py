"""Restore, invoked by EventBridge when an execution failed, timed out or was stopped."""

from typing import Any

from controller.handlers.entry_point import Event, entry_point
from controller.handlers.visit import followed, visit
from controller.observability import count, failures_told, logger
from controller.restore import dead_execution, restore


@entry_point
def on_dead_execution(event: Event, _: Any) -> None:
    """Put back what the execution has left."""
    with failures_told():
        dead = dead_execution(event)
        logger.append_keys(deployment_id=dead.name)
        with followed("Restore", dead.name):
            ruling = restore(visit(dead.name), dead)
    count("Restored" if ruling else "NothingToRestore")
    logger.info("restored" if ruling else "nothing to restore", because=dead.because)
