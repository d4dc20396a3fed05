"""What follows when the evidence is unclear: a hold, and then what the target says or what a person approves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.criteria import WhenUnclear
from controller.core.decision import Decision, Ruling, decide
from controller.core.deployment import STOPPING_MARKS, Deployment, Mark, Pause
from controller.core.outcome import Outcome
from controller.core.verdict import Verdict
from tests.builders import a_deployment, a_guarded_plan, a_mark, a_verdict, a_word, after

# A step of five minutes that may be held for ten more, and then waits for an hour for somebody to approve.
DUE, HELD, EXPIRED = 300, 900, 900 + 3_600
PAUSED = 9_000
PAUSED = 9_000
FEW = "orders version 2 has served 3 requests"
APPROVE, PROMOTE, ROLL_BACK = WhenUnclear.APPROVE, WhenUnclear.PROMOTE, WhenUnclear.ROLL_BACK
HOLD = f"still unclear after a hold of 10m: {FEW}"


def unclear(when_unclear: WhenUnclear, outcome: Outcome = Outcome.INCONCLUSIVE) -> Verdict:
    """Return a verdict on evidence that is unclear."""
    return Verdict(outcome=outcome, reason=FEW, when_unclear=when_unclear)


def held(at_step: int = 0, *marks: Mark) -> Deployment:
    """Return a deployment with marks and words, whose hold, approval and pause have an end."""
    left = {mark: detail for mark in set(marks) & set(STOPPING_MARKS) for mark, detail in a_mark(mark).items()}
    return a_deployment(
        at_step=at_step,
        approval_seconds=3_600,
        marks=left,
        approval=a_word() if Mark.APPROVE in marks else None,
        promotion=a_word() if Mark.PROMOTE in marks else None,
        pause=Pause(**a_word().model_dump(), until=after(PAUSED)) if Mark.PAUSE in marks else None,
    )


def ruled(second: float, when_unclear: WhenUnclear, at_step: int = 0, *marks: Mark) -> Ruling:
    """Return what follows a look at unclear evidence."""
    return decide(held(at_step, *marks), unclear(when_unclear), after(second))


@pytest.mark.parametrize(
    ("when_unclear", "second", "decision", "reason"),
    [
        (APPROVE, 60, Decision.HOLD, FEW),
        (APPROVE, HELD - 1, Decision.HOLD, FEW),
        (APPROVE, HELD, Decision.HOLD, f"awaits approval, {HOLD}"),
        (APPROVE, EXPIRED - 1, Decision.HOLD, f"awaits approval, {HOLD}"),
        (APPROVE, EXPIRED, Decision.ROLL_BACK, f"nobody has approved within 1h, {HOLD}"),
        (PROMOTE, HELD - 1, Decision.HOLD, FEW),
        (PROMOTE, HELD, Decision.SHIFT, f"goes on without evidence, {HOLD}"),
        (PROMOTE, EXPIRED, Decision.SHIFT, f"goes on without evidence, {HOLD}"),
        (ROLL_BACK, HELD - 1, Decision.HOLD, FEW),
        (ROLL_BACK, HELD, Decision.ROLL_BACK, HOLD),
    ],
)
def test_when_a_hold_is_over_the_target_says_what_follows(
    when_unclear: WhenUnclear, second: float, decision: Decision, reason: str
) -> None:
    ruling = ruled(second, when_unclear)
    assert (ruling.decision, ruling.reason) == (decision, f"step 1/2: {reason}")
    assert ruling.awaits_approval is reason.startswith("awaits")


def test_at_the_last_step_what_may_go_on_is_promoted() -> None:
    assert ruled(HELD, PROMOTE, 1).decision is Decision.PROMOTE
    assert ruled(DUE, APPROVE, 1, Mark.APPROVE).decision is Decision.PROMOTE


@pytest.mark.parametrize("when_unclear", [APPROVE, PROMOTE])
@pytest.mark.parametrize(
    ("second", "decision"),
    [(60, Decision.HOLD), (DUE, Decision.SHIFT), (HELD, Decision.SHIFT), (EXPIRED, Decision.SHIFT)],
)
def test_what_a_person_approved_goes_on_when_its_bake_is_over(
    when_unclear: WhenUnclear, second: float, decision: Decision
) -> None:
    ruling = ruled(second, when_unclear, 0, Mark.APPROVE)
    assert ruling.decision is decision
    assert ruling.reason == f"step 1/2: approve by ada: wrong build, though {FEW}"
    assert not ruling.awaits_approval


@pytest.mark.parametrize("second", [DUE, HELD, EXPIRED])
def test_what_is_to_be_rolled_back_when_unclear_is_not_for_a_person_to_approve(second: float) -> None:
    assert ruled(second, ROLL_BACK, 0, Mark.APPROVE) == ruled(second, ROLL_BACK)


@pytest.mark.parametrize("when_unclear", WhenUnclear)
@pytest.mark.parametrize("second", [60, DUE, HELD, EXPIRED])
def test_a_candidate_that_fails_is_not_approved_away(when_unclear: WhenUnclear, second: float) -> None:
    failed = unclear(when_unclear, Outcome.FAIL)
    assert decide(held(0, Mark.APPROVE), failed, after(second)).decision is Decision.ROLL_BACK


@pytest.mark.parametrize("mark", STOPPING_MARKS)
def test_a_mark_that_stops_outranks_an_approval(mark: Mark) -> None:
    assert ruled(DUE, APPROVE, 0, Mark.APPROVE, mark).decision is Decision.ROLL_BACK


def test_a_clear_verdict_needs_no_approval_and_does_not_mention_it() -> None:
    ruling = decide(held(0, Mark.APPROVE), a_verdict(), after(DUE))
    assert ruling == Ruling(Decision.SHIFT, "step 1/2 passed: 1 alarm is OK")


# A guarded ramp whose evidence is good, and too little yet to pay for more.
def unpaid(second: float, when_unclear: WhenUnclear, *marks: Mark) -> Ruling:
    """Return what follows a look at good evidence that does not pay for more."""
    ramp = held(0, *marks).model_copy(update={"plan": a_guarded_plan(50)})
    verdict = unclear(when_unclear, Outcome.PASS)
    return decide(ramp, verdict, after(second), is_paid=False)


def test_a_ramp_that_the_evidence_does_not_pay_for_stays_where_it_is() -> None:
    assert unpaid(59, APPROVE).reason == f"step 1: {FEW}"
    waits = f"step 1: the evidence does not pay for more yet: {FEW}"
    # Its step is due after a minute, and may be held for ten more.
    for second in (60, 659):
        assert unpaid(second, APPROVE) == Ruling(Decision.HOLD, waits)


@pytest.mark.parametrize(
    ("when_unclear", "decision", "awaits"),
    [
        (APPROVE, Decision.HOLD, True),
        (PROMOTE, Decision.SHIFT, False),
        (ROLL_BACK, Decision.ROLL_BACK, False),
    ],
)
def test_a_ramp_that_was_held_for_long_is_as_unclear_as_anything(
    when_unclear: WhenUnclear, decision: Decision, awaits: bool
) -> None:
    ruling = unpaid(660, when_unclear)
    assert (ruling.decision, ruling.awaits_approval) == (decision, awaits)
    assert ruling.reason.endswith(HOLD)


@pytest.mark.parametrize("second", [60, 659, 660])
def test_an_approval_pays_for_a_ramp_however_short_it_was_held(second: float) -> None:
    assert unpaid(second, APPROVE, Mark.APPROVE).decision is Decision.SHIFT


def test_an_approval_does_not_shorten_a_bake() -> None:
    assert unpaid(59, APPROVE, Mark.APPROVE).decision is Decision.HOLD


def test_a_ramp_that_is_paid_for_goes_on() -> None:
    ramp = held().model_copy(update={"plan": a_guarded_plan(50)})
    assert decide(ramp, a_verdict(), after(60), is_paid=True).decision is Decision.SHIFT


@pytest.mark.parametrize(("second", "decision"), [(294, Decision.HOLD), (295, Decision.SHIFT)])
def test_a_look_may_shift_before_the_bake_is_over_when_its_shift_waits_for_that(
    second: float, decision: Decision
) -> None:
    assert decide(held(), a_verdict(), after(second), after(295)).decision is decision
    assert decide(held(), a_verdict(), after(second)).decision is Decision.HOLD


AHEAD = (Decision.SHIFT, Decision.PROMOTE, Decision.PROMOTED)
MARKS = st.sets(st.sampled_from(Mark))


@given(
    MARKS,
    st.sampled_from(Outcome),
    st.sampled_from(WhenUnclear),
    st.floats(0, 10_000),
    st.booleans(),
    st.integers(0, 1),
)
def test_nothing_moves_forward_but_by_evidence_or_somebodys_word(
    marks: set[Mark], outcome: Outcome, when_unclear: WhenUnclear, second: float, is_paid: bool, step: int
) -> None:
    ruling = decide(held(step, *marks), unclear(when_unclear, outcome), after(second), is_paid=is_paid)
    by_evidence = outcome is Outcome.PASS and (is_paid or Mark.APPROVE in marks)
    by_word = outcome is not Outcome.FAIL and when_unclear is not ROLL_BACK and Mark.APPROVE in marks
    by_policy = outcome is not Outcome.FAIL and when_unclear is PROMOTE and second >= HELD
    now = outcome is not Outcome.FAIL and Mark.PROMOTE in marks
    if ruling.decision in AHEAD:
        assert now or (second >= DUE and Mark.PAUSE not in marks)
        assert now or by_evidence or by_word or by_policy
        assert not marks & set(STOPPING_MARKS)
    assert not ruling.awaits_approval or (ruling.decision is Decision.HOLD and second >= HELD)
    assert ruling.decision is not Decision.HOLD or second < (PAUSED if Mark.PAUSE in marks else EXPIRED)
