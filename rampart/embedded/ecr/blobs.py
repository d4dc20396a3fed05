"""What manifests refer to, such as configurations: kept by digest, and downloaded from signed addresses.

ECR API: GetDownloadUrlForLayer, "You can only get URLs for image layers that are referenced in an image".
"""

import hmac
import secrets
from collections.abc import Callable, Iterable
from http import HTTPStatus
from urllib.parse import parse_qs, urlencode

from rampart.embedded.clock import Clock
from rampart.embedded.ecr.manifest import Manifest, digest_of
from rampart.embedded.wire import ApiError
from rampart.embedded.wire_format import Request, Response

_PATH = "/ecr-layers/"
_EXPIRES_SECONDS = 3_600


class Blobs:
    """The blobs of a registry."""

    def __init__(self, clock: Clock, url: str) -> None:
        """`url` is where the account answers."""
        self._clock = clock
        self._url = url
        self._secret = secrets.token_bytes()
        self._kept: dict[str, bytes] = {}

    def keep(self, contents: Iterable[bytes]) -> None:
        """Keep blobs, as an upload does; layers, which nothing here reads, need not be uploaded."""
        self._kept |= {digest_of(content): content for content in contents}

    def link(self, digest: str, manifests: Iterable[Manifest]) -> str:
        """Return where a blob of a repository with these manifests can be downloaded; raises ApiError."""
        referenced = {part["digest"] for each in manifests for part in (each.config, *each.layers) if part}
        if digest not in referenced and digest in self._kept:
            message = "The specified layer is not available because it is not associated with an image."
            raise ApiError("LayerInaccessibleException", message)
        if digest not in referenced:
            raise ApiError("LayersNotFoundException", f"The layer with digest '{digest}' could not be found.")
        if digest not in self._kept:
            message = f"The embedded AWS was not given {digest}: push the image with EmbeddedAws.push_image."
            raise ApiError("NotImplementedException", message, 501)
        expires = f"{self._clock.now() + _EXPIRES_SECONDS:.0f}"
        query = urlencode({"Expires": expires, "Signature": self._signature(digest, expires)})
        return f"{self._url}{_PATH}{digest}?{query}"

    def before(self, answer: Callable[[Request], Response]) -> Callable[[Request], Response]:
        """Return what answers downloads, and leaves every other request to `answer`."""
        return lambda request: self._download(request) if request.path.startswith(_PATH) else answer(request)

    def _download(self, request: Request) -> Response:
        digest = request.path.removeprefix(_PATH)
        given = {name: values[0] for name, values in parse_qs(request.query).items()}
        expires = given.get("Expires", "0")
        is_signed = hmac.compare_digest(given.get("Signature", ""), self._signature(digest, expires))
        if request.method != "GET" or not is_signed or float(expires) < self._clock.now():
            return Response(HTTPStatus.FORBIDDEN, (("Content-Type", "application/xml"),), b"<Error/>")
        return Response(HTTPStatus.OK, (("Content-Type", "application/octet-stream"),), self._kept[digest])

    def _signature(self, digest: str, expires: str) -> str:
        return hmac.new(self._secret, f"{digest} {expires}".encode(), "sha256").hexdigest()
