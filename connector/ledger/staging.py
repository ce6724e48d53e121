"""Staging: a block of rows becomes records, in one transaction with the watermark that says how far was read.

The same block any number of times equals once. Rows that are as they were cost one look-up; only the others are
walked, and `changes` decides about each.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from itertools import repeat

from connector.errors import ConfigurationError, Violation
from connector.ledger.changes import Action, Kind, decide
from connector.ledger.counts import StageCounts, SweepCounts
from connector.ledger.database import Database
from connector.ledger.link import Link
from connector.ledger.marks import changed_among, clear_marks, mark_changed, marked_among
from connector.ledger.moments import to_ms
from connector.ledger.names import mapping_id, mapping_id_or_new
from connector.ledger.payloads import Payloads
from connector.ledger.reasons import SET_ASIDE, Reasons
from connector.ledger.sweeping import free_waiting
from connector.ledger.tables import Standing
from connector.ledger.visits import Visits
from connector.records import RecordBlock, Watermark, join_key, split_key

__all__ = ["StageCounts", "Staging", "SweepCounts"]

_SHAPE, _HALF = 2, 8
"""How many bytes of a fingerprint say what is read of the HIS, and end where the payload's digest begins."""

_RESTING = (Standing.REJECTED, Standing.SET_ASIDE)
_STANDINGS = {Kind.REJECTED: Standing.REJECTED, Kind.SET_ASIDE: Standing.SET_ASIDE}


@dataclass(slots=True)
class _Rows:
    """A block's rows of all three kinds as one list: the good ones first."""

    keys: list[str] = field(repr=False)
    visits: list[int]
    fingerprints: list[bytes] = field(repr=False)
    reasons: list[tuple[int, ...]]
    good: int
    rejected: int

    def kind(self, n: int) -> Kind:
        if n < self.good:
            return Kind.GOOD
        return Kind.REJECTED if n < self.good + self.rejected else Kind.SET_ASIDE


@dataclass(frozen=True, slots=True)
class _Known:
    """A current record of a row's key."""

    n: int
    id: int
    visit: int
    fingerprint: bytes = field(repr=False)
    standing: Standing


@dataclass(slots=True)
class _Plan:
    """What is to be written for a block."""

    new: list[int] = field(default_factory=list)
    superseded: list[_Known] = field(default_factory=list)
    renewed: list[_Known] = field(default_factory=list)
    rebased: list[_Known] = field(default_factory=list)
    marked: list[_Known] = field(default_factory=list)
    cleared: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Staging:
    """Writes blocks into the ledger."""

    database: Database
    payloads: Payloads
    reasons: Reasons
    visits: Visits
    now: Callable[[], datetime]

    def watermark(self, mapping: str) -> Watermark | None:
        """Up to where the mapping's rows are staged."""
        with self.database.reading() as link:
            row = link.one(
                "SELECT w.cursor_value, w.key FROM watermark w JOIN mapping m ON m.id = w.mapping_id WHERE m.name = ?",
                mapping,
            )
        return None if row is None else Watermark(row[0], split_key(row[1]))

    def stage_visits(self, block: RecordBlock, open_keys: Collection[str], run_id: int) -> StageCounts:
        """Visits, and their registrations as records of the visits mapping."""
        with self.database.writing() as link:
            mapping = mapping_id_or_new(link, block.mapping)
            self.visits.keep(link, mapping, block, open_keys, run_id)
            return self._apply(link, mapping, mapping, block)

    def stage(
        self,
        block: RecordBlock,
        visits: str,
        watermark: Watermark | None,
        run_id: int,
        *,
        overwrites: bool = False,
    ) -> StageCounts:
        """A block's rows and the watermark. Raises ValueError when a row's visit is not known.

        `overwrites`: the platform replaces what it has under the same key, so a row that changed after it was
        accepted goes again, as a new version.
        """
        with self.database.writing() as link:
            mapping = mapping_id_or_new(link, block.mapping)
            counts = self._apply(link, mapping, mapping_id(link, visits), block, overwrites=overwrites)
            if watermark is not None:
                link.run("DELETE FROM watermark WHERE mapping_id = ?", mapping)
                link.run(
                    "INSERT INTO watermark (mapping_id, cursor_value, key, run_id, moved_at) VALUES (?, ?, ?, ?, ?)",
                    mapping,
                    watermark.cursor,
                    join_key(watermark.key),
                    run_id,
                    to_ms(self.now()),
                )
            return counts

    def _apply(
        self, link: Link, mapping: int, visits_mapping: int, block: RecordBlock, *, overwrites: bool = False
    ) -> StageCounts:
        """Decide about every row, then write."""
        counts = StageCounts()
        rows = self._rows(link, visits_mapping, block)
        skipped = _duplicates(block.mapping, rows)
        counts.unchanged += len(skipped)
        is_new, differing, batched = self._compare(link, mapping, rows, counts, skipped)
        plan = _Plan(new=[n for n, wanted in enumerate(is_new) if wanted])
        good, rejected = rows.good, rows.good + rows.rejected
        counts.new += is_new.count(1, 0, good)
        counts.quarantined += is_new.count(1, good, rejected)
        counts.set_aside += is_new.count(1, rejected)
        self._decide(link, rows, differing, plan, counts)
        if overwrites:
            _amend(link, rows, plan, counts)
        plan.cleared += batched
        self._write(link, mapping, block, rows, plan)
        return counts

    def _rows(self, link: Link, visits_mapping: int, block: RecordBlock) -> _Rows:
        rejected, aside = block.rejections, block.set_aside
        visit_keys = [*block.visits, *(r.visit for r in rejected), *(s.visit for s in aside)]
        ids = self.visits.ids_of(link, visits_mapping, set(visit_keys))
        try:
            visits = [ids[key] for key in visit_keys]
        except KeyError:
            raise ValueError(f"{block.mapping}: a row belongs to a visit that is not staged") from None
        asides = [(Violation("", SET_ASIDE, "", s.reason),) for s in aside]
        wanted = [*(r.violations for r in rejected), *asides]
        interned = self.reasons.intern(link, {v for violations in wanted for v in violations})
        return _Rows(
            keys=[*block.keys, *(r.key for r in rejected), *(s.key for s in aside)],
            visits=visits,
            fingerprints=[
                *block.fingerprints,
                *(r.fingerprint for r in rejected),
                *(s.fingerprint for s in aside),
            ],
            reasons=[tuple(interned[v] for v in violations) for violations in wanted],
            good=len(block.keys),
            rejected=len(rejected),
        )

    def _compare(
        self, link: Link, mapping: int, rows: _Rows, counts: StageCounts, skipped: AbstractSet[int]
    ) -> tuple[bytearray, list[_Known], list[int]]:
        """Which rows are new, which differ from their record, and the batched records that do not differ."""
        is_new = bytearray(b"\x01") * len(rows.keys)
        for n in skipped:
            is_new[n] = 0
        differing: list[_Known] = []
        batched: list[int] = []
        fingerprints, visits, good, unchanged = rows.fingerprints, rows.visits, rows.good, 0
        for n, record_id, visit, fingerprint, state in link.rows(
            "SELECT e.n, r.id, r.visit_id, r.fingerprint, r.state FROM EACH(??) e CROSS JOIN record r "
            "WHERE r.mapping_id = ? AND r.key = e.value AND r.is_current = 1",
            rows.keys,
            mapping,
        ):
            if not is_new[n]:
                continue
            is_new[n] = 0
            if n < good and fingerprint == fingerprints[n] and visit == visits[n] and state in _SETTLED:
                unchanged += 1
                if state == Standing.BATCHED:
                    batched.append(record_id)
            else:
                differing.append(_Known(n, record_id, visit, bytes(fingerprint), Standing(state)))
        counts.unchanged += unchanged
        return is_new, differing, batched

    def _decide(
        self, link: Link, rows: _Rows, differing: Sequence[_Known], plan: _Plan, counts: StageCounts
    ) -> None:
        resting = [known.id for known in differing if known.standing in _RESTING]
        kept_reasons = self.reasons.ids_of(link, resting) if resting else {}
        shapes = {
            known.id: known.fingerprint[:_SHAPE] == rows.fingerprints[known.n][:_SHAPE] for known in differing
        }
        changed = set(changed_among(link, [known.id for known in differing if not shapes[known.id]]))
        for known in differing:
            kind, fingerprint = rows.kind(known.n), rows.fingerprints[known.n]
            same_source = known.fingerprint[:_HALF] == fingerprint[:_HALF]
            same_visit = known.visit == rows.visits[known.n]
            action, count = decide(
                kind,
                known.standing,
                same_shape=shapes[known.id] or known.id in changed,
                same_source=same_source,
                same_payload=known.fingerprint[_HALF:] == fingerprint[_HALF:],
                same_visit=same_visit,
                same_reasons=kind is not Kind.GOOD
                and _STANDINGS[kind] is known.standing
                and kept_reasons.get(known.id) == rows.reasons[known.n - rows.good],
            )
            counts.count(count)
            if action is Action.REPLACE:
                plan.superseded.append(known)
                plan.new.append(known.n)
            elif action is Action.RENEW:
                plan.renewed.append(known)
            elif action is Action.MARK:
                plan.marked.append(known)
            else:
                if action is Action.REBASE:
                    plan.rebased.append(known)
                if known.standing is Standing.BATCHED:
                    plan.cleared.append(known.id)

    def _write(self, link: Link, mapping: int, block: RecordBlock, rows: _Rows, plan: _Plan) -> None:
        at = to_ms(self.now())
        self._supersede(link, mapping, plan.superseded)
        by_visit = sorted(plan.new, key=rows.visits.__getitem__)
        if len(plan.new) > 0:
            good = [n for n in by_visit if n < rows.good]
            self._insert(link, mapping, rows, good, block)
            self._insert(link, mapping, rows, [n for n in by_visit if n >= rows.good], block)
        self._renew(link, rows, plan.renewed)
        link.many(
            "UPDATE record SET fingerprint = ? WHERE id = ?",
            [(rows.fingerprints[k.n][:_HALF] + k.fingerprint[_HALF:], k.id) for k in plan.rebased],
        )
        mark_changed(link, [(known.id, rows.fingerprints[known.n]) for known in plan.marked], at)
        clear_marks(link, marked_among(link, plan.cleared))

    def _supersede(self, link: Link, mapping: int, superseded: Sequence[_Known]) -> None:
        ids = [known.id for known in superseded]
        if not ids:
            return
        link.run("UPDATE record SET state = :superseded, is_current = 0 WHERE id IN (??)", ids)
        self.reasons.clear(link, ids)
        free_waiting(
            link, self.payloads, mapping, [(known.id, known.visit, known.standing) for known in superseded]
        )

    def _insert(
        self, link: Link, mapping: int, rows: _Rows, wanted: Sequence[int], block: RecordBlock
    ) -> None:
        """Records for rows that are all good, or all not; `wanted` is sorted by visit."""
        if not wanted:
            return
        is_good = wanted[0] < rows.good
        first = _take_ids(link, len(wanted))
        visits = [rows.visits[n] for n in wanted]
        columns = (
            "id",
            "mapping_id",
            "visit_id",
            "key",
            "fingerprint",
            "amount",
            "category",
            "refund_of",
            "is_current",
            "state",
        )
        ids = range(first, first + len(wanted))
        link.insert(
            "record",
            columns,
            zip(
                ids,
                repeat(mapping),
                visits,
                [rows.keys[n] for n in wanted],
                [rows.fingerprints[n] for n in wanted],
                [block.amounts[n] for n in wanted] if is_good else repeat(0),
                [block.categories[n] for n in wanted] if is_good else repeat(""),
                [block.refund_of[n] for n in wanted] if is_good else repeat(""),
                repeat(1),
                repeat(Standing.STAGED.value)
                if is_good
                else [_STANDINGS[rows.kind(n)].value for n in wanted],
                strict=False,
            ),
        )
        self.payloads.add(
            link, mapping, first, visits, [block.payloads[n] for n in wanted] if is_good else []
        )
        if not is_good:
            reasons = {i: rows.reasons[n - rows.good] for i, n in zip(ids, wanted, strict=True)}
            self.reasons.link(link, reasons, to_ms(self.now()))

    def _renew(self, link: Link, rows: _Rows, renewed: Sequence[_Known]) -> None:
        if not renewed:
            return
        link.many(
            "UPDATE record SET fingerprint = ?, state = ? WHERE id = ?",
            [(rows.fingerprints[k.n], _STANDINGS[rows.kind(k.n)].value, k.id) for k in renewed],
        )
        self.reasons.clear(link, [k.id for k in renewed])
        reasons: Mapping[int, Sequence[int]] = {k.id: rows.reasons[k.n - rows.good] for k in renewed}
        self.reasons.link(link, reasons, to_ms(self.now()))


_SETTLED = frozenset({Standing.STAGED.value, Standing.BATCHED.value, Standing.REFUSED.value})
"""States in which an equal fingerprint means that there is nothing to do."""


def _amend(link: Link, rows: _Rows, plan: _Plan, counts: StageCounts) -> None:
    """Accepted records that changed and may be overwritten: the row enters as a new version after all."""
    changed = {known.id: known for known in plan.marked if rows.kind(known.n) is Kind.GOOD}
    accepted = link.rows(
        "SELECT c.record_id FROM claim c JOIN batch b ON b.id = c.batch_id "
        "WHERE c.record_id IN (??) AND b.state = :batch_accepted",
        list(changed),
    )
    amended = {record_id: changed[record_id] for (record_id,) in accepted}
    plan.marked = [known for known in plan.marked if known.id not in amended]
    plan.superseded += amended.values()
    plan.new += [known.n for known in amended.values()]
    plan.cleared += amended
    counts.changed_after_upload -= len(amended)
    counts.changed += len(amended)


def _take_ids(link: Link, rows: int) -> int:
    """The first of so many record ids in a row."""
    link.run("UPDATE ledger SET next_record = next_record + ?", rows)
    return int(link.rows("SELECT next_record FROM ledger")[0][0]) - rows


def _duplicates(mapping: str, rows: _Rows) -> set[int]:
    """Places of rows that repeat an earlier one. Raises ConfigurationError when their contents differ."""
    if len(set(rows.keys)) == len(rows.keys):
        return set()
    first: dict[str, int] = {}
    repeated: set[int] = set()
    for n, key in enumerate(rows.keys):
        earlier = first.setdefault(key, n)
        if earlier == n:
            continue
        if rows.fingerprints[earlier] != rows.fingerprints[n] or rows.visits[earlier] != rows.visits[n]:
            raise ConfigurationError(
                f"{mapping}: the columns named as `key` do not identify a row: one key came with different contents in "
                "one reading. Name all columns under `source.key` that together identify a row for ever."
            )
        repeated.add(n)
    return repeated
