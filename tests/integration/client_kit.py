"""A client and its platform for tests: settings, bodies, and a raw server for what a simulator never does."""

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any, Self

from connector.config.secrets import Secret
from connector.config.settings import PlatformSettings
from connector.contract.library import contract
from connector.load.client import PlatformClient
from connector.simulator.server import Simulator, serve

KEY = "0123456789abcdef0123456789abcdef"
PASSWORD = "pass-word-77"
START = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
TODAY = date(2026, 3, 5)
UPLOAD = contract().operation("sendMedInfo")
TOTALS = contract().operation("getPerDetail")


def start_platform(**choices: Any) -> Simulator:
    """A simulator that takes any visit and counts rows, unless `choices` say otherwise."""
    choices = {"check_rules": False, "keep_rows": True, "clock": lambda: START, **choices}
    return serve(key_text=KEY, username="demo", password=PASSWORD, **choices)


def make_client(
    url: str, *, timeout_s: float = 5, proxy: str | None = None, **settings: Any
) -> PlatformClient:
    """A client of that platform."""
    made = PlatformSettings(url, "demo", Secret("env:P"), Secret("env:K"), **settings)
    return PlatformClient(made, key_text=KEY, password=PASSWORD, timeout_s=timeout_s, proxy=proxy)


def log_in(client: PlatformClient, day: date = TODAY) -> str:
    """The sessionid of a new session."""
    outcome = client.login(day)
    assert outcome.code == "0", outcome.message
    return str(outcome.body["sessionid"])


def charges(amount: str = "10.0000", *, rows: int = 1, visit: str = "V1") -> bytes:
    """An upload of equal rows."""
    row = {"alc402": "XA11", "alc404": "9", "alc405": amount, "alc406": "1", "alc407": amount, "alc403": "鞘"}
    body = {"akc190": visit, "advices": {"advice": []}, "meds": {"med": [row] * rows}}
    return json.dumps(body, ensure_ascii=False).encode()


def totals(visit: str = "V1") -> bytes:
    """A query of one visit."""
    return json.dumps({"akc190": visit}).encode()


class RawServer:
    """A server that hands each accepted connection to `talk`; it counts connections and keeps what came in."""

    def __init__(self, talk: Callable[[socket.socket], None], *, wrap: Any = None) -> None:
        self.connections = 0
        self.received: list[bytes] = []
        self._talk = talk
        self._wrap = wrap
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def url(self, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}/nm-his"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in (self._thread, *self._threads):
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), self._wrap(connection) if self._wrap else connection as talking:
            self._talk(talking)

    def read_request(self, connection: socket.socket) -> bytes:
        """One whole request; it is kept in `received` too."""
        raw = b""
        while b"\r\n\r\n" not in raw:
            part = connection.recv(65536)
            if not part:
                break
            raw += part
        head, _, body = raw.partition(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        length = int(lengths[0].partition(b":")[2]) if lengths else 0
        while len(body) < length:
            part = connection.recv(65536)
            if not part:
                break
            body += part
        self.received.append(head + b"\r\n\r\n" + body)
        return self.received[-1]


def answer(body: bytes, *, status: str = "200 OK", head: str = "") -> bytes:
    """The bytes of an HTTP answer."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body
