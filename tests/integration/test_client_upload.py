"""4.18 over real sockets: a form in the open, its session twice, sent once whatever happens."""

import socket
from dataclasses import replace

import pytest

from connector.contract.library import contract
from connector.load.document import Document, open_document
from connector.records import Verdict
from tests.integration.client_kit import RawServer, answer, log_in, make_client, start_platform

SAVE = contract().operation("saveInvoice")
TEXTS = {
    "akc190": "V1",
    "invoiceType": "pdf",
    "invoiceNo": "INV-1",
    "invoiceMoney": "10.00",
    "rolltype": "0",
    "filetype": "01",
}


@pytest.fixture
def document(tmp_path) -> Document:
    file = tmp_path / "张敏的发票.PDF"
    file.write_bytes(b"%PDF-1.4\n" + bytes(range(256)) * 2000 + b"\n%%EOF\n")
    return open_document(file, max_mb=10)


def upload(server, document, **more):
    client = make_client(server.url(), **more)
    try:
        return client.upload(SAVE, TEXTS, document, "8280")
    finally:
        client.close()


def accept(server):
    def talk(connection: socket.socket) -> None:
        server[0].read_request(connection)
        connection.sendall(answer(b'{"code": 0, "msg": ""}'))

    return talk


def test_it_is_a_form_with_the_session_twice_and_without_the_files_name(document):
    holder: list[RawServer] = []
    with RawServer(accept(holder)) as server:
        holder.append(server)
        assert upload(server, document).verdict is Verdict.ACCEPTED
        head, _, body = server.received[0].partition(b"\r\n\r\n")
    assert b"POST /nm-his/his/pub/interface/upInvoice/saveInvoice.html" in head
    assert b"sessionid: 8280" in head
    assert b"multipart/form-data; boundary=" in head
    assert b"chunked" not in head.lower()
    assert b'name="sessionid"\r\n\r\n8280\r\n' in body
    assert document.path.read_bytes() in body
    assert "张敏".encode() not in head + body
    for name, value in TEXTS.items():
        assert f'name="{name}"\r\n\r\n{value}\r\n'.encode() in body


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n{", answer(b"<html>")])
def test_no_answer_is_in_doubt_and_is_not_sent_again(document, reply):
    holder: list[RawServer] = []

    def talk(connection: socket.socket) -> None:
        holder[0].read_request(connection)
        connection.sendall(reply)

    with RawServer(talk) as server:
        holder.append(server)
        assert upload(server, document).verdict is Verdict.IN_DOUBT
        assert server.connections == 1


def test_a_server_that_hangs_up_in_the_middle_leaves_it_in_doubt(document):
    with RawServer(lambda connection: connection.recv(1000)) as server:
        assert upload(server, document).verdict is Verdict.IN_DOUBT
        assert server.connections == 1


def test_nobody_there_is_not_sent(document):
    with RawServer(lambda _: None) as server:
        url = server.url()
    client = make_client(url)
    assert client.upload(SAVE, TEXTS, document, "8280").verdict is Verdict.NOT_SENT
    client.close()


def test_a_file_that_shrinks_while_it_is_sent_is_in_doubt(document, monkeypatch):
    """The head is out, so nobody knows what the platform makes of the rest."""
    holder: list[RawServer] = []
    longer = replace(document, size=document.size + 5)
    monkeypatch.setattr("connector.load.client.os.fstat", lambda _: type("S", (), {"st_size": longer.size})())
    with RawServer(accept(holder)) as server:
        holder.append(server)
        assert upload(server, longer).verdict is Verdict.IN_DOUBT


def test_a_file_that_changed_or_went_since_it_was_looked_at_is_not_sent(document):
    with RawServer(lambda _: None) as server:
        document.path.write_bytes(b"%PDF-1.4 %%EOF")
        outcome = upload(server, document)
        assert outcome.verdict is Verdict.NOT_SENT
        assert "another one" in outcome.message
        document.path.unlink()
        outcome = upload(server, document)
        assert outcome.verdict is Verdict.NOT_SENT
        assert "张敏" not in outcome.message
        assert server.connections == 0


@pytest.mark.parametrize(
    ("operation", "sessionid"), [("saveInvoice", ""), ("saveInvoice", "会话"), ("register", "1")]
)
def test_our_own_mistakes_are_not_sent(document, operation, sessionid):
    client = make_client("http://127.0.0.1:9/nm-his")
    outcome = client.upload(contract().operation(operation), TEXTS, document, sessionid)
    assert outcome.verdict is Verdict.NOT_SENT
    client.close()


def test_the_simulated_platform_reads_the_form(document):
    simulator = start_platform()
    client = make_client(simulator.url)
    try:
        outcome = client.upload(SAVE, TEXTS, document, log_in(client))
        assert outcome.code not in ("", "11001", "11004", "11005")  # understood, and no such visit
        assert client.upload(SAVE, TEXTS, document, "1").verdict is Verdict.SESSION_LOST
        assert simulator.internal_errors == []
    finally:
        client.close()
        simulator.stop()
