"""How data points decide an alarm's state: the tables of the CloudWatch User Guide."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rampart.embedded.cloudwatch.alarms import decide

TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
KEEP = None
NO_DATA = "INSUFFICIENT_DATA"
MARKS = {"0": False, "X": True, "-": None}


def states(points: str, periods: int, to_alarm: int) -> tuple[str | None, ...]:
    marks = [MARKS[mark] for mark in points.split()]
    return tuple(decide(marks, periods, to_alarm, treatment) for treatment in TREATMENTS)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ("0 - X - X", ("OK", "OK", "OK", "OK")),
        ("0 - - - -", ("OK", "OK", "OK", "OK")),
        ("- - - - -", (NO_DATA, KEEP, "ALARM", "OK")),
        ("0 X X - X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("- - X - -", ("ALARM", KEEP, "ALARM", "OK")),
    ],
)
def test_three_of_three_follows_the_published_table(points: str, expected: tuple[str | None, ...]) -> None:
    assert states(points, 3, 3) == expected


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ("0 - X - X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("0 0 X 0 X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("0 - X - -", ("OK", "OK", "ALARM", "OK")),
        ("- - - - 0", ("OK", "OK", "ALARM", "OK")),
        ("- - - X -", ("ALARM", KEEP, "ALARM", "OK")),
    ],
)
def test_two_of_three_follows_the_published_table(points: str, expected: tuple[str | None, ...]) -> None:
    assert states(points, 3, 2) == expected


@pytest.mark.parametrize("points", ["- - - - X", "- - - X -"])
def test_a_young_breach_alone_does_not_alarm_prematurely(points: str) -> None:
    assert states(points, 3, 3)[:2] == ("OK", KEEP)


POINTS = st.lists(st.sampled_from([True, False, None]), min_size=5, max_size=5)


@given(POINTS, st.integers(1, 3), st.sampled_from(TREATMENTS))
def test_enough_real_data_makes_the_treatment_irrelevant(
    points: list[bool | None], to_alarm: int, treatment: str
) -> None:
    if sum(point is not None for point in points) >= 3:
        assert decide(points, 3, to_alarm, treatment) == decide(points, 3, to_alarm, "missing")


@given(POINTS, st.integers(1, 3))
def test_breaching_alarms_whenever_not_breaching_does(points: list[bool | None], to_alarm: int) -> None:
    if decide(points, 3, to_alarm, "notBreaching") == "ALARM":
        assert decide(points, 3, to_alarm, "breaching") == "ALARM"
