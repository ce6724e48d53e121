"""The journal of runs: every call is in it once, whatever happened to the run, and no secret is in it."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

import pytest

from connector.contract.envelope import password_digest
from connector.errors import LedgerError
from connector.ledger.journal import Journal, Search
from connector.load.client import PlatformClient
from connector.pipeline.courier import Courier
from connector.pipeline.progress import Silent
from connector.pipeline.rehearse import rehearse
from connector.records import Verdict
from tests.ward import KEY


def entries(ward, **search):
    with ward.parts().open_ledger(read_only=True) as ledger:
        return ledger.journal.find(Search(**search), 10_000)[::-1]


def calls(ward):
    """(method, code) of each call in the journal, counted."""
    return Counter((one.exchange.operation, one.exchange.code) for one in entries(ward))


def heard(ward):
    """The same as the platform knows it."""
    return Counter((method, str(code)) for method, code in ward.simulator.calls)


def fill(ward, rows=9):
    ward.stay(1)
    ward.order(1)
    for _ in range(rows):
        ward.fee(1)


def test_every_call_of_a_run_is_in_it_once(start):
    ward = start()
    fill(ward)
    ward.run()
    assert calls(ward) == heard(ward)
    sent = [one for one in entries(ward) if one.exchange.operation == "sendMedInfo"]
    assert sum(one.rows for one in sent) == 10
    assert {one.exchange.visit for one in sent} == {"V1"}
    rows = [row for one in sent for row in json.loads(one.exchange.request)["meds"]["med"]]
    assert len(rows) == 9
    assert all(json.loads(one.exchange.answer)["code"] == 0 for one in sent)
    registered = next(one for one in entries(ward) if one.exchange.operation == "register")
    assert json.loads(registered.exchange.request)["kc21"]["aac003"] == "张敏"


def test_a_dry_run_leaves_no_trace_in_it(start):
    ward = start()
    fill(ward)
    rehearse(ward.parts(), [], progress=Silent(), is_stopping=lambda: False)
    assert entries(ward) == []


def test_a_run_that_reaches_nobody_is_in_it(start):
    ward = start()
    fill(ward)
    ward.simulator.stop()
    assert "cannot be reached" in ward.run().problem
    found = {(one.exchange.operation, one.exchange.verdict, one.exchange.answer) for one in entries(ward)}
    assert found == {("login", Verdict.NOT_SENT, b"")}


@pytest.mark.parametrize("fault", ["N.sent_no_answer", "N.html_200", "P.partial_counts"])
def test_what_the_platform_did_is_in_it_whatever_came_back(start, fault):
    ward = start(platform={"faults": [f"{fault}:sendMedInfo@2"]})
    fill(ward)
    ward.run_until_quiet()
    assert Counter(one.exchange.operation for one in entries(ward)) == Counter(
        method for method, _ in ward.simulator.calls
    )
    odd = [one.exchange for one in entries(ward) if one.exchange.operation == "sendMedInfo"][1]
    assert odd.verdict is (Verdict.ACCEPTED if fault == "P.partial_counts" else Verdict.IN_DOUBT)
    assert bool(odd.answer) is (fault != "N.sent_no_answer")
    assert odd.answer or odd.message


class Killed(BaseException):
    """The process is dead."""


@pytest.mark.parametrize("turn", ["_send", "_take_in"])
def test_an_upload_of_a_process_that_died_is_in_it_once(start, monkeypatch, turn):
    ward = start()
    fill(ward)

    def die(courier, *arguments):
        if any(isinstance(each, Iterable) and list(each) for each in arguments):
            raise Killed
        return real(courier, *arguments)

    real = getattr(Courier, turn)
    with monkeypatch.context() as patched:
        patched.setattr(Courier, turn, die)
        with pytest.raises(Killed):
            ward.run()
    ward.run_until_quiet()
    assert ward.platform_rows(1) == ward.his_rows(1)
    registrations = [one for one in entries(ward) if one.exchange.operation == "register"]
    assert json.loads(registrations[0].exchange.request)["kc21"]["akc190"] == "V1"
    was_sent = turn == "_take_in"
    assert bool(registrations[0].exchange.answer) is was_sent
    batches = Counter(one.exchange.batch_id for one in entries(ward) if one.exchange.batch_id)
    with sqlite3.connect(ward.directory / "ledger.db") as ledger:
        everything = {number for (number,) in ledger.execute("SELECT id FROM batch")}
    assert set(batches) == everything
    assert set(batches.values()) == {1}


def test_a_batch_of_charges_that_was_never_sent_is_in_it_as_it_would_have_gone(start, monkeypatch):
    ward = start()
    fill(ward, rows=2)

    def die(method, body):
        if method == "sendMedInfo":
            raise Killed

    real = PlatformClient.call
    with monkeypatch.context() as patched:
        patched.setattr(
            PlatformClient,
            "call",
            lambda client, operation, body, *rest, **more: (
                die(operation.method, body) or real(client, operation, body, *rest, **more)
            ),
        )
        with pytest.raises(Killed):
            ward.run()
    ward.run()
    doubt, *_ = [one for one in entries(ward) if one.exchange.operation == "sendMedInfo"]
    assert (doubt.exchange.verdict, doubt.exchange.answer) == (Verdict.IN_DOUBT, b"")
    assert "before an answer was recorded" in doubt.exchange.message
    request = json.loads(doubt.exchange.request)
    assert request["akc190"] == doubt.exchange.visit == "V1"
    assert len(request["advices"]["advice"]) + len(request["meds"]["med"]) == doubt.rows


def test_a_journal_that_cannot_be_written_ends_the_run_after_what_was_settled(start, monkeypatch):
    ward = start()
    fill(ward)
    real = Journal.keep

    def fail(journal, exchanges):
        if any(one.operation == "sendMedInfo" for one in exchanges):
            raise LedgerError("the disk is full")
        real(journal, exchanges)

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "keep", fail)
        with pytest.raises(LedgerError, match="disk is full"):
            ward.run()
    assert ward.run_until_quiet().exit_code == 0
    assert ward.platform_rows(1) == ward.his_rows(1)


def test_where_only_changes_are_kept_questions_that_went_well_are_not(start):
    ward = start(platform={"faults": ["P.busy:getPerDetail@1"]})
    settings = ward.directory / "connector.yaml"
    settings.write_text(settings.read_text() + "journal: {keep: changes, keep_days: 30}\n")
    fill(ward)
    ward.run_until_quiet()
    kept = {(one.exchange.operation, one.exchange.verdict.value) for one in entries(ward)}
    assert kept == {
        ("register", "accepted"),
        ("sendMedInfo", "accepted"),
        ("getPerDetail", "retryable"),
    }


def test_old_calls_are_forgotten_at_the_end_of_a_run(start):
    ward = start()
    fill(ward)
    ward.run()
    ward.time.sleep(366 * 24 * 3600)
    ward.fee(1)
    ward.run()
    assert min(one.exchange.at for one in entries(ward)) > ward.time.now - timedelta(days=365)
    assert calls(ward)["register", "0"] == 0


def test_no_secret_is_in_it(hall, tmp_path):
    hall = hall()
    ward = hall.ward
    fill(ward)
    ward.run()
    code = "0123456789012345678901"
    assert hall.call("dzSbkAuth", data={"qrcode": code})[0] == 0
    assert hall.call("parsingQrcode", data={"qrcode": "0333333333333333333333"})[0] in (0, 1)
    sessions = {one["sessionid"] for one in ward.simulator.state.journal if one.get("sessionid")}
    assert len(sessions) == 3
    secrets = {*map(str, sessions), code, "0333333333333333333333", "secret", password_digest("secret"), KEY}
    texts = [
        b"|".join(
            [
                *(one.exchange.request, one.exchange.answer),
                *(repr(one.exchange).encode(), one.exchange.message.encode()),
            ]
        )
        for one in entries(ward)
    ]
    texts += [file.read_bytes() for file in ward.directory.glob("ledger.db*")]
    assert len(texts) > 12
    for secret in secrets:
        assert not any(secret.encode() in text for text in texts), secret
    assert {"login", "logout", "dzSbkAuth", "parsingQrcode"} <= {
        one.exchange.operation for one in entries(ward)
    }
