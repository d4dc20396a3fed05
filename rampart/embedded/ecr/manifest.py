"""Manifests of images: what ECR and Lambda read in them.

OCI image specification: Image Manifest, Image Index; Docker distribution: Image Manifest V 2, Schema 2.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rampart.embedded.wire import ApiError

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_INDEXES = frozenset({OCI_INDEX, "application/vnd.docker.distribution.manifest.list.v2+json"})
_KNOWN = _INDEXES | {OCI_MANIFEST, _DOCKER_MANIFEST}


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest of one image, or an index of several."""

    text: str
    """What was pushed, byte by byte: its digest is the image's."""
    digest: str
    media_type: str
    _members: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def is_index(self) -> bool:
        """Tell whether it lists other manifests."""
        return self.media_type in _INDEXES

    @property
    def artifact_media_type(self) -> str | None:
        """Return what kind of thing the manifest describes; an index has none of its own."""
        # OCI image specification, "Guidelines for Artifact Usage": artifactType, else the config's type.
        kind: str | None = self._members.get("artifactType") or self.config.get("mediaType")
        return kind

    @property
    def config(self) -> Mapping[str, Any]:
        """Return the descriptor of the image's configuration, empty for an index."""
        found: Mapping[str, Any] = self._members.get("config", {})
        return found

    @property
    def layers(self) -> list[Mapping[str, Any]]:
        """Return the descriptors of the image's layers."""
        return list(self._members.get("layers", ()))

    @property
    def children(self) -> list[str]:
        """Return the digests of the manifests that an index lists."""
        return [child["digest"] for child in self._members.get("manifests", ())]

    @property
    def size_bytes(self) -> int:
        """Return the size of configuration and layers as they are stored, 0 for an index."""
        return sum(int(part.get("size", 0)) for part in (self.config, *self.layers))


def digest_of(content: bytes) -> str:
    """Return the digest by which content is addressed."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def read_manifest(text: str, media_type: str | None = None) -> Manifest:
    """Return a manifest; raises ApiError as PutImage does."""
    try:
        members = json.loads(text)
    except ValueError:
        members = None
    if not isinstance(members, dict):
        raise _invalid("Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'")
    # ECR API: PutImage, imageManifestMediaType.
    kind = members.get("mediaType", media_type)
    if kind is None:
        raise _invalid("image manifest mediatype not provided in manifest or parameter")
    if media_type not in (None, kind):
        raise _invalid(f"the manifest says {kind}, imageManifestMediaType says {media_type}")
    if kind not in _KNOWN:
        raise ApiError("NotImplementedException", f"The embedded AWS does not keep manifests of type {kind}.", 501)
    manifest = Manifest(text, digest_of(text.encode()), kind, members)
    parts = (
        members.get("manifests") if manifest.is_index else [members.get("config"), *members.get("layers", [None])]
    )
    whole = isinstance(parts, list) and all(isinstance(part, dict) and "digest" in part for part in parts)
    if not whole:
        raise _invalid("Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid manifest'")
    return manifest


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterException", message)
