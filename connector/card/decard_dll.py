"""The Decard T6's vendor library, one call. Runs in this process, or as a program of its own (32-bit Python).

The library is 32-bit, so a 64-bit Python cannot load it: this file is then run by a 32-bit Python, which need
have nothing installed. It uses the standard library only, reads one JSON line from its standard input
(`{"dll": PATH, "port": 100, "baud": 115200}`), and writes one to its standard output: `{"fields": {NAME: HEX}}`
or `{"error": WORD, "code": NUMBER}`. What a card holds travels in no command line and no file.

Not tried on hardware: written after the vendor's header.
"""

import ctypes
import json
import sys
from typing import Any

FIELDS = (
    ("card_code", 33),
    ("card_type", 2),
    ("version", 5),
    ("init_org_number", 25),
    ("card_issue_date", 9),
    ("card_expire_day", 9),
    ("card_number", 10),
    ("social_security_number", 19),
    ("name", 31),
    ("name_ex", 21),
    ("sex", 2),
    ("nation", 3),
    ("birth_place", 7),
    ("birth_day", 9),
)
"""The buffers of dc_GetSocialSecurityCardBaseInfo, in its order, with their sizes."""

WANTED = (
    "card_code",
    "version",
    "card_issue_date",
    "card_expire_day",
    "card_number",
    "social_security_number",
    "name",
    "name_ex",
)
"""What leaves this file: no more of a person than a registration needs."""

_CONTACT = 1
_SPARE = 64
"""Bytes behind each buffer: a library that writes more than it says must not write into ours."""


def load_library(path: str) -> Any:
    """The library; OSError when it is missing, or is 32-bit in a 64-bit process."""
    loader = getattr(ctypes, "WinDLL", ctypes.CDLL)  # its functions are stdcall on Windows
    return loader(path)


def read_fields(library: Any, *, port: int, baud: int) -> dict[str, bytes]:
    """The wanted fields as the library gives them, up to their NUL; LookupError (word, code) when it refuses."""
    reader = library.dc_init(port, baud)
    if reader <= 0:
        raise LookupError("no-reader", reader)
    try:
        buffers = [ctypes.create_string_buffer(size + _SPARE) for _, size in FIELDS]
        result = library.dc_GetSocialSecurityCardBaseInfo(reader, _CONTACT, *buffers)
        if result != 0:
            raise LookupError("no-card", result)
        found = zip(FIELDS, buffers, strict=True)
        return {name: buffer.raw[:size].split(b"\0")[0] for (name, size), buffer in found if name in WANTED}
    finally:
        library.dc_exit(reader)


def answer(request: str) -> dict[str, Any]:
    """The answer to one line of request."""
    asked = json.loads(request)
    try:
        fields = read_fields(load_library(asked["dll"]), port=asked["port"], baud=asked["baud"])
    except LookupError as refusal:
        return {"error": refusal.args[0], "code": refusal.args[1]}
    except AttributeError:
        return {"error": "no-function", "code": 0}
    except OSError:
        return {"error": "no-library", "code": 0}
    return {"fields": {name: value.hex() for name, value in fields.items()}}


def main() -> None:
    """Answer one request."""
    sys.stdout.write(json.dumps(answer(sys.stdin.readline())) + "\n")


if __name__ == "__main__":
    main()
