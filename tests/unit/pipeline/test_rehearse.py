"""The client of a rehearsal answers as a platform would that takes everything, and never opens a socket."""

import json
import socket
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.config.secrets import Secret
from connector.config.settings import PlatformSettings
from connector.contract.library import contract
from connector.errors import EnvelopeError
from connector.load import mirror as room
from connector.load.mirror import UNKNOWN, Mirror
from connector.pipeline import messages
from connector.pipeline.parts import Clock
from connector.pipeline.rehearse import _unhurried
from connector.records import Verdict

BOOK = contract()
UPLOAD = BOOK.operation("sendMedInfo")
TOTALS = BOOK.operation("getPerDetail")
MED = BOOK.node("sendMedInfo.meds.med")


@pytest.fixture
def mirror(monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", lambda *a: pytest.fail("a socket was connected"))
    yield (made := make())
    made.close()


def make(message_in="form"):
    settings = PlatformSettings(
        "http://127.0.0.1:9/x", "demo", Secret("env:P"), Secret("env:K"), message_in=message_in
    )
    return Mirror(settings, key_text="k" * 16, password="p", timeout_s=1)


def upload(mirror, number, *amounts):
    rows = [json.dumps({"alc407": amount}).encode() for amount in amounts]
    return mirror.call(UPLOAD, messages.fee_body(UPLOAD, MED, number, rows), "1")


def total(mirror, number):
    outcome = mirror.call(TOTALS, messages.totals_body(TOTALS, number), "1")
    reading = messages.read_totals(TOTALS, outcome, number, "now")
    return reading.total


def test_it_counts_rows_and_adds_them_up(mirror):
    mirror.expect({"V1": 123456})
    assert upload(mirror, "V1", "1.0000", "-0.5000").counts == 2
    assert upload(mirror, "V2", "0.0001").counts == 1
    assert total(mirror, "V1") == 123456 + 5000
    assert total(mirror, "V2") == 1
    assert total(mirror, "V3") == 0
    assert mirror.visits == {"V1", "V2"}
    assert mirror.sealed == 5


@pytest.fixture(scope="module")
def lasting():
    """One client for all examples of a property."""
    yield (made := make())
    made.close()


@given(st.lists(st.decimals(-(10**6), 10**6, places=4), max_size=20))
def test_sums_are_exact(lasting, amounts):
    number = f"V{lasting.sealed}"
    upload(lasting, number, *[f"{one:f}" for one in amounts])
    assert total(lasting, number) == sum(amounts, Decimal(0)).scaleb(4)


def test_a_registration_is_taken_and_listed(mirror):
    register = BOOK.operation("register")
    body = json.dumps({"isnewinjure": "0", "kc21": {"akc190": "V9"}}).encode()
    assert mirror.call(register, body, "1").verdict is Verdict.ACCEPTED
    assert mirror.visits == {"V9"}


def test_of_a_visit_in_doubt_it_knows_nothing(mirror):
    mirror.expect({"V1": None})
    outcome = mirror.call(TOTALS, messages.totals_body(TOTALS, "V1"), "1")
    assert outcome.verdict is Verdict.RETRYABLE
    assert outcome.message == UNKNOWN
    assert upload(mirror, "V1", "1").verdict is Verdict.ACCEPTED
    assert mirror.call(BOOK.operation("discharge"), b"{}", "1").verdict is Verdict.RETRYABLE


def test_every_login_gives_another_session(mirror):
    from datetime import date

    sessions = {mirror.login(date(2026, 3, n)).body["sessionid"] for n in (1, 2, 3)}
    assert len(sessions) == 3
    assert mirror.logout("1").verdict is Verdict.ACCEPTED


@given(st.dictionaries(st.text(max_size=4), st.text(max_size=40), max_size=4))
def test_any_text_survives_sealing(lasting, fields):
    body = json.dumps({**fields, "akc190": "V"}, ensure_ascii=False).encode("utf-8", "surrogatepass")
    assert lasting.call(TOTALS, body, "1").verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("spoil", [lambda text: text.replace(b"%2B", b"+"), lambda text: text[:-20]])
def test_a_message_that_is_spoilt_on_the_way_is_an_error(mirror, monkeypatch, spoil):
    monkeypatch.setattr(
        room, "form_body", lambda sealed: spoil(FORM(b"+" + sealed[1:] if b"+" not in sealed else sealed))
    )
    with pytest.raises(EnvelopeError):
        upload(mirror, "V1", "1")


FORM = room.form_body


def test_sleeping_takes_no_time_but_counts():
    clock = _unhurried(
        Clock(now=lambda: None, monotonic=lambda: 5.0, sleep=lambda seconds: pytest.fail("slept"))
    )
    clock.sleep(1800)
    clock.sleep(30)
    assert clock.monotonic() == 1835.0
