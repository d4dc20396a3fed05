"""RollBack, invoked by the state machine with what led there."""

from controller.core.decision import Ruling, cause_of
from controller.core.names import named_target
from controller.handlers.entry_point import Event
from controller.handlers.visit import task
from controller.tasks.context import Context
from controller.tasks.roll_back import roll_back


def act(visit: Context, event: Event) -> Ruling:
    """Return what the task decides, whatever the request looks like."""
    return roll_back(visit, cause_of(event["state"]), named_target(event["request"]), event["execution_arn"])


on_roll_back = task("RollBack", act)
