"""A visit's account: every record that counts, and what the platform said last; what the HIS is compared with."""

from collections.abc import Collection
from dataclasses import dataclass, field

from connector.errors import Violation
from connector.ledger.database import Database
from connector.ledger.names import mapping_id
from connector.ledger.outbox import state_of
from connector.ledger.reasons import Reasons
from connector.ledger.steps import visits_set_aside
from connector.records import Reading, State

_BOOKED = (
    "SELECT r.id, r.visit_id, COALESCE(o.key, r.key), r.state, b.state, r.amount, r.category, k.changed_at "
    "FROM segment s CROSS JOIN record r LEFT JOIN claim c ON c.record_id = r.id LEFT JOIN batch b ON b.id = c.batch_id "
    "LEFT JOIN mark k ON k.record_id = r.id LEFT JOIN compensation p ON p.record_id = r.id "
    "LEFT JOIN record o ON o.id = p.origin_id "
    'WHERE s.visit_id IN (??) AND s.mapping_id = ? AND r.id >= s.first_id AND r.id < s.first_id + s."rows" '
    "AND r.state NOT IN (:gone, :superseded) ORDER BY r.id"
)


@dataclass(frozen=True, slots=True)
class Booked:
    """One record, under the key of the HIS's row that it stands for; `amount` scaled by 4.

    `rules`: what keeps it in quarantine; `is_changed`: the HIS shows it differently since it was sent. The record
    that takes back an earlier version of a row is booked under that row's key.
    """

    visit_id: int
    key: str = field(repr=False)
    state: State
    amount: int = field(repr=False)
    category: str
    rules: tuple[str, ...] = ()
    is_changed: bool = False


def _aside(state: State) -> State:
    """What has become of a record of a visit that a person set aside."""
    return State.SET_ASIDE if state in (State.STAGED, State.QUARANTINED) else state


def _rule(violation: Violation) -> str:
    """A rule with the field it is about, or the platform's code; the words may quote the patient."""
    return f"{violation.path.rpartition('.')[2]} {violation.rule} {violation.platform_code}".strip()


@dataclass(frozen=True, slots=True)
class Accounts:
    """Reads accounts."""

    database: Database
    reasons: Reasons

    def booked(self, visit_ids: Collection[int], mapping: str) -> list[Booked]:
        """The records of a mapping in these visits, but for those that were void before they were sent."""
        with self.database.reading() as link:
            rows = link.rows(_BOOKED, list(visit_ids), mapping_id(link, mapping))
            kept_back = [row[0] for row in rows if state_of(row[3], row[4]) is State.QUARANTINED]
            broken = self.reasons.ids_of(link, kept_back) if kept_back else {}
            violations = self.reasons.read(link, sorted({v for ids in broken.values() for v in ids}))
            aside = visits_set_aside(link, visit_ids)
        return [
            Booked(
                visit_id=visit_id,
                key=key,
                state=_aside(state_of(standing, phase)) if visit_id in aside else state_of(standing, phase),
                amount=amount,
                category=category,
                rules=tuple(dict.fromkeys(_rule(violations[v]) for v in broken.get(record_id, ()))),
                is_changed=changed_at is not None,
            )
            for record_id, visit_id, key, standing, phase, amount, category, changed_at in rows
        ]

    def was_read_by(self, visit_id: int, source: str) -> bool:
        """Whether the platform ever told the totals of a visit by this interface."""
        with self.database.reading() as link:
            found = link.one("SELECT id FROM reading WHERE visit_id = ? AND source = ?", visit_id, source)
        return found is not None

    def last_readings(self, visit_ids: Collection[int]) -> dict[int, Reading]:
        """What the platform said last of each of these visits."""
        with self.database.reading() as link:
            rows = link.rows(
                "SELECT visit_id, total, source, at FROM reading WHERE id IN "
                "(SELECT MAX(id) FROM reading WHERE visit_id IN (??) GROUP BY visit_id)",
                list(visit_ids),
            )
        return {visit_id: Reading(total, (), source, at) for visit_id, total, source, at in rows}
