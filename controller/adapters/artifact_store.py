"""Artifacts where they are kept: Amazon S3 and Amazon ECR."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from controller.adapters.aws_errors import aws_errors
from controller.core.artifact import Artifact, ImageArtifact, ZipArtifact
from controller.core.errors import DeniedError, MissingError, RefusedError, UnavailableError
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

    def __init__(self, s3: "Callable[[], S3Client]", ecr: "Callable[[], ECRClient]", account: str) -> None:
        """`account` must own the bucket: another could take the name of one that was deleted."""
        self._s3 = s3
        self._ecr = ecr
        self._account = account

    def find(self, artifact: Artifact) -> Stored:
        """Return what is known of an artifact; raises MissingError."""
        match artifact:
            case ZipArtifact():
                try:
                    with aws_errors(f"{artifact.identity} cannot be read", _MISSING_OBJECT):
                        found = self._s3().head_object(
                            Bucket=artifact.bucket,
                            Key=artifact.key,
                            VersionId=artifact.version_id,
                            ExpectedBucketOwner=self._account,
                        )
                except DeniedError as denied:
                    raise DeniedError(f"{denied} (is its bucket of account {self._account}?)") from denied
                return Stored(found["LastModified"], size_bytes=found["ContentLength"])
            case ImageArtifact():
                with aws_errors(f"{artifact.identity} cannot be read", _MISSING_IMAGE):
                    (image,) = self._ecr().describe_images(
                        registryId=artifact.registry,
                        repositoryName=artifact.repository,
                        imageIds=[{"imageDigest": artifact.digest}],
                    )["imageDetails"]
                return Stored(image["imagePushedAt"], image.get("imageManifestMediaType") in _INDEXES)

    def read(self, artifact: ZipArtifact, start: int, size_bytes: int) -> bytes:
        """Return so many bytes of a zip, all of which must be there; raises MissingError or UnavailableError."""
        with aws_errors(f"{artifact.identity} cannot be read", _MISSING_OBJECT):
            answer = self._s3().get_object(
                Bucket=artifact.bucket,
                Key=artifact.key,
                VersionId=artifact.version_id,
                ExpectedBucketOwner=self._account,
                Range=f"bytes={start}-{start + size_bytes - 1}",
            )
            found = answer["Body"].read(size_bytes)
        # Another range than was asked for would be taken for what is in the zip.
        if len(found) != size_bytes or not answer.get("ContentRange", "").startswith(f"bytes {start}-"):
            raise UnavailableError(f"{artifact.identity} cannot be read: {len(found)} of {size_bytes} bytes came")
        return found

    def current(self, artifact: Artifact, tag: str | None) -> str | None:
        """Return the identity of what the zip's key, or a tag of the image's repository, names now, if anything."""
        try:
            match artifact:
                case ZipArtifact(bucket=bucket, key=key):
                    with aws_errors(f"s3://{bucket}/{key} cannot be read", _MISSING_OBJECT):
                        latest = self._s3().head_object(Bucket=bucket, Key=key, ExpectedBucketOwner=self._account)
                    return artifact.model_copy(update={"version_id": latest.get("VersionId", "null")}).identity
                case ImageArtifact(registry=registry, repository=repository):
                    with aws_errors(f"tag {tag} of repository {repository} cannot be read", _MISSING_IMAGE):
                        (image,) = self._ecr().describe_images(
                            registryId=registry, repositoryName=repository, imageIds=[{"imageTag": str(tag)}]
                        )["imageDetails"]
                    return artifact.at(image["imageDigest"])
        except MissingError:
            return None
