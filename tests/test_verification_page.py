"""docs/verification.md: the hook that it shows does what the page says of it, and so does what it is asked with."""

import json
import re
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from controller.core.hook import read_answer
from rampart.embedded.aws_lambda.runner import RunRequest, RunResult
from tests.engine.model_client import ModelClient
from tests.engine.world import World
from tests.sam_template import ROOT

PAGE = (ROOT / "docs/verification.md").read_text()


def shown(language: str) -> list[str]:
    """Return what the page shows in a language."""
    return re.findall(rf"^```{language}\n([\s\S]*?)^```", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("total", "status", "alias"), [(12, "SUCCEEDED", "2"), (0, "FAILED", "1")])
def test_the_hook_that_the_page_shows_tries_the_candidate_and_decides(
    monkeypatch: pytest.MonkeyPatch, total: int, status: str, alias: str
) -> None:
    world = World()
    world.function()
    world.hook_function()
    world.target(hooks=[{"function": "acceptance", "at": "before_each_step"}])
    monkeypatch.setattr(boto3, "client", lambda service: ModelClient(service, world.aws_lambda))
    (example,) = shown("python")
    module: dict[str, Any] = {}
    exec(example, module)  # noqa: S102 - what people are told to deploy
    handler: Callable[[Any, Any], Any] = module["handler"]
    tried: list[tuple[str, str]] = []

    def answer(request: RunRequest) -> RunResult:
        if request.function == "acceptance":
            return RunResult(json.dumps(handler(json.loads(request.payload), None)).encode(), None, 1.0)
        tried.append((request.function, request.version))
        return RunResult(json.dumps({"total": total}).encode(), None, 1.0)

    world.answer = answer
    assert world.push(world.upload()).status == status
    assert world.alias() == f"version {alias}"
    assert set(tried) == {("checkout", "2")}


def test_the_answers_that_the_page_shows_are_understood() -> None:
    _, answers = shown("json")
    outcomes = [read_answer(line).outcome.value for line in answers.splitlines()]
    assert outcomes == ["PASS", "FAIL", "WAIT"]


def test_the_question_that_the_page_shows_has_the_fields_that_a_hook_is_asked_with() -> None:
    question, _ = shown("json")
    world = World()
    world.function()
    world.hook_function()
    world.target(hooks=[{"function": "acceptance", "at": "before_traffic"}])
    asked: list[Any] = []

    def answer(request: RunRequest) -> RunResult:
        asked.append(json.loads(request.payload))
        return RunResult(b'{"outcome": "PASS"}', None, 1.0)

    world.answer = answer
    world.push(world.upload())
    assert list(json.loads(question)) == list(asked[0])
