"""Provisioned concurrency: what was asked for a version or an alias; allocating it takes no time here."""

from collections.abc import Mapping
from typing import Any

from rampart.embedded.aws_lambda.state import FunctionRecord, LambdaState, function_arn, iso_time
from rampart.embedded.wire import ApiError


class Provisioned:
    """The operations on provisioned concurrency."""

    def __init__(self, state: LambdaState) -> None:
        self._state = state

    def put(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """PutProvisionedConcurrencyConfig, for a version or an alias that is not split.

        Source: Lambda developer guide, "Configuring provisioned concurrency for a function".
        """
        with self._state.lock:
            record, qualifier = self._located(params)
            alias = record.aliases.get(qualifier)
            if alias and alias.weights:
                message = (
                    "Provisioned Concurrency Configs cannot be applied to an alias with a routing configuration."
                )
                raise ApiError("ResourceConflictException", message, 409)
            if self._state.shown(record, qualifier).applies_snap_start:
                message = "Provisioned Concurrency is not supported on functions with SnapStart enabled."
                raise ApiError("InvalidParameterValueException", message)
            record.provisioned[qualifier] = params["ProvisionedConcurrentExecutions"]
            return self._shown(record, qualifier)

    def list_configs(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """ListProvisionedConcurrencyConfigs."""
        with self._state.lock:
            record = self._state.locate_unqualified(params)
            rows = [
                (qualifier, {**self._shown(record, qualifier), "FunctionArn": function_arn(record.name, qualifier)})
                for qualifier in sorted(record.provisioned)
            ]
            return self._state.page(rows, params, "ProvisionedConcurrencyConfigs")

    def delete(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """DeleteProvisionedConcurrencyConfig."""
        with self._state.lock:
            record, qualifier = self._located(params)
            record.provisioned.pop(qualifier, None)
            return {}

    def _located(self, params: Mapping[str, Any]) -> tuple[FunctionRecord, str]:
        record, qualifier = self._state.locate(params)
        if self._state.shown(record, qualifier).version == "$LATEST" or qualifier is None:
            message = "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
            raise ApiError("InvalidParameterValueException", message)
        return record, qualifier

    def _shown(self, record: FunctionRecord, qualifier: str) -> dict[str, Any]:
        wanted = record.provisioned[qualifier]
        return {
            "RequestedProvisionedConcurrentExecutions": wanted,
            "AvailableProvisionedConcurrentExecutions": wanted,
            "AllocatedProvisionedConcurrentExecutions": wanted,
            "Status": "READY",
            "LastModified": iso_time(self._state.clock.now()),
        }
