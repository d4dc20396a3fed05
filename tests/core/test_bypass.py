"""Bypass: what is warned of because it does not go through the alias."""

import pytest

from controller.core.bypass import bypass_warning, latest_warning, source_warning


@pytest.mark.parametrize(
    ("all_calls", "through", "told"),
    [
        (
            10_000,
            800,
            "92 % of the calls of function checkout bypass alias live (9,200 of 10,000 in the last week)",
        ),
        (200, 0, "100 % of the calls of function checkout bypass alias live (200 of 200 in the last week)"),
        (1_000_000, 1, "99.9 % of the calls"),
        (1_000, 940, "6 % of the calls"),
    ],
)
def test_callers_past_the_alias_are_told_with_their_share(all_calls: float, through: float, told: str) -> None:
    warning = bypass_warning("checkout", "live", all_calls, through)
    assert warning is not None
    assert warning.startswith(told)
    assert warning.endswith("let their callers invoke checkout:live")


@pytest.mark.parametrize(("all_calls", "through"), [(0, 0), (9, 0), (1_000, 960), (1_000, 1_000), (100, 120)])
def test_a_few_calls_past_the_alias_are_none_of_our_business(all_calls: float, through: float) -> None:
    assert bypass_warning("checkout", "live", all_calls, through) is None


def test_event_sources_that_invoke_what_is_not_tested_yet_are_named() -> None:
    queue = "arn:aws:sqs:eu-west-1:123456789012:orders"
    assert source_warning("checkout", "live", []) is None
    one, two = (source_warning("checkout", "live", [queue] * number) for number in (1, 2))
    assert one == (
        f"event source {queue} invokes function checkout without its alias, and would run new code as soon as it "
        "is on $LATEST, before any test; let it invoke checkout:live"
    )
    assert str(two).startswith(f"event source {queue} and 1 more invoke function checkout without its alias")


def test_other_aliases_that_get_new_code_at_once_are_named() -> None:
    assert latest_warning("checkout", []) is None
    assert str(latest_warning("checkout", ["dev"])).startswith("alias dev of function checkout is on $LATEST")
    assert str(latest_warning("checkout", ["a", "b"])).startswith(
        "aliases a, b of function checkout are on $LATEST"
    )
