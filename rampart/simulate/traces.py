"""Traces: the requests of many rollouts of one scenario, drawn once, for every policy to meet.

A request has its fate before anybody routes it: it fails under either version (`shared`), it fails only when the
candidate serves it (`regressed`), or it is served. A policy's weight decides who serves it, by `split`; the
requests, their fates, the luck of the split and the moments at which CloudWatch shows the minutes are the same for
all. What a policy is charged with is the `regressed` requests that it let reach the candidate.
"""

import zlib
from dataclasses import dataclass

import numpy as np

from rampart.simulate.scenario import Scenario
from rampart.simulate.split import Counts, Numbers, thinned

DAY_MINUTES = 1_440
LEAD_MINUTES = 60
"""How many minutes before the rollout CloudWatch can show."""
FLAT = ("served", "shared", "regressed")
"""The fates, in the order of a trace's chances."""


@dataclass(frozen=True, slots=True)
class Traces:
    """Rollouts of one scenario. Arrays have a row for each rollout, and a column for each step, minute or fate."""

    scenario: Scenario
    requests: Counts
    """All requests of a step."""
    shared: Counts
    """The clusters of those that fail under either version; each has `scenario.cluster` requests."""
    regressed: Counts
    """Those that fail only when the candidate serves them."""
    chances: Numbers
    """The luck of the split, uniform from 0 to 1: rollouts by fates by steps."""
    visible_seconds: Numbers
    """When CloudWatch shows a minute, in seconds since the rollouts began; infinite for never."""
    complete_seconds: Numbers
    """When it shows all failures of the minute."""
    lead_requests: Counts
    """All requests of the minutes before the rollout, the last one last."""
    lead_shared: Counts
    """The failures among them."""
    day_requests: Counts
    """All requests of the day before the rollout: one number for each rollout."""
    day_shared: Counts
    """The failures among them."""
    phase_seconds: Numbers
    """When in a minute an alarm is evaluated, from 0 to 60: one number for each rollout."""
    begin_steps: Counts
    """At which step of the first minute somebody begins who does not wait for a whole minute."""
    shift_late_seconds: Numbers
    """How late the weight of each minute is written."""
    propagation_seconds: Numbers
    """How long the weight of each minute then takes to have an effect."""

    @property
    def rollouts(self) -> int:
        """How many there are."""
        return len(self.requests)

    @property
    def steps(self) -> int:
        """How many steps of time each has."""
        return int(self.requests.shape[1])

    @property
    def minutes(self) -> int:
        """How many minutes each has."""
        return self.scenario.horizon_minutes

    def of_minutes(self, steps: Counts) -> Counts:
        """Return the sums over the steps of each minute."""
        sums: Counts = steps.reshape(*steps.shape[:-1], -1, self.scenario.steps_per_minute).sum(axis=-1)
        return sums

    def regressed_at(self, weights: Numbers, first: int = 0) -> Counts:
        """Return, for each step from the `first` on, what fails because of the candidate at `weights`."""
        span = slice(first, first + weights.shape[1])
        return thinned(self.regressed[:, span], weights, self.chances[:, 2, span])


def draw(scenario: Scenario, rollouts: int, seed: int, name: str = "") -> Traces:
    """Return the traces of so many rollouts; the same for the same arguments.

    Each kind of chance has a stream of its own, so that a good release meets exactly the traffic of the bad one.
    """
    streams = np.random.SeedSequence([seed, zlib.crc32(name.encode())]).spawn(9)
    traffic, noise, failing, regressing, splitting, showing, evaluating, weighing, before = map(
        np.random.default_rng, streams
    )
    shape = (rollouts, scenario.horizon_minutes)
    hour = traffic.uniform(0, 2 * np.pi, (rollouts, 1))
    means = _traffic(scenario, hour, np.arange(shape[1]), noise)
    requests = _in_steps(scenario, means, traffic)
    rates, level = _failure_rates(scenario, shape, failing)
    shared = _failures(scenario, requests, rates, level, failing)
    alive = np.maximum(requests - shared * scenario.cluster, 0)
    regressed = regressing.binomial(alive, _regression(scenario))
    visible, complete = _visible(scenario, shape, showing)
    lead = traffic.poisson(_traffic(scenario, hour, np.arange(-LEAD_MINUTES, 0), noise))
    day = before.poisson(scenario.requests_per_minute * DAY_MINUTES, rollouts)
    return Traces(
        scenario=scenario,
        requests=requests,
        shared=shared,
        regressed=regressed,
        chances=np.clip(splitting.random((rollouts, len(FLAT), requests.shape[1])), 1e-12, 1 - 1e-12),
        visible_seconds=visible,
        complete_seconds=complete,
        lead_requests=lead,
        lead_shared=before.binomial(lead, scenario.base_failure_rate),
        day_requests=day,
        day_shared=before.binomial(day, scenario.base_failure_rate),
        phase_seconds=evaluating.uniform(0, 60, rollouts),
        begin_steps=evaluating.integers(0, scenario.steps_per_minute, rollouts),
        shift_late_seconds=weighing.uniform(*scenario.shift_late_seconds, shape),
        propagation_seconds=weighing.uniform(*scenario.propagation_seconds, shape),
    )


def _traffic(scenario: Scenario, hour: Numbers, minutes: Counts, noise: np.random.Generator) -> Numbers:
    """Return the mean requests of each minute: a day's swing, and noise around it."""
    swing = 1 + scenario.diurnal * np.sin(hour + 2 * np.pi * minutes / DAY_MINUTES)
    deviations = noise.standard_normal(swing.shape) * scenario.noise
    return scenario.requests_per_minute * swing * np.exp(deviations - scenario.noise**2 / 2)


def _in_steps(scenario: Scenario, means: Numbers, traffic: np.random.Generator) -> Counts:
    return traffic.poisson(np.repeat(means / scenario.steps_per_minute, scenario.steps_per_minute, axis=1))


def _failure_rates(
    scenario: Scenario, shape: tuple[int, int], failing: np.random.Generator
) -> tuple[Numbers, Numbers]:
    """Return the base failure rate of each step, and what a burst adds to it."""
    rates = np.full(shape, scenario.base_failure_rate)
    if scenario.overdispersion_shape:
        of = scenario.overdispersion_shape
        rates = rates * failing.gamma(of, 1 / of, shape)
    per_minute = scenario.steps_per_minute
    rates = np.repeat(np.minimum(rates, 1), per_minute, axis=1)
    added = np.zeros_like(rates)
    if scenario.burst:
        begins = failing.uniform(0, scenario.burst.begins_within_minutes * per_minute, (shape[0], 1))
        steps = np.arange(rates.shape[1])
        is_on = (steps >= begins) & (steps < begins + scenario.burst.minutes * per_minute)
        added = is_on * scenario.burst.failure_rate
    return rates, added


def _failures(
    scenario: Scenario, requests: Counts, rates: Numbers, added: Numbers, failing: np.random.Generator
) -> Counts:
    """Return the requests of each step that fail under either version, in clusters."""
    if scenario.cluster == 1:
        return failing.binomial(requests, 1 - (1 - rates) * (1 - added))
    most = requests // scenario.cluster
    return np.minimum(failing.poisson(requests * rates / scenario.cluster), most)


def _regression(scenario: Scenario) -> Numbers:
    steps = np.arange(scenario.horizon_minutes * scenario.steps_per_minute)
    return np.where(steps >= scenario.onset_minutes * scenario.steps_per_minute, scenario.regression, 0.0)


def _visible(scenario: Scenario, shape: tuple[int, int], showing: np.random.Generator) -> tuple[Numbers, Numbers]:
    ends = 60.0 * np.arange(1, shape[1] + 1)
    visible = ends + showing.uniform(*scenario.delay_seconds, shape)
    visible[showing.random(shape) < scenario.missing_share] = np.inf
    is_late = showing.random(shape) < scenario.late_share
    return visible, visible + is_late * scenario.late_seconds
