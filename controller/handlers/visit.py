"""A visit to a deployment: what the state machine's tasks, and whoever else acts on one deployment, are given."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from controller import bootstrap
from controller.core.decision import Ruling
from controller.handlers.entry_point import Event, entry_point
from controller.observability import count, failures_told, logger, metrics, traced
from controller.tasks.context import Context


def visit(deployment_id: str) -> Context:
    """Return the visit of a deployment, at the time of now."""
    chosen = bootstrap.settings()
    return Context(bootstrap.ports(), deployment_id, datetime.now(UTC), chosen.stage, chosen.minute_seconds)


def task(state: str, act: Callable[[Context, Event], Ruling | None]) -> Callable[[Event, Any], Event]:
    """Return the entry point of a Task state: one log line, one metric, the state machine's document.

    What a task raises goes on to the state machine, which retries or rolls back by the name of the error.
    """

    def carry_out(event: Event, _: Any) -> Event:
        deployment_id = event["deployment_id"]
        logger.append_keys(deployment_id=deployment_id, state=state)
        metrics.add_dimension(name="State", value=state)
        with failures_told(), traced(state):
            ruling = act(visit(deployment_id), event)
        decision = ruling.decision.value if ruling else "WAIT"
        logger.info("decided", decision=decision, reason=ruling.reason if ruling else "")
        count(decision)
        return ruling.state_document(deployment_id) if ruling else {}

    return entry_point(carry_out)
