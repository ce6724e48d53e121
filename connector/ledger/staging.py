"""Staging: a block of rows becomes records, in one transaction with the watermark that says how far was read.

The same block any number of times equals once. Rows that are as they were cost one look-up; only the others are
walked, and `changes` decides about each.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat

from connector.errors import ConfigurationError, Violation
from connector.ledger.changes import Action, Kind, decide
from connector.ledger.compensating import (
    Compensating,
    TakeBack,
    plan_heirs,
    step_aside,
    write_heirs,
)
from connector.ledger.counts import StageCounts, SweepCounts
from connector.ledger.database import Database
from connector.ledger.intake import HALF, Known, Plan, Rows
from connector.ledger.link import Link
from connector.ledger.marks import changed_among, clear_marks, mark_changed, marked_among
from connector.ledger.moments import to_ms
from connector.ledger.names import keep_payloads, mapping_id, mapping_id_or_new
from connector.ledger.payloads import Payloads
from connector.ledger.reasons import SET_ASIDE, Reasons
from connector.ledger.sweeping import free_waiting
from connector.ledger.tables import Standing
from connector.ledger.visits import Visits
from connector.records import RecordBlock, Watermark, join_key, split_key

__all__ = ["StageCounts", "Staging", "SweepCounts"]

_SHAPE = 2
"""So many bytes of a fingerprint say what is read of the HIS."""

_RESTING = (Standing.REJECTED, Standing.SET_ASIDE)
_STANDINGS = {Kind.REJECTED: Standing.REJECTED, Kind.SET_ASIDE: Standing.SET_ASIDE}


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
        take_back: TakeBack | None = None,
    ) -> StageCounts:
        """A block's rows and the watermark. Raises ValueError when a row's visit is not known.

        `overwrites`: the platform replaces what it has under the same key, so a row that changed after it was
        accepted goes again, as a new version. `take_back`: a row that changed after it was accepted is taken back,
        by the payload that this makes of the accepted one, and goes again.
        """
        with self.database.writing() as link:
            mapping = mapping_id_or_new(link, block.mapping)
            if keep_payloads(link, mapping, wanted=take_back is not None) and take_back is None:
                self.payloads.forget(link, mapping, also_open=True)
            visits_mapping = mapping_id(link, visits)
            counts = self._apply(
                link, mapping, visits_mapping, block, overwrites=overwrites, take_back=take_back
            )
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
        self,
        link: Link,
        mapping: int,
        visits_mapping: int,
        block: RecordBlock,
        *,
        overwrites: bool = False,
        take_back: TakeBack | None = None,
    ) -> StageCounts:
        """Decide about every row, then write."""
        counts = StageCounts()
        rows = self._rows(link, visits_mapping, block)
        skipped = _duplicates(block.mapping, rows)
        counts.unchanged += len(skipped)
        is_new, differing, batched = self._compare(link, mapping, rows, counts, skipped)
        plan = Plan(new=[n for n, wanted in enumerate(is_new) if wanted])
        good, rejected = rows.good, rows.good + rows.rejected
        counts.new += is_new.count(1, 0, good)
        counts.quarantined += is_new.count(1, good, rejected)
        counts.set_aside += is_new.count(1, rejected)
        self._decide(link, rows, differing, plan, counts)
        if overwrites:
            _amend(link, rows, plan, counts)
        plan_heirs(link, rows, plan)
        if take_back is not None:
            self._compensating(link, mapping).plan(rows, plan, counts)
        plan.cleared += batched
        self._write(link, mapping, rows, plan, take_back)
        return counts

    def _rows(self, link: Link, visits_mapping: int, block: RecordBlock) -> Rows:
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
        return Rows(
            block=block,
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
        self, link: Link, mapping: int, rows: Rows, counts: StageCounts, skipped: AbstractSet[int]
    ) -> tuple[bytearray, list[Known], list[int]]:
        """Which rows are new, which differ from their record, and the batched records that do not differ."""
        is_new = bytearray(b"\x01") * len(rows.keys)
        for n in skipped:
            is_new[n] = 0
        differing: list[Known] = []
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
                differing.append(Known(n, record_id, visit, bytes(fingerprint), Standing(state)))
        counts.unchanged += unchanged
        return is_new, differing, batched

    def _decide(
        self, link: Link, rows: Rows, differing: Sequence[Known], plan: Plan, counts: StageCounts
    ) -> None:
        resting = [known.id for known in differing if known.standing in _RESTING]
        kept_reasons = self.reasons.ids_of(link, resting) if resting else {}
        shapes = {
            known.id: known.fingerprint[:_SHAPE] == rows.fingerprints[known.n][:_SHAPE] for known in differing
        }
        changed = set(changed_among(link, [known.id for known in differing if not shapes[known.id]]))
        for known in differing:
            kind, fingerprint = rows.kind(known.n), rows.fingerprints[known.n]
            same_source = known.fingerprint[:HALF] == fingerprint[:HALF]
            same_visit = known.visit == rows.visits[known.n]
            action, count = decide(
                kind,
                known.standing,
                same_shape=shapes[known.id] or known.id in changed,
                same_source=same_source,
                same_payload=known.fingerprint[HALF:] == fingerprint[HALF:],
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

    def _write(self, link: Link, mapping: int, rows: Rows, plan: Plan, take_back: TakeBack | None) -> None:
        at = to_ms(self.now())
        self._supersede(link, mapping, plan.superseded)
        step_aside(link, list(plan.taken_back.values()))
        by_visit = sorted(plan.new, key=rows.visits.__getitem__)
        if len(plan.new) > 0:
            good = [n for n in by_visit if n < rows.good]
            bad = [n for n in by_visit if n >= rows.good]
            ids = {**self._insert(link, mapping, rows, good), **self._insert(link, mapping, rows, bad)}
            write_heirs(link, {compensation: ids[n] for n, compensation in plan.heirs.items()})
            if take_back is not None and plan.taken_back:
                self._compensating(link, mapping).write(
                    {ids[n]: origin for n, origin in plan.taken_back.items()},
                    take_back,
                    first_id=take_ids(link, len(plan.taken_back)),
                    is_approved=False,
                )
        if plan.restored or plan.same:
            self._compensating(link, mapping).restore(rows, plan)
        self._renew(link, rows, plan.renewed)
        link.many(
            "UPDATE record SET fingerprint = ? WHERE id = ?",
            [(rows.fingerprints[k.n][:HALF] + k.fingerprint[HALF:], k.id) for k in plan.rebased],
        )
        mark_changed(link, [(known.id, rows.fingerprints[known.n]) for known in plan.marked], at)
        clear_marks(link, marked_among(link, plan.cleared))

    def _compensating(self, link: Link, mapping: int) -> Compensating:
        return Compensating(link, mapping, self.payloads, self.reasons)

    def _supersede(self, link: Link, mapping: int, superseded: Sequence[Known]) -> None:
        ids = [known.id for known in superseded]
        if not ids:
            return
        link.run("UPDATE record SET state = :superseded, is_current = 0 WHERE id IN (??)", ids)
        self.reasons.clear(link, ids)
        free_waiting(
            link, self.payloads, mapping, [(known.id, known.visit, known.standing) for known in superseded]
        )

    def _insert(self, link: Link, mapping: int, rows: Rows, wanted: Sequence[int]) -> Mapping[int, int]:
        """Records for rows that are all good, or all not; `wanted` is sorted by visit. Returns their ids by `n`."""
        if not wanted:
            return {}
        block = rows.block
        is_good = wanted[0] < rows.good
        first = take_ids(link, len(wanted))
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
        return dict(zip(wanted, ids, strict=True))

    def _renew(self, link: Link, rows: Rows, renewed: Sequence[Known]) -> None:
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


def _amend(link: Link, rows: Rows, plan: Plan, counts: StageCounts) -> None:
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


def take_ids(link: Link, rows: int) -> int:
    """The first of so many record ids in a row."""
    link.run("UPDATE ledger SET next_record = next_record + ?", rows)
    return int(link.rows("SELECT next_record FROM ledger")[0][0]) - rows


def _duplicates(mapping: str, rows: Rows) -> set[int]:
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
