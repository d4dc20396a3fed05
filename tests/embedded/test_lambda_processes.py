"""Processes under the real runtime interface client: warm, killed when they must be, and never left over."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from rampart.embedded.aws_lambda.model import LambdaModel
from rampart.embedded.aws_lambda.runtime import ProcessRunner
from rampart.embedded.clock import VirtualClock
from rampart.embedded.wire import Call
from tests.embedded.function_runs import CODE, Lines, host_for, linux_only, package, payload, request
from tests.embedded.lambda_account import ROLE, zip_of

pytestmark = linux_only


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
def processes(lines: Lines) -> Iterator[ProcessRunner]:
    runner = ProcessRunner(host_for(lines))
    yield runner
    runner.close()


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended, or is only waiting for its parent to take note."""
    with suppress(FileNotFoundError, ProcessLookupError):
        status = Path(f"/proc/{pid}/stat").read_text()
        return status.rpartition(")")[2].split()[0] == "Z"
    return True


def test_nothing_of_this_process_is_in_a_function_s_environment(
    processes: ProcessRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_PARENT", "secret")
    assert "OF_THE_PARENT" not in payload(processes.run(request("answer")))["environment"]


def test_a_warm_environment_serves_the_next_invocation(processes: ProcessRunner) -> None:
    assert len({payload(processes.run(request("answer")))["pid"] for _ in range(3)}) == 1


@pytest.mark.parametrize(
    "change", [{"environment": {"COLOUR": "red"}}, {"code": package(shop=CODE, controller="# new")}]
)
def test_a_change_of_code_or_environment_gets_a_new_environment(
    processes: ProcessRunner, change: dict[str, Any]
) -> None:
    before = payload(processes.run(request("answer", version="$LATEST")))["pid"]
    after = payload(processes.run(request("answer", **{"version": "$LATEST", **change})))["pid"]
    assert after != before
    assert is_gone(before)


def test_a_function_past_its_timeout_is_killed(processes: ProcessRunner) -> None:
    pid = payload(processes.run(request("answer", timeout_seconds=1)))["pid"]
    result = processes.run(request("sleep", timeout_seconds=1))
    assert (result.error, result.duration_ms) == ("Unhandled", 1000.0)
    assert payload(result) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": "RequestId: 11111111-2222-3333-4444-555555555555 Error: Task timed out after 1.00 seconds",
    }
    assert is_gone(pid)
    assert processes.run(request("answer", timeout_seconds=1)).error is None


@pytest.mark.parametrize(
    ("do", "reason"),
    [("die", "Runtime exited with error: exit status 3"), ("leave", "Runtime exited without providing a reason")],
)
def test_a_process_that_ends_is_an_error_and_the_next_invocation_starts_afresh(
    processes: ProcessRunner, do: str, reason: str
) -> None:
    result = processes.run(request(do))
    assert payload(result)["errorType"] == "Runtime.ExitError"
    assert payload(result)["errorMessage"].endswith(reason)
    assert processes.run(request("answer")).error is None


def test_no_more_than_four_environments_of_a_version_run_at_once(processes: ProcessRunner) -> None:
    with ThreadPoolExecutor(12) as pool:
        pids = list(pool.map(lambda _: payload(processes.run(request("pause"))), range(12)))
    assert len(set(pids)) <= 4


def test_nothing_is_left_after_close(lines: Lines) -> None:
    runner = ProcessRunner(host_for(lines))
    answer = payload(runner.run(request("answer")))
    child = payload(runner.run(request("fork")))
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(runner.run, request("sleep", timeout_seconds=30))
        assert lines.asleep.wait(10)
        began = time.monotonic()
        runner.close()
        runner.close()
        assert time.monotonic() - began < 1
        assert payload(busy.result())["errorType"] == "Runtime.ExitError"
    assert is_gone(answer["pid"])
    assert is_gone(child)
    assert not Path(answer["environment"]["LAMBDA_TASK_ROOT"]).exists()
    with pytest.raises(RuntimeError, match="closed"):
        runner.run(request("answer"))


def test_an_alias_with_weights_runs_the_code_of_each_version(processes: ProcessRunner) -> None:
    clock = VirtualClock()
    ids = count(1)
    model = LambdaModel(
        clock=clock,
        random=random.Random(3),  # noqa: S311 - weights, not secrets
        code=lambda _bucket, key, _version: zip_of(shop=f"def handler(event, context): return '{key}'"),
        runner=processes,
        record=lambda _datum: None,
        enqueue=lambda _event: None,
        new_id=lambda: f"00000000-0000-0000-0000-{next(ids):012d}",
    )

    def call(operation: str, **params: Any) -> dict[str, Any]:
        answer = model.handle(Call("lambda", operation, "AKIATEST", {"FunctionName": "shop", **params}))
        clock.advance(1)
        return answer

    call(
        "CreateFunction",
        Role=ROLE,
        Handler="shop.handler",
        Runtime="python3.11",
        Code={"S3Bucket": "builds", "S3Key": "green"},
    )
    call("PublishVersion")
    call("UpdateFunctionCode", S3Bucket="builds", S3Key="blue")
    call("PublishVersion")
    weights = {"AdditionalVersionWeights": {"2": 0.5}}
    call("CreateAlias", Name="live", FunctionVersion="1", RoutingConfig=weights)
    answers = [call("Invoke", Qualifier="live") for _ in range(20)]
    assert {(each["ExecutedVersion"], each["Payload"]) for each in answers} == {
        ("1", b'"green"'),
        ("2", b'"blue"'),
    }
