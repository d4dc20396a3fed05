"""Manifests of images, judged as Lambda takes them: which image of an index a function runs, and what none runs.

Sources: OCI image specification, "Image Manifest", "Image Index", "Guidelines for Artifact Usage"; Docker
distribution, "Image Manifest V 2, Schema 2"; Docker documentation, "Image attestation storage"; Lambda developer
guide, "Create a Lambda function using a container image" and "Lambda quotas". That Lambda names the media type of
a layer when it refuses an image is its own message, which no page documents.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from controller.core.errors import RefusedError
from controller.core.wording import one_line

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_SCHEMA_1 = (
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
)
_OCI_ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"
ACCEPTED = (OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST, *_SCHEMA_1, _OCI_ARTIFACT)
"""What ECR may answer with: whatever was pushed, so that it is judged here and nothing is converted."""

MAX_MANIFEST_BYTES = 25_400
MAX_IMAGE_BYTES = 10 * 1024**3
MAX_CONFIG_BYTES = 1024**2
"""How much of a configuration is read; those that builders write have some thousand bytes."""

_INDEXES = (OCI_INDEX, DOCKER_LIST)
_IMAGES = (OCI_MANIFEST, DOCKER_MANIFEST)
_CONFIGS = ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")
_LAYERS = (
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
)
_ATTESTATION = "attestation-manifest"
_ARCHITECTURES = {"arm64": "arm64", "x86_64": "amd64"}
"""What the OCI image specification calls Lambda's architectures."""
# The variants that Lambda's processors run, the plainest first: Graviton2 is Armv8.2; on x86_64 there is AVX2
# (Lambda developer guide, "Using AVX2 vectorization in Lambda"), and AVX-512 is not promised.
_VARIANTS = {"arm64": (None, "v8"), "amd64": (None, "v1", "v2", "v3")}
_BUILD = "docker buildx build --platform linux/{} --push"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class _Platform(_Part):
    architecture: str = ""
    os: str = ""
    variant: str | None = None

    def __str__(self) -> str:
        return one_line("/".join(filter(None, (self.os, self.architecture, self.variant))), 60) or "nothing"


Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}\z")]


class Descriptor(_Part):
    """What a manifest says of a part of an image, or an index of an image."""

    media_type: str = Field(default="", alias="mediaType")
    digest: Digest
    size: int = Field(ge=0)
    platform: _Platform | None = None
    annotations: dict[str, str] | None = None
    artifact_type: str | None = Field(default=None, alias="artifactType")

    @property
    def _is_image(self) -> bool:
        """Whether it may run somewhere: attestations, signatures and bills of materials do not."""
        notes = self.annotations or {}
        if notes.get("vnd.docker.reference.type") == _ATTESTATION or self.artifact_type:
            return False
        nowhere = self.platform is not None and self.platform.architecture == self.platform.os == "unknown"
        return self.media_type in _IMAGES and not nowhere


class _Index(_Part):
    manifests: list[Descriptor]


class _Manifest(_Part):
    config: Descriptor
    layers: list[Descriptor]
    artifact_type: str | None = Field(default=None, alias="artifactType")


class _Kind(_Part):
    schema_version: int | None = Field(default=None, alias="schemaVersion")
    media_type: str | None = Field(default=None, alias="mediaType")
    manifests: Any = None


P = TypeVar("P", bound=_Part)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest or an index as it was pushed."""

    what: str
    """The image or index by its digest, for people."""
    text: str
    media_type: str | None = None
    """What ECR says that it is."""


def child_of(pushed: Manifest, function: str, architecture: str) -> str | None:
    """Return the digest of an index's image for a function of Lambda's `architecture`, None for what is no index.

    Raises RefusedError when the index has none. The first of several equal ones is taken, as the OCI
    image specification says; one that stands alone and names no platform is judged by its configuration.
    """
    if _kind(pushed) not in _INDEXES:
        return None
    listed = [child for child in _read(_Index, pushed).manifests if child._is_image]
    wanted = _ARCHITECTURES.get(architecture, architecture)
    for variant in _VARIANTS.get(wanted, (None,)):
        for child in listed:
            at = child.platform
            if at and (at.os, at.architecture, at.variant or None) == ("linux", wanted, variant):
                return child.digest
    if len(listed) == 1 and listed[0].platform is None:
        return listed[0].digest
    there = ", ".join(sorted({str(child.platform or "no platform") for child in listed})) or "nothing that runs"
    raise RefusedError(
        f"{pushed.what} is an index of {one_line(there, 200)}, without an image for function {function}, which is "
        f"{architecture}; push one with: {_BUILD.format(wanted)}"
    )


def config_of(image: Manifest) -> Descriptor:
    """Return the configuration that a manifest names; raises RefusedError when Lambda does not take it."""
    kind = _kind(image)
    if kind in _SCHEMA_1:
        raise _refusal(image, "has a manifest of Docker's schema 1; push it again with Docker 1.10 or newer")
    if kind not in _IMAGES:
        raise _refusal(image, f"is no image but {one_line(kind or 'of no known type', 100)}; {_FOLLOW}")
    manifest = _read(_Manifest, image)
    if manifest.config.media_type not in _CONFIGS or manifest.artifact_type:
        said = manifest.artifact_type or manifest.config.media_type or "of no known type"
        raise _refusal(image, f"is no image but {one_line(said, 100)}; {_FOLLOW}")
    for layer in manifest.layers:
        _check_layer(image, layer)
    if not manifest.layers:
        raise _refusal(image, "has no layers, hence no code; build it from a base image of Lambda's")
    _check_size(image, manifest)
    return manifest.config


_FOLLOW = "let the target's tag name images alone"


def _check_layer(image: Manifest, layer: Descriptor) -> None:
    if layer.media_type in _LAYERS:
        return
    if layer.media_type.endswith("zstd"):
        flags = "--output type=image,push=true,compression=gzip,force-compression=true"
        raise _refusal(image, f"has layers packed with zstd; pack them with gzip: docker buildx build {flags}")
    said = one_line(layer.media_type or "no known type", 100)
    raise _refusal(image, f"has a layer that is {said}, and no tar with or without gzip; {_FOLLOW}")


def _check_size(image: Manifest, manifest: _Manifest) -> None:
    """Refuse what is too large for certain: layers are listed packed, and Lambda counts them unpacked."""
    packed = sum(layer.size for layer in manifest.layers)
    if packed > MAX_IMAGE_BYTES:
        raise _refusal(
            image,
            f"has {packed / 1024**3:.1f} GB of layers before they are unpacked, and Lambda takes 10 GB unpacked; "
            "leave out what the function does not need",
        )
    length = len(_encoded(image.text))
    if length >= MAX_MANIFEST_BYTES:
        raise _refusal(
            image,
            f"has a manifest of {length:,} bytes with {len(manifest.layers)} layers, and Lambda takes less than "
            f"{MAX_MANIFEST_BYTES:,}; join layers in the Dockerfile",
        )
    if manifest.config.size > MAX_CONFIG_BYTES:
        raise _refusal(
            image,
            f"has a configuration of {manifest.config.size:,} bytes, of which {MAX_CONFIG_BYTES:,} are read; "
            "leave out labels and history",
        )


def check_platform(image: Manifest, config: bytes, function: str, architecture: str) -> None:
    """Raise RefusedError unless an image's configuration says that it runs on a function's processor."""
    try:
        built_for = _Platform.model_validate_json(config)
    except ValidationError as error:
        raise _refusal(image, "has a configuration that cannot be read; build it again") from error
    wanted = _ARCHITECTURES.get(architecture, architecture)
    if (built_for.os, built_for.architecture) != ("linux", wanted):
        raise _refusal(
            image,
            f"is built for {built_for}, and function {function} is {architecture}; build it with: "
            f"{_BUILD.format(wanted)}",
        )


def _kind(pushed: Manifest) -> str | None:
    """Return the media type: what ECR says, else the manifest itself, else what it looks like."""
    said = _read(_Kind, pushed)
    if said.schema_version == 1:
        return _SCHEMA_1[0]
    kind = pushed.media_type or said.media_type
    if kind is None and said.schema_version == 2:  # OCI image specification 1.0: mediaType may be left out
        return OCI_MANIFEST if said.manifests is None else OCI_INDEX
    return kind


def _read(model: type[P], pushed: Manifest) -> P:
    try:
        return model.model_validate_json(_encoded(pushed.text))
    except ValidationError as error:
        fault: Mapping[str, Any] = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise _refusal(
            pushed,
            f"has a manifest that is none ({one_line(where or 'not JSON', 60)}: {one_line(fault['msg'], 100)}); "
            "build and push it again",
        ) from error


def _encoded(text: str) -> bytes:
    return text.encode(errors="replace")


def _refusal(image: Manifest, fault: str) -> RefusedError:
    return RefusedError(f"{image.what} {fault}")
