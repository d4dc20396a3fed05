"""Sources: where the artifacts of a target appear."""

import re
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from controller.core.announcement import Announcement
from controller.core.artifact import ImageArtifact, ZipArtifact
from controller.core.document import IMAGE_FORM, ZIP_FORM, Document, form_of, matching
from controller.core.scan import ScanGate

# Signatures, attestations and bills of materials lie beside the image that they are about, under a tag made of its
# digest (cosign; OCI distribution specification, "Referrers Tag Schema").
_OF_ANOTHER_IMAGE = r"sha256-[0-9a-f]{64}(\..*)?"


class ZipSource(Document):
    """Where the zips of a target appear: a bucket and a key, in which * stands for any text."""

    bucket: str = Field(min_length=3, max_length=63)
    """The bucket of the stack's parameter `ArtifactBucket`."""
    key: str = Field(min_length=1, max_length=1024)
    """A key, or a pattern of keys, that starts with the stack's `ArtifactPrefix`; `*` stands for any text."""

    def wants(self, announced: Announcement) -> bool:
        """Say whether what was announced is a zip of this source."""
        artifact = announced.artifact
        return (
            isinstance(artifact, ZipArtifact) and artifact.bucket == self.bucket and _like(self.key, artifact.key)
        )


class ImageSource(Document):
    """Where the images of a target appear: a repository of ECR and a tag, in which * stands for any text."""

    repository: Annotated[
        str,
        matching(
            r"(?=.{2,256}$)[a-z0-9]+([._/-]+[a-z0-9]+)*",
            'write the name of a repository of this account\'s ECR, such as "team/checkout"',
        ),
    ]
    """A repository of this account's ECR that the stack's parameter `ArtifactRepository` covers."""
    tag: Annotated[
        str,
        matching(
            r"(?!\.)[A-Za-z0-9_.*-]{1,128}",
            'write a tag that moves, such as "prod", or a pattern of tags, such as "v*"',
        ),
    ]
    """A tag that moves, such as `prod`, or a pattern of tags, in which `*` stands for any text."""
    scan: ScanGate | None = None
    """What ECR's scan may find in them; null: nobody asks."""

    @property
    def is_fixed(self) -> bool:
        """Whether the target follows one tag; then the tag is the order, and not the age of the images."""
        return "*" not in self.tag

    def wants(self, announced: Announcement) -> bool:
        """Say whether what was announced is an image of this source.

        What is pushed by its digest alone is a part of an index, or somebody's who will start it by hand.
        """
        artifact, tag = announced.artifact, announced.tag
        return (
            isinstance(artifact, ImageArtifact)
            and artifact.repository == self.repository
            and tag is not None
            and not re.fullmatch(_OF_ANOTHER_IMAGE, tag)
            and _like(self.tag, tag)
        )


def _like(pattern: str, text: str) -> bool:
    """Say whether a text is like a pattern in which * stands for any text."""
    first, *rest = (re.escape(part) for part in pattern.split("*"))
    # Each part is taken where it comes first and nowhere else, or many stars would take for ever.
    middle, last = "".join(f"(?>.*?{part})" for part in rest[:-1]), "".join(f".*{part}" for part in rest[-1:])
    return bool(re.fullmatch(f"{first}{middle}{last}", text, re.DOTALL))


def _form(value: Any) -> str:
    return form_of(value, {ZIP_FORM: ZipSource, IMAGE_FORM: ImageSource})


Source = Annotated[
    Annotated[ZipSource, Tag(ZIP_FORM)] | Annotated[ImageSource, Tag(IMAGE_FORM)], Discriminator(_form)
]
"""Where the artifacts of a target appear."""
