"""Every interface in one sitting: a success and a refusal of each, in every style that can be read as JSON."""

import pytest

from connector.contract.library import contract
from connector.contract.spec import Effect
from connector.simulator.server import serve
from tests.unit.simulator.client import KEY, Caller, med, order
from tests.unit.simulator.stay import (
    approve_far,
    far_admission,
    far_discharge,
    far_fee,
    far_upload,
    invoice,
    local_discharge,
    save_file,
)

MIN = {"aac002": "152824198204240045", "aac003": "张敏"}
CARD = {"aaz500": "A12345678", "aaz501": "150800D15600000500BC5D4D6A3C0001"}
QR = "0123456789012345678901"


def stay(caller: Caller) -> None:
    """A local stay and one from afar, from the card to the file, then all of it undone."""
    caller.login()
    caller.call("sbkAuth", **CARD, **MIN)
    caller.call("dzSbkAuth", qrcode=QR)
    caller.call("parsingSbk", **CARD)
    caller.call("parsingQrcode", qrcode=QR)
    caller.call("getInjuryByNameAndId", **MIN)
    caller.call("getCure", alca02="2012282")
    caller.call("getCureBatch", **MIN)
    caller.call("getReport", aac001="10020001")
    caller.call("getReportBatch")
    caller.register()
    caller.upload(med(), orders=(order("1"),))
    caller.call("getPerMed", akc190="V1")
    caller.approve()
    caller.call("getJSSheet", akc190="V1", rolltype="0")
    caller.call("leaveHos", **local_discharge(invoices=(invoice(),)))
    save_file(caller)
    caller.call("getPerDetail")
    caller.call("getBSTdjyba", aac002="210102198811126033", aac003="李强")
    caller.call("offsiteRegister", bs003WS=far_admission())
    far_upload(caller, far_fee())
    approve_far(caller)
    caller.call("offsiteLeaveHos", **far_discharge())


def undo(caller: Caller) -> None:
    for method in ("leaveHosUndo", "invalidData", "regundo"):
        caller.call(method, akc190="V1")
    for method in ("offsiteLeaveHosUndo", "medInfoInvalidData", "offsiteRegisterUndo"):
        caller.call(method, akc190="F1")


@pytest.mark.parametrize(
    "style", ["document", "strings+extra-fields", "artefacts+odd-charset", "extra-fields"]
)
def test_every_interface_succeeds(start, style):
    caller = start(ready=False, facts="default", answer_style=style)
    stay(caller)
    undo(caller)
    caller.logout()
    assert [call for call in caller.simulator.calls if call[1] != "0"] == []
    assert {method for method, _ in caller.simulator.calls} == set(contract().operations)
    assert caller.simulator.state.visits == {}


@pytest.mark.parametrize("style", ["document", "strings+extra-fields"])
def test_every_interface_refuses(start, style):
    """An empty request is refused by each, with a code that the document has; those that need nothing by a number."""
    caller = start(ready=False, facts="default", answer_style=style)
    caller.login()
    for operation in contract().operations.values():
        if operation.method == "login":
            caller.login()
        elif operation.encoding == "multipart":
            save_file(caller, akc190="")
        else:
            caller.call(operation.method, aae035="never", aac002="x" * 19)
    refused = {method: code for method, code in caller.simulator.calls if code != "0"}
    assert set(refused) == set(contract().operations)
    for method, code in refused.items():
        assert contract().error(method, code), (method, code)


@pytest.mark.parametrize("method", [one.method for one in contract().operations.values()])
def test_nobody_asks_without_a_session(start, method):
    if method in ("login", "saveInvoice"):
        return
    caller = start(ready=False)
    caller.sessionid = "7"
    answer = caller.call(method, username="demo", password="x")
    assert str(answer.get("code", answer.get("resCode"))) in ("11005", "31007")


def test_what_only_reads_changes_nothing(start):
    caller = start(ready=False, facts="default")
    stay(caller)
    count = len(caller.simulator.state.journal)
    for operation in contract().operations.values():
        if operation.effect is Effect.READ:
            caller.call(operation.method, **MIN, **CARD, qrcode=QR, akc190="V1", alca02="2012282", aac001="1")
    assert len(caller.simulator.state.journal) == count


def test_a_restart_knows_everything(tmp_path, clock):
    def whole(simulator):
        return {number: repr(visit) for number, visit in simulator.state.visits.items()}, [
            (visit.data, visit.discharge, visit.orders, visit.invoices, visit.approval, visit.fees)
            for visit in simulator.state.visits.values()
        ]

    given = {"key_text": KEY, "username": "demo", "password": "secret", "clock": clock}
    given |= {"state_file": tmp_path / "state", "facts": "default"}
    with serve(**given) as simulator:
        caller = Caller(simulator)
        with caller.http:
            stay(caller)
            simulator.audit("F1")
            before, sessionid = whole(simulator), caller.sessionid
    assert "audited=True" in before[0]["F1"]
    assert len(before[1][0][3]) == 2
    with serve(**given) as simulator:
        assert whole(simulator) == before
        caller = Caller(simulator)
        caller.sessionid = sessionid
        with caller.http:
            assert caller.call("offsiteLeaveHosUndo", akc190="F1")["code"] == "360003"
            simulator.audit("F1", undo=True)
            simulator.apply_for_settlement("F1", withdraw=True)
            undo(caller)
        assert simulator.state.visits == {}
    with serve(**given) as simulator:
        assert simulator.state.visits == {}
