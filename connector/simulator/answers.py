"""How an answer looks on the wire. The document's own samples disagree with one another, so styles are mixed."""

import difflib
import json
import math
from collections.abc import Mapping
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from types import MappingProxyType
from typing import Any

from connector.contract.envelope import seal
from connector.errors import ConfigurationError, Fault
from connector.simulator.faults import Strike
from connector.simulator.visit import Visit

STYLES: Mapping[str, str] = MappingProxyType(
    {
        "document": "as the samples of the interface (the default)",
        "strings": "every number as text (T24, T27)",
        "extra-fields": "unknown fields everywhere (T32)",
        "encrypted": "sealed with the request's key (T13)",
        "artefacts": "sums with the last binary digit wrong, as floats give",
        "json-string": "the JSON inside a JSON string",
        "odd-charset": "UTF-8 bytes under `text/html;charset=ISO-8859-1`",
    }
)
"""What each does; they combine with `+`."""

_ROUNDINGS = {
    "P.round.half_up": ROUND_HALF_UP,
    "P.round.half_even": ROUND_HALF_EVEN,
    "P.round.trunc": ROUND_DOWN,
}


class Money(Decimal):
    """An amount in an answer that the document writes as a JSON number."""


def read_styles(styles: str) -> frozenset[str]:
    """The styles of `a+b`; ConfigurationError for one that does not exist."""
    names = [name.strip() for name in styles.split("+")]
    faults = [
        Fault(
            f"unknown answer style: {name}",
            hint=f"known: {', '.join(difflib.get_close_matches(name, STYLES, n=1) or STYLES)}",
        )
        for name in names
        if name not in STYLES
    ]
    if faults:
        raise ConfigurationError(faults)
    return frozenset(names)


def sum_up(visit: Visit, struck: Strike) -> dict[str, Decimal]:
    """The stored sums by category in yuan, exact; an older copy, or rounded row by row, where faults say so."""
    exact, by_row = visit.sums, visit.fen_sums
    if "P.stale" in struck and visit.history:
        back = min(struck["P.stale"].get("back", 1), len(visit.history))
        exact, by_row = visit.history[-back] if back else (exact, by_row)
    chosen = by_row if "P.round.per_row" in struck else exact
    return {category: Decimal(amount).scaleb(-4) for category, amount in sorted(chosen.items())}


def round_sum(amount: Decimal, struck: Strike, decimals: int = 2) -> Decimal:
    """An exact sum as the answer shows it."""
    mode = next((mode for name, mode in _ROUNDINGS.items() if name in struck), ROUND_HALF_UP)
    return amount.quantize(Decimal(1).scaleb(-decimals), mode)


def write_answer(answer: Mapping[str, Any], styles: frozenset[str], key_text: str) -> bytes:
    """An answer's bytes."""
    shaped = _shape(answer, styles)
    text = json.dumps(shaped, ensure_ascii=False, separators=(",", ":"))
    if "json-string" in styles:
        text = json.dumps(text, ensure_ascii=False)
    body = text.encode("utf-8", "replace")  # JSON can spell half a character (\ud800), UTF-8 cannot
    return seal(key_text, body) if "encrypted" in styles else body


def content_type(styles: frozenset[str]) -> str:
    """The header that goes with the styles."""
    return "text/html;charset=ISO-8859-1" if "odd-charset" in styles else "application/json;charset=UTF-8"


def _shape(value: Any, styles: frozenset[str]) -> Any:
    if isinstance(value, Mapping):
        shaped = {name: _shape(inner, styles) for name, inner in value.items()}
        if "extra-fields" in styles:
            shaped |= {"zzz998": None, "zzz999": {"new": ["since", 2027]}}
        return shaped
    if isinstance(value, (list, tuple)):
        return [_shape(inner, styles) for inner in value]
    if isinstance(value, Money):
        return _number(value, styles)
    if isinstance(value, int) and "strings" in styles:
        return str(value)
    return value


def _number(amount: Money, styles: frozenset[str]) -> str | float:
    if "strings" in styles:
        return str(Decimal(amount))
    # The samples have JSON numbers here (399.0). The shortest text of a float with two decimals is exact.
    number = float(amount)
    return math.nextafter(number, math.inf) if "artefacts" in styles and number else number
