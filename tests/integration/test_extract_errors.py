"""What goes wrong with a hospital's database is one clear sentence, and nothing is written or left open."""

import socket
import traceback
from contextlib import closing

import pytest
import sqlalchemy as sa

from connector.errors import SourceError
from connector.extract.incremental import read
from connector.extract.lookup import read_all
from connector.extract.source import Cursor, Query, open_hospital

SECRET = "s3cret-Pass"


def _open(url, timeout_s=20, **more):
    return open_hospital(url, page_rows=10, statement_timeout_s=timeout_s, **more)


def _fault(url, query=None, timeout_s=20, **more):
    """The sentence of the fault, after looking whether anything secret hangs on it."""
    with pytest.raises(SourceError) as caught, _open(url, timeout_s, **more) as hospital:
        list(read_all(hospital, query))
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    text = str(caught.value)
    assert "\n" not in text
    return text


def _free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def _change(url, **parts):
    return sa.make_url(url).set(**parts).render_as_string(hide_password=False)


def _execute(url, *statements):
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.fixture(params=["postgresql", "mariadb", "odbc"])
def server(request):
    """The URL of a database with one table, through each driver."""
    url = request.getfixturevalue(f"{request.param}_url")
    _execute(
        url,
        "CREATE TABLE zy_fymx (jlxh int PRIMARY KEY, zyh int)",
        "INSERT INTO zy_fymx VALUES (1, 1), (2, 2)",
    )
    return url


pytestmark = [pytest.mark.postgresql, pytest.mark.mariadb, pytest.mark.odbc]


def test_a_server_that_is_down(server):
    port = _free_port()
    url = sa.make_url(server).set(password=SECRET)
    url = url.update_query_dict({"port": str(port)}) if "port" in url.query else url.set(port=port)
    text = _fault(url.render_as_string(hide_password=False))
    assert "cannot be reached" in text
    assert "127.0.0.1" in text
    assert str(port) in text


def test_an_unknown_database(server):
    text = _fault(_change(server, database="no_such_db"))
    assert "no database of that name" in text
    assert "no_such_db" in text


def test_a_missing_table(server):
    assert "has no table ZY_FYMY. Did you mean zy_fymx?" in _fault(
        server, Query("m", "ZY_FYMY", None, ("jlxh",))
    )


def test_missing_columns_are_named_all_at_once(server):
    text = _fault(server, Query("charges", "zy_fymx", None, ("jlxx",), "zyy"))
    assert (
        "the table zy_fymx (mapping charges) has no columns jlxx, zyy. Did you mean jlxh? Did you mean zyh?"
        in text
    )


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT jlxh, nosuch FROM zy_fymx", "names the column nosuch"),
        ("SELECT jlxh FROM nosuch", "names the table"),
        ("SELEC jlxh FROM zy_fymx WHERE x = '330101199001011234'", "does not understand the SQL"),
    ],
)
def test_faults_in_the_sql_of_a_mapping(server, sql, words):
    text = _fault(server, Query("m", None, sql, ("jlxh",)))
    assert words in text
    assert "nosuch" in text or "nosuch" not in sql
    assert "330101199001011234" not in text


@pytest.mark.parametrize("fast", [True, False])
def test_a_statement_that_takes_too_long(server, fast):
    sleep = "pg_sleep(20)::text" if "postgresql" in server else "SLEEP(20)"
    query = Query("slow", None, f"SELECT jlxh, {sleep} AS s FROM zy_fymx", ("jlxh",))
    text = _fault(server, query, timeout_s=1, fast=fast)
    assert "took longer than 1 s" in text
    assert "statement_timeout_s" in text


def test_nothing_can_be_written(server):
    for fast in (True, False):
        with _open(server, fast=fast) as hospital:
            list(read_all(hospital, Query("m", "zy_fymx", None, ("jlxh",))))
            with (
                hospital._engine.connect() as connection,
                pytest.raises(sa.exc.DBAPIError, match=r"(?i)read.only"),
            ):
                connection.exec_driver_sql("INSERT INTO zy_fymx VALUES (9, 9)")
            if hasattr(hospital._quick, "_connection"):
                with (
                    closing(_writer(hospital._quick._open())) as writer,
                    pytest.raises(Exception, match=r"(?i)read.only"),
                ):
                    writer.execute("INSERT INTO zy_fymx VALUES (9, 9)")


def _writer(connection):
    """What executes a statement: a cursor of ADBC's, the connection itself of arrow-odbc's."""
    if hasattr(connection, "cursor"):
        return connection.cursor()
    connection.close = lambda: None
    return connection


def test_a_reading_that_is_given_up_leaves_no_transaction_and_no_lock(server):
    query = Query("m", "zy_fymx", None, ("jlxh",), cursor=Cursor("sequence", "jlxh"))
    with open_hospital(server, page_rows=1, statement_timeout_s=20) as hospital:
        reading = read(hospital, query, None)
        assert next(reading).table.num_rows == 1
        # Between two pages another program may change the table itself.
        lock = "SET lock_timeout = '2s'" if "postgresql" in server else "SET SESSION lock_wait_timeout = 2"
        _execute(server, lock, "ALTER TABLE zy_fymx ADD more int")
        assert next(reading).table["jlxh"].to_pylist() == [2]
        reading.close()
        _execute(server, lock, "DROP TABLE zy_fymx")


def test_a_connection_that_was_killed_between_two_pages_is_made_anew(server):
    query = Query("m", "zy_fymx", None, ("jlxh",), cursor=Cursor("sequence", "jlxh"))
    with open_hospital(server, page_rows=1, statement_timeout_s=20) as hospital:
        reading = read(hospital, query, None)
        first = next(reading)
        _kill_others(server)
        assert [first.table["jlxh"][0].as_py(), *(c.table["jlxh"][0].as_py() for c in reading)] == [1, 2]


def _kill_others(url):
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    name = engine.url.database
    with engine.connect() as connection:
        if "postgresql" in url:
            kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
            connection.exec_driver_sql(kill, (name,)).all()
            return
        listed = sa.text(
            "SELECT id FROM information_schema.processlist WHERE db = :db AND id <> CONNECTION_ID()"
        )
        for (number,) in connection.execute(listed, {"db": name}).all():
            connection.exec_driver_sql(f"KILL {number}")


@pytest.mark.parametrize("kind", ["postgresql", "mariadb", "odbc"])
def test_a_refused_user_and_a_table_that_may_not_be_read(request, kind):
    url = request.getfixturevalue(f"{kind}_url")
    user = "connector_test_reader"
    if kind == "postgresql":
        _execute(
            url,
            f"DROP ROLE IF EXISTS {user}",
            f"CREATE ROLE {user} LOGIN PASSWORD '{SECRET}'",
            "CREATE TABLE t (id int PRIMARY KEY)",
        )
    else:
        name = sa.make_url(url).database
        _execute(
            url,
            f"DROP USER IF EXISTS {user}@'127.0.0.1'",
            f"CREATE USER {user}@'127.0.0.1' IDENTIFIED BY '{SECRET}'",
            "CREATE TABLE t (id int PRIMARY KEY, secret int)",
            "CREATE TABLE open_ (id int PRIMARY KEY)",
            f"GRANT SELECT ON {name}.open_ TO {user}@'127.0.0.1'",
        )
    try:
        text = _fault(
            _change(url, username=user, password=SECRET), Query("m", None, "SELECT id FROM t", ("id",))
        )
        assert user in text
        assert "grant SELECT" in text
        if kind != "postgresql":  # its loopback trusts everybody
            text = _fault(_change(url, username=user, password=SECRET + "-wrong"))
            assert f"refused the user '{user}'" in text
    finally:
        _execute(url, f"DROP ROLE {user}" if kind == "postgresql" else f"DROP USER {user}@'127.0.0.1'")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("not a url", "not a database URL"),
        ("sqlite://", "names no SQLite file"),
        ("firebird://h/d", "names the database 'firebird'"),
        (f"oracle://u:{SECRET}@h/d", "not installed"),
        ("mssql+pyodbc://u:p@127.0.0.1/d?driver=No+Such+Driver", "not installed"),
        (f"mysql+pymysql://u:{SECRET}@127.0.0.1:port/d", "not a database URL"),
    ],
)
def test_urls_that_cannot_be_opened(url, words):
    assert words in _fault(url)
