"""Closed batches whose fate was concluded and not told: what the arithmetic of totals may have been wrong about.

Accepted by the totals alone, a batch may in truth be somebody else's row of the same amount; closed as not applied,
it may have come to life afterwards. Both are shown for ever (residual risks R1 and R2 of the delivery protocol).
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from connector.ledger.database import Database
from connector.ledger.link import Link
from connector.ledger.moments import to_iso

UNAPPLIED = (
    "b.base_total IS NOT NULL AND b.accepted_rows < b.\"rows\" AND b.evidence <> 'not_sent' "
    "AND b.state IN (:batch_accepted, :batch_released, :batch_refused)"
)
"""Charges that were sent, or may have been, and were then found not to be on the platform; of `batch b`."""

_CONCLUDED = "SELECT b.id, b.visit_id, v.number, {}, {}, b.claimed_at, b.settled_at FROM batch b JOIN visit v ON v.id = b.visit_id "
_ACCEPTED = _CONCLUDED.format("b.accepted_rows", "b.accepted")
_REST = _CONCLUDED.format('b."rows" - b.accepted_rows', "b.amount - b.accepted")
_INFERRED = "b.state = :batch_accepted AND b.evidence = 'totals' AND b.base_total IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Concluded:
    """A batch, or the part of it, that a conclusion is about; `amount` scaled by 4.

    Between `claimed_at` and `settled_at` a row of the same amount, entered by hand, would have deceived it.
    """

    batch_id: int
    visit_id: int
    number: str = field(repr=False)
    rows: int
    amount: int = field(repr=False)
    claimed_at: str
    settled_at: str


@dataclass(frozen=True, slots=True)
class Conclusions:
    """Reads what was concluded."""

    database: Database

    def inferred(self, limit: int = 100) -> list[Concluded]:
        """Batches of charges that were accepted because the platform's total showed them, the newest first."""
        with self.database.reading() as link:
            return _read(link, f"{_ACCEPTED}WHERE {_INFERRED} ORDER BY b.id DESC LIMIT ?", limit)

    def count_inferred(self) -> int:
        """How many there are."""
        with self.database.reading() as link:
            return int(link.rows(f"SELECT COUNT(*) FROM batch b WHERE {_INFERRED}")[0][0])  # noqa: S608 - fixed text

    def unapplied(self, visit_ids: Collection[int]) -> list[Concluded]:
        """What was ever found not applied in these visits, the oldest first."""
        with self.database.reading() as link:
            return _read(
                link, f"{_REST}WHERE b.visit_id IN (??) AND {UNAPPLIED} ORDER BY b.id", list(visit_ids)
            )


def _read(link: Link, sql: str, *params: object) -> list[Concluded]:
    return [
        Concluded(batch_id, visit_id, number, rows, amount, to_iso(claimed_at), to_iso(settled_at))
        for batch_id, visit_id, number, rows, amount, claimed_at, settled_at in link.rows(sql, *params)
    ]
