"""From the injury look-up to the registration, local and across provinces: what is taken, waited for, asked."""

from dataclasses import replace

import pytest

from connector.simulator.facts import make_facts
from tests.ward import ORDERS, STAYS

ID = "152824198204240045"
INJURY = {"alca02": "RD1", "aab001": "E1", "alc020": "2025-05-17"}
ACCIDENT = {"alca02": "", "aab001": "E2", "alc020": "2026-02-27"}
APPLICATION = {
    "aae073": "S1",
    "alca02": "RD1",
    "akc175": "1",
    "jxzl": "2",
    "akc173": "2026-02-25",
    "aae031": "",
}
REPORT = {"alca02": "BA1", "aab001": "E2", "alc020": "2026-02-27"}
FILING = {"alc011": "LN1", "aae100": "1", "aae016": "1", "aae030": "20260115", "aae031": "20301231"}

LOCAL = {
    "isnewinjure": "{lookup: injury}",
    "aab001": "{lookup: injury}",
    "aac001": "{lookup: injury}",
    "alca02": "{from: injury, lookup: injury}",
    "aae073": "{lookup: application}",
}
FAR = """
version: 1
mapping: stays
fills: offsiteRegister
source: {table: stay, key: zyh, visit: zyh, changes: {by: comparison}, ended: ended}
fields:
  aac002: {value: "152824198204240045"}
  aac003: name
  akc190: number
  aka130: {value: "72"}
  aae030: {value: "2026-03-01"}
  akc191: {value: "7"}
  alc028: {value: "T14.900"}
  alc011: {from: injury, lookup: filing}
  akc201: {value: 骨科}
  akc199: ward
  akc200: {value: "12"}
  ysbm: {value: 王医生}
  sbkid: {value: A0001}
"""


def looking(**fields):
    """The visits mapping of the ward with other fields."""
    lines = []
    for line in STAYS.splitlines():
        name = line.strip().partition(":")[0]
        lines.append(f"  {name}: {fields[name]}" if name in fields else line)
    return "\n".join(lines)


def known(**lists):
    """What the platform knows of one person."""
    return make_facts({"persons": [{"aac001": "P1", "aac002": ID, "aac003": "张敏", **lists}]})


@pytest.fixture
def hospital(hall):
    """A hall with one visit that has a charge; `knows` are facts, `lifecycle` settings."""

    def begin(knows, *, lifecycle="", mapping=None, injury="", **platform):
        one = hall(facts=knows, **platform)
        ward = one.ward
        folder = ward.directory / "mappings"
        (folder / "stays.yaml").write_text(mapping or looking(**LOCAL), encoding="utf-8")
        if mapping == FAR:
            (folder / "fees.yaml").unlink()
            orders = ORDERS.replace("sendMedInfo", "sendBsMedInfo")
            (folder / "orders.yaml").write_text(orders, encoding="utf-8")
            (ward.directory / "pipelines/ward.yaml").write_text(
                "{version: 1, pipeline: ward, visits: stays, mappings: [orders]}\n"
            )
        if lifecycle:
            with (ward.directory / "connector.yaml").open("a") as file:
                file.write(f"lifecycle: {{{lifecycle}}}\n")
        ward.stay(1, injury=injury)
        ward.fee(1)
        return one

    return begin


def learn(ward, knows):
    """The platform knows something else from now on."""
    reception = ward.simulator._reception
    reception.rules = replace(reception.rules, facts=knows, injuries=knows.injuries)


def tell(ward, report):
    """Why the visit waits, in the last run's words."""
    (pipeline,) = report.delivered.values()
    return pipeline.waiting.get("V1", "") or pipeline.held.get("V1", "")


def registered(ward):
    """The admission as the platform has it, or None."""
    visit = ward.simulator.state.visits.get("V1")
    return None if visit is None else visit.data


def questions(ward):
    with ward.parts().open_ledger(read_only=True) as ledger:
        return ledger.questions.open("stays")


TAKES = "single_application: take"
OLD = known(injuries=[INJURY], applications=[APPLICATION])
NEW = known(injuries=[ACCIDENT], reports=[REPORT])


def test_an_old_injury_is_looked_up_and_registered(hospital):
    ward = hospital(OLD, lifecycle=TAKES).ward
    assert ward.run().exit_code == 0
    data = registered(ward)
    assert (data["alca02"], data["aae073"], data["aac001"], data["aab001"]) == ("RD1", "S1", "P1", "E1")
    assert ward.platform_rows(1) == ward.his_rows(1)
    with ward.parts().open_ledger(read_only=True) as ledger:
        steps = {one.name: one.details for one in ledger.steps.of(1)}
        assert steps["injury"]["record"]["alca02"] == "RD1"
        assert steps["application"]["how"] == "single"
        assert steps["registration"]["request"]["kc21"]["aae073"] == "S1"


def test_a_registration_whose_answer_is_lost_is_settled_with_what_was_looked_up(hospital):
    ward = hospital(OLD, lifecycle=TAKES).ward
    ward.simulator.switch_on("N.sent_no_answer:register@1")
    assert ward.run_until_quiet().exit_code == 0
    assert registered(ward)["alca02"] == "RD1"
    assert ward.platform_rows(1) == ward.his_rows(1)


def test_a_visit_without_an_application_waits_until_there_is_one(hospital):
    ward = hospital(known(injuries=[INJURY]), lifecycle=TAKES).ward
    report = ward.run()
    assert "no treatment application" in tell(ward, report)
    assert report.exit_code == 4
    learn(ward, OLD)
    assert ward.run().exit_code == 0
    assert registered(ward)["aae073"] == "S1"


def test_a_person_whom_the_platform_does_not_know_waits(hospital):
    ward = hospital(make_facts({"persons": []})).ward
    assert "no injury of this person" in tell(ward, ward.run())
    assert ("getReportBatch", "0") in ward.simulator.calls


def test_a_new_injury_is_registered_without_numbers(hospital):
    ward = hospital(NEW).ward
    assert ward.run().exit_code == 0
    data = registered(ward)
    assert (data["alca02"], data["aae073"], data["aac001"], data["aab001"]) == ("", "", "P1", "E2")
    assert ward.simulator.state.visits["V1"].new_injury


def test_a_person_known_by_an_accident_report_alone_has_a_new_injury(hospital):
    ward = hospital(known(reports=[REPORT])).ward
    assert ward.run().exit_code == 0
    data = registered(ward)
    assert (data["alca02"], data["aac001"], data["aab001"]) == ("", "P1", "E2")  # T51: its number is another


def test_without_an_accident_report_it_goes_on_and_says_so(hospital):
    ward = hospital(known(injuries=[ACCIDENT])).ward
    report = ward.run()
    assert "no accident report that fits yet" in report.delivered["ward"].warnings["V1"]
    assert registered(ward)["aab001"] == "E2"
    learn(ward, NEW)  # the report comes a day later, and is looked for while there are charges to send
    ward.fee(1)
    assert ward.run().exit_code == 0
    with ward.parts().open_ledger(read_only=True) as ledger:
        assert [one.details["record"]["alca02"] for one in ledger.steps.of(1) if one.name == "report"] == [
            "BA1"
        ]
    ward.fee(1)
    ward.run()
    assert [method for method, _ in ward.simulator.calls].count("getReport") == 2


def test_where_the_region_wants_a_report_it_is_waited_for_or_done_without_for_a_reason(hospital):
    one = hospital(known(injuries=[ACCIDENT]), lifecycle="accident_report: required")
    ward = one.ward
    assert ward.run().exit_code == 4
    assert registered(ward) is None
    code, _, err = one.call("V1", "--choose", 1, command="decide")
    assert code == 2
    assert "does not fit: the platform has no accident report yet" in err
    learn(ward, NEW)
    assert ward.run().exit_code == 0
    assert registered(ward)["aab001"] == "E2"
    assert one.call(command="decide")[:2] == (0, "No question is open.\n")


def test_going_on_without_a_report_is_a_decision(hospital):
    one = hospital(known(injuries=[ACCIDENT]), lifecycle="accident_report: required")
    one.ward.run()
    assert one.call("V1", "--choose", 1, "--because", "the agency agreed", command="decide")[0] == 0
    assert one.ward.run().exit_code == 0
    assert registered(one.ward)["aab001"] == "E2"


def test_a_region_that_wants_no_new_injuries_gets_none(hospital):
    ward = hospital(NEW, lifecycle="accident_report: no-upload").ward
    assert "new injuries are not uploaded" in tell(ward, ward.run())
    assert registered(ward) is None


def test_what_the_his_names_is_taken_among_several(hospital):
    other = {**INJURY, "alca02": "RD2"}
    ward = hospital(
        known(injuries=[INJURY, other], applications=[{**APPLICATION, "alca02": "RD2"}]),
        lifecycle=TAKES,
        injury="RD2",
    ).ward
    report = ward.run()
    assert report.exit_code == 0
    assert report.delivered["ward"].warnings == {}
    assert registered(ward)["alca02"] == "RD2"


def test_what_the_his_names_goes_even_where_it_seems_not_to_fit(hospital):
    unfit = {**APPLICATION, "akc175": "0"}
    fields = {**LOCAL, "isnewinjure": '{value: "0"}', "aae073": "{from: injury, lookup: application}"}
    fields["alca02"] = '{value: "RD1"}'
    ward = hospital(
        known(injuries=[INJURY], applications=[{**unfit, "aae073": "S9"}]),
        mapping=looking(**fields),
        injury="S9",
    ).ward
    report = ward.run()
    said = report.delivered["ward"].warnings["V1"]
    assert "akc175 审批标志 is 0 未审核, not 1 审核通过" in said
    assert "S9" not in said
    assert "did not arrive" in tell(ward, report)  # 1004, the platform's refusal of it, may mean anything


def test_what_the_platform_does_not_list_is_told(hospital):
    fields = {**LOCAL, "aab001": '{value: "E1"}', "aac001": '{value: "P1"}', "isnewinjure": '{value: "0"}'}
    ward = hospital(OLD, mapping=looking(**fields), injury="RD7", lifecycle=TAKES).ward
    report = ward.run()
    assert "not in the platform's list" in report.delivered["ward"].warnings["V1"]
    assert "no treatment application" in tell(ward, report)


def test_an_admission_in_the_future_waits_for_its_day(hospital):
    mapping = looking(**LOCAL).replace("2026-03-01", "2026-03-06")
    ward = hospital(OLD, mapping=mapping, lifecycle=TAKES).ward
    assert "lies in the future" in tell(ward, ward.run())
    ward.time.sleep(86_400)
    assert ward.run().exit_code == 0
    assert registered(ward) is not None


def test_an_accident_after_the_admission_does_not_fit_and_is_refused(hospital):
    late = {**ACCIDENT, "alc020": "2026-03-02"}
    one = hospital(known(injuries=[late], reports=[{**REPORT, "alc020": "2026-03-02"}]))
    ward = one.ward
    assert ward.run().exit_code == 4
    assert "after the admission" in one.call("V1", command="decide")[1]
    assert one.call("V1", "--choose", 1, "--because", "they say so", command="decide")[0] == 0
    assert ward.run().exit_code == 3
    (row,) = _quarantined(ward)
    assert row.violations[0].platform_code == "51018"


def _quarantined(ward):
    with ward.parts().open_ledger(read_only=True) as ledger:
        return [row for row in ledger.quarantine.rows() if row.mapping == "stays"]


def test_another_open_stay_holds_the_visit(hospital):
    ward = hospital(OLD, lifecycle=TAKES, one_open_stay=True).ward
    ward.stay(2, injury="")
    report = ward.run()
    assert report.exit_code == 4
    (said,) = report.delivered["ward"].held.values()
    assert "51013" in said


def test_a_visit_that_somebody_registered_by_hand_goes_on(hospital):
    ward = hospital(OLD, lifecycle=TAKES).ward
    ward.simulator.switch_on({"fault": "P.soft", "operation": "register", "commit": True, "times": 1})
    ward.run()
    assert ward.run_until_quiet().exit_code == 0
    assert ward.platform_rows(1) == ward.his_rows(1)


def test_a_dry_run_asks_nothing(hospital):
    one = hospital(OLD, lifecycle=TAKES)
    _, out, _ = one.call("--dry-run", command="run")
    assert "a dry run does not ask the platform" in out
    assert one.heard() == []


def test_a_filing_is_looked_up_across_provinces(hospital):
    ended = {**FILING, "alc011": "LN0", "aae031": "20260201"}
    ward = hospital(known(filings=[FILING, ended]), mapping=FAR).ward
    assert ward.run().exit_code == 0
    assert registered(ward)["alca02"] == "LN1"
    assert ward.simulator.state.visits["V1"].family == "1"


def test_no_filing_is_waited_for_and_one_that_does_not_fit_is_asked_about(hospital):
    one = hospital(known(), mapping=FAR)
    ward = one.ward
    assert "no cross-province filing" in tell(ward, ward.run())
    learn(ward, known(filings=[{**FILING, "aae100": "0"}, {**FILING, "aae030": "20260302"}]))
    assert ward.run().exit_code == 4
    code, out, _ = one.call("V1", command="decide")
    assert code == 4
    assert "does not fit: aae100 备案状态 is 0 无效, not 1 有效" in out
    assert "aae030 备案有效开始时间 20260302 begins after the admission" in out
    assert one.call("V1", "--choose", 1, "--because", "as told by phone", command="decide")[0] == 0
    assert "310018" in tell(ward, ward.run())
