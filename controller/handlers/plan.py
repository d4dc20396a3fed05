"""Plan, invoked by the state machine."""

from datetime import datetime

from controller.core.decision import Ruling
from controller.handlers.entry_point import Event
from controller.handlers.visit import task
from controller.tasks.context import Context
from controller.tasks.plan import plan


def act(visit: Context, event: Event) -> Ruling:
    """Return what the task decides about what was asked for."""
    return plan(visit, event["request"], event["execution_arn"], _began(event))


def _began(event: Event) -> datetime:
    """Return when an execution began; one that runs by the definition of an earlier release does not say."""
    return datetime.fromisoformat(event.get("started_at", "1970-01-01T00:00:00Z"))


on_plan = task("Plan", act)
