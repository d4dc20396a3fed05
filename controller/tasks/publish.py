"""Publish: put the artifact on $LATEST of every member, wait until Lambda is ready, publish the candidate.

Harmless to repeat: the same code put twice has the same hash, and publishing what is published already returns
the same version. Waiting is the state machine's: NotReadyError is retried there.
"""

from controller.core.artifact import ImageArtifact
from controller.core.code import Code, Readiness
from controller.core.decision import Decision, Ruling
from controller.core.deployment import Deployment, Status, Transition, event_of
from controller.core.errors import ArtifactRefusedError, ConflictError, DeniedError, NotReadyError, RefusedError
from controller.core.member_record import MemberRecord
from controller.tasks.context import Context, read_live
from controller.tasks.end import end


def publish(context: Context) -> Ruling:
    """Give every member its candidate; ends REJECTED when Lambda refuses the artifact, SKIPPED when it is live."""
    deployment = read_live(context)
    try:
        deployment = _publish_members(context, deployment)
    except (RefusedError, DeniedError) as refusal:  # also Lambda's denial of an image that it may not read
        blamed = isinstance(refusal, ArtifactRefusedError)
        return end(context, deployment, Status.REJECTED, f"{deployment.what}: {refusal}", refused=blamed)
    if all(member.candidate == member.baseline for member in deployment.members):
        versions = ", ".join(f"{m.function} version {m.baseline}" for m in deployment.members)
        return end(context, deployment, Status.SKIPPED, f"{deployment.what} is live already: {versions}")
    reason = f"published {', '.join(_told(deployment, member) for member in deployment.members)}"
    if deployment.reason != reason:  # else it was told before an answer was lost
        changing = {member.function for member in deployment.members if member.changes}
        subjects = tuple(subject for subject in deployment.subjects if subject.function in changing)
        after = deployment.model_copy(update={"reason": reason, "subjects": subjects})
        context.ports.deployments.save(deployment, after, event_of(after, Transition.PUBLISHED, context.now))
    return Ruling(Decision.VERIFY, reason)


def _told(deployment: Deployment, member: MemberRecord) -> str:
    """Return what was published, with the image that an index was resolved to."""
    is_child = member.image and deployment.artifact and member.image != deployment.artifact.identity
    image = f" (image {member.image.rpartition('@')[2][:19]})" if is_child and member.image else ""
    return f"{member} version {member.candidate}{image}"


def _publish_members(context: Context, deployment: Deployment) -> Deployment:
    """Take every member as far as it can go now; raises NotReadyError when Lambda is still at work on one."""
    waits: list[NotReadyError] = []
    for index in range(len(deployment.members)):
        try:
            deployment = _publish_member(context, deployment, index)
        except NotReadyError as wait:
            waits.append(wait)
            deployment = read_live(context)
    if waits:
        raise waits[0]
    return deployment


def _publish_member(context: Context, deployment: Deployment, index: int) -> Deployment:
    member = deployment.members[index]
    functions = context.ports.functions
    if member.candidate is None and deployment.version:
        deployment = _record(context, deployment, index, candidate=deployment.version)
    elif member.candidate is None:
        if member.code_sha256 is None:
            deployment = _put_code(context, deployment, index)
            member = deployment.members[index]
        latest = _ready(functions.latest(member.function))
        if latest.code_sha256 != member.code_sha256:
            raise RefusedError(
                f"somebody changed the code of function {member.function} after it was put there; deploy again"
            )
        if member.image and latest.image != member.image:
            raise RefusedError(
                f"Lambda says that function {member.function} is {latest.image}, and not {member.image}, which was "
                "put there; deploy again"
            )
        version = functions.publish(member.function, latest.code_sha256, f"Rampart {deployment.deployment_id}")
        deployment = _record(context, deployment, index, candidate=version.version)
    member = deployment.members[index]
    _ready(functions.version(member.function, str(member.candidate)))
    return deployment


def _put_code(context: Context, deployment: Deployment, index: int) -> Deployment:
    member = deployment.members[index]
    function = member.function
    artifact = ImageArtifact(image=member.image) if member.image else deployment.artifact
    latest = context.ports.functions.latest(function)
    if latest.readiness is Readiness.NOT_YET:
        raise NotReadyError(f"function {function} is being updated by somebody else: {latest.why}")
    if artifact is None:
        raise RefusedError("there is no artifact to put on $LATEST")
    read_live(context)  # after the RevisionId, as for every forward write
    try:
        updated = context.ports.functions.update_code(latest, artifact)
    except ConflictError as conflict:
        raise NotReadyError(str(conflict)) from conflict
    return _record(context, deployment, index, code_sha256=updated.code_sha256)


def _ready(code: Code) -> Code:
    """Return code that Lambda can run; raises NotReadyError or RefusedError."""
    match code.readiness:
        case Readiness.NOT_YET:
            raise NotReadyError(f"function {code.function} {code.version} is not ready: {code.why}")
        case Readiness.FAILED:
            kind = ArtifactRefusedError if code.is_artifact_at_fault else RefusedError
            raise kind(f"Lambda could not prepare {code.function} {code.version}: {code.why}")
        case Readiness.READY:
            return code


def _record(context: Context, deployment: Deployment, index: int, **found: str) -> Deployment:
    members: list[MemberRecord] = list(deployment.members)
    members[index] = members[index].model_copy(update=found)
    after = deployment.model_copy(update={"members": tuple(members)})
    return context.ports.deployments.save(deployment, after)
