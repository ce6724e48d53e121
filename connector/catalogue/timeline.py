"""What holds of an item on which day: its rows laid out along time, so that a look-up is one search."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from connector.catalogue.facts import ALWAYS, UNDATED

_ITEM = np.int64(2**33)
"""One item's share of the line: more days than any date."""

Integers = npt.NDArray[np.int64]


class Row(NamedTuple):
    """A catalogue row: first and last day, a number that is the same for rows that say the same, status, place."""

    start: int
    end: int
    same: int
    status: str
    place: int


class Segment(NamedTuple):
    """From `day` on an item has the row at `place` (None: no row) and this status."""

    item: int
    day: int
    place: int | None
    status: str


def segments(item: int, rows: Sequence[Row]) -> Iterator[Segment]:
    """An item's time, from the beginning: between two changes of validity its answer is the same."""
    changes = {ALWAYS} | {row.start for row in rows} | {row.end + 1 for row in rows}
    for day in sorted(changes):
        yield _verdict(item, day, [row for row in rows if row.start <= day <= row.end])


def whenever(item: int, rows: Sequence[Row]) -> Segment:
    """An item's answer where the day is not known."""
    return _verdict(item, ALWAYS, rows)


def _verdict(item: int, day: int, rows: Sequence[Row]) -> Segment:
    """Which of the rows that hold at once is the answer."""
    if not rows:
        return Segment(item, day, None, "expired")
    if any(row.status == UNDATED for row in rows):
        return Segment(item, day, None, UNDATED)
    if len({row.same for row in rows}) > 1:
        return Segment(item, day, None, "ambiguous")
    return Segment(item, day, rows[0].place, rows[0].status)


@dataclass(frozen=True, slots=True)
class TimeLine:
    """The segments of all items, ascending: where each begins, its row's place, the number of its status."""

    starts: Integers = field(repr=False)
    places: npt.NDArray[np.int32] = field(repr=False)
    statuses: npt.NDArray[np.int32] = field(repr=False)

    @classmethod
    def of(cls, line: Iterable[Segment], nowhere: int, statuses: Sequence[str]) -> "TimeLine":
        """Lay out segments in order; `nowhere` is the place of the row for those that have none."""
        numbers = {status: number for number, status in enumerate(statuses)}
        listed = list(line)
        return cls(
            np.array([one.item * int(_ITEM) + one.day for one in listed], np.int64),
            np.array([nowhere if one.place is None else one.place for one in listed], np.int32),
            np.array([numbers[one.status] for one in listed], np.int32),
        )

    def at(self, items: Integers, days: Integers) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Places and statuses of items (their numbers, all known) on days since 1970."""
        found = np.searchsorted(self.starts, items * _ITEM + days, side="right") - 1
        return self.places[found], self.statuses[found]
