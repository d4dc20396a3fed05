"""How an abort is asked for, and how its end is awaited."""

import pytest

from controller.core.deployment import Status
from controller.core.errors import ConflictError, UnavailableError
from rampart.cli.abort import LOOK_SECONDS, Pause, abort, at_rest
from tests.cli.operator import Operator
from tests.cli.paper import printed
from tests.cli.records import RUNNING, ended, marked, running, store
from tests.engine.memory import MemoryDeployments
from tests.engine.world import World
from tests.tasks.walks import arrive


def ending(memory: MemoryDeployments, status: Status) -> Pause:
    """Return a pause during the third of which the running deployment ends."""
    waited: list[float] = []

    def pause(seconds: float) -> None:
        assert seconds == LOOK_SECONDS
        waited.append(seconds)
        if len(waited) == 3:
            memory.records[RUNNING] = running().model_copy(update={"status": status, "reason": "because"})

    return pause


def asked(memory: MemoryDeployments, status: Status | None, name: str = RUNNING, error: str = "") -> str:
    """Return what an abort prints, with its answer in the last line; with a status it waits for that."""
    answers: list[bool] = []

    def ask() -> str:
        if error:
            raise ConflictError(error)
        return "asked"

    pause = ending(memory, status) if status else None
    text = printed(lambda console: answers.append(abort(console, memory, name, ask, pause)))
    return f"{text}exit {0 if answers[0] else 1}\n"


@pytest.mark.parametrize(
    ("end", "code"),
    [(Status.ROLLED_BACK, 0), (Status.DRIFTED, 1), (Status.ROLLBACK_FAILED, 1), (Status.PROMOTED, 1)],
)
def test_who_waits_hears_the_end_and_only_a_rollback_is_what_was_asked_for(end: Status, code: int) -> None:
    assert asked(store(running()), end) == f"asked\n{end}: because\nexit {code}\n"


def test_who_does_not_wait_hears_that_it_is_under_way() -> None:
    assert asked(store(running()), None) == "asked\nexit 0\n"


@pytest.mark.parametrize(("status", "code"), [(Status.ROLLED_BACK, 0), (Status.PROMOTED, 1)])
def test_what_had_ended_before_is_said_with_its_end(status: Status, code: int) -> None:
    text = asked(store(ended("over", status, reason="because")), None, "over")
    assert text == f"asked\n{status}: because\nexit {code}\n"


def test_who_waits_goes_on_waiting_when_the_mark_is_there() -> None:
    text = asked(store(marked(running())), Status.ROLLED_BACK, error="it has changed")
    assert text.splitlines()[0] == "it has changed; its execution goes on to roll it back"
    assert text.splitlines()[1:] == ["ROLLED_BACK: because", "exit 0"]


@pytest.mark.parametrize("waits", [True, False])
def test_without_a_mark_or_a_wait_an_error_is_an_error(waits: bool) -> None:
    memory = store(running() if waits else marked(running()))
    with pytest.raises(ConflictError):
        asked(memory, Status.ROLLED_BACK if waits else None, error="denied")


def test_a_wait_is_not_for_ever() -> None:
    with pytest.raises(UnavailableError, match="has still not ended"):
        at_rest(store(running()), RUNNING, lambda seconds: None)


def test_an_abort_names_who_asked_and_why_on_the_record() -> None:
    world = World()
    world.function()
    world.target()
    execution = arrive(world, "Judge")
    Operator(world).ask("abort", execution.name, "user/ada", "wrong build")
    record = world.record(execution.name)
    assert record.status is Status.ROLLED_BACK
    assert record.reason.endswith("abort by user/ada: wrong build")
