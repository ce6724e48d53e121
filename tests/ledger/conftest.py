"""One suite for both databases: every test that takes `place` or `ledger` runs on SQLite and on PostgreSQL."""

import os
import secrets

import pytest
import sqlalchemy as sa

from connector.ledger.store import open_ledger
from tests.ledger.blocks import KEY, Clock


@pytest.fixture(scope="session")
def postgresql_database(postgresql_server):
    """One database for all tests of this process: making one costs more than most of them."""
    name = f"connector_test_{os.getpid()}_{secrets.token_hex(4)}"
    with postgresql_server.connect() as connection:
        connection.execute(
            sa.text(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")
        )
    yield postgresql_server.url.set(database=name)
    with postgresql_server.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def postgresql_url(postgresql_database):
    """The URL of that database, emptied."""
    engine = sa.create_engine(postgresql_database, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))
    return postgresql_database.render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def place(request, tmp_path):
    """A URL where no ledger is yet."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql_url")
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def opened(place, clock):
    """Opens the ledger at `place` as often as asked for; closes what the test left open."""
    ledgers = []

    def once_more(url=place, key=KEY, **more):
        more.setdefault("patience_s", 0.2)
        ledgers.append(open_ledger(url, key, now=clock, **more))
        return ledgers[-1]

    yield once_more
    for ledger in ledgers:
        ledger.close()


@pytest.fixture
def ledger(opened):
    return opened(create=True)
