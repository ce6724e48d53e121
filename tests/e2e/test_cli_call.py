"""`connector call`: any interface by hand, against the stand-in platform, as a person and as a script meet it."""

import json

import pytest

from connector.contract.envelope import open_sealed
from connector.contract.library import contract
from tests.e2e.call_kit import ADMISSION, CHARGES, IDENTITY, NAME
from tests.ward import KEY

# Asking


def test_a_question_is_asked_without_being_asked_about(hall):
    hall = hall()
    code, out, err = hall.call("find injuries of a person", data={"aac002": IDENTITY, "aac003": NAME})
    assert (code, err) == (0, "")
    assert "Accepted." in out
    assert "lc01s 工伤信息" in out or "lc01s" in out
    assert f"aac003 姓名: {NAME}" in out
    assert "alc021 伤害程度: 3 (工伤)" in out
    assert [method for method, _ in hall.platform.calls] == ["login", "getInjuryByNameAndId", "logout"]


def test_the_answer_as_json_is_whole(hall):
    hall = hall()
    code, out, _ = hall.call("4.3", "--json", data={"aac002": IDENTITY, "aac003": NAME})
    told = json.loads(out)
    assert code == 0
    assert told["verdict"] == "accepted"
    assert told["answer"]["lc01s"]["lc01"][0]["aac003"] == NAME
    assert told["words"]["lc01s.lc01[0].alc021"] == "工伤"


def test_nothing_found_is_an_answer(hall):
    code, out, _ = hall().call("getCure", data={"alca02": "NOBODY"})
    assert code == 0
    assert out.startswith("Nothing found.")
    assert "190002" in out


def test_the_request_may_be_yaml_or_come_through_stdin(hall):
    hall = hall()
    yaml = f"# who\naac002: {IDENTITY}   # eighteen characters\naac003: {NAME}\n"
    assert hall.call("getInjuryByNameAndId", data=yaml)[0] == 0
    code, _, _ = hall.call(
        "getInjuryByNameAndId", "--data", "-", typed=json.dumps({"aac002": IDENTITY, "aac003": NAME})
    )
    assert code == 0
    assert hall.heard() == ["getInjuryByNameAndId"] * 2


def test_a_sessionid_in_the_request_is_left_out(hall):
    hall = hall()
    code, _, err = hall.call("getPerMed", data={"sessionid": "8280", "akc190": "V9"})
    assert code == 1
    assert "sessionid given is left out" in err
    assert "11005" not in err


# What is wrong with a request


def test_every_rule_is_told_at_once_and_nothing_is_sent(hall):
    hall = hall()
    payload = {
        **ADMISSION,
        "kc21": {**ADMISSION["kc21"], "akc192": "2026/03/01", "aac004": "3", "ysbm": "", "aac02": "x"},
    }
    code, out, err = hall.call("register", "--yes", data=payload)
    assert (code, out) == (2, "")
    for words in (
        "kc21.akc192 入院日期",
        "kc21.aac004 性别",
        "kc21.ysbm 主治医师",
        "did you mean aac002?",
        "--template",
    ):
        assert words in err
    assert hall.platform.calls == []


def test_unchecked_sends_it_anyway_and_says_what_it_breaks(hall):
    hall = hall()
    code, out, err = hall.call("getPerMed", "--unchecked", data={"akc190": "V1", "neu": "1"})
    assert code == 1
    assert "Unchecked: neu" in err
    assert "The platform says: 1004" in out
    assert "We say: look at lengths, dates and number formats first" in out
    assert hall.heard() == ["getPerMed"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["getCurre"], "Did you mean getCure (4.4,"),
        (["leave", "hospitl"], "Did you mean leaveHos (4.13, leave hospital)?"),
        (["login"], "logs in and out by itself"),
        (["4.2"], "logs in and out by itself"),
        (["4.30"], "no interface “4.30”"),
    ],
)
def test_an_interface_that_is_none(hall, words, told):
    hall = hall()
    code, out, err = hall.call(*words)
    assert (code, out) == (2, "")
    assert told in err
    assert hall.platform.calls == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("", "The file is empty."),
        ("[1]", "must be one object"),
        ('{"akc190": "V1"', "This is no JSON"),
        ('{"akc190": "V1", "akc190": "V2"}', "“akc190” stands twice"),
        ("akc190: V1\nakc190: V2\n", "“akc190” stands twice"),
        ("akc190: [V1\n", "no YAML"),
        ("张敏 V1 152824198204240045", "key: value"),
        ('{"akc190": NaN}', "NaN"),
        ('{"akc190": true}', "is a bool, must be text"),
        ('{"akc190": {"a": 1}}', "is an object, must be a single value"),
        ('{"akc190": null}', "is required, but is empty"),
    ],
)
def test_a_request_that_is_none_is_told_with_its_place_and_without_its_content(hall, data, words):
    hall = hall()
    code, out, err = hall.call("getPerMed", data=data)
    assert (code, out) == (2, "")
    assert words in err or (words == "no YAML" and "cannot be read as YAML" in err)
    assert IDENTITY not in err
    assert hall.platform.calls == []


def test_a_missing_file_and_one_of_another_encoding(hall):
    hall = hall()
    code, _, err = hall.call("getPerMed", "--data", hall.ward.directory / "nowhere.json")
    assert code == 2
    assert "There is no such file." in err
    gbk = hall.ward.directory / "gbk.json"
    gbk.write_bytes(json.dumps({"akc190": "骨科病房"}, ensure_ascii=False).encode("gbk"))
    code, _, err = hall.call("getPerMed", "--data", gbk)
    assert code == 2
    assert "GBK" in err
    assert hall.platform.calls == []


# What changes something


def test_a_change_is_asked_about_and_yes_sends_it(hall):
    hall = hall()
    for typed in ("", "no\n"):
        code, out, err = hall.call("register", data=ADMISSION, typed=typed)
        assert (code, out) == (1, "")
        assert "4.8 register 入院登记 (register an admission), visit H1, to http://127.0.0.1" in err
        assert "Nothing was sent." in err
        assert ("--yes sends without asking" in err) == (not typed)
    assert hall.platform.calls == []
    assert hall.call("register", data=ADMISSION, typed="yes\n")[0] == 0
    code, out, _ = hall.call("register", "--yes", data=ADMISSION)
    assert code == 1
    assert "51014" in out
    assert hall.heard() == ["register", "register"]


@pytest.mark.parametrize(
    ("method", "data", "words"),
    [
        (
            "4.9",
            {"akc190": "H1", "alca02": "2012282"},
            "It removes: the admission, and with it its fees and orders.",
        ),
        ("4.11", {"akc190": "H1"}, "It removes: every fee of the visit; the admission stays."),
        ("4.14", {"akc190": "H1"}, "It removes: the discharge"),
        ("4.16", {"akc190": "H1", "rolltype": "0"}, "It approves the visit's fees"),
        ("discharge", {"akc190": "H1", "rolltype": "0", "aaca07": "J1"}, "discharges nobody"),
    ],
)
def test_the_question_says_what_will_happen(hall, method, data, words):
    hall = hall()
    code, _, err = hall.call(method, data=data)
    assert code == 1
    assert words in err
    assert "visit H1" in err
    assert hall.platform.calls == []


def test_fees_are_approved_by_purpose_and_shown_by_category(hall):
    hall = hall()
    hall.call("register", "--yes", data=ADMISSION)
    code, out, _ = hall.call("approve fees", "--yes", data={"akc190": "H1", "rolltype": "0", "aaca07": "J1"})
    assert hall.heard() == ["register", "discharge"]
    assert code in (0, 1)
    assert "Accepted." in out or "Refused." in out


# The ledger


def deliver(hall):
    hall.ward.stay(1)
    hall.ward.fee(1, "10.00")
    assert hall.ward.run().exit_code == 0
    hall.platform.calls.clear()


@pytest.mark.parametrize(
    ("method", "data", "why"),
    [
        ("sendMedInfo", CHARGES, "it would send them again from the HIS"),
        ("delete all charges", {"akc190": "V1"}, "it would never send them again"),
        ("regundo", {"akc190": "V1", "alca02": "2012282"}, "it would never send them again"),
    ],
)
def test_fees_of_a_visit_the_ledger_knows_are_refused_and_yes_is_not_enough(hall, method, data, why):
    hall = hall()
    deliver(hall)
    code, out, err = hall.call(method, "--yes", data=data)
    assert (code, out) == (2, "")
    assert why in err
    assert "--force-behind-ledger" in err
    for typed in ("", "yes\n", "V2\n"):
        code, _, err = hall.call(method, "--yes", "--force-behind-ledger", data=data, typed=typed)
        assert code == 1
        assert "10.00 yuan of it are at the platform" in err
    assert hall.platform.calls == []
    code, _, _ = hall.call(method, "--force-behind-ledger", data=data, typed="V1\n")
    assert code == 0
    assert len(hall.heard()) == 1


def test_a_visit_the_ledger_does_not_know_is_nobodys_business(hall):
    hall = hall()
    deliver(hall)
    hall.call("register", "--yes", data=ADMISSION)
    code, out, _ = hall.call("upload charges", "--yes", data={**CHARGES, "akc190": "H1"})
    assert code == 0
    assert "counts 成功保存数据条数: 1" in out


def test_a_run_that_delivers_is_never_disturbed(hall):
    hall = hall()
    with hall.ward.parts().open_ledger() as ledger:
        ledger.take_lease("host process 1", ttl_s=60)
        code, out, err = hall.call("getPerMed", data={"akc190": "V1"})
    assert (code, out) == (5, "")
    assert "host process 1" in err
    assert hall.platform.calls == []


def test_the_session_is_closed_and_the_lease_given_back_whatever_comes(hall):
    hall = hall(faults=["N.sent_no_answer:getPerMed@1"])
    assert hall.call("getPerMed", data={"akc190": "V1"})[0] == 1
    with hall.ward.parts().open_ledger() as ledger:
        assert ledger.stored_session("demo") == ""
        ledger.release_lease(ledger.take_lease("next", ttl_s=60))


# How it ends


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("N.sent_no_answer:register@1", 4, "Nobody knows whether it took effect"),
        ("N.html_200:register@1", 4, "Look at the visit before it is sent again"),
        ("N.answer_mid:register@1", 4, "In doubt."),
        ("P.busy:register@1", 1, "try again in some minutes"),
        ("P.hard:register@1", 1, "Refused."),
        ("P.soft:register@1", 4, "99999"),
        ("P.session_drop:register@1", 4, "session was lost"),
    ],
)
def test_the_exit_code_of_a_call_that_changes_something(hall, fault, code, words):
    hall = hall(faults=[fault])
    found, out, _ = hall.call("register", "--yes", data=ADMISSION)
    assert found == code
    assert words in out
    assert hall.heard().count("register") <= 1


def test_nobody_there(hall):
    hall = hall()
    hall.platform.stop()
    code, out, err = hall.call("getPerMed", data={"akc190": "V1"})
    assert (code, out) == (1, "")
    assert "cannot be reached" in err


# Without sending


def test_a_dry_run_shows_the_text_plain_and_sealed(hall):
    hall = hall()
    data = {"aac002": IDENTITY, "aac003": NAME}
    code, out, _ = hall.call("4.3", "--dry-run", "--json", data=data)
    told = json.loads(out)
    assert code == 0
    assert told["url"].endswith("/nm-his/public/sendHis/getInjuryByNameAndId.html")
    assert json.loads(told["plain"]) == {"sessionid": "0", **data}
    assert open_sealed(KEY, told["sealed"].encode()) == told["plain"].encode()
    code, out, _ = hall.call("4.3", "--dry-run", data=data)
    assert told["sealed"] in out
    assert "nothing was sent" in out
    assert hall.platform.calls == []


def test_a_template_can_be_sent_back_in(hall):
    hall = hall()
    for operation in contract().operations.values():
        code, out, err = hall.call(operation.method, "--template")
        assert (code, err) == (0, "")
        if operation.effect != "session" and operation.encoding == "sealed":
            code, told, err = hall.call(operation.method, "--dry-run", "--json", data=out)
            assert (code, err) == (0, ""), operation.method
            assert json.loads(told)["method"] == operation.method
    assert hall.platform.calls == []


def test_without_a_method_every_interface_is_listed(hall):
    hall = hall()
    code, out, _ = hall.call()
    assert code == 0
    assert "4.12" in out
    assert "approve fees" in out
    assert len(json.loads(hall.call("--json")[1])) == 29
