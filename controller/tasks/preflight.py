"""Preflight: what must be so before anything is published; read, and refused with one line that says what to do."""

from dataclasses import dataclass
from functools import partial

from controller.core.alias import Alias
from controller.core.artifact import ZipArtifact
from controller.core.deployment import WatchedAlarm
from controller.core.errors import ClaimHeldError, MissingError, RefusedError, UnavailableError
from controller.core.target import Member, RedAtStart, Request, Target
from controller.core.verdict import AlarmState
from controller.core.zip_package import read_package
from controller.ports import Readiness, Stored
from controller.tasks.context import Context

MANAGED_TAG = "rampart:managed"
"""The tag that opts a function in; its value is the stage. IAM requires it for every write."""


@dataclass(frozen=True, slots=True)
class Found:
    """One member as it was found."""

    alias: Alias
    fencing: int


def find_artifact(context: Context, asked: Request) -> Stored | None:
    """Return what is known of the artifact that was asked for; raises MissingError."""
    if asked.artifact is None:
        return None
    return context.ports.artifacts.find(asked.artifact)


def check_managed(context: Context, target: Target) -> None:
    """Raise RefusedError unless every member opted in to this stage."""
    for member in target.members:
        tags = context.ports.functions.tags(member.function)
        if tags.get(MANAGED_TAG) != context.stage:
            raise RefusedError(
                f"function {member.function} is not tagged {MANAGED_TAG}={context.stage}; "
                "tag it to let this stage deploy to it"
            )


def check_zip(context: Context, asked: Request, target: Target, stored: Stored | None) -> None:
    """Raise RefusedError unless every member can run the zip, as far as can be told without running it."""
    artifact = asked.artifact
    if stored is None or not isinstance(artifact, ZipArtifact):
        return
    package = read_package(artifact.identity, partial(context.ports.artifacts.read, artifact), stored.size_bytes)
    for member in target.members:
        runtime = context.ports.functions.latest(member.function).runtime
        if runtime:
            package.check(member.function, runtime)


def find_member(context: Context, member: Member) -> Found:
    """Return a member as it is; raises RefusedError, and ClaimHeldError when another deployment holds it."""
    claim = context.ports.deployments.claim(member.function)
    if claim.owner:  # before the alias: a split is the holder's then, and not a stranger's
        raise ClaimHeldError(member.function, claim.owner)
    alias = _alias(context, member)
    if alias.routing.is_split:
        raise RefusedError(
            f"alias {alias} is split by somebody else ({alias.routing}); put it back on one version with: "
            f"aws lambda update-alias --function-name {member.function} --name {member.alias} "
            f"--function-version {alias.routing.version} --routing-config AdditionalVersionWeights={{}}"
        )
    if alias.routing.version == "$LATEST":
        raise RefusedError(f"alias {alias} points at $LATEST, which cannot be split; point it at a version")
    baseline = context.ports.functions.version(member.function, alias.routing.version)
    if baseline.readiness is Readiness.FAILED:
        raise RefusedError(
            f"alias {alias} is on version {baseline.version}, which Lambda cannot run ({baseline.why}): "
            "there is no way back; point it at a version that runs"
        )
    return Found(alias, claim.fencing + 1)


def _alias(context: Context, member: Member) -> Alias:
    try:
        return context.ports.functions.alias(member.function, member.alias)
    except MissingError as missing:
        raise RefusedError(
            f"{missing}; make it on the version that serves now: aws lambda create-alias --function-name "
            f"{member.function} --name {member.alias} --function-version VERSION"
        ) from missing


def find_alarms(context: Context, asked: Request, target: Target) -> tuple[WatchedAlarm, ...]:
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
