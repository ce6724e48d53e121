"""Types and columns that would fail at night are told by day."""

import sqlite3

import pytest

from connector.errors import SourceError
from connector.pipeline.check import check_project
from connector.pipeline.parts import open_project

CHARGES = """\
version: 1
mapping: charges
fills: sendMedInfo.meds.med
source: {{table: FEE, key: {key}, visit: V, changes: {changes}}}
fields:
  alc400: T
  alc401: {date}
  akc229: {{value: "1"}}
  alc402: T
  alc403: T
  aka065: {{value: "1"}}
  alc404: {{value: "1"}}
  alc405: {price}
  alc406: N
  alc407: N
  zka100: T
  aka070: T
  akc231: T
  akc515: T
  aae080: T
  vmed: T
"""
GOOD = {"key": "N", "changes": "{by: sequence, column: N}", "date": "D", "price": "N"}


@pytest.fixture
def check(tmp_path):
    """Check a project whose one mapping is varied; the text of what is wrong, or ""."""
    with sqlite3.connect(tmp_path / "his.db") as his:
        his.execute(
            "CREATE TABLE FEE (N INTEGER, V INTEGER, T VARCHAR(20), F FLOAT, D DATE, TS TIMESTAMP, A DECIMAL(10,2), B BLOB)"
        )
    his.close()
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "mappings").mkdir()
    (tmp_path / "connector.yaml").write_text(
        f"version: 1\nhis: {{url: 'sqlite:///{tmp_path / 'his.db'}'}}\n"
        'platform: {base_url: "http://127.0.0.1:9/x", username: u, password: "env:P", key: "env:K"}\n'
        'ledger: {url: "sqlite:///ledger.db", key: "file:ledger.key"}\n',
        encoding="utf-8",
    )

    def run(**changes):
        text = CHARGES.format(**{**GOOD, **changes})
        (tmp_path / "mappings" / "charges.yaml").write_text(text, encoding="utf-8")
        parts = open_project(tmp_path, environ={})
        try:
            check_project(parts, offline=False)
        except SourceError as wrong:
            return str(wrong)
        return ""

    return run


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"date": '{from: T, read: "%Y-%m-%d"}'},
        {"date": "TS"},
        {"price": "F"},
        {"price": "T"},
        {"price": "A"},
        {"price": "B"},
        {"key": "[N, T]"},
        {"key": "n"},
        {"changes": "{by: sequence, column: A}"},
        {"changes": "{by: timestamp, column: TS}"},
        {"changes": "{by: comparison}"},
    ],
)
def test_what_can_be_read_passes(check, changes):
    assert check(**changes) == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"date": "T"}, "say how to `read` it"),
        ({"date": "N"}, "say how to `read` it"),
        ({"date": '{from: D, read: "%Y%m%d"}'}, "remove `read`"),
        ({"price": "D"}, "is a number, and column D is"),
        ({"key": "F"}, "keys must be exact"),
        ({"changes": "{by: sequence, column: T}"}, "`by: sequence` needs integer or decimal"),
        ({"changes": "{by: timestamp, column: N}"}, "`by: timestamp` needs timestamp"),
        ({"price": "NN"}, "table FEE has no column NN"),
        ({"price": "tt"}, "did you mean T?"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(check, changes, words):
    told = check(**changes)
    assert words in told
    assert "charges.yaml:" in told


def test_everything_is_told_at_once(check):
    told = check(date="T", price="D", changes="{by: sequence, column: T}", key="F")
    assert len([line for line in told.splitlines() if "charges.yaml:" in line]) == 4
