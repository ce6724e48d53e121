"""Three ways to run a SELECT and get its rows as columns; all give the same chunk.

ADBC brings Arrow straight from SQLite and PostgreSQL, arrow-odbc from an ODBC driver, and the DB-API cursor
works everywhere. A quick reader that cannot keep a page's cells apart raises Misfit, and the page is read again
through the cursor. Each statement is finished when `read` returns: no cursor outlives it.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import adbc_driver_postgresql.dbapi as adbc_postgresql
import adbc_driver_sqlite.dbapi as adbc_sqlite
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from connector.extract.cells import Array, Built, Misfit, from_arrow, from_cells
from connector.extract.columns import Column
from connector.extract.connect import TimedConnection, session_statements, sqlite_uri
from connector.extract.dialects import POSTGRESQL, SQLITE


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one statement: the built columns, cells that did not fit, and the last row as the driver gave it."""

    table: pa.Table = field(repr=False)
    undecodable: tuple[tuple[int, str], ...]
    last: tuple[Any, ...] = field(repr=False)


class Reader(Protocol):
    """Runs a SELECT of `columns`, at most `rows` of them."""

    def read(self, statement: sa.Select[Any], columns: Sequence[Column], *, rows: int) -> Page:
        """The rows of a statement."""

    def close(self) -> None:
        """Give the connection back."""


class CursorReader:
    """The DB-API cursor of SQLAlchemy's engine."""

    def __init__(self, engine: sa.Engine, timeout_s: int) -> None:
        self._engine = engine
        self._timeout_s = timeout_s

    def read(self, statement: sa.Select[Any], columns: Sequence[Column], *, rows: int) -> Page:  # noqa: ARG002 - the limit is in the statement
        """The rows of a statement, cell by cell."""
        with self._engine.connect() as connection:
            cells = self._cells(connection, statement)
        lists = list(zip(*cells, strict=True)) if cells else [() for _ in columns]
        built = [from_cells(c, column) for c, column in zip(lists, columns, strict=True)]
        return to_page(columns, built, tuple(cells[-1]) if cells else ())

    def _cells(self, connection: sa.Connection, statement: sa.Select[Any]) -> Sequence[Sequence[Any]]:
        raw = connection.connection.driver_connection
        if isinstance(raw, TimedConnection):
            raw.start(self._timeout_s)
        try:
            with closing(connection.execute(statement)) as result:
                return _rows(result)
        finally:
            if isinstance(raw, TimedConnection):
                raw.stop()

    def close(self) -> None:
        """The engine belongs to the hospital, which closes it."""


class BytesReader:
    """PyMySQL without its conversions: cells arrive as the protocol's bytes and are turned column by column."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def read(self, statement: sa.Select[Any], columns: Sequence[Column], *, rows: int) -> Page:  # noqa: ARG002 - the limit is in the statement
        """The rows of a statement, as columns of bytes."""
        with self._engine.connect() as connection:
            raw: Any = connection.connection.driver_connection
            charset = raw.encoding
            decoders, raw.decoders, raw.use_unicode = raw.decoders, {}, False
            try:
                with closing(connection.execute(statement)) as result:
                    cells = _rows(result)
            finally:
                raw.decoders, raw.use_unicode = decoders, True
        lists = list(zip(*cells, strict=True)) if cells else [() for _ in columns]
        # Python's gb18030 knows the characters that servers put into gbk beyond Python's own gbk.
        own = "gb18030" if charset in ("gbk", "gb2312") else charset
        built = [
            from_arrow(pa.array(c, pa.binary()), k, own=own) for c, k in zip(lists, columns, strict=True)
        ]
        return to_page(columns, built, ())

    def close(self) -> None:
        """The engine belongs to the hospital, which closes it."""


class AdbcReader:
    """ADBC's drivers for SQLite and PostgreSQL, on a connection of their own."""

    def __init__(self, url: sa.URL, timeout_s: int) -> None:
        dialects: Any = {"sqlite": SQLiteDialect_pysqlite, "postgresql": PGDialect_asyncpg}
        self._url = url
        self._timeout_s = timeout_s
        self._connection: Any = None
        self._is_sqlite = url.get_backend_name() == "sqlite"
        self._dialect: sa.Dialect = dialects[url.get_backend_name()]()

    def read(self, statement: sa.Select[Any], columns: Sequence[Column], *, rows: int) -> Page:
        """The rows of a statement. Raises Misfit where SQLite's cells do not let themselves be told apart."""
        compiled = statement.compile(dialect=self._dialect)
        values = [compiled.params[name] for name in compiled.positiontup or ()]
        table = self._fetch(str(compiled), values, rows)
        arrays = [one_array(column) for column in table.columns]
        if self._is_sqlite and any(map(_is_mixed, arrays, columns)):
            raise Misfit
        built = [from_arrow(a, column) for a, column in zip(arrays, columns, strict=True)]
        return to_page(columns, built, _last(arrays) if self._is_sqlite and table.num_rows else ())

    def _fetch(self, sql: str, values: list[Any], rows: int) -> pa.Table:
        # SQLite's driver decides a column's type by the first batch: the whole page is that batch.
        options = {"adbc.sqlite.query.batch_rows": max(rows, 1)} if self._is_sqlite else {}
        with closing(self._open().cursor(adbc_stmt_kwargs=options)) as cursor:
            cursor.execute(sql, values or None)
            table: pa.Table = cursor.fetch_arrow_table()
            return table

    def _open(self) -> Any:
        if self._connection is None:
            if self._is_sqlite:
                uri = sqlite_uri(Path(self._url.database or ""))
                connection = adbc_sqlite.connect(uri, autocommit=True)
            else:
                uri = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
                connection = adbc_postgresql.connect(uri, autocommit=True)
            self._connection = connection
            dialect = SQLITE if self._is_sqlite else POSTGRESQL
            with closing(connection.cursor()) as cursor:
                for statement in session_statements(dialect, self._timeout_s):
                    cursor.execute(statement)
        return self._connection

    def close(self) -> None:
        """Close the connection; a later read makes a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _rows(result: Any) -> list[Any]:
    """Every row as the driver gives it, past SQLAlchemy's own types."""
    return list(result.cursor.fetchall())


def _is_mixed(array: Array, column: Column) -> bool:
    """Whether SQLite's numbers have been made into texts or bytes, because a text or a BLOB stands among them."""
    is_text = pa.types.is_string(array.type) or pa.types.is_binary(array.type)
    return is_text and column.type in ("integer", "boolean", "decimal", "float")


def _last(arrays: Sequence[Array]) -> tuple[Any, ...]:
    """The last row as it was read; None for text that is not UTF-8."""
    row: list[Any] = []
    for array in arrays:
        try:
            row.append(array[-1].as_py())
        except UnicodeDecodeError:
            row.append(None)
    return tuple(row)


def one_array(column: Any) -> Array:
    """One array of a column's chunks."""
    if column.num_chunks == 1:
        whole: Array = column.chunk(0)
        return whole
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def to_page(columns: Sequence[Column], built: Sequence[Built], last: tuple[Any, ...]) -> Page:
    """A page of built columns."""
    table = pa.table({c.name: array for c, (array, _) in zip(columns, built, strict=True)})
    bad = sorted((row, c.name) for c, (_, rows) in zip(columns, built, strict=True) for row in rows)
    return Page(table, tuple(bad), last)
