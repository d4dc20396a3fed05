"""Order: whether what an event asks for is still wanted. A person may ask for anything again."""

from controller.core.deployment import Deployment, Status
from controller.core.request import Request
from controller.core.source import ZipSource
from controller.core.target import Member, Target
from controller.ports import Newest, Stored
from controller.tasks.context import Context
from controller.tasks.preflight import Found


def refused_before(context: Context, asked: Request, target: Target) -> str | None:
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


def under_way(context: Context, deployment: Deployment, target: Target) -> str | None:
    """Say that the same artifact is being deployed to this target already."""
    owner = context.ports.deployments.claim(target.members[0].function).owner
    rival = context.ports.deployments.find(owner) if owner else None
    wish = (deployment.target, deployment.artifact)
    if rival is None or rival.stopping_mark or rival.status is not Status.IN_PROGRESS:
        return None  # what is being rolled back is not under way any more
    if deployment.artifact is None or (rival.target, rival.artifact) != wish:
        return None
    return f"{rival.what} is being deployed to {rival.target} by {rival.deployment_id} already"


def out_of_order(
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
        f"{newest.artifact}, which was taken up already; start it by hand to go back to it"
    )


def live_already(context: Context, asked: Request, target: Target, found: dict[Member, Found]) -> str | None:
    """Say that the artifact is live on every member, as its deployment left it."""
    live = context.ports.deployments.live(target.name)
    if asked.artifact is None or asked.event_id is None:  # a person may want its configuration published
        return None
    if live is None or live.artifact != asked.artifact.identity:
        return None
    if any(live.versions.get(m.function) != f.alias.routing.version for m, f in found.items()):
        return None
    return f"{asked.artifact.identity} is live on {target.name} since deployment {live.deployment_id}"
