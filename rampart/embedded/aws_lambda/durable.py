"""Durable executions: only their records. No code is replayed here; a test says what is under way.

Follows the Lambda developer guide, "Lambda durable functions", and the API's ListDurableExecutionsByFunction.
"""

from collections.abc import Mapping
from typing import Any

from rampart.embedded.aws_lambda.state import LATEST, LambdaState, function_arn
from rampart.embedded.wire import ApiError


class Durable:
    """The operations on durable executions."""

    def __init__(self, state: LambdaState) -> None:
        self._state = state

    def begin(self, function: str, version: str, status: str = "RUNNING") -> str:
        """Let an execution of a version be under way, and return its ARN; raises ApiError if it cannot."""
        with self._state.lock:
            record = self._state.function(function, version)
            found = self._state.version(record, version)
            if "DurableConfig" not in found.settings:
                message = f"Function {function_arn(function)} is not a durable function."
                raise ApiError("InvalidParameterValueException", message)
            name = self._state.new_id()
            arn = f"{function_arn(function, version)}/durable-execution/{name}/{self._state.new_id()}"
            self._state.durable_executions[arn] = {
                "DurableExecutionArn": arn,
                "DurableExecutionName": name,
                "FunctionArn": function_arn(function, version),
                "Status": status,
                "StartTimestamp": self._state.clock.now(),
            }
            return arn

    def end(self, arn: str) -> None:
        """Let an execution have succeeded."""
        with self._state.lock:
            ended = {"Status": "SUCCEEDED", "EndTimestamp": self._state.clock.now()}
            self._state.durable_executions[arn] |= ended

    def list_executions(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """ListDurableExecutionsByFunction: of one version or alias, or of all; with some statuses, or with any."""
        with self._state.lock:
            record, qualifier = self._state.locate(params)
            shown = self._state.shown(record, qualifier) if qualifier else None
            function = function_arn(record.name)
            wanted = function_arn(record.name, shown.version or LATEST) if shown else None
            rows = [
                (arn, dict(execution))
                for arn, execution in sorted(self._state.durable_executions.items())
                if execution["FunctionArn"].startswith(f"{function}:")
                and wanted in (None, execution["FunctionArn"])
                and execution["Status"] in params.get("Statuses", [execution["Status"]])
            ]
            return self._state.page(rows, params, "DurableExecutions")
