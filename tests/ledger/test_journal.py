"""The call journal: found by what it is searched by, sealed otherwise, forgotten in portions."""

from datetime import UTC, datetime, timedelta

import pytest

from connector.errors import LedgerError
from connector.ledger import journal
from connector.ledger.journal import Search
from connector.ledger.store import open_ledger
from connector.records import Exchange, Verdict
from tests.ledger.blocks import KEY, Clock, begin, claim, stage

DAY = datetime(2025, 3, 1, 8, tzinfo=UTC)


def exchange(number=0, **more):
    return Exchange(
        **{
            "at": DAY + timedelta(minutes=number),
            "operation": "sendMedInfo",
            "visit": "NA",
            "verdict": Verdict.ACCEPTED,
            "code": "0",
            "request": b'{"akc190":"NA"}',
            "answer": '{"code":0,\n "msg":"张敏"}'.encode(),
            **more,
        }
    )


def numbers(ledger, **search):
    return [entry.id for entry in ledger.journal.find(Search(**search), 100)]


def test_an_exchange_comes_back_as_it_was(ledger):
    kept = exchange(message="张敏已出院", duration_ms=312, batch_id=7)
    ledger.journal.keep([kept, exchange(1, answer=b"", request=b'{"a":"\n"}')])
    entry = ledger.journal.show(1)
    assert entry.exchange == kept
    assert ledger.journal.show(2).exchange.request == b'{"a":"\n"}'
    assert ledger.journal.show(2).exchange.answer == b""
    assert "张敏" not in repr(entry)


def test_it_is_found_by_visit_interface_time_and_outcome(ledger):
    begin(ledger, "A")
    ledger.journal.keep(
        [
            exchange(0),
            exchange(10, operation="getPerDetail"),
            exchange(20, visit="NB", verdict=Verdict.REJECTED, code="81012"),
            exchange(30, visit="", operation="login"),
        ]
    )
    assert numbers(ledger) == [4, 3, 2, 1]
    assert numbers(ledger, visit="NA") == numbers(ledger, visit="A") == [2, 1]
    assert numbers(ledger, visit="nobody") == []
    assert numbers(ledger, operations=("getPerDetail", "login")) == [4, 2]
    assert numbers(ledger, verdicts=(Verdict.REJECTED,)) == [3]
    at = DAY + timedelta(minutes=10)
    assert numbers(ledger, since=at) == [4, 3, 2]
    assert numbers(ledger, until=at) == [1]
    assert [e.id for e in ledger.journal.find(Search(), 2)] == [4, 3]
    assert [e.id for e in ledger.journal.after(Search(visit="NA"), 1, 5)] == [2]


def test_a_batch_is_told_in_rows_and_amount(ledger):
    visit = begin(ledger, "A")["A"]
    stage(ledger, "1", "2")
    batch = claim(ledger, visit)
    ledger.journal.keep([exchange(batch_id=batch.id), exchange()])
    assert [(e.rows, e.amount) for e in ledger.journal.find(Search(), 9)] == [(None, None), (2, 20_000)]
    assert ledger.journal.missing([batch.id, 99], DAY) == [99]
    assert ledger.journal.missing([batch.id], DAY + timedelta(days=1)) == [batch.id]


def test_an_unknown_entry_is_said(ledger):
    with pytest.raises(LedgerError, match="no entry 3 in the journal"):
        ledger.journal.show(3)


def test_old_entries_go_in_portions_and_the_newest_stays(ledger, monkeypatch):
    monkeypatch.setattr(journal, "_PORTION", 3)
    monkeypatch.setattr(journal, "_MOST_PORTIONS", 2)
    ledger.journal.keep([exchange(n) for n in range(10)])
    assert ledger.journal.trim(DAY + timedelta(minutes=2)) == 2
    assert ledger.journal.trim(DAY + timedelta(days=1)) == 6
    assert ledger.journal.trim(DAY + timedelta(days=1)) == 1
    assert ledger.journal.trim(DAY + timedelta(days=1)) == 0
    assert numbers(ledger) == [10]
    ledger.journal.keep([exchange(11)])
    assert numbers(ledger) == [11, 10]


def test_entries_are_all_or_none(ledger):
    with pytest.raises(LedgerError):
        ledger.journal.keep([exchange(), exchange(operation=None)])
    assert numbers(ledger) == []


def test_whatever_the_platform_says_can_be_kept(ledger):
    ledger.journal.keep([exchange(code="\0" + "8\ud800", message="\ud800", visit="N\nA")])
    kept = ledger.journal.show(1).exchange
    assert (kept.code, kept.message, kept.visit) == ("8", "\ud800", "NA")


def test_an_invoice_is_remembered_when_the_platform_may_know_its_number(ledger):
    def send(verdict, *invoices, at=0):
        ledger.journal.keep([exchange(at, operation="saveInvoice", verdict=verdict, invoices=invoices)])

    send(Verdict.REJECTED, "INV-1")
    send(Verdict.NOT_SENT, "INV-1")
    assert ledger.journal.invoice("INV-1") is None
    send(Verdict.IN_DOUBT, "INV-1", "INV-1", "INV-2")
    assert ledger.journal.invoice(" INV-1 ").verdict is Verdict.IN_DOUBT
    send(Verdict.ACCEPTED, "INV-1", at=5)
    send(Verdict.REJECTED, "INV-1", at=6)
    use = ledger.journal.invoice("INV-1")
    assert (use.operation, use.visit, use.verdict) == ("saveInvoice", "NA", Verdict.ACCEPTED)
    assert datetime.fromisoformat(use.at) == DAY + timedelta(minutes=5)
    ledger.journal.trim(DAY + timedelta(days=1))
    assert ledger.journal.invoice("INV-2") is not None


def test_nothing_but_what_is_searched_by_stands_in_the_file(tmp_path):
    secrets = [b"KEPT-IN-THE-REQUEST", "KEPT-IN-THE-ANSWER 张敏".encode(), b"INV-77"]
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", KEY, now=Clock(), create=True) as ledger:
        ledger.journal.keep([exchange(request=secrets[0], answer=secrets[1], invoices=("INV-77",))])
        written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"sendMedInfo" in written
    assert not any(secret in written for secret in secrets)
