"""Asynchronous invocations are retried, given up and told of as Lambda documents it."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from rampart.embedded.aws_lambda.asynchronous import AsyncInvocations
from rampart.embedded.aws_lambda.runner import RunRequest, RunResult
from rampart.embedded.wire import ApiError
from tests.embedded.lambda_account import ARN, Account, shop_with_two_versions

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:failures"
ERROR = RunResult(b'{"errorMessage":"no"}', "Unhandled", 1.0)


class Queue:
    """An account, its queue, and what the queue sent."""

    def __init__(self, account: Account, send: Callable[[str, str, str], None] | None = None) -> None:
        self.account = account
        self.sent: list[tuple[str, dict[str, Any], str]] = []
        self.attempts: list[float] = []
        self.queue = AsyncInvocations(account.clock, send or self._send, account.data.append)

    def fail(self, times: int) -> None:
        """Let the next `times` runs fail."""
        began = self.account.clock.now()

        def answer(_request: RunRequest) -> RunResult:
            self.attempts.append(self.account.clock.now() - began)
            return ERROR if len(self.attempts) <= times else RunResult(b'"done"', None, 1.0)

        self.account.runner.answer = answer

    def deliver(self, qualifier: str = "live") -> None:
        """Send one event and let time pass until the queue is empty."""
        self.account.call(
            "Invoke", FunctionName="shop", Qualifier=qualifier, InvocationType="Event", Payload=b'{"a":1}'
        )
        self.queue.enqueue(self.account.queued.pop())
        while (due := self.queue.next_due()) is not None:
            self.account.clock.advance(max(0.0, due - self.account.clock.now()))
            self.queue.run_due(self.account.model)

    def _send(self, arn: str, body: str, function: str) -> None:
        self.sent.append((arn, json.loads(body), function))


def configure(account: Account, **params: Any) -> None:
    account.call("PutFunctionEventInvokeConfig", FunctionName="shop", Qualifier="live", **params)


def to(kind: str) -> dict[str, Any]:
    return {"DestinationConfig": {kind: {"Destination": QUEUE}}}


def test_a_failing_event_is_tried_again_after_one_minute_and_then_after_two() -> None:
    queue = Queue(shop_with_two_versions())
    queue.fail(times=3)
    queue.deliver()
    assert queue.attempts == [0.0, 60.0, 180.0]


def test_the_waits_shrink_with_the_minute() -> None:
    account = shop_with_two_versions()
    account.clock.minute_seconds = 0.5
    queue = Queue(account)
    queue.fail(times=3)
    queue.deliver()
    assert queue.attempts == [0.0, 0.5, 1.5]


def test_an_event_that_succeeds_is_not_tried_again() -> None:
    queue = Queue(shop_with_two_versions())
    queue.fail(times=1)
    queue.deliver()
    assert queue.attempts == [0.0, 60.0]
    assert queue.account.counted("AsyncEventsDropped") == []


def test_retries_are_as_many_as_the_alias_allows() -> None:
    queue = Queue(shop_with_two_versions())
    configure(queue.account, MaximumRetryAttempts=0)
    queue.fail(times=9)
    queue.deliver()
    assert queue.attempts == [0.0]


def test_an_event_given_up_is_described_to_its_destination() -> None:
    queue = Queue(shop_with_two_versions())
    configure(queue.account, MaximumRetryAttempts=1, **to("OnFailure"))
    queue.fail(times=9)
    queue.deliver()
    ((arn, record, function),) = queue.sent
    assert (arn, function) == (QUEUE, "shop")
    assert record["requestContext"].pop("requestId").startswith("00000000-")
    assert record == {
        "version": "1.0",
        "timestamp": "2027-01-15T08:01:05.000Z",
        "requestContext": {
            "functionArn": f"{ARN}:live",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 2,
        },
        "requestPayload": {"a": 1},
        "responseContext": {"statusCode": 200, "executedVersion": "1", "functionError": "Unhandled"},
        "responsePayload": {"errorMessage": "no"},
    }
    assert queue.account.counted("AsyncEventsDropped", FunctionName="shop") == [1.0]


def test_a_success_is_described_to_its_own_destination_only() -> None:
    queue = Queue(shop_with_two_versions())
    configure(queue.account, **to("OnSuccess"))
    queue.fail(times=0)
    queue.deliver()
    ((_, record, _),) = queue.sent
    assert record["requestContext"]["condition"] == "Success"
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "1"}


def test_an_event_that_gets_too_old_is_given_up() -> None:
    queue = Queue(shop_with_two_versions())
    configure(queue.account, MaximumEventAgeInSeconds=90, **to("OnFailure"))
    queue.fail(times=9)
    queue.deliver()
    assert queue.attempts == [0.0, 60.0]
    assert queue.sent[0][1]["requestContext"]["condition"] == "EventAgeExceeded"


def test_a_throttled_event_is_tried_again() -> None:
    queue = Queue(shop_with_two_versions())
    configure(queue.account, **to("OnFailure"))
    queue.account.call("PutFunctionConcurrency", FunctionName="shop", ReservedConcurrentExecutions=0)
    queue.deliver()
    assert queue.account.counted("Throttles", FunctionName="shop") == [1.0, 1.0, 1.0]
    assert "responseContext" not in queue.sent[0][1]


def test_the_dead_letter_target_gets_the_event_itself() -> None:
    account = Account()
    account.create(DeadLetterConfig={"TargetArn": QUEUE})
    queue = Queue(account)
    queue.fail(times=3)
    queue.deliver(qualifier="$LATEST")
    assert queue.sent == [(QUEUE, {"a": 1}, "shop")]


def test_a_destination_that_cannot_be_reached_is_counted() -> None:
    def refuse(_arn: str, _body: str, _function: str) -> None:
        raise ApiError("AccessDeniedException", "no", 403)

    queue = Queue(shop_with_two_versions(), refuse)
    configure(queue.account, MaximumRetryAttempts=0, **to("OnFailure"))
    queue.fail(times=1)
    queue.deliver()
    assert queue.account.counted("DestinationDeliveryFailures", FunctionName="shop") == [1.0]


@pytest.mark.parametrize("operation", ["DeleteFunction", "DeleteAlias"])
def test_an_event_for_something_deleted_is_dropped(operation: str) -> None:
    account = shop_with_two_versions()
    queue = Queue(account)
    account.call("Invoke", FunctionName="shop", Qualifier="live", InvocationType="Event")
    queue.queue.enqueue(account.queued.pop())
    account.call(operation, FunctionName="shop", **({"Name": "live"} if operation == "DeleteAlias" else {}))
    assert queue.queue.run_due(account.model) == 1
    assert queue.queue.next_due() is None
    assert account.counted("AsyncEventsDropped") == [1.0]


def test_threads_work_the_queue_until_it_is_closed() -> None:
    account = shop_with_two_versions()
    queue = Queue(account)
    ran = threading.Event()

    def answer(_request: RunRequest) -> RunResult:
        ran.set()
        return RunResult(b"null", None, 1.0)

    account.runner.answer = answer
    queue.queue.start(account.model, threads=2)
    account.call("Invoke", FunctionName="shop", Qualifier="live", InvocationType="Event")
    queue.queue.enqueue(account.queued.pop())
    assert ran.wait(10)
    queue.queue.close()
    queue.queue.close()
    assert len(account.runner.requests) == 1
