"""4.16 the settlement sheet, which approves too, and 4.17 the drugs' share."""

import pytest

from connector.contract.library import contract
from tests.unit.simulator.client import code, med
from tests.unit.simulator.stay import approve_far, far_admission, far_fee, far_upload, local_discharge

SELF_PAY = {"alc402": "SZFCL999", "aka065": "3", "vmed": ""}


def sheet(caller, number="V1", rolltype="0"):
    answer = caller.call("getJSSheet", akc190=number, rolltype=rolltype)
    assert code(answer) == "0"
    return answer["kc21dto"]


def test_the_sheet_approves(start):  # T109
    caller = start()
    caller.upload(med())
    sheet(caller)
    assert caller.simulator.state.visits["V1"].approvals == [""]
    assert code(caller.call("leaveHos", **local_discharge())) == "0"


def test_an_open_visits_sheet_is_provisional(start):  # T124, T125
    caller = start(facts="default")
    caller.upload(med("10"), med("3", "2", "6", **SELF_PAY), med("4", noinjury="1"))
    found = sheet(caller)
    fields = contract().operation("getJSSheet").answer.nodes[0].fields
    assert list(found) == [*(field.name for field in fields), "kc22dtos"]
    expected = {
        "akc190": "V1",
        "aac003": "张敏",
        "aac001": "152824198204240045",
        "alc022": "右手",
        "alc020": "2012-05-17 00:00:00",
        "akc194": "",
        "akc196": "",
        "hsfbtje": "",
        "alc407sum": "20.0000",
        "alc408sum": "10.00",
        "jjin": "10.0000",
        "ylaccounts": "0.0000",
        "akc667": "0",
        "jsdate": "2026-03-05 10:00:00",
    }
    assert {name: found[name] for name in expected} == expected
    assert [
        (row["alc403"], row["alc406"], row["alc408"], row["marktype"]) for row in found["kc22dtos"]["kc22dto"]
    ] == [
        ("鞘", "2", "6.0000", "1"),
        ("鞘", "1", "4.0000", "2"),
    ]


def test_a_rescue_is_paid(start):
    caller = start()
    caller.upload(med("3", **SELF_PAY, spreason="1"))
    assert sheet(caller)["kc22dtos"]["kc22dto"] == []


def test_the_sheet_after_discharge_and_audit(start):
    caller = start()
    caller.upload(med())
    caller.approve()
    caller.call("leaveHos", **local_discharge())
    found = sheet(caller)
    assert (found["akc194"], found["akc196"], found["hsfbtje"]) == ("2026-03-04", "T14.900", "0.0000")
    assert caller.simulator.state.visits["V1"].approvals == ["JS1"]  # a closed visit is not approved again
    caller.simulator.audit("V1")
    found = sheet(caller)
    assert (found["akc667"], found["ylaccounts"]) == ("1", "10.0000")
    assert caller.call("getPerDetail")["detailcolls"]["detailData"][0]["auditlevel"] == "1"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"akc190": ""}, "240001"),
        ({"akc190": "V9"}, "240002"),
        ({"rolltype": "1"}, "240002"),
        ({"rolltype": ""}, "1004"),
        ({"rolltype": "2"}, "1004"),
    ],
)
def test_sheet_refusals(start, asked, expected):
    assert code(start().call("getJSSheet", **{"akc190": "V1", "rolltype": "0", **asked})) == expected


def test_the_sheet_may_wait_for_the_discharge(start):
    caller = start(sheet_needs_discharge=True)
    caller.upload(med())
    assert code(caller.call("getJSSheet", akc190="V1", rolltype="0")) == "240003"
    assert caller.simulator.state.visits["V1"].approvals == []
    caller.simulator.close_visit("V1")
    assert sheet(caller)["akc194"] == "2026-03-05"


def test_a_sheet_across_provinces(start):
    caller = start()
    caller.call("offsiteRegister", bs003WS=far_admission())
    far_upload(caller, far_fee("8", ala002="SZFCL999", aka065="3", vmed=""))
    found = sheet(caller, "F1", "1")
    assert (found["aka130"], found["alc408sum"]) == ("21", "8.00")
    assert found["kc22dtos"]["kc22dto"][0]["alc405"] == "8"
    assert code(approve_far(caller)) == "0"


def test_the_drugs_share(start):  # T138
    caller = start()
    caller.upload(med("30", aka063="11", alc404="0"), med("10"))
    assert caller.call("getPerMed", akc190="V1") == {
        "code": 0,
        "msg": "",
        "akc190": "V1",
        "aac003": "张敏",
        "aac002": "152824198204240045",
        "aac004": "1",
        "aka130": "21",
        "akc191": "7",
        "akc192": "2026-03-01",
        "akc194": "",
        "alc407sum": "40.00",
        "alc407med": "30.00",
        "alc407per": "75.00%",
    }


def test_no_share_of_no_visit(start):
    caller = start()
    assert caller.call("getPerMed", akc190="V1")["alc407per"] == "0.00%"
    assert code(caller.call("getPerMed", akc190="V9")) == "1004"
    assert code(caller.call("getPerMed", akc190="")) == "1004"
