"""Every UpdateAlias that the embedded AWS carries out: of which alias, from whom, and when it took effect."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rampart.embedded.front import Around
from rampart.embedded.wire import Call


@dataclass(frozen=True, slots=True)
class AliasWrite:
    """One UpdateAlias that took effect."""

    function: str
    alias: str
    version: str | None
    """The version that the alias was put on; None when the write left it where it was."""
    splits: bool
    """Whether it gave a second version a weight."""
    by: str
    """The access key id of the caller; `rampart.embedded.aws.access_key` makes it of a function's name."""
    at: float
    """When the alias had changed, in seconds since the epoch."""


def watching(tell: Callable[[AliasWrite], None], now: Callable[[], float]) -> Around:
    """Return the `around` of an embedded AWS that tells of each write; one that is refused is no write.

    `tell` is called by the thread that carries the call out, before its caller has the answer.
    """

    @contextmanager
    def around(call: Call) -> Iterator[None]:
        yield
        if (call.service, call.operation) == ("lambda", "UpdateAlias"):
            tell(_write(call, now()))

    return around


def _write(call: Call, at: float) -> AliasWrite:
    given = call.params
    splits = bool(given.get("RoutingConfig", {}).get("AdditionalVersionWeights"))
    return AliasWrite(
        given["FunctionName"], given["Name"], given.get("FunctionVersion"), splits, call.principal, at
    )
