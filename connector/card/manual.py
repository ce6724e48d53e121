"""A card's data, typed in or handed over by another program."""

import re
import unicodedata
from collections.abc import Callable

from connector.card.values import Card
from connector.errors import CardError

_NUMBER = re.compile(r"[0-9A-Z]{9}", re.ASCII)
_CODE = re.compile(r"[0-9A-F]{32}", re.ASCII)
_IDENTITY = re.compile(r"[0-9]{17}[0-9X]|[0-9A-Z]{19,20}", re.ASCII)


def enter_card(ask: Callable[[str], str]) -> Card:
    """Ask for the four facts that the platform wants; CardError, naming the fact, for one that cannot be right.

    `ask` gets a question and gives the line that was typed.
    """
    number = _expect(_NUMBER, ask("Card number 卡号 (9 characters): "), "卡号", "nine letters or digits")
    code = _expect(_CODE, ask("Identification code 卡识别码 (32): "), "卡识别码", "32 hexadecimal digits")
    identity = _expect(
        _IDENTITY, ask("Identity number 社会保障号码 (18): "), "社会保障号码", "18 digits, or 17 and X"
    )
    name = ask("Name 姓名: ").strip()
    if not name or len(name) > 50:
        raise CardError("The name 姓名 must have 1 to 50 characters. Nothing was sent.")
    return Card(number, code, identity, name)


def _expect(form: re.Pattern[str], typed: str, zh: str, wanted: str) -> str:
    text = _tidy(typed).replace(" ", "").upper()
    if not form.fullmatch(text):
        raise CardError(f"The {zh} must be {wanted}; {len(text)} characters were typed. Nothing was sent.")
    return text


def _tidy(typed: str) -> str:
    return unicodedata.normalize("NFKC", typed).strip()
