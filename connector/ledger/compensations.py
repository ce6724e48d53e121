"""Compensations as delivery and people see them: what waits, what a person lets go, what a person starts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connector.errors import LedgerError
from connector.ledger.compensating import Compensating, TakeBack, find_origins, step_aside
from connector.ledger.database import Database
from connector.ledger.decisions import Decision, Decisions
from connector.ledger.intake import Origin
from connector.ledger.link import Link
from connector.ledger.marks import clear_marks
from connector.ledger.names import mapping_id
from connector.ledger.outbox import state_of
from connector.ledger.payloads import Payloads
from connector.ledger.reasons import Reasons
from connector.ledger.staging import take_ids
from connector.ledger.tables import Standing
from connector.records import State


@dataclass(frozen=True, slots=True)
class Compensation:
    """A record that takes back `origin_id`; `amount` (scaled by 4) is its own. `is_approved`: a person let it go."""

    record_id: int
    origin_id: int
    mapping: str
    key: str = field(repr=False)
    visit_id: int
    number: str = field(repr=False)
    amount: int = field(repr=False)
    state: State
    is_approved: bool


@dataclass(frozen=True, slots=True)
class MassEdit:
    """A visit's rows that are to be taken back and that no person has let go, beside its rows on the platform."""

    taken_back: int
    accepted: int


@dataclass(frozen=True, slots=True)
class Compensations:
    """Reads and decides about compensations; staging makes most of them."""

    database: Database
    payloads: Payloads
    reasons: Reasons
    decisions: Decisions
    now: Callable[[], datetime]

    def unsettled(self) -> list[Compensation]:
        """Compensations that are not on the platform, the oldest first."""
        with self.database.reading() as link:
            rows = link.rows(
                "SELECT c.record_id, c.origin_id, m.name, r.key, v.id, v.number, r.amount, r.state, b.state, c.is_approved "
                "FROM compensation c JOIN record r ON r.id = c.record_id JOIN mapping m ON m.id = r.mapping_id "
                "JOIN visit v ON v.id = r.visit_id LEFT JOIN claim l ON l.record_id = r.id "
                "LEFT JOIN batch b ON b.id = l.batch_id "
                "WHERE r.state <> :superseded AND (b.state IS NULL OR b.state <> :batch_accepted) ORDER BY c.record_id"
            )
        return [
            Compensation(
                i, origin, name, key, visit, number, int(amount), state_of(standing, phase), bool(approved)
            )
            for i, origin, name, key, visit, number, amount, standing, phase, approved in rows
        ]

    def mass_edit(self, visit_id: int, mapping: str) -> MassEdit:
        """How much of a visit is to be taken back without a person's word."""
        with self.database.reading() as link:
            number = mapping_id(link, mapping)
            taken_back = link.rows(
                "SELECT COUNT(*) FROM segment s CROSS JOIN record r JOIN compensation c ON c.record_id = r.id "
                'WHERE s.visit_id = ? AND s.mapping_id = ? AND s.live > 0 AND r.id >= s.first_id AND r.id < s.first_id + s."rows" '
                "AND r.state = :staged AND c.is_approved = 0",
                visit_id,
                number,
            )
            if not taken_back[0][0]:
                return MassEdit(0, 0)
            accepted = link.rows(
                "SELECT COALESCE(SUM(accepted_rows), 0) FROM batch "
                "WHERE visit_id = ? AND mapping_id = ? AND state = :batch_accepted",
                visit_id,
                number,
            )
            gone = link.rows(
                "SELECT COUNT(*) FROM compensation c JOIN record r ON r.id = c.record_id JOIN claim l ON l.record_id = r.id "
                "JOIN batch b ON b.id = l.batch_id WHERE r.visit_id = ? AND r.mapping_id = ? AND b.state = :batch_accepted",
                visit_id,
                number,
            )
        return MassEdit(int(taken_back[0][0]), int(accepted[0][0]) - 2 * int(gone[0][0]))

    def changed(self, visit_id: int, mapping: str) -> int:
        """How many accepted rows of a visit the HIS has changed or deleted, and nothing takes back."""
        with self.database.reading() as link:
            rows = link.rows(
                "SELECT COUNT(*) FROM mark k JOIN record r ON r.id = k.record_id JOIN claim c ON c.record_id = r.id "
                "JOIN batch b ON b.id = c.batch_id WHERE r.visit_id = ? AND r.mapping_id = ? AND r.is_current = 1 "
                "AND b.state = :batch_accepted",
                visit_id,
                mapping_id(link, mapping),
            )
        return int(rows[0][0])

    def changed_keys(self, mapping: str) -> list[str]:
        """Keys of accepted rows that are marked as changed: where they are taken back, they are read again."""
        with self.database.reading() as link:
            rows = link.rows(
                "SELECT r.key FROM mark k JOIN record r ON r.id = k.record_id "
                "WHERE r.mapping_id = ? AND r.is_current = 1 AND k.changed_at IS NOT NULL ORDER BY r.id",
                mapping_id(link, mapping),
            )
        return [key for (key,) in rows]

    def approve(self, visit_id: int, decision: Decision) -> int:
        """Let a visit's compensations go, however many they are; returns how many. The decision is kept with it."""
        with self.database.writing() as link:
            approved = link.run(
                "UPDATE compensation SET is_approved = 1 WHERE is_approved = 0 AND record_id IN "
                "(SELECT id FROM record WHERE visit_id = ?)",
                visit_id,
            )
            if approved:
                self.decisions.write(link, decision, is_done=True)
        return approved

    def take_back(
        self, mapping: str, record_ids: Sequence[int], take_back: TakeBack, decision: Decision
    ) -> int:
        """Take back accepted rows that are gone from the HIS, because a person says so; returns how many.

        Raises LedgerError, and writes nothing, when one of them is not an accepted row that is gone, or when the
        payload of one is not kept.
        """
        wanted = sorted(set(record_ids))
        with self.database.writing() as link:
            number = mapping_id(link, mapping)
            compensating = Compensating(link, number, self.payloads, self.reasons)
            vanished = [
                i
                for (i,) in link.rows(
                    "SELECT k.record_id FROM mark k JOIN record r ON r.id = k.record_id "
                    "WHERE k.record_id IN (??) AND k.vanished_at IS NOT NULL AND r.mapping_id = ?",
                    wanted,
                    number,
                )
            ]
            found = find_origins(link, vanished)
            _check_all(wanted, found, "is no accepted row of this mapping that is gone from the HIS")
            origins = compensating.with_payloads(found)
            _check_all(
                wanted, origins, "was accepted without `on_change: compensate`: what it sent is not kept"
            )
            step_aside(link, origins)
            first = take_ids(link, 2 * len(origins))
            self._write_gone(link, number, origins, first)
            compensating.write(
                {first + n: origin for n, origin in enumerate(origins)},
                take_back,
                first_id=first + len(origins),
                is_approved=True,
            )
            clear_marks(link, wanted)
            self.decisions.write(link, decision, is_done=True)
        return len(origins)

    def forget(self, mapping: str) -> None:
        """Delete kept payloads of visits that are closed: nothing of them is compared with the HIS any more."""
        with self.database.writing() as link:
            self.payloads.forget(link, mapping_id(link, mapping))

    def _write_gone(self, link: Link, mapping: int, origins: Sequence[Origin], first_id: int) -> None:
        """The current versions of rows that are gone: nothing to send. A row that comes back takes their place."""
        link.insert(
            "record",
            (
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
            ),
            [
                (first_id + n, mapping, o.visit, o.key, o.fingerprint, 0, "", "", 1, Standing.GONE.value)
                for n, o in enumerate(origins)
            ],
        )
        self.payloads.add(link, mapping, first_id, [one.visit for one in origins], [])


def _check_all(wanted: Sequence[int], found: Sequence[Origin], why: str) -> None:
    """LedgerError unless every wanted record was found."""
    missing = set(wanted) - {one.id for one in found}
    if missing:
        raise LedgerError(f"Row {min(missing)} {why}. Nothing was written.")
