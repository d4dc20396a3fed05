"""Paper to print on, and the golden files that say what must be on it."""

import io
import os
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

NARROW, WIDE = 80, 160
_GOLDEN = Path(__file__).parent / "golden"


def printed(print_on: Callable[[Console], object], width: int = NARROW, *, colour: bool = False) -> str:
    """Return what is printed on a terminal, or without colour on none; spaces at the ends of lines are cut."""
    paper = io.StringIO()
    console = Console(
        file=paper,
        width=width,
        highlight=False,
        force_terminal=colour,
        color_system="standard" if colour else None,
        _environ={},
    )
    print_on(console)
    return "".join(f"{line.rstrip()}\n" for line in paper.getvalue().splitlines())


def assert_golden(name: str, text: str) -> None:
    """Compare with a golden file; with WRITE_GOLDEN set, write it, to be read before it is committed."""
    path = _GOLDEN / f"{name}.txt"
    if os.environ.get("WRITE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()
