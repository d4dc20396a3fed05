"""Documents: every fault is one short line with its place, whatever was written."""

import json
from typing import Any

import pytest
from pydantic import Field

from controller.core.document import Document, parse, parse_json
from controller.core.errors import InputError
from controller.core.request import Request
from controller.core.target import Target
from tests.builders import a_target_document


class _Wheel(Document):
    size: int
    spokes: int = Field(default=36, ge=1)


class _Bicycle(Document):
    colour: str
    wheels: tuple[_Wheel, ...] = ()
    saddle: _Wheel | None = None


UNKNOWN = "unknown field; known fields: colour, wheels, saddle"
SPOKE = "spoke: unknown field; did you mean 'spokes'?"


def refusal(value: Any) -> str:
    """Return what a person reads about a bicycle that cannot be used."""
    with pytest.raises(InputError) as refused:
        parse(_Bicycle, value, "bicycle")
    return str(refused.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "orders is not JSON: Expecting value at line 1 column 1"),
        ("{", "orders is not JSON: Expecting property name enclosed in double quotes at line 1 column 2"),
        ("{'a': 1}", "orders is not JSON: Expecting property name enclosed in double quotes at line 1 column 2"),
        ('{"a": 1}\n}', "orders is not JSON: Extra data at line 2 column 1"),
        ('{\n  "a": tru\n}', "orders is not JSON: Expecting value at line 2 column 8"),
        ('{"a": "b', "orders is not JSON: Unterminated string starting at line 1 column 7"),
        ('{"a" "b"}', "orders is not JSON: Expecting ':' delimiter at line 1 column 6"),
        ("version: 1", "orders is not JSON: Expecting value at line 1 column 1"),
        ("\ufeff{}", "orders is not plain JSON: save it as UTF-8 without a byte order mark"),
        ('{"🚀": }', "orders is not JSON: Expecting value at line 1 column 7"),
    ],
    ids=[
        "nothing",
        "brace",
        "quotes",
        "extra",
        "tru",
        "open string",
        "no colon",
        "yaml",
        "byte order mark",
        "emoji",
    ],
)
def test_a_text_that_is_no_json_is_refused_with_its_line_and_column(text: str, line: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_json(text, "orders")
    assert str(refused.value) == line


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, "1" * 5_000], ids=["lists", "objects", "digits"]
)
def test_a_text_that_python_cannot_hold_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InputError, match=r"^orders\b[^\n]*$"):
        parse_json(text, "orders")


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ([], "bicycle: write a JSON object, not a list"),
        (None, "bicycle: write a JSON object, not null"),
        ("red", "bicycle: write a JSON object, not 'red'"),
        (5, "bicycle: write a JSON object, not 5"),
        ("r" * 60, f"bicycle: write a JSON object, not '{'r' * 60}'"),
        ("r" * 61, f"bicycle: write a JSON object, not '{'r' * 59}…'"),
    ],
    ids=["list", "null", "text", "number", "60 characters", "long text"],
)
def test_anything_but_an_object_is_refused(value: Any, line: str) -> None:
    assert refusal(value) == line


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ({}, "bicycle: colour: this field is required"),
        ({"colour": 5}, 'bicycle: colour: write "5", in quotes, not 5'),
        ({"colour": True}, "bicycle: colour: write text, not true"),
        ({"colour": 0.5}, "bicycle: colour: write text, not 0.5"),
        ({"colour": None}, "bicycle: colour: write text, not null"),
        ({"colour": ["red"]}, "bicycle: colour: write text, not a list"),
        ({"colour": {"r": 1}}, "bicycle: colour: write text, not an object"),
        ({"colour": "red", "bell": 1}, "bicycle: bell: unknown field; known fields: colour, wheels, saddle"),
        ({"colour": "red", "wheel": []}, "bicycle: wheel: unknown field; did you mean 'wheels'?"),
        ({"colour": "red", "🚲": 1}, "bicycle: 🚲: unknown field; known fields: colour, wheels, saddle"),
        ({"colour": "red", "wheels": [{"size": 28}, {}]}, "bicycle: wheels[1].size: this field is required"),
        (
            {"colour": "red", "wheels": [{"size": 28, "spoke": 1}]},
            "bicycle: wheels[0].spoke: unknown field; did you mean 'spokes'?",
        ),
        (
            {"colour": "red", "saddle": {"size": 1, "leather": True}},
            "bicycle: saddle.leather: unknown field; known fields: size, spokes",
        ),
        (
            {"colour": "red", "wheels": [{"size": 28, "spokes": 0}]},
            "bicycle: wheels[0].spokes: input should be greater than or equal to 1, not 0",
        ),
        ({"wheels": 2, "saddle": "x"}, "bicycle: colour: this field is required (and 2 more)"),
    ],
    ids=[
        "missing",
        "number",
        "truth value",
        "fraction",
        "null",
        "list",
        "object",
        "unknown",
        "close",
        "emoji",
        "missing in a list",
        "unknown in a list",
        "unknown nested",
        "too small",
        "three faults",
    ],
)
def test_a_fault_is_told_with_its_path(value: Any, line: str) -> None:
    assert refusal(value) == line


def test_a_field_that_stands_twice_is_refused_wherever_it_does() -> None:
    for text in ('{"alarms": ["errors"], "x": 1, "alarms": []}', '[{"a": {"alarms": 1, "alarms": 1}}]'):
        with pytest.raises(InputError) as refused:
            parse_json(text, "target orders")
        assert str(refused.value) == "target orders: field 'alarms' stands twice in one object; keep one"
    assert parse_json('[{"a": 1}, {"a": 2}]', "list") == [{"a": 1}, {"a": 2}]


def test_a_list_is_not_too_short_because_its_only_item_is_at_fault() -> None:
    document = a_target_document(name="orders", members=[{"function": "orders", "alias": 5}])
    with pytest.raises(InputError) as refused:
        parse(Target, document, "target orders")
    assert str(refused.value) == 'target orders: members[0].alias: write "5", in quotes, not 5'


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ({"colour": "red", "wheels": 2, "bell": 1}, f"bell: {UNKNOWN} (and 1 more)"),
        ({"bell": 1, "saddle": "x"}, f"bell: {UNKNOWN} (and 2 more)"),
        ({"colour": "red", "wheels": [{"size": "x", "spoke": 1}]}, f"wheels[0].{SPOKE} (and 1 more)"),
        ({"colour": 5, "wheels": [{"size": 28, "spoke": 1}]}, f"wheels[0].{SPOKE} (and 1 more)"),
    ],
    ids=["beside another", "beside a missing one", "in the same object", "deeper than another"],
)
def test_a_misspelt_field_is_told_before_every_other_fault(value: Any, line: str) -> None:
    assert refusal(value) == f"bicycle: {line}"


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ({"color": "red"}, "color: unknown field; did you mean 'colour'?"),
        ({"colour": "red", "wheels": [{"sizes": 28}]}, "wheels[0].sizes: unknown field; did you mean 'size'?"),
    ],
    ids=["at the top", "in a list"],
)
def test_a_field_that_is_missing_because_it_is_misspelt_is_one_fault(value: Any, line: str) -> None:
    assert refusal(value) == f"bicycle: {line}"


@pytest.mark.parametrize("name", ["a\nb", "a\rb", "a\u2028b"], ids=ascii)
def test_a_line_is_one_line_whatever_a_field_is_called(name: str) -> None:
    assert len(refusal({"colour": "red", name: 1}).splitlines()) == 1


@pytest.mark.parametrize("name", ["<x>", "<name>", "<steps>", "a.b", "0", " "], ids=ascii)
def test_an_unknown_field_is_shown_as_it_was_written(name: str) -> None:
    assert refusal({"colour": "red", name: 1}) == (
        f"bicycle: {name}: unknown field; known fields: colour, wheels, saddle"
    )


HUGE = "x" * 100_000
LARGE = 10**4_000  # Python reads integers of up to 4,300 digits


@pytest.mark.parametrize(
    "document",
    [
        a_target_document(strategy=HUGE),
        a_target_document(strategy={"steps": [{"weight": HUGE, "bake": "1m"}]}),
        a_target_document(strategy={"steps": [{"weight": "10%", "bake": HUGE}]}),
        a_target_document(max_hold=HUGE),
        a_target_document(**{HUGE: 1}),
        a_target_document(members=[{"function": HUGE}]),
        a_target_document(source=HUGE),
        a_target_document(version=HUGE),
        a_target_document(source={"bucket": LARGE, "key": "*"}),
        a_target_document(max_hold=LARGE),
        a_target_document(strategy=LARGE),
    ],
    ids=[
        "strategy",
        "weight",
        "bake",
        "duration",
        "field name",
        "function",
        "object",
        "literal",
        "number for text",
        "number for a duration",
        "number for a strategy",
    ],
)
def test_a_line_stays_short_however_long_the_fault_is(document: dict[str, Any]) -> None:
    with pytest.raises(InputError) as refused:
        parse(Target, document | {"name": "orders"}, "target orders")
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize("value", [True, False, None], ids=["true", "false", "null"])
def test_a_value_is_shown_as_json_spells_it(value: bool | None) -> None:
    spelt = json.dumps(value)
    with pytest.raises(InputError) as refused:
        parse(Request, {"target": value, "version": "3"}, "execution input")
    assert str(refused.value).endswith(f", not {spelt}")
    with pytest.raises(InputError) as refused:
        parse(Target, a_target_document(name="orders", max_hold=value), "target orders")
    assert str(refused.value).endswith(f", not {spelt}")
