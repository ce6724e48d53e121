"""Reading a SQLite hospital: pages, watermarks, policies, faults; both readers wherever a cell is at stake."""

import sqlite3
import subprocess
import sys
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connector.errors import SourceError
from connector.extract.incremental import read
from connector.extract.lookup import count_by_visits, read_all, read_by_keys, read_by_visits
from connector.extract.source import Cursor, Query, open_hospital
from connector.records import Watermark

CHARGES = (
    "CREATE TABLE ZY_FYMX (JLXH INTEGER PRIMARY KEY, ZYH BIGINT NOT NULL, ZJJE DECIMAL(12,4), XGSJ DATETIME)"
)
BY_NUMBER = Query("m", "ZY_FYMX", None, ("JLXH",), "ZYH", cursor=Cursor("sequence", "JLXH"))


def _by_time(**policy):
    return Query("m", "ZY_FYMX", None, ("JLXH",), "ZYH", cursor=Cursor("timestamp", "XGSJ", **policy))


def _fill(database, rows):
    database.execute(CHARGES)
    database.execute("BEGIN")
    database.executemany("INSERT INTO ZY_FYMX VALUES (?, ?, ?, ?)", rows)
    database.execute("COMMIT")


def _numbers(chunks, name="JLXH"):
    return [n for chunk in chunks for n in chunk.table[name].to_pylist()]


# --- readers ---------------------------------------------------------------------------------------------------


def _both(opened, query, page_rows=100, **more):
    quick, patient = (list(read_all(opened(page_rows, fast=fast, **more), query)) for fast in (True, False))
    assert [c.undecodable for c in quick] == [c.undecodable for c in patient]
    for left, right in zip(quick, patient, strict=True):
        assert left.table.schema == right.table.schema
        assert left.table.to_pylist() == right.table.to_pylist()
    return quick


CELLS = (
    st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=5) | st.binary(max_size=3)
)
DECLARED = ("DECIMAL(12,4)", "BIGINT", "CHAR(6)", "TEXT", "DATETIME", "DATE", "REAL", "BOOLEAN")


@settings(max_examples=50)
@given(st.lists(st.tuples(*[CELLS] * len(DECLARED)), max_size=8), st.integers(1, 5))
@example([(None,) * 6 + (10_000_001, None), (None,) * 6 + (b"", None)], 2)
def test_both_readers_agree_on_whatever_cells(tmp_path_factory, rows, page_rows):
    file = tmp_path_factory.mktemp("cells") / "c.db"
    with sqlite3.connect(file) as writer:
        names = ", ".join(f"c{n} {kind}" for n, kind in enumerate(DECLARED))
        writer.execute(f"CREATE TABLE t (id INTEGER PRIMARY KEY, {names})")
        for row in rows:
            writer.execute(f"INSERT INTO t VALUES (NULL{', ?' * len(row)})", row)
    writer.close()
    query = Query("m", "t", None, ("id",))
    found = []
    for fast in (True, False):
        with open_hospital(
            f"sqlite:///{file}", page_rows=page_rows, statement_timeout_s=5, fast=fast
        ) as hospital:
            found.append(
                [
                    (repr(c.table.to_pylist()), c.table.schema, c.undecodable)
                    for c in read_all(hospital, query)
                ]
            )
    assert found[0] == found[1]


def test_exact_numbers_among_whole_numbers_and_reals(database, opened):
    amounts = [2, 2.5, 0.1 + 0.2, None, 3.14, 2**53 + 1, -0.01, 1e-7, "abc", ""]
    _fill(database, [(n, 1, amount, None) for n, amount in enumerate(amounts)])
    chunk = _both(opened, Query("m", "ZY_FYMX", None, ("JLXH",)))[0]
    found = [None if a is None else a.normalize() for a in chunk.table["ZJJE"].to_pylist()]
    texts = ["2", "2.5", "0.3", None, "3.14", str(2**53 + 1), "-0.01", "1E-7", None, None]
    assert found == [None if t is None else Decimal(t).normalize() for t in texts]
    assert chunk.undecodable == ((8, "ZJJE"),)


def test_padding_is_kept_and_types_are_the_declared_ones(database, opened):
    database.execute(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a CHAR(6), b DATE, c DATETIME, d REAL, e BIGINT, f BLOB)"
    )
    database.execute(
        "INSERT INTO t VALUES (1, '张三  ', '2024-02-29', '2024-02-29 10:00:00.5', 0.1, 305184080441754059, x'61')",
    )
    database.execute("INSERT INTO t (id) VALUES (2)")
    table = _both(opened, Query("m", "t", None, ("id",)))[0].table
    moment = datetime.fromisoformat("2024-02-29T10:00:00.500")
    first = {
        "id": 1,
        "a": "张三  ",
        "b": date(2024, 2, 29),
        "c": moment,
        "d": 0.1,
        "e": 305184080441754059,
        "f": "a",
    }
    assert table.to_pylist()[0] == first
    assert set(table.to_pylist()[1].values()) == {2, None}
    expected = [
        pa.int64(),
        pa.string(),
        pa.date32(),
        pa.timestamp("us"),
        pa.float64(),
        pa.int64(),
        pa.string(),
    ]
    assert table.schema.types == expected


def test_text_of_another_encoding(database, opened):
    database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR(20))")
    database.execute(
        "INSERT INTO t VALUES (1, CAST(x'D5C5C8FD' AS TEXT)), (2, CAST(x'FF' AS TEXT)), (3, 'a')"
    )
    plain = _both(opened, Query("m", "t", None, ("id",)))[0]
    assert plain.undecodable == ((0, "name"), (1, "name"))
    told = _both(opened, Query("m", "t", None, ("id",), encoding="gb18030"))[0]
    assert told.table["name"].to_pylist() == ["张三", None, "a"]
    assert told.undecodable == ((1, "name"),)
    of_the_hospital = _both(opened, Query("m", "t", None, ("id",)), encoding="gb18030")[0]
    assert of_the_hospital.table == told.table


def test_names_are_found_whatever_their_case_and_kept_as_the_query_spells_them(database, opened):
    database.execute('CREATE TABLE "住院费用" ("序号" INTEGER PRIMARY KEY, "Zje" DECIMAL(10,2))')
    database.execute('INSERT INTO "住院费用" VALUES (1, 2)')
    chunk = _both(opened, Query("m", "住院费用", None, ("序号",), columns=("ZJE",)))[0]
    assert chunk.table.column_names == ["ZJE", "序号"]


def test_expressions_of_a_select_are_text_and_its_keys_keep_their_order(database, opened):
    _fill(database, [(n, 1, n / 4, None) for n in range(1, 13)])
    sql = "SELECT JLXH + 0 AS K, ZJJE, ZJJE * 2 AS E, ':x' AS T FROM ZY_FYMX -- a comment;"
    query = Query("m", None, sql, ("K",), cursor=Cursor("sequence", "K"))
    assert _numbers(read(opened(5), query, None), "K") == list(range(1, 13))
    assert _numbers(read(opened(5), query, Watermark("9", ("9",))), "K") == [10, 11, 12]
    table = _both(opened, query)[0].table
    assert table["E"].to_pylist()[:2] == ["0.5", "1"]
    assert table["T"].to_pylist()[0] == ":x"
    assert table.schema.field("ZJJE").type == pa.decimal128(38, 15)


# --- incremental reading ---------------------------------------------------------------------------------------

ROWS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9999)), unique_by=lambda r: r[1], max_size=40)


@settings(max_examples=50)
@given(ROWS, st.integers(1, 7), st.integers(0, 40))
def test_every_row_is_read_once_in_order_and_a_run_goes_on_where_the_last_one_stopped(
    tmp_path_factory, rows, page_rows, stop
):
    """Ties in the cursor, pages of any size, and a run that dies after any chunk."""
    file = tmp_path_factory.mktemp("rows") / "r.db"
    with sqlite3.connect(file) as writer:
        writer.execute("CREATE TABLE t (c INT, k INT PRIMARY KEY)")
        writer.executemany("INSERT INTO t VALUES (?, ?)", rows)
    writer.close()
    query = Query("m", "t", None, ("k",), cursor=Cursor("sequence", "c"))
    with open_hospital(f"sqlite:///{file}", page_rows=page_rows, statement_timeout_s=5) as hospital:
        found, watermark = [], None
        for number, chunk in enumerate(read(hospital, query, None)):
            found += chunk.table.to_pylist()
            watermark = chunk.watermark
            assert chunk.table.num_rows <= page_rows
            if number == stop:
                break
        for chunk in read(hospital, query, watermark):
            found += chunk.table.to_pylist()
    assert [(r["c"], r["k"]) for r in found] == sorted(rows)


def test_the_lookback_is_read_again_and_the_watermark_never_goes_back(database, opened):
    _fill(database, [(n, 1, 1, None) for n in range(1, 101)])
    query = Query("m", "ZY_FYMX", None, ("JLXH",), cursor=Cursor("sequence", "JLXH", lookback=25))
    chunks = list(read(opened(10), query, Watermark("100", ("100",))))
    assert _numbers(chunks) == list(range(75, 101))
    assert {c.watermark for c in chunks} == {Watermark("100", ("100",))}
    database.execute("INSERT INTO ZY_FYMX VALUES (101, 1, 1, NULL)")
    *before, last = read(opened(10), query, Watermark("100", ("100",)))
    assert {c.watermark.cursor for c in before} == {"100"}
    assert last.watermark == Watermark("101", ("101",))


def test_numbers_are_compared_as_numbers(database, opened):
    _fill(database, [(n, 1, 1, None) for n in (9, 10)])
    assert _numbers(read(opened(), BY_NUMBER, Watermark("9", ("9",)))) == [10]


@pytest.mark.parametrize("separator", [" ", "T"])
def test_one_instant_written_in_several_ways_loses_nothing(database, opened, separator):
    """Cells are text in SQLite: 10:00, 10:00:00 and 10:00:00.000 are one time and three texts."""
    texts = ["10:00", "10:00:00", "10:00:00.000", "10:00:00.000000", "10:00:00.000001"]
    _fill(database, [(n, 1, 1, f"2024-01-31{separator}{text}") for n, text in enumerate(texts)])
    database.execute("INSERT INTO ZY_FYMX VALUES (9, 1, 1, '2024-01-31')")
    watermark = None
    for chunk in read(opened(1), _by_time(), None):
        watermark = chunk.watermark
    assert watermark.cursor == "2024-01-31T10:00:00.000001"
    assert sorted(_numbers(read(opened(2), _by_time(), None))) == [0, 1, 2, 3, 4, 9]
    # The next run asks for that instant again, in whatever way a new row writes it.
    database.execute(f"INSERT INTO ZY_FYMX VALUES (20, 1, 1, '2024-01-31{separator}10:00:00.000001')")
    assert 20 in _numbers(read(opened(), _by_time(), watermark))
    whole = Watermark("2024-01-31T10:00:00.000000", ("3",))
    assert {0, 1, 2, 3, 4} <= set(_numbers(read(opened(), _by_time(), whole)))


def test_the_safety_lag_and_the_future(database, opened):
    china = timezone(timedelta(hours=8))
    now = datetime.now(china).replace(tzinfo=None)  # noqa: TID251 - SQLite's own clock is what is tested
    ages = (3600, 90, 20, -3600)
    _fill(
        database,
        [
            (n, 1, 1, (now - timedelta(seconds=a)).isoformat(" " if n % 2 else "T"))
            for n, a in enumerate(ages)
        ],
    )
    assert sorted(_numbers(read(opened(), _by_time(safety_lag_s=60), None))) == [0, 1]
    assert sorted(_numbers(read(opened(), _by_time(), None))) == [0, 1, 2]


def test_a_day_is_read_again_because_it_was_not_over(database, opened):
    database.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, day DATE)")
    database.execute("INSERT INTO t VALUES (5, '2024-01-30'), (7, '2024-01-31')")
    query = Query("m", "t", None, ("k",), cursor=Cursor("timestamp", "day"))
    (chunk,) = read(opened(), query, None)
    assert chunk.watermark == Watermark("2024-01-31", ("7",))
    database.execute("INSERT INTO t VALUES (6, '2024-01-31')")
    assert _numbers(read(opened(), query, chunk.watermark), "k") == [6, 7]


def test_rows_without_a_cursor(database, opened):
    _fill(database, [(n, 1, 1, None if n % 2 else "2024-01-31 10:00:00") for n in range(6)])
    with pytest.raises(SourceError, match=r"3 rows have no XGSJ.*nulls: always"):
        list(read(opened(), _by_time(), None))
    assert _numbers(read(opened(2), _by_time(nulls="ignore"), None)) == [0, 2, 4]
    chunks = list(read(opened(2), _by_time(nulls="always"), None))
    assert [c.watermark and c.watermark.key for c in chunks] == [None, None, ("2",), ("4",)]
    assert _numbers(chunks) == [1, 3, 5, 0, 2, 4]


def test_a_cursor_of_an_unfit_type_is_refused(database, opened):
    database.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, day CHAR(16), n DECIMAL(9,0))")
    for cursor in (Cursor("timestamp", "day"), Cursor("sequence", "day"), Cursor("timestamp", "n")):
        with pytest.raises(SourceError, match=f"the column {cursor.column} is"):
            list(read(opened(), Query("m", "t", None, ("k",), cursor=cursor), None))
    assert (
        list(
            read(
                opened(), Query("m", "t", None, ("k",), cursor=Cursor("sequence", "n", nulls="ignore")), None
            )
        )
        == []
    )


def test_a_cursor_that_is_no_time_stops_the_reading(database, opened):
    _fill(database, [(1, 1, 1, "yesterday")])
    database.execute("UPDATE ZY_FYMX SET XGSJ = '2023 later'")
    with pytest.raises(SourceError, match="no readable value"):
        list(read(opened(), _by_time(), None))


def test_a_watermark_of_another_mapping_is_told(database, opened):
    _fill(database, [(1, 1, 1, None)])
    with pytest.raises(SourceError, match="does not fit the column JLXH"):
        list(read(opened(), BY_NUMBER, Watermark("2024-01-31T10:00:00.000000", ("1",))))


def test_a_key_that_does_not_identify_a_row_is_told(database, opened):
    database.execute("CREATE TABLE t (c INT NOT NULL, k INT)")
    database.executemany("INSERT INTO t VALUES (?, ?)", [(1, 1), (2, None)])
    with pytest.raises(SourceError, match=r"column k of t identifies or orders its rows"):
        list(read(opened(), Query("m", "t", None, ("k",), cursor=Cursor("sequence", "c")), None))
    with pytest.raises(SourceError, match="1 rows have no k"):
        list(read_all(opened(), Query("m", "t", None, ("k",))))


# --- chosen rows -----------------------------------------------------------------------------------------------


def test_visits_and_keys(database, opened):
    _fill(database, [(n, n // 10, 1, None) for n in range(2000)])
    visits = [str(v) for v in range(0, 200, 2)]
    found = _numbers(read_by_visits(opened(7), BY_NUMBER, [*visits, "0", "none", "5000"]))
    assert sorted(found) == [n for n in range(2000) if n // 10 % 2 == 0]
    keys = [str(k) for k in range(1, 1000, 2)]
    assert _numbers(read_by_keys(opened(50), BY_NUMBER, [*keys, "1", "x", "99999"])) == list(
        range(1, 1000, 2)
    )
    assert list(read_by_keys(opened(), BY_NUMBER, [])) == []
    assert list(read_by_visits(opened(), BY_NUMBER, ["x"])) == []
    assert count_by_visits(opened(), BY_NUMBER, [*visits, "0", "none", "5000"]) == 1000
    assert count_by_visits(opened(), BY_NUMBER, ["x"]) == 0


def test_keys_of_several_columns_and_padded_text(database, opened):
    database.execute("CREATE TABLE t (a CHAR(4), b VARCHAR(9), c INT, PRIMARY KEY (a, b))")
    database.executemany(
        "INSERT INTO t VALUES (?, ?, ?)", [("x   ", "1|1", 1), ("x", "2", 2), ("y   ", "\\", 3)]
    )
    query = Query("m", "t", None, ("a", "b"), "a")
    hospital = opened(2)
    assert _numbers(read_by_keys(hospital, query, ["x|1\\|1", "y|\\\\", "y|2", "z"]), "c") == [1, 3]
    assert sorted(_numbers(read_by_visits(hospital, query, ["x"]), "c")) == [1, 2]
    assert sorted(_numbers(read_all(hospital, query), "c")) == [1, 2, 3]


def test_a_catalogue_without_a_key_comes_in_slices(database, opened):
    database.execute("CREATE TABLE t (a TEXT, n INT)")
    database.executemany("INSERT INTO t VALUES (?, ?)", [("a", n if n != 6 else "six") for n in range(7)])
    chunks = list(read_all(opened(3), Query("m", "t", None, ())))
    assert [c.table.num_rows for c in chunks] == [3, 3, 1]
    assert chunks[2].undecodable == ((0, "n"),)


# --- faults ----------------------------------------------------------------------------------------------------


def test_a_missing_file(tmp_path):
    with pytest.raises(SourceError, match=r"none.db cannot be opened"):
        open_hospital(f"sqlite:///{tmp_path / 'none.db'}", page_rows=1, statement_timeout_s=1)
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "text.db").write_text("no database " * 100)
    with (
        pytest.raises(SourceError, match="cannot be opened"),
        open_hospital(f"sqlite:///{tmp_path / 'text.db'}", page_rows=1, statement_timeout_s=1) as hospital,
    ):
        hospital.tables()


def test_missing_names(database, opened):
    _fill(database, [])
    hospital = opened()
    with pytest.raises(SourceError, match=r"has no table ZY_FYMY\. Did you mean ZY_FYMX\?"):
        hospital.columns(Query("m", "ZY_FYMY", None, ("JLXH",)))
    with pytest.raises(SourceError, match=r"has no columns ZJJ, nothing\. Did you mean ZJJE\?"):
        hospital.columns(Query("m", "ZY_FYMX", None, ("JLXH",), columns=("ZJJ", "nothing")))
    with pytest.raises(SourceError, match="names the column nosuch"):
        hospital.columns(Query("m", None, "SELECT nosuch FROM ZY_FYMX", ("JLXH",)))
    with pytest.raises(SourceError, match="names the table nosuch"):
        hospital.columns(Query("m", None, "SELECT 1 FROM nosuch", ("JLXH",)))
    with pytest.raises(SourceError, match="does not understand the SQL of mapping m"):
        hospital.columns(Query("m", None, "SELECT '330101199001011234' FROM WHERE", ("JLXH",)))
    with pytest.raises(SourceError, match="gb18030"):
        hospital.columns(Query("m", "ZY_FYMX", None, ("JLXH",), encoding="gbk2"))


def test_a_statement_that_takes_too_long_is_stopped(database, opened):
    _fill(database, [])
    endless = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r WHERE n < 0"
    with pytest.raises(SourceError, match="took longer than 1 s"):
        list(read_all(opened(timeout_s=1), Query("m", None, endless, ())))


def test_a_locked_database(database, opened):
    _fill(database, [(1, 1, 1, None)])
    hospital = opened(timeout_s=1)
    hospital.columns(BY_NUMBER)
    # Another process: SQLite's locks do not hold between two copies of its library in one.
    code = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('BEGIN EXCLUSIVE'); print(flush=True); input()"
    file = database.execute("PRAGMA database_list").fetchone()[2]
    command = [sys.executable, "-c", code, file]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        other.stdout.readline()
        with pytest.raises(SourceError, match="locked by another program"):
            list(read(hospital, BY_NUMBER, None))
        other.communicate("go\n")
    assert _numbers(read(hospital, BY_NUMBER, None)) == [1]


@pytest.mark.parametrize("fast", [True, False])
def test_nothing_is_open_between_two_pages_and_nothing_can_be_written(database, opened, fast):
    _fill(database, [(n, 1, 1, None) for n in range(5)])
    hospital = opened(2, fast=fast)
    reading = read(hospital, BY_NUMBER, None)
    next(reading)
    database.execute("BEGIN EXCLUSIVE")
    database.execute("INSERT INTO ZY_FYMX VALUES (9, 1, 1, NULL)")
    database.execute("COMMIT")
    assert _numbers(reading) == [2, 3, 4, 9]
    with hospital._engine.connect() as connection, pytest.raises(Exception, match="readonly"):
        connection.exec_driver_sql("DELETE FROM ZY_FYMX")
    if fast:
        with hospital._quick._open().cursor() as cursor, pytest.raises(Exception, match="readonly"):
            cursor.execute("DELETE FROM ZY_FYMX")


def test_tables_for_people(database, opened):
    _fill(database, [])
    database.execute("CREATE VIEW V AS SELECT JLXH FROM ZY_FYMX")
    found = {t.name: t for t in opened().tables()}
    assert set(found) == {"ZY_FYMX", "V"}
    assert found["ZY_FYMX"].key == ("JLXH",)
    first = found["ZY_FYMX"].columns[0]
    assert (first.name, first.native, first.nullable) == ("JLXH", "INTEGER", False)


def test_columns_for_the_check(database, opened):
    _fill(database, [])
    columns = {c.name: (c.type, c.nullable) for c in opened().columns(BY_NUMBER)}
    assert columns == {
        "JLXH": ("integer", False),
        "ZYH": ("integer", False),
        "ZJJE": ("decimal", True),
        "XGSJ": ("timestamp", True),
    }


def test_memory_is_that_of_a_page_however_long_the_table(database, opened):
    _fill(database, [(n, 1, n / 4, "2024-01-31 10:00:00") for n in range(20_000)])
    before = pa.total_allocated_bytes()
    most = rows = size = 0
    for chunk in read(opened(500), BY_NUMBER, None):
        rows += chunk.table.num_rows
        size = size or chunk.table.nbytes
        most = max(most, pa.total_allocated_bytes() - before)
    assert rows == 20_000
    assert most < 6 * size
