import json
import logging
import socket
import ssl
from types import MappingProxyType

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.config.secrets import Secret
from connector.config.settings import PlatformSettings
from connector.contract.library import contract
from connector.errors import ConfigurationError, EnvelopeError
from connector.load import wire
from connector.load.client import PlatformClient, add_session
from connector.records import Verdict

KEY = "0123456789abcdef0123456789abcdef"
PASSWORD = "pass-word-77"
BOOK = contract()
UPLOAD = BOOK.operation("sendMedInfo")


def make(
    *, base_url="http://127.0.0.1:9/nm-his", timeout_s=2, key_text=KEY, headers=None, proxy=None, **more
):
    settings = PlatformSettings(base_url, "demo", Secret("env:P"), Secret("env:K"), **more)
    return PlatformClient(
        settings, key_text=key_text, password=PASSWORD, timeout_s=timeout_s, headers=headers, proxy=proxy
    )


@pytest.fixture
def client():
    made = make()
    yield made
    made.close()


@given(
    st.dictionaries(
        st.text(max_size=5).filter(lambda name: name != "sessionid"), st.text(max_size=5), max_size=4
    ),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20),
    st.sampled_from(["", " ", "\n  "]),
)
def test_the_sessionid_is_the_first_member_and_a_string(body, sessionid, gap):
    raw = b"{" + gap.encode() + json.dumps(body).encode()[1:]
    pairs = json.loads(add_session(raw, sessionid), object_pairs_hook=list)
    assert pairs == [("sessionid", sessionid), *body.items()]


@pytest.mark.parametrize(
    ("method", "body", "sessionid"),
    [
        ("sendMedInfo", b"{}", ""),
        ("sendMedInfo", b"[]", "1"),
        ("sendMedInfo", b"", "1"),
        ("sendMedInfo", b"{}", "会话"),
        ("sendMedInfo", b"{}", "1\r\nX: y"),
        ("saveInvoice", b"{}", "1"),
        ("login", b"{}", "1"),
    ],
)
def test_our_own_mistakes_are_not_sent(client, method, body, sessionid, monkeypatch):
    monkeypatch.setattr(client._wire, "post", lambda *_, **__: pytest.fail("it was sent"))
    outcome = client.call(BOOK.operation(method), body, sessionid)
    assert outcome.verdict is Verdict.NOT_SENT
    assert outcome.message


class Pool:
    """A pool that fails, or answers, as it is told."""

    def __init__(self, error):
        self.error = error
        self.requests = 0

    def handle_request(self, request):
        self.requests += 1
        raise self.error

    def close(self):
        pass


SECRET_TEXT = "sessionid=8280 key=" + KEY


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [
        (httpx.ConnectError, Verdict.NOT_SENT),
        (httpx.ConnectTimeout, Verdict.NOT_SENT),
        (httpx.PoolTimeout, Verdict.NOT_SENT),
        (httpx.ProxyError, Verdict.NOT_SENT),
        (httpx.UnsupportedProtocol, Verdict.NOT_SENT),
        (httpx.LocalProtocolError, Verdict.NOT_SENT),
        (httpx.ReadTimeout, Verdict.IN_DOUBT),
        (httpx.WriteTimeout, Verdict.IN_DOUBT),
        (httpx.ReadError, Verdict.IN_DOUBT),
        (httpx.WriteError, Verdict.IN_DOUBT),
        (httpx.CloseError, Verdict.IN_DOUBT),
        (httpx.RemoteProtocolError, Verdict.IN_DOUBT),
        (httpx.DecodingError, Verdict.IN_DOUBT),
        (RuntimeError, Verdict.IN_DOUBT),
        (OSError, Verdict.IN_DOUBT),
    ],
)
def test_only_what_fails_before_the_first_byte_is_not_sent(client, kind, verdict):
    pool = client._wire._fresh = Pool(kind(SECRET_TEXT))
    outcome = client.call(UPLOAD, b"{}", "8280")
    assert outcome.verdict is verdict
    assert pool.requests == 1
    assert outcome.message
    assert "8280" not in outcome.message
    assert KEY not in outcome.message


def test_every_error_of_httpx_is_in_doubt_unless_it_is_listed(client):
    listed = wire._BEFORE_THE_FIRST_BYTE
    kinds = [
        kind
        for kind in vars(httpx).values()
        if isinstance(kind, type) and issubclass(kind, httpx.TransportError) and not issubclass(kind, listed)
    ]
    assert len(kinds) > 8
    for kind in kinds:
        client._wire._fresh = Pool(kind(""))
        assert client.call(UPLOAD, b"{}", "1").verdict is Verdict.IN_DOUBT


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), "unknown"),
        (ConnectionRefusedError(111, "refused"), "connection refused"),
        (ssl.SSLCertVerificationError("self-signed"), "ca_file"),
        (ssl.SSLError("WRONG_VERSION_NUMBER"), "TLS"),
    ],
)
def test_the_cause_is_told_in_words_with_the_host(client, cause, words):
    error = httpx.ConnectError("raw text")
    error.__cause__ = cause
    client._wire._fresh = Pool(error)
    message = client.call(UPLOAD, b"{}", "1").message
    assert words in message
    assert "127.0.0.1:9" in message
    assert "raw text" not in message


@pytest.mark.parametrize(
    "name",
    ["Content-Length", "transfer-encoding", "Connection", "Expect", "sessionid", "Cookie", "CONTENT-TYPE"],
)
def test_headers_that_are_ours_are_refused(name):
    with pytest.raises(ConfigurationError, match=r"platform\.headers"):
        make(headers={name: "x"})


@pytest.mark.parametrize(
    "headers", [{"X": "a\r\nY: b"}, {"X Y": "1"}, {"X": "头"}, {"X": "a\x00"}, {"": "a"}, {"X": " a"}]
)
def test_headers_that_cannot_travel_are_refused_without_their_value(headers):
    with pytest.raises(ConfigurationError) as caught:
        make(headers=headers)
    assert "头" not in str(caught.value)


@pytest.mark.parametrize("proxy", ["ftp://u:geheim@h", "nonsense geheim", "socks5://u:geheim@h:1"])
def test_a_proxy_that_is_none_is_told_without_its_password(proxy):
    with pytest.raises(ConfigurationError, match="proxy") as caught:
        make(proxy=proxy)
    assert "geheim" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("base_url", ["", "nm-his", "ftp://h/nm-his", "http://", "http://h:x"])
def test_an_address_that_is_none_is_refused(base_url):
    with pytest.raises(ConfigurationError, match="base_url"):
        make(base_url=base_url)


def test_a_certificate_file_that_is_none_is_refused(tmp_path):
    wrong = tmp_path / "ca.pem"
    for content in (None, "not a certificate"):
        if content is not None:
            wrong.write_text(content)
        with pytest.raises(ConfigurationError, match="ca_file"):
            make(ca_file=wrong)


def test_an_impossible_key_is_refused_without_being_told():
    with pytest.raises(EnvelopeError) as caught:
        make(key_text="short-key")
    assert "short-key" not in str(caught.value)


def test_nothing_secret_is_in_a_repr(client):
    text = repr(client) + repr(client.call(UPLOAD, b'{"a":"patient"}', "8280"))
    for secret in (KEY, PASSWORD, "8280", "patient", client._password):
        assert secret not in text


def test_the_mark_of_a_session_needs_the_key(client):
    other = make(key_text="f" * 32)
    assert client.digest("8280") == client.digest("8280") != client.digest("8281")
    assert client.digest("8280") != other.digest("8280")
    assert client.digest("") == ""
    assert "8280" not in client.digest("8280")
    other.close()


def test_the_libraries_log_nothing_below_a_warning(client, caplog):
    caplog.set_level(logging.DEBUG)
    client.call(UPLOAD, b"{}", "8280")
    assert not caplog.records


def test_settings_headers_that_are_literal_need_not_be_given():
    settings = PlatformSettings(
        "http://127.0.0.1:9/nm-his",
        "demo",
        Secret("env:P"),
        Secret("env:K"),
        headers=MappingProxyType({"X-Hospital": Secret("H1", "platform.headers.X-Hospital")}),
        proxy=Secret("http://127.0.0.1:9", "platform.proxy"),
    )
    client = PlatformClient(settings, key_text=KEY, password=PASSWORD, timeout_s=1)
    assert (b"X-Hospital", b"H1") in client._wire._head
    client.close()
    by_reference = PlatformSettings(
        "http://127.0.0.1:9/nm-his",
        "demo",
        Secret("env:P"),
        Secret("env:K"),
        headers=MappingProxyType({"X-Hospital": Secret("env:HOSPITAL", "platform.headers.X-Hospital")}),
    )
    with pytest.raises(ConfigurationError, match="HOSPITAL"):
        PlatformClient(by_reference, key_text=KEY, password=PASSWORD, timeout_s=1)
