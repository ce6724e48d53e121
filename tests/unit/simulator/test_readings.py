"""4.12 the approval, 4.15 the totals per person, 4.3 the injuries."""

import pytest

from tests.unit.simulator.client import code, med

INJURIES = [
    {"aac002": "1", "aac003": "甲", "alca02": "A"},
    {"aac002": "1", "aac003": "甲", "alca02": "B"},
    {"aac002": "2", "aac003": "乙"},
]


def test_the_approval_tells_total_and_categories(start):
    caller = start()
    caller.upload(med("1.005", amount="1.005"), med("2.225", aka063="11", amount="2.225"))
    text = caller.send("discharge", {"akc190": "V1", "aaca07": "JS1", "rolltype": "0"}).text
    assert '"alc407":3.23,' in text  # a JSON number, as in the document's sample
    assert caller.approve() == {
        "code": 0,
        "msg": "",
        "akc190": "V1",
        "alc407": 3.23,
        "collections": {"collection": [{"aka063": "11", "alc407": 2.23}, {"aka063": "51", "alc407": 1.01}]},
    }


def test_an_approval_may_be_repeated_and_uploads_go_on(start):  # T2, T108
    caller = start()
    for price in ("1", "2"):
        caller.upload(med(price))
        assert code(caller.approve()) == "0"
    assert caller.approve()["alc407"] == 3.0
    assert caller.simulator.state.visits["V1"].approvals == ["JS1"] * 3
    assert caller.simulator.state.visits["V1"].closed_on == ""


def test_an_empty_visit_is_zero(start):
    answer = start().approve()
    assert (answer["alc407"], answer["collections"]) == (0.0, {"collection": []})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"akc190": ""}, "91001"),
        ({"aaca07": ""}, "91002"),
        ({"akc190": "V9"}, "91003"),
        ({"rolltype": "1"}, "91003"),
        ({"rolltype": ""}, "1004"),
        ({"rolltype": "2"}, "1004"),
        ({"aaca07": "x" * 51}, "1004"),
    ],
)
def test_approval_refusals(start, changes, expected):
    asked = {"akc190": "V1", "aaca07": "JS1", "rolltype": "0"}
    assert code(start().call("discharge", **asked | changes)) == expected


@pytest.mark.parametrize(("settled", "expected"), [(False, "91004"), (True, "91005")])
def test_no_approval_after_leaving(start, settled, expected):
    caller = start()
    caller.simulator.close_visit("V1", settled=settled)
    assert code(caller.approve()) == expected


def rows(answer):
    return [row["akc190"] for row in answer["detailcolls"]["detailData"]]


def test_one_visit_with_four_exact_decimals(start):
    caller = start()
    caller.upload(med("1.0001", amount="1.0001"), med("3", aka063="11"))
    (row,) = caller.call("getPerDetail", akc190="V1")["detailcolls"]["detailData"]
    assert row == {
        "aac001": "10014152",
        "aac003": "张敏",
        "aac002": "152824198204240045",
        "aab001": "100435",
        "akc190": "V1",
        "alca02": "2012282",
        "alca18": "1",
        "alc407": "4.0001",
        "alc408": "0.0",
        "auditlevel": "",
        "akc192": "2026-03-01",
        "akc194": "",
        "aab301name": "",
        "aka130": "21",
        "alc029": "T14.900",
        "aae036": "2026-03-05 10:00:00",
        "akc191": "7",
        "alc407med": "3.00",
        "alc407per": "75.00%",
    }


def test_decimals_of_the_list_are_a_choice(start):
    caller = start(detail_decimals=2)
    caller.upload(med("1.005", amount="1.005"))
    assert caller.call("getPerDetail")["detailcolls"]["detailData"][0]["alc407"] == "1.01"


def test_a_visit_shows_until_and_after_it_is_closed(start):
    caller = start()
    caller.simulator.close_visit("V1", on="2026-03-04")
    (row,) = caller.call("getPerDetail", akc190="V1")["detailcolls"]["detailData"]
    assert row["akc194"] == "2026-03-04"


def test_conditions(start, clock):
    caller = start(one_open_stay=False)
    caller.register("V2", aac002="152824198204240053", aac003="李四", akc192="2026-02-01")
    caller.simulator.close_visit("V2", on="2026-03-02")

    def found(**asked):
        answer = caller.call("getPerDetail", **asked)
        return rows(answer) if code(answer) == "0" else code(answer)

    assert found() == found(akc190="", aac003="") == ["V1", "V2"]
    assert found(akc190="V2") == found(aac003="李四") == found(aac002="152824198204240053") == ["V2"]
    assert found(akc190="V2", aac003="张敏") == "230003"
    assert found(akc190="V9") == "230003"  # T30
    assert found(akc192s="2026-03-01", akc192e="2026-03-01") == ["V1"]
    assert found(akc192e="2026-02-28") == ["V2"]
    assert found(akc194s="2026-03-02") == found(akc194e="2026-03-02") == ["V2"]
    assert found(akc194e="2026-03-01") == "230003"
    assert found(aae036s="2026-03-05", aae036e="2026-03-05") == ["V1", "V2"]
    assert found(aae036s="2026-03-06") == "230003"
    assert found(aae036s="20260306") == "1004"
    clock.move(days=27)  # April
    caller.login(clock().date())
    assert found() == "230003"  # nothing was recorded this month
    assert found(akc190="V1") == ["V1"]


def test_injuries_of_a_person(start):
    caller = start(ready=False, injuries=INJURIES)
    caller.login()
    answer = caller.call("getInjuryByNameAndId", aac002="1", aac003="甲")
    assert answer["counts"] == 2
    assert [one["alca02"] for one in answer["lc01s"]["lc01"]] == ["A", "B"]
    assert caller.call("getInjuryByNameAndId", aac002="2", aac003="乙")["lc01s"]["lc01"] == [INJURIES[2]]


def test_no_injury_is_a_success(start):  # T30
    caller = start(ready=False, injuries=INJURIES)
    caller.login()
    assert caller.call("getInjuryByNameAndId", aac002="1", aac003="乙") == {
        "code": 0,
        "msg": "",
        "counts": 0,
        "lc01s": {"lc01": []},
    }


@pytest.mark.parametrize(
    ("asked", "expected"),
    [({"aac003": "甲"}, "41002"), ({"aac002": "1"}, "41001"), ({"aac002": "1" * 19, "aac003": "甲"}, "1004")],
)
def test_injury_refusals(start, asked, expected):
    assert code(start().call("getInjuryByNameAndId", **asked)) == expected
