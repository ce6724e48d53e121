"""The platform over HTTP: seal, post once, judge. The only file that sends to it.

A body is put together and sealed as bytes; nothing of it passes through a form encoder (that alone would cost
more than everything else). Passwords, keys and session ids are in no repr, log or message.
"""

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from datetime import date, datetime
from email.utils import parsedate_to_datetime
from io import BufferedReader
from pathlib import Path

import httpx

from connector.config.settings import PlatformSettings
from connector.contract.envelope import check_key, form_body, login_key, password_digest, seal
from connector.contract.library import contract
from connector.contract.spec import Operation
from connector.errors import EnvelopeError
from connector.load.answer import RAW_KEPT
from connector.load.document import Document, multipart
from connector.load.exchange import Recorder, Talk, left_out, write_exchange
from connector.load.judge import judge
from connector.load.wire import Reply, Wire
from connector.records import Outcome, Verdict

_FORM = (b"Content-Type", b"application/x-www-form-urlencoded")
_JSON = (b"Content-Type", b"application/json;charset=UTF-8")
_SESSION = "sessionid"


class PlatformClient:
    """One account at one platform. Safe for several threads; calls never raise for trouble with the network.

    `key_text` and `password` are the values of `settings.key` and `settings.password`; `headers` and `proxy`
    those of the settings' further headers and proxy (where they are literal they need not be given). The
    `recorder` is handed every call that was tried, as it may be kept, before the call returns.
    Raises EnvelopeError for an impossible key, ConfigurationError for an impossible setting.
    """

    def __init__(
        self,
        settings: PlatformSettings,
        *,
        key_text: str,
        password: str,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
        proxy: str | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        check_key(key_text)
        for library in ("httpx", "httpcore"):  # their logs hold URLs and headers
            logging.getLogger(library).setLevel(logging.WARNING)
        if headers is None:
            headers = {name: value.read({}, Path()) for name, value in settings.headers.items()}
        if proxy is None and settings.proxy is not None:
            proxy = settings.proxy.read({}, Path())
        self.username = settings.username
        self._key_text = key_text
        self._password = password_digest(password)
        self._message_in = settings.message_in
        self._recorder = recorder
        self._base_url = settings.base_url.rstrip("/")
        self._urls: dict[str, httpx.URL] = {}
        self._wire = Wire(
            self._base_url, timeout_s=timeout_s, headers=headers, proxy=proxy, ca_file=settings.ca_file
        )

    def __repr__(self) -> str:
        return f"PlatformClient({self._base_url!r}, {self.username!r})"

    def close(self) -> None:
        """Close every connection; the session is the keeper's business."""
        self._wire.close()

    def call(
        self, operation: Operation, body: bytes, sessionid: str, *, batch_id: int | None = None
    ) -> Outcome:
        """Send `body`, a JSON object without a sessionid, under the hospital's key (traps T7, T14).

        `batch_id` is the ledger's batch that the body carries, for the journal. An operation that may not be repeated goes over a fresh connection, the others over kept ones.
        """
        if trouble := _session_trouble(sessionid):
            return _not_sent(trouble)
        if operation.key != "hospital" or operation.encoding != "sealed":
            return _not_sent(f"{operation.method} ({operation.section}) is not sent as a sealed message")
        if not (body.startswith(b"{") and body.endswith(b"}")):
            return _not_sent("the request's body is not a JSON object")
        return self._send(operation, body, self._key_text, sessionid, batch_id)

    def upload(
        self, operation: Operation, texts: Mapping[str, str], document: Document, sessionid: str
    ) -> Outcome:
        """Send a file as a form (4.18): in the open, its session as a field and in the header (traps T14, T21).

        Over a fresh connection and once: a repetition could use up an invoice's number (trap T111).
        """
        if trouble := _session_trouble(sessionid):
            return _not_sent(trouble)
        if operation.encoding != "multipart":
            return _not_sent(f"{operation.method} ({operation.section}) is not sent as a form")
        fields = {_SESSION: sessionid, **texts}
        try:
            with document.path.open("rb") as file:
                if os.fstat(file.fileno()).st_size != document.size:
                    return _not_sent("the file is another one than it was when it was looked at")
                kind, body = multipart(fields, operation.request.roles["file"], document, file)
                head = [(b"Content-Type", kind), (b"sessionid", sessionid.encode("ascii"))]
                digest = self._digest_file(file)
                began = self._look_at_clocks()
                reply = self._wire.post(self._url(operation), body, head, fresh=True)
        except OSError as error:
            return _not_sent(f"the file cannot be read ({error.strerror or type(error).__name__})")
        outcome = self._judge(operation, reply, self._key_text)
        told = {**texts, operation.request.roles["file"]: left_out(document.kind, document.size, digest)}
        request = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        self._record(began, Talk(operation, request, reply.raw, outcome, self._key_text, sessionid))
        return outcome

    def login(self, day: date) -> Outcome:
        """Log in under the key of a day (4.1); the sessionid is in the outcome's body.

        Over a fresh connection too: a login whose answer is lost locks the account out (21003).
        """
        operation = contract().operation("login")
        return self._send(operation, self._credentials(operation), login_key(day), "", None)

    def logout(self, sessionid: str) -> Outcome:
        """Log out (4.2), under the hospital's key (traps T7, T18); the sessionid of the answer means nothing."""
        operation = contract().operation("logout")
        return self.call(operation, self._credentials(operation), sessionid)

    def digest(self, sessionid: str) -> str:
        """A short mark of a session, for the ledger: keyed, because a sessionid has only a few digits."""
        if not sessionid:
            return ""
        key = hashlib.sha256(self._key_text.encode()).digest()
        return hashlib.blake2b(sessionid.encode(), digest_size=6, key=key).hexdigest()

    @property
    def platform_time(self) -> datetime | None:
        """The platform's clock as its last answer's Date header told it; None when it did not."""
        try:
            return parsedate_to_datetime(self._wire.date_header)
        except ValueError:
            return None

    def _credentials(self, operation: Operation) -> bytes:
        roles = operation.request.roles
        body = {roles["username"]: self.username, roles["password"]: self._password}
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()

    def _send(
        self, operation: Operation, body: bytes, key_text: str, sessionid: str, batch_id: int | None
    ) -> Outcome:
        """Add the session where there is one, seal, post once, judge, record."""
        try:
            sealed = seal(key_text, add_session(body, sessionid) if sessionid else body)
        except EnvelopeError as error:
            return _not_sent(str(error))
        url = self._url(operation)
        match self._message_in:
            case "form":
                content, kind = form_body(sealed), _FORM
            case "query":
                content, kind = b"", _FORM
                url = url.copy_with(query=form_body(sealed))
            case "json":
                content, kind = b'{"message":"' + sealed + b'"}', _JSON
        head = [kind]
        if sessionid:
            head.append((b"sessionid", sessionid.encode("ascii")))
        began = self._look_at_clocks()
        reply = self._wire.post(url, content, head, fresh=not operation.idempotent)
        outcome = self._judge(operation, reply, key_text)
        self._record(began, Talk(operation, body, reply.raw, outcome, key_text, sessionid, batch_id))
        return outcome

    def _look_at_clocks(self) -> tuple[datetime, float] | None:
        """The moment a call begins; None where nothing is recorded."""
        return (self._recorder.now(), self._recorder.monotonic()) if self._recorder else None

    def _record(self, began: tuple[datetime, float] | None, talk: Talk) -> None:
        """Hand a call over."""
        if self._recorder is None or began is None:
            return
        at, started = began
        self._recorder.take(write_exchange(talk, at, round((self._recorder.monotonic() - started) * 1000)))

    def _digest_file(self, file: BufferedReader) -> str:
        """The SHA-256 of a file that is to be sent, for the journal; "" where nothing is recorded."""
        if self._recorder is None:
            return ""
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        return digest

    def _judge(self, operation: Operation, reply: Reply, key_text: str) -> Outcome:
        if not reply.is_sent:
            return _not_sent(reply.trouble)
        if reply.trouble:
            return Outcome(Verdict.IN_DOUBT, message=reply.trouble, raw=reply.raw[:RAW_KEPT])
        return judge(operation, reply.raw, key_text)

    def _url(self, operation: Operation) -> httpx.URL:
        url = self._urls.get(operation.path)
        if url is None:
            url = self._urls[operation.path] = httpx.URL(self._base_url + operation.path)
        return url


def add_session(body: bytes, sessionid: str) -> bytes:
    """The body with the sessionid as its first member, as a string (traps T14, T15)."""
    rest = body[1:].lstrip()
    member = b'{"' + _SESSION.encode() + b'":' + json.dumps(sessionid).encode()
    return member + (rest if rest == b"}" else b"," + rest)


def _session_trouble(sessionid: str) -> str:
    """Why nothing can be sent in this session; "" when it can."""
    if not sessionid:
        return "no session is open"
    if not (sessionid.isascii() and sessionid.isprintable()):
        return "the session id cannot travel in a header"
    return ""


def _not_sent(why: str) -> Outcome:
    return Outcome(Verdict.NOT_SENT, message=why)
