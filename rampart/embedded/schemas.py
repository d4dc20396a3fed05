"""EventBridge's schema registry: as much of it as keeps the shareable test events of Lambda's console.

EventBridge Schema Registry API reference: CreateRegistry, CreateSchema, DescribeSchema, UpdateSchema.
"""

import re
import threading
from typing import Any

from rampart.embedded import shapes
from rampart.embedded.wire import ACCOUNT, REGION, ApiError, Call

_PARAMETERS: dict[str, frozenset[str]] = {
    "CreateRegistry": frozenset({"RegistryName"}),
    "CreateSchema": frozenset({"RegistryName", "SchemaName", "Type", "Content"}),
    "DescribeSchema": frozenset({"RegistryName", "SchemaName"}),
    "UpdateSchema": frozenset({"RegistryName", "SchemaName", "Content"}),
}
# API reference: a registry's name has at most 64 characters, a schema's at most 385, of these.
_NAME = re.compile(r"[0-9A-Za-z._@-]+")
_LONGEST = {"RegistryName": 64, "SchemaName": 385}


class SchemasModel:
    """Registries and the latest version of each of their schemas."""

    def __init__(self) -> None:
        self._registries: dict[str, dict[str, tuple[str, int]]] = {}
        self._lock = threading.Lock()

    def handle(self, call: Call) -> dict[str, Any]:
        """Carry out one call."""
        if call.operation not in _PARAMETERS:
            raise ApiError("NotImplementedException", f"The embedded AWS has no schemas:{call.operation}.", 501)
        shapes.check(call, _PARAMETERS[call.operation])
        for name, longest in _LONGEST.items():
            value = call.params.get(name)
            if value is not None and (len(value) > longest or not _NAME.fullmatch(value)):
                raise ApiError("BadRequestException", f"{name} is not valid: {value}", 400)
        registry = call.params["RegistryName"]
        with self._lock:
            if call.operation == "CreateRegistry":
                return self._create_registry(registry)
            if registry not in self._registries:
                raise ApiError("NotFoundException", f"Registry with name {registry} does not exist.", 404)
            return self._of_schema(call, self._registries[registry])

    def _create_registry(self, registry: str) -> dict[str, Any]:
        if registry in self._registries:
            raise ApiError("ConflictException", f"Registry with name {registry} already exists.", 409)
        self._registries[registry] = {}
        arn = f"arn:aws:schemas:{REGION}:{ACCOUNT}:registry/{registry}"
        return {"RegistryName": registry, "RegistryArn": arn}

    def _of_schema(self, call: Call, schemas: dict[str, tuple[str, int]]) -> dict[str, Any]:
        registry, name = call.params["RegistryName"], call.params["SchemaName"]
        is_new = call.operation == "CreateSchema"
        if is_new and name in schemas:
            raise ApiError("ConflictException", f"Schema with name {name} already exists.", 409)
        if not is_new and name not in schemas:
            raise ApiError("NotFoundException", f"Schema with name {name} does not exist.", 404)
        if "Content" in call.params:
            schemas[name] = call.params["Content"], 1 if is_new else schemas[name][1] + 1
        content, version = schemas[name]
        told = {
            "SchemaName": name,
            "SchemaArn": f"arn:aws:schemas:{REGION}:{ACCOUNT}:schema/{registry}/{name}",
            "SchemaVersion": str(version),
            "Type": "OpenApi3",
        }
        return told | {"Content": content} if call.operation == "DescribeSchema" else told
