"""Plan: read what was asked for and what is there, refuse what cannot work, claim, and write the record."""

from dataclasses import dataclass
from typing import Any

from controller.core.alias import Alias
from controller.core.decision import Decision, Ruling, end_of
from controller.core.deployment import (
    Deployment,
    MemberRecord,
    Status,
    Transition,
    WatchedAlarm,
    event_of,
)
from controller.core.document import parse
from controller.core.duration import scaled
from controller.core.errors import ClaimHeldError, InputError, RefusedError, UnavailableError
from controller.core.looks import refuse_long_plan
from controller.core.source import ZipSource
from controller.core.strategy import plan_of, spell_plan
from controller.core.target import Member, RedAtStart, Request, Target, named_target
from controller.core.verdict import AlarmState
from controller.ports import Newest, Stored
from controller.tasks.context import Context

MANAGED_TAG = "rampart:managed"
"""The tag that opts a function in; its value is the stage. IAM requires it for every write."""


@dataclass(frozen=True, slots=True)
class _Found:
    """One member as it was found."""

    alias: Alias
    fencing: int


def plan(context: Context, request: Any, execution_arn: str) -> Ruling:
    """Open the record of a deployment, or end it at once with the reason; the same again when repeated."""
    known = context.ports.deployments.find(context.deployment_id)
    if known:
        return end_of(known) if known.status.is_over else _go_on(known)
    target_name = named_target(request)
    asked: Request | None = None
    try:
        asked = parse(Request, request, "execution input")
        target = context.ports.targets.read(asked.target)
        stored = _find(context, asked)
        newest = context.ports.deployments.newest(target.name)
        skip = (
            _refused_before(context, asked, target)
            or _under_way(context, asked, target)
            or _out_of_order(context, asked, target, stored, newest)
        )
        if skip:
            return _end(context, target_name, asked, execution_arn, Status.SKIPPED, skip)
        found = {member: _look_at(context, member) for member in target.members}
        skip = _live_already(context, asked, target, found)
        if skip:
            return _end(context, target_name, asked, execution_arn, Status.SKIPPED, skip)
        deployment = _deployment(context, asked, target, found, execution_arn)
        if stored:
            deployment = deployment.model_copy(update={"appeared_at": stored.appeared_at})
        context.ports.deployments.open(
            deployment,
            event_of(deployment, Transition.PLANNED, context.now),
            newest=stored is not None and (newest is None or newest.appeared_at <= stored.appeared_at),
        )
    except (InputError, RefusedError) as refusal:
        return _end(context, target_name, asked, execution_arn, Status.REJECTED, str(refusal))
    except ClaimHeldError as held:
        rival = context.ports.deployments.find(held.owner)
        if asked and rival and _is_for(rival, asked):  # by the other event of an image with two tags, just now
            skip = _spell_under_way(rival)
            return _end(context, target_name, asked, execution_arn, Status.SKIPPED, skip)
        reason = f"{held}; start again when that has ended"
        return _end(context, target_name, asked, execution_arn, Status.REJECTED, reason)
    return _go_on(deployment)


def _go_on(deployment: Deployment) -> Ruling:
    failed = deployment.status is Status.ROLLBACK_FAILED
    return Ruling(Decision.ROLL_BACK if failed else Decision.PUBLISH, deployment.reason)


def _look_at(context: Context, member: Member) -> _Found:
    tags = context.ports.functions.tags(member.function)
    if tags.get(MANAGED_TAG) != context.stage:
        raise RefusedError(
            f"function {member.function} is not tagged {MANAGED_TAG}={context.stage}; "
            "tag it to let this stage deploy to it"
        )
    claim = context.ports.deployments.claim(member.function)
    if claim.owner:  # before the alias: a split is the holder's then, and not a stranger's
        raise ClaimHeldError(member.function, claim.owner)
    alias = context.ports.functions.alias(member.function, member.alias)
    if alias.routing.is_split:
        raise RefusedError(
            f"alias {alias} is split by somebody else ({alias.routing}); put it back on one version with: "
            f"aws lambda update-alias --function-name {member.function} --name {member.alias} "
            f"--function-version {alias.routing.version} --routing-config AdditionalVersionWeights={{}}"
        )
    if alias.routing.version == "$LATEST":
        raise RefusedError(f"alias {alias} points at $LATEST, which cannot be split; point it at a version")
    return _Found(alias, claim.fencing + 1)


def _refused_before(context: Context, asked: Request, target: Target) -> str | None:
    """Say why an event does not try an artifact again; a person may."""
    if asked.artifact is None or asked.event_id is None:
        return None
    identity = asked.artifact.identity
    refused_by = context.ports.deployments.tried(target.name, identity).refused_by
    return (
        f"{identity} was refused by deployment {refused_by}; start it by hand to try it again"
        if refused_by
        else None
    )


def _under_way(context: Context, asked: Request, target: Target) -> str | None:
    """Say that the artifact is being deployed to this target already."""
    owner = context.ports.deployments.claim(target.members[0].function).owner
    rival = context.ports.deployments.find(owner) if owner else None
    return _spell_under_way(rival) if rival and _is_for(rival, asked) else None


def _is_for(deployment: Deployment, asked: Request) -> bool:
    return asked.artifact is not None and (deployment.target, deployment.artifact) == (asked.target, asked.artifact)


def _spell_under_way(rival: Deployment) -> str:
    return f"{rival.what} is being deployed to {rival.target} by {rival.deployment_id} already"


def _out_of_order(
    context: Context, asked: Request, target: Target, stored: Stored | None, newest: Newest | None
) -> str | None:
    """Say that an event came too late: its artifact has been followed by another one. A person may go back.

    The key of a zip, and a tag that the target follows, name the artifact that is wanted: a tag that is moved back
    is a wish to go back. Among several keys or tags the age of the artifacts is the order.
    """
    artifact, source = asked.artifact, target.source
    if artifact is None or stored is None or asked.event_id is None:
        return None
    if isinstance(source, ZipSource):
        current = context.ports.artifacts.current(artifact, None)
        if current not in (artifact.identity, None):
            return f"{artifact.identity} came too late: {current} has taken its place"
    elif source.is_fixed:
        current = context.ports.artifacts.current(artifact, source.tag)
        if current != artifact.identity:
            return f"{artifact.identity} came too late: tag {source.tag} names {current or 'nothing'} by now"
        return None
    if newest is None or newest.appeared_at <= stored.appeared_at:
        return None
    return (
        f"{artifact.identity} came too late: it appeared at {stored.appeared_at:%Y-%m-%d %H:%M:%S}, before "
        f"{newest.artifact}, which was deployed already; start it by hand to go back to it"
    )


def _find(context: Context, asked: Request) -> Stored | None:
    """Return what is known of the artifact that was asked for; raises MissingError or RefusedError."""
    if asked.artifact is None:
        return None
    stored = context.ports.artifacts.find(asked.artifact)
    if stored.is_index:
        raise RefusedError(
            f"{asked.artifact.identity} is an index of images, and Lambda takes one image; push one platform "
            "without attestations, such as: docker buildx build --platform linux/arm64 --provenance=false --push"
        )
    return stored


def _live_already(context: Context, asked: Request, target: Target, found: dict[Member, _Found]) -> str | None:
    """Say that the artifact is live on every member, as its deployment left it."""
    live = context.ports.deployments.live(target.name)
    if asked.artifact is None or live is None or live.artifact != asked.artifact.identity:
        return None
    if any(live.versions.get(m.function) != f.alias.routing.version for m, f in found.items()):
        return None
    return f"{asked.artifact.identity} is live on {target.name} since deployment {live.deployment_id}"


def _deployment(
    context: Context, asked: Request, target: Target, found: dict[Member, _Found], execution_arn: str
) -> Deployment:
    if asked.version and len(target.members) > 1:
        raise InputError(
            f"execution input: version: target {target.name} has {len(target.members)} members, whose "
            "versions are numbered apart; name an artifact"
        )
    plan = plan_of(asked.strategy or target.strategy, target.final_bake, context.minute_seconds)
    too_long = refuse_long_plan(plan, context.minute_seconds)
    if too_long:
        raise InputError(f"target {target.name}: strategy: {too_long}")
    return Deployment(
        deployment_id=context.deployment_id,
        execution_arn=execution_arn,
        target=target.name,
        status=Status.IN_PROGRESS,
        reason=f"planned {plan.strategy}: {spell_plan(plan)}",
        started_at=context.now,
        artifact=asked.artifact,
        version=asked.version,
        hotfix=asked.hotfix,
        event_id=asked.event_id,
        members=tuple(
            MemberRecord(
                function=member.function,
                alias=member.alias,
                baseline=at.alias.routing.version,
                fencing=at.fencing,
            )
            for member, at in found.items()
        ),
        plan=plan,
        max_hold_seconds=scaled(target.max_hold, context.minute_seconds),
        test_events=target.test_events,
        alarms=_watch(context, asked, target),
    )


def _watch(context: Context, asked: Request, target: Target) -> tuple[WatchedAlarm, ...]:
    """Return the target's alarms, armed as they are now; raises RefusedError for one that blocks or is missing."""
    default = RedAtStart.IGNORE_UNTIL_OK if asked.hotfix else RedAtStart.BLOCK
    readings = context.ports.alarms.read([rule.name for rule in target.alarms])
    watched = []
    for rule, reading in zip(target.alarms, readings, strict=True):
        policy = rule.red_at_start or default
        if reading.state is AlarmState.MISSING:
            raise RefusedError(f"alarm {rule.name} of target {target.name} does not exist; create it or drop it")
        if reading.state is AlarmState.UNREADABLE:
            raise UnavailableError(f"alarm {rule.name} cannot be read before the start: {reading.reason}")
        if reading.state is AlarmState.ALARM and policy is RedAtStart.BLOCK:
            raise RefusedError(
                f"alarm {rule.name} is in ALARM before the start; wait until it is OK, or start a hotfix, "
                'which deploys past it and arms it again once it has recovered ("hotfix": {"reason", "by"})'
            )
        armed = policy is not RedAtStart.IGNORE and reading.state is not AlarmState.ALARM
        watched.append(WatchedAlarm(name=rule.name, red_at_start=policy, armed=armed, armed_at=context.now))
    return tuple(watched)


def _end(
    context: Context, target: str, asked: Request | None, execution_arn: str, status: Status, reason: str
) -> Ruling:
    deployment = Deployment(
        deployment_id=context.deployment_id,
        execution_arn=execution_arn,
        target=target,
        status=status,
        reason=reason,
        started_at=context.now,
        ended_at=context.now,
        artifact=asked.artifact if asked else None,
        version=asked.version if asked else None,
        hotfix=asked.hotfix if asked else None,
        event_id=asked.event_id if asked else None,
    )
    context.ports.deployments.open(deployment, event_of(deployment, Transition.ENDED, context.now))
    return end_of(deployment)
