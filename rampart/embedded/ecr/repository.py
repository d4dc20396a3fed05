"""One repository: its images by digest, their tags, and what may be done to them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from rampart.embedded.ecr.manifest import Manifest
from rampart.embedded.wire import ACCOUNT, REGION, ApiError

REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
"""The registry of the account, before the slash of an image's URI."""

ImageId = Mapping[str, str]
"""imageDigest, imageTag or both, as the ECR API names an image."""

_DIGEST = re.compile(r"[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+")
# OCI distribution specification, "Pulling manifests": the form of a tag.
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")


class ImageError(Exception):
    """Why nothing can be done with one image; `code` is one of the ECR API's ImageFailureCode."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Image:
    """A manifest that was pushed."""

    manifest: Manifest
    pushed_at: float
    """When its digest was pushed first (seconds since the epoch); a new tag does not change it."""


@dataclass(slots=True)
class Repository:
    """A repository with what it holds; the model's lock guards it."""

    name: str
    created_at: float
    """Seconds since the epoch."""
    mutability: str
    labels: dict[str, str]
    """The repository's tags in the sense of AWS, to keep them apart from those of its images."""
    policy: str | None = None
    lifecycle: str | None = None
    """The lifecycle policy, as it was put."""
    images: dict[str, Image] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    """Digests by tag."""

    @property
    def arn(self) -> str:
        """Return the repository's ARN."""
        return f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{self.name}"

    @property
    def place(self) -> str:
        """Return the repository as ECR's messages name it."""
        return f"repository with name '{self.name}' in the registry with id '{ACCOUNT}'"

    def put(self, manifest: Manifest, tag: str | None, now: float) -> None:
        """Keep a manifest and point a tag at it; raises ApiError when that changes nothing or may not be."""
        digest = manifest.digest
        if tag is not None and not _TAG.fullmatch(tag):
            constraint = f"'must satisfy regular expression '{_TAG.pattern}''"
            message = f"Invalid parameter at 'imageTag' failed to satisfy constraint: {constraint}"
            raise ApiError("InvalidParameterException", message)
        # Even the same image is refused: the tag is there, and it is immutable.
        if tag in self.tags and self.mutability == "IMMUTABLE":
            message = (
                f"The image tag '{tag}' already exists in the '{self.name}' repository "
                "and cannot be overwritten because the repository is immutable."
            )
            raise ApiError("ImageTagAlreadyExistsException", message)
        if digest in self.images and (tag is None or self.tags.get(tag) == digest):
            what = f"'{digest}'" if tag is None else f"'{digest}' and tag '{tag}'"
            raise ApiError(
                "ImageAlreadyExistsException", f"Image with digest {what} already exists in the {self.place}"
            )
        missing = [child for child in manifest.children if child not in self.images]
        if missing:
            message = f"Images with digests '[{', '.join(missing)}]' required for pushing image into {self.place}"
            raise ApiError("ReferencedImagesNotFoundException", f"{message} do not exist")
        self.images.setdefault(digest, Image(manifest, now))
        if tag is not None:
            self.tags[tag] = digest

    def find(self, image_id: ImageId) -> Image:
        """Return the image that an id names; raises ImageError."""
        digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
        if digest is None and tag is None:
            reason = "Invalid request parameters: both tag and digest cannot be null"
            raise ImageError("MissingDigestAndTag", reason)
        if digest is not None and not _DIGEST.fullmatch(digest):
            reason = f"Invalid request parameters: image digest should satisfy the regex '{_DIGEST.pattern}'"
            raise ImageError("InvalidImageDigest", reason)
        found = self.images.get(digest or self.tags.get(tag or "", ""))
        if found is None:
            raise ImageError("ImageNotFound", "Requested image not found")
        if tag is not None and self.tags.get(tag) != found.manifest.digest:
            raise ImageError("ImageTagDoesNotMatchDigest", "Requested image tag does not match its digest")
        return found

    def tags_of(self, digest: str) -> list[str]:
        """Return the tags that point at a digest."""
        return sorted(tag for tag, tagged in self.tags.items() if tagged == digest)

    def size_bytes(self, manifest: Manifest) -> int:
        """Return an image's size; that of an index is "the max size of all manifests in the list" (ECR API)."""
        listed = [self.images[child].manifest for child in manifest.children]
        return max((self.size_bytes(each) for each in listed), default=manifest.size_bytes)

    def delete(self, image_id: ImageId) -> list[dict[str, str]]:
        """Delete an image, or a tag of it when the id has one, and return what went; raises ImageError.

        ECR API, BatchDeleteImage: "When you remove the last tag from an image, the image is deleted".
        """
        digest = self.find(image_id).manifest.digest
        tag = image_id.get("imageTag")
        tags = self.tags_of(digest)
        if tag is None or tags == [tag]:
            users = [each.manifest.digest for each in self.images.values() if digest in each.manifest.children]
            if users:
                reason = f"Requested image referenced by manifest list: [{', '.join(users)}]"
                raise ImageError("ImageReferencedByManifestList", reason)
            del self.images[digest]
        gone = tags if tag is None else [tag]
        for each in gone:
            del self.tags[each]
        return [{"imageDigest": digest, "imageTag": each} for each in gone] or [{"imageDigest": digest}]
