"""What surrounds a function: tags, concurrency, asynchronous settings, resource policy, layers, account."""

import json
from collections.abc import Mapping
from typing import Any

from rampart.embedded.aws_lambda.packages import (
    MAXIMUM_UNZIPPED_BYTES,
    MAXIMUM_ZIPPED_BYTES,
    CodeSource,
    check_unzipped_size,
    read_package,
)
from rampart.embedded.aws_lambda.state import (
    LATEST,
    FunctionRecord,
    LambdaState,
    function_arn,
    iso_time,
    not_found,
    require_revision,
    split_name,
)
from rampart.embedded.wire import ACCOUNT, REGION, ApiError

# Lambda developer guide: Lambda quotas; Configuring reserved concurrency.
_ACCOUNT_CONCURRENCY = 1000
_MINIMUM_UNRESERVED = 100


class Access:
    """The operations on what surrounds functions."""

    def __init__(self, state: LambdaState, code: CodeSource) -> None:
        self._state = state
        self._code = code

    def list_tags(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """ListTags."""
        with self._state.lock:
            return {"Tags": dict(self._tagged(params).tags)}

    def tag(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """TagResource."""
        with self._state.lock:
            self._tagged(params).tags.update(params["Tags"])
            return {}

    def untag(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """UntagResource."""
        with self._state.lock:
            tags = self._tagged(params).tags
            for key in params["TagKeys"]:
                tags.pop(key, None)
            return {}

    def put_concurrency(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """PutFunctionConcurrency: 0 stops the function; 100 of the account's stay unreserved."""
        with self._state.lock:
            record = self._state.locate_unqualified(params)
            wanted = params["ReservedConcurrentExecutions"]
            if self._unreserved(without=record) - wanted < _MINIMUM_UNRESERVED:
                message = (
                    "Specified ReservedConcurrentExecutions for function decreases account's "
                    f"UnreservedConcurrentExecution below its minimum value of [{_MINIMUM_UNRESERVED}]."
                )
                raise ApiError("InvalidParameterValueException", message)
            record.reserved = wanted
            return {"ReservedConcurrentExecutions": wanted}

    def get_concurrency(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """GetFunctionConcurrency: empty if nothing is reserved."""
        with self._state.lock:
            reserved = self._state.locate_unqualified(params).reserved
            return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}

    def delete_concurrency(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """DeleteFunctionConcurrency."""
        with self._state.lock:
            self._state.locate_unqualified(params).reserved = None
            return {}

    def put_event_invoke_config(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """PutFunctionEventInvokeConfig: replaces what there was, whole."""
        members = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")
        with self._state.lock:
            record, qualifier = self._located(params)
            given = {name: params[name] for name in members if name in params}
            if not given:
                message = "You must specify at least one of error handling or destination setting."
                raise ApiError("InvalidParameterValueException", message)
            config = {
                "FunctionArn": function_arn(record.name, qualifier or LATEST),
                "LastModified": self._state.clock.now(),
                "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}},
                **given,
            }
            record.event_invoke[qualifier or LATEST] = config
            return dict(config)

    def get_event_invoke_config(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """GetFunctionEventInvokeConfig."""
        with self._state.lock:
            record, qualifier = self._located(params)
            config = record.event_invoke.get(qualifier or LATEST)
            if config is None:
                arn = function_arn(record.name, qualifier or LATEST)
                message = f"The function {arn} doesn't have an EventInvokeConfig"
                raise ApiError("ResourceNotFoundException", message, 404)
            return dict(config)

    def add_permission(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """AddPermission: one statement for the function, a version or an alias."""
        with self._state.lock:
            record, qualifier = self._located(params)
            require_revision(params.get("RevisionId"), self._state.revision_id(record, qualifier))
            statements = record.policies.setdefault(qualifier or LATEST, [])
            sid = params["StatementId"]
            if any(each["Sid"] == sid for each in statements):
                message = (
                    f"The statement id ({sid}) provided already exists. Please provide a new statement id, "
                    "or remove the existing statement."
                )
                raise ApiError("ResourceConflictException", message, 409)
            statement = _statement(params, function_arn(record.name, qualifier))
            statements.append(statement)
            self._state.touch(record, qualifier)
            return {"Statement": json.dumps(statement)}

    def get_policy(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """GetPolicy."""
        with self._state.lock:
            record, qualifier = self._located(params)
            statements = record.policies.get(qualifier or LATEST)
            if not statements:
                message = "The resource you requested does not exist."
                raise ApiError("ResourceNotFoundException", message, 404)
            policy = {"Version": "2012-10-17", "Id": "default", "Statement": statements}
            return {
                "Policy": json.dumps(policy),
                "RevisionId": self._state.revision_id(record, qualifier),
            }

    def remove_permission(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """RemovePermission."""
        with self._state.lock:
            record, qualifier = self._located(params)
            require_revision(params.get("RevisionId"), self._state.revision_id(record, qualifier))
            statements = record.policies.get(qualifier or LATEST, [])
            left = [each for each in statements if each["Sid"] != params["StatementId"]]
            if len(left) == len(statements):
                message = f"Statement {params['StatementId']} is not found in resource policy."
                raise ApiError("ResourceNotFoundException", message, 404)
            record.policies[qualifier or LATEST] = left
            self._state.touch(record, qualifier)
            return {}

    def publish_layer(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """PublishLayerVersion."""
        package = read_package(self._code, params["Content"])
        check_unzipped_size([package])
        name = params["LayerName"].rpartition(":")[2]
        layer_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:{name}"
        with self._state.lock:
            number = 1 + sum(arn.rpartition(":")[0] == layer_arn for arn in self._state.layers)
            version_arn = f"{layer_arn}:{number}"
            self._state.layers[version_arn] = package
        content = {
            "Location": f"https://embedded.invalid/{version_arn}",
            "CodeSha256": package.sha256,
            "CodeSize": len(package.data),
        }
        kept = ("Description", "CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo")
        return {
            **{each: params[each] for each in kept if each in params},
            "Content": content,
            "LayerArn": layer_arn,
            "LayerVersionArn": version_arn,
            "CreatedDate": iso_time(self._state.clock.now()),
            "Version": number,
        }

    def account_settings(self, _params: Mapping[str, Any]) -> dict[str, Any]:
        """GetAccountSettings."""
        with self._state.lock:
            records = list(self._state.functions.values())
            return {
                "AccountLimit": {
                    "TotalCodeSize": self._state.code_limit_bytes,
                    "CodeSizeUnzipped": MAXIMUM_UNZIPPED_BYTES,
                    "CodeSizeZipped": MAXIMUM_ZIPPED_BYTES,
                    "ConcurrentExecutions": _ACCOUNT_CONCURRENCY,
                    "UnreservedConcurrentExecutions": self._unreserved(),
                },
                "AccountUsage": {
                    "TotalCodeSize": self._state.code_bytes(),
                    "FunctionCount": len(records),
                },
            }

    def _located(self, params: Mapping[str, Any]) -> tuple[FunctionRecord, str | None]:
        record, qualifier = self._state.locate(params)
        self._state.shown(record, qualifier)
        return record, None if qualifier == LATEST else qualifier

    def _tagged(self, params: Mapping[str, Any]) -> FunctionRecord:
        name, qualifier = split_name(params["Resource"])
        if qualifier:
            message = "Tags on function aliases and versions are not supported. Please specify a function ARN."
            raise ApiError("InvalidParameterValueException", message)
        if name not in self._state.functions:
            raise not_found(name)
        return self._state.functions[name]

    def _unreserved(self, without: FunctionRecord | None = None) -> int:
        taken = (each.reserved or 0 for each in self._state.functions.values() if each is not without)
        return _ACCOUNT_CONCURRENCY - sum(taken)


def _statement(params: Mapping[str, Any], resource: str) -> dict[str, Any]:
    principal = params["Principal"]
    kind = "Service" if principal.endswith(".amazonaws.com") else "AWS"
    statement: dict[str, Any] = {
        "Sid": params["StatementId"],
        "Effect": "Allow",
        "Principal": "*" if principal == "*" else {kind: principal},
        "Action": params["Action"],
        "Resource": resource,
    }
    condition: dict[str, Any] = {}
    if "SourceAccount" in params:
        condition["StringEquals"] = {"AWS:SourceAccount": params["SourceAccount"]}
    if "SourceArn" in params:
        condition["ArnLike"] = {"AWS:SourceArn": params["SourceArn"]}
    return {**statement, "Condition": condition} if condition else statement
