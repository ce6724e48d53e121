"""The SELECT statements: keyset pages, never OFFSET; every value is bound with its column's own type.

Identifiers are quoted by SQLAlchemy's dialects (Chinese names always), limits become TOP, LIMIT or FETCH FIRST.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from connector.extract.columns import Column
from connector.extract.dialects import MYSQL, SQLITE, Dialect

Condition = sa.ColumnElement[bool]

_BIND = re.compile(r"(?<![:\w\\]):(?=\w)")


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows come from: a table (schema, name) or the text of a SELECT."""

    table: str | None = None
    schema: str | None = None
    sql: str | None = None

    @property
    def clause(self) -> sa.FromClause | sa.TextClause:
        """For a FROM. A colon in the SQL of a mapping is no parameter; a comment may end it."""
        if self.table is not None:
            return sa.table(self.table, schema=self.schema)
        body = _BIND.sub(r"\\:", (self.sql or "").strip().rstrip(";").rstrip())
        return sa.text(f"({body}\n) src")


def select(elements: Sequence[sa.ColumnElement[Any]], source: Source) -> sa.Select[Any]:
    """`SELECT elements FROM source`; what is not a plain column gets a name that hides no column."""
    named = [e if isinstance(e, sa.ColumnClause) else e.label(f"c{n}") for n, e in enumerate(elements)]
    return sa.select(*named).select_from(source.clause)


def bound(dialect: Dialect, column: Column, value: Any) -> sa.ColumnElement[Any]:
    """A value for comparison with a column, bound as that column's type.

    SQLite compares what its cells hold, so values are bound as they were read. On SQL Server a `datetime` is
    coarser than what a driver binds: the database casts it, or the row itself would come after itself.
    """
    if dialect is SQLITE:
        return sa.bindparam(None, value, unique=True)
    types: dict[str, sa.types.TypeEngine[Any]] = {
        "integer": sa.BigInteger(),
        "boolean": sa.BigInteger(),
        "decimal": sa.Numeric(38, column.scale),
        "float": sa.Double(),
        "timestamp": sa.DateTime(),
        "date": sa.Date(),
    }
    text = sa.CHAR(column.length) if column.length else sa.Unicode()
    if dialect is MYSQL and isinstance(value, datetime):
        # ODBC drivers cut the fraction of a second off a time that is bound as one.
        text_of_time = sa.bindparam(None, value.isoformat(" "), type_=sa.String(), unique=True)
        return sa.cast(text_of_time, mysql.DATETIME(fsp=6))
    if isinstance(value, datetime):
        kind: sa.types.TypeEngine[Any] = sa.DateTime()
    else:
        kind = types.get(column.type, text)
    element: sa.ColumnElement[Any] = sa.bindparam(None, value, type_=kind, unique=True)
    if dialect.name == "mssql" and column.native.upper() in ("DATETIME", "SMALLDATETIME"):
        return sa.cast(element, sa.DateTime())
    return element


def after(dialect: Dialect, columns: Sequence[Column], position: Sequence[Any]) -> Condition:
    """Rows that come after `position` in the order of `columns`."""
    left: list[sa.ColumnElement[Any]] = [sa.column(c.actual) for c in columns]
    right = [bound(dialect, c, v) for c, v in zip(columns, position, strict=True)]
    if len(left) == 1:
        return left[0] > right[0]
    if dialect.row_values:
        return sa.tuple_(*left) > sa.tuple_(*right)
    spelled: Condition = left[-1] > right[-1]
    for n in range(len(left) - 2, -1, -1):
        again = bound(dialect, columns[n], position[n])
        spelled = sa.or_(left[n] > right[n], sa.and_(left[n] == again, spelled))
    # The first column's own bound lets the database start in the middle of the index.
    return sa.and_(left[0] >= bound(dialect, columns[0], position[0]), spelled)


def at_least(dialect: Dialect, column: Column, value: Any) -> Condition:
    """Rows whose column is `value` or more."""
    return sa.column(column.actual) >= bound(dialect, column, value)


def at_most(dialect: Dialect, column: Column, value: Any) -> Condition:
    """Rows whose column is `value` or less; rows without a value are out."""
    return sa.column(column.actual) <= bound(dialect, column, value)


def one_of(dialect: Dialect, column: Column, values: Sequence[Any]) -> Condition:
    """Rows whose column is one of `values`; where blanks at the end count, a CHAR is asked for padded too."""
    wanted = list(values)
    if not dialect.pads and column.length:
        wanted += [padded for v in values if (padded := str(v).ljust(column.length)) != v]
    return sa.column(column.actual).in_([bound(dialect, column, value) for value in wanted])


def page(
    dialect: Dialect,
    statement: sa.Select[Any],
    conditions: Sequence[Condition],
    order: Sequence[Column],
    rows: int,
) -> sa.Select[Any]:
    """One keyset page."""
    ordered = statement.where(*conditions).order_by(*[sa.column(c.actual) for c in order])
    if dialect.name in ("mssql", "oracle"):
        return ordered.limit(rows)
    # SQLAlchemy would add `OFFSET 0` for SQLite, and bind the number, which MySQL takes from few drivers.
    return ordered.suffix_with(f"LIMIT {rows:d}")
