"""Test events that stand elsewhere: in a parameter, or as shareable ones of the Lambda console."""

import json
from typing import Any

import pytest

from controller.core.errors import InputError
from rampart.embedded.aws_lambda.runner import RunRequest, RunResult
from tests.engine.faults import DENIED, always
from tests.engine.world import World


class Asked:
    """What the versions of a world were asked."""

    def __init__(self, world: World, answer: bytes = b'{"statusCode": 200}') -> None:
        self.events: list[tuple[str, Any]] = []
        self._answer = answer
        world.answer = self

    def __call__(self, request: RunRequest) -> RunResult:
        self.events.append((request.function, json.loads(request.payload)))
        return RunResult(self._answer, None, 10.0)


def ready(test_events: Any, *functions: str) -> tuple[World, Asked]:
    """Return a world whose target refers to test events."""
    world = World()
    names = functions or ("checkout",)
    for name in names:
        world.function(name)
    world.target(members=[{"function": name} for name in names], test_events=test_events)
    return world, Asked(world)


def shareable(**examples: Any) -> str:
    """Return the schema in which the Lambda console keeps shareable test events."""
    return json.dumps(
        {
            "openapi": "3.0.0",
            "info": {"version": "1.0.0", "title": "Event"},
            "paths": {},
            "components": {
                "schemas": {"Event": {"type": "object"}},
                "examples": {name: {"value": value} for name, value in examples.items()},
            },
        }
    )


# ---- In a parameter ------------------------------------------------------------------------------------------

LISTED = [
    {"name": "an order", "payload": {"order": 59}, "expect": {"status": "2xx"}},
    {"name": "for one", "payload": 1, "function": "basket"},
]


def test_events_of_a_parameter_are_asked_as_if_the_target_listed_them() -> None:
    world, asked = ready({"parameter": "checkout"}, "checkout", "basket")
    world.ports.stored_events.parameters["checkout"] = json.dumps(LISTED)
    execution = world.push(world.upload())
    assert execution.status == "SUCCEEDED"
    assert asked.events == [("checkout", {"order": 59}), ("basket", {"order": 59}), ("basket", 1)]
    assert [event.name for event in world.record(execution.name).test_events] == ["an order", "for one"]


def test_what_is_expected_in_a_parameter_counts() -> None:
    world, _ = ready({"parameter": "checkout"})
    world.ports.stored_events.parameters["checkout"] = json.dumps(LISTED[:1])
    Asked(world, b'{"statusCode": 404}')
    execution = world.push(world.upload())
    assert execution.error == "Rejected"
    assert "failed test event 'an order': statusCode 404, expected 2xx" in execution.cause


def test_the_events_are_those_of_the_start_whatever_becomes_of_the_parameter() -> None:
    world, asked = ready({"parameter": "checkout"})
    world.ports.stored_events.parameters["checkout"] = json.dumps(LISTED[:1])
    world.meanwhile("PublishVersion", lambda: world.ports.stored_events.parameters.clear())
    assert world.push(world.upload()).status == "SUCCEEDED"
    assert asked.events == [("checkout", {"order": 59})]


BAD: list[tuple[str | None, str]] = [
    (None, "there is no SSM parameter checkout, which is to hold the test events"),
    ("{", "test events checkout is not JSON: "),
    ("{}", "test events checkout: write a list of test events, not an object"),
    ("[]", "test events checkout: test_events: write at least 1, not 0"),
    ('["ping"]', "test events checkout: test_events[0]: write an object, not 'ping'"),
    ('[{"name": "a", "payload": NaN}]', "test events checkout: test_events[0].payload: nan is no number of JSON"),
    (
        '[{"name": "a", "payload": 1, "expect": {"payload": "a["}}]',
        "test events checkout: test_events[0].expect.payload[0]: 'a[' is not JMESPath: ",
    ),
    (
        '[{"name": "a", "payload": 1, "function": "basket"}]',
        "test events checkout: test_events[0].function: 'basket' is no member of this target",
    ),
    (
        json.dumps([{"name": "a", "payload": "x" * 100_000}]),
        "test events checkout: the test events come to 100,002 bytes; 100,000 is the most that a deployment keeps",
    ),
]


@pytest.mark.parametrize(("text", "line"), BAD, ids=[line[:60] for _, line in BAD])
def test_a_parameter_that_cannot_be_used_is_refused_before_anything_is_published(
    text: str | None, line: str
) -> None:
    world, asked = ready({"parameter": "checkout"})
    if text is not None:
        world.ports.stored_events.parameters["checkout"] = text
    execution = world.push(world.upload())
    assert execution.error == "Rejected"
    assert execution.cause.startswith(line)
    assert ("Publish" in execution.path, asked.events) == (False, [])


# ---- Shareable -----------------------------------------------------------------------------------------------


def test_all_shareable_events_of_each_member_are_asked_of_it_alone() -> None:
    world, asked = ready({"shareable": "all"}, "checkout", "basket")
    world.ports.stored_events.schemas["checkout"] = shareable(order={"order": 59}, empty=None)
    world.ports.stored_events.schemas["basket"] = shareable(basket=[1, 2.5])
    assert world.push(world.upload()).status == "SUCCEEDED"
    assert asked.events == [("checkout", {"order": 59}), ("checkout", None), ("basket", [1, 2.5])]


def test_named_shareable_events_are_asked_in_the_order_of_the_target_with_what_it_expects() -> None:
    world, asked = ready({"shareable": ["second", {"name": "first", "expect": {"status": 201}}]})
    world.ports.stored_events.schemas["checkout"] = shareable(first=1, second=2, third=3)
    execution = world.push(world.upload())
    assert asked.events == [("checkout", 2), ("checkout", 1)]
    assert "failed test event 'first': statusCode 200, expected 201" in execution.cause


SHARED: list[tuple[str | None, Any, str]] = [
    (
        None,
        "all",
        "test_events: checkout has no shareable test events; save one as shareable in the Lambda console",
    ),
    (shareable(), "all", "test_events: checkout has no shareable test events; "),
    (shareable(a=1), ["b"], "test_events: checkout has no shareable test event 'b'; save it as shareable"),
    ("{}", "all", "shareable test events of checkout: components.examples is not there; "),
    ("[]", "all", "shareable test events of checkout: components.examples is not there; "),
    ("nonsense", "all", "shareable test events of checkout is not JSON: "),
    ('{"components": {"examples": {"a": {}}}}', "all", "shareable test events of checkout: 'a' has no value; "),
    ('{"components": {"examples": {"a": 1}}}', ["a"], "shareable test events of checkout: 'a' has no value; "),
    (shareable(**{"n" * 65: 1}), "all", "shareable test events of checkout: the name 'nnn"),
    (shareable(a=1).replace("1}", "1e400}"), "all", "shareable test events: test_events[0].payload: inf is no"),
    (shareable(**{f"e{n}": n for n in range(21)}), "all", "shareable test events: 21 test events; 20 is the most"),
    (
        shareable(**{f"e{n}": "x" * 9_000 for n in range(12)}),
        "all",
        "shareable test events: the test events come to ",
    ),
]


@pytest.mark.parametrize(("content", "asked_for", "line"), SHARED, ids=range(len(SHARED)))
def test_shareable_events_that_cannot_be_used_are_refused(content: str | None, asked_for: Any, line: str) -> None:
    world, asked = ready({"shareable": asked_for})
    if content is not None:
        world.ports.stored_events.schemas["checkout"] = content
    execution = world.push(world.upload())
    assert execution.error == "Rejected"
    assert execution.cause.startswith(line)
    assert asked.events == []


def test_a_registry_that_may_not_be_read_ends_the_start() -> None:
    world, _ = ready({"shareable": "all"})
    world.fault = always("DescribeSchema", DENIED)
    execution = world.push(world.upload())
    assert execution.error == "Rejected"
    assert "not authorized" in execution.cause


# ---- How it is written ---------------------------------------------------------------------------------------

WRITTEN: list[tuple[Any, str]] = [
    ({"parameter": "A"}, "test_events.parameter: write a name of a-z, 0-9 and -, at most 50, not 'A'"),
    ({"parameters": "a"}, "test_events.parameters: unknown field; did you mean 'parameter'?"),
    ({"shareable": []}, "test_events.shareable: write at least 1, not 0"),
    ({"shareable": "some"}, "test_events.shareable: write \"all\", or a list of names, not 'some'"),
    ({"shareable": None}, 'test_events.shareable: write "all", or a list of names, not null'),
    ({"shareable": [{"nam": "a"}]}, "test_events.shareable[0].nam: unknown field; did you mean 'name'?"),
    ({"shareable": [7]}, "test_events.shareable[0]: write an object, not 7"),
    ({"shareable": "all", "parameter": "a"}, "test_events.shareable: unknown field; "),
    ({}, "test_events.parameter: this field is required"),
    ("all", "test_events: write a list, not 'all'"),
    (
        [{"name": "a", "payload": 1, "function": "basket"}],
        "test_events[0].function: 'basket' is no member of this target",
    ),
]


@pytest.mark.parametrize(("test_events", "line"), WRITTEN, ids=range(len(WRITTEN)))
def test_a_fault_in_a_reference_is_told_with_its_place(test_events: Any, line: str) -> None:
    world, _ = ready(test_events)
    with pytest.raises(InputError) as refused:
        world.ports.targets.read("checkout")
    assert line in str(refused.value)
