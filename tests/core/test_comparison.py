"""The comparison: what counts of two versions come to, and the sentence in which an operator can check it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.comparison import HOLD_FROM, Bar, Comparison, Contest, compare, spell_odds
from controller.core.evidence import Minute, Usual, log_evidence
from controller.core.outcome import Outcome

CONTEST = Contest("checkout version 42", "version 41")
SMALLEST, LARGEST = 1e-130, 9.99e125
"""Amazon DynamoDB developer guide, "Supported data types": the magnitudes that a Number may have."""

Counts = tuple[float, float, float, float]


def found(*minutes: Counts, usual: Usual | None = None, **asked: Any) -> Comparison:
    """Return what a comparison finds in minutes of candidate's requests and failures, and the baseline's."""
    options = {name: asked.pop(name) for name in ("comparisons", "needs_requests") if name in asked}
    return compare(CONTEST, [Minute(*minute) for minute in minutes], Bar(**asked), usual=usual, **options)


BROKEN: list[Counts] = [(100, 20, 900, 1)] * 3
UNSURE: list[Counts] = [(100, 4, 900, 9)] * 2
WELL: list[Counts] = [(100, 1, 900, 9)] * 3
FEW: list[Counts] = [(3, 0, 900, 9)] * 3
BOTH_BAD: list[Counts] = [(100, 30, 900, 270)] * 3
QUIET = Usual(100_000, 100)


@pytest.mark.parametrize(
    ("minutes", "outcome", "reason"),
    [
        (
            BROKEN,
            Outcome.FAIL,
            "checkout version 42 fails more than version 41: 60 of 300 requests (20%) failed against 3 of 2,700 "
            "requests (0.111%) in the same 3 minutes; the odds that it is worse are {odds}, and 100 to 1 is enough",
        ),
        (
            UNSURE,
            Outcome.INCONCLUSIVE,
            "checkout version 42 may be worse: 8 of 200 requests (4%) failed against 18 of 1,800 requests (1%) "
            "in the same 2 minutes; the odds that it is worse are {odds}",
        ),
        (
            WELL,
            Outcome.PASS,
            "checkout version 42 is no worse than version 41: 3 of 300 requests (1%) failed against 27 of 2,700 "
            "requests (1%) in the same 3 minutes",
        ),
        (
            FEW,
            Outcome.INCONCLUSIVE,
            "checkout version 42 has served 9 requests that can be compared, and 10 are asked for",
        ),
        (
            BOTH_BAD,
            Outcome.INCONCLUSIVE,
            "both versions are in trouble, and not checkout version 42 alone: 90 of 300 requests (30%) failed "
            "against 810 of 2,700 requests (30%) in the same 3 minutes",
        ),
        (
            [],
            Outcome.INCONCLUSIVE,
            "checkout version 42 has served 0 requests that can be compared, and 10 are asked for",
        ),
        (
            [(1, 0, 1, 0)],
            Outcome.INCONCLUSIVE,
            "checkout version 42 has served 1 request that can be compared, and 10 are asked for",
        ),
    ],
    ids=["broken", "unsure", "well", "few requests", "both bad", "nothing", "one request"],
)
def test_what_was_counted_is_found_and_told_with_both_versions_counts(
    minutes: list[Counts], outcome: Outcome, reason: str
) -> None:
    comparison = found(*minutes, usual=QUIET)
    assert comparison.outcome is outcome
    assert comparison.reason == reason.format(odds=spell_odds(comparison.odds))
    assert comparison.is_starved is (minutes in (FEW, [], [(1, 0, 1, 0)]))


def test_the_evidence_has_both_versions_counts_and_the_odds() -> None:
    assert found(*UNSURE).evidence == {
        "candidate": {"version": "checkout version 42", "requests": 200, "failures": 8},
        "baseline": {"version": "version 41", "requests": 1_800, "failures": 18},
        "minutes": 2,
        "odds": float(f"{found(*UNSURE).odds:.3g}"),
    }


@pytest.mark.parametrize(
    ("floor", "outcome"),
    [
        ({"min_failures": 60}, Outcome.FAIL),
        ({"min_failures": 61}, Outcome.INCONCLUSIVE),
        ({"min_difference": 0.19}, Outcome.FAIL),
        ({"min_difference": 0.2}, Outcome.PASS),
        ({"min_requests": 301}, Outcome.FAIL),
        ({"risk": 1e-9}, Outcome.INCONCLUSIVE),
        ({"tolerance": 1_000.0}, Outcome.PASS),
    ],
    ids=str,
)
def test_a_floor_that_is_not_reached_keeps_from_failing(floor: dict[str, Any], outcome: Outcome) -> None:
    minutes: list[Counts] = [(150, 30, 1_350, 2)] * 2
    assert found(*minutes).outcome is Outcome.FAIL
    assert found(*minutes, **floor).outcome is outcome


def test_a_difference_that_does_not_matter_passes_however_sure_it_is() -> None:
    minutes: list[Counts] = [(1_000_000, 900, 1_000_000, 100)] * 5
    assert found(*minutes).odds > 1_000
    assert found(*minutes).outcome is Outcome.PASS
    assert found(*minutes, min_difference=0.0007).outcome is Outcome.FAIL


@pytest.mark.parametrize("requests", [9, 10])
def test_too_few_requests_hold_where_they_are_needed_and_are_said_where_they_are_not(requests: int) -> None:
    needed = found((requests, 0, 90, 0))
    spared = found((requests, 0, 90, 0), needs_requests=False)
    assert (needed.outcome is Outcome.PASS) is (requests == 10)
    assert needed.is_starved is (requests == 9)
    assert (spared.outcome, spared.is_starved) == (Outcome.PASS, False)
    assert spared.reason.startswith("without evidence: checkout version 42 has served 9") is (requests == 9)


def test_several_comparisons_share_the_risk() -> None:
    alone, one_of_four = found(*UNSURE), found(*UNSURE, comparisons=4)
    assert one_of_four.odds == pytest.approx(alone.odds / 4)
    minutes: list[Counts] = [(100, 3, 900, 4)] * 3
    assert 100 < found(*minutes).odds < 400
    assert found(*minutes).outcome is Outcome.FAIL
    assert found(*minutes, comparisons=4).outcome is Outcome.INCONCLUSIVE


def test_the_candidate_is_held_from_even_odds_of_two_to_one() -> None:
    below, above = found((20, 1, 60, 0)), found((20, 1, 80, 0))
    assert below.odds < HOLD_FROM < above.odds
    assert below.outcome is Outcome.PASS
    assert above.outcome is Outcome.INCONCLUSIVE


# One request a minute, half of them to each version: the comparison alone cannot convict in time.
SELDOM: list[Counts] = [(1, 1, 0, 0), (0, 0, 1, 0)] * 3


def test_the_usual_convicts_where_both_versions_are_seldom_called() -> None:
    usual = Usual(1_440, 1)
    assert found(*SELDOM).outcome is not Outcome.FAIL
    assert found(*SELDOM, usual=usual).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("baseline", "counts"),
    [((49, 0), True), ((50, 0), False), ((49, 2), False)],
    ids=["seldom called", "often called", "in trouble itself"],
)
def test_the_usual_counts_only_beside_a_baseline_that_is_seldom_called_and_quiet(
    baseline: tuple[float, float], counts: bool
) -> None:
    minutes: list[Counts] = [(1, 1, 0, 0)] * 4 + [(0, 0, *baseline)]
    with_usual = found(*minutes, usual=Usual(1_440, 1)).odds
    assert (with_usual > found(*minutes).odds) is counts


def test_with_a_quiet_baseline_the_usual_is_half_of_the_word() -> None:
    # Without failures the comparison says 1, and the mean of that and less is less.
    minutes: list[Counts] = [(5, 0, 5, 0)]
    assert found(*minutes).odds == pytest.approx(1)
    assert 0.5 < found(*minutes, usual=Usual(1_440, 1)).odds < 1


@pytest.mark.parametrize(
    ("minutes", "usual", "shared"),
    [
        (BOTH_BAD, QUIET, True),
        (BOTH_BAD, None, False),
        (BOTH_BAD, Usual(0, 0), False),
        (BOTH_BAD, Usual(1_000, 150), False),
        ([(100, 4, 900, 36)] * 3, QUIET, False),
        ([(100, 30, 900, 9)] * 3, QUIET, False),
        ([(100, 1, 900, 270)] * 3, QUIET, False),
        ([(100, 30, 9, 3)], QUIET, False),
        ([*BOTH_BAD, *[(100, 1, 900, 9)] * 3], QUIET, False),
        ([*WELL, *BOTH_BAD], QUIET, True),
    ],
    ids=[
        "both bad",
        "nobody knows what is usual",
        "nothing was served before",
        "as bad as always",
        "4% each",
        "candidate alone",
        "baseline alone",
        "hardly any baseline",
        "over by now",
        "just begun",
    ],
)
def test_trouble_is_shared_when_both_versions_fail_far_more_than_usual_of_late(
    minutes: list[Counts], usual: Usual | None, shared: bool
) -> None:
    assert ("both versions are in trouble" in found(*minutes, usual=usual).reason) is shared


def test_shared_trouble_does_not_excuse_a_candidate_that_is_worse_still() -> None:
    assert found(*[(100, 60, 900, 270)] * 3, usual=QUIET).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("odds", "words"),
    [
        (0.0, "less than even"),
        (0.999, "less than even"),
        (1.0, "1.0 to 1"),
        (15.46, "15.5 to 1"),
        (99.94, "99.9 to 1"),
        (100.0, "100 to 1"),
        (12_345.6, "12,346 to 1"),
        (1_000_000.0, "1,000,000 to 1"),
        (1_000_001.0, "over 1,000,000 to 1"),
    ],
)
def test_odds_are_spelt_as_people_say_them(odds: float, words: str) -> None:
    assert spell_odds(odds) == words


@pytest.mark.parametrize(
    "minute", [(1e9, 1e9, 1e9, 0), (1e9, 0, 1e9, 1e9), (1_000, 10, 1_000, 10)], ids=["worse", "better", "alike"]
)
def test_the_odds_of_a_long_hold_are_a_number_that_a_record_can_keep(minute: Counts) -> None:
    odds = found(*[minute] * 1_440).evidence["odds"]
    assert odds == 0 or SMALLEST < odds < LARGEST


MINUTE = st.builds(
    lambda ours, theirs, mine, others: (ours, ours * mine, theirs, theirs * others),
    st.integers(0, 10_000),
    st.integers(0, 10_000),
    st.floats(0, 1),
    st.floats(0, 1),
)


@given(st.lists(MINUTE, max_size=6), st.sampled_from([None, QUIET, Usual(1_440, 2)]), st.integers(1, 20))
def test_nothing_fails_without_the_odds_that_are_asked_for(
    minutes: list[Counts], usual: Usual | None, comparisons: int
) -> None:
    comparison = found(*minutes, usual=usual, comparisons=comparisons)
    if comparison.outcome is Outcome.FAIL:
        assert comparison.odds >= 100
        assert sum(minute[1] for minute in minutes) >= 3
    assert comparison.reason.isprintable()


@given(st.lists(MINUTE, max_size=6))
def test_the_odds_are_the_evidence_of_the_minutes(minutes: list[Counts]) -> None:
    log_odds = log_evidence(Minute(*minute) for minute in minutes)
    if log_odds < 700:
        assert found(*minutes).odds == pytest.approx(2.718281828459045**log_odds)
