"""Deliberate bugs, each of which breaks an invariant in a story that holds without it: the watch is not asleep."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from controller.adapters.lambda_functions import LambdaFunctions
from controller.core import look
from controller.core.alias import Alias, Routing
from controller.core.decision import Ruling
from controller.core.deployment import Deployment, Event, Status
from controller.core.errors import UnavailableError
from controller.core.freeze import freeze_at
from controller.core.member_record import MemberRecord
from controller.core.outcome import Outcome
from controller.core.verdict import Verdict
from controller.tasks import judge, shift, stop
from controller.tasks.context import Context
from controller.tasks.roll_back import roll_back
from tests.engine.invariants import InvariantError
from tests.engine.memory import MemoryDeployments
from tests.engine.step_functions import Executions
from tests.engine.story import Happening, Story

Patch = pytest.MonkeyPatch


def without_revision_id(patch: Patch) -> None:
    """The alias is written whatever has become of it since it was read."""
    route = LambdaFunctions.route

    def blind(self: LambdaFunctions, alias: Alias, routing: Routing) -> Alias:
        update = self._lambda.update_alias
        client = type("Blind", (), {"update_alias": staticmethod(lambda RevisionId, **params: update(**params))})  # noqa: N803
        return route(LambdaFunctions(client), alias, routing)  # type: ignore[arg-type]

    patch.setattr(LambdaFunctions, "route", blind)


def without_write_ahead(patch: Patch) -> None:
    """What was meant to be written is not remembered, only what is known to be written."""

    def known(self: Deployment, member: MemberRecord, alias: Alias) -> bool:
        return alias.routing in (member.routing(0), member.routing(self.weight))

    patch.setattr(Deployment, "wrote", known)


def claim_freed_too_early(patch: Patch) -> None:
    """The claim is free as soon as the first step is made, and nobody looks whether it is."""
    write = MemoryDeployments._write

    def write_and_free(self: MemoryDeployments, stored: Any, before: Any, after: Deployment, event: Any) -> Any:
        for member in after.members if after.step_index == 0 else ():
            self._claims[member.function] = replace(self.claim(member.function), owner=None)
        return write(self, stored, before, after, event)

    def careless(context: Context, member: MemberRecord | None = None) -> Deployment | None:
        return context.ports.deployments.find(context.deployment_id)

    patch.setattr(MemoryDeployments, "_write", write_and_free)
    patch.setattr(shift, "read_live", careless)


def hand_edits_taken_for_ours(patch: Patch) -> None:
    """Whatever an alias carries is put back."""
    patch.setattr(Deployment, "wrote", lambda self, member, alias: True)


def end_told_by_nobody(patch: Patch) -> None:
    """Ends are not put into the outbox."""
    append = MemoryDeployments._append

    def forgetful(self: MemoryDeployments, event: Event) -> None:
        if event.status is not Status.ROLLED_BACK:
            append(self, event)

    patch.setattr(MemoryDeployments, "_append", forgetful)


def red_is_fine(patch: Patch) -> None:
    """An alarm in ALARM passes."""
    passed = Verdict(outcome=Outcome.PASS, reason="fine")
    patch.setattr(look, "judge_reading", lambda reading, armed_at: passed)


def blind_to_the_dead(patch: Patch) -> None:
    """Reconcile takes every execution for alive."""
    patch.setattr(Executions, "is_alive", lambda self, arn: True)


def deaf_to_the_line(patch: Patch) -> None:
    """No look hears that the line is stopped."""
    patch.setattr(judge, "freeze_at", lambda windows, stopped, now: freeze_at(windows, None, now))


def deaf_to_windows(patch: Patch) -> None:
    """No look hears of a target's windows."""
    patch.setattr(judge, "freeze_at", lambda windows, stopped, now: freeze_at((), stopped, now))


def held_in_a_rollback(patch: Patch) -> None:
    """A stopped line holds up those who stop a deployment, too."""

    def patient(context: Context, cause: str) -> Ruling:
        if context.ports.line.stopped():
            raise UnavailableError("the line is stopped")
        return roll_back(context, cause)

    patch.setattr(stop, "roll_back", patient)
    patch.setattr(Deployment, "stopping_mark", property(lambda deployment: None))


def happenings(*told: tuple[int, str, int, str]) -> list[Happening]:
    """Return a story."""
    return [Happening(*each) for each in told]


STORIES: list[tuple[Callable[[Patch], None], str, list[Happening]]] = [
    (without_revision_id, "I5", happenings((0, "push", 0, ""))),
    (without_write_ahead, "I3", happenings((0, "push", 0, ""), (0, "cut", 0, ""))),
    (claim_freed_too_early, "I2", happenings((0, "hotfix", 0, ""), (60, "push", 0, ""))),
    (hand_edits_taken_for_ours, "DRIFT", happenings((0, "push", 0, ""), (20, "edit", 0, "weights"))),
    (red_is_fine, "I4", happenings((0, "deaf", 0, ""), (0, "push", 0, ""), (20, "alarm", 0, "ALARM"))),
    (end_told_by_nobody, "I7", happenings((0, "push", 0, ""), (20, "say", 0, "abort"))),
    (deaf_to_the_line, "FREEZE", happenings((0, "push", 0, ""), (20, "line", 0, "stop"))),
    (deaf_to_windows, "FREEZE", happenings((0, "declare", 1, "freeze"), (1, "push", 0, ""))),
    (held_in_a_rollback, "HELD", happenings((0, "push", 0, ""), (20, "line", 0, "stop"), (300, "say", 0, "abort"))),
    (blind_to_the_dead, "REST", happenings((0, "push", 0, ""), (20, "stop", 0, "unheard"))),
]


@pytest.mark.parametrize(("bug", "invariant", "story"), STORIES, ids=[row[0].__name__ for row in STORIES])
def test_a_deliberate_bug_breaks_its_invariant(
    bug: Callable[[Patch], None], invariant: str, story: list[Happening], monkeypatch: Patch
) -> None:
    Story(story).tell()
    bug(monkeypatch)
    with pytest.raises(InvariantError, match=f"^{invariant}: "):
        Story(story).tell()
