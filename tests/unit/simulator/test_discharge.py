"""4.13 leaveHos, 4.14 leaveHosUndo, 4.18 saveInvoice: leaving, coming back, files."""

import hashlib

import pytest

from connector.simulator.facts import Facts
from tests.unit.simulator.client import code, med
from tests.unit.simulator.stay import PDF, invoice, local_discharge, save_file

PNG = b"\x89PNG\r\n\x1a\n--x\r\n\r\nbody"


@pytest.fixture
def leave(start):
    """A visit with 10 yuan, approved; what comes back of leaving with these changes."""

    def call(*, approved: bool = True, fees: tuple = (med(),), choices: dict | None = None, **changes):
        caller = start(**(choices or {}))
        if fees:
            assert code(caller.upload(*fees)) == "0"
        if approved:
            assert code(caller.approve()) == "0"
        return caller, code(caller.call("leaveHos", **local_discharge(**changes)))

    return call


def test_a_visit_is_discharged(leave):
    caller, answer = leave()
    assert answer == "0"
    assert caller.simulator.state.visits["V1"].closed_on == "2026-03-04"
    assert code(caller.call("leaveHos", **local_discharge())) == "110010"
    assert code(caller.upload(med())) == "81005"
    assert code(caller.approve()) == "91004"
    assert code(caller.call("invalidData", akc190="V1")) == "130001"
    assert code(caller.call("regundo", akc190="V1")) == "61005"
    assert code(caller.register("V2")) == "0"  # the person's stay is closed


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"akc190": ""}, "110001"),
        ({"aac002": ""}, "110002"),
        ({"aac003": ""}, "110003"),
        ({"akc194": ""}, "110004"),
        ({"akc195": ""}, "110005"),
        ({"akc196": ""}, "110006"),
        ({"ints": ""}, "110007"),
        ({"akc195": "7"}, "110015"),
        ({"akc194": "2026-3-4"}, "110017"),
        ({"ints": "-1"}, "110018"),
        ({"akc190": "V9"}, "110009"),
        ({"aac002": "152824198204240046"}, "110011"),
        ({"aac003": "张三"}, "110012"),
        ({"akc194": "2026-02-28"}, "110017"),
        ({"akc194": "2026-03-06"}, "110017"),
        ({"ints": "4"}, "0"),
        ({"ints": "5"}, "110019"),
        ({"akc194": "2026-03-01", "ints": "0"}, "110016"),
        ({"approved": False}, "110008"),
        ({"fees": ()}, "110020"),
        ({"km02s": {"km02": []}}, "1004"),
        ({"km03s": {}}, "1004"),
        ({"km05s": None}, "1004"),
        ({"km04s": {"km04": []}}, "0"),
        ({"km05s": None, "choices": {"needs_records": False}}, "0"),
        ({"choices": {"facts": Facts(outdated_items=frozenset({"XA11"}))}}, "110022"),
        ({"invoices": ({**invoice(), "body": ""},)}, "110023"),
        ({"invoices": (invoice(content=PNG),)}, "110024"),
        ({"invoices": (invoice(money="9.99"),)}, "110025"),
        ({"invoices": (invoice(money="4"), invoice("FP2", "6.00"))}, "0"),
        ({"invoices": (invoice(money="4"), invoice(money="6"))}, "1004"),
        ({"km12s": {"km12": [{**invoice(), "invoiceType": "png"}]}}, "110026"),
    ],
)
def test_refusals(leave, changes, expected):
    caller, answer = leave(**changes)
    assert answer == expected
    closed = {one.number for one in caller.simulator.state.visits.values() if one.closed_on}
    assert closed == ({"V1"} if expected == "0" else set())


def test_fees_after_the_approval_have_to_be_approved(leave):
    caller, answer = leave(invoices=(invoice(money="99"),))
    assert answer == "110025"
    caller.upload(med("5"))
    assert code(caller.call("leaveHos", **local_discharge())) == "110008"
    caller.approve()
    assert code(caller.call("leaveHos", **local_discharge(invoices=(invoice(money="15"),)))) == "0"


def test_the_discharge_is_cancelled(leave):  # T110, T111
    caller, _ = leave(invoices=(invoice(),))
    assert caller.simulator.invoices("V1") == ["FP1"]
    assert code(caller.call("leaveHosUndo", akc190="V1")) == "0"
    assert caller.simulator.invoices("V1") == []
    assert code(caller.call("leaveHosUndo", akc190="V1")) == "120002"
    assert code(caller.call("leaveHos", **local_discharge())) == "110008"  # to be approved again
    assert code(caller.upload(med())) == "0"
    caller.approve()
    assert code(caller.call("leaveHos", **local_discharge(invoices=(invoice(money="20"),)))) == "0"


def test_undo_refusals(leave):
    caller, _ = leave()
    assert code(caller.call("leaveHosUndo", akc190="")) == "120001"
    assert code(caller.call("leaveHosUndo", akc190="V9")) == "120002"
    assert code(caller.call("leaveHosUndo", akc190="V1" * 16)) == "120002"
    caller.simulator.audit("V1")
    assert code(caller.call("leaveHosUndo", akc190="V1")) == "120003"
    caller.simulator.audit("V1", undo=True)
    assert code(caller.call("leaveHosUndo", akc190="V1")) == "0"


def test_the_whole_way_back(leave):
    caller, _ = leave()
    for method, changes in (("leaveHosUndo", {}), ("invalidData", {}), ("regundo", {"alca02": "2012282"})):
        assert code(caller.call(method, akc190="V1", **changes)) == "0"
    assert caller.simulator.state.visits == {}


def test_a_file_is_saved_after_the_discharge(leave):
    caller, _ = leave()
    assert save_file(caller) == {"code": 0, "msg": ""}
    assert save_file(caller, file=PNG, invoiceType="png", invoiceNo="FP10", filetype="02")["code"] == 0
    assert save_file(caller, file=PNG, invoiceType="img", invoiceNo="FP11")["code"] == 0
    assert caller.simulator.invoices("V1") == ["FP9", "FP10", "FP11"]
    assert caller.call("leaveHosUndo", akc190="V1")["code"] == 0
    assert caller.simulator.invoices("V1") == ["FP9", "FP10", "FP11"]  # T111: they stay


@pytest.mark.parametrize(
    "changes",
    [
        {"akc190": ""},
        {"akc190": "V9"},
        {"invoiceNo": ""},
        {"invoiceMoney": "much"},
        {"invoiceType": "doc"},
        {"invoiceType": "png"},
        {"filetype": "98"},
        {"rolltype": "1"},
        {"rolltype": "2"},
        {"file": b""},
        {"file": b"no pdf"},
        {"file": b"no picture", "invoiceType": "img"},
        {"invoiceNo": "FP1"},
    ],
)
def test_file_refusals(leave, changes):
    caller, _ = leave(invoices=(invoice(),))
    assert code(save_file(caller, **changes)) == "1004"
    assert caller.simulator.invoices("V1") == ["FP1"]


def test_a_files_session(leave):
    caller, _ = leave()
    assert code(save_file(caller, header="")) == "11004"
    assert code(save_file(caller, sessionid="")) == "11004"
    assert code(save_file(caller, header="7")) == "11005"
    address = f"{caller.simulator.url}/his/pub/interface/upInvoice/saveInvoice.html"
    headers = {"sessionid": caller.sessionid}
    for content, kind in (
        (b"", "multipart/form-data"),
        (b"--x\r\n\r\n", "multipart/form-data; boundary=x"),
        (b"message=1", "application/x-www-form-urlencoded"),
        (b"--x\r\nno name\r\n\r\n1\r\n--x--", "multipart/form-data; boundary=x"),
    ):
        answer = caller.http.post(address, content=content, headers={**headers, "Content-Type": kind})
        assert code(answer.json()) == "11001"


def test_no_file_before_the_discharge_nor_after_the_application(leave):  # T129
    caller, _ = leave()
    caller.simulator.apply_for_settlement("V1")
    assert code(save_file(caller)) == "1004"
    caller.simulator.apply_for_settlement("V1", withdraw=True)
    assert code(save_file(caller)) == "0"
    caller.simulator.audit("V1")
    assert code(save_file(caller, invoiceNo="FP10")) == "1004"
    caller.simulator.audit("V1", undo=True)
    caller.call("leaveHosUndo", akc190="V1")
    assert code(save_file(caller, invoiceNo="FP11")) == "1004"


def test_the_file_is_kept_byte_for_byte_as_its_digest(leave, tmp_path):
    content = PDF + bytes(range(256)) + b"\r\n--\r\n"
    caller, _ = leave()
    assert save_file(caller, file=content)["code"] == 0
    assert caller.simulator.state.visits["V1"].invoices[0].digest == hashlib.sha256(content).hexdigest()


def test_an_unknown_visit_has_no_web_page(start):
    simulator = start().simulator
    for action in (simulator.audit, simulator.apply_for_settlement):
        with pytest.raises(KeyError):
            action("V9")
    assert simulator.invoices("V9") == []
