"""Resets, which a person approved: all fees of a visit are deleted on the platform and sent anew (protocol C.7)."""

from decimal import Decimal

import pytest

from connector.ledger.decisions import Decision
from connector.load.client import PlatformClient
from connector.simulator.visit import scaled
from tests.e2e.far import far_rows, send_far
from tests.e2e.test_counterexamples import Killed, assert_whole, two_rows, watch

SETTLE_S = 1800
INVALIDATE = "invalidData"


def approve(ward, number="V1"):
    """What `connector resolve V1 --reset` keeps."""
    with ward.parts().open_ledger() as ledger:
        (visit,) = ledger.find_visits(number)
        ledger.judgements.approve_reset(Decision("reset", "approved", "dba", "ambiguous", visit.visit_id))


def history(ward):
    with ward.parts().open_ledger(read_only=True) as ledger:
        return ledger.decisions()


def deletions(ward):
    return [method for method, _ in ward.simulator.calls if method == INVALIDATE]


def zero_sum(ward):
    """A visit whose fees cancel out: its total cannot tell whether they are there."""
    ward.stay(1)
    original = ward.fee(1, "10.00")
    ward.fee(1, "-10.00", quantity="-1", refund=original)
    ward.run_until_quiet()
    assert sum(ward.platform_rows(1).values()) == 2


def test_a_reset_deletes_everything_and_sends_what_the_his_says_now(start):
    """Rows entered by hand go too; a row that the HIS has changed since is sent as it is now."""
    ward = start()
    two_rows(ward)
    ward.run()
    ward.simulator.add_fees_by_hand("V1", Decimal(7))
    ward.change("UPDATE fee SET amount = '15.00', price = '15' WHERE id = 1")
    ward.fee(1, "5.00")
    assert "V1" in ward.run().delivered["ward"].held
    approve(ward)
    report = ward.run()
    assert "deleted" in report.delivered["ward"].waiting["V1"]
    assert report.standings["ward"].held == {}
    assert ward.platform_rows(1) == {}
    assert ward.run_until_quiet().exit_code == 0
    assert_whole(ward)
    assert ward.simulator.total("V1") == scaled(Decimal(40))
    assert [one.is_pending for one in history(ward)] == [False]
    assert len(deletions(ward)) == 1


def test_a_visit_held_as_ambiguous_is_settled_by_a_reset(start):
    ward = start()
    ward.stay(1)
    ward.fee(1, "10.00")
    ward.fee(1, "10.00", item="XB22")
    ward.simulator.switch_on({"fault": "P.partial_silent", "keep": [0], "times": 1})
    assert "V1" in ward.run_until_quiet().delivered["ward"].held
    approve(ward)
    assert ward.run_until_quiet().exit_code == 0
    assert_whole(ward)


def test_w20_a_total_of_zero_does_not_prove_that_a_visit_is_empty(start):
    """Stored +10/-10; the deletion is lost on its way; the total is zero, as if it had not been."""
    ward = start()
    zero_sum(ward)
    ward.simulator.switch_on(f"N.lose_request:{INVALIDATE}@1")
    approve(ward)
    begun = ward.time.now
    ward.run()
    assert (ward.time.now - begun).total_seconds() >= SETTLE_S
    assert ward.run_until_quiet().exit_code == 0
    assert_whole(ward)
    assert len(deletions(ward)) == 1  # the lost one never arrived


@pytest.mark.parametrize("visit", [two_rows, zero_sum])
def test_w21_a_deletion_that_comes_late_takes_nothing_with_it(start, monkeypatch, visit):
    """Killed while the platform deletes; the run after it must not send before that deletion is dead."""
    ward = start()
    visit(ward)
    ward.run_until_quiet()
    approve(ward)
    ward.simulator.switch_on(
        {"fault": "P.delay_post_session", "operation": INVALIDATE, "times": 1, "delay_s": 3600}
    )
    real = PlatformClient.call
    died = []

    def die(method, body):
        if method == INVALIDATE and not died:
            died.append(ward.time.now)
            raise Killed

    watch(monkeypatch, after=die)
    with pytest.raises(Killed):
        ward.run()
    monkeypatch.setattr(PlatformClient, "call", real)
    assert ward.simulator.pending

    def release(seconds):
        """It takes effect just before the settle time is over."""
        if ward.simulator.pending and (ward.time.now - died[0]).total_seconds() + seconds > SETTLE_S - 100:
            ward.simulator.release()

    ward.time.on_sleep = release
    assert ward.run_until_quiet().exit_code == 0
    assert not ward.simulator.pending
    assert_whole(ward)


@pytest.mark.parametrize(
    "fault",
    ["N.sent_no_answer", "N.500.A", "N.answer_garbled", "P.soft", "P.session_drop", "P.busy", "N.reset"],
)
def test_a_deletion_without_a_plain_answer_ends_well_by_itself(start, fault):
    ward = start()
    two_rows(ward)
    ward.run()
    ward.simulator.switch_on(f"{fault}:{INVALIDATE}@1")
    approve(ward)
    for _ in range(3):
        report = ward.run()
    assert report.exit_code == 0
    assert_whole(ward)
    assert [one.is_pending for one in history(ward)] == [False]


def test_a_visit_without_fees_on_the_platform_is_as_good_as_deleted(start):
    ward = start()
    two_rows(ward)
    ward.run()
    ward.simulator.switch_on("P.manual_delete:getPerDetail@1")
    ward.fee(1, "5.00")
    assert "V1" in ward.run().delivered["ward"].held
    approve(ward)
    assert ward.run_until_quiet().exit_code == 0
    assert ("invalidData", "130004") in ward.simulator.calls
    assert_whole(ward)


def test_a_patient_who_has_left_is_not_reset(start):
    ward = start()
    two_rows(ward)
    ward.run()
    ward.simulator.close_visit("V1")
    approve(ward)
    report = ward.run()
    assert "4.14" in report.delivered["ward"].held["V1"]
    assert report.standings["ward"].accepted_rows == 2
    assert_whole(ward)
    assert [one.is_pending for one in history(ward)] == [False]
    ward.run()
    assert len(deletions(ward)) == 1


def test_a_refused_reset_leaves_a_batch_in_doubt(start):
    ward = start(on_doubt="ask", platform={"faults": ["N.lose_request:sendMedInfo@1"]})
    two_rows(ward)
    assert "V1" in ward.run().delivered["ward"].held
    ward.simulator.switch_on({"fault": "P.hard", "code": "130003", "operation": INVALIDATE, "times": 1})
    approve(ward)
    report = ward.run()
    assert "130003" in report.delivered["ward"].held["V1"]
    assert report.standings["ward"].doubt_rows == 2
    assert ward.simulator.rows_received == 0


def test_somebody_who_enters_fees_while_a_visit_is_reset_is_noticed(start, monkeypatch):
    ward = start()
    two_rows(ward)
    ward.run()
    approve(ward)

    def after(method, body):
        if method == INVALIDATE:
            ward.simulator.add_fees_by_hand("V1", Decimal(3))

    with monkeypatch.context() as patched:
        watch(patched, after=after)
        assert "3.00" in ward.run().delivered["ward"].held["V1"]
    assert len(deletions(ward)) == 2
    ward.run()
    assert len(deletions(ward)) == 2
    ward.simulator.add_fees_by_hand("V1", Decimal(-3))
    assert ward.run_until_quiet().exit_code == 0
    assert ward.simulator.total("V1") == scaled(Decimal(30))


def test_a_row_that_is_gone_from_the_his_stays_visible(start):
    ward = start(changes="{by: sequence, column: id, lookback: 100}")
    two_rows(ward)
    ward.run()
    ward.change("DELETE FROM fee WHERE id = 1")
    approve(ward)
    report = ward.run_until_quiet()
    assert_whole(ward)
    assert report.standings["ward"].quarantined_rows == 1
    with ward.parts().open_ledger(read_only=True) as ledger:
        (row,) = ledger.quarantine.rows()
    assert "not in the HIS any more" in row.violations[0].message


def test_a_visit_from_another_province_is_reset_by_its_own_interface(start):
    """4.25 and 4.24 instead of 4.11 and 4.10; without an answer it is asked for again."""
    ward = start()
    send_far(ward)
    two_rows(ward)
    ward.order(1)
    ward.run()
    assert far_rows(ward, 1) == ward.his_rows(1)
    ward.simulator.switch_on("N.sent_no_answer:medInfoInvalidData@1")
    ward.change("UPDATE fee SET amount = '15.00', price = '15' WHERE id = 1")
    approve(ward)
    begun = ward.time.now
    assert "deleted" in ward.run().delivered["ward"].waiting["V1"]
    assert (ward.time.now - begun).total_seconds() >= SETTLE_S
    assert far_rows(ward, 1) == {}
    assert ward.run_until_quiet().exit_code == 0
    assert far_rows(ward, 1) == ward.his_rows(1)
    asked = [call for call in ward.simulator.calls if call[0] == "medInfoInvalidData"]
    assert [code for _, code in asked] == ["0", "340004"]
    assert [one.is_pending for one in history(ward)] == [False]


def test_an_audited_visit_from_another_province_is_not_reset(start):
    ward = start()
    send_far(ward)
    two_rows(ward)
    ward.run()
    ward.simulator.audit("V1")
    approve(ward)
    assert "340005" in ward.run().delivered["ward"].held["V1"]
    assert far_rows(ward, 1) == ward.his_rows(1)


def test_orders_are_sent_again_after_a_reset(start):
    """Whether a deletion takes the orders with it is not stated (trap T107); sent again, they overwrite themselves."""
    ward = start()
    two_rows(ward)
    ward.order(1)
    ward.run()
    ward.simulator.state.visits["V1"].orders.clear()
    approve(ward)
    ward.run()
    assert ward.run_until_quiet().exit_code == 0
    assert len(ward.simulator.orders("V1")) == 1
    assert_whole(ward)
