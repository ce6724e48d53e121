"""Read chosen rows again: all rows of some visits, rows by their keys, or everything.

No position is kept: the chunks' watermark is None.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import sqlalchemy as sa

from connector.errors import SourceError
from connector.extract.columns import Column
from connector.extract.incremental import pages
from connector.extract.positions import forms, from_text
from connector.extract.source import Hospital, Query, Resolved
from connector.extract.statements import Condition, one_of, select
from connector.records import Chunk, split_key

VISITS_A_STATEMENT = 50
KEYS_A_STATEMENT = 200
"""Few enough for every database's limit of parameters (SQL Server: 2,100), also with keys of several columns."""


def read_by_visits(hospital: Hospital, query: Query, visits: Sequence[str]) -> Iterator[Chunk]:
    """All rows of the visits, in keyset pages by visit and key.

    `visits` are texts of the visit column. A visit that the column cannot hold has no rows.
    Raises SourceError for whatever the database refuses.
    """
    if query.visit is None:
        raise ValueError("reading by visit needs a visit column")
    resolved = hospital.resolve(query)
    column = resolved.column(query.visit)
    order = tuple(dict.fromkeys((column, *resolved.key)))
    for group in _groups(dict.fromkeys(visits), VISITS_A_STATEMENT):
        wanted = _equal_to_one(hospital, column, group)
        if wanted is not None:
            yield from _chunks(hospital, resolved, [wanted], order)


def count_by_visits(hospital: Hospital, query: Query, visits: Sequence[str]) -> int:
    """How many rows the visits have together; `visits` and errors as `read_by_visits` has them."""
    if query.visit is None:
        raise ValueError("counting by visit needs a visit column")
    resolved = hospital.resolve(query)
    column = resolved.column(query.visit)
    rows = 0
    for group in _groups(dict.fromkeys(visits), VISITS_A_STATEMENT):
        wanted = _equal_to_one(hospital, column, group)
        if wanted is not None:
            statement = select([sa.func.count()], resolved.source).where(wanted)
            rows += int(hospital.scalar(resolved, statement))
    return rows


def read_by_keys(hospital: Hospital, query: Query, keys: Sequence[str]) -> Iterator[Chunk]:
    """The rows with the given keys (`join_key` texts), as far as they still exist."""
    resolved = hospital.resolve(query)
    for group in _groups(dict.fromkeys(keys), max(KEYS_A_STATEMENT // max(len(query.key), 1), 1)):
        wanted = _with_keys(hospital, resolved.key, [split_key(key) for key in group])
        if wanted is not None:
            yield from _chunks(hospital, resolved, [wanted], resolved.key)


def read_all(hospital: Hospital, query: Query) -> Iterator[Chunk]:
    """Every row: in keyset pages by the key, or, without one, in slices of one statement's result.

    Without a key the whole result is held in memory, and no statement is open while it is handed out; it is
    meant for catalogues, which are held in memory anyway.
    """
    resolved = hospital.resolve(query)
    if query.key:
        _check_keys(hospital, resolved)
        yield from _chunks(hospital, resolved, [], resolved.key)
        return
    whole = hospital.everything(resolved)
    size = hospital.page_rows
    for first in range(0, whole.table.num_rows, size):
        bad = tuple((row - first, name) for row, name in whole.undecodable if first <= row < first + size)
        yield Chunk(query.mapping, whole.table.slice(first, size), None, bad)


def _groups(values: dict[str, None], size: int) -> Iterator[tuple[str, ...]]:
    rest = iter(values)
    while group := tuple(islice(rest, size)):
        yield group


def _chunks(
    hospital: Hospital,
    resolved: Resolved,
    bounds: Sequence[Condition],
    order: Sequence[Column],
) -> Iterator[Chunk]:
    for page in pages(hospital, resolved, [], bounds, order):
        yield Chunk(resolved.query.mapping, page.table, None, page.undecodable)


def _check_keys(hospital: Hospital, resolved: Resolved) -> None:
    """Rows without a first key column come after no position: they must not exist."""
    first = resolved.key[0]
    if not first.nullable:
        return
    element: sa.ColumnElement[Any] = sa.column(first.actual)
    statement = select([sa.func.count()], resolved.source).where(element.is_(None))
    count = hospital.scalar(resolved, statement)
    if count:
        raise SourceError(
            f"mapping {resolved.query.mapping}: {count} rows have no {first.name}, which is their key; leave them out "
            "by SQL or choose another key.",
        )


def _equal_to_one(hospital: Hospital, column: Column, texts: Sequence[str]) -> Condition | None:
    values: list[Any] = []
    for text in texts:
        value = from_text(text, column)
        if value is not None:
            values += forms(hospital.dialect, value)
    return one_of(hospital.dialect, column, values) if values else None


def _with_keys(
    hospital: Hospital, key: Sequence[Column], wanted: Sequence[tuple[str, ...]]
) -> Condition | None:
    if len(key) == 1:
        return _equal_to_one(hospital, key[0], [parts[0] for parts in wanted])
    rows: list[Condition] = []
    for parts in wanted:
        equal = [_equal_to_one(hospital, column, [text]) for column, text in zip(key, parts, strict=False)]
        whole = [condition for condition in equal if condition is not None]
        if len(whole) == len(key):
            rows.append(sa.and_(*whole))
    return sa.or_(*rows) if rows else None
