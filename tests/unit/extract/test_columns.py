"""Types by what each driver says, and the casts of parameters that ODBC takes as text only."""

from datetime import date, datetime
from decimal import Decimal
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql, mysql

from connector.extract.cells import Misfit
from connector.extract.columns import Column, from_mysql, from_odbc, from_oracle, from_postgresql
from connector.extract.dialects import MSSQL, MYSQL
from connector.extract.odbc import with_casts
from connector.extract.statements import Source, after, page, select


def _oracle(name, precision, scale):
    return ("C", SimpleNamespace(name=name), None, None, precision, scale, True)


@pytest.mark.parametrize(
    ("found", "kind", "scale"),
    [
        (from_oracle(_oracle("DB_TYPE_NUMBER", 18, 0)), "integer", 0),
        (from_oracle(_oracle("DB_TYPE_NUMBER", 20, 0)), "decimal", 0),
        (from_oracle(_oracle("DB_TYPE_NUMBER", 12, 4)), "decimal", 4),
        (from_oracle(_oracle("DB_TYPE_NUMBER", 0, -127)), "decimal", 15),
        (from_oracle(_oracle("DB_TYPE_DATE", None, None)), "timestamp", 0),
        (from_oracle(_oracle("DB_TYPE_CHAR", None, None)), "text", 0),
        (from_odbc(("c", Decimal, None, 19, 19, 4, True)), "decimal", 4),
        (from_odbc(("c", bool, None, 1, 1, 0, True)), "boolean", 0),
        (from_odbc(("c", datetime, None, 23, 23, 3, True)), "timestamp", 0),
        (from_odbc(("c", date, None, 10, 10, 0, True)), "date", 0),
        (from_odbc(("c", object, None, 0, 0, 0, True)), "other", 0),
        (from_mysql(SimpleNamespace(name="c", type_code=253, charsetnr=28, scale=0)), "text", 0),
        (from_mysql(SimpleNamespace(name="c", type_code=253, charsetnr=63, scale=0)), "bytes", 0),
        (from_mysql(SimpleNamespace(name="c", type_code=246, charsetnr=63, scale=5)), "decimal", 5),
        (from_mysql(SimpleNamespace(name="c", type_code=5, charsetnr=63, scale=31)), "float", 0),
        (
            from_postgresql(SimpleNamespace(name="c", type_code=1700, type_display="numeric", scale=None)),
            "decimal",
            15,
        ),
        (from_postgresql(SimpleNamespace(name="c", type_code=3802, type_display="jsonb")), "other", 0),
    ],
)
def test_types_by_driver(found, kind, scale):
    assert (found.type, found.scale) == (kind, scale)


def _column(kind, **more):
    return Column(kind, kind, False, more.pop("native", kind), actual=kind, **more)


POSITION = (
    (_column("timestamp", native="DATETIME2"), datetime.fromisoformat("2024-01-31T10:00:00.123456")),
    (_column("integer"), 305184080441754059),
    (_column("decimal", scale=2), Decimal("1.50")),
    (_column("date"), date(2024, 1, 31)),
    (_column("text"), "A1"),
)


def _sql_server():
    compiler = mssql.dialect()
    compiler.server_version_info = (15, 0)  # older than 2008 has no DATE
    return compiler


@pytest.mark.parametrize(
    ("dialect", "compiler", "casts"),
    [
        (MSSQL, _sql_server(), ("AS DATETIME2", "AS BIGINT", "AS NUMERIC(38, 2)", "AS DATE)")),
        (MYSQL, mysql.dialect(), ("AS DATETIME(6)", "AS SIGNED", "AS DECIMAL(38, 2)", "AS DATE)")),
    ],
)
def test_every_parameter_is_text_and_cast_to_its_type(dialect, compiler, casts):
    columns, values = zip(*POSITION, strict=True)
    statement = page(
        dialect, select([sa.column("a")], Source(table="t")), [after(dialect, columns, values)], columns, 50
    )
    compiled = with_casts(dialect, statement).compile(
        dialect=compiler, compile_kwargs={"render_postcompile": True}
    )
    assert {type(v) for v in compiled.params.values()} == {str}
    assert set(compiled.params.values()) == {
        "2024-01-31 10:00:00.123456",
        "305184080441754059",
        "1.50",
        "2024-01-31",
        "A1",
    }
    for cast in casts:
        assert cast in str(compiled)


def test_a_chinese_text_is_left_to_the_other_driver():
    column = _column("text")
    statement = sa.select(sa.column("a")).where(after(MSSQL, [column], ["张"]))
    with pytest.raises(Misfit):
        with_casts(MSSQL, statement)
