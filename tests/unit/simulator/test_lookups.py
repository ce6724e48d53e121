"""4.3 to 4.7, 4.21 and the cards: what the fact file says, asked for."""

import pytest

from connector.contract.library import contract
from connector.simulator.facts import Facts
from tests.unit.simulator.client import code
from tests.unit.simulator.stay import FILED

MIN = {"aac002": "152824198204240045", "aac003": "张敏"}
BATER = {"aac002": "150203199001015317", "aac003": "巴特尔"}
CARD = {"aaz500": "A12345678", "aaz501": "150800D15600000500BC5D4D6A3C0001"}
LOST = {"aaz500": "B22222222", "aaz501": "150200D15600000500BC5D4D6A3C0002"}


@pytest.fixture
def caller(start):
    one = start(ready=False, facts="default")
    one.login()
    return one


def test_injuries_old_and_new(caller):  # T114
    (old,) = caller.call("getInjuryByNameAndId", **MIN)["lc01s"]["lc01"]
    (new,) = caller.call("getInjuryByNameAndId", **BATER)["lc01s"]["lc01"]
    assert (old["alca02"], old["aac001"], "alca02" in new) == ("2012282", "10014152", False)
    known = {field.name for field in contract().operation("getInjuryByNameAndId").answer.nodes[0].fields}
    assert set(old) <= known


def test_applications_of_an_injury(caller):
    found = caller.call("getCure", alca02="2012282")["lkb7s"]["lkb7"]
    assert [(one["aae073"], one["akc175"]) for one in found] == [("10361076", "1"), ("10361077", "0")]
    assert code(caller.call("getCure", alca02="")) == "190001"
    assert code(caller.call("getCure", alca02="none")) == "190002"
    assert code(caller.call("getCure", alca02="1" * 31)) == "1004"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ["10361077"]),  # T103: this month
        (MIN, ["10361076", "10361077"]),
        ({"aac003": "别人"}, []),
        ({"akc176s": "2026-02-20", "akc176e": "2026-02-20"}, ["10361076"]),
        ({"aae035": "2026-02-01"}, ["10361076"]),
        ({"aae037": "2026-02-22"}, []),
    ],
)
def test_applications_by_conditions(caller, asked, expected):
    found = caller.call("getCureBatch", **asked)["lkb7s"]["lkb7"]
    assert [one["aae073"] for one in found] == expected


def test_a_wrong_condition(caller):
    assert code(caller.call("getCureBatch", aae035="20260301")) == "1004"
    assert code(caller.call("getReportBatch", aae035="20260301")) == "1004"
    assert code(caller.call("getReport", aac001="")) == "1004"


def test_one_report_is_an_object_none_is_a_list(caller):  # T28
    report = caller.call("getReport", aac001="10020001")["ldc1"]
    assert (report["alca02"], report["clc004"]) == ("BA20260227001", "00")
    assert caller.call("getReport", aac001="1")["ldc1"] == []


def test_several_reports_are_a_list(start):
    caller = start(facts=Facts(reports=({"aac001": "1", "alca02": "A"}, {"aac001": "1", "alca02": "B"})))
    assert [one["alca02"] for one in caller.call("getReport", aac001="1")["ldc1"]] == ["A", "B"]


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({}, 1),
        (BATER, 1),
        (MIN, 0),
        ({"aae035": "2026-02-28", "aae037": "2026-02-28"}, 1),
        ({"aae035": "2026-03-01"}, 0),
    ],
)
def test_reports_by_conditions(caller, asked, count):
    found = caller.call("getReportBatch", **asked)["ldch"]
    assert len(found) == count
    assert all(one["aae036"] == "2026-02-28" and one["aac003"] == "巴特尔" for one in found)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ["1", "0"]),
        ({"aae030s": "20260301"}, ["1"]),
        ({"aae030s": "20240301"}, ["0"]),
        ({"aae030s": "20250301"}, "300004"),
        ({"aac003": "别人"}, "300004"),
        ({"aac002": ""}, "300001"),
        ({"aac003": ""}, "300002"),
        ({"aae030s": "2026-03-01"}, "1004"),
    ],
)
def test_filings(caller, asked, expected):  # T135
    answer = caller.call("getBSTdjyba", **{"aac002": FILED["aac002"], "aac003": FILED["aac003"], **asked})
    if isinstance(expected, str):
        assert code(answer) == expected
    else:
        assert [one["aae100"] for one in answer["Bs001Gets"]] == expected


@pytest.mark.parametrize(
    ("asked", "valid"),
    [
        ({**CARD, **MIN}, "1"),
        ({**CARD, **MIN, "aac003": "张三"}, "0"),
        ({**CARD, **MIN, "aaz500": "A00000000"}, "0"),
        ({**LOST, **BATER}, "0"),
    ],
)
def test_a_card_is_good_only_by_its_result(caller, asked, valid):  # T31
    answer = caller.call("sbkAuth", **asked)
    assert (answer["code"], answer["result"]) == ("0", valid)
    assert (answer["errmsg"] == "") == (valid == "1")


def test_cards_and_codes_tell_their_person(caller):  # T25, T133, T134
    assert caller.call("parsingSbk", **CARD) == {
        "resCode": "0",
        "resMsg": "",
        "aac147": MIN["aac002"],
        "aac003": "张敏",
        "baz932": "20301231",
        "aaz502": "1",
    }
    assert caller.call("parsingSbk", **LOST)["aaz502"] == "2"
    assert caller.call("parsingQrcode", qrcode="0222222222222222222222") == {
        "resCode": "0",
        "resMsg": "",
        "aac147": BATER["aac002"],
        "aac003": "巴特尔",
        "aaz501": LOST["aaz501"],
        "aaz500": LOST["aaz500"],
    }
    assert caller.call("dzSbkAuth", qrcode="0123456789012345678901") == {
        "code": "0",
        "msg": "",
        **MIN,
        "aaz502": "1",
    }


def test_unknown_cards_and_wrong_codes(caller):
    for asked in ("1" * 22, "1" * 23, ""):
        assert code(caller.call("dzSbkAuth", qrcode=asked)) == "1004"
        assert caller.call("parsingQrcode", qrcode=asked)["resCode"] == "1004"
    assert caller.call("parsingSbk", **{**CARD, "aaz501": "0" * 32})["resCode"] == "1004"
    assert caller.call("parsingSbk", **{**CARD, "aaz500": "1" * 10})["resCode"] == "1004"
    assert code(caller.call("sbkAuth", **CARD, **{**MIN, "aac003": ""})) == "1004"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "0"),
        ({"aae073": "10361077"}, "1004"),  # T66: not audited
        ({"aae073": "1"}, "1004"),
        ({"alca02": "other"}, "51017"),
        ({"akc192": "2012-05-16"}, "51018"),
        ({"aac002": "152824198204240053", "alca02": "other", "aae073": "1"}, "0"),
        ({"isnewinjure": "1", "alca02": "", "aae073": ""}, "0"),
    ],
)
def test_an_old_injury_needs_its_application(caller, changes, expected):  # T118
    assert code(caller.register("V1", **changes)) == expected
