"""Reconcile, invoked by a schedule."""

from typing import Any

from controller.handlers.entry_point import Event, entry_point
from controller.handlers.visit import visit
from controller.observability import count, failures_told, logger
from controller.reconcile import reconcile


@entry_point
def on_schedule(_: Event, __: Any) -> None:
    """Finish what was left half-way; raises the last error that it met, once all else is done."""
    errors: list[Exception] = []
    with failures_told():
        done = reconcile(visit, errors.append)
        for line in done:
            logger.warning("reconciled", what=line)
        for error in errors:
            logger.error("not reconciled", reason=str(error))
        if done:
            count("Reconciled", len(done))
        count("NotReconciled", len(errors))  # each time: an alarm goes off when it is not told
        if errors:
            raise errors[-1]
