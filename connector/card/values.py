"""What a card says and what a scanner reads. Nothing here shows a person's data unless it is asked to."""

import re
from dataclasses import dataclass, field

_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)


def masked(text: str, *, keep: int = 2) -> str:
    """A text with only its first and last `keep` characters, and nothing of one that is too short for that."""
    if len(text) < 4 * keep:
        return "*" * len(text)
    return f"{text[:keep]}{'*' * (len(text) - 2 * keep)}{text[-keep:]}"


@dataclass(frozen=True, slots=True)
class Card:
    """A social security card (社会保障卡).

    `number`: 卡号 (aaz500), nine characters; `code`: 卡识别码 (aaz501), 32 hexadecimal digits; `identity`:
    社会保障号码; `name`: 姓名. `version` of the card's specification, `issued` and `expires` as ISO dates; "" where
    the card or its reader does not tell.
    """

    number: str = field(repr=False)
    code: str = field(repr=False)
    identity: str = field(repr=False)
    name: str = field(repr=False)
    version: str = ""
    issued: str = ""
    expires: str = ""

    @property
    def region(self) -> str:
        """Where the card was issued: the region (行政区划) that its identification code begins with, or ""."""
        return self.code[:6] if self.code[:6].isdecimal() else ""


class OneTimeCode:
    """The content of an electronic card's QR code: it can be taken once, and is then forgotten.

    It is in no repr and in no log; the platform takes a code for about a minute.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "OneTimeCode(used)" if not self._text else f"OneTimeCode({masked(self._text)})"

    def __reduce__(self) -> str:
        """Refuse to be pickled or copied."""
        raise TypeError("a one-time code is not to be copied or stored")

    def take(self) -> str:
        """The code; ValueError when it was taken before."""
        text, self._text = self._text, ""
        if not text:
            raise ValueError("a one-time code is used only once")
        return text


def iso_date(digits: str) -> str:
    """A date given as yyyymmdd, as ISO 8601; "" for what is none (some cards hold zeros or FFFFFFFF)."""
    match = _DATE.fullmatch(digits)
    if match is None or not ("01" <= match[2] <= "12" and "01" <= match[3] <= "31"):
        return ""
    return "-".join(match.groups())
