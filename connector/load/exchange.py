"""One call as it is kept: what was sent and what came, without what nobody may read later (sections 2.4, 6.4).

Left out are passwords, sessions and codes scanned from electronic cards, wherever they stand and also where the
platform repeats them, and files, of which kind, size and SHA-256 are kept. The contract says by role and by type
which fields these are. Most calls have none of them: their texts are kept as they went and came.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from connector.contract.library import contract
from connector.contract.spec import Effect, Field, Node, Operation, Type
from connector.load.answer import open_answer
from connector.load.document import kind_of
from connector.records import Exchange, Outcome

_SECRET_ROLES = frozenset({"password", "qr", "session"})
_HIDDEN = "(left out)"
LEFT_OUT = ("left_out", "bytes", "sha256")
"""What is told of a file or text that is not kept: its kind, size and digest."""

_MOST_KEPT = 1024 * 1024
"""A longer answer is told in size and digest."""

_LONG = 12
"""A secret so long is replaced within other text too; a shorter one only where it stands by itself."""


@dataclass(frozen=True, slots=True)
class Recorder:
    """Who is told of every call, in the thread of the call, and by which clocks it is timed."""

    take: Callable[[Exchange], None]
    now: Callable[[], datetime]
    monotonic: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Talk:
    """A call as its client saw it. `raw` is the whole answer; `key_text` opens it; `sessionid` must not be kept."""

    operation: Operation
    request: bytes = field(repr=False)
    raw: bytes = field(repr=False)
    outcome: Outcome
    key_text: str = field(repr=False)
    sessionid: str = field(repr=False)
    batch_id: int | None = None


def write_exchange(talk: Talk, at: datetime, duration_ms: int) -> Exchange:
    """A call as the journal keeps it."""
    operation, outcome = talk.operation, talk.outcome
    request, secrets, invoices = _clean_request(operation, talk.request)
    hidden = [secret for secret in (talk.sessionid, *secrets) if secret]
    return Exchange(
        at=at,
        operation=operation.method,
        visit=read_visit(operation, request),
        verdict=outcome.verdict,
        code=outcome.code,
        message=_scrub(outcome.message, hidden),
        request=request,
        answer=_clean_answer(talk, hidden),
        duration_ms=duration_ms,
        batch_id=talk.batch_id,
        invoices=invoices,
    )


def left_out(kind: str, size: int, digest: str) -> dict[str, object]:
    """What stands in the place of a file."""
    return dict(zip(LEFT_OUT, (kind or "unknown", size, digest), strict=True))


def read_visit(operation: Operation, request: bytes) -> str:
    """The number of the visit that a request is about, "" where it names none; the request is not parsed."""
    pattern = _visit_pattern(operation.method)
    found = pattern.search(request) if pattern else None
    if not found:
        return ""
    try:
        return str(json.loads(found.group(1))).strip()
    except ValueError:
        return ""


@cache
def _visit_pattern(method: str) -> re.Pattern[bytes] | None:
    """Finds the text of the visit's number. A quote inside a text is escaped, so a name is found only as a name."""
    request = contract().operation(method).request
    name = next((node.roles["visit"] for node in _nodes(request) if "visit" in node.roles), "")
    return re.compile(rb'"%s"\s*:\s*("(?:[^"\\]|\\.)*"|-?\d+)' % name.encode()) if name else None


def _nodes(node: Node) -> Iterator[Node]:
    """A node, and every node below."""
    yield node
    yield from (child for _, child in node.walk() if isinstance(child, Node))


@cache
def _secret_names() -> frozenset[str]:
    """The names of fields that are a secret in some interface: they are one in every interface."""
    return frozenset(
        name.casefold()
        for operation in contract().operations.values()
        for side in (operation.request, operation.answer)
        for node in _nodes(side)
        for role, name in node.roles.items()
        if role in _SECRET_ROLES
    )


@cache
def _secret_bytes() -> tuple[bytes, ...]:
    return tuple(name.encode() for name in sorted(_secret_names()))


@cache
def _file_names(method: str) -> frozenset[str]:
    """Fields of an interface that hold a whole file as Base64."""
    operation = contract().operation(method)
    return frozenset(
        child.name
        for side in (operation.request, operation.answer)
        for _, child in side.walk()
        if isinstance(child, Field) and child.type is Type.BASE64
    )


@cache
def _answer_names(method: str) -> frozenset[str]:
    """Fields that the document has in an interface's answer."""
    answer = contract().operation(method).answer
    return frozenset(child.name for _, child in answer.walk() if isinstance(child, Field))


@cache
def _invoice_names(method: str) -> frozenset[str]:
    """Fields of an interface that hold an invoice's number."""
    request = contract().operation(method).request
    return frozenset(node.roles["invoice"] for node in _nodes(request) if "invoice" in node.roles)


def find_invoices(operation: Operation, request: object) -> tuple[str, ...]:
    """The numbers of the invoices in a request (4.13, 4.18, 4.26), in their order."""
    names = _invoice_names(operation.method)
    found = _values(request, names) if names else ()
    return tuple(dict.fromkeys(number for number in found if number))


def _values(value: object, names: frozenset[str]) -> Iterator[str]:
    """What stands under these names, at any depth."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name in names and isinstance(inner, (str, int)):
                yield str(inner).strip()
            else:
                yield from _values(inner, names)
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner, names)


def _clean_request(operation: Operation, request: bytes) -> tuple[bytes, list[str], tuple[str, ...]]:
    """A request without secrets and files, the secrets that were in it, and its invoices."""
    files = _file_names(operation.method)
    if not (files or _invoice_names(operation.method) or _names_secret(request)):
        return request, [], ()
    try:
        body = json.loads(request, parse_float=Decimal)
        cleaner = _Cleaner(files)
        return _write(cleaner.clean(body)), cleaner.found, find_invoices(operation, body)
    except (ValueError, RecursionError):
        return _write(_describe(request)), [], ()


def _clean_answer(talk: Talk, hidden: list[str]) -> bytes:
    """An answer's text, opened, without secrets; what cannot be read is kept only where it can hold none."""
    if not talk.raw:
        return b""
    body, text = open_answer(talk.raw, talk.key_text)
    operation = talk.operation
    is_suspect = _names_secret(text) or any(one.encode("utf-8", "surrogatepass") in text for one in hidden)
    is_unreadable = body is None and (is_suspect or operation.effect is Effect.SESSION)
    if is_unreadable or len(text) > _MOST_KEPT:
        return _write(_describe(text))
    files = _file_names(operation.method)
    if body is None or not (files or is_suspect):
        return text
    try:
        return _write(_Cleaner(files, tuple(hidden), _answer_names(operation.method)).clean(body))
    except RecursionError:
        return _write(_describe(text))


def _names_secret(text: bytes) -> bool:
    lowered = text.lower()
    return any(name in lowered for name in _secret_bytes())


@dataclass(slots=True)
class _Cleaner:
    """Takes out secrets and files. `hidden` are secrets that are known; `documented` names may hold an amount like one.

    `found` are the secrets that stood under their names.
    """

    files: frozenset[str]
    hidden: tuple[str, ...] = ()
    documented: frozenset[str] = frozenset()
    found: list[str] = field(default_factory=list)

    def clean(self, value: Any, name: str = "") -> Any:
        """A value that stands under a name, and all below it."""
        if isinstance(value, Mapping):
            return {inner: self.clean(part, inner) for inner, part in value.items()}
        if isinstance(value, list):
            return [self.clean(part, name) for part in value]
        if value in ("", None):
            return value
        if name.casefold() in _secret_names():
            self.found.append(str(value))
            return _HIDDEN
        if str(value) in self.hidden and name not in self.documented:
            return _HIDDEN
        return self._clean_text(value, name) if isinstance(value, str) else value

    def _clean_text(self, text: str, name: str) -> object:
        """A text, or the file in it."""
        return _describe_file(text) if name in self.files else _scrub(text, self.hidden)


def _scrub(text: str, hidden: Sequence[str]) -> str:
    """A text without secrets. A number of a few digits is left where it is the whole text: it may be an amount."""
    for secret in hidden:
        if secret not in text:
            continue
        if len(secret) >= _LONG:
            text = text.replace(secret, _HIDDEN)
        elif text != secret:
            alone = rf"(?<![0-9A-Za-z.]){re.escape(secret)}(?![0-9A-Za-z]|\.[0-9])"
            text = re.sub(alone, _HIDDEN, text)
    return text


def _describe(text: bytes) -> dict[str, object]:
    """What stands in the place of a text that is not kept."""
    return left_out("text", len(text), hashlib.sha256(text).hexdigest())


def _describe_file(text: str) -> dict[str, object]:
    """What stands in the place of a file in Base64, of either alphabet (trap T10)."""
    plain = text.translate(str.maketrans("-_", "+/"))
    try:
        content = base64.b64decode(plain + "=" * (-len(plain) % 4))
    except (ValueError, binascii.Error):
        content = text.encode("utf-8", "surrogatepass")
    return left_out(kind_of(content), len(content), hashlib.sha256(content).hexdigest())


def _write(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).encode(
        "utf-8", "surrogatepass"
    )
