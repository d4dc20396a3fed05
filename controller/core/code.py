"""Code: a function, or a version of it, as Lambda describes it; and what else Lambda tells of code."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controller.core.artifact import ZipArtifact
    from controller.core.handler_file import Runtime


class Readiness(StrEnum):
    """Whether Lambda can run a function or version."""

    READY = "READY"
    NOT_YET = "NOT_YET"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Code:
    """$LATEST, or a version, of a function as Lambda describes it now."""

    function: str
    version: str
    code_sha256: str
    revision_id: str
    architecture: str
    readiness: Readiness
    why: str = ""
    """Lambda's own reason when it is not ready."""
    is_artifact_at_fault: bool = False
    """Whether the reason lies in the code itself, and another try would fail too."""
    runtime: Runtime | None = None
    """What it runs zips with; None when it takes images."""
    package_type: str = "Zip"
    """Lambda's Zip or Image, which a function has for ever."""
    image: str | None = None
    """The image that it is, by its digest."""
    referenced: ZipArtifact | None = None
    """The zip that Lambda reads where it is, and keeps no copy of."""
    kms_key: str | None = None
    """The ARN of its owner's key with which Lambda encrypts its zip; None for a key of Lambda's own."""
    role: str = ""
    """The ARN of its execution role."""
    dead_letters: str | None = None
    """Where Lambda sends the events that it could not process, if anywhere."""
    timeout_seconds: int = 0
    """How long an invocation may take; 0 where that is not told."""
    tags: Mapping[str, str] | None = None
    """The function's tags; None where they are not told."""
    reserved: int | None = None
    """The function's reserved concurrency, if it has any; 0 stops it."""


@dataclass(frozen=True, slots=True)
class CodeStorage:
    """What an account may store of code in a region, and does."""

    used_bytes: int
    limit_bytes: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a version answered to a test event."""

    payload: str
    error: str | None
    """The error's type and message; None when it answered."""
    duration_ms: float | None = None
    """How long the handler took by Lambda's own report, without the init; None when that was not to be had."""
