"""Files that are sent: the parts of a multipart form (4.18), and the type a file's first bytes tell."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message

_BEGINNINGS: Mapping[bytes, str] = {
    b"%PDF": "pdf",
    b"\x89PNG": "png",
    b"\xff\xd8\xff": "jpg",
    b"BM": "bmp",
    b"GIF8": "gif",
}


@dataclass(frozen=True, slots=True)
class Form:
    """The parts of a form: its texts, and the one file; `file` among the texts is the file's SHA-256."""

    texts: Mapping[str, str] = field(repr=False)
    file: bytes = field(default=b"", repr=False)


def file_type(content: bytes) -> str:
    """What the first bytes say a file is, as 4.18 spells types; "" for anything else."""
    return next((kind for begin, kind in _BEGINNINGS.items() if content.startswith(begin)), "")


def read_form(content_type: str, body: bytes) -> Form | None:
    """The form in a body; None when it is not multipart, or not whole."""
    boundary = _header(content_type).get_param("boundary")
    if not content_type.lower().startswith("multipart/form-data") or not isinstance(boundary, str):
        return None
    mark = b"--" + boundary.encode("latin-1", "replace")
    parts = (b"\r\n" + body).split(b"\r\n" + mark)
    if len(parts) < 2 or not parts[-1].startswith(b"--"):
        return None
    texts: dict[str, str] = {}
    file = b""
    for part in parts[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        disposition = _disposition(head)
        name = disposition.get_param("name")
        if not isinstance(name, str):
            continue
        if disposition.get_param("filename") is not None or name == "file":
            file = content
            texts[name] = hashlib.sha256(content).hexdigest() if content else ""
        else:
            texts[name] = content.decode("utf-8", "replace")
    return Form(texts, file)


def _disposition(head: bytes) -> Message:
    lines = head.decode("utf-8", "replace").split("\r\n")
    found = (
        line.partition(":")[2].strip() for line in lines if line.lower().startswith("content-disposition:")
    )
    return _header(next(found, ""))


def _header(value: str) -> Message:
    """A header whose parameters can be read."""
    message = Message()
    message["Content-Type"] = value
    return message
