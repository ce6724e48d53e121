"""One transaction's access to the tables, by a single spelling of SQL for both databases.

Statements go through the driver's own cursor and are written once:

* `?` is a parameter, whatever the driver calls it; a list is a parameter too.
* `IN (??)` is "one of a list", `EACH(??)` a table (`n`, `value`) of a list of texts, `n` counting from 0.
* `:staged`, `:batched`, … are the stored states (`tables.Standing`), `:claimed`, … a batch's (`tables.Phase`).
* `:is_restored` is 1 where the visit `v` is held because the ledger was restored (`trust`).
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import islice
from types import TracebackType
from typing import Any

from connector.errors import LedgerError
from connector.ledger.tables import Phase, Standing

Errors = tuple[type[Exception], ...]

_STATES = {
    **{f":{s.name.lower()}": str(s.value) for s in Standing},
    **{f":batch_{p.name.lower()}": str(p.value) for p in Phase},
    ":open": f"{Phase.CLAIMED.value}, {Phase.IN_DOUBT.value}",
    ":is_restored": "CASE WHEN v.trusted < (SELECT restorations FROM ledger) THEN 1 ELSE 0 END",
}


@lru_cache(maxsize=512)
def _spell(sql: str, is_postgres: bool) -> str:
    """The statement as the driver wants it."""
    sql = re.sub(r":[a-z_]+", lambda found: _STATES[found.group()], sql)
    if is_postgres:
        sql = sql.replace(
            "EACH(??)",
            "(SELECT o - 1 AS n, v AS value FROM unnest(CAST(? AS text[])) WITH ORDINALITY AS u(v, o))",
        )
        return sql.replace("IN (??)", "= ANY(?)").replace("?", "%s")
    sql = sql.replace("EACH(??)", "(SELECT key AS n, value FROM json_each(?))")
    return sql.replace("IN (??)", "IN (SELECT value FROM json_each(?))")


class _Told:
    """Raises a driver's error in our words. A class, because the hot path enters it at every statement."""

    def __init__(self, errors: Errors, say: Callable[[Exception], LedgerError]) -> None:
        self._errors = errors
        self._say = say

    def __enter__(self) -> None:
        """Nothing."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Translate."""
        if isinstance(error, self._errors):
            raise self._say(error) from None


class Link:
    """One transaction's access to the tables. Every error is a LedgerError, a refused row a `Conflict`."""

    def __init__(
        self, cursor: Any, *, is_postgres: bool, errors: Errors, say: Callable[[Exception], LedgerError]
    ) -> None:
        self._cursor = cursor
        self._is_postgres = is_postgres
        self._told = _Told(errors, say)

    def rows(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._told:
            self._cursor.execute(_spell(sql, self._is_postgres), self._bound(params))
            found: list[tuple[Any, ...]] = self._cursor.fetchall()
            return found

    def one(self, sql: str, *params: object) -> tuple[Any, ...] | None:
        """The first row of a query, or None."""
        found = self.rows(sql, *params)
        return found[0] if found else None

    def run(self, sql: str, *params: object) -> int:
        """How many rows a statement touched."""
        with self._told:
            self._cursor.execute(_spell(sql, self._is_postgres), self._bound(params))
            return int(self._cursor.rowcount)

    def many(self, sql: str, rows: Sequence[Sequence[object]]) -> int:
        """How many rows a statement touched that was run once for each of `rows`."""
        if not rows:
            return 0
        with self._told:
            self._cursor.executemany(_spell(sql, self._is_postgres), rows)
            return int(self._cursor.rowcount)

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Insert rows in bulk, by the fastest way the driver has."""
        names = ", ".join(columns)
        with self._told:
            if self._is_postgres:
                self._copy(f"COPY {table} ({names}) FROM STDIN", rows)
                return
            marks = ", ".join("?" for _ in columns)
            self._cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)  # noqa: S608 - fixed names

    def _copy(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        rows = iter(rows)
        first = list(islice(rows, 1))
        if not first:
            return
        with self._cursor.copy(statement) as copy:
            copy.write_row(first[0])
            for row in rows:
                copy.write_row(row)

    def _bound(self, params: Sequence[object]) -> Sequence[object]:
        if self._is_postgres:
            return params
        return [_as_json(p) if isinstance(p, list) else p for p in params]


def _as_json(values: list[object]) -> str:
    """A list as SQLite's `json_each` reads it; whole numbers are written by the quick way."""
    if set(map(type, values)) == {int}:
        return str(values)
    return json.dumps(values)
