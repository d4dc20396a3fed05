"""Outcomes: what a look can find."""

from enum import StrEnum


class Outcome(StrEnum):
    """FAIL outranks INCONCLUSIVE outranks PASS."""

    PASS = "PASS"
    INCONCLUSIVE = "INCONCLUSIVE"
    FAIL = "FAIL"
