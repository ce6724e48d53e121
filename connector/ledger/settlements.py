"""Settlements: what a batch came to, written once, and what that means for its records."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connector.errors import Violation
from connector.ledger.answers import answer_row
from connector.ledger.batches import check_open
from connector.ledger.database import Database
from connector.ledger.leases import Leases
from connector.ledger.link import Link
from connector.ledger.members import unpack_members
from connector.ledger.moments import to_ms
from connector.ledger.payloads import Payloads
from connector.ledger.reasons import Reasons
from connector.ledger.returns import give_back
from connector.ledger.seal import Seal
from connector.ledger.tables import Phase
from connector.records import BatchState, Outcome

_SETTLED = {
    BatchState.ACCEPTED: Phase.ACCEPTED,
    BatchState.RELEASED: Phase.RELEASED,
    BatchState.REFUSED: Phase.REFUSED,
}
_CLOSE = (
    "UPDATE batch SET answered_at = COALESCE(?, answered_at), verdict = COALESCE(?, verdict), code = COALESCE(?, code), "
    "counts = COALESCE(?, counts), answer = COALESCE(?, answer), state = ?, settled_at = ?, evidence = ?, reason = ?, "
    "accepted_rows = ?, accepted = ? WHERE id = ?"
)


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a batch came to, on which evidence (`ack`, `totals`, `counts`, `answer`, `person`, …) and why.

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
class _Closing:
    """A batch that is being settled: its accepted records, and its row for `_CLOSE`."""

    settlement: Settlement
    held: _Held
    accepted: list[int]
    row: tuple[object, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settlements:
    """Closes batches."""

    database: Database
    seal: Seal = field(repr=False)
    payloads: Payloads
    reasons: Reasons
    leases: Leases
    now: Callable[[], datetime]

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """Close batches, all or none. Raises LedgerError when one is not open, LeaseHeld when another process did it."""
        if not settlements:
            return
        with self.database.writing() as link:
            self.write(link, settlements)

    def write(self, link: Link, settlements: Sequence[Settlement]) -> None:
        """The same, within a transaction that does more."""
        held = self._held(link, [s.batch_id for s in settlements])
        counts = (len(held), len({s.batch_id for s in settlements}), len(settlements))
        if len(set(counts)) != 1:
            self.leases.check(link)  # who lost its lease in its sleep finds its batch settled by the other
        check_open(*counts)
        closings = [self._close(link, s, held[s.batch_id]) for s in settlements]
        link.many(_CLOSE, [closing.row for closing in closings])
        self._keep_accepted(link, closings)
        for closing in closings:
            self._give_back(link, closing)

    def _held(self, link: Link, batch_ids: list[int]) -> dict[int, _Held]:
        return {
            row[0]: _Held(row[0], row[1], row[2], unpack_members(row[3]), row[4])
            for row in link.rows(
                "SELECT id, visit_id, mapping_id, members, amount FROM batch WHERE id IN (??) AND state IN (:open)",
                batch_ids,
            )
        }

    def _close(self, link: Link, settlement: Settlement, held: _Held) -> _Closing:
        """What settling writes on one batch."""
        accepted = _accepted(settlement, held)
        is_yes = settlement.state is BatchState.ACCEPTED
        state = BatchState.REFUSED if is_yes and held.members and not accepted else settlement.state
        amount = held.amount if len(accepted) == len(held.members) else _sum(link, accepted)
        outcome = settlement.outcome
        answered = (
            (None,) * 5 if outcome is None else answer_row(self.seal, held.id, outcome, to_ms(self.now()))
        )
        reason = self.seal.seal("reason", held.id, settlement.reason.encode()) if settlement.reason else None
        return _Closing(
            settlement,
            held,
            accepted,
            (
                *answered,
                *(_SETTLED[state].value, to_ms(self.now()), settlement.evidence, reason),
                *(len(accepted), amount, held.id),
            ),
        )

    def _keep_accepted(self, link: Link, closings: Sequence[_Closing]) -> None:
        """Forget what is not needed of accepted records; note the visits that are registered now."""
        accepted = [closing for closing in closings if closing.accepted]
        if not accepted:
            return
        segments = self.payloads.segments(link, [closing.held.visit for closing in accepted])
        gone = {(closing.held.visit, closing.held.mapping): closing.accepted for closing in accepted}
        self.payloads.free(link, segments, gone)
        link.run(
            "DELETE FROM retry WHERE record_id IN (??)", [i for closing in accepted for i in closing.accepted]
        )
        link.many(
            "UPDATE visit SET is_registered = 1 WHERE id = ? AND mapping_id = ?",
            [(closing.held.visit, closing.held.mapping) for closing in accepted],
        )

    def _give_back(self, link: Link, closing: _Closing) -> None:
        """The records of a batch that are not on the platform."""
        held, settlement = closing.held, closing.settlement
        kept = set(closing.accepted)
        if len(kept) == len(held.members):
            return
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
