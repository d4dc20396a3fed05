"""EventBridge: takes events in, matches them with the rules that moto keeps, and delivers them.

Follows the EventBridge user guide, "Retrying event delivery" and "Using dead-letter queues to process
undelivered events". All that is counted in seconds there shrinks with the clock's minute.
"""

import heapq
import itertools
import json
import logging
import re
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from rampart.embedded import moto_guard
from rampart.embedded.clock import Clock
from rampart.embedded.eventbridge.patterns import check_pattern, target_input
from rampart.embedded.eventbridge.targets import Targets, UndeliverableError
from rampart.embedded.front import Operation
from rampart.embedded.wire import ACCOUNT, REGION, ApiError, Call
from rampart.embedded.wire_format import Request

_log = logging.getLogger(__name__)

_RATE = re.compile(r"rate\((?:(1) (minute|hour|day)|(?!1 )(\d+) (minute|hour|day)s)\)")
_MINUTES = {"minute": 1, "hour": 60, "day": 1440}
_TARGET_MEMBERS = frozenset(
    {"Id", "Arn", "RoleArn", "Input", "InputPath", "InputTransformer", "DeadLetterConfig", "RetryPolicy"}
    | {"SqsParameters"}
)
_ENTRY_MEMBERS = ("Source", "DetailType", "Detail")
_REQUEST_LIMIT_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event that reached one target."""

    rule_arn: str
    target_arn: str
    event_id: str
    at: float
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class LostEvent:
    """One event that reached neither its target nor a dead-letter queue."""

    rule_arn: str
    target_arn: str
    event: Mapping[str, Any]
    reason: str


@dataclass(frozen=True, slots=True)
class _Job:
    """One event on its way to one target."""

    rule_arn: str
    target: Mapping[str, Any]
    event: Mapping[str, Any]
    accepted: float
    attempts: int = 0


class EventBridge:
    """Event delivery of the embedded AWS; a Service for PutEvents."""

    def __init__(
        self,
        clock: Clock,
        targets: Targets,
        new_id: Callable[[], str],
        delivery_delay_seconds: float = 0.0,
        threads: int = 8,
    ) -> None:
        self._clock = clock
        self._targets = targets
        self._new_id = new_id
        self._delay_seconds = delivery_delay_seconds
        self._agenda = Agenda(clock, threads)
        self._schedules: dict[tuple[str, str], float] = {}
        self.delivered: deque[Delivery] = deque(maxlen=10_000)
        """What reached its target, oldest first."""
        self.lost: deque[LostEvent] = deque(maxlen=10_000)
        """What reached nothing, oldest first."""

    @property
    def before(self) -> Mapping[Operation, Callable[[Call, Request], Request]]:
        """Return the hooks that refuse what moto would take in silence and we cannot deliver."""
        return {("events", "PutRule"): _check_rule, ("events", "PutTargets"): _check_targets}

    def close(self) -> None:
        """Stop delivering."""
        self._agenda.close()

    def wait_until_idle(self, timeout_seconds: float) -> bool:
        """Wait until nothing is on its way, retries included; say whether that came true."""
        return self._agenda.wait_until_idle(timeout_seconds)

    def handle(self, call: Call) -> dict[str, Any]:
        """Carry out PutEvents."""
        entries = call.params.get("Entries") or []
        if not 1 <= len(entries) <= 10:  # EventBridge API: PutEvents
            raise ApiError("ValidationException", f"Entries has {len(entries)} members; 1 to 10 are allowed.")
        if sum(_entry_bytes(entry) for entry in entries) > _REQUEST_LIMIT_BYTES:
            raise ApiError("ValidationException", "Total size of the entries in the request is over the limit.")
        results = [self._take(entry) for entry in entries]
        return {"FailedEntryCount": sum("ErrorCode" in each for each in results), "Entries": results}

    def publish(self, event: Mapping[str, Any], bus: str = "default") -> str:
        """Take in an event, filling in what AWS fills in, and return its id."""
        now = self._clock.now()
        whole = {
            "version": "0",
            "id": self._new_id(),
            "detail-type": event["detail-type"],
            "source": event["source"],
            "account": ACCOUNT,
            "time": _iso(now),
            "region": REGION,
            "resources": [],
            **event,
        }
        for rule in moto_guard.rules(bus):
            if rule.enabled and rule.matches(whole):
                self._send_all(rule, whole)
        return str(whole["id"])

    def run_schedules(self) -> float | None:
        """Fire the schedules that are due; return when the next one is (epoch seconds), if there is one."""
        now = self._clock.now()
        due: dict[tuple[str, str], float] = {}
        for rule in moto_guard.rules("default"):
            if rule.schedule is None or not rule.enabled:
                continue
            period_seconds = _period_minutes(rule.schedule) * self._clock.minute_seconds
            key = (rule.arn, rule.schedule)
            due[key] = self._schedules.get(key, now + period_seconds)
            if due[key] <= now:
                self._send_all(rule, self._scheduled_event(rule.arn))
                due[key] = max(due[key] + period_seconds, now)
        self._schedules = due
        return min(due.values(), default=None)

    def _scheduled_event(self, rule_arn: str) -> dict[str, Any]:
        # EventBridge user guide: Creating a rule that runs on a schedule.
        return {
            "version": "0",
            "id": self._new_id(),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": ACCOUNT,
            "time": _iso(self._clock.now()),
            "region": REGION,
            "resources": [rule_arn],
            "detail": {},
        }

    def _take(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Take in one entry of PutEvents and return its result; a bad entry does not stop the others."""
        for member in _ENTRY_MEMBERS:
            if not entry.get(member):
                reason = f"Parameter {member} is not valid. Reason: {member} is a required argument."
                return {"ErrorCode": "InvalidArgument", "ErrorMessage": reason}
        if entry["Source"].startswith("aws."):
            return {
                "ErrorCode": "NotAuthorizedForSourceException",
                "ErrorMessage": "Not authorized for the source.",
            }
        try:
            detail = json.loads(entry["Detail"])
        except ValueError:
            detail = None
        if not isinstance(detail, dict):
            return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
        bus = str(entry.get("EventBusName") or "default").rpartition("/")[2]
        if not moto_guard.event_bus_exists(bus):
            # Not documented; told at the entry, where whoever checks FailedEntryCount sees it.
            return {"ErrorCode": "ResourceNotFoundException", "ErrorMessage": f"Event bus {bus} does not exist."}
        event: dict[str, Any] = {
            "source": entry["Source"],
            "detail-type": entry["DetailType"],
            "resources": list(entry.get("Resources") or []),
            "detail": detail,
        }
        if isinstance(entry.get("Time"), int | float):
            event["time"] = _iso(entry["Time"])
        return {"EventId": self.publish(event, bus)}

    def _send_all(self, rule: moto_guard.Rule, event: Mapping[str, Any]) -> None:
        now = self._clock.now()
        for target in rule.targets:
            job = _Job(rule.arn, target, event, now)
            self._agenda.add(now + self._delay_seconds, lambda job=job: self._attempt(job))  # type: ignore[misc]

    def _attempt(self, job: _Job) -> None:
        arn = job.target["Arn"]
        event_id = str(job.event["id"])
        try:
            if ":event-bus/" in arn:
                # The event goes on as it is; a target that is a bus takes no input of its own.
                self.publish(job.event, arn.rpartition("/")[2])
            else:
                body = target_input(job.target, job.event, job.rule_arn, _iso(job.accepted))
                self._targets.send(job.rule_arn, job.target, event_id, body)
        except UndeliverableError as error:
            self._failed(job, error)
        except ApiError as error:
            self._failed(job, UndeliverableError("INVALID_PARAMETER", error.message, retried=False))
        except Exception as error:  # noqa: BLE001 (the other deliveries go on)
            _log.exception("delivery of %s to %s failed", event_id, arn)
            self._failed(job, UndeliverableError("INTERNAL_ERROR", str(error), retried=False))
        else:
            self.delivered.append(Delivery(job.rule_arn, arn, event_id, self._clock.now()))

    def _failed(self, job: _Job, error: UndeliverableError) -> None:
        policy = job.target.get("RetryPolicy", {})
        scale = self._clock.minute_seconds / 60
        age_seconds = policy.get("MaximumEventAgeInSeconds", 86_400) * scale
        again = self._clock.now() + min(2.0**job.attempts, 600.0) * scale
        condition = None
        if not error.retried:
            pass
        elif job.attempts >= policy.get("MaximumRetryAttempts", 185):
            condition = "MaximumRetryAttempts"
        elif again > job.accepted + age_seconds:
            condition = "MaximumEventAgeInSeconds"
        else:
            next_job = replace(job, attempts=job.attempts + 1)
            self._agenda.add(again, lambda: self._attempt(next_job))
            return
        self._bury(job, error, condition)

    def _bury(self, job: _Job, error: UndeliverableError, condition: str | None) -> None:
        """Send an event that cannot be delivered to the target's dead-letter queue, or lose it."""
        queue = job.target.get("DeadLetterConfig", {}).get("Arn")
        reason = f"{error.code}: {error.message}"
        if queue is not None:
            attributes = {
                "RULE_ARN": job.rule_arn,
                "TARGET_ARN": job.target["Arn"],
                "ERROR_CODE": error.code,
                "ERROR_MESSAGE": error.message,
                "RETRY_ATTEMPTS": str(job.attempts),
            }
            if condition is not None:
                attributes["EXHAUSTED_RETRY_CONDITION"] = condition
            try:
                self._targets.send_to_queue(job.rule_arn, queue, json.dumps(job.event), attributes)
                return
            except UndeliverableError as burial:
                reason += f"; dead-letter queue: {burial.code}: {burial.message}"
        self.lost.append(LostEvent(job.rule_arn, job.target["Arn"], job.event, reason))


@dataclass(order=True, slots=True)
class _Entry:
    due: float
    order: int
    work: Callable[[], None] = field(compare=False)


class Agenda:
    """Work that is due at times, done by a few threads."""

    def __init__(self, clock: Clock, threads: int) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._entries: list[_Entry] = []
        self._order = itertools.count()
        self._busy = 0
        self._closed = False
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def add(self, due: float, work: Callable[[], None]) -> None:
        """Have `work` done at `due`, in seconds since the epoch."""
        with self._changed:
            heapq.heappush(self._entries, _Entry(due, next(self._order), work))
            self._changed.notify()

    def wait_until_idle(self, timeout_seconds: float) -> bool:
        """Wait until nothing is due any more; say whether that came true."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._entries and not self._busy, timeout_seconds)

    def close(self, timeout_seconds: float = 0.3) -> None:
        """Drop what is not yet due and wait for what is being done."""
        with self._changed:
            self._closed = True
            self._entries.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout_seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._closed and not (self._entries and self._entries[0].due <= self._clock.now()):
                    self._changed.wait(self._entries[0].due - self._clock.now() if self._entries else None)
                if self._closed:
                    return
                entry = heapq.heappop(self._entries)
                self._busy += 1
            try:
                entry.work()
            finally:
                with self._changed:
                    self._busy -= 1
                    self._changed.notify_all()


def _check_rule(call: Call, request: Request) -> Request:
    pattern, schedule = call.params.get("EventPattern"), call.params.get("ScheduleExpression")
    if pattern is not None:
        check_pattern(pattern)
    if schedule is not None:
        _period_minutes(schedule)
    return request


def _check_targets(call: Call, request: Request) -> Request:
    for target in call.params.get("Targets", []):
        unknown = sorted(set(target) - _TARGET_MEMBERS)
        if unknown:
            raise ApiError("ValidationException", f"The embedded AWS has no targets with {', '.join(unknown)}.")
        Targets.check(target)
    return request


def _period_minutes(schedule: str) -> int:
    # EventBridge user guide: Rate expressions; a value of 1 takes the singular, others the plural.
    found = _RATE.fullmatch(schedule)
    minutes = int(found[1] or found[3]) * _MINUTES[found[2] or found[4]] if found else 0
    if minutes == 0:
        raise ApiError(
            "ValidationException",
            f"Parameter ScheduleExpression is not valid: the embedded AWS knows rate(...) only, not {schedule}.",
        )
    return minutes


def _entry_bytes(entry: Mapping[str, Any]) -> int:
    # EventBridge user guide: Calculating PutEvents event entry size.
    texts = [entry.get(member) or "" for member in _ENTRY_MEMBERS] + list(entry.get("Resources") or [])
    return sum(len(text.encode()) for text in texts) + (14 if "Time" in entry else 0)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
