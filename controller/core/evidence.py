"""Evidence: how strongly the counts of two versions speak against the newer one.

An e-value: a number whose mean is at most 1 while the candidate is no worse than the baseline, so that by Ville's
inequality (1939) it ever reaches 100 in at most 1 of 100 such rollouts, however often one looks. It needs no
threshold for the failure rate and no history: given the failures of a minute, the candidate's part of them is
hypergeometric whatever the rate is, and by Hoeffding (1963, theorem 4) the mean of a convex function of that
part is at most the binomial one, which is 1 here. Shared troubles cancel: they hit both versions in the minute in
which they happen. Odds ratios and the start of the regression are mixed over, which keeps the bound.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

ODDS_RATIOS = (1.5, 3.0, 10.0, 100.0, 10_000.0)
"""How many times worse the odds of a failure may have become; each gets an equal part of the belief."""
MOST_PER_MINUTE = 30.0
"""No minute multiplies the evidence by more, so that no single minute convicts: failures may come in clusters."""

_LOG_MOST = math.log(MOST_PER_MINUTE)
_LATER_MINUTES = 60
# Half of the belief is that the regression is there from the first minute on; the rest is spread over an hour.
_LOG_FIRST, _LOG_LATER = math.log(1 / 2), math.log(1 / (2 * _LATER_MINUTES))
_USUAL_FAILURE_RATES = (0.1, 0.3, 0.6, 0.95)


class Minute(NamedTuple):
    """What both versions served in one whole minute of constant weight."""

    candidate_requests: float
    candidate_failures: float
    baseline_requests: float
    baseline_failures: float


class Usual(NamedTuple):
    """What the alias served in the day before the rollout."""

    requests: float
    failures: float

    @property
    def rate(self) -> float:
        """The share of requests that failed; 0 when there were none."""
        return self.failures / self.requests if self.requests else 0.0

    @property
    def highest_rate(self) -> float:
        """A failure rate that the counts hardly leave room above: three standard deviations and five failures."""
        if not self.requests:
            return 1.0
        return min(1.0, (self.failures + 3 * math.sqrt(self.failures) + 5) / self.requests)


class Evidence:
    """The evidence that the candidate's odds of failing are above the baseline's, as minute after minute is added.

    `tolerance` is the odds ratio up to which a candidate counts as no worse; 1 allows nothing. `most_per_minute`
    bounds by how much a minute multiplies the evidence.
    """

    __slots__ = ("_allowed", "_beliefs", "_log_most", "_passed", "_terms")

    def __init__(self, tolerance: float = 1.0, most_per_minute: float = MOST_PER_MINUTE) -> None:
        """Begin before the first minute."""
        ratios = [ratio for ratio in ODDS_RATIOS if ratio > tolerance]
        self._terms = [(math.log(ratio / tolerance), ratio - 1) for ratio in ratios]
        self._allowed = tolerance - 1
        self._log_most = math.log(most_per_minute)
        self._beliefs = [-math.inf] * len(ratios)
        self._passed = 0

    def add(self, minute: Minute) -> None:
        """Take the next minute into account."""
        requests, failures, other_requests, other_failures = minute
        beliefs = self._beliefs
        if self._passed <= _LATER_MINUTES:
            start = _LOG_LATER if self._passed else _LOG_FIRST
            beliefs = [_log_sum(belief, start) for belief in beliefs]
        self._passed += 1
        together = failures + other_failures
        if together and requests and other_requests:
            share = requests / (requests + other_requests)
            base = together * math.log1p(self._allowed * share)
            log_most = self._log_most
            beliefs = [
                belief + min(failures * gain - together * math.log1p(excess * share) + base, log_most)
                for belief, (gain, excess) in zip(beliefs, self._terms, strict=True)
            ]
        self._beliefs = beliefs

    @property
    def log(self) -> float:
        """The natural logarithm of the evidence so far."""
        highest = max(self._beliefs, default=-math.inf)
        if highest == -math.inf:
            return 0.0
        passed = self._passed
        still_to_start = 1 / 2 + min(max(passed - 1, 0), _LATER_MINUTES) / (2 * _LATER_MINUTES)
        scaled = sum(math.exp(belief - highest) for belief in self._beliefs) / len(self._beliefs)
        rest = 1 - still_to_start
        return _log_sum(highest + math.log(scaled), math.log(rest) if rest > 0 else -math.inf)


class EvidenceAgainst:
    """The evidence that the candidate fails more than the alias usually did, as minute after minute is added.

    For a function so seldom called that its baseline serves next to nothing during the rollout. It is outside the
    guarantee: a trouble that both versions share, and that is new, speaks against the candidate.
    """

    __slots__ = ("_beliefs", "_limit")

    def __init__(self, usual: Usual) -> None:
        """Begin before the first minute."""
        self._limit = usual.highest_rate
        self._beliefs = {rate: 0.0 for rate in _USUAL_FAILURE_RATES if rate > self._limit}

    def add(self, minute: Minute) -> None:
        """Take the next minute into account."""
        failed, limit = minute.candidate_failures, self._limit
        served = minute.candidate_requests - failed
        for rate in self._beliefs:
            gain = failed * math.log(rate / limit) + served * math.log((1 - rate) / (1 - limit))
            self._beliefs[rate] += min(gain, _LOG_MOST)

    @property
    def log(self) -> float:
        """The natural logarithm of the evidence so far."""
        if not self._beliefs:
            return 0.0
        highest = max(self._beliefs.values())
        summed = sum(math.exp(belief - highest) for belief in self._beliefs.values())
        return highest + math.log(summed / len(self._beliefs))


def log_evidence(
    minutes: Iterable[Minute], tolerance: float = 1.0, most_per_minute: float = MOST_PER_MINUTE
) -> float:
    """Return the natural logarithm of the evidence of all minutes that the candidate is worse than its baseline."""
    evidence = Evidence(tolerance, most_per_minute)
    for minute in minutes:
        evidence.add(minute)
    return evidence.log


def log_mean(one: float, other: float) -> float:
    """Return the logarithm of the mean of two numbers that are given by theirs; of two e-values it is one too."""
    return _log_sum(one, other) - math.log(2)


def highest_excess(minutes: Iterable[Minute]) -> float:
    """Return how far above the baseline's the candidate's failure rate may plausibly be, as a share of requests.

    The excess that was seen, 2.45 of its standard deviations and three failures, over the candidate's requests;
    infinite before it had any.
    """
    requests = excess = variance = 0.0
    for minute in minutes:
        mine, failed, others, others_failed = minute
        if not mine or not others:
            continue
        requests += mine
        excess += failed - mine * others_failed / others
        variance += (failed + others_failed) * mine / others  # w / (1 - w) of the share w
    if not requests:
        return math.inf
    return (max(0.0, excess) + 2.45 * math.sqrt(variance) + 3) / requests


def _log_sum(one: float, other: float) -> float:
    """Return the logarithm of the sum of two numbers that are given by theirs."""
    low, high = (one, other) if one < other else (other, one)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))
