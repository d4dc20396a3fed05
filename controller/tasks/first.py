"""The first deployment: the members have no alias yet, and Shift makes it on the candidate."""

from collections.abc import Sequence
from contextlib import suppress

from controller.core.alias import Alias, Routing
from controller.core.deployment import Deployment, Transition, event_of
from controller.core.errors import ConflictError, MissingError
from controller.core.member_record import MemberRecord
from controller.ports import Functions
from controller.tasks.context import Context


def alias_now(functions: Functions, member: MemberRecord) -> Alias:
    """Return a member's alias; in a first deployment, one that is not there yet is on no version.

    Raises MissingError where the alias was there when the deployment began.
    """
    try:
        return functions.alias(member.function, member.alias)
    except MissingError:
        if not member.is_first:
            raise
        return Alias(member.function, member.alias, Routing(""), "")


def left_behind(functions: Functions, deployment: Deployment) -> list[str]:
    """Return, in one line each, the aliases that a first deployment has made: they cannot be put back."""
    if not deployment.is_first or deployment.intended_index < 0:
        return []
    aliases = [(member, alias_now(functions, member)) for member in deployment.members]
    return [
        f"alias {alias}, which it made, is left on {alias.routing}: there was no version before"
        for member, alias in aliases
        if alias.routing.version == member.candidate
    ]


def take_back(context: Context, made: Sequence[Alias]) -> None:
    """Delete the aliases that were made while their deployment was being stopped, unless its end tells of them.

    Whoever stops it may have looked for them before they were made. While the record is open an event has them look
    again, since only who knows of its last event can close it. Once it is closed, what it does not tell of is
    deleted; nobody can know it yet. One that somebody has changed since, or claimed the function of, is left.
    """
    deployment = context.ports.deployments.find(context.deployment_id)
    if made and deployment and not deployment.status.is_over:
        said = f"made {', '.join(map(str, made))} while it was being stopped"
        after = deployment.model_copy(update={"reason": said})
        with suppress(ConflictError):
            context.ports.deployments.save(deployment, after, event_of(after, Transition.JUDGED, context.now))
            return
        deployment = context.ports.deployments.find(context.deployment_id)
    if deployment is None or not deployment.status.is_over or deployment.intended_index >= 0:
        return
    fencing = {member.function: member.fencing for member in deployment.members}
    for alias in made:
        if context.ports.deployments.claim(alias.function).fencing == fencing[alias.function]:
            with suppress(ConflictError, MissingError):
                context.ports.functions.delete_alias(alias)
