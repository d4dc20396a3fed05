"""Wording: values and foreign texts in lines for people, one line each and never long."""

import json
from typing import Any

_SHOWN = 60


def one_line(text: str, at_most: int = 500) -> str:
    """Return a text as one line of at most `at_most` characters."""
    line = " ".join(text.split()) if any(not c.isprintable() for c in text) else text
    line = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
    return line if len(line) <= at_most else line[: at_most - 1] + "…"


def escaped(text: str) -> str:
    """Return a text with what cannot be printed, and \\ itself, spelt as in JSON, so that texts stay distinct."""
    return "".join(c if c.isprintable() and c != "\\" else json.dumps(c)[1:-1] for c in text)


def shown(value: Any) -> str:
    """Return a value of a JSON document as a person would recognise it: text in quotes, cut when long."""
    match value:
        case str():
            return f"'{one_line(escaped(value), _SHOWN)}'"  # what cannot be seen may be the fault
        case dict():
            return "an object"
        case list() | tuple():
            return "a list"
        case bool() | None:
            return json.dumps(value)
        case _:
            return one_line(str(value), _SHOWN)
