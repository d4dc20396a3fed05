"""AWS CodeDeploy's way: fixed steps, and alarms on the alias, which serves both versions.

Timing as in the CodeDeploy user guide, "Deployment configurations on an AWS Lambda compute platform": a linear
deployment shifts at the start of each increment, so that Linear10PercentEvery1Minute has shifted all after nine
minutes, and a canary after its interval; a deployment is done when all is shifted, and no alarm counts any more.
It begins at any second of a minute. An alarm is evaluated once a minute over the last minutes that CloudWatch shows
(CloudWatch user guide, "Evaluating an alarm": M out of N datapoints; a minute without requests has none), with
minutes from before the rollout left out, as if it had been OK. The alias is back at the next step of time.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rampart.simulate.outcomes import Outcomes, charged
from rampart.simulate.split import Counts, Numbers
from rampart.simulate.traces import Traces

THRESHOLDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.10, 0.25)
"""The failure rates of the oracle's alarms; beside them there is the alarm on any failure at all."""
DATAPOINTS = ((1, 1), (2, 3), (3, 3))
"""M out of N of the oracle's alarms."""
MOST_FALSE = 0.05
"""In which share of the good rollouts an alarm of the oracle's may go off."""


@dataclass(frozen=True, slots=True)
class Ramp:
    """A deployment configuration: the weight of each minute until all is shifted."""

    name: str
    weights: tuple[float, ...]

    @property
    def minutes(self) -> int:
        """After how many minutes all is shifted."""
        return len(self.weights)


# Linear10PercentEvery1Minute and Canary10Percent5Minutes
LINEAR = Ramp("linear", tuple(tenths / 10 for tenths in range(1, 10)))
CANARY = Ramp("canary", (0.1,) * 5)


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm on the alias: the share of requests that fails, or with `above` 0 any failure."""

    above: float
    breaching: int = 1
    of: int = 1

    def __str__(self) -> str:
        rate = f"> {100 * self.above:g}%" if self.above else "Errors Sum > 0"
        return f"{rate}, {self.breaching}/{self.of}"


ORDINARY = Alarm(0.05)
ANY_FAILURE = Alarm(0.0)
"""The alarm of the SAM developer guide, "Deploying serverless applications gradually"."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """A ramp with its alarm."""

    ramp: Ramp
    alarm: Alarm

    def __str__(self) -> str:
        return f"CodeDeploy {self.ramp.name} {self.alarm}"


def configurations() -> Iterator[Configuration]:
    """Yield the 44 configurations among which the oracle chooses."""
    rates = [Alarm(above, *datapoints) for above in THRESHOLDS for datapoints in DATAPOINTS]
    for ramp, alarm in itertools.product((LINEAR, CANARY), [ANY_FAILURE, *rates]):
        yield Configuration(ramp, alarm)


@dataclass(frozen=True, slots=True)
class Watched:
    """A ramp over traces, as nobody stops it: what it costs, and what alarms on the alias see of it."""

    traces: Traces
    ramp: Ramp
    regressed: Counts
    """The failures because of the candidate, of each step until all is shifted."""
    requests: Counts
    """What the alias takes in each minute that an alarm may see before all is shifted."""
    failures: Counts
    """What fails of it, under either version."""

    def under(self, alarm: Alarm) -> Outcomes:
        """Return what becomes of the rollouts with that alarm."""
        step = self.traces.scenario.step_seconds
        begin = self.traces.begin_steps
        done = begin + self.ramp.minutes * self.traces.scenario.steps_per_minute
        fired = self._fired_seconds(alarm)
        back_step = np.where(np.isfinite(fired), np.floor(fired / step) + 1, self.traces.steps).astype(np.int64)
        is_back = np.isfinite(fired) & (fired < done * step)
        back_step = np.where(is_back, back_step, self.traces.steps)
        failed, by_minute = charged(self.traces, self.regressed, back_step)
        return Outcomes(
            policy=str(Configuration(self.ramp, alarm)),
            failed=failed,
            rolled_back=np.where(is_back, (back_step - begin) * step / 60, np.nan),
            promoted=np.where(is_back, np.nan, float(self.ramp.minutes)),
            failed_by_minute=by_minute,
        )

    def _fired_seconds(self, alarm: Alarm) -> Numbers:
        """Return when the alarm first goes off, in seconds since the trace began; infinite for never."""
        minutes = self.requests.shape[1]
        visible = self.traces.visible_seconds[:, :minutes]
        complete = self.traces.complete_seconds[:, :minutes]
        has_data = self.requests > 0
        rate = np.divide(self.failures, self.requests, out=np.zeros(self.requests.shape), where=has_data)
        at_first = np.divide(self.failures // 2, self.requests, out=np.zeros(self.requests.shape), where=has_data)
        fired = np.full(self.traces.rollouts, np.inf)
        for number in range(minutes + 1):
            now = (self.traces.phase_seconds + 60 * number)[:, None]
            seen = (visible <= now) & has_data
            newest_first = np.cumsum(seen[:, ::-1], axis=1)[:, ::-1]
            counts = seen & (newest_first <= alarm.of)
            breaches = counts & (np.where(complete <= now, rate, at_first) > alarm.above)
            is_red = breaches.sum(axis=1) >= alarm.breaching
            fired = np.minimum(fired, np.where(is_red, now[:, 0], np.inf))
        return fired


def watch(traces: Traces, ramp: Ramp) -> Watched:
    """Return a ramp over traces, for any number of alarms."""
    per_minute = traces.scenario.steps_per_minute
    minutes = ramp.minutes + 1  # it begins within the first one
    steps = np.arange(minutes * per_minute)
    at_minute = (steps - traces.begin_steps[:, None]) // per_minute
    table = np.array([*ramp.weights, 1.0])
    weights = np.where(at_minute < 0, 0.0, table[np.clip(at_minute, 0, ramp.minutes)])
    regressed = traces.regressed_at(weights)
    shared = np.minimum(traces.shared[:, : len(steps)] * traces.scenario.cluster, traces.requests[:, : len(steps)])
    return Watched(
        traces=traces,
        ramp=ramp,
        regressed=regressed,
        requests=traces.of_minutes(traces.requests[:, : len(steps)]),
        failures=traces.of_minutes(shared + regressed),
    )


def play(traces: Traces, configuration: Configuration) -> Outcomes:
    """Return what becomes of the rollouts under one configuration."""
    return watch(traces, configuration.ramp).under(configuration.alarm)


@dataclass(frozen=True, slots=True)
class Oracle:
    """The best of many configurations for one scenario: a rival that knows the regression beforehand."""

    configuration: Configuration
    outcomes: Outcomes
    false_share: float
    """In which share of the same rollouts of a good release it rolls back."""


def oracle(traces: Traces, good: Traces) -> Oracle:
    """Return the configuration that costs least among those that seldom roll back the matching good release."""
    best: Oracle | None = None
    for ramp in (LINEAR, CANARY):
        bad_watch, good_watch = watch(traces, ramp), watch(good, ramp)
        for configuration in configurations():
            if configuration.ramp is not ramp:
                continue
            false_share = float(good_watch.under(configuration.alarm).is_rolled_back.mean())
            if false_share > MOST_FALSE:
                continue
            found = bad_watch.under(configuration.alarm)
            if best is None or found.failed.mean() < best.outcomes.failed.mean():
                best = Oracle(configuration, found, false_share)
    if best is None:
        raise ValueError("no configuration of CodeDeploy spares the good release of this scenario")
    return best
