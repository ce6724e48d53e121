"""What a column of the hospital's database holds, and the Arrow type it is read as.

Drivers describe the same column in different words; here they become one closed list of types, so that every
reader gives the same chunk.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

import pyarrow as pa

ColumnType = Literal["text", "integer", "decimal", "float", "timestamp", "date", "boolean", "bytes", "other"]

WIDE_SCALE = 15
"""Decimals of an exact number whose column declares none: 23 digits before the point stay."""

_PRECISION = 38


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a source.

    `name` is as the query spells it, `actual` as the database does; `native` is the database's own type for
    people; `scale` counts decimals (decimal only), `length` characters of a padded CHAR (else 0); `encoding` is
    what its bytes are decoded with, None for the driver's own way. `boolean` is read as 0 and 1, `bytes` and
    `other` as text, unless `raw` keeps the bytes as they are (a file).
    """

    name: str
    type: ColumnType
    nullable: bool
    native: str
    actual: str = ""
    scale: int = 0
    length: int = 0
    encoding: str | None = None
    raw: bool = False

    @property
    def arrow(self) -> pa.DataType:
        """The type of the column in a chunk (records.Chunk)."""
        types: dict[ColumnType, pa.DataType] = {
            "integer": pa.int64(),
            "boolean": pa.int64(),
            "decimal": pa.decimal128(_PRECISION, self.scale),
            "float": pa.float64(),
            "timestamp": pa.timestamp("us"),
            "date": pa.date32(),
        }
        return pa.binary() if self.raw else types.get(self.type, pa.string())


@dataclass(frozen=True, slots=True)
class Found:
    """What a driver says about one column of a result: type, decimals, and the length of a padded CHAR."""

    name: str
    type: ColumnType
    native: str
    scale: int = 0
    length: int = 0


def from_sqlite(name: str, declared: str) -> Found:
    """A SQLite column by its declared type; cells may differ, so exact numbers get a wide scale.

    The order of the rules is SQLite's own (affinity), with times and exact numbers told apart.
    """
    upper = declared.upper()
    rules: tuple[tuple[ColumnType, tuple[str, ...]], ...] = (
        ("integer", ("INT",)),
        ("text", ("CHAR", "CLOB", "TEXT")),
        ("bytes", ("BLOB", "BINARY", "RAW")),
        ("float", ("REAL", "FLOA", "DOUB")),
        ("timestamp", ("DATETIME", "TIMESTAMP")),
        ("date", ("DATE",)),
        ("boolean", ("BOOL", "BIT")),
        ("decimal", ("DEC", "NUM", "MONEY")),
    )
    found: ColumnType = next((kind for kind, words in rules if any(word in upper for word in words)), "other")
    digits = "".join(c for c in upper if c.isdigit()) if upper.startswith(("CHAR(", "NCHAR(")) else ""
    scale = WIDE_SCALE if found == "decimal" else 0
    return Found(name, found, declared or "no type", scale=scale, length=int(digits or 0))


_POSTGRESQL: dict[int, tuple[ColumnType, str]] = {
    16: ("boolean", "boolean"),
    17: ("bytes", "bytea"),
    18: ("text", "char"),
    19: ("text", "name"),
    20: ("integer", "bigint"),
    21: ("integer", "smallint"),
    23: ("integer", "integer"),
    25: ("text", "text"),
    700: ("float", "real"),
    701: ("float", "double precision"),
    790: ("decimal", "money"),
    1042: ("text", "character"),
    1043: ("text", "character varying"),
    1082: ("date", "date"),
    1114: ("timestamp", "timestamp"),
    1184: ("timestamp", "timestamptz"),
    1700: ("decimal", "numeric"),
}
"""Type numbers of pg_type that every server has."""


def from_postgresql(described: Any) -> Found:
    """A column of psycopg's description."""
    kind, native = _POSTGRESQL.get(described.type_code, ("other", str(described.type_display)))
    scale, length = 0, 0
    if native == "numeric":
        scale = WIDE_SCALE if described.scale is None else max(described.scale, 0)
    elif native == "money":
        scale = 2
    elif native == "character":
        length = described.display_size or 0
    return Found(described.name, kind, native, scale=scale, length=length)


_MYSQL: dict[int, tuple[ColumnType, str]] = {
    0: ("decimal", "decimal"),
    1: ("integer", "tinyint"),
    2: ("integer", "smallint"),
    3: ("integer", "int"),
    4: ("float", "float"),
    5: ("float", "double"),
    7: ("timestamp", "timestamp"),
    8: ("integer", "bigint"),
    9: ("integer", "mediumint"),
    10: ("date", "date"),
    11: ("other", "time"),
    12: ("timestamp", "datetime"),
    13: ("integer", "year"),
    16: ("boolean", "bit"),
    246: ("decimal", "decimal"),
}
"""Field types of the MySQL protocol; what is missing here is text or bytes by its character set."""

_MYSQL_BINARY = 63


def from_mysql(field: Any) -> Found:
    """A field of PyMySQL's result (the protocol's own description)."""
    default: tuple[ColumnType, str] = (
        ("bytes", "binary") if field.charsetnr == _MYSQL_BINARY else ("text", "text")
    )
    kind, native = _MYSQL.get(field.type_code, default)
    return Found(field.name, kind, native, scale=field.scale if kind == "decimal" else 0)


_PYTHON: dict[type, tuple[ColumnType, str]] = {
    bool: ("boolean", "bit"),
    int: ("integer", "integer"),
    Decimal: ("decimal", "decimal"),
    float: ("float", "float"),
    datetime: ("timestamp", "timestamp"),
    date: ("date", "date"),
    str: ("text", "text"),
    bytearray: ("bytes", "binary"),
    bytes: ("bytes", "binary"),
}


def from_odbc(described: Sequence[Any]) -> Found:
    """A column of pyodbc's description: name, Python type, …, scale."""
    kind, native = _PYTHON.get(described[1], ("other", getattr(described[1], "__name__", "unknown")))
    scale = described[5] if kind == "decimal" else 0
    return Found(described[0], kind, native, scale=scale)


_ORACLE: dict[str, ColumnType] = {
    "DB_TYPE_DATE": "timestamp",
    "DB_TYPE_TIMESTAMP": "timestamp",
    "DB_TYPE_BINARY_DOUBLE": "float",
    "DB_TYPE_BINARY_FLOAT": "float",
    "DB_TYPE_RAW": "bytes",
    "DB_TYPE_BLOB": "bytes",
}


def from_oracle(described: Sequence[Any]) -> Found:
    """A column of python-oracledb's description; a DATE of Oracle has a time, a NUMBER may declare nothing."""
    native = str(getattr(described[1], "name", described[1]))
    precision, scale = described[4] or 0, described[5]
    if native != "DB_TYPE_NUMBER":
        return Found(described[0], _ORACLE.get(native, "text"), native)
    if scale == 0 and 0 < precision <= 18:
        return Found(described[0], "integer", native)
    declared = precision and scale is not None and scale >= 0
    return Found(described[0], "decimal", native, scale=scale if declared else WIDE_SCALE)
