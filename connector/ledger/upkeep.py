"""Housekeeping at the end of a run: what a large delivery leaves half empty is written anew, and room handed back.

SQLite splits a page in the middle when rows come between others, and a first delivery claims visit by visit what
was staged by time: the pages of `claim` end up half full. PostgreSQL looks after itself.
"""

from contextlib import suppress

from connector.errors import LedgerError
from connector.ledger.database import Database
from connector.ledger.link import Link

_MANY = 20_000
_PART = 8
"""`claim` is written anew when a run claimed many records, and no less than this part of all."""


def tidy(database: Database, run_id: int) -> None:
    """Make the file smaller where that is cheap. Nothing depends on it: a disk that is full stops nothing here."""
    if database.is_postgres:
        return
    with suppress(LedgerError):
        with database.writing() as link:
            if _is_worth_it(link, run_id):
                link.run(
                    "CREATE TEMP TABLE packed AS SELECT record_id, batch_id FROM claim ORDER BY record_id"
                )
                link.run("DELETE FROM claim")
                link.run(
                    "INSERT INTO claim (record_id, batch_id) SELECT record_id, batch_id FROM packed ORDER BY rowid"
                )
                link.run("DROP TABLE packed")
        database.give_back()


def _is_worth_it(link: Link, run_id: int) -> bool:
    claimed = link.rows(
        'SELECT COALESCE(SUM("rows"), 0) FROM batch WHERE claimed_at >= (SELECT started_at FROM run WHERE id = ?)',
        run_id,
    )[0][0]
    if claimed < _MANY:
        return False
    return bool(claimed * _PART >= link.rows("SELECT COUNT(*) FROM claim")[0][0])
