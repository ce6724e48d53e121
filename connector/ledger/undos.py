"""What people take back of a visit: its leaving, its fees, its registration; and that nothing of it goes again by itself.

Each step taken back is a batch without records, as a reset is; what it means for the ledger is written in the
transaction that closes it, with a step that says so. After fees or registration were taken back the visit is held, until
a person lets it go (`AGAIN`): what somebody has taken back must not be sent by the next run.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from connector.errors import LedgerError
from connector.ledger.database import Database
from connector.ledger.decisions import Decision, Decisions
from connector.ledger.judgements import UNDO, must_not_be_pending
from connector.ledger.leases import Leases
from connector.ledger.link import Link
from connector.ledger.members import unpack_members
from connector.ledger.moments import to_ms
from connector.ledger.reasons import AFTER_UNDO
from connector.ledger.resets import Resets
from connector.ledger.seal import Seal
from connector.ledger.steps import (
    LEAVE,
    SET_ASIDE,
    UNDO_LEAVE,
    UNDO_REGISTER,
    UNDOS,
    VOID_FEES,
    KeptStep,
    Steps,
    is_set_aside,
    is_taken_back,
)
from connector.ledger.tables import Phase
from connector.records import Outcome

_WITHOUT_EFFECT = "('not_sent', 'retryable')"
"""Verdicts of calls that cannot have had an effect."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What the ledger takes the platform to hold of one category: rows and their sum (scaled by 4)."""

    category: str
    rows: int
    amount: int = field(repr=False)


@dataclass(frozen=True, slots=True)
class Taken:
    """One step that was taken back: its name, the interface, and what has to be remembered.

    `hold`: why the visit is held now, "" where it is not. `is_last`: with it the decision is carried out.
    """

    name: str
    operation: str
    details: Mapping[str, object] = field(repr=False)
    hold: str = field(repr=False)
    is_last: bool


@dataclass(frozen=True, slots=True)
class Undos:
    """Keeps what is taken back. All that write raise LedgerError when the ledger has moved on, LeaseHeld for another's."""

    database: Database
    seal: Seal = field(repr=False)
    resets: Resets
    steps: Steps
    decisions: Decisions
    leases: Leases
    now: Callable[[], datetime]

    def approve(self, decision: Decision, hold: str) -> int:
        """Let it be carried out, by this process or by the next run; the visit is held meanwhile. Its number.

        A person's word that it may leave holds no more.
        """
        with self.database.writing() as link:
            visit_id = self._begin(link, decision)
            must_not_be_pending(link, visit_id)
            link.run(
                "UPDATE decision SET done_at = ? WHERE visit_id = ? AND kind = ? AND done_at IS NULL",
                *(to_ms(self.now()), visit_id, LEAVE),
            )
            self._hold(link, visit_id, hold)
            return self.decisions.write(link, decision, is_done=False)

    def complete(self, batch_id: int, decision_id: int, taken: Taken, outcome: Outcome, reason: str) -> None:
        """One step is taken back on the platform: the ledger says the same from now on.

        A registration that is gone takes a leaving along that somebody cancelled by hand.
        """
        was_left = self.steps.leaving_of(self._visit_of(batch_id)) is not None
        with self.database.writing() as link:
            visit_id = self.resets.close(link, batch_id, Phase.ACCEPTED, outcome, reason)
            if taken.name == UNDO_LEAVE:
                self.resets.take_off_shelf(link, visit_id)
            else:
                is_all = taken.name == UNDO_REGISTER
                self.resets.clear(link, visit_id, AFTER_UNDO, with_registration=is_all)
                if is_all:
                    link.run("UPDATE visit SET is_registered = 0 WHERE id = ?", visit_id)
                    if was_left:
                        self.steps.write(link, visit_id, UNDO_LEAVE, "", {"how": "with the registration"})
            self.steps.write(
                link, visit_id, taken.name, taken.operation, {**taken.details, "decision": decision_id}
            )
            self._hold(link, visit_id, taken.hold)
            if taken.is_last:
                self.decisions.mark_done(link, decision_id)

    def refuse(self, batch_id: int, decision_id: int, outcome: Outcome, reason: str) -> None:
        """The platform took nothing back by this step: what follows it is not asked for, a new try is a new decision."""
        with self.database.writing() as link:
            visit_id = self.resets.close(link, batch_id, Phase.REFUSED, outcome, reason)
            self._hold(link, visit_id, reason)
            self.decisions.mark_done(link, decision_id)

    def let_go(self, decision: Decision) -> None:
        """What was taken back of a visit is registered and sent again, as far as the HIS still has it."""
        with self.database.writing() as link:
            visit_id = self._begin(link, decision)
            must_not_be_pending(link, visit_id)
            self.steps.let_go(link, visit_id)
            self._hold(link, visit_id, "")
            self.decisions.write(link, decision, is_done=True)

    def set_aside(self, decision: Decision) -> None:
        """Nothing of a visit is sent, and it is not held for that. Raises ValueError for one that is registered, or may be."""
        with self.database.writing() as link:
            visit_id = self._begin(link, decision)
            must_not_be_pending(link, visit_id)
            _must_not_be_there(link, visit_id)
            said = {"how": "not for the platform", "who": decision.who, "because": decision.reason}
            self.steps.write(link, visit_id, SET_ASIDE, "", said)
            link.run("DELETE FROM question WHERE visit_id = ? AND answered_at IS NULL", visit_id)
            self._hold(link, visit_id, "")
            self.decisions.write(link, decision, is_done=True)

    def is_set_aside(self, visit_id: int) -> bool:
        """Whether a visit is set aside now."""
        with self.database.reading() as link:
            return is_set_aside(link, visit_id)

    def withdraw(self, decision_id: int, decision: Decision, hold: str) -> None:
        """Take the approval of a reset or an undo back that has not begun; `hold`: why the visit is held now, or ""."""
        has_taken = bool(self.done_of(decision.visit_id or 0, decision_id))
        with self.database.writing() as link:
            visit_id = self._begin(link, decision)
            row = link.one("SELECT kind, at FROM decision WHERE id = ? AND done_at IS NULL", decision_id)
            if row is None or has_taken or _has_begun(link, visit_id, row[1]):
                raise LedgerError("It has begun, or is over: it cannot be withdrawn. Nothing was written.")
            link.run(
                "UPDATE batch SET state = :batch_released, settled_at = ?, evidence = 'not_sent' "
                "WHERE visit_id = ? AND state IN (:open) AND \"rows\" = 0 AND node = ''",
                *(to_ms(self.now()), visit_id),
            )
            self.resets.take_off_shelf(link, visit_id)
            if row[0] == UNDO:
                self._hold(link, visit_id, hold)
            self.decisions.mark_done(link, decision_id)
            self.decisions.write(link, decision, is_done=True)

    def taken_back(self, visit_id: int) -> KeptStep | None:
        """The last step by which fees or registration were taken back, where nobody has let the visit go since."""
        with self.database.reading() as link:
            if not is_taken_back(link, visit_id):
                return None
        return [one for one in self.steps.of(visit_id) if one.name in (VOID_FEES, UNDO_REGISTER)][-1]

    def done_of(self, visit_id: int, decision_id: int) -> list[KeptStep]:
        """The steps that were taken back by a decision."""
        taken = [one for one in self.steps.of(visit_id) if one.name in UNDOS]
        return [one for one in taken if one.details.get("decision") == decision_id]

    def charges(self, visit_id: int) -> list[Holding]:
        """The accepted charges of a visit, by category."""
        found = self._accepted(visit_id, "base_total IS NOT NULL")
        return [Holding(category, rows, int(amount)) for category, rows, amount in found]

    def orders(self, visit_id: int) -> int:
        """How many orders of a visit were accepted."""
        of_orders = (
            "base_total IS NULL AND mapping_id <> (SELECT v.mapping_id FROM visit v WHERE v.id = visit_id)"
        )
        return sum(rows for _, rows, _ in self._accepted(visit_id, of_orders))

    def _accepted(self, visit_id: int, where: str) -> list[tuple[str, int, int]]:
        with self.database.reading() as link:
            batches = link.rows(
                f"SELECT id, members FROM batch WHERE visit_id = ? AND state = :batch_accepted AND {where}",  # noqa: S608 - fixed text
                visit_id,
            )
            found = link.rows(
                "SELECT r.category, COUNT(*), SUM(r.amount) FROM claim c JOIN record r ON r.id = c.record_id "
                "WHERE c.record_id IN (??) AND c.batch_id IN (??) GROUP BY r.category ORDER BY r.category",
                [i for _, packed in batches for i in unpack_members(packed)],
                [batch_id for batch_id, _ in batches],
            )
        return [(category, rows, amount) for category, rows, amount in found]

    def _visit_of(self, batch_id: int) -> int:
        with self.database.reading() as link:
            row = link.one("SELECT visit_id FROM batch WHERE id = ?", batch_id)
        return int(row[0]) if row else 0

    def _begin(self, link: Link, decision: Decision) -> int:
        """The visit that is decided about, after the lease was found to be ours."""
        self.leases.check(link)
        if decision.visit_id is None:
            raise ValueError("an undo is about a visit")
        return decision.visit_id

    def _hold(self, link: Link, visit_id: int, reason: str) -> None:
        """Hold the visit for this reason, or let it go where there is none."""
        sealed = self.seal.seal("hold", visit_id, reason.encode()) if reason else None
        link.run(
            "UPDATE visit SET hold = ?, held_at = CASE WHEN ? = 1 THEN COALESCE(held_at, ?) ELSE NULL END WHERE id = ?",
            *(sealed, int(bool(reason)), to_ms(self.now()), visit_id),
        )


def _must_not_be_there(link: Link, visit_id: int) -> None:
    """Raise ValueError where who sets a visit aside did not ask before whether it is registered, or may be."""
    registered = link.one("SELECT id FROM visit WHERE id = ? AND is_registered = 1", visit_id)
    if registered or link.one("SELECT id FROM batch WHERE visit_id = ? AND state IN (:open)", visit_id):
        raise ValueError("a visit that is registered, or may be, is not set aside")


def _has_begun(link: Link, visit_id: int, decided_at: int) -> bool:
    """Whether a call that may have had an effect was made since a decision."""
    row = link.one(
        "SELECT id FROM batch WHERE visit_id = ? AND \"rows\" = 0 AND node = '' "  # noqa: S608 - fixed text
        f"AND (state IN (:open) OR claimed_at >= ?) AND COALESCE(verdict, '') NOT IN {_WITHOUT_EFFECT}",
        *(visit_id, decided_at),
    )
    return row is not None
