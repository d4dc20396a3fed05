"""Event source mappings: only their records; what polls the sources reads them here."""

from collections.abc import Mapping
from typing import Any

from rampart.embedded.aws_lambda.state import LambdaState, function_arn
from rampart.embedded.wire import ACCOUNT, REGION, ApiError

_KEPT = (
    "BatchSize",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "EventSourceArn",
    "FilterCriteria",
    "FunctionResponseTypes",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "ScalingConfig",
    "StartingPosition",
)
# Lambda API: CreateEventSourceMapping, which members are for Kinesis and DynamoDB streams only.
_STREAM_ONLY = (
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "StartingPosition",
)
_STREAM_DEFAULTS: dict[str, Any] = {
    "BatchSize": 100,
    "BisectBatchOnFunctionError": False,
    "DestinationConfig": {"OnFailure": {}},
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "ParallelizationFactor": 1,
}


class EventSources:
    """The operations on event source mappings."""

    def __init__(self, state: LambdaState) -> None:
        self._state = state

    def create(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """CreateEventSourceMapping for an SQS queue or a DynamoDB stream; Creating for a while."""
        defaults = _defaults(params)
        with self._state.lock:
            record, qualifier = self._state.locate(params)
            self._state.shown(record, qualifier)
            target = function_arn(record.name, qualifier)
            source = params["EventSourceArn"]
            self._require_new(source, target)
            uuid = self._state.new_id()
            now = self._state.clock.now()
            enabled = params.get("Enabled", True)
            mapping = {
                **defaults,
                **{name: params[name] for name in _KEPT if name in params},
                "UUID": uuid,
                "EventSourceMappingArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:{uuid}",
                "FunctionArn": target,
                "FunctionResponseTypes": list(params.get("FunctionResponseTypes", [])),
                "LastModified": now,
                "State": "Enabled" if enabled else "Disabled",
                "StateTransitionReason": "USER_INITIATED",
            }
            self._state.mappings[uuid] = mapping
            return self._shown(mapping)

    def get(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """GetEventSourceMapping."""
        with self._state.lock:
            return self._shown(self._mapping(params["UUID"]))

    def list_mappings(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """ListEventSourceMappings of a function or of a source, or all."""
        with self._state.lock:
            target = None
            if "FunctionName" in params:
                record, qualifier = self._state.locate(params)
                target = function_arn(record.name, qualifier)
            rows = [
                (uuid, self._shown(mapping))
                for uuid, mapping in sorted(self._state.mappings.items())
                if target in (None, mapping["FunctionArn"])
                and params.get("EventSourceArn") in (None, mapping["EventSourceArn"])
            ]
            return self._state.page(rows, params, "EventSourceMappings")

    def delete(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """DeleteEventSourceMapping: polling stops at once."""
        with self._state.lock:
            mapping = self._mapping(params["UUID"])
            del self._state.mappings[params["UUID"]]
            return {**mapping, "State": "Deleting"}

    def all(self) -> list[dict[str, Any]]:
        """Return every mapping as GetEventSourceMapping shows it."""
        with self._state.lock:
            return [self._shown(mapping) for mapping in self._state.mappings.values()]

    def _mapping(self, uuid: str) -> dict[str, Any]:
        mapping = self._state.mappings.get(uuid)
        if mapping is None:
            message = "The resource you requested does not exist."
            raise ApiError("ResourceNotFoundException", message, 404)
        return mapping

    def _require_new(self, source: str, target: str) -> None:
        for uuid, mapping in self._state.mappings.items():
            if (mapping["EventSourceArn"], mapping["FunctionArn"]) == (source, target):
                message = (
                    f'An event source mapping with event source arn (" {source} ") and function '
                    f'(" {target} ") already exists. Please update or delete the existing mapping '
                    f"with UUID {uuid}"
                )
                raise ApiError("ResourceConflictException", message, 409)

    def _shown(self, mapping: Mapping[str, Any]) -> dict[str, Any]:
        settled = mapping["LastModified"] + self._state.update_seconds
        creating = self._state.clock.now() < settled
        return {**mapping, "State": "Creating"} if creating else dict(mapping)


def _defaults(params: Mapping[str, Any]) -> dict[str, Any]:
    source = params.get("EventSourceArn", "")
    if source.startswith("arn:aws:dynamodb:") and "/stream/" in source:
        if "StartingPosition" not in params:
            message = "1 validation error detected: Value null at 'startingPosition' must not be null."
            raise ApiError("InvalidParameterValueException", message)
        if params["StartingPosition"] == "AT_TIMESTAMP":
            message = "Unsupported starting position for arn type: AT_TIMESTAMP"
            raise ApiError("InvalidParameterValueException", message)
        return dict(_STREAM_DEFAULTS)
    if source.startswith("arn:aws:sqs:"):
        refused = [name for name in _STREAM_ONLY if name in params]
        if refused:
            message = f"Unsupported for an SQS event source: {', '.join(refused)}"
            raise ApiError("InvalidParameterValueException", message)
        return {"BatchSize": 10, "MaximumBatchingWindowInSeconds": 0}
    message = f"Unrecognized event source, must be an SQS queue or a DynamoDB stream: {source}"
    raise ApiError("InvalidParameterValueException", message)
