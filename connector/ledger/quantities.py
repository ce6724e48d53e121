"""Quantities for the guards: what waits to be sent, what was sent since a moment, what is in doubt, what was rejected.

Amounts are without their sign (scaled by 4): a refund moves money as a charge does. Registrations count as no row.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connector.ledger.database import Database
from connector.ledger.moments import to_ms
from connector.ledger.names import mapping_id
from connector.ledger.steps import SET_ASIDE_VISITS


@dataclass(frozen=True, slots=True)
class Quantity:
    """So many rows, and the sum of their amounts without sign (scaled by 4)."""

    rows: int = 0
    amount: int = field(default=0, repr=False)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits to be sent of one visit and mapping; `visit` is the platform's number, or the HIS's key."""

    visit: str = field(repr=False)
    mapping: str
    quantity: Quantity
    visit_id: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Rejected:
    """Of `rows` of one visit and mapping that were staged since a record, so many are `rejected` by our rules."""

    visit: str = field(repr=False)
    mapping: str
    rows: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Quantities:
    """Adds up what the guards look at."""

    database: Database

    def waiting(self, visits: str, mappings: Sequence[str]) -> list[Waiting]:
        """What waits to be sent, by visit and mapping; held visits too, for they go on once their totals agree, and none set aside."""
        with self.database.reading() as link:
            rows = link.rows(
                "SELECT v.number, v.key, m.name, COUNT(*), SUM(ABS(r.amount)), v.id FROM segment s "  # noqa: S608 - fixed text
                'JOIN record r ON r.id >= s.first_id AND r.id < s.first_id + s."rows" '
                "JOIN visit v ON v.id = s.visit_id JOIN mapping m ON m.id = s.mapping_id "
                "WHERE s.live > 0 AND s.mapping_id IN (??) AND v.mapping_id = ? AND r.state = :staged "
                f"AND v.id NOT IN ({SET_ASIDE_VISITS}) "
                "GROUP BY v.id, v.number, v.key, m.name ORDER BY v.id, m.name",
                [mapping_id(link, mapping) for mapping in mappings],
                mapping_id(link, visits),
            )
        return [
            Waiting(number or key, mapping, Quantity(count, int(amount)), visit_id)
            for number, key, mapping, count, amount, visit_id in rows
        ]

    def sent_since(self, moment: datetime) -> Quantity:
        """What was claimed since, of all pipelines, but for batches that are proven not to have been applied."""
        with self.database.reading() as link:
            rows, amount = link.rows(
                'SELECT COALESCE(SUM(CASE WHEN b.state = :batch_accepted THEN b.accepted_rows ELSE b."rows" END), 0), '
                "COALESCE(SUM(ABS(CASE WHEN b.state = :batch_accepted THEN b.accepted ELSE b.amount END)), 0) "
                "FROM batch b JOIN visit v ON v.id = b.visit_id WHERE b.claimed_at >= ? AND b.mapping_id <> v.mapping_id "
                "AND b.state NOT IN (:batch_released, :batch_refused)",
                to_ms(moment),
            )[0]
        return Quantity(int(rows), int(amount))

    def rows_in_doubt(self) -> int:
        """Rows of all batches in doubt. Asked before every claim, so by the index over open batches, never all of them."""
        with self.database.reading() as link:
            found = link.rows(
                'SELECT COALESCE(SUM("rows"), 0) FROM batch WHERE state IN (:open) AND state = :batch_in_doubt'
            )
        return int(found[0][0])

    def rejected_since(self, record_id: int, mappings: Sequence[str]) -> list[Rejected]:
        """What was staged from that record on, by visit and mapping, and how much of it is rejected now."""
        with self.database.reading() as link:
            rows = link.rows(
                "SELECT v.number, v.key, m.name, COUNT(*), SUM(CASE WHEN r.state = :rejected THEN 1 ELSE 0 END) "
                "FROM record r JOIN visit v ON v.id = r.visit_id JOIN mapping m ON m.id = r.mapping_id "
                "WHERE r.id >= ? AND r.is_current = 1 AND r.mapping_id IN (??) "
                "AND r.state IN (:staged, :batched, :rejected) GROUP BY v.id, v.number, v.key, m.name ORDER BY v.id, m.name",
                record_id,
                [mapping_id(link, mapping) for mapping in mappings],
            )
        return [
            Rejected(number or key, mapping, count, int(rejected))
            for number, key, mapping, count, rejected in rows
        ]

    def next_record(self) -> int:
        """The id that the next record will have."""
        with self.database.reading() as link:
            return int(link.rows("SELECT next_record FROM ledger")[0][0])
