"""A boto3-shaped client that speaks to a model of a service directly: same names, shapes and errors, no HTTP."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape
from botocore.paginate import Paginator
from botocore.validate import validate_parameters

from rampart.embedded.wire import ApiError, Call, Service

Fault = Callable[[str, str], None]
"""Called before and after each call with its operation and the moment; what it raises, the caller sees."""


class ModelClient:
    """Stands where `boto3.client(service)` would."""

    def __init__(self, service: str, model: Service, fault: Fault | None = None) -> None:
        self._service = service
        self._model = model
        self._fault = fault or (lambda operation, moment: None)
        self._operations = {xform_name(name): name for name in _service_model(service).operation_names}

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        if name not in self._operations:
            raise AttributeError(name)
        return lambda **params: self._call(self._operations[name], params)

    def get_paginator(self, name: str) -> "Paginator[Any]":
        """Return botocore's own paginator over this client."""
        operation = self._operations[name]
        pages = Loader().load_service_model(self._service, "paginators-1")["pagination"][operation]
        return Paginator(getattr(self, name), pages, _service_model(self._service).operation_model(operation))

    def _call(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        shapes = _service_model(self._service).operation_model(operation)
        if shapes.input_shape:
            validate_parameters(params, shapes.input_shape)
        try:
            self._fault(operation, "before")
            answer = self._model.handle(Call(self._service, operation, "ASIACONTROLLER", _sent(params)))
            self._fault(operation, "after")
        except ApiError as error:
            response = {
                "Error": {"Code": error.code, "Message": error.message},
                "ResponseMetadata": {"HTTPStatusCode": error.status},
            }
            raise ClientError(response, operation) from error  # type: ignore[arg-type]
        received: dict[str, Any] = _received(answer, shapes.output_shape)
        return received


@cache
def _service_model(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


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
