"""From the end in the HIS to the discharge at the platform (4.12, 4.13), and everything that may come between."""

import sqlite3
from contextlib import closing
from decimal import Decimal

import pytest

from connector.ledger.decisions import Decision
from connector.pipeline.progress import Silent
from connector.pipeline.rehearse import rehearse
from tests.e2e.far import send_far
from tests.e2e.striking import watch
from tests.leaving import add_invoice, discharged, end, heard, leaving, leaving_far, steps

LEAVE = "leaveHos"


@pytest.fixture
def ward(start):
    """A ward with one registered visit of 30 yuan; visits leave by themselves."""

    def begin(*, leave="automatic", e_invoice=False, ends=True, money="30.00", platform=None, **settings):
        one = leaving(start(platform=platform, **settings), leave=leave, e_invoice=e_invoice)
        one.stay(1)
        one.fee(1, "10.00")
        one.fee(1, "20.00")
        one.order(1)
        assert one.run().exit_code == 0
        if ends:
            end(one, money=money)
        return one

    return begin


def tell(report):
    """What a run says of the visit."""
    one = report.delivered["ward"]
    return one.held.get("V1", "") or one.waiting.get("V1", "")


def test_a_visit_that_has_ended_leaves_with_everything(ward):
    one = ward()
    report = one.run()
    assert report.exit_code == 0
    assert report.delivered["ward"].left == 1
    assert discharged(one) == "2026-03-05"
    assert heard(one, "discharge") == heard(one, LEAVE) == ["0"]
    assert one.simulator.invoices("V1") == ["FP1"]
    (kept,) = steps(one)
    assert (kept["invoices"], Decimal(kept["total"]), kept["discharged"]) == (["FP1"], 30, "2026-03-05")
    (approved,) = steps(one, name="approve")
    assert Decimal(approved["total"]) == 30
    assert len(approved["number"]) == 16
    assert one.run().delivered == {}  # and nothing is due any more


def test_a_visit_that_is_open_in_the_his_does_not_leave(ward):
    one = ward(ends=False)
    one.fee(1)
    one.run()
    assert discharged(one) == ""
    assert heard(one, "discharge") == []


@pytest.mark.parametrize("rule", ["ask", "never"])
def test_a_visit_leaves_by_itself_only_where_that_is_wanted(ward, rule):
    one = ward(leave=rule)
    one.fee(1)
    report = one.run()
    assert discharged(one) == ""
    assert ("connector visit leave" in tell(report)) == (rule == "ask")


def test_a_charge_that_came_after_the_checklist_is_sent_before_the_visit_leaves(ward):
    """The HIS charges something while the visit is on its way: HIS and ledger do not agree, and it waits."""
    one = ward()
    one.fee(1, "5.00")
    report = one.run()
    assert "invoices come to 30.00, the fees to 35.00" in tell(report)
    assert discharged(one) == ""
    one.change("UPDATE invoice SET money = '35.00'")
    assert one.run().exit_code == 0
    assert discharged(one) == "2026-03-05"


def test_rows_that_come_after_it_has_left_are_held_visibly(ward):
    one = ward()
    one.run()
    one.fee(1, "5.00")
    report = one.run()
    assert report.exit_code == 4
    assert "connector visit undo V1" in tell(report)
    assert len(one.simulator.fees("V1")) == 2
    one.simulator.state.commit("reopen", visit="V1")  # 4.14, by whoever
    with one.parts().open_ledger() as ledger:
        (visit,) = ledger.find_visits("V1")
        ledger.steps.note(visit.visit_id, "undo_leave", "leaveHosUndo", {})
    report = one.run()
    assert len(one.simulator.fees("V1")) == 3
    assert discharged(one) == ""  # it is back: a person has to say that it leaves again
    assert "its leaving was undone" in tell(report)


def test_a_discharge_that_is_cancelled_in_the_his_afterwards_is_told(ward):
    one = ward()
    one.run()
    one.change("UPDATE stay SET ended = NULL WHERE zyh = 1")
    one.fee(1)
    report = one.run()
    assert report.exit_code == 4
    assert discharged(one) == "2026-03-05"


def test_a_fee_after_the_discharge_stands_against_it(ward):
    one = ward()
    one.change("UPDATE stay SET ended = '2026-03-01' WHERE zyh = 1")
    report = one.run()
    assert "dated after the discharge on 2026-03-01: 2 fees (2026-03-02)" in tell(report)
    assert heard(one, "discharge") == heard(one, LEAVE) == []


def test_a_record_that_is_not_written_yet_stands_against_it(ward):
    one = ward()
    one.change("DELETE FROM record WHERE kind = 'cover'")
    assert "病例首页 (km05)" in tell(one.run())
    assert heard(one, LEAVE) == []


def test_where_the_hospital_has_electronic_invoices_one_has_to_go_with_it(ward):
    one = ward(e_invoice=True, money="")
    assert "no invoice goes with it" in tell(one.run())
    add_invoice(one, 1, "30.00")
    one.run()
    assert discharged(one)


def test_without_electronic_invoices_it_leaves_and_says_so(ward):
    one = ward(money="")
    report = one.run()
    assert discharged(one)
    assert "no invoice goes with it" in report.delivered["ward"].warnings["V1"]


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("110016", "fees are dated after the discharge"),
        ("110020", "charge what is missing"),
        ("110022", "mend the 对照"),
        ("110025", "invoices have to come to the total"),
        ("110011", "another person"),
        ("110017", "day of discharge"),
        ("110024", "110024"),
    ],
)
def test_a_refused_discharge_is_held_and_not_repeated_until_somebody_says_so(ward, code, advice):
    one = ward()
    one.simulator.switch_on({"fault": "P.hard", "code": code, "operation": LEAVE, "times": 1})
    report = one.run()
    assert report.exit_code == 4
    assert code in tell(report)
    assert advice in tell(report)
    assert "connector visit leave V1" in tell(report)
    assert discharged(one) == ""
    assert one.run().exit_code == 4
    assert heard(one, LEAVE) == [code]
    one.change("UPDATE record SET text = '右腕疼痛'")  # something was mended
    assert one.run().exit_code == 0
    assert discharged(one)
    assert one.run().standings["ward"].held == {}


@pytest.mark.parametrize("code", ["110008", "110021", "11009"])
def test_a_discharge_that_may_come_later_goes_at_the_next_run(ward, code):
    one = ward()
    one.simulator.switch_on({"fault": "P.hard", "code": code, "operation": LEAVE, "times": 1})
    report = one.run()
    assert code in tell(report)
    assert one.run().exit_code == 0
    assert discharged(one)


@pytest.mark.parametrize("fault", ["N.sent_no_answer", "N.500.A", "N.answer_garbled", "N.reset"])
def test_a_discharge_whose_answer_is_lost_is_settled_by_the_day_that_the_platform_shows(ward, fault):
    one = ward()
    one.simulator.switch_on(f"{fault}:{LEAVE}@1")
    assert one.run_until_quiet().exit_code == 0
    assert discharged(one) == "2026-03-05"
    assert heard(one, LEAVE).count("0") == 1
    assert one.simulator.invoices("V1") == ["FP1"]
    (kept,) = steps(one)
    assert kept["invoices"] == ["FP1"]


@pytest.mark.parametrize("fault", ["N.lose_request", "N.500.B", "P.session_drop"])
def test_a_discharge_that_was_lost_goes_again(ward, fault):
    one = ward()
    one.simulator.switch_on(f"{fault}:{LEAVE}@1")
    one.run()
    one.run_until_quiet()
    assert discharged(one) == "2026-03-05"
    assert heard(one, LEAVE).count("0") == 1
    assert len(steps(one)) == 1


def test_what_the_platform_chokes_on_is_held_and_not_repeated(ward):
    one = ward()
    one.simulator.switch_on({"fault": "P.soft", "operation": LEAVE, "times": 1})
    report = one.run()
    assert report.exit_code == 4
    assert "with --without-invoices" in tell(report)
    one.run()
    assert len(heard(one, LEAVE)) == 1


def test_a_run_that_is_stopped_while_the_platform_discharges_is_made_good(ward, monkeypatch):
    one = ward()
    with monkeypatch.context() as patched:
        watch(patched, after=lambda method, body: one.stop.set() if method == LEAVE else None)
        assert one.run().exit_code == 130
    one.stop.clear()
    assert discharged(one) == "2026-03-05"
    one.fee(1, "5.00")
    assert "came after it had left" in tell(one.run())
    (kept,) = steps(one)
    assert (kept["invoices"], kept["how"]) == (["FP1"], "answer")
    assert heard(one, LEAVE) == ["0"]


def test_fees_that_a_person_left_there_are_approved_with_the_others(ward):
    """A baseline: the platform holds more than the HIS has, and a person has accepted it."""
    one = ward(money="33.00", ends=False)
    one.simulator.add_fees_by_hand("V1", Decimal(3))
    one.fee(1, "1.00")
    one.run()
    with one.parts().open_ledger() as ledger:
        (visit,) = ledger.find_visits("V1")
        ledger.judgements.accept_baseline(30_000, Decision("baseline", "accepted", "dba", "", visit.visit_id))
    end(one, money="34.00")
    assert one.run_until_quiet().exit_code == 0
    assert discharged(one)


def test_a_discharge_that_comes_late_is_found(ward):
    one = ward()
    late = {"fault": "P.delay_post_session", "operation": LEAVE, "times": 1, "delay_s": 3600}
    one.simulator.switch_on(late)
    one.time.on_sleep = lambda seconds: one.simulator.release() if seconds > 1000 else None
    one.run_until_quiet()
    assert discharged(one) == "2026-03-05"
    assert len(steps(one)) == 1


def test_a_visit_that_left_by_other_hands_on_that_day_is_taken_as_left(ward):
    one = ward()
    one.simulator.close_visit("V1", on="2026-03-05")
    report = one.run()
    assert report.exit_code == 0
    assert heard(one, LEAVE) == []
    assert steps(one)[0]["how"] == "by other hands"
    assert "by other hands" in report.delivered["ward"].warnings["V1"]


def test_a_visit_that_left_by_other_hands_on_another_day_is_held(ward):
    one = ward()
    one.simulator.close_visit("V1", on="2026-03-04")
    report = one.run()
    assert report.exit_code == 4
    assert "2026-03-04, by other hands, and the HIS says 2026-03-05" in tell(report)
    assert steps(one) == []


def test_totals_that_differ_keep_it_here(ward):
    one = ward()
    one.simulator.add_fees_by_hand("V1", Decimal(3))
    report = one.run()
    assert report.exit_code == 4
    assert "the platform holds 33.00, the ledger 30.00" in tell(report)
    assert heard(one, "discharge") == []


def test_fees_that_somebody_enters_between_the_checklist_and_the_approval_keep_it_here(ward):
    one = ward()
    one.simulator.switch_on({"fault": "P.manual_add", "operation": "discharge", "times": 1})
    report = one.run()
    assert "4.12 approves" in tell(report)
    assert heard(one, LEAVE) == []


def test_a_second_stay_leaves_for_itself(ward):
    one = ward()
    one.stay(2)
    one.fee(2, "7.00")
    end(one, 2, money="7.00", on="2026-03-04")
    assert one.run_until_quiet().exit_code == 0
    assert (discharged(one, "V1"), discharged(one, "V2")) == ("2026-03-05", "2026-03-04")
    assert heard(one, LEAVE) == ["0", "0"]


def test_a_second_stay_of_the_same_number_is_not_taken_for_the_one_that_left(ward):
    """The HIS uses a number twice: the platform lists it as discharged, and neither charges nor discharge go there."""
    one = ward()
    one.run()
    one.stay(2)
    one.change("UPDATE stay SET number = 'V1' WHERE zyh = 2")
    one.fee(2, "7.00")
    end(one, 2, money="7.00")
    report = one.run()
    assert report.exit_code == 4
    assert "somebody else changed this visit" in tell(report)
    assert heard(one, LEAVE) == ["0"]
    assert len(one.simulator.fees("V1")) == 2


def test_what_the_his_changes_while_a_visit_leaves_is_told_by_the_next_run(ward, monkeypatch):
    """Between checklist and discharge the HIS cancels the discharge and books another charge."""
    one = ward()

    def meddle(method, body):
        if method == "discharge":
            with closing(sqlite3.connect(one.directory / "his.db")) as his, his:  # in the thread of the call
                his.execute("UPDATE stay SET ended = NULL WHERE zyh = 1")
                his.execute(
                    "INSERT INTO fee SELECT 99, zyh, item, price, quantity, amount, refund, day FROM fee LIMIT 1"
                )

    with monkeypatch.context() as patched:
        watch(patched, before=meddle)
        one.run()
    assert discharged(one) == "2026-03-05"
    report = one.run()
    assert report.exit_code == 4
    assert "1 row came after it had left" in tell(report)
    assert len(one.simulator.fees("V1")) == 2


def test_a_dry_run_says_what_stands_against_it_and_lets_nobody_leave(ward):
    one = ward(money="35.00")
    one.fee(1, "5.00")  # would be sent: the invoice is right then

    def dry_run():
        return rehearse(one.parts(), [], progress=Silent(), is_stopping=lambda: False)

    assert "lets nobody leave" in tell(dry_run())
    one.change("DELETE FROM record WHERE kind = 'cover'")
    assert "病例首页 (km05)" in tell(dry_run())
    assert steps(one) == []
    assert discharged(one) == ""


CATALOGUE = """
version: 1
catalogue: centre
source: {table: centre, key: item}
key: [item]
facts: {centre_code: item, centre_name: item, level: level, category: category, version: version}
valid_to: {from: until, read: "%Y-%m-%d"}
missing: quarantine
"""


@pytest.fixture
def mapped(start):
    """A ward whose charges go through a catalogue, in which an item may expire."""
    one = leaving(start())
    one.his.executescript(
        "CREATE TABLE centre (item TEXT, level TEXT, category TEXT, version TEXT, until TEXT);"
        "INSERT INTO centre VALUES ('XA11', '1', '91', '1', NULL);"
    )
    (one.directory / "catalogues").mkdir()
    text = CATALOGUE.replace(", key: item", "")
    (one.directory / "catalogues/centre.yaml").write_text(text, encoding="utf-8")
    file = one.directory / "mappings/fees.yaml"
    fees = file.read_text(encoding="utf-8").replace("  alc402: item", "  alc402: {catalogue: centre_code}")
    file.write_text(fees, encoding="utf-8")
    one.stay(1)
    one.fee(1, "10.00")
    assert one.run().exit_code == 0
    end(one, money="10.00")
    return one


def test_an_item_that_expired_before_its_charge_keeps_the_visit_here(mapped):
    mapped.change("UPDATE centre SET until = '2026-03-01'")
    assert "have no usable catalogue row on their day: 1 row expired" in tell(mapped.run())
    assert heard(mapped, LEAVE) == []


def test_an_item_that_expired_after_its_charge_is_pointed_out(mapped):
    mapped.change("UPDATE centre SET until = '2026-03-03'")
    report = mapped.run()
    assert discharged(mapped)
    assert "not in today's catalogue: 1 row expired" in report.delivered["ward"].warnings["V1"]


@pytest.fixture
def far(start):
    """A ward of another province's patients, with one visit that has ended."""
    one = start()
    send_far(one)
    leaving_far(one)
    one.stay(1)
    one.fee(1, "10.00")
    assert one.run().exit_code == 0
    end(one)
    return one


def test_a_visit_from_another_province_leaves_by_its_own_interface(far):
    report = far.run()
    assert report.exit_code == 0
    assert discharged(far) == "2026-03-05"
    assert heard(far, "offsiteLeaveHos") == heard(far, "discharge") == ["0"]
    asked = [call for call in far.simulator.state.journal if call["event"] == "approve"]
    assert len(asked) == 1
    far.fee(1, "5.00")
    assert "4.27" in tell(far.run())


def test_a_discharge_to_another_province_whose_answer_is_lost(far):
    far.simulator.switch_on("N.sent_no_answer:offsiteLeaveHos@1")
    assert far.run_until_quiet().exit_code == 0
    assert heard(far, "offsiteLeaveHos") == ["0"]
    assert len(steps(far)) == 1


@pytest.mark.parametrize("code", ["350012", "350013", "350017", "350026"])
def test_a_discharge_to_another_province_that_is_refused(far, code):
    far.simulator.switch_on({"fault": "P.hard", "code": code, "operation": "offsiteLeaveHos", "times": 1})
    report = far.run()
    assert report.exit_code == 4
    assert f"{code} " in tell(report)
    assert len(tell(report)) > 120  # and what to mend
    assert discharged(far) == ""
