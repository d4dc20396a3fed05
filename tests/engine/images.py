"""Images as builders push them: a manifest and a configuration, or an index of such."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from controller.core.image_manifest import DOCKER_LIST, OCI_INDEX, OCI_MANIFEST

OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True, slots=True)
class Built:
    """What was pushed under one digest."""

    manifest: str
    media_type: str
    config: bytes = b""

    @property
    def config_digest(self) -> str:
        """Return the digest by which the manifest names the configuration."""
        return digest_of(self.config)


def digest_of(content: bytes) -> str:
    """Return the digest by which content is addressed."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def built(architecture: str = "arm64", os: str = "linux", layer: str = OCI_LAYER, **changes: Any) -> Built:
    """Return one image of one layer, for a platform as the OCI image specification names it."""
    config = json.dumps({"architecture": architecture, "os": os, "config": {"Cmd": ["app.handler"]}}).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "digest": digest_of(config), "size": len(config)},
        "layers": [{"mediaType": layer, "digest": digest_of(b"a layer"), "size": 30_000_000}],
    }
    return Built(json.dumps(manifest | changes), OCI_MANIFEST, config)


def listed(digest: str, platform: str | None = "linux/arm64", **changes: Any) -> dict[str, Any]:
    """Return what an index says of an image; `platform` is os/architecture or os/architecture/variant."""
    entry: dict[str, Any] = {"mediaType": OCI_MANIFEST, "digest": digest, "size": 1_234}
    if platform:
        entry["platform"] = dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))
    return entry | changes


def attestation(of: str) -> dict[str, Any]:
    """Return what an index of docker buildx says of the attestation of an image."""
    notes = {"vnd.docker.reference.digest": of, "vnd.docker.reference.type": "attestation-manifest"}
    return listed(digest_of(of.encode()), "unknown/unknown", annotations=notes)


def an_index(*entries: dict[str, Any], media_type: str = OCI_INDEX) -> Built:
    """Return an index, or with Docker's media type a manifest list."""
    assert media_type in (OCI_INDEX, DOCKER_LIST)
    return Built(json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": entries}), media_type)
