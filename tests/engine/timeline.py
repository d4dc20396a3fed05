"""What is going to happen, and the virtual clock that moves from one thing to the next."""

import heapq
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rampart.embedded.clock import VirtualClock

Choose = Callable[[Sequence[str]], int]
"""Is given what may happen next, in words and in order, and returns the index of what does."""


@dataclass(order=True, slots=True)
class Planned:
    """One thing that is going to happen, unless it is called off."""

    due: float
    number: int
    label: str = field(compare=False)
    action: Callable[[], Any] = field(compare=False, repr=False)
    is_off: bool = field(default=False, compare=False)

    def call_off(self) -> None:
        """Let it not happen."""
        self.is_off = True


class Timeline:
    """Plans and lets happen: the earliest first, and what is due at the same moment as it was planned."""

    def __init__(self, clock: VirtualClock, choose: Choose | None = None) -> None:
        """`choose` decides what goes next among what is due; without it the first in order does."""
        self.clock = clock
        self.choose = choose
        self.slack_seconds = 0.0
        """How much later than the earliest something may be due and yet be chosen first: calls may be slow."""
        self.tick: Callable[[], object] = lambda: None
        """Is called whenever the time of `next_tick` has come."""
        self.next_tick: Callable[[float], float] = lambda unless_before: math.inf
        """Says when the next tick is due, given the time before which nothing else happens."""
        self._heap: list[Planned] = []
        self._numbers = itertools.count()

    def plan(self, seconds: float, label: str, action: Callable[[], Any]) -> Planned:
        """Plan something for `seconds` from now."""
        planned = Planned(self.clock.now() + seconds, next(self._numbers), label, action)
        heapq.heappush(self._heap, planned)
        return planned

    def happen(self, until: float = math.inf) -> bool:
        """Let the next thing happen that is due by `until`; False when there is none. Ticks come on the way."""
        first = self._first()
        horizon = min(first.due if first else math.inf, until)
        tick = self.next_tick(horizon) if horizon < math.inf else math.inf
        if tick <= horizon < math.inf:
            self._move_to(tick)
            self.tick()
            return True
        if first is None or first.due > until:
            return False
        if self.choose:
            self._choose_from(self._ready(until), self.choose)
        else:
            heapq.heappop(self._heap)
            self._move_to(first.due)
            first.action()
        return True

    def go_on(self, until: Callable[[], bool], so_far: object = "") -> None:
        """Let things happen until something is so; when it never is, say what has come of `so_far`."""
        while not until():
            assert self.happen(), f"nothing happens any more, and it has not come to that: {so_far}"

    def settle(self, horizon_seconds: float = math.inf) -> None:
        """Let things happen until nothing is left that is due within the horizon, counted from now."""
        until = self.clock.now() + horizon_seconds
        while self.happen(until):
            pass

    def pass_time(self, seconds: float) -> None:
        """Let a time pass with all that happens in it."""
        until = self.clock.now() + seconds
        self.settle(seconds)
        self._move_to(until)

    def _first(self) -> Planned | None:
        while self._heap and self._heap[0].is_off:
            heapq.heappop(self._heap)
        return self._heap[0] if self._heap else None

    def _ready(self, until: float) -> list[Planned]:
        """Return what may go next, in order, and take it off the heap."""
        first = self._heap[0].due
        latest = min(until, max(first, self.clock.now()) + self.slack_seconds)
        ready: list[Planned] = []
        while (found := self._first()) and found.due <= latest:
            ready.append(heapq.heappop(self._heap))
        return ready

    def _choose_from(self, ready: list[Planned], choose: Choose) -> None:
        chosen = ready.pop(choose([planned.label for planned in ready]) if len(ready) > 1 else 0)
        for planned in ready:
            heapq.heappush(self._heap, planned)
        self._move_to(chosen.due)
        chosen.action()

    def _move_to(self, moment: float) -> None:
        self.clock.advance(max(0.0, moment - self.clock.now()))
