"""The payloads of records that may still be sent: one sealed text per segment, deleted when nobody needs it.

A segment is a run of records of one visit and one mapping with ids in a row. `live` counts those that may
still be sent; it only ever falls, because what is accepted or void never goes again.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from connector.errors import LedgerError
from connector.ledger.database import Link
from connector.ledger.seal import Seal

_LINE = b"\n"
_MOST_ROWS = 128
_CACHED_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Segment:
    """So many records from `first_id` on."""

    first_id: int
    rows: int


@dataclass(slots=True)
class Payloads:
    """Reads and writes sealed payloads; keeps the last opened ones, for a batch is read before it is claimed."""

    seal: Seal = field(repr=False)
    _opened: OrderedDict[int, list[bytes]] = field(default_factory=OrderedDict, init=False, repr=False)
    _bytes: int = field(default=0, init=False)

    def add(
        self, link: Link, mapping_id: int, first_id: int, visits: Sequence[int], texts: Sequence[bytes]
    ) -> None:
        """Segments for new records with ids from `first_id` on, sorted by visit; no `texts` = no payloads."""
        segments: list[tuple[int, int, int, int, int]] = []
        bodies: list[tuple[int, bytes]] = []
        place = 0
        for visit_id, rows in _runs(visits):
            start = first_id + place
            segments.append((start, visit_id, mapping_id, rows, rows if texts else 0))
            if texts:
                bodies.append((start, _join(texts[place : place + rows])))
            place += rows
        link.insert("segment", ("first_id", "visit_id", "mapping_id", "rows", "live"), segments)
        link.insert("payload", ("first_id", "sealed"), self.seal.seal_many("payload", bodies))

    def of(self, link: Link, visit_id: int, mapping_id: int, ids: Iterable[int]) -> list[bytes]:
        """The payloads of records of one visit and mapping, in the order of `ids`; b"" where it is gone."""
        segments = _live_segments(link, visit_id, mapping_id)
        starts = [segment.first_id for segment in segments]
        self._open(link, starts)
        found: list[bytes] = []
        for record_id in ids:
            place = bisect_right(starts, record_id) - 1
            within = record_id - starts[place] if place >= 0 else -1
            lines = self._opened.get(starts[place], []) if place >= 0 else []
            found.append(lines[within] if 0 <= within < len(lines) else b"")
        self._shed()
        return found

    def free(self, link: Link, visit_id: int, mapping_id: int, ids: Iterable[int]) -> None:
        """These records will never be sent again: forget their payloads where no neighbour needs them."""
        segments = _live_segments(link, visit_id, mapping_id)
        starts = [segment.first_id for segment in segments]
        counts: dict[int, int] = {}
        for record_id in ids:
            place = bisect_right(starts, record_id) - 1
            if place < 0 or record_id >= starts[place] + segments[place].rows:
                raise LedgerError(
                    "The ledger is inconsistent: a record has no segment. Restore it from a copy."
                )
            counts[starts[place]] = counts.get(starts[place], 0) + 1
        link.many(
            "UPDATE segment SET live = live - ? WHERE first_id = ?",
            [(n, start) for start, n in counts.items()],
        )
        link.run(
            "DELETE FROM payload WHERE first_id IN (??) AND first_id IN "
            "(SELECT first_id FROM segment WHERE visit_id = ? AND mapping_id = ? AND live = 0)",
            list(counts),
            visit_id,
            mapping_id,
        )

    def _open(self, link: Link, starts: Sequence[int]) -> None:
        """Have the texts of these segments at hand."""
        missing = [start for start in starts if start not in self._opened]
        for start in starts:
            if start in self._opened:
                self._opened.move_to_end(start)
        if not missing:
            return
        for start, sealed in link.rows(
            "SELECT first_id, sealed FROM payload WHERE first_id IN (??)", missing
        ):
            body = self.seal.open("payload", start, sealed)
            self._opened[start] = body.split(_LINE)
            self._bytes += len(body)

    def _shed(self) -> None:
        while self._bytes > _CACHED_BYTES and len(self._opened) > 1:
            _, lines = self._opened.popitem(last=False)
            self._bytes -= sum(map(len, lines)) + len(lines) - 1


def _join(texts: Sequence[bytes]) -> bytes:
    body = _LINE.join(texts)
    if body.count(_LINE) != len(texts) - 1:
        raise ValueError("a payload holds a line break")
    return body


def _runs(visits: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(visit, rows) of each segment."""
    for visit_id, group in groupby(visits):
        rows = sum(1 for _ in group)
        for done in range(0, rows, _MOST_ROWS):
            yield visit_id, min(_MOST_ROWS, rows - done)


def _live_segments(link: Link, visit_id: int, mapping_id: int) -> list[Segment]:
    return [
        Segment(first_id, rows)
        for first_id, rows in link.rows(
            'SELECT first_id, "rows" FROM segment WHERE visit_id = ? AND mapping_id = ? AND live > 0 ORDER BY first_id',
            visit_id,
            mapping_id,
        )
    ]
