"""The split of an alias: which of the requests that came reach the candidate, at any weight."""

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]

_EXACT_UP_TO = 30.0
"""The mean up to which the binomial is inverted term by term."""
_Z = np.linspace(-6.5, 6.5, 13_001)
_PHI = np.array([NormalDist().cdf(z) for z in _Z])


def thinned(counts: Counts, share: float | Numbers, chance: Numbers) -> Counts:
    """Return how many of `counts` requests reach a version that gets `share` of them, each by itself.

    The binomial quantile at `chance`, uniform from 0 to 1: Lambda picks a version for each request on its own (AWS
    Lambda developer guide, "Implement Lambda canary deployments": a simple probabilistic model). One draw of chance
    serves every weight, and a higher weight never takes requests away, so that policies with different weights meet
    the same luck. Exact up to a mean of 30; beyond, by Cornish and Fisher (1938) to less than a request.
    """
    share = np.broadcast_to(np.asarray(share, dtype=float), counts.shape)
    is_minor = share <= 0.5
    part = np.where(is_minor, share, 1 - share)
    luck = np.where(is_minor, chance, 1 - chance)
    mean = counts * part
    found = np.zeros(counts.shape, dtype=np.int64)
    is_few = mean <= _EXACT_UP_TO
    some = is_few & (mean > 0)
    if some.any():
        found[some] = _counted_up(counts[some], part[some], luck[some])
    many = ~is_few
    if many.any():
        found[many] = _approximated(counts[many], part[many], luck[many])
    return np.where(is_minor, found, counts - found)


def _counted_up(counts: Counts, part: Numbers, luck: Numbers) -> Counts:
    """Return binomial quantiles by adding up the probabilities of 0, 1, 2, …"""
    found = np.zeros(counts.shape, dtype=np.int64)
    chance = np.exp(counts * np.log1p(-part))
    odds = part / (1 - part)
    up_to = chance.copy()
    for number in range(1, 200):
        above = (luck > up_to) & (counts >= number)
        if not above.any():
            break
        chance = chance * np.maximum(counts - number + 1, 0) / number * odds
        found += above
        up_to += chance
    return found


def _approximated(counts: Counts, part: Numbers, luck: Numbers) -> Counts:
    """Return binomial quantiles from the normal one, corrected for skewness and kurtosis."""
    z = np.interp(luck, _PHI, _Z)
    variance = counts * part * (1 - part)
    deviation = np.sqrt(variance)
    skewness = (1 - 2 * part) / deviation
    kurtosis = (1 - 6 * part * (1 - part)) / variance
    z = z + (z**2 - 1) * skewness / 6 + (z**3 - 3 * z) * kurtosis / 24 - (2 * z**3 - 5 * z) * skewness**2 / 36
    return np.clip(np.ceil(counts * part + deviation * z - 0.5), 0, counts).astype(np.int64)
