"""What moto does at length, done in short and with the same result.

For each value of an item in an answer of DynamoDB moto asks for each of the ten types that it could have, under up
to six names each; and it parses a state machine's definition anew for each of its executions.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from rampart.embedded.moto_names import need, replaceable

STRUCTURE = replaceable("moto.core.serialize", "BaseJSONSerializer", "_serialize_type_structure")
"""What is replaced by `serialize_structure`."""
PARSE = replaceable("moto.stepfunctions.parser.asl.parse.asl_parser", "AmazonStateLanguageParser", "parse")
"""What is replaced by `parse`."""

_serialize_structure = getattr(*STRUCTURE)
_parse = getattr(*PARSE)
_Preprocessor = need("moto.stepfunctions.parser.asl.parse.preprocessor", "Preprocessor")
need("moto.core.serialize", "BaseJSONSerializer.get_serialized_name")
need("moto.core.serialize", "BaseJSONSerializer._serialize")


def serialize_structure(serializer: Any, serialized: dict[str, Any], value: Any, shape: Any, key: str) -> None:
    """Serialize a structure as moto does; of a value of DynamoDB's only the type that it has."""
    if not (key and shape.name == "AttributeValue" and _is_typed(value, shape.members)):
        _serialize_structure(serializer, serialized, value, shape, key)
        return
    wrapper: dict[str, Any] = {}
    for name, member in value.items():
        if member is not None:
            serializer._serialize(wrapper, member, shape.members[name], name)
    serialized[serializer.get_serialized_name(shape, key)] = wrapper


def _is_typed(value: Any, types: Mapping[str, Any]) -> bool:
    return type(value) is dict and value.keys() <= types.keys()


def parse(definition: str) -> tuple[Any, Any]:
    """Return the program of a definition, made anew, and its syntax tree, which nobody changes."""
    tree = _tree(definition)
    return _Preprocessor().visit(tree), tree


@lru_cache(maxsize=16)
def _tree(definition: str) -> Any:
    return _parse(definition)[1]
