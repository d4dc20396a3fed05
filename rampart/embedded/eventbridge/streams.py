"""Event source mappings of DynamoDB streams: batches of records to functions, in order, with retries.

Follows the Lambda developer guide, "Using AWS Lambda with Amazon DynamoDB". One shard for each table, as
in moto. All that is counted in seconds there shrinks with the clock's minute.
"""

import json
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from rampart.embedded import moto_guard
from rampart.embedded.aws_lambda.asynchronous import Outcome
from rampart.embedded.aws_lambda.state import split_name
from rampart.embedded.clock import Clock
from rampart.embedded.wire import REGION, ApiError, Call
from rampart.embedded.wire_format import Request

_READ = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams")
_SHARD = "shardId-00000001541626099285-f35f62ef"
_LONGEST_PAUSE_SECONDS = 60.0

Record = Mapping[str, Any]


class StreamFunctions(Protocol):
    """Lambda, as far as streams need it; LambdaModel is one."""

    def handle(self, call: Call) -> dict[str, Any]:
        """Carry out one call."""
        ...

    def event_source_mappings(self) -> list[dict[str, Any]]:
        """Return every event source mapping."""
        ...

    def invoke(
        self, function: str, qualifier: str | None, payload: bytes, request_id: str | None = None
    ) -> Outcome:
        """Run once; raises ApiError when nothing ran."""
        ...


class Streams:
    """The pollers behind event source mappings."""

    def __init__(
        self,
        clock: Clock,
        functions: StreamFunctions,
        allows: Callable[[str, str, str], bool],
        send: Callable[[str, str, str], None],
    ) -> None:
        """Create the pollers' owner.

        `allows` says whether a role (by name) may do an action on a resource; `send` takes a destination's
        ARN, a body, and the function whose role sends it.
        """
        self._clock = clock
        self._functions = functions
        self._allows = allows
        self._send = send
        self._lock = threading.Lock()
        self._pollers: dict[str, _Poller] = {}

    def check(self, call: Call, request: Request) -> Request:
        """Refuse CreateEventSourceMapping for what cannot be polled here, or may not be read."""
        params = call.params
        source = str(params.get("EventSourceArn", ""))
        if ":dynamodb:" not in source:
            message = f"The embedded AWS polls DynamoDB streams only, not {source}."
            raise ApiError("InvalidParameterValueException", message)
        if params.get("ParallelizationFactor", 1) != 1:
            message = "The embedded AWS polls with a ParallelizationFactor of 1 only."
            raise ApiError("InvalidParameterValueException", message)
        role = self._role_of(str(params["FunctionName"]))
        missing = [action for action in _READ if not self._allows(role, action, source)]
        if missing:
            # Lambda API: CreateEventSourceMapping
            needed = ", ".join(missing)
            message = f"Cannot access stream {source}. Please ensure that role {role} can perform {needed}"
            raise ApiError("InvalidParameterValueException", message)
        return request

    def refresh(self) -> None:
        """Start and stop pollers, so that there is one for each mapping that is enabled."""
        wanted = {each["UUID"]: each for each in self._functions.event_source_mappings()}
        with self._lock:
            gone = [uuid for uuid in self._pollers if uuid not in wanted]
            stopped = [self._pollers.pop(uuid) for uuid in gone]
            for uuid, mapping in wanted.items():
                if uuid not in self._pollers and mapping["State"] not in ("Disabled", "Deleting"):
                    self._pollers[uuid] = _Poller(self._clock, self._functions, self._send, mapping)
        for poller in stopped:
            poller.stop()

    def collect(self) -> None:
        """Take the new records of every stream; call it under DynamoDB's lock, after each write."""
        with self._lock:
            pollers = list(self._pollers.values())
        for poller in pollers:
            poller.collect()

    def wait_until_idle(self, timeout_seconds: float) -> bool:
        """Wait until every record so far was delivered or given up; say whether that came true."""
        with self._lock:
            pollers = list(self._pollers.values())
        return all(poller.wait_until_idle(timeout_seconds) for poller in pollers)

    def close(self, timeout_seconds: float = 0.3) -> None:
        """Stop polling."""
        with self._lock:
            pollers = list(self._pollers.values())
            self._pollers.clear()
        for poller in pollers:
            poller.stop()
        for poller in pollers:
            poller.join(timeout_seconds)

    def _role_of(self, function: str) -> str:
        call = Call("lambda", "GetFunctionConfiguration", "", {"FunctionName": function})
        return str(self._functions.handle(call)["Role"]).rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class _Failure:
    """A batch of which not everything was processed; `start` is the index of the first such record."""

    start: int
    version: str | None
    error: str | None


class _Poller:
    """Reads one stream for one mapping, in a thread of its own."""

    def __init__(
        self,
        clock: Clock,
        functions: StreamFunctions,
        send: Callable[[str, str, str], None],
        mapping: Mapping[str, Any],
    ) -> None:
        self._clock = clock
        self._functions = functions
        self._send = send
        self._mapping = mapping
        self._stream = str(mapping["EventSourceArn"])
        self._name, self._qualifier = split_name(mapping["FunctionArn"])
        patterns = [each["Pattern"] for each in mapping.get("FilterCriteria", {}).get("Filters", [])]
        self._filters = [moto_guard.pattern_matcher(pattern) for pattern in patterns]
        latest = mapping.get("StartingPosition") == "LATEST"
        self._read = moto_guard.stream_length(self._stream) if latest else 0
        self._waiting: deque[Record] = deque()
        self._busy = False
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"stream-{self._name}", daemon=True)
        self._thread.start()

    def collect(self) -> None:
        """Take the records since the last call."""
        with self._changed:
            records = moto_guard.stream_records(self._stream, self._read)
            self._read += len(records)
            self._waiting.extend(each for each in map(self._event_record, records) if self._wants(each))
            self._changed.notify_all()

    def wait_until_idle(self, timeout_seconds: float) -> bool:
        """Wait until nothing waits; say whether that came true."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout_seconds)

    def stop(self) -> None:
        """Tell the thread to end."""
        self._stopped.set()
        with self._changed:
            self._changed.notify_all()

    def join(self, timeout_seconds: float) -> None:
        """Wait for the thread to end."""
        self._thread.join(timeout_seconds)

    def _event_record(self, record: Record) -> Record:
        # Lambda developer guide: example of a DynamoDB Streams record event.
        return {**record, "eventVersion": "1.1", "awsRegion": REGION, "eventSourceARN": self._stream}

    def _wants(self, record: Record) -> bool:
        image = record["dynamodb"]
        # DynamoDB developer guide, Change data capture: a write that changes nothing writes no record.
        if "NewImage" in image and image["NewImage"] == image.get("OldImage"):
            return False
        return not self._filters or any(matches(record) for matches in self._filters)

    def _run(self) -> None:
        window_seconds = self._mapping.get("MaximumBatchingWindowInSeconds", 0)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._stopped.is_set())
                if self._stopped.is_set():
                    return
                self._busy = True
            if window_seconds:
                self._stopped.wait(window_seconds * self._clock.minute_seconds / 60)
            with self._changed:
                count = min(len(self._waiting), self._mapping["BatchSize"])
                batch = [self._waiting.popleft() for _ in range(count)]
            self._process(batch)
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _process(self, batch: list[Record]) -> None:
        """Deliver a batch: until it is done, given up, or divided into what can be done."""
        attempts, pause_seconds = 0, 1.0
        retries = self._mapping.get("MaximumRetryAttempts", -1)
        while batch and not self._stopped.is_set():
            batch = self._without_too_old(batch, attempts)
            failure = self._invoke(batch) if batch else None
            if failure is None:
                return
            if failure.start:  # progress: what is left is a new batch
                batch, attempts, pause_seconds = batch[failure.start :], 0, 1.0
            elif self._mapping.get("BisectBatchOnFunctionError") and len(batch) > 1:
                # "Splitting a batch does not count towards the retry quota."
                middle = len(batch) // 2
                self._process(batch[:middle])
                self._process(batch[middle:])
                return
            attempts += 1
            if 0 <= retries < attempts:
                self._give_up(batch, "RetryAttemptsExhausted", attempts, failure)
                return
            self._stopped.wait(pause_seconds * self._clock.minute_seconds / 60)
            pause_seconds = min(pause_seconds * 2, _LONGEST_PAUSE_SECONDS)

    def _without_too_old(self, batch: list[Record], attempts: int) -> list[Record]:
        age = self._mapping.get("MaximumRecordAgeInSeconds", -1)
        if age < 0:
            return batch
        oldest = self._clock.now() - age * self._clock.minute_seconds / 60
        stale = [each for each in batch if each["dynamodb"]["ApproximateCreationDateTime"] < oldest]
        if stale:
            self._give_up(stale, "RecordAgeExceeded", attempts, None)
        return batch[len(stale) :]

    def _invoke(self, batch: list[Record]) -> _Failure | None:
        payload = json.dumps({"Records": batch}).encode()
        try:
            outcome = self._functions.invoke(self._name, self._qualifier, payload)
        except ApiError as error:
            return _Failure(0, None, error.code)
        if outcome.result.error is not None:
            return _Failure(0, outcome.version, outcome.result.error)
        if "ReportBatchItemFailures" not in self._mapping.get("FunctionResponseTypes", ()):
            return None
        start = _first_failure(outcome.result.payload, batch)
        return None if start is None else _Failure(start, outcome.version, None)

    def _give_up(self, batch: list[Record], condition: str, attempts: int, failure: _Failure | None) -> None:
        """Send the whereabouts of a discarded batch to the mapping's OnFailure destination."""
        destination = self._mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        if destination is None:
            return
        first, last = batch[0]["dynamodb"], batch[-1]["dynamodb"]
        # Lambda developer guide: Retain discarded records for a DynamoDB event source.
        record: dict[str, Any] = {
            "requestContext": {
                "functionArn": self._mapping["FunctionArn"],
                "condition": condition,
                "approximateInvokeCount": attempts,
            },
            "version": "1.0",
            "timestamp": _iso(self._clock.now()),
            "DDBStreamBatchInfo": {
                "shardId": _SHARD,
                "startSequenceNumber": first["SequenceNumber"],
                "endSequenceNumber": last["SequenceNumber"],
                "approximateArrivalOfFirstRecord": _iso(first["ApproximateCreationDateTime"]),
                "approximateArrivalOfLastRecord": _iso(last["ApproximateCreationDateTime"]),
                "batchSize": len(batch),
                "streamArn": self._stream,
            },
        }
        if failure is not None and failure.version is not None:
            context = {"statusCode": 200, "executedVersion": failure.version, "functionError": failure.error}
            record["responseContext"] = context
        try:
            self._send(destination, json.dumps(record), self._name)
        except ApiError:
            return  # Lambda tells of it by the metric DestinationDeliveryFailures only


def _first_failure(payload: bytes, batch: list[Record]) -> int | None:
    """Return the index of the first record that a function reports as failed, or None for none.

    "Reporting batch item failures": an answer that is not understood, or names a record that is not in the
    batch, fails the whole batch; no list, or an empty one, is a complete success.
    """
    numbers = [each["dynamodb"]["SequenceNumber"] for each in batch]
    try:
        answer = json.loads(payload or b"null")
        failures = (answer or {}).get("batchItemFailures") or []
        return min((numbers.index(each["itemIdentifier"]) for each in failures), default=None)
    except (AttributeError, KeyError, TypeError, ValueError):
        return 0


def _iso(seconds: float) -> str:
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
