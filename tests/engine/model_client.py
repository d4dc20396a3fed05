"""A boto3-shaped client that speaks to a model of a service directly: same names, shapes and errors, no HTTP."""

import io
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.paginate import Paginator
from botocore.validate import validate_parameters

from rampart.embedded.wire import ApiError, Call, Service
from tests.engine.points import Operation, Point, client_error, signalled


def no_point(operation: str, moment: str) -> None:
    """Let nothing happen at a call."""


class ModelClient:
    """Stands where `boto3.client(service)` would."""

    def __init__(self, service: str, model: Service, point: Point = no_point) -> None:
        self._service = service
        self._model = model
        self._point = point

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        operation = _operations(self._service).get(name)
        if operation is None:
            raise AttributeError(name)
        return lambda **params: self._call(operation, params)

    def get_paginator(self, name: str) -> "Paginator[Any]":
        """Return botocore's own paginator over this client."""
        operation = _operations(self._service)[name]
        return Paginator(getattr(self, name), _pages(self._service)[operation.name], operation)

    def _call(self, operation: OperationModel, params: dict[str, Any]) -> dict[str, Any]:
        if operation.input_shape:
            validate_parameters(params, operation.input_shape)
        this = Operation(operation.name)
        signalled(this, "before", self._point)
        try:
            answer = self._model.handle(Call(self._service, operation.name, "ASIACONTROLLER", _sent(params)))
        except ApiError as error:
            raise client_error(error, operation.name) from error
        signalled(this, "after", self._point)
        received: dict[str, Any] = _received(answer, operation.output_shape)
        return received


@cache
def _service_model(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


@cache
def _operations(service: str) -> Mapping[str, OperationModel]:
    model = _service_model(service)
    return {xform_name(name): model.operation_model(name) for name in model.operation_names}


@cache
def _pages(service: str) -> dict[str, Any]:
    pages: dict[str, Any] = Loader().load_service_model(service, "paginators-1")["pagination"]
    return pages


def _sent(value: Any) -> Any:
    match value:
        case datetime():
            return value.timestamp()
        case dict():
            return {name: _sent(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_sent(inner) for inner in value]
        case _:
            return value


def _received(value: Any, shape: Shape | None) -> Any:
    kind = shape.type_name if shape else ""
    if kind == "structure" and isinstance(value, dict):
        members = shape.members  # type: ignore[union-attr]
        return {name: _received(inner, members.get(name)) for name, inner in value.items()}
    if kind == "list":
        return [_received(inner, shape.member) for inner in value]  # type: ignore[union-attr]
    if kind == "timestamp" and isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    if kind == "blob" and isinstance(value, bytes):
        return io.BytesIO(value)
    return value
