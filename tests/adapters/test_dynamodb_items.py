"""The typed form of DynamoDB, held against boto3's own: what one writes, the other reads."""

from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from controller.adapters.dynamodb_items import from_dynamodb, to_dynamodb

NUMBERS = st.integers(-(10**15), 10**15) | st.floats(1e-100, 1e15)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.text() | NUMBERS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
ITEMS = st.dictionaries(st.text(), PLAIN | st.frozensets(st.text(), min_size=1))


def exact(value: Any) -> Any:
    """Return a value with every number as boto3 wants and returns it."""
    match value:
        case bool():
            return value
        case int() | float():
            return Decimal(str(value))
        case dict():
            return {name: exact(inner) for name, inner in value.items()}
        case list():
            return [exact(inner) for inner in value]
    return value


@given(ITEMS)
def test_what_is_written_is_what_boto3_reads(item: dict[str, Any]) -> None:
    read = TypeDeserializer().deserialize
    assert {name: read(value) for name, value in to_dynamodb(item).items()} == exact(item)


@given(ITEMS)
def test_what_boto3_writes_is_read_as_it_was(item: dict[str, Any]) -> None:
    write = TypeSerializer().serialize
    assert from_dynamodb({name: write(exact(value)) for name, value in item.items()}) == item


def test_a_number_without_a_fraction_is_whole() -> None:
    numbers = from_dynamodb({"n": {"L": [{"N": "2"}, {"N": "2.0"}, {"N": "2.5"}]}})["n"]
    assert [type(number) for number in numbers] == [int, int, float]


def test_a_tuple_is_a_list_in_the_table_and_what_has_no_form_there_is_refused() -> None:
    assert to_dynamodb({"versions": ("1", "2")}) == {"versions": {"L": [{"S": "1"}, {"S": "2"}]}}
    with pytest.raises(TypeError, match="bytes"):
        to_dynamodb({"code": b"zip"})
