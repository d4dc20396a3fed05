"""The comparison of candidate and baseline: from counts to an outcome, in words that an operator can check."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from controller.core.evidence import MOST_PER_MINUTE, Evidence, EvidenceAgainst, Minute, Usual, log_mean
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


class Scale:
    """Weighs minute after minute: the counts of both versions so far, and the odds that the candidate is worse.

    With several `comparisons` in a deployment each has its part of the risk (the union bound). `usual` counts only
    where the baseline itself serves next to nothing.
    """

    __slots__ = (
        "_against",
        "_bar",
        "_evidence",
        "_log_comparisons",
        "_usual",
        "failed",
        "ours",
        "theirs",
        "theirs_failed",
    )

    def __init__(self, bar: Bar, usual: Usual | None = None, comparisons: int = 1) -> None:
        """Begin with nothing on either side."""
        self.ours = self.failed = self.theirs = self.theirs_failed = 0.0
        self._bar, self._usual = bar, usual
        self._log_comparisons = math.log(comparisons)
        self._evidence = Evidence(bar.tolerance, bar.most_per_minute)
        self._against = EvidenceAgainst(usual) if usual else None

    def add(self, minute: Minute) -> None:
        """Take the next minute into account."""
        ours, failed, theirs, theirs_failed = minute
        self.ours += ours
        self.failed += failed
        self.theirs += theirs
        self.theirs_failed += theirs_failed
        self._evidence.add(minute)
        if self._against:
            self._against.add(minute)

    @property
    def odds(self) -> float:
        """That the candidate is worse, to 1; the share of this comparison when there are several."""
        found = self._evidence.log
        if self._usual and self._against and self.theirs < _FEW_BASELINE_REQUESTS:
            is_quiet = self.theirs_failed <= max(1, 3 * self._usual.highest_rate * self.theirs)
            found = log_mean(found, self._against.log) if is_quiet else found
        return math.exp(min(found - self._log_comparisons, 700.0))

    @property
    def matters(self) -> bool:
        """Whether the candidate's failure rate is so far above the baseline's that it is worth a word."""
        difference = _rate(self.failed, self.ours) - _rate(self.theirs_failed, self.theirs)
        return difference >= self._bar.min_difference

    @property
    def convicts(self) -> bool:
        """Whether the candidate fails the comparison."""
        return self.matters and self.failed >= self._bar.min_failures and self.odds >= 1 / self._bar.risk

    def doubts(self, hold_from: float = HOLD_FROM) -> bool:
        """Say whether the candidate may be worse, at these odds or higher ones."""
        return self.matters and self.odds >= hold_from

    @property
    def lacks_a_baseline(self) -> bool:
        """Whether the candidate fails far more than the alias usually does, with too little to compare it with."""
        if self._usual is None or self.theirs >= _FEW_BASELINE_REQUESTS:
            return False
        return self.failed >= max(self._bar.min_failures, _unusual(self._usual) * self.ours)


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

    `comparisons` and `usual` are a scale's. `needs_requests` says whether too few are a reason to hold, and
    `hold_from` from which odds on to do so.
    """
    usual = usual if usual and usual.requests else None
    scale = Scale(bar, usual, comparisons)
    for minute in minutes:
        scale.add(minute)
    ours, failed, theirs, theirs_failed = scale.ours, scale.failed, scale.theirs, scale.theirs_failed
    odds = scale.odds
    counts = (
        f"{_of(failed, ours, contest.failures)} against {_of(theirs_failed, theirs)} "
        f"in the same {_count(len(minutes), 'minute')}"
    )
    worse = f"{contest.candidate} {contest.worse} {contest.baseline}: {counts}"
    said = f"the odds that it is worse are {spell_odds(odds)}"
    is_starved = False
    if scale.convicts:
        outcome, reason = Outcome.FAIL, f"{worse}; {said}, and {1 / bar.risk:g} to 1 is enough"
    elif scale.doubts(hold_from):
        outcome, reason = Outcome.INCONCLUSIVE, f"{contest.candidate} may be worse: {counts}; {said}"
    elif trouble := _trouble(contest, scale, minutes, bar, usual):
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


def _trouble(
    contest: Contest, scale: Scale, minutes: Sequence[Minute], bar: Bar, usual: Usual | None
) -> str | None:
    """Say what is wrong when the candidate fails far more than the alias usually does, and nobody knows why."""
    if usual is None:
        return None
    limit = _unusual(usual)
    ours, failed, theirs, theirs_failed = _totals(minutes[-_RECENT_MINUTES:])
    if theirs >= bar.min_requests and theirs_failed >= limit * theirs and failed >= limit * ours > 0:
        return f"both versions are in trouble, and not {contest.candidate} alone"
    if scale.lacks_a_baseline:
        return (
            f"{contest.candidate} fails far more than is usual, and its baseline serves too little to compare with"
        )
    return None


def _unusual(usual: Usual) -> float:
    """Return the failure rate from which on something is the matter, whatever it is."""
    return max(_UNUSUAL_RATE, _UNUSUAL_TIMES * usual.rate)


def _rate(failed: float, requests: float) -> float:
    return failed / requests if requests else 0.0


def _totals(minutes: Sequence[Minute]) -> tuple[float, ...]:
    return tuple(map(sum, zip(*minutes, strict=True))) if minutes else (0.0, 0.0, 0.0, 0.0)


def _of(part: float, whole: float, became: str = "") -> str:
    share = f" ({100 * part / whole:.3g}%)" if whole else ""
    words = f"{part:,.0f} of {_count(whole, 'request')}{share}"
    return f"{words} {became}".strip()


def _count(number: float, thing: str) -> str:
    return f"{number:,.0f} {thing}{'s' * (number != 1)}"
