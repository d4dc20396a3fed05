"""Scans: which findings a target lets through, and that what is unknown does not pass."""

import json

import pytest

from controller.core.errors import InputError
from controller.core.scan import Scan, ScanGate, Severity, refuse_findings
from controller.core.source import ImageSource
from controller.core.target import parse_target
from tests.builders import a_target_document

STATUSES = (
    *("IN_PROGRESS", "PENDING", "FAILED", "UNSUPPORTED_IMAGE", "SCAN_ELIGIBILITY_EXPIRED", "FINDINGS_UNAVAILABLE"),
    *("LIMIT_EXCEEDED", "IMAGE_ARCHIVED", "IMAGE_SIZE_EXCEEDED", "A_NEW_ONE"),
)


def gate(block: str) -> ScanGate:
    """Return a gate."""
    return ScanGate(block=Severity(block))


@pytest.mark.parametrize("status", ["COMPLETE", "ACTIVE"])
@pytest.mark.parametrize("severity", Severity)
def test_a_finding_is_refused_from_the_severity_that_the_gate_names(status: str, severity: Severity) -> None:
    ranks = list(Severity)
    for block in Severity:
        line = refuse_findings(Scan(status, {severity.value: 2}), gate(block))
        if ranks.index(severity) < ranks.index(block):
            assert line is None
        else:
            assert line == (
                f"has findings of its scan: 2 {severity}; mend them, or raise the target's scan.block from {block}"
            )


@pytest.mark.parametrize("status", STATUSES)
def test_a_scan_without_a_result_is_no_pass(status: str) -> None:
    line = refuse_findings(Scan(status, {}), gate("CRITICAL"))
    assert line is not None
    assert line.startswith(f"has no result of its scan, which is {status}; ")


def test_no_scan_is_no_pass() -> None:
    line = refuse_findings(Scan(None, {}), gate("CRITICAL"))
    assert line == 'has not been scanned; turn on scanning for its repository, or drop "scan" from the target'


def test_a_scan_that_found_nothing_passes() -> None:
    assert refuse_findings(Scan("COMPLETE", {}), gate("UNDEFINED")) is None
    assert refuse_findings(Scan("COMPLETE", {"HIGH": 0}), gate("LOW")) is None


def test_a_severity_that_nobody_knows_counts_as_one_that_nobody_has_rated() -> None:
    scan = Scan("ACTIVE", {"UNTRIAGED": 3, "UNDEFINED": 1})
    assert refuse_findings(scan, gate("INFORMATIONAL")) is None
    assert (refuse_findings(scan, gate("UNDEFINED")) or "").startswith("has findings of its scan: 4 UNDEFINED; ")


def test_a_gate_is_part_of_a_source_of_images_and_off_unless_it_is_written() -> None:
    source = {"repository": "team/orders", "tag": "prod"}
    written = json.dumps(a_target_document(source=source | {"scan": {"block": "HIGH"}}))
    gated = parse_target("orders", written, "target orders").source
    assert isinstance(gated, ImageSource)
    assert gated.scan == gate("HIGH")
    plain = parse_target("orders", json.dumps(a_target_document(source=source)), "target orders").source
    assert isinstance(plain, ImageSource)
    assert plain.scan is None


@pytest.mark.parametrize(
    ("scan", "line"),
    [
        ({"block": "BAD"}, "source.scan.block: input should be 'UNDEFINED', 'INFORMATIONAL', 'LOW', "),
        ({"blocks": "HIGH"}, "source.scan.blocks: unknown field; did you mean 'block'?"),
        ({}, "source.scan.block: this field is required"),
        ("HIGH", "source.scan: write an object, not 'HIGH'"),
    ],
)
def test_a_fault_in_a_gate_is_told_with_its_place(scan: object, line: str) -> None:
    document = a_target_document(source={"repository": "team/orders", "tag": "prod", "scan": scan})
    with pytest.raises(InputError) as refused:
        parse_target("orders", json.dumps(document), "target orders")
    assert str(refused.value).startswith(f"target orders: {line}")
