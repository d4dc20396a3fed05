"""Artifacts in memory: what was uploaded and pushed, and what keys and tags name, as strict as S3 and ECR."""

import dataclasses

from controller.core.artifact import Artifact, ImageArtifact, ZipArtifact
from controller.core.errors import (
    ControllerError,
    MissingError,
    RefusedError,
    UnavailableError,
)
from controller.core.image_manifest import Descriptor, Manifest
from controller.core.scan import Scan
from controller.ports import Stored
from tests.engine.images import Built, built


class MemoryArtifacts:
    """Zips and images by identity, and what keys and tags name now."""

    def __init__(self) -> None:
        self.stored: dict[str, Stored] = {}
        self.scans: dict[str, Scan] = {}
        """Scans by the identity of their image."""
        self.clean_ups: dict[str, str] = {}
        """Lifecycle policies by repository."""
        self._built: dict[str, Built] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._zips: dict[str, bytes] = {}

    def put(
        self,
        artifact: Artifact,
        stored: Stored,
        tag: str | None = None,
        what: Built | None = None,
        data: bytes = b"",
    ) -> None:
        """Keep an artifact; a zip's key, or the tag of an image, names it from now on.

        `what` is what was built and pushed, by default one image for linux/arm64; `data` are the bytes of a zip.
        """
        self.stored.setdefault(artifact.identity, dataclasses.replace(stored, size_bytes=len(data)))
        self._zips.setdefault(artifact.identity, data)
        if isinstance(artifact, ImageArtifact):
            self._built.setdefault(artifact.identity, what or built())
        if tag or isinstance(artifact, ZipArtifact):
            self._names[self._name(artifact, tag)] = artifact.identity

    def forget(self, artifact: Artifact, tag: str | None = None) -> None:
        """Lose the key or the tag, and with a zip's key nothing else."""
        self._names.pop(self._name(artifact, tag), None)

    def lose(self, artifact: Artifact) -> None:
        """Delete an artifact itself."""
        del self.stored[artifact.identity]

    def clean_up(self, image: ImageArtifact) -> str | None:
        """Return the lifecycle policy of an image's repository, or None."""
        return self.clean_ups.get(image.repository)

    def find(self, artifact: Artifact) -> Stored:
        """Return what is known of an artifact; raises MissingError."""
        if artifact.identity not in self.stored:
            raise MissingError(f"{artifact.identity} cannot be read: there is no such artifact")
        tags = (name for (where, name), identity in self._names.items() if identity == artifact.identity)
        is_image = isinstance(artifact, ImageArtifact)
        return dataclasses.replace(self.stored[artifact.identity], tags=tuple(tags) if is_image else ())

    def read(self, artifact: ZipArtifact, start: int, size_bytes: int) -> bytes:
        """Return so many bytes of a zip; S3 knows no empty range, and none that begins after the end."""
        self.find(artifact)
        data = self._zips[artifact.identity]
        if not 0 <= start < len(data) or size_bytes < 1:
            raise ControllerError(f"{artifact.identity} cannot be read: The requested range is not satisfiable")
        if start + size_bytes > len(data):
            raise UnavailableError(f"{artifact.identity} cannot be read: not all of the bytes came")
        return data[start : start + size_bytes]

    def current(self, artifact: Artifact, tag: str | None) -> str | None:
        """Return the identity of what the zip's key, or a tag of the image's repository, names now, if anything."""
        return self._names.get(self._name(artifact, tag))

    def manifest(self, image: ImageArtifact) -> Manifest:
        """Return the manifest of an image, or an index; raises MissingError."""
        if image.identity not in self._built:
            raise MissingError(f"{image.identity} cannot be read: there is no such image")
        pushed = self._built[image.identity]
        return Manifest(image.identity, pushed.manifest, pushed.media_type)

    def config(self, image: ImageArtifact, config: Descriptor) -> bytes:
        """Return a configuration; as in ECR, only one that a manifest of the repository names."""
        found = {
            pushed.config_digest: pushed.config
            for identity, pushed in self._built.items()
            if ImageArtifact(image=identity).repository == image.repository
        }
        if config.digest not in found:
            raise RefusedError(f"{config.digest} of {image.identity} cannot be read: no image refers to it")
        return found[config.digest]

    def scan(self, image: ImageArtifact) -> Scan:
        """Return what the scan of an image has found so far."""
        return self.scans.get(image.identity, Scan(None, {}))

    def _name(self, artifact: Artifact, tag: str | None) -> tuple[str, str]:
        match artifact:
            case ZipArtifact():
                return artifact.bucket, artifact.key
            case ImageArtifact():
                return artifact.repository, str(tag)
