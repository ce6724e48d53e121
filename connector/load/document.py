"""A file that is uploaded (4.18): what it really is, and the form it travels in (traps T21, T127).

A file's name is never sent: it may name a patient, and the platform is told the type by a field of its own.
"""

import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import IO

from connector.errors import ConfigurationError
from connector.load.wire import Stream

KINDS: Mapping[str, bytes] = MappingProxyType(
    {"pdf": b"%PDF-", "png": b"\x89PNG\r\n\x1a\n", "jpg": b"\xff\xd8\xff", "bmp": b"BM", "gif": b"GIF8"}
)
"""The types of 4.18, in its spelling, by the bytes that a file of the type begins with."""

ANY_PICTURE = "img"
"""4.18 lists it beside the types of pictures; no file begins with it."""

_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive (OFD, Word and Excel files are archives too)"),
    (b"\xd0\xcf\x11\xe0", "an old Word or Excel file"),
    (b"<", "a page (HTML or XML)"),
    (b"RIFF", "a WebP picture or a sound"),
    (b"II*\x00", "a TIFF picture"),
    (b"MM\x00*", "a TIFF picture"),
    (b"{", "JSON text"),
)
_MIME = {"pdf": "application/pdf", "jpg": "image/jpeg"}
_HEAD = 16
_PDF_TAIL = 64 * 1024
_CHUNK = 64 * 1024
_MEGABYTE = 1024 * 1024


def kind_of(head: bytes) -> str:
    """The type of a file by its first bytes; "" for none of 4.18's."""
    return next((kind for kind, begin in KINDS.items() if head.startswith(begin)), "")


@dataclass(frozen=True, slots=True)
class Document:
    """A file that may be sent. `kind` is its type by its content, `size` its bytes."""

    path: Path = field(repr=False)
    kind: str
    size: int

    def fits(self, wanted: str) -> bool:
        """Whether 4.18's type names this file: the very type, or any picture."""
        return wanted == self.kind or (wanted == ANY_PICTURE and self.kind != "pdf")


def open_document(path: Path, *, max_mb: int) -> Document:
    """Look at a file before anything is sent; ConfigurationError, in one sentence, for one that cannot go.

    The type is told by the first bytes, never by the name. A PDF without its end is a copy that broke off, and
    an upload has no undo (trap T111).
    """
    try:
        if not path.is_file():
            there = "is a folder, not a file" if path.is_dir() else "does not exist"
            raise ConfigurationError(f"The file {path} {there}; nothing was sent.")
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(_HEAD)
            file.seek(max(0, size - _PDF_TAIL))
            tail = file.read(_PDF_TAIL)
    except OSError as error:
        raise ConfigurationError(
            f"The file {path} cannot be read ({error.strerror or type(error).__name__}); nothing was sent."
        ) from None
    kind = kind_of(head)
    fault = size_fault(size, max_mb=max_mb)
    if not fault and not kind:
        fault = f"is {describe(head)}, whatever its name says; 4.18 takes {', '.join(KINDS)}"
    fault = fault or content_fault(kind, tail)
    if fault:
        raise ConfigurationError(f"The file {path} {fault}. Nothing was sent.")
    return Document(path, kind, size)


def size_fault(size: int, *, max_mb: int) -> str:
    """Why a file of so many bytes cannot go, or ""."""
    if size == 0:
        return "is empty"
    if size > max_mb * _MEGABYTE:
        return f"has {size / _MEGABYTE:.1f} MB, more than the {max_mb} that platform.max_file_mb allows"
    return ""


def content_fault(kind: str, tail: bytes) -> str:
    """Why a file that ends so cannot go, or ""."""
    if kind == "pdf" and b"%%EOF" not in tail[-_PDF_TAIL:]:
        return "begins like a PDF and has no end: it was not copied whole"
    return ""


def describe(head: bytes) -> str:
    """What a file looks like that is none of the types."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if known := next((words for begin, words in _OTHERS if start.startswith(begin)), ""):
        return known
    return "no document"


def multipart(
    texts: Mapping[str, str], file_field: str, document: Document, file: IO[bytes]
) -> tuple[bytes, Stream]:
    """The content type and the body of a form: the texts in their order, then the file, read while it is sent.

    `file` is the document's, opened. A body whose file turns out shorter than it was breaks off, which is in doubt.
    """
    boundary = f"----connector{secrets.token_hex(16)}"
    texts_part = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_quote(name)}"\r\n\r\n{value}\r\n'
        for name, value in texts.items()
    )
    kind = document.kind
    file_part = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_quote(file_field)}"; filename="document.{kind}"\r\n'
        f"Content-Type: {_MIME.get(kind, f'image/{kind}')}\r\n\r\n"
    )
    before = (texts_part + file_part).encode()
    after = f"\r\n--{boundary}--\r\n".encode()

    def parts() -> Iterator[bytes]:
        yield before
        left = document.size
        while left and (chunk := file.read(min(_CHUNK, left))):
            left -= len(chunk)
            yield chunk
        yield after

    content_type = f"multipart/form-data; boundary={boundary}".encode()
    return content_type, Stream(parts(), len(before) + document.size + len(after))


def _quote(name: str) -> str:
    """A part's name as forms write it."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
