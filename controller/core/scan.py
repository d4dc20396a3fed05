"""Scans of images for vulnerabilities: what a target lets through.

Source: ECR API reference, DescribeImageScanFindings, ImageScanStatus and ImageScanFindings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from controller.core.document import Document
from controller.core.wording import one_line


class Severity(StrEnum):
    """How bad a finding is, as ECR says it; the mildest first."""

    UNDEFINED = "UNDEFINED"
    """Nobody has rated it yet."""
    INFORMATIONAL = "INFORMATIONAL"
    """A remark."""
    LOW = "LOW"
    """Rated low."""
    MEDIUM = "MEDIUM"
    """Rated medium."""
    HIGH = "HIGH"
    """Rated high."""
    CRITICAL = "CRITICAL"
    """Rated critical."""


class ScanGate(Document):
    """What a scan may find in the images of a target."""

    block: Severity
    """The mildest finding that is refused."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What ECR says of the scan of an image."""

    status: str | None
    """None when there is no scan."""
    counts: Mapping[str, int]
    """Findings by severity."""

    @property
    def is_under_way(self) -> bool:
        """Whether its result is still to come."""
        return self.status in ("IN_PROGRESS", "PENDING")

    @property
    def is_done(self) -> bool:
        """Whether it has a result: once for all, or as it is now where the image is scanned continuously."""
        return self.status in ("COMPLETE", "ACTIVE")


def refuse_findings(scan: Scan, gate: ScanGate) -> str | None:
    """Say why an image is refused by its scan; None when it passes. What could not be scanned does not pass."""
    if scan.status is None:
        return 'has not been scanned; turn on scanning for its repository, or drop "scan" from the target'
    if not scan.is_done:
        return (
            f"has no result of its scan, which is {one_line(scan.status, 40)}; scan it again and start again, "
            'or drop "scan" from the target'
        )
    ranks = list(Severity)
    found = {s: scan.counts.get(s, 0) for s in reversed(ranks) if ranks.index(s) >= ranks.index(gate.block)}
    if gate.block is Severity.UNDEFINED:  # whatever ECR calls those that nobody has rated
        found[Severity.UNDEFINED] = sum(n for name, n in scan.counts.items() if name not in ranks[1:])
    if not any(found.values()):
        return None
    counts = ", ".join(f"{number} {severity}" for severity, number in found.items() if number)
    return f"has findings of its scan: {counts}; mend them, or raise the target's scan.block from {gate.block}"
