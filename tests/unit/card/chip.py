"""A made-up social security card: a chip that answers commands as the cards of three generations do."""

from dataclasses import dataclass, field

AID = bytes.fromhex("7378312E73682EC9E7BBE1B1A3D5CF")
CODE = "150100D15600000511220033FFFFFFFF"
NUMBER = "A12345678"
IDENTITY = "150102198001011234"
OK = b"\x90\x00"


def name_records(name: str) -> tuple[bytes, bytes]:
    """A name as the two records hold it: cut after thirty bytes, be it within a character, and padded."""
    raw = name.encode("gb18030")
    return raw[:30].ljust(30, b"\0"), raw[30:50].ljust(20, b"\0")


@dataclass
class Chip:
    """Answers a command with data and status word.

    `t0`: data waits for GET RESPONSE; `exact`: another length than the record's is refused with 6Cxx;
    `short_ids`: records can be asked for by the file's short identifier.
    """

    version: str = "3.00"
    name: str = "巴特尔"
    region: str = "150100"
    t0: bool = False
    exact: bool = False
    short_ids: bool = True
    wrong: bool = False
    seen: list[bytes] = field(default_factory=list)
    replies: dict[bytes, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        first, rest = name_records(self.name)
        self.files: dict[bytes, dict[int, bytes]] = {
            b"\xef\x05": {
                1: bytes.fromhex(self.region + CODE[6:]),
                2: b"1",
                3: self.version.encode(),
                4: bytes(12),
                5: bytes.fromhex("20200131"),
                6: bytes.fromhex("20300131"),
                7: NUMBER.encode(),
            },
            b"\xef\x06": {8: IDENTITY.encode(), 9: first, 0x4E: rest, 0x0A: b"1"},
        }
        if self.version == "1.00":
            del self.files[b"\xef\x06"][0x4E]
        self._file = b""
        self._waiting = b""

    def __call__(self, command: bytes) -> bytes:
        self.seen.append(command)
        if command in self.replies:
            return self.replies[command]
        match command[1]:
            case 0xA4:
                return self._select(command)
            case 0xB2:
                return self._read(command)
            case 0xC0:
                waiting, self._waiting = self._waiting, b""
                if command[4] != len(waiting):
                    self._waiting = waiting
                    return bytes([0x6C, len(waiting)])
                return waiting + OK
        return b"\x6d\x00"

    def _select(self, command: bytes) -> bytes:
        wanted = command[5 : 5 + command[4]]
        if command[2] == 4:
            if self.wrong or wanted != AID:
                return b"\x6a\x82"
            return self._give(b"\x6f\x1b\x84\x0f" + AID + b"\xa5\x08\x9f\x0c\x05\x01\x02\x03\x04\x05")
        if wanted not in self.files:
            return b"\x6a\x82"
        self._file = wanted
        return OK

    def _read(self, command: bytes) -> bytes:
        tag, short = command[2], command[3] >> 3
        if short and not self.short_ids:
            return b"\x6a\x86"
        file = bytes([0xEF, short]) if short else self._file
        value = self.files.get(file, {}).get(tag)
        if value is None:
            return b"\x6a\x83"
        record = bytes([tag, len(value)]) + value
        if command[4] != len(record) and self.exact:
            return bytes([0x6C, len(record)])
        return record + OK

    def _give(self, data: bytes) -> bytes:
        if not self.t0:
            return data + OK
        self._waiting = data
        return bytes([0x61, len(data)])
