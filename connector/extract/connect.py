"""Connections to a hospital's database: read-only, in autocommit, with a bound on every statement's time.

In autocommit a page is one statement and one transaction; nothing stays open between two pages. SQLite is
opened read-only by its URI, PostgreSQL and MySQL refuse writes by the session; on SQL Server and Oracle the
account has to be one that may only read.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import sqlalchemy as sa

from connector.errors import SourceError
from connector.extract.dialects import DIALECTS, SQLITE, Dialect
from connector.extract.faults import kind_of

_CONNECT_TIMEOUT_S = 15
_DEFAULT_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
_STEPS_BETWEEN_LOOKS = 100_000  # of SQLite's virtual machine, some milliseconds


def read_url(url: str) -> tuple[sa.URL, Dialect]:
    """A SQLAlchemy URL with its driver, and its dialect. Raises SourceError; the text holds no password."""
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise SourceError(
            "his.url is not a database URL such as postgresql://user:password@host/database."
        ) from None
    parsed = parsed.set(drivername=_DEFAULT_DRIVERS.get(parsed.drivername, parsed.drivername))
    if parsed.drivername in ("mysql+pyodbc", "mariadb+pyodbc") and parsed.port and "port" not in parsed.query:
        # SQLAlchemy writes `host,port`, as SQL Server wants it; MySQL's drivers do not read that.
        parsed = parsed.update_query_dict({"port": str(parsed.port)})
    dialect = DIALECTS.get(parsed.get_backend_name())
    if dialect is None:
        known = ", ".join(sorted(DIALECTS))
        raise SourceError(f"his.url names the database {parsed.get_backend_name()!r}; known are {known}.")
    if dialect is SQLITE and parsed.database in (None, "", ":memory:"):
        raise SourceError("his.url names no SQLite file: write sqlite:///path/to/file.db.")
    return parsed, dialect


def describe_url(url: sa.URL) -> str:
    """The database for people: host, port and name, or the file; never a user's password."""
    if url.get_backend_name() == "sqlite":
        return f"The hospital's database {url.database}"
    port = url.query.get("port") or url.port
    host = ":".join(str(part) for part in (url.host, port) if part) or "its ODBC connection"
    return f"The hospital's database {url.database or ''} at {host}".replace("  ", " ")


def connect(url: sa.URL, dialect: Dialect, timeout_s: int) -> sa.Engine:
    """An engine of one connection; the connection is made when it is first used."""
    if dialect is SQLITE:
        engine = sa.create_engine(
            "sqlite://",
            creator=_sqlite_creator(Path(url.database or ""), timeout_s),
            poolclass=sa.QueuePool,
            pool_size=1,
            max_overflow=0,
        )
    else:
        engine = sa.create_engine(
            url,
            isolation_level="AUTOCOMMIT",
            connect_args=_connect_args(url, timeout_s),
            pool_size=1,
            max_overflow=0,
            hide_parameters=True,
        )
    sa.event.listen(engine, "connect", _session_maker(dialect, timeout_s))
    return engine


def sqlite_uri(file: Path) -> str:
    """The URI that opens a SQLite file for reading only."""
    return f"{file.resolve().as_uri()}?mode=ro"


def session_statements(dialect: Dialect, timeout_s: int, *, attempts: bool = False) -> tuple[str, ...]:
    """The statements that a new connection starts with, or those of which a server knows only some."""
    statements = dialect.attempts if attempts else dialect.session
    return tuple(s.format(seconds=timeout_s, milliseconds=timeout_s * 1000) for s in statements)


def _connect_args(url: sa.URL, timeout_s: int) -> dict[str, Any]:
    if url.drivername == "postgresql+psycopg":
        # Old databases have labels such as SQL_ASCII, by which psycopg would give bytes.
        defaults = {"connect_timeout": _CONNECT_TIMEOUT_S, "client_encoding": "utf8"}
        return {name: value for name, value in defaults.items() if name not in url.query}
    if url.get_driver_name() == "pymysql":
        # The socket's bound is the last resort where the server knows no statement timeout.
        return {"connect_timeout": _CONNECT_TIMEOUT_S, "read_timeout": timeout_s + 30}
    if url.get_driver_name() == "pyodbc":
        return {"timeout": _CONNECT_TIMEOUT_S}
    return {}


def _session_maker(dialect: Dialect, timeout_s: int) -> Callable[[Any, Any], None]:
    def start(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        try:
            for statement in session_statements(dialect, timeout_s):
                cursor.execute(statement)
            _attempt(cursor, dialect, timeout_s)
        finally:
            cursor.close()
        if dialect.name == "mssql":
            connection.timeout = timeout_s  # pyodbc's bound on a statement
        elif dialect.name == "oracle":
            connection.call_timeout = timeout_s * 1000

    return start


def _attempt(cursor: Any, dialect: Dialect, timeout_s: int) -> None:
    """Try the statements of which a server knows only some."""
    for statement in session_statements(dialect, timeout_s, attempts=True):
        try:
            cursor.execute(statement)
        except Exception as error:
            if kind_of(error) in ("unreachable", "driver"):
                raise
        else:
            return


def _text(cell: bytes) -> str | bytes:
    """A text cell of SQLite, or its bytes where they are not UTF-8."""
    try:
        return cell.decode()
    except UnicodeDecodeError:
        return cell


class TimedConnection(sqlite3.Connection):
    """A SQLite connection that stops a statement when its time is over: SQLite has no such bound itself."""

    _deadline: float | None = None

    def start(self, timeout_s: int) -> None:
        """From now on a statement may take `timeout_s`."""
        self._deadline = monotonic() + timeout_s

    def stop(self) -> None:
        """What comes next has no bound."""
        self._deadline = None

    def is_late(self) -> bool:
        """Asked by SQLite now and then; true stops the statement."""
        return self._deadline is not None and monotonic() > self._deadline


def _sqlite_creator(file: Path, timeout_s: int) -> Callable[[], sqlite3.Connection]:
    def create() -> sqlite3.Connection:
        connection = sqlite3.connect(
            sqlite_uri(file),
            uri=True,
            isolation_level=None,
            timeout=timeout_s,
            check_same_thread=False,
            factory=TimedConnection,
        )
        connection.text_factory = _text
        connection.set_progress_handler(connection.is_late, _STEPS_BETWEEN_LOOKS)
        return connection

    return create
