"""What the database says about its tables and about the columns of a SELECT."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

import sqlalchemy as sa

from connector.errors import SourceError
from connector.extract.columns import (
    Column,
    Found,
    from_mysql,
    from_odbc,
    from_oracle,
    from_postgresql,
    from_sqlite,
)
from connector.extract.dialects import SQLITE, Dialect
from connector.extract.statements import Source


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column for people: its type in the database's words and the DBA's comment."""

    name: str
    native: str
    nullable: bool
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view for people."""

    name: str
    comment: str = ""
    columns: tuple[TableColumn, ...] = ()
    key: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reflected:
    """A source, and what reflection knows about its columns (nothing, for a SELECT)."""

    source: Source
    columns: dict[str, TableColumn] = field(default_factory=dict)


def tables(engine: sa.Engine, *, columns: bool = True) -> tuple[Table, ...]:
    """Tables and views of the default schema; without `columns` only their names."""
    inspector = sa.inspect(engine)
    names = [*inspector.get_table_names(), *inspector.get_view_names()]
    if not columns:
        return tuple(Table(name) for name in names)
    return tuple(_table(inspector, name, engine.dialect) for name in sorted(set(names)))


def reflect(engine: sa.Engine, table: str) -> Reflected | None:
    """A table or view by its name as a mapping spells it (`schema.table`), or None.

    Letter case is forgiven where it leaves no doubt: databases fold the names that were not quoted.
    """
    schema, _, name = table.rpartition(".")
    inspector = sa.inspect(engine)
    try:
        columns = _columns(inspector, name, schema or None, engine.dialect)
    except sa.exc.NoSuchTableError:
        names = {*inspector.get_table_names(schema or None), *inspector.get_view_names(schema or None)}
        alike = [n for n in names if n.casefold() == name.casefold()]
        if len(alike) != 1:
            return None
        name = alike[0]
        columns = _columns(inspector, name, schema or None, engine.dialect)
    return Reflected(Source(table=name, schema=schema or None), {c.name: c for c in columns})


def describe(engine: sa.Engine, dialect: Dialect, reflected: Reflected) -> tuple[Column, ...]:
    """Every column of a source with its type, by asking for none of its rows."""
    with engine.connect() as connection:
        found = (
            _of_sqlite(connection, reflected)
            if dialect is SQLITE
            else _of_cursor(connection, reflected.source)
        )
    columns: list[Column] = []
    for f in found:
        # Drivers give names in the database's case, reflection in SQLAlchemy's: they differ on Oracle only.
        known = reflected.columns.get(f.name) or reflected.columns.get(f.name.lower())
        column = Column(f.name, f.type, True, f.native, actual=f.name, scale=f.scale, length=f.length)
        if known is not None:
            native = f.native if dialect.name == "postgresql" else known.native
            column = replace(column, nullable=known.nullable, native=native)
        columns.append(column)
    return tuple(columns)


def nearest(name: str, names: Iterable[str]) -> str:
    """` Did you mean …?` with the nearest of the names, or nothing."""
    by_fold = {n.casefold(): n for n in names}
    close = get_close_matches(name.casefold(), by_fold, n=1, cutoff=0.6)
    return f" Did you mean {by_fold[close[0]]}?" if close else ""


def _table(inspector: sa.Inspector, name: str, dialect: sa.Dialect) -> Table:
    try:
        comment = inspector.get_table_comment(name).get("text") or ""
    except NotImplementedError:
        comment = ""
    key = tuple(inspector.get_pk_constraint(name).get("constrained_columns") or ())
    return Table(name, comment, _columns(inspector, name, None, dialect), key)


def _columns(
    inspector: sa.Inspector, name: str, schema: str | None, dialect: sa.Dialect
) -> tuple[TableColumn, ...]:
    key = set(inspector.get_pk_constraint(name, schema).get("constrained_columns") or ())
    return tuple(
        TableColumn(
            name=str(c["name"]),
            native=_native(c["type"], dialect),
            nullable=bool(c["nullable"]) and c["name"] not in key,
            comment=c.get("comment") or "",
        )
        for c in inspector.get_columns(name, schema)
    )


def _native(kind: Any, dialect: sa.Dialect) -> str:
    try:
        return str(kind.compile(dialect))
    except sa.exc.CompileError:
        return "unknown"


def _of_sqlite(connection: sa.Connection, reflected: Reflected) -> list[Found]:
    """SQLite's declared types; of a SELECT by way of a temporary view, for only a view tells them."""
    raw: Any = connection.connection.driver_connection
    source = reflected.source
    if source.sql is None:
        owner = f"{_quoted(source.schema)}." if source.schema else ""
        rows = raw.execute(f"PRAGMA {owner}table_xinfo({_quoted(source.table or '')})").fetchall()
        return [from_sqlite(row[1], row[2]) for row in rows]
    raw.execute("PRAGMA query_only = OFF")
    try:
        # The SELECT is the DBA's own; the file is open for reading only, whatever it says.
        body = source.sql.rstrip().rstrip(";")
        raw.execute(f"CREATE TEMP VIEW connector_view AS SELECT * FROM ({body}\n)")  # noqa: S608
        try:
            rows = raw.execute("PRAGMA table_xinfo(connector_view)").fetchall()
        finally:
            raw.execute("DROP VIEW connector_view")
    finally:
        raw.execute("PRAGMA query_only = ON")
    return [from_sqlite(row[1], row[2]) for row in rows]


def _quoted(name: str | None) -> str:
    return '"' + (name or "").replace('"', '""') + '"'


def _of_cursor(connection: sa.Connection, source: Source) -> list[Found]:
    """The driver's description of the empty result."""
    statement = sa.select(sa.text("*")).select_from(source.clause).where(sa.text("1 = 0"))
    driver = connection.dialect.driver
    result = connection.execute(statement)
    try:
        cursor: Any = result.cursor
        if driver == "psycopg":
            return [from_postgresql(d) for d in cursor.description]
        if driver == "pymysql":
            return [from_mysql(f) for f in cursor._result.fields]  # noqa: SLF001 - the only place of the charset
        if driver == "pyodbc":
            return [from_odbc(d) for d in cursor.description]
        if driver == "oracledb":
            return [from_oracle(d) for d in cursor.description]
    finally:
        result.close()
    raise SourceError(
        f"the driver {driver!r} in his.url is not known; use psycopg, pymysql, pyodbc or oracledb."
    )
