"""Asynchronous invocation: a queue with retries, a destination and a dead-letter target."""

import heapq
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, Protocol

from rampart.embedded.aws_lambda.runner import RunResult
from rampart.embedded.clock import Clock
from rampart.embedded.cloudwatch.datum import Datum
from rampart.embedded.wire import ApiError

# Lambda developer guide: How Lambda handles errors and retries with asynchronous invocation.
_RETRY_MINUTES = (1, 2)
_MAXIMUM_AGE_SECONDS = 21_600


@dataclass(frozen=True, slots=True)
class QueuedEvent:
    """An event that was accepted with InvocationType Event."""

    function: str
    qualifier: str | None
    payload: bytes = field(repr=False)
    request_id: str
    accepted: float
    """Seconds since the epoch."""


class Outcome(Protocol):
    """What came of one attempt."""

    @property
    def version(self) -> str:
        """Return the version that ran."""
        ...

    @property
    def result(self) -> RunResult:
        """Return what the run gave."""
        ...


class AsyncTarget(Protocol):
    """What the queue needs of Lambda; LambdaModel is one."""

    def invoke(
        self, function: str, qualifier: str | None, payload: bytes, request_id: str | None = None
    ) -> Outcome:
        """Run once; raises ApiError when nothing ran."""
        ...

    def event_invoke_config(self, function: str, qualifier: str | None) -> Mapping[str, Any]:
        """Return the EventInvokeConfig, empty if there is none."""
        ...

    def dead_letter_target(self, function: str, qualifier: str | None) -> str | None:
        """Return the TargetArn of DeadLetterConfig."""
        ...

    def arn(self, function: str, qualifier: str | None = None) -> str:
        """Return the function's ARN."""
        ...


@dataclass(order=True, slots=True)
class _Attempt:
    due: float
    order: int
    number: int = field(compare=False)
    event: QueuedEvent = field(compare=False)


class AsyncInvocations:
    """The queue behind InvocationType Event; `run_due` is one step of it, `start` puts threads to work."""

    def __init__(
        self, clock: Clock, send: Callable[[str, str, str], None], record: Callable[[Datum], None]
    ) -> None:
        """Create the queue; `send` takes (destination ARN, body, function whose role sends it)."""
        self._clock = clock
        self._send = send
        self._record = record
        self._queue: list[_Attempt] = []
        self._orders = count()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._closed = False

    def enqueue(self, event: QueuedEvent) -> None:
        """Take an event in; it is due at once."""
        self._push(event, 1, self._clock.now())

    def next_due(self) -> float | None:
        """Return when the next attempt is due, in seconds since the epoch."""
        with self._changed:
            return self._queue[0].due if self._queue else None

    def run_due(self, target: AsyncTarget) -> int:
        """Make every attempt that is due now, and return how many there were."""
        made = 0
        while attempt := self._pop_due():
            self._attempt(target, attempt)
            made += 1
        return made

    def start(self, target: AsyncTarget, threads: int = 8) -> None:
        """Put `threads` threads to work on the queue until `close`."""
        for number in range(threads):
            name = f"async-invocations-{number}"
            thread = threading.Thread(target=self._work, args=(target,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self, timeout_seconds: float = 1.0) -> None:
        """Stop the threads after the attempts that they are making; a second call does nothing."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        while self._threads:
            self._threads.pop().join(timeout_seconds)

    def _work(self, target: AsyncTarget) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                attempt = self._pop_due()
                if attempt is None:
                    wait_seconds = self._queue[0].due - self._clock.now() if self._queue else None
                    self._changed.wait(wait_seconds)
            if attempt is not None:
                self._attempt(target, attempt)

    def _push(self, event: QueuedEvent, number: int, due: float) -> None:
        with self._changed:
            heapq.heappush(self._queue, _Attempt(due, next(self._orders), number, event))
            self._changed.notify()

    def _pop_due(self) -> _Attempt | None:
        with self._changed:
            if self._queue and self._queue[0].due <= self._clock.now():
                return heapq.heappop(self._queue)
            return None

    def _attempt(self, target: AsyncTarget, attempt: _Attempt) -> None:
        event = attempt.event
        outcome: Outcome | None = None
        config: Mapping[str, Any] = {}
        try:
            config = target.event_invoke_config(event.function, event.qualifier)
            outcome = target.invoke(event.function, event.qualifier, event.payload, event.request_id)
        except ApiError as refusal:
            is_passing = refusal.status in (409, 429) or refusal.status >= 500
            if not is_passing:  # the function or the alias is gone
                self._count(event, "AsyncEventsDropped")
                return
        if outcome is not None and outcome.result.error is None:
            self._finish(target, attempt, outcome, "OnSuccess", "Success")
        elif attempt.number > config.get("MaximumRetryAttempts", len(_RETRY_MINUTES)):
            self._finish(target, attempt, outcome, "OnFailure", "RetriesExhausted")
        else:
            self._retry(target, attempt, outcome, config)

    def _retry(
        self, target: AsyncTarget, attempt: _Attempt, outcome: Outcome | None, config: Mapping[str, Any]
    ) -> None:
        minute = self._clock.minute_seconds
        due = self._clock.now() + _RETRY_MINUTES[attempt.number - 1] * minute
        age_seconds = config.get("MaximumEventAgeInSeconds", _MAXIMUM_AGE_SECONDS) / 60 * minute
        if due > attempt.event.accepted + age_seconds:
            self._finish(target, attempt, outcome, "OnFailure", "EventAgeExceeded")
        else:
            self._push(attempt.event, attempt.number + 1, due)

    def _finish(
        self, target: AsyncTarget, attempt: _Attempt, outcome: Outcome | None, kind: str, condition: str
    ) -> None:
        event = attempt.event
        try:
            config = target.event_invoke_config(event.function, event.qualifier)
            dead_letter = target.dead_letter_target(event.function, event.qualifier)
        except ApiError:  # deleted in the meantime, and its destinations with it
            self._count(event, "AsyncEventsDropped")
            return
        destination = config.get("DestinationConfig", {}).get(kind, {}).get("Destination")
        arn = target.arn(event.function, event.qualifier or "$LATEST")
        if destination:
            body = json.dumps(self._destination_record(attempt, outcome, condition, arn))
            self._deliver(event, destination, body, "DestinationDeliveryFailures")
        if kind == "OnFailure":
            self._count(event, "AsyncEventsDropped")
            if dead_letter:
                self._deliver(event, dead_letter, event.payload.decode(), "DeadLetterErrors")

    def _destination_record(
        self, attempt: _Attempt, outcome: Outcome | None, condition: str, arn: str
    ) -> dict[str, Any]:
        # Lambda developer guide: Capturing records of Lambda asynchronous invocations.
        moment = datetime.fromtimestamp(self._clock.now(), UTC)
        record: dict[str, Any] = {
            "version": "1.0",
            "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "requestContext": {
                "requestId": attempt.event.request_id,
                "functionArn": arn,
                "condition": condition,
                "approximateInvokeCount": attempt.number,
            },
            "requestPayload": json.loads(attempt.event.payload),
        }
        if outcome is not None:
            context: dict[str, Any] = {"statusCode": 200, "executedVersion": outcome.version}
            if outcome.result.error is not None:
                context["functionError"] = outcome.result.error
            record["responseContext"] = context
            record["responsePayload"] = json.loads(outcome.result.payload or b"null")
        return record

    def _deliver(self, event: QueuedEvent, target_arn: str, body: str, failure_metric: str) -> None:
        try:
            self._send(target_arn, body, event.function)
        except ApiError:  # Lambda tells of it by a metric only
            self._count(event, failure_metric)

    def _count(self, event: QueuedEvent, name: str) -> None:
        for dimensions in ({}, {"FunctionName": event.function}):
            self._record(Datum.of("AWS/Lambda", name, dimensions, 1.0, "Count", self._clock.now()))
