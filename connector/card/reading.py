"""The reading of a social security card: which files, which records, and what their bytes mean.

Only what a registration needs is read: who the person is and which card this is. Records are addressed by their
tags, because their numbers differ between the generations of cards (1.00, 2.00, 3.00), and the tag that comes
back is checked.
"""

from dataclasses import dataclass
from typing import Final

from connector.card.transport import READ_RECORD, SELECT, Transport
from connector.card.values import Card, iso_date
from connector.errors import CardError

_APPLICATION: Final = "sx1.sh.社会保障".encode("gbk")
_OK = 0x9000
_SHORT_FILE = 0x6282
"""Data came, and the record ended before the length that was asked for."""

_NO_SUCH_FILE = 0x6A82
_NO_SUCH_RECORD = 0x6A83
_LOCKED = 0x6283
_NO_EXTENSION = frozenset({_NO_SUCH_FILE, _NO_SUCH_RECORD})
_PADDING = b"\x00\xff"


@dataclass(frozen=True, slots=True)
class _File:
    """An elementary file: its identifier, and its short identifier."""

    identifier: bytes
    short: int
    zh: str


@dataclass(frozen=True, slots=True)
class _Record:
    """A record: its tag, the length of its value, and its name."""

    tag: int
    length: int
    zh: str


_ISSUE = _File(b"\xef\x05", 5, "EF05")
_HOLDER = _File(b"\xef\x06", 6, "EF06")
_CODE = _Record(0x01, 16, "卡识别码")
_VERSION = _Record(0x03, 4, "规范版本")
_ISSUED = _Record(0x05, 4, "发卡日期")
_EXPIRES = _Record(0x06, 4, "卡有效期")
_NUMBER = _Record(0x07, 9, "卡号")
_IDENTITY = _Record(0x08, 18, "社会保障号码")
_NAME = _Record(0x09, 30, "姓名")
_MORE_NAME = _Record(0x4E, 20, "姓名扩展")


def read_card(transport: Transport) -> Card:
    """Everything that is wanted from the card; CardError when it is no social security card, or cannot be read."""
    _select_application(transport)
    _select_file(transport, _ISSUE)
    code = _value(transport, _ISSUE, _CODE)
    version = _optional(transport, _ISSUE, _VERSION)
    issued = _optional(transport, _ISSUE, _ISSUED)
    expires = _optional(transport, _ISSUE, _EXPIRES)
    number = _value(transport, _ISSUE, _NUMBER)
    _select_file(transport, _HOLDER)
    identity = _value(transport, _HOLDER, _IDENTITY)
    name = _value(transport, _HOLDER, _NAME)
    generation = _plain(version)
    extension = _name_extension(transport, generation)
    return Card(
        number=_text(number, _NUMBER),
        code=code.hex().upper(),
        identity=_text(identity, _IDENTITY),
        name=join_name(name, extension),
        version=generation,
        issued=iso_date(issued.hex()),
        expires=iso_date(expires.hex()),
    )


def join_name(name: bytes, extension: bytes = b"") -> str:
    """A name from its record and its extension, without their padding.

    Joined as bytes before they are decoded: a character of two bytes can stand half in each.
    CardError when the bytes are no GB18030.
    """
    joined = name.rstrip(_PADDING) + extension.rstrip(_PADDING)
    try:
        text = joined.decode("gb18030").strip(" \u3000")
    except UnicodeDecodeError:
        raise CardError(
            "The name on the card is not written in GB18030 and cannot be read. Type the card's data in: "
            "--reader manual."
        ) from None
    if not text:
        raise CardError("The card holds no name. Type the card's data in: --reader manual.")
    return text


def _select_application(transport: Transport) -> None:
    """The card's social security application; a card without one is another card."""
    _, status = transport.ask(bytes([0, SELECT, 4, 0, len(_APPLICATION)]) + _APPLICATION)
    if status == _NO_SUCH_FILE:
        raise CardError(
            "This is not a social security card (6A82): it has no such application. Is it a bank card, or the "
            "wrong way round?"
        )
    if status == _LOCKED:
        raise CardError("The card's application is locked (6283). Its issuer has to unlock it.")
    if status != _OK:
        raise CardError(f"The card does not open its social security application (it answers {status:04X}).")


def _select_file(transport: Transport, file: _File) -> None:
    _, status = transport.ask(bytes([0, SELECT, 0, 0, len(file.identifier)]) + file.identifier)
    if status != _OK:
        raise CardError(f"The card does not open {file.zh} (it answers {status:04X}).")


def _value(transport: Transport, file: _File, record: _Record) -> bytes:
    """The value of a record; CardError when it cannot be read."""
    value, status = _read(transport, file, record)
    if value is None:
        said = "another record comes back" if status == _OK else f"it answers {status:04X}"
        raise CardError(
            f"The card does not give its {record.zh} ({file.zh}, tag {record.tag:02X}): {said}. "
            "Insert it again; else type its data in: --reader manual."
        )
    return value


def _optional(transport: Transport, file: _File, record: _Record) -> bytes:
    """The value of a record that a card may do without."""
    value, _ = _read(transport, file, record)
    return value or b""


def _name_extension(transport: Transport, generation: str) -> bytes:
    """The rest of a long name. Cards of version 1.00 have none; on others only "no such record" means none."""
    value, status = _read(transport, _HOLDER, _MORE_NAME)
    if value is not None:
        return value
    if status in _NO_EXTENSION or generation.startswith("1."):
        return b""
    raise CardError(
        f"The card does not give the rest of a long name ({_MORE_NAME.zh}): it answers {status:04X}. Half a name "
        "is not used: insert the card again."
    )


def _read(transport: Transport, file: _File, record: _Record) -> tuple[bytes | None, int]:
    """The value of a record, or None, and the first status word.

    By the file's short identifier first; whatever else a card answers to that, the file that was just selected
    is asked once more, without it.
    """
    statuses = []
    for reference in (file.short << 3, 0):
        command = bytes([0, READ_RECORD, record.tag, reference, record.length + 2])
        data, status = transport.ask(command)
        statuses.append(status)
        value = _unwrap(data, record) if status in (_OK, _SHORT_FILE) else None
        if value is not None:
            return value, status
    return None, statuses[0]


def _unwrap(data: bytes, record: _Record) -> bytes | None:
    """The value behind tag and length; None for another record's, or for half of one."""
    if len(data) < 2 or data[0] != record.tag or len(data) < 2 + data[1]:
        return None
    return data[2 : 2 + data[1]]


def _text(value: bytes, record: _Record) -> str:
    text = _plain(value)
    if not text:
        raise CardError(
            f"The card's {record.zh} is empty or no text. Type the card's data in: --reader manual."
        )
    return text


def _plain(value: bytes) -> str:
    """ASCII text without padding; "" for anything else."""
    text = value.rstrip(_PADDING).decode("ascii", errors="replace").strip()
    return text if text.isascii() and text.isprintable() else ""
