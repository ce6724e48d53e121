"""The text of an electronic card's QR code (电子社保卡二维码), and what else people hold before a scanner."""

import re
import unicodedata
from typing import Final

from connector.card.values import OneTimeCode
from connector.errors import CardError

LENGTH: Final = 22
"""Characters of a code (section 4.20)."""

_IDENTITY = re.compile(r"\d{17}[\dXx]", re.ASCII)
_FRAME = "\x02\x03"
"""STX and ETX, which some scanners put around a code."""

_SYMBOLOGY = re.compile(r"\](?:Q|d)[0-9]", re.ASCII)
"""The AIM mark of a QR or Data Matrix code before it."""

_AGAIN = "Nothing was sent. Show the QR code of the electronic social security card and scan it again."


def read_code(text: str) -> OneTimeCode:
    """The one-time code in what a scanner gave; CardError, with one sentence on what it is instead.

    Characters of full width (an input method's) become plain ones; nothing else is changed (trap T133).
    """
    code = unicodedata.normalize("NFKC", text).strip(_FRAME + " \t\r\n")
    if len(code) == LENGTH + 3:
        code = _SYMBOLOGY.sub("", code, count=1) if _SYMBOLOGY.match(code) else code
    if not code:
        raise CardError(f"Nothing was scanned. {_AGAIN}")
    if _IDENTITY.fullmatch(code):
        raise CardError(f"This is an identity number (18 digits), not a QR code. {_AGAIN}")
    if not code.isascii():
        raise CardError(
            "The scanned text holds characters that no QR code has: switch the Chinese input method off. "
            + _AGAIN
        )
    if len(code) != LENGTH:
        raise CardError(
            f"This code has {len(code)} characters, an electronic social security card's has {LENGTH}: it may be "
            f"another QR code, such as 医保电子凭证. {_AGAIN}"
        )
    if not code.isprintable() or " " in code:
        raise CardError(f"The scanned code is garbled: characters are missing or blank. {_AGAIN}")
    return OneTimeCode(code)
