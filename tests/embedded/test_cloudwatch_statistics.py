"""Statistics of CloudWatch that need every value: percentiles, trimmed counts and percentile ranks."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rampart.embedded.cloudwatch.statistics import Bucket, statistic_name
from rampart.embedded.wire import ApiError


def bucket_of(*values: float) -> Bucket:
    bucket = Bucket()
    for value in values:
        bucket.add(value)
    return bucket


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *[("TC(:3)", 3), ("TC(3:)", 7), ("TC(3:5)", 2), ("TC(0.5:1)", 1), ("TC(20:30)", 0), ("TC(0:10)", 10)],
        *[("TC(10%:90%)", 8), ("TC(:90%)", 9), ("TC(80%:)", 2), ("TC(0%:100%)", 10), ("tc90", 9), ("tc100", 10)],
        *[("PR(:3)", 30), ("PR(3:)", 70), ("PR(3:5)", 20), ("PR(:10)", 100), ("PR(10:)", 0)],
    ],
)
def test_a_range_excludes_its_lower_bound_and_includes_its_upper_one(name: str, expected: float) -> None:
    assert bucket_of(*range(1, 11)).statistic(statistic_name(name)) == expected


@pytest.mark.parametrize(
    "name",
    [
        *["TC", "TC()", "TC(:)", "TC(5)", "TC(5:5)", "TC(9:5)", "TC(10%:5)", "TC(:101%)", "TC(-1:5)", "TC(:1e3)"],
        *["PR(:)", "PR(10%:90%)", "pr90", "PR(:300", "tc(:300)", "tc101", "tc", "p101", "p", "Median", ""],
        *["tm99", "TM(:99%)", "wm99", "WM(1:5)", "ts99", "TS(80%:)", "IQM", "p95\n", "TC(:3)\n"],
    ],
)
def test_a_statistic_that_is_not_supported_is_refused(name: str) -> None:
    with pytest.raises(ApiError, match="The statistic") as refused:
        statistic_name(name)
    assert refused.value.code == "ValidationException"


def test_a_value_seen_many_times_is_counted_so_often() -> None:
    bucket = Bucket()
    bucket.add(80.0, 97)
    bucket.add(700.0, 3)
    assert (bucket.statistic("TC(:300)"), bucket.statistic("PR(:300)"), bucket.statistic("p97")) == (97, 97, 80)


# Numbers that differ from each other, in no order, from 0.001 to almost 400.
MANY = [number * 137_911 % 400_000 / 1000 for number in range(1, 3_001)]


@pytest.mark.parametrize("parts", [1, 2])
@given(st.integers(1, 399))
def test_a_count_up_to_a_bound_of_three_digits_is_exact_for_any_number_of_values(parts: int, bound: int) -> None:
    bucket = Bucket.joined([bucket_of(*MANY[part::parts]) for part in range(parts)])
    assert bucket.statistic(f"TC(:{bound})") == sum(value <= bound for value in MANY)
    assert bucket.statistic(f"TC({bound}:)") == sum(value > bound for value in MANY)


@given(st.decimals("0.01", 400, places=10))
def test_a_count_up_to_a_finer_bound_is_that_of_a_bound_less_than_a_percent_lower(bound: Decimal) -> None:
    counted, limit = bucket_of(*MANY).statistic(f"TC(:{bound})"), float(bound)
    assert sum(value <= limit / 1.01 for value in MANY) <= counted <= sum(value <= limit for value in MANY)


def test_many_distinct_values_keep_percentiles_within_a_percent() -> None:
    bucket = bucket_of(*(value / 7 for value in range(100_000)))
    assert bucket.count == 100_000
    assert 95_000 / 7 <= bucket.statistic("p95") < 95_000 / 7 * 1.01


@given(st.lists(st.lists(st.floats(0, 1e6), min_size=1, max_size=20), min_size=1, max_size=5))
def test_joined_buckets_hold_what_one_bucket_would(parts: list[list[float]]) -> None:
    whole = bucket_of(*(value for part in parts for value in part))
    joined = Bucket.joined([bucket_of(*part) for part in parts])
    for name in ("SampleCount", "Minimum", "Maximum", "p50", "p99", "tc90", "TC(10:1000)", "PR(:500)"):
        assert joined.statistic(name) == whole.statistic(name)
    assert joined.statistic("Sum") == pytest.approx(whole.statistic("Sum"))
