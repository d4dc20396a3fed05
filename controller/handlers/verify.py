"""Verify, invoked by the state machine."""

from controller.core.decision import Ruling
from controller.handlers.entry_point import Event
from controller.handlers.visit import task
from controller.tasks.context import Context
from controller.tasks.verify import verify


def act(visit: Context, _: Event) -> Ruling:
    """Return what the task decides."""
    return verify(visit)


on_verify = task("Verify", act)
