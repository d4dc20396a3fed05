"""Compatibility: which two versions an alias cannot be split between."""

import dataclasses

import pytest

from controller.core.code import Code, Readiness
from controller.core.compatibility import refuse_weights

BASELINE = Code(
    "checkout", "41", "sha", "revision", "x86_64", Readiness.READY, role="arn:aws:iam::123456789012:role/shop/app"
)
LATEST = dataclasses.replace(BASELINE, version="$LATEST")


def test_what_is_the_same_can_be_split_and_so_can_two_architectures() -> None:
    assert refuse_weights(BASELINE, LATEST) is None
    assert refuse_weights(BASELINE, dataclasses.replace(LATEST, architecture="arm64")) is None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"role": "arn:aws:iam::123456789012:role/new"}, "execution role (app, new)"),
        ({"dead_letters": "arn:aws:sqs:eu-west-1:123456789012:lost"}, "dead-letter queue (none, lost)"),
        ({"role": "new", "dead_letters": "lost"}, "execution role (app, new) and dead-letter queue (none, lost)"),
    ],
)
def test_what_lambda_would_refuse_to_split_is_told_with_both_sides(changes: dict[str, str], told: str) -> None:
    refusal = refuse_weights(BASELINE, dataclasses.replace(LATEST, **changes))  # type: ignore[arg-type]
    assert refusal == f"versions 41 and what is published now of function checkout differ in {told}"
