"""Both runners run a function's code as Lambda would."""

import json
from collections.abc import Iterator

import pytest

from rampart.embedded.aws_lambda.in_process import InProcessRunner
from rampart.embedded.aws_lambda.runner import Package
from rampart.embedded.aws_lambda.runtime import ProcessRunner
from tests.embedded.function_runs import Lines, host_for, linux_only, package, payload, request


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture(params=[pytest.param(ProcessRunner, marks=linux_only), InProcessRunner])
def runner(request: pytest.FixtureRequest, lines: Lines) -> Iterator[ProcessRunner | InProcessRunner]:
    made = request.param(host_for(lines))
    yield made
    made.close()


def test_a_function_sees_its_own_environment(runner: ProcessRunner | InProcessRunner) -> None:
    variables = payload(runner.run(request("answer")))["environment"]
    expected = {
        "COLOUR": "green",
        "AWS_LAMBDA_FUNCTION_NAME": "shop",
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "AKIAshop",
        "RAMPART_MINUTE_SECONDS": "0.5",
        "TZ": ":UTC",
    }
    assert variables | expected == variables
    assert variables["_X_AMZN_TRACE_ID"].endswith("Sampled=0")


def test_a_function_knows_how_it_was_invoked(runner: ProcessRunner | InProcessRunner) -> None:
    result = runner.run(request("answer"))
    answer = payload(result)
    assert result.error is None
    assert answer["arn"].endswith(":function:shop:live")
    assert answer["request_id"] == "11111111-2222-3333-4444-555555555555"
    assert answer["version"] == "1"
    assert 0 < answer["left_ms"] <= 5000
    assert 0 < result.duration_ms < 5000


def test_the_code_of_the_zip_wins_over_what_is_installed(runner: ProcessRunner | InProcessRunner) -> None:
    answer = payload(runner.run(request("answer")))
    assert answer["controller"] == f"{answer['environment']['LAMBDA_TASK_ROOT']}/controller.py"


def test_an_exception_is_an_unhandled_error(runner: ProcessRunner | InProcessRunner) -> None:
    result = runner.run(request("fail"))
    assert result.error == "Unhandled"
    error = payload(result)
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "no stock")
    assert error["stackTrace"]


def test_what_a_function_writes_is_told_line_by_line(runner: ProcessRunner | InProcessRunner, lines: Lines) -> None:
    result = runner.run(request("log"))
    told = [line for _, _, line in lines]
    assert [line for line in told if line in ("printed", "to stderr")] == ["printed", "to stderr"]
    assert any("logged" in line for line in told)
    assert {each[:2] for each in lines} == {("shop", "1")}
    assert "printed" in result.log


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (package(shop="import nothing_of_the_kind"), "Runtime.ImportModuleError"),
        (package(other=""), "Runtime.ImportModuleError"),
        (package(shop="x = 1"), "Runtime.HandlerNotFound"),
        (package(shop="def ("), "Runtime.UserCodeSyntaxError"),
    ],
)
def test_code_without_a_handler_is_an_error_each_time(
    runner: ProcessRunner | InProcessRunner, code: Package, kind: str
) -> None:
    results = [runner.run(request("answer", code)) for _ in range(2)]
    assert {each.error for each in results} == {"Unhandled"}
    assert {payload(each)["errorType"] for each in results} == {kind}


def test_code_of_one_version_is_not_seen_by_another(runner: ProcessRunner | InProcessRunner) -> None:
    shop = "import part\ndef handler(event, context): return part.N"
    for number in (1, 2, 1):
        code = package(shop=shop, part=f"N = {number}")
        assert payload(runner.run(request("answer", code, version=str(number)))) == number


def test_a_layer_is_importable(runner: ProcessRunner | InProcessRunner) -> None:
    code = package(shop="import library\ndef handler(event, context): return library.N")
    layers = tuple(package(**{"python/library": f"N = {number}"}) for number in (1, 2))
    assert payload(runner.run(request("answer", code, layers=layers))) == 2


def test_megabytes_go_in_and_come_out(runner: ProcessRunner | InProcessRunner) -> None:
    text = "é" * 2_000_000
    result = runner.run(request("", payload=json.dumps({"do": "echo", "text": text}).encode()))
    assert payload(result) == text
