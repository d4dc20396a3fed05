"""Function URLs: only their records; nobody calls a function through them here.

Follows the Lambda developer guide, "Creating and managing Lambda function URLs": a URL belongs to $LATEST or to an
alias, never to a version, and the permission to call it is one of its own.
"""

from collections.abc import Mapping
from typing import Any

from rampart.embedded.aws_lambda.state import LambdaState, function_arn, iso_time
from rampart.embedded.wire import REGION, ApiError


class Urls:
    """The operations on function URLs."""

    def __init__(self, state: LambdaState) -> None:
        self._state = state

    def create(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """CreateFunctionUrlConfig, for $LATEST or an alias."""
        with self._state.lock:
            record, qualifier = self._state.locate(params)
            self._state.shown(record, qualifier)
            arn = function_arn(record.name, qualifier)
            if arn in self._state.urls:
                message = (
                    f"Failed to create function url config for [functionArn = {arn}]. Error message:  "
                    "FunctionUrlConfig exists for this Lambda function"
                )
                raise ApiError("ResourceConflictException", message, 409)
            now = iso_time(self._state.clock.now())
            self._state.urls[arn] = {
                "FunctionUrl": f"https://{self._state.new_id()}.lambda-url.{REGION}.on.aws/",
                "FunctionArn": arn,
                "AuthType": params["AuthType"],
                "CreationTime": now,
                "LastModifiedTime": now,
                "InvokeMode": "BUFFERED",
            }
            created = dict(self._state.urls[arn])
            return {name: value for name, value in created.items() if name != "LastModifiedTime"}

    def list_configs(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """ListFunctionUrlConfigs: those of a function and of its aliases."""
        with self._state.lock:
            record = self._state.locate_unqualified(params)
            own = function_arn(record.name)
            rows = [
                (arn, dict(config))
                for arn, config in sorted(self._state.urls.items())
                if arn == own or arn.startswith(f"{own}:")
            ]
            return self._state.page(rows, params, "FunctionUrlConfigs")
