"""4.8 register and 4.9 regundo."""

from datetime import date

import pytest

from tests.unit.simulator.client import code, med, order

INJURY = {"aac001": "10014152", "aac002": "152824198204240045", "aac003": "张敏", "alca02": "2012282"}


def test_a_visit_is_registered_once(start):
    caller = start()
    assert caller.simulator.state.visits["V1"].data["aac003"] == "张敏"
    assert code(caller.register()) == "51014"
    assert code(caller.register("V2")) == "51013"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"aac002": ""}, "51003"),
        ({"aac003": " "}, "51004"),
        ({"aab001": None}, "51005"),
        ({"aac001": ""}, "51006"),
        ({"aac004": ""}, "51007"),
        ({"aka130": ""}, "51008"),
        ({"akc192": ""}, "51010"),
        ({"alc028": ""}, "51011"),
        ({"alca02": ""}, "51012"),
        ({"akc191": ""}, "51019"),
        ({"akc191": "9"}, "51021"),
        ({"akc192": "2026-03-06"}, "51020"),
        ({"isnewinjure": ""}, "51001"),
        ({"alk023": ""}, "1004"),  # T92: required in words, without a code
        ({"alk024": ""}, "1004"),
        ({"ysbm": "王" * 21}, "1004"),
        ({"akc192": "2026-3-1"}, "1004"),
        ({"aac004": "3"}, "1004"),
        ({"aae073": "1", "isnewinjure": "1", "alca02": ""}, "1004"),
        ({"unknown": "1"}, "1004"),
    ],
)
def test_refusals(start, changes, expected):
    caller = start(ready=False)
    caller.login()
    assert code(caller.register("V1", **changes)) == expected
    assert caller.simulator.state.visits == {}


def test_an_admission_without_number_or_content(start):
    caller = start(ready=False)
    caller.login()
    assert code(caller.register("")) == "51009"
    for content in ({}, "", None, "x", []):
        assert code(caller.call("register", isnewinjure="0", kc21=content)) == "51002"


def test_1004_names_the_field_and_no_value(start):
    caller = start(ready=False)
    caller.login()
    answer = caller.register("V1", ysbm="机密" * 20)
    assert "kc21.ysbm 主治医师" in answer["msg"]
    assert "机密" not in answer["msg"]


def test_the_chinese_day_decides_about_tomorrow(start, clock):
    caller = start(ready=False)
    clock.move(hours=14, minutes=1)  # 16:01 UTC is the next day in China
    caller.login(date(2026, 3, 6))
    assert code(caller.register("V1", akc192="2026-03-07")) == "51020"
    assert code(caller.register("V1", akc192="2026-03-06")) == "0"


def test_a_new_injury_needs_neither_decision_nor_application(start):
    caller = start(ready=False)
    caller.login()
    assert code(caller.register("V1", isnewinjure="1", alca02="", aae073="")) == "0"
    assert caller.simulator.state.visits["V1"].new_injury


@pytest.mark.parametrize(
    ("injuries", "expected"),
    [
        ([], "0"),
        ([INJURY], "0"),
        ([INJURY | {"alc020": "2026-02-28"}], "0"),
        ([INJURY | {"alc020": "2026-03-02"}], "51018"),
        ([INJURY | {"alc020": "2026-03-02"}, INJURY | {"alc020": "2020-01-01"}], "0"),
        ([INJURY | {"alca02": "other"}], "51017"),
        ([INJURY | {"aac002": "other"}], "51017"),
    ],
)
def test_the_injury_must_exist_and_come_first(start, injuries, expected):
    caller = start(ready=False, injuries=injuries)
    caller.login()
    assert code(caller.register()) == expected


def test_the_next_stay_begins_after_the_last_is_closed(start):
    caller = start()
    caller.simulator.close_visit("V1")
    assert code(caller.register("V2", aac002=" 152824198204240045")) == "1004"  # nineteen characters
    assert code(caller.register("V2")) == "0"
    assert caller.simulator.state.visits["V2"].episode == 2
    assert code(caller.register("V3", aac002="152824198204240053")) == "0"


def test_several_open_stays_by_choice(start):
    caller = start(one_open_stay=False)
    assert code(caller.register("V2")) == "0"


def test_undoing_takes_fees_and_orders_with_it(start):  # T106, T113
    caller = start()
    caller.upload(med(), orders=(order("1"),))
    assert code(caller.call("regundo", akc190="V1", alca02="2012282")) == "0"
    assert (caller.simulator.total("V1"), caller.simulator.orders("V1")) == (0, [])
    assert code(caller.register()) == "0"
    assert caller.simulator.fees("V1") == []


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"akc190": ""}, "61002"),
        ({"akc190": "V9"}, "61007"),
        ({"akc190": "V1", "alca02": "other"}, "61008"),
        ({"akc190": "V1", "alca02": "x" * 31}, "1004"),
        ({"akc190": "V1"}, "0"),
    ],
)
def test_undo_refusals(start, request_, expected):
    assert code(start().call("regundo", **request_)) == expected


def test_undo_of_a_closed_visit(start):
    caller = start()
    caller.simulator.close_visit("V1", settled=True)
    assert code(caller.call("regundo", akc190="V1")) == "61005"


def test_undo_may_ask_for_refunds_first(start):
    caller = start(undo_needs_refunds=True)
    caller.upload(med())
    assert code(caller.call("regundo", akc190="V1")) == "61006"
    caller.call("invalidData", akc190="V1")
    assert code(caller.call("regundo", akc190="V1")) == "0"
