"""The outbox: records that wait, with their payloads, and where each record stands."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from connector.ledger.database import Database
from connector.ledger.link import Link
from connector.ledger.members import unpack_members
from connector.ledger.names import mapping_id
from connector.ledger.payloads import Payloads
from connector.ledger.tables import BATCHED_STATES, STATES, Phase, Standing
from connector.records import Original, StagedRecord, State

_STAGED = (
    "SELECT r.id, r.key, r.amount, r.category, r.refund_of, COALESCE(t.most_rows, 0), o.origin_id, h.record_id "
    "FROM segment s CROSS JOIN record r LEFT JOIN retry t ON t.record_id = r.id "
    "LEFT JOIN compensation o ON o.record_id = r.id LEFT JOIN compensation h ON h.heir_id = r.id "
    "WHERE s.visit_id = ? AND s.mapping_id = ? AND s.live > 0 "
    'AND r.id >= s.first_id AND r.id < s.first_id + s."rows" AND r.state IN ({}) ORDER BY r.id'
)


@dataclass(frozen=True, slots=True)
class Outbox:
    """Reads records for delivery."""

    database: Database
    payloads: Payloads

    def registration(self, visit_id: int) -> StagedRecord | None:
        """The visit's registration, if it waits to be sent."""
        with self.database.reading() as link:
            row = link.one("SELECT mapping_id FROM visit WHERE id = ?", visit_id)
            found = [] if row is None else self._staged(link, visit_id, row[0])
        return found[0] if found else None

    def staged(self, visit_id: int, mapping: str) -> list[StagedRecord]:
        """The visit's records of a mapping that wait to be sent, in the order of their ids."""
        with self.database.reading() as link:
            return self._staged(link, visit_id, mapping_id(link, mapping))

    def adoptable(self, visit_id: int, mapping: str) -> list[StagedRecord]:
        """The visit's records of a mapping that wait or were refused: a person may have entered them by hand."""
        with self.database.reading() as link:
            return self._staged(link, visit_id, mapping_id(link, mapping), states=":staged, :refused")

    def waiting_under(self, mapping: str, keys: Collection[str]) -> dict[str, int]:
        """The visit of each of these keys under which a record waits, or was refused."""
        with self.database.reading() as link:
            rows = link.rows(
                "SELECT r.key, r.visit_id FROM EACH(??) e CROSS JOIN record r WHERE r.mapping_id = ? "
                "AND r.key = e.value AND r.is_current = 1 AND r.state IN (:staged, :refused)",
                list(keys),
                mapping_id(link, mapping),
            )
        return dict(rows)

    def states_of(self, mapping: str, keys: Collection[str]) -> dict[str, State]:
        """Where the current record of each key stands; keys never staged are absent."""
        if not keys:
            return {}
        with self.database.reading() as link:
            rows = link.rows(
                "SELECT r.key, r.state, b.state FROM EACH(??) e CROSS JOIN record r "
                "LEFT JOIN claim c ON c.record_id = r.id LEFT JOIN batch b ON b.id = c.batch_id "
                "WHERE r.mapping_id = ? AND r.key = e.value AND r.is_current = 1",
                list(keys),
                mapping_id(link, mapping),
            )
        return {key: state_of(standing, phase) for key, standing, phase in rows}

    def fine_rows(self, visit_id: int) -> int:
        """How many of the visit's accepted records have an amount with more than two decimals."""
        with self.database.reading() as link:
            row = link.one(
                "SELECT COUNT(*) FROM segment s CROSS JOIN record r JOIN claim c ON c.record_id = r.id "
                "JOIN batch b ON b.id = c.batch_id WHERE s.visit_id = ? "
                'AND r.id >= s.first_id AND r.id < s.first_id + s."rows" '
                "AND b.state = :batch_accepted AND r.amount - r.amount / 100 * 100 <> 0",
                visit_id,
            )
        return int(row[0]) if row else 0

    def originals(self, visit_id: int, mapping: str, keys: Collection[str]) -> dict[str, Original]:
        """The current records of these keys, with what the visit's accepted refunds leave of them."""
        if not keys:
            return {}
        with self.database.reading() as link:
            number = mapping_id(link, mapping)
            named = link.rows(
                "SELECT r.key, r.state, b.state, r.amount, r.refund_of FROM EACH(??) e CROSS JOIN record r "
                "LEFT JOIN claim c ON c.record_id = r.id LEFT JOIN batch b ON b.id = c.batch_id "
                "WHERE r.mapping_id = ? AND r.key = e.value AND r.is_current = 1",
                list(set(keys)),
                number,
            )
            accepted = link.rows(
                "SELECT r.key, r.refund_of, r.amount FROM segment s CROSS JOIN record r JOIN claim c ON c.record_id = r.id "
                "JOIN batch b ON b.id = c.batch_id WHERE s.visit_id = ? AND s.mapping_id = ? AND r.id >= s.first_id "
                "AND r.id < s.first_id + s.\"rows\" AND r.is_current = 1 AND r.refund_of <> '' AND b.state = :batch_accepted",
                visit_id,
                number,
            )
        refunds: dict[str, list[tuple[str, int]]] = {}
        for key, original, amount in accepted:
            refunds.setdefault(original, []).append((key, amount))
        return {
            key: Original(state_of(standing, phase), amount, refund_of, _left(key, amount, refunds))
            for key, standing, phase, amount, refund_of in named
        }

    def keys(self, mapping: str, *, after: int = 0, limit: int = 50_000) -> list[tuple[int, str]]:
        """Ids and source keys of a mapping's records, every version, by their ids, beginning behind `after`."""
        with self.database.reading() as link:
            rows = link.rows(
                "SELECT id, key FROM record WHERE mapping_id = ? AND id > ? ORDER BY id LIMIT ?",
                *(mapping_id(link, mapping), after, limit),
            )
        return [(record_id, key) for record_id, key in rows]

    def visit_records(self, visits: str, mapping: str, key: str) -> dict[str, tuple[State, int]]:
        """The current records of a visit: state and amount (scaled by 4) by source key."""
        with self.database.reading() as link:
            rows = link.rows(
                "SELECT r.key, r.state, b.state, r.amount FROM visit v CROSS JOIN segment s CROSS JOIN record r "
                "LEFT JOIN claim c ON c.record_id = r.id LEFT JOIN batch b ON b.id = c.batch_id "
                "WHERE v.mapping_id = ? AND v.key = ? AND s.visit_id = v.id AND s.mapping_id = ? "
                'AND r.id >= s.first_id AND r.id < s.first_id + s."rows" AND r.is_current = 1',
                mapping_id(link, visits),
                key,
                mapping_id(link, mapping),
            )
        return {source: (state_of(standing, phase), amount) for source, standing, phase, amount in rows}

    def records_of(self, batch_id: int) -> list[StagedRecord]:
        """A batch's records in the order in which they were sent; payloads are b"" once they are not needed."""
        with self.database.reading() as link:
            row = link.one("SELECT visit_id, mapping_id, members FROM batch WHERE id = ?", batch_id)
            if row is None:
                return []
            visit_id, mapping, packed = row
            members = unpack_members(packed)
            found = {
                record[0]: record
                for record in link.rows(
                    "SELECT r.id, r.key, r.amount, r.category, r.refund_of, COALESCE(t.most_rows, 0), NULL, NULL "
                    "FROM record r LEFT JOIN retry t ON t.record_id = r.id WHERE r.id IN (??)",
                    members,
                )
            }
            segments = self.payloads.segments(link, [visit_id]).of(visit_id, mapping)
            return _records([found[i] for i in members], self.payloads.of(link, segments, members))

    def _staged(
        self, link: Link, visit_id: int, mapping: int, *, states: str = ":staged"
    ) -> list[StagedRecord]:
        rows = link.rows(_STAGED.format(states), visit_id, mapping)
        if not rows:
            return []
        segments = self.payloads.segments(link, [visit_id]).of(visit_id, mapping)
        texts = self.payloads.needed(link, segments, [row[0] for row in rows])
        return _records(rows, texts, _awaited(link, [row[7] for row in rows if row[7] is not None]))


def _awaited(link: Link, compensation_ids: list[int]) -> dict[int, State]:
    """Where these compensations stand, without those that are accepted, or void since a reset."""
    if not compensation_ids:
        return {}
    rows = link.rows(
        "SELECT r.id, r.state, b.state FROM record r LEFT JOIN claim c ON c.record_id = r.id "
        "LEFT JOIN batch b ON b.id = c.batch_id WHERE r.id IN (??)",
        compensation_ids,
    )
    states = {record_id: state_of(standing, phase) for record_id, standing, phase in rows}
    return {
        record_id: state for record_id, state in states.items() if state not in (State.ACCEPTED, State.VOID)
    }


def _records(
    rows: Sequence[tuple[Any, ...]],
    texts: Sequence[bytes],
    awaited: Mapping[int, State] = MappingProxyType({}),
) -> list[StagedRecord]:
    return [
        StagedRecord(
            *(record_id, key, text, amount, category, refund_of, limit, origin is not None),
            awaited.get(waits_for),
        )
        for (record_id, key, amount, category, refund_of, limit, origin, waits_for), text in zip(
            rows, texts, strict=True
        )
    ]


def _left(key: str, amount: int, refunds: Mapping[str, Sequence[tuple[str, int]]]) -> int:
    """What is left of a record after its refunds, which may have been refunded themselves."""
    left, todo, seen = amount, [key], {key}
    while todo:
        for refund, refunded in refunds.get(todo.pop(), ()):
            if refund not in seen:
                left += refunded
                seen.add(refund)
                todo.append(refund)
    return left


def state_of(standing: int, phase: int | None) -> State:
    """What a stored state means, with the phase of its batch where it has one."""
    if standing == Standing.BATCHED and phase is not None:
        return BATCHED_STATES[Phase(phase)]
    return STATES[Standing(standing)]
