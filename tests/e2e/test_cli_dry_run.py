"""A dry run counts what a run would do, seals it, and leaves no trace."""

import hashlib
import json
import socket
import tempfile
from decimal import Decimal

import pytest

from connector.load import mirror
from connector.pipeline.progress import Silent
from connector.pipeline.rehearse import rehearse


def dry_run(ward):
    return rehearse(ward.parts(), [], progress=Silent(), is_stopping=lambda: False)


def files(ward):
    return {
        path: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in ward.directory.rglob("*")
        if path.is_file()
    }


def sums(report):
    return {
        name: (one.rows, one.amount, one.batches, one.registered) for name, one in report.delivered.items()
    }


def fill(ward):
    """Whatever a hospital has: two visits, refunds with and without their original, faulty rows, orders."""
    for zyh in (1, 2):
        ward.stay(zyh)
        for number in range(7):
            ward.fee(zyh, f"{number + 1}.25")
        ward.order(zyh)
    original = ward.fee(1, "30.00", quantity="3")
    ward.fee(1, "-10.00", quantity="-1", refund=original)
    ward.fee(1, "-2.25", quantity="-1")
    ward.fee(2, "-3.00", quantity="-1", refund=10_000)
    ward.fee(2, "0.01")
    ward.fee(2, "0.00", price="5.00")
    ward.fee(2, "20.00", price="-20.00", quantity="1")
    ward.stay(3, injury="")
    ward.fee(3, "9.00")


def nothing(ward):
    """A first run."""


def delivered(ward):
    """Everything of the first day was sent, then rows were added, changed and mended."""
    ward.run()
    ward.stay(3)
    ward.fee(1, "77.00")
    ward.order(2, "停止", key=8)
    ward.change("UPDATE fee SET price = 20 WHERE price = -20")


SCENES = [nothing, delivered]


@pytest.mark.parametrize("scene", SCENES)
def test_it_counts_exactly_what_the_next_run_does(start, scene):
    ward = start()
    fill(ward)
    scene(ward)
    told = dry_run(ward)
    done = ward.run()
    assert told.staged == done.staged
    assert sums(told) == sums(done)
    assert {name: one.waiting for name, one in told.delivered.items()} == {
        name: one.waiting for name, one in done.delivered.items()
    }
    assert told.exit_code == done.exit_code
    assert sum(one.rows for one in told.delivered.values()) > 0
    with ward.parts().open_ledger(read_only=True) as ledger:
        kept = {(one.mapping, one.violation, one.count) for one in ledger.quarantine.groups()}
    assert {(one.mapping, one.violation, one.count) for one in told.rehearsal.quarantine} == kept


def test_rows_that_wait_since_an_earlier_run_are_counted_too(start):
    ward = start()
    fill(ward)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("connector.pipeline.run.Errand._deliver", lambda *arguments: None)
        ward.run()
    told = dry_run(ward)
    assert told.staged["fees"].counts.new == 0
    assert sums(told) == sums(ward.run())
    assert told.delivered["ward"].rows > 0


def test_it_leaves_no_trace(start, monkeypatch, tmp_path_factory):
    ward = start()
    fill(ward)
    ward.run()
    ward.fee(1, "5.00")
    before, calls = files(ward), len(ward.simulator.calls)
    scratch = tmp_path_factory.mktemp("scratch")
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))

    def refuse(*arguments):
        raise AssertionError("a socket was connected")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    told = dry_run(ward)
    monkeypatch.undo()
    assert told.delivered["ward"].rows == 1
    assert told.rehearsal.visits == 1
    assert files(ward) == before
    assert len(ward.simulator.calls) == calls
    assert list(scratch.iterdir()) == []


def test_every_message_is_sealed_and_opened_again(start, monkeypatch):
    ward = start()
    fill(ward)
    opened = []
    monkeypatch.setattr(
        mirror, "open_sealed", lambda key, sealed: opened.append(OPEN(key, sealed)) or opened[-1]
    )
    told = dry_run(ward)
    assert told.rehearsal.messages == len(opened)
    uploaded = [
        charge
        for body in map(json.loads, opened)
        if "meds" in body
        for charge in (*body["meds"]["med"], *body["advices"]["advice"])
    ]
    assert len(uploaded) == told.delivered["ward"].rows


OPEN = mirror.open_sealed


def test_a_message_that_does_not_survive_sealing_ends_it(start, monkeypatch):
    ward = start()
    fill(ward)
    monkeypatch.setattr(
        mirror,
        "open_sealed",
        lambda key, sealed: OPEN(key, sealed).replace(b'"1.2500"', b'"1.2501"'),
    )
    told = dry_run(ward)
    assert told.exit_code == 1
    assert "sendMedInfo (4.10) is another one once it is sealed and opened" in told.problem


def test_a_batch_in_doubt_is_left_to_the_platform(start):
    ward = start(on_doubt="ask", platform={"faults": ["N.lose_request:sendMedInfo@1"]})
    ward.stay(1)
    ward.fee(1, "10.00")
    ward.run()
    ward.stay(2)
    ward.fee(1, "11.00")
    ward.fee(2, "12.00")
    told = dry_run(ward)
    assert told.delivered["ward"].rows == 1
    assert mirror.UNKNOWN in told.delivered["ward"].waiting["V1"]
    assert told.exit_code == 4


def test_a_visit_that_somebody_else_changed_stays_held(start):
    ward = start()
    ward.stay(1)
    ward.fee(1)
    ward.run()
    ward.simulator.add_fees_by_hand("V1", Decimal("3.50"))
    ward.fee(1, "20.00")
    ward.run()
    told = dry_run(ward)
    assert "13.50" in told.delivered["ward"].held["V1"]
    assert told.exit_code == 4


def test_it_may_go_on_beside_a_run(start):
    ward = start()
    ward.stay(1)
    ward.fee(1)
    with ward.parts().open_ledger() as ledger:
        lease = ledger.take_lease("a run", ttl_s=60)
        told = dry_run(ward)
        ledger.release_lease(lease)
    assert told.delivered["ward"].rows == 1


def test_it_takes_no_time_that_a_run_would_wait(start):
    ward = start()
    ward.stay(1)
    ward.fee(1)
    slept = list(ward.time.slept)
    dry_run(ward)
    assert ward.time.slept == slept


def test_a_ledger_on_postgresql_is_copied_too(start, postgresql_url):
    ward = start()
    fill(ward)
    settings = ward.directory / "connector.yaml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("sqlite:///ledger.db", postgresql_url), encoding="utf-8")
    with ward.parts().open_ledger(create=True):
        pass
    ward.run()
    ward.fee(1, "77.00")
    told = dry_run(ward)
    done = ward.run()
    assert told.staged == done.staged
    assert sums(told) == sums(done)
    assert told.delivered["ward"].rows == 1
