"""The 对照 as a table to look items up in, by the day of the charge (traps T78, T80, T81)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from connector.catalogue.facts import read_rows
from connector.catalogue.timeline import Row, Segment, TimeLine, segments, whenever
from connector.columns.text import Array, kernels, mask, trimmed, whole
from connector.config.codes import Catalogue, CodeMap
from connector.records import join_key


@dataclass(frozen=True, slots=True)
class CatalogueTable:
    """The centre's items under the hospital's keys.

    `items`: their keys, as `join_key` writes them; `dated`: what holds on which day; `undated`: what holds where
    the day is not known; `statuses`: the words for the numbers in them, the first for an item that is not here;
    `rows`: the facts, one text column each, with an empty row at the end for items that have none.
    """

    name: str
    key: tuple[str, ...]
    items: Array = field(repr=False)
    dated: TimeLine = field(repr=False)
    undated: TimeLine = field(repr=False)
    statuses: tuple[str, ...]
    rows: pa.Table = field(repr=False)

    @classmethod
    def build(
        cls, catalogue: Catalogue, rows: pa.Table, code_maps: Mapping[str, CodeMap]
    ) -> "CatalogueTable":
        """Lay out the rows of a catalogue's source (columns as its file names them, of any type).

        A row that cannot be used makes its item fail at look-up, not the build; ConfigurationError only for
        columns that are missing or have no text.
        """
        frame = read_rows(catalogue, rows, code_maps)
        facts = [*catalogue.facts]
        items = _items(frame, facts)
        line = [one for number, group in enumerate(items.values()) for one in segments(number, group)]
        anyway = [whenever(number, group) for number, group in enumerate(items.values())]
        if catalogue.missing == "outside":
            line, anyway = [_outside(one) for one in line], [_outside(one) for one in anyway]
        unknown = "outside" if catalogue.missing == "outside" else "missing"
        statuses = tuple(dict.fromkeys((unknown, *(one.status for one in (*line, *anyway)))))
        return cls(
            name=catalogue.name,
            key=catalogue.key,
            items=pa.array(list(items), pa.string()),
            dated=TimeLine.of(line, len(frame), statuses),
            undated=TimeLine.of(anyway, len(frame), statuses),
            statuses=statuses,
            rows=pa.table({fact: pa.array([*frame[fact], ""], pa.string()) for fact in facts}),
        )

    @property
    def facts(self) -> tuple[str, ...]:
        """The facts known of an item."""
        return tuple(self.rows.column_names)

    def lookup(self, keys: Sequence[Array], dates: Array | None = None) -> pa.Table:
        """Per row `status` and every fact, as dictionaries of text ("" where there is no row).

        `keys`: the key columns as text or dictionaries of text; `dates`: date32; null or None where validity is
        not to be looked at. Status: `found`; `outside` (no centre code, or one that means outside; with
        `missing: outside` also what is missing or expired); `missing`; `expired` (rows, but none valid that
        day); `ambiguous` (several different rows valid that day); `undated` (a validity date of the item cannot
        be read); `codes FACT MAP` (the code map does not know that fact).
        """
        items = self._numbers(keys)
        places = np.full(len(items), self.rows.num_rows - 1, np.int32)
        statuses = np.zeros(len(items), np.int32)
        days, has_day = np.zeros(len(items), np.int64), np.zeros(len(items), np.bool_)
        if dates is not None:
            column: Any = whole(dates)
            has_day = column.is_valid().to_numpy(zero_copy_only=False)
            days = (
                kernels.fill_null(column.cast(pa.int32()), 0).to_numpy(zero_copy_only=False).astype(np.int64)
            )
        known = items >= 0
        for line, rows in ((self.dated, known & has_day), (self.undated, known & ~has_day)):
            if rows.any():
                places[rows], statuses[rows] = line.at(items[rows], days[rows])
        answer: dict[str, Any] = {"status": _dictionary(statuses, pa.array(self.statuses, pa.string()))}
        facts: Any = self.rows
        if facts.num_rows > len(items):  # a short question does not carry the whole catalogue along
            used, which = np.unique(places, return_inverse=True)
            facts, places = facts.take(used), which.astype(np.int32)
        for name in self.facts:
            answer[name] = _dictionary(places, facts.column(name).combine_chunks())
        return pa.table(answer)

    def _numbers(self, keys: Sequence[Array]) -> npt.NDArray[np.int64]:
        """The number of each row's item, -1 where there is none; each different key is looked for once."""
        parts = [_encoded(one) for one in keys]
        codes = np.zeros(len(keys[0]), np.int64)
        for part in parts:
            codes = codes * max(len(part.dictionary), 1) + part.indices.to_numpy(zero_copy_only=False)
        distinct: Any = pa.array(codes).dictionary_encode()
        rest = distinct.dictionary.to_numpy(zero_copy_only=False)
        texts: list[Any] = []
        for part in reversed(parts):
            rest, places = np.divmod(rest, max(len(part.dictionary), 1))
            texts.insert(0, _escaped(trimmed(part.dictionary)).take(places))
        joined = texts[0] if len(texts) == 1 else kernels.binary_join_element_wise(*texts, "|")
        numbers = kernels.fill_null(kernels.index_in(joined, value_set=self.items), -1).cast(pa.int64())
        found: npt.NDArray[np.int64] = numbers.take(distinct.indices).to_numpy(zero_copy_only=False)
        return found


def _items(frame: pd.DataFrame, facts: Sequence[str]) -> dict[str, list[Row]]:
    """The rows of every item; rows that say the same get the same number, whatever their validity."""
    same = frame.groupby(["item", "status", *facts], sort=False, dropna=False).ngroup()
    columns = [
        *(frame[name].tolist() for name in ("item", "start", "end")),
        same.tolist(),
        frame["status"].tolist(),
    ]
    items: dict[str, list[Row]] = {}
    for place, (item, start, end, number, status) in enumerate(zip(*columns, strict=True)):
        items.setdefault(str(item), []).append(Row(start, end, number, status, place))
    return items


def _outside(segment: Segment) -> Segment:
    """With `missing: outside`, an item without a valid row is one outside the catalogue."""
    return segment._replace(status="outside") if segment.status == "expired" else segment


def _escaped(texts: Array) -> Array:
    """Texts as they stand inside a key of several parts (`join_key`)."""
    if not mask(kernels.match_substring_regex(texts, pattern=r"[\\|]")).any():
        return texts
    return pa.array([join_key([str(text)]) for text in texts.to_pylist()], pa.string())


def _encoded(texts: Array) -> Any:
    """Text as a dictionary of text, null as ""."""
    if pa.types.is_dictionary(texts.type) and not texts.null_count:
        return texts
    return trimmed(whole(texts)).dictionary_encode()


def _dictionary(numbers: npt.NDArray[np.int32], words: Any) -> Any:
    """Numbers as the words they stand for."""
    return pa.DictionaryArray.from_arrays(numbers, words)
