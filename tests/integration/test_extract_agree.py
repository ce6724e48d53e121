"""Every reader gives the same chunk of the same rows, on real servers."""

from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
import sqlalchemy as sa

from connector.extract.incremental import read
from connector.extract.lookup import count_by_visits, read_all, read_by_keys, read_by_visits
from connector.extract.source import Cursor, Query, open_hospital

POSTGRESQL_ROWS = """
CREATE TABLE "住院费用" (
  "序号" bigint PRIMARY KEY, visit bigint NOT NULL, small smallint, big bigint, price numeric(12,5), free numeric,
  cash money, half real, full_ double precision, padded char(8), name varchar(40), long text, at_ timestamp,
  zoned timestamptz, day date, yes boolean, raw bytea, clock time, doc jsonb, gid uuid);
INSERT INTO "住院费用" VALUES
  (1, 7, 1, 305184080441754059, 2.20000, 2.2, 12.34, 0.1, 0.30000000000000004, '张三', '床位费', E'a\\nb',
   '2024-01-31 23:59:59.123456', '2024-01-31 23:59:59+08', '2024-02-29', true, '\\xe5bca0', '10:00', '{"a": 1}',
   '00000000-0000-0000-0000-000000000001'),
  (2, 7, -1, -9223372036854775808, -0.00001, 1::numeric / 3, -0.01, NULL, 1e-5, '', '', '', '0001-01-01', NULL,
   '9999-12-31', false, '', '23:59:59.5', NULL, NULL),
  (3, 8, NULL, 9223372036854775807, 9999999.99999, 12345678901234567890123, NULL, 1.5, 'NaN', NULL, NULL, NULL, NULL,
   '2024-07-01 00:00:00+00', NULL, NULL, NULL, NULL, NULL, NULL),
  (4, 9, NULL, NULL, NULL, 'NaN', NULL, NULL, NULL, NULL, '𰀀😀', NULL, '1970-01-01', NULL, NULL, NULL, '\\xff', NULL,
   NULL, NULL);
"""

MARIADB_ROWS = (
    """
CREATE TABLE `住院费用` (
  `序号` bigint PRIMARY KEY, visit bigint NOT NULL, small smallint, big bigint, price decimal(12,5), huge decimal(38,10),
  half float, full_ double, padded char(8), name varchar(40) NOT NULL, long_ longtext, at_ datetime, fine datetime(6),
  stamp timestamp NULL, day date, yes tinyint(1), flag bit(1), raw varbinary(20), clock time, year_ year)
""",
    """
INSERT INTO `住院费用` VALUES
  (1, 7, 1, 305184080441754059, 2.2, 1.5, 0.1, 0.30000000000000004, '张三  ', '床位费', '长', '2024-01-31 23:59:59',
   '2024-01-31 23:59:59.123456', '2024-01-31 23:59:59', '2024-02-29', 1, b'1', x'e5bca0', '10:00:00', 2024),
  (2, 7, -1, -9223372036854775808, -0.00001, -0.0000000001, NULL, 1e-5, '', '', '', '0000-00-00 00:00:00',
   '1000-01-01 00:00:00', NULL, '9999-12-31', 0, b'0', '', '23:59:59', NULL),
  (3, 8, NULL, 9223372036854775807, 9999999.99999, 1234567890123456789012345678, 1.5, 2, NULL, '镕', NULL,
   '2024-02-00 10:00:00', NULL, NULL, '0000-00-00', NULL, NULL, x'ff', NULL, NULL),
  (4, 9, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', NULL, NULL, NULL, NULL, '2024-00-00', NULL, NULL, NULL, NULL,
   NULL)
""",
)


def _query(table="住院费用", **more):
    return Query("m", table, None, ("序号",), "visit", cursor=Cursor("sequence", "序号"), **more)


def _all(url, query, *, fast, page_rows=3):
    with open_hospital(url, page_rows=page_rows, statement_timeout_s=20, fast=fast) as hospital:
        return list(read(hospital, query, None))


def _whole(chunks):
    """The rows of all chunks, and the undecodable cells counted through them."""
    table = pa.concat_tables([c.table for c in chunks])
    first, bad = 0, []
    for chunk in chunks:
        bad += [(first + row, name) for row, name in chunk.undecodable]
        first += chunk.table.num_rows
    return table, bad


def _same(one, other):
    assert [c.watermark for c in one] == [c.watermark for c in other]
    assert [c.undecodable for c in one] == [c.undecodable for c in other]
    for left, right in zip(one, other, strict=True):
        assert left.table.schema.remove_metadata() == right.table.schema.remove_metadata()
        for name in left.table.column_names:
            # repr, because NaN equals nothing
            assert repr(left.table[name].to_pylist()) == repr(right.table[name].to_pylist()), name


def _execute(url, *statements):
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.mark.postgresql
def test_adbc_and_psycopg_read_the_same_chunks(postgresql_url):
    _execute(postgresql_url, *POSTGRESQL_ROWS.split(";\n"))
    fast, patient = (_all(postgresql_url, _query(), fast=f) for f in (True, False))
    _same(fast, patient)
    table, bad = _whole(fast)
    assert table["big"].to_pylist() == [305184080441754059, -(2**63), 2**63 - 1, None]
    assert table["price"].to_pylist()[:2] == [Decimal("2.20000"), Decimal("-0.00001")]
    assert table["price"].type == pa.decimal128(38, 5)
    assert table["free"].to_pylist()[1:3] == [
        Decimal("0.333333333333333"),
        Decimal(12345678901234567890123),
    ]
    assert table["cash"].to_pylist()[:2] == [Decimal("12.34"), Decimal("-0.01")]
    assert table["half"].to_pylist()[0] == 0.1
    assert table["padded"].to_pylist()[0] == "张三" + " " * 6
    assert table["at_"].to_pylist()[0] == datetime.fromisoformat("2024-01-31T23:59:59.123456")
    assert table["day"].to_pylist()[:2] == [date(2024, 2, 29), date(9999, 12, 31)]
    assert table["yes"].to_pylist()[:2] == [1, 0]
    assert table["raw"].to_pylist()[0] == "张"
    assert table["clock"].to_pylist()[0] == "10:00:00"
    assert table["name"].to_pylist()[3] == "𰀀😀"
    assert bad == [(3, "free"), (3, "raw")]


@pytest.mark.mariadb
@pytest.mark.odbc
def test_pymysql_and_odbc_read_the_same_chunks(mariadb_url, odbc_url):
    _execute(mariadb_url, "SET SESSION sql_mode = ''", *MARIADB_ROWS)
    readers = [(mariadb_url, True), (odbc_url, True), (odbc_url, False)]
    first, *others = [_all(url, _query(), fast=fast) for url, fast in readers]
    for other in others:
        _same(first, other)
    table, bad = _whole(first)
    assert table["big"].to_pylist() == [305184080441754059, -(2**63), 2**63 - 1, None]
    assert table["price"].to_pylist()[:2] == [Decimal("2.20000"), Decimal("-0.00001")]
    assert table["huge"].to_pylist()[2] == Decimal(1234567890123456789012345678)
    assert table["half"].to_pylist()[0] == 0.1
    assert table["full_"].to_pylist()[0] == 0.30000000000000004
    assert table["name"].to_pylist() == ["床位费", "", "镕", ""]
    assert table["at_"].to_pylist() == [datetime.fromisoformat("2024-01-31T23:59:59"), None, None, None]
    assert table["fine"].to_pylist()[0] == datetime.fromisoformat("2024-01-31T23:59:59.123456")
    assert table["flag"].to_pylist() == [1, 0, None, None]
    assert table["raw"].to_pylist()[0] == "张"
    # A zero date says "none" and is only null; a day 0 says something that is no day.
    assert bad == [(2, "at_"), (2, "raw"), (3, "day")]


@pytest.mark.mariadb
@pytest.mark.odbc
def test_every_reader_reads_wrongly_labelled_text_by_its_declared_encoding(mariadb_url, odbc_url):
    _execute(
        mariadb_url,
        "CREATE TABLE t (id int PRIMARY KEY, name varchar(40) CHARACTER SET latin1)",
        "INSERT INTO t VALUES (1, _binary x'D5C5C8FD'), (2, _binary x'FFFF'), (3, NULL)",
    )
    query = Query("m", "t", None, ("id",), cursor=Cursor("sequence", "id"), encoding="gb18030")
    one, other = (_all(url, query, fast=True) for url in (mariadb_url, odbc_url))
    _same(one, other)
    assert one[0].table["name"].to_pylist() == ["张三", None, None]
    assert one[0].undecodable == ((1, "name"),)


@pytest.fixture
def database_of(postgresql_url):
    """Makes one more database, of another encoding than UTF-8."""
    admin = sa.create_engine(postgresql_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    made = []

    def make(encoding):
        name = f"{admin.url.database}_{encoding.lower()}"
        options = f"TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} {options}")
        made.append(name)
        return admin.url.set(database=name).render_as_string(hide_password=False)

    yield make
    with admin.connect() as connection:
        for name in made:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.postgresql
def test_postgresql_reads_wrongly_labelled_text_by_its_declared_encoding(database_of):
    # An old server keeps Chinese bytes under a label that checks nothing.
    url = database_of("SQL_ASCII")
    _execute(
        url + "?client_encoding=utf8",
        "CREATE TABLE t (id int PRIMARY KEY, name varchar(40))",
        r"INSERT INTO t VALUES (1, convert_from('\xd5c5c8fd', 'SQL_ASCII')), (2, convert_from('\xff', 'SQL_ASCII'))",
    )
    query = Query("m", "t", None, ("id",), cursor=Cursor("sequence", "id"), encoding="gb18030")
    one, other = (_all(url, query, fast=fast) for fast in (True, False))
    _same(one, other)
    assert one[0].table["name"].to_pylist() == ["张三", None]
    assert one[0].undecodable == ((1, "name"),)


@pytest.mark.postgresql
def test_postgresql_of_another_encoding_is_read_as_unicode(database_of):
    url = database_of("EUC_CN")
    _execute(
        url + "?client_encoding=utf8",
        'CREATE TABLE "费用" ("编码" varchar(20) PRIMARY KEY, "序号" int)',
        "INSERT INTO \"费用\" VALUES ('张三', 1), ('李四', 2), ('王五', 3)",
    )
    query = Query("m", "费用", None, ("编码",))
    for fast in (True, False):
        with open_hospital(url, page_rows=1, statement_timeout_s=20, fast=fast) as hospital:
            assert sorted(_whole(list(read_all(hospital, query)))[0]["编码"].to_pylist()) == [
                "张三",
                "李四",
                "王五",
            ]


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.postgresql
def test_lookups_on_postgresql(postgresql_url, fast):
    _lookups(postgresql_url, fast, 'CREATE TABLE "明细" (visit bigint, no char(6), amount numeric(10,2))')


@pytest.mark.mariadb
def test_lookups_on_mariadb(mariadb_url):
    _lookups(mariadb_url, True, "CREATE TABLE `明细` (visit bigint, no char(6), amount decimal(10,2))")


@pytest.mark.odbc
def test_lookups_through_odbc(odbc_url):
    _lookups(odbc_url, True, "CREATE TABLE `明细` (visit bigint, no char(6), amount decimal(10,2))")


def _lookups(url, fast, ddl):
    quote = '"明细"' if "postgresql" in url else "`明细`"
    rows = ", ".join(f"({n // 10}, 'N{n:03d}', {n}.50)" for n in range(200))
    _execute(url, ddl, f"INSERT INTO {quote} VALUES {rows}")
    query = Query("m", "明细", None, ("visit", "no"), "visit")
    with open_hospital(url, page_rows=7, statement_timeout_s=20, fast=fast) as hospital:
        everything = _whole(list(read_all(hospital, query)))[0]
        assert sorted(everything["amount"].to_pylist()) == [Decimal(f"{n}.50") for n in range(200)]
        visits = _whole(list(read_by_visits(hospital, query, ["3", "5", "no visit", "999"])))[0]
        assert sorted(set(visits["visit"].to_pylist())) == [3, 5]
        assert visits.num_rows == 20
        assert count_by_visits(hospital, query, ["3", "5", "no visit", "999"]) == visits.num_rows
        keys = _whole(list(read_by_keys(hospital, query, ["3|N031", "19|N199", "3|N999", "x|N031"])))[0]
        assert [n.strip() for n in keys["no"].to_pylist()] == ["N031", "N199"]
        flat = Query("m", None, f"SELECT no, amount FROM {quote} -- '12:30' 100%", ())
        slices = list(read_all(hospital, flat))
        assert [c.table.num_rows for c in slices] == [7] * 28 + [4]
        assert {c.watermark for c in slices} == {None}


@pytest.mark.mariadb
@pytest.mark.odbc
def test_texts_and_keys_that_arrow_odbc_does_not_manage_go_through_pyodbc(mariadb_url, odbc_url):
    _execute(
        mariadb_url,
        "CREATE TABLE t (name varchar(10) PRIMARY KEY, amount decimal(10,2), words longtext)",
        f"INSERT INTO t VALUES ('李四', 1.5, '{'长' * 9000}'), ('王五', 2.5, 'b'), ('张三', NULL, NULL), ('a', 0, '')",
    )
    query = Query("m", "t", None, ("name",))
    found = []
    for url in (mariadb_url, odbc_url):
        with open_hospital(url, page_rows=1, statement_timeout_s=20) as hospital:
            found.append([chunk.table.to_pylist() for chunk in read_all(hospital, query)])
    assert found[0] == found[1]
    assert sorted(len(row["words"] or "") for (row,) in found[0]) == [0, 0, 1, 9000]


@pytest.mark.postgresql
@pytest.mark.mariadb
@pytest.mark.odbc
@pytest.mark.parametrize("kind", ["postgresql", "mariadb", "odbc"])
def test_the_quick_reader_is_the_one_that_reads(request, kind, monkeypatch):
    """Also with a position of every type, or a quick reader could fall back on every page unseen."""
    url = request.getfixturevalue(f"{kind}_url")
    time = "timestamp(6)" if kind == "postgresql" else "datetime(6)"
    _execute(
        url,
        f"CREATE TABLE t (id bigint, no numeric(20,0), code char(4), day date, changed {time})",
        *(
            f"INSERT INTO t VALUES ({n}, {n}, 'c{n}', '2024-01-0{n}', '2024-01-01 10:00:00.{n}')"
            for n in range(1, 6)
        ),
    )
    query = Query(
        "m",
        "t",
        None,
        ("id", "no", "code", "day"),
        "id",
        cursor=Cursor("timestamp", "changed", nulls="ignore"),
    )
    with open_hospital(url, page_rows=2, statement_timeout_s=20) as hospital:
        monkeypatch.setattr(hospital._patient, "read", None)
        chunks = list(read(hospital, query, None))
        assert _whole(chunks)[0]["id"].to_pylist() == [1, 2, 3, 4, 5]
        again = list(read(hospital, query, chunks[1].watermark))
        assert _whole(again)[0]["id"].to_pylist() == [5]
        assert _whole(list(read_by_keys(hospital, query, ["2|2|c2|2024-01-02"])))[0].num_rows == 1
