"""One suite for both databases: every test that takes `place` or `ledger` runs on SQLite and on PostgreSQL."""

import pytest

from connector.ledger.store import open_ledger
from tests.ledger.blocks import KEY, Clock


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
