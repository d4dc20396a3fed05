"""The comparison of candidate and baseline: from counts to an outcome, in words that an operator can check."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from controller.core.evidence import MOST_PER_MINUTE, Minute, Usual, log_evidence, log_evidence_against, log_mean
from controller.core.outcome import Outcome

HOLD_FROM = 2.0
"""The odds from which on the candidate gets no more traffic before more is known."""
HOLD_FROM_BEFORE_ALL = 0.8
"""The same before a guarded ramp gives it all of the traffic, after which there is nothing to compare it with."""

_RECENT_MINUTES = 3
_UNUSUAL_RATE = 0.05
_UNUSUAL_TIMES = 3
_FEW_BASELINE_REQUESTS = 50
# Odds beyond these tell nobody anything, and a number of DynamoDB's lies between 1E-130 and 9.99E+125.
_LEAST_RECORDED, _MOST_RECORDED = 1e-9, 1e9


@dataclass(frozen=True, slots=True)
class Bar:
    """What a comparison asks for before it decides."""

    risk: float = 0.01
    """In which share of the rollouts of a candidate that is no worse it may fail it."""
    min_requests: int = 10
    """How many requests the candidate must have served before it gets more traffic."""
    min_failures: int = 3
    """Fewer failures of the candidate never fail it."""
    min_difference: float = 0.001
    """A failure rate that is above the baseline's by less does not matter."""
    tolerance: float = 1.0
    """The odds ratio up to which a candidate counts as no worse."""
    most_per_minute: float = MOST_PER_MINUTE
    """By how much a minute multiplies the evidence at most."""


@dataclass(frozen=True, slots=True)
class Contest:
    """Two versions of one function, and what of theirs is compared."""

    candidate: str
    """As people know it, such as "checkout version 42"."""
    baseline: str
    worse: str = "fails more than"
    """What the candidate does when it is worse, up to the baseline's name."""
    failures: str = "failed"
    """What became of the requests that are counted."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison found."""

    outcome: Outcome
    reason: str
    odds: float
    """That the candidate is worse, to 1; the share of this comparison when there are several."""
    is_starved: bool = False
    """Whether nothing but too few requests keeps it from passing."""
    evidence: dict[str, Any] = field(default_factory=dict)


def compare(
    contest: Contest,
    minutes: Sequence[Minute],
    bar: Bar,
    *,
    usual: Usual | None = None,
    comparisons: int = 1,
    needs_requests: bool = True,
    hold_from: float = HOLD_FROM,
) -> Comparison:
    """Return what the minutes say of the candidate.

    With several `comparisons` in a deployment each has its part of the risk (the union bound). `usual` counts only
    where the baseline itself serves next to nothing. `needs_requests` says whether too few are a reason to hold,
    and `hold_from` from which odds on to do so.
    """
    ours, failed, theirs, theirs_failed = _totals(minutes)
    log_odds = _log_odds(minutes, bar, usual) - math.log(comparisons)
    difference = (failed / ours if ours else 0.0) - (theirs_failed / theirs if theirs else 0.0)
    matters = difference >= bar.min_difference
    odds = math.exp(min(log_odds, 700.0))
    counts = (
        f"{_of(failed, ours, contest.failures)} against {_of(theirs_failed, theirs)} "
        f"in the same {_count(len(minutes), 'minute')}"
    )
    worse = f"{contest.candidate} {contest.worse} {contest.baseline}: {counts}"
    said = f"the odds that it is worse are {spell_odds(odds)}"
    enough = 1 / bar.risk
    is_starved = False
    if matters and odds >= enough and failed >= bar.min_failures:
        outcome, reason = Outcome.FAIL, f"{worse}; {said}, and {enough:g} to 1 is enough"
    elif matters and odds >= hold_from:
        outcome, reason = Outcome.INCONCLUSIVE, f"{contest.candidate} may be worse: {counts}; {said}"
    elif trouble := _trouble(contest, minutes, bar, usual):
        outcome, reason = Outcome.INCONCLUSIVE, f"{trouble}: {counts}"
    elif ours < bar.min_requests:
        is_starved = needs_requests
        outcome = Outcome.INCONCLUSIVE if needs_requests else Outcome.PASS
        served = f"{contest.candidate} has served {_count(ours, 'request')} that can be compared"
        asked = f"{served}, and {bar.min_requests} are asked for"
        reason = asked if needs_requests else f"without evidence: {served}"
    else:
        outcome, reason = Outcome.PASS, f"{contest.candidate} is no worse than {contest.baseline}: {counts}"
    evidence = {
        "candidate": {"version": contest.candidate, "requests": round(ours), "failures": round(failed)},
        "baseline": {"version": contest.baseline, "requests": round(theirs), "failures": round(theirs_failed)},
        "minutes": len(minutes),
        "odds": float(f"{min(max(odds, _LEAST_RECORDED), _MOST_RECORDED):.3g}"),
    }
    return Comparison(outcome, reason, odds, is_starved, evidence)


def spell_odds(odds: float) -> str:
    """Return odds to 1 as people say them; beyond a million nobody needs the number."""
    if odds > 1_000_000:
        return "over 1,000,000 to 1"
    if odds >= 100:
        return f"{odds:,.0f} to 1"
    return f"{odds:.1f} to 1" if odds >= 1 else "less than even"


def _log_odds(minutes: Sequence[Minute], bar: Bar, usual: Usual | None) -> float:
    found = log_evidence(minutes, bar.tolerance, bar.most_per_minute)
    if usual is None:
        return found
    _, _, theirs, theirs_failed = _totals(minutes)
    is_quiet = theirs_failed <= max(1, 3 * usual.highest_rate * theirs)
    if theirs < _FEW_BASELINE_REQUESTS and is_quiet:
        return log_mean(found, log_evidence_against(usual, minutes))
    return found


def _trouble(contest: Contest, minutes: Sequence[Minute], bar: Bar, usual: Usual | None) -> str | None:
    """Say what is wrong when the candidate fails far more than the alias usually does, and nobody knows why."""
    if usual is None or not usual.requests:
        return None
    limit = max(_UNUSUAL_RATE, _UNUSUAL_TIMES * usual.rate)
    ours, failed, theirs, theirs_failed = _totals(minutes[-_RECENT_MINUTES:])
    if theirs >= bar.min_requests and theirs_failed >= limit * theirs and failed >= limit * ours > 0:
        return f"both versions are in trouble, and not {contest.candidate} alone"
    ours, failed, theirs, _ = _totals(minutes)
    if theirs < _FEW_BASELINE_REQUESTS and failed >= max(bar.min_failures, limit * ours):
        return (
            f"{contest.candidate} fails far more than is usual, and its baseline serves too little to compare with"
        )
    return None


def _totals(minutes: Sequence[Minute]) -> tuple[float, ...]:
    return tuple(map(sum, zip(*minutes, strict=True))) if minutes else (0.0, 0.0, 0.0, 0.0)


def _of(part: float, whole: float, became: str = "") -> str:
    share = f" ({100 * part / whole:.3g}%)" if whole else ""
    words = f"{part:,.0f} of {_count(whole, 'request')}{share}"
    return f"{words} {became}".strip()


def _count(number: float, thing: str) -> str:
    return f"{number:,.0f} {thing}{'s' * (number != 1)}"
