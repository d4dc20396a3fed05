"""Saved queries of CloudWatch Logs Insights: kept and described, and never run.

Follows the CloudWatch Logs API reference: PutQueryDefinition, DescribeQueryDefinitions, DeleteQueryDefinition.
"""

from collections.abc import Callable, Mapping
from typing import Any

from rampart.embedded.shapes import check
from rampart.embedded.wire import ApiError, Call


class LogQueries:
    """The query definitions of the embedded AWS; one is named once, as in the console."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._queries: dict[str, dict[str, Any]] = {}
        self._tokens: dict[str | None, str] = {}
        """By the token with which a query was made; a repeat of the call with it makes no second one."""
        self.operations: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "PutQueryDefinition": self._put,
            "DescribeQueryDefinitions": self._describe,
            "DeleteQueryDefinition": self._delete,
        }

    def handle(self, call: Call) -> dict[str, Any]:
        """Carry out one call."""
        check(call, _SUPPORTED[call.operation])
        return self.operations[call.operation](call.params)

    def _put(self, params: Mapping[str, Any]) -> dict[str, Any]:
        known = params.get("queryDefinitionId")
        if known is not None and known not in self._queries:
            raise ApiError("ResourceNotFoundException", f"There is no query definition {known}.")
        token = params.get("clientToken")
        name = known or self._tokens.get(token) or self._new_id()
        if token:
            self._tokens[token] = name
        kept = {key: value for key, value in params.items() if key != "clientToken"}
        self._queries[name] = {**kept, "queryDefinitionId": name}
        return {"queryDefinitionId": name}

    def _describe(self, params: Mapping[str, Any]) -> dict[str, Any]:
        prefix = params.get("queryDefinitionNamePrefix", "")
        found = [query for query in self._queries.values() if query["name"].startswith(prefix)]
        return {"queryDefinitions": sorted(found, key=lambda query: str(query["name"]))}

    def _delete(self, params: Mapping[str, Any]) -> dict[str, Any]:
        if self._queries.pop(params["queryDefinitionId"], None) is None:
            raise ApiError("ResourceNotFoundException", "There is no such query definition.")
        return {"success": True}


_SUPPORTED = {
    "PutQueryDefinition": frozenset({"name", "queryDefinitionId", "logGroupNames", "queryString", "clientToken"}),
    "DescribeQueryDefinitions": frozenset({"queryDefinitionNamePrefix"}),
    "DeleteQueryDefinition": frozenset({"queryDefinitionId"}),
}
