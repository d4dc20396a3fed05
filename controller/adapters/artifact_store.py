"""Artifacts where they are kept: Amazon S3 and Amazon ECR."""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session
from botocore.response import StreamingBody

from controller.adapters.aws_errors import aws_errors
from controller.core.artifact import Artifact, ImageArtifact, ZipArtifact
from controller.core.errors import ControllerError, DeniedError, MissingError, RefusedError, UnavailableError
from controller.core.image_manifest import ACCEPTED, Descriptor, Manifest
from controller.core.scan import Scan
from controller.ports import Stored

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_s3 import S3Client

# HEAD has no body that could carry a code, so that the code is the HTTP status.
_MISSING_OBJECT = {
    **dict.fromkeys(("404", "405", "NoSuchVersion"), MissingError),
    "400": RefusedError,  # a version id that is none
    "403": DeniedError,
}
_MISSING_CONFIG = {"LayersNotFoundException": RefusedError, "LayerInaccessibleException": RefusedError}
_FAILURES: dict[str, type[ControllerError]] = {
    "ImageNotFound": MissingError,
    "UpstreamTooManyRequests": UnavailableError,
    "UpstreamUnavailable": UnavailableError,
}
"""ECR API reference, ImageFailure, failureCode: those of a pull through cache pass."""
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
                if image.get("imageStatus", "ACTIVE") != "ACTIVE":
                    raise RefusedError(f"{artifact.identity} is {image['imageStatus']} in ECR; restore it first")
                return Stored(image["imagePushedAt"], tags=tuple(image.get("imageTags", ())))

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

    def manifest(self, image: ImageArtifact) -> Manifest:
        """Return the manifest of an image, or an index; raises MissingError."""
        with aws_errors(f"{image.identity} cannot be read", _MISSING_IMAGE):
            found = self._ecr().batch_get_image(
                registryId=image.registry,
                repositoryName=image.repository,
                imageIds=[{"imageDigest": image.digest}],
                acceptedMediaTypes=list(ACCEPTED),
            )
        for failure in found["failures"]:
            kind = _FAILURES.get(failure.get("failureCode", ""), RefusedError)
            raise kind(f"{image.identity} cannot be read: {failure.get('failureReason', failure)}")
        (read,) = found["images"]
        return Manifest(image.identity, read["imageManifest"], read.get("imageManifestMediaType"))

    def config(self, image: ImageArtifact, config: Descriptor) -> bytes:
        """Return the configuration that an image's manifest names, whole and as it was pushed.

        ECR keeps it as it keeps layers. What comes from S3 is believed by its digest alone.
        """
        doing = f"the configuration of {image.identity} cannot be read"
        with aws_errors(doing, _MISSING_CONFIG):
            url = self._ecr().get_download_url_for_layer(
                registryId=image.registry, repositoryName=image.repository, layerDigest=config.digest
            )["downloadUrl"]
        try:
            content = _downloaded(url, config.size)
        except BotoCoreError as error:  # its text has the URL, by which anybody may read the layer for a while
            raise UnavailableError(f"{doing}: the download has failed ({type(error).__name__})") from None
        if f"sha256:{hashlib.sha256(content).hexdigest()}" != config.digest:
            raise UnavailableError(f"{doing}: what came is not what the manifest names")
        return content

    def clean_up(self, image: ImageArtifact) -> str | None:
        """Return the lifecycle policy of an image's repository as its JSON, or None."""
        where = f"the lifecycle policy of repository {image.repository}"
        try:
            with aws_errors(where, {"LifecyclePolicyNotFoundException": MissingError}):
                found = self._ecr().get_lifecycle_policy(registryId=image.registry, repositoryName=image.repository)
        except MissingError:
            return None
        return found["lifecyclePolicyText"]

    def scan(self, image: ImageArtifact) -> Scan:
        """Return what the scan of an image has found so far."""
        try:
            with aws_errors(f"the scan of {image.identity}", {"ScanNotFoundException": MissingError}):
                found = self._ecr().describe_image_scan_findings(
                    registryId=image.registry,
                    repositoryName=image.repository,
                    imageId={"imageDigest": image.digest},
                    maxResults=1,  # the counts are of all of them
                )
        except MissingError:
            return Scan(None, {})
        counts = found.get("imageScanFindings", {}).get("findingSeverityCounts", {})
        return Scan(
            found.get("imageScanStatus", {}).get("status"),
            {str(severity): number for severity, number in counts.items()},
        )


def _downloaded(url: str, size: int) -> bytes:
    """Return what lies at a signed URL of S3, of which no more than a byte beyond `size` is read."""
    session = URLLib3Session(timeout=10)
    try:
        response = session.send(AWSRequest("GET", url, stream_output=True).prepare())
        return bytes(StreamingBody(response.raw, size).read(size + 1))
    finally:
        session.close()
