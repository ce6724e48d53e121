"""Cards in a real PC/SC stack: pcscd, a virtual reader, and chips of our own."""

import json
import os
import subprocess
import sys
import threading
import time

import pytest

from connector.card.pcsc import read_pcsc
from connector.card.values import Card
from connector.errors import CardError
from tests.integration.counter_kit import open_desk
from tests.integration.virtual_reader import T0_ATR, Daemon, VirtualCard, require_pcsc
from tests.unit.card.chip import CODE, IDENTITY, NUMBER, Chip

pytestmark = pytest.mark.pcsc

EXPECTED = Card(NUMBER, CODE, IDENTITY, "巴特尔", "3.00", "2020-01-31", "2030-01-31")
PAUSE = threading.Event()
LONG = "A" + "尔" * 20


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    """One daemon for this file; this process talks to it and to no other."""
    require_pcsc()
    made = Daemon(tmp_path_factory.mktemp("pcscd"))
    # the client library reads this once, at its first use
    before = os.environ.get("PCSCLITE_CSOCK_NAME")
    os.environ["PCSCLITE_CSOCK_NAME"] = made.socket
    yield made
    if before is None:
        del os.environ["PCSCLITE_CSOCK_NAME"]
    else:
        os.environ["PCSCLITE_CSOCK_NAME"] = before
    made.stop()


@pytest.fixture(autouse=True)
def _reader_is_empty():
    """The daemon takes a moment to notice that the card of the test before is gone."""
    yield
    if os.environ.get("PCSCLITE_CSOCK_NAME"):
        for _ in range(100):
            if not _is_card_in():
                return
            PAUSE.wait(0.05)


def _is_card_in() -> bool:
    from smartcard import scard

    _, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
    states = [("Virtual PCD 00 00", scard.SCARD_STATE_UNAWARE)]
    result, found = scard.SCardGetStatusChange(context, 0, states)
    scard.SCardReleaseContext(context)
    return result == 0 and bool(found[0][1] & scard.SCARD_STATE_PRESENT)


def read(wait_s: float = 10.0, **choices) -> Card:
    return read_pcsc(wait_s=wait_s, now=time.monotonic, **choices)


@pytest.mark.parametrize(
    ("protocol", "version"),
    [("T=1", "1.00"), ("T=0", "1.00"), ("T=1", "2.00"), ("T=0", "3.00"), ("T=1", "3.00")],
)
def test_a_card_is_read_under_both_protocols(daemon, protocol, version):
    is_t0 = protocol == "T=0"
    chip = Chip(version=version, t0=is_t0, exact=is_t0)
    with VirtualCard(daemon, chip, **({"atr": T0_ATR} if is_t0 else {})):
        card = read()
    assert card == Card(NUMBER, CODE, IDENTITY, "巴特尔", version, "2020-01-31", "2030-01-31")
    assert {command[1] for command in chip.seen} == ({0xA4, 0xB2, 0xC0} if is_t0 else {0xA4, 0xB2})
    assert any(command[:3] == bytes.fromhex("00B24E") for command in chip.seen)


def test_a_long_name_is_whole(daemon):
    with VirtualCard(daemon, Chip(name=LONG)):
        assert read().name == LONG


def test_a_card_that_knows_no_short_identifiers_is_read(daemon):
    with VirtualCard(daemon, Chip(short_ids=False)):
        assert read() == EXPECTED


def test_a_card_inserted_while_we_wait_is_read(daemon):
    inserted = VirtualCard(daemon, Chip())
    timer = threading.Timer(0.7, inserted.__enter__)
    timer.start()
    try:
        assert read() == EXPECTED
    finally:
        timer.join()
        inserted.__exit__()


def test_another_card_is_told(daemon):
    with VirtualCard(daemon, Chip(wrong=True)), pytest.raises(CardError, match="not a social security card"):
        read()


def test_no_card_is_told(daemon):
    began = time.monotonic()
    with pytest.raises(CardError, match="There is no card in Virtual PCD"):
        read(wait_s=0.5)
    assert time.monotonic() - began < 3.0


def test_a_stop_ends_the_waiting(daemon):
    with pytest.raises(CardError, match="Stopped"):
        read(wait_s=60.0, is_stopping=lambda: True)


def test_a_card_pulled_out_in_the_middle_is_told(daemon):
    chip = Chip()

    def pulled(command: bytes) -> bytes:
        if command[:3] == bytes.fromhex("00B208"):
            card.pull_out()
        return chip(command)

    card = VirtualCard(daemon, pulled)
    with card, pytest.raises(CardError, match="pulled out"):
        read()


def test_a_reader_is_chosen_by_its_name(daemon):
    with VirtualCard(daemon, Chip()):
        assert read(device="pcd 00 00") == EXPECTED
        with pytest.raises(CardError, match="no card in Virtual PCD 00 01"):
            read(device="00 01", wait_s=0.2)
    with pytest.raises(CardError, match=r"named like “ACS”\. There is: Virtual PCD 00 00"):
        read(device="ACS", wait_s=0.2)


def test_two_readings_one_after_the_other(daemon):
    with VirtualCard(daemon, Chip()):
        assert read() == read() == EXPECTED


def test_a_card_in_use_by_another_program_is_told(daemon):
    from smartcard import scard

    with VirtualCard(daemon, Chip()):
        read()
        _, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
        result, handle, _ = scard.SCardConnect(
            context, "Virtual PCD 00 00", scard.SCARD_SHARE_EXCLUSIVE, scard.SCARD_PROTOCOL_T1
        )
        assert result == 0
        try:
            with pytest.raises(CardError, match="Another program"):
                read()
        finally:
            scard.SCardDisconnect(handle, scard.SCARD_LEAVE_CARD)
            scard.SCardReleaseContext(context)


def test_the_command_reads_and_verifies(daemon, tmp_path, monkeypatch, capsys):
    with open_desk(tmp_path, monkeypatch) as desk, VirtualCard(daemon, Chip(t0=True), atr=T0_ATR):
        assert desk.connector("read", "--json", "--show-personal") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["card"]["name"], found["answer"]["section"]) == ("巴特尔", "4.19")
    assert desk.asked[0][1].items() >= {"aaz500": NUMBER, "aac003": "巴特尔"}.items()
    assert desk.leaks() == []


def test_the_command_looks_up_another_provinces_card(daemon, tmp_path, monkeypatch, capsys):
    with open_desk(tmp_path, monkeypatch) as desk, VirtualCard(daemon, Chip(region="110105")):
        assert desk.connector("read") == 0
    assert [method for method, _ in desk.asked] == ["parsingSbk"]
    assert IDENTITY not in capsys.readouterr().out


def connector(socket: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`connector card read` in a process of its own, whose smart card service is behind `socket`."""
    command = [sys.executable, "-m", "connector", "card", "read", "--no-lookup", *arguments]
    environ = {**os.environ, "PCSCLITE_CSOCK_NAME": socket, "PYTHONUTF8": "1"}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)


def test_a_service_that_is_down_is_told(tmp_path):
    require_pcsc()
    done = connector(str(tmp_path / "nobody"), "--wait", "1")
    assert done.returncode == 1
    assert done.stderr.startswith("The smart card service is not running.")
    assert done.stderr.count("\n") == 1


def test_a_service_that_goes_down_in_the_middle_is_told(tmp_path):
    require_pcsc()
    daemon = Daemon(tmp_path)
    chip = Chip()

    def fatal(command: bytes) -> bytes:
        if command[:3] == bytes.fromhex("00B209"):
            daemon.process.kill()
        return chip(command)

    try:
        with VirtualCard(daemon, fatal):
            done = connector(daemon.socket, "--wait", "10")
    finally:
        daemon.stop()
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith(("The smart card service is not running.", "The card was pulled out"))
    assert IDENTITY not in done.stdout + done.stderr
