"""Lambda's Runtime API as one execution environment speaks it, without threads.

An environment runs one invocation at a time, so its side of the API is a plain conversation that the
thread which waits for the answer can hold itself. (Lambda developer guide: Using the Lambda runtime API.)
"""

import selectors
import socket
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

_PREFIX = "/2018-06-01/runtime"
_ACCEPTED = b'{"status":"OK"}\n'
_READ_BYTES = 1 << 20
_SEND_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class RuntimeMessage:
    """What the runtime said: "ready", "response", "error" or "init error"."""

    kind: str
    body: bytes = field(default=b"", repr=False)
    request_id: str = ""


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    received: bytearray = field(default_factory=bytearray)
    continued: bool = False


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    body: bytes


class RuntimeApi:
    """A listening socket, its connections, and the messages that came in over them."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self.messages: deque[RuntimeMessage] = deque()
        self._selector = selector
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_SEND_SECONDS)
        self._connections: set[socket.socket] = set()
        self._asking: socket.socket | None = None
        selector.register(self._listener, selectors.EVENT_READ, self._accept)

    @property
    def address(self) -> str:
        """Return the value for AWS_LAMBDA_RUNTIME_API."""
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    def invoke(self, headers: Mapping[str, str], event: bytes) -> None:
        """Answer the runtime's question for the next invocation; it must have said "ready"."""
        if self._asking is None:
            raise RuntimeError("the runtime has not asked for an invocation")
        asking, self._asking = self._asking, None
        self._reply(asking, "200 OK", event, headers)

    def close(self) -> None:
        """Close the listener and all connections."""
        for each in [*self._connections, self._listener]:
            self._selector.unregister(each)
            each.close()
        self._connections.clear()

    def _accept(self) -> None:
        accepted, _ = self._listener.accept()
        accepted.settimeout(_SEND_SECONDS)
        # Head and body leave in one send; without this the next answer would wait for the peer's ACK.
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(accepted)
        self._connections.add(accepted)
        self._selector.register(accepted, selectors.EVENT_READ, lambda: self._receive(connection))

    def _receive(self, connection: _Connection) -> None:
        try:
            data = connection.socket.recv(_READ_BYTES)
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(connection.socket)
            self._connections.discard(connection.socket)
            connection.socket.close()
            return
        connection.received += data
        while request := self._take_request(connection):
            self._serve(connection.socket, request)

    def _take_request(self, connection: _Connection) -> _Request | None:
        end = connection.received.find(b"\r\n\r\n")
        if end < 0:
            return None
        first, *lines = bytes(connection.received[:end]).decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        taken = _take_body(connection.received, end + 4, headers)
        if taken is None:
            if headers.get("expect", "").lower() == "100-continue" and not connection.continued:
                connection.continued = True
                connection.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            return None
        body, length = taken
        del connection.received[:length]
        connection.continued = False
        method, path, _ = first.split(" ", 2)
        return _Request(method, path, body)

    def _serve(self, client: socket.socket, request: _Request) -> None:
        parts = request.path.removeprefix(_PREFIX).strip("/").split("/")
        match request.method, parts:
            case "GET", ["invocation", "next"]:
                self._asking = client
                self.messages.append(RuntimeMessage("ready"))
            case "POST", ["init", "error"]:
                self._said(client, RuntimeMessage("init error", request.body))
            case "POST", ["invocation", request_id, ("response" | "error") as kind]:
                self._said(client, RuntimeMessage(kind, request.body, request_id))
            case _:
                self._reply(client, "404 Not Found", b"", {})

    def _said(self, client: socket.socket, message: RuntimeMessage) -> None:
        self.messages.append(message)
        self._reply(client, "202 Accepted", _ACCEPTED, {})

    def _reply(self, client: socket.socket, status: str, body: bytes, headers: Mapping[str, str]) -> None:
        fields = {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        try:
            client.sendall(f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1") + body)
        except OSError:  # the runtime is gone; whoever waits for it sees the process end
            return


def _take_body(data: bytearray, start: int, headers: Mapping[str, str]) -> tuple[bytes, int] | None:
    """Return the body and the length of the whole message, or None while it is incomplete."""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _take_chunks(data, start)
    end = start + int(headers.get("content-length", "0"))
    return (bytes(data[start:end]), end) if len(data) >= end else None


def _take_chunks(data: bytearray, start: int) -> tuple[bytes, int] | None:
    body = bytearray()
    while (line_end := data.find(b"\r\n", start)) >= 0:
        size = int(bytes(data[start:line_end]).split(b";")[0], 16)
        end = line_end + 2 + size
        if size == 0:
            trailers_end = data.find(b"\r\n\r\n", line_end)
            return (bytes(body), trailers_end + 4) if trailers_end >= 0 else None
        if len(data) < end + 2:
            return None
        body += data[line_end + 2 : end]
        start = end + 2
    return None
