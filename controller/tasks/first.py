"""The first deployment: the members have no alias yet, and Shift makes it on the candidate."""

from controller.core.alias import Alias, Routing
from controller.core.deployment import Deployment
from controller.core.errors import MissingError
from controller.core.member_record import MemberRecord
from controller.ports import Functions


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
