"""What a plan can detect is told in sentences that need no statistics to be understood."""

import re
from typing import Any

import pytest

from controller.core.criteria import ComparisonTerms, CountMetric, Rule
from controller.core.deployment import Deployment
from controller.core.history import WEEK_MINUTES
from controller.core.measurement import Subject, counts_of, errors_of
from controller.core.target import Target
from controller.tasks.survey import target_plan
from rampart.detection.words import Detection, detections
from tests.builders import a_deployment, a_member, a_target

OWN = CountMetric(
    name="orders", namespace="shop", requests="requests", failures="failures", dimensions={}, version_dimension="v"
)


def errors(requests: float, failures: float) -> Subject:
    """Return the errors that Lambda counts, with what was usual in the last day."""
    usual = {"usual_requests": requests, "usual_failures": failures}
    return errors_of("orders", "live").model_copy(update=usual)


def planned(target: Target, per_minute: float, minute_seconds: float = 60, **overrides: Any) -> Deployment:
    """Return the record of a planned deployment at so much traffic, of which one request in a thousand fails."""
    requests = per_minute * 1_440
    values: dict[str, Any] = {
        "plan": target_plan(target.strategy, target, minute_seconds),
        "members": (a_member(requests_per_minute=per_minute, requests_last_week=per_minute * WEEK_MINUTES),),
        "subjects": (errors(requests, requests / 1_000),),
        "comparison": target.comparison,
        "max_hold_seconds": round(3_600 * minute_seconds / 60),
        "when_unclear": target.when_unclear,
        "alarms": (),
        "step_index": -1,
    }
    return a_deployment(**(values | overrides))


def told(strategy: str | dict[str, Any], per_minute: float, **overrides: Any) -> Detection:
    """Return what is told of a strategy at so much traffic."""
    (found,) = detections(planned(a_target(strategy=strategy), per_minute, **overrides))
    return found


def test_each_step_says_how_many_requests_it_gives_and_how_bad_a_release_it_stops() -> None:
    found = told("Canary10Percent5Minutes", 600)
    head, first, last, blind = found.lines
    assert head == "orders:live: about 600 requests a minute, of which 0.1% fail"
    assert first.startswith(
        "step 1/2 (10% for 5m): about 300 requests reach the candidate; rolled back by its end 9 "
    )
    assert "half of the time if" in first
    assert last.startswith("step 2/2 (100% for 5m): nothing new to compare, but")
    assert "answers 500" in blind
    assert not found.is_theatre
    step = found.steps[0]
    assert step.half is not None
    assert step.often is not None
    assert 0.002 < step.half < step.often < 0.1
    assert step.candidate_requests == pytest.approx(300)


def test_more_traffic_shows_smaller_regressions_and_longer_bakes_do_too() -> None:
    rates = [told("Canary10Percent5Minutes", per_minute).steps[-1].often for per_minute in (60, 600, 6_000)]
    assert all(rate is not None for rate in rates)
    assert rates == sorted(rates, key=lambda rate: -(rate or 0))
    assert rates[0] != rates[-1]
    short, long = (told(f"Canary10Percent{m}Minutes", 600).steps[-1].often for m in (5, 30))
    assert short is not None
    assert long is not None
    assert long < short


def test_the_floor_of_the_difference_is_the_least_that_is_promised() -> None:
    terms = ComparisonTerms.model_validate({"min_difference": "10%"})
    found = told("Canary10Percent5Minutes", 60_000, comparison=terms)
    assert found.steps[-1].half == pytest.approx(0.101)


def test_a_strategy_that_lets_a_bad_release_through_is_called_theatre_and_what_is_better_is_named() -> None:
    found = told({"steps": [{"weight": "5%", "bake": "2m"}]}, 30, max_hold_seconds=0)
    assert found.is_theatre
    warning = found.warnings[0]
    assert warning.startswith("theatre: at 30 requests a minute Steps promotes a candidate that fails one request")
    assert "a single step of 50% for 10m would in 100" in warning
    assert re.search(r"bakes \d+ times as long \([0-9dhm ]+ in all\) would in (9\d|100)", warning)


def test_where_a_bad_release_waits_for_a_person_that_is_said() -> None:
    found = told({"steps": [{"weight": "5%", "bake": "2m"}]}, 4)
    assert not found.is_theatre
    assert "is held for 1h and then waits for a person in" in found.warnings[0]


def test_without_traffic_nothing_helps_and_that_is_said() -> None:
    found = told("Linear10PercentEvery1Minute", 0)
    assert found.is_theatre
    assert [step.half for step in found.steps] == [None] * 10
    assert "in 100 of 100 rollouts, and with so few requests no other strategy" in found.warnings[0]
    assert "less than half of the time, even if every request fails" in found.steps[0].sentence


@pytest.mark.parametrize("has_rule", [True, False])
def test_all_at_once_has_nothing_to_compare_and_says_what_is_left(has_rule: bool) -> None:
    rules = (Rule.model_validate({"metric": "error_rate", "above": "5%"}),) if has_rule else ()
    found = told("AllAtOnce", 600, subjects=(), rules=rules)
    left = "1 rule can stop it, and nothing else" if has_rule else "no alarm or rule is named either"
    assert found.lines == (
        "orders:live: AllAtOnce gives the candidate everything at once, so that there is nothing to compare it "
        f"with: {left}",
    )
    assert found.steps == ()


def test_a_target_whose_comparison_is_off_is_told_so() -> None:
    found = told("Canary10Percent5Minutes", 600, subjects=(), comparison=None)
    assert found.lines[0].startswith("orders:live: the comparison is off: ")


def test_who_counts_failures_of_its_own_is_not_told_of_answers_that_are_no_errors() -> None:
    subjects = (errors(1_000, 1), counts_of("orders", OWN))
    with_own, without = (told("Canary10Percent5Minutes", 600, subjects=each) for each in (subjects, subjects[:1]))
    assert not with_own.warnings
    assert len(without.warnings) == 1
    # Two comparisons share the risk, so that each needs more to convict.
    assert (with_own.steps[-1].half or 0) >= (without.steps[-1].half or 0)


def test_a_guarded_ramp_is_told_as_one() -> None:
    target = a_target(strategy="guarded")
    plan = target_plan(target.strategy, target, 60).starting_at(56)
    (found,) = detections(planned(target, 6_000, plan=plan))
    ramp, full = found.steps
    assert ramp.sentence.startswith(
        "the ramp (from 0.56% on, to 50% as the evidence pays for it): about 34 requests"
    )
    assert full.sentence.startswith("at full weight: nothing new to compare")


def test_a_minute_that_is_a_setting_changes_no_prediction() -> None:
    target = a_target(strategy="Canary10Percent5Minutes")
    real, quick = (detections(planned(target, 600, seconds), seconds)[0] for seconds in (60, 2))
    assert [step.often for step in real.steps] == [step.often for step in quick.steps]


def test_the_same_record_is_told_the_same() -> None:
    assert told("Canary10Percent5Minutes", 60) == told("Canary10Percent5Minutes", 60)
