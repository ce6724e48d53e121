"""Every visit in rows and amounts: the ledger's own sums, table by table."""

import json
from dataclasses import dataclass, field
from typing import Any

from connector.ledger.link import Link
from connector.ledger.steps import LEAVE, UNDO_LEAVE, visits_set_aside
from connector.ledger.tables import Phase, Standing
from connector.ledger.visits import Visits
from connector.records import Reading


@dataclass(slots=True)
class VisitTotals:
    """One visit in rows and amounts (scaled by 4).

    The registration itself is in none of the row counts but `quarantined_rows`, `changed` and `vanished`. `doubt`
    is what is claimed or in doubt. The platform must hold `accepted` and `baseline`, what a person accepted as there
    before the connector came. `has_left`: the patient has left at the platform; `is_let_go`: a person said that he
    may; `is_leaving`: nobody knows yet whether he has; `is_back`: that he left was undone. `is_set_aside`: a person said
    that it is not for the platform; what it has waiting or in quarantine then counts as set aside.
    """

    key: str = field(repr=False)
    number: str = field(repr=False)
    registered: bool
    is_open: bool
    reason: str = field(repr=False)
    staged_rows: int = 0
    staged: int = field(default=0, repr=False)
    accepted_rows: int = 0
    accepted: int = field(default=0, repr=False)
    doubt_rows: int = 0
    doubt: int = field(default=0, repr=False)
    quarantined_rows: int = 0
    set_aside_rows: int = 0
    set_aside: int = field(default=0, repr=False)
    changed: int = 0
    vanished: int = 0
    last_reading: Reading | None = None
    baseline: int = field(default=0, repr=False)
    has_left: bool = False
    is_let_go: bool = False
    is_leaving: bool = False
    is_back: bool = False
    is_set_aside: bool = False


def total_up(link: Link, visits_mapping: int, visits: Visits) -> list[VisitTotals]:
    """Every visit of a visits mapping, in the order in which they were first seen."""
    totals = {
        row[0]: VisitTotals(
            row[1],
            row[2],
            bool(row[3]),
            bool(row[4]),
            visits.reason(row[0], row[5], row[7]),
            baseline=row[6],
        )
        for row in link.rows(
            "SELECT v.id, v.key, v.number, v.is_registered, v.is_open, v.hold, COALESCE(v.baseline, 0), "
            ":is_restored FROM visit v WHERE v.mapping_id = ? ORDER BY v.id",
            visits_mapping,
        )
    }
    _add_records(link, visits_mapping, totals)
    _add_batches(link, visits_mapping, totals)
    _add_marks(link, totals)
    _add_readings(link, totals)
    _add_leaving(link, totals)
    _put_aside(link, totals)
    return list(totals.values())


def _add_records(link: Link, visits_mapping: int, totals: dict[int, VisitTotals]) -> None:
    """What waits, is in quarantine or is set aside."""
    rows: list[tuple[Any, ...]] = link.rows(
        "SELECT visit_id, mapping_id, state, COUNT(*), SUM(amount) FROM record "
        "WHERE state IN (:staged, :rejected, :refused, :set_aside) GROUP BY visit_id, mapping_id, state"
    )
    for visit_id, mapping, state, count, amount in rows:
        visit = totals.get(visit_id)
        if visit is None:
            continue
        if state in (Standing.REJECTED, Standing.REFUSED):
            visit.quarantined_rows += count
        elif mapping == visits_mapping:
            continue
        elif state == Standing.STAGED:
            visit.staged_rows += count
            visit.staged += int(amount)
        else:
            visit.set_aside_rows += count
            visit.set_aside += int(amount)


def _add_batches(link: Link, visits_mapping: int, totals: dict[int, VisitTotals]) -> None:
    """What is accepted, claimed or in doubt."""
    rows = link.rows(
        'SELECT visit_id, state, SUM(accepted_rows), SUM(accepted), SUM("rows"), SUM(amount) FROM batch '
        "WHERE mapping_id <> ? AND state IN (:batch_claimed, :batch_accepted, :batch_in_doubt, :batch_shelved) "
        "GROUP BY visit_id, state",
        visits_mapping,
    )
    for visit_id, state, accepted_rows, accepted, count, amount in rows:
        visit = totals.get(visit_id)
        if visit is None:
            continue
        if state == Phase.ACCEPTED:
            visit.accepted_rows += int(accepted_rows)
            visit.accepted += int(accepted)
        else:
            visit.doubt_rows += int(count)
            visit.doubt += int(amount)


def _add_marks(link: Link, totals: dict[int, VisitTotals]) -> None:
    rows = link.rows(
        "SELECT r.visit_id, COUNT(k.changed_at), COUNT(k.vanished_at) FROM mark k "
        "JOIN record r ON r.id = k.record_id GROUP BY r.visit_id"
    )
    for visit_id, changed, vanished in rows:
        if visit_id in totals:
            totals[visit_id].changed, totals[visit_id].vanished = changed, vanished


def _add_readings(link: Link, totals: dict[int, VisitTotals]) -> None:
    rows = link.rows(
        "SELECT visit_id, total, categories, source, at FROM reading "
        "WHERE id IN (SELECT MAX(id) FROM reading GROUP BY visit_id)"
    )
    for visit_id, total, categories, source, at in rows:
        if visit_id in totals:
            pairs = tuple((str(name), int(amount)) for name, amount in json.loads(categories))
            totals[visit_id].last_reading = Reading(total, pairs, source, at)


def _add_leaving(link: Link, totals: dict[int, VisitTotals]) -> None:
    """Who has left, who may, and of whom that is in doubt."""
    last = link.rows(
        "SELECT visit_id, name FROM step WHERE id IN (SELECT MAX(id) FROM step WHERE name IN (??) GROUP BY visit_id)",
        [LEAVE, UNDO_LEAVE],
    )
    let_go = link.rows("SELECT visit_id FROM decision WHERE kind = ? AND done_at IS NULL", LEAVE)
    leaving = link.rows("SELECT visit_id FROM batch WHERE state IN (:open) AND \"rows\" = 0 AND node <> ''")
    for visit_id, name in last:
        if visit_id in totals:
            totals[visit_id].has_left, totals[visit_id].is_back = name == LEAVE, name == UNDO_LEAVE
    for (visit_id,) in let_go:
        if visit_id in totals:
            totals[visit_id].is_let_go = True
    for (visit_id,) in leaving:
        if visit_id in totals:
            totals[visit_id].is_leaving = True


def _put_aside(link: Link, totals: dict[int, VisitTotals]) -> None:
    """What a person set aside waits for nothing."""
    for visit_id in visits_set_aside(link):
        if visit_id in totals:
            visit = totals[visit_id]
            visit.is_set_aside = True
            visit.set_aside_rows += visit.staged_rows + visit.quarantined_rows
            visit.set_aside += visit.staged
            visit.staged_rows = visit.staged = visit.quarantined_rows = 0
