"""4.10 sendMedInfo and 4.11 invalidData."""

from decimal import Decimal

import pytest

from tests.unit.simulator.client import charges, code, med, order

OUTSIDE = {"alc402": "SZFCL999", "aka065": "3", "vmed": ""}


def test_a_repeated_upload_duplicates(start):  # T70
    caller = start()
    for _ in range(2):
        answer = caller.upload(med("10"), med("2.5", "2", "5"))
        assert answer == {"code": 0, "msg": "", "counts": 2}
    assert [row["alc407"] for row in caller.simulator.fees("V1")] == ["10.0", "5", "10.0", "5"]
    assert caller.simulator.total("V1") == 300_000
    assert caller.simulator.rows_received == 4


def test_identical_rows_in_one_request_are_legal(start):
    caller = start()
    assert caller.upload(med(), med())["counts"] == 2
    assert len(caller.simulator.fees("V1")) == 2


def test_an_order_overwrites_the_one_of_its_number(start):  # T71, T27
    caller = start()
    assert caller.upload(med(aae080="1"), orders=(order("1"), order("2")))["counts"] == 3
    assert caller.upload(orders=(order("1", "停"),))["counts"] == 1
    assert [(one["aae080"], one["alk009"]) for one in caller.simulator.orders("V1")] == [
        ("1", "停"),
        ("2", "医嘱"),
    ]


def test_neither_orders_nor_fees(start):  # T76
    caller = start()
    for empty in ({}, {"meds": {"med": []}}, {"meds": None, "advices": ""}, {"meds": {"med": None}}):
        assert code(caller.call("sendMedInfo", akc190="V1", **empty)) == "81003"


def test_what_is_no_list_of_rows(start):
    caller = start()
    for wrong in ("x", [1], {"med": "x"}, {"med": {"alc400": "1"}}, {"med": [1]}, 7):
        assert code(caller.call("sendMedInfo", akc190="V1", meds=wrong)) == "1004"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (med(alc400=""), "81008"),
        (med(alc401=""), "81009"),
        (med(akc229=""), "81010"),
        (med(alc405=""), "81011"),
        (med(alc406=""), "81012"),
        (med(alc407=""), "81013"),
        (med(akc515=""), "81014"),
        (med(alc406="0", alc407="0"), "81012"),
        (med(alc405="10", alc407="0"), "81023"),  # T72
        (med(alc407="0.0000"), "81023"),
        (med("10", "-1", "10"), "81022"),  # T73
        (med("10", "1", "-10"), "81023"),
        (med("10", "1", "10.06"), "81023"),
        (med("-10", "1", "-10"), "1004"),
        (med("10.12345"), "1004"),
        (med("1e1", amount="10"), "1004"),
        (med(alc407="ten"), "1004"),
        (med(aka063="99x"), "81024"),
        (med(aka065="4"), "81025"),
        (med(alc404="2"), "81027"),
        (med(noinjury="2"), "81031"),
        (med(aae080=""), "81033"),
        (med(spreason="x"), "81034"),
        (med(spreason="1"), "81035"),
        (med(**OUTSIDE, noinjury="1"), "81038"),
        (med(**OUTSIDE, aka063=""), "81024"),
        (med(**{**OUTSIDE, "aka065": "1"}), "81026"),
        (med(**{**OUTSIDE, "alc404": "1"}), "81027"),
        (med(**OUTSIDE), "0"),
        (med(**OUTSIDE, spreason="1"), "0"),
        (med("10", "1", "10.05"), "0"),
        (med("0.3333", "3", "1"), "0"),
        (med(vmed=""), "1004"),
        (med(alc403="名" * 101), "1004"),
    ],
)
def test_one_bad_row_refuses_the_whole_request(start, row, expected):
    caller = start()
    answer = caller.upload(med(), row, orders=(order("1"),))
    assert code(answer) == expected
    kept = 2 if expected == "0" else 0
    assert (len(caller.simulator.fees("V1")), len(caller.simulator.orders("V1"))) == (kept, kept // 2)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"aae080": ""}, "81015"),
        ({"alk009": ""}, "81016"),
        ({"alk009": "长" * 2001}, "81030"),
        ({"alk016": ""}, "81017"),
        ({"alk017": ""}, "81018"),
        ({"alk007": "2026/03/02"}, "81029"),
        ({"aae080": "999"}, "1004"),  # T77
        ({"alk012": "九个字的体位描述啊"}, "1004"),
    ],
)
def test_bad_orders(start, changes, expected):
    assert code(start().upload(orders=(order("1") | changes,))) == expected


def test_visits_that_take_no_fees(start):
    caller = start()
    assert code(caller.upload(med(), visit="")) == "81002"
    assert code(caller.upload(med(), visit="V9")) == "81001"
    caller.simulator.close_visit("V1", on="2026-03-04")
    answer = caller.upload(med())
    assert (code(answer), answer["msg"]) == ("81005", "F81005-已经出院结算了,不能撤消入院登记")  # T35


def test_refunds_follow_what_is_stored(start):  # T73
    caller = start()
    assert code(caller.upload(med("10", "-1", "-10"))) == "81021"
    assert code(caller.upload(med("10", "3", "30"), med("10", "-1", "-10"))) == "81021"
    caller.upload(med("10", "3", "30"))
    assert code(caller.upload(med("10", "-4", "-40"))) == "81020"
    assert code(caller.upload(med("10", "-2", "-20"), med("10.00", "-2", "-20"))) == "81020"
    assert code(caller.upload(med("11", "-1", "-11"))) == "81021"
    assert code(caller.upload(med("10", "-1", "-10", alc402="OTHER"))) == "81021"
    assert code(caller.upload(med("10.0000", "-2", "-20"))) == "0"
    assert code(caller.upload(med("10", "-1", "-10"))) == "0"
    assert code(caller.upload(med("10", "-1", "-10"))) == "81021"
    assert caller.simulator.total("V1") == 0


def test_four_decimals_are_exact(start):
    caller = start()
    for _ in range(10):
        caller.upload(med("0.0001", "1", "0.0001"))
    assert caller.simulator.total("V1") == 10
    caller.upload(med("999999.9999", "1000", "999999999.9"))
    assert caller.simulator.total("V1") == 10 + 9_999_999_999_000


def test_removing_deletes_fees_and_keeps_orders_and_admission(start):  # T107
    caller = start()
    caller.upload(med(), orders=(order("1"),))
    assert caller.call("invalidData", akc190="V1") == {"code": 0, "msg": ""}
    assert caller.simulator.fees("V1") == []
    assert len(caller.simulator.orders("V1")) == 1
    assert code(caller.upload(med("10", "-1", "-10"))) == "81021"
    assert code(caller.call("invalidData", akc190="V1")) == "130004"
    assert [visit for visit, _ in caller.simulator.state.committed_rows()] == ["V1"]
    assert caller.simulator.rows_received == 1


@pytest.mark.parametrize(("visit", "expected"), [("", "130002"), ("V9", "130003"), ("V" * 31, "1004")])
def test_remove_refusals(start, visit, expected):
    assert code(start().call("invalidData", akc190=visit)) == expected


def test_nothing_is_removed_after_leaving(start):
    caller = start()
    caller.upload(med())
    caller.simulator.close_visit("V1")
    assert code(caller.call("invalidData", akc190="V1")) == "130001"


def test_categories_are_the_platforms(start):
    caller = start(categories={"XA11": "22"})
    caller.upload(
        med(alc402="XA11", aka063="51"),
        med(alc402="B", aka063="51"),
        med(alc402="C", aka063="", alc404="0"),
        med(alc402="D", aka063="", alc404="1"),
    )
    assert {one.item: one.category for _, one in caller.simulator.state.committed_rows()} == {
        "XA11": "22",
        "B": "51",
        "C": "11",
        "D": "22",
    }


def test_the_tolerance_of_amounts_is_a_choice(start):
    caller = start(amount_tolerance=Decimal(0))
    assert code(caller.upload(med("0.3333", "3", "1"))) == "81023"
    assert code(caller.upload(med("0.3333", "3", "0.9999"))) == "0"


def test_a_sink_checks_envelope_and_session_only(start):
    caller = start(ready=False, check_rules=False)
    assert code(caller.call("sendMedInfo", **charges(med()))) == "11004"
    caller.login()
    anything = {"alc402": "X", "alc407": "1.5"}
    for number in ("V1", "V2", "V1"):
        answer = caller.upload(anything, {"alc405": "0"}, visit=number, orders=({"free": "form"},))
        assert answer["counts"] == 3
    assert (caller.simulator.total("V1"), caller.simulator.rows_received) == (30_000, 6)
    assert caller.simulator.fees("V1") == []
    assert list(caller.simulator.state.committed_rows()) == []
    assert code(caller.upload({"alc407": "x"})) == "1004"
    assert code(caller.register("V1")) == "51014"
    assert code(caller.call("sendMedInfo", akc190="", meds={"med": [anything]})) == "81002"
    assert code(caller.approve("V2")) == "0"


def test_a_sink_keeps_rows_on_request(start):
    caller = start(ready=False, check_rules=False, keep_rows=True)
    caller.login()
    caller.upload({"alc402": "X", "alc407": "1.5"})
    assert caller.simulator.fees("V1") == [{"alc402": "X", "alc407": "1.5"}]


def test_half_a_character_is_kept_and_answered(start, tmp_path):
    caller = start(state_file=tmp_path / "state")
    assert code(caller.upload(med(bzmsg="\ud83d"))) == "0"
    assert caller.simulator.fees("V1")[0]["bzmsg"] == "\ud83d"
    caller.simulator.close_visit("V1")
    assert code(caller.register("V2", aac003="\ud800")) == "0"
    (row,) = caller.call("getPerDetail", akc190="V2")["detailcolls"]["detailData"]
    assert row["aac003"] == "?"
