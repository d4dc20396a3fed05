"""Search: the smallest failure rate of a candidate that a plan rolls back in half, or in nine in ten, rollouts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rampart.detection.played import HELD, PROMOTED, Case, Luck, play

ROLLOUTS = 64
"""How many are played for each failure rate: a share of nine in ten is known to within 0.04."""
OFTEN, HALF = 0.9, 0.5

_TIMES = 1.25
"""The ratio of neighbouring failure rates that are tried."""


@dataclass(frozen=True, slots=True)
class Smallest:
    """The smallest failure rates that are rolled back by the end of a step; None: not even a total break is."""

    often: float | None
    """In nine in ten rollouts."""
    half: float | None
    """In half of them."""


class Search:
    """What becomes of candidates of one case, worse and worse."""

    def __init__(self, case: Case, rollouts: int = ROLLOUTS) -> None:
        """Prepare the search; nothing is played yet."""
        self.case = case
        self._lucks = [Luck(number) for number in range(rollouts)]
        self._ends: dict[float, list[int]] = {}

    def share(self, rate: float, step: int) -> float:
        """Return in which share of rollouts a candidate with this failure rate is rolled back by the step's end."""
        return sum(0 <= end <= step for end in self._played(rate)) / len(self._lucks)

    def promoted(self, rate: float) -> float:
        """Return in which share of rollouts a candidate with this failure rate is promoted."""
        return self._played(rate).count(PROMOTED) / len(self._lucks)

    def held(self, rate: float) -> float:
        """Return in which share of rollouts a candidate with this failure rate waits for a person."""
        return self._played(rate).count(HELD) / len(self._lucks)

    def smallest(self) -> list[Smallest]:
        """Return the smallest failure rates for each step of the plan, the one at full weight included."""
        found: list[Smallest] = []
        often = half = 0
        for step in range(self.case.ramp.last_index, -1, -1):
            # What is rolled back by a step's end is by a later one's, too: an earlier step needs no less.
            half = self._first(step, HALF, half)
            often = self._first(step, OFTEN, max(often, half))
            found.append(Smallest(self._between(step, OFTEN, often), self._between(step, HALF, half)))
        return found[::-1]

    @cached_property
    def _rates(self) -> Sequence[float]:
        """The failure rates that are tried: the baseline's and ever more above it, up to all."""
        base = self.case.failure_rate
        excess = max(self.case.bar.min_difference, 1e-4)
        count = max(1, math.ceil(math.log((1 - base) / excess, _TIMES)))
        return [min(1.0, base + excess * _TIMES**number) for number in range(count)] + [1.0]

    def _first(self, step: int, share: float, least: int) -> int:
        """Return the index of the first rate from `least` on with the share; past the last one for none."""
        low, high = least, len(self._rates)
        while low < high:
            middle = (low + high) // 2
            if self.share(self._rates[middle], step) >= share:
                high = middle
            else:
                low = middle + 1
        return low

    def _between(self, step: int, share: float, index: int) -> float | None:
        """Return the rate with the share, between the first one that has it and the one before."""
        if index == len(self._rates):
            return None
        if index == 0:
            return self._rates[0]
        low, high = self._rates[index - 1], self._rates[index]
        below, above = self.share(low, step), self.share(high, step)
        part = (share - below) / (above - below) if above > below else 1.0
        return low + (high - low) * min(max(part, 0.0), 1.0)

    def _played(self, rate: float) -> list[int]:
        if rate not in self._ends:
            self._ends[rate] = [play(self.case, rate, luck) for luck in self._lucks]
        return self._ends[rate]
