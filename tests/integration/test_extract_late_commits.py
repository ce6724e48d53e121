"""Rows that are committed late, beside others that were committed meanwhile, are found on real servers."""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from connector.extract.incremental import read
from connector.extract.source import Cursor, Query, open_hospital

DDL = "CREATE TABLE charges (id int PRIMARY KEY, amount decimal(12,4), changed {time} NULL)"

pytestmark = [pytest.mark.postgresql, pytest.mark.mariadb, pytest.mark.odbc]


@pytest.fixture(params=["postgresql", "mariadb", "odbc"])
def server(request):
    url = request.getfixturevalue(f"{request.param}_url")
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(DDL.format(time="timestamp(6)" if "postgresql" in url else "datetime(6)"))
    return url


@pytest.fixture
def writers(server, request):
    """Two connections of the hospital's own programs; theirs keep the fraction of a second, as ODBC's do not."""
    url = request.getfixturevalue("mariadb_url") if "pyodbc" in server else server
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as one, engine.connect() as other:
        yield one, other


def _insert(connection, key, changed=None):
    statement = sa.text("INSERT INTO charges VALUES (:key, 1.5, :changed)")
    connection.execute(statement, {"key": key, "changed": changed})


def _run(url, cursor, watermark, page_rows=2):
    """One run: the ids it reads, and the watermark it leaves behind."""
    query = Query("m", "charges", None, ("id",), cursor=cursor)
    ids = []
    with open_hospital(url, page_rows=page_rows, statement_timeout_s=20) as hospital:
        for chunk in read(hospital, query, watermark):
            ids += chunk.table["id"].to_pylist()
            watermark = chunk.watermark or watermark
    return ids, watermark


def test_a_lower_number_committed_later_is_found_by_the_lookback(server, writers):
    early, late = writers
    for key in range(1, 6):
        _insert(early, key)
    early.commit()
    _insert(late, 6)
    for key in range(7, 10):
        _insert(early, key)
    early.commit()
    with_lookback = Cursor("sequence", "id", lookback=5)
    ids, watermark = _run(server, with_lookback, None)
    assert ids == [1, 2, 3, 4, 5, 7, 8, 9]
    late.commit()
    again, moved = _run(server, with_lookback, watermark)
    assert again == [4, 5, 6, 7, 8, 9]
    assert moved == watermark
    # Without a lookback it would be lost: that is what the lookback is for.
    assert _run(server, Cursor("sequence", "id"), watermark)[0] == []


def test_an_older_time_committed_later_is_found_by_the_lookback(server, writers):
    early, late = writers
    noon = datetime.fromisoformat("2024-05-01T12:00:00")
    _insert(early, 1, noon)
    _insert(late, 2, noon + timedelta(seconds=1))
    _insert(early, 3, noon + timedelta(seconds=2, microseconds=7))
    early.commit()
    cursor = Cursor("timestamp", "changed", lookback=60)
    ids, watermark = _run(server, cursor, None)
    assert ids == [1, 3]
    assert watermark.cursor == "2024-05-01T12:00:02.000007"
    late.commit()
    assert _run(server, cursor, watermark) == ([1, 2, 3], watermark)


def test_what_is_younger_than_the_safety_lag_waits(server, writers):
    early, _ = writers
    clock = early.execute(
        sa.text("SELECT " + ("localtimestamp" if "postgresql" in server else "NOW(6)"))
    ).scalar()
    for key, age in enumerate((3600, 120, 5, -3600), start=1):
        _insert(early, key, clock - timedelta(seconds=age))
    early.commit()
    assert _run(server, Cursor("timestamp", "changed", safety_lag_s=60), None)[0] == [1, 2]
    # A time from the future would push the watermark ahead of rows that are still to come.
    assert _run(server, Cursor("timestamp", "changed"), None)[0] == [1, 2, 3]


def test_rows_of_one_instant_over_several_pages(server, writers):
    early, _ = writers
    instant = datetime.fromisoformat("2024-05-01T12:00:00.123456")
    for key in range(1, 12):
        _insert(early, key, instant)
    early.commit()
    ids, watermark = _run(server, Cursor("timestamp", "changed"), None)
    assert ids == list(range(1, 12))
    _insert(early, 12, instant)
    early.commit()
    assert _run(server, Cursor("timestamp", "changed"), watermark)[0] == [12]


def test_rows_without_a_time_by_policy(server, writers):
    early, _ = writers
    _insert(early, 1, datetime.fromisoformat("2024-05-01T12:00:00"))
    for key in range(2, 7):
        _insert(early, key)
    early.commit()
    ids, watermark = _run(server, Cursor("timestamp", "changed", nulls="always"), None)
    assert ids == [2, 3, 4, 5, 6, 1]
    assert watermark.key == ("1",)
    assert _run(server, Cursor("timestamp", "changed", nulls="always"), watermark)[0] == [2, 3, 4, 5, 6]
    assert _run(server, Cursor("timestamp", "changed", nulls="ignore"), None)[0] == [1]
