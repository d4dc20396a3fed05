"""Evidence: what a verdict rests on, as people read it: both versions' counts, alarms, rules.

Records of earlier releases may have evidence of another shape, which is shown as it is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controller.core.comparison import spell_odds
from controller.core.measurement import SLOWNESS


@dataclass(frozen=True, slots=True)
class Served:
    """What one version served in the minutes that are compared."""

    version: str
    requests: float
    failures: float
    became: str = "failed"
    """What became of the requests that are counted as failures."""

    @property
    def counts(self) -> str:
        """The counts in words, such as "5 of 13 requests failed (38.5%)"."""
        share = f" ({100 * self.failures / self.requests:.3g}%)" if self.requests else ""
        return (
            f"{self.failures:,.0f} of {self.requests:,.0f} request{'s' * (self.requests != 1)} {self.became}{share}"
        )


@dataclass(frozen=True, slots=True)
class Compared:
    """One comparison of two versions."""

    name: str
    outcome: str
    candidate: Served
    baseline: Served
    odds: float
    """That the candidate is worse, to 1."""

    @property
    def words(self) -> str:
        """The comparison in one line."""
        versions = "; ".join(f"{each.version}: {each.counts}" for each in (self.candidate, self.baseline))
        return f"{self.name} {self.outcome}: {versions}; odds that it is worse {spell_odds(self.odds)}"


def comparisons(evidence: Mapping[str, Any]) -> list[Compared]:
    """Return the comparisons that are in evidence."""
    found = evidence.get("comparisons")
    return [each for each in map(_compared, found if isinstance(found, list) else ()) if each]


def alarm_states(evidence: Mapping[str, Any]) -> dict[str, str]:
    """Return the states of alarms that are in evidence, by name."""
    found = evidence.get("alarms")
    return {str(name): str(state) for name, state in found.items()} if isinstance(found, dict) else {}


def spell_evidence(evidence: Mapping[str, Any]) -> list[str]:
    """Return evidence as lines, such as "alarms: checkout-errors OK"."""
    return [line for name, value in evidence.items() for line in _lines(name, value)]


def _lines(name: str, value: Any) -> Iterator[str]:
    match value:
        case dict():
            told = ", ".join(f"{key} {inner}" for key, inner in value.items())
            if told:
                yield f"{name}: {told}"
        case list():
            for each in value:
                compared = _compared(each) if name == "comparisons" else None
                yield compared.words if compared else f"{name}: {_finding(each)}"
        case _ if str(value):
            yield f"{name}: {value}"


def _compared(finding: Any) -> Compared | None:
    match finding:
        case {"name": str(name), "candidate": candidate, "baseline": baseline, "odds": int() | float() as odds}:
            became = "were slow" if name == SLOWNESS else "failed"
            mine, others = _served(candidate, became), _served(baseline, became)
            return Compared(name, str(finding.get("outcome", "")), mine, others, odds) if mine and others else None
    return None


def _served(counts: Any, became: str) -> Served | None:
    match counts:
        case {
            "version": str(version),
            "requests": int() | float() as served,
            "failures": int() | float() as failed,
        }:
            return Served(version, served, failed, became)
    return None


def _finding(finding: Any) -> str:
    """Return what a rule found as a text, such as "rule error_rate above 5%, value 0.12"."""
    if not isinstance(finding, dict):
        return str(finding)
    return ", ".join(f"{name} {value}" for name, value in finding.items())
