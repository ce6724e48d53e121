"""The SQL of every dialect: keyset conditions, quoting of Chinese names, limits without OFFSET, typed binds."""

from datetime import datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql, mysql, oracle, postgresql, sqlite

from connector.extract.columns import Column
from connector.extract.dialects import DIALECTS, wire
from connector.extract.statements import Source, after, at_most, one_of, page, select

SA = {
    "sqlite": sqlite.dialect(),
    "postgresql": postgresql.dialect(),
    "mysql": mysql.dialect(),
    "mssql": mssql.dialect(),
    "oracle": oracle.dialect(),
}
TIME = Column("更新时间", "timestamp", True, "DATETIME", actual="更新时间")
NUMBER = Column("序号", "integer", False, "BIGINT", actual="序号")
CODE = Column("CODE", "text", False, "CHAR(4)", actual="CODE", length=4)
MOMENT = datetime.fromisoformat("2024-01-31T10:00:00.123")


def _sql(name, statement):
    compiled = statement.compile(dialect=SA[name], compile_kwargs={"render_postcompile": True})
    return " ".join(str(compiled).split()), compiled.params


def _page(name, order=(TIME, NUMBER), position=(MOMENT, 7), source=None):
    dialect = DIALECTS[name]
    source = source or Source(table="住院费用记录", schema="住院")
    elements = [wire(dialect, c, odbc=False) for c in order]
    bounds = [after(dialect, order, position), at_most(dialect, order[0], position[0])]
    return _sql(name, page(dialect, select(elements, source), bounds, order, 500))


@pytest.mark.parametrize("name", SA)
def test_a_page_starts_after_a_position_and_counts_nothing_off(name):
    sql, params = _page(name)
    assert "OFFSET" not in sql
    assert "ORDER BY" in sql
    assert "2024" not in sql
    assert 7 in params.values()


def test_sql_server():
    sql, params = _page("mssql")
    assert sql.startswith(
        "SELECT TOP 500 [更新时间], [序号] FROM [住院].[住院费用记录] WHERE [更新时间] >= CAST("
    )
    # A datetime of SQL Server is coarser than what is bound: cast, or the last row comes after itself.
    assert sql.count("AS DATETIME)") == 4
    assert "([更新时间] > " in sql
    assert " AND [序号] > " in sql
    assert sql.endswith("ORDER BY [更新时间], [序号]")
    assert MOMENT in params.values()


def test_oracle():
    sql, _ = _page("oracle")
    assert sql.startswith('SELECT "更新时间", "序号" FROM "住院"."住院费用记录" WHERE "更新时间" >= :')
    assert sql.endswith('ORDER BY "更新时间", "序号" FETCH FIRST 500 ROWS ONLY')
    # Old Oracle knows no FETCH FIRST; SQLAlchemy learns the version when it connects.
    old = oracle.dialect()
    old.server_version_info = (11, 2)
    old._supports_offset_fetch = False
    statement = page(DIALECTS["oracle"], select([sa.column("a")], Source(table="T")), [], (NUMBER,), 500)
    assert "ROWNUM <= 500" in str(statement.compile(dialect=old, compile_kwargs={"render_postcompile": True}))


@pytest.mark.parametrize(("name", "quote"), [("sqlite", '"'), ("postgresql", '"')])
def test_row_values_where_an_index_serves_them(name, quote):
    sql, _ = _page(name)
    assert f"({quote}更新时间{quote}, {quote}序号{quote}) > (" in sql
    assert sql.count("LIMIT") == 1


def test_mysql_spells_the_comparison_out_and_keeps_the_fraction_of_a_second():
    sql, params = _page("mysql")
    assert "`更新时间` >= CAST(%s AS DATETIME(6))" in sql
    assert (
        "(`更新时间` > CAST(%s AS DATETIME(6)) OR `更新时间` = CAST(%s AS DATETIME(6)) AND `序号` > %s)"
        in sql
    )
    assert "2024-01-31 10:00:00.123000" in params.values()
    assert sql.endswith("LIMIT 500")


def test_three_columns_spelled_out():
    other = Column("B", "integer", False, "INT", actual="B")
    condition = after(DIALECTS["mssql"], (NUMBER, CODE, other), (1, "x", 2))
    sql, _ = _sql("mssql", sa.select(sa.column("a")).where(condition))
    assert sql.count("[序号]") == 3
    assert sql.count("[CODE]") == 2
    assert sql.count("[B]") == 1


def test_names_that_hold_quotes_stay_names():
    evil = Column("x", "integer", False, "INT", actual='a"; DROP TABLE t; --')
    sql, _ = _sql(
        "postgresql",
        page(DIALECTS["postgresql"], select([sa.column(evil.actual)], Source(table='t"t')), [], (evil,), 1),
    )
    assert 'SELECT "a""; DROP TABLE t; --" FROM "t""t"' in sql


@pytest.mark.parametrize("name", SA)
def test_the_text_of_a_select_is_taken_as_it_is(name):
    source = Source(sql="SELECT a, ':b' AS t, '12:30' AS u, c::int, x % 2 FROM t -- 100%\n;")
    sql, params = _sql(name, page(DIALECTS[name], select([sa.column("a")], source), [], (), 5))
    assert "':b' AS t, '12:30' AS u, c::int" in sql
    assert not [p for p in params if p == "b"]
    assert "\\" not in sql
    assert ";" not in sql
    assert sql.count("src") == 1


def test_a_char_is_asked_for_padded_where_blanks_count():
    for name, forms in (("oracle", {"ab", "ab  "}), ("postgresql", {"ab"}), ("mssql", {"ab"})):
        _, params = _sql(name, sa.select(sa.column("a")).where(one_of(DIALECTS[name], CODE, ["ab"])))
        assert set(params.values()) == forms


def test_exact_numbers_are_bound_as_exact_numbers():
    column = Column("n", "decimal", False, "NUMERIC", actual="n", scale=2)
    _, params = _sql(
        "postgresql", sa.select(sa.column("n")).where(after(DIALECTS["postgresql"], [column], [Decimal(1)]))
    )
    assert [type(v) for v in params.values()] == [Decimal]


@pytest.mark.parametrize(
    ("name", "expression"),
    [
        ("mssql", "CAST([CODE] AS VARBINARY(8000)) AS c0"),
        ("oracle", 'utl_raw.cast_to_raw("CODE") AS c0'),
        ("mysql", "CAST(`CODE` AS BINARY) AS c0"),
        ("postgresql", 'convert_to("CODE", getdatabaseencoding()) AS c0'),
        ("sqlite", 'CAST("CODE" AS BLOB) AS c0'),
    ],
)
def test_wrongly_labelled_text_arrives_as_bytes(name, expression):
    column = Column("CODE", "text", False, "CHAR(4)", actual="CODE", encoding="gb18030")
    sql, _ = _sql(name, select([wire(DIALECTS[name], column, odbc=False)], Source(table="t")))
    assert expression.replace('"', "") in sql.replace('"', "")
