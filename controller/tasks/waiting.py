"""Waiting: what a deployment does while another one holds a function that it needs, and when its turn has come."""

from datetime import timedelta
from typing import TYPE_CHECKING

from controller.core.claim import MAX_WAIT_MINUTES, WAIT_LOOK_MINUTES, Turn, goes_before, turn_of
from controller.core.decision import Decision, Ruling
from controller.core.deployment import Deployment, Event, Mark, MarkDetail, Status, Transition, event_of
from controller.core.errors import ClaimHeldError, ConflictError, RefusedError
from controller.core.freeze import MAX_FREEZE_MINUTES
from controller.core.hooks_due import has_news
from controller.ports import Ports
from controller.tasks.context import Context

if TYPE_CHECKING:
    from controller.core.freeze import Freeze
    from controller.core.target import Target


def wait(
    context: Context,
    deployment: Deployment,
    waited: Deployment | None,
    target: "Target",
    held: ClaimHeldError,
    *,
    newest: bool,
) -> Ruling:
    """Hold until the claim is free; raises RefusedError when the target says so or the wait has been too long.

    A holder that is superseded is marked before this deployment becomes a waiter, so that whoever hears of the
    waiter finds the mark. `waited` is the record as it was when this deployment waits already.
    """
    holder = context.ports.deployments.find(held.owner)
    turn = turn_of(deployment, target.when_busy, holder)
    if turn is Turn.REJECT:
        raise RefusedError(f"{held}; start again when that has ended")
    most_minutes = MAX_WAIT_MINUTES + (MAX_FREEZE_MINUTES if deployment.frozen_since else 0)
    if context.now >= deployment.started_at + timedelta(seconds=most_minutes * context.minute_seconds):
        raise RefusedError(f"{held}, and has been for as long as a deployment may wait; start again")
    reason, supersedes = f"waits until {held.owner} has ended, which is deploying {held.function}", 0
    if holder and holder.status is Status.ROLLBACK_FAILED:
        reason = f"waits until the failed rollback of {held.owner} is mended, which holds {held.function}"
    if holder and turn is Turn.SUPERSEDE:
        detail = MarkDetail(at=context.now, by=deployment.deployment_id, reason=deployment.what)
        marked = context.ports.deployments.mark(holder.deployment_id, Mark.SUPERSEDED, detail)
        if marked.status.is_over:
            raise ConflictError(f"{holder.deployment_id} has ended meanwhile")  # Plan looks again
        reason, supersedes = f"waits until {held.owner}, which it supersedes, is rolled back", holder.supersedes + 1
    after = deployment.model_copy(
        update={
            "status": Status.PENDING,
            "reason": reason,
            "waits_for": held.function,
            "is_frozen": False,
            "supersedes": max(supersedes, deployment.supersedes),
            "look_at": context.now + timedelta(seconds=WAIT_LOOK_MINUTES * context.minute_seconds),
        }
    )
    return _wait(context, after, waited, newest=newest)


def hold_start(
    context: Context,
    deployment: Deployment,
    waited: Deployment | None,
    target: "Target",
    freeze: "Freeze",
    *,
    newest: bool,
) -> Ruling:
    """Hold until a freeze is over; raises RefusedError when it has been for too long.

    It becomes a waiter of the target's first function, whoever holds that, so that of several the newest is known.
    """
    since = (waited.frozen_since if waited else None) or context.now
    if context.now >= since + timedelta(seconds=MAX_FREEZE_MINUTES * context.minute_seconds):
        raise RefusedError(f"{freeze.reason}, and has been for as long as a deployment may wait; start again")
    look_at = context.now + timedelta(seconds=WAIT_LOOK_MINUTES * context.minute_seconds)
    after = deployment.model_copy(
        update={
            "status": Status.PENDING,
            "reason": f"waits to begin: {freeze.reason}",
            "waits_for": target.members[0].function,
            "is_frozen": True,
            "frozen_since": since,
            "look_at": min(look_at, freeze.until) if freeze.until else look_at,
        }
    )
    return _wait(context, after, waited, newest=newest)


def _wait(context: Context, after: Deployment, waited: Deployment | None, *, newest: bool) -> Ruling:
    """Write that a deployment waits, and tell of it when that is news."""
    if waited is None or (waited.reason, waited.waits_for) != (after.reason, after.waits_for):
        event = event_of(after, Transition.WAITING, context.now)
        context.ports.deployments.open(after, event, newest=newest, waited=waited)
    else:
        context.ports.deployments.save(waited, after)
    return Ruling(Decision.HOLD, after.reason, after.seconds_to_look(context.now))


def waiter_before(ports: Ports, waiting: Deployment) -> Deployment | None:
    """Return a deployment of the same target that waits too and goes before: only that one goes on waiting."""
    for waiter in ports.deployments.claim(str(waiting.waits_for)).waiters:
        other = ports.deployments.find(waiter)
        if other is None or (other.target, other.status) != (waiting.target, Status.PENDING):
            continue
        if goes_before(other, waiting):
            return other
    return None


def has_cause_to_wake(ports: Ports, deployment: Deployment) -> bool:
    """Say whether a deployment that holds has something to do now, before its look is due."""
    if deployment.stopping_mark or has_news(deployment):
        return True
    if deployment.status is not Status.PENDING or deployment.waits_for is None:
        return False
    if deployment.is_frozen:
        return waiter_before(ports, deployment) is not None
    return (
        ports.deployments.claim(deployment.waits_for).owner is None or waiter_before(ports, deployment) is not None
    )


def wake_others(ports: Ports, event: Event) -> None:
    """Wake whom an event concerns: those who wait for what has ended, and whom a new waiter stops or replaces."""
    if event.transition not in (Transition.WAITING, Transition.ENDED):
        return
    told = ports.deployments.find(event.deployment_id)
    if told is None:
        return
    functions = {member.function for member in told.members} | {told.waits_for or ""} - {""}
    claims = [ports.deployments.claim(function) for function in sorted(functions)]
    for other in sorted({i for c in claims for i in (c.owner, *c.waiters) if i} - {event.deployment_id}):
        holding = ports.deployments.find(other)
        if holding and holding.token and has_cause_to_wake(ports, holding):
            ports.executions.wake(holding.token)
