"""Patients of other provinces, by mappings that are like the hospital's own: filing, registration, charges, refusals."""

from collections import Counter
from decimal import Decimal

import pytest

from connector.pipeline.totals import compare_totals
from connector.simulator.facts import make_facts
from tests.e2e.far import far_rows, send_far

ID = "152824198204240045"
FILING = {"alc011": "LN1", "aae100": "1", "aae016": "1", "aae030": "20260115", "aae031": "20301231"}
FILED = "fields: {alc011: {from: injury, lookup: filing}}\n"


def known(*filings, **more):
    """What the platform knows of one person of another province."""
    person = {"aac002": ID, "aac003": "张敏", "filings": list(filings)}
    return make_facts({"persons": [person], **more})


@pytest.fixture
def far(hall):
    """A ward of other provinces' patients with one stay; `injury` is the number that the HIS has, if any."""

    def begin(knows, *, injury="", **platform):
        one = hall(facts=knows, **platform)
        send_far(one.ward, registration=FILED)
        one.ward.stay(1, injury=injury)
        return one

    return begin


def balanced(ward):
    """Whether HIS, ledger and platform agree of every visit."""
    parts = ward.parts()
    sums = compare_totals(parts, list(parts.project.pipelines.values()))
    return bool(sums) and all(one.is_balanced for one in sums)


def told(report):
    """Why visits wait or are held, in the run's words, or what stopped it."""
    (pipeline,) = report.delivered.values()
    return {**pipeline.waiting, **pipeline.held}, pipeline.stopped


def test_from_the_filing_to_equal_totals(far):
    one = far(known({**FILING, "alc011": "LN0", "aae031": "20260201"}, FILING))
    ward = one.ward
    first = ward.fee(1, "12.34", price="1.234567", quantity="10")
    ward.fee(1, "20.00", item="XB22")
    ward.order(1)
    assert ward.run().exit_code == 0
    visit = ward.simulator.state.visits["V1"]
    assert (visit.family, visit.data["aka130"], visit.data["alca02"]) == ("1", "21", "LN1")
    assert far_rows(ward, 1) == ward.his_rows(1)
    (row,) = [row for row in ward.simulator.fees("V1") if row["ala002"] == "XA11"]
    assert (row["akc225"], row["akc226"], row["ala012"]) == ("1.234567", "10.0000", "01")  # T41, T74
    ward.fee(1, "-6.17", price="1.234567", quantity="-5", refund=first)
    ward.order(1, "二级护理")
    assert ward.run().exit_code == 0
    assert far_rows(ward, 1) == ward.his_rows(1)
    assert len(ward.simulator.orders("V1")) == 2
    assert balanced(ward)
    methods = set(one.heard())
    assert {"getBSTdjyba", "offsiteRegister", "sendBsMedInfo"} <= methods
    assert not methods & {"register", "sendMedInfo", "discharge", "getInjuryByNameAndId"}  # 4.12: T108


def test_a_lost_answer_of_4_24_is_settled_by_totals(far):
    ward = far(known(FILING)).ward
    ward.simulator.switch_on("N.sent_no_answer:sendBsMedInfo@1")
    for amount in ("1.00", "2.00", "4.00"):
        ward.fee(1, amount)
    assert ward.run_until_quiet().exit_code == 0
    assert far_rows(ward, 1) == ward.his_rows(1)
    assert balanced(ward)


def test_several_filings_that_fit_are_a_question(far):
    one = far(known(FILING, {**FILING, "alc011": "LN2"}))
    ward = one.ward
    ward.fee(1)
    assert ward.run().exit_code == 4
    code, out, _ = one.call("V1", command="decide")
    assert code == 4
    assert "LN1" in out
    assert "LN2" in out
    assert one.call("V1", "--choose", 2, command="decide")[0] == 0
    assert ward.run().exit_code == 0
    assert ward.simulator.state.visits["V1"].data["alca02"] == "LN2"
    assert far_rows(ward, 1) == ward.his_rows(1)


def test_no_filing_is_waited_for(far):
    ward = far(known()).ward
    ward.fee(1)
    report = ward.run()
    waits, _ = told(report)
    assert "no cross-province filing of this person (4.21)" in waits["V1"]
    assert report.exit_code == 4


def test_a_number_of_several_filings_is_the_one_that_fits(far):
    ended = {**FILING, "aae100": "0", "aae030": "20240115", "aae031": "20240715"}
    ward = far(known(ended, FILING), injury="LN1").ward
    ward.fee(1)
    report = ward.run()
    assert report.exit_code == 0
    (pipeline,) = report.delivered.values()
    assert not pipeline.warnings


def occupy(ward, number, *, person=ID, admitted="2026-02-01"):
    """A visit that somebody else registered."""
    data = {"akc190": number, "aac002": person, "akc192": admitted}
    ward.simulator.state.commit("register", visit=number, data=data, new_injury=False, family="1")


def leave(ward, number, day):
    """The patient has left, as the platform has it."""
    ward.simulator.state.commit("close", visit=number, on=day, data={"akc194": day}, invoices=[])


def another_stay(ward):
    occupy(ward, "W9")


def taken_number(ward):
    occupy(ward, "V1", person="210102198811126033")


def within_an_earlier_stay(ward):
    occupy(ward, "W9")
    leave(ward, "W9", "2026-03-03")


def nothing(ward):
    """All is in order there."""


@pytest.mark.parametrize(
    ("code", "prepare", "injury", "platform"),
    [
        pytest.param("310018", nothing, "LN9", {}, id="310018 the filing that the HIS names is not there"),
        pytest.param("310019", another_stay, "", {"one_open_stay": True}, id="310019 another stay is open"),
        pytest.param("310020", taken_number, "", {}, id="310020 the number is taken"),
        pytest.param("310021", within_an_earlier_stay, "", {}, id="310021 within an earlier stay"),
    ],
)
def test_a_refused_registration_holds_the_visit_with_the_platforms_words(
    far, code, prepare, injury, platform
):
    ward = far(known(FILING), injury=injury, **platform).ward
    ward.fee(1)
    prepare(ward)
    report = ward.run()
    waits, stopped = told(report)
    assert f" {code} " in waits["V1"]
    assert not stopped
    assert report.exit_code == 4
    assert not far_rows(ward, 1)


@pytest.mark.parametrize(("method", "code"), [("offsiteRegister", "310017"), ("sendBsMedInfo", "330038")])
def test_what_is_set_up_wrong_at_the_centre_stops_the_run(far, method, code):
    ward = far(known(FILING)).ward
    ward.fee(1)
    ward.simulator.switch_on(f"P.hard:{method}")
    report = ward.run()
    _, stopped = told(report)
    assert f"refuses every upload until it is set right there: {code}" in stopped
    assert report.exit_code == 1
    assert not ward.simulator.state.visits.get("V1") or not far_rows(ward, 1)


def test_a_visit_that_has_left_takes_no_charges_and_says_so(far):
    ward = far(known(FILING)).ward
    ward.fee(1)
    assert ward.run().exit_code == 0
    leave(ward, "V1", "2026-03-04")
    ward.fee(1, "3.00", item="XB22")
    report = ward.run()
    assert "330005" in told(report)[0]["V1"]
    assert report.exit_code == 4
    assert far_rows(ward, 1) == Counter({("XA11", Decimal("10.0000")): 1})


def test_an_item_that_the_catalogue_has_outgrown_is_quarantined_alone(far):
    one = far(known(FILING, outdated_items=["XOLD"]))
    ward = one.ward
    ward.fee(1)
    ward.fee(1, "3.00", item="XOLD")
    report = ward.run()
    assert report.exit_code == 3
    assert far_rows(ward, 1) == Counter({("XA11", Decimal("10.0000")): 1})
    _, out, _ = one.call("list", command="quarantine")
    assert "330039" in out


def test_a_visit_that_the_selects_of_both_families_name_is_charged_once_and_held(far):
    """A WHERE was forgotten: whoever comes second finds charges that it did not send."""
    ward = far(known(FILING), injury="LN1").ward
    own = "{version: 1, pipeline: own, visits: own-stays, mappings: [own-orders, own-fees]}\n"
    (ward.directory / "pipelines/own.yaml").write_text(own, encoding="utf-8")
    ward.fee(1)
    for _ in range(2):
        report = ward.run()
        assert "somebody else changed this visit" in report.delivered["ward"].held["V1"]
        assert report.exit_code == 4
    assert ward.simulator.total("V1") == 100_000
