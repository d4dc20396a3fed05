"""Aliases: where their traffic goes, and whether it goes where this deployment sent it."""

from dataclasses import dataclass

from controller.core.weight import FULL_WEIGHT, spell_weight


@dataclass(frozen=True, slots=True)
class Routing:
    """Where an alias sends its traffic; `weight` is the second version's, in basis points.

    The version of an alias that does not exist yet is empty.
    """

    version: str
    second: str | None = None
    weight: int = 0

    def __str__(self) -> str:
        if self.second is None:
            return f"version {self.version}" if self.version else "no version"
        return f"version {self.version} with {spell_weight(self.weight)} on version {self.second}"

    @property
    def is_split(self) -> bool:
        """Whether two versions take traffic."""
        return self.second is not None


@dataclass(frozen=True, slots=True)
class Alias:
    """An alias as Lambda describes it now."""

    function: str
    name: str
    routing: Routing
    revision_id: str

    def __str__(self) -> str:
        return f"{self.function}:{self.name}"


def routing_at(baseline: str, candidate: str | None, weight: int) -> Routing:
    """Return the routing that gives the candidate `weight` basis points of the traffic.

    Without a baseline there is no alias before the candidate has all of it.
    """
    if candidate in (None, baseline) or weight == 0:
        return Routing(baseline)
    if weight == FULL_WEIGHT:
        return Routing(str(candidate))
    return Routing(baseline, candidate, weight)
