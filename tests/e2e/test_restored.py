"""A ledger that was brought back from a copy, or lost: it sends nothing that may be there already (W17, W25, W28)."""

import shutil
from collections import Counter

import pytest

from connector.errors import LedgerError
from connector.ledger.decisions import Decision
from connector.ledger.judgements import RESET
from connector.load.client import PlatformClient

SETTLE_S = 1800


class Killed(BaseException):
    """The process is dead: nothing may catch it."""


def keep_copy(ward):
    return shutil.copy(ward.directory / "ledger.db", ward.directory / f"copy-{len(ward.simulator.calls)}.db")


def bring_back(ward, copy):
    lose(ward, "ledger.db")
    shutil.copy(copy, ward.directory / "ledger.db")


def lose(ward, *names):
    for name in names:
        for file in ward.directory.glob(f"{name}*"):
            file.unlink()


def pair(ward, zyh=1):
    """A charge and its refund: sent, they come to nothing."""
    ward.fee(zyh, "-10.00", quantity="-1", refund=ward.fee(zyh, "10.00"))


def assert_no_copies(ward, zyh=1):
    assert ward.platform_rows(zyh) - ward.his_rows(zyh) == Counter()


def test_w17_a_visit_that_comes_to_nothing_is_not_sent_again_by_an_old_ledger(start):
    ward = start()
    ward.stay(1)
    ward.run()
    copy = keep_copy(ward)
    pair(ward)
    ward.run_until_quiet()
    received = ward.simulator.rows_received
    bring_back(ward, copy)
    for _ in range(2):
        report = ward.run()
        assert report.exit_code == 4
        assert "restored" in report.standings["ward"].held["V1"]
    assert ward.simulator.rows_received == received
    assert_no_copies(ward)


def test_w28_the_witness_is_no_counter(start):
    """Claimed once and lost; brought back and gone on to the same number; brought back to what was lost."""
    ward = start()
    ward.stay(1)
    ward.run()
    early = keep_copy(ward)
    ward.fee(1, "20.00")
    ward.run()
    late = keep_copy(ward)
    bring_back(ward, early)
    ward.run()
    with ward.parts().open_ledger() as ledger:
        ledger.trust.clear([one.visit_id for one in ledger.trust.suspects()])
    ward.change("DELETE FROM fee")
    pair(ward)
    ward.run_until_quiet()
    received = ward.simulator.rows_received
    bring_back(ward, late)
    report = ward.run_until_quiet()
    assert report.exit_code == 4
    assert "restored" in report.standings["ward"].held["V1"]
    assert ward.simulator.rows_received == received


@pytest.mark.parametrize("release_after_s", [5, SETTLE_S - 100])
def test_w25_a_new_ledger_waits_for_what_a_lost_one_sent(start, monkeypatch, release_after_s):
    """The ledger is lost with its witness while its upload is under way; the platform shows nothing of it yet."""
    ward = start(platform={"faults": [{"fault": "P.delay_post_session", "at": 1, "delay_s": 10 * SETTLE_S}]})
    ward.stay(1)
    ward.fee(1, "10.00")
    real = PlatformClient.call

    def die(self, operation, body, sessionid, **more):
        outcome = real(self, operation, body, sessionid, **more)
        if operation.method == "sendMedInfo":
            raise Killed
        return outcome

    monkeypatch.setattr(PlatformClient, "call", die)
    with pytest.raises(Killed):
        ward.run()
    monkeypatch.setattr(PlatformClient, "call", real)
    lose(ward, "ledger.db", "ledger.witness")
    with ward.parts().open_ledger(create=True):
        pass
    begun = ward.time.now
    late = []

    def release(_seconds):
        if ward.simulator.pending and (ward.time.now - begun).total_seconds() > release_after_s:
            late.append(ward.simulator.release())

    ward.time.on_sleep = release
    report = ward.run()
    assert late
    assert "somebody else changed this visit" in report.delivered["ward"].held["V1"]
    assert_no_copies(ward)


def test_a_new_ledger_waits_for_nothing_where_the_platform_takes_its_registrations(start):
    ward = start()
    ward.stay(1)
    ward.fee(1)
    begun = ward.time.now
    assert ward.run().exit_code == 0
    assert (ward.time.now - begun).total_seconds() < SETTLE_S


def test_after_a_restoration_a_visit_that_the_platform_does_not_list_goes_on_by_itself(start):
    ward = start()
    ward.stay(1)
    ward.run()
    copy = keep_copy(ward)
    ward.fee(1)
    ward.run()
    bring_back(ward, copy)
    ward.stay(2)
    ward.fee(2, "20.00")
    begun = ward.time.now
    assert ward.run().exit_code == 4
    assert (ward.time.now - begun).total_seconds() >= SETTLE_S
    assert ward.platform_rows(2) == ward.his_rows(2)
    assert_no_copies(ward)
    ward.stay(3)
    ward.fee(3, "30.00")
    begun = ward.time.now
    assert ward.run().exit_code == 4
    assert (ward.time.now - begun).total_seconds() < SETTLE_S
    assert ward.platform_rows(3) == ward.his_rows(3)


def test_a_dry_run_says_what_a_restored_ledger_holds_and_keeps_the_witness(start):
    from connector.pipeline.progress import Silent
    from connector.pipeline.rehearse import rehearse

    ward = start()
    ward.stay(1)
    ward.run()
    copy = keep_copy(ward)
    ward.fee(1)
    ward.run()
    bring_back(ward, copy)
    witness = ward.directory / "ledger.witness"
    before = witness.read_bytes()
    report = rehearse(ward.parts(), [], progress=Silent(), is_stopping=lambda: False)
    assert "restored" in report.standings["ward"].held["V1"]
    assert witness.read_bytes() == before


def test_a_lost_witness_stops_every_run_until_it_is_back(start):
    ward = start()
    ward.stay(1)
    ward.run()
    witness = ward.directory / "ledger.witness"
    aside = witness.rename(ward.directory / "aside")
    ward.fee(1)
    calls = len(ward.simulator.calls)
    with pytest.raises(LedgerError, match=r"its witness .* is missing"):
        ward.run()
    assert len(ward.simulator.calls) == calls
    aside.rename(witness)
    assert ward.run().exit_code == 0


def test_without_a_witness_nothing_is_compared(start):
    ward = start()
    file = ward.directory / "connector.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"file:ledger.key"', '"file:ledger.key", witness: none'), encoding="utf-8")
    ward.stay(1)
    assert ward.run().exit_code == 0
    assert not (ward.directory / "ledger.witness").exists()


def test_an_approved_reset_leads_a_restored_visit_back_to_certainty(start):
    ward = start()
    ward.stay(1)
    ward.fee(1, "10.00")
    ward.run()
    copy = keep_copy(ward)
    pair(ward)
    ward.run_until_quiet()
    bring_back(ward, copy)
    assert ward.run().exit_code == 4
    with ward.parts().open_ledger() as ledger:
        (suspect,) = ledger.trust.suspects()
        ledger.judgements.approve_reset(Decision(RESET, "reset", "Li", "restored", suspect.visit_id))
    assert ward.run_until_quiet().exit_code == 0
    assert ward.platform_rows(1) == ward.his_rows(1)
    with ward.parts().open_ledger(read_only=True) as ledger:
        assert ledger.trust.suspects() == []
        assert [one for one in ledger.inspect() if one.broken] == []
