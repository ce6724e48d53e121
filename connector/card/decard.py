"""The Decard (德卡) T6 through its vendor's library. Not tried on hardware; see docs/cards.md.

It is no CCID reader, so PC/SC does not see it. Its library answers one call with everything a card tells. Where
this Python is 64-bit, a 32-bit one makes that call (`decard_dll`).
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.card import decard_dll
from connector.card.reading import join_name
from connector.card.values import Card, iso_date
from connector.errors import CardError

_HELPER = Path(decard_dll.__file__)
_HELPER_S = 60.0
_BITS_64 = 2**32
_REASONS = {
    "no-reader": "The Decard reader does not answer (dc_init gives {code}). Is it plugged in, and its driver installed?",
    "no-card": "The Decard reader cannot read a social security card (it answers {code}). Insert the card, chip "
    "first, and repeat.",
    "no-function": "The library {dll} does not know dc_GetSocialSecurityCardBaseInfo: get a newer one from Decard.",
    "no-library": "The library {dll} cannot be loaded. It is 32-bit and wants a 32-bit Python on Windows: name one by "
    "--python32.",
}


@dataclass(frozen=True, slots=True)
class Decard:
    """Where the vendor's library is, and how it is called.

    `port` 100 is USB. `python32`: the command of a 32-bit Python, used where this one is 64-bit; () calls the
    library in this process.
    """

    dll: str = "dcrf32.dll"
    port: int = 100
    baud: int = 115_200
    python32: Sequence[str] = ("py", "-3-32")


def read_decard(settings: Decard, *, library: Any = None) -> Card:
    """The card in the reader; CardError when there is none, or no reader, library or 32-bit Python.

    `library`: a library that is loaded already.
    """
    if library is not None:
        answer = _call(settings, library)
    elif sys.maxsize > _BITS_64 and settings.python32:
        answer = _ask_helper(settings)
    else:
        answer = decard_dll.answer(_request(settings))
    if "error" in answer:
        reason = _REASONS.get(str(answer["error"]), _REASONS["no-card"])
        raise CardError(reason.format(code=answer.get("code"), dll=settings.dll))
    return _card({name: bytes.fromhex(value) for name, value in answer["fields"].items()})


def _request(settings: Decard) -> str:
    return json.dumps({"dll": settings.dll, "port": settings.port, "baud": settings.baud})


def _call(settings: Decard, library: Any) -> dict[str, Any]:
    """The call in this process, on a library that is loaded already."""
    try:
        fields = decard_dll.read_fields(library, port=settings.port, baud=settings.baud)
    except LookupError as refusal:
        return {"error": refusal.args[0], "code": refusal.args[1]}
    return {"fields": {name: value.hex() for name, value in fields.items()}}


def _ask_helper(settings: Decard) -> dict[str, Any]:
    """The call in a 32-bit Python, isolated from this one's packages."""
    command = [*settings.python32, "-I", str(_HELPER)]
    try:
        done = subprocess.run(  # noqa: S603 - the command is a setting, and nothing of a card is in it
            command,
            input=_request(settings) + "\n",
            capture_output=True,
            text=True,
            timeout=_HELPER_S,
            check=False,
        )
        answer = json.loads(done.stdout)
    except FileNotFoundError:
        raise CardError(
            f"Decard's library is 32-bit and this Python is not; “{' '.join(settings.python32)}” is not there to "
            "call it. Install a 32-bit Python, or name one by --python32."
        ) from None
    except subprocess.TimeoutExpired:
        raise CardError(
            f"The Decard reader did not answer within {_HELPER_S:.0f} s. Unplug it, and repeat."
        ) from None
    except (OSError, ValueError):
        raise CardError(
            "The 32-bit Python that calls Decard's library failed. Try --python32 with another one."
        ) from None
    if not isinstance(answer, dict):
        raise CardError(
            "The 32-bit Python that calls Decard's library failed. Try --python32 with another one."
        )
    return answer


def _card(fields: Mapping[str, bytes]) -> Card:
    """The library's fields as a card."""
    texts = {name: value.decode("ascii", errors="replace").strip() for name, value in fields.items()}
    code, number, identity = texts["card_code"].upper(), texts["card_number"], texts["social_security_number"]
    if not (code.isascii() and code and number.isascii() and number and identity.isascii() and identity):
        raise CardError("The Decard reader gives a card without number or code. Insert it again, and repeat.")
    return Card(
        number=number,
        code=code,
        identity=identity,
        name=join_name(fields["name"], fields["name_ex"]),
        version=texts["version"] if texts["version"].isascii() else "",
        issued=iso_date(texts["card_issue_date"]),
        expires=iso_date(texts["card_expire_day"]),
    )
