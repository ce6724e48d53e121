"""4.22 to 4.27, and 4.12, 4.16 with rolltype 1: the way of a patient from another province."""

from dataclasses import replace

import pytest

from connector.simulator.facts import Facts
from tests.unit.simulator.client import code, med, order
from tests.unit.simulator.stay import (
    FACTS,
    approve_far,
    far_admission,
    far_discharge,
    far_fee,
    far_upload,
    invoice,
    local_discharge,
    save_file,
)


@pytest.fixture
def far(start):
    """A caller with the cross-province visit F1; choices as those of `start`."""

    def begin(**choices):
        caller = start(ready=False, **choices)
        caller.login()
        assert caller.call("offsiteRegister", bs003WS=far_admission()) == {"code": "0", "msg": ""}
        return caller

    return begin


def test_the_admission_is_kept_in_the_local_words(far):
    visit = far().simulator.state.visits["F1"]
    assert visit.family == "1"
    assert {name: visit.data[name] for name in ("akc192", "aka130", "alca02", "alk023", "alk024")} == {
        "akc192": "2026-03-01",
        "aka130": "21",
        "alca02": "LN2024000077",
        "alk023": "骨科",
        "alk024": "12",
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"aac002": ""}, "310002"),
        ({"aac003": ""}, "310003"),
        ({"aka130": ""}, "310004"),
        ({"akc190": ""}, "310005"),
        ({"aae030": ""}, "310006"),
        ({"akc200": ""}, "310007"),
        ({"akc200": "1" * 31}, "310008"),
        ({"akc199": ""}, "310009"),
        ({"akc199": "1" * 31}, "310010"),
        ({"akc201": ""}, "310011"),
        ({"akc201": "骨" * 31}, "310012"),
        ({"ysbm": ""}, "310013"),
        ({"ysbm": "王" * 21}, "310014"),
        ({"sbkid": ""}, "310015"),
        ({"sbkid": "1" * 21}, "310016"),
        ({"alc028": ""}, "310024"),
        ({"alc011": "other"}, "310018"),
        ({"aae030": "2026-01-14"}, "310018"),  # T135: before the filing is valid, and
        ({"aae030": "2024-02-01"}, "310018"),  # within one that is not valid any more
        ({"aac002": "210102198811126041"}, "0"),  # the default facts do not know everybody
        ({"aae030": "2026-03-06"}, "310022"),
        ({"aka130": "21"}, "1004"),  # T63
        ({"aka130": "71", "akc199": "", "akc200": ""}, "0"),
        ({"akc190": "F" * 21}, "1004"),
    ],
)
def test_admission_refusals(start, changes, expected):
    caller = start(ready=False, facts="default")
    caller.login()
    assert code(caller.call("offsiteRegister", bs003WS=far_admission(**changes))) == expected
    assert len(caller.simulator.state.visits) == (expected == "0")


def test_strict_facts_admit_nobody_else(start):
    caller = start(ready=False, facts=Facts(filings=FACTS.filings))
    caller.login()
    assert code(caller.call("offsiteRegister", bs003WS=far_admission(aac002="1" * 18))) == "310018"
    assert code(caller.call("offsiteRegister", bs003WS={})) == "310001"
    assert code(caller.call("offsiteRegister", bs003WS=far_admission())) == "0"


def test_numbers_and_stays_are_one_set_for_both_families(far):
    caller = far()
    again = far_admission()
    assert code(caller.call("offsiteRegister", bs003WS=again)) == "310020"
    assert code(caller.register("F1")) == "51014"
    assert code(caller.call("offsiteRegister", bs003WS=far_admission("F2"))) == "310019"
    assert code(caller.register("V1", aac002=again["aac002"])) == "51013"
    caller.simulator.close_visit("F1", on="2026-03-04")
    within = far_admission("F2", aae030="2026-03-03")
    assert code(caller.call("offsiteRegister", bs003WS=within)) == "310021"
    assert code(caller.call("offsiteRegister", bs003WS={**within, "aae030": "2026-03-04"})) == "0"


def test_fees_are_read_by_their_own_names(far):
    caller = far()
    answer = far_upload(
        caller, far_fee("10", "2", "20"), far_fee("5", ala012="02", aka063="11"), orders=(order("1"),)
    )
    assert answer == {"code": "0", "msg": "", "count": "3"}
    assert caller.simulator.total("F1") == 250_000
    assert [row["ala002"] for row in caller.simulator.fees("F1")] == ["XA11", "XA11"]
    assert [one["aae080"] for one in caller.simulator.orders("F1")] == ["1"]
    assert approve_far(caller)["collections"]["collection"] == [
        {"aka063": "11", "alc407": 5.0},
        {"aka063": "51", "alc407": 20.0},
    ]


def test_the_kind_decides_about_the_category_in_both_spellings(far):
    caller = far()
    far_upload(caller, far_fee(ala012="02", aka063=""), far_fee(ala012="01", aka063=""))
    assert list(caller.simulator.state.visits["F1"].sums) == ["11", "22"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (far_fee(alc400=""), "330008"),
        (far_fee(alc401=""), "330009"),
        (far_fee(ala002=""), "330010"),
        (far_fee(ala020=""), "330011"),
        (far_fee(akc229=""), "330012"),
        (far_fee(akc225=""), "330013"),
        (far_fee(akc226=""), "330014"),
        (far_fee(alc407=""), "330015"),
        (far_fee(akc515=""), "330016"),
        (far_fee(aae080=""), "330035"),
        (far_fee("10", "-1", "-10"), "330023"),
        (far_fee("7", "-3", "-21"), "330022"),
        (far_fee("7", "-2", "-14"), "0"),
        (far_fee("10", "-1", "10"), "330024"),
        (far_fee("10", "1", "-10"), "330025"),
        (far_fee("10", "1", "11"), "1004"),
        (far_fee(aka063="3"), "330026"),
        (far_fee(aka065="9"), "330027"),
        (far_fee(ala002="SZFCL999", aka065="1", vmed=""), "330028"),
        (far_fee(ala012="8"), "330029"),
        (far_fee(noinjury="2"), "330033"),
        (far_fee(spreason="2"), "330036"),
        (far_fee(spreason="1"), "330037"),
        (far_fee(noinjury="1", aka065="3"), "330040"),
        (far_fee(ala002="OLD"), "330039"),
        (far_fee(alc402="X"), "1004"),
    ],
)
def test_fee_refusals(far, row, expected):
    caller = far(facts=Facts(outdated_items=frozenset({"OLD"})))
    assert code(far_upload(caller, far_fee("7", "2", "14"))) == "0"
    assert code(far_upload(caller, row)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({"aae080": ""}, "330017"), ({"alk009": ""}, "330018"), ({"alk016": ""}, "330019")],
)
def test_order_refusals(far, changes, expected):
    assert code(far_upload(far(), orders=({**order("1"), **changes},))) == expected


def test_what_names_no_visit_of_this_family(far):
    caller = far()
    caller.register("V1")
    assert code(far_upload(caller, far_fee(), number="")) == "330002"
    assert code(far_upload(caller, far_fee(), number="V1")) == "330001"
    assert code(far_upload(caller)) == "330003"
    assert code(caller.upload(med(), visit="F1")) == "81001"
    assert code(caller.approve("F1")) == "91003"
    assert code(approve_far(caller, "V1")) == "91003"
    assert code(caller.call("getJSSheet", akc190="F1", rolltype="0")) == "240002"
    for method, number, expected in (
        ("medInfoInvalidData", "V1", "340003"),
        ("medInfoInvalidData", "", "340002"),
        ("invalidData", "F1", "130003"),
        ("offsiteRegisterUndo", "V1", "320002"),
        ("offsiteRegisterUndo", "", "320001"),
        ("regundo", "F1", "61007"),
        ("offsiteLeaveHosUndo", "V1", "360002"),
        ("offsiteLeaveHosUndo", "", "360001"),
        ("leaveHosUndo", "F1", "120002"),
    ):
        assert code(caller.call(method, akc190=number)) == expected
    assert code(caller.call("leaveHos", **local_discharge("F1"))) == "110009"
    assert code(caller.call("offsiteLeaveHos", **far_discharge("V1"))) == "350010"


def test_the_undo_has_no_cascade(far):
    caller = far()
    far_upload(caller, far_fee())
    assert code(caller.call("offsiteRegisterUndo", akc190="F1")) == "1004"
    assert code(caller.call("offsiteRegisterUndo", akc190="F1", alc011="other")) == "320005"
    approve_far(caller)
    assert code(caller.call("offsiteRegisterUndo", akc190="F1")) == "320004"
    assert code(caller.call("medInfoInvalidData", akc190="F1")) == "0"
    assert code(caller.call("medInfoInvalidData", akc190="F1")) == "340004"
    assert code(caller.call("offsiteRegisterUndo", akc190="F1", alc011="LN2024000077")) == "0"
    assert caller.simulator.state.visits == {}


@pytest.fixture
def leave(far):
    """Leave with 10 yuan approved, and these changes."""

    def call(*, approved: bool = True, fees: tuple = (far_fee(),), choices: dict | None = None, **changes):
        caller = far(**(choices or {}))
        if fees:
            far_upload(caller, *fees)
        if approved:
            assert code(approve_far(caller)) == "0"
        return caller, code(caller.call("offsiteLeaveHos", **far_discharge(**changes)))

    return call


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "0"),
        ({"akc190": ""}, "350001"),
        ({"aac002": ""}, "350002"),
        ({"aac003": ""}, "350003"),
        ({"aae031": ""}, "350004"),
        ({"akc194": ""}, "350005"),
        ({"akc195": ""}, "350006"),
        ({"akc202": ""}, "350007"),
        ({"ints": ""}, "350008"),
        ({"ints": "-1"}, "350009"),
        ({"akc202": "7"}, "350016"),
        ({"aac002": "210102198811126034"}, "1004"),
        ({"aac003": "李四"}, "1004"),
        ({"fees": ()}, "350012"),
        ({"approved": False}, "350014"),
        ({"aae031": "2026-02-28"}, "350017"),
        ({"aae031": "2026-03-06"}, "1004"),
        ({"aae031": "2026-03-01", "ints": "0"}, "1004"),
        ({"ints": "5"}, "1004"),
        ({"bskm03s": {}}, "1004"),
        ({"choices": {"facts": Facts(outdated_items=frozenset())}}, "0"),
        ({"invoices": (invoice(money="9"),)}, "350026"),
        ({"invoices": ({**invoice(), "invoiceNo": ""},)}, "350028"),
        ({"invoices": (invoice(content=b"no file"),)}, "350029"),
        ({"invoices": (invoice(content=b"\x89PNG"),)}, "0"),
        ({"invoices": (invoice(), {**invoice("FA1", "0"), "filetype": "02"})}, "0"),
        ({"invoices": (invoice(money="5"), invoice(money="5"))}, "1004"),
    ],
)
def test_discharge_refusals(leave, changes, expected):
    caller, answer = leave(**changes)
    assert answer == expected
    assert bool(caller.simulator.state.visits["F1"].closed_on) == (expected == "0")


def test_after_the_discharge_and_back(leave):
    caller, _ = leave()
    assert code(caller.call("offsiteLeaveHos", **far_discharge())) == "350011"
    assert code(far_upload(caller, far_fee())) == "330005"
    assert code(caller.call("medInfoInvalidData", akc190="F1")) == "340001"
    assert code(caller.call("offsiteRegisterUndo", akc190="F1")) == "320004"
    assert code(save_file(caller, akc190="F1", rolltype="1")) == "0"
    caller.simulator.apply_for_settlement("F1")
    assert code(caller.call("offsiteLeaveHosUndo", akc190="F1")) == "1004"
    caller.simulator.audit("F1")
    assert code(caller.call("offsiteLeaveHosUndo", akc190="F1")) == "360003"
    assert code(caller.call("medInfoInvalidData", akc190="F1")) == "340005"
    assert code(caller.call("offsiteRegisterUndo", akc190="F1")) == "320003"
    caller.simulator.apply_for_settlement("F1", withdraw=True)
    for method in ("offsiteLeaveHosUndo", "medInfoInvalidData", "offsiteRegisterUndo"):
        assert code(caller.call(method, akc190="F1")) == "0"
    assert caller.simulator.state.visits == {}


def test_an_outdated_item_stops_the_discharge(start):
    facts = Facts(outdated_items=frozenset({"XA11"}))
    caller = start(ready=False, facts=facts)
    caller.login()
    caller.call("offsiteRegister", bs003WS=far_admission())
    far_upload(caller, far_fee(ala002="XA12"))
    fees = caller.simulator.state.visits["F1"].fees
    fees[0] = replace(fees[0], item="XA11")  # the catalogue moved on after the upload
    approve_far(caller)
    assert code(caller.call("offsiteLeaveHos", **far_discharge())) == "350013"


def test_undo_of_what_is_not_discharged(far):
    caller = far()
    assert code(caller.call("offsiteLeaveHosUndo", akc190="F1")) == "360004"


def test_faults_strike_the_twin_in_its_own_words(start):
    caller = start(ready=False, faults=["P.manual_same_amount:sendBsMedInfo@1", "P.counts_more@2"])
    caller.login()
    caller.call("offsiteRegister", bs003WS=far_admission())
    with pytest.raises(Exception, match="disconnected"):
        far_upload(caller, far_fee("12.5"))
    assert caller.simulator.total("F1") == 125_000
    assert caller.simulator.fees("F1")[0]["ala002"] == "MANUAL"
    assert far_upload(caller, far_fee())["count"] == "2"
