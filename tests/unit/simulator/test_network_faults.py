"""Faults of the network, seen from the socket: what the caller gets, and whether the request took effect."""

import json
import socket
import threading
import time

import httpx
import pytest

from connector.contract.envelope import form_body, seal
from tests.unit.simulator.client import KEY, charges, code, exchange_raw, med

PATH = "/nm-his/public/sendHis/sendMedInfo.html"


def raw_upload(caller) -> bytes:
    body = form_body(seal(KEY, json.dumps({"sessionid": caller.sessionid, **charges(med())}).encode()))
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
        f"Connection: close\r\nsessionid: {caller.sessionid}\r\n\r\n"
    )
    return head.encode() + body


def is_reset(caller, sent: bytes) -> bool:
    try:
        return exchange_raw(caller.simulator, sent) == b"?"
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("fault", ["N.body_mid", "N.lose_request", "N.reset"])
def test_a_request_that_is_lost(start, fault):
    caller = start(faults=[fault])
    with pytest.raises(httpx.TransportError):
        caller.upload(med())
    assert caller.simulator.rows_received == 0
    assert ("sendMedInfo", "") not in caller.simulator.calls
    assert caller.simulator.faults.fired == [(fault, "sendMedInfo")]
    assert code(caller.upload(med())) == "0"  # an incident strikes once


def test_how_a_lost_request_ends(start):
    caller = start(faults=["N.lose_request", "N.reset@2"])
    assert exchange_raw(caller.simulator, raw_upload(caller)) == b""  # an orderly end
    assert is_reset(caller, raw_upload(caller))
    assert caller.simulator.rows_received == 0


def test_body_mid_cuts_while_the_body_is_on_its_way(start):
    caller = start(faults=["N.body_mid"])
    sent = raw_upload(caller)
    head, body = sent.split(b"\r\n\r\n")
    with socket.create_connection(("127.0.0.1", caller.simulator.port), timeout=5) as connection:
        connection.sendall(head + b"\r\n\r\n" + body[: len(body) // 2])
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


@pytest.mark.parametrize("fault", ["N.sent_no_answer", "N.answer_head", "N.answer_mid", "N.answer_garbled"])
def test_an_answer_that_is_lost(start, fault):
    caller = start()
    good = exchange_raw(caller.simulator, raw_upload(caller))
    caller.simulator.switch_on(fault)
    answer = exchange_raw(caller.simulator, raw_upload(caller))
    head, _, body = good.partition(b"\r\n\r\n")
    expected = {
        "N.sent_no_answer": b"",
        "N.answer_head": good[:20],
        "N.answer_mid": good[: len(good) - (len(body) + 1) // 2],
        "N.answer_garbled": head + b"\r\n\r\n" + bytes(255 - byte for byte in body),
    }
    assert answer == expected[fault]
    assert caller.simulator.rows_received == 2


@pytest.mark.parametrize("status", [500, 502, 504])
@pytest.mark.parametrize(("when", "rows"), [("B", 0), ("A", 1)])
def test_status_before_and_after_the_effect(start, status, when, rows):
    caller = start(faults=[f"N.{status}.{when}"])
    answer = caller.send("sendMedInfo", charges(med()))
    assert answer.status_code == status
    assert answer.text.startswith("<html>")
    assert caller.simulator.rows_received == rows


def test_redirect(start):
    caller = start(faults=["N.redirect"])
    answer = caller.send("sendMedInfo", charges(med()))
    assert (answer.status_code, answer.headers["Location"]) == (302, PATH)
    assert caller.simulator.rows_received == 0


@pytest.mark.parametrize(
    ("entry", "rows"), [("N.html_200", 1), ({"fault": "N.html_200", "commit": "false"}, 0)]
)
def test_a_gateways_page_instead_of_an_answer(start, entry, rows):
    caller = start(faults=[entry])
    answer = caller.send("sendMedInfo", charges(med()))
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html;charset=utf-8")
    assert answer.text.startswith("<html>")
    assert caller.simulator.rows_received == rows


def test_every_call_of_any_interface_can_be_struck(start):
    caller = start(faults=[{"fault": "N.502.B", "operation": "*", "times": 2}], ready=False)
    for _ in range(2):
        with pytest.raises(json.JSONDecodeError):
            caller.login()
    assert code(caller.login()) == "0"


def test_a_connection_serves_several_requests_and_ends_when_asked(start):
    caller = start()
    one = raw_upload(caller)
    both = exchange_raw(caller.simulator, one.replace(b"Connection: close\r\n", b"") + one)
    assert both.count(b"HTTP/1.1 200 OK") == 2
    assert caller.simulator.rows_received == 2


def test_stopping_ends_idle_and_half_spoken_connections(start):
    caller = start()
    spoken = [socket.create_connection(("127.0.0.1", caller.simulator.port)) for _ in range(4)]
    spoken[1].sendall(b"POST ")
    spoken[2].sendall(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf")
    begun = time.monotonic()
    caller.simulator.stop()
    assert time.monotonic() - begun < 2
    assert not [one for one in threading.enumerate() if one.name.startswith("simulator")]
    for connection in spoken:
        connection.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", caller.simulator.port))
    caller.simulator.stop()


def test_nothing_is_printed_whatever_comes_in(start, capfd):
    caller = start()
    for sent in (b"\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\xff" * 100 + b"\r\n\r\n", b"POST / HTTP/1.1\r\n"):
        with socket.create_connection(("127.0.0.1", caller.simulator.port)) as connection:
            connection.sendall(sent)
    caller.upload(med())
    caller.simulator.stop()
    assert capfd.readouterr() == ("", "")


def test_latency_is_waited_after_the_effect(start):
    caller = start(latency_s=0.15)
    begun = time.monotonic()
    caller.upload(med())
    assert 0.14 < time.monotonic() - begun < 2
