"""What the journal keeps of a call: everything, but for secrets and files."""

import base64
import hashlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.contract.envelope import seal
from connector.contract.library import contract
from connector.load.exchange import Talk, find_invoices, read_visit, write_exchange
from connector.load.judge import judge
from connector.records import Outcome, Verdict

KEY = "0123456789abcdef0123456789abcdef"
SESSION = "8280"
QR = "1234567890123456789012"
AT = datetime(2026, 3, 5, tzinfo=UTC)
PDF = b"%PDF-1.4\n" + bytes(range(256))


def kept(method, request, raw=b'{"code":0,"msg":""}', **more):
    operation = contract().operation(method)
    body = request if isinstance(request, bytes) else json.dumps(request, ensure_ascii=False).encode()
    talk = Talk(operation, body, raw, judge(operation, raw, KEY), KEY, SESSION, **more)
    return write_exchange(talk, AT, 12)


def test_most_calls_are_kept_byte_for_byte():
    request = b'{"akc190": "V1",  "meds":{"med":[{"alc407":"8280"}]}}'
    raw = ' {"code":0, "counts": 1.50, "msg":"张敏"} '.encode()
    exchange = kept("sendMedInfo", request, raw, batch_id=7)
    assert (exchange.request, exchange.answer) == (request, raw)
    assert (exchange.visit, exchange.batch_id, exchange.duration_ms) == ("V1", 7, 12)
    assert (exchange.verdict, exchange.code, exchange.message) == (Verdict.ACCEPTED, "0", "张敏")
    assert "张敏" not in repr(exchange)


@pytest.mark.parametrize(
    "wrap", [lambda text: seal(KEY, text), lambda text: json.dumps(text.decode()).encode()]
)
def test_an_answer_is_kept_opened(wrap):
    assert kept("sendMedInfo", {}, wrap(b'{"code": 0, "n": 1.10}')).answer == b'{"code": 0, "n": 1.10}'


def test_neither_password_nor_session_of_a_login():
    exchange = kept(
        "login",
        {"username": "demo", "password": "5EBE2294ECD0E0F08EAB7690D2A6EE69"},
        b'{"code":0,"msg":"ok 5EBE2294ECD0E0F08EAB7690D2A6EE69","SessionId":9911}',
    )
    assert json.loads(exchange.request) == {"username": "demo", "password": "(left out)"}
    assert json.loads(exchange.answer) == {"code": 0, "msg": "ok (left out)", "SessionId": "(left out)"}
    assert "5EBE" not in exchange.message


@pytest.mark.parametrize(
    "raw", [b'{"code":0,"sessionid":"99', b"<p>session</p>", seal("f" * 32, b'{"sessionid":1}')]
)
def test_an_unreadable_answer_to_a_login_is_told_in_size_and_digest(raw):
    told = json.loads(kept("login", {}, raw).answer)
    assert told == {"left_out": "text", "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}


def test_a_session_that_the_platform_repeats():
    raw = (
        '{"code":11005,"msg":"会话8280已失效, V8280, 8280.50","sid":8280,"akc190":"8280","x":{"y":["8280"]}}'
    )
    exchange = kept("getPerMed", {"akc190": "V1"}, raw.encode())
    assert exchange.message == "会话(left out)已失效, V8280, 8280.50"
    answer = json.loads(exchange.answer)
    assert answer["sid"] == answer["x"]["y"][0] == "(left out)"
    assert b"8280" not in kept("getPerMed", {}, b"<html>session=8280</html>").answer
    total = kept("getPerDetail", {}, b'{"code":0,"ka06s":{"ka06":[{"alc407":"8280"}]},"s":"8280"}')
    assert b'"alc407":"8280"' in total.answer


@pytest.mark.parametrize("method", ["dzSbkAuth", "parsingQrcode"])
def test_a_code_that_was_scanned_is_nowhere(method):
    raw = json.dumps({"code": "0", "resCode": "0", "msg": f"码{QR}过期", "echo": QR}).encode()
    exchange = kept(method, {"qrcode": QR, "operatorid": "7"}, raw)
    assert QR.encode() not in exchange.request + exchange.answer + exchange.message.encode()
    assert b'"operatorid":"7"' in exchange.request


def test_a_secret_under_another_interface_is_one_too():
    assert QR.encode() not in kept("getCure", {"a": [{"QRcode": QR}]}).request


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_invoices_in_a_discharge_are_told_by_kind_size_and_digest(encode):
    rows = [
        {"body": encode(PDF).decode(), "invoiceNo": "INV-1", "invoiceType": "pdf"},
        {"body": "", "invoiceNo": "INV-2"},
    ]
    exchange = kept("leaveHos", {"akc190": "V1", "km12s": {"km12": rows}, "alc407": "1.50"})
    told = json.loads(exchange.request)
    assert told["km12s"]["km12"][0] == {
        "body": {"left_out": "pdf", "bytes": len(PDF), "sha256": hashlib.sha256(PDF).hexdigest()},
        "invoiceNo": "INV-1",
        "invoiceType": "pdf",
    }
    assert exchange.invoices == ("INV-1", "INV-2")
    assert exchange.visit == "V1"


def test_what_is_no_file_is_left_out_all_the_same():
    told = json.loads(kept("leaveHos", {"km12s": {"km12": [{"body": "张敏, not Base64!"}]}}).request)
    assert told["km12s"]["km12"][0]["body"]["left_out"] == "unknown"


def test_invoices_are_found_by_their_role():
    assert find_invoices(contract().operation("saveInvoice"), {"invoiceNo": " 7 "}) == ("7",)
    assert find_invoices(contract().operation("sendMedInfo"), {"invoiceNo": "7"}) == ()


def test_a_long_answer_is_told_in_size():
    exchange = kept("getPerMed", {}, b'{"code":0,"x":"' + b"1" * 1_100_000 + b'"}')
    assert json.loads(exchange.answer)["bytes"] == 1_100_017


def test_what_nests_too_deeply_is_told_in_size():
    deep = b'{"a":' * 400 + b'"8280"' + b"}" * 400
    assert json.loads(kept("getPerMed", {}, b'{"code":0,"x":' + deep + b"}").answer)
    exchange = kept("login", b'{"password":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    assert json.loads(exchange.request)["left_out"] == "text"


@pytest.mark.parametrize(
    ("method", "request_text", "visit"),
    [
        (
            "register",
            '{"isnewinjure":"0","kc21":{"aac003":"\\"akc190\\":\\"no\\"","akc190":"V 1\\u00e9"}}',
            "V 1é",
        ),
        ("getPerDetail", '{"akc190" : 8280}', "8280"),
        ("getPerDetail", '{"x":"\\"akc190\\":\\"no\\""}', ""),
        ("getCure", '{"akc190":"V1"}', ""),
    ],
    ids=["inside", "number", "in a text", "none"],
)
def test_the_visit_is_found_without_parsing(method, request_text, visit):
    assert read_visit(contract().operation(method), request_text.encode()) == visit


@given(st.sampled_from(["login", "logout", "leaveHos", "dzSbkAuth", "sendMedInfo"]), st.binary(), st.binary())
def test_it_never_fails(method, request_bytes, raw):
    operation = contract().operation(method)
    talk = Talk(operation, request_bytes, raw, Outcome(Verdict.IN_DOUBT, message="\ud800"), KEY, SESSION)
    assert write_exchange(talk, AT, 0).operation == method
