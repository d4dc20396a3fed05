"""A terminal on the embedded AWS: commands out of a document, as a person types them, with the real AWS CLI."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rampart.embedded.iam.authoriser import OPERATOR_KEY
from rampart.embedded.wire import REGION

_BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of one command."""

    code: int
    out: str
    err: str


class Terminal:
    """A shell whose AWS is the embedded one, and whose user is its operator."""

    def __init__(self, url: str, home: Path, more: Mapping[str, str] | None = None) -> None:
        """`more` is what else is in the environment, or is otherwise there."""
        self._home = home
        self.environment = {
            "PATH": f"{_BIN}:{os.environ['PATH']}",
            "HOME": str(home),  # no profile of whoever runs the tests
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": OPERATOR_KEY,
            "AWS_SECRET_ACCESS_KEY": "embedded",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
            **this_checkout(),
            **(more or {}),
        }

    def run(self, command: str) -> Ran:
        """Run a command through bash and return what it printed."""
        return bash(f"set -e\n{command}", self._home, self.environment)


def bash(command: str, home: Path, environment: Mapping[str, str]) -> Ran:
    """Run a command through bash, in a home and with an environment of its own."""
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def this_checkout() -> dict[str, str]:
    """Return what has commands run the code of this checkout, where another one is installed."""
    return {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}


def typed(document: Path, part: str) -> str:
    """Return the one block of code of a document that has `part` in it."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", document.read_text(), re.DOTALL | re.MULTILINE)
    (found,) = [block for block in blocks if part in block]
    return str(found)


def filled_in(command: str, **places: str) -> str:
    """Return a command with a value for each of its placeholders, which all must be there."""
    for placeholder, value in places.items():
        assert re.search(rf"\b{placeholder}\b", command), f"{placeholder} is not in: {command}"
        command = value.join(re.split(rf"\b{placeholder}\b", command))
    return command
