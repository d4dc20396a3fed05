"""Aliases and their weights."""

from collections.abc import Mapping
from typing import Any

from rampart.embedded.aws_lambda.state import (
    LATEST,
    Alias,
    FunctionRecord,
    LambdaState,
    function_arn,
    require_revision,
)
from rampart.embedded.wire import ApiError


class Aliases:
    """The operations on aliases."""

    def __init__(self, state: LambdaState) -> None:
        self._state = state

    def create(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """CreateAlias."""
        with self._state.lock:
            record = self._state.locate_unqualified(params)
            name = params["Name"]
            if name in record.aliases:
                message = f"Alias already exists: {function_arn(record.name, name)}"
                raise ApiError("ResourceConflictException", message, 409)
            alias = Alias(
                name=name,
                version=params["FunctionVersion"],
                weights=_weights(params),
                description=params.get("Description", ""),
                revision_id=self._state.new_id(),
            )
            return self._store(record, alias)

    def get(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """GetAlias."""
        with self._state.lock:
            record = self._state.locate_unqualified(params)
            return _shown(record, self._alias(record, params["Name"]))

    def update(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """UpdateAlias: members that are not given stay, the weights among them."""
        with self._state.lock:
            record = self._state.locate_unqualified(params)
            before = self._alias(record, params["Name"])
            require_revision(params.get("RevisionId"), before.revision_id)
            alias = Alias(
                name=before.name,
                version=params.get("FunctionVersion", before.version),
                weights=_weights(params) if "RoutingConfig" in params else before.weights,
                description=params.get("Description", before.description),
                revision_id=self._state.new_id(),
            )
            return self._store(record, alias)

    def delete(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """DeleteAlias: an alias that does not exist is as good as deleted."""
        with self._state.lock:
            record = self._state.locate_unqualified(params)
            record.aliases.pop(params["Name"], None)
            record.event_invoke.pop(params["Name"], None)
            record.provisioned.pop(params["Name"], None)
            record.policies.pop(params["Name"], None)
            return {}

    def list_aliases(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """ListAliases: with FunctionVersion, "only list aliases that invoke that version"."""
        with self._state.lock:
            record = self._state.locate_unqualified(params)
            wanted = params.get("FunctionVersion")
            rows = [
                (name, _shown(record, alias))
                for name, alias in sorted(record.aliases.items())
                if wanted is None or wanted in alias.versions
            ]
            return self._state.page(rows, params, "Aliases")

    def _alias(self, record: FunctionRecord, name: str) -> Alias:
        alias = record.aliases.get(name)
        if alias is None:
            message = f"Cannot find alias arn: {function_arn(record.name, name)}"
            raise ApiError("ResourceNotFoundException", message, 404)
        return alias

    def _store(self, record: FunctionRecord, alias: Alias) -> dict[str, Any]:
        self._check(record, alias)
        record.aliases[alias.name] = alias
        return _shown(record, alias)

    def _check(self, record: FunctionRecord, alias: Alias) -> None:
        """Hold an alias against the rules of Lambda developer guide: Implement Lambda canary deployments."""
        primary = self._state.version(record, alias.version)
        for other_version in alias.weights:
            if alias.version == LATEST:
                raise _invalid("$LATEST is not supported for an alias pointing to more than 1 version")
            if other_version == alias.version:
                raise _invalid(
                    f"Invalid function version {alias.version}. Function version {alias.version} is "
                    "already included in routing configuration."
                )
            other = self._state.version(record, other_version)
            if other.settings["Role"] != primary.settings["Role"]:
                raise _invalid("Specified versions must be associated with the same execution role")
            if other.dead_letter_target != primary.dead_letter_target:
                raise _invalid("Specified versions must be associated with the same dead-letter configuration")


def _weights(params: Mapping[str, Any]) -> dict[str, float]:
    weights = dict(params.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}))
    if len(weights) > 1:
        raise _invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
    return weights


def _shown(record: FunctionRecord, alias: Alias) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "AliasArn": function_arn(record.name, alias.name),
        "Name": alias.name,
        "FunctionVersion": alias.version,
        "Description": alias.description,
        "RevisionId": alias.revision_id,
    }
    if alias.weights:
        shown["RoutingConfig"] = {"AdditionalVersionWeights": dict(alias.weights)}
    return shown


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterValueException", message)
