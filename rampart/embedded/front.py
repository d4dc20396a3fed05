"""The one port of the embedded AWS: every call is decoded, authorised, and answered by us or by moto.

Lambda, CloudWatch, ECR and EventBridge's delivery are ours; the rest is moto's, behind locks (moto is not safe
among threads: without them two transactions can both win) and with hooks before and after its calls.
"""

import itertools
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO, StringIO
from typing import Any, Protocol

from rampart.embedded import wire_format
from rampart.embedded.wire import ApiError, Call, Service
from rampart.embedded.wire_format import Request, Response

_log = logging.getLogger(__name__)

Operation = tuple[str, str]
"""botocore's names of a service and of one of its operations."""


class Guard(Protocol):
    """Decides who may call what."""

    def check(self, call: Call) -> None:
        """Raise ApiError when the principal of `call` may not make it."""
        ...


Around = Callable[[Call], AbstractContextManager[None]]
"""Gives the context in which a call that was authorised is carried out; it may wait, refuse or watch."""


def plainly(_: Call) -> AbstractContextManager[None]:
    """Let a call be carried out as it is."""
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Hooks:
    """What happens around calls that were authorised."""

    before: Mapping[Operation, Callable[[Call, Request], Request]] = field(default_factory=dict)
    """May refuse a call with ApiError or change the request that moto sees."""
    after: Mapping[Operation, Callable[[Call, Response], None]] = field(default_factory=dict)
    """Sees the answer to each call that succeeded, before the caller does."""
    amend: Mapping[Operation, Callable[[Call, Response], Response]] = field(default_factory=dict)
    """Puts into moto's answer what moto leaves out."""
    around: Around = plainly
    """Is entered before all of that and left before the caller has its answer."""


class Front:
    """Answers requests."""

    def __init__(
        self,
        guard: Guard,
        services: Mapping[str, Service],
        operations: Mapping[Operation, Service],
        moto: Callable[..., Any],
        hooks: Hooks,
        new_id: Callable[[], str],
    ) -> None:
        """Create a front; `services` own all of their operations, `operations` are owned one by one."""
        self._guard = guard
        self._services = services
        self._operations = operations
        self._moto = moto
        self._hooks = hooks
        self._new_id = new_id
        dynamodb = threading.RLock()
        self._locks: Mapping[str, AbstractContextManager[Any]] = {
            "dynamodb": dynamodb,
            "dynamodbstreams": dynamodb,
            "sqs": nullcontext(),  # ReceiveMessage waits, and SQS's records stand one call at a time
            **{name: threading.RLock() for name in ("events", "iam", "logs", "s3", "sns", "ssm", "sts")},
            "stepfunctions": threading.RLock(),
        }

    def handle(self, request: Request) -> Response:
        """Return the answer to one request; every failure is an AWS error."""
        service = ""
        try:
            service = wire_format.service_of(request)
            call = wire_format.decode(request)
            self._guard.check(call)
            with self._hooks.around(call):
                response = self._answer(call, request)
        except ApiError as error:
            return wire_format.encode_error(service, error, self._new_id(), request.method)
        except Exception as error:  # noqa: BLE001 (a caller gets an answer, whatever broke)
            _log.exception("the embedded AWS failed at %s %s", request.method, request.path)
            failure = ApiError("InternalFailure", f"{type(error).__name__}: {error}", 500)
            return wire_format.encode_error(service, failure, self._new_id(), request.method)
        return response

    def lock_of(self, service: str) -> AbstractContextManager[Any]:
        """Return the lock behind which moto serves a service."""
        return self._locks[service]

    def _answer(self, call: Call, request: Request) -> Response:
        operation = (call.service, call.operation)
        change = self._hooks.before.get(operation)
        if change is not None:
            request = change(call, request)
        owner = self._services.get(call.service) or self._operations.get(operation)
        if owner is not None:
            response = wire_format.encode(call, owner.handle(call), self._new_id())
            self._tell(operation, call, response)
            return response
        with self._locks[call.service]:  # also while a hook looks, so that it sees what this call did
            response = _call_wsgi(self._moto, request)
            amend = self._hooks.amend.get(operation)
            if amend is not None and response.status < 300:
                response = amend(call, response)
            self._tell(operation, call, response)
        return response

    def _tell(self, operation: Operation, call: Call, response: Response) -> None:
        tell = self._hooks.after.get(operation)
        if tell is not None and response.status < 300:
            tell(call, response)


def name_execution(new_id: Callable[[], str]) -> Callable[[Call, Request], Request]:
    """Return a hook that names unnamed executions, as StartExecution does and moto does not."""

    def change(call: Call, request: Request) -> Request:
        if call.params.get("name"):
            return request
        body = json.dumps({**call.params, "name": new_id()}).encode()
        return replace(request, body=body)

    return change


def _call_wsgi(app: Callable[..., Any], request: Request) -> Response:
    """Hand a request to a WSGI application."""
    path, query = request.path, request.query
    host, _, port = request.headers.get("host", "127.0.0.1").partition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path.encode().decode("latin-1"),
        "QUERY_STRING": query,
        "RAW_URI": request.target,
        "REQUEST_URI": request.target,
        "SERVER_NAME": host,
        "SERVER_PORT": port or "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(request.body),
        "wsgi.errors": StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        environ["HTTP_" + name.upper().replace("-", "_")] = value
    environ["CONTENT_LENGTH"] = str(len(request.body))
    environ["CONTENT_TYPE"] = request.headers.get("content-type", "")
    started: list[tuple[str, list[tuple[str, str]]]] = []
    chunks = app(environ, lambda status, headers, *_: started.append((status, headers)))
    try:
        body = b"".join(chunks)
    finally:
        getattr(chunks, "close", lambda: None)()
    status, headers = started[-1]
    return Response(int(status.split(" ", 1)[0]), tuple(headers), body)


class Server:
    """Serves a front on a free port of the loopback interface, with connections that are kept alive."""

    def __init__(self) -> None:
        self._http = _HttpServer()
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        """Return the port that is listened on."""
        return int(self._http.server_address[1])

    def start(self, answer: Callable[[Request], Response]) -> None:
        """Begin to answer requests."""
        self._http.answer = answer
        self._thread.start()

    def close(self, timeout_seconds: float = 0.3) -> None:
        """Close the port and every connection, and wait for the threads that serve them."""
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()
        self._http.disconnect(timeout_seconds)


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024
    answer: Callable[[Request], Response]

    def __init__(self) -> None:
        self._open: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open[request] = threading.current_thread()
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._open.pop(request, None)

    def disconnect(self, timeout_seconds: float) -> None:
        with self._lock:
            connections = dict(self._open)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was faster
        deadline = time.monotonic() + timeout_seconds
        for thread in connections.values():
            thread.join(max(0.0, deadline - time.monotonic()))

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.debug("connection of %s ended", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Without these two, Nagle's algorithm delays each answer by 40 ms.
    disable_nagle_algorithm = True
    wbufsize = 65536
    server: _HttpServer

    def _serve(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self._body(headers))
        response = self.server.answer(request)
        self.send_response_only(response.status, HTTPStatus(response.status).phrase)
        hop = {"connection", "transfer-encoding", "server", "date"}
        if self.command != "HEAD":
            hop.add("content-length")
        for name, value in response.headers:
            if name.lower() not in hop:
                self.send_header(name, value)
        if self.command != "HEAD" and response.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.pop("transfer-encoding", "").lower() == "chunked":
            return b"".join(itertools.takewhile(bool, iter(self._chunk, None)))
        return self.rfile.read(int(headers.get("content-length", "0")))

    def _chunk(self) -> bytes:
        chunk = self.rfile.read(int(self.rfile.readline().split(b";")[0], 16))
        self.rfile.readline()
        return chunk

    def handle_expect_100(self) -> bool:
        proceed = super().handle_expect_100()
        self.wfile.flush()
        return proceed

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name is http.server's)
        _log.debug(format, *args)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve  # noqa: N815 (http.server's names)
