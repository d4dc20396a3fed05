"""Bake, invoked by the state machine with the token of the wait."""

from controller.handlers.entry_point import Event
from controller.handlers.visit import task
from controller.tasks.bake import bake
from controller.tasks.context import Context


def act(visit: Context, event: Event) -> None:
    """Leave the token; there is no answer, because the callback ends the state."""
    bake(visit, event["token"])


on_bake = task("Bake", act)
