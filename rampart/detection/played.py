"""Played: one rollout of a candidate that fails so and so often, minute by minute, under the shipped comparison.

What is taken as given: steady traffic; requests and failures that are independent of each other; metrics that are
complete two minutes after their minute; alarms and rules that say nothing.
"""

import math
from dataclasses import dataclass
from random import Random
from statistics import NormalDist

from controller.core.comparison import HOLD_FROM, HOLD_FROM_BEFORE_ALL, Bar, Scale
from controller.core.criteria import WhenUnclear
from controller.core.evidence import MOST_PER_MINUTE, Minute, Usual, highest_excess
from controller.core.measurement import LAG_MINUTES, SHIFT_SECONDS
from controller.core.ramp import HALF_WEIGHT, MINUTES_AT_HALF, Budget, next_weight
from controller.core.weight import FULL_WEIGHT

PROMOTED, HELD = -1, -2
"""What becomes of a rollout that is not rolled back: it is promoted, or waits for a person."""

_MOST_SPANS = 60
_NORMAL = NormalDist()
_COUNTED_UP_TO = 30.0


@dataclass(frozen=True, slots=True)
class Ramp:
    """A plan as it is played. Times are in minutes."""

    steps: tuple[tuple[int, float], ...]
    """The weight in basis points and the bake of each step below full weight; of a guarded ramp, the first one."""
    final_bake: float
    budget: Budget | None = None
    """Of a guarded ramp."""
    min_duration: float = 0.0
    """Of a guarded ramp."""

    @property
    def last_index(self) -> int:
        """The index of the step at full weight."""
        return len(self.steps)

    @property
    def minutes(self) -> float:
        """How long the ramp takes before full weight when all is well."""
        return max(self.min_duration, sum(bake for _, bake in self.steps))


@dataclass(frozen=True, slots=True)
class Case:
    """One member of a plan, with its traffic, and what the comparison asks for."""

    ramp: Ramp
    requests_per_minute: float
    failure_rate: float
    """Of the baseline."""
    bar: Bar
    usual: Usual | None
    comparisons: int
    expects_evidence: bool
    max_hold: float
    when_unclear: WhenUnclear


class Luck:
    """The chances of one rollout: the same for every failure rate, so that a worse one fails no less often."""

    def __init__(self, number: int) -> None:
        """Prepare the luck of rollout `number`."""
        self._random = Random(number)  # noqa: S311 - a simulation
        self._drawn: list[tuple[tuple[float, float], ...]] = []

    def of(self, span: int) -> tuple[tuple[float, float], ...]:
        """Return four chances of span `span`, each uniform and as a normal deviate."""
        while len(self._drawn) <= span:
            even = [min(max(self._random.random(), 1e-12), 1 - 1e-12) for _ in range(4)]
            self._drawn.append(tuple((chance, _NORMAL.inv_cdf(chance)) for chance in even))
        return self._drawn[span]


def play(case: Case, rate: float, luck: Luck) -> int:
    """Return in which step a candidate that fails at `rate` is rolled back; PROMOTED or HELD if never."""
    return _Guarded(case, rate, luck).play() if case.ramp.budget else _Fixed(case, rate, luck).play()


class _Rollout:
    """A rollout under way. Its time is cut into spans: minutes, or several at once of a long plan."""

    def __init__(self, case: Case, rate: float, luck: Luck, span_minutes: int) -> None:
        self.case = case
        # Minutes that are looked at together may multiply the evidence by as much as each of them may.
        most = min(case.bar.most_per_minute**span_minutes, 1e300) if span_minutes < 200 else 1e300
        self.scale = Scale(_with_most(case.bar, most), case.usual, case.comparisons)
        self.shown: list[Minute] = []
        self._rate, self._luck = rate, luck
        self._served: list[Minute] = []
        self._lag = round(LAG_MINUTES / span_minutes)

    def serve(self, weight: int, minutes: float = 1.0) -> bool:
        """Let both versions serve, look at what can be seen, and say whether the candidate is rolled back."""
        case = self.case
        mine = case.requests_per_minute * minutes * weight / FULL_WEIGHT
        others = case.requests_per_minute * minutes - mine
        chances = self._luck.of(len(self._served))
        means = (
            mine * self._rate,
            mine * (1 - self._rate),
            others * case.failure_rate,
            others * (1 - case.failure_rate),
        )
        failed, fine, others_failed, others_fine = map(_poisson, means, chances)
        self._served.append(Minute(failed + fine, failed, others_failed + others_fine, others_failed))
        return self.see(len(self._served) - self._lag)

    def see(self, until: int) -> bool:
        """Look at the spans before `until`, and say whether the candidate is rolled back."""
        for minute in self._served[len(self.shown) : max(until, 0)]:
            self.shown.append(minute)
            if minute.candidate_requests or minute.baseline_requests:
                self.scale.add(minute)
            if self.scale.convicts:
                return True
        return False

    def finish(self, final_bake: float, step: int) -> int:
        """Look at what the final bake shows of the spans before, and return what becomes of the rollout."""
        last = len(self._served) if final_bake >= LAG_MINUTES else len(self.shown) + int(final_bake)
        return step if self.see(last) else PROMOTED

    def is_unclear(self, hold_from: float, *, needs_requests: bool) -> bool:
        """Say whether the step is held."""
        starved = needs_requests and self.case.expects_evidence and self.scale.ours < self.case.bar.min_requests
        return starved or self.scale.doubts(hold_from) or self.scale.lacks_a_baseline


class _Fixed(_Rollout):
    def __init__(self, case: Case, rate: float, luck: Luck) -> None:
        self._span = max(1, math.ceil(case.ramp.minutes / _MOST_SPANS))
        super().__init__(case, rate, luck, self._span)

    def play(self) -> int:
        ramp = self.case.ramp
        for index, (weight, bake) in enumerate(ramp.steps):
            spans = max(1, math.ceil(whole_minutes(bake) / self._span))
            for _ in range(spans):
                if self.serve(weight, whole_minutes(bake) / spans):
                    return index
            held = self._hold(weight, index == ramp.last_index - 1)
            if held is None:
                continue
            return index if held == 0 else held
        return self.finish(ramp.final_bake, ramp.last_index)

    def _hold(self, weight: int, is_deciding: bool) -> int | None:
        """Hold the step while it is unclear: None: it goes on; 0: it is rolled back; HELD: a person is asked."""
        case = self.case
        minutes = max(self._span, math.ceil(case.max_hold / _MOST_SPANS))
        for _ in range(math.ceil(case.max_hold / minutes)):
            if not self.is_unclear(HOLD_FROM, needs_requests=is_deciding):
                return None
            if self.serve(weight, minutes):
                return 0
        return _after_hold(case.when_unclear) if self.is_unclear(HOLD_FROM, needs_requests=is_deciding) else None


class _Guarded(_Rollout):
    def __init__(self, case: Case, rate: float, luck: Luck) -> None:
        super().__init__(case, rate, luck, 1)

    def play(self) -> int:
        case, ramp = self.case, self.case.ramp
        weight, at_half, passed, held = ramp.steps[0][0], 0.0, 0.0, 0.0
        while True:
            # A ramp may last for days at half of the traffic: then a look takes in more at once.
            minutes = 1 if passed < _MOST_SPANS else math.ceil(max(ramp.minutes, case.max_hold) / _MOST_SPANS)
            if self.serve(weight, minutes):
                return 0
            passed += minutes
            at_half += minutes if weight == HALF_WEIGHT else 0
            if weight == HALF_WEIGHT:
                is_over = at_half >= MINUTES_AT_HALF and passed >= ramp.min_duration
                is_unclear = self.is_unclear(HOLD_FROM_BEFORE_ALL, needs_requests=True)
                if is_over and not is_unclear:
                    return self.finish(ramp.final_bake, 1)
                held += minutes if is_over else 0
            else:
                wanted = self._wanted(weight)
                held = 0.0 if wanted > weight else held + minutes
                weight = wanted
            if held > case.max_hold:
                after = _after_hold(case.when_unclear)
                if after is not None:
                    return after
                if weight == HALF_WEIGHT:
                    return self.finish(ramp.final_bake, 1)
                weight, held = min(HALF_WEIGHT, 4 * weight), 0.0

    def _wanted(self, weight: int) -> int:
        """Return the weight that the evidence pays for."""
        case = self.case
        if case.ramp.budget is None or self.is_unclear(HOLD_FROM, needs_requests=True):
            return weight
        return next_weight(case.ramp.budget, weight, [(case.requests_per_minute, highest_excess(self.shown))])


def whole_minutes(bake: float) -> int:
    """Return how many minutes of a bake can be compared: a shift waits for a minute to begin."""
    return max(1, math.ceil(bake - SHIFT_SECONDS / 60))


def _after_hold(when_unclear: WhenUnclear) -> int | None:
    match when_unclear:
        case WhenUnclear.ROLL_BACK:
            return 0
        case WhenUnclear.APPROVE:
            return HELD
        case WhenUnclear.PROMOTE:
            return None


def _with_most(bar: Bar, most: float) -> Bar:
    if most == MOST_PER_MINUTE:
        return bar
    return Bar(bar.risk, bar.min_requests, bar.min_failures, bar.min_difference, bar.tolerance, most)


def _poisson(mean: float, chance: tuple[float, float]) -> float:
    """Return a Poisson quantile: counted up when it is small, else by Cornish and Fisher (1938)."""
    even, normal = chance
    if mean > _COUNTED_UP_TO:
        return max(0.0, float(round(mean + math.sqrt(mean) * normal + (normal * normal - 1) / 6)))
    term = total = math.exp(-mean)
    count = 0
    while total < even and count < 200:
        count += 1
        term *= mean / count
        total += term
    return float(count)
