"""One POST, and exactly what is known of it afterwards. No retry, no redirect, no cookie, no environment.

Built on httpx's transport, below its client: the client's redirects, cookies and request log (which holds the
URL) are what this room must not have, and they cost a quarter of the time of a call.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from connector.errors import ConfigurationError
from connector.load.answer import RAW_KEPT

MOST_ANSWER = 32 * 1024 * 1024
"""An answer of more bytes is cut off, and then is none."""

_LONGEST_CONNECT_S = 15.0

_BEFORE_THE_FIRST_BYTE = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)
"""What httpx raises while it connects (TCP, TLS, a proxy's CONNECT) or builds the head; nothing is written yet.

Everything else, known or not, counts as sent: a WriteError may have written the whole request.
"""

_OWN_HEADERS = frozenset(
    {"connection", "content-length", "content-type", "cookie", "expect", "sessionid", "transfer-encoding"}
)


@dataclass(frozen=True, slots=True)
class Reply:
    """What one POST came to.

    `trouble` is "" for a whole answer with an HTTP 2xx, else what happened. `is_sent` is False only when not
    one byte of the request can have left.
    """

    raw: bytes = field(repr=False)
    trouble: str = ""
    is_sent: bool = True


@dataclass(slots=True)
class Stream:
    """A body that is read while it is sent: its parts, and how many bytes they must have together.

    `began`: the first part was asked for, so the request's head is on its way.
    """

    parts: Iterator[bytes] = field(repr=False)
    size: int
    began: bool = False

    def __iter__(self) -> Iterator[bytes]:
        """Each part, once."""
        self.began = True
        yield from self.parts


class Wire:
    """Two pools of connections to one platform, fresh ones and kept ones. Safe for several threads."""

    def __init__(
        self,
        base_url: str,
        *,
        timeout_s: float,
        headers: Mapping[str, str],
        proxy: str | None = None,
        ca_file: Path | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host = _read_url(base_url).netloc.decode("ascii")
        self._head = _read_headers(headers)
        self._timeout_s = timeout_s
        self._monotonic = monotonic
        self._timeouts = {
            "connect": min(timeout_s, _LONGEST_CONNECT_S),
            "read": timeout_s,
            "write": timeout_s,
            "pool": timeout_s,
        }
        trust = _read_certificates(ca_file)
        self._fresh = _open_pool(trust, proxy, kept=0)
        self._kept = _open_pool(trust, proxy, kept=None)
        self.date_header = ""

    def close(self) -> None:
        """Close every connection."""
        self._fresh.close()
        self._kept.close()

    def post(
        self, url: httpx.URL, content: bytes | Stream, headers: list[tuple[bytes, bytes]], *, fresh: bool
    ) -> Reply:
        """Send once and read the answer; never raises.

        `fresh`: over a connection of its own, so that a connection the other side has just closed cannot leave
        a call in doubt.
        """
        head = [*self._head, *headers]
        if isinstance(content, Stream):
            head.append((b"Content-Length", str(content.size).encode()))
        if fresh:
            head.append((b"Connection", b"close"))
        pool = self._fresh if fresh else self._kept
        try:
            request = httpx.Request(
                "POST", url, headers=head, content=content, extensions={"timeout": self._timeouts}
            )
        except Exception as error:  # noqa: BLE001 - nothing was sent, whatever it is; its text may hold a header
            return Reply(b"", f"the request could not be built ({type(error).__name__})", is_sent=False)
        try:
            response = pool.handle_request(request)
            try:
                return self._read(response)
            finally:
                response.close()
        except _BEFORE_THE_FIRST_BYTE as error:
            began = isinstance(content, Stream) and content.began
            return Reply(b"", self._explain(error), is_sent=began)
        except Exception as error:  # noqa: BLE001 - whatever else went wrong, the request may have arrived
            return Reply(b"", self._explain(error))

    def _read(self, response: httpx.Response) -> Reply:
        """The answer's bytes, up to a size and a time."""
        self.date_header = response.headers.get("date", "")
        is_success = response.is_success
        most = MOST_ANSWER if is_success else RAW_KEPT
        deadline = self._monotonic() + self._timeout_s
        parts: list[bytes] = []
        size = 0
        for part in response.iter_bytes():
            parts.append(part)
            size += len(part)
            if size > most or self._monotonic() > deadline:
                break
        else:
            raw = b"".join(parts)
            return Reply(raw) if is_success else Reply(raw, self._explain_status(response.status_code))
        raw = b"".join(parts)[:RAW_KEPT]
        if not is_success:
            return Reply(raw, self._explain_status(response.status_code))
        if size > most:
            return Reply(raw, f"an answer of more than {MOST_ANSWER // 1024 // 1024} MB")
        return Reply(raw, f"an answer that was not complete after {self._timeout_s:g} s")

    def _explain_status(self, status: int) -> str:
        """What a status other than 2xx tells; it may come from a gateway after the platform did its work."""
        kind = "a redirect (a gateway or a login page?)" if 300 <= status < 400 else "no answer"
        return f"HTTP {status} from {self._host}: {kind}"

    def _explain(self, error: Exception) -> str:
        """What happened, in our words: texts of drivers may hold headers or URLs."""
        chain: list[BaseException] = []
        cause: BaseException | None = error
        while cause is not None and cause not in chain:
            chain.append(cause)
            cause = cause.__cause__ or cause.__context__
        for kind, text in _CAUSES:
            if any(isinstance(each, kind) for each in chain):
                return f"{self._host}: {text}"
        return f"{self._host}: the call failed ({type(error).__name__})"


# The first that is found anywhere in the chain of causes speaks.
_CAUSES: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLCertVerificationError, "its certificate is not trusted; see platform.ca_file"),
    (ssl.SSLError, "TLS failed; is it http rather than https?"),
    (socket.gaierror, "this name is unknown; see platform.base_url and the network"),
    (ConnectionRefusedError, "nothing listens there (connection refused)"),
    (httpx.ConnectTimeout, "no connection within the time allowed"),
    (httpx.PoolTimeout, "no free connection within the time allowed"),
    (httpx.ReadTimeout, "no answer within the time allowed (delivery.timeout_s)"),
    (httpx.WriteTimeout, "the request could not be written within the time allowed"),
    (httpx.ProxyError, "the proxy refuses; see platform.proxy"),
    (httpx.UnsupportedProtocol, "the address is neither http nor https; see platform.base_url"),
    (httpx.LocalProtocolError, "the request's head is not valid; see platform.headers"),
    (httpx.DecodingError, "the answer is compressed and broken"),
    (httpx.RemoteProtocolError, "the connection was closed before the answer was complete"),
    (httpx.ReadError, "the connection broke while the answer was awaited"),
    (httpx.WriteError, "the connection broke while the request was written"),
    (httpx.ConnectError, "no connection can be made"),
)


def _open_pool(trust: ssl.SSLContext, proxy: str | None, *, kept: int | None) -> httpx.HTTPTransport:
    """A pool without retries that keeps so many idle connections (None: all)."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=kept, keepalive_expiry=5.0)
    try:
        through = httpx.Proxy(proxy) if proxy else None
        return httpx.HTTPTransport(verify=trust, trust_env=False, limits=limits, proxy=through, retries=0)
    except (ValueError, ImportError, httpx.InvalidURL):  # their texts may hold the proxy's password
        raise ConfigurationError(
            "platform.proxy is not the URL of a proxy: http://HOST:PORT or https://HOST:PORT is meant."
        ) from None


def _read_certificates(ca_file: Path | None) -> ssl.SSLContext:
    """The certificates to trust: the machine's own, or those of one file. Read once, for both pools."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"platform.ca_file {ca_file} is not a readable file of PEM certificates ({type(error).__name__})."
        ) from None


def _read_url(base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigurationError(
            "platform.base_url is not an address: http://HOST:PORT/nm-his or https://… is meant."
        )
    return url


def _read_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """The settings' headers as bytes; ConfigurationError for one that is ours or cannot travel."""
    taken = sorted(name for name in headers if name.lower() in _OWN_HEADERS)
    if taken:
        raise ConfigurationError(f"platform.headers: {', '.join(taken)} is set by the connector; remove it.")
    wrong = sorted(name for name, value in headers.items() if not _can_travel(name, value))
    if wrong:
        raise ConfigurationError(
            f"platform.headers: {', '.join(wrong)} cannot be a header; use ASCII text without line breaks."
        )
    named = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "injury-connector", **headers}
    return [(name.encode(), value.encode()) for name, value in named.items()]


def _can_travel(name: str, value: str) -> bool:
    is_name = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return is_name and value.isascii() and (value.isprintable() and value == value.strip())
