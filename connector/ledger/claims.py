"""Claims: which records go together into one call, on disk before its first byte.

A batch is claimed once, with all batches of a turn, in one durable transaction. What becomes of it is written on
the batch (`settlements`); its records are touched again only when they come back.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from connector.errors import LedgerError
from connector.ledger.answers import answer_row, unpack_answer
from connector.ledger.batches import BATCH, Batch, Intent, check_open, make_batch, read_batch
from connector.ledger.database import Database
from connector.ledger.faults import Conflict
from connector.ledger.leases import Leases
from connector.ledger.link import Link
from connector.ledger.members import pack_members
from connector.ledger.moments import to_ms
from connector.ledger.payloads import Payloads, Segments
from connector.ledger.resets import make_way
from connector.ledger.seal import Seal
from connector.ledger.settlements import Settlement
from connector.ledger.tables import Phase, Standing
from connector.ledger.trust import must_be_trusted
from connector.ledger.witness import Witness
from connector.records import Outcome, Verdict

__all__ = ["Batch", "Claims", "Intent", "Settlement"]

_DEFINITE = frozenset({Verdict.REJECTED, Verdict.RETRYABLE})
_COLUMNS = [
    "id",
    "visit_id",
    "mapping_id",
    "operation",
    "node",
    '"rows"',
    "amount",
    "base_total",
    "session",
    "digest",
    "size",
    "members",
    "tries",
    "state",
    "claimed_at",
    "accepted_rows",
    "accepted",
]


@dataclass(frozen=True, slots=True)
class Claims:
    """Claims batches and keeps their answers."""

    database: Database
    seal: Seal = field(repr=False)
    payloads: Payloads
    leases: Leases
    witness: Witness
    now: Callable[[], datetime]

    def claim(self, intents: Sequence[Intent]) -> list[Batch]:
        """Write the batches down, all or none; when this returns (or `together` ends) they are on the disk.

        Raises LedgerError when a record is not waiting any more (or belongs to a batch), when a visit has an open
        batch already or is held because the ledger was restored, or when the ledger cannot be written; LeaseHeld when another process has taken over.
        """
        if not intents:
            return []
        with self.database.writing() as link:
            self.leases.check(link)
            return self.write(link, intents)

    def write(self, link: Link, intents: Sequence[Intent]) -> list[Batch]:
        """The same, within a transaction that does more."""
        ids = [i for intent in intents for i in intent.record_ids]
        at = self.witness.expect(to_ms(self.now()))
        must_be_trusted(
            link, [intent.visit_id for intent in intents if not intent.is_reset]
        )  # a reset is a way out
        mappings = self._check(link, intents, ids)
        first = self._take_ids(link, len(intents))
        tries = dict(
            link.rows("SELECT record_id, tries FROM retry WHERE record_id IN (??) AND tries > 0", ids)
        )
        batches = [
            make_batch(
                first + n, intent, max((tries.get(i, 0) for i in intent.record_ids), default=intent.tries)
            )
            for n, intent in enumerate(intents)
        ]
        make_way(link, [intent.visit_id for intent in intents if intent.is_reset], to_ms(self.now()))
        self._write(link, list(zip(batches, intents, mappings, strict=True)), at)
        if link.run("UPDATE record SET state = :batched WHERE id IN (??) AND state = :staged", ids) != len(
            ids
        ):
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
                *answer_row(self.seal, batch_id, outcome, to_ms(self.now())),
                batch_id,
            )
            if touched != 1:
                self.leases.check(
                    link
                )  # who lost its lease in its sleep finds its batch settled by the other
            check_open(touched, 1)
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

    def open_batches(self, visit_id: int) -> list[Batch]:
        """The visit's batches that are not settled."""
        with self.database.reading() as link:
            rows = link.rows(BATCH + "WHERE visit_id = ? AND state IN (:open) ORDER BY id", visit_id)
        return [read_batch(row) for row in rows]

    def last_leaving(self, visit_id: int) -> Batch | None:
        """The last batch by which the visit was to leave, settled or not; None where there is none."""
        with self.database.reading() as link:
            row = link.one(
                BATCH + "WHERE visit_id = ? AND \"rows\" = 0 AND node <> '' ORDER BY id DESC LIMIT 1",
                visit_id,
            )
        return None if row is None else read_batch(row)

    def batch(self, batch_id: int) -> Batch:
        """One batch. Raises LedgerError when there is none of that number."""
        with self.database.reading() as link:
            row = link.one(BATCH + "WHERE id = ?", batch_id)
        if row is None:
            raise LedgerError(f"There is no batch {batch_id} in the ledger.")
        return read_batch(row)

    def doubt_orphans(self) -> int:
        """Batches that a dead process had claimed are in doubt: nobody knows whether they were sent."""
        with self.database.writing() as link:
            self.leases.check(link)
            return link.run("UPDATE batch SET state = :batch_in_doubt WHERE state = :batch_claimed")

    def platform_base(self, visit_id: int) -> int:
        """What was accepted of the visit, with its baseline: what the platform's total must be."""
        with self.database.reading() as link:
            return base_of(link, visit_id)

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
            if not intent.record_ids:
                mappings.append(_mapping_of_visit(link, intent))
                continue
            records = [found.get(i) for i in intent.record_ids]
            if any(r is None or r[0] != intent.visit_id for r in records):
                raise ValueError("an intent names records of another visit")
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

    def _write(self, link: Link, wanted: Sequence[tuple[Batch, Intent, int]], at: int) -> None:
        segments = self.payloads.segments(link, [intent.visit_id for _, intent, _ in wanted])
        try:
            link.insert(
                "claim",
                ("record_id", "batch_id"),
                [(i, batch.id) for batch, intent, _ in wanted for i in intent.record_ids],
            )
            link.insert(
                "batch",
                _COLUMNS,
                [
                    self._row(batch, intent, mapping, self._body(link, segments, intent, mapping), at)
                    for batch, intent, mapping in wanted
                ],
            )
        except Conflict:
            raise LedgerError(
                "A record is in another batch already, or its visit has a batch that is not settled. "
                "Nothing was claimed and nothing is sent."
            ) from None

    def _row(self, batch: Batch, intent: Intent, mapping: int, body: bytes, at: int) -> tuple[object, ...]:
        """A batch as it is stored. Its digest is the SHA-256 of the payloads, one a line, in their order."""
        what = (batch.id, batch.visit_id, mapping, batch.operation, batch.node, batch.rows, batch.amount)
        sent = (sha256(body).digest(), len(body), pack_members(intent.record_ids))
        state = (batch.tries, Phase.CLAIMED.value, at, 0, 0)
        return (*what, batch.base_total, intent.session, *sent, *state)

    def _body(self, link: Link, segments: Segments, intent: Intent, mapping: int) -> bytes:
        """The payloads as they are sent, one a line."""
        return (
            b"\n".join(intent.texts)
            if intent.texts
            else b"\n".join(
                self.payloads.needed(link, segments.of(intent.visit_id, mapping), intent.record_ids)
            )
        )

    def _take_ids(self, link: Link, batches: int) -> int:
        link.run("UPDATE ledger SET next_batch = next_batch + ?", batches)
        return int(link.rows("SELECT next_batch FROM ledger")[0][0]) - batches


def base_of(link: Link, visit_id: int) -> int:
    """The sum of a visit's accepted amounts, with its baseline (scaled by 4)."""
    row = link.rows(
        "SELECT COALESCE(SUM(b.accepted), 0), COALESCE((SELECT v.baseline FROM visit v WHERE v.id = ?), 0) "
        "FROM batch b WHERE b.visit_id = ? AND b.state = :batch_accepted",
        *(visit_id, visit_id),
    )[0]
    return int(row[0]) + int(row[1])


def _mapping_of_visit(link: Link, intent: Intent) -> int:
    """The mapping that a batch without records stands under: its visit's. Raises ValueError for a batch that adds."""
    if intent.base_total is not None or bool(intent.node) != bool(intent.texts):
        raise ValueError("an intent names no record")
    row = link.one("SELECT mapping_id FROM visit WHERE id = ?", intent.visit_id)
    if row is None:
        raise ValueError("an intent names no visit")
    return int(row[0])
