"""What people and the delivery see of the ledger as a whole: visits that are due, totals, batches that are open."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connector.ledger.conclusions import UNAPPLIED
from connector.ledger.database import Database
from connector.ledger.link import Link
from connector.ledger.moments import to_iso, to_ms
from connector.ledger.names import mapping_id
from connector.ledger.outbox import state_of
from connector.ledger.steps import LEAVE, SET_ASIDE_VISITS, UNDO_LEAVE
from connector.ledger.tables import PHASES, Phase
from connector.ledger.visit_totals import VisitTotals, total_up
from connector.ledger.visits import Visits
from connector.records import BatchState, State

_Readings = Mapping[int, tuple[int | None, int]]
"""Each visit's last reading: the total, and when (in milliseconds)."""

_NEVER: tuple[int | None, int] = (None, 0)
_DUE = (
    "SELECT v.id, v.key, v.number, v.is_registered, v.hold, :is_restored, v.is_open FROM visit v "
    "WHERE v.mapping_id = ? "
)
"""The beginning of a query whose rows become `VisitDue`."""

_NEVER_LEFT = (
    "UNION SELECT e.id FROM visit e WHERE e.mapping_id = ? AND e.is_open = 0 AND e.is_registered = 1 AND NOT EXISTS "
    "(SELECT 1 FROM step p WHERE p.visit_id = e.id AND p.name IN (??)) "
)
"""Visits that have ended in the HIS and did not leave; those that are back after they left are a person's matter."""


@dataclass(frozen=True, slots=True)
class VisitDue:
    """A visit with something to do. `reason` is why it is held, "" when it is not.

    `is_proven`: it is not held, the platform's last total shows what was accepted, no more and no less, and no
    second look is due.
    `is_restored`: it is held because the ledger was restored. `is_open`: it has not ended in the HIS.
    """

    visit_id: int
    key: str = field(repr=False)
    number: str = field(repr=False)
    registered: bool
    reason: str = field(repr=False)
    is_proven: bool = True
    is_restored: bool = False
    is_open: bool = True


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """A batch that is claimed or in doubt, with how long (seconds) and what the platform said, if anything."""

    id: int
    visit_id: int
    key: str = field(repr=False)
    number: str = field(repr=False)
    operation: str
    node: str
    rows: int
    amount: int = field(repr=False)
    state: BatchState
    tries: int
    claimed_at: str
    age_s: float
    code: str


@dataclass(frozen=True, slots=True)
class Marked:
    """A record on the platform that the HIS shows differently by now (`changed`), or not any more (`vanished`)."""

    record_id: int
    mapping: str
    key: str = field(repr=False)
    visit: str = field(repr=False)
    number: str = field(repr=False)
    state: State
    changed_at: str
    vanished_at: str


@dataclass(frozen=True, slots=True)
class Overview:
    """Answers questions about all visits at once."""

    database: Database
    visits: Visits
    now: Callable[[], datetime]

    def due_visits(
        self,
        visits: str,
        mappings: Sequence[str],
        *,
        tolerance: int | None = None,
        second_look: timedelta | None = None,
        changed: Sequence[str] = (),
        leaving: bool = False,
    ) -> list[VisitDue]:
        """Visits with a record that waits, an open batch, or a decision to carry out, in the order of their ids.

        With a `tolerance` (scaled by 4) those too whose total is not proven: it was not read since their last charges
        were accepted, or it showed another sum and the run ended before it could be read again. So too held ones,
        because a person may have put the platform right. With a `second_look` also those whose total was not read
        since so long after a batch was found not applied: it may have come to life meanwhile (protocol C.4). With `changed` also
        those of which the HIS changed accepted rows of these mappings. With `leaving` those too that have ended in the
        HIS and never left. Not those that a person set aside, but for what a lost ledger may have sent of them.
        """
        with self.database.reading() as link:
            number = mapping_id(link, visits)
            wanted = [number, *(mapping_id(link, mapping) for mapping in mappings)]
            unproven = self._doubtful(link, number, tolerance, second_look)
            rows = link.rows(
                _DUE + "AND v.id IN ("  # noqa: S608 - fixed text
                "SELECT s.visit_id FROM segment s WHERE s.live > 0 AND s.mapping_id IN (??) AND EXISTS "
                '(SELECT 1 FROM record r WHERE r.id >= s.first_id AND r.id < s.first_id + s."rows" '
                "AND r.state = :staged) "
                "UNION SELECT b.visit_id FROM batch b WHERE b.state IN (:open) "
                "UNION SELECT d.visit_id FROM decision d WHERE d.done_at IS NULL "
                "UNION SELECT r.visit_id FROM mark k JOIN record r ON r.id = k.record_id WHERE r.mapping_id IN (??) "
                "UNION SELECT u.id FROM visit u WHERE u.id IN (??) "
                f"{_NEVER_LEFT if leaving else ''}) AND (v.id NOT IN ({SET_ASIDE_VISITS}) OR :is_restored = 1) ORDER BY v.id",
                number,
                wanted,
                [mapping_id(link, mapping) for mapping in changed],
                unproven,
                *((number, [LEAVE, UNDO_LEAVE]) if leaving else ()),
            )
        return self._due(rows, unproven)

    def known_visits(self, visits: str, *, tolerance: int) -> list[VisitDue]:
        """Every visit, due or not, in the order in which they were first seen."""
        with self.database.reading() as link:
            number = mapping_id(link, visits)
            unproven = self._doubtful(link, number, tolerance, None)
            rows = link.rows(_DUE + "ORDER BY v.id", number)
        return self._due(rows, unproven)

    def _doubtful(
        self, link: Link, visits_mapping: int, tolerance: int | None, second_look: timedelta | None
    ) -> list[int]:
        """Ids of the visits whose total has to be read; none without a tolerance."""
        if tolerance is None:
            return []
        readings = {
            visit_id: (total, to_ms(datetime.fromisoformat(at)))
            for visit_id, total, at in link.rows(
                "SELECT visit_id, total, at FROM reading WHERE id IN (SELECT MAX(id) FROM reading GROUP BY visit_id)"
            )
        }
        unproven = _unproven(link, visits_mapping, tolerance, readings)
        if second_look is not None:
            unproven |= _unseen(link, to_ms(self.now()), second_look, readings)
        return sorted(unproven)

    def _due(self, rows: Sequence[tuple[Any, ...]], unproven: Sequence[int]) -> list[VisitDue]:
        doubtful = set(unproven)
        return [
            VisitDue(
                visit_id,
                key,
                platform_number,
                bool(is_registered),
                self.visits.reason(visit_id, hold, is_restored),
                visit_id not in doubtful,
                bool(is_restored),
                bool(is_open),
            )
            for visit_id, key, platform_number, is_registered, hold, is_restored, is_open in rows
        ]

    def visit_totals(self, visits: str) -> list[VisitTotals]:
        """Every visit of a visits mapping, in the order in which they were first seen."""
        if not self.database.read_only:
            self.database.flush()
        with self.database.reading() as link:
            return total_up(link, mapping_id(link, visits), self.visits)

    def open_batches(self) -> list[OpenBatch]:
        """Every batch that is not settled, the oldest first."""
        moment = to_ms(self.now())
        with self.database.reading() as link:
            rows = link.rows(
                'SELECT b.id, b.visit_id, v.key, v.number, b.operation, b.node, b."rows", b.amount, b.state, b.tries, '
                "b.claimed_at, b.code FROM batch b JOIN visit v ON v.id = b.visit_id WHERE b.state IN (:open) ORDER BY b.id"
            )
        return [
            OpenBatch(
                id=row[0],
                visit_id=row[1],
                key=row[2],
                number=row[3],
                operation=row[4],
                node=row[5],
                rows=row[6],
                amount=row[7],
                state=PHASES[Phase(row[8])],
                tries=row[9],
                claimed_at=to_iso(row[10]),
                age_s=(moment - row[10]) / 1000,
                code=row[11] or "",
            )
            for row in rows
        ]

    def marked(self, limit: int) -> list[Marked]:
        """Records that changed or vanished in the HIS after they were claimed, the newest first."""
        with self.database.reading() as link:
            rows = link.rows(
                "SELECT r.id, m.name, r.key, v.key, v.number, r.state, b.state, k.changed_at, k.vanished_at FROM mark k "
                "JOIN record r ON r.id = k.record_id JOIN mapping m ON m.id = r.mapping_id "
                "JOIN visit v ON v.id = r.visit_id LEFT JOIN claim c ON c.record_id = r.id "
                "LEFT JOIN batch b ON b.id = c.batch_id ORDER BY r.id DESC LIMIT ?",
                limit,
            )
        return [
            Marked(
                record_id=row[0],
                mapping=row[1],
                key=row[2],
                visit=row[3],
                number=row[4],
                state=state_of(row[5], row[6]),
                changed_at=to_iso(row[7]),
                vanished_at=to_iso(row[8]),
            )
            for row in rows
        ]


def _unproven(link: Link, visits_mapping: int, tolerance: int, readings: _Readings) -> set[int]:
    """Visits that are held, or whose last reading is older than their last charges or does not show their sum."""
    unproven = {
        i
        for (i,) in link.rows(
            "SELECT id FROM visit WHERE mapping_id = ? AND hold IS NOT NULL", visits_mapping
        )
    }
    for visit_id, accepted, settled_at in link.rows(
        "SELECT b.visit_id, SUM(b.accepted) + COALESCE(MAX(v.baseline), 0), MAX(b.settled_at) FROM batch b "
        "JOIN visit v ON v.id = b.visit_id WHERE b.base_total IS NOT NULL AND b.accepted_rows > 0 "
        "AND b.state = :batch_accepted GROUP BY b.visit_id"
    ):
        total, read_at = readings.get(visit_id, _NEVER)
        if total is None or abs(total - int(accepted)) > tolerance or read_at < settled_at:
            unproven.add(visit_id)
    return unproven


def _unseen(link: Link, now: int, second_look: timedelta, readings: _Readings) -> set[int]:
    """Visits whose last reading is from before the second look that a batch found not applied is due for."""
    wait = second_look // timedelta(milliseconds=1)
    return {
        visit_id
        for visit_id, settled_at in link.rows(
            f"SELECT b.visit_id, MAX(b.settled_at) FROM batch b WHERE {UNAPPLIED} AND b.settled_at <= ? "  # noqa: S608 - fixed text
            "GROUP BY b.visit_id",
            now - wait,
        )
        if readings.get(visit_id, _NEVER)[1] < settled_at + wait
    }
