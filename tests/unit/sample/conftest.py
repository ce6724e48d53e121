"""A sample hospital in memory's neighbour: one file per module, and plain SQL to look at it."""

import sqlite3
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from connector.sample.hospital import Sample, build_hospital

TODAY = date(2026, 3, 5)

Ask = Callable[..., list[sqlite3.Row]]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sample") / "his.db"


@pytest.fixture(scope="module")
def url(file: Path) -> str:
    return f"sqlite:///{file}"


@pytest.fixture(scope="module")
def sample(url: str) -> Sample:
    return build_hospital(url, today=TODAY)


@pytest.fixture(scope="module")
def ask(sample: Sample, file: Path) -> Ask:
    def run(sql: str, *values: object) -> list[sqlite3.Row]:
        database = sqlite3.connect(file)
        database.row_factory = sqlite3.Row
        try:
            return database.execute(sql, values).fetchall()
        finally:
            database.close()

    return run
