"""One HTTP connection of the simulator: reading the message, and everything that can go wrong with a network."""

import json
import os
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from connector.contract.spec import Operation
from connector.simulator.answers import content_type
from connector.simulator.faults import Faults, Strike
from connector.simulator.files import Form, read_form
from connector.simulator.reception import Request

_LARGEST_BODY = 64 * 1024 * 1024
_HTML = "text/html;charset=utf-8"
_PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
_STATUS = {f"N.{status}.{when}": HTTPStatus(status) for status in (500, 502, 504) for when in ("A", "B")}
_LOST = ("N.lose_request", "N.reset")
_NO_LINGER = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)


class Cut(Exception):
    """The connection ends here; `reset` says by a TCP reset instead of an orderly end."""

    def __init__(self, *, reset: bool = False) -> None:
        self.reset = reset
        super().__init__()


class PlatformServer(ThreadingHTTPServer):
    """A thread a connection. Stopping ends the connections too, so that no thread is left behind."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(
        self,
        port: int,
        *,
        operations: dict[str, Operation],
        faults: Faults,
        styles: frozenset[str],
        serve: Callable[[Request], bytes | None],
        wait: Callable[[], object],
        internal_errors: list[str],
    ) -> None:
        self.operations = operations
        self.faults = faults
        self.styles = styles
        self.serve = serve
        self.wait = wait
        self.internal_errors = internal_errors
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), Exchange)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Note the connection before its thread starts, so that stopping overlooks none."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection, then close it."""
        self._open.discard(request)
        super().shutdown_request(request)

    def end_connections(self) -> None:
        """Close every open connection, idle or busy."""
        for connection in tuple(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - the parent's signature
        """Print nothing, because requests carry patients' data; a fault of ours is noted by its kind."""
        kind = sys.exc_info()[0]
        if kind is not None and not issubclass(kind, OSError):
            self.internal_errors.append(f"connection: {kind.__name__}")


class Exchange(BaseHTTPRequestHandler):
    """The requests of one connection."""

    protocol_version = "HTTP/1.1"
    server_version = "simulator"
    sys_version = ""
    disable_nagle_algorithm = True

    @property
    def platform(self) -> PlatformServer:
        """The server that this connection belongs to."""
        return cast("PlatformServer", self.server)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's signature
        """Keep no log: requests carry patients' data."""

    def handle(self) -> None:
        """Serve the requests of this connection until it ends or is cut."""
        try:
            super().handle()
        except Cut as cut:
            self._end(reset=cut.reset)
        except OSError:
            self._end(reset=False)

    def do_POST(self) -> None:
        """One call."""
        self._exchange()

    def do_GET(self) -> None:
        """One call whose message stands in the query."""
        self._exchange()

    def _exchange(self) -> None:
        operation = self.platform.operations.get(urlsplit(self.path).path)
        if operation is None:
            self._read(self._length())
            self._send(HTTPStatus.NOT_FOUND, _PAGE.format("404 Not Found").encode(), _HTML)
            return
        struck = self.platform.faults.strike(operation.method)
        length = self._length()
        if "N.body_mid" in struck:
            self._read(length // 2)
            raise Cut(reset=True)
        body_in = self._read(length)
        if self._fails_before(struck):
            return
        sealed = operation.encoding == "sealed"
        request = Request(
            operation,
            self._message(body_in) if sealed else "",
            self.headers.get("sessionid", "").strip(),
            struck,
            None if sealed else self._form(body_in),
        )
        body = self.platform.serve(request)
        self.platform.wait()
        if body is None:
            raise Cut
        self._answer(struck, body)

    def _fails_before(self, struck: Strike) -> bool:
        """Whether the request was lost, or answered, before it reached the platform's logic."""
        for name in _LOST:
            if name in struck:
                raise Cut(reset=name == "N.reset")
        if "N.redirect" in struck:
            self._send(HTTPStatus.FOUND, b"", _HTML, ("Location", self.path))
            return True
        if "N.html_200" in struck and not struck["N.html_200"].get("commit", True):
            self._send(HTTPStatus.OK, _PAGE.format("Gateway").encode(), _HTML)
            return True
        return self._fails_with_status(struck, "B")

    def _fails_with_status(self, struck: Strike, when: str) -> bool:
        for name, status in _STATUS.items():
            if name in struck and name.endswith(when):
                self._send(status, _PAGE.format(f"{status.value} {status.phrase}").encode(), _HTML)
                return True
        return False

    def _answer(self, struck: Strike, body: bytes) -> None:
        """Send the answer, or what a bad network leaves of it."""
        if "N.sent_no_answer" in struck:
            raise Cut
        if self._fails_with_status(struck, "A"):
            return
        if "N.html_200" in struck:
            self._send(HTTPStatus.OK, _PAGE.format("Gateway").encode(), _HTML)
            return
        whole = self._compose(HTTPStatus.OK, body, content_type(self.platform.styles))
        if "N.answer_head" in struck:
            self.wfile.write(whole[:20])
            raise Cut
        if "N.answer_mid" in struck:
            self.wfile.write(whole[: len(whole) - (len(body) + 1) // 2])
            raise Cut
        if "N.answer_garbled" in struck:
            whole = whole[: -len(body)] + bytes(255 - byte for byte in body)
        self.wfile.write(whole)

    def _length(self) -> int:
        text = self.headers.get("Content-Length", "0")
        if not text.isdecimal() or "Transfer-Encoding" in self.headers:
            self._send(HTTPStatus.LENGTH_REQUIRED, b"", _HTML)
            raise Cut
        if int(text) > _LARGEST_BODY:
            self._send(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"", _HTML)
            raise Cut
        return int(text)

    def _read(self, length: int) -> bytes:
        body = self.rfile.read(length)
        if len(body) < length:
            raise Cut
        return body

    def _message(self, body: bytes) -> str:
        """The parameter `message`: of a form, a query or a JSON object (T12); "" when it is missing."""
        kind = self.headers.get("Content-Type", "").split(";")[0].strip().lower()
        if kind == "application/json":
            try:
                content = json.loads(body)
            except (ValueError, RecursionError):
                return ""
            return str(content.get("message") or "") if isinstance(content, dict) else ""
        if body.startswith(b"message=") and b"&" not in body:
            return _read_escaped(body[len(b"message=") :])
        query = urlsplit(self.path).query
        fields = parse_qs(body.decode("ascii", "replace") if body else query)
        return fields.get("message", [""])[0]

    def _form(self, body: bytes) -> Form | None:
        return read_form(self.headers.get("Content-Type", ""), body)

    def _compose(self, status: HTTPStatus, body: bytes, kind: str, *headers: tuple[str, str]) -> bytes:
        lines = [
            f"HTTP/1.1 {status.value} {status.phrase}",
            f"Content-Type: {kind}",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in headers),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body

    def _send(self, status: HTTPStatus, body: bytes, kind: str, *headers: tuple[str, str]) -> None:
        self.wfile.write(self._compose(status, body, kind, *headers))

    def _end(self, *, reset: bool) -> None:
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self.rfile.close()
            self.connection.close()


def _read_escaped(value: bytes) -> str:
    """A form value; an unescaped + is a blank, as every form decoder reads it (T11)."""
    value = value.replace(b"+", b" ")
    for escaped, plain in ((b"%2B", b"+"), (b"%2F", b"/"), (b"%3D", b"="), (b"%2b", b"+"), (b"%2f", b"/")):
        value = value.replace(escaped, plain)
    if b"%" in value:
        return parse_qs("message=" + value.replace(b"+", b"%2B").decode("ascii", "replace")).get(
            "message", [""]
        )[0]
    return value.decode("ascii", "replace")
