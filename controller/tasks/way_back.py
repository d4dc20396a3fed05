"""The way back: whether the baseline can serve again, before the start and at each look."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from controller.core.artifact import Artifact, ImageArtifact
from controller.core.code import Code, Readiness
from controller.core.deployment import Deployment
from controller.core.errors import ControllerError, DeniedError, MissingError, RefusedError
from controller.core.lifecycle import clean_up_warning
from controller.core.target import Member
from controller.core.way_back import WayBack
from controller.ports import Ports
from controller.tasks.context import Context

if TYPE_CHECKING:
    from controller.tasks.survey import Survey

ARTIFACT_MINUTES = 5
"""How long it is believed that what a baseline runs is still there, before it is looked for again."""


def judge_way_back(survey: "Survey", member: Member, baseline: Code) -> ImageArtifact | None:
    """Return the image that the baseline runs, to be looked for at each look; None where there is none to look for.

    Raises RefusedError when what it runs is gone.
    """
    ports = survey.context.ports
    runs = _runs(baseline)
    if runs is None:
        return None
    try:
        gone = _why_gone(ports, runs)
    except DeniedError as denied:
        survey.warn(f"whether {runs.identity}, which alias {member} is on, is still there is unknown: {denied}")
        return None
    if gone:
        raise RefusedError(
            f"alias {member} is on version {baseline.version}, and what that runs is gone ({gone}): there is no "
            "way back; put it there again, or point the alias at a version that runs"
        )
    if not isinstance(runs, ImageArtifact):  # an object of a bucket whose versions stay; Judge may not read it
        return None
    what = f"whether ECR will take away what alias {member} is on"
    survey.warn(survey.known(what, lambda: _clean_up(survey, member, baseline, runs)))
    return runs


def look_back(context: Context, deployment: Deployment) -> Deployment:
    """Return a deployment with what is known of its way back by now; what cannot be read stays as it was known."""
    before = deployment.way_back
    is_due = before.seen_at is None or context.now >= before.seen_at + timedelta(
        seconds=ARTIFACT_MINUTES * context.minute_seconds
    )
    reasons: list[str] = []
    dead: list[str] = []
    try:
        for member in deployment.members:
            why = _why_dead(context.ports, member.function, member.baseline)
            if why:
                dead.append(member.function)
            elif member.runs and (is_due or before.why):
                gone = _why_gone(context.ports, member.runs)
                why = f"what version {member.baseline} of {member} runs is gone: {gone}" if gone else None
            reasons += filter(None, [why])
    except ControllerError:
        return deployment
    after = WayBack(
        why="; ".join(reasons) or None,
        since=_since(before, context.now) if reasons else None,
        is_accepted=bool(reasons) and before.is_accepted,
        dead=tuple(dead),
        seen_at=context.now if is_due else before.seen_at,
    )
    return deployment.model_copy(update={"way_back": after})


def _since(before: WayBack, now: datetime) -> datetime:
    return before.since or now


def _why_dead(ports: Ports, function: str, version: str) -> str | None:
    """Return why Lambda cannot run a version any more, or None."""
    try:
        code = ports.functions.version(function, version)
    except MissingError as missing:
        return str(missing)
    if code.readiness is Readiness.FAILED:
        return f"Lambda cannot run {function} version {version} any more ({code.why})"
    return None


def _runs(code: Code) -> Artifact | None:
    """Return what a version runs and Lambda has no copy of."""
    if code.referenced:
        return code.referenced
    try:
        return ImageArtifact(image=code.image) if code.image else None
    except ValueError:  # a registry of another kind, which nobody here may ask
        return None


def _why_gone(ports: Ports, artifact: Artifact) -> str | None:
    """Return why what a version runs cannot be fetched any more, or None."""
    try:
        ports.artifacts.find(artifact)
    except RefusedError as gone:
        return str(gone)
    return None


def _clean_up(survey: "Survey", member: Member, baseline: Code, image: ImageArtifact) -> str | None:
    """Return a warning about the lifecycle rule that will take an image away; raises ControllerError."""
    ports = survey.context.ports
    policy = ports.artifacts.clean_up(image)
    if policy is None:
        return None
    live = ports.deployments.live(survey.target.name)
    if live and live.versions.get(member.function) == baseline.version and "@sha256:" in live.artifact:
        image = ImageArtifact(image=live.artifact)  # the index that lists it, which keeps it there
    stored = ports.artifacts.find(image)
    try:
        return clean_up_warning(
            f"version {baseline.version} of {member}", image.repository, policy, stored.tags, stored.appeared_at
        )
    except ValueError as error:
        raise RefusedError(f"the lifecycle policy of repository {image.repository}: {error}") from error
