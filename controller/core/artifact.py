"""Artifacts: immutable things to deploy, and the AWS events that announce them."""

import hashlib
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

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


class _Loose(BaseModel):
    # AWS adds fields to its events; what we do not know is none of our business.
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Bucket(_Loose):
    name: str


class _Object(_Loose):
    key: str
    version_id: str | None = Field(default=None, alias="version-id")


class _ObjectCreated(_Loose):
    bucket: _Bucket
    object: _Object


class _Event(_Loose):
    id: str
    source: str
    detail_type: str = Field(alias="detail-type")
    detail: dict[str, Any]


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
    try:
        outer = _Event.model_validate(event)
    except ValidationError as error:
        raise MalformedEventError(
            f"event is not of the shape that EventBridge documents: {_fault(error)}"
        ) from None
    where = f"event {one_line(outer.id, 100)}"
    if (outer.source, outer.detail_type) != ("aws.s3", "Object Created"):
        raise MalformedEventError(
            f"{where}: this controller takes aws.s3 'Object Created', "
            f"not {one_line(outer.source, 60)} {shown(outer.detail_type)}"
        )
    try:
        created = _ObjectCreated.model_validate(outer.detail)
        artifact = _pinned(created, where)
    except ValidationError as error:
        raise MalformedEventError(f"{where}: detail.{_fault(error)}") from None
    return ArtifactEvent(event_id=outer.id, artifact=artifact)


def _pinned(created: _ObjectCreated, where: str) -> ZipArtifact:
    found = created.object
    if not found.version_id or found.version_id == "null":
        name = one_line(f"s3://{created.bucket.name}/{found.key}", 300)
        raise MalformedEventError(
            f"{where}: {name} has no version id; turn on versioning for the bucket, "
            "so that what was tested is what is deployed"
        )
    return ZipArtifact(bucket=created.bucket.name, key=found.key, version_id=found.version_id)


def _fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in fault["loc"])
    message = f"{fault['msg'][0].lower()}{fault['msg'][1:]}"
    if fault["type"] in ("model_type", "dict_type"):  # pydantic would name our class
        message = f"write an object, not {shown(fault['input'])}"
    return f"{place}: {message}" if place else message
