"""Versions as pruning sees them: what there is of a function, who names it, and how one version is deleted."""

import json
from typing import TYPE_CHECKING, Any

from controller.adapters.aws_errors import aws_errors
from controller.core.errors import ControllerError, MissingError
from controller.core.pruning import PublishedVersion

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

# Lambda API, ExecutionStatus: those of a durable execution that may still be replayed on its version.
_UNDER_WAY = ("RUNNING", "PAUSING", "PAUSED")


class Versions:
    """The published versions of functions, through a boto3 Lambda client."""

    def __init__(self, client: "LambdaClient") -> None:
        self._lambda = client

    def published(self, function: str) -> list[PublishedVersion]:
        """Return the numbered versions of a function; raises MissingError."""
        with aws_errors(f"versions of function {function}"):
            found = self._all("list_versions_by_function", "Versions", FunctionName=function)
        return [
            PublishedVersion(
                number=int(version["Version"]),
                # Lambda API, CodeSize: "for container images, this value is 0" in code storage.
                size_bytes=version["CodeSize"] if version.get("PackageType", "Zip") == "Zip" else 0,
                is_durable="DurableConfig" in version,
            )
            for version in found
            if version["Version"].isdecimal()
        ]

    def aliased(self, function: str) -> dict[str, frozenset[int]]:
        """Return the versions that each alias of a function names, with however small a weight."""
        with aws_errors(f"aliases of function {function}"):
            found = self._all("list_aliases", "Aliases", FunctionName=function)
        return {
            alias["Name"]: frozenset(
                int(version)
                for version in (
                    alias["FunctionVersion"],
                    *alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}),
                )
                if version.isdecimal()
            )
            for alias in found
        }

    def named(self, function: str) -> dict[int, list[str]]:
        """Return what else of Lambda names versions of a function: event sources, provisioned concurrency."""
        named: dict[int, list[str]] = {}
        with aws_errors(f"provisioned concurrency of function {function}"):
            configs = self._all(
                "list_provisioned_concurrency_configs", "ProvisionedConcurrencyConfigs", FunctionName=function
            )
        for config in configs:
            _note(named, config["FunctionArn"], function, "it has provisioned concurrency")
        # With a function's name Lambda leaves out those of its versions; without one it tells of all functions'.
        with aws_errors("event source mappings"):
            mappings = self._all("list_event_source_mappings", "EventSourceMappings")
        for mapping in mappings:
            why = f"event source mapping {mapping['UUID']} invokes it"
            _note(named, mapping["FunctionArn"], function, why)
        return named

    def holds(self, function: str, version: PublishedVersion) -> list[str]:
        """Return what holds on to one version: permissions to invoke it, durable executions under way."""
        found = []
        sids = self._permitted(function, version)
        if sids:
            found.append(f"its policy lets others invoke it ({', '.join(sids)})")
        if version.is_durable:
            with aws_errors(f"durable executions of function {function} version {version.number}"):
                under_way = self._lambda.list_durable_executions_by_function(
                    FunctionName=function,
                    Qualifier=str(version.number),
                    Statuses=list(_UNDER_WAY),  # type: ignore[arg-type]
                )
            # A page may be empty and not the last one: what is not known to be the end is not.
            if under_way.get("DurableExecutions") or under_way.get("NextMarker"):
                found.append("a durable execution of it is under way")
        return found

    def delete(self, function: str, version: int) -> None:
        """Delete one version; raises ConflictError when an alias names it, MissingError when it is gone.

        Without a qualifier DeleteFunction deletes the function with all of its versions, and a qualifier in the
        name counts too: nothing but a plain name and a number gets past here.
        """
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            raise ControllerError(f"there is no version {version!r} of function {function} to delete")
        if not function or not all(c.isalnum() or c in "-_" for c in function):
            raise ControllerError(f"{function!r} is no plain name of a function")
        with aws_errors(f"deleting function {function} version {version}"):
            self._lambda.delete_function(FunctionName=function, Qualifier=str(version))

    def _permitted(self, function: str, version: PublishedVersion) -> list[str]:
        """Return the statements of a version's own policy; it has none while nobody has added one."""
        try:
            with aws_errors(f"policy of function {function} version {version.number}"):
                policy = self._lambda.get_policy(FunctionName=function, Qualifier=str(version.number))["Policy"]
        except MissingError:
            return []
        return [str(statement.get("Sid")) for statement in json.loads(policy)["Statement"]]

    def _all(self, operation: str, what: str, **params: Any) -> list[Any]:
        pages = self._lambda.get_paginator(operation).paginate(**params)  # type: ignore[call-overload]
        return [item for page in pages for item in page[what]]


def _note(named: dict[int, list[str]], arn: str, function: str, why: str) -> None:
    """Note why a version is named, if an ARN is that of a version of the function."""
    *_, name, qualifier = arn.split(":")
    if name == function and qualifier.isdecimal():
        named.setdefault(int(qualifier), []).append(why)
