"""Resets (protocol C.7): all fees of a visit are deleted on the platform, and everything of it is sent anew.

A reset is a batch without records and without a node. While it is open nothing else of the visit can be claimed, and a batch that was
in doubt before is shelved: nobody may send its rows again, nor take them for sent, until the reset has an end. When
it is done, everything that was accepted is undone in the same transaction: the payloads are gone from the ledger,
so these rows are read from the HIS again, as any row that broke a rule, and come back as new versions. Orders too:
whether they are deleted with the fees is not stated (trap T107), and sent again they overwrite themselves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connector.errors import LedgerError, Violation
from connector.ledger.answers import answer_row
from connector.ledger.database import Database
from connector.ledger.decisions import Decisions
from connector.ledger.link import Link
from connector.ledger.marks import clear_marks
from connector.ledger.members import unpack_members
from connector.ledger.moments import to_ms
from connector.ledger.payloads import Payloads
from connector.ledger.reasons import AFTER_RESET, Reasons
from connector.ledger.returns import give_back
from connector.ledger.seal import Seal
from connector.ledger.sweeping import free_waiting
from connector.ledger.tables import Phase, Standing
from connector.ledger.trust import trust
from connector.records import Outcome

_OPEN_RESET = "state IN (:open) AND \"rows\" = 0 AND node = ''"
_CLOSE = (
    "UPDATE batch SET answered_at = COALESCE(answered_at, ?), verdict = ?, code = ?, counts = ?, answer = ?, "
    "state = ?, settled_at = ?, evidence = 'answer', reason = ? WHERE id = ?"
)


def make_way(link: Link, visit_ids: Sequence[int], at: int) -> None:
    """Before a reset of these visits is claimed: close a reset that is to be repeated, shelve what is in doubt.

    A batch that may still arrive late is not shelved; claiming beside it fails.
    """
    if not visit_ids:
        return
    ids = list(visit_ids)
    link.run(
        "UPDATE batch SET state = :batch_released, settled_at = ?, evidence = 'repeated' "  # noqa: S608 - fixed text
        f"WHERE visit_id IN (??) AND {_OPEN_RESET}",
        at,
        ids,
    )
    link.run(
        "UPDATE batch SET state = :batch_shelved WHERE visit_id IN (??) AND state IN (:open) AND fenced_at IS NOT NULL",
        ids,
    )


@dataclass(frozen=True, slots=True)
class Resets:
    """Ends resets."""

    database: Database
    seal: Seal = field(repr=False)
    payloads: Payloads
    reasons: Reasons
    decisions: Decisions
    now: Callable[[], datetime]

    def complete(self, batch_id: int, decision_id: int, outcome: Outcome, reason: str) -> int:
        """The visit is empty on the platform: undo what was accepted; returns how many records are read again.

        Raises LedgerError when the reset is not open, or the decision does not wait.
        """
        with self.database.writing() as link:
            visit_id = self.close(link, batch_id, Phase.ACCEPTED, outcome, reason)
            undone = self.clear(link, visit_id, AFTER_RESET)
            self.decisions.mark_done(link, decision_id)
        return undone

    def refuse(self, batch_id: int, decision_id: int, outcome: Outcome, reason: str) -> None:
        """The platform deleted nothing: everything stands as before, and a new reset needs a new decision.

        Raises LedgerError when the reset is not open, or the decision does not wait.
        """
        with self.database.writing() as link:
            self.close(link, batch_id, Phase.REFUSED, outcome, reason)
            self.decisions.mark_done(link, decision_id)

    def clear(self, link: Link, visit_id: int, why: Violation, *, with_registration: bool = False) -> int:
        """Nothing of the visit is on the platform: undo what was accepted; how many records are read again."""
        self._unshelve(link, visit_id)
        undone = self._undo(link, visit_id, why, with_registration=with_registration)
        self._void_compensations(link, visit_id)
        link.run("UPDATE visit SET baseline = NULL WHERE id = ?", visit_id)
        trust(link, [visit_id])  # what a restored ledger did not know of is deleted as well
        return undone

    def close(self, link: Link, batch_id: int, phase: Phase, outcome: Outcome, reason: str) -> int:
        """Close the batch that deletes; the id of its visit.

        Where it was refused, what it shelved is in doubt again. Raises LedgerError when it is not open.
        """
        row = link.one(f"SELECT visit_id FROM batch WHERE id = ? AND {_OPEN_RESET}", batch_id)  # noqa: S608 - fixed text
        if row is None:
            raise LedgerError("A reset that was to be ended is not open. Nothing was written.")
        at = to_ms(self.now())
        link.run(
            _CLOSE,
            *answer_row(self.seal, batch_id, outcome, at),
            *(phase.value, at, self.seal.seal("reason", batch_id, reason.encode()), batch_id),
        )
        visit_id = int(row[0])
        if phase is Phase.REFUSED:
            self.take_off_shelf(link, visit_id)
        return visit_id

    def take_off_shelf(self, link: Link, visit_id: int) -> None:
        """What was in doubt before is in doubt again: no fees were deleted."""
        link.run(
            "UPDATE batch SET state = :batch_in_doubt WHERE visit_id = ? AND state = :batch_shelved",
            visit_id,
        )

    def _unshelve(self, link: Link, visit_id: int) -> None:
        """What was in doubt is not on the platform now: its records wait to be sent."""
        for batch_id, mapping, packed in link.rows(
            "SELECT id, mapping_id, members FROM batch WHERE visit_id = ? AND state = :batch_shelved",
            visit_id,
        ):
            link.run(
                "UPDATE batch SET state = :batch_released, settled_at = ?, evidence = 'reset' WHERE id = ?",
                to_ms(self.now()),
                batch_id,
            )
            give_back(
                link,
                unpack_members(packed),
                visit_id=visit_id,
                mapping=mapping,
                limit=0,
                was_proven=False,
                quarantined={},
                payloads=self.payloads,
                reasons=self.reasons,
                at=to_ms(self.now()),
            )

    def _undo(self, link: Link, visit_id: int, why: Violation, *, with_registration: bool) -> int:
        """Accepted records: current ones are read again, vanished and older versions are void."""
        batches = link.rows(
            'SELECT b.id, b.members FROM batch b JOIN visit v ON v.id = b.visit_id WHERE b.visit_id = ? AND b."rows" > 0 '
            "AND b.state = :batch_accepted AND (b.mapping_id <> v.mapping_id OR ? = 1)",
            *(visit_id, int(with_registration)),
        )
        numbers = [batch_id for batch_id, _ in batches]
        members = [i for _, packed in batches for i in unpack_members(packed)]
        current = {
            record_id: bool(is_current)
            for record_id, is_current in link.rows(
                "SELECT r.id, r.is_current FROM claim c JOIN record r ON r.id = c.record_id "
                "WHERE c.record_id IN (??) AND c.batch_id IN (??)",
                members,
                numbers,
            )
        }
        ids = list(current)
        gone = {
            i
            for (i,) in link.rows(
                "SELECT record_id FROM mark WHERE record_id IN (??) AND changed_at IS NULL", ids
            )
        }
        again = [i for i, is_current in current.items() if is_current and i not in gone]
        link.run("DELETE FROM claim WHERE record_id IN (??)", ids)
        link.run("UPDATE record SET state = :superseded WHERE id IN (??) AND is_current = 0", ids)
        link.run("UPDATE record SET state = :gone WHERE id IN (??) AND is_current = 1", list(gone))
        link.run("UPDATE record SET state = :rejected WHERE id IN (??)", again)
        link.run("UPDATE batch SET state = :batch_undone WHERE id IN (??)", numbers)
        clear_marks(link, ids)
        (reason,) = self.reasons.intern(link, [why]).values()
        self.reasons.link(link, {i: [reason] for i in again}, to_ms(self.now()))
        return len(again)

    def _void_compensations(self, link: Link, visit_id: int) -> None:
        """Compensations that still wait take back what is gone already."""
        rows = link.rows(
            "SELECT r.id, r.mapping_id, r.state FROM segment s CROSS JOIN record r CROSS JOIN compensation c "
            'WHERE s.visit_id = ? AND r.id >= s.first_id AND r.id < s.first_id + s."rows" '
            "AND c.record_id = r.id AND r.state IN (:staged, :refused, :rejected)",
            visit_id,
        )
        ids = [record_id for record_id, _, _ in rows]
        if not ids:
            return
        link.run("UPDATE record SET state = :superseded, is_current = 0 WHERE id IN (??)", ids)
        self.reasons.clear(link, ids)
        for record_id, mapping, state in rows:
            free_waiting(link, self.payloads, mapping, [(record_id, visit_id, Standing(state))])
