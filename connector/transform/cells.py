"""A column of a chunk as its distinct values, so that each of them is worked on once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connector.columns.numbers import Numbers
from connector.columns.text import Array, Column, Mask, kernels, mask, plain, trimmed, whole
from connector.errors import ConfigurationError

Rows = npt.NDArray[np.int32]
"""Per row, which of the distinct values it holds."""

Fault = tuple[str, str]
"""A rule and what breaks it, in words."""


@dataclass(frozen=True, slots=True)
class Cells:
    """A source column: `values` (distinct, of the column's own type; null is one of them) and `rows`."""

    name: str
    values: Array = field(repr=False)
    rows: Rows = field(repr=False)

    @classmethod
    def of(cls, name: str, column: Column) -> "Cells":
        """A column of a chunk; ConfigurationError where its type has no text."""
        encoded: Any = kernels.dictionary_encode(whole(column), null_encoding="encode")
        return cls(name, encoded.dictionary, encoded.indices.to_numpy(zero_copy_only=False))

    def plain(self) -> Array:
        """The distinct values as text, null where they are null."""
        try:
            return plain(self.values)
        except TypeError as error:
            raise ConfigurationError(
                f"Column {self.name} holds {self.values.type}, which cannot be sent. "
                "Name the `encoding` of text that is stored as bytes, or convert the column in SQL."
            ) from error

    def texts(self) -> Array:
        """The distinct values as trimmed text, null as ""."""
        return trimmed(self.plain())


@dataclass(frozen=True, slots=True)
class Values:
    """What the rows of a chunk hold in one field of the payload.

    `texts`: distinct texts as they will be sent (strings, no nulls); `rows`: per row, which of them;
    `faults`: text → what was wrong with what it was made of (its text is then "", or as it was found);
    `numbers`: the same texts as exact numbers, for fields that are decimals; `shortened`: which texts were
    cut; `explained`: rows whose lack of a value has its reason elsewhere; `row_faults`: faults of rows that
    their own value does not show.
    """

    texts: Array = field(repr=False)
    rows: Rows = field(repr=False)
    faults: Mapping[int, Fault] = field(default_factory=dict, repr=False)
    numbers: Numbers | None = field(default=None, repr=False)
    shortened: Mask | None = field(default=None, repr=False)
    explained: Mask | None = field(default=None, repr=False)
    row_faults: tuple[tuple[Mask, str, str], ...] = field(default=(), repr=False)

    @classmethod
    def constant(cls, text: str, count: int) -> "Values":
        """One text in every row."""
        return cls(pa.array([text], pa.string()), np.zeros(count, np.int32))

    def where(self, text: str) -> Mask:
        """The rows that hold a text."""
        return self.spread(mask(kernels.equal(self.texts, text)))

    def spread(self, per_value: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Something known of each distinct text, as known of each row."""
        if len(per_value) == 1:
            return np.broadcast_to(per_value, len(self.rows))
        return per_value[self.rows]

    def column(self) -> Array:
        """The texts, one per row."""
        column: Array = self.texts.take(self.rows)
        return column

    def listed(self) -> list[str]:
        """The texts, one per row, as a Python list that shares its elements."""
        distinct: Any = np.empty(len(self.texts), object)
        distinct[:] = self.texts.to_pylist()
        listed: list[str] = self.spread(distinct).tolist()
        return listed


def merge(one: Values, other: Values, take_other: Mask) -> Values:
    """`other` in the rows where `take_other` is true, `one` in the rest; their numbers are not kept."""
    size = len(one.texts)
    texts: Array = pa.concat_arrays([one.texts, other.texts])
    shortened = None
    if one.shortened is not None or other.shortened is not None:
        halves = [
            np.zeros(len(half.texts), np.bool_) if half.shortened is None else half.shortened
            for half in (one, other)
        ]
        shortened = np.concatenate(halves)
    return Values(
        texts,
        np.where(take_other, other.rows + np.int32(size), one.rows).astype(np.int32, copy=False),
        {**one.faults, **{size + place: fault for place, fault in other.faults.items()}},
        None,
        shortened,
        one.explained,
        one.row_faults,
    )
