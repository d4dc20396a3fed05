"""The wire: HTTP requests as boto3 sends them become calls, answers become what boto3 understands.

All of it is read from botocore's service models, the same files that boto3 writes its requests from.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from rampart.embedded.wire import REGION, ApiError, Call

# Names that sign a request (the credential scope of SigV4) where they differ from botocore's service name.
_SERVICE_BY_SIGNING_NAME = {"monitoring": "cloudwatch", "states": "stepfunctions"}
_SERVICES = frozenset(
    {
        "cloudformation",
        "cloudwatch",
        "dynamodb",
        "dynamodbstreams",
        "ecr",
        "events",
        "iam",
        "lambda",
        "logs",
        "s3",
        "sns",
    }
    | {"schemas", "sqs", "ssm", "stepfunctions", "sts"}
)
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request."""

    method: str
    target: str
    """Path and query, percent-encoded as they came."""
    headers: Mapping[str, str]
    """Header names are lower case."""
    body: bytes

    @property
    def path(self) -> str:
        """Return the path with its percent-encoding undone."""
        return unquote(self.target.partition("?")[0])

    @property
    def query(self) -> str:
        """Return the query as it came."""
        return self.target.partition("?")[2]


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Route:
    """How a REST operation is recognised."""

    operation: str
    method: str
    path: re.Pattern[str]
    query: Mapping[str, str]
    needs_query: frozenset[str]
    needs_headers: frozenset[str]

    @property
    def strictness(self) -> int:
        return len(self.query) + len(self.needs_query) + len(self.needs_headers)


def decode(request: Request) -> Call:
    """Return the API call that `request` makes; raises ApiError when it makes none that we know."""
    principal, region, _ = _credential(request)
    service = service_of(request)
    if service not in _SERVICES:
        raise ApiError("UnknownEndpoint", f"The embedded AWS has no service {service!r}.", 404)
    if region != REGION and service != "iam":  # the global endpoint of IAM signs for us-east-1
        raise ApiError("UnknownEndpoint", f"The embedded AWS is in {REGION}, not in {region}.", 404)
    model = _model(service)
    operation, params = _DECODERS[str(model.metadata["protocol"])](model, request)
    return Call(service, operation, principal, params)


def service_of(request: Request) -> str:
    """Return botocore's name of the service that a request is meant for."""
    name = _credential(request)[2]
    if request.headers.get("x-amz-target", "").startswith("DynamoDBStreams_"):
        return "dynamodbstreams"
    return _SERVICE_BY_SIGNING_NAME.get(name, name)


def _credential(request: Request) -> tuple[str, str, str]:
    """Return access key id, region and signing name of a request."""
    # SigV4: Authorization: AWS4-HMAC-SHA256 Credential=<key>/<day>/<region>/<service>/aws4_request, ...
    signed = _CREDENTIAL.search(request.headers.get("authorization", ""))
    if signed is None:
        raise ApiError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    principal, region, signing_name = signed.groups()
    return principal, region, signing_name


def encode(call: Call, output: Mapping[str, Any], request_id: str) -> Response:
    """Return the response that carries `output`, the output shape of the operation."""
    model = _model(call.service)
    operation = model.operation_model(call.operation)
    rest = model.metadata["protocol"] == "rest-json"
    status = int(operation.http.get("responseCode", 200)) if rest else 200
    headers = [("x-amzn-RequestId", request_id)]
    shape = operation.output_shape
    if shape is None:
        return Response(status, (*headers, ("Content-Type", _content_type(model))), b"" if rest else b"{}")
    unknown = set(output) - set(shape.members) - {"ResponseMetadata"}
    if unknown:
        raise ValueError(f"{call.service} {call.operation} has no output member {sorted(unknown)}")
    in_body: dict[str, Any] = {}
    payload: bytes | None = None
    for name, member in shape.members.items():
        value = output.get(name)
        if value is None:
            continue
        location = member.serialization.get("location") if rest else None
        if location == "statusCode":
            status = int(value)
        elif location == "header":
            headers.append((str(member.serialization["name"]), str(value)))
        elif rest and shape.serialization.get("payload") == name and member.type_name == "blob":
            payload = bytes(value)
        else:
            in_body[str(member.serialization.get("name", name))] = _to_json(member, value)
    if model.metadata["protocol"] == "query":
        answer = f"<{call.operation}Result>{_to_xml(shape, output)}</{call.operation}Result>"
        meta = f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
        xml = f"<{call.operation}Response>{answer}{meta}</{call.operation}Response>"
        return Response(status, (*headers, ("Content-Type", "text/xml")), xml.encode())
    body = payload if payload is not None else json.dumps(in_body).encode()
    return Response(status, (*headers, ("Content-Type", _content_type(model))), body)


def encode_error(service: str, error: ApiError, request_id: str, method: str = "POST") -> Response:
    """Return the response that makes boto3 raise `error` as the typed exception of `service`."""
    if service not in _SERVICES:
        return _json_error("application/json", error, request_id, error.status)
    model = _model(service)
    if model.metadata["protocol"] == "rest-xml":
        xml = f"<Code>{error.code}</Code><Message>{escape(error.message)}</Message>"
        body = f"<Error>{xml}<RequestId>{request_id}</RequestId></Error>"
        return _xml_error(error, request_id, b"" if method == "HEAD" else body.encode())
    if model.metadata["protocol"] == "query":
        xml = f"<Type>Sender</Type><Code>{error.code}</Code><Message>{escape(error.message)}</Message>"
        body = f"<ErrorResponse><Error>{xml}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        return _xml_error(error, request_id, body.encode())
    known = {str(shape.name): shape for shape in model.error_shapes}.get(error.code)
    details = known.metadata.get("error", {}) if known else {}
    status = int(details.get("httpStatusCode", error.status)) if error.status == 400 else error.status
    response = _json_error(_content_type(model), error, request_id, status)
    if "awsQueryCompatible" in model.metadata:
        # Smithy: awsQueryCompatible; such clients take the error's name from this header.
        fault = f"{details.get('code', error.code)};Sender"
        return Response(status, (*response.headers, ("x-amzn-query-error", fault)), response.body)
    return response


def _json_error(content_type: str, error: ApiError, request_id: str, status: int) -> Response:
    headers = (
        ("x-amzn-RequestId", request_id),
        ("Content-Type", content_type),
        ("x-amzn-errortype", error.code),
    )
    # Members are spelled "message" or "Message", depending on the service; each parser picks its own.
    body = {"__type": error.code, "Type": "User", "message": error.message, "Message": error.message}
    return Response(status, headers, json.dumps(body).encode())


def _xml_error(error: ApiError, request_id: str, body: bytes) -> Response:
    return Response(error.status, (("x-amz-request-id", request_id), ("Content-Type", "text/xml")), body)


def _content_type(model: ServiceModel) -> str:
    if model.metadata["protocol"] == "rest-json":
        return "application/json"
    return f"application/x-amz-json-{model.metadata.get('jsonVersion', '1.0')}"


@cache
def _model(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)


def _decode_target(model: ServiceModel, request: Request) -> tuple[str, dict[str, Any]]:
    """AWS JSON 1.0 and 1.1: the operation stands in X-Amz-Target, the input in the body."""
    prefix, _, operation = request.headers.get("x-amz-target", "").rpartition(".")
    if prefix != model.metadata.get("targetPrefix") or operation not in model.operation_names:
        raise ApiError("UnknownOperationException", f"{model.service_name} has no operation {operation!r}.")
    shape = model.operation_model(operation).input_shape
    value = _json_body(request)
    return operation, value if shape is None else _from_json(shape, value)


def _decode_rest(model: ServiceModel, request: Request) -> tuple[str, dict[str, Any]]:
    """REST-JSON and S3's REST-XML: method, path and query name the operation."""
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    route, labels = _route_of(model, request, query)
    operation = model.operation_model(route.operation)
    params: dict[str, Any] = {}
    shape = operation.input_shape
    if shape is None:
        return route.operation, params
    for name, member in shape.members.items():
        wire_name = str(member.serialization.get("name", name))
        location = member.serialization.get("location")
        if location == "uri":
            params[name] = labels[wire_name]
        elif location == "querystring" and wire_name in query:
            params[name] = _from_text(member, query[wire_name])
        elif location == "header" and wire_name.lower() in request.headers:
            params[name] = _from_text(member, request.headers[wire_name.lower()])
    if model.metadata["protocol"] == "rest-json":
        params |= _rest_json_body(operation, shape, request)
    return route.operation, params


def _rest_json_body(operation: OperationModel, shape: StructureShape, request: Request) -> dict[str, Any]:
    payload = shape.serialization.get("payload")
    if payload is None:
        if not request.body or all("location" in m.serialization for m in shape.members.values()):
            return {}
        body: dict[str, Any] = _from_json(shape, _json_body(request))
        return body
    member = shape.members[str(payload)]
    if member.type_name == "blob":
        return {str(payload): request.body} if request.body else {}
    return {str(payload): _from_json(member, _json_body(request))}


def _decode_form(model: ServiceModel, request: Request) -> tuple[str, dict[str, Any]]:
    """The query protocol: a form whose plain fields are enough to say who may do what."""
    form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    operation = form.pop("Action", "")
    if operation not in model.operation_names:
        raise ApiError("InvalidAction", f"{model.service_name} has no operation {operation!r}.")
    return operation, {name: value for name, value in form.items() if "." not in name and name != "Version"}


_DECODERS: dict[str, Callable[[ServiceModel, Request], tuple[str, dict[str, Any]]]] = {
    "json": _decode_target,
    "smithy-rpc-v2-cbor": _decode_target,  # CloudWatch's first protocol; boto3 speaks its second one, JSON
    "rest-json": _decode_rest,
    "rest-xml": _decode_rest,
    "query": _decode_form,
}


def _route_of(model: ServiceModel, request: Request, query: Mapping[str, str]) -> tuple[_Route, dict[str, str]]:
    """Return the strictest route that the request satisfies, and the labels in its path."""
    for route in _routes(model.service_name):
        matched = route.path.fullmatch(request.path) if route.method == request.method else None
        if (
            matched
            and all(name in query and query[name] == value for name, value in route.query.items())
            and route.needs_query <= query.keys()
            and route.needs_headers <= request.headers.keys()
        ):
            return route, matched.groupdict()
    raise ApiError("UnknownOperationException", f"No operation is {request.method} {request.path}.", 404)


@cache
def _routes(service: str) -> tuple[_Route, ...]:
    model = _model(service)
    operations = [model.operation_model(name) for name in model.operation_names]
    routes = [_route(operation) for operation in operations if not operation.deprecated]
    return tuple(sorted(routes, key=lambda route: -route.strictness))


def _route(operation: OperationModel) -> _Route:
    path, _, query = str(operation.http["requestUri"]).partition("?")
    return _Route(
        operation=str(operation.name),
        method=str(operation.http["method"]),
        path=re.compile(_pattern(path) if path.endswith("+}") else _pattern(path.rstrip("/")) + "/?"),
        query=dict(parse_qsl(query, keep_blank_values=True)),
        needs_query=_required(operation, "querystring"),
        needs_headers=frozenset(name.lower() for name in _required(operation, "header")),
    )


def _pattern(path: str) -> str:
    """Turn labels into groups: {Name} is one segment of the path, {Name+} the rest of it."""
    pattern = re.sub(r"\\{(\w+)\\\+\\}", r"(?P<\1>.+)", re.escape(path))
    return re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", pattern)


def _required(operation: OperationModel, location: str) -> frozenset[str]:
    shape = operation.input_shape
    if shape is None:
        return frozenset()
    members = [shape.members[name] for name in shape.required_members]
    there = [member for member in members if member.serialization.get("location") == location]
    return frozenset(str(member.serialization["name"]) for member in there)


def _json_body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(request.body or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ApiError("SerializationException", "The request body is not a JSON object.")
    return body


def _from_json(shape: Shape, value: Any) -> Any:
    """Decode blobs and botocore's member names; members that the shape does not have stay as they came."""
    if value is None:
        return None
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        names = {str(m.serialization.get("name", name)): name for name, m in shape.members.items()}
        members = {names.get(key, key): item for key, item in value.items() if item is not None}
        return {
            name: _from_json(shape.members[name], item) if name in shape.members else item
            for name, item in members.items()
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_from_json(shape.member, item) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: _from_json(shape.value, item) for key, item in value.items()}
    if shape.type_name == "blob" and isinstance(value, str):
        return base64.b64decode(value)
    return value


def _from_text(shape: Shape, text: str) -> Any:
    if shape.type_name in ("integer", "long"):
        return int(text)
    if shape.type_name == "boolean":
        return text == "true"
    if shape.type_name == "list":
        return text.split(",")
    return text


def _to_json(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape):
        unknown = set(value) - set(shape.members)
        if unknown:
            raise ValueError(f"{shape.name} has no member {sorted(unknown)}")
        present = {name: item for name, item in value.items() if item is not None}
        return {
            str(shape.members[name].serialization.get("name", name)): _to_json(shape.members[name], item)
            for name, item in present.items()
        }
    if isinstance(shape, ListShape):
        return [_to_json(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        return {key: _to_json(shape.value, item) for key, item in value.items()}
    if shape.type_name == "blob":
        return base64.b64encode(value).decode()
    if shape.type_name == "timestamp":
        return value.timestamp() if isinstance(value, datetime) else value
    return value


def _to_xml(shape: Shape, value: Any) -> str:
    """AWS query: members are elements, those of lists are called member; maps have no use here."""
    if isinstance(shape, StructureShape):
        parts = ((name, _to_xml(shape.members[name], item)) for name, item in value.items() if item is not None)
        return "".join(f"<{name}>{inner}</{name}>" for name, inner in parts)
    if isinstance(shape, ListShape):
        return "".join(f"<member>{_to_xml(shape.member, item)}</member>" for item in value)
    return escape(value.isoformat() if isinstance(value, datetime) else str(value))
