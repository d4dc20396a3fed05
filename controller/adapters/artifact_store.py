"""Artifacts where they are kept: Amazon S3 and Amazon ECR."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from controller.adapters.aws_errors import aws_errors
from controller.core.artifact import Artifact, ImageArtifact, ZipArtifact
from controller.core.errors import DeniedError, MissingError, RefusedError
from controller.ports import Stored

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_s3 import S3Client

_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
# HEAD has no body that could carry a code, so that the code is the HTTP status.
_MISSING_OBJECT = {
    **dict.fromkeys(("404", "405", "NoSuchVersion"), MissingError),
    "400": RefusedError,  # a version id that is none
    "403": DeniedError,
}
_MISSING_IMAGE = {"ImageNotFoundException": MissingError, "RepositoryNotFoundException": MissingError}


class ArtifactStore:
    """S3 and ECR through boto3 clients, each made when an artifact of its kind is first asked for."""

    def __init__(self, s3: "Callable[[], S3Client]", ecr: "Callable[[], ECRClient]") -> None:
        self._s3 = s3
        self._ecr = ecr

    def find(self, artifact: Artifact) -> Stored:
        """Return what is known of an artifact; raises MissingError."""
        match artifact:
            case ZipArtifact():
                with aws_errors(f"{artifact.identity} cannot be read", _MISSING_OBJECT):
                    found = self._s3().head_object(
                        Bucket=artifact.bucket, Key=artifact.key, VersionId=artifact.version_id
                    )
                return Stored(found["LastModified"])
            case ImageArtifact():
                with aws_errors(f"{artifact.identity} cannot be read", _MISSING_IMAGE):
                    (image,) = self._ecr().describe_images(
                        registryId=artifact.registry,
                        repositoryName=artifact.repository,
                        imageIds=[{"imageDigest": artifact.digest}],
                    )["imageDetails"]
                return Stored(image["imagePushedAt"], image.get("imageManifestMediaType") in _INDEXES)

    def current(self, artifact: Artifact, tag: str | None) -> str | None:
        """Return the identity of what the zip's key, or a tag of the image's repository, names now, if anything."""
        try:
            match artifact:
                case ZipArtifact(bucket=bucket, key=key):
                    with aws_errors(f"s3://{bucket}/{key} cannot be read", _MISSING_OBJECT):
                        latest = self._s3().head_object(Bucket=bucket, Key=key)
                    return artifact.model_copy(update={"version_id": latest.get("VersionId", "null")}).identity
                case ImageArtifact(registry=registry, repository=repository):
                    with aws_errors(f"tag {tag} of repository {repository} cannot be read", _MISSING_IMAGE):
                        (image,) = self._ecr().describe_images(
                            registryId=registry, repositoryName=repository, imageIds=[{"imageTag": str(tag)}]
                        )["imageDetails"]
                    return artifact.at(image["imageDigest"])
        except MissingError:
            return None
