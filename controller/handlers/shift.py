"""Shift, invoked by the state machine."""

from controller.core.decision import Ruling
from controller.handlers.entry_point import Event
from controller.handlers.visit import task
from controller.tasks.context import Context
from controller.tasks.shift import shift


def act(visit: Context, _: Event) -> Ruling:
    """Return what the task decides."""
    return shift(visit)


on_shift = task("Shift", act)
