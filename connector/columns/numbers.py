"""Exact numbers: columns of numbers and of texts as whole numbers of a power of ten.

Nothing is rounded unless it is asked for. A float is the number its shortest text says: 0.1 is one tenth. What
does not fit 64 bits is carried as a Python integer, element by element.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connector.columns.text import Array, kernels, mask, plain, plain_decimal

Integers = npt.NDArray[np.int64]

_LIMIT = 2**63 - 1
_FLOAT_DIGITS = 10**15
"""Below it a double has one shortest text of at most 15 digits, so a decimal that gives the double is that text."""

_PLACES = 18
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)", re.ASCII)
_LONGEST = 400
_EXACTLY = Context(prec=900, rounding=ROUND_HALF_UP)


class Kind(IntEnum):
    """What an element turned out to be."""

    EMPTY = 0
    EXACT = 1  #: `scaled` holds it
    BEYOND = 2  #: exact, but only `beyond` holds it
    TOO_FINE = 3  #: has more decimals than the scale
    NOT = 4  #: is not a plain number


@dataclass(frozen=True, slots=True)
class Numbers:
    """One number per element: `scaled` / 10 ** `scale` (int64, 0 where there is none).

    `kinds`: a `Kind` each (int8); `beyond`: element → whole number for those of kind BEYOND; `texts`: plain
    text with `scale` decimals, "" where empty, and where it is no such number what it reads as, plainly.
    """

    scaled: Integers = field(repr=False)
    scale: int
    kinds: npt.NDArray[np.int8] = field(repr=False)
    texts: Array = field(repr=False)
    beyond: Mapping[int, int] = field(default_factory=dict, repr=False)

    def value(self, element: int) -> int:
        """The whole number of one element, whatever its size."""
        return self.beyond.get(element, int(self.scaled[element]))


def read(column: Array, scale: int, round_to: int | None = None) -> Numbers:
    """Exact numbers of a column of integers, decimals, floats or trimmed texts ("" or null is empty).

    `round_to`: decimals to round to, half up (away from zero, so that a refund mirrors its charge).
    """
    kind: Any = column.type
    if pa.types.is_integer(kind) and not pa.types.is_uint64(kind):
        scaled: Integers = kernels.fill_null(column.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
        return _finish(column, *_rescale(scaled, 0, scale, round_to), scale, round_to)
    if pa.types.is_decimal128(kind) and 0 <= kind.scale <= _PLACES:
        scaled, fits = _unscaled(column)
        scaled, known = _rescale(scaled, kind.scale, scale, round_to)
        return _finish(column, scaled, known & fits, scale, round_to)
    if pa.types.is_floating(kind):
        return _finish(column, *_floats(column, scale, round_to), scale, round_to)
    return _finish(column, *_texts(plain(column), scale, round_to), scale, round_to)


def text_of(scaled: Integers, scale: int) -> Array:
    """Whole numbers of a power of ten as plain text with that many decimals: 22000 → `2.2000`."""
    if scale == 0:
        return pa.array(scaled, pa.int64()).cast(pa.string())
    words = np.empty((len(scaled), 2), np.int64)  # a decimal128 is two words, the lower first
    words[:, 0] = scaled
    words[:, 1] = scaled >> 63
    data: Any = words
    buffers: Any = [None, pa.py_buffer(data)]
    numbers: Any = pa.Array.from_buffers(pa.decimal128(38, scale), len(scaled), buffers)
    if scale > 6:  # Arrow would write small ones with an exponent
        return pa.array([format(number.as_py(), "f") for number in numbers], pa.string())
    text: Array = numbers.cast(pa.string())
    return text


def _unscaled(column: Array) -> tuple[Integers, npt.NDArray[np.bool_]]:
    """The whole numbers inside a decimal128 column, and which of them 64 bits hold."""
    buffers: Any = column.buffers()
    words = np.frombuffer(buffers[1], np.int64)[2 * column.offset : 2 * (column.offset + len(column))]
    low, high = words[0::2], words[1::2]
    fits = high == (low >> 63)
    if column.null_count:
        fits = fits & ~mask(column.is_null())
    return np.where(fits, low, np.int64(0)), fits


def _rescale(
    scaled: Integers, have: int, want: int, round_to: int | None
) -> tuple[Integers, npt.NDArray[np.bool_]]:
    """Whole numbers of 10 ** -have as such of 10 ** -want, rounded first; and where that is exact and fits."""
    if round_to is not None and have > round_to:
        scaled, have = _half_up(scaled, 10 ** (have - round_to)), round_to
    if have > want:
        quotient, rest = np.divmod(scaled, 10 ** (have - want))
        return quotient, rest == 0
    if want - have > _PLACES:
        return np.zeros_like(scaled), scaled == 0
    factor = 10 ** (want - have)
    known = (scaled <= _LIMIT // factor) & (scaled >= -(_LIMIT // factor))
    return np.where(known, scaled, 0) * factor, known


def _half_up(scaled: Integers, unit: int) -> Integers:
    """Divide and round half away from zero."""
    quotient, rest = np.divmod(np.abs(np.maximum(scaled, -_LIMIT)), unit)
    rounded: Integers = np.sign(scaled) * (quotient + (rest >= unit - rest))
    return rounded


def _floats(column: Array, scale: int, round_to: int | None) -> tuple[Integers, npt.NDArray[np.bool_]]:
    """Doubles whose shortest text has no more decimals than the scale; the others are left to `_one`."""
    filled: Any = kernels.fill_null(column.cast(pa.float64()), 0.0)
    values: npt.NDArray[np.float64] = filled.to_numpy(zero_copy_only=False)
    if not pa.types.is_float64(column.type) or scale > 15:
        return np.zeros(len(values), np.int64), np.zeros(len(values), np.bool_)
    with np.errstate(all="ignore"):
        nearest = np.rint(values * 10.0**scale)
        known = (np.abs(nearest) < _FLOAT_DIGITS) & (nearest / 10.0**scale == values)
    scaled = np.where(known, nearest, 0).astype(np.int64)
    if round_to is not None and round_to < scale:
        unit = 10 ** (scale - round_to)
        scaled = _half_up(scaled, unit) * unit
    return scaled, known


def _texts(texts: Array, scale: int, round_to: int | None) -> tuple[Integers, npt.NDArray[np.bool_]]:
    """Ordinary texts (`-12`, `399.00`): digits that fit and no more decimals than the scale."""
    places = min(scale, 4)
    filled: Any = kernels.fill_null(texts, "")
    matches = kernels.match_substring_regex(filled, pattern=rf"^-?[0-9]{{1,12}}(?:\.[0-9]{{0,{places}}})?$")
    known = mask(matches)
    plainly = kernels.if_else(matches, filled, "0")
    dots: npt.NDArray[np.int32] = kernels.find_substring(plainly, pattern=".").to_numpy(zero_copy_only=False)
    lengths: npt.NDArray[np.int32] = kernels.binary_length(plainly).to_numpy(zero_copy_only=False)
    decimals = np.where(dots < 0, 0, lengths - dots - 1)
    digits: Any = kernels.replace_substring(plainly, pattern=".", replacement="").cast(pa.int64())
    scaled = digits.to_numpy(zero_copy_only=False) * 10 ** (places - decimals).astype(np.int64)
    scaled, fits = _rescale(scaled, places, scale, round_to)
    return scaled, known & fits


def _finish(
    column: Array, scaled: Integers, known: npt.NDArray[np.bool_], scale: int, round_to: int | None
) -> Numbers:
    """The numbers that the kernels know, and one by one those that they do not."""
    kinds = np.full(len(column), Kind.EXACT, np.int8)
    empty = mask(column.is_null())
    if pa.types.is_string(column.type):
        empty |= mask(kernels.equal(column, ""))
    kinds[empty] = Kind.EMPTY
    scaled = np.where(known & ~empty, scaled, 0)
    texts: Any = text_of(scaled, scale)
    if empty.any():
        texts = kernels.if_else(pa.array(empty), "", texts)
    odd = np.flatnonzero(~known & ~empty)
    if not len(odd):
        return Numbers(scaled, scale, kinds, texts)
    beyond: dict[int, int] = {}
    raw = plain(column.take(odd)).to_pylist()
    written: list[str] = []
    for element, text in zip(odd.tolist(), raw, strict=True):
        kind, number, shown = _one(str(text), scale, round_to)
        kinds[element] = kind
        written.append(shown)
        if kind is Kind.EXACT:
            scaled[element] = number
        elif kind is Kind.BEYOND:
            beyond[element] = number
    places = np.zeros(len(column), np.bool_)
    places[odd] = True
    texts = kernels.replace_with_mask(texts, pa.array(places), pa.array(written, pa.string()))
    return Numbers(scaled, scale, kinds, texts, beyond)


def _one(text: str, scale: int, round_to: int | None) -> tuple[Kind, int, str]:
    """One number the long way: its kind, the whole number, its text."""
    if len(text) > _LONGEST or not _NUMBER.fullmatch(text):
        return Kind.NOT, 0, text
    with localcontext(_EXACTLY):
        number = Decimal(text)
        if round_to is not None:
            number = number.quantize(Decimal(1).scaleb(-round_to))
        whole = number.scaleb(scale)
        if whole != whole.to_integral_value():
            return Kind.TOO_FINE, 0, plain_decimal(number)
        exact = int(whole)
        kind = Kind.EXACT if abs(exact) <= _LIMIT else Kind.BEYOND
        return kind, exact, format(Decimal(exact).scaleb(-scale), "f")
