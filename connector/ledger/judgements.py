"""Judgements: a person's decision and what it changes, in one transaction, under the lease."""

from collections.abc import Sequence
from dataclasses import dataclass

from connector.errors import LedgerError
from connector.ledger.claims import Claims, Intent
from connector.ledger.database import Database
from connector.ledger.decisions import Decision, Decisions
from connector.ledger.leases import Leases
from connector.ledger.link import Link
from connector.ledger.reasons import Reasons
from connector.ledger.settlements import Settlement, Settlements
from connector.ledger.steps import Steps
from connector.ledger.trust import trust
from connector.records import BatchState

PERSON = "person"
"""Evidence: a person said so."""

RESET = "reset"
"""The kind of decision that approves a reset; it is pending until the reset is done, or refused."""

UNDO = "undo"
"""The kind of decision that takes steps of a visit back; it is pending until all of them are, or one is refused."""


@dataclass(frozen=True, slots=True)
class Judgements:
    """Does what a person decided. Every method ends the visit's hold, but for the approval of a reset.

    All raise LedgerError when the ledger has moved on meanwhile, and LeaseHeld when another process has taken over.
    """

    database: Database
    claims: Claims
    settlements: Settlements
    reasons: Reasons
    decisions: Decisions
    leases: Leases
    steps: Steps

    def settle(self, settlement: Settlement, decision: Decision) -> None:
        """Close an open batch as a person says."""
        with self.database.writing() as link:
            visit_id = self._begin(link, decision)
            must_not_be_pending(link, visit_id)
            self.settlements.write(link, [settlement])
            self._end(link, visit_id, decision)

    def adopt(self, intents: Sequence[Intent], decision: Decision) -> None:
        """Count waiting or refused records as sent: they are on the platform already, by other hands."""
        with self.database.writing() as link:
            visit_id = self._begin(link, decision)
            self._must_be_calm(link, visit_id)
            trust(
                link, [visit_id]
            )  # where the ledger was restored: the person has seen what the platform holds
            ids = [i for intent in intents for i in intent.record_ids]
            refused = [
                i for (i,) in link.rows("SELECT id FROM record WHERE id IN (??) AND state = :refused", ids)
            ]
            link.run("UPDATE record SET state = :staged WHERE id IN (??)", refused)
            self.reasons.clear(link, refused)
            for intent in intents:
                (batch,) = self.claims.write(link, [intent])
                settled = Settlement(batch.id, BatchState.ACCEPTED, PERSON, decision.reason)
                self.settlements.write(link, [settled])
            self._end(link, visit_id, decision)

    def accept_baseline(self, surplus: int, decision: Decision) -> None:
        """Add what the platform holds beyond the ledger (scaled by 4) to the visit's baseline."""
        with self.database.writing() as link:
            visit_id = self._begin(link, decision)
            self._must_be_calm(link, visit_id)
            trust(
                link, [visit_id]
            )  # where the ledger was restored: the person has seen what the platform holds
            link.run(
                "UPDATE visit SET baseline = COALESCE(baseline, 0) + ? WHERE id = ?",
                surplus,
                visit_id,
            )
            self._end(link, visit_id, decision)

    def release(self, decision: Decision) -> None:
        """Let a held visit be tried again; what was taken back of it may go again."""
        with self.database.writing() as link:
            visit_id = self._begin(link, decision)
            self._must_be_calm(link, visit_id)
            self.steps.let_go(link, visit_id)
            trust(
                link, [visit_id]
            )  # where the ledger was restored: the person has seen what the platform holds
            self._end(link, visit_id, decision)

    def approve_reset(self, decision: Decision) -> None:
        """Let the next run delete all fees of the visit and send them anew."""
        with self.database.writing() as link:
            visit_id = self._begin(link, decision)
            must_not_be_pending(link, visit_id)
            self.steps.let_go(link, visit_id)
            self.decisions.write(link, decision, is_done=False)

    def _begin(self, link: Link, decision: Decision) -> int:
        """The visit that is decided about, after the lease was found to be ours."""
        self.leases.check(link)
        if decision.visit_id is None:
            raise ValueError("a judgement is about a visit")
        return decision.visit_id

    def _must_be_calm(self, link: Link, visit_id: int) -> None:
        """Raise LedgerError while a batch of the visit is open, or a reset or an undo is approved."""
        must_not_be_pending(link, visit_id)
        if link.one("SELECT id FROM batch WHERE visit_id = ? AND state IN (:open)", visit_id) is not None:
            raise LedgerError("A batch of this visit is not settled: that comes first. Nothing was written.")

    def _end(self, link: Link, visit_id: int, decision: Decision) -> None:
        link.run("UPDATE visit SET hold = NULL, held_at = NULL WHERE id = ?", visit_id)
        self.decisions.write(link, decision, is_done=True)


def must_not_be_pending(link: Link, visit_id: int) -> None:
    """Raise LedgerError once a reset or an undo of the visit is approved."""
    row = link.one(
        "SELECT kind FROM decision WHERE visit_id = ? AND kind IN (??) AND done_at IS NULL",
        *(visit_id, [RESET, UNDO]),
    )
    if row is not None:
        raise LedgerError(
            f"A{'n' if row[0] == UNDO else ''} {row[0]} of this visit is approved: the next `connector run` carries it "
            "out. Nothing was written."
        )
