"""The sample hospital on real servers: the same rows as on SQLite, and a second day."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from connector.sample.changes import CHANGES, change_hospital
from connector.sample.hospital import build_hospital, sample_facts, sample_injuries
from connector.sample.schema import tables

TODAY = date(2026, 3, 5)


def read(url, sql):
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(sql).all()
    engine.dispose()
    return rows


@pytest.fixture(
    params=[
        pytest.param("postgresql_url", marks=pytest.mark.postgresql),
        pytest.param("mariadb_url", marks=pytest.mark.mariadb),
    ]
)
def url(request):
    return request.getfixturevalue(request.param)


def test_both_days_are_the_same_as_on_sqlite(url, tmp_path):
    lite = f"sqlite:///{tmp_path / 'his.db'}"
    here, there = build_hospital(url, today=TODAY), build_hospital(lite, today=TODAY)
    assert here == there
    assert sample_injuries(url) == sample_injuries(lite)
    sentences = change_hospital(url, today=TODAY)
    assert sentences == change_hospital(lite, today=TODAY)
    assert len(sentences) == len(CHANGES)
    assert sample_facts(url) == sample_facts(lite)
    for table in ("ZY_FYMX", "ZY_FYMX_N"):
        money = f"SELECT ZYH, COUNT(*), SUM(CAST(ROUND(ZJJE * 10000, 0) AS {{}})) FROM {table} GROUP BY ZYH ORDER BY ZYH"
        mine = [tuple(map(int, row)) for row in read(url, money.format("DECIMAL(20)"))]
        assert mine == [tuple(map(int, row)) for row in read(lite, money.format("INTEGER"))]


def test_names_and_order_texts_survive_the_charset(url):
    build_hospital(url, today=TODAY)
    names = {row[0].strip() for row in read(url, "SELECT YGXM FROM GY_YGDM")}
    assert {"宝音德力格尔", "其其格"} <= names
    assert any("\n" in row[0] for row in read(url, "SELECT YZMC FROM ZY_BQYZ"))


def test_comments_are_kept(url):
    build_hospital(url, today=TODAY)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    inspector = sa.inspect(engine)
    for name, table in tables().items():
        here = name if inspector.has_table(name) else name.lower()
        comments = {one["name"].upper(): one["comment"] for one in inspector.get_columns(here)}
        assert comments == {column: comment for column, _, comment in table.columns}
    engine.dispose()


SHIPPED = Path(__file__).parents[2]


def test_shipped_sql_reads_the_same_rows_everywhere(url, tmp_path):
    lite = f"sqlite:///{tmp_path / 'his.db'}"
    for place in (url, lite):
        build_hospital(place, today=TODAY)
    files = sorted([*SHIPPED.glob("mappings/*.sql"), *SHIPPED.glob("catalogues/*.sql")])
    assert len(files) >= 20
    for file in files:
        sql = f"SELECT * FROM ({file.read_text(encoding='utf-8')}) q"
        there, here = (sorted(tuple(map(_plain, row)) for row in read(one, sql)) for one in (url, lite))
        assert there == here, file.name
        assert here, file.name


def _plain(value):
    """A cell without what engines do to it: padding, types of numbers and times, NULL."""
    if isinstance(value, (int, float, Decimal)):
        return f"{float(value):.5f}"
    return "" if value is None else str(value).strip()
