"""Columns of any source type as text, and what may be wrong with a text.

Everything works on whole Arrow arrays. Numbers are written plainly (no exponent, no zeros after the last
decimal), so that one value has one text whatever the database's type for it is; a float is written by its
shortest text, never by its binary value.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

kernels: Any = pyarrow.compute
"""Arrow's kernels, without the stubs' overloads: they know no array whose type is decided at run time."""

if TYPE_CHECKING:  # Arrow's arrays take no parameter at run time
    Array: TypeAlias = pa.Array[Any]
    Column: TypeAlias = pa.Array[Any] | pa.ChunkedArray[Any]
else:
    Array, Column = pa.Array, pa.Array | pa.ChunkedArray
Mask: TypeAlias = npt.NDArray[np.bool_]
"""One truth value per element."""

_CONTROL = r"[\x00-\x1F\x7F\x{80}-\x{9F}\x{2028}\x{2029}]"
_FULL_WIDTH = r"[０-９Ａ-Ｚａ-ｚ]"
_TRAILING = re.compile(r"\.?0+$")


def plain(column: Column) -> Array:
    """The values as text (string, null where the column is null), not trimmed.

    Integers as digits; decimals and floats plainly; booleans 1 and 0; dates ISO 8601; times
    `2024-01-31 08:30:00`, with a fraction where there is one. TypeError for bytes and nested types.
    """
    values = whole(column)
    kind = values.type
    if pa.types.is_string(kind):
        return values
    if pa.types.is_boolean(kind):
        return values.cast(pa.int8()).cast(pa.string())
    if pa.types.is_decimal(kind) or pa.types.is_floating(kind):
        return _plain_numbers(values)
    if pa.types.is_timestamp(kind):
        text = values.cast(pa.string())
        return _without_empty_fraction(text)
    if _is_plain_enough(kind):
        return values.cast(pa.string())
    raise TypeError(f"values of type {kind} have no text")


def whole(column: Column) -> Array:
    """A column in one piece and without dictionary; long strings as strings."""
    values: Any = column
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_large_string(values.type) or pa.types.is_string_view(values.type):
        values = values.cast(pa.string())
    return values  # type: ignore[no-any-return]


def trimmed(texts: Array) -> Array:
    """Without blanks at both ends, ideographic ones and CHAR padding included; null becomes empty."""
    done: Array = kernels.fill_null(kernels.utf8_trim_whitespace(texts), "")
    return done


def key_text(column: Column) -> Array:
    """The one text form of keys and visit columns: plain, trimmed, null as "" (string, no nulls)."""
    return trimmed(plain(column))


def is_blank(column: Column) -> Mask:
    """Where a column is null or holds nothing but blanks."""
    return mask(kernels.equal(key_text(column), ""))


def mask(truth: Array) -> Mask:
    """An Arrow boolean array as a numpy one; null is false."""
    found: Mask = kernels.fill_null(truth, False).to_numpy(zero_copy_only=False)
    return found


def has_controls(texts: Array) -> Mask:
    """Where a text holds a control character or a line break (Unicode Cc, U+2028, U+2029)."""
    if not _may_hold_controls(texts):
        return np.zeros(len(texts), np.bool_)
    return mask(kernels.match_substring_regex(texts, pattern=_CONTROL))


def without_controls(texts: Array) -> Array:
    """Every run of control characters and line breaks as one blank, and trimmed."""
    if not _may_hold_controls(texts):
        return texts
    return trimmed(kernels.replace_substring_regex(texts, pattern=_CONTROL + "+", replacement=" "))


def has_full_width(texts: Array) -> Mask:
    """Where a text without Chinese characters holds full-width digits or Latin letters (１２Ａ, not １床)."""
    if not (_bytes(texts) == 0xEF).any():  # the lead byte of U+F000–U+FFFF
        return np.zeros(len(texts), np.bool_)
    chinese = kernels.match_substring_regex(texts, pattern=r"\p{Han}")
    return mask(kernels.match_substring_regex(texts, pattern=_FULL_WIDTH)) & ~mask(chinese)


def sizes(texts: Array, unit: str) -> npt.NDArray[np.int32]:
    """How long the texts are, in `characters` or in UTF-8 `bytes`."""
    lengths = kernels.binary_length(texts) if unit == "bytes" else kernels.utf8_length(texts)
    found: npt.NDArray[np.int32] = lengths.to_numpy(zero_copy_only=False)
    return found


def glued(columns: Sequence[Array], separator: str) -> Array:
    """Several columns of text as one; null parts leave no separator, and where all are null it is ""."""
    first, *others = columns
    nothing = kernels.coalesce(*columns).is_null()
    # Arrow's join would leave out the elements whose parts are all null
    first = kernels.if_else(nothing, "", first)
    joined: Array = kernels.binary_join_element_wise(first, *others, separator, null_handling="skip")
    return joined


def cut(text: str, length: int, unit: str) -> str:
    """The longest beginning of a text that fits, never half a character, without blanks at its end."""
    if unit == "bytes":
        return text.encode()[:length].decode(errors="ignore").rstrip()
    return text[:length].rstrip()


def _plain_numbers(column: Array) -> Array:
    """Decimals and floats: trailing zeros and exponents written out."""
    text: Any = column.cast(pa.string())
    text = kernels.replace_substring_regex(text, pattern=r"^(-?[0-9]+\.[0-9]*?)0+$", replacement=r"\1")
    text = kernels.replace_substring_regex(text, pattern=r"^(-?[0-9]+)\.$", replacement=r"\1")
    text = kernels.if_else(kernels.equal(text, "-0"), "0", text)
    odd = mask(kernels.match_substring_regex(text, pattern=r"[eE]"))
    if odd.any():
        values: Any = text.to_pylist()
        for row in np.flatnonzero(odd).tolist():
            values[row] = plain_decimal(Decimal(values[row]))
        text = pa.array(values, pa.string())
    number: Array = text
    return number


def _without_empty_fraction(times: Array) -> Array:
    """Times as text, without the zeros of a fraction of a second."""
    cut_off: Array = kernels.replace_substring_regex(times, pattern=r"\.0+$", replacement="")
    return cut_off


def plain_decimal(number: Decimal) -> str:
    """A number plainly: digits, a point where there are decimals, no zeros after the last one."""
    text = format(number, "f")
    text = _TRAILING.sub("", text) if "." in text else text
    return "0" if text in {"-0", ""} else text


def _is_plain_enough(kind: pa.DataType) -> bool:
    """Whether Arrow's own text of a type is the one wanted."""
    return (
        pa.types.is_integer(kind)
        or pa.types.is_date(kind)
        or pa.types.is_time(kind)
        or pa.types.is_null(kind)
    )


def _may_hold_controls(texts: Array) -> bool:
    """A cheap look at the bytes: false means that no text holds a control character."""
    data = _bytes(texts)
    if (data < 0x20).any() or (data == 0x7F).any():
        return True
    # C1 controls are C2 80 – C2 9F, the separators E2 80 A8 and A9: rare enough to look closer
    leads = np.flatnonzero((data[:-1] == 0xC2) & (data[1:] < 0xA0)) if len(data) > 1 else data[:0]
    if len(leads):
        return True
    breaks = (
        (data[:-2] == 0xE2) & (data[1:-1] == 0x80) & ((data[2:] & 0xFE) == 0xA8)
        if len(data) > 2
        else data[:0]
    )
    return bool(breaks.any())


def _bytes(texts: Array) -> npt.NDArray[np.uint8]:
    """The bytes of all texts of a string array, one after another."""
    buffers: Any = texts.buffers()
    if not len(texts) or buffers[2] is None:
        return np.zeros(0, np.uint8)
    ends = np.frombuffer(buffers[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    data: npt.NDArray[np.uint8] = np.frombuffer(buffers[2], np.uint8)[ends[0] : ends[-1]]
    return data
