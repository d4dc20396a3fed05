"""The reference of a target's document: its schema takes what Rampart takes, and its page shows every field."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import AfterValidator

from controller.core.errors import InputError
from controller.core.target import Member, Target, parse_target
from rampart.reference.page import DocumentError
from rampart.reference.said import must_say
from rampart.reference.target_page import EXAMPLES, fields
from rampart.reference.target_schema import WRITTEN, models, schema
from tests.builders import a_target_document
from tests.sam_template import ROOT

SCHEMA = json.loads((ROOT / "docs/target.schema.json").read_text())
SHOWN = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / EXAMPLES).glob("*.json"))}
Place = tuple[str | int, ...]


def is_valid(document: Any) -> bool:
    """Say whether the published schema lets a document through."""
    return Draft202012Validator(SCHEMA).is_valid(document)


def refusal(document: Any) -> str:
    """Return why Rampart does not read a document; "" when it does."""
    try:
        parse_target(document.get("name", "example"), json.dumps(document), "it")
    except InputError as refused:
        return str(refused)
    return ""


def test_the_published_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_examples_are_valid_and_read() -> None:
    assert len(SHOWN) >= 5
    assert [name for name, document in SHOWN.items() if refusal(document) or not is_valid(document)] == []


@pytest.mark.parametrize("page", ["README.md", "docs/judging.md", "docs/verification.md", "docs/deploying.md"])
def test_what_the_pages_show_of_targets_is_valid(page: str) -> None:
    text = (ROOT / page).read_text()
    whole = [json.loads(each) for each in re.findall(r"--value '(\{.*?\n\})'", text, re.DOTALL)]
    parts = [json.loads(f"{{{each}}}") for each in re.findall(r'^```(?:json)?\n("(?:.|\n)*?)^```', text, re.M)]
    assert whole or parts
    for document in (*whole, *(a_target_document(**part) for part in parts)):
        faults = [error.message for error in Draft202012Validator(SCHEMA).iter_errors(document)]
        assert faults == []
        assert refusal(document) == ""


def places(document: Any, here: Place = ()) -> Iterator[Place]:
    """Yield the place of everything in a document."""
    yield here
    inner = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    for key, value in inner:
        yield from places(value, (*here, key))


def changed(document: Any, place: Place, value: Any) -> Any:
    """Return a document with another value at a place."""
    if not place:
        return value
    copied = copy.deepcopy(document)
    around = copied
    for key in place[:-1]:
        around = around[key]
    around[place[-1]] = value
    return copied


A_METRIC = {"namespace": "Shop", "name": "Lost", "version_dimension": "Version"}
ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    "",
    "x" * 300,
    "5m",
    "10%",
    "0%",
    "101%",
    "guarded",
    "Linear0Percent",
    {},
    [],
    {"odd": 1},
    -1,
    0.5,
)


BEYOND: dict[str, dict[str, Any]] = {
    "does not ascend": {"strategy": {"steps": [{"weight": "5%", "bake": "1m"}, {"weight": "5%", "bake": "1m"}]}},
    "write a time zone such as": {"freeze": [{"cron": "0 16 * * FRI", "lasts": "1d", "time_zone": "Mars"}]},
    "is a member already": {"members": [{"function": "a"}, {"function": "a"}]},
    "is named already": {"alarms": ["a", "a"]},
    "a hook may take from": {"hooks": [{"function": "a", "at": "before_traffic", "timeout": "0s"}]},
    "may be held for 1d at most": {"max_hold": "2d"},
    "the guarded strategy goes by it": {"strategy": "guarded", "comparison": False},
    "whole minutes": {"rules": [{"metric": "throttles", "above": 3, "over": "90s"}]},
    "is no member of this target": {"rules": [{"metric": {**A_METRIC, "function": "b"}, "above": 3}]},
    "is not JMESPath": {"test_events": [{"name": "a", "payload": 1, "expect": {"payload": "a["}}]},
    "there is no function": {"test_events": [{"name": "a", "payload": 1, "expect": {"payload": "f(a)"}}]},
    "no record can keep": {"test_events": [{"name": "a", "payload": json.loads("[" * 30 + "]" * 30)}]},
    "say which member's": {
        "members": [{"function": "a"}, {"function": "b"}],
        "rules": [{"metric": A_METRIC, "above": 3}],
    },
}
"""What only the command can say, since it is about several fields or a long list, each with what has the fault."""


@pytest.mark.parametrize("because", BEYOND)
def test_what_only_the_command_can_say_is_valid_all_the_same(because: str) -> None:
    document = a_target_document(**BEYOND[because])
    assert is_valid(document)
    assert because in refusal(document)


@pytest.mark.parametrize("name", SHOWN)
def test_whatever_stands_anywhere_is_valid_just_when_it_is_read(name: str) -> None:
    document = SHOWN[name]
    tried = 0
    for place in places(document):
        if not place or "payload" in place or place == ("name",):
            continue
        for odd in ODD:
            other = changed(document, place, odd)
            tried += 1
            fault = refusal(other)
            assert is_valid(other) == (not fault or any(known in fault for known in BEYOND)), (place, odd)
    assert tried > 100


@pytest.mark.parametrize("value", ["strategy-name", "duration", "percentage"])
@given(data=st.data())
def test_how_a_value_is_written_is_the_same_in_schema_and_code(value: str, data: st.DataObject) -> None:
    field = {"strategy-name": "strategy", "duration": "final_bake", "percentage": "percentage"}[value]
    text = data.draw(st.from_regex(WRITTEN[value]["pattern"].replace("$)", r"\Z)")[:-1] + r"\Z", fullmatch=True))
    one = {"steps": [{"weight": text, "bake": "1m"}]}
    document = a_target_document(**({"strategy": one} if field == "percentage" else {field: text}))
    assert is_valid(document)
    assert refusal(document) == ""


def test_a_field_without_a_description_is_named() -> None:
    with pytest.raises(
        DocumentError, match=r"^controller/core/target.py: Member.unsaid does not say what it means"
    ):
        must_say(Member, ["function", "unsaid"])


def test_every_field_and_choice_says_what_it_means() -> None:
    for model in models().values():
        assert must_say(model, list(model.model_fields)).keys() == model.model_fields.keys()


def test_a_field_that_no_example_shows_is_named(tmp_path: Path) -> None:
    folder = tmp_path / EXAMPLES
    folder.mkdir(parents=True)
    (folder / "orders.json").write_text(json.dumps(a_target_document()))
    with pytest.raises(DocumentError, match=f"^{EXAMPLES}: no document shows name of Target; add it to one$"):
        fields(tmp_path)


def test_a_reader_of_values_that_nobody_has_thought_of_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def odd(value: Any) -> Any:
        return value

    class Later(Target):
        later: Annotated[int, AfterValidator(odd)] = 1

    monkeypatch.setattr("rampart.reference.target_schema.Target", Later)
    with pytest.raises(
        DocumentError, match=r"odd reads a target's field: say in rampart/reference/target_schema.py"
    ):
        schema()
