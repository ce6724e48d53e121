"""The quarantine, as people work through it: grouped by what is wrong, row by row, with each row's history."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connector.errors import LedgerError, Violation
from connector.ledger.answers import Answer, unpack_answer
from connector.ledger.database import Database
from connector.ledger.link import Link
from connector.ledger.members import unpack_members
from connector.ledger.moments import to_iso
from connector.ledger.outbox import state_of
from connector.ledger.payloads import Payloads
from connector.ledger.reasons import Reasons
from connector.ledger.seal import Seal
from connector.ledger.steps import SET_ASIDE_VISITS
from connector.ledger.tables import PHASES, Phase, Standing
from connector.records import BatchState, State

_FILTER = (
    "FROM record r JOIN mapping m ON m.id = r.mapping_id JOIN visit v ON v.id = r.visit_id "
    "WHERE r.state IN (2, 3) AND (? = '' OR m.name = ?) AND (? = '' OR v.key = ? OR v.number = ?) AND (? = '' OR EXISTS "
    "(SELECT 1 FROM violated d JOIN violation o ON o.id = d.violation_id WHERE d.record_id = r.id AND o.rule = ?))"
)


@dataclass(frozen=True, slots=True)
class Group:
    """One reason and how many records it keeps back, since when."""

    mapping: str
    violation: Violation = field(repr=False)
    count: int
    since: str


@dataclass(frozen=True, slots=True)
class QuarantinedRow:
    """One record in quarantine. `is_refused`: the platform said no, not one of our own rules."""

    record_id: int
    mapping: str
    key: str = field(repr=False)
    visit: str = field(repr=False)
    number: str = field(repr=False)
    is_refused: bool
    violations: tuple[Violation, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Journey:
    """One batch a record was in, and what came of it."""

    batch_id: int
    operation: str
    rows: int
    state: BatchState
    claimed_at: str
    settled_at: str
    evidence: str
    reason: str = field(repr=False)
    answer: Answer | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class RecordView:
    """Everything the ledger knows of a record. `payload` is b"" where it is not kept (any more)."""

    record_id: int
    mapping: str
    key: str = field(repr=False)
    visit: str = field(repr=False)
    number: str = field(repr=False)
    state: State
    amount: int = field(repr=False)
    payload: bytes = field(repr=False)
    violations: tuple[Violation, ...] = field(repr=False)
    versions: tuple[int, ...]
    changed_at: str
    vanished_at: str
    journeys: tuple[Journey, ...]


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Shows and releases what is kept back."""

    database: Database
    seal: Seal = field(repr=False)
    payloads: Payloads
    reasons: Reasons
    now: Callable[[], datetime]

    def keys(self, mapping: str) -> list[str]:
        """Keys that our own rules keep back: they are read and tried again each run."""
        with self.database.reading() as link:
            rows = link.rows(
                "SELECT r.key FROM record r JOIN mapping m ON m.id = r.mapping_id "
                "WHERE r.state IN (2, 3) AND r.state = :rejected AND m.name = ? ORDER BY r.id",
                mapping,
            )
        return [key for (key,) in rows]

    def groups(self) -> list[Group]:
        """What is wrong with the rows in quarantine, the most frequent first."""
        return self._groups((Standing.REJECTED, Standing.REFUSED))

    def _groups(self, standings: Sequence[Standing]) -> list[Group]:
        with self.database.reading() as link:
            rows = link.rows(
                "SELECT m.name, d.violation_id, COUNT(*), MIN(d.since) FROM violated d "  # noqa: S608 - fixed text
                "JOIN record r ON r.id = d.record_id "
                f"JOIN mapping m ON m.id = r.mapping_id WHERE r.state IN (??) AND r.visit_id NOT IN ({SET_ASIDE_VISITS}) "
                "GROUP BY m.name, d.violation_id ORDER BY COUNT(*) DESC, m.name, d.violation_id",
                [standing.value for standing in standings],
            )
            violations = self.reasons.read(link, sorted({row[1] for row in rows}))
        return [Group(mapping, violations[v], count, to_iso(since)) for mapping, v, count, since in rows]

    def set_aside_groups(self) -> list[Group]:
        """Why rows were set aside, the most frequent first."""
        return self._groups((Standing.SET_ASIDE,))

    def rows(
        self, *, mapping: str = "", visit: str = "", rule: str = "", limit: int = 100
    ) -> list[QuarantinedRow]:
        """Records in quarantine, the oldest first. `visit` is the HIS's key or the platform's number.

        Those of visits that are set aside are shown where their visit is named.
        """
        with self.database.reading() as link:
            rows = link.rows(
                "SELECT r.id, m.name, r.key, v.key, v.number, r.state "
                + _FILTER
                + f" AND (? <> '' OR v.id NOT IN ({SET_ASIDE_VISITS})) ORDER BY r.id LIMIT ?",
                *(mapping, mapping, visit, visit, visit, rule, rule, visit, limit),
            )
            broken = self._violations(link, [row[0] for row in rows])
        return [
            QuarantinedRow(i, name, key, visit_key, number, state == Standing.REFUSED, broken.get(i, ()))
            for i, name, key, visit_key, number, state in rows
        ]

    def show(self, record_id: int) -> RecordView:
        """One record, whatever its state. Raises LedgerError when there is none of that number."""
        with self.database.reading() as link:
            row = link.one(
                "SELECT m.name, r.key, v.key, v.number, r.state, b.state, r.amount, r.visit_id, r.mapping_id, "
                "k.changed_at, k.vanished_at FROM record r JOIN mapping m ON m.id = r.mapping_id "
                "JOIN visit v ON v.id = r.visit_id LEFT JOIN claim c ON c.record_id = r.id "
                "LEFT JOIN batch b ON b.id = c.batch_id LEFT JOIN mark k ON k.record_id = r.id WHERE r.id = ?",
                record_id,
            )
            if row is None:
                raise LedgerError(f"There is no record {record_id} in the ledger.")
            versions = link.rows(
                "SELECT r.id FROM segment s CROSS JOIN record r WHERE s.visit_id = ? AND s.mapping_id = ? "
                'AND r.id >= s.first_id AND r.id < s.first_id + s."rows" AND r.key = ? ORDER BY r.id',
                *(row[7], row[8], row[1]),
            )
            return RecordView(
                record_id=record_id,
                mapping=row[0],
                key=row[1],
                visit=row[2],
                number=row[3],
                state=state_of(row[4], row[5]),
                amount=row[6],
                payload=self._payload(link, row[7], row[8], record_id),
                violations=self._violations(link, [record_id]).get(record_id, ()),
                versions=tuple(i for (i,) in versions),
                changed_at=to_iso(row[9]),
                vanished_at=to_iso(row[10]),
                journeys=self._journeys(link, record_id, row[7], row[8]),
            )

    def release(self, *, mapping: str = "", visit: str = "", rule: str = "") -> int:
        """Let rows be tried again; returns how many.

        Those that the platform refused wait to be sent as they are; those that our rules keep back are read
        again at the next run, as always.
        """
        with self.database.writing() as link:
            rows = link.rows(
                "SELECT r.id, r.state " + _FILTER,
                *(mapping, mapping, visit, visit, visit, rule, rule),
            )
            refused = [i for i, state in rows if state == Standing.REFUSED]
            if refused:
                link.run("UPDATE record SET state = :staged WHERE id IN (??)", refused)
                self.reasons.clear(link, refused)
        return len(rows)

    def _payload(self, link: Link, visit_id: int, mapping: int, record_id: int) -> bytes:
        segments = self.payloads.segments(link, [visit_id]).of(visit_id, mapping)
        return self.payloads.of(link, segments, [record_id])[0]

    def _violations(self, link: Link, record_ids: list[int]) -> dict[int, tuple[Violation, ...]]:
        broken = self.reasons.ids_of(link, record_ids)
        read = self.reasons.read(link, sorted({v for ids in broken.values() for v in ids}))
        return {record_id: tuple(read[v] for v in ids) for record_id, ids in broken.items()}

    def _journeys(self, link: Link, record_id: int, visit_id: int, mapping: int) -> tuple[Journey, ...]:
        rows = link.rows(
            'SELECT id, operation, "rows", state, claimed_at, settled_at, evidence, reason, answer, verdict, code, counts, '
            "members FROM batch WHERE visit_id = ? AND mapping_id = ? ORDER BY id",
            visit_id,
            mapping,
        )
        return tuple(
            Journey(
                batch_id=row[0],
                operation=row[1],
                rows=row[2],
                state=PHASES[Phase(row[3])],
                claimed_at=to_iso(row[4]),
                settled_at=to_iso(row[5]),
                evidence=row[6] or "",
                reason=self.seal.open("reason", row[0], row[7]).decode() if row[7] else "",
                answer=self._answer(row[0], row[8:12]),
            )
            for row in rows
            if record_id in unpack_members(row[12])
        )

    def _answer(self, batch_id: int, parts: Sequence[object]) -> Answer | None:
        sealed, verdict, code, counts = parts
        if not isinstance(sealed, bytes):
            return None
        plain = self.seal.open("answer", batch_id, sealed)
        return unpack_answer(plain, str(verdict), str(code), counts if isinstance(counts, int) else None)
