"""Events on their way to the controller: repeated when they fail, and given up in the end."""

from collections.abc import Callable
from typing import Any

from controller.adapters.dynamodb_items import event_item, to_dynamodb
from controller.core.deployment import Event
from tests.engine.lambdas import Lambdas
from tests.engine.timeline import Timeline

RETRY_SECONDS = (60.0, 120.0)
"""Before the second and the third try (Lambda developer guide, "How Lambda handles errors … asynchronous")."""
STREAM_RETRY_SECONDS = 1.0
STREAM_RETRIES = 5

Tell = Callable[[list[dict[str, Any]]], list[str]]
"""Is given records of the stream, and returns the sequence number of the first that failed."""


class Deliveries:
    """Invokes a function with an event, at most three times, as Lambda does with an asynchronous invocation."""

    def __init__(self, timeline: Timeline, lambdas: Lambdas) -> None:
        self._timeline = timeline
        self._lambdas = lambdas
        self.dead_letters: list[tuple[str, BaseException]] = []
        """What was given up, and what it failed of at last."""

    def send(self, function: str, work: Callable[[], object], seconds: float = 0.0, tries: int = 0) -> None:
        """Deliver an event in `seconds`; `work` is what the function does with it."""

        def ended(_: object, error: BaseException | None) -> None:
            if error and tries < len(RETRY_SECONDS):
                self.send(function, work, RETRY_SECONDS[tries], tries + 1)
            elif error:
                self.dead_letters.append((function, error))

        self._timeline.plan(
            seconds, f"{function} is invoked", lambda: self._lambdas.invoke(function, function, work, ended)
        )


class Stream:
    """The table's stream in front of Notify: every event once and in order, again from the first that failed."""

    def __init__(self, timeline: Timeline, lambdas: Lambdas, tell: Tell) -> None:
        self._timeline = timeline
        self._lambdas = lambdas
        self._tell = tell
        self._waiting: list[dict[str, Any]] = []
        self._is_busy = False
        self._length = 0
        self._tries = 0
        self.is_lost = False
        """Whether nobody hears of anything any more."""
        self.errors: list[Exception] = []
        """What kept something from being told, each time."""
        self.dead_letters: list[dict[str, Any]] = []
        """The records that were given up."""

    def append(self, event: Event) -> None:
        """Let an event be told of: at once, or in turn where there is a choice."""
        if self.is_lost:
            return
        self._length += 1
        record = {"SequenceNumber": str(self._length), "NewImage": to_dynamodb(event_item(event))}
        self._waiting.append({"eventName": "INSERT", "dynamodb": record})
        if not self._is_busy:
            self._is_busy = True
            self._deliver()

    def _deliver(self) -> None:
        batch = list(self._waiting)

        def ended(failed: list[str] | None, error: BaseException | None) -> None:
            numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
            first = numbers[0] if error else (failed or [""])[0]
            done = numbers.index(first) if first else len(batch)
            del self._waiting[:done]
            self._tries = 0 if done else self._tries + 1
            if self._tries > STREAM_RETRIES:
                self.dead_letters.append(self._waiting.pop(0))
                self._tries = 0
            self._is_busy = bool(self._waiting)
            if self._waiting:
                seconds = STREAM_RETRY_SECONDS if first else 0.0
                self._timeline.plan(seconds, "Notify is invoked", self._deliver)

        self._lambdas.invoke("Notify", "Notify", lambda: self._tell(batch), ended)
