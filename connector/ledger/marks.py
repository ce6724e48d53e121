"""Marks on records that are, or may be, on the platform, while the HIS says something else now.

They are shown and never acted upon: what was uploaded stays as it is (`on_change: report`). Two marks matter
when a batch turns out not to be applied: see `claims`.
"""

from collections.abc import Sequence

from connector.ledger.link import Link

_FEW = 10_000
"""Up to so many marks it is cheaper to read them all than to ask for each record."""


def mark_changed(link: Link, records: Sequence[tuple[int, bytes]], at: int) -> None:
    """The HIS has another content (fingerprint) for these records; the first time stays on record."""
    if not records:
        return
    ids = [i for i, _ in records]
    known = dict(link.rows("SELECT record_id, fingerprint FROM mark WHERE record_id IN (??)", ids))
    link.insert(
        "mark",
        ("record_id", "fingerprint", "changed_at"),
        [(i, fingerprint, at) for i, fingerprint in records if i not in known],
    )
    link.many(
        "UPDATE mark SET fingerprint = ?, changed_at = COALESCE(changed_at, ?), vanished_at = NULL WHERE record_id = ?",
        [(f, at, i) for i, f in records if i in known],
    )


def mark_vanished(link: Link, record_ids: list[int], at: int) -> int:
    """These records are gone from the HIS; returns how many were not marked so before."""
    if not record_ids:
        return 0
    known = dict(link.rows("SELECT record_id, vanished_at FROM mark WHERE record_id IN (??)", record_ids))
    fresh = [i for i in record_ids if i not in known]
    again = [i for i, vanished_at in known.items() if vanished_at is None]
    link.insert("mark", ("record_id", "vanished_at"), [(i, at) for i in fresh])
    link.many("UPDATE mark SET vanished_at = ? WHERE record_id = ?", [(at, i) for i in again])
    return len(fresh) + len(again)


def marked_among(link: Link, record_ids: list[int]) -> list[int]:
    """Those of the records that are marked; cheap while few records of the ledger are."""
    if not record_ids:
        return []
    marked = [i for (i,) in link.rows("SELECT record_id FROM mark LIMIT ?", _FEW + 1)]
    if len(marked) > _FEW:
        return [i for (i,) in link.rows("SELECT record_id FROM mark WHERE record_id IN (??)", record_ids)]
    return list(set(marked).intersection(record_ids))


def changed_among(link: Link, record_ids: list[int]) -> list[int]:
    """Those of the records that are marked as changed in the HIS."""
    if not record_ids:
        return []
    rows = link.rows("SELECT record_id, changed_at FROM mark WHERE record_id IN (??)", record_ids)
    return [record_id for record_id, changed_at in rows if changed_at is not None]


def clear_marks(link: Link, record_ids: list[int]) -> None:
    """The HIS shows these records as they were uploaded again."""
    if record_ids:
        link.run("DELETE FROM mark WHERE record_id IN (??)", record_ids)
