"""Records that come back from a batch that was not (wholly) applied.

Most wait to be sent again. Two kinds do not, for what they would send is no longer what the HIS says: a row that
changed meanwhile is read again first (also if it is gone since: it may have moved to another visit), a row that
only vanished is void.
"""

from collections.abc import Mapping, Sequence

from connector.errors import Violation
from connector.ledger.link import Link
from connector.ledger.marks import clear_marks
from connector.ledger.payloads import Payloads
from connector.ledger.reasons import REREAD, Reasons


def give_back(
    link: Link,
    record_ids: Sequence[int],
    *,
    visit_id: int,
    mapping: int,
    limit: int,
    was_proven: bool,
    quarantined: Mapping[int, tuple[Violation, ...]],
    payloads: Payloads,
    reasons: Reasons,
    at: int,
) -> None:
    """Free the records of their claims. `was_proven`: the totals showed that they were not applied (a try)."""
    ids = list(record_ids)
    marks = {
        record_id: (changed_at, vanished_at)
        for record_id, changed_at, vanished_at in link.rows(
            "SELECT record_id, changed_at, vanished_at FROM mark WHERE record_id IN (??)", ids
        )
    }
    changed = [i for i, (changed_at, _) in marks.items() if changed_at is not None]
    vanished = [i for i, (changed_at, _) in marks.items() if changed_at is None]
    refused = [i for i in ids if i in quarantined and i not in marks]
    leaving = {*vanished, *changed, *refused}
    staged = [i for i in ids if i not in leaving]
    link.run("DELETE FROM claim WHERE record_id IN (??)", ids)
    link.run("UPDATE record SET state = :staged WHERE id IN (??)", staged)
    link.run("UPDATE record SET state = :refused WHERE id IN (??)", refused)
    link.run("UPDATE record SET state = :rejected WHERE id IN (??)", changed)
    link.run("UPDATE record SET state = :gone WHERE id IN (??)", vanished)
    broken = {i: quarantined[i] for i in refused} | dict.fromkeys(changed, (REREAD,))
    interned = reasons.intern(link, {v for violations in broken.values() for v in violations})
    reasons.link(link, {i: [interned[v] for v in violations] for i, violations in broken.items()}, at)
    if marks:
        place = (visit_id, mapping)
        payloads.free(link, payloads.segments(link, [visit_id]), {place: [*changed, *vanished]})
        clear_marks(link, list(marks))
    _remember(link, ids, limit=limit, was_proven=was_proven)


def _remember(link: Link, ids: list[int], *, limit: int, was_proven: bool) -> None:
    """How large the next batch of these rows may be, and how often they were tried."""
    if not limit and not was_proven:
        return
    known = {
        record_id: (most_rows, tries)
        for record_id, most_rows, tries in link.rows(
            "SELECT record_id, most_rows, tries FROM retry WHERE record_id IN (??)", ids
        )
    }
    link.run("DELETE FROM retry WHERE record_id IN (??)", ids)
    rows = []
    for record_id in ids:
        most_rows, tries = known.get(record_id, (0, 0))
        rows.append((record_id, limit or most_rows, tries + int(was_proven)))
    link.insert("retry", ("record_id", "most_rows", "tries"), rows)
