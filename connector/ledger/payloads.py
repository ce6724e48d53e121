"""The payloads of records that may still be sent, sealed in packs, and deleted when nobody needs them.

A segment is a run of records of one visit and one mapping with ids in a row; a pack is a run of segments, large
enough to be compressed and encrypted well. `live` counts a segment's records that may still be sent; it only ever
falls, because what is accepted or void never goes again. Packs of a mapping that keeps its payloads outlive that,
until `forget` finds all their visits closed.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from connector.errors import LedgerError
from connector.ledger.link import Link
from connector.ledger.seal import Seal

IS_COMPARED = (
    "(v.is_open = 1 OR (v.closed_run IS NOT NULL AND NOT EXISTS (SELECT 1 FROM run later JOIN run closed "
    "ON closed.pipeline = later.pipeline AND closed.kind = later.kind WHERE closed.id = v.closed_run "
    "AND later.id >= closed.id AND later.exit_code IN (0, 3, 4))))"
)
"""Whether a visit `v` is open, or was at the last run that read it to its end: its rows are read whole again."""

_LINE = b"\n"
_PACK_ROWS = 64
_CACHED_BYTES = 16 * 2**20
_INCONSISTENT = (
    "The ledger is inconsistent: a record has lost its payload. Restore it from a copy; nothing is sent."
)


@dataclass(frozen=True, slots=True)
class Segment:
    """So many records from `first_id` on, `live` of which may still be sent, in the pack that begins at `pack_id`."""

    first_id: int
    rows: int
    live: int
    pack_id: int


@dataclass(frozen=True, slots=True)
class Segments:
    """The segments of some visits, sorted by their first id."""

    by_place: Mapping[tuple[int, int], Sequence[Segment]]

    def of(self, visit_id: int, mapping_id: int) -> Sequence[Segment]:
        """Those of one visit and mapping."""
        return self.by_place.get((visit_id, mapping_id), ())


@dataclass(slots=True)
class Payloads:
    """Reads and writes sealed payloads; keeps the last opened packs, for neighbours are sent one after the other."""

    seal: Seal = field(repr=False)
    _opened: OrderedDict[int, list[bytes]] = field(default_factory=OrderedDict, init=False, repr=False)
    _bytes: int = field(default=0, init=False)

    def add(
        self, link: Link, mapping_id: int, first_id: int, visits: Sequence[int], texts: Sequence[bytes]
    ) -> None:
        """Segments for new records with ids from `first_id` on, sorted by visit; no `texts` = no payloads."""
        segments: list[tuple[int, int, int, int, int, int]] = []
        packs: list[tuple[int, bytes]] = []
        for begin in range(0, len(visits), _PACK_ROWS):
            pack_id = first_id + begin
            if texts:
                packs.append((pack_id, _join(texts[begin : begin + _PACK_ROWS])))
            start = pack_id
            for visit_id, rows in _runs(visits[begin : begin + _PACK_ROWS]):
                segments.append((start, visit_id, mapping_id, rows, rows if texts else 0, pack_id))
                start += rows
        columns = ("first_id", "visit_id", "mapping_id", '"rows"', "live", "pack_id")
        link.insert("segment", columns, segments)
        link.insert("payload", ("first_id", "sealed"), self.seal.seal_many("payload", packs))

    def segments(self, link: Link, visit_ids: Iterable[int]) -> Segments:
        """The segments of these visits that still have payloads."""
        found: dict[tuple[int, int], list[Segment]] = {}
        for visit_id, mapping_id, *rest in link.rows(
            'SELECT visit_id, mapping_id, first_id, "rows", live, pack_id FROM segment '
            "WHERE visit_id IN (??) AND live > 0 ORDER BY first_id",
            list(visit_ids),
        ):
            found.setdefault((visit_id, mapping_id), []).append(Segment(*rest))
        return Segments(found)

    def needed(self, link: Link, segments: Sequence[Segment], ids: Iterable[int]) -> list[bytes]:
        """As `of`, for records that are to be sent. Raises LedgerError when one has lost its payload."""
        found = self.of(link, segments, ids)
        if not all(found):
            raise LedgerError(_INCONSISTENT)
        return found

    def of(self, link: Link, segments: Sequence[Segment], ids: Iterable[int]) -> list[bytes]:
        """The payloads of records out of these segments, in the order of `ids`; b"" where it is gone."""
        runs = [(segment.pack_id if segment else 0, run) for segment, run in _along(segments, ids)]
        self._open(link, {pack_id for pack_id, _ in runs if pack_id})
        found: list[bytes] = []
        for pack_id, run in runs:
            lines = self._opened[pack_id] if pack_id else None
            found += [lines[i - pack_id] for i in run] if lines is not None else [b""] * len(run)
        self._shed()
        return found

    def kept(self, link: Link, mapping_id: int, records: Mapping[int, int]) -> dict[int, bytes]:
        """The payloads of records (id → visit) of one mapping that are kept, whether they may still be sent or not."""
        segments = [
            Segment(*row)
            for row in link.rows(
                'SELECT s.first_id, s."rows", s.live, s.pack_id FROM segment s JOIN payload p ON p.first_id = s.pack_id '
                "WHERE s.visit_id IN (??) AND s.mapping_id = ? ORDER BY s.first_id",
                list(set(records.values())),
                mapping_id,
            )
        ]
        ids = sorted(records)
        found = zip(ids, self.of(link, segments, ids), strict=True)
        return {record_id: text for record_id, text in found if text}

    def forget(self, link: Link, mapping_id: int, *, also_open: bool = False) -> None:
        """Delete packs of a mapping that are no longer needed; with `also_open` those of open visits too.

        A visit counts as open as long as its rows are still compared (`Visits.open`).
        """
        link.run(
            "DELETE FROM payload WHERE EXISTS (SELECT 1 FROM segment s WHERE s.first_id = payload.first_id "  # noqa: S608 - fixed text
            "AND s.mapping_id = ?) AND NOT EXISTS (SELECT 1 FROM segment s JOIN visit v ON v.id = s.visit_id "
            "WHERE s.first_id >= payload.first_id AND s.first_id < payload.first_id + ? "
            "AND s.pack_id = payload.first_id AND (s.live > 0 OR (? = 0 AND " + IS_COMPARED + ")))",
            *(mapping_id, _PACK_ROWS, int(also_open)),
        )

    def free(self, link: Link, segments: Segments, gone: Mapping[tuple[int, int], Iterable[int]]) -> None:
        """These records, by (visit, mapping), will never be sent again: forget what no neighbour needs."""
        changed: list[tuple[int, int]] = []
        packs: set[int] = set()
        for place, ids in gone.items():
            for segment, rows in _count(segments.of(*place), ids).items():
                changed.append((rows, segment.first_id))
                if rows == segment.live:
                    packs.add(segment.pack_id)
        link.many("UPDATE segment SET live = live - ? WHERE first_id = ?", changed)
        link.many(
            "DELETE FROM payload WHERE first_id = ? AND NOT EXISTS (SELECT 1 FROM segment s "
            "WHERE s.first_id >= ? AND s.first_id < ? AND s.pack_id = ? AND s.live > 0) AND NOT EXISTS "
            "(SELECT 1 FROM segment s JOIN mapping m ON m.id = s.mapping_id WHERE s.first_id = ? AND m.keeps_payloads = 1)",
            [(pack_id, pack_id, pack_id + _PACK_ROWS, pack_id, pack_id) for pack_id in packs],
        )

    def _open(self, link: Link, packs: set[int]) -> None:
        """Have these packs at hand."""
        for pack_id in packs & self._opened.keys():
            self._opened.move_to_end(pack_id)
        missing = list(packs - self._opened.keys())
        if not missing:
            return
        for pack_id, sealed in link.rows(
            "SELECT first_id, sealed FROM payload WHERE first_id IN (??)", missing
        ):
            body = self.seal.open("payload", pack_id, sealed)
            self._opened[pack_id] = body.split(_LINE)
            self._bytes += len(body)
        if any(pack_id not in self._opened for pack_id in missing):
            raise LedgerError(_INCONSISTENT)

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
        yield visit_id, len(list(group))


def _along(segments: Sequence[Segment], ids: Iterable[int]) -> Iterator[tuple[Segment | None, list[int]]]:
    """The ids in their order, in runs that lie in one segment; None for those that are in none."""
    starts = [segment.first_id for segment in segments]
    run: list[int] = []
    segment: Segment | None = None
    first = end = 0
    for record_id in ids:
        if first <= record_id < end:
            run.append(record_id)
            continue
        if run:
            yield segment, run
        place = bisect_right(starts, record_id) - 1
        segment = segments[place] if place >= 0 else None
        if segment is None or record_id >= segment.first_id + segment.rows:
            segment, first, end = None, record_id, record_id + 1
        else:
            first, end = segment.first_id, segment.first_id + segment.rows
        run = [record_id]
    if run:
        yield segment, run


def _count(segments: Sequence[Segment], ids: Iterable[int]) -> dict[Segment, int]:
    """How many of the records each segment has. Raises LedgerError for a record that is in none."""
    counts: dict[Segment, int] = {}
    for segment, run in _along(segments, ids):
        if segment is None:
            raise LedgerError(_INCONSISTENT)
        counts[segment] = counts.get(segment, 0) + len(run)
    return counts
