"""Images as docker builds and pushes them: configuration, layer, manifest, and with provenance an index."""

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rampart.embedded.ecr.manifest import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST, digest_of

_TASK_ROOT = "var/task"  # Lambda developer guide: AWS base images for Python, LAMBDA_TASK_ROOT
_ARCHITECTURES = {"arm64": "arm64", "x86_64": "amd64"}
"""The OCI image specification's names of Lambda's architectures."""


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """What is pushed for one image."""

    manifests: tuple[str, ...]
    """In the order of pushing; the last one gets the tags, those before it none."""
    runnable: str
    """The digest of the manifest whose code runs."""
    configs: tuple[bytes, ...]
    """The configurations that the manifests name."""

    @property
    def digest(self) -> str:
        """Return the digest that the tags point at."""
        return digest_of(self.manifests[-1].encode())


def build_image(code: bytes, handler: str, architecture: str, index: bool) -> BuiltImage:
    """Return an image of a zip's files on a base image of Lambda's; the same for the same arguments.

    `architecture` is as Lambda names it. With `index`, the image stands in an index beside a provenance
    attestation, as docker buildx pushes it by default.
    """
    if architecture not in _ARCHITECTURES:
        raise ValueError(f"architecture {architecture!r} is not one of {', '.join(_ARCHITECTURES)}")
    archive = _layer(code)
    platform = {"architecture": _ARCHITECTURES[architecture], "os": "linux"}
    settings = {"Cmd": [handler], "Entrypoint": ["/lambda-entrypoint.sh"], "WorkingDir": f"/{_TASK_ROOT}"}
    layer = _descriptor(OCI_LAYER, gzip.compress(archive, 1, mtime=0))
    config = _config(platform, settings, archive)
    image = _manifest(config, layer)
    digest = digest_of(image)
    if not index:
        return BuiltImage((image.decode(),), digest, (config,))
    # Docker documentation: Image attestation storage.
    statement = _json({"predicateType": "https://slsa.dev/provenance/v0.2", "subject": [{"digest": digest}]})
    about = {"in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2"}
    proof = {**_descriptor("application/vnd.in-toto+json", statement), "annotations": about}
    nowhere = {"architecture": "unknown", "os": "unknown"}
    nothing = _config(nowhere, {}, statement)
    attestation = _manifest(nothing, proof)
    reference = {"vnd.docker.reference.digest": digest, "vnd.docker.reference.type": "attestation-manifest"}
    listed = [
        {**_descriptor(OCI_MANIFEST, image), "platform": platform},
        {**_descriptor(OCI_MANIFEST, attestation), "annotations": reference, "platform": nowhere},
    ]
    whole = _json({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed})
    manifests = (image.decode(), attestation.decode(), whole.decode())
    return BuiltImage(manifests, digest, (config, nothing))


def _config(platform: Mapping[str, str], settings: Mapping[str, Any], content: bytes) -> bytes:
    """Return the configuration of an image of one layer; `content` is the layer before its compression."""
    root = {"type": "layers", "diff_ids": [digest_of(content)]}
    return _json({**platform, "config": settings, "rootfs": root})


def _manifest(config: bytes, layer: Mapping[str, Any]) -> bytes:
    described = _descriptor(OCI_CONFIG, config)
    return _json({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": described, "layers": [layer]})


def _layer(code: bytes) -> bytes:
    """Return a zip's files as the tar of a layer."""
    archive = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(code)) as files, tarfile.open(fileobj=archive, mode="w") as layer:
        for entry in sorted(files.namelist()):
            if not entry.endswith("/"):
                member = tarfile.TarInfo(f"{_TASK_ROOT}/{entry}")
                member.size = files.getinfo(entry).file_size
                layer.addfile(member, io.BytesIO(files.read(entry)))
    return archive.getvalue()


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
