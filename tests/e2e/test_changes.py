"""Rows that the HIS changes after they were uploaded, and refunds in all their forms, through the real pipeline."""

from collections import Counter
from decimal import Decimal

import pytest

from connector.pipeline import changes
from tests.e2e.test_counterexamples import assert_one_sign, assert_whole, watch

COMPARED = "{by: comparison}"


@pytest.fixture
def begin(start):
    """A ward whose charges have a policy; a visit of eight rows of ten yuan is on the platform."""

    def once(on_change="compensate", rows=8, **more):
        ward = start(changes=COMPARED, batch_rows=4, **more)
        file = ward.directory / "mappings" / "fees.yaml"
        file.write_text(file.read_text(encoding="utf-8") + f"on_change: {on_change}\n", encoding="utf-8")
        ward.stay(1)
        ward.keys = [ward.fee(1, "10.00") for _ in range(rows)]
        assert ward.run().exit_code == 0
        return ward

    return once


def edit(ward, key, amount):
    ward.change("UPDATE fee SET price = ?, amount = ? WHERE id = ?", amount, amount, key)


def sums(ward):
    """The platform's rows in their order, and their sum beside the HIS's."""
    stored = [Decimal(row["alc407"]) for row in ward.simulator.fees("V1")]
    his = sum((amount * count for (_, amount), count in ward.his_rows(1).items()), Decimal(0))
    return stored, sum(stored), his


def test_a_change_is_taken_back_and_sent_anew(begin):
    ward = begin()
    edit(ward, ward.keys[0], "12.34")
    report = ward.run()
    assert report.exit_code == 0
    assert report.staged["fees"].counts.compensated == 1
    stored, platform, his = sums(ward)
    assert stored[8:] == [Decimal(-10), Decimal("12.34")]  # never over-billed in between
    assert platform == his == Decimal("82.34")
    assert_one_sign(ward)
    last = ward.simulator.fees("V1")[8]
    first = ward.simulator.fees("V1")[0]
    assert {name: last[name] for name in first if last[name] != first[name]} == {
        "alc406": "-1.0000",
        "alc407": "-10.0000",
    }
    calls = len(ward.simulator.state.journal)
    assert ward.run().exit_code == 0
    assert len(ward.simulator.state.journal) == calls


def test_a_charge_that_the_his_voids_is_taken_back(begin):
    ward = begin()
    ward.change("UPDATE fee SET quantity = 0, amount = 0 WHERE id = ?", ward.keys[0])
    assert ward.run().exit_code == 0
    assert sums(ward)[1:] == (Decimal(70), Decimal(70))


def test_a_row_that_is_read_anyway_is_not_read_again(begin):
    """Rows of the time before the mapping compensated are only shown; each counts once, however often it is looked at."""
    ward = begin("report")
    edit(ward, ward.keys[0], "12.34")
    assert ward.run().staged["fees"].counts.changed_after_upload == 1
    file = ward.directory / "mappings" / "fees.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("on_change: report", "on_change: compensate"), encoding="utf-8")
    staged = ward.run().staged["fees"]
    assert (staged.read, staged.counts.changed_after_upload) == (8, 1)


def test_a_change_of_the_mapping_takes_nothing_back(begin):
    ward = begin()
    file = ward.directory / "mappings" / "fees.yaml"
    text = file.read_text(encoding="utf-8").replace("alc400: {value: CF1}", "alc400: item")
    text = text.replace("on_change", '  bzmsg: {from: refund, default: "无"}\non_change')
    file.write_text(text, encoding="utf-8")
    report = ward.run()
    assert (report.exit_code, report.staged["fees"].counts.mapping_changed) == (0, 8)
    edit(ward, ward.keys[0], "12.34")
    assert ward.run().staged["fees"].counts.compensated == 1
    assert sums(ward)[1:] == (Decimal("82.34"), Decimal("82.34"))


def test_a_refused_compensation_is_seen_and_nothing_is_charged_twice(begin):
    ward = begin(rows=1)
    ward.simulator.state.visits[
        "V1"
    ].stock.clear()  # as if somebody had refunded it on the web page at another price
    edit(ward, ward.keys[0], "12.34")
    report = ward.run()
    assert report.exit_code == 3
    assert "what it replaces is taken back, which is quarantined" in report.delivered["ward"].waiting["V1"]
    assert sums(ward)[1] == Decimal(10)
    assert changes.list_changes(ward.parts()).unsettled[0].state == "quarantined"


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_death_between_the_two_loses_nothing_and_charges_nothing_twice(begin, monkeypatch, moment):
    ward = begin()
    edit(ward, ward.keys[0], "12.34")
    uploads = []

    def die(method, body):
        if method == "sendMedInfo":
            uploads.append(body)
            if len(uploads) == 2:
                raise KeyboardInterrupt

    watch(monkeypatch, **{moment: die})
    with pytest.raises(KeyboardInterrupt):
        ward.run()
    assert ward.run_until_quiet().exit_code == 0
    assert sums(ward)[1:] == (Decimal("82.34"), Decimal("82.34"))
    assert len(ward.simulator.fees("V1")) == 10


def test_many_changes_at_once_wait_for_a_person(begin):
    ward = begin()
    for key in ward.keys[:4]:
        edit(ward, key, "12.34")
    ward.fee(1, "5.00")
    report = ward.run()
    assert report.exit_code == 4
    assert "4 of its 8 uploaded rows" in report.delivered["ward"].held["V1"]
    assert len(ward.simulator.fees("V1")) == 8
    assert changes.approve(ward.parts(), "V1", who="pytest", reason="new prices") == 4
    assert ward.run_until_quiet().exit_code == 0
    assert sums(ward)[1] == sums(ward)[2]


def test_a_deleted_row_is_taken_back_only_when_a_person_says_so(begin):
    ward = begin()
    ward.change("DELETE FROM fee WHERE id = ?", ward.keys[0])
    assert ward.run().exit_code == 0
    assert len(ward.simulator.fees("V1")) == 8
    (gone,) = changes.list_changes(ward.parts()).marked
    assert changes.compensate(ward.parts(), [gone.record_id], who="pytest", reason="booked by mistake") == 1
    assert ward.run().exit_code == 0
    assert sums(ward)[1:] == (Decimal(70), Decimal(70))


def test_reset_holds_the_visit_until_it_is_approved(begin):
    ward = begin("reset")
    edit(ward, ward.keys[0], "12.34")
    ward.fee(1, "5.00")
    report = ward.run()
    assert report.exit_code == 4
    assert (
        report.delivered["ward"]
        .held["V1"]
        .startswith("1 of its rows changed in the HIS after upload: a reset")
    )
    assert len(ward.simulator.fees("V1")) == 8
    edit(ward, ward.keys[0], "10.00")
    assert ward.run_until_quiet().exit_code == 0
    assert_whole(ward)


def refund(ward, amount, original, **more):
    return ward.fee(1, amount, quantity=more.pop("quantity", "-1"), refund=original, **more)


def test_parts_of_a_charge_are_refunded_up_to_its_amount(begin):
    ward = begin("report", rows=1)
    ward.fee(1, "30.00", quantity="3", item="XB22", key=500)
    refund(ward, "-10.00", 500, item="XB22")
    refund(ward, "-20.00", 500, item="XB22", quantity="-2")
    assert ward.run().exit_code == 0
    assert_whole(ward)
    too_much = refund(ward, "-10.00", 500, item="XB22")
    ward.fee(1, "7.00")
    report = ward.run()
    assert report.exit_code == 4
    assert "refund of 10.00 of 500, of which 0.00 are left" in report.delivered["ward"].held["V1"]
    assert ward.platform_rows(1) == ward.his_rows(1) - Counter({("XB22", Decimal("-10.0000")): 1})
    ward.change("DELETE FROM fee WHERE id = ?", too_much)
    assert ward.run_until_quiet().exit_code == 0
    assert_whole(ward)


def test_a_refund_may_be_refunded(begin):
    ward = begin("report", rows=1)
    back = refund(ward, "-10.00", ward.keys[0])
    ward.fee(1, "10.00", refund=back)
    assert ward.run_until_quiet().exit_code == 0
    assert_whole(ward)
    refund(ward, "-10.00", ward.keys[0])
    assert ward.run_until_quiet().exit_code == 0
    assert_whole(ward)
    assert_one_sign(ward)


@pytest.mark.parametrize("original", ["zero", "unknown", "bad"])
def test_a_refund_of_what_was_never_sent_stays_at_home(begin, original):
    ward = begin("report", rows=1)
    key = 900
    if original == "zero":
        ward.fee(1, "0.00", price="10.00", quantity="1", key=key)
    elif original == "bad":
        ward.fee(1, "20.00", price="-20.00", key=key)
    refund(ward, "-10.00", key)
    report = ward.run()
    assert report.exit_code == (3 if original == "bad" else 4)
    assert "refund of 900" in report.delivered["ward"].waiting["V1"]
    assert len(ward.simulator.fees("V1")) == 1


def test_refunds_that_name_nothing_never_exceed_the_visit(begin):
    ward = begin("report", rows=2)
    refund(ward, "-20.00", None, quantity="-2")
    assert ward.run().exit_code == 0
    refund(ward, "-10.00", None)
    report = ward.run()
    assert report.exit_code == 4
    assert "more refunded than charged" in report.delivered["ward"].held["V1"]
    assert sums(ward)[1] == 0
