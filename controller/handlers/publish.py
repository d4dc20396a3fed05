"""Publish, invoked by the state machine."""

from controller.core.decision import Ruling
from controller.handlers.entry_point import Event
from controller.handlers.visit import task
from controller.tasks.context import Context
from controller.tasks.publish import publish


def act(visit: Context, _: Event) -> Ruling:
    """Return what the task decides."""
    return publish(visit)


on_publish = task("Publish", act)
