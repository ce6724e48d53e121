"""Each counterexample of the delivery protocol that concerns sending, by its number: the schedule that breaks a
weaker connector. Take away what prevents it, and its test fails.
"""

import json
from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest

from connector.errors import LeaseHeld, LedgerError
from connector.ledger.staging import Staging
from connector.load.client import PlatformClient
from tests.e2e.striking import LAG_S, SETTLE_S, Killed, lag, two_rows, watch


def assert_whole(ward, zyh=1):
    assert ward.platform_rows(zyh) == ward.his_rows(zyh)


def assert_no_copies(ward, zyh=1):
    assert ward.platform_rows(zyh) - ward.his_rows(zyh) == Counter()


def assert_one_sign(ward):
    """No upload holds both charges and refunds."""
    for event in ward.simulator.state.journal:
        if event["event"] == "fees":
            assert len({fee.amount > 0 for fee in event["fees"]}) == 1


def test_w01_w02_an_answer_that_is_lost_sends_nothing_twice(start):
    ward = start(platform={"faults": ["N.sent_no_answer:sendMedInfo@1"]})
    two_rows(ward)
    assert ward.run_until_quiet().exit_code == 0
    assert_whole(ward)


def test_w03_rows_that_are_read_again_are_not_sent_again(start):
    ward = start()
    two_rows(ward)
    ward.run()
    for changes in ("{by: comparison}", "{by: sequence, column: id, lookback: 1000000}"):
        file = ward.directory / "mappings" / "fees.yaml"
        text = file.read_text(encoding="utf-8")
        line = next(line for line in text.splitlines() if line.startswith("  changes"))
        file.write_text(text.replace(line, f"  changes: {changes}"), encoding="utf-8")
        ward.run()
    assert_whole(ward)


def test_w04_the_watermark_never_moves_without_its_rows(start, monkeypatch):
    ward = start(changes="{by: sequence, column: id}")
    ward.stay(1)
    ward.fee(1)
    ward.run()
    ward.fee(1, "20.00")
    ward.fee(1, "30.00")
    real = Staging._apply

    def fail(self, link, mapping, visits, block, **options):
        counts = real(self, link, mapping, visits, block, **options)
        if block.mapping == "fees":
            raise LedgerError("the disk is full")
        return counts

    monkeypatch.setattr(Staging, "_apply", fail)
    with pytest.raises(LedgerError):
        ward.run()
    monkeypatch.setattr(Staging, "_apply", real)
    ward.run()
    assert_whole(ward)


def test_w05_a_row_behind_the_watermark_is_found(start):
    ward = start(changes="{by: sequence, column: id, lookback: 10}")
    ward.stay(1)
    ward.fee(1, key=20)
    ward.run()
    ward.fee(1, "20.00", key=15)
    ward.run()
    assert_whole(ward)


def test_w06_two_equal_rows_are_two_rows(start):
    ward = start()
    ward.stay(1)
    for _ in range(3):
        ward.fee(1, "10.00")
    ward.run()
    assert_whole(ward)
    assert sum(ward.platform_rows(1).values()) == 3


def test_w08_a_refund_never_travels_with_its_original(start):
    """The platform of this test takes both at once, and afterwards its total is as before."""
    faults = ["N.sent_no_answer:sendMedInfo@1"]
    ward = start(platform={"faults": faults, "check_rules": False, "keep_rows": True})
    ward.stay(1)
    original = ward.fee(1, "10.00")
    ward.fee(1, "-10.00", quantity="-1", refund=original)
    assert ward.run_until_quiet().exit_code == 0
    assert_whole(ward)
    assert_one_sign(ward)


@pytest.mark.parametrize("linked", [True, False])
def test_w09_a_batch_holds_amounts_of_one_sign(start, linked):
    """{+10, -10, +5}: the platform saves the first two and answers an error; the total is as before."""
    ward = start()
    ward.stay(1)
    original = ward.fee(1, "10.00")
    ward.run()
    ward.fee(1, "10.00", item="XB22")
    ward.fee(1, "-10.00", quantity="-1", refund=original if linked else None)
    ward.fee(1, "5.00")
    ward.simulator.switch_on({"fault": "P.partial_error", "keep": [0, 1], "times": 1})
    ward.run_until_quiet()
    assert_no_copies(ward)
    assert_one_sign(ward)


def test_w23_a_part_of_a_batch_never_looks_like_the_whole(start):
    """{+10, -10, +10}: only the first is saved, without an answer; the total shows ten more, as for all three."""
    ward = start()
    ward.stay(1)
    original = ward.fee(1, "10.00")
    ward.run()
    ward.fee(1, "10.00", item="XB22")
    ward.fee(1, "-10.00", quantity="-1", refund=original)
    ward.fee(1, "10.00", item="XC33")
    ward.simulator.switch_on({"fault": "P.partial_silent", "keep": [0], "times": 1})
    report = ward.run()
    assert "V1" in report.delivered["ward"].held
    assert report.standings["ward"].accepted_rows == 1
    assert_one_sign(ward)


@pytest.mark.parametrize("release_after_s", [LAG_S + 5, SETTLE_S - 100])
def test_w10_w11_a_request_that_takes_effect_late_is_waited_for(start, monkeypatch, release_after_s):
    ward = start(platform={"faults": [{"fault": "P.delay_post_session", "at": 1, "delay_s": 3600}]})
    two_rows(ward)
    begun = []

    def release(method="", body=b""):
        if method == "sendMedInfo":
            begun.append(ward.time.now)
        is_due = begun and (ward.time.now - begun[0]).total_seconds() > release_after_s
        if ward.simulator.pending and (is_due or len(begun) > 1):
            ward.simulator.release()

    watch(monkeypatch, release)
    ward.time.on_sleep = lambda seconds: release()
    ward.run_until_quiet()
    assert_whole(ward)


def test_w12_a_request_that_waits_for_its_session_check_dies_at_the_fence(start, monkeypatch):
    ward = start(platform={"faults": [{"fault": "P.delay_pre_session", "at": 1, "delay_s": 3600}]})
    two_rows(ward)
    uploads = []

    def after(method, body):
        uploads.extend([method] * (method == "sendMedInfo"))
        if len(uploads) > 1 and ward.simulator.pending:
            ward.simulator.release()  # the connector has sent again: now the first one goes on

    watch(monkeypatch, after=after)
    ward.run_until_quiet()
    assert len(uploads) == 2 + 1  # the lost one, and after a doubt row by row
    assert_whole(ward)


def test_w13_an_error_does_not_prove_that_nothing_was_saved(start):
    ward = start()
    two_rows(ward)
    ward.simulator.switch_on({"fault": "P.partial_error", "keep": [0], "times": 1})
    report = ward.run_until_quiet()
    assert_no_copies(ward)
    assert report.standings["ward"].doubt_rows == 2


def test_an_error_that_saved_everything_is_a_contradiction(start):
    ward = start()
    two_rows(ward)
    ward.simulator.switch_on({"fault": "P.partial_error", "keep": [0, 1], "times": 1})
    report = ward.run_until_quiet()
    assert_whole(ward)
    assert "yet its total shows the whole batch" in report.delivered["ward"].held["V1"]


def test_two_witnesses_have_to_agree_that_nothing_is_there(start, monkeypatch):
    """4.15 stays old for ever; 4.12 knows better."""
    ward = start(platform={"faults": ["N.sent_no_answer:sendMedInfo@1"]})
    two_rows(ward)

    def after(method, body):
        if method == "sendMedInfo":
            ward.simulator.switch_on({"fault": "P.stale", "operation": "getPerDetail", "every": 1})

    watch(monkeypatch, after=after)
    report = ward.run_until_quiet()
    assert_whole(ward)
    assert "4.12" in report.delivered["ward"].held["V1"]


def test_w14_a_yes_does_not_prove_that_everything_was_saved(start):
    ward = start()
    two_rows(ward)
    ward.simulator.switch_on({"fault": "P.partial_counts", "keep": [0], "times": 1})
    assert ward.run_until_quiet().exit_code == 0
    assert_whole(ward)


def test_w15_a_total_is_read_before_it_is_built_upon(start):
    ward = start()
    ward.stay(1)
    ward.fee(1, "5.00")
    ward.run()
    ward.simulator.add_fees_by_hand("V1", Decimal(10))
    ward.fee(1, "10.00")
    ward.simulator.switch_on("N.lose_request:sendMedInfo")
    report = ward.run()
    assert "V1" in report.delivered["ward"].held
    assert report.standings["ward"].accepted_rows == 1


def test_w16_a_row_that_totals_cannot_show_is_held_when_in_doubt(start):
    ward = start(platform={"faults": ["N.sent_no_answer:sendMedInfo@1"]})
    ward.stay(1)
    ward.fee(1, "0.0040")
    report = ward.run_until_quiet()
    assert_whole(ward)
    assert report.exit_code == 4


def test_w16_a_row_that_totals_cannot_show_travels_alone(start):
    ward = start()
    two_rows(ward)
    ward.fee(1, "0.0040")
    ward.run()
    assert_whole(ward)
    uploads = [event["fees"] for event in ward.simulator.state.journal if event["event"] == "fees"]
    assert sorted(len(fees) for fees in uploads) == [1, 2]
    assert [fees[0].amount for fees in uploads if len(fees) == 1] == [40]


def test_w18_a_second_process_is_kept_out(start, monkeypatch):
    ward = start()
    two_rows(ward)
    refused = []

    def second(method, body):
        if method == "sendMedInfo" and not refused:
            refused.append(method)
            with pytest.raises(LeaseHeld):
                ward.run()

    watch(monkeypatch, second)
    ward.run()
    assert refused
    assert_whole(ward)


def test_w19_a_session_found_in_the_ledger_is_closed_and_not_used(start):
    ward = start()
    two_rows(ward)
    sessionid = ward.simulator.state.log_in("demo")
    with ward.parts().open_ledger() as ledger:
        ledger.put_session("demo", sessionid)
    ward.run()
    assert [method for method, _ in ward.simulator.calls[:2]] == ["logout", "login"]
    assert_whole(ward)


def test_w22_totals_right_after_an_error_may_be_old(start, monkeypatch):
    ward = start()
    two_rows(ward)
    ward.simulator.switch_on({"fault": "P.partial_error", "keep": [0], "times": 1})
    lag(monkeypatch, ward, from_upload=1)
    ward.run_until_quiet()
    assert_no_copies(ward)


def test_w24_a_part_is_not_believed_on_totals_alone(start):
    """{+10, +20} is lost, and somebody enters 10 by hand meanwhile."""
    ward = start(platform={"faults": ["N.lose_request:sendMedInfo@1"]})
    two_rows(ward)
    by_hand = [Decimal(10)]
    ward.time.on_sleep = lambda seconds: by_hand and ward.simulator.add_fees_by_hand("V1", by_hand.pop())
    report = ward.run()
    assert "V1" in report.delivered["ward"].held
    assert report.standings["ward"].accepted_rows == 0


@pytest.mark.parametrize("moment", ["before it is sent", "after it was saved"])
def test_w26_w27_a_process_dies_beside_its_upload(start, monkeypatch, moment):
    ward = start()
    two_rows(ward)
    died = []

    def die(method, body):
        if method == "sendMedInfo" and not died:
            died.append(method)
            raise Killed

    real = PlatformClient.call
    watch(monkeypatch, **{"before" if moment == "before it is sent" else "after": die})
    with pytest.raises(Killed):
        ward.run()
    monkeypatch.setattr(PlatformClient, "call", real)
    assert ward.run_until_quiet().exit_code == 0
    assert_whole(ward)


def test_w29_an_old_total_does_not_confirm_a_refund(start, monkeypatch):
    ward = start()
    ward.stay(1)
    original = ward.fee(1, "10.00")
    ward.fee(1, "-10.00", quantity="-1", refund=original)
    ward.simulator.switch_on("N.lose_request:sendMedInfo@2")
    lag(monkeypatch, ward, from_upload=2)
    assert ward.run_until_quiet().exit_code == 0
    assert_whole(ward)


def test_a_total_that_lags_behind_holds_nothing(start, monkeypatch):
    ward = start()
    two_rows(ward)
    lag(monkeypatch, ward, from_upload=1)
    assert ward.run().exit_code == 0
    assert "P.stale" in {name for name, _ in ward.simulator.faults.fired}


def test_an_old_total_is_read_again_before_it_is_built_upon(start, monkeypatch):
    """Somebody enters ten by hand between two batches that lie a quarter of an hour apart."""
    ward = start(batch_rows=1)
    two_rows(ward)

    def after(method, body):
        if method == "sendMedInfo":
            ward.time.now += timedelta(minutes=15)
            ward.simulator.add_fees_by_hand("V1", Decimal(10))

    watch(monkeypatch, after=after)
    report = ward.run()
    assert "V1" in report.delivered["ward"].held
    assert report.standings["ward"].accepted_rows == 1


# What a review of the delivery found


@pytest.mark.parametrize("ended", ["stopped", "no total to be had"])
def test_a_total_that_was_not_checked_is_checked_at_the_next_run(start, ended):
    """The gateway repeats the upload, and the run ends before the total after it is read."""
    ward = start(platform={"faults": ["P.double:sendMedInfo@1"]})
    two_rows(ward)
    if ended == "stopped":
        watch_stop = ward.simulator.state.commit

        def commit(event, **facts):
            watch_stop(event, **facts)
            if event == "fees":
                ward.stop.set()

        ward.simulator.state.commit = commit
    else:
        ward.simulator.switch_on({"fault": "P.soft", "operation": "getPerDetail", "at": 2})
    ward.run()
    ward.stop.clear()
    report = ward.run()
    assert "V1" in report.delivered["ward"].held


def test_a_visit_that_was_put_right_by_hand_goes_on(start):
    ward = start()
    two_rows(ward)
    ward.run()
    ward.simulator.add_fees_by_hand("V1", Decimal(10))
    ward.fee(1, "30.00")
    assert "V1" in ward.run().delivered["ward"].held
    ward.simulator.add_fees_by_hand("V1", Decimal(-10))  # taken out again
    report = ward.run()
    assert report.exit_code == 0
    assert report.standings["ward"].accepted_rows == 3


def test_a_held_visit_without_anything_to_send_is_looked_at_too(start):
    ward = start(changes="{by: comparison}")
    ward.stay(1)
    ward.run()
    ward.simulator.add_fees_by_hand("V1", Decimal(10))
    row = ward.fee(1)
    assert "V1" in ward.run().delivered["ward"].held
    ward.change("DELETE FROM fee WHERE id = ?", row)
    ward.simulator.add_fees_by_hand("V1", Decimal(-10))
    assert ward.run().standings["ward"].held == {}


def test_a_refund_that_waits_does_not_keep_a_visit_held(start):
    ward = start()
    two_rows(ward)
    ward.fee(1, "-10.00", quantity="-1", refund=999)
    ward.simulator.switch_on({"fault": "P.hard", "code": "81005", "operation": "sendMedInfo", "times": 1})
    assert "V1" in ward.run().delivered["ward"].held
    report = ward.run()
    assert report.standings["ward"].held == {}
    assert "999" in report.delivered["ward"].waiting["V1"]
    assert sum(ward.platform_rows(1).values()) == 2


@pytest.mark.parametrize("code", ["99999", "110021"])
def test_a_second_total_that_cannot_be_read_is_asked_for_again(start, code):
    ward = start(platform={"faults": ["N.lose_request:sendMedInfo@1"]})
    two_rows(ward)
    ward.simulator.switch_on({"fault": "P.soft", "code": code, "operation": "discharge", "times": 1})
    report = ward.run()
    assert report.delivered["ward"].held == {}
    assert ward.run_until_quiet().exit_code == 0
    assert_whole(ward)


def test_a_visit_that_has_left_is_judged_by_its_one_total(start):
    ward = start()
    two_rows(ward)
    ward.run()
    ward.fee(1, "30.00")
    ward.simulator.close_visit("V1")
    report = ward.run()
    assert "81005" in report.delivered["ward"].held["V1"]
    assert report.standings["ward"].doubt_rows == 0


def test_a_number_that_belongs_to_another_person_is_held(start):
    ward = start()
    two_rows(ward)
    ward.simulator.state.commit(
        "register", visit="V1", data={"akc190": "V1", "aac002": "15010219900101002X"}, new_injury=False
    )
    report = ward.run_until_quiet()
    assert "51014" in report.delivered["ward"].held["V1"]
    assert ward.simulator.rows_received == 0


def test_a_visit_that_was_registered_by_hand_goes_on(start):
    ward = start()
    two_rows(ward)
    ward.simulator.state.commit(
        "register", visit="V1", data={"akc190": "V1", "aac002": "152824198204240045"}, new_injury=False
    )
    assert ward.run_until_quiet().exit_code == 0
    assert_whole(ward)


def test_a_total_that_is_no_number_keeps_back_its_visit_only(start, monkeypatch):
    ward = start()
    for zyh in (1, 2):
        ward.stay(zyh)
        ward.fee(zyh)
    real = PlatformClient.call

    def call(self, operation, body, sessionid, **more):
        outcome = real(self, operation, body, sessionid, **more)
        if operation.method == "getPerDetail" and json.loads(body)["akc190"] == "V1":
            outcome.body["detailcolls"]["detailData"][0]["alc407"] = "a lot"
        return outcome

    monkeypatch.setattr(PlatformClient, "call", call)
    report = ward.run()
    assert "alc407" in report.delivered["ward"].waiting["V1"]
    assert_whole(ward, 2)


def test_a_set_up_error_stops_the_run_and_leaves_rows_waiting(start):
    ward = start()
    two_rows(ward)
    ward.simulator.switch_on({"fault": "P.hard", "code": "81036", "operation": "sendMedInfo", "times": 1})
    report = ward.run()
    assert report.exit_code == 1
    assert report.standings["ward"].staged_rows == 2
    assert ward.run_until_quiet().exit_code == 0
    assert_whole(ward)


def test_a_batch_whose_mapping_was_taken_out_is_held(start):
    ward = start(platform={"faults": ["N.sent_no_answer:sendMedInfo@1"]})
    two_rows(ward)
    ward.time.on_sleep = lambda seconds: ward.stop.set()
    ward.run()
    ward.stop.clear()
    ward.time.on_sleep = lambda seconds: None
    pipeline = ward.directory / "pipelines" / "ward.yaml"
    text = pipeline.read_text(encoding="utf-8")
    pipeline.write_text(text.replace("orders, fees", "orders"), encoding="utf-8")
    assert "fills" in ward.run().delivered["ward"].held["V1"]
    pipeline.write_text(text, encoding="utf-8")
    assert ward.run_until_quiet().exit_code == 0
    assert_whole(ward)
