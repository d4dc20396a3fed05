"""Checks the parameters of a call against the API model that botocore carries for its operation."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape

from rampart.embedded.wire import ApiError, Call

_TYPES: dict[str, type | tuple[type, ...]] = {
    "structure": Mapping,
    "map": Mapping,
    "list": (list, tuple),
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "blob": (bytes, bytearray),
}
_NUMBERS = frozenset({"integer", "long", "float", "double"})


def check(call: Call, supported: frozenset[str]) -> None:
    """Raise ApiError unless every parameter is in `supported` and satisfies the operation's API model."""
    unsupported = sorted(set(call.params) - supported)
    if unsupported:
        raise ApiError(
            "NotImplementedException",
            f"{call.operation}: the embedded AWS does not support the parameter {', '.join(unsupported)}.",
            501,
        )
    shape = _input_shape(call.service, call.operation)
    errors = list(_violations(shape, call.params, "")) if shape else []
    if errors:
        plural = "error" if len(errors) == 1 else "errors"
        raise ApiError("ValidationException", f"{len(errors)} validation {plural} detected: {'; '.join(errors)}")


@cache
def _service_model(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


@cache
def _input_shape(service: str, operation: str) -> StructureShape | None:
    return _service_model(service).operation_model(operation).input_shape


def _violations(shape: Shape, value: Any, path: str) -> Iterator[str]:
    expected = _TYPES.get(shape.type_name)
    is_bool_number = isinstance(value, bool) and shape.type_name in _NUMBERS
    if expected and (is_bool_number or not isinstance(value, expected)):
        yield _violation(value, path, f"Member must be of type {shape.type_name}")
    elif isinstance(shape, StructureShape):
        yield from _structure_violations(shape, value, path)
    elif isinstance(shape, ListShape):
        yield from _size_violations(shape, len(value), value, path)
        for index, item in enumerate(value, 1):
            yield from _violations(shape.member, item, f"{path}.{index}.member")
    elif isinstance(shape, MapShape):
        for key, item in value.items():
            yield from _violations(shape.key, key, path)
            yield from _violations(shape.value, item, path)
    elif shape.type_name == "string":
        yield from _string_violations(shape, value, path)
    elif shape.type_name in _NUMBERS:
        yield from _range_violations(shape, value, path)


def _structure_violations(shape: StructureShape, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield _violation("null", _join(path, name), "Member must not be null")
    for name, item in value.items():
        if name not in shape.members:
            yield _violation(item, _join(path, name), "Member is unknown")
        elif item is not None:
            yield from _violations(shape.members[name], item, _join(path, name))


def _string_violations(shape: Shape, value: str, path: str) -> Iterator[str]:
    yield from _size_violations(shape, len(value), value, path)
    choices = list(getattr(shape, "enum", ()))
    if choices and value not in choices:
        yield _violation(value, path, f"Member must satisfy enum value set: [{', '.join(choices)}]")
    pattern = shape.metadata.get("pattern")
    if pattern and not _compiled(pattern).fullmatch(value):
        yield _violation(value, path, f"Member must satisfy regular expression pattern: {pattern}")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of Java's; its letters and numbers are Python's \\w, its separators \\s."""
    for java, python in ((r"\p{L}", r"\w"), (r"\p{N}", r"\w"), (r"\p{Z}", r"\s")):
        pattern = pattern.replace(java, python)
    return re.compile(pattern)


def _size_violations(shape: Shape, size: int, value: Any, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield _violation(value, path, f"Member must have length greater than or equal to {least}")
    if most is not None and size > most:
        yield _violation(value, path, f"Member must have length less than or equal to {most}")


def _range_violations(shape: Shape, value: float, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and not value >= least:
        yield _violation(value, path, f"Member must have value greater than or equal to {least}")
    if most is not None and not value <= most:
        yield _violation(value, path, f"Member must have value less than or equal to {most}")


def _join(path: str, name: str) -> str:
    member = name[:1].lower() + name[1:]
    return f"{path}.{member}" if path else member


def _violation(value: object, path: str, constraint: str) -> str:
    return f"Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"
