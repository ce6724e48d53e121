"""A check of the ledger finds what is broken, and names it."""

import pytest

from connector.ledger.decisions import Decision
from tests.ledger.blocks import REQUIRED, Row, accept, begin, claim, outcome, stage

FAULTS = {
    "UPDATE record SET state = 0 WHERE id = 3": "every claimed record is in a batch",
    "DELETE FROM claim WHERE record_id = 3": "every batched record has its claim",
    "UPDATE batch SET accepted = accepted + 1 WHERE id = 1": "an accepted batch comes to the sum",
    'UPDATE batch SET "rows" = 3 WHERE id = 2': "a batch that is not settled holds all",
    "UPDATE record SET visit_id = 9 WHERE id = 3": "every record is of a known visit",
    "DELETE FROM record WHERE id = 4": "the way from a visit to its records",
    "UPDATE segment SET live = live + 1 WHERE first_id = 2": "what may still be sent is counted",
    "DELETE FROM payload": "what may still be sent has its payload",
    "UPDATE ledger SET next_batch = 1": "numbers that were given",
    "UPDATE violation SET message = key_check FROM ledger": "sealed text",
    "UPDATE decision SET sealed = key_check FROM ledger": "sealed text",
}


@pytest.fixture
def full(ledger):
    """A ledger with something of everything: accepted, in doubt, waiting, broken, decided."""
    visits = begin(ledger, "A", "B")
    stage(ledger, "k1", "k2", Row("k3", visit="B"))
    accept(ledger, claim(ledger, visits["A"], rows=1))
    batch = claim(ledger, visits["A"], rows=1)
    ledger.answer(batch.id, outcome("in_doubt", message="no answer"))
    ledger.hold_visit(visits["B"], "a reason")

    stage(ledger, Row("k4", bad=(REQUIRED,)))
    ledger.keep_decision(Decision("visit", "release", "Li", "why", visits["A"]))
    ledger.end_run(1, exit_code=4, summary={"rows": 1})
    return ledger


@pytest.mark.parametrize("deep", [False, True])
def test_a_whole_ledger_has_nothing_broken(full, deep):
    checks = full.inspect(deep=deep)
    assert [one for one in checks if one.broken] == []
    assert len(checks) > 10


@pytest.mark.parametrize("sql", FAULTS)
def test_what_is_broken_is_named(full, sql):
    with full._database.writing() as link:
        assert link.run(sql)
    names = [one.name for one in full.inspect() if one.broken]
    assert any(FAULTS[sql] in name for name in names), names


def test_all_texts_are_opened_where_it_is_asked_for(full, monkeypatch):
    monkeypatch.setattr("connector.ledger.inspection._SAMPLE", 1)
    for number in range(3):
        full.keep_decision(Decision("visit", f"choice {number}", "Li", "why"))
    with full._database.writing() as link:
        link.run("UPDATE decision SET sealed = key_check FROM ledger WHERE decision.id = 2")
    assert [one for one in full.inspect() if one.broken] == []
    assert [one.broken for one in full.inspect(deep=True) if one.broken] == [("decision 2",)]


def test_every_sealed_column_is_among_those_that_are_opened():
    """A table that is added with a sealed text has to be added to the check."""
    from sqlalchemy import LargeBinary

    from connector.ledger.inspection import _SEALED
    from connector.ledger.tables import metadata

    plain = {("ledger", "key_check"), ("record", "fingerprint"), ("mark", "fingerprint"), ("batch", "digest")}
    plain |= {("batch", "members"), ("session", "sealed")}  # another account's session opens nothing here
    found = {
        (table.name, column.name)
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    assert found - plain == {(table, column) for table, _, column, _ in _SEALED}
