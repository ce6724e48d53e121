"""Read the bytes of an answer: JSON, else JSON in a string, else sealed (traps T13, T24, T25, T27).

The document shows plain JSON and prints a decryption sample; what platforms of this family really send differs.
So every reading is tried, and what none of them fits is told apart from an answer by None.
"""

import base64
import binascii
import json
import re
from decimal import Decimal

from connector.contract.envelope import open_sealed
from connector.contract.spec import Operation
from connector.errors import EnvelopeError

RAW_KEPT = 16 * 1024
"""So many bytes of an answer are kept as they came, for the ledger and for whoever has to look."""

_LAYERS = 4
"""Sealed, a string, sealed within the string, the object: no answer has more."""

_MOST_MESSAGE = 2000
_BOM = b"\xef\xbb\xbf"
_PAIRS = (("code", "msg"), ("resCode", "resMsg"))
_COUNTS = ("counts", "count")
_COUNT = re.compile(r"\d{1,9}", re.ASCII)


def read_answer(raw: bytes, key_text: str) -> dict[str, object] | None:
    """The answer's object, or None when the bytes are no answer; never raises.

    Numbers are int or Decimal, never float (trap T15). Bytes are UTF-8 whatever the header says, GB18030
    where they are not. `key_text` is the key of the request, which a sealed answer opens with (trap T13).
    """
    return open_answer(raw, key_text)[0]


def open_answer(raw: bytes, key_text: str) -> tuple[dict[str, object] | None, bytes]:
    """The answer's object as `read_answer` gives it, and the text it was read from, opened; the same bytes, mostly."""
    value: object = raw
    text = raw
    for _ in range(_LAYERS):
        if isinstance(value, dict):
            return value, text
        if isinstance(value, list):
            value = value[0] if len(value) == 1 else None
        elif isinstance(value, (bytes, str)):
            text = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
            value = _read_layer(text, key_text)
        else:
            return None, text
    return (value, text) if isinstance(value, dict) else (None, text)


def _read_layer(raw: bytes, key_text: str) -> object:
    """What one layer of an answer holds; None when it is neither JSON nor sealed."""
    raw = raw.strip().removeprefix(_BOM).strip()
    if not raw:
        return None
    try:
        return json.loads(_decode(raw), parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError, ArithmeticError):
        return _open(raw, key_text)


def _open(raw: bytes, key_text: str) -> bytes | None:
    """The text inside a sealed message, or inside plain Base64; None when it is neither."""
    try:
        return open_sealed(key_text, raw)
    except EnvelopeError:
        pass
    try:
        plain = base64.b64decode(raw, validate=True)
    except (ValueError, binascii.Error):
        return None
    return plain if plain.lstrip()[:1] in (b"{", b'"') else None


def _decode(raw: bytes) -> str:
    """Text of the bytes; a message in another encoding must not hide the code, which is ASCII."""
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("utf-8", "replace")


def _refuse_constant(name: str) -> object:
    raise ValueError(name)


def read_code(operation: Operation, body: dict[str, object]) -> tuple[str, str]:
    """Code and message of an answer; the code is "" when there is none, or when two contradict each other.

    Both pairs are read on every interface, the documented one first (trap T25); a code is text or a whole
    number (trap T24), a flag or a null is none.
    """
    pairs = _PAIRS if operation.success == "code" else _PAIRS[::-1]
    found = [(_code_text(body.get(code)), body.get(message)) for code, message in pairs]
    given = [(code, message) for code, message in found if code]
    if not given:
        return "", _message_text(next((message for _, message in found if message), None))
    if len({code for code, _ in given}) > 1:
        return "", _message_text(given[0][1])
    code, message = given[0]
    return code, _message_text(message)


def _code_text(value: object) -> str:
    if isinstance(value, bool):
        return ""
    if isinstance(value, Decimal):
        return str(int(value)) if value == value.to_integral_value() and abs(value) < 10**9 else ""
    return str(value).strip() if isinstance(value, (int, str)) else ""


def _message_text(value: object) -> str:
    return "" if value is None else str(value).strip()[:_MOST_MESSAGE]


def read_counts(body: dict[str, object]) -> int | None:
    """How many rows the platform says it saved, under either name, number or text (trap T27).

    None when it does not say, says no whole number, or says two.
    """
    said = {_COUNT.fullmatch(str(body[name]).strip()) for name in _COUNTS if body.get(name) is not None}
    numbers = {int(match.group()) if match else None for match in said}
    return numbers.pop() if len(numbers) == 1 else None


def describe_unreadable(raw: bytes) -> str:
    """What came instead of an answer, without a byte of it."""
    start = raw.lstrip()[:1]
    if not start:
        return "an empty answer"
    if start == b"<":
        return f"a page of {len(raw)} bytes (HTML or XML) instead of an answer"
    return f"an unreadable answer of {len(raw)} bytes: neither JSON nor sealed with this key"
