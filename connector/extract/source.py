"""A hospital's database, open for reading: what a query's columns are, and one page of its rows.

Everything a mapping gets wrong about the database (a table, a column) becomes one SourceError here, with the
nearest name that does exist. Nothing is open between two calls but the idle connections.
"""

import warnings
from codecs import lookup
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, Self

import sqlalchemy as sa

from connector.errors import SourceError
from connector.extract.cells import Misfit, parse_time
from connector.extract.columns import Column, ColumnType
from connector.extract.connect import connect, describe_url, read_url
from connector.extract.describe import Reflected, Table, describe, nearest, reflect, tables
from connector.extract.dialects import MYSQL, SQLITE, wire
from connector.extract.faults import Place, explain, kind_of
from connector.extract.odbc import OdbcReader
from connector.extract.readers import AdbcReader, BytesReader, CursorReader, Page, Reader
from connector.extract.statements import Condition, Source, page, select

__all__ = ["Column", "ColumnType", "Cursor", "Hospital", "Query", "Resolved", "Table", "open_hospital"]


@dataclass(frozen=True, slots=True)
class Cursor:
    """The column by which a mapping finds what is new.

    `lookback` counts numbers of the sequence, or seconds; `safety_lag_s` keeps off what is younger by the
    database's clock (timestamps only); `nulls` says what becomes of rows without a cursor: `error`, `ignore`, or
    `always` (read on every run).
    """

    kind: Literal["sequence", "timestamp"]
    column: str
    lookback: int = 0
    safety_lag_s: int = 0
    nulls: Literal["error", "ignore", "always"] = "error"


@dataclass(frozen=True, slots=True)
class Query:
    """What a mapping reads: a table (`schema.table`) or a SELECT without ORDER BY, and the columns it needs.

    No `columns` means all. The key's, the visit's and the cursor's column are read in any case. Of `files` the bytes
    are kept as they are; one that is text is a path and read as text.
    """

    mapping: str
    table: str | None
    sql: str | None = field(repr=False)
    key: tuple[str, ...]
    visit: str | None = None
    columns: tuple[str, ...] = ()
    cursor: Cursor | None = None
    encoding: str | None = None
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolved:
    """A query whose names have been found in the database."""

    query: Query
    source: Source
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """The column that the query spells `name`."""
        return next(c for c in self.columns if c.name == name)

    @property
    def key(self) -> tuple[Column, ...]:
        """The key's columns, in the query's order."""
        return tuple(self.column(name) for name in self.query.key)


class Hospital:
    """An open database. Not for several threads at once."""

    def __init__(
        self, url: str, *, page_rows: int, statement_timeout_s: int, encoding: str | None, fast: bool
    ) -> None:
        self.page_rows = page_rows
        self._timeout_s = statement_timeout_s
        self._encoding = encoding
        self._url, self.dialect = read_url(url)
        self.name = describe_url(self._url)
        with self._explained(Place(self.name, self._url.username or "")):
            self._engine = connect(self._url, self.dialect, statement_timeout_s)
        self._is_odbc = self._engine.dialect.driver == "pyodbc"
        self._patient: Reader = CursorReader(self._engine, statement_timeout_s)
        self._quick = self._quick_reader() if fast else None
        self._resolved: dict[Query, Resolved] = {}

    def _quick_reader(self) -> Reader | None:
        driver = (self.dialect.name, self._engine.dialect.driver)
        if driver in (("sqlite", "pysqlite"), ("postgresql", "psycopg")):
            return AdbcReader(self._url, self._timeout_s)
        if self.dialect is MYSQL and driver[1] == "pymysql":
            return BytesReader(self._engine)
        if self._is_odbc:
            return OdbcReader(self._engine, self.dialect, self._timeout_s)
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        if self._quick is not None:
            self._quick.close()
        self._engine.dispose()

    def columns(self, query: Query) -> tuple[Column, ...]:
        """The columns a query reads, as the database has them.

        Raises SourceError where the table or a column does not exist, naming the nearest that does.
        """
        return self.resolve(query).columns

    def tables(self) -> tuple[Table, ...]:
        """Every table and view of the database's default schema, with columns, comments and primary keys."""
        with self._explained(self._place(None)):
            return tables(self._engine)

    def clock(self) -> datetime:
        """The time by the database's clock, without zone, as its own columns have it."""
        value = self.scalar(None, sa.select(sa.literal_column(self.dialect.clock)))
        moment = parse_time(value) if isinstance(value, str) else value
        if not isinstance(moment, datetime):
            raise SourceError(f"{self.name} does not tell the time by its clock.")
        return moment.replace(tzinfo=None)

    def scalar(self, resolved: Resolved | None, statement: sa.Select[Any]) -> Any:
        """The single value of a statement."""
        with (
            self._explained(self._place(resolved.query if resolved else None)),
            self._engine.connect() as connection,
        ):
            return connection.execute(statement).scalar()

    def resolve(self, query: Query) -> Resolved:
        """The query with its names found in the database; remembered, because types do not change in a run."""
        if (query.table is None) == (query.sql is None):
            raise ValueError("a query reads a table or an SQL")
        if query not in self._resolved:
            with self._explained(self._place(query)):
                self._resolved[query] = self._find(query)
        return self._resolved[query]

    def page(
        self, resolved: Resolved, conditions: Sequence[Condition], order: Sequence[Column], *, rows: int = 0
    ) -> Page:
        """At most `rows` rows (`page_rows` unless given) that meet all conditions, in order; one statement.

        A connection that was lost since the last page is made anew, once.
        """
        rows = rows or self.page_rows
        elements = [wire(self.dialect, c, odbc=self._is_odbc) for c in resolved.columns]
        statement = page(self.dialect, select(elements, resolved.source), conditions, order, rows)
        with self._explained(self._place(resolved.query)):
            try:
                return self._run(statement, resolved, rows)
            except Exception as error:
                if isinstance(error, SourceError) or kind_of(error) != "unreachable":
                    raise
                self.close()
                return self._run(statement, resolved, rows)

    def everything(self, resolved: Resolved) -> Page:
        """All rows in one statement, for a source without a key; memory grows with the source."""
        elements = [wire(self.dialect, c, odbc=self._is_odbc) for c in resolved.columns]
        with self._explained(self._place(resolved.query)):
            statement = select(elements, resolved.source)
            if self.dialect is SQLITE:  # whose quick driver decides a column's type by its first batch
                return self._patient.read(statement, resolved.columns, rows=0)
            return self._run(statement, resolved, self.page_rows)

    def _run(self, statement: sa.Select[Any], resolved: Resolved, rows: int) -> Page:
        if self._quick is not None and self._may_be_quick(resolved):
            try:
                return self._quick.read(statement, resolved.columns, rows=rows)
            except Misfit:
                pass
        return self._patient.read(statement, resolved.columns, rows=rows)

    def _may_be_quick(self, resolved: Resolved) -> bool:
        """SQLite's quick driver cannot be stopped, and writes numbers among texts in a way of its own.

        So free SQL, which may be a product of tables, goes the timed way, and so do columns without a type. Files
        are few, and go it in every database.
        """
        if any(c.raw for c in resolved.columns):
            return False
        if self.dialect is not SQLITE:
            return True
        return resolved.source.sql is None and not any(c.type in ("other", "bytes") for c in resolved.columns)

    def _find(self, query: Query) -> Resolved:
        reflected = (
            reflect(self._engine, query.table)
            if query.table is not None
            else Reflected(Source(sql=query.sql))
        )
        if reflected is None:
            raise self._no_table(query.table or "")
        found = describe(self._engine, self.dialect, reflected)
        by_name = {c.actual: c for c in found}
        cursor = (query.cursor.column,) if query.cursor else ()
        visit = (query.visit,) if query.visit else ()
        steering = (*query.key, *visit, *cursor)
        wanted = dict.fromkeys((*(query.columns or by_name), *steering))
        missing = [name for name in wanted if _match(name, by_name) is None]
        if missing:
            raise self._no_columns(query, missing, list(by_name))
        encoding = query.encoding or self._encoding
        if encoding is not None:
            _check_encoding(encoding)
        columns: list[Column] = []
        for name in wanted:
            column = replace(by_name[_match(name, by_name) or name], name=name)
            if name in steering:
                column = self._steered(column, reflected.source)
            elif name in query.files and column.type in ("bytes", "other"):
                column = replace(column, raw=True)
            elif encoding is not None and column.type in ("text", "bytes"):
                column = replace(column, encoding=encoding)
            columns.append(column)
        return Resolved(query, reflected.source, tuple(columns))

    def _steered(self, column: Column, source: Source) -> Column:
        """A key of SQLite without a declared type is what its first cell is."""
        if self.dialect is not SQLITE or column.type != "other":
            return column
        element: sa.ColumnElement[Any] = sa.column(column.actual)
        statement = select([sa.func.typeof(element)], source).where(element.is_not(None)).limit(1)
        with self._engine.connect() as connection:
            kind = connection.execute(statement).scalar()
        return replace(column, type="integer" if kind == "integer" else "text")

    def _no_table(self, name: str) -> SourceError:
        names = [t.name for t in tables(self._engine, columns=False)]
        return SourceError(f"{self.name} has no table {name}.{nearest(name, names)}")

    def _no_columns(self, query: Query, missing: Sequence[str], names: Sequence[str]) -> SourceError:
        what = "column" if len(missing) == 1 else "columns"
        hints = "".join(dict.fromkeys(nearest(name, names) for name in missing))
        where = self._place(query).subject
        return SourceError(f"{self.name}: {where} has no {what} {', '.join(missing)}.{hints}")

    def _place(self, query: Query | None) -> Place:
        if query is None:
            return Place(self.name, self._url.username or "", timeout_s=self._timeout_s)
        mapping = query.mapping
        subject = (
            f"the table {query.table} (mapping {mapping})" if query.table else f"the SQL of mapping {mapping}"
        )
        return Place(self.name, self._url.username or "", subject, self._timeout_s)

    @contextmanager
    def _explained(self, place: Place) -> Iterator[None]:
        """Turn a driver's error into one sentence; the connections are closed, so nothing stays half done."""
        try:
            # A type that SQLAlchemy does not know is no reason to warn: describe() asks the driver.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", sa.exc.SAWarning)
                yield
        except (SourceError, Misfit):
            raise
        except Exception as error:  # noqa: BLE001 - five drivers have five families of errors
            if hasattr(self, "_engine"):
                self.close()
            # The driver's text may hold values or the password: it must not hang on as the cause.
            raise explain(error, place) from None


def _match(name: str, names: dict[str, Column]) -> str | None:
    """The database's spelling of a column; letter case is forgiven where it leaves no doubt."""
    if name in names:
        return name
    alike = [n for n in names if n.casefold() == name.casefold()]
    return alike[0] if len(alike) == 1 else None


def _check_encoding(encoding: str) -> None:
    try:
        lookup(encoding)
    except LookupError:
        raise SourceError(f"the encoding {encoding!r} is not known; for Chinese text use gb18030.") from None


def open_hospital(
    url: str,
    *,
    page_rows: int,
    statement_timeout_s: int,
    encoding: str | None = None,
    fast: bool = True,
) -> Hospital:
    """Open a hospital's database for reading and prove that it answers.

    `encoding` decodes every text and byte column, unless a query names its own; `fast` False reads everything
    through the DB-API cursor. Raises SourceError with host and database, never the password.
    """
    hospital = Hospital(
        url,
        page_rows=page_rows,
        statement_timeout_s=statement_timeout_s,
        encoding=encoding,
        fast=fast,
    )
    try:
        hospital.clock()
    except BaseException:
        hospital.close()
        raise
    return hospital
