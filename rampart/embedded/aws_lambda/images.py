"""Container images as the Lambda API takes them in: found in ECR, checked as Lambda checks them, pinned by digest.

Nothing can be pulled here. An image behaves as it was told to when it was pushed (EmbeddedAws.push_image),
and that is remembered by its digest.
"""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from rampart.embedded.ecr.manifest import Manifest
from rampart.embedded.ecr.repository import REGISTRY
from rampart.embedded.wire import ApiError

Find = Callable[[str, str], Manifest | None]
"""Takes a repository and a tag or a digest, and returns the manifest that ECR has there."""

_URI = re.compile(
    r"(?P<registry>\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com)/(?P<repository>[a-z0-9._/-]+)"
    r"(?::(?P<tag>[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127})|@(?P<digest>sha256:[0-9a-f]{64}))"
)
# Lambda developer guide: Create a Lambda function using a container image, "Docker image manifest V2,
# schema 2" and "OCI Specifications (v1.0.0 and up)"; no multi-architecture images.
_CONFIGS = frozenset({"application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json"})
_LAYERS = frozenset(
    {
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.v1.tar+gzip",
    }
)


@dataclass(frozen=True, slots=True)
class ImageCode:
    """The code of a version that is a container image: pinned by digest, whatever happens to its tags."""

    uri: str = field(compare=False)
    """The image as the caller named it."""
    repository: str
    digest: str

    @property
    def sha256(self) -> str:
        """Return CodeSha256, which is the digest in hexadecimal."""
        return self.digest.removeprefix("sha256:")

    @property
    def size(self) -> int:
        """Return CodeSize: 0, since the code stays in ECR."""
        return 0

    @property
    def resolved_uri(self) -> str:
        """Return the image's URI by digest."""
        return f"{REGISTRY}/{self.repository}@{self.digest}"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What an image does: the files of a zip, the handler in its CMD, and what it was built for."""

    code: bytes = field(repr=False)
    handler: str
    architecture: str


class Images:
    """The images that Lambda can see."""

    def __init__(self, find: Find = lambda repository, reference: None) -> None:
        """Look images up with `find`; without it there are none."""
        self._find = find
        self._lock = threading.Lock()
        self._behaviours: dict[str, Behaviour] = {}

    def remember(self, digest: str, behaviour: Behaviour) -> None:
        """Take note of what the image with this digest does."""
        with self._lock:
            self._behaviours[digest] = behaviour

    def behaviour(self, code: ImageCode) -> Behaviour:
        """Return what an image does; raises ApiError if nobody said."""
        with self._lock:
            found = self._behaviours.get(code.digest)
        if found is None:
            message = (
                f"The embedded AWS cannot run {code.resolved_uri}, since it pulls nothing: "
                "push the image with EmbeddedAws.push_image, which says what it does."
            )
            raise ApiError("NotImplementedException", message, 501)
        return found

    def is_there(self, code: ImageCode) -> bool:
        """Tell whether ECR still has an image."""
        return self._find(code.repository, code.digest) is not None

    def resolve(self, uri: str) -> ImageCode:
        """Return the image that a URI names; raises ApiError as Lambda does for one that it cannot run."""
        named = _URI.fullmatch(uri)
        if named is None:
            raise _refused(f"Source image {uri} is not valid. Provide a valid source image.")
        if named["registry"] != REGISTRY:
            message = f"The embedded AWS has the registry {REGISTRY} only, and not the one of {uri}."
            raise ApiError("NotImplementedException", message, 501)
        manifest = self._find(named["repository"], named["digest"] or named["tag"])
        if manifest is None:
            raise _refused(f"Source image {uri} does not exist. Provide a valid source image.")
        layers = {layer.get("mediaType") for layer in manifest.layers}
        if manifest.config.get("mediaType") not in _CONFIGS or not layers <= _LAYERS:  # an index has no config
            what = "The image manifest, config or layer media type for the source image"
            raise _refused(f"{what} {uri} is not supported.")
        return ImageCode(uri, named["repository"], manifest.digest)


def repository_of(uri: str) -> str | None:
    """Return the repository of this account's registry that an image's URI names, if it names one."""
    named = _URI.fullmatch(uri)
    return named["repository"] if named is not None and named["registry"] == REGISTRY else None


def _refused(message: str) -> ApiError:
    return ApiError("InvalidParameterValueException", message)
