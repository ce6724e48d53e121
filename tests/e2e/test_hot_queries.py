"""What is asked of the ledger for every visit or batch: never a whole table, or a hospital slows down year by year."""

import re
import sqlite3
from contextlib import closing

import pytest

from connector.ledger import link
from connector.ledger.link import Link

VISITS = 8
SMALL = {"json_each", "ledger", "lease", "mapping", "session"}
"""Tables that do not grow with what was sent."""


@pytest.fixture
def asked(monkeypatch):
    """Statements with how often they were run, and the parameters of one of them."""
    found: dict[str, list] = {}

    def listen(name):
        real = getattr(Link, name)

        def heard(self, sql, *params):
            one = found.setdefault(link._spell(sql, False), [0, ()])
            one[0] += 1
            one[1] = self._bound(params)
            return real(self, sql, *params)

        monkeypatch.setattr(Link, name, heard)

    listen("rows")
    listen("run")
    return found


def scanned(ledger, sql, params) -> list[str]:
    """The tables that a statement reads from end to end; a partial index over what is open is short.

    One that wants the last row only stops there.
    """
    if re.search(r"FROM \w+ ORDER BY id DESC LIMIT 1$", sql):
        return []
    plan = [detail for *_, detail in ledger.execute(f"EXPLAIN QUERY PLAN {sql}", params)]
    scans = [one for one in plan if one.startswith("SCAN") and "ux_batch_open" not in one]
    aliases = dict(re.findall(r"\b(?:FROM|JOIN) (\w+) (?:AS )?([a-z])\b", sql))
    tables = {alias: table for table, alias in aliases.items()}
    return [tables.get(name, name) for name in (one.split()[1] for one in scans)]


def test_no_statement_of_every_visit_reads_a_whole_table(start, asked):
    ward = start(batch_rows=1, visits_in_flight=1)
    for zyh in range(1, VISITS + 1):
        ward.stay(zyh)
        ward.order(zyh)
        for amount in ("1.00", "2.10"):
            ward.fee(zyh, amount)
    assert ward.run_until_quiet().exit_code == 0
    hot = {sql: params for sql, (times, params) in asked.items() if times >= VISITS}
    assert len(hot) > 15
    with closing(sqlite3.connect(ward.directory / "ledger.db")) as ledger:
        found = {sql: set(scanned(ledger, sql, params)) - SMALL for sql, params in hot.items()}
    assert {sql: tables for sql, tables in found.items() if tables} == {}
