"""`connector visit undo`: leaving, fees and registration taken back on the platform, and the ledger equal to it."""

import json
from decimal import Decimal

import pytest

from connector.ledger.claims import Claims
from connector.load.client import PlatformClient
from connector.pipeline.parts import owner
from connector.records import Outcome, Verdict
from tests.e2e.far import far_rows, send_far
from tests.e2e.test_counterexamples import Killed, watch
from tests.leaving import discharged, end, leaving
from tests.ward import scaled

SETTLE_S = 1800
LOCAL = {"leave": "leaveHosUndo", "fees": "invalidData", "registration": "regundo"}
FAR = {"leave": "offsiteLeaveHosUndo", "fees": "medInfoInvalidData", "registration": "offsiteRegisterUndo"}
REACHES = ["leave", "fees", "registration"]
INVOICES = ["30012345", "30012346"]


@pytest.fixture(params=["local", "far"])
def sent(request, hall):
    """A visit with two charges and an order that are sent, of both families."""
    one = hall()
    one.family = FAR if request.param == "far" else LOCAL
    one.rows = far_rows if request.param == "far" else type(one.ward).platform_rows
    if request.param == "far":
        send_far(one.ward)
    fill(one.ward)
    return one


@pytest.fixture
def local(hall):
    one = hall()
    fill(one.ward)
    return one


def fill(ward):
    ward.stay(1)
    ward.fee(1, "10.00")
    ward.fee(1, "20.00", item="XB22")
    ward.order(1)
    assert ward.run_until_quiet().exit_code == 0


def leave(ward):
    """The patient leaves, and the ledger knows."""
    ward.simulator.close_visit("V1")
    with ward.parts().open_ledger() as ledger:
        (visit,) = ledger.find_visits("V1")
        details = {"invoices": INVOICES, "total": "30.0000", "discharged": "2026-03-05"}
        ledger.steps.note(visit.visit_id, "leave", "leaveHos", details)


def undo(one, to, *options):
    return one.call("undo", "V1", "--to", to, *options, command="visit")


def kill(one, to, monkeypatch, method, when):
    """The process dies before, or after, a call of the first undo."""

    def die(called, body):
        if called == method:
            raise Killed

    with monkeypatch.context() as patched:
        watch(patched, **{when: die})
        with pytest.raises(Killed):
            undo(one, to, "--yes", "--who", "Li")
    one.forget()


def again(one):
    return one.call("step", "V1", "--again", "--because", "it was right", command="visit")


def called(one):
    """The calls that took something back, with their answers."""
    return [
        (method, code) for method, code in one.platform.calls if method in (*LOCAL.values(), *FAR.values())
    ]


def ledger_of(one):
    with one.ward.parts().open_ledger(read_only=True) as ledger:
        (visit,) = ledger.find_visits("V1")
        (totals,) = ledger.visit_totals("stays")
        return visit, totals, [step.name for step in ledger.steps.of(visit.visit_id)]


def reconcile(one):
    """Every visit compared: what is not explained."""
    code, out, err = one.call("--json", command="reconcile")
    assert code in (0, 3, 4), err
    return [visit for visit in json.loads(out)["comparisons"] if not visit["is_balanced"]]


@pytest.mark.parametrize("to", REACHES)
@pytest.mark.parametrize("has_left", [True, False], ids=["left", "there"])
def test_a_visit_is_taken_back_and_sent_again(sent, to, has_left):
    ward = sent.ward
    if has_left:
        leave(ward)
    if to == "leave" and not has_left:
        code, _, err = undo(sent, to, "--yes")
        assert code == 2
        assert "its patient has not left" in err
        return
    code, out, err = undo(sent, to, "--yes", "--because", "the wrong man", "--who", "Li")
    assert code == 0, out + err
    wanted = [sent.family[step] for step in REACHES[: REACHES.index(to) + 1]]
    assert called(sent) == [(method, "0") for method in (wanted if has_left else wanted[1:])]
    visit, totals, steps = ledger_of(sent)
    assert visit.registered == (to != "registration")
    assert totals.accepted == ward.simulator.total("V1") == (scaled(30) if to == "leave" else 0)
    assert ("V1" in ward.simulator.state.visits) == (to != "registration")
    assert steps[-1] == {"leave": "undo_leave", "fees": "void_fees", "registration": "undo_register"}[to]
    assert reconcile(sent) == []
    if to == "leave":
        assert visit.reason == ""
        ward.fee(1, "7.00")
        assert ward.run_until_quiet().exit_code == 0
        assert sent.rows(ward, 1) == ward.his_rows(1)
        return
    assert "taken back by Li (the wrong man)" in visit.reason

    sending = len(ward.simulator.state.journal)
    ward.fee(1, "7.00")
    assert ward.run().exit_code == 4
    assert "--again" in ward.run().standings["ward"].held["V1"]
    assert [
        one for one in ward.simulator.state.journal[sending:] if one["event"] in ("fees", "register")
    ] == []
    assert reconcile(sent) == []

    assert again(sent)[0] == 0
    assert ward.run_until_quiet().exit_code == 0
    assert sent.rows(ward, 1) == ward.his_rows(1)
    assert len(ward.simulator.orders("V1")) == 1
    visit, totals, steps = ledger_of(sent)
    assert (visit.registered, visit.reason, totals.accepted) == (True, "", scaled(37))
    assert steps.count("again") == 1
    assert reconcile(sent) == []


def test_what_would_be_done_is_shown_and_asked_about(sent, monkeypatch):
    leave(sent.ward)
    sent.platform.add_fees_by_hand("V1", Decimal(5))
    code, out, _ = undo(sent, "registration", "--dry-run")
    assert code == 0
    for words in (*sent.family.values(), "2 rows", "30.00", "35.00", "1 order", "2 invoices", *INVOICES):
        assert words in out
    assert called(sent) == []
    code, _, err = undo(sent, "registration")
    assert code == 2
    assert "--yes" in err
    monkeypatch.setattr("connector.cli.undo.is_asked", lambda: True)
    code, _, err = sent.call("undo", "V1", "--to", "fees", command="visit", typed="no\n")
    assert (code, called(sent)) == (1, [])
    assert "Nothing was taken back" in err
    assert sent.call("undo", "V1", "--to", "fees", command="visit", typed="yes\n")[0] == 0
    assert [method for method, _ in called(sent)] == [sent.family["leave"], sent.family["fees"]]


def test_as_json(sent):
    leave(sent.ward)
    case = json.loads(undo(sent, "registration", "--dry-run", "--json")[1])
    assert [line["method"] for line in case["lines"]] == list(sent.family.values())
    assert (case["ledger"], case["platform"], case["invoices"]) == ("30.0000", "30.0000", INVOICES)
    assert case["charges"] == [{"category": "", "rows": 2, "amount": "30.0000"}]
    code, out, _ = undo(sent, "registration", "--yes", "--json")
    assert code == 0
    report = json.loads(out)
    assert report["done"] == [line["section"] for line in case["lines"]]
    assert (report["left"], report["problem"]) == ([], "")


def test_who_decided_what_is_kept(sent):
    leave(sent.ward)
    assert undo(sent, "fees", "--yes", "--who", "Li", "--because", "wrong prices")[0] == 0
    (kept,) = json.loads(sent.call("decisions", "V1", "--json", command="ledger")[1])
    assert (kept["who"], kept["kind"], kept["choice"], kept["reason"]) == (
        "Li",
        "undo",
        "fees",
        "wrong prices",
    )
    assert (kept["numbers"]["rows"], kept["numbers"]["ledger"]) == (2, "30.0000")
    assert kept["numbers"]["invoices"] == ", ".join(INVOICES)
    assert kept["done_at"]


def test_wrong_use(local):
    for options, words in (
        (("V1", "--to", "all", "--yes"), "leave, fees, registration"),
        (("V9", "--to", "fees", "--yes"), "no visit"),
        (("V1", "--yes"), "--to"),
    ):
        code, _, err = local.call("undo", *options, command="visit")
        assert code == 2
        assert words in err
    code, _, err = local.call("step", "V1", "--again", command="visit")
    assert code == 2
    assert "Nothing of visit V1 was taken back" in err


AUDITED = {"leave": ("120003", "360003"), "registration": ("", "320003"), "fees": ("", "340005")}


@pytest.mark.parametrize("to", REACHES)
def test_an_audited_visit_is_not_taken_back(sent, to):
    """The chain stops at its first step, and ledger and platform stay as they were."""
    leave(sent.ward)
    sent.platform.audit("V1")
    before = ledger_of(sent)[1].accepted
    code, out, _ = undo(sent, to, "--yes")
    assert code == 4
    refused = AUDITED["leave"][sent.family is FAR]
    assert refused in out
    assert "only the agency can send it back" in out
    assert called(sent) == [(sent.family["leave"], refused)]
    assert ledger_of(sent)[1].accepted == before == sent.platform.total("V1")
    assert reconcile(sent) == []
    sent.platform.audit("V1", undo=True)
    sent.platform.apply_for_settlement("V1", withdraw=True)
    assert undo(sent, to, "--yes")[0] == 0


REFUSED = [
    ("leaveHosUndo", "120003", "agency"),
    ("invalidData", "130001", "--to leave"),
    ("regundo", "61005", "settlement"),
    ("regundo", "61006", "refunded"),
    ("regundo", "61008", "T94"),
    ("offsiteLeaveHosUndo", "360003", "agency"),
    ("medInfoInvalidData", "340001", "--to leave"),
    ("medInfoInvalidData", "340005", "agency"),
    ("offsiteRegisterUndo", "320003", "agency"),
    ("offsiteRegisterUndo", "320004", "for good"),
]


@pytest.mark.parametrize(("method", "code", "advice"), REFUSED, ids=[f"{m}-{c}" for m, c, _ in REFUSED])
def test_a_refusal_stops_the_chain_and_says_what_to_do(hall, method, code, advice):
    one = hall()
    is_far = method in FAR.values()
    if is_far:
        send_far(one.ward)
    fill(one.ward)
    leave(one.ward)
    one.platform.switch_on({"fault": "P.hard", "code": code, "operation": method, "times": 1})
    exit_code, out, _ = undo(one, "registration", "--yes")
    assert exit_code == 4
    assert code in out
    assert advice in out
    chain = list((FAR if is_far else LOCAL).values())
    asked = chain[: chain.index(method) + 1]
    assert called(one) == [*((each, "0") for each in asked[:-1]), (method, code)]
    visit, totals, _ = ledger_of(one)
    assert visit.registered
    assert totals.accepted == one.platform.total("V1")
    assert reconcile(one) == []
    one.ward.run()
    assert called(one)[len(asked) :] == []  # a refusal is a person's matter: nothing is asked for again
    assert undo(one, "registration", "--yes")[0] == 0
    assert "V1" not in one.platform.state.visits


def test_an_approval_across_provinces_is_told_before_anything_is_sent(hall):
    one = hall()
    send_far(one.ward)
    fill(one.ward)
    leave(one.ward)
    out = undo(one, "registration", "--dry-run")[1]
    assert "320004" in out
    assert "320004" not in undo(one, "fees", "--dry-run")[1]


def test_a_settlement_application_across_provinces_has_no_code_of_its_own(hall):
    """4.27 is refused by a code that may mean anything: the reading after the settle time proves that nothing happened."""
    one = hall()
    send_far(one.ward)
    fill(one.ward)
    leave(one.ward)
    one.platform.apply_for_settlement("V1")
    code, out, _ = undo(one, "leave", "--yes")
    assert code == 4
    assert "withdraw it on the platform's web page" in out
    assert ledger_of(one)[1].accepted == scaled(30)
    one.platform.apply_for_settlement("V1", withdraw=True)
    assert undo(one, "leave", "--yes")[0] == 0


@pytest.mark.parametrize("reach", REACHES)
@pytest.mark.parametrize(
    "fault", ["N.sent_no_answer", "N.lose_request", "N.500.A", "P.session_drop", "P.soft", "P.busy"]
)
def test_a_call_without_a_plain_answer_ends_well(sent, fault, reach):
    leave(sent.ward)
    sent.platform.switch_on(f"{fault}:{sent.family[reach]}@1")
    begun = sent.ward.time.now
    code, out, _ = undo(sent, "registration", "--yes")
    if fault == "P.busy":
        assert code == 4
        assert sent.ward.run().exit_code in (3, 4)
    else:
        assert code == 0, out
        if fault != "P.session_drop":
            assert (sent.ward.time.now - begun).total_seconds() >= SETTLE_S
    assert "V1" not in sent.platform.state.visits
    visit, totals, _ = ledger_of(sent)
    assert (visit.registered, totals.accepted) == (False, 0)
    assert again(sent)[0] in (0, 3, 4)
    assert sent.ward.run_until_quiet().exit_code == 0
    assert sent.rows(sent.ward, 1) == sent.ward.his_rows(1)


def test_a_deletion_that_comes_late_takes_nothing_with_it(local, monkeypatch):
    """Killed while the platform deletes; let go at once, nothing is sent before that deletion is dead."""
    ward = local.ward
    ward.simulator.switch_on(
        {"fault": "P.delay_post_session", "operation": "invalidData", "times": 1, "delay_s": 3600}
    )
    kill(local, "fees", monkeypatch, "invalidData", "after")
    died = ward.time.now
    assert ward.simulator.pending

    def release(seconds):
        if ward.simulator.pending and (ward.time.now - died).total_seconds() + seconds > SETTLE_S - 100:
            ward.simulator.release()

    ward.time.on_sleep = release
    code, _, err = again(local)
    assert code == 2
    assert "Nothing of visit V1 was taken back" in err
    assert "goes on with it" in ledger_of(local)[0].reason
    assert ward.run().exit_code in (3, 4)
    assert not ward.simulator.pending
    assert again(local)[0] in (0, 3, 4)
    assert ward.run_until_quiet().exit_code == 0
    assert ward.platform_rows(1) == ward.his_rows(1)


@pytest.mark.parametrize("reach", REACHES)
@pytest.mark.parametrize("how", ["run", "undo", "step"])
def test_one_that_was_cut_off_goes_on(sent, monkeypatch, reach, how):
    leave(sent.ward)
    kill(sent, "registration", monkeypatch, sent.family[reach], "before")
    visit, totals, _ = ledger_of(sent)
    assert "goes on with it" in visit.reason or "taken back by Li" in visit.reason
    assert totals.accepted == sent.platform.total("V1")
    if how == "run":
        assert sent.ward.run().exit_code in (3, 4)
    elif how == "step":
        assert sent.call("step", "V1", command="visit")[0] in (3, 4)
    else:
        case = json.loads(undo(sent, "registration", "--dry-run", "--json")[1])
        assert [line["method"] for line in case["lines"]] == list(sent.family.values())[
            REACHES.index(reach) :
        ]
        assert "by Li" in case["since"]
        code, _, err = undo(sent, "fees", "--yes")
        assert code == 2
        assert "being taken back to registration" in err
        assert undo(sent, "registration", "--yes")[0] == 0
    assert "V1" not in sent.platform.state.visits
    assert not ledger_of(sent)[0].registered
    assert len([one for one in called(sent) if one[1] == "0"]) == 3
    assert reconcile(sent) == []


def test_two_at_once(local):
    with local.ward.parts().open_ledger() as ledger:
        lease = ledger.take_lease(owner(), ttl_s=60)
        code, _, _ = undo(local, "fees", "--yes")
        ledger.release_lease(lease)
    assert code == 5
    assert called(local) == []


def test_what_somebody_cancelled_by_hand_is_taken_over(sent):
    """The platform does not list the visit any more: only the registration is asked about, and the answer is as good as yes."""
    leave(sent.ward)
    sent.platform.state.commit("unregister", visit="V1")
    code, _, err = undo(sent, "fees", "--yes")
    assert code == 2
    assert "--to registration" in err
    assert undo(sent, "registration", "--yes")[0] == 0
    ((method, code),) = called(sent)
    assert (method, code) == (sent.family["registration"], {"regundo": "61007"}.get(method, "320002"))
    assert not ledger_of(sent)[0].registered
    assert again(sent)[0] in (0, 3, 4)
    assert sent.ward.run_until_quiet().exit_code == 0
    assert sent.rows(sent.ward, 1) == sent.ward.his_rows(1)


def test_a_leaving_that_somebody_cancelled_by_hand(sent):
    leave(sent.ward)
    sent.platform.state.commit("reopen", visit="V1")
    assert undo(sent, "leave", "--yes")[0] == 0
    assert called(sent) == [
        (sent.family["leave"], {LOCAL["leave"]: "120002"}.get(sent.family["leave"], "360004"))
    ]


def test_the_injury_is_named_as_it_was_registered(sent, monkeypatch):
    """T94: not as the HIS has it by now."""
    bodies = []
    watch(monkeypatch, before=lambda method, body: bodies.append((method, json.loads(body))))
    sent.ward.stay(1, injury="2099999")
    sent.ward.run()
    assert undo(sent, "registration", "--yes")[0] == 0
    (body,) = [body for method, body in bodies if method == sent.family["registration"]]
    assert {body.get("alca02"), body.get("alc011")} == {"2012282", None}


def test_a_batch_in_doubt_is_settled_by_the_deletion(hall):
    one = hall()
    ward = one.ward
    (ward.directory / "connector.yaml").write_text(
        (ward.directory / "connector.yaml").read_text().replace("on_doubt: settle", "on_doubt: ask")
    )
    fill(ward)
    ward.simulator.switch_on("N.lose_request:sendMedInfo@1")
    ward.fee(1, "5.00")
    assert "V1" in ward.run().delivered["ward"].held
    assert undo(one, "fees", "--yes")[0] == 0
    assert ledger_of(one)[1].doubt_rows == 0
    assert again(one)[0] in (0, 3, 4)
    assert ward.run_until_quiet().exit_code == 0
    assert ward.platform_rows(1) == ward.his_rows(1)


def test_a_registration_in_doubt_comes_first(hall, monkeypatch):
    one = hall()
    ward = one.ward
    ward.stay(1)

    def die(method, body):
        if method == "register":
            raise Killed

    with monkeypatch.context() as patched:
        watch(patched, after=die)
        with pytest.raises(Killed):
            ward.run()
    code, _, err = undo(one, "registration", "--yes")
    assert code == 2
    assert "a call of register is in doubt" in err
    assert called(one) == []
    assert ward.run_until_quiet().exit_code == 0


def test_a_reset_that_is_approved_comes_first(local):
    assert local.call("V1", "--reset", "--yes", "--because", "x", command="resolve")[0] == 0
    code, _, err = undo(local, "fees", "--yes")
    assert code == 2
    assert "--withdraw" in err


@pytest.mark.parametrize("kind", ["reset", "undo"])
def test_what_has_not_begun_is_withdrawn(local, monkeypatch, kind):
    ward = local.ward
    if kind == "reset":
        assert local.call("V1", "--reset", "--yes", "--because", "x", command="resolve")[0] == 0
        out = local.call("--dry-run", command="run")[1]
        assert "all its fees are to be deleted on the platform" in out
        assert "a dry run takes nothing back" in out
    else:
        with monkeypatch.context() as patched:
            patched.setattr(Claims, "claim", _die)
            with pytest.raises(Killed):
                undo(local, "fees", "--yes")
        local.forget()
        out = local.call("--dry-run", command="run")[1]
        assert "all its fees are to be taken back (4.11)" in out
    code, out, _ = local.call("V1", "--withdraw", "--because", "a mistake", command="resolve")
    assert code == 0
    assert "is not carried out" in out
    assert ward.run().exit_code == 0
    assert called(local) == []
    assert ward.platform_rows(1) == ward.his_rows(1)
    kept = json.loads(local.call("decisions", "V1", "--json", command="ledger")[1])
    assert (kept[0]["kind"], kept[0]["choice"]) == ("withdraw", kind)
    code, _, err = local.call("V1", "--withdraw", "--because", "again", command="resolve")
    assert code == 2
    assert "Nothing is approved" in err


def _die(self, intents):
    raise Killed


def test_what_has_begun_is_not_withdrawn(local, monkeypatch):
    kill(local, "fees", monkeypatch, "invalidData", "after")
    code, _, err = local.call("V1", "--withdraw", "--because", "a mistake", command="resolve")
    assert code == 1
    assert "It has begun" in err
    local.ward.run()
    assert local.platform.total("V1") == 0


def test_one_that_never_reached_the_platform_is_withdrawn(local, monkeypatch):
    def lose(self, operation, body, sessionid, **more):
        if operation.method == "invalidData":
            return Outcome(Verdict.NOT_SENT, message="no connection")
        return real(self, operation, body, sessionid, **more)

    real = PlatformClient.call
    with monkeypatch.context() as patched:
        patched.setattr(PlatformClient, "call", lose)
        code, out, _ = undo(local, "fees", "--yes")
    assert code == 4
    assert "no connection" in out
    assert local.call("V1", "--withdraw", "--because", "a mistake", command="resolve")[0] == 0
    assert local.ward.run_until_quiet().exit_code == 0
    assert local.ward.platform_rows(1) == local.ward.his_rows(1)


def test_a_reset_lets_a_visit_go_that_was_taken_back(local):
    assert undo(local, "fees", "--yes")[0] == 0
    assert local.call("V1", "--reset", "--yes", "--because", "send it anew", command="resolve")[0] == 0
    assert local.ward.run_until_quiet().exit_code == 0
    assert local.ward.platform_rows(1) == local.ward.his_rows(1)


def test_a_release_lets_it_go_too(local):
    assert undo(local, "registration", "--yes")[0] == 0
    assert local.call("V1", "--release", "--yes", "--because", "send it anew", command="resolve")[0] == 0
    assert local.ward.run_until_quiet().exit_code == 0
    assert local.ward.platform_rows(1) == local.ward.his_rows(1)


@pytest.fixture
def discharged_visit(hall):
    """A visit that has left by `connector`'s own discharge, with an invoice, and has to be let leave by a person again."""
    one = hall()
    ward = leaving(one.ward, leave="automatic", e_invoice=False)
    ward.stay(1)
    ward.fee(1, "10.00")
    ward.fee(1, "20.00")
    ward.run()
    end(ward, money="30.00")
    assert ward.run().exit_code == 0
    assert discharged(ward) == "2026-03-05"
    return one


def test_a_late_charge_is_sent_after_the_leaving_was_taken_back(discharged_visit):
    one, ward = discharged_visit, discharged_visit.ward
    ward.fee(1, "5.00")
    assert "--to leave" in ward.run().delivered["ward"].held["V1"]
    case = json.loads(undo(one, "leave", "--dry-run", "--json")[1])
    assert case["invoices"] == ["FP1"]
    assert undo(one, "leave", "--yes")[0] == 0
    assert discharged(ward) == ""
    ward.run()
    assert ward.platform_rows(1) == ward.his_rows(1)
    assert discharged(ward) == ""  # it does not leave by itself any more, although it would have
    ward.change("UPDATE invoice SET money = '35.00'")
    code, out, err = one.call("leave", "V1", "--yes", command="visit")
    assert code == 0, out + err
    assert discharged(ward) == "2026-03-05"


def test_a_discharged_visit_is_taken_back_wholly_and_comes_again(discharged_visit):
    one, ward = discharged_visit, discharged_visit.ward
    assert undo(one, "registration", "--yes")[0] == 0
    assert "V1" not in ward.simulator.state.visits
    assert ward.run().exit_code == 4
    assert again(one)[0] in (0, 3, 4)
    ward.run_until_quiet()
    assert ward.platform_rows(1) == ward.his_rows(1)
    assert discharged(ward) == ""
    code, out, err = one.call("leave", "V1", "--yes", command="visit")
    assert code == 0, out + err
    assert discharged(ward) == "2026-03-05"


def test_a_word_that_it_may_leave_holds_no_more(hall):
    one = hall()
    ward = leaving(one.ward, leave="ask", e_invoice=False)
    ward.stay(1)
    ward.fee(1, "30.00")
    ward.run()
    end(ward, money="99.00")  # something stands against it
    assert one.call("leave", "V1", "--yes", command="visit")[0] == 4
    assert undo(one, "fees", "--yes")[0] == 0
    ward.change("UPDATE invoice SET money = '30.00'")
    assert again(one)[0] in (0, 3, 4)
    ward.run_until_quiet()
    assert ward.platform_rows(1) == ward.his_rows(1)
    assert discharged(ward) == ""
