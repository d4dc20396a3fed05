"""How long a call of AWS may hang before a function of the controller says so, and does what is left to do.

By arithmetic: a test that waits for a service that never answers would take as long as the function may.
"""

from typing import Any

import pytest

from controller.bootstrap import AwsPorts
from controller.settings import Settings
from tests.sam_template import FUNCTIONS, GLOBALS
from tests.state_machine.definition import TASKS

REST_SECONDS = 5.0
"""What all else that a function does takes at most, when only one service hangs."""


@pytest.fixture
def ports(monkeypatch: pytest.MonkeyPatch) -> AwsPorts:
    """Return the ports on AWS, of which nothing is called."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    return AwsPorts(Settings("dev", "123456789012", "table", "default", "", 60.0))


def longest_seconds(client: Any) -> float:
    """Return how long one call takes at most before it is given up.

    That it waits for up to 50 ms * 2**n after the n-th try that was not throttled is botocore's own
    (`botocore.retries.standard`, ExponentialBackoff).
    """
    config = client.meta.config
    tries = config.retries["total_max_attempts"]
    waits = sum(0.05 * 2**number for number in range(tries - 1))
    return float(tries * max(config.connect_timeout, config.read_timeout) + waits)


def timeout_seconds(function: str) -> float:
    """Return how long a function of the template may run."""
    return float(FUNCTIONS[function].get("Timeout", GLOBALS["Timeout"]))


@pytest.mark.parametrize("function", ["SignalFunction", "ControlFunction", "RestoreFunction", "RollBackFunction"])
def test_a_table_that_takes_no_mark_leaves_the_time_to_put_the_aliases_back(ports: AwsPorts, function: str) -> None:
    assert longest_seconds(ports._dynamodb) <= timeout_seconds(function) / 2


def test_a_look_to_which_cloudwatch_does_not_answer_is_held_and_recorded(ports: AwsPorts) -> None:
    alarms_and_metrics = 2 * longest_seconds(ports._cloudwatch)
    assert alarms_and_metrics + REST_SECONDS <= timeout_seconds("JudgeFunction")


@pytest.mark.parametrize("state", [name for name, task in TASKS.items() if "TimeoutSeconds" in task])
def test_no_function_runs_on_when_the_state_machine_tries_again(state: str) -> None:
    assert timeout_seconds(f"{state}Function") < TASKS[state]["TimeoutSeconds"]
