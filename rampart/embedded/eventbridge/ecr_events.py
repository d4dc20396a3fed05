"""ECR's events of images that were pushed, deleted or replicated.

ECR user guide: Amazon ECR events and EventBridge; the media types of a push are in its event's schema.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from rampart.embedded.ecr.manifest import read_manifest
from rampart.embedded.front import Operation
from rampart.embedded.wire import ACCOUNT, REGION, Call
from rampart.embedded.wire_format import Response


class EcrEvents:
    """Tells EventBridge of every image that is pushed or deleted."""

    def __init__(self, publish: Callable[[dict[str, Any]], object]) -> None:
        self._publish = publish

    @property
    def after(self) -> Mapping[Operation, Callable[[Call, Response], None]]:
        """Return the hooks that see ECR's answers."""
        return {("ecr", "PutImage"): self._pushed, ("ecr", "BatchDeleteImage"): self._deleted}

    def _pushed(self, call: Call, response: Response) -> None:
        image = json.loads(response.body)["image"]
        manifest = read_manifest(image["imageManifest"], image["imageManifestMediaType"])
        types = {"manifest-media-type": manifest.media_type}
        if manifest.artifact_media_type is not None:
            types["artifact-media-type"] = manifest.artifact_media_type
        self._publish(_image_action("PUSH", call.params["repositoryName"], image["imageId"], types))

    def _deleted(self, call: Call, response: Response) -> None:
        # One event for each id in the answer: not documented, as an image with several tags is not.
        for image_id in json.loads(response.body)["imageIds"]:
            self._publish(_image_action("DELETE", call.params["repositoryName"], image_id, {}))


def replication_event(
    repository: str,
    digest: str,
    tag: str,
    source_region: str,
    source_account: str = ACCOUNT,
    result: str = "SUCCESS",
) -> dict[str, Any]:
    """Return the event of an image that was replicated into this account and region, or FAILED to be.

    Nothing here replicates, so whoever publishes the event pushes the image too.
    """
    detail = {
        "result": result,
        "repository-name": repository,
        "image-digest": digest,
        "source-account": source_account,
        "action-type": "REPLICATE",
        "source-region": source_region,
        "image-tag": tag,
    }
    return {
        "source": "aws.ecr",
        "detail-type": "ECR Replication Action",
        "resources": [f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{repository}"],
        "detail": detail,
    }


def _image_action(
    action: str, repository: str, image_id: Mapping[str, str], types: Mapping[str, str]
) -> dict[str, Any]:
    detail = {
        "result": "SUCCESS",
        "repository-name": repository,
        "image-digest": image_id["imageDigest"],
        "action-type": action,
        **types,
    }
    if "imageTag" in image_id:
        detail["image-tag"] = image_id["imageTag"]
    return {"source": "aws.ecr", "detail-type": "ECR Image Action", "resources": [], "detail": detail}
