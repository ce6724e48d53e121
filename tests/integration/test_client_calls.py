"""The client against the stand-in platform: what goes over the wire, and what comes back."""

import json
import logging
from datetime import date, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from connector.contract.envelope import open_sealed
from connector.contract.library import contract
from connector.records import Verdict
from connector.simulator.answers import STYLES
from tests.integration.client_kit import (
    KEY,
    PASSWORD,
    TODAY,
    TOTALS,
    UPLOAD,
    RawServer,
    answer,
    charges,
    log_in,
    make_client,
    start_platform,
    totals,
)

YES = answer(b'{"code":0,"msg":"","counts":1}')


@pytest.fixture
def platform():
    with start_platform() as simulator:
        yield simulator
        assert not simulator.internal_errors


@pytest.fixture
def client(platform):
    made = make_client(platform.url)
    yield made
    made.close()


@pytest.mark.parametrize("message_in", ["form", "query", "json"])
@pytest.mark.parametrize("style", [*STYLES, "encrypted+json-string+strings+extra-fields+odd-charset"])
def test_a_day_at_the_platform(style, message_in):
    with start_platform(answer_style=style) as platform:
        client = make_client(platform.url, message_in=message_in)
        sessionid = log_in(client)
        saved = client.call(UPLOAD, charges("12.3400", rows=3), sessionid)
        assert (saved.verdict, saved.code, saved.counts) == (Verdict.ACCEPTED, "0", 3)
        read = client.call(TOTALS, totals(), sessionid)
        assert read.verdict is Verdict.ACCEPTED
        assert read.body["detailcolls"]["detailData"][0]["alc407"] == "37.0200"
        assert client.logout(sessionid).verdict is Verdict.ACCEPTED
        assert client.call(UPLOAD, charges(), sessionid).verdict is Verdict.SESSION_LOST
        assert client.logout(sessionid).code == "31007"
        assert platform.total("V1") == 370200
        client.close()


def test_a_registration_and_a_refusal_in_the_platforms_own_words():
    with start_platform(check_rules=True) as platform:
        client = make_client(platform.url)
        refused = client.call(contract().operation("register"), b'{"isnewinjure":"0"}', log_in(client))
        assert (refused.verdict, refused.code) == (Verdict.REJECTED, "51002")
        assert "D51002" in refused.message
        unknown = client.call(TOTALS, totals("none"), log_in_again(client, platform))
        assert (unknown.verdict, unknown.code) == (Verdict.REJECTED, "230003")
        client.close()


def log_in_again(client, platform):
    client.logout(next(iter(platform.state.sessions)))
    return log_in(client)


def test_the_login_key_is_of_a_day_and_everything_else_is_the_hospitals(client):
    assert client.login(TODAY - timedelta(days=1)).code == "11002"
    assert client.login(date(2026, 3, 6)).code == "11002"
    log_in(client)


def test_a_second_login_is_refused(client):
    log_in(client)
    again = client.login(TODAY)
    assert (again.verdict, again.code) == (Verdict.REJECTED, "21003")


def test_a_connection_is_never_used_twice_for_what_must_not_be_repeated(platform, client):
    sessionid = log_in(client)
    ports = record_connections(platform)
    for _ in range(3):
        assert client.call(UPLOAD, charges(), sessionid).verdict is Verdict.ACCEPTED
    assert len(ports) == 3
    for _ in range(4):
        assert client.call(TOTALS, totals(), sessionid).verdict is Verdict.ACCEPTED
    assert len(ports) == 4


def record_connections(platform):
    ports = []
    server = platform._server
    accept = server.get_request

    def get_request():
        connection, address = accept()
        ports.append(address[1])
        return connection, address

    server.get_request = get_request
    return ports


@pytest.mark.parametrize("message_in", ["form", "query", "json"])
def test_what_goes_over_the_wire(message_in):
    def talk(connection):
        server.read_request(connection)
        connection.sendall(YES)

    with RawServer(talk) as server:
        client = make_client(server.url(), message_in=message_in)
        # Long enough that its Base64 has + / and = in it.
        assert client.call(UPLOAD, charges(rows=9), "8280").verdict is Verdict.ACCEPTED
        client.close()
    head, _, body = server.received[0].partition(b"\r\n\r\n")
    line, *headers = head.decode().split("\r\n")
    names = {name.lower(): value for name, _, value in (header.partition(": ") for header in headers)}
    method, target, _ = line.split(" ")
    assert method == "POST"
    assert urlsplit(target).path == "/nm-his/public/sendHis/sendMedInfo.html"
    assert names["sessionid"] == "8280"
    assert names["connection"].lower() == "close"
    assert "cookie" not in names
    if message_in == "json":
        message = json.loads(body)["message"]
    else:
        form = body.decode() if message_in == "form" else urlsplit(target).query
        assert "+" not in form
        assert "%2B" in form
        assert " " not in form
        message = parse_qs(form, strict_parsing=True)["message"][0]
    plain = open_sealed(KEY, message.encode())
    assert plain.startswith(b'{"sessionid":"8280",')
    assert json.loads(plain) == {"sessionid": "8280", **json.loads(charges(rows=9))}


def test_login_sends_no_session_and_no_plain_password():
    def talk(connection):
        server.read_request(connection)
        connection.sendall(answer(b'{"code":0,"sessionid":12345678901234567890}'))

    with RawServer(talk) as server:
        client = make_client(server.url())
        assert log_in(client) == "12345678901234567890"
        client.close()
    assert b"\r\nsessionid:" not in server.received[0].lower()
    assert PASSWORD.encode() not in server.received[0]


def test_a_cookie_is_not_kept():
    def talk(connection):
        for _ in range(2):
            server.read_request(connection)
            connection.sendall(answer(b'{"code":0}', head="Set-Cookie: JSESSIONID=A1; Path=/\r\n"))

    with RawServer(talk) as server:
        client = make_client(server.url())
        for _ in range(2):
            assert client.call(TOTALS, totals(), "1").verdict is Verdict.ACCEPTED
        client.close()
    assert len(server.received) == 2
    assert server.connections == 1
    assert not any(b"cookie" in request.lower() for request in server.received)


def test_the_platforms_clock_is_read_from_its_answers():
    def talk(connection):
        server.read_request(connection)
        connection.sendall(answer(b'{"code":11002}', head="Date: Thu, 05 Mar 2026 16:30:00 GMT\r\n"))

    with RawServer(talk) as server:
        client = make_client(server.url())
        assert client.platform_time is None
        client.login(TODAY)
        assert client.platform_time.isoformat() == "2026-03-05T16:30:00+00:00"
        client.close()


def test_the_environments_proxy_is_ignored(monkeypatch, client):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    log_in(client)


def test_the_settings_proxy_is_used():
    def talk(connection):
        server.read_request(connection)
        connection.sendall(YES)

    with RawServer(talk) as server:
        client = make_client("http://platform.invalid/nm-his", proxy=f"http://127.0.0.1:{server.port}")
        assert client.call(UPLOAD, charges(), "1").verdict is Verdict.ACCEPTED
        client.close()
    assert server.received[0].startswith(b"POST http://platform.invalid/nm-his/public/")


def test_nothing_secret_is_logged(platform, client, caplog):
    caplog.set_level(logging.DEBUG)
    sessionid = log_in(client)
    client.call(UPLOAD, charges(), sessionid)
    client.call(TOTALS, totals(), sessionid)
    text = caplog.text
    for secret in (sessionid, KEY, PASSWORD, client._password, "message="):
        assert secret not in text
