"""Images: what each function is given of what was pushed, judged before anything is published.

What is refused here is not remembered against the artifact: function or target may change, and judging is cheap.
"""

from datetime import datetime, timedelta

from controller.core.artifact import ImageArtifact
from controller.core.code import Code
from controller.core.errors import NotReadyError, RefusedError
from controller.core.image_manifest import Manifest, check_platform, child_of, config_of
from controller.core.request import Wish
from controller.core.scan import ScanGate, refuse_findings
from controller.core.source import ImageSource
from controller.core.target import Target
from controller.ports import Stored
from controller.tasks.context import Context

SCAN_PATIENCE_MINUTES = 10
"""How long a scan may take; ECR says of none how long it will."""


def refuse_elsewhere(asked: Wish, execution_arn: str) -> None:
    """Raise RefusedError for an image of another region, of which Lambda takes none, or of another account."""
    if not isinstance(asked.artifact, ImageArtifact):
        return
    image, (region, account) = asked.artifact, execution_arn.split(":")[3:5]
    if image.region != region:
        raise RefusedError(
            f"{image.identity} is in {image.region}, and Lambda takes images of {region} here; push it there, or "
            "let ECR replicate it"
        )
    if image.registry != account:
        raise RefusedError(
            f"{image.identity} is in account {image.registry}, and this stack deploys images of account {account}; "
            "push it there, or let ECR replicate it"
        )


def find_images(
    context: Context,
    asked: Wish,
    target: Target,
    codes: list[Code],
    stored: Stored | None,
    started_at: datetime,
) -> dict[str, str]:
    """Return the image for each of the functions, by its digest; none when the artifact is a zip.

    Raises RefusedError for what Lambda would refuse or could not run, or the target's scan gate does not let
    through, and NotReadyError while that waits for a scan.
    """
    artifact = asked.artifact
    if artifact is None:
        return {}
    for code in codes:
        _check_package(code, artifact.kind)
    if not isinstance(artifact, ImageArtifact):
        return {}
    pushed = context.ports.artifacts.manifest(artifact)
    images: dict[str, str] = {}
    for code in codes:
        child = child_of(pushed, code.function, code.architecture)
        image = ImageArtifact(image=artifact.at(child)) if child else artifact
        images[code.function] = image.identity
    source = target.source
    gate = source.scan if isinstance(source, ImageSource) else None
    for identity in dict.fromkeys(images.values()):
        users = [code for code in codes if images[code.function] == identity]
        _check_image(context, ImageArtifact(image=identity), pushed, users)
        if gate:
            _check_scan(context, ImageArtifact(image=identity), gate, stored, started_at)
    return images


def _check_package(code: Code, kind: str) -> None:
    """Raise RefusedError unless a function takes such artifacts.

    Lambda developer guide, "Create a Lambda function using a container image": the package type cannot be changed.
    """
    if code.package_type.lower() != kind:
        raise RefusedError(
            f"function {code.function} has package type {code.package_type}, which Lambda never changes, and "
            f"cannot be given {'an image' if kind == 'image' else 'a zip'}; make another function for it"
        )


def _check_image(context: Context, image: ImageArtifact, pushed: Manifest, users: list[Code]) -> None:
    artifacts = context.ports.artifacts
    manifest = pushed if image.identity == pushed.what else artifacts.manifest(image)
    config = artifacts.config(image, config_of(manifest))
    for code in users:
        check_platform(manifest, config, code.function, code.architecture)


def _check_scan(
    context: Context, image: ImageArtifact, gate: ScanGate, stored: Stored | None, started_at: datetime
) -> None:
    """Raise NotReadyError for a scan that may still come, RefusedError unless its result is good."""
    scan = context.ports.artifacts.scan(image)
    since = stored.appeared_at if stored and scan.status is None else started_at
    patience = timedelta(seconds=SCAN_PATIENCE_MINUTES * context.minute_seconds)
    if (scan.status is None or scan.is_under_way) and context.now < since + patience:
        raise NotReadyError(f"the scan of {image.identity} has no result yet")
    fault = refuse_findings(scan, gate)
    if fault:
        raise RefusedError(f"{image.identity} {fault}")
