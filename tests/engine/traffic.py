"""Requests that come through an alias and leave in CloudWatch what Lambda would: no code runs."""

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING

from rampart.embedded.aws_lambda.counts import traffic
from rampart.embedded.cloudwatch.datum import Datum

if TYPE_CHECKING:
    from tests.engine.world import World

_EVERY_SECONDS = 20
_WEEK_HOURS = 7 * 24


class Traffic:
    """An even stream of requests, of which each version fails an even share.

    Nothing is left to chance: what is due in fractions is carried over until it is whole.
    """

    def __init__(
        self,
        world: "World",
        per_minute: float,
        failing: Callable[[str], float] = lambda version: 0.0,
        *,
        function: str = "checkout",
        duration_ms: Callable[[str], float] = lambda version: 10.0,
        handled: str = "",
        qualifier: str | None = "live",
    ) -> None:
        """`qualifier` is the alias through which requests come, if any. `failing` is the share of a version's
        requests that fail; `handled` is the namespace in which the application counts them itself, so that
        Lambda sees none of them."""
        self.per_minute = per_minute
        self.failing = failing
        self.duration_ms = duration_ms
        self._world = world
        self._function = function
        self._handled = handled
        self._qualifier = qualifier
        self._owed: dict[str, float] = defaultdict(float)

    def past(self, hours: int = _WEEK_HOURS) -> "Traffic":
        """Let the same have come before, all of it served by version 1."""
        now = self._world.clock.now()
        for hour in range(1, hours + 1):
            self._serve("1", self.per_minute * 60, now - hour * 3600)
        for minute in range(1, 20):
            self._serve("1", self.per_minute, now - minute * 60)
        self._world.wait(1)
        return self

    def flow(self, minutes: float) -> "Traffic":
        """Let requests come from now on."""
        for number in range(int(minutes * 60 / _EVERY_SECONDS)):
            self._world.timeline.plan(number * _EVERY_SECONDS, "requests come", self._come)
        return self

    def _come(self) -> None:
        alias = self._world.aws("GetAlias", FunctionName=self._function, Name="live")
        shares = dict(alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}))
        shares[alias["FunctionVersion"]] = 1 - sum(shares.values())
        for version, share in shares.items():
            self._serve(version, share * self.per_minute * _EVERY_SECONDS / 60, self._world.clock.now())

    def _serve(self, version: str, requests: float, at: float) -> None:
        number = self._whole(f"{version} requests", requests)
        failed = self._whole(f"{version} failures", number * self.failing(version))
        seen = 0 if self._handled else failed
        for datum, count in traffic(
            self._function, self._qualifier, version, at, number, seen, self.duration_ms(version)
        ):
            self._world.cloudwatch.record(datum, count)
        if self._handled and number:
            dimensions = {"version": version}
            self._world.cloudwatch.record(Datum.of(self._handled, "Requests", dimensions, 1.0, "Count", at), number)
            if failed:
                self._world.cloudwatch.record(
                    Datum.of(self._handled, "Failures", dimensions, 1.0, "Count", at), failed
                )

    def _whole(self, what: str, number: float) -> int:
        self._owed[what] += number
        whole = int(self._owed[what] + 1e-9)
        self._owed[what] -= whole
        return whole
