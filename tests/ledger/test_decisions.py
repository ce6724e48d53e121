import sqlite3

import pytest

from connector.errors import LedgerError
from connector.ledger.decisions import Decision
from tests.ledger.blocks import begin

SEEN = {"ledger": 100_000, "platform": 120_000, "rows": "C-1,C-2"}


def _decision(visit_id=None, **more):
    given = {"kind": "batch", "choice": "all", "who": "dba", "reason": "seen on the page", "numbers": SEEN}
    return Decision(visit_id=visit_id, **{**given, **more})


def test_a_decision_is_kept_with_who_why_and_what_was_seen(ledger, opened, clock):
    visits = begin(ledger, "A", "B")
    ledger.keep_decision(_decision(visits["A"], batch_id=7))
    clock.forward(hours=1)
    ledger.keep_decision(_decision(visits["B"], choice="none", reason="张三 was not there"))
    ledger.close()
    again = opened()
    newest, oldest = again.decisions()
    assert newest.decision == _decision(visits["B"], choice="none", reason="张三 was not there")
    assert oldest.decision == _decision(visits["A"], batch_id=7)
    assert (oldest.at, oldest.done_at, oldest.is_pending) == (*["2025-03-01T08:00:00.000+00:00"] * 2, False)
    assert newest.at == "2025-03-01T09:00:00.000+00:00"
    assert again.decisions(visits["A"]) == [oldest]
    assert again.decisions(limit=1) == [newest]


def test_a_pending_decision_is_finished_once(ledger, clock):
    visits = begin(ledger, "A", "B")
    ledger.keep_decision(_decision(visits["A"]))
    number = ledger.keep_decision(_decision(visits["A"], kind="reset"), is_done=False)
    later = ledger.keep_decision(_decision(visits["A"], kind="reset"), is_done=False)
    assert [kept.id for kept in ledger.pending_decisions(visits["A"])] == [number, later]
    assert ledger.pending_decisions(visits["B"]) == []
    clock.forward(minutes=5)
    ledger.finish_decision(number)
    assert [kept.id for kept in ledger.pending_decisions(visits["A"])] == [later]
    assert ledger.decisions()[1].done_at == "2025-03-01T08:05:00.000+00:00"
    for unknown in (number, 99):
        with pytest.raises(LedgerError, match=f"Decision {unknown} does not wait"):
            ledger.finish_decision(unknown)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_reason_and_numbers_are_sealed_and_bound_to_their_row(ledger, opened, tmp_path):
    ledger.keep_decision(_decision(reason="SECRET-WORDS"))
    ledger.keep_decision(_decision())
    assert "SECRET-WORDS" not in repr(ledger.decisions())
    ledger.close()
    file = tmp_path / "ledger.db"
    assert b"SECRET-WORDS" not in file.read_bytes()
    assert b"C-1,C-2" not in file.read_bytes()
    with sqlite3.connect(file) as connection:
        connection.execute(
            "UPDATE decision SET sealed = (SELECT d.sealed FROM decision d WHERE d.id = 2) WHERE id = 1"
        )
    connection.close()
    with pytest.raises(LedgerError, match="does not open"):
        opened().decisions()
