"""What holds for every test: credentials that open nothing, no network beyond this machine, a count of cases."""

import gc
import ipaddress
import os
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import pytest
from hypothesis import settings

# The gate is the same on every run; the nightly profile looks for what it has not seen yet.
settings.register_profile("gate", deadline=None, derandomize=True)
settings.register_profile("nightly", deadline=None, max_examples=5_000, print_blob=True)
settings.load_profile("gate")

T = TypeVar("T")

AWS_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


LONGEST = (
    "tests/e2e/test_fleet.py",
    "tests/e2e/test_grants.py",
    "tests/e2e/test_comparison.py",
    "tests/e2e/test_demo.py",
    "tests/e2e/test_tutorial.py",
    "tests/test_faults.py",
    "tests/e2e/test_local.py",
    "tests/test_template_findings.py",
    "tests/test_storm.py",
    "tests/e2e/test_permissions.py",
    "tests/e2e/test_first_aid.py",
    "tests/test_interleavings.py",
)
"""The modules that run longest: each worker begins with some of them, so that none is left alone with one."""

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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the longest modules first in the part of the tests that each worker is given."""
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    items[:] = longest_first(items, lambda item: item.nodeid.partition("::")[0], workers)


def longest_first(items: Sequence[T], module_of: Callable[[T], str], workers: int) -> list[T]:
    """Return the items in an order of which every worker takes one part, and each part begins with long modules.

    pytest-xdist deals out parts of equal size, in order, and takes what is left over from the end of the fullest.
    """
    dealt: list[list[T]] = [[] for _ in range(workers)]
    for number, module in enumerate(LONGEST):
        dealt[number % workers] += [each for each in items if module_of(each) == module]
    rest = [each for each in items if module_of(each) not in LONGEST]
    ordered: list[T] = []
    for number, part in enumerate(dealt):
        end = len(items) * (number + 1) // workers - len(ordered) - len(part)
        ordered += part + rest[: max(0, end)]
        del rest[: max(0, end)]
    return ordered + rest


def pytest_collection_finish() -> None:
    """Spare the collector what stays until the end: tests and libraries."""
    gc.collect()
    gc.freeze()


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
