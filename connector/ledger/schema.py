"""Create a ledger, or make sure that an existing one can be trusted before anything is done with it."""

import os
import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from connector.errors import LedgerError
from connector.ledger.database import Database
from connector.ledger.moments import to_ms
from connector.ledger.seal import Seal
from connector.ledger.tables import SCHEMA, ledger

_MIGRATIONS = Path(__file__).parent / "migrations"
_HEADER = 100
_LOCK = 4_280_571
"""PostgreSQL's advisory lock for creating a ledger; any number that nobody else uses."""


def prepare_file(path: Path, *, create: bool) -> None:
    """Check the file before SQLite touches it; with `create`, make it, readable by this user alone.

    Raises LedgerError for a missing, an empty or a shortened file: none of these may pass for a new ledger,
    because a ledger that has forgotten what was sent would send it again.
    """
    try:
        if not path.exists():
            if not create:
                raise LedgerError(
                    f"There is no ledger at {path}. If this is the first run, `connector init` makes it; if it was lost, restore it "
                    "from a copy: a ledger that starts from nothing does not know what was sent. Nothing was sent."
                )
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            return
        with path.open("rb") as file:
            head = file.read(_HEADER)
        size = path.stat().st_size
    except OSError as error:
        raise LedgerError(
            f"The ledger {path} cannot be opened ({os.strerror(error.errno or 0)}). Nothing was sent. "
            "Check the folder and this user's rights."
        ) from None
    if not size:
        raise LedgerError(
            f"The ledger {path} is an empty file: it was cut off, or its creation was interrupted. Restore it from "
            "a copy; delete it only if nothing was ever sent with it. Nothing was sent."
        )
    if size < _stated_size(head, path):
        raise LedgerError(
            f"The ledger {path} is shorter than it says: it was cut off. Restore it from a copy and reconcile. "
            "Nothing was sent."
        )


def _stated_size(head: bytes, path: Path) -> int:
    """The size a SQLite file says it has; 0 where it does not say, or its log may know better."""
    log = path.with_name(path.name + "-wal")
    if (
        len(head) < _HEADER
        or not head.startswith(b"SQLite format 3")
        or (log.exists() and log.stat().st_size)
    ):
        return 0
    page = int.from_bytes(head[16:18], "big")
    is_valid = head[24:28] == head[92:96]
    return (65536 if page == 1 else page) * int.from_bytes(head[28:32], "big") if is_valid else 0


def open_schema(
    database: Database, key: bytes, now: Callable[[], datetime], *, create: bool
) -> tuple[Seal, int]:
    """The seal of the ledger and when it was created (ms). Creates the tables first where that is asked for.

    An older ledger that is opened for writing is brought up to date, in one transaction; SQLite's is copied before, to a
    file beside it. Raises LedgerError when
    there are no tables, when they are of another version, or when the key is another one.
    """
    revision = _revision(database)
    is_older = revision is not None and revision != SCHEMA and revision in _known_revisions()
    if not database.read_only and (is_older or (create and revision is None)):
        if is_older:
            _unlock(database, key)  # a ledger that is not ours is not touched
            _keep_as_it_was(database)
        _migrate(database, key, now)
        revision = _revision(database)
    if revision is None:
        raise LedgerError(
            f"There is no ledger in {database.place}: it has no tables of one. Nothing was sent. Check its `url`."
        )
    if revision != SCHEMA:
        if is_older:
            raise LedgerError(
                f"The ledger {database.place} was written by an older version of this program (schema {revision}, "
                f"this one has {SCHEMA}). `connector init -p PROJECT` brings it up to date, and so does the next run. Nothing was sent."
            )
        raise LedgerError(
            f"The ledger {database.place} was written by a newer version of this program (schema {revision}, this "
            f"one knows {SCHEMA}). Use that version. Nothing was sent."
        )
    return _unlock(database, key)


def _keep_as_it_was(database: Database) -> None:
    """Copy an older ledger beside it before it is changed (SQLite); a copy that is there already is left."""
    if database.path is None:
        return
    file = database.path.with_name(f"{database.path.name}.before-{SCHEMA}")
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise LedgerError(_uncopied(database, file, os.strerror(error.errno or 0))) from None
    try:
        with closing(sqlite3.connect(file)) as target:
            database.back_up(target)
    except sqlite3.Error as error:
        file.unlink(missing_ok=True)
        raise LedgerError(_uncopied(database, file, type(error).__name__)) from None


def _uncopied(database: Database, file: Path, why: str) -> str:
    return (
        f"The ledger {database.place} is of an older version, and cannot be copied to {file} before it is brought up to "
        f"date ({why}). Nothing was changed and nothing was sent. Look whether there is room for a copy of it."
    )


def _unlock(database: Database, key: bytes) -> tuple[Seal, int]:
    with database.reading() as link:
        row = link.one("SELECT identity, key_check, created_at FROM ledger")
    if row is None:
        raise LedgerError(
            f"The ledger {database.place} is incomplete: restore it from a copy. Nothing was sent."
        )
    seal = Seal(key, row[0])
    if not seal.is_mine(bytes(row[1])):
        raise LedgerError(
            f"The key does not open the ledger {database.place}: it was created with another one. Nothing was sent. "
            "Put the key it was created with back."
        )
    return seal, int(row[2])


def _revision(database: Database) -> str | None:
    """The revision the tables have, None where there are none."""
    if not _has_table(database, "alembic_version"):
        return None
    with database.reading() as link:
        row = link.one("SELECT version_num FROM alembic_version")
    return str(row[0]) if row else None


def _has_table(database: Database, name: str) -> bool:
    sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    if database.is_postgres:
        sql = "SELECT 1 WHERE to_regclass(?) IS NOT NULL"
    with database.reading() as link:
        return link.one(sql, name) is not None


def _known_revisions() -> set[str]:
    """The revisions this program knows, from the files of the migrations."""
    return {path.name[1:5] for path in (_MIGRATIONS / "versions").glob("v[0-9]*.py")}


def _migrate(database: Database, key: bytes, now: Callable[[], datetime]) -> None:
    """Bring the tables to this program's version, in one transaction with the ledger's own first row."""
    try:
        with database.engine.begin() as connection:
            if database.is_postgres:
                connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _LOCK})
            _upgrade(connection)
            if connection.execute(ledger.select()).first() is None:
                _found(connection, key, now)
    except database.errors as error:
        raise database.say(error) from None


def _upgrade(connection: Connection) -> None:
    """Run alembic; imported here because only a new ledger needs it, and it is slow to load."""
    from alembic import command
    from alembic.config import Config

    if inspect(connection).has_table("ledger") and not inspect(connection).has_table("alembic_version"):
        raise LedgerError(
            "The database holds a table `ledger` that is not ours: give the ledger a database of its own."
        )
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _found(connection: Connection, key: bytes, now: Callable[[], datetime]) -> None:
    identity = secrets.token_hex(16)
    connection.execute(
        ledger.insert().values(
            id=1,
            identity=identity,
            key_check=Seal(key, identity).check_text(),
            created_at=to_ms(now()),
            next_record=1,
            next_batch=1,
        )
    )
