"""Protection at rest: AES-GCM, each text bound to the ledger, the purpose and the row it stands in.

A sealed text that is moved to another row, or comes from another ledger, does not open.
"""

import base64
import binascii
import os
from collections.abc import Sequence
from hashlib import blake2b

import pyarrow as pa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from connector.errors import LedgerError

KEY_BYTES = 32
_NONCE = 12
_SIZE = 4
_CHECK = b"injury-connector ledger"
_TINY = 256
"""Texts below this size are kept as they are: there is little to gain from compressing them."""

_LARGE = 2**14
"""From this size on the better method pays: it costs some ten microseconds a text, whatever its size."""

_IS_LARGE = 1 << 31


def create_key() -> str:
    """A fresh key in the form a key file holds: 32 random bytes in Base64."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode("ascii")


def read_key(text: str) -> bytes:
    """The 32 bytes of a key in text form. Raises LedgerError when it is missing or not of that form."""
    if not text.strip():
        raise LedgerError("The ledger's key is empty. Put the key that this ledger was created with there.")
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    return check_key(key)


def check_key(key: bytes) -> bytes:
    """The key itself. Raises LedgerError when it is missing or has not 32 bytes."""
    if not key:
        raise LedgerError("The ledger's key is missing or unreadable: 32 bytes in Base64 are expected.")
    if len(key) != KEY_BYTES:
        raise LedgerError(
            f"The ledger's key has {len(key)} bytes; it must have {KEY_BYTES} (in Base64: 44 characters)."
        )
    return key


class Seal:
    """Seals and opens the texts of one ledger. `repr` shows neither key nor text."""

    def __init__(self, key: bytes, identity: str) -> None:
        self._aes = AESGCM(check_key(key))
        self._identity = identity.encode()
        self._digest_key = blake2b(identity.encode(), key=key, person=b"digest").digest()[:KEY_BYTES]
        self._quick = pa.Codec("lz4_raw")
        self._small = pa.Codec("zstd", compression_level=1)

    @property
    def identity(self) -> str:
        """Which ledger it is: a random name that is no secret."""
        return self._identity.decode()

    def seal(self, purpose: str, row: object, plain: bytes) -> bytes:
        """`plain`, compressed and encrypted, bound to `purpose` and `row`."""
        nonce = os.urandom(_NONCE)
        return nonce + self._aes.encrypt(nonce, self._shrink(plain), self._bound(purpose, row))

    def seal_many(self, purpose: str, texts: Sequence[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
        """(row, text) sealed one by one; the nonces are drawn together."""
        nonces = os.urandom(_NONCE * len(texts))
        sealed = []
        for n, (row, plain) in enumerate(texts):
            nonce = nonces[n * _NONCE : (n + 1) * _NONCE]
            sealed.append(
                (row, nonce + self._aes.encrypt(nonce, self._shrink(plain), self._bound(purpose, row)))
            )
        return sealed

    def open(self, purpose: str, row: object, sealed: bytes) -> bytes:
        """What was sealed for this place. Raises LedgerError when it was not, or was altered."""
        try:
            shrunk = self._aes.decrypt(
                bytes(sealed[:_NONCE]), bytes(sealed[_NONCE:]), self._bound(purpose, row)
            )
        except InvalidTag:
            raise LedgerError(
                f"A protected text of the ledger ({purpose} {row}) does not open: the ledger was altered "
                "or damaged. Nothing is sent from it; restore it from a copy and reconcile."
            ) from None
        return self._grow(shrunk)

    def digest(self, text: bytes) -> str:
        """A name for `text` that tells nothing about it to who has not the key."""
        return blake2b(text, key=self._digest_key, digest_size=16).hexdigest()

    def check_text(self) -> bytes:
        """What a new ledger keeps, so that a wrong key is recognised."""
        return self.seal("key", 0, _CHECK)

    def is_mine(self, check: bytes) -> bool:
        """Whether this key made `check`."""
        try:
            return self.open("key", 0, check) == _CHECK
        except LedgerError:
            return False

    def _bound(self, purpose: str, row: object) -> bytes:
        return b"%s|%s|%s" % (self._identity, purpose.encode(), str(row).encode())

    def _shrink(self, plain: bytes) -> bytes:
        """The text behind its size, which carries in its first bit which of the two methods made it small."""
        size = len(plain)
        if size < _TINY:
            return bytes(_SIZE) + plain
        if size < _LARGE:
            return size.to_bytes(_SIZE, "big") + self._quick.compress(plain, asbytes=True)
        return (size | _IS_LARGE).to_bytes(_SIZE, "big") + self._small.compress(plain, asbytes=True)

    def _grow(self, shrunk: bytes) -> bytes:
        size = int.from_bytes(shrunk[:_SIZE], "big")
        if not size:
            return shrunk[_SIZE:]
        codec = self._small if size & _IS_LARGE else self._quick
        size &= ~_IS_LARGE
        return bytes(codec.decompress(shrunk[_SIZE:], decompressed_size=size, asbytes=True))
