"""What the tests of the embedded AWS share."""

import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from rampart.embedded.aws import EmbeddedAws
from tests.embedded.embedded_account import Eventually


@pytest.fixture
def eventually() -> Eventually:
    """Return a function that waits until a condition holds, and fails after ten seconds."""

    def wait(condition: Callable[[], object], timeout_seconds: float = 10.0) -> None:
        deadline = time.monotonic() + timeout_seconds
        pause = threading.Event()
        while not condition():
            assert time.monotonic() < deadline, "it did not come true in time"
            pause.wait(0.002)

    return wait


@pytest.fixture
def aws() -> Iterator[EmbeddedAws]:
    """Return an empty account whose minute takes 0.6 seconds, and whose functions run in this process."""
    with EmbeddedAws(0.6, runner="in_process") as running:
        yield running


@pytest.fixture
def restless() -> Iterator[None]:
    """Have threads take turns every ten microseconds, so that what is not locked goes wrong soon."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)
