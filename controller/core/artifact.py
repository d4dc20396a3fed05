"""Artifacts: immutable things to deploy. One version of one S3 object, or one container image by its digest."""

import hashlib
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from controller.core.document import IMAGE_FORM, ZIP_FORM, Document, form_of
from controller.core.wording import escaped, shown

_IMAGE = (
    r"(?P<registry>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?"
    r"/(?P<repository>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)@(?P<digest>sha256:[0-9a-f]{64})"
)


class _Artifact(Document):
    @property
    def identity(self) -> str:
        """The artifact in one line: equal for equal artifacts."""
        raise NotImplementedError

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that stand for the identity in names."""
        return hashlib.sha256(self.identity.encode()).hexdigest()[:12]


class ZipArtifact(_Artifact):
    """One version of one S3 object; never a key alone, which somebody may overwrite."""

    kind: Literal["zip"] = "zip"
    bucket: str = Field(min_length=3, max_length=63)
    key: str = Field(min_length=1, max_length=1024)
    version_id: str = Field(min_length=1, max_length=1024)

    @property
    def identity(self) -> str:
        """The artifact in one line: equal for equal artifacts."""
        return escaped(f"s3://{self.bucket}/{self.key}@{self.version_id}")


def _pinned(uri: str) -> str:
    if len(uri) > 1024 or not re.fullmatch(_IMAGE, uri):
        raise ValueError(
            'write an image of ECR by its digest, "ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@sha256:…" '
            f"(a tag may move), not {shown(uri)}"
        )
    return uri


class ImageArtifact(_Artifact):
    """One container image in ECR by its digest; never a tag, which somebody may move."""

    kind: Literal["image"] = "image"
    image: Annotated[str, AfterValidator(_pinned)]

    @property
    def identity(self) -> str:
        """The artifact in one line: equal for equal artifacts."""
        return self.image

    @property
    def registry(self) -> str:
        """The account whose registry has the image."""
        return self._part("registry")

    @property
    def region(self) -> str:
        """The region of the registry."""
        return self._part("region")

    @property
    def repository(self) -> str:
        """The name of the image's repository."""
        return self._part("repository")

    @property
    def digest(self) -> str:
        """The digest of the image's manifest, sha256:…"""
        return self._part("digest")

    def _part(self, name: str) -> str:
        found = re.fullmatch(_IMAGE, self.image)
        return found[name] if found else ""

    def at(self, digest: str) -> str:
        """Return the identity of another image of the same repository."""
        return f"{self.image.partition('@')[0]}@{digest}"


Artifact = ZipArtifact | ImageArtifact


def _form(value: Any) -> str:
    return form_of(value, {ZIP_FORM: ZipArtifact, IMAGE_FORM: ImageArtifact})


WrittenArtifact = Annotated[
    Annotated[ZipArtifact, Tag(ZIP_FORM)] | Annotated[ImageArtifact, Tag(IMAGE_FORM)], Discriminator(_form)
]
"""An artifact as a field of a document."""
