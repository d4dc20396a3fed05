"""Sources: whether artifacts of a target can reach Rampart, and can be pinned.

Sources: S3 user guide, "Using EventBridge" (off unless it is turned on) and "Using versioning".
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from controller.core.source import ImageSource, ZipSource
from rampart.doctor.finding import Check, Finding, error

_OVERRIDE, _NONE = "sam deploy --parameter-overrides", "-"


def judge_bucket(bucket: str, versioning: Mapping[str, Any], notification: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what keeps uploads from being pinned, or from being heard of."""
    if versioning.get("Status") != "Enabled":
        yield error(
            Check.BUCKET,
            f"bucket {bucket} has no versioning: what is uploaded cannot be pinned, and is refused",
            f"aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled",
        )
    if "EventBridgeConfiguration" not in notification:
        others = [key for key in notification if key.endswith("Configurations")]
        # The call replaces all that there is, so that it is only printed where there is nothing to lose.
        command = (
            f"aws s3api put-bucket-notification-configuration --bucket {bucket} "
            "--notification-configuration '{\"EventBridgeConfiguration\": {}}'"
        )
        yield error(
            Check.BUCKET_EVENTS,
            f"bucket {bucket} sends no events to EventBridge: nobody hears of an upload"
            + (f"; add EventBridgeConfiguration to its {', '.join(others)}" if others else ""),
            "" if others else command,
        )


def judge_reach(source: ZipSource | ImageSource, parameters: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what of a source lies outside of what the stack's parameters let Rampart hear of and read."""
    match source:
        case ZipSource(bucket=bucket, key=key):
            allowed, prefix = parameters.get("ArtifactBucket", _NONE), parameters.get("ArtifactPrefix", "")
            if bucket != allowed:
                yield error(
                    Check.SOURCE,
                    f"bucket {bucket} is not the stack's ArtifactBucket ({allowed}): nobody hears of its uploads",
                    f"{_OVERRIDE} ArtifactBucket={bucket}" if allowed == _NONE else "",
                )
            elif not key.startswith(prefix):
                yield error(
                    Check.SOURCE,
                    f"key {key} is not below the stack's ArtifactPrefix ({prefix}): its uploads are not heard of",
                )
        case ImageSource(repository=repository):
            allowed = parameters.get("ArtifactRepository", _NONE)
            pattern = ".*".join(map(re.escape, allowed.split("*")))
            if not re.fullmatch(pattern, repository):
                yield error(
                    Check.SOURCE,
                    f"repository {repository} is not covered by the stack's ArtifactRepository ({allowed}): nobody "
                    "hears of its pushes",
                    f"{_OVERRIDE} ArtifactRepository={repository}" if allowed == _NONE else "",
                )


def judge_prefix(function: str, parameters: Mapping[str, str]) -> Iterator[Finding]:
    """Yield that a function lies outside of what Rampart may touch."""
    prefix = parameters.get("FunctionPrefix", "")
    if not function.startswith(prefix):
        yield error(
            Check.SOURCE,
            f"function {function} does not begin with the stack's FunctionPrefix ({prefix}): IAM denies all of it",
        )
