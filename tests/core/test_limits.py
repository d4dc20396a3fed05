"""Limits: what a function's own settings keep a deployment from seeing."""

import dataclasses

import pytest

from controller.core.code import Code, Readiness
from controller.core.limits import refuse_stopped, stopped_warning, timeout_warning

CODE = Code("checkout", "$LATEST", "sha", "revision", "x86_64", Readiness.READY)


@pytest.mark.parametrize(("reserved", "is_stopped"), [(None, False), (0, True), (1, False)])
def test_a_function_is_stopped_by_a_reserved_concurrency_of_nothing_only(
    reserved: int | None, is_stopped: bool
) -> None:
    code = dataclasses.replace(CODE, reserved=reserved)
    assert (refuse_stopped(code) is not None, stopped_warning(code) is not None) == (is_stopped, is_stopped)


@pytest.mark.parametrize(
    ("timeout", "plan", "minute", "is_told"),
    [
        (900, 899, 60.0, True),
        (900, 1_019, 60.0, True),  # two minutes more, until the metrics have it
        (900, 1_020, 60.0, False),
        (900, 919, 10.0, True),
        (900, 920, 10.0, False),
        (60, 1, 60.0, False),
        (61, 1, 60.0, True),
        (0, 0, 60.0, False),
    ],
)
def test_a_timeout_is_told_that_no_request_could_reach_before_the_promotion(
    timeout: int, plan: int, minute: float, is_told: bool
) -> None:
    found = timeout_warning(dataclasses.replace(CODE, timeout_seconds=timeout), plan, minute)
    assert (found is not None) is is_told
