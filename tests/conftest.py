"""What holds for every test: credentials that open nothing, no network beyond this machine, a count of cases."""

import ipaddress
import os
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import settings

# The gate is the same on every run; the nightly profile looks for what it has not seen yet.
settings.register_profile("gate", deadline=None, derandomize=True)
settings.register_profile("nightly", deadline=None, max_examples=5_000, print_blob=True)
settings.load_profile("gate")

AWS_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


Tried = Callable[[str, int], None]
"""Takes how many cases of a kind a test went through; the summary adds them up."""


class BeyondThisMachineError(AssertionError):
    """A test tried to reach another machine."""


@pytest.fixture(scope="session", autouse=True)
def aws_environment() -> Iterator[None]:
    """Replace whatever the machine says about AWS by credentials and a region that open nothing."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in AWS_ENVIRONMENT.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session", autouse=True)
def loopback_only() -> Iterator[None]:
    """Refuse every connection that would leave this machine."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _refuse_others(address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _refuse_others(address)
        return connect_ex(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        yield


@pytest.fixture
def tried(record_property: Callable[[str, object], None]) -> Tried:
    """Let a test tell how many cases of a kind it went through."""
    return lambda kind, number: record_property("tried", (kind, number))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many cases were tried by the tests that passed."""
    total: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "tried":
                kind, number = value
                total[kind] += number
    if total:
        cases = ", ".join(f"{number:,} {kind}" for kind, number in sorted(total.items()))
        terminalreporter.write_line(f"everything came to rest after: {cases}")


def _refuse_others(address: Any) -> None:
    if isinstance(address, tuple) and not _is_loopback(str(address[0])):
        raise BeyondThisMachineError(f"a test may not connect to {address[0]}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
