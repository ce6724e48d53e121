"""`connector card` at the counter: typed cards and keyboard scanners, answered by the platform over HTTP."""

import json
import logging
import os
import pty
import threading
import tty

import pytest

from connector.simulator.call import Refusal
from tests.integration.counter_kit import NAME, QR, SECRETS, open_desk, typed
from tests.unit.card.chip import CODE, IDENTITY, NUMBER

CARD = (NUMBER, CODE, IDENTITY, NAME)
FAR = (NUMBER, "110100" + CODE[6:], IDENTITY, NAME)
PAUSE = threading.Event()


@pytest.fixture
def desk(tmp_path, monkeypatch):
    with open_desk(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def enter(desk, monkeypatch):
    def command(*arguments: str, lines: tuple[str, ...] = CARD) -> int:
        with typed(monkeypatch, *lines):
            return desk.connector(*arguments)

    return command


def hears(desk) -> list[str]:
    return [method for method, _ in desk.asked]


def test_a_local_card_is_verified(desk, enter, capsys):
    assert enter("read", "--reader", "manual", "--json", "--show-personal") == 0
    ((method, payload),) = desk.asked
    assert method == "sbkAuth"
    assert payload.items() >= {"aaz500": NUMBER, "aaz501": CODE, "aac002": IDENTITY, "aac003": NAME}.items()
    found = json.loads(capsys.readouterr().out)
    assert found["card"]["identity"] == IDENTITY
    assert found["answer"]["section"] == "4.19"
    assert found["answer"]["is_good"] is True
    assert found["warnings"] == []


def test_code_zero_is_not_a_valid_card(desk, enter, capsys):
    desk.answers["sbkAuth"] = {"errmsg": "卡已注销", "result": "0"}
    assert enter("read", "--reader", "manual") == 1
    assert "REFUSED: 卡已注销" in capsys.readouterr().out


@pytest.mark.parametrize("result", ["", None, "2"])
def test_only_one_is_valid(desk, enter, result):
    desk.answers["sbkAuth"] = {"errmsg": "", "result": result}
    assert enter("read", "--reader", "manual") == 1


def test_a_number_one_is_valid_too(desk, enter):
    desk.answers["sbkAuth"] = {"result": 1}
    assert enter("read", "--reader", "manual") == 0


@pytest.mark.parametrize(
    ("lines", "arguments", "method"),
    [
        (CARD, (), "sbkAuth"),
        ((NUMBER, "152201" + CODE[6:], IDENTITY, NAME), (), "sbkAuth"),
        (CARD, ("--cross-province",), "parsingSbk"),
        (FAR, (), "parsingSbk"),
    ],
)
def test_the_region_of_the_card_chooses_the_interface(desk, enter, lines, arguments, method):
    assert enter("read", "--reader", "manual", *arguments, lines=lines) == 0
    assert hears(desk) == [method]
    sent = desk.asked[0][1]
    assert ("aac003" in sent) == (method == "sbkAuth")


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("2", "2 挂失"),
        ("0", "0 封存"),
        ("9", "9 注销"),
        ("7", "7"),
        ("", "does not tell"),
        (None, "does not tell"),
    ],
)
def test_any_other_state_than_normal_warns(desk, enter, capsys, state, told):
    desk.answers["parsingSbk"]["aaz502"] = state
    assert enter("read", "--reader", "manual", lines=FAR) == 0
    assert told in capsys.readouterr().out


def test_another_person_than_on_the_card_warns(desk, enter, capsys):
    desk.answers["parsingSbk"] |= {"aac147": "150102199001011234", "aac003": "斯琴"}
    assert enter("read", "--reader", "manual", lines=FAR) == 0
    out = capsys.readouterr().out
    assert "another identity number" in out
    assert "another person" in out


def test_an_answer_of_twenty_characters_and_unknown_fields_is_taken(desk, enter, capsys):
    desk.answers["parsingSbk"] |= {"aac147": IDENTITY + "XX", "unknown": {"a": 1}}
    assert enter("read", "--reader", "manual", "--show-personal", lines=FAR) == 0
    assert IDENTITY + "XX" in capsys.readouterr().out


def test_nobody_is_shown_unless_asked_for(desk, enter, capsys, caplog):
    caplog.set_level(logging.DEBUG)
    assert enter("read", "--reader", "manual", lines=FAR) == 0
    assert enter("scan", "--keyboard", "--cross-province", lines=(QR,)) == 0
    shown = "".join(capsys.readouterr()) + caplog.text
    assert not [secret for secret in (*SECRETS, FAR[1]) if secret in shown]
    assert "15**************34" in shown
    assert desk.leaks() == []


def test_no_lookup_asks_nobody_and_needs_no_project(desk, enter, capsys):
    (desk.directory / "connector.yaml").unlink()
    assert enter("read", "--reader", "manual", "--no-lookup", "--json") == 0
    assert json.loads(capsys.readouterr().out)["answer"] is None
    assert desk.asked == []


@pytest.mark.parametrize(
    ("arguments", "method"), [((), "dzSbkAuth"), (("--cross-province",), "parsingQrcode")]
)
def test_a_typed_code_is_asked_for_once(desk, enter, capsys, arguments, method):
    assert enter("scan", "--keyboard", "--json", "--show-personal", *arguments, lines=(QR,)) == 0
    ((asked, payload),) = desk.asked
    assert (asked, payload["qrcode"]) == (method, QR)
    answer = json.loads(capsys.readouterr().out)["answer"]
    assert (answer["identity"], answer["name"]) == (IDENTITY, NAME)
    assert answer["number"] == (NUMBER if method == "parsingQrcode" else "")


def test_who_scans_is_told_where_the_interface_asks(desk, enter):
    assert enter("scan", "--keyboard", "--operator", "017", "--operator-name", "王护士", lines=(QR,)) == 0
    assert desk.asked[0][1].items() >= {"operatorid": "017", "operatorname": "王护士"}.items()


@pytest.mark.parametrize(
    ("scanned", "told"),
    [
        (IDENTITY, "identity number"),
        (QR + "X", "23 characters"),
        ("", "Nothing was scanned"),
        ("扫码", "input method"),
    ],
)
def test_a_wrong_code_is_told_in_one_message_and_nothing_is_sent(desk, enter, capsys, scanned, told):
    assert enter("scan", "--keyboard", lines=(scanned,)) == 1
    complaint = capsys.readouterr().err
    assert told in complaint
    assert complaint.count("\n") == 1
    assert desk.asked == []
    with desk.parts().open_ledger() as ledger:
        assert ledger.stored_session("demo") == ""


def test_a_card_that_breaks_the_contract_is_not_sent(desk, enter, capsys):
    assert enter("read", "--reader", "manual", lines=(NUMBER, CODE, IDENTITY + "12", NAME)) == 1
    complaint = capsys.readouterr().err
    assert "Nothing was sent" in complaint
    assert "aac002 社会保障号码" in complaint
    assert IDENTITY not in complaint
    assert desk.asked == []


def test_the_platforms_refusal_is_shown_in_its_words(desk, enter, capsys):
    desk.answers["dzSbkAuth"] = Refusal("400001", "二维码已失效")
    assert enter("scan", "--keyboard", lines=(QR,)) == 1
    complaint = capsys.readouterr().err
    assert "二维码已失效" in complaint
    assert "400001" in complaint
    assert QR not in complaint


def test_no_platform_is_told(desk, enter, capsys):
    settings = desk.directory / "connector.yaml"
    text = settings.read_text(encoding="utf-8")
    url = next(word for word in text.split('"') if word.startswith("http://127"))
    settings.write_text(text.replace(url, "http://127.0.0.1:9/nm-his"), encoding="utf-8")
    assert enter("scan", "--keyboard", lines=(QR,)) == 1
    assert "cannot be reached" in capsys.readouterr().err


def test_while_a_run_delivers_a_card_is_not_asked_for(desk, enter, capsys):
    with desk.parts().open_ledger() as ledger:
        lease = ledger.take_lease("a run", ttl_s=60)
        assert enter("scan", "--keyboard", lines=(QR,)) == 5
        ledger.release_lease(lease)
    assert desk.asked == []
    assert enter("scan", "--keyboard", lines=(QR,)) == 0


def test_the_session_is_closed_and_the_lease_given_back(desk, enter):
    desk.answers["dzSbkAuth"] = Refusal("400001")
    assert enter("scan", "--keyboard", lines=(QR,)) == 1
    with desk.parts().open_ledger() as ledger:
        assert ledger.stored_session("demo") == ""
        ledger.release_lease(ledger.take_lease("the next one", ttl_s=60))


@pytest.mark.parametrize("arguments", [(), ("--keyboard", "--port", "COM3")])
def test_where_the_scanner_is_must_be_said(desk, enter, capsys, arguments):
    assert enter("scan", *arguments) == 2
    assert "--keyboard" in capsys.readouterr().err


def test_a_scanner_on_a_port_is_read(desk, capsys):
    scanner, port = pty.openpty()
    tty.setraw(port)

    def scan() -> None:
        PAUSE.wait(0.5)
        os.write(scanner, b"\x02" + QR.encode() + b"\r\n")

    thread = threading.Thread(target=scan)
    thread.start()
    try:
        assert desk.connector("scan", "--port", os.ttyname(port), "--wait", "10") == 0
    finally:
        thread.join()
        os.close(scanner)
        os.close(port)
    assert [payload["qrcode"] for _, payload in desk.asked] == [QR]
    shown = "".join(capsys.readouterr())
    assert "Waiting 10 s" in shown
    assert QR not in shown


def test_a_port_that_is_not_there_is_told(desk, capsys):
    assert desk.connector("scan", "--port", "COM77") == 1
    assert "COM77" in capsys.readouterr().err
    assert desk.asked == []
