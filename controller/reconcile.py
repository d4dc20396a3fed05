"""Reconcile: on a schedule, find what was left half-way because an event was lost, and finish it.

The events that say that an execution died, or that an image was pushed, are delivered on a best-effort basis
(EventBridge, "Event delivery level"); a Lambda may die at any line. Whatever is found here is finished by the same
code that would have finished it in time, and finding nothing is the rule.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

from controller.core.artifact import ImageArtifact
from controller.core.deployment import Deployment, Event, Status
from controller.core.errors import ControllerError
from controller.core.member_record import MemberRecord
from controller.core.notification import notification
from controller.core.request import canonical_request
from controller.core.source import ImageSource
from controller.core.weight import FULL_WEIGHT
from controller.tasks.context import Context
from controller.tasks.hooks import start_hooks_after
from controller.tasks.roll_back import roll_back
from controller.tasks.waiting import has_cause_to_wake, wake_others

PATIENCE_MINUTES = 5
"""How long those whose business it is are given before reconcile takes it up."""
SPLIT_WATCH_MINUTES = 60
"""How long the aliases of a deployment that has ended are watched for a write that came late."""

_OURS = (Status.PROMOTED, Status.ROLLED_BACK)
_AT_FIRST, _HISTORY = 5, 50
"""How many deployments of a target are looked through for the last one that moved an alias."""

Visit = Callable[[str], Context]
"""Returns the visit of the deployment of that id."""


def reconcile(visit: Visit, on_error: Callable[[Exception], None]) -> list[str]:
    """Finish whatever was left half-way; return what was done, in one line each.

    What fails does not keep the rest from being finished; it is told to `on_error` and met again next time.
    """
    context = visit("")
    done: list[str] = []
    for find in (_live, _splits, _unsent, _lost_pushes):
        try:
            for finish in find(context, visit):
                try:
                    done += filter(None, [finish()])
                except ControllerError as error:
                    on_error(error)
        except ControllerError as error:
            on_error(error)
    return done


Finish = Callable[[], str | None]


def _live(context: Context, visit: Visit) -> Iterator[Finish]:
    """Find deployments whose execution is gone or whose rollback failed, and those that nobody woke."""
    for deployment in context.ports.deployments.unfinished():
        yield partial(_finish_live, visit(deployment.deployment_id), deployment)


def _finish_live(visit: Context, deployment: Deployment) -> str | None:
    name = deployment.deployment_id
    if deployment.status is Status.ROLLBACK_FAILED:
        return f"{name}: {roll_back(visit, deployment.reason).decision}, after a failed rollback"
    has_cause = deployment.token and has_cause_to_wake(visit.ports, deployment)
    if has_cause and visit.ports.executions.wake(str(deployment.token)):
        return f"{name}: woken"
    if visit.now < deployment.started_at + _minutes(visit, PATIENCE_MINUTES):
        return None
    if visit.ports.executions.is_alive(deployment.execution_arn):
        return None
    ruling = roll_back(visit, "the execution has ended, and nobody heard of it")
    return f"{name}: {ruling.decision}, because its execution is gone"


def _splits(context: Context, _: Visit) -> Iterator[Finish]:
    """Find aliases on which a deployment that has ended left weights, by a write that came late."""
    targets, _unreadable = context.ports.targets.all()
    for target in targets:
        deployment = _last_moved(context, target.name)
        if deployment is None or deployment.status not in _OURS:
            continue
        since = context.now - (deployment.ended_at or context.now)
        if since < _minutes(context, SPLIT_WATCH_MINUTES):
            for member in deployment.members:
                yield partial(_mend, context, deployment, member)


def _last_moved(context: Context, target: str) -> Deployment | None:
    """Return the last deployment of a target that may have moved an alias: none that was skipped or rejected.

    It is among the first few of a history, if at all, and all of a long one takes long to read.
    """
    for limit in (_AT_FIRST, _HISTORY):
        found = context.ports.deployments.history(target, limit)
        moved = next((deployment for deployment in found if deployment.members), None)
        if moved or len(found) < limit:
            return moved
    return None


def _mend(context: Context, deployment: Deployment, member: MemberRecord) -> str | None:
    if member.is_first:  # it was never split, and may not be there
        return None
    alias = context.ports.functions.alias(member.function, member.alias)
    ours = {member.routing(step.weight) for step in deployment.steps}
    if not alias.routing.is_split or alias.routing not in ours:
        return None
    if context.ports.deployments.claim(member.function).owner is not None:
        return None
    right = member.routing(FULL_WEIGHT if deployment.status is Status.PROMOTED else 0)
    context.ports.functions.route(alias, right)
    return f"{deployment.deployment_id}: alias {alias} put on {right}; a late write had left it on {alias.routing}"


def _unsent(context: Context, _: Visit) -> Iterator[Finish]:
    """Find transitions of which nobody was told."""
    for event in context.ports.deployments.unsent(context.now - _minutes(context, PATIENCE_MINUTES)):
        yield partial(_tell, context, event)


def _tell(context: Context, event: Event) -> str:
    context.ports.bus.send(notification(event, context.stage))
    start_hooks_after(context.ports, event, context.stage)
    context.ports.deployments.sent(event)
    wake_others(context.ports, event)
    return f"{event.event_id}: told late"


def _lost_pushes(context: Context, _: Visit) -> Iterator[Finish]:
    """Find images that a followed tag names and of which no event told."""
    targets, _unreadable = context.ports.targets.all()
    for target in targets:
        if isinstance(target.source, ImageSource) and target.source.is_fixed:
            yield partial(_catch_up, context, target.name, target.source)


def _catch_up(context: Context, target: str, source: ImageSource) -> str | None:
    """Start the deployment of what the tag names, if it appeared after all that the target has deployed.

    A target that has deployed nothing yet is left to its first event: its tag may be older than its declaration.
    """
    newest = context.ports.deployments.newest(target)
    if newest is None or "@sha256:" not in newest.artifact:
        return None
    known = ImageArtifact(image=newest.artifact)
    if known.repository != source.repository:
        return None  # it was deployed from elsewhere; the first event from here is waited for
    current = context.ports.artifacts.current(known, source.tag)
    if current is None or current == known.identity:
        return None
    image = ImageArtifact(image=current)
    appeared_at = context.ports.artifacts.find(image).appeared_at
    if not newest.appeared_at < appeared_at < context.now - _minutes(context, PATIENCE_MINUTES):
        return None
    if context.ports.deployments.tried(target, image.identity).ended:
        return None
    name = f"{target}-{image.fingerprint}-reconciled"
    if not context.ports.executions.start(name, canonical_request(target, image, f"reconcile {image.digest}")):
        return None
    return f"{name}: started, because tag {source.tag} names {image.identity} and no event said so"


def _minutes(context: Context, minutes: int) -> timedelta:
    return timedelta(seconds=minutes * context.minute_seconds)
