"""Deploy: start a deployment as plain `aws stepfunctions start-execution` does, and see how it ends."""

import json
import re
from typing import Any, Protocol

from controller.adapters.aws_errors import aws_errors
from controller.adapters.stepfunctions_executions import StepFunctionsExecutions
from controller.core.artifact import ImageArtifact, ZipArtifact
from controller.core.deployment import Deployment, Status
from controller.core.document import parse, parse_json
from controller.core.errors import DeniedError, InputError, MissingError
from controller.core.request import Request
from controller.core.wording import shown
from controller.ports import Deployments

_ZIP = re.compile(r"s3://(?P<bucket>[^/]{3,63})/(?P<key>.+)", re.DOTALL)
_IMAGE = re.compile(
    r"(?:(?P<registry>[0-9]{12})\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/)?"
    r"(?P<repository>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127})|@(?P<digest>sha256:[0-9a-f]{64}))"
)
_SHORTEST_REPOSITORY, _LONGEST_REPOSITORY = 2, 256
"""ECR API reference, repositoryName of DescribeImages."""
# HEAD has no body that could carry a code, so that the code is the HTTP status.
_MISSING_OBJECT = dict.fromkeys(("404", "405", "NoSuchVersion", "400"), MissingError) | {"403": DeniedError}
_MISSING_IMAGE = dict.fromkeys(("ImageNotFoundException", "RepositoryNotFoundException"), MissingError)


class Store(Protocol):
    """The clients through which an artifact is pinned."""

    def client(self, service: str) -> Any:
        """Return a boto3 client."""
        ...


def zip_called(store: Store, uri: str) -> ZipArtifact:
    """Return one version of the object that is called s3://BUCKET/KEY, the current one, or s3://BUCKET/KEY@VERSION.

    The second is how every command names a zip. Raises InputError, or ControllerError when S3 cannot be asked.
    """
    found = _ZIP.fullmatch(uri)
    if not found:
        raise InputError(f"--zip: write s3://BUCKET/KEY, not {shown(uri)}")
    bucket, key = found["bucket"], found["key"]
    version = _version_of(store, bucket, key, None)
    if version is None and "@" in key:  # which may be in a key, too
        key, _, wanted = key.rpartition("@")
        version = _version_of(store, bucket, key, wanted)
    if version is None:
        raise InputError(f"--zip: there is no {shown(uri)}")
    if version in ("", "null"):
        raise InputError(f"--zip: {shown(uri)} has no version id; turn on versioning for the bucket")
    return ZipArtifact(bucket=bucket, key=key, version_id=version)


def image_called(store: Store, uri: str) -> ImageArtifact:
    """Return the image that is called REPOSITORY:TAG or REPOSITORY@DIGEST, or so with its registry, by its digest.

    Raises InputError, or ControllerError when ECR cannot be asked.
    """
    found = _IMAGE.fullmatch(uri)
    if not found:
        raise InputError(f"--image: write REPOSITORY:TAG or REPOSITORY@sha256:…, not {shown(uri)}")
    if found["registry"] and found["digest"]:
        return ImageArtifact(image=uri)
    if not _SHORTEST_REPOSITORY <= len(found["repository"]) <= _LONGEST_REPOSITORY:
        raise InputError(f"--image: there is no repository {shown(found['repository'])}")
    ecr = store.client("ecr")
    kind = {"imageTag": found["tag"]} if found["tag"] else {"imageDigest": found["digest"]}
    registry = {"registryId": found["registry"]} if found["registry"] else {}
    try:
        with aws_errors(f"image {uri}", _MISSING_IMAGE):
            (image,) = ecr.describe_images(repositoryName=found["repository"], imageIds=[kind], **registry)[
                "imageDetails"
            ]
    except MissingError as missing:
        raise InputError(f"--image: {missing}") from None
    region = ecr.meta.region_name
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    host = f"{image['registryId']}.dkr.ecr.{region}.{suffix}"
    return ImageArtifact(image=f"{host}/{found['repository']}@{image['imageDigest']}")


def request_of(
    target: str,
    artifact: ZipArtifact | ImageArtifact | None,
    version: str | None,
    strategy: str | None,
    hotfix: dict[str, str] | None,
) -> Request:
    """Return what a person asks for; raises InputError, so that a typo is told here and starts no execution."""
    written = {
        "target": target,
        "artifact": artifact.model_dump() if artifact else None,
        "version": version,
        "strategy": parse_json(strategy, "--strategy") if strategy and strategy.startswith("{") else strategy,
        "hotfix": hotfix,
    }
    return parse(Request, {name: value for name, value in written.items() if value is not None}, "request")


def execution_input(request: Request) -> str:
    """Return a request as the input of an execution: canonical, as intake writes it."""
    document = request.model_dump(mode="json", exclude_none=True)
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def what_is_asked(request: Request) -> str:
    """Return what is deployed in one line, as records have it."""
    return request.artifact.identity if request.artifact else f"version {request.version}"


def execution_name(request: Request, unique: str) -> str:
    """Return a name for an execution that begins with its target's, as those of events do: it is found by that."""
    what = request.artifact.fingerprint if request.artifact else f"version-{request.version}"[:12]
    return f"{request.target}-{what}-{unique[:12]}"


def start(store: Store, request: Request, machine_arn: str, unique: str) -> str:
    """Start an execution and return its name, which is the deployment's id; raises ControllerError."""
    name = execution_name(request, unique)
    StepFunctionsExecutions(store.client("stepfunctions"), machine_arn).start(name, execution_input(request))
    return name


def is_fine(deployments: Deployments, deployment: Deployment) -> bool:
    """Say whether a deployment has ended with what was asked for being live."""
    if deployment.status is not Status.SKIPPED:
        return deployment.status is Status.PROMOTED
    if deployment.members:  # it had its functions, and found their versions to be of the same code
        return True
    live = deployments.live(deployment.target)
    if live is None:
        return False
    return deployment.what == live.artifact or deployment.version in live.versions.values()


def under_way(deployments: Deployments, target: str, artifact: str) -> str | None:
    """Return the deployment of an artifact that an event, or somebody else, has started, if it goes on.

    Whoever uploads a zip and waits for it would else be told that it is being deployed already.
    """
    live = (d for d in deployments.unfinished() if d.target == target and d.artifact and d.what == artifact)
    return next((d.deployment_id for d in live if d.status is not Status.ROLLBACK_FAILED), None)


def _version_of(store: Store, bucket: str, key: str, version: str | None) -> str | None:
    """Return the version id of an object, empty when it has none; None when there is no such object."""
    wanted = {"VersionId": version} if version else {}
    try:
        with aws_errors(f"s3://{bucket}/{key}", _MISSING_OBJECT):
            found = store.client("s3").head_object(Bucket=bucket, Key=key, **wanted)
    except MissingError:
        return None
    return str(found.get("VersionId", ""))
