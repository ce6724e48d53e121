"""What the client says of a call that went wrong: exactly one POST each time, and never more than is known."""

import gzip
import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connector.load import wire
from connector.records import Verdict
from tests.integration.client_kit import (
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

NETWORK = {
    # fault: how many rows the platform holds afterwards
    "N.body_mid": 0,
    "N.lose_request": 0,
    "N.reset": 0,
    "N.redirect": 0,
    "N.sent_no_answer": 1,
    "N.answer_head": 1,
    "N.answer_mid": 1,
    "N.answer_garbled": 1,
    "N.html_200": 1,
    "N.500.B": 0,
    "N.500.A": 1,
    "N.502.B": 0,
    "N.502.A": 1,
    "N.504.B": 0,
    "N.504.A": 1,
}


@pytest.mark.parametrize(("fault", "rows"), NETWORK.items())
def test_a_lost_answer_is_in_doubt_after_exactly_one_post(fault, rows):
    with start_platform(faults=[{"fault": fault, "every": 1}]) as platform:
        client = make_client(platform.url)
        outcome = client.call(UPLOAD, charges(), log_in(client))
        client.close()
        assert outcome.verdict is Verdict.IN_DOUBT
        assert outcome.code == ""
        assert outcome.message
        assert platform.faults.rules[0].seen == 1, "the request came more than once"
        assert len(platform.fees("V1")) == rows


@pytest.mark.parametrize("fault", NETWORK)
def test_a_lost_answer_to_a_query_is_not_repeated_either(fault):
    entry = {"fault": fault, "operation": "getPerDetail", "every": 1}
    with start_platform(faults=[entry]) as platform:
        client = make_client(platform.url)
        sessionid = log_in(client)
        client.call(UPLOAD, charges(), sessionid)
        assert client.call(TOTALS, totals(), sessionid).verdict is Verdict.IN_DOUBT
        client.close()
        assert platform.faults.rules[0].seen == 1


@pytest.mark.parametrize(
    ("fault", "verdict", "code", "counts"),
    [
        ("P.soft", Verdict.IN_DOUBT, "99999", None),
        ({"fault": "P.soft", "code": "1004", "commit": True}, Verdict.IN_DOUBT, "1004", None),
        ("P.hard", Verdict.REJECTED, "81036", None),
        ("P.busy", Verdict.RETRYABLE, "110021", None),
        ("P.session_drop", Verdict.SESSION_LOST, "11005", None),
        ("P.partial_counts", Verdict.ACCEPTED, "0", 2),
        ("P.partial_error", Verdict.REJECTED, "990009", None),
        ("P.partial_silent", Verdict.IN_DOUBT, "", None),
        ("P.counts_more", Verdict.ACCEPTED, "0", 5),
        ({"fault": "P.delay_post_session", "delay_s": 60}, Verdict.IN_DOUBT, "", None),
    ],
)
def test_what_the_platform_itself_does_wrong(fault, verdict, code, counts):
    with start_platform(faults=[fault]) as platform:
        client = make_client(platform.url)
        outcome = client.call(UPLOAD, charges(rows=4), log_in(client))
        client.close()
        assert (outcome.verdict, outcome.code, outcome.counts) == (verdict, code, counts)
        assert [method for method, _ in platform.calls].count("sendMedInfo") <= 1


def test_an_idle_connection_that_the_platform_closed_does_not_lose_a_query():
    def talk(connection):
        server.read_request(connection)
        connection.sendall(answer(b'{"code":0}'))  # and closed, though HTTP/1.1 would keep it

    with RawServer(talk) as server:
        client = make_client(server.url())
        for _ in range(5):
            assert client.call(TOTALS, totals(), "1").verdict is Verdict.ACCEPTED
            time.sleep(0.02)  # noqa: TID251 - until the other side's close has arrived
        client.close()


@pytest.mark.parametrize(
    "status", ["301 M", "302 F", "307 T", "308 P", "400 B", "401 U", "403 F", "404 N", "413 T"]
)
def test_a_gateways_status_is_in_doubt_and_nothing_is_followed(status):
    def talk(connection):
        server.read_request(connection)
        connection.sendall(answer(b'{"code":0,"counts":1}', status=status, head="Location: /elsewhere\r\n"))

    with RawServer(talk) as server:
        client = make_client(server.url())
        outcome = client.call(UPLOAD, charges(), "1")
        client.close()
    assert outcome.verdict is Verdict.IN_DOUBT
    assert f"HTTP {status[:3]}" in outcome.message
    assert outcome.raw == b'{"code":0,"counts":1}'
    assert outcome.counts is None
    assert server.connections == len(server.received) == 1


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"\x00\x01\x02",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n{"code":0}\n\r\n',
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 200_000,
        answer(b"not gzip", head="Content-Encoding: gzip\r\n"),
        answer(gzip.compress(b'{"code":0}', mtime=0)[:-12], head="Content-Encoding: gzip\r\n"),
    ],
)
def test_half_an_answer_is_none(reply):
    def talk(connection):
        server.read_request(connection)
        connection.sendall(reply)

    with RawServer(talk) as server:
        client = make_client(server.url())
        outcome = client.call(UPLOAD, charges(), "1")
        client.close()
    assert outcome.verdict is Verdict.IN_DOUBT
    assert server.connections == len(server.received) == 1


def test_an_answer_in_pieces_and_compressed_is_one():
    def talk(connection):
        server.read_request(connection)
        packed = gzip.compress(b'{"code":0,"counts":1}')
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n")
        for byte in packed:
            connection.sendall(b"1\r\n" + bytes([byte]) + b"\r\n")
        connection.sendall(b"0\r\n\r\n")

    with RawServer(talk) as server:
        client = make_client(server.url())
        assert client.call(UPLOAD, charges(), "1").verdict is Verdict.ACCEPTED
        client.close()


def test_no_answer_in_time_is_in_doubt():
    def talk(connection):
        server.read_request(connection)
        connection.recv(1)

    with RawServer(talk) as server:
        client = make_client(server.url(), timeout_s=0.3)
        outcome = client.call(UPLOAD, charges(), "1")
        client.close()
    assert outcome.verdict is Verdict.IN_DOUBT
    assert "within the time" in outcome.message
    assert server.connections == 1


def test_an_answer_that_never_ends_is_cut_off_by_time():
    def talk(connection):
        server.read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            connection.sendall(b" ")
            time.sleep(0.05)  # noqa: TID251 - a server that drips

    with RawServer(talk) as server:
        client = make_client(server.url(), timeout_s=0.4)
        begun = time.monotonic()
        outcome = client.call(UPLOAD, charges(), "1")
        client.close()
    assert outcome.verdict is Verdict.IN_DOUBT
    assert "not complete" in outcome.message
    assert time.monotonic() - begun < 3


def test_an_answer_that_is_too_large_is_cut_off(monkeypatch):
    monkeypatch.setattr(wire, "MOST_ANSWER", 100_000)

    def talk(connection):
        server.read_request(connection)
        connection.sendall(answer(b'{"code":0,"x":"' + b"y" * 10_000_000 + b'"}'))

    with RawServer(talk) as server:
        client = make_client(server.url())
        outcome = client.call(UPLOAD, charges(), "1")
        client.close()
    assert outcome.verdict is Verdict.IN_DOUBT
    assert len(outcome.raw) == wire.RAW_KEPT


def test_nobody_listening_is_not_sent():
    with RawServer(lambda _: None) as server:
        url = server.url()
    client = make_client(url)
    for outcome in (
        client.call(UPLOAD, charges(), "1"),
        client.call(TOTALS, totals(), "1"),
        client.logout("1"),
        client.login(datetime(2026, 3, 5, tzinfo=UTC).date()),
    ):
        assert outcome.verdict is Verdict.NOT_SENT
        assert "refused" in outcome.message
    client.close()


def test_a_connection_that_cannot_be_made_in_time_is_not_sent(monkeypatch):
    # A backlog of one that is full: the next connection is never answered.
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    address = listener.getsockname()
    waiting = [socket.socket() for _ in range(4)]
    for each in waiting:
        each.setblocking(False)
        each.connect_ex(address)
    client = make_client(f"http://127.0.0.1:{address[1]}/nm-his", timeout_s=0.3)
    outcome = client.call(UPLOAD, charges(), "1")
    client.close()
    for each in (*waiting, listener):
        each.close()
    assert outcome.verdict is Verdict.NOT_SENT
    assert "no connection within" in outcome.message


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that nobody knows, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "platform")])
    now = datetime.now(UTC)  # noqa: TID251 - a certificate is valid by the real clock
    address = x509.IPAddress(ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    public, private = folder / "ca.pem", folder / "key.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return public, private


@pytest.fixture
def secure(certificate):
    """A TLS server that says yes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    def talk(connection):
        server.read_request(connection)
        connection.sendall(answer(b'{"code":0,"counts":1}'))

    with RawServer(talk, wrap=lambda raw: context.wrap_socket(raw, server_side=True)) as server:
        yield server


def test_a_certificate_that_is_not_trusted_stops_the_call_before_its_first_byte(secure):
    client = make_client(secure.url("https"))
    outcome = client.call(UPLOAD, charges(), "1")
    client.close()
    assert outcome.verdict is Verdict.NOT_SENT
    assert "ca_file" in outcome.message
    assert not secure.received


def test_the_settings_certificate_is_trusted(secure, certificate):
    client = make_client(secure.url("https"), ca_file=certificate[0])
    assert client.call(UPLOAD, charges(), "1").verdict is Verdict.ACCEPTED
    client.close()


def test_https_to_a_plain_server_is_not_sent():
    with start_platform() as platform:
        client = make_client(platform.url.replace("http:", "https:"))
        outcome = client.call(UPLOAD, charges(), "1")
        client.close()
        assert outcome.verdict is Verdict.NOT_SENT
        assert "TLS" in outcome.message
        assert not platform.calls


def test_a_proxy_that_refuses_the_tunnel_is_not_sent():
    def talk(connection):
        server.read_request(connection)
        connection.sendall(answer(b"", status="407 Proxy Authentication Required"))

    with RawServer(talk) as server:
        client = make_client("https://platform.invalid/nm-his", proxy=f"http://127.0.0.1:{server.port}")
        outcome = client.call(UPLOAD, charges(), "1")
        client.close()
    assert server.received[0].startswith(b"CONNECT platform.invalid:443")
    assert outcome.verdict is Verdict.NOT_SENT
    assert "proxy" in outcome.message
