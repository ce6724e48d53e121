"""What the databases do differently, as one small table of facts per dialect.

`wire` is the one place where a column is not selected as it is: a column that one reader would give otherwise
than another is turned by the database into a form that all of them agree on.
"""

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

from connector.extract.columns import WIDE_SCALE, Column

Element = sa.ColumnElement[object]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One database's ways.

    `row_values`: it compares `(a, b) > (x, y)` by an index; elsewhere the comparison is spelled out.
    `clock`: SQL of the time by the database's clock, without zone. `session`: statements that make a new
    connection read-only and bound a statement's time, with `{seconds}` and `{milliseconds}`; those in
    `attempts` are tried, because only some versions of the server know them.
    `pads`: text compares equal whatever blanks stand at its end.
    """

    name: str
    clock: str
    row_values: bool = False
    session: tuple[str, ...] = ()
    attempts: tuple[str, ...] = ()
    pads: bool = True


SQLITE = Dialect(
    name="sqlite",
    # SQLite has no clock of its own; hospital times are China's (ARCHITECTURE, "Times").
    clock="strftime('%Y-%m-%d %H:%M:%f', 'now', '+8 hours')",
    row_values=True,
    session=("PRAGMA query_only = ON", "PRAGMA busy_timeout = {milliseconds}"),
    pads=False,
)
POSTGRESQL = Dialect(
    name="postgresql",
    clock="localtimestamp",
    row_values=True,
    session=(
        "SET client_encoding = 'UTF8'",
        "SET default_transaction_read_only = on",
        "SET statement_timeout = {milliseconds}",
        "SET idle_in_transaction_session_timeout = {milliseconds}",
    ),
)
MYSQL = Dialect(
    name="mysql",
    clock="NOW(6)",
    session=(
        "SET SESSION TRANSACTION READ ONLY",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    ),
    attempts=(
        "SET SESSION max_statement_time = {seconds}",
        "SET SESSION max_execution_time = {milliseconds}",
    ),
)
MSSQL = Dialect(
    name="mssql",
    clock="SYSDATETIME()",
    session=("SET LOCK_TIMEOUT {milliseconds}", "SET DEADLOCK_PRIORITY LOW"),
)
ORACLE = Dialect(name="oracle", clock="LOCALTIMESTAMP", pads=False)
"""Compiled and asserted only: no Oracle has answered a test of ours."""

DIALECTS = {d.name: d for d in (SQLITE, POSTGRESQL, MYSQL, MSSQL, ORACLE)} | {"mariadb": MYSQL}

_BLOB_OF: dict[str, Callable[[Element], Element]] = {
    "sqlite": lambda c: sa.cast(c, sa.BLOB),
    "postgresql": lambda c: sa.func.convert_to(c, sa.func.getdatabaseencoding()),
    "mysql": lambda c: sa.cast(c, sa.BINARY),
    "mssql": lambda c: sa.cast(c, sa.VARBINARY(8000)),
    "oracle": sa.func.utl_raw.cast_to_raw,
}


def wire(dialect: Dialect, column: Column, *, odbc: bool) -> Element:
    """The expression a column is selected by; `odbc`: the reader is an ODBC driver.

    Text with a declared encoding arrives as the bytes that are stored.
    """
    element: Element = sa.column(column.actual)
    if column.encoding and column.type == "text":
        return _BLOB_OF[dialect.name](element)
    if dialect is POSTGRESQL:
        return _wire_postgresql(element, column)
    if dialect is MYSQL:
        return _wire_mysql(element, column, odbc=odbc)
    return element


def _wire_postgresql(element: Element, column: Column) -> Element:
    if column.native == "timestamptz":
        # In the session's zone, as the database itself would show it.
        return sa.cast(element, postgresql.TIMESTAMP)
    if column.native == "real":
        # By way of text: 0.1 stays 0.1 and does not become 0.10000000149011612.
        return sa.cast(sa.cast(element, sa.Text), sa.Double)
    if column.native == "money":
        return sa.cast(element, sa.Numeric)
    if column.native == "numeric" and column.scale == WIDE_SCALE:
        return sa.func.round(element, sa.literal_column(str(WIDE_SCALE)))
    if column.type == "other":
        return sa.cast(element, sa.Text)
    return element


def _wire_mysql(element: Element, column: Column, *, odbc: bool) -> Element:
    if column.type == "boolean":
        return sa.cast(element, mysql.INTEGER(unsigned=True))
    # ODBC has no zero dates and no day 0, and turns a float into more digits than it has.
    if odbc and column.type in ("timestamp", "date", "float", "other"):
        return sa.cast(element, sa.CHAR)
    return element
