"""Durations as people write them: "90s", "5m", "1h", "7d"."""

import math
import re
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

from controller.core.wording import shown

_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = r"([0-9]{1,6})([smhd])"
_MILLISECONDS = r"([0-9]{1,7})(ms|s)"


def parse_duration(text: Any) -> int:
    """Return the seconds of a duration such as "90s" or "5m"; raises ValueError that shows how to write one."""
    if isinstance(text, int) and not isinstance(text, bool) and text >= 0:
        number = shown(text)
        raise ValueError(f'write a duration with its unit, such as "{number}s" or "{number}m", not {number}')
    found = re.fullmatch(_DURATION, text) if isinstance(text, str) else None
    if not found:
        raise ValueError(f'write a duration such as "90s", "5m", "1h" or "7d", not {shown(text)}')
    return int(found[1]) * _UNIT_SECONDS[found[2]]


def spell_duration(seconds: int) -> str:
    """Return a duration as people write it, in the largest unit that divides it."""
    for unit in ("d", "h", "m"):
        if seconds and seconds % _UNIT_SECONDS[unit] == 0:
            return f"{seconds // _UNIT_SECONDS[unit]}{unit}"
    return f"{seconds}s"


def spell_span(seconds: int) -> str:
    """Return a length of time that a plan came to, such as "7d 12h 5m"."""
    parts = []
    for unit, unit_seconds in reversed(_UNIT_SECONDS.items()):
        count, seconds = divmod(seconds, unit_seconds)
        parts += [f"{count}{unit}"] if count else []
    return " ".join(parts) or "0s"


def scaled(seconds: int, minute_seconds: float) -> int:
    """Return `seconds` of a plan in real seconds, when a minute takes `minute_seconds` (60 on AWS)."""
    return math.ceil(seconds * minute_seconds / 60 - 1e-9)


Duration = Annotated[int, BeforeValidator(parse_duration), PlainSerializer(spell_duration, when_used="json")]
"""Seconds, written by people with a unit."""


def parse_milliseconds(text: Any) -> int:
    """Return the milliseconds of a time such as "800ms" or "2s"; raises ValueError that shows how to write one."""
    found = re.fullmatch(_MILLISECONDS, text) if isinstance(text, str) else None
    if not found:
        raise ValueError(f'write a time such as "800ms" or "2s", not {shown(text)}')
    return int(found[1]) * (1000 if found[2] == "s" else 1)


def _spell_milliseconds(milliseconds: int) -> str:
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"


Milliseconds = Annotated[
    int, BeforeValidator(parse_milliseconds), PlainSerializer(_spell_milliseconds, when_used="json")
]
"""Milliseconds, written by people with a unit."""
