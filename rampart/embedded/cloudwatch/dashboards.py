"""CloudWatch dashboards: kept as they were put, once their body is one that the console could show.

Follows the CloudWatch API reference, "Dashboard Body Structure and Syntax", for widgets of the types metric, alarm
and text, and is stricter than AWS: a property that it does not know is refused here, where AWS warns.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rampart.embedded.cloudwatch.checks import invalid, need, only
from rampart.embedded.wire import ACCOUNT, ApiError

_COLUMNS = 24
_WIDGETS = 500
_PLACE = {"type", "x", "y", "width", "height", "properties"}
_PROPERTIES = {
    "metric": (
        {"metrics", "region"},
        {"title", "view", "stat", "period", "stacked", "yAxis", "annotations", "liveData"},
    ),
    "alarm": ({"alarms"}, {"title", "sortBy", "states"}),
    "text": ({"markdown"}, {"background"}),
}
"""Of each type of widget the properties that it must have, and those that it may have."""
_OPTIONS = {"stat", "label", "period", "color", "yAxis", "visible", "id", "region"}


class Dashboards:
    """The dashboards of the embedded AWS."""

    def __init__(self) -> None:
        self._bodies: dict[str, str] = {}
        self.operations: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "PutDashboard": self._put,
            "GetDashboard": self._get,
            "DeleteDashboards": self._delete,
        }

    def _put(self, params: Mapping[str, Any]) -> dict[str, Any]:
        only("PutDashboard", params, "DashboardName", "DashboardBody")
        need("PutDashboard", params, "DashboardName", "DashboardBody")
        faults = list(_faults(params["DashboardBody"]))
        if faults:
            raise ApiError("InvalidParameterInput", f"The field DashboardBody is not valid: {'; '.join(faults)}")
        self._bodies[params["DashboardName"]] = params["DashboardBody"]
        return {"DashboardValidationMessages": []}

    def _get(self, params: Mapping[str, Any]) -> dict[str, Any]:
        only("GetDashboard", params, "DashboardName")
        name = params["DashboardName"]
        return {"DashboardArn": _arn(name), "DashboardName": name, "DashboardBody": self._bodies[self._known(name)]}

    def _delete(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """DeleteDashboards: "if you specify a dashboard that doesn't exist, none are deleted"."""
        only("DeleteDashboards", params, "DashboardNames")
        for name in [self._known(each) for each in params["DashboardNames"]]:
            del self._bodies[name]
        return {}

    def _known(self, name: str) -> str:
        if name not in self._bodies:
            raise ApiError("ResourceNotFound", f"Dashboard {name} does not exist", 404)
        return name


def _arn(name: str) -> str:
    return f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{name}"


def _faults(body: str) -> Iterator[str]:
    """Yield what is wrong with a dashboard's body."""
    try:
        read = json.loads(body)
    except ValueError as error:
        raise invalid(f"DashboardBody is not JSON: {error}") from error
    widgets = read.get("widgets") if isinstance(read, dict) else None
    if not isinstance(widgets, list) or len(widgets) > _WIDGETS:
        yield f"/: should have widgets, {_WIDGETS} at most"
        return
    for number, widget in enumerate(widgets):
        for fault in _widget_faults(widget):
            yield f"/widgets/{number}: {fault}"


def _widget_faults(widget: Any) -> Iterator[str]:
    if not isinstance(widget, dict) or not isinstance(widget.get("properties"), dict):
        yield "should be an object with properties"
        return
    kind, properties = str(widget.get("type")), widget["properties"]
    if kind not in _PROPERTIES:
        yield f"type should be one of {', '.join(_PROPERTIES)}"
        return
    yield from (f"should not have {name}" for name in widget.keys() - _PLACE)
    x, width = widget.get("x", 0), widget.get("width", 6)
    if not (isinstance(x, int) and isinstance(width, int) and 0 <= x < x + width <= _COLUMNS):
        yield f"x and width should stay within {_COLUMNS} columns"
    needed, allowed = _PROPERTIES[kind]
    yield from (f"properties should have {name}" for name in sorted(needed - properties.keys()))
    yield from (f"properties should not have {name}" for name in sorted(properties.keys() - needed - allowed))
    for number, metric in enumerate(properties.get("metrics", ())):
        if not _is_metric(metric):
            yield f"metrics/{number}: should be namespace, name, pairs of dimensions, and options"
    for alarm in properties.get("alarms", ()):
        if not str(alarm).startswith("arn:"):
            yield f"alarms: {alarm} should be an ARN"


def _is_metric(metric: Any) -> bool:
    if not isinstance(metric, list):
        return False
    options = metric[-1] if metric and isinstance(metric[-1], dict) else {}
    names = metric[: len(metric) - bool(options)]
    return (
        len(names) >= 2
        and len(names) % 2 == 0
        and all(isinstance(each, str) and each for each in names)
        and options.keys() <= _OPTIONS
    )
