"""Doctor: findings as a person reads them, and as a program does."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from rampart.cli.wording import line
from rampart.doctor.finding import Finding, Severity

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.UNKNOWN: "magenta"}
_ORDER = list(_STYLES)


def sorted_findings(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings, the worst first."""
    return sorted(findings, key=lambda finding: _ORDER.index(finding.severity))


def is_well(findings: Sequence[Finding]) -> bool:
    """Say whether nothing is an error, and nothing unknown."""
    return all(finding.severity is Severity.WARNING for finding in findings)


def print_findings(console: Console, findings: Sequence[Finding], aws_options: str) -> None:
    """Print findings, the worst first, each with the command that mends it."""
    for finding in sorted_findings(findings):
        severity = (f"{finding.severity.value:<7}", _STYLES[finding.severity])
        console.print(line(severity, f"  {finding.check.value}: ", finding.what, at_most=1000), soft_wrap=True)
        if finding.command:  # on a line of its own, to be copied
            console.print(line("           ", command_of(finding, aws_options), at_most=4000), soft_wrap=True)
    console.print(_summary(findings))


def findings_document(findings: Sequence[Finding], aws_options: str) -> dict[str, Any]:
    """Return findings as JSON."""
    return {
        "findings": [
            {
                "check": finding.check.value,
                "severity": finding.severity.value,
                "what": finding.what,
                "command": command_of(finding, aws_options),
            }
            for finding in sorted_findings(findings)
        ]
    }


def command_of(finding: Finding, aws_options: str) -> str:
    """Return the command of a finding, at the place where the operator is."""
    return finding.command + (aws_options if finding.command.startswith("aws ") else "")


def _summary(findings: Sequence[Finding]) -> str:
    if not findings:
        return "Nothing is wrong."
    counts = [(severity, sum(f.severity is severity for f in findings)) for severity in _ORDER]
    return ", ".join(f"{count} {severity.value}{_plural(severity, count)}" for severity, count in counts if count)


def _plural(severity: Severity, count: int) -> str:
    return "s" if count != 1 and severity is not Severity.UNKNOWN else ""
