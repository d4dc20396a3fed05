"""What the measurements have in common as commands."""

import argparse
import os
from collections.abc import Callable


def forget_aws() -> None:
    """Forget what this machine says about AWS: the AWS is in this process, and no profile or proxy leads to it."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            del os.environ[name]


def count(most: int) -> Callable[[str], int]:
    """Return the type of an argument that is a number from 1 to `most`."""

    def number(text: str) -> int:
        if not text.isdecimal() or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"write a number from 1 to {most}, not {text!r}")
        return int(text)

    return number
