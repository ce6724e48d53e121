"""The vectors were made by other implementations; how, stands beside them.

OpenSSL 3.0 (`-aes-128-ecb`, `-192-`, `-256-` by the key's length):
    printf %s "$TEXT" | openssl enc -aes-256-ecb -K "$(printf %s "$KEY" | od -An -tx1 | tr -d ' \\n')" | openssl base64 -A

Java 17, the document's own sample (section 2.2), `java Seal "$KEY" "$TEXT"`:
    Cipher c = Cipher.getInstance("AES/ECB/PKCS5Padding");
    c.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(key.getBytes("UTF-8"), "AES"));
    Base64.getEncoder().encodeToString(c.doFinal(text.getBytes("UTF-8")))

MD5: printf %s 2024-12-29 | openssl md5 -r | cut -d' ' -f1 | tr a-f A-F
"""

import base64
import os
import shutil
import subprocess
from datetime import date
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.contract.envelope import (
    check_key,
    form_body,
    login_key,
    open_sealed,
    password_digest,
    seal,
)
from connector.errors import EnvelopeError

KEY_16 = "0123456789abcdef"
KEY_24 = "0123456789abcdef01234567"
KEY_32 = "ED0D1A4A8B64A5B2D3C1F0E9A7B6C5D4"
KEY_CHINESE = "内蒙古工伤x"  # six characters, sixteen bytes
LOGIN_DAY_KEY = "4A7D1ED414474E4033AC29CCB8653D9B"
CHARGE = '{"akc190":"1234567","aac003":"患者甲","alc407":"2.2000"}'

JAVA = [
    (
        KEY_16,
        CHARGE,
        "t1+iubuq8k1CHf8ZuP3CcEu9qYoOX10BI84SijSYVxFlxBMN75k9k7YYs9PFp8hrzN/0x5l5V8PS6cKg//n9/g==",
    ),
    (
        KEY_24,
        CHARGE,
        "plSURbq7taTdaGEKlbv6cCVBtahozy0ZkuGVhytg4r4oCaMcjtmUkYXruRlicPlMy11psb6BgaperZ6IVoV3rw==",
    ),
    (
        KEY_32,
        CHARGE,
        "afC93qQHRGArcnTOFeUVoJv7JxTJ1hJORVs0ndSa5gqNP/tCVT4ejxH2trxi7p0UHD+8xT72nqgRJtsUJWNZPg==",
    ),
    (
        KEY_CHINESE,
        CHARGE,
        "Z3uLL7yraH+/5XcwTbOl9BXsZ4lxJsdAkEB70STziKcBJXArxPaCnBtUPYyxTlXO3xRtQAN5tfoxHI4IWYlYOw==",
    ),
]
OPENSSL = [
    (KEY_16, "", "N3Ii4GGpJMWRzZwn6hY+1A=="),
    (KEY_24, "工伤2", "HEP77wuoQtKU3m871n6a/w=="),
    (KEY_24, "工伤5", "jtL72iYKvROr+pjtADNggA=="),
    (LOGIN_DAY_KEY, '{"username":"his4"}', "MreMP3BO6Jypj22qsl0kyhNmmfFi3X1KG5v6Rf+yUsY="),
    (LOGIN_DAY_KEY, '{"username":"his8"}', "MreMP3BO6Jypj22qsl0kyk+k/+veZJHr9jSu1JMZoLI="),
]


@pytest.mark.parametrize(("key", "text", "sealed"), [*JAVA, *OPENSSL])
def test_other_implementations_agree(key, text, sealed):
    assert seal(key, text.encode()) == sealed.encode()
    assert open_sealed(key, sealed.encode()).decode() == text


def test_vectors_cover_what_has_to_be_escaped():
    together = "".join(sealed for _, _, sealed in [*JAVA, *OPENSSL])
    assert {"+", "/", "="} <= set(together)


def test_line_breaks_in_a_sealed_message_are_ignored():
    key, text, sealed = JAVA[0]
    broken = f"{sealed[:40]}\r\n{sealed[40:]}\n".encode()
    assert open_sealed(key, broken).decode() == text


@pytest.mark.parametrize(
    ("day", "key"),
    [
        (date(2024, 12, 29), "454F5CEB8AC64F57018EE0DB5A3F9205"),  # week-year 2025 begins in Java's YYYY
        (date(2024, 12, 31), "A448E7AF4416D615121F68D83C954EC5"),
        (date(2025, 1, 1), "EC2B3DFC15048614548FC885FD5A5838"),
        (date(2025, 1, 31), "BF26F544625558681ABC65980EF22F47"),
        (date(2025, 2, 1), "FEF6A8A45B7B05E22197D9B03FDC03C1"),  # DD would be 32
        (date(2026, 2, 28), "0CE084C049CF183A6A20C7AC51A15DEF"),
    ],
)
def test_login_key_is_the_calendar_date(day, key):
    assert login_key(day) == key
    check_key(key)


def test_password_is_upper_case_md5_of_utf8():
    assert password_digest("Passw0rd密码") == "8EF60412114712FB898BE44C710890C6"


@pytest.mark.parametrize(
    "key", ["", "x", "0123456789abcde", "0123456789abcdef\n", "内蒙古工伤密钥密钥密钥密钥密钥密"]
)
def test_other_key_lengths_are_refused_without_telling_the_key(key):
    with pytest.raises(EnvelopeError, match="16, 24 or 32") as caught:
        check_key(key)
    assert str(len(key.encode())) in str(caught.value)
    assert len(key) < 2 or key not in str(caught.value)
    with pytest.raises(EnvelopeError):
        seal(key, b"")


@pytest.mark.parametrize(
    ("sealed", "said"),
    [
        (b"not base64!", "not standard Base64"),
        (b"t1 iubuq8k1CHf8ZuP3CcA==", "percent-encode"),
        (b"AAAA", "whole number"),
        (b"", "whole number"),
        (b"t1-iubuq8k1CHf8ZuP3CcA==", "not standard Base64"),
    ],
)
def test_unusable_messages_say_why(sealed, said):
    with pytest.raises(EnvelopeError, match=said):
        open_sealed(KEY_16, sealed)


def test_the_wrong_key_is_named_as_such_and_nothing_is_told():
    _, _, sealed = JAVA[0]
    with pytest.raises(EnvelopeError, match="does not open with this key") as caught:
        open_sealed(KEY_32, sealed.encode())
    assert KEY_32 not in str(caught.value)
    assert "aac003" not in str(caught.value)
    assert caught.value.__suppress_context__


@given(st.sampled_from([KEY_16, KEY_24, KEY_32, KEY_CHINESE]), st.binary(max_size=300))
def test_what_is_sealed_opens_and_survives_a_form(key, plaintext):
    sealed = seal(key, plaintext)
    assert open_sealed(key, sealed) == plaintext
    body = form_body(sealed)
    assert not set(body) & set(b"+/ \n\r")
    assert body.count(b"=") == 1
    assert parse_qs(body.decode(), strict_parsing=True) == {"message": [sealed.decode()]}


@pytest.fixture(scope="module")
def openssl() -> str:
    """The other implementation, where there is one; in CI there has to be."""
    found = shutil.which("openssl")
    if found is None and os.environ.get("CI", "").lower() == "true":
        pytest.fail("openssl is not installed; in CI this must not be skipped", pytrace=False)
    if found is None:
        pytest.skip("openssl is not installed: only the frozen vectors were held against it")
    return found


def run_openssl(openssl: str, *arguments: str, given: bytes) -> bytes:
    return subprocess.run(
        [openssl, *arguments], input=given, capture_output=True, check=True, timeout=20
    ).stdout


@pytest.mark.parametrize("key", [KEY_16, KEY_24, KEY_32, KEY_CHINESE, login_key(date(2026, 3, 5))])
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 1000, 70_000])
def test_openssl_opens_what_we_seal_and_we_open_what_it_seals(openssl, key, size):
    plain = bytes(number * 31 % 256 for number in range(size))
    raw = key.encode()
    cipher = ("enc", f"-aes-{len(raw) * 8}-ecb", "-K", raw.hex())
    theirs = base64.b64encode(run_openssl(openssl, *cipher, given=plain))
    assert seal(key, plain) == theirs
    assert open_sealed(key, theirs) == plain
    sealed = base64.b64decode(seal(key, plain))
    assert run_openssl(openssl, *cipher, "-d", given=sealed) == plain


@pytest.mark.parametrize("text", ["2026-03-05", "secret", "Passw0rd密码", ""])
def test_openssl_makes_the_same_digests(openssl, text):
    told = run_openssl(openssl, "md5", "-r", given=text.encode())
    assert password_digest(text) == told.split()[0].decode().upper()
    if text == "2026-03-05":
        assert login_key(date(2026, 3, 5)) == password_digest(text)
