"""What a command does first that runs an AWS in its own process: it needs more, and must lead nowhere else."""

import os
import sys
from importlib.util import find_spec

from rampart.cli.application import fail


def prepare(command: str) -> None:
    """Make the process ready for an AWS inside it; ends the command when something that it needs is not there."""
    if not find_spec("awslambdaric"):
        if sys.platform == "linux":
            fail(f"rampart {command}: it needs more than the extra [cli]; run make {command} in a checkout")
        fail(f"rampart {command}: Lambda's runtime client (awslambdaric) is built for Linux only; run it on Linux")
    for name in list(os.environ):  # no profile and no proxy leads to it
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            del os.environ[name]
