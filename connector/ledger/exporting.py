"""Every record as people read it: which row of the HIS, what became of it, and on which evidence."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from connector.ledger.database import Database
from connector.ledger.moments import to_iso
from connector.ledger.outbox import state_of
from connector.ledger.payloads import Payloads
from connector.records import State

_AT_ONCE = 2000
_ROWS = (
    "SELECT r.id, m.name, v.number, v.key, r.key, r.is_current, r.state, b.state, r.amount, r.category, b.id, "
    "b.operation, b.evidence, b.code, b.claimed_at, b.settled_at, k.changed_at, k.vanished_at, r.visit_id, r.mapping_id "
    "FROM record r JOIN mapping m ON m.id = r.mapping_id JOIN visit v ON v.id = r.visit_id "
    "LEFT JOIN claim c ON c.record_id = r.id LEFT JOIN batch b ON b.id = c.batch_id "
    "LEFT JOIN mark k ON k.record_id = r.id WHERE r.id > ? ORDER BY r.id LIMIT ?"
)


@dataclass(frozen=True, slots=True)
class Exported:
    """One record. `amount` is scaled by 4; the batch's facts are "" (0) for a record that is in none.

    `payload` is what would be, or may be, sent of it; b"" once that is not needed any more.
    """

    record_id: int
    mapping: str
    visit: str = field(repr=False)
    visit_key: str = field(repr=False)
    key: str = field(repr=False)
    is_current: bool
    state: State
    amount: int = field(repr=False)
    category: str
    batch_id: int
    operation: str
    evidence: str
    code: str
    claimed_at: str
    settled_at: str
    changed_at: str
    vanished_at: str
    payload: bytes = field(repr=False)


def export(database: Database, payloads: Payloads) -> Iterator[Exported]:
    """Every record, the oldest first, some thousands at a time; each such part is one state of the ledger."""
    after = 0
    while True:
        with database.reading() as link:
            rows = link.rows(_ROWS, after, _AT_ONCE)
            segments = payloads.segments(link, {row[18] for row in rows})
            texts = [payloads.of(link, segments.of(row[18], row[19]), [row[0]])[0] for row in rows]
        for row, text in zip(rows, texts, strict=True):
            yield Exported(
                record_id=row[0],
                mapping=row[1],
                visit=row[2],
                visit_key=row[3],
                key=row[4],
                is_current=bool(row[5]),
                state=state_of(row[6], row[7]),
                amount=row[8],
                category=row[9],
                batch_id=row[10] or 0,
                operation=row[11] or "",
                evidence=row[12] or "",
                code=row[13] or "",
                claimed_at=to_iso(row[14]),
                settled_at=to_iso(row[15]),
                changed_at=to_iso(row[16]),
                vanished_at=to_iso(row[17]),
                payload=text,
            )
        if len(rows) < _AT_ONCE:
            return
        after = rows[-1][0]
