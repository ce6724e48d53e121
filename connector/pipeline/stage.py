"""Stage what is new: HIS → extract → transform → ledger.

The first half of the connector's one sentence. Rows go to the ledger chunk by chunk, each chunk in one
transaction with the watermark it moves; nothing is sent here.
"""

from collections import abc
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from connector.columns.text import Array, is_blank, kernels, key_text
from connector.config.mapping import Mapping
from connector.config.pipeline import Pipeline
from connector.extract import incremental, lookup
from connector.extract.source import Hospital
from connector.ledger.staging import StageCounts
from connector.ledger.store import Ledger
from connector.pipeline.admissions import read_admissions
from connector.pipeline.progress import Progress
from connector.pipeline.queries import query_of
from connector.records import Chunk, RecordBlock, Watermark
from connector.transform.shape import Plan, transform

VISITS_AT_ONCE = 200
"""Visits whose rows are asked for in one statement; bounds the keys that a comparison keeps in memory."""


@dataclass(slots=True)
class Staged:
    """What staging found in one mapping: rows read, rows of other patients, and what became of the rest.

    `earlier`: visits admitted before the pipeline's `since`, which are left to a backfill.
    """

    read: int = 0
    others: int = 0
    earlier: int = 0
    counts: StageCounts = field(default_factory=StageCounts)
    void: int = 0
    vanished: int = 0
    shortened: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stager:
    """One pipeline's staging: the parts it reads from and writes to. `plans` and `mappings` by name.

    `overwriting`: mappings whose rows the platform replaces when they are sent again (orders, section 4.10 (4),
    trap T71): an order that was stopped goes again. `take_backs`: mappings whose accepted rows are taken back where the
    HIS changed them, with what negates their payloads.
    """

    plans: abc.Mapping[str, Plan]
    mappings: abc.Mapping[str, Mapping]
    hospital: Hospital
    ledger: Ledger
    progress: Progress
    run_id: int
    overwriting: Collection[str] = ()
    take_backs: abc.Mapping[str, Callable[[bytes], bytes]] = field(default_factory=dict)
    is_stopping: Callable[[], bool] = lambda: False
    _waiting: dict[str, dict[str, None]] = field(default_factory=dict, init=False, repr=False)

    def stage(self, pipeline: Pipeline) -> dict[str, Staged]:
        """Stage the visits first, then the rows of every other mapping in its order."""
        report: dict[str, Staged] = {}
        for name in (pipeline.visits, *pipeline.mappings):
            if self.is_stopping():
                break
            mapping = self.mappings[name]
            report[name] = Staged()
            self.progress.start(f"stage {name}", None)
            if name == pipeline.visits:
                self._stage_visits(pipeline, mapping, report[name])
            else:
                self._stage_rows(mapping, pipeline.visits, report[name])
            self.progress.finish(f"stage {name}")
        return report

    def stage_visits(self, pipeline: Pipeline, keys: Sequence[str]) -> dict[str, Staged]:
        """Stage these visits, as far as the HIS has them and the ledger does not, and all rows of theirs.

        The rest of the HIS is not looked at, and no watermark moves; only where there is none yet it is set to where
        following begins, before any row is read.
        """
        report = {name: Staged() for name in (pipeline.visits, *pipeline.mappings)}
        visits = self.mappings[pipeline.visits]
        known = set(self.ledger.visit_keys(visits.name))
        new = [key for key in keys if key not in known]
        for chunk in lookup.read_by_visits(self.hospital, query_of(visits), new):
            self._keep_visits(visits, chunk, report[visits.name])
        known = set(self.ledger.visit_keys(visits.name))
        there = [key for key in keys if key in known]
        for name in pipeline.mappings:
            mapping = self.mappings[name]
            start = self._start(mapping, visits.name)
            for group in _groups(there):
                self._read_visits(mapping, visits.name, group, start, report[name])
        return report

    def _stage_visits(self, pipeline: Pipeline, mapping: Mapping, staged: Staged) -> None:
        """Read every visit that the mapping's source gives; the ledger knows which are new."""
        for chunk in lookup.read_all(self.hospital, query_of(mapping)):
            taken = self._taken_up(pipeline, mapping, chunk)
            staged.earlier += chunk.table.num_rows - taken.table.num_rows
            self._keep_visits(mapping, taken, staged)

    def _taken_up(self, pipeline: Pipeline, mapping: Mapping, chunk: Chunk) -> Chunk:
        """Without the visits that were admitted before the pipeline's `since`, unless the ledger knows them."""
        if pipeline.since is None:
            return chunk
        known = set(self.ledger.visit_keys(mapping.name))
        taken = [
            key
            for key, day in read_admissions(self.plans[mapping.name], chunk.table)
            if day is None or day >= pipeline.since or key in known
        ]
        return _rows_of(chunk, mapping.source.visit, pa.array(taken, pa.string()))

    def _keep_visits(self, mapping: Mapping, chunk: Chunk, staged: Staged) -> None:
        """Transform visits and stage them."""
        block = self._transform(mapping, chunk, staged)
        open_keys = _open_keys(mapping, chunk.table)
        staged.counts += self.ledger.stage_visits(block, open_keys=open_keys, run_id=self.run_id)

    def _stage_rows(self, mapping: Mapping, visits: str, staged: Staged) -> None:
        """Read what is new for known visits, all rows of new visits, and once more what was quarantined."""
        self._find_waiting(mapping)
        query = query_of(mapping)
        known = self.ledger.visit_keys(visits)
        start = self._start(mapping, visits)
        unread = self.ledger.unread_visits(visits, mapping.name)
        for group in _groups(unread):
            if self.is_stopping():
                return
            self._read_visits(mapping, visits, group, start, staged)
        if query.cursor is None:
            fresh = set(unread)
            self._compare(
                mapping, visits, [v for v in self.ledger.open_visits(visits) if v not in fresh], staged
            )
        else:
            self._follow(mapping, visits, pa.array(known, pa.string()), start, staged)
        self._read_again(mapping, visits, known, staged)
        if mapping.name in self.take_backs:
            self.ledger.compensations.forget(mapping.name)

    def _read_visits(
        self, mapping: Mapping, visits: str, keys: Sequence[str], start: Watermark | None, staged: Staged
    ) -> None:
        """Read all rows of some visits, and note that; but for a source that is followed and has no row at all yet.

        Without a position to follow from, its first rows would be taken for old ones.
        """
        for chunk in lookup.read_by_visits(self.hospital, query_of(mapping), keys):
            self._keep(mapping, visits, chunk, staged, None)
        if start is not None or query_of(mapping).cursor is None:
            self.ledger.mark_read(visits, mapping.name, keys)

    def _start(self, mapping: Mapping, visits: str) -> Watermark | None:
        """Where following begins: at the watermark, or, the first time, at the newest row there is now.

        Older rows of known visits are read by visit; those of other patients need not be read at all. The
        first position is kept before any visit is read: rows that come while visits are read, or before a run
        that was cut off is repeated, are behind it.
        """
        query = query_of(mapping)
        if query.cursor is None:
            return None
        kept = self.ledger.watermark(mapping.name)
        if kept is not None:
            return kept
        newest = incremental.latest(self.hospital, query)
        if newest is not None:
            nothing = RecordBlock(mapping.name, [], [], [], [], [], [], [])
            self._write(mapping, visits, nothing, newest)
        return newest

    def _follow(
        self, mapping: Mapping, visits: str, known: Array, start: Watermark | None, staged: Staged
    ) -> None:
        """Read the rows after the watermark and stage those of known visits."""
        for chunk in incremental.read(self.hospital, query_of(mapping), start):
            if self.is_stopping():
                return
            own = _rows_of(chunk, mapping.source.visit, known)
            staged.others += chunk.table.num_rows - own.table.num_rows
            self._keep(mapping, visits, own, staged, chunk.watermark)

    def _compare(self, mapping: Mapping, visits: str, keys: Sequence[str], staged: Staged) -> None:
        """Read all rows of the open visits; what changed is seen, and what is gone."""
        for group in _groups(keys):
            if self.is_stopping():
                return
            seen: set[str] = set()
            for chunk in lookup.read_by_visits(self.hospital, query_of(mapping), group):
                seen.update(_keys(self._keep(mapping, visits, chunk, staged, None)))
            gone = self.ledger.sweep(mapping.name, visits, group, seen, run_id=self.run_id)
            staged.void += gone.void
            staged.vanished += gone.vanished

    def _find_waiting(self, mapping: Mapping) -> None:
        """Remember which rows are to be validated once more: the HIS, a code map or the catalogue may have been mended.

        So too rows that changed while they were under way, or that broke a rule when they were to be taken back.
        """
        keys = self.ledger.quarantine.keys(mapping.name)
        if mapping.name in self.take_backs:
            keys += self.ledger.compensations.changed_keys(mapping.name)
        self._waiting[mapping.name] = dict.fromkeys(keys)

    def _read_again(self, mapping: Mapping, visits: str, known: Sequence[str], staged: Staged) -> None:
        """Read those of them that this run has not come across by itself."""
        keys = list(self._waiting.pop(mapping.name))
        if not keys:
            return
        names = pa.array(known, pa.string())
        for chunk in lookup.read_by_keys(self.hospital, query_of(mapping), keys):
            self._keep(mapping, visits, _rows_of(chunk, mapping.source.visit, names), staged, None)

    def _keep(
        self, mapping: Mapping, visits: str, chunk: Chunk, staged: Staged, watermark: Watermark | None
    ) -> RecordBlock:
        """Transform one chunk and stage it, with the watermark it moves, in one transaction."""
        block = self._transform(mapping, chunk, staged)
        staged.counts += self._write(mapping, visits, block, watermark)
        if waiting := self._waiting.get(mapping.name):
            for key in _keys(block):
                waiting.pop(key, None)
        return block

    def _write(
        self, mapping: Mapping, visits: str, block: RecordBlock, watermark: Watermark | None
    ) -> StageCounts:
        """Write one block down, as the mapping's rows have it."""
        return self.ledger.stage(
            block,
            visits=visits,
            watermark=watermark,
            run_id=self.run_id,
            overwrites=mapping.name in self.overwriting,
            take_back=self.take_backs.get(mapping.name),
        )

    def _transform(self, mapping: Mapping, chunk: Chunk, staged: Staged) -> RecordBlock:
        """Transform one chunk and count it."""
        transformed = transform(self.plans[mapping.name], chunk.table, undecodable=chunk.undecodable)
        staged.read += chunk.table.num_rows
        for path, rows in transformed.shortened.items():
            staged.shortened[path] = staged.shortened.get(path, 0) + rows
        self.progress.advance(f"stage {mapping.name}", chunk.table.num_rows)
        return transformed.block


def _groups(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    """Keys in groups of `VISITS_AT_ONCE`."""
    for begin in range(0, len(keys), VISITS_AT_ONCE):
        yield keys[begin : begin + VISITS_AT_ONCE]


def _keys(block: RecordBlock) -> Iterator[str]:
    """Every source key of a block, good rows or not."""
    yield from block.keys
    yield from (one.key for one in block.rejections)
    yield from (one.key for one in block.set_aside)


def _rows_of(chunk: Chunk, visit: str, known: Array) -> Chunk:
    """The rows of known visits only."""
    mask = kernels.is_in(key_text(chunk.table.column(visit)), value_set=known)
    kept = chunk.table.filter(mask)
    if not chunk.undecodable or kept.num_rows == chunk.table.num_rows:
        return replace(chunk, table=kept)
    places = {row: place for place, row in enumerate(kernels.indices_nonzero(mask).to_pylist())}
    cells = tuple((places[row], column) for row, column in chunk.undecodable if row in places)
    return replace(chunk, table=kept, undecodable=cells)


def _open_keys(mapping: Mapping, table: pa.Table) -> Collection[Any]:
    """Keys of the visits that have not ended: their `ended` column is blank, or the mapping names none."""
    keys = key_text(table.column(mapping.source.visit))
    if not mapping.source.ended:
        return frozenset(keys.to_pylist())
    return frozenset(keys.filter(pa.array(is_blank(table.column(mapping.source.ended)))).to_pylist())
