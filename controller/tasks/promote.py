"""Promote: close the record of a candidate that has baked at full weight; the alias is there already."""

from controller.core.decision import Decision, Ruling
from controller.core.deployment import Status
from controller.core.errors import ConflictError
from controller.core.weight import FULL_WEIGHT
from controller.tasks.context import Context, read_live
from controller.tasks.end import end


def promote(context: Context) -> Ruling:
    """End PROMOTED, unless a mark came first or an alias is not on the candidate; then roll back."""
    deployment = read_live(context)
    if deployment.pause:  # by a person who was quicker than this task
        return Ruling(Decision.HOLD, deployment.reason, deployment.seconds_to_look(context.now))
    for member in deployment.members:
        alias = context.ports.functions.alias(member.function, member.alias)
        if alias.routing != member.routing(FULL_WEIGHT):
            return Ruling(Decision.ROLL_BACK, f"alias {alias} is on {alias.routing}, not on the candidate")
    try:
        return end(context, deployment, Status.PROMOTED, deployment.reason)
    except ConflictError as conflict:
        current = read_live(context)
        if current.sequence != deployment.sequence:  # a person said something that stops nothing: to be tried again
            raise
        return Ruling(Decision.ROLL_BACK, f"not promoted: {conflict}")
