"""Weights: the candidate's share of the traffic, in basis points."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

from controller.core.wording import shown

FULL_WEIGHT = 10_000
"""All of the traffic, in basis points."""

_PERCENT = r"([0-9]{1,3}(?:\.[0-9]{1,2})?) ?%"


def parse_weight(text: Any) -> int:
    """Return the basis points of a percentage such as "10%"; raises ValueError that shows how to write one."""
    found = re.fullmatch(_PERCENT, text) if isinstance(text, str) else None
    if not found:
        raise ValueError(f'write a percentage such as "10%" or "0.5%", not {shown(text)}')
    weight = round(float(found[1]) * 100)
    if not 0 < weight <= FULL_WEIGHT:
        raise ValueError(f"write a percentage above 0% and up to 100%, not {shown(text)}")
    return weight


def spell_weight(weight: int) -> str:
    """Return basis points as a percentage: 1000 is "10%"."""
    return f"{weight / 100:g}%"


Weight = Annotated[int, BeforeValidator(parse_weight), PlainSerializer(spell_weight, when_used="json")]
"""Basis points, written by people as a percentage."""
