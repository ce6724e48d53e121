"""A SQLite hospital that tests fill by hand."""

import sqlite3
from collections.abc import Iterator

import pytest

from connector.extract.source import Hospital, open_hospital


@pytest.fixture
def database(tmp_path) -> Iterator[sqlite3.Connection]:
    """The hospital's own connection, which may write."""
    connection = sqlite3.connect(tmp_path / "his 医院.db", isolation_level=None)
    yield connection
    connection.close()


@pytest.fixture
def opened(tmp_path, database) -> Iterator[object]:
    """Opens the hospital for reading; whatever a test opens is closed."""
    hospitals: list[Hospital] = []

    def open_it(page_rows=10, *, fast=True, timeout_s=5, encoding=None) -> Hospital:
        url = f"sqlite:///{tmp_path / 'his 医院.db'}"
        one = open_hospital(
            url, page_rows=page_rows, statement_timeout_s=timeout_s, encoding=encoding, fast=fast
        )
        hospitals.append(one)
        return one

    yield open_it
    for hospital in hospitals:
        hospital.close()
