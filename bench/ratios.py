"""Ratios of means with 95 % confidence intervals, by bootstrap over rollouts; and shares, by Wilson's score."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

Numbers = npt.NDArray[np.float64]

RESAMPLES = 1_000
_Z95 = 1.959963984540054
_LEAST = 1e-9
"""What stands for a mean of nothing, so that a logarithm has something to work on."""


class Estimate(BaseModel):
    """A number with its 95 % confidence interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"


def resampled_means(values: Sequence[Numbers], seed: int) -> Numbers:
    """Return the mean of each array of values, and of its resamples: a row each, the plain mean first.

    The arrays are of the same rollouts, and resampled together: what one policy shares with another by luck of the
    traffic does not widen the interval of their ratio.
    """
    table = np.stack([np.asarray(each, dtype=float) for each in values])
    rollouts = table.shape[1]
    drawn = np.random.default_rng([seed, rollouts]).integers(0, rollouts, (RESAMPLES, rollouts))
    counts = np.zeros((RESAMPLES, rollouts))
    for number, row in enumerate(drawn):
        counts[number] = np.bincount(row, minlength=rollouts)
    means = counts @ table.T / rollouts
    return np.concatenate([table.mean(axis=1)[None, :], means]).T


def ratio(ours: Numbers, theirs: Numbers) -> Estimate:
    """Return the ratio of two rows of resampled means."""
    return _estimate(np.maximum(ours, _LEAST) / np.maximum(theirs, _LEAST))


def geometric_mean(ours: Sequence[Numbers], theirs: Sequence[Numbers]) -> Estimate:
    """Return the geometric mean of the ratios of several cells' rows of resampled means."""
    logs = [np.log(np.maximum(a, _LEAST) / np.maximum(b, _LEAST)) for a, b in zip(ours, theirs, strict=True)]
    return _estimate(np.exp(np.mean(logs, axis=0)))


def mean(row: Numbers) -> Estimate:
    """Return a mean from a row of resampled means."""
    return _estimate(row)


def share(count: int, of: int) -> Estimate:
    """Return a share with Wilson's score interval (Wilson 1927), which holds for a count of zero too."""
    if not of:
        return Estimate(value=math.nan, low=0, high=1)
    p, z2 = count / of, _Z95**2
    middle = (p + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z95 * math.sqrt(p * (1 - p) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return Estimate(value=p, low=max(0.0, middle - half), high=min(1.0, middle + half))


def _estimate(row: Numbers) -> Estimate:
    low, high = np.quantile(row[1:], (0.025, 0.975))
    return Estimate(value=float(row[0]), low=float(low), high=float(high))
