"""Cells as drivers give them, made into the columns of a chunk.

There is a quick way for a whole column and a patient one cell by cell; the second decides what a value means,
the first may only agree with it. A cell that does not fit its column's type becomes null and is listed
(`Chunk.undecodable`), so that its row is quarantined and not guessed at. Two things are null without being
listed, because they are the database's way to say "nothing": a blank in a column of numbers or times, and
MySQL's zero date.
"""

import re
from codecs import lookup
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Context, Decimal, InvalidOperation
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connector.extract.columns import Column, ColumnType

Array: TypeAlias = "pa.Array[Any]"
Built: TypeAlias = "tuple[Array, list[int]]"
"""A column of a chunk, and the rows whose cell did not fit."""

_EXACT_INTEGERS = 2**53  # above it a double no longer tells whole numbers apart
_EXACT_DIGITS = 10**15  # below it a double gives back every decimal digit that was stored
_INT64 = 2**63
_WIDE = Context(prec=38)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_WHOLE = re.compile(r"[+-]?\d{1,19}")
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?)?)?",
)
_ZERO_DATE = re.compile(r"0000-00-00([ T]00:00(:00(\.0+)?)?)?")


class Misfit(Exception):
    """A quick reader could not keep a column's cells apart; the page has to be read the patient way."""


def from_arrow(raw: Array, column: Column, *, own: str = "utf-8") -> Built:
    """A column that a driver gave as Arrow; `own` is the encoding of its bytes where none is declared.

    Raises Misfit where the driver has already blurred the cells (SQLite's whole numbers among reals).
    """
    storage = raw.storage if isinstance(raw, pa.ExtensionArray) else raw
    if storage.null_count == len(storage):
        return pa.array([None] * len(storage), column.arrow), []
    if pa.types.is_floating(storage.type) and column.type == "decimal":
        return _from_doubles(storage, column)
    if _is_blurred(storage.type, column.type):
        raise Misfit
    if column.arrow == pa.string():
        return _text(storage, column.encoding or ("utf-8" if column.type == "bytes" else own))
    if pa.types.is_binary(storage.type):
        storage = _as_string(storage)
    try:
        # Of a time with nanoseconds the microseconds are kept, as every other driver does.
        return pc.cast(storage, column.arrow, safe=not pa.types.is_timestamp(storage.type)), []
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return from_cells(storage.to_pylist(), column)


def from_cells(cells: Sequence[Any], column: Column) -> Built:
    """A column that a driver gave as Python objects."""
    if column.raw:
        return _raw(cells), []
    quick = _quick(cells, column)
    if quick is not None:
        return quick, []
    convert = _CONVERT.get(column.type)
    values: list[Any] = []
    bad: list[int] = []
    for row, cell in enumerate(cells):
        try:
            value = _decoded(cell, column.encoding or "utf-8")
            values.append(convert(value, column) if convert and value is not None else _as_text(value))
        except (ValueError, ArithmeticError):
            values.append(None)
            bad.append(row)
    return pa.array(values, column.arrow), bad


def _raw(cells: Sequence[Any]) -> Array:
    """Files as they are; where a column without a type holds none but texts, they are paths."""
    if all(cell is None or isinstance(cell, str) for cell in cells):
        return pa.array(cells, pa.string())
    return pa.array([_bytes(cell) for cell in cells], pa.binary())


def _bytes(cell: Any) -> bytes | None:
    """One file; Oracle's driver gives something that has to be read."""
    if cell is None:
        return None
    content = cell.read() if hasattr(cell, "read") else cell
    return content.encode() if isinstance(content, str) else bytes(content)


def _quick(cells: Sequence[Any], column: Column) -> "Array | None":
    """The column in one go, or None where a cell is of another kind than the column."""
    kinds = {type(cell) for cell in cells} - {type(None)}
    expected = {
        "integer": int,
        "decimal": Decimal,
        "float": float,
        "timestamp": datetime,
        "date": date,
        "text": str,
        "other": str,
    }.get(column.type)
    if kinds and kinds != {expected}:
        return None
    try:
        return pa.array(cells, column.arrow)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return None


def _is_blurred(given: pa.DataType, wanted: ColumnType) -> bool:
    """Whether the driver's type can have lost what the column's type must keep."""
    if wanted in ("integer", "boolean", "timestamp", "date"):
        return pa.types.is_floating(given) or (wanted in ("timestamp", "date") and pa.types.is_integer(given))
    if wanted in ("text", "bytes", "other"):
        return not (pa.types.is_string(given) or pa.types.is_large_string(given) or pa.types.is_binary(given))
    return False


# --- text ----------------------------------------------------------------------------------------------------


def _text(raw: Array, encoding: str) -> Built:
    if pa.types.is_binary(raw.type):
        if lookup(encoding).name != "utf-8" and not _is_ascii(raw, encoding):
            return _decode_each(raw, encoding)
        raw = raw.view(pa.string())
    try:
        raw.validate(full=True)
    except pa.ArrowInvalid:
        return _decode_each(raw.view(pa.binary()), "utf-8")
    return (raw if raw.type == pa.string() else raw.cast(pa.string())), []


def _is_ascii(raw: Array, encoding: str) -> bool:
    """Whether the bytes are the same text in UTF-8 and in `encoding`."""
    if "a".encode(encoding) != b"a":
        return False
    return bool(pc.all(pc.string_is_ascii(raw.view(pa.string())), min_count=0).as_py())


def _decode_each(raw: Array, encoding: str) -> Built:
    """Decode every distinct value once: columns of names and units repeat themselves."""
    coded = raw.dictionary_encode()
    texts: list[str | None] = []
    for value in coded.dictionary.to_pylist():
        try:
            texts.append(_decoded(value, encoding))
        except UnicodeDecodeError:
            texts.append(None)
    built = pc.take(pa.array(texts, pa.string()), coded.indices)
    bad = pc.and_(pc.is_null(built), pc.is_valid(raw))
    return built, np.flatnonzero(np.asarray(bad)).tolist()


def _as_string(raw: Array) -> Array:
    """Digits and dates that came as bytes, as text."""
    text, bad = _text(raw, "utf-8")
    if bad:
        raise Misfit
    return text


def _decoded(cell: Any, encoding: str) -> Any:
    return bytes(cell).decode(encoding) if isinstance(cell, (bytes, bytearray, memoryview)) else cell


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float):
        return _plain(Decimal(format(value, ".15g")))
    return _plain(value) if isinstance(value, Decimal) else str(value)


def _plain(value: Decimal) -> str:
    return format(value, "f")


# --- numbers -------------------------------------------------------------------------------------------------


def _from_doubles(raw: Array, column: Column) -> Built:
    """Exact numbers of SQLite, which keeps 2 as a whole number and 2.5 as a double in the same column.

    A double means the decimal of up to 15 digits that SQLite itself prints for it; whole numbers that a double
    cannot hold were blurred by the driver (Misfit).
    """
    values = np.asarray(raw.fill_null(0.0).to_numpy(zero_copy_only=False), dtype=np.float64)
    if not (np.abs(values) < _EXACT_INTEGERS).all():
        raise Misfit
    factor = 10.0**_PRICE_DECIMALS
    scaled = np.rint(values * factor)
    plain = (np.abs(scaled) < _EXACT_DIGITS) & (scaled / factor == values)
    whole = pa.array(np.where(plain, scaled, 0).astype(np.int64), mask=_nulls(raw))
    built = pc.cast(_scaled(whole, _PRICE_DECIMALS), column.arrow)
    if plain.all():
        return built, []
    patched, bad = from_cells(values[~plain].tolist(), column)
    rows = np.flatnonzero(~plain)
    return pc.replace_with_mask(built, pa.array(~plain), patched), rows[bad].tolist()


_PRICE_DECIMALS = 5
"""Decimals of nearly every price and amount; others go the patient way."""


def _nulls(raw: Array) -> Any:
    return np.asarray(pc.is_null(raw))


def _scaled(whole: Array, scale: int) -> Array:
    """Whole numbers as exact numbers with `scale` decimals: 12345 with 2 is 123.45."""
    low = np.asarray(whole.fill_null(0))
    words = np.empty((len(low), 2), dtype="<i8")
    words[:, 0] = low
    words[:, 1] = low >> 63
    validity = pc.is_valid(whole).buffers()[1] if whole.null_count else None
    return pa.Array.from_buffers(
        pa.decimal128(19, scale), len(low), [validity, pa.py_buffer(words.tobytes())]
    )


def _integer(value: Any, _column: Column) -> int | None:
    if isinstance(value, str):
        if not value.strip():
            return None
        if not _WHOLE.fullmatch(value.strip()):
            raise ValueError
    number = int(value)
    if number != _number(value) or not -_INT64 <= number < _INT64:
        raise ValueError
    return number


def _number(value: Any) -> Decimal:
    if isinstance(value, float):
        return Decimal(format(value, ".15g"))
    if isinstance(value, (int, Decimal)):
        return Decimal(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return Decimal(value.strip())
    raise ValueError


def _decimal(value: Any, column: Column) -> Decimal | None:
    if isinstance(value, str) and not value.strip():
        return None
    number = _number(value)
    if not number.is_finite():
        raise ValueError
    try:
        return number.quantize(Decimal(1).scaleb(-column.scale), context=_WIDE)
    except InvalidOperation:
        raise ValueError from None


def _float(value: Any, _column: Column) -> float | None:
    if isinstance(value, str) and not value.strip():
        return None
    return float(value)


# --- times ---------------------------------------------------------------------------------------------------


def _timestamp(value: Any, _column: Column) -> datetime | None:
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            raise ValueError
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    if not isinstance(value, str):
        raise ValueError  # noqa: TRY004 - a cell that does not fit is listed, whatever the reason
    return parse_time(value)


def parse_time(text: str) -> datetime | None:
    """A time as databases write it, to the microsecond; None for a blank or a zero date.

    Raises ValueError for anything else.
    """
    text = text.strip()
    if not text or _ZERO_DATE.fullmatch(text):
        return None
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError
    year, month, day, hour, minute, second, fraction = match.groups(default="0")
    micro = int(fraction.ljust(6, "0"))
    return datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), micro)  # noqa: DTZ001 - the hospital's times are local


def _date(value: Any, column: Column) -> date | None:
    moment = _timestamp(value, column)
    if moment is None:
        return None
    if moment.time() != time():
        raise ValueError
    return moment.date()


_CONVERT: dict[ColumnType, Callable[[Any, Column], Any]] = {
    "integer": _integer,
    "boolean": _integer,
    "decimal": _decimal,
    "float": _float,
    "timestamp": _timestamp,
    "date": _date,
}
