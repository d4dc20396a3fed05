"""RollBack: put the alias back on the baseline wherever it carries what this deployment wrote.

Harmless when repeated and when nothing moved. A mark comes first, so that whatever is still under way stops, then
the alias, and the record last: traffic matters more than bookkeeping, and the alias is the truth.
"""

from contextlib import suppress
from typing import Any

from controller.core.alias import Alias
from controller.core.decision import Ruling, end_of
from controller.core.deployment import (
    SECONDS_TO_ROLL_BACK,
    Deployment,
    Mark,
    MarkDetail,
    Status,
    Transition,
    event_of,
)
from controller.core.errors import ConflictError, ControllerError, MissingError, RefusedError, UnavailableError
from controller.core.member_record import MemberRecord
from controller.core.outcome import Outcome
from controller.ports import Ports
from controller.tasks.context import Context
from controller.tasks.end import end
from controller.tasks.first import alias_now, left_behind


def roll_back(context: Context, cause: str, target: str = "(none)", execution_arn: str = "") -> Ruling:
    """End ROLLED_BACK, or DRIFTED where somebody else moved an alias; `cause` is why, when the record does not say.

    A deployment that is over leads to its own end; one without a record is closed under the `target` that was
    asked for. Raises UnavailableError when an alias does not read as it was written, so that the state machine
    tries again.
    """
    deployment = context.ports.deployments.find(context.deployment_id)
    if deployment is None:
        return _end_without_record(context, cause, target, execution_arn)
    if deployment.status.is_over:
        return end_of(deployment)
    reason = cause or deployment.reason
    if not deployment.stopping_mark:  # a shift that is still under way must see that it is stopped
        detail = MarkDetail(at=context.now, by="rollback", reason=reason)
        deployment = leave_mark(context.ports, deployment, Mark.ABORT, detail)
        if deployment.status.is_over:
            return end_of(deployment)
    drift = put_back(context.ports, deployment)
    if drift:
        return end(context, deployment, Status.DRIFTED, f"{'; '.join(drift)}. Left as it is. Before: {reason}")
    verdict = deployment.verdict
    judged = verdict is not None and verdict.outcome is Outcome.FAIL and verdict.blames
    failed = deployment.step_index >= 0 and (judged or Mark.ALARM in deployment.marks)
    changes: dict[str, Any] = {"refused": failed}
    left = left_behind(context.ports.functions, deployment)
    if left:
        reason = f"{reason}; {'; '.join(left)}"
    else:
        changes |= {"step_index": -1, "intended_index": -1}
    return end(context, deployment, Status.ROLLED_BACK, reason, evidence=_took(context, deployment), **changes)


def _took(context: Context, deployment: Deployment) -> dict[str, float]:
    """Return how long it took from knowing it to putting back what had traffic; nothing where nothing had."""
    since = deployment.to_be_stopped_since
    if since is None or deployment.step_index < 0 or deployment.is_first:
        return {}
    return {SECONDS_TO_ROLL_BACK: max(0.0, round((context.now - since).total_seconds(), 3))}


def leave_mark(ports: Ports, deployment: Deployment, mark: Mark, detail: MarkDetail) -> Deployment:
    """Leave a mark and return the record with it.

    Where that cannot be done now, the aliases are put back all the same, and UnavailableError is raised, so that
    it is tried again.
    """
    try:
        return ports.deployments.mark(deployment.deployment_id, mark, detail)
    except UnavailableError:
        put_back(ports, deployment)
        raise


def put_back(ports: Ports, deployment: Deployment) -> list[str]:
    """Put every alias of a deployment back on its baseline; return what somebody else did to some instead.

    One that cannot be put back does not keep the others from it; then the first error is raised, and
    UnavailableError when an alias does not read as it was written.
    """
    drift: list[str] = []
    errors: list[ControllerError] = []
    for member in deployment.members:
        try:
            drift += _put_member_back(ports, deployment, member)
        except ControllerError as error:
            errors.append(error)
    if errors:
        raise errors[0]
    return drift


def _put_member_back(ports: Ports, deployment: Deployment, member: MemberRecord) -> list[str]:
    """Put one alias back: at once where it is as we left it, else after a look at what it carries.

    One that was not there before has nothing to be put back on, and is left as it is.

    The write without a look is one call of the fifteen a second that all of Lambda's control plane has (Lambda
    quotas). It also uses up the RevisionId that a shift under way has read.
    """
    if member.is_first:
        alias = alias_now(ports.functions, member)
        is_ours = deployment.wrote(member, alias)
        return [] if is_ours else [f"alias {alias} was changed by somebody else to {alias.routing}"]
    is_dead = member.function in deployment.way_back.dead
    if member.revision_id and deployment.intended_index >= 0 and not is_dead:
        as_left = Alias(member.function, member.alias, member.routing(deployment.weight), member.revision_id)
        with suppress(ConflictError, MissingError):
            return _write_back(ports, deployment, member, as_left)
    for last_try in (False, True):
        try:
            alias = ports.functions.alias(member.function, member.alias)
        except MissingError as missing:
            return [str(missing)]
        if alias.routing == member.routing(0) and deployment.intended_index == deployment.step_index:
            return []
        if not deployment.wrote(member, alias):
            return [f"alias {alias} was changed by somebody else to {alias.routing}"]
        if is_dead:
            raise RefusedError(f"alias {alias} is left on {alias.routing}: {deployment.way_back.why}")
        try:
            return _write_back(ports, deployment, member, alias)
        except ConflictError:
            if last_try:
                raise
    raise AssertionError("unreachable")  # pragma: no cover


def _write_back(ports: Ports, deployment: Deployment, member: MemberRecord, alias: Alias) -> list[str]:
    if _has_ended(ports, deployment):  # meanwhile; a later deployment may be using the alias
        return []
    written = ports.functions.route(alias, member.routing(0))
    if written.routing != member.routing(0):
        raise UnavailableError(f"alias {alias} was put back to {member.routing(0)} but is on {written.routing}")
    return []


def _has_ended(ports: Ports, deployment: Deployment) -> bool:
    try:
        current = ports.deployments.find(deployment.deployment_id)
    except UnavailableError:  # traffic matters more than bookkeeping
        return False
    return current is not None and current.status.is_over


def _end_without_record(context: Context, cause: str, target: str, execution_arn: str) -> Ruling:
    """Close a deployment whose Plan failed, so that a Plan still under way cannot open it any more."""
    deployment = Deployment(
        deployment_id=context.deployment_id,
        execution_arn=execution_arn,
        target=target,
        status=Status.REJECTED,
        reason=f"nothing was changed: {cause or 'planning failed'}",
        started_at=context.now,
        ended_at=context.now,
    )
    context.ports.deployments.open(deployment, event_of(deployment, Transition.ENDED, context.now))
    return end_of(deployment)
