"""Rows from a real database to the platform over HTTP, through every fault: nothing lost, nothing twice."""

from decimal import Decimal

import pytest

from connector.errors import LedgerError
from connector.pipeline.overview import quarantined
from connector.pipeline.progress import Silent
from connector.records import AMOUNT_SCALE

LOST_OR_LATE = [
    "N.body_mid",
    "N.lose_request",
    "N.reset",
    "N.redirect",
    "N.sent_no_answer",
    "N.answer_head",
    "N.answer_mid",
    "N.answer_garbled",
    "N.html_200",
    "N.500.B",
    "N.500.A",
    "N.502.A",
    "N.504.B",
    "P.session_drop",
    "P.soft",
    "P.busy",
]
SETTLED_BY_COUNT = ["P.partial_counts"]
FOR_A_PERSON = ["P.partial_silent", "P.partial_error", "P.counts_lie", "P.counts_more", "P.double"]


def test_a_visit_arrives_whole_and_only_once(start):
    ward = start()
    ward.stay(1)
    ward.order(1)
    for amount in ("10.00", "0.0150", "333.33", "7.1"):
        ward.fee(1, amount)
    first = ward.run()
    assert first.exit_code == 0
    assert ward.platform_rows(1) == ward.his_rows(1)
    assert len(ward.simulator.orders("V1")) == 1
    second = ward.run()
    assert second.delivered == {}
    assert ward.simulator.rows_received == 4


def test_new_rows_and_late_rows_arrive_at_the_next_run(start):
    ward = start()
    ward.stay(1)
    ward.fee(1, key=10)
    ward.fee(1, key=30)
    ward.run()
    ward.fee(1, key=20)  # committed late: lower than what was read already
    ward.fee(1, key=40)
    ward.stay(2)
    ward.fee(2, key=5)  # a new visit, with a row far behind the watermark
    ward.run()
    assert ward.platform_rows(1) == ward.his_rows(1)
    assert ward.platform_rows(2) == ward.his_rows(2)


def test_rows_of_other_patients_stay_at_home(start):
    ward = start()
    ward.stay(1)
    ward.fee(1)
    ward.run()
    ward.fee(99)
    ward.fee(1)
    report = ward.run()
    assert report.staged["fees"].others == 1
    assert ward.platform_rows(1) == ward.his_rows(1)
    assert set(ward.simulator.state.visits) == {"V1"}


@pytest.mark.parametrize("fault", LOST_OR_LATE)
@pytest.mark.parametrize("call", [1, 2])
def test_a_fault_ends_with_every_row_there_once(start, fault, call):
    ward = start(platform={"faults": [f"{fault}:sendMedInfo@{call}"]})
    ward.stay(1)
    ward.stay(2)
    for amount in range(1, 11):
        ward.fee(1, f"{amount}.25")
    ward.fee(2, "77.00")
    report = ward.run_until_quiet()
    assert ward.simulator.faults.fired
    assert ward.platform_rows(1) == ward.his_rows(1)
    assert ward.platform_rows(2) == ward.his_rows(2)
    assert report.exit_code == 0


@pytest.mark.parametrize("fault", ["N.sent_no_answer", "N.reset", "N.500.A", "N.504.B"])
def test_a_fault_at_registration_registers_once(start, fault):
    ward = start(platform={"faults": [f"{fault}:register@1"]})
    ward.stay(1)
    ward.fee(1)
    ward.run_until_quiet()
    assert ward.platform_rows(1) == ward.his_rows(1)
    assert sum(event["event"] == "register" for event in ward.simulator.state.journal) == 1


@pytest.mark.parametrize("fault", ["N.sent_no_answer", "N.reset", "N.500.A"])
def test_a_fault_at_an_order_leaves_one_order(start, fault):
    ward = start(platform={"faults": [f"{fault}:sendMedInfo@1"]})
    ward.stay(1)
    ward.order(1)
    ward.fee(1)
    ward.run_until_quiet()
    assert len(ward.simulator.orders("V1")) == 1
    assert ward.platform_rows(1) == ward.his_rows(1)


@pytest.mark.parametrize("fault", SETTLED_BY_COUNT)
def test_a_partial_save_with_its_count_is_settled_by_the_total(start, fault):
    ward = start(platform={"faults": [f"{fault}:sendMedInfo@1"]})
    ward.stay(1)
    for amount in ("1.00", "2.00", "4.00", "8.00"):
        ward.fee(1, amount)
    report = ward.run_until_quiet()
    assert ward.platform_rows(1) == ward.his_rows(1)
    assert report.exit_code == 0


@pytest.mark.parametrize("fault", FOR_A_PERSON)
def test_what_arithmetic_cannot_tell_is_held_and_nothing_more_is_sent(start, fault):
    ward = start(platform={"faults": [f"{fault}:sendMedInfo@1"]})
    ward.stay(1)
    for amount in ("1.00", "2.00", "4.00", "8.00", "16.00"):
        ward.fee(1, amount)
    report = ward.run()
    assert report.exit_code == 4
    assert list(report.delivered["ward"].held) == ["V1"]
    stored = ward.platform_rows(1)
    ward.stay(2)
    ward.fee(2, "5.00")
    assert ward.run().exit_code == 4
    assert ward.platform_rows(1) == stored
    assert ward.platform_rows(2) == ward.his_rows(2)


def test_a_request_that_commits_late_is_not_sent_again(start):
    """The answer is lost, the platform saves the rows while we wait: the settle time sees them (W10 to W12)."""
    ward = start(platform={"faults": [{"fault": "P.delay_post_session", "at": 1, "delay_s": 3600}]})
    ward.stay(1)
    ward.fee(1, "10.00")
    ward.time.on_sleep = lambda seconds: ward.simulator.release() if seconds > 0.1 else None
    ward.run_until_quiet()
    assert ward.platform_rows(1) == ward.his_rows(1)


def test_a_request_stuck_before_its_session_check_dies_at_the_fence(start):
    ward = start(platform={"faults": [{"fault": "P.delay_pre_session", "at": 1, "delay_s": 3600}]})
    ward.stay(1)
    ward.fee(1, "10.00")
    ward.run_until_quiet()
    ward.simulator.release()
    assert ward.platform_rows(1) == ward.his_rows(1)


def test_on_doubt_ask_leaves_the_decision_to_a_person(start):
    ward = start(on_doubt="ask", platform={"faults": ["N.lose_request:sendMedInfo@1"]})
    ward.stay(1)
    ward.fee(1)
    report = ward.run()
    assert report.exit_code == 4
    assert "on_doubt" in report.delivered["ward"].held["V1"]
    assert ward.simulator.rows_received == 0


def test_one_bad_row_does_not_stop_the_others(start):
    ward = start(platform={"faults": [{"fault": "P.poison", "items": "BAD"}]})
    ward.stay(1)
    for number in range(10):
        ward.fee(1, f"{number + 1}.00", item="BAD" if number == 6 else "XA11")
    report = ward.run_until_quiet()
    assert report.exit_code == 3
    assert sum(ward.platform_rows(1).values()) == 9
    assert ward.platform_rows(1) == ward.his_rows(1) - ward.his_rows(1).__class__(
        {("BAD", Decimal("7.0000")): 1}
    )


def test_a_row_that_the_platform_chokes_on_is_halved_out_and_stops_no_other(start):
    """99999 may mean anything, so each half is settled by the totals before the next goes (protocol C.5)."""
    ward = start(batch_rows=8, platform={"faults": [{"fault": "P.poison", "items": "BAD", "code": "99999"}]})
    ward.stay(1)
    for number in range(8):
        ward.fee(1, f"{number + 1}.00", item="BAD" if number == 4 else "XA11")
    report = ward.run_until_quiet(3)
    standing = report.standings["ward"]
    assert (report.exit_code, standing.held, standing.quarantined_rows) == (3, {}, 1)
    assert ward.his_rows(1) - ward.platform_rows(1) == {("BAD", Decimal("5.0000")): 1}
    (group,) = quarantined(ward.parts()).groups
    assert "fails at this row alone: 99999" in group.violation.message
    ward.simulator.faults.clear()
    ward.change("UPDATE fee SET item = 'XA12' WHERE item = 'BAD'")
    assert ward.run_until_quiet().exit_code == 0
    assert ward.platform_rows(1) == ward.his_rows(1)


def test_a_row_that_breaks_a_rule_waits_in_quarantine_until_it_is_mended(start):
    ward = start()
    ward.stay(1)
    good, bad = ward.fee(1), ward.fee(1, "20.00", price="-20.00", quantity="1")
    report = ward.run()
    assert report.exit_code == 3
    assert sum(ward.platform_rows(1).values()) == 1
    ward.change("UPDATE fee SET price = 20 WHERE id = ?", bad)
    assert ward.run().exit_code == 0
    assert ward.platform_rows(1) == ward.his_rows(1)
    assert good


def test_zero_amounts_are_set_aside(start):
    ward = start()
    ward.stay(1)
    ward.fee(1)
    ward.fee(1, "0.00", price="5.00")
    report = ward.run()
    assert report.exit_code == 0
    assert report.standings["ward"].set_aside_rows == 1
    assert ward.simulator.rows_received == 1


def test_a_refund_follows_its_original(start):
    ward = start()
    ward.stay(1)
    original = ward.fee(1, "30.00", quantity="3")
    ward.fee(1, "-10.00", quantity="-1", refund=original)
    ward.run_until_quiet()
    assert ward.platform_rows(1) == ward.his_rows(1)
    uploads = [event for event in ward.simulator.state.journal if event["event"] == "fees"]
    assert len(uploads) == 2


def test_a_visit_without_its_registration_waits_visibly_and_then_goes(start):
    ward = start()
    ward.stay(1, injury="")
    ward.fee(1)
    report = ward.run()
    assert "registration" in report.delivered["ward"].waiting["1"]
    assert ward.simulator.state.visits == {}
    ward.stay(1)
    ward.run()
    assert ward.platform_rows(1) == ward.his_rows(1)


def test_somebody_elses_entry_on_the_web_page_holds_the_visit(start):
    ward = start()
    ward.stay(1)
    ward.fee(1)
    ward.run()
    ward.simulator.add_fees_by_hand("V1", Decimal("3.50"))
    ward.fee(1, "20.00")
    report = ward.run()
    assert report.exit_code == 4
    assert "13.50" in report.delivered["ward"].held["V1"]
    assert ward.simulator.rows_received == 2  # ours of the first run, and the one by hand


def test_a_row_changed_after_it_was_accepted_is_reported_and_not_sent_again(start):
    ward = start()
    ward.stay(1)
    key = ward.fee(1, "10.00")
    ward.run()
    ward.change("UPDATE fee SET price = 12, amount = 12 WHERE id = ?", key)
    report = ward.run()
    assert report.standings["ward"].changed == 1
    assert ward.simulator.rows_received == 1
    assert ward.simulator.total("V1") == 10 * 10**AMOUNT_SCALE


def test_comparison_sees_changes_and_deletions(start):
    ward = start(changes="{by: comparison}")
    ward.stay(1)
    kept, dropped = ward.fee(1, "10.00"), ward.fee(1, "20.00")
    ward.run()
    ward.change("UPDATE fee SET price = 11, amount = 11 WHERE id = ?", kept)
    ward.change("DELETE FROM fee WHERE id = ?", dropped)
    report = ward.run()
    assert (report.standings["ward"].changed, report.standings["ward"].vanished) == (1, 1)
    assert ward.simulator.rows_received == 2


def test_a_change_of_the_mapping_sends_nothing_again(start):
    ward = start()
    ward.stay(1)
    ward.fee(1)
    ward.run()
    file = ward.directory / "mappings" / "fees.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("CF1", "CF2"), encoding="utf-8")
    report = ward.run()
    assert report.staged["fees"].counts.mapping_changed == 1
    assert ward.simulator.rows_received == 1


def test_the_platform_away_keeps_rows_staged_for_the_next_run(start):
    ward = start()
    ward.stay(1)
    ward.fee(1)
    config = ward.directory / "connector.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace(ward.simulator.url, "http://127.0.0.1:9/nm-his"), encoding="utf-8")
    report = ward.run()
    assert report.exit_code == 1
    assert report.standings["ward"].staged_rows == 1
    config.write_text(text, encoding="utf-8")
    assert ward.run().exit_code == 0
    assert ward.platform_rows(1) == ward.his_rows(1)


def test_a_stop_between_two_batches_leaves_the_rest_for_the_next_run(start):
    ward = start(platform={"faults": ["N.sent_no_answer:sendMedInfo@2"]})
    ward.stay(1)
    for number in range(12):
        ward.fee(1, f"{number + 1}.00")
    ward.time.on_sleep = lambda seconds: ward.stop.set()
    report = ward.run()
    assert report.exit_code == 130
    assert "stopped" in report.problem
    ward.stop.clear()
    ward.time.on_sleep = lambda seconds: None
    ward.run_until_quiet()
    assert ward.platform_rows(1) == ward.his_rows(1)


def test_without_a_ledger_nothing_is_sent(start):
    ward = start()
    ward.stay(1)
    ward.fee(1)
    (ward.directory / "ledger.db").unlink()
    with pytest.raises(LedgerError, match="connector init"):
        ward.run()
    assert ward.simulator.calls == []


def test_rows_that_come_after_a_first_run_was_cut_off_are_not_lost(start):
    """The first reading is by visit; the position from which to follow must be older than it."""
    ward = start(changes="{by: sequence, column: id}")
    ward.stay(1)
    ward.fee(1)
    ward.stay(2)
    progress = Silent()
    progress.advance = lambda what, units=1: ward.stop.set() if what == "stage fees" else None
    assert "stopped" in ward.run(progress).problem
    ward.stop.clear()
    ward.fee(1, "20.00")
    ward.fee(2, "30.00")
    ward.run_until_quiet()
    assert ward.platform_rows(1) == ward.his_rows(1)
    assert ward.platform_rows(2) == ward.his_rows(2)


def test_an_order_that_was_stopped_goes_again_under_its_number(start):
    ward = start()
    ward.stay(1)
    number = ward.order(1, "一级护理")
    ward.run()
    ward.time.sleep(60)
    ward.order(1, "一级护理，已停", key=number)
    report = ward.run()
    assert report.staged["orders"].counts.changed == 1
    assert [order["alk009"] for order in ward.simulator.orders("V1")] == ["一级护理，已停"]
    assert ward.run().delivered == {}


def test_a_visit_that_ends_makes_room_for_the_next_at_once(start):
    ward = start(visits_in_flight=1, read_lag_s=0)
    for zyh in (1, 2, 3):
        ward.stay(zyh)
        ward.fee(zyh)
    assert ward.run().delivered["ward"].rows == 3
    assert ward.time.slept == []
