"""Fresh databases on real servers, for every test that asks for one.

`postgresql_url`, `mariadb_url` and `odbc_url` are SQLAlchemy URLs of an empty database that is dropped after the
test; `odbc_url` is `mariadb_url`'s database through the ODBC driver. Other servers than those on the loopback
ports are named by CONNECTOR_TEST_POSTGRESQL and CONNECTOR_TEST_MARIADB. Where no server answers a test is
skipped with the reason; in CI it fails, because a skipped test proves nothing there.
"""

import os
import secrets
from collections.abc import Iterator
from typing import NoReturn

import pyodbc
import pytest
import sqlalchemy as sa
from hypothesis import settings

# A property does not fail because the machine is busy.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

_POSTGRESQL = os.environ.get("CONNECTOR_TEST_POSTGRESQL", "postgresql+psycopg://root@127.0.0.1:5432/postgres")
_MARIADB = os.environ.get("CONNECTOR_TEST_MARIADB", "mysql+pymysql://root@127.0.0.1:3306/?charset=utf8mb4")
_ODBC_DRIVER = "MariaDB Unicode"


def _missing(reason: str) -> NoReturn:
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"{reason}; in CI this must not be skipped", pytrace=False)
    pytest.skip(reason)


def _server(url: str, **arguments: object) -> sa.Engine:
    """An engine in autocommit on the server's own database, once the server has answered."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool, **arguments)
    try:
        with engine.connect():
            return engine
    except (sa.exc.OperationalError, sa.exc.InterfaceError):
        shown = engine.url.render_as_string(hide_password=True)
        _missing(f"no server answers at {shown}")


def _name() -> str:
    """A database name that no other process of a parallel run has."""
    return f"connector_test_{os.getpid()}_{secrets.token_hex(4)}"


@pytest.fixture(scope="session")
def postgresql_server() -> sa.Engine:
    return _server(_POSTGRESQL, connect_args={"connect_timeout": 5})


@pytest.fixture(scope="session")
def mariadb_server() -> sa.Engine:
    return _server(_MARIADB, connect_args={"connect_timeout": 5})


@pytest.fixture
def postgresql_url(postgresql_server: sa.Engine) -> Iterator[str]:
    name = _name()
    with postgresql_server.connect() as connection:
        # template0 may be copied while others are connected to template1.
        options = "TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
        connection.exec_driver_sql(f"CREATE DATABASE {name} {options}")
    try:
        yield postgresql_server.url.set(database=name).render_as_string(hide_password=False)
    finally:
        with postgresql_server.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def mariadb_url(mariadb_server: sa.Engine) -> Iterator[str]:
    """A database of charset gbk, read over a connection of charset gbk, as old hospital systems have it."""
    name = _name()
    with mariadb_server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} CHARACTER SET gbk COLLATE gbk_chinese_ci")
    url = mariadb_server.url.set(database=name).update_query_dict({"charset": "gbk"})
    try:
        yield url.render_as_string(hide_password=False)
    finally:
        with mariadb_server.connect() as connection:
            # A test that left a transaction open fails here instead of hanging.
            connection.exec_driver_sql("SET SESSION lock_wait_timeout = 10")
            connection.exec_driver_sql(f"DROP DATABASE {name}")


@pytest.fixture
def odbc_url(mariadb_url: str) -> str:
    if _ODBC_DRIVER not in pyodbc.drivers():
        _missing(f"the ODBC driver {_ODBC_DRIVER!r} is not installed (Debian: odbc-mariadb)")
    url = sa.make_url(mariadb_url)
    query = {"driver": _ODBC_DRIVER, "port": str(url.port or 3306)}
    return url.set(drivername="mysql+pyodbc", query=query).render_as_string(hide_password=False)
