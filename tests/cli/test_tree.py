"""The picture of a deployment that somebody watches."""

import pytest
from rich.console import Console

from controller.core.alias import Routing
from controller.core.deployment import Deployment, Mark, Pause, Status
from controller.core.outcome import Outcome
from controller.core.weight import spell_weight
from rampart.cli.tree import Sight, Tree
from tests.builders import a_deployment, a_guarded_plan, a_mark, a_verdict, after
from tests.cli.paper import NARROW, WIDE, assert_golden, printed
from tests.cli.records import HOSTILE, NOW, compared, convicted, failed, running, waiting

SEEN = {"checkout:live": Routing("41", "42", 4_000), "basket:live": Routing("7", "8", 4_000)}
_DAY = 86_400
PAUSED = Pause(at=after(140), by="kim", reason="lunch", until=after(_DAY))


def picture(deployment: Deployment, observed: dict[str, Routing] | None = None, width: int = NARROW) -> str:
    """Return a deployment as it is drawn without colour."""
    return drawn(Sight(deployment, observed or {}), width)


def drawn(sight: Sight, width: int = NARROW, *, colour: bool = False) -> str:
    """Return a sight as it is drawn."""
    return printed(lambda console: console.print(Tree(console).picture(sight, NOW)), width, colour=colour)


@pytest.mark.parametrize(
    ("name", "width", "colour"),
    [
        ("tree-narrow", NARROW, False),
        ("tree-wide", WIDE, False),
        ("tree-narrow-colour", NARROW, True),
        ("tree-wide-colour", WIDE, True),
    ],
)
def test_a_deployment_is_drawn_with_all_that_a_person_who_watches_wants_to_know(
    name: str, width: int, colour: bool
) -> None:
    paused = compared(marks=a_mark(Mark.APPROVE, "kim", "it is night"))
    assert_golden(name, drawn(Sight(paused, SEEN), width, colour=colour))


@pytest.mark.parametrize(
    ("name", "deployment"),
    [
        ("tree-waiting", waiting()),
        ("tree-failed", failed()),
        ("tree-rolled-back", convicted()),
        ("tree-promoted", compared(status=Status.PROMOTED, step_index=3, ended_at=after(140), look_at=None)),
    ],
)
def test_every_other_standing_is_drawn_too(name: str, deployment: Deployment) -> None:
    assert_golden(name, picture(deployment))


def test_weights_that_are_not_as_they_were_set_are_seen_to_be_so() -> None:
    text = picture(compared(), SEEN | {"basket:live": Routing("7")})
    assert "  Weight      set 40%  observed 0%, 40%\n" in text
    assert "version 8  candidate  gets 0%\n" in text
    assert "  Weight      set 40%  observed ?\n" in picture(compared())


def test_the_bake_counts_down_and_then_says_how_long_it_may_be_held() -> None:
    assert "ends in 26s\n" in picture(compared())
    held = compared(shifted_at=after(50), verdict=a_verdict(Outcome.INCONCLUSIVE, "too few"), max_hold_seconds=600)
    assert "over 40s ago, held for 9m 20s at most\n" in picture(held)
    assert "IN_PROGRESS  held\n" in picture(held)
    long = compared(shifted_at=after(-_DAY), max_hold_seconds=600)
    assert "and held as long as it may be\n" in picture(long)


def test_a_guarded_plan_has_as_many_steps_as_the_evidence_pays_for() -> None:
    guarded = a_deployment(at_step=1, plan=a_guarded_plan(100, 900), shifted_at=after(120))
    text = picture(guarded)
    assert "  Step        2\n" in text
    assert "as the evidence pays for it" in text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"awaits_approval": True}, "‖ IN_PROGRESS  awaits approval"),
        ({"marks": a_mark(Mark.ABORT)}, "✖ IN_PROGRESS  is being rolled back"),
        ({"pause": PAUSED}, "‖ IN_PROGRESS  paused"),
        ({"marks": a_mark(Mark.RESUME)}, "● IN_PROGRESS  bakes"),
    ],
)
def test_what_a_person_asked_for_is_seen_at_once(fields: dict[str, object], said: str) -> None:
    assert picture(running().model_copy(update=fields)).startswith(f"checkout  {said}\n")


def test_a_person_is_told_what_is_asked_of_them_and_who_has_said_what() -> None:
    paused = picture(compared(pause=PAUSED, marks=a_mark(Mark.RESUME, "ada", "go on")))
    assert "  To do       rampart resume checkout --reason …\n" in paused
    assert "paused until 2026-03-03 09:00:00Z at most\n" in paused
    assert "Said\n  pause   by kim  10s ago     lunch\n  resume  by ada  2m 30s ago  go on\n" in paused
    asked = picture(compared(awaits_approval=True))
    assert "  To do       rampart approve checkout --reason …, or rampart abort checkout\n" in asked
    assert "  To do       mend what is in the way, then: rampart repair search --yes\n" in picture(failed())
    assert "To do" not in picture(compared())


def test_an_alarm_that_stopped_it_is_seen_to_be_red_though_no_look_has_read_it() -> None:
    stopped = convicted().model_copy(update={"marks": a_mark(Mark.ALARM, "checkout-errors", "5 errors")})
    assert "  ✖  checkout-errors   ALARM\n" in picture(stopped)


def test_a_terminal_that_knows_ascii_alone_gets_nothing_else() -> None:
    console = Console(width=NARROW, legacy_windows=False, force_terminal=True, color_system=None, _environ={})
    console.options.encoding = "ascii"
    plain = Tree(console)
    plain._ascii = True
    text = printed(lambda paper: paper.print(plain.picture(Sight(compared(), SEEN), NOW)))
    assert text.isascii()


def test_nothing_that_somebody_wrote_reaches_the_terminal_as_more_than_text() -> None:
    odd = compared(
        target=HOSTILE[:50],
        reason=HOSTILE,
        marks=a_mark(Mark.ABORT, HOSTILE, HOSTILE),
        waits_for=HOSTILE,
        deployment_id=HOSTILE,
        alarms=(compared().alarms[0].model_copy(update={"name": HOSTILE}),),
        verdict=a_verdict().model_copy(
            update={"evidence": {"comparisons": [{"name": HOSTILE}], "alarms": HOSTILE}}
        ),
    )
    text = picture(odd, width=WIDE)
    assert all(character.isprintable() or character == "\n" for character in text)
    assert "\\u001b[31mred" in text
    assert len(text) < 20_000


def test_a_first_deployment_has_no_baseline_and_keeps_its_weight_when_it_is_stopped() -> None:
    members = tuple(member.model_copy(update={"baseline": ""}) for member in convicted().members)
    stopped = convicted().model_copy(update={"members": members, "step_index": 0})
    text = picture(stopped)
    assert "no baseline: the first version\n" in text
    assert f"set {spell_weight(stopped.weight)}" in text
