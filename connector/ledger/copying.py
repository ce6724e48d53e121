"""A copy of a whole ledger as a SQLite file, for a rehearsal or a backup; what is sealed stays sealed, under the same key.

No copy has the lease: it belongs to the process that delivers. The session goes with a backup only: a ledger that is
brought back can close it at the platform.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, NullPool, create_engine, select, text

from connector.errors import LedgerError
from connector.ledger.database import Database
from connector.ledger.schema import prepare_file
from connector.ledger.tables import SCHEMA, lease, metadata, session

_ROWS_AT_ONCE = 5000


def copy_ledger(source: Database, file: Path, *, with_session: bool = False) -> None:
    """Copy one state of the ledger into a new file, readable by this user alone. Raises LedgerError."""
    prepare_file(file, create=True)
    troubles: tuple[type[Exception], ...] = (sqlite3.Error, *source.errors)
    try:
        if source.is_postgres:
            _copy_rows(source, file, with_session=with_session)
        else:
            with closing(sqlite3.connect(file)) as target:
                source.back_up(target)
        with closing(sqlite3.connect(file)) as target, target:
            target.execute("DELETE FROM lease")
            if not with_session:
                target.execute("DELETE FROM session")
    except troubles as error:
        raise LedgerError(
            f"The ledger {source.place} cannot be copied to {file.parent} ({type(error).__name__}). "
            "Look whether there is room for a copy of it. Nothing was sent."
        ) from None


def _copy_rows(source: Database, file: Path, *, with_session: bool) -> None:
    """From PostgreSQL: the same tables, row by row, all as of one moment."""
    target = create_engine(URL.create("sqlite", database=str(file)), poolclass=NullPool, hide_parameters=True)
    metadata.create_all(target)
    reader = source.engine.connect().execution_options(
        isolation_level="REPEATABLE READ", stream_results=True, yield_per=_ROWS_AT_ONCE
    )
    with closing(reader), target.begin() as writer:
        writer.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        writer.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": SCHEMA})
        for table in metadata.sorted_tables:
            if table is lease or (table is session and not with_session):
                continue
            for rows in reader.execute(select(table)).mappings().partitions():
                writer.execute(table.insert(), [dict(row) for row in rows])
