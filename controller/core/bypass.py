"""Bypass: calls that do not come through the alias, which no shift of its traffic reaches."""

from collections.abc import Sequence

FEWEST_CALLS = 10
"""So many calls past the alias, in a week, may be somebody trying something out, or our own test events."""
LEAST_SHARE = 0.05
"""The share of a function's calls past its alias that is worth a warning."""


def bypass_warning(function: str, alias: str, all_calls: float, through_alias: float) -> str | None:
    """Return a warning about the share of last week's calls that bypassed an alias, or None."""
    past = all_calls - through_alias
    if past < FEWEST_CALLS or past < LEAST_SHARE * all_calls:
        return None
    share = min(100 * past / all_calls, 99.9 if through_alias else 100.0)
    told = f"{share:.0f}" if share < 99 or share == 100 else f"{share:.1f}"
    return (
        f"{told} % of the calls of function {function} bypass alias {alias} ({past:,.0f} of {all_calls:,.0f} in "
        f"the last week), and no step holds for them; let their callers invoke {function}:{alias}"
    )


def source_warning(function: str, alias: str, sources: Sequence[str]) -> str | None:
    """Return a warning about event sources that invoke $LATEST, or None."""
    if not sources:
        return None
    who = f"event source {sources[0]}"
    who += f" and {len(sources) - 1} more invoke" if len(sources) > 1 else " invokes"
    return (
        f"{who} function {function} without its alias, and would run new code as soon as it is on $LATEST, before "
        f"any test; let {'them' if len(sources) > 1 else 'it'} invoke {function}:{alias}"
    )


def latest_warning(function: str, aliases: Sequence[str]) -> str | None:
    """Return a warning about other aliases that are on $LATEST, or None."""
    if not aliases:
        return None
    which = f"alias {aliases[0]}" if len(aliases) == 1 else f"aliases {', '.join(aliases)}"
    return (
        f"{which} of function {function} {'is' if len(aliases) == 1 else 'are'} on $LATEST, whose callers get new "
        "code before any test; point it at a version"
    )
