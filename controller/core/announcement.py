"""Announcements: the events of AWS by which a new artifact makes itself known."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from controller.core.artifact import Artifact, ImageArtifact, ZipArtifact
from controller.core.aws_event import Part, read_event
from controller.core.errors import MalformedEventError
from controller.core.wording import one_line, shown


class _Bucket(Part):
    name: str = Field(min_length=3, max_length=63)


class _Object(Part):
    key: str = Field(min_length=1, max_length=1024)
    version_id: str | None = Field(default=None, alias="version-id", max_length=1024)


class _ObjectCreated(Part):
    bucket: _Bucket
    object: _Object


class _ImagePushed(Part):
    # Both kinds of event name these alike; ECR's guide shows the media types in neither.
    result: Literal["SUCCESS"]
    action_type: Literal["PUSH", "REPLICATE"] = Field(alias="action-type")
    repository_name: str = Field(alias="repository-name", max_length=256, pattern=r"^[a-z0-9]+([._/-]+[a-z0-9]+)*$")
    image_digest: str = Field(alias="image-digest", pattern=r"^sha256:[0-9a-f]{64}$")
    image_tag: str | None = Field(default=None, alias="image-tag", max_length=300)


class _Event(Part):
    id: str
    source: str
    detail_type: str = Field(alias="detail-type")
    detail: dict[str, Any]


class _Created(Part):
    detail: _ObjectCreated


class _Pushed(Part):
    account: str = Field(pattern=r"^[0-9]{12}$")
    region: str = Field(pattern=r"^[a-z0-9-]+$")
    detail: _ImagePushed


class Announcement(BaseModel):
    """An artifact that appeared, and the event that said so."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    event_id: str
    artifact: Artifact
    tag: str | None = None
    """The tag under which an image was pushed; None for a zip, and for an image pushed by its digest alone."""


def announcement(event: Any) -> Announcement:
    """Return the artifact that an event announces; raises MalformedEventError.

    Sources: Amazon S3 user guide, "EventBridge event message structure" (the key is plain text there, not
    URL-encoded as in S3's own notifications); Amazon ECR user guide, "Amazon ECR events and EventBridge".
    """
    outer = read_event(_Event, event, "event is not of the shape that EventBridge documents")
    where = f"event {one_line(outer.id, 100)}"
    match outer.source, outer.detail_type:
        case "aws.s3", "Object Created":
            return Announcement(event_id=outer.id, artifact=_zip(read_event(_Created, event, where).detail, where))
        case "aws.ecr", "ECR Image Action" | "ECR Replication Action":
            pushed = read_event(_Pushed, event, where)
            return Announcement(event_id=outer.id, artifact=_image(pushed), tag=pushed.detail.image_tag)
        case _:
            raise MalformedEventError(
                f"{where}: this controller takes aws.s3 'Object Created' and aws.ecr 'ECR Image Action' or "
                f"'ECR Replication Action', not {one_line(outer.source, 60)} {shown(outer.detail_type)}"
            )


def _zip(created: _ObjectCreated, where: str) -> ZipArtifact:
    found = created.object
    if not found.version_id or found.version_id == "null":
        name = one_line(f"s3://{created.bucket.name}/{found.key}", 300)
        raise MalformedEventError(
            f"{where}: {name} has no version id; turn on versioning for the bucket, "
            "so that what was tested is what is deployed"
        )
    return ZipArtifact(bucket=created.bucket.name, key=found.key, version_id=found.version_id)


def _image(pushed: _Pushed) -> ImageArtifact:
    suffix = "amazonaws.com.cn" if pushed.region.startswith("cn-") else "amazonaws.com"
    host = f"{pushed.account}.dkr.ecr.{pushed.region}.{suffix}"
    return ImageArtifact(image=f"{host}/{pushed.detail.repository_name}@{pushed.detail.image_digest}")
