"""The ledger's one connection: opening it durably, its transactions, and clear errors.

SQLAlchemy owns the URL, the driver, the dialect and the tables. Statements go through the driver's own cursor
(`link`), because the ledger writes a million rows.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from connector.errors import LedgerError
from connector.ledger.faults import Unwritable, explain
from connector.ledger.link import Errors, Link

_PAGES = 32768
"""SQLite's page cache in KiB: enough for the index that a chunk of new rows touches, and little beside the rest."""

_LONGEST_SLEEP_MS = 30_000
"""A process that falls asleep within a transaction (PostgreSQL) keeps every other one out for so long at most."""

_CHECKPOINT = 4000
"""Pages after which SQLite folds its write-ahead log into the file."""


class Database:
    """The ledger's connection. Used from one thread; one transaction at a time."""

    def __init__(self, url: str, *, read_only: bool, patience_s: float) -> None:
        self.url = _parse(url)
        self.is_postgres = self.url.get_backend_name() == "postgresql"
        self.errors = _driver_errors(is_postgres=self.is_postgres)
        self.read_only = read_only
        self.path = None if self.is_postgres else Path(self.url.database or "")
        self.place = _place(self.url)
        self._patience_s = patience_s
        self._later: list[tuple[str, tuple[object, ...]]] = []
        self._broken: LedgerError | None = None
        self._is_together = False
        self._shared: Link | None = None
        self._is_frozen = False
        self._engine: Engine | None = None
        self.after_commit: Callable[[], None] = _go_on
        """Called after every commit, outside of it; raises LedgerError where nothing may be sent after all."""

    def say(self, error: Exception) -> LedgerError:
        """A driver's error in our words; one that lasts stops every later write of this process."""
        said = explain(error, self.place)
        if isinstance(said, Unwritable):
            self._broken = said
        return said

    @contextmanager
    def together(self) -> Iterator[None]:
        """One commit for every `writing` inside: durable when this ends, not before.

        What is inside sees what was written inside. Each `writing` stays all or none by itself, and what was
        written before an error is kept, as if each had been committed alone.
        """
        self._is_together = True
        try:
            yield
        except BaseException:
            with suppress(LedgerError):
                self._end_together()
            raise
        finally:
            self._is_together = False
        self._end_together()

    def _end_together(self) -> None:
        """Commit what was written together, with what waited for a commit."""
        link, self._shared = self._shared, None
        if link is None:
            return
        with self._ending():
            for sql, params in self._later:
                link.run(sql, *params)
        self._later.clear()
        self.after_commit()

    @contextmanager
    def _part(self) -> Iterator[Link]:
        """One `writing` of several that are committed together: all or none of it."""
        if self._shared is None:
            self._shared = self._begin_writing()
        link = self._shared
        link.run("SAVEPOINT part")
        try:
            yield link
        except BaseException:
            with suppress(LedgerError):  # the whole transaction is gone already: its commit will tell
                link.run("ROLLBACK TO SAVEPOINT part")
            raise
        link.run("RELEASE SAVEPOINT part")

    @contextmanager
    def reading(self) -> Iterator[Link]:
        """A transaction that sees one state of the ledger."""
        if self._shared is not None:
            yield self._shared
            return
        self._follow_writer()
        with self._transaction("BEGIN") as link:
            yield link

    @contextmanager
    def writing(self) -> Iterator[Link]:
        """A transaction that is durable when it ends, and alone: writers wait for one another.

        Raises LedgerError in a ledger opened for reading, and after the store has failed.
        """
        self.must_be_writable()
        if self._is_together:
            with self._part() as link:
                yield link
            return
        link = self._begin_writing()
        with self._ending():
            for sql, params in self._later:
                link.run(sql, *params)
            yield link
        self._later.clear()
        self.after_commit()

    def _begin_writing(self) -> Link:
        """Be the one writer."""
        link = self._begin("BEGIN" if self.is_postgres else "BEGIN IMMEDIATE")
        if self.is_postgres:
            with self._undone():
                link.rows("SELECT id FROM ledger FOR UPDATE")
        return link

    def must_be_writable(self) -> None:
        """Raise LedgerError where nothing may be written (any more)."""
        if self.read_only:
            raise LedgerError(f"The ledger {self.place} was opened for reading only.")
        if self._broken is not None:
            raise LedgerError(str(self._broken))

    def later(self, sql: str, *params: object) -> None:
        """A write that need not be durable at once: it travels with the next transaction that writes."""
        self._later.append((sql, params))

    def flush(self) -> None:
        """Write what waits."""
        if self._later:
            with self.writing():
                pass

    def back_up(self, target: sqlite3.Connection) -> None:
        """Copy one state of the whole file into another one (SQLite); a writer is not disturbed."""
        self._follow_writer()
        self._connection.connection.driver_connection.backup(target)  # type: ignore[union-attr]  # it is open

    def give_back(self) -> None:
        """Hand freed pages back to the disk (SQLite)."""
        if not self.is_postgres and not self.read_only:
            with suppress(sqlite3.Error):
                self._cursor.executescript("PRAGMA incremental_vacuum")  # execute() would free one page

    def lock_session(self, number: int) -> bool:
        """PostgreSQL's lock of that number for this connection, which dies with it; whether it was had."""
        try:
            self._cursor.execute("SELECT pg_try_advisory_lock(%s)", (number,))
            return bool(self._cursor.fetchone()[0])
        except self.errors as error:
            raise self.say(error) from None

    def unlock_session(self, number: int) -> None:
        """Give that lock back; nothing happens where it is not held, or the connection is gone."""
        with suppress(*self.errors):
            self._cursor.execute("SELECT pg_advisory_unlock(%s)", (number,))

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine, for migrations: they have a connection and a transaction of their own."""
        if self._engine is None:
            raise LedgerError(f"The ledger {self.place} is not open.")
        return self._engine

    def close(self) -> None:
        """Write what waits and let go of the connection."""
        with suppress(LedgerError):
            if self._engine is not None and not self.read_only and self._broken is None:
                self.flush()
        self._disconnect()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Link]:
        link = self._begin(begin)
        with self._ending():
            yield link

    def _begin(self, begin: str) -> Link:
        try:
            self._cursor.execute(begin)
        except self.errors as error:
            raise self.say(error) from None
        return Link(self._cursor, is_postgres=self.is_postgres, errors=self.errors, say=self.say)

    @contextmanager
    def _undone(self) -> Iterator[None]:
        """Roll the transaction back when something inside fails."""
        try:
            yield
        except BaseException:
            self._roll_back()
            raise

    @contextmanager
    def _ending(self) -> Iterator[None]:
        """Commit the transaction after what is inside, or roll it back."""
        with self._undone():
            yield
        try:
            self._cursor.execute("COMMIT")
        except self.errors as error:
            self._roll_back()
            raise self.say(error) from None

    def _roll_back(self) -> None:
        with suppress(Exception):
            self._cursor.execute("ROLLBACK")

    def _disconnect(self) -> None:
        if self._engine is not None:
            with suppress(Exception):
                self._connection.close()
            self._engine.dispose()
            self._engine = None

    def connect(self) -> None:
        """Open the connection. Raises LedgerError."""
        try:
            engine = self._build_engine()
            self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._engine = engine
            driver: Any = self._connection.connection.driver_connection
            self._cursor = driver.cursor()
            self._prepare()
        except self.errors as error:
            raise explain(error, self.place) from None

    def _build_engine(self) -> Engine:
        if self.is_postgres:
            arguments = {"connect_timeout": max(1, int(self._patience_s))}
            return create_engine(self.url, poolclass=NullPool, connect_args=arguments, hide_parameters=True)
        mode = "mode=rw"
        if self.read_only:
            self._is_frozen = not _has_log(self.path)
            mode = "mode=ro&immutable=1" if self._is_frozen else "mode=ro"
        target = f"file:{quote(str(self.path))}?{mode}"
        engine = create_engine(
            "sqlite://",
            poolclass=NullPool,
            hide_parameters=True,
            creator=lambda: sqlite3.connect(target, uri=True, timeout=self._patience_s, isolation_level=None),
        )
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        return engine

    def _prepare(self) -> None:
        """Durability and patience: set on every connection, never left to the server's defaults."""
        if self.is_postgres:
            self._cursor.execute("SET synchronous_commit = on")
            self._cursor.execute(f"SET lock_timeout = {int(self._patience_s * 1000)}")
            self._cursor.execute(f"SET idle_in_transaction_session_timeout = {_LONGEST_SLEEP_MS}")
            if self.read_only:
                self._cursor.execute("SET default_transaction_read_only = on")
            return
        self._cursor.execute(f"PRAGMA cache_size = -{_PAGES}")
        if self.read_only:
            self._cursor.execute("PRAGMA query_only = on")
            return
        if self._cursor.execute("PRAGMA page_count").fetchone() == (0,):
            self._cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")
        self._cursor.execute("PRAGMA journal_mode = WAL").fetchall()
        self._cursor.execute("PRAGMA synchronous = FULL")
        self._cursor.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT}").fetchall()

    def _follow_writer(self) -> None:
        """Open a file anew that was taken for unchanging, once a writer has begun a log beside it."""
        if self._is_frozen and _has_log(self.path):
            self._disconnect()
            self.connect()


def file_of(url: str) -> Path | None:
    """The file a ledger lives in; None where it lives on a server. LedgerError for a URL that is none."""
    parsed = _parse(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def _go_on() -> None:
    """Nothing to do."""


def _driver_errors(*, is_postgres: bool) -> Errors:
    """What the driver, and SQLAlchemy around it, may raise."""
    if is_postgres:
        import psycopg  # only where the ledger lives there

        return psycopg.Error, DBAPIError
    return sqlite3.Error, DBAPIError


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise LedgerError(
            "The ledger's `url` is not a database URL; sqlite:///ledger.db is the usual one."
        ) from None
    if backend not in ("sqlite", "postgresql"):
        raise LedgerError(
            f"A ledger lives in SQLite or PostgreSQL, not in {backend}: set its `url` to one of them."
        )
    if backend == "postgresql" and parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise LedgerError("A ledger in memory would forget what was sent: give its `url` a file.")
    return parsed


def _place(url: URL) -> str:
    """The ledger's name in messages, without user and password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return f"{url.host or 'localhost'}:{url.port or 5432}/{url.database}"


def _has_log(path: Path | None) -> bool:
    return path is not None and path.with_name(path.name + "-wal").exists()
