"""One rollout of a trace, as it happens: weights are written, versions serve, CloudWatch shows minutes."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from rampart.simulate.split import Counts, Numbers, thinned
from rampart.simulate.traces import Traces


class Shown(NamedTuple):
    """What CloudWatch shows of a minute at some moment."""

    minute: int
    """Counted from the beginning of the rollout; negative before it."""
    candidate_requests: int
    candidate_failures: int
    baseline_requests: int
    baseline_failures: int


class Rollout:
    """One rollout. Time is in seconds since the trace began, and goes forward only."""

    def __init__(self, traces: Traces, number: int) -> None:
        """Begin rollout `number` of the traces with all of the traffic on the baseline."""
        self._traces = traces
        self._step_seconds = traces.scenario.step_seconds
        self._per_minute = traces.scenario.steps_per_minute
        cluster = traces.scenario.cluster
        regressed, shared = traces.regressed[number], traces.shared[number]
        served = np.maximum(traces.requests[number] - shared * cluster - regressed, 0)
        self._fates: Counts = np.stack([served, shared, regressed])
        self._sizes = np.array([[1], [cluster], [1]])
        self._chances: Numbers = traces.chances[number]
        self._number = number
        self._weights = [0.0]
        """The candidate's share of each step so far; the last one goes on."""
        self._minutes: list[Shown] = []
        self._failed: list[int] = []
        """How many requests failed because of the candidate in each minute so far."""

    def write_weight(self, share: float, at_seconds: float) -> None:
        """Give the candidate a share of the traffic from the first step that begins no earlier."""
        from_step = math.ceil(at_seconds / self._step_seconds - 1e-9)
        weights = self._weights
        weights += [weights[-1]] * (from_step - len(weights))
        weights[from_step:] = [share]

    def shown(self, now_seconds: float) -> Iterator[Shown]:
        """Yield the minutes of the rollout that CloudWatch shows now."""
        self._serve_until(int(now_seconds // 60))
        visible = self._traces.visible_seconds[self._number]
        complete = self._traces.complete_seconds[self._number]
        for seen in self._minutes:
            if visible[seen.minute] > now_seconds:
                continue
            if complete[seen.minute] > now_seconds:
                at_first = seen.candidate_failures // 2, seen.baseline_failures // 2
                yield seen._replace(candidate_failures=at_first[0], baseline_failures=at_first[1])
            else:
                yield seen

    def before(self) -> Iterator[Shown]:
        """Yield the minutes before the rollout, all of which CloudWatch shows."""
        requests, failures = self._traces.lead_requests[self._number], self._traces.lead_shared[self._number]
        for index, (came, failed) in enumerate(zip(requests.tolist(), failures.tolist(), strict=True)):
            yield Shown(index - len(requests), 0, 0, came, failed)

    def failed_by_minute(self) -> Numbers:
        """Return how many requests of each minute fail because of the candidate if the weights stay as they are."""
        over = len(self._minutes)
        first = over * self._per_minute
        regressed = self._fates[2, first:]
        weights = self._weights[first : first + len(regressed)]
        share = np.array(weights + [self._weights[-1]] * (len(regressed) - len(weights)))
        to_come = thinned(regressed, share, self._chances[2, first:])
        by_minute = to_come.reshape(-1, self._per_minute).sum(axis=1)
        return np.array([*self._failed, *by_minute], dtype=float)

    def _serve_until(self, minute: int) -> None:
        """Let both versions serve all minutes before `minute`."""
        for number in range(len(self._minutes), min(minute, self._traces.minutes)):
            self._minutes.append(self._serve(number))

    def _serve(self, minute: int) -> Shown:
        first, after = minute * self._per_minute, (minute + 1) * self._per_minute
        weights = self._weights[first:after]
        weights += [self._weights[-1]] * (self._per_minute - len(weights))
        fates = self._fates[:, first:after]
        if not any(weights):
            mine = fates * 0
        elif min(weights) == 1:
            mine = fates
        else:
            mine = thinned(fates, np.array(weights), self._chances[:, first:after])
        ours = (mine * self._sizes).sum(axis=1).tolist()
        all_of_it = (fates * self._sizes).sum(axis=1).tolist()
        self._failed.append(ours[2])
        # What fails only under the candidate, the baseline serves.
        return Shown(
            minute,
            sum(ours),
            ours[1] + ours[2],
            sum(all_of_it) - sum(ours),
            all_of_it[1] - ours[1],
        )
