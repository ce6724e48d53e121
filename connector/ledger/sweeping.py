"""Sweeping: what a complete reading of a visit did not show is gone from the HIS."""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from connector.ledger.counts import SweepCounts
from connector.ledger.database import Database
from connector.ledger.link import Link
from connector.ledger.marks import mark_vanished
from connector.ledger.moments import to_ms
from connector.ledger.names import mapping_id
from connector.ledger.payloads import Payloads
from connector.ledger.reasons import Reasons
from connector.ledger.tables import Standing
from connector.ledger.visits import Visits

_WITH_PAYLOAD = (Standing.STAGED, Standing.REFUSED)
_SWEPT_VISITS = 500


@dataclass(frozen=True, slots=True)
class Sweeping:
    """Finds what is gone."""

    database: Database
    payloads: Payloads
    reasons: Reasons
    visits: Visits
    now: Callable[[], datetime]

    def sweep(
        self, mapping: str, visits: str, visit_keys: Sequence[str], seen: AbstractSet[str]
    ) -> SweepCounts:
        """After a complete reading of these visits: what was not seen is gone from the HIS."""
        void = vanished = 0
        with self.database.writing() as link:
            mapping_number = mapping_id(link, mapping)
            found = self.visits.ids_of(link, mapping_id(link, visits), visit_keys)
            ids = sorted(found.values())
            for start in range(0, len(ids), _SWEPT_VISITS):
                rows = link.rows(
                    "SELECT r.id, r.visit_id, r.key, r.state FROM segment s CROSS JOIN record r WHERE s.visit_id IN (??) "
                    'AND s.mapping_id = ? AND r.id >= s.first_id AND r.id < s.first_id + s."rows" '
                    "AND r.state <> :gone AND r.is_current = 1",
                    ids[start : start + _SWEPT_VISITS],
                    mapping_number,
                )
                gone = [(i, v, Standing(state)) for i, v, key, state in rows if key not in seen]
                void += self._drop(link, mapping_number, gone)
                sent = [i for i, _, standing in gone if standing is Standing.BATCHED]
                vanished += mark_vanished(link, sent, to_ms(self.now()))
        return SweepCounts(void, vanished)

    def _drop(self, link: Link, mapping: int, gone: Sequence[tuple[int, int, Standing]]) -> int:
        waiting = [(i, v, standing) for i, v, standing in gone if standing is not Standing.BATCHED]
        ids = [i for i, _, _ in waiting]
        if ids:
            link.run("UPDATE record SET state = :gone WHERE id IN (??) AND state <> :batched", ids)
            self.reasons.clear(link, ids)
            free_waiting(link, self.payloads, mapping, waiting)
        return len(ids)


def free_waiting(
    link: Link, payloads: Payloads, mapping: int, records: Sequence[tuple[int, int, Standing]]
) -> None:
    """Forget the payloads of records (id, visit, standing) that will not be sent."""
    gone: dict[tuple[int, int], list[int]] = {}
    for record_id, visit_id, standing in records:
        if standing in _WITH_PAYLOAD:
            gone.setdefault((visit_id, mapping), []).append(record_id)
    if gone:
        segments = payloads.segments(link, {visit_id for visit_id, _ in gone})
        payloads.free(link, segments, gone)
