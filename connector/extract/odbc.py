"""ODBC in columns: arrow-odbc fills Arrow buffers where pyodbc makes a Python object of every cell.

It binds every parameter as text, so each one is cast to the type of its column; text that is not ASCII, and
whatever else it does not manage, is left to pyodbc (Misfit).
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import arrow_odbc
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import mssql, mysql
from sqlalchemy.sql import visitors

from connector.extract.cells import Misfit, from_arrow
from connector.extract.columns import Column
from connector.extract.connect import session_statements
from connector.extract.dialects import MYSQL, Dialect
from connector.extract.faults import kind_of
from connector.extract.readers import Page, one_array, to_page

_TEXT_CHARACTERS = 4_000
_BUFFER_BYTES = 32 * 2**20
"""Longer texts go to pyodbc; a buffer holds as many rows as fit, each with the greatest length of its columns."""


_DATETIME2: Any = mssql.DATETIME2
_FINE_TIME: sa.types.TypeEngine[Any] = _DATETIME2()
"""A DATETIME of SQL Server would round the time of a DATETIME2."""


class OdbcReader:
    """arrow-odbc on a connection of its own."""

    def __init__(self, engine: sa.Engine, dialect: Dialect, timeout_s: int) -> None:
        self._engine = engine
        self._dialect = dialect
        self._timeout_s = timeout_s
        self._connection: Any = None

    def read(self, statement: sa.Select[Any], columns: Sequence[Column], *, rows: int) -> Page:
        """The rows of a statement. Raises Misfit for what has to go through pyodbc."""
        compiled = with_casts(self._dialect, statement).compile(
            dialect=self._engine.dialect,
            compile_kwargs={"render_postcompile": True},
        )
        values = [compiled.params[name] for name in compiled.positiontup or ()]
        table = self._fetch(str(compiled), values, rows)
        built = [from_arrow(one_array(a), column) for a, column in zip(table.columns, columns, strict=True)]
        return to_page(columns, built, ())

    def _fetch(self, sql: str, values: list[str], rows: int) -> pa.Table:
        try:
            reader = self._open().read_arrow_batches(
                query=sql,
                parameters=values or None,
                batch_size=max(rows, 1),
                max_bytes_per_batch=_BUFFER_BYTES,
                max_text_size=_TEXT_CHARACTERS,
                max_binary_size=_TEXT_CHARACTERS,
                query_timeout_sec=self._timeout_s,
            )
            return pa.Table.from_batches(reader, reader.schema)
        except arrow_odbc.Error as error:
            self.close()
            if kind_of(error) in ("timeout", "unreachable", "password"):
                raise
            raise Misfit from None

    def _open(self) -> Any:
        if self._connection is None:
            (text,), _ = self._engine.dialect.create_connect_args(self._engine.url)
            connection = arrow_odbc.connect(connection_string=text)
            for statement in session_statements(self._dialect, self._timeout_s):
                connection.execute(statement)
            self._attempt(connection)
            self._connection = connection
        return self._connection

    def _attempt(self, connection: Any) -> None:
        """Try the statements of which a server knows only some."""
        for statement in session_statements(self._dialect, self._timeout_s, attempts=True):
            try:
                connection.execute(statement)
            except arrow_odbc.Error:
                continue
            return

    def close(self) -> None:
        """Let the connection go; a later read makes a new one."""
        self._connection = None


def with_casts(dialect: Dialect, statement: sa.Select[Any]) -> sa.Select[Any]:
    """The statement with every parameter as text, cast to the type it had.

    Raises Misfit for a text that is not ASCII: drivers do not agree on what its bytes mean.
    """

    def cast(element: Any, **_: Any) -> Any:
        if type(element) is not sa.BindParameter:  # the limit is another class: it is written into the SQL
            return None
        value: Any = element.value
        text = sa.bindparam(None, _as_text(value), type_=sa.String(), unique=True)
        if isinstance(value, str):
            return text
        kind: sa.types.TypeEngine[Any] = element.type
        if dialect is MYSQL and isinstance(value, int):
            kind = mysql.INTEGER()  # MySQL casts to SIGNED
        elif dialect.name == "mssql" and isinstance(value, datetime):
            kind = _FINE_TIME
        return sa.cast(text, kind)

    replaced: Any = visitors.replacement_traverse(statement, {}, cast)
    whole: sa.Select[Any] = replaced
    return whole


def _as_text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(" ", "microseconds")
    if isinstance(value, Decimal):
        return format(value, "f")
    text = value.isoformat() if isinstance(value, date) else str(value)
    if not text.isascii():
        raise Misfit
    return text
