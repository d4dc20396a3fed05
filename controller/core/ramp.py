"""The ramp of the guarded strategy: as much traffic as the evidence so far pays for.

A failure budget, and not a percentage, limits what a bad release may cost: the next weight is the one at which a
candidate that fails at the highest rate still plausible spends no more than the budget before it is noticed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

HALF_WEIGHT = 5_000
"""At half of the traffic, in basis points, two versions are compared best: the ramp goes no higher by itself."""
MINUTES_AT_HALF = 2
"""How many minutes the candidate has half of the traffic before it gets all of it."""
REACTION_MINUTES = 3
"""How long a bad candidate may go on failing: a minute is counted, becomes visible, and is judged."""

MOST_GUARDED_STEPS = 49
"""From the smallest weight to half of the traffic, each a fifth more than the one before, and then all of it."""

_LEAST_BUDGET = 20.0
_LEAST_PER_MINUTE = 5.0
_MOST_TIMES = 4.0
_WORTH_A_SHIFT = 1.2


@dataclass(frozen=True, slots=True)
class Budget:
    """What a bad release may cost."""

    requests: float | None = None
    """How many requests may fail; None: as many as come in `seconds`, and 20 at least."""
    seconds: float = 1.0
    finest: int = 1
    """The smallest step of a weight, in basis points; Lambda documents none."""

    def at(self, requests_per_minute: float) -> float:
        """Return how many requests may fail at this much traffic."""
        if self.requests is not None:
            return self.requests
        return max(_LEAST_BUDGET, self.seconds * requests_per_minute / 60)

    def rounded(self, weight: float) -> int:
        """Return a weight that Lambda honours, in basis points: half, or rounded down, but never to nothing."""
        if weight >= HALF_WEIGHT:
            return HALF_WEIGHT
        steps = int(weight / self.finest + 1e-9)
        return min(HALF_WEIGHT, max(1, steps) * self.finest)


def first_weight(budget: Budget, requests_per_minute: float) -> int:
    """Return the weight, in basis points, at which to start: all that reaches the candidate may fail."""
    if requests_per_minute <= 0:
        return HALF_WEIGHT
    share = budget.at(requests_per_minute) / (requests_per_minute * REACTION_MINUTES)
    share = max(share, _LEAST_PER_MINUTE / requests_per_minute)
    return budget.rounded(min(share * 10_000, HALF_WEIGHT))


def next_weight(budget: Budget, weight: int, excesses: Sequence[tuple[float, float]]) -> int:
    """Return the weight, in basis points, that the evidence pays for; never less than `weight`.

    `excesses` has, for each member, its requests a minute and the highest plausible excess of its failure rate.
    A rise that is not worth a shift is none.
    """
    traffic = sum(requests for requests, _ in excesses)
    # How many requests a minute would fail at full weight, if all were as bad as it may be.
    failing = sum(requests * min(excess, 1.0) for requests, excess in excesses if requests)
    paid = budget.at(traffic) / (failing * REACTION_MINUTES) * 10_000 if failing else math.inf
    wanted = budget.rounded(min(paid, _MOST_TIMES * weight, HALF_WEIGHT))
    return wanted if wanted >= min(_WORTH_A_SHIFT * weight, HALF_WEIGHT) and wanted > weight else weight
