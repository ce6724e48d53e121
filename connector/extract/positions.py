"""Where a reading stands: values of the cursor's and the key's columns, as text in a watermark and as bound.

SQLite compares what its cells hold, so between two pages a position is the cells as they were read; a watermark
is always made of the chunk's own values.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from connector.errors import SourceError
from connector.extract.cells import parse_time
from connector.extract.columns import Column
from connector.extract.dialects import SQLITE, Dialect
from connector.extract.readers import Page
from connector.extract.source import Resolved

_WHOLE = re.compile(r"[+-]?\d{1,38}")
_EXACT = re.compile(r"[+-]?\d{1,38}(\.\d+)?")


def last_position(
    dialect: Dialect, page: Page, resolved: Resolved, order: Sequence[Column]
) -> tuple[Any, ...]:
    """The values of `order` in a page's last row, ready to be bound."""
    if dialect is SQLITE:
        return tuple(page.last[resolved.columns.index(c)] for c in order)
    return last_values(page.table, order)


def last_values(table: pa.Table, columns: Sequence[Column]) -> tuple[Any, ...]:
    """The values of columns in a table's last row."""
    return tuple(table.column(c.name)[-1].as_py() for c in columns)


def to_text(value: Any) -> str:
    """One value of a watermark: ISO 8601 with microseconds, plain numbers, text as it is."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return value.isoformat() if isinstance(value, date) else str(value)


def from_text(text: str, column: Column) -> Any:
    """A value of a column from its text, or None where the column cannot hold it.

    The text may be a watermark's or a key's: times in ISO 8601, plain numbers, text as it is.
    """
    if column.type in ("integer", "boolean"):
        number = int(text) if _WHOLE.fullmatch(text) else None
        return number if number is not None and -(2**63) <= number < 2**63 else None
    if column.type in ("decimal", "float"):
        return Decimal(text) if _EXACT.fullmatch(text) else None
    if column.type in ("timestamp", "date"):
        try:
            moment = parse_time(text)
        except ValueError:
            return None
        if moment is None:
            return None
        return moment if column.type == "timestamp" else moment.date()
    return text


def to_bind(dialect: Dialect, value: Any) -> Any:
    """A value as it is bound. SQLite keeps times as text and exact numbers as whole numbers or doubles.

    The shortest text of a time is the least of all texts of that time.
    """
    if dialect is not SQLITE:
        return value
    if isinstance(value, datetime):
        return _shortest(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def forms(dialect: Dialect, value: Any) -> list[Any]:
    """Every form in which a cell may hold the value: SQLite keeps times as any text."""
    if dialect is not SQLITE or not isinstance(value, datetime):
        return [to_bind(dialect, value)]
    texts = [
        _shortest(value),
        value.isoformat(" "),
        value.isoformat("T"),
        value.isoformat(" ", "microseconds"),
    ]
    return list(dict.fromkeys(texts))


def _shortest(moment: datetime) -> str:
    if moment.microsecond:
        return moment.isoformat(" ", "microseconds").rstrip("0")
    if moment.second:
        return moment.isoformat(" ", "seconds")
    return moment.isoformat(" ", "minutes") if moment.hour or moment.minute else moment.date().isoformat()


def stepped_back(value: Any, lookback: int) -> Any:
    """A cursor's value, `lookback` numbers or seconds earlier."""
    if isinstance(value, date):  # a datetime is a date
        span = timedelta(seconds=lookback)
        whole_days = timedelta(days=-(-lookback // 86400))
        return value - (span if isinstance(value, datetime) else whole_days)
    return value - lookback


def check_whole(table: pa.Table, columns: Sequence[Column], resolved: Resolved) -> None:
    """Raise SourceError where a column that identifies or orders rows has no value."""
    for column in columns:
        if table.column(column.name).null_count:
            query = resolved.query
            where = query.table or "its SQL"
            raise SourceError(
                f"mapping {query.mapping}: the column {column.name} of {where} identifies or orders its rows, "
                "but some rows have no readable value in it; leave them out by SQL or choose another column.",
            )
