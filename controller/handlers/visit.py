"""A visit to a deployment: what the state machine's tasks, and whoever else acts on one deployment, are given."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any

from controller import bootstrap
from controller.core.errors import ControllerError
from controller.handlers.entry_point import Event, entry_point
from controller.observability import count, failures_told, is_traced, logger, metrics, traced
from controller.tasks.context import Context

if TYPE_CHECKING:
    from controller.core.decision import Ruling


def visit(deployment_id: str) -> Context:
    """Return the visit of a deployment, at the time of now."""
    chosen = bootstrap.settings()
    return Context(bootstrap.ports(), deployment_id, datetime.now(UTC), chosen.stage, chosen.minute_seconds)


@contextmanager
def followed(state: str, deployment_id: str) -> Iterator[None]:
    """Trace what is done about a deployment, to be found by its id, its target and the state."""
    with traced(state, deployment_id=deployment_id, state=state) as annotate:
        try:
            yield
        finally:
            if is_traced():
                annotate("target", _target_of(deployment_id))


def task(state: str, act: "Callable[[Context, Event], Ruling | None]") -> Callable[[Event, Any], Event]:
    """Return the entry point of a Task state: one log line, one metric, the state machine's document.

    What a task raises goes on to the state machine, which retries or rolls back by the name of the error.
    """

    def carry_out(event: Event, _: Any) -> Event:
        deployment_id = event["deployment_id"]
        logger.append_keys(deployment_id=deployment_id, state=state)
        metrics.add_dimension(name="State", value=state)
        began = perf_counter()
        with failures_told(), followed(state, deployment_id):
            ruling = act(visit(deployment_id), event)
        decision, took_ms = ruling.decision.value if ruling else "WAIT", round(1000 * (perf_counter() - began))
        logger.info("decided", decision=decision, reason=ruling.reason if ruling else "", took_ms=took_ms)
        count(decision)
        return ruling.state_document(deployment_id) if ruling else {}

    return entry_point(carry_out)


def _target_of(deployment_id: str) -> str:
    """Return the target of a deployment for its trace; "" where it cannot be read now."""
    try:
        deployment = bootstrap.ports().deployments.find(deployment_id)
    except ControllerError:
        return ""
    return deployment.target if deployment else ""
