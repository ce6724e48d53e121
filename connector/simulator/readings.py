"""What is written beside a fault, read strictly: each gives the value, or a ValueError that says what is meant."""

import math
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

_T = TypeVar("_T")


def read_word(value: Any) -> str:
    """One text without blanks around it."""
    if isinstance(value, (str, int)) and not isinstance(value, bool) and str(value).strip():
        return str(value).strip()
    raise ValueError("say one word or number")


def read_natural(value: Any) -> int:
    """A whole number from 0."""
    text = str(value)
    if not (text.isascii() and text.isdecimal()):
        raise ValueError("say a whole number, 0 or more")
    return int(text)


def read_positive(value: Any) -> int:
    """A whole number from 1."""
    text = str(value)
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise ValueError("say a whole number from 1")
    return int(text)


def read_truth(value: Any) -> bool:
    """True or false, in YAML's words."""
    words = {"true": True, "yes": True, "false": False, "no": False}
    if str(value).lower() not in words:
        raise ValueError("say true or false")
    return words[str(value).lower()]


def read_seconds(value: Any) -> float:
    """A number of seconds."""
    seconds = _read_float(value)
    if not 0 <= seconds < math.inf:
        raise ValueError("say a number of seconds, 0 or more")
    return seconds


def read_share(value: Any) -> float:
    """A part of all calls."""
    share = _read_float(value)
    if not 0 < share <= 1:
        raise ValueError("say a share above 0, at most 1")
    return share


def read_amount(value: Any) -> Decimal:
    """An amount in yuan, exact."""
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise ValueError("say an amount in yuan, like 10.50")
    return amount


def read_list_of(read: Callable[[Any], _T], value: Any) -> tuple[_T, ...]:
    """One value, or a list."""
    return tuple(read(one) for one in (value if isinstance(value, (list, tuple)) else [value]))


def read_some_of(read: Callable[[Any], _T], value: Any) -> tuple[_T, ...]:
    """One value, or a list of at least one."""
    values = read_list_of(read, value)
    if not values:
        raise ValueError("the list is empty")
    return values


def _read_float(value: Any) -> float:
    try:
        return float(str(value))
    except ValueError:
        return math.nan
