"""Claims: which records go together into one call, on disk before its first byte, and what came of it.

A batch is claimed once, with all batches of a turn, in one durable transaction. What becomes of it is written on
the batch; its records are touched again only when they come back.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from connector.errors import LedgerError, Violation
from connector.ledger.answers import pack_answer, unpack_answer
from connector.ledger.database import Database, Link
from connector.ledger.faults import Conflict
from connector.ledger.leases import Leases
from connector.ledger.members import pack_members, unpack_members
from connector.ledger.moments import to_ms
from connector.ledger.payloads import Payloads
from connector.ledger.reasons import Reasons
from connector.ledger.returns import give_back
from connector.ledger.seal import Seal
from connector.ledger.tables import PHASES, Phase, Standing
from connector.records import BatchState, Outcome, Verdict

_DEFINITE = frozenset({Verdict.REJECTED, Verdict.RETRYABLE})
_SETTLED = {
    BatchState.ACCEPTED: Phase.ACCEPTED,
    BatchState.RELEASED: Phase.RELEASED,
    BatchState.REFUSED: Phase.REFUSED,
}
_BATCH = (
    'SELECT id, visit_id, operation, node, "rows", amount, base_total, state, tries, fenced_at FROM batch '
)


@dataclass(frozen=True, slots=True)
class Intent:
    """A batch that is wanted: `amount` is the sum of its records, `base_total` the platform's total before it.

    `base_total` is None where the call has no total (registrations, orders); `session` a digest of the session.
    """

    visit_id: int
    operation: str
    node: str
    record_ids: tuple[int, ...]
    amount: int = field(repr=False)
    base_total: int | None = field(repr=False)
    session: str


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that was claimed.

    `tries`: how often these rows were already found not applied by the totals; `fenced`: no late request of it can
    come any more (`note_fenced`).
    """

    id: int
    visit_id: int
    operation: str
    node: str
    rows: int
    amount: int = field(repr=False)
    base_total: int | None = field(repr=False)
    state: BatchState
    tries: int
    fenced: bool = False


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a batch came to, on which evidence (`ack`, `totals`, `counts`, `answer`, …) and why.

    ACCEPTED with `accepted` (record ids) means only those, the others go back; with a `limit` and no `accepted` it
    means that a yes saved nothing, and the batch is closed as refused. RELEASED and REFUSED send all back. Rows in
    `quarantined` go there instead. `limit` bounds the next batch of rows that go back, 0 leaves it as it was.
    """

    batch_id: int
    state: BatchState
    evidence: str
    reason: str = field(repr=False)
    outcome: Outcome | None = None
    accepted: tuple[int, ...] = ()
    limit: int = 0
    quarantined: Mapping[int, tuple[Violation, ...]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class _Held:
    """What settling has to know of a batch."""

    id: int
    visit: int
    mapping: int
    members: list[int]
    amount: int


@dataclass(frozen=True, slots=True)
class Claims:
    """Claims batches, keeps their answers, settles them."""

    database: Database
    seal: Seal = field(repr=False)
    payloads: Payloads
    reasons: Reasons
    leases: Leases
    now: Callable[[], datetime]

    def claim(self, intents: Sequence[Intent]) -> list[Batch]:
        """Write the batches down, all or none; when this returns they are on the disk.

        Raises LedgerError when a record is not waiting any more (or belongs to a batch), when a visit has an open
        batch already, or when the ledger cannot be written; LeaseHeld when another process has taken over.
        """
        if not intents:
            return []
        with self.database.writing() as link:
            self.leases.check(link)
            ids = [i for intent in intents for i in intent.record_ids]
            mappings = self._check(link, intents, ids)
            first = self._take_ids(link, len(intents))
            tries = dict(
                link.rows("SELECT record_id, tries FROM retry WHERE record_id IN (??) AND tries > 0", ids)
            )
            batches = [
                _batch(first + n, intent, max((tries.get(i, 0) for i in intent.record_ids), default=0))
                for n, intent in enumerate(intents)
            ]
            self._write(link, list(zip(batches, intents, mappings, strict=True)))
            if link.run(
                "UPDATE record SET state = :batched WHERE id IN (??) AND state = :staged", ids
            ) != len(ids):
                raise LedgerError(
                    "A record changed while it was claimed: nothing was claimed and nothing is sent."
                )
        return batches

    def answer(self, batch_id: int, outcome: Outcome) -> None:
        """Keep an answer that is not a plain yes. Unless it is a definite no, the batch is in doubt from now on."""
        with self.database.writing() as link:
            touched = link.run(
                "UPDATE batch SET answered_at = ?, verdict = ?, code = ?, counts = ?, answer = ? "
                "WHERE id = ? AND state IN (:open)",
                *self._answered(batch_id, outcome),
                batch_id,
            )
            _check_open(touched, 1)
            if outcome.verdict not in _DEFINITE:
                link.run("UPDATE batch SET state = :batch_in_doubt WHERE id = ?", batch_id)

    def answer_of(self, batch_id: int) -> Outcome | None:
        """The answer kept for a batch (without its parsed body), None when there is none."""
        with self.database.reading() as link:
            row = link.one("SELECT verdict, code, counts, answer FROM batch WHERE id = ?", batch_id)
        if row is None or row[3] is None:
            return None
        verdict, code, counts, sealed = row
        kept = unpack_answer(self.seal.open("answer", batch_id, sealed), verdict, code, counts)
        return Outcome(Verdict(verdict), code, kept.message, counts, {}, kept.raw)

    def note_fenced(self, batch_id: int) -> None:
        """No request of the batch's session can begin any more, and the settle time has passed since."""
        with self.database.writing() as link:
            link.run("UPDATE batch SET fenced_at = ? WHERE id = ?", to_ms(self.now()), batch_id)

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """Close batches, all or none. Raises LedgerError when one is not open."""
        if not settlements:
            return
        with self.database.writing() as link:
            held = self._held(link, [s.batch_id for s in settlements])
            _check_open(len(held), len({s.batch_id for s in settlements}), len(settlements))
            for settlement in settlements:
                self._settle(link, settlement, held[settlement.batch_id])

    def open_batches(self, visit_id: int) -> list[Batch]:
        """The visit's batches that are not settled."""
        with self.database.reading() as link:
            rows = link.rows(_BATCH + "WHERE visit_id = ? AND state IN (:open) ORDER BY id", visit_id)
        return [_read(row) for row in rows]

    def batch(self, batch_id: int) -> Batch:
        """One batch. Raises LedgerError when there is none of that number."""
        with self.database.reading() as link:
            row = link.one(_BATCH + "WHERE id = ?", batch_id)
        if row is None:
            raise LedgerError(f"There is no batch {batch_id} in the ledger.")
        return _read(row)

    def doubt_orphans(self) -> int:
        """Batches that a dead process had claimed are in doubt: nobody knows whether they were sent."""
        with self.database.writing() as link:
            self.leases.check(link)
            return link.run("UPDATE batch SET state = :batch_in_doubt WHERE state = :batch_claimed")

    def platform_base(self, visit_id: int) -> int:
        """The sum of the visit's accepted amounts: what the platform's total must be."""
        with self.database.reading() as link:
            return int(
                link.rows("SELECT COALESCE(SUM(accepted), 0) FROM batch WHERE visit_id = ?", visit_id)[0][0]
            )

    def _check(self, link: Link, intents: Sequence[Intent], ids: list[int]) -> list[int]:
        """The mapping of each intent, after its records were found to be what it says."""
        found = {
            row[0]: row[1:]
            for row in link.rows(
                "SELECT id, visit_id, mapping_id, amount, state FROM record WHERE id IN (??)", ids
            )
        }
        mappings: list[int] = []
        for intent in intents:
            records = [found.get(i) for i in intent.record_ids]
            if not records or any(r is None or r[0] != intent.visit_id for r in records):
                raise ValueError("an intent names no record, or records of another visit")
            known = [r for r in records if r is not None]
            if any(r[3] != Standing.STAGED for r in known):
                raise LedgerError(
                    "A record that was to be claimed does not wait to be sent: it is in another batch, in "
                    "quarantine or void. Nothing was claimed and nothing is sent."
                )
            if len({r[1] for r in known}) != 1 or sum(r[2] for r in known) != intent.amount:
                raise ValueError("an intent mixes mappings, or its amount is not the sum of its records")
            mappings.append(known[0][1])
        return mappings

    def _write(self, link: Link, wanted: Sequence[tuple[Batch, Intent, int]]) -> None:
        at = to_ms(self.now())
        try:
            link.insert(
                "claim",
                ("record_id", "batch_id"),
                [(i, batch.id) for batch, intent, _ in wanted for i in intent.record_ids],
            )
            link.insert(
                "batch",
                (
                    *(
                        "id",
                        "visit_id",
                        "mapping_id",
                        "operation",
                        "node",
                        '"rows"',
                        "amount",
                        "base_total",
                        "session",
                    ),
                    *(
                        "digest",
                        "size",
                        "members",
                        "tries",
                        "state",
                        "claimed_at",
                        "accepted_rows",
                        "accepted",
                    ),
                ),
                [self._row(link, batch, intent, mapping, at) for batch, intent, mapping in wanted],
            )
        except Conflict:
            raise LedgerError(
                "A record is in another batch already, or its visit has a batch that is not settled. "
                "Nothing was claimed and nothing is sent."
            ) from None

    def _row(self, link: Link, batch: Batch, intent: Intent, mapping: int, at: int) -> tuple[object, ...]:
        """A batch as it is stored. Its digest is the SHA-256 of the payloads, one a line, in their order."""
        body = b"\n".join(self.payloads.of(link, intent.visit_id, mapping, intent.record_ids))
        return (
            *(batch.id, batch.visit_id, mapping, batch.operation, batch.node, batch.rows, batch.amount),
            *(
                batch.base_total,
                intent.session,
                sha256(body).digest(),
                len(body),
                pack_members(intent.record_ids),
            ),
            *(batch.tries, Phase.CLAIMED.value, at, 0, 0),
        )

    def _take_ids(self, link: Link, batches: int) -> int:
        link.run("UPDATE ledger SET next_batch = next_batch + ?", batches)
        return int(link.rows("SELECT next_batch FROM ledger")[0][0]) - batches

    def _answered(self, batch_id: int, outcome: Outcome) -> tuple[object, ...]:
        sealed = self.seal.seal("answer", batch_id, pack_answer(outcome))
        return (to_ms(self.now()), outcome.verdict.value, outcome.code, outcome.counts, sealed)

    def _held(self, link: Link, batch_ids: list[int]) -> dict[int, _Held]:
        return {
            row[0]: _Held(row[0], row[1], row[2], unpack_members(row[3]), row[4])
            for row in link.rows(
                "SELECT id, visit_id, mapping_id, members, amount FROM batch WHERE id IN (??) AND state IN (:open)",
                batch_ids,
            )
        }

    def _settle(self, link: Link, settlement: Settlement, held: _Held) -> None:
        accepted = _accepted(settlement, held)
        state = (
            settlement.state
            if accepted or settlement.state is not BatchState.ACCEPTED
            else BatchState.REFUSED
        )
        whole = len(accepted) == len(held.members)
        amount = held.amount if whole else _sum(link, accepted)
        if settlement.outcome is not None:
            link.run(
                "UPDATE batch SET answered_at = ?, verdict = ?, code = ?, counts = ?, answer = ? WHERE id = ?",
                *self._answered(held.id, settlement.outcome),
                held.id,
            )
        reason = self.seal.seal("reason", held.id, settlement.reason.encode()) if settlement.reason else None
        link.run(
            "UPDATE batch SET state = ?, settled_at = ?, evidence = ?, reason = ?, accepted_rows = ?, accepted = ? "
            "WHERE id = ?",
            *(_SETTLED[state].value, to_ms(self.now()), settlement.evidence, reason, len(accepted), amount),
            held.id,
        )
        if accepted:
            self.payloads.free(link, held.visit, held.mapping, accepted)
            link.run("DELETE FROM retry WHERE record_id IN (??)", accepted)
            link.run(
                "UPDATE visit SET is_registered = 1 WHERE id = ? AND mapping_id = ?", held.visit, held.mapping
            )
        if not whole:
            kept = set(accepted)
            give_back(
                link,
                [i for i in held.members if i not in kept],
                visit_id=held.visit,
                mapping=held.mapping,
                limit=settlement.limit,
                was_proven=settlement.evidence == "totals",
                quarantined=settlement.quarantined,
                payloads=self.payloads,
                reasons=self.reasons,
                at=to_ms(self.now()),
            )


def _batch(batch_id: int, intent: Intent, tries: int) -> Batch:
    return Batch(
        id=batch_id,
        visit_id=intent.visit_id,
        operation=intent.operation,
        node=intent.node,
        rows=len(intent.record_ids),
        amount=intent.amount,
        base_total=intent.base_total,
        state=BatchState.CLAIMED,
        tries=tries,
    )


def _read(row: Sequence[Any]) -> Batch:
    batch_id, visit_id, operation, node, rows, amount, base_total, phase, tries, fenced_at = row
    state = PHASES[Phase(phase)]
    return Batch(
        batch_id, visit_id, operation, node, rows, amount, base_total, state, tries, fenced_at is not None
    )


def _check_open(*counts: int) -> None:
    if len(set(counts)) != 1:
        raise LedgerError(
            "A batch that was to be settled is not open: it was settled before. Nothing was written."
        )


def _accepted(settlement: Settlement, held: _Held) -> list[int]:
    """The records that are on the platform now. Raises ValueError for a settlement that contradicts itself."""
    if settlement.state not in _SETTLED:
        raise ValueError("a settlement accepts, releases or refuses")
    named = {*settlement.accepted, *settlement.quarantined}
    if not named <= set(held.members):
        raise ValueError("a settlement names records that are not in its batch")
    if settlement.state is not BatchState.ACCEPTED:
        if settlement.accepted:
            raise ValueError("a batch that was not accepted has no accepted records")
        return []
    if settlement.accepted or settlement.limit or settlement.quarantined:
        return list(settlement.accepted)
    return held.members


def _sum(link: Link, record_ids: Iterable[int]) -> int:
    ids = list(record_ids)
    return (
        int(link.rows("SELECT COALESCE(SUM(amount), 0) FROM record WHERE id IN (??)", ids)[0][0])
        if ids
        else 0
    )
