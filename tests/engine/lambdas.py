"""Lambda functions of the controller at work: each invocation may die in the middle, or be slower than others."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.engine.timeline import Planned, Timeline

DEFAULT_SECONDS = 50
SECONDS = {"Judge": 110, "Verify": 890, "Bake": 890, "Reconcile": 290}
"""How long a function may run, where the template does not leave it at the default."""

Ended = Callable[[Any, BaseException | None], object]
"""Is told what an invocation answered, or how it failed."""


class Died(BaseException):
    """The process of an invocation died; `name` is the error that whoever invoked it is told.

    It is no Exception, so that no code of the dead process handles it.
    """

    def __init__(self, name: str = "Runtime.ExitError") -> None:
        super().__init__(name)
        self.name = name


class Invocation:
    """One run of a function."""

    def __init__(self, label: str, ended: Ended) -> None:
        self.label = label
        self.death: Died | None = None
        self.limit: Planned | None = None
        self.turn: threading.Lock | None = None
        """Is free while it is this invocation's turn, when invocations take turns."""
        self.back = threading.Lock()
        """Is freed to give the turn back to whoever gave it."""
        self._ended: Ended | None = ended

    def end(self, answer: Any, error: BaseException | None) -> None:
        """Tell whoever invoked it, once, what came of it."""
        if self.limit:
            self.limit.call_off()
        ended, self._ended = self._ended, None
        if ended:
            ended(answer, error)

    def die(self, death: Died) -> None:
        """End the process: none of its calls is carried out any more."""
        self.death = death
        self.end(None, death)


class Lambdas:
    """Invokes functions: one after the other, or in turns when the timeline has a choice."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._current: Invocation | None = None
        self._broken: BaseException | None = None

    @property
    def caller(self) -> str:
        """Return the function that is calling, or nothing outside all of them."""
        return self._current.label if self._current else ""

    def invoke(self, function: str, label: str, work: Callable[[], Any], ended: Ended) -> None:
        """Run a function and tell `ended`; it takes turns with others where there is a choice."""
        invocation = self._begin(function, label, ended)
        if self._timeline.choose is None:
            self._carry_out(invocation, work)
        else:
            self._take_turns(invocation, work)

    def run(self, function: str, work: Callable[[], Any]) -> Any:
        """Run a function now, whoever else is at work, and return its answer; raises what it failed of."""
        outcome: list[tuple[Any, BaseException | None]] = []
        self._carry_out(self._begin(function, function, lambda *ended: outcome.append(ended)), work)
        ((answer, error),) = outcome
        if error:
            raise error
        return answer

    def _begin(self, function: str, label: str, ended: Ended) -> Invocation:
        """Return an invocation, which is killed when it takes longer than it may."""
        invocation = Invocation(label, ended)
        seconds = SECONDS.get(function, DEFAULT_SECONDS)
        kill = Died("Sandbox.Timedout")
        invocation.limit = self._timeline.plan(seconds, f"{label} is killed", lambda: invocation.die(kill))
        return invocation

    def reach(self, operation: str) -> None:
        """Come to a call: others may go first."""
        invocation = self._current
        if invocation and invocation.turn and self._timeline.choose:
            self._pause(invocation, invocation.turn, operation)
        self.live_on()

    def wait(self, seconds: float) -> None:
        """Let an invocation wait, while the world goes on."""
        invocation = self._current
        if seconds <= 0:
            return
        if invocation and invocation.turn and self._timeline.choose:
            self._pause(invocation, invocation.turn, "the clock", seconds)
        else:
            with self.outside():
                self._timeline.pass_time(seconds)
        self.live_on()

    def live_on(self) -> None:
        """Go no further in an invocation that is dead; raises Died."""
        if self._current and self._current.death:
            raise self._current.death.with_traceback(None)

    def die(self, death: Died) -> None:
        """Let the invocation that is calling die."""
        if self._current:
            self._current.death = death

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Let something happen that is no part of the invocation under way."""
        before, self._current = self._current, None
        try:
            yield
        finally:
            self._current = before

    def _carry_out(self, invocation: Invocation, work: Callable[[], Any]) -> None:
        before, self._current = self._current, invocation
        try:
            answer = work()
        except AssertionError:  # a test speaking, and no task
            raise
        except (Exception, Died) as error:  # noqa: BLE001 - as Lambda does
            invocation.end(None, invocation.death or error)
        else:
            invocation.end(answer, invocation.death)
        finally:
            self._current = before

    def _take_turns(self, invocation: Invocation, work: Callable[[], Any]) -> None:
        """Run an invocation in a thread of its own, of which only one ever runs: whoever has the turn."""
        turn = invocation.turn = threading.Lock()
        turn.acquire()

        def body() -> None:
            turn.acquire()
            try:
                self._carry_out(invocation, work)
            except BaseException as broken:  # noqa: BLE001 - raised again by whoever gave the turn
                self._broken = broken
            invocation.back.release()

        threading.Thread(target=body, name=invocation.label, daemon=True).start()
        self._timeline.plan(0, f"{invocation.label} begins", lambda: self._give_turn(invocation, turn))

    def _give_turn(self, invocation: Invocation, turn: threading.Lock) -> None:
        before, self._current = self._current, invocation
        back = invocation.back = threading.Lock()
        back.acquire()
        turn.release()
        back.acquire()
        self._current = before
        if self._broken:
            broken, self._broken = self._broken, None
            raise broken

    def _pause(self, invocation: Invocation, turn: threading.Lock, operation: str, seconds: float = 0.0) -> None:
        label = f"{invocation.label} calls {operation}"
        self._timeline.plan(seconds, label, lambda: self._give_turn(invocation, turn))
        invocation.back.release()
        turn.acquire()
