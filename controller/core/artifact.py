"""Artifacts: immutable things to deploy, and the AWS events that announce them."""

import hashlib
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from controller.core.aws_event import Part, read_event
from controller.core.document import Document
from controller.core.errors import MalformedEventError
from controller.core.wording import escaped, one_line, shown


class ZipArtifact(Document):
    """One version of one S3 object; never a key alone, which somebody may overwrite."""

    kind: Literal["zip"] = "zip"
    bucket: str = Field(min_length=3, max_length=63)
    key: str = Field(min_length=1, max_length=1024)
    version_id: str = Field(min_length=1, max_length=1024)

    @property
    def identity(self) -> str:
        """The artifact in one line: equal for equal artifacts."""
        return escaped(f"s3://{self.bucket}/{self.key}@{self.version_id}")

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that stand for the identity in names."""
        return hashlib.sha256(self.identity.encode()).hexdigest()[:12]


class _Bucket(Part):
    name: str = Field(min_length=3, max_length=63)


class _Object(Part):
    key: str = Field(min_length=1, max_length=1024)
    version_id: str | None = Field(default=None, alias="version-id", max_length=1024)


class _ObjectCreated(Part):
    bucket: _Bucket
    object: _Object


class _Event(Part):
    id: str
    source: str
    detail_type: str = Field(alias="detail-type")
    detail: dict[str, Any]


class _Created(Part):
    detail: _ObjectCreated


class ArtifactEvent(BaseModel):
    """An artifact that appeared, and the event that said so."""

    model_config = ConfigDict(frozen=True)

    event_id: str
    artifact: ZipArtifact


def artifact_event(event: Any) -> ArtifactEvent:
    """Return the artifact that an S3 "Object Created" event announces; raises MalformedEventError.

    Source: Amazon S3 user guide, "EventBridge event message structure". In EventBridge the key is plain text,
    not URL-encoded as in S3's own notifications.
    """
    outer = read_event(_Event, event, "event is not of the shape that EventBridge documents")
    where = f"event {one_line(outer.id, 100)}"
    if (outer.source, outer.detail_type) != ("aws.s3", "Object Created"):
        raise MalformedEventError(
            f"{where}: this controller takes aws.s3 'Object Created', "
            f"not {one_line(outer.source, 60)} {shown(outer.detail_type)}"
        )
    created = read_event(_Created, event, where).detail
    return ArtifactEvent(event_id=outer.id, artifact=_pinned(created, where))


def _pinned(created: _ObjectCreated, where: str) -> ZipArtifact:
    found = created.object
    if not found.version_id or found.version_id == "null":
        name = one_line(f"s3://{created.bucket.name}/{found.key}", 300)
        raise MalformedEventError(
            f"{where}: {name} has no version id; turn on versioning for the bucket, "
            "so that what was tested is what is deployed"
        )
    return ZipArtifact(bucket=created.bucket.name, key=found.key, version_id=found.version_id)
