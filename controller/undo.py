"""Undo: put the alias back after a promotion: one write for each member, and no analysis."""

from datetime import timedelta

from controller.core.alias import Alias
from controller.core.code import Readiness
from controller.core.deployment import Deployment, Mark, MarkDetail, Status, Transition, event_of
from controller.core.errors import ConflictError, ControllerError, InputError, MissingError
from controller.core.member_record import MemberRecord
from controller.core.weight import FULL_WEIGHT
from controller.tasks.context import Context

UNDO_MINUTES = 72 * 60
"""How long after its end a promotion may be undone, as long as AppConfig allows it.

Source: AppConfig user guide, "Reverting a configuration": a deployment completed within the last 72 hours.
"""


def undo(context: Context, deployment: Deployment, detail: MarkDetail) -> str:
    """Put every member back on its baseline and say so; raises InputError when it may not be undone.

    Everything is looked at before anything is written. What fails in the middle is told with what is where; asked
    again, it goes on from there.
    """
    _refuse(context, deployment)
    aliases = [(member, _alias(context, member)) for member in deployment.members]
    errors: list[ControllerError] = []
    for member, alias in aliases:
        try:
            _put_back(context, deployment, member, alias)
        except ControllerError as error:
            errors.append(error)
    if errors:
        where = "; ".join(_where(context, member) for member in deployment.members)
        raise type(errors[0])(f"not all of it is undone, ask again: {errors[0]}. Now {where}")
    reason = f"undone by {detail.by}: {detail.reason}"
    after = deployment.model_copy(
        update={
            "status": Status.ROLLED_BACK,
            "reason": reason,
            "refused": True,
            "step_index": -1,
            "intended_index": -1,
        }
    )
    try:
        context.ports.deployments.undo(deployment, after, event_of(after, Transition.UNDONE, context.now))
    except ConflictError:
        current = context.ports.deployments.find(deployment.deployment_id)
        if current is None or current.status is not Status.ROLLED_BACK:
            raise
    back = ", ".join(f"{member} is back on version {member.baseline}" for member in deployment.members)
    return f"deployment {deployment.deployment_id} is undone: {back}"


def _refuse(context: Context, deployment: Deployment) -> None:
    """Raise InputError unless the promotion is the target's last one, and young enough."""
    name = deployment.deployment_id
    if deployment.status is not Status.PROMOTED or deployment.ended_at is None:
        hint = "" if deployment.status.is_over else f"; {Mark.ABORT} it instead"
        raise InputError(f"control: deployment {name} is {deployment.status}; only a promotion can be undone{hint}")
    if deployment.is_first:
        raise InputError(
            f"control: deployment {name} was the first of {deployment.target}: there was no version before; "
            "deploy the version that is wanted"
        )
    if context.now > deployment.ended_at + timedelta(seconds=UNDO_MINUTES * context.minute_seconds):
        raise InputError(
            f"control: deployment {name} was promoted at {deployment.ended_at:%Y-%m-%d %H:%M} UTC; a promotion "
            f"can be undone for {UNDO_MINUTES // 60} hours; deploy the version that is wanted"
        )
    live = context.ports.deployments.live(deployment.target)
    if live is None or live.deployment_id != name:
        later = live.deployment_id if live else "nothing that is known"
        raise InputError(f"control: {later} is live on {deployment.target} by now, and not deployment {name}")


def _alias(context: Context, member: MemberRecord) -> Alias:
    """Return a member's alias; raises InputError unless it may be put back, or is back already."""
    try:
        alias = context.ports.functions.alias(member.function, member.alias)
        baseline = context.ports.functions.version(member.function, member.baseline)
    except MissingError as missing:
        raise InputError(f"control: it cannot be undone: {missing}") from missing
    if alias.routing not in (member.routing(FULL_WEIGHT), member.routing(0)):
        raise InputError(
            f"control: alias {alias} is on {alias.routing}, and not on version {member.candidate} as this "
            "deployment left it; somebody else has changed it"
        )
    if baseline.readiness is Readiness.FAILED:
        raise InputError(
            f"control: {member} cannot go back to version {member.baseline}, which Lambda cannot run: "
            f"{baseline.why}"
        )
    _hold_no_claim(context, member)
    return alias


def _put_back(context: Context, deployment: Deployment, member: MemberRecord, alias: Alias) -> None:
    if alias.routing == member.routing(0):  # by an undo that did not come to its end
        return
    _hold_no_claim(context, member)  # after the RevisionId: whoever shifts from now on makes it stale
    context.ports.functions.route(alias, member.routing(0))


def _hold_no_claim(context: Context, member: MemberRecord) -> None:
    owner = context.ports.deployments.claim(member.function).owner
    if owner:
        raise InputError(
            f"control: function {member.function} is being deployed by {owner}; {Mark.ABORT} that one first"
        )


def _where(context: Context, member: MemberRecord) -> str:
    try:
        alias = context.ports.functions.alias(member.function, member.alias)
    except ControllerError as error:
        return f"{member} could not be read: {error}"
    return f"{member} is on {alias.routing}"
