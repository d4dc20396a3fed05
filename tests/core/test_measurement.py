"""Measurement: which minutes of two versions can be compared, and that missing data is never taken for health."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.criteria import CountMetric, Then
from controller.core.evidence import Minute, Usual
from controller.core.measurement import (
    Metric,
    ShiftMade,
    Subject,
    compared_minutes,
    counts_of,
    errors_of,
    minute_number,
    slowness_of,
)
from controller.core.weight import FULL_WEIGHT
from tests.builders import FIRST_MINUTE, START, a_shift, after

ORDERS = CountMetric.model_validate(
    {
        "name": "orders",
        "namespace": "Shop",
        "dimensions": {"service": "orders"},
        "version_dimension": "version",
        "requests": "Orders",
        "failures": "Failed",
    }
)
ERRORS = errors_of("orders", "live")
SLOW = slowness_of("orders", "live", 812.5, Then.HOLD)
OWN = counts_of("orders", ORDERS)

ALIAS = (("FunctionName", "orders"), ("Resource", "orders:live"))
CANDIDATE = (("ExecutedVersion", "2"), *ALIAS)


def compared(*shifts: ShiftMade, now: float, minute_seconds: float = 60) -> dict[int, int]:
    """Return the minutes that can be compared `now` seconds after START, counted from START, with their weight."""
    first = minute_number(START, minute_seconds)
    minutes = compared_minutes(shifts, after(now), minute_seconds)
    return {number - first: weight for number, weight in minutes.items()}


def minutes(weight: int, first: int, end: int) -> dict[int, int]:
    """Return the minutes from `first` up to but without `end`, with their weight."""
    return dict.fromkeys(range(first, end), weight)


# ---- Which minutes are compared -----------------------------------------------------------------------------


def test_before_the_first_shift_there_is_nothing_to_compare() -> None:
    assert compared(now=600) == {}


@pytest.mark.parametrize("second", [0, 0.5, 3, 59])
def test_the_minute_of_the_first_shift_is_left_out_even_when_it_came_at_its_start(second: float) -> None:
    assert compared(a_shift(second, 1_000), now=4 * 60 + 30) == minutes(1_000, 1, 4)


def test_the_minute_that_is_not_over_yet_is_left_out() -> None:
    assert compared(a_shift(0, 1_000), now=119.9) == {}
    assert compared(a_shift(0, 1_000), now=120) == minutes(1_000, 1, 2)


@pytest.mark.parametrize(
    ("second", "took", "first"),
    [(0, 0, 3), (0, 5, 3), (4.9, 0, 3), (5, 0, 3), (5.1, 0, 4), (3, 3, 4), (30, 0, 4), (59.9, 0, 4)],
)
def test_a_later_shift_spoils_its_minute_unless_it_was_made_within_five_seconds_of_its_start(
    second: float, took: float, first: int
) -> None:
    later = a_shift(180 + second, 2_000, took)
    expected = minutes(1_000, 1, 3) | minutes(2_000, first, 6)
    assert compared(a_shift(0, 1_000), later, now=360) == expected


def test_a_shift_that_took_longer_than_a_minute_spoils_every_minute_that_it_touched() -> None:
    later = a_shift(180, 2_000, took=130)
    assert compared(a_shift(0, 1_000), later, now=480) == minutes(1_000, 1, 3) | minutes(2_000, 6, 8)


def test_a_shift_that_began_before_a_minute_and_ended_in_it_spoils_both() -> None:
    later = a_shift(179, 2_000, took=2)
    assert compared(a_shift(0, 1_000), later, now=360) == minutes(1_000, 1, 2) | minutes(2_000, 4, 6)


@pytest.mark.parametrize("second", [240, 243, 270])
def test_the_minute_in_which_the_candidate_got_all_of_the_traffic_is_left_out(second: float) -> None:
    shifts = a_shift(0, 5_000), a_shift(second, FULL_WEIGHT)
    assert compared(*shifts, now=3_600) == minutes(5_000, 1, 4)


def test_a_candidate_that_got_all_at_once_is_never_compared() -> None:
    assert compared(a_shift(0, FULL_WEIGHT), now=3_600) == {}


def test_each_minute_has_the_weight_that_it_had_all_along() -> None:
    ramp = [a_shift(60 * number, 10 * (number + 1)) for number in range(5)]
    assert compared(*ramp, now=360) == {1: 20, 2: 30, 3: 40, 4: 50, 5: 50}


# The deployment is compressed: the same story, in minutes of other lengths.
@pytest.mark.parametrize("minute_seconds", [60.0, 6.0, 2.0, 0.3])
def test_a_shorter_minute_changes_nothing_but_its_length(minute_seconds: float) -> None:
    def at(minute: float) -> datetime:
        begin = minute_number(START, minute_seconds) * minute_seconds
        return datetime.fromtimestamp(begin + minute * minute_seconds, UTC)

    def made(begin: float, end: float, weight: int) -> ShiftMade:
        return ShiftMade(at=at(begin), until=at(end), weight=weight)

    shifts = made(0.2, 0.3, 1_000), made(3, 3.08, 2_000), made(5.05, 5.15, 4_000), made(8, 8.01, FULL_WEIGHT)
    first = minute_number(at(0), minute_seconds)
    found = compared_minutes(shifts, at(20), minute_seconds)
    expected = minutes(1_000, 1, 3) | minutes(2_000, 3, 5) | minutes(4_000, 6, 8)
    assert {number - first: weight for number, weight in found.items()} == expected


@pytest.mark.parametrize("minute_seconds", [60.0, 6.0, 2.0, 0.3, 0.7])
@given(st.integers(1, 10**7))
def test_the_start_of_a_minute_lies_in_that_minute(minute_seconds: float, number: int) -> None:
    start = datetime.fromtimestamp(number * minute_seconds, UTC)
    assert minute_number(start, minute_seconds) == number
    # As sums of floats are, when they are made a moment.
    assert minute_number(start - timedelta(microseconds=1), minute_seconds) == number
    almost = datetime.fromtimestamp(number * minute_seconds - minute_seconds / 100, UTC)
    assert minute_number(almost, minute_seconds) == number - 1


SHIFTS = st.lists(st.tuples(st.floats(0, 300), st.floats(0, 90)), max_size=6)


@given(SHIFTS, st.floats(0, 600))
def test_no_minute_is_compared_in_which_the_weight_changed_after_its_first_seconds(
    gaps: list[tuple[float, float]], rest: float
) -> None:
    shifts: list[ShiftMade] = []
    second = 0.0
    for number, (gap, took) in enumerate(gaps):
        shifts.append(a_shift(second + gap, 1_000 * (number + 1), took))
        second += gap + took
    found = compared(*shifts, now=second + rest)
    for number in found:
        assert 60 * (number + 1) <= second + rest + 1e-6
        changed = [s for s in shifts if s.until > after(60 * number + 5.01) and s.at < after(60 * (number + 1))]
        assert changed == []
    assert all(found[number] == shifts[found[number] // 1_000 - 1].weight for number in found)


# ---- What is read, and what it says -----------------------------------------------------------------------


def test_lambdas_errors_are_read_by_the_version_that_ran() -> None:
    assert ERRORS.metrics("2") == (
        Metric("AWS/Lambda", "Invocations", CANDIDATE, "Sum"),
        Metric("AWS/Lambda", "Errors", CANDIDATE, "Sum"),
    )
    assert ERRORS.metrics(None)[0] == Metric("AWS/Lambda", "Invocations", ALIAS, "Sum")


def test_slowness_is_read_as_a_count_of_all_and_one_of_the_quick() -> None:
    assert SLOW.metrics("2") == (
        Metric("AWS/Lambda", "Duration", CANDIDATE, "SampleCount"),
        Metric("AWS/Lambda", "Duration", CANDIDATE, "TC(:812.5)"),
    )


def test_an_applications_counts_are_read_under_its_own_names() -> None:
    dimensions = (("service", "orders"), ("version", "2"))
    assert OWN.metrics("2") == (Metric("Shop", "Orders", dimensions), Metric("Shop", "Failed", dimensions))


def counted(subject: Subject, **series: float | None) -> dict[int, Minute]:
    """Return what a subject makes of one minute in which the metrics have these values; None is not there."""
    names = ("candidate", "candidate_failed", "baseline", "baseline_failed")
    metrics = (*subject.metrics("2"), *subject.metrics("1"))
    values = {
        metric: {} if series.get(name) is None else {FIRST_MINUTE: series[name]}
        for name, metric in zip(names, metrics, strict=True)
    }
    return subject.minutes(values, "1", "2", [FIRST_MINUTE])  # type: ignore[arg-type]


COUNTS: dict[str, float | None] = {
    "candidate": 10,
    "candidate_failed": 1,
    "baseline": 90,
    "baseline_failed": 2,
}


@pytest.mark.parametrize("subject", [ERRORS, OWN], ids=["Lambda", "application"])
def test_a_minute_has_both_versions_counts(subject: Subject) -> None:
    assert counted(subject, **COUNTS) == {FIRST_MINUTE: Minute(10, 1, 90, 2)}


def test_a_slow_request_is_one_that_was_not_quick() -> None:
    quick = COUNTS | {"candidate_failed": 7, "baseline_failed": 90}
    assert counted(SLOW, **quick) == {FIRST_MINUTE: Minute(10, 3, 90, 0)}


LAMBDA_ONLY, BOTH = [ERRORS, SLOW], [ERRORS, SLOW, OWN]


@pytest.mark.parametrize("missing", ["candidate_failed", "baseline_failed"])
@pytest.mark.parametrize("subject", LAMBDA_ONLY, ids=["errors", "slowness"])
def test_requests_whose_failures_lambda_has_not_counted_yet_are_no_evidence(subject: Subject, missing: str) -> None:
    assert counted(subject, **COUNTS | {missing: None}) == {}


@pytest.mark.parametrize(
    ("missing", "minute"), [("candidate_failed", Minute(10, 0, 90, 2)), ("baseline_failed", Minute(10, 1, 90, 0))]
)
def test_an_application_that_counted_no_failure_had_none(missing: str, minute: Minute) -> None:
    assert counted(OWN, **COUNTS | {missing: None}) == {FIRST_MINUTE: minute}


@pytest.mark.parametrize("subject", BOTH, ids=["errors", "slowness", "application"])
def test_a_minute_without_any_request_is_no_minute(subject: Subject) -> None:
    assert counted(subject) == {}
    assert counted(subject, candidate=0, candidate_failed=0, baseline=0, baseline_failed=0) == {}


@pytest.mark.parametrize("subject", [ERRORS, OWN], ids=["Lambda", "application"])
def test_a_version_that_served_nothing_failed_nothing(subject: Subject) -> None:
    idle = COUNTS | {"candidate": None, "candidate_failed": None}
    assert counted(subject, **idle) == {FIRST_MINUTE: Minute(0, 0, 90, 2)}


@pytest.mark.parametrize("subject", BOTH, ids=["errors", "slowness", "application"])
@pytest.mark.parametrize("which", ["candidate", "baseline"])
def test_counts_that_cannot_be_are_dropped(subject: Subject, which: str) -> None:
    assert counted(subject, **COUNTS | {f"{which}_failed": COUNTS[which]}) != {}
    assert counted(subject, **COUNTS | {f"{which}_failed": (COUNTS[which] or 0) + 1}) == {}


def test_only_the_minutes_that_are_asked_for_are_seen() -> None:
    ours, failed = ERRORS.metrics("2")
    values = {ours: {1: 5.0, 2: 6.0, 3: 7.0}, failed: {1: 0.0, 2: 0.0, 3: 0.0}}
    assert ERRORS.minutes(values, "1", "2", [2, 9]) == {2: Minute(6, 0, 0, 0)}


def test_what_was_usual_travels_with_the_subject() -> None:
    known = ERRORS.model_copy(update={"usual_requests": 1_440.0, "usual_failures": 3.0})
    assert Subject.model_validate(known.model_dump(mode="json")).usual == Usual(1_440, 3)
    assert ERRORS.usual == Usual(0, 0)
