"""Dates: from columns of dates and times, and from text by a format, to the digit.

A format is fixed in width: `%Y` is four digits, `%m %d %H %M %S` two each, everything else stands for itself.
`24:00:00` is the end of the day it is written with. A text of nothing but zeros and separators (`00000000`,
`0000-00-00`) is no date: empty, not wrong.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connector.columns.text import Array, Mask, kernels, mask

DIRECTIVES = {"%Y": 4, "%m": 2, "%d": 2, "%H": 2, "%M": 2, "%S": 2}
"""What a format may be made of, and how many digits each takes."""

WORDS = {"%Y": "yyyy", "%m": "mm", "%d": "dd", "%H": "hh", "%M": "mm", "%S": "ss"}
ISO = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M")
"""Formats that cannot be mistaken for another day, read where no format is given."""

_DAY = 86_400
_NO_DATE = r"^[0:/ .T-]*0[0:/ .T-]*$"
_FRACTION = r"^([0-9]{4}-.*:[0-9]{2})\.[0-9]{1,9}$"


@dataclass(frozen=True, slots=True)
class Dates:
    """One date per element.

    `days`: days since 1970-01-01 (int32); `seconds`: seconds of that day, 86400 for `24:00:00` (int32);
    `empty`: where there is none; `wrong`: where a text is not a date of the calendar in the format.
    """

    days: npt.NDArray[np.int32]
    seconds: npt.NDArray[np.int32]
    empty: Mask
    wrong: Mask

    def day_texts(self) -> Array:
        """The days as `2024-01-31`; "" where there is none."""
        text: Array = kernels.fill_null(self.dates().cast(pa.string()), "")
        return text

    def dates(self) -> Array:
        """The days as date32; null where there is none or it is wrong."""
        return pa.array(self.days, pa.int32(), mask=self.empty | self.wrong).cast(pa.date32())

    def written(self, form: str) -> Array:
        """The dates in a format; "" where there is none or it is wrong.

        A format with an hour writes `24:00:00` as midnight of the next day; one without keeps the day as the
        hospital wrote it.
        """
        if form == "%Y-%m-%d":
            return self.day_texts()
        moments = self.days.astype(np.int64) * _DAY
        if "%H" in form:
            moments = moments + self.seconds
        times = pa.array(moments, pa.int64(), mask=self.empty | self.wrong).cast(pa.timestamp("s"))
        text: Array = kernels.fill_null(kernels.strftime(times, format=form), "")
        return text


def from_times(column: Array) -> Dates:
    """Dates of a date32, date64 or timestamp column; null is empty."""
    empty = mask(column.is_null())
    micros: Any = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
    values = kernels.fill_null(micros, 0).to_numpy(zero_copy_only=False)
    days, rest = np.divmod(values, _DAY * 1_000_000)
    return Dates(
        days.astype(np.int32), (rest // 1_000_000).astype(np.int32), empty, np.zeros(len(values), np.bool_)
    )


def from_texts(texts: Array, form: str | None, *, also: str = "%Y-%m-%d") -> Dates:
    """Dates of trimmed texts (no nulls) in the format `form`.

    Without a format: in the format `also` or in one of ISO 8601, with or without a time and its fraction.
    """
    if form is not None:
        return _read(texts, form)
    cut_off: Array = kernels.replace_substring_regex(texts, pattern=_FRACTION, replacement=r"\1")
    found = _read(cut_off, also)
    for other in ISO:
        if not found.wrong.any():
            break
        if other != also:
            found = _first(found, _read(cut_off, other))
    return found


def in_words(form: str) -> str:
    """A format as people write it: `yyyymmddhh:mm:ss`."""
    for directive, letters in WORDS.items():
        form = form.replace(directive, letters)
    return form


def _first(one: Dates, other: Dates) -> Dates:
    """What `one` could not read as `other` read it."""
    take = one.wrong & ~other.wrong
    return Dates(
        np.where(take, other.days, one.days),
        np.where(take, other.seconds, one.seconds),
        one.empty | (take & other.empty),
        one.wrong & other.wrong,
    )


def _read(texts: Array, form: str) -> Dates:
    """Texts in one format, digit by digit on the bytes."""
    rows = len(texts)
    days, seconds = np.zeros(rows, np.int32), np.zeros(rows, np.int32)
    empty = mask(kernels.equal(texts, ""))
    width, literals, digits = _layout(form)
    fits = mask(kernels.equal(kernels.binary_length(texts), width))
    candidates = np.flatnonzero(fits)
    good = np.zeros(rows, np.bool_)
    if len(candidates):
        some: Any = texts if len(candidates) == rows else texts.filter(pa.array(fits))
        table = _table(some, width)
        valid = np.ones(len(candidates), np.bool_)
        for place, byte in literals:
            valid &= table[:, place] == byte
        parts = {name: _number(table, start, size, valid) for name, start, size in digits}
        days[candidates], seconds[candidates] = _calendar(parts, valid)
        good[candidates] = valid
    left = ~good & ~empty
    if left.any():
        empty |= left & mask(kernels.match_substring_regex(texts, pattern=_NO_DATE))
    return Dates(days, seconds, empty, ~good & ~empty)


@lru_cache(maxsize=64)
def _layout(form: str) -> tuple[int, tuple[tuple[int, int], ...], tuple[tuple[str, int, int], ...]]:
    """Bytes in all, (place, byte) of what stands for itself, (directive, start, digits) of the rest.

    ValueError for a directive that is not known.
    """
    literals: list[tuple[int, int]] = []
    digits: list[tuple[str, int, int]] = []
    place, position = 0, 0
    while position < len(form):
        directive = form[position : position + 2]
        if directive in DIRECTIVES:
            digits.append((directive, place, DIRECTIVES[directive]))
            place += DIRECTIVES[directive]
            position += 2
            continue
        if form[position] == "%":
            raise ValueError(f"{directive} is not one of {', '.join(DIRECTIVES)}")
        for byte in form[position].encode():
            literals.append((place, byte))
            place += 1
        position += 1
    return place, tuple(literals), tuple(digits)


def _table(texts: Array, width: int) -> npt.NDArray[np.uint8]:
    """The bytes of texts of one width, a row each."""
    buffers: Any = texts.buffers()
    start = int(np.frombuffer(buffers[1], np.int32)[texts.offset])
    data = np.frombuffer(buffers[2], np.uint8)
    return data[start : start + width * len(texts)].reshape(len(texts), width)


def _number(table: npt.NDArray[np.uint8], start: int, size: int, valid: Mask) -> npt.NDArray[np.int32]:
    """Digits as a number; what holds no digits becomes invalid."""
    value = np.zeros(len(table), np.int32)
    for place in range(start, start + size):
        digit = table[:, place].astype(np.int32) - 0x30
        valid &= (digit >= 0) & (digit <= 9)
        value = value * 10 + digit
    return value


def _calendar(
    parts: dict[str, npt.NDArray[np.int32]], valid: Mask
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Days and seconds of the parts of dates; what is in no calendar becomes invalid."""
    one, none = np.ones(len(valid), np.int32), np.zeros(len(valid), np.int32)
    year, month, day = parts.get("%Y", one * 2000), parts.get("%m", one), parts.get("%d", one)
    hour, minute, second = parts.get("%H", none), parts.get("%M", none), parts.get("%S", none)
    valid &= (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)
    months = ((np.where(valid, year, 1970) - 1970) * 12 + np.where(valid, month, 1) - 1).astype(
        "datetime64[M]"
    )
    first = months.astype("datetime64[D]")
    length = ((months + 1).astype("datetime64[D]") - first).astype(np.int32)
    seconds = hour * 3600 + minute * 60 + second
    in_time = (hour <= 23) & (minute <= 59) & (second <= 59)
    valid &= (day <= length) & (in_time | (seconds == _DAY) & (hour == 24))
    days = np.where(valid, first.astype(np.int64).astype(np.int32) + day - 1, 0)
    return days.astype(np.int32), np.where(valid, seconds, 0).astype(np.int32)


def check_format(form: str) -> None:
    """ValueError where a format holds a directive that is not known."""
    _layout(form)
