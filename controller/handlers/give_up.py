"""GiveUp, invoked by the state machine when RollBack has failed for good."""

from controller.core.decision import Ruling, cause_of
from controller.handlers.entry_point import Event
from controller.handlers.visit import task
from controller.tasks.context import Context
from controller.tasks.give_up import give_up


def act(visit: Context, event: Event) -> Ruling:
    """Return the end that the task records."""
    return give_up(visit, cause_of(event["state"]))


on_give_up = task("GiveUp", act)
