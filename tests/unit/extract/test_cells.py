"""The quick way of a whole column agrees with the patient way of each cell; what does not fit is listed."""

import sqlite3
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.extract.cells import Misfit, from_arrow, from_cells, parse_time
from connector.extract.columns import Column, from_sqlite


def _column(kind, **more):
    return Column("c", kind, True, kind, actual="c", **more)


DECIMAL = _column("decimal", scale=15)
TYPES = [
    _column("text"),
    _column("integer"),
    _column("boolean"),
    _column("float"),
    _column("timestamp"),
    _column("date"),
    _column("bytes"),
    DECIMAL,
    _column("decimal", scale=4),
]
WORDS = [
    "",
    " ",
    "0",
    "12.50",
    "-1",
    "1e3",
    "2024-01-31",
    "2024-02-30",
    "2024-01-31 10:00:00",
    "0000-00-00",
    "张三",
    "NaN",
]


def _agree(raw, cells, column):
    try:
        quick, bad = from_arrow(raw, column)
    except Misfit:
        return None
    patient, missed = from_cells(cells, column)
    assert repr(quick.to_pylist()) == repr(patient.to_pylist())
    assert bad == missed
    assert quick.type == patient.type == column.arrow
    assert [cells[row] is not None and quick[row].as_py() is None for row in bad] == [True] * len(bad)
    return quick, bad


@given(st.lists(st.none() | st.sampled_from(WORDS) | st.text(max_size=12)), st.sampled_from(TYPES))
def test_texts(cells, column):
    _agree(pa.array(cells, pa.string()), cells, column)


@given(
    st.lists(st.none() | st.sampled_from([w.encode() for w in WORDS]) | st.binary(max_size=6)),
    st.sampled_from(TYPES),
)
def test_bytes(cells, column):
    _agree(pa.array(cells, pa.binary()), cells, column)


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)), st.sampled_from(TYPES))
def test_whole_numbers(cells, column):
    _agree(pa.array(cells, pa.int64()), cells, column)


@given(st.lists(st.none() | st.floats() | st.decimals(-(10**6), 10**6, places=5).map(float)))
def test_doubles_of_a_column_of_exact_numbers(cells):
    _agree(pa.array(cells, pa.float64()), cells, DECIMAL)


@given(st.lists(st.decimals(min_value=-(10**9), max_value=10**9, places=5)))
def test_a_price_comes_back_from_its_double(prices):
    """What a hospital stored with 5 decimals is read as just that."""
    found, bad = from_arrow(pa.array([float(p) for p in prices], pa.float64()), DECIMAL)
    assert not bad
    assert found.to_pylist() == prices


@given(st.lists(st.none() | st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31))))  # noqa: DTZ001
def test_times(cells):
    for separator in " T":
        texts = [None if c is None else c.isoformat(separator) for c in cells]
        found, bad = _agree(pa.array(texts, pa.string()), texts, _column("timestamp"))
        assert not bad
        assert found.to_pylist() == cells


@pytest.mark.parametrize(
    ("kind", "cell", "value"),
    [
        ("decimal", 0.1 + 0.2, Decimal("0.3")),
        ("decimal", 2**60 + 1, Decimal(2**60 + 1)),
        ("decimal", "12.50 ", Decimal("12.5")),
        ("decimal", "", None),
        ("integer", 3.0, 3),
        ("integer", " 0012 ", 12),
        ("integer", True, 1),
        ("boolean", False, 0),
        ("timestamp", "2024-01-31", datetime.fromisoformat("2024-01-31")),
        ("timestamp", "2024-01-31 10:00", datetime.fromisoformat("2024-01-31T10:00:00")),
        ("timestamp", "0000-00-00 00:00:00", None),
        ("timestamp", date(2024, 1, 31), datetime.fromisoformat("2024-01-31")),
        ("date", "2024-01-31 00:00:00", date(2024, 1, 31)),
        ("date", "", None),
        ("text", 12, "12"),
        ("text", 0.1, "0.1"),
        ("text", Decimal("1E-7"), "0.0000001"),
        ("text", "  a ", "  a "),
        ("bytes", "张".encode(), "张"),
    ],
)
def test_what_a_cell_means(kind, cell, value):
    built, bad = from_cells([cell], DECIMAL if kind == "decimal" else _column(kind))
    assert built.to_pylist() == [value]
    assert not bad


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        ("decimal", "abc"),
        ("decimal", float("inf")),
        ("decimal", float("nan")),
        ("decimal", Decimal("NaN")),
        ("decimal", "1e30"),
        ("integer", 2.5),
        ("integer", 2**63),
        ("integer", "1.5"),
        ("integer", float("inf")),
        ("timestamp", "2024-02-30"),
        ("timestamp", "2024-01-31 24:00:00"),
        ("timestamp", "20240131"),
        ("timestamp", "2024-00-00"),
        ("timestamp", 1706659200),
        ("date", "2024-01-31 10:00:00"),
        ("text", b"\xff"),
        ("bytes", b"\xff"),
    ],
)
def test_what_does_not_fit_is_null_and_listed(kind, cell):
    good = {"decimal": Decimal(1), "integer": 1, "timestamp": "2024-01-01", "date": date(2024, 1, 1)}.get(
        kind, "a"
    )
    built, bad = from_cells([good, cell, None], DECIMAL if kind == "decimal" else _column(kind))
    assert bad == [1]
    assert built.null_count == 2


def test_gbk_bytes_are_decoded_value_by_value():
    raw = pa.array(
        ["张三".encode("gb18030"), None, b"\xff\xff", "张三".encode("gb18030"), b"ascii"], pa.binary()
    )
    built, bad = from_arrow(raw, _column("text", encoding="gb18030"))
    assert built.to_pylist() == ["张三", None, None, "张三", "ascii"]
    assert bad == [2]


def test_text_that_is_not_utf8_is_listed_and_the_rest_stays():
    raw = pa.Array.from_buffers(pa.string(), 2, pa.array([b"\xffA", "张".encode()], pa.binary()).buffers())
    built, bad = from_arrow(raw, _column("text"))
    assert built.to_pylist() == [None, "张"]
    assert bad == [0]


def test_whole_numbers_blurred_by_a_double_are_read_again():
    with pytest.raises(Misfit):
        from_arrow(pa.array([2.5, float(2**53)]), DECIMAL)
    with pytest.raises(Misfit):
        from_arrow(pa.array([2.0]), _column("integer"))
    with pytest.raises(Misfit):
        from_arrow(pa.array([2.0]), _column("text"))


@given(st.text(max_size=30))
def test_no_text_breaks_the_reading_of_times(text):
    with suppress(ValueError):
        assert parse_time(text) is None or isinstance(parse_time(text), datetime)


@pytest.mark.parametrize(
    "declared",
    [
        "INTEGER",
        "BIGINT",
        "DECIMAL(12,5)",
        "MONEY",
        "CHAR(16)",
        "DATETIME",
        "DATE",
        "BLOB",
        "DOUBLE",
        "BOOLEAN",
        "NUMBER",
    ],
)
def test_the_affinity_of_a_declared_type_is_sqlites_own(declared):
    """A column that SQLite keeps as text must not be read as a number, and the reverse."""
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE TABLE t (c {declared})")
    connection.execute("INSERT INTO t VALUES ('12')")
    kept = connection.execute("SELECT typeof(c) FROM t").fetchone()[0]
    connection.close()
    kind = from_sqlite("c", declared).type
    assert (kept == "text") == (kind in ("text", "bytes"))
