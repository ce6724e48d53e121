"""Trust: which visits may go on in a ledger that was restored, and whether requests of a lost one are over.

A visit of a ledger that is older than what was sent is held until a person says that nothing of it is missing, or
until it is proven: a visit the platform does not list has nothing there.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from connector.errors import LedgerError
from connector.ledger.database import Database
from connector.ledger.decisions import Decision, Decisions
from connector.ledger.link import Link
from connector.ledger.moments import to_ms

RESTORED = (
    "restored: the ledger is an old copy and may not know all that was sent for this visit "
    "(`connector ledger accept` compares it with the platform)"
)
"""Why such a visit is held."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A visit that is held because the ledger was restored.

    `doubt`: the amount of its open batch (scaled by 4), None where there is none.
    """

    visit_id: int
    mapping: str
    key: str = field(repr=False)
    number: str = field(repr=False)
    registered: bool
    doubt: int | None = field(repr=False)

    @property
    def name(self) -> str:
        """What people call it: the platform's number, else the HIS's key."""
        return self.number or self.key


def must_be_trusted(link: Link, visit_ids: Collection[int]) -> None:
    """Raise LedgerError where one of these visits is held because the ledger was restored."""
    held = link.rows("SELECT COUNT(*) FROM visit v WHERE v.id IN (??) AND :is_restored = 1", list(visit_ids))
    if held[0][0]:
        raise LedgerError(
            "A visit that is held because the ledger was restored cannot be sent for. Nothing was claimed and nothing "
            "is sent; `connector ledger accept` compares it with the platform."
        )


@dataclass(frozen=True, slots=True)
class Trust:
    """Keeps what a restored or a new ledger may rely on."""

    database: Database
    decisions: Decisions
    now: Callable[[], datetime]

    def suspects(self) -> list[Suspect]:
        """Visits that are held because the ledger was restored, in the order in which they were first seen."""
        with self.database.reading() as link:
            rows = link.rows(
                "SELECT v.id, m.name, v.key, v.number, v.is_registered, "
                "(SELECT SUM(b.amount) FROM batch b WHERE b.visit_id = v.id AND b.state IN (:open)) "
                "FROM visit v JOIN mapping m ON m.id = v.mapping_id WHERE :is_restored = 1 ORDER BY v.id"
            )
        return [
            Suspect(i, mapping, key, number, bool(registered), None if doubt is None else int(doubt))
            for i, mapping, key, number, registered, doubt in rows
        ]

    def clear(self, visit_ids: Collection[int]) -> None:
        """Nothing of these visits is missing: that is proven."""
        with self.database.writing() as link:
            trust(link, visit_ids)

    def restorations(self) -> int:
        """How often the ledger was found to be older than what was sent."""
        with self.database.reading() as link:
            return int(link.rows("SELECT restorations FROM ledger")[0][0])

    def accept(self, decisions: Mapping[int, Decision], restorations: int) -> None:
        """A person says of these visits that nothing of them is missing; what they said is kept with it.

        Raises LedgerError when the ledger was restored once more since they were told the numbers.
        """
        with self.database.writing() as link:
            if link.rows("SELECT restorations FROM ledger")[0][0] != restorations:
                raise LedgerError(
                    "The ledger was restored once more meanwhile. Nothing was accepted; compare again."
                )
            for decision in decisions.values():
                self.decisions.write(link, decision, is_done=True)
            trust(link, decisions)

    def is_quiet(self) -> bool:
        """Whether no request of another ledger can be under way any more."""
        with self.database.reading() as link:
            return link.rows("SELECT quiet_at FROM ledger")[0][0] is not None

    def note_quiet(self) -> None:
        """The settle time has passed since a login of this ledger: what another one had sent is over."""
        with self.database.writing() as link:
            link.run("UPDATE ledger SET quiet_at = ? WHERE quiet_at IS NULL", to_ms(self.now()))

    def is_registered_elsewhere(self, visit_id: int) -> bool:
        """Whether the platform listed the visit without a plain yes to our own registration of it."""
        with self.database.reading() as link:
            return (
                link.one(
                    "SELECT 1 FROM batch b JOIN visit v ON v.id = b.visit_id AND v.mapping_id = b.mapping_id "
                    "WHERE v.id = ? AND b.state = :batch_accepted AND b.\"rows\" > 0 AND b.evidence <> 'ack'",
                    visit_id,
                )
                is not None
            )


def trust(link: Link, visit_ids: Collection[int]) -> None:
    """Nothing of these visits is missing; within a transaction that does more. A hold of theirs ends with it."""
    link.run(
        "UPDATE visit SET trusted = (SELECT restorations FROM ledger), hold = NULL, held_at = NULL "
        "WHERE id IN (??) AND trusted < (SELECT restorations FROM ledger)",
        sorted(visit_ids),
    )
