"""What may be wrong with one value, by the type the contract gives its field."""

import re
from collections.abc import Iterator, Mapping
from datetime import date, time
from decimal import Decimal
from functools import lru_cache

from connector.contract.spec import CodeTable, Field, Type
from connector.errors import ConfigurationError

_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?", re.ASCII)
_INTEGER = re.compile(r"-?[0-9]+", re.ASCII)
_URL_SAFE = re.compile(r"[A-Za-z0-9_-]*={0,2}", re.ASCII)
_FOREIGN_SEPARATORS = "，、；;|"
_SHOWN_CODE = re.compile(r"[A-Za-z0-9.]{1,8}", re.ASCII)
_DIRECTIVES = {
    "%Y": ("year", "yyyy"),
    "%m": ("month", "mm"),
    "%d": ("day", "dd"),
    "%H": ("hour", "hh"),
    "%M": ("minute", "mm"),
    "%S": ("second", "ss"),
}

Faults = Iterator[tuple[str, str]]
"""Pairs of rule and message."""


def faults(spec: Field, text: str, codes: Mapping[str, CodeTable], length_in: str) -> Faults:
    """Every rule that a value which is not empty breaks."""
    match spec.type:
        case Type.DECIMAL:
            yield from _decimal(spec, text)
        case Type.INTEGER:
            yield from _integer(spec, text)
        case Type.DATE | Type.DATETIME:
            yield from _date(spec.format or "%Y-%m-%d", text)
            return
        case Type.CODE if spec.codes:
            yield from _code(spec.codes, text, codes)
            return  # a member has its own length, whatever the document says of the field (trap T61)
        case Type.BASE64:
            yield from _base64(text)
        case Type.LIST:
            yield from _list(spec, text, codes)
        case _:
            pass
    if spec.values and text not in spec.values:
        yield "code", f"{shown(text)} is not one of {', '.join(spec.values)}"
        return
    yield from _length(spec, text, length_in)


def shown(text: str) -> str:
    """What may be a code, as it is; anything else only by its length."""
    return repr(text) if _SHOWN_CODE.fullmatch(text) else f"a value of {len(text)} characters"


def _length(spec: Field, text: str, length_in: str) -> Faults:
    """The documented length, in characters or in UTF-8 bytes (trap T85)."""
    size = len(text.encode("utf-8", "surrogatepass")) if length_in == "bytes" else len(text)
    if spec.length is not None and size > spec.length:
        yield "length", f"has {size} {length_in}, at most {spec.length} are allowed"


def _decimal(spec: Field, text: str) -> Faults:
    """Plain notation, digits in all and decimals as written: (10,4) is at most 999999.9999 (trap T74)."""
    if not _DECIMAL.fullmatch(text):
        yield (
            "decimal",
            "is not a plain decimal number (digits and one point; no exponent, no thousands separator)",
        )
        return
    whole, _, decimals = text.removeprefix("-").partition(".")
    scale = spec.scale or 0
    if spec.precision is not None:
        room = spec.precision - scale
        if (digits := len(whole.lstrip("0"))) > room:
            yield "precision", f"has {digits} digits before the point, at most {room} are allowed"
        if len(decimals) > scale:
            yield "scale", f"has {len(decimals)} decimals, at most {scale} are allowed"
    yield from _sign(spec, Decimal(text))


def _integer(spec: Field, text: str) -> Faults:
    """A whole number in digits."""
    if not _INTEGER.fullmatch(text):
        yield "integer", "is not a whole number in digits"
        return
    yield from _sign(spec, Decimal(text))


def _sign(spec: Field, number: Decimal) -> Faults:
    """Zero and negative numbers, where they are not allowed (traps T72, T73)."""
    if number == 0 and (spec.nonzero or spec.positive):
        yield ("nonzero" if spec.nonzero else "positive"), "must not be zero"
    elif number < 0 and spec.positive:
        yield "positive", "must be above zero"


@lru_cache(maxsize=64)
def _date_pattern(form: str) -> tuple[re.Pattern[str], str]:
    """The regular expression of a strftime format, every digit demanded, and the format in the document's words."""
    pattern, words = re.escape(form), form
    for directive, (name, letters) in _DIRECTIVES.items():
        pattern = pattern.replace(re.escape(directive), f"(?P<{name}>[0-9]{{{len(letters)}}})")
        words = words.replace(directive, letters)
    return re.compile(pattern), words


def _date(form: str, text: str) -> Faults:
    """The format to the digit, and a day that is in the calendar."""
    pattern, words = _date_pattern(form)
    found = pattern.fullmatch(text)
    if not found:
        yield "date", f"is not a date written as {words}"
        return
    parts = {name: int(digits) for name, digits in found.groupdict().items()}
    try:
        date(parts.get("year", 2000), parts.get("month", 1), parts.get("day", 1))
        time(parts.get("hour", 0), parts.get("minute", 0), parts.get("second", 0))
    except ValueError:
        yield "date", "is no day or time of the calendar"


def _code(name: str, text: str, codes: Mapping[str, CodeTable]) -> Faults:
    """Membership in a code table; codes are text, leading zeros matter (trap T62)."""
    table = codes.get(name)
    if table is None:
        raise ConfigurationError(f"The contract has no code table {name}; mend connector/contract/data.")
    if text in table.entries:
        return
    few = f": {', '.join(table.entries)}" if len(table.entries) <= 12 else ""
    yield "code", f"{shown(text)} is not a code of {table.name} {table.zh}{few}"


def _base64(text: str) -> Faults:
    """URL-safe alphabet with its padding (trap T10)."""
    if len(text) % 4 or not _URL_SAFE.fullmatch(text):
        yield "base64", "is not URL-safe Base64 with padding ('-' and '_' instead of '+' and '/')"


def _list(spec: Field, text: str, codes: Mapping[str, CodeTable]) -> Faults:
    """Texts separated by a half-width comma, none of them empty (trap T89)."""
    if any(mark in text for mark in _FOREIGN_SEPARATORS):
        yield "separator", "must be separated by ',' (half-width comma) only"
        return
    parts = text.split(",")
    if any(not part or part != part.strip() for part in parts):
        yield "separator", "has an empty element, or blanks around one"
    if spec.codes:
        for part in parts:
            if part.strip():
                yield from _code(spec.codes, part.strip(), codes)
