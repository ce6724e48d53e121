"""Read what is new: keyset pages on (cursor, key…) from a watermark on, with lookback and safety lag.

Rows may be committed late with a lower cursor than others that have been read. Two things stand against losing
them: the lookback reads the last stretch again on every run (the ledger knows what it has), and the safety lag
keeps off what is so young that others may still be under way.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from connector.errors import SourceError
from connector.extract.columns import Column
from connector.extract.dialects import SQLITE
from connector.extract.positions import (
    check_whole,
    from_text,
    last_position,
    last_values,
    stepped_back,
    to_bind,
    to_text,
)
from connector.extract.source import Cursor, Hospital, Query, Resolved
from connector.extract.statements import Condition, after, at_least, at_most, select
from connector.records import Chunk, Watermark

_ALLOWED = {"sequence": ("integer", "decimal"), "timestamp": ("timestamp", "date")}


def read(hospital: Hospital, query: Query, watermark: Watermark | None) -> Iterator[Chunk]:
    """Chunks of rows from `watermark` on (all of them without one), in the order of cursor and key.

    Every chunk carries the watermark to keep once it is durably staged; it never goes back, also while the
    lookback is read again. Rows without a cursor follow the query's policy; chunks of them carry None.
    Raises SourceError for a cursor of an unfit type, one with NULLs under the policy `error`, and whatever the
    database refuses.
    """
    cursor = query.cursor
    if cursor is None:
        raise ValueError("an incremental reading needs a cursor")
    resolved = hospital.resolve(query)
    column = resolved.column(cursor.column)
    _check_type(resolved, cursor, column)
    if column.nullable and cursor.nulls != "ignore":
        yield from _without_cursor(hospital, resolved, cursor, column)
    order = tuple(dict.fromkeys((column, *resolved.key)))
    bounds = _upper(hospital, cursor, column)
    start = _lower(hospital, resolved, cursor, watermark, order)
    if not start and not bounds and column.nullable:
        bounds = [sa.column(column.actual).is_not(None)]
    reached = watermark
    for page in pages(hospital, resolved, start, bounds, order):
        reached = _later(reached, _watermark(page.table, column, resolved.key), column, resolved.key)
        yield Chunk(query.mapping, page.table, reached, page.undecodable)


def latest(hospital: Hospital, query: Query) -> Watermark | None:
    """Where the reading would stand if everything there is now had been read; None for an empty source.

    Following begins here when the rows so far are read in another way (by visit). Errors as `read`.
    """
    cursor = query.cursor
    if cursor is None:
        raise ValueError("an incremental reading needs a cursor")
    resolved = hospital.resolve(query)
    column = resolved.column(cursor.column)
    _check_type(resolved, cursor, column)
    bounds = _upper(hospital, cursor, column)
    newest = hospital.scalar(
        resolved, select([sa.func.max(sa.column(column.actual))], resolved.source).where(*bounds)
    )
    if newest is None:
        return None
    order = tuple(dict.fromkeys((column, *resolved.key)))
    reached: Watermark | None = None
    for page in pages(hospital, resolved, [at_least(hospital.dialect, column, newest)], bounds, order):
        reached = _later(reached, _watermark(page.table, column, resolved.key), column, resolved.key)
    return reached


def pages(
    hospital: Hospital,
    resolved: Resolved,
    start: Sequence[Condition],
    bounds: Sequence[Condition],
    order: Sequence[Column],
) -> Iterator[Any]:
    """Keyset pages of the rows that meet `bounds`: the first by `start`, each next after the last row before."""
    conditions = [*start, *bounds]
    position: tuple[Any, ...] | None = None
    while True:
        page = hospital.page(resolved, conditions, order)
        if not page.table.num_rows:
            return
        check_whole(page.table, order, resolved)
        reached = last_position(hospital.dialect, page, resolved, order)
        if reached == position:
            raise _stuck(resolved, order)
        yield page
        if page.table.num_rows < hospital.page_rows:
            return
        position = reached
        conditions = [after(hospital.dialect, order, position), *bounds]


def _check_type(resolved: Resolved, cursor: Cursor, column: Column) -> None:
    if column.type in _ALLOWED[cursor.kind]:
        return
    needs = "a whole number" if cursor.kind == "sequence" else "a date or a time"
    raise SourceError(
        f"mapping {resolved.query.mapping}: changes by {cursor.kind} need {needs}, but the column {column.name} is "
        f"{column.type} ({column.native}), whose order is another; name another column or use by: comparison.",
    )


def _without_cursor(
    hospital: Hospital, resolved: Resolved, cursor: Cursor, column: Column
) -> Iterator[Chunk]:
    empty = sa.column(column.actual).is_(None)
    if cursor.nulls == "error":
        statement = select([sa.func.count()], resolved.source).where(empty)
        count = hospital.scalar(resolved, statement)
        if count:
            raise SourceError(
                f"mapping {resolved.query.mapping}: {count} rows have no {column.name}, so they would never be found "
                "as new; say nulls: always (read them on every run) or nulls: ignore.",
            )
        return
    keys = tuple(c for c in resolved.key if c != column)
    if not keys:
        raise SourceError(
            f"mapping {resolved.query.mapping}: nulls: always needs a key apart from the cursor {column.name}.",
        )
    for page in pages(hospital, resolved, [], [empty], keys):
        yield Chunk(resolved.query.mapping, page.table, None, page.undecodable)


def _upper(hospital: Hospital, cursor: Cursor, column: Column) -> list[Condition]:
    """Nothing younger than the safety lag, and nothing from the future, by the database's clock."""
    if cursor.kind == "sequence":
        return []
    youngest: Any = hospital.clock() - timedelta(seconds=cursor.safety_lag_s)
    if column.type == "date":
        youngest = youngest.date()
    if hospital.dialect is SQLITE:
        element = sa.func.replace(sa.column(column.actual), "T", " ")
        text = youngest.isoformat(" ", "microseconds") if isinstance(youngest, datetime) else f"{youngest} 99"
        return [element <= text]
    return [at_most(hospital.dialect, column, youngest)]


def _lower(
    hospital: Hospital,
    resolved: Resolved,
    cursor: Cursor,
    watermark: Watermark | None,
    order: Sequence[Column],
) -> list[Condition]:
    """Where the reading starts: strictly after the watermark, or with the lookback before it."""
    if watermark is None:
        return []
    column = order[0]
    value = _typed(resolved, watermark.cursor, column)
    # A day is not over when it is read, and SQLite writes one time in several ways: there the last ones are read again.
    is_fine = column.type in ("integer", "decimal") or (
        column.type == "timestamp" and hospital.dialect is not SQLITE
    )
    if cursor.lookback or not is_fine:
        start = to_bind(hospital.dialect, stepped_back(value, cursor.lookback))
        return [at_least(hospital.dialect, column, start)]
    keys = dict(zip((c.name for c in resolved.key), watermark.key, strict=False))
    position = [value, *(_typed(resolved, keys.get(c.name, ""), c) for c in order[1:])]
    return [after(hospital.dialect, order, [to_bind(hospital.dialect, v) for v in position])]


def _typed(resolved: Resolved, text: str, column: Column) -> Any:
    value = from_text(text, column)
    if value is None:
        raise SourceError(
            f"mapping {resolved.query.mapping}: the watermark in the ledger does not fit the column {column.name} "
            f"({column.native}); was the mapping's cursor or key changed? Give the changed mapping a new name.",
        )
    return value


def _watermark(table: Any, column: Column, key: Sequence[Column]) -> Watermark:
    cursor, *keys = (to_text(value) for value in last_values(table, (column, *key)))
    return Watermark(cursor, tuple(keys))


def _later(old: Watermark | None, new: Watermark, column: Column, key: Sequence[Column]) -> Watermark:
    """The later of two watermarks, by the values and not by their text."""
    if old is None:
        return new
    before, now = from_text(old.cursor, column), from_text(new.cursor, column)
    if before != now:
        return new if now > before else old
    pairs = [(from_text(o, c), from_text(n, c)) for o, n, c in zip(old.key, new.key, key, strict=False)]
    return new if [n for _, n in pairs] >= [o for o, _ in pairs] else old


def _stuck(resolved: Resolved, order: Sequence[Column]) -> SourceError:
    names = ", ".join(c.name for c in order)
    return SourceError(
        f"mapping {resolved.query.mapping}: reading does not get on, because more rows than a page share the same "
        f"values of {names}; the key must identify a row.",
    )
