"""Whether a ledger is whole: the file, what must always hold between its tables, and its sealed texts.

Nothing is changed. Every rule is one query for the numbers of what breaks it, so that a fault can be looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from connector.errors import LedgerError
from connector.ledger.database import Database
from connector.ledger.link import Link
from connector.ledger.seal import Seal
from connector.ledger.witness import Witness

_SHOWN = 20
"""So many numbers of broken rows are told for each rule; one more is read, to know whether there are more."""

_SAMPLE = 500
"""So many of the newest texts of a kind are opened where not all are asked for."""

_HELD = "(SELECT c.batch_id, COUNT(*) AS records, SUM(r.amount) AS amount FROM claim c JOIN record r ON r.id = c.record_id GROUP BY c.batch_id)"

_RULES = (
    (
        "every claimed record is in a batch of its visit that can hold it",
        "record",
        (
            "SELECT c.record_id FROM claim c LEFT JOIN record r ON r.id = c.record_id LEFT JOIN batch b ON b.id = c.batch_id "
            "WHERE r.id IS NULL OR b.id IS NULL "
            # an order that changed is superseded, and still in the batch that the platform accepted
            "OR (r.state <> :batched AND NOT (r.state = :superseded AND b.state = :batch_accepted AND b.base_total IS NULL)) "
            "OR r.visit_id <> b.visit_id "
            "OR b.state NOT IN (:open, :batch_accepted, :batch_shelved)"
        ),
    ),
    (
        "every batched record has its claim",
        "record",
        "SELECT r.id FROM record r WHERE r.state = :batched AND NOT EXISTS (SELECT 1 FROM claim c WHERE c.record_id = r.id)",
    ),
    (
        "an accepted batch comes to the sum of its records",
        "batch",
        (
            f"SELECT b.id FROM batch b LEFT JOIN {_HELD} h ON h.batch_id = b.id WHERE b.state = :batch_accepted "  # noqa: S608 - fixed text
            "AND (COALESCE(h.records, 0) <> b.accepted_rows OR COALESCE(h.amount, 0) <> b.accepted)"
        ),
    ),
    (
        "a batch that is not settled holds all of its records",
        "batch",
        (
            f"SELECT b.id FROM batch b LEFT JOIN {_HELD} h ON h.batch_id = b.id "  # noqa: S608 - fixed text
            'WHERE b.state IN (:open, :batch_shelved) AND (COALESCE(h.records, 0) <> b."rows" '
            "OR COALESCE(h.amount, 0) <> b.amount)"
        ),
    ),
    (
        "a visit has one open batch at most",
        "visit",
        "SELECT b.visit_id FROM batch b WHERE b.state IN (:open) GROUP BY b.visit_id HAVING COUNT(*) > 1",
    ),
    (
        "a row of the HIS has one current version",
        "record",
        "SELECT MAX(r.id) FROM record r WHERE r.is_current = 1 GROUP BY r.mapping_id, r.key HAVING COUNT(*) > 1",
    ),
    (
        "every record is of a known visit and mapping",
        "record",
        (
            "SELECT r.id FROM record r LEFT JOIN visit v ON v.id = r.visit_id LEFT JOIN mapping m ON m.id = r.mapping_id "
            "WHERE v.id IS NULL OR m.id IS NULL"
        ),
    ),
    (
        "the way from a visit to its records is whole",
        "record",
        (
            'SELECT s.first_id FROM segment s WHERE s."rows" <> (SELECT COUNT(*) FROM record r WHERE r.id >= s.first_id '
            'AND r.id < s.first_id + s."rows" AND r.visit_id = s.visit_id AND r.mapping_id = s.mapping_id)'
        ),
    ),
    (
        "what may still be sent is counted",
        "record",
        (
            "SELECT s.first_id FROM segment s WHERE s.live <> (SELECT COUNT(*) FROM record r "
            "LEFT JOIN claim c ON c.record_id = r.id LEFT JOIN batch b ON b.id = c.batch_id WHERE r.id >= s.first_id "
            'AND r.id < s.first_id + s."rows" AND (r.state IN (:staged, :refused) OR b.state IN (:open, :batch_shelved)))'
        ),
    ),
    (
        "what may still be sent has its payload",
        "record",
        (
            "SELECT s.first_id FROM segment s WHERE s.live > 0 "
            "AND NOT EXISTS (SELECT 1 FROM payload p WHERE p.first_id = s.pack_id)"
        ),
    ),
    (
        "numbers that were given are not given again",
        "record or batch",
        (
            "SELECT id FROM record WHERE id >= (SELECT next_record FROM ledger) "
            "UNION ALL SELECT id FROM batch WHERE id >= (SELECT next_batch FROM ledger)"
        ),
    ),
)
"""What must hold, what the numbers of broken rows are numbers of, and the query for them."""

_SEALED = (
    ("payload", "first_id", "sealed", "payload"),
    ("batch", "id", "answer", "answer"),
    ("batch", "id", "reason", "reason"),
    ("visit", "id", "hold", "hold"),
    ("violation", "digest", "message", "violation"),
    ("run", "id", "summary", "summary"),
    ("decision", "id", "sealed", "decision"),
    ("step", "id", "sealed", "step"),
    ("question", "id", "sealed", "question"),
    ("journal", "id", "sealed", "journal"),
)
"""Sealed texts: table, what names the row, the column, and the purpose they were sealed for."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked. `broken` says what is wrong, a sentence each; nothing is, where it is empty."""

    name: str
    broken: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inspection:
    """Inspects a ledger."""

    database: Database
    seal: Seal = field(repr=False)
    witness: Witness

    def inspect(self, *, deep: bool) -> list[Check]:
        """All checks, in one state of the ledger. `deep` opens every sealed text, not only the newest."""
        with self.database.reading() as link:
            found = [] if self.database.is_postgres else [_check_file(link)]
            if found and found[0].broken:  # what a damaged file says of itself means nothing
                return found
            found += [_check_rule(link, *rule) for rule in _RULES]
            found.append(self._check_texts(link, deep=deep))
        found.append(
            Check("the witness knows what was sent last", tuple(filter(None, [self.witness.look()])))
        )
        return found

    def _check_texts(self, link: Link, *, deep: bool) -> Check:
        """Whether sealed texts open."""
        name = "every sealed text opens" if deep else f"the newest {_SAMPLE} sealed texts of each kind open"
        broken: list[str] = []
        for table, key, column, purpose in _SEALED:
            for row, sealed in _texts(link, table, key, column, deep=deep):
                try:
                    self.seal.open(purpose, row, sealed)
                except LedgerError:
                    broken.append(f"{purpose} {row}")
        return Check(name, tuple(broken[:_SHOWN]))


def _check_file(link: Link) -> Check:
    """SQLite's own check of the file."""
    said = [str(row[0]) for row in link.rows(f"PRAGMA integrity_check({_SHOWN})")]
    return Check("the file is whole", () if said == ["ok"] else tuple(said))


def _check_rule(link: Link, name: str, what: str, sql: str) -> Check:
    """One rule."""
    found = [row[0] for row in link.rows(f"{sql} LIMIT {_SHOWN + 1}")]
    more = ("and more",) if len(found) > _SHOWN else ()
    return Check(name, (*(f"{what} {number}" for number in found[:_SHOWN]), *more))


def _texts(link: Link, table: str, key: str, column: str, *, deep: bool) -> Iterator[tuple[object, bytes]]:
    """The texts of one kind, the newest first, a few at a time."""
    after: tuple[object, ...] = ()
    while True:
        rows = link.rows(
            f"SELECT {key}, {column} FROM {table} WHERE {column} IS NOT NULL "  # noqa: S608 - fixed names
            f"{f'AND {key} < ? ' if after else ''}ORDER BY {key} DESC LIMIT {_SAMPLE}",
            *after,
        )
        yield from ((row[0], bytes(row[1])) for row in rows)
        if not deep or len(rows) < _SAMPLE:
            return
        after = (rows[-1][0],)
