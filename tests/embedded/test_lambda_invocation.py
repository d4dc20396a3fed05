"""Invocations reach the right version and are counted as AWS counts them."""

import base64
import json
from collections import Counter
from typing import Any

import pytest

from rampart.embedded.aws_lambda.runner import RunRequest, RunResult
from rampart.embedded.wire import ApiError
from tests.embedded.lambda_account import ARN, Account, refused, shop_with_two_versions


def invoke(account: Account, **params: Any) -> dict[str, Any]:
    return account.call("Invoke", **{"FunctionName": "shop", **params})


def test_weights_are_honoured_exactly_as_chance_falls() -> None:
    account = shop_with_two_versions(seed=42)
    account.call(
        "UpdateAlias",
        FunctionName="shop",
        Name="live",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.1}},
    )
    ran = Counter(invoke(account, Qualifier="live")["ExecutedVersion"] for _ in range(5000))
    assert ran == {"1": 4521, "2": 479}
    canary = {"FunctionName": "shop", "Resource": "shop:live", "ExecutedVersion": "2"}
    assert len(account.counted("Invocations", **canary)) == 479


@pytest.mark.parametrize(("weight", "version"), [(0.0, "1"), (1.0, "2")])
def test_a_weight_of_nothing_or_everything_leaves_no_chance(weight: float, version: str) -> None:
    account = shop_with_two_versions()
    account.call(
        "UpdateAlias",
        FunctionName="shop",
        Name="live",
        RoutingConfig={"AdditionalVersionWeights": {"2": weight}},
    )
    assert {invoke(account, Qualifier="live")["ExecutedVersion"] for _ in range(50)} == {version}


@pytest.mark.parametrize(
    ("name", "qualifier", "version", "resources"),
    [
        ("shop", None, "$LATEST", []),
        ("shop", "2", "2", ["shop:2"]),
        (f"{ARN}:2", None, "2", ["shop:2"]),
        ("shop:live", None, "1", ["shop:live"]),
    ],
)
def test_an_invocation_is_counted_under_the_name_it_was_called_by(
    name: str, qualifier: str | None, version: str, resources: list[str]
) -> None:
    account = shop_with_two_versions()
    params = {"Qualifier": qualifier} if qualifier else {}
    assert invoke(account, FunctionName=name, **params)["ExecutedVersion"] == version
    assert account.counted("Invocations") == [1.0]
    assert account.counted("Duration", FunctionName="shop") == [12.5]
    counted = {dict(each.dimensions).get("Resource") for each in account.data} - {None}
    assert counted == set(resources)
    executed = {dict(each.dimensions).get("ExecutedVersion") for each in account.data} - {None}
    assert executed == ({"1"} if resources == ["shop:live"] else set())


def test_every_invocation_tells_whether_it_was_an_error_and_when_it_began() -> None:
    account = shop_with_two_versions()
    began = account.clock.now()

    def fail(_request: RunRequest) -> RunResult:
        account.clock.advance(2)
        return RunResult(b'{"errorMessage":"no"}', "Unhandled", 2000.0)

    invoke(account)
    account.runner.answer = fail
    failed = invoke(account)
    assert (failed["StatusCode"], failed["FunctionError"]) == (200, "Unhandled")
    assert account.counted("Errors", FunctionName="shop") == [0.0, 1.0]
    assert {each.timestamp for each in account.data} == {began}


def test_a_pending_function_cannot_be_invoked() -> None:
    account = Account()
    account.create(settled=False)
    error = refused(invoke, account)
    assert (error.code, error.status) == ("ResourceConflictException", 409)
    account.clock.advance(0.3)
    assert invoke(account)["StatusCode"] == 200


def test_a_function_that_is_being_updated_runs_its_old_code() -> None:
    account = Account()
    account.create()
    account.call("UpdateFunctionConfiguration", FunctionName="shop", Timeout=9)
    invoke(account)
    account.clock.advance(1)
    invoke(account)
    assert [each.timeout_seconds for each in account.runner.requests] == [3, 9]


def test_a_pending_version_can_be_invoked() -> None:
    account = Account()
    account.create()
    account.call("PublishVersion", FunctionName="shop")
    assert invoke(account, Qualifier="1")["ExecutedVersion"] == "1"


def test_a_function_without_concurrency_is_throttled_and_not_counted_as_invoked() -> None:
    account = shop_with_two_versions()
    account.call("PutFunctionConcurrency", FunctionName="shop", ReservedConcurrentExecutions=0)
    error = refused(invoke, account, Qualifier="live")
    assert (error.code, error.status) == ("TooManyRequestsException", 429)
    assert account.counted("Throttles", FunctionName="shop") == [1.0]
    assert account.counted("Invocations") == []


def test_no_more_than_the_reserved_concurrency_runs_at_once() -> None:
    account = shop_with_two_versions()
    account.call("PutFunctionConcurrency", FunctionName="shop", ReservedConcurrentExecutions=1)

    def nested(_request: RunRequest) -> RunResult:
        return RunResult(refused(invoke, account).code.encode(), None, 1.0)

    account.runner.answer = nested
    assert invoke(account)["Payload"] == b"TooManyRequestsException"
    assert invoke(account)["StatusCode"] == 200


def test_a_runner_that_breaks_frees_the_concurrency_it_held() -> None:
    account = shop_with_two_versions()
    account.call("PutFunctionConcurrency", FunctionName="shop", ReservedConcurrentExecutions=1)
    answer = account.runner.answer

    def break_down(_request: RunRequest) -> RunResult:
        raise ApiError("ServiceException", "broken", 500)

    account.runner.answer = break_down
    assert refused(invoke, account).code == "ServiceException"
    account.runner.answer = answer
    assert invoke(account)["StatusCode"] == 200


def test_the_runner_gets_what_the_version_froze() -> None:
    account = Account()
    account.create(Environment={"Variables": {"COLOUR": "green"}}, MemorySize=512, Timeout=7)
    account.call("PublishVersion", FunctionName="shop")
    invoke(account, FunctionName="shop:1", Payload=b'{"a":1}')
    request = account.runner.requests[-1]
    assert (request.function, request.version, request.handler) == ("shop", "1", "shop.handler")
    assert (request.environment, request.memory_mb, request.timeout_seconds) == ({"COLOUR": "green"}, 512, 7)
    assert (request.payload, request.invoked_arn) == (b'{"a":1}', f"{ARN}:1")


def test_an_empty_payload_is_an_empty_object_and_other_text_is_refused() -> None:
    account = shop_with_two_versions()
    invoke(account)
    assert account.runner.requests[-1].payload == b"{}"
    error = refused(invoke, account, Payload=b"{not json")
    assert (error.code, error.status) == ("InvalidRequestContentException", 400)


@pytest.mark.parametrize(("kind", "limit"), [("RequestResponse", 6_291_456), ("Event", 1_048_576)])
def test_a_payload_has_a_limit(kind: str, limit: int) -> None:
    account = shop_with_two_versions()
    fits = b'"' + b"x" * (limit - 2) + b'"'
    assert invoke(account, InvocationType=kind, Payload=fits)["StatusCode"] in (200, 202)
    error = refused(invoke, account, InvocationType=kind, Payload=fits + b" ")
    assert (error.code, error.status) == ("RequestTooLargeException", 413)


def test_an_answer_beyond_the_limit_is_an_error_of_the_function() -> None:
    account = shop_with_two_versions()
    account.runner.answer = lambda _request: RunResult(b" " * 6_291_457, None, 1.0)
    answer = invoke(account)
    assert answer["FunctionError"] == "Unhandled"
    assert b"Function.ResponseSizeTooLarge" in answer["Payload"]
    assert account.counted("Errors") == [1.0]


def test_the_tail_of_the_log_is_given_when_asked_for() -> None:
    account = shop_with_two_versions()
    assert "LogResult" not in invoke(account)
    said, report = base64.b64decode(invoke(account, LogType="Tail")["LogResult"]).decode().splitlines()
    assert said == "hello"
    assert report.startswith("REPORT RequestId: 00000000-")
    assert report.endswith("\tDuration: 12.50 ms\tBilled Duration: 13 ms\tMemory Size: 128 MB")


@pytest.mark.parametrize(("level", "is_told"), [("INFO", True), ("WARN", False)])
def test_a_function_that_logs_json_has_its_report_in_json_unless_its_level_hides_it(
    level: str, is_told: bool
) -> None:
    account = shop_with_two_versions()
    logging = {"LogFormat": "JSON", "SystemLogLevel": level}
    account.call("UpdateFunctionConfiguration", FunctionName="shop", LoggingConfig=logging)
    account.clock.advance(60)
    lines = base64.b64decode(invoke(account, LogType="Tail")["LogResult"]).decode().splitlines()
    reports = [json.loads(line)["record"]["metrics"]["durationMs"] for line in lines[1:]]
    assert reports == ([12.5] if is_told else [])


def test_an_event_is_accepted_and_queued_without_running() -> None:
    account = shop_with_two_versions()
    accepted = invoke(account, Qualifier="live", InvocationType="Event", Payload=b'{"a":1}')
    assert accepted == {"StatusCode": 202, "Payload": b""}
    (event,) = account.queued
    assert (event.function, event.qualifier, event.payload) == ("shop", "live", b'{"a":1}')
    assert account.runner.requests == []


@pytest.mark.parametrize("kind", ["RequestResponse", "Event", "DryRun"])
def test_a_function_that_is_not_there_cannot_be_invoked(kind: str) -> None:
    account = shop_with_two_versions()
    error = refused(invoke, account, Qualifier="none", InvocationType=kind)
    assert (error.code, error.message) == ("ResourceNotFoundException", f"Function not found: {ARN}:none")


def test_a_dry_run_only_checks() -> None:
    account = shop_with_two_versions()
    assert invoke(account, InvocationType="DryRun") == {"StatusCode": 204}
    assert account.runner.requests == []
