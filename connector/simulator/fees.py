"""Fee rows as the platform reads them, and the document's rules between their fields."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connector.contract.library import contract
from connector.simulator.call import Refusal, Rules
from connector.simulator.state import Fee, Visit, read_number, scaled

SELF_PAY = "3"
OUT_OF_CATALOGUE = {"SZFYP999": "0", "SZFZL999": "1", "SZFCL999": "9"}
"""The codes of items outside the catalogue, and the kind that goes with each (T78)."""


@dataclass(frozen=True, slots=True)
class FeeFields:
    """Which field of a fee row plays which part; the cross-province rows have other names."""

    item: str
    category: str
    level: str
    kind: str
    price: str
    quantity: str
    amount: str
    order: str
    not_injury: str
    rescue: str


LOCAL = FeeFields(
    item="alc402",
    category="aka063",
    level="aka065",
    kind="alc404",
    price="alc405",
    quantity="alc406",
    amount="alc407",
    order="aae080",
    not_injury="noinjury",
    rescue="spreason",
)


def read_fee(row: Mapping[str, Any], names: FeeFields, rules: Rules) -> Fee:
    """A row with its numbers and the category that the platform assigns; ValueError for what is no number."""
    item = _text(row, names.item)
    kind = _text(row, names.kind)
    category = (
        rules.categories.get(item) or _text(row, names.category) or rules.kind_categories.get(kind, "91")
    )
    return Fee(
        row,
        item,
        str(read_number(row.get(names.price) or "0")),
        str(read_number(row.get(names.quantity) or "0")),
        scaled(read_number(row.get(names.amount) or "0")),
        category,
    )


def refuse_row(row: Mapping[str, Any], names: FeeFields, rules: Rules) -> str:
    """The code that one row deserves by the rules between its fields; "" for a good one."""
    return _refuse_money(row, names, rules) or _refuse_codes(row, names) or _refuse_flags(row, names)


def _refuse_money(row: Mapping[str, Any], names: FeeFields, rules: Rules) -> str:
    try:
        price, quantity, amount = (
            read_number(row.get(name)) for name in (names.price, names.quantity, names.amount)
        )
    except ValueError:
        return ""  # a missing number is the contract's to name, another text too
    if quantity == 0:
        return "81012"
    if quantity < 0 <= amount:
        return "81022"
    wrong = abs(amount - price * quantity) > rules.amount_tolerance
    return "81023" if amount == 0 or price < 0 or wrong else ""


def _refuse_codes(row: Mapping[str, Any], names: FeeFields) -> str:
    item, category = _text(row, names.item), _text(row, names.category)
    level, kind = _text(row, names.level), _text(row, names.kind)
    outside = item in OUT_OF_CATALOGUE
    if (outside or category) and category not in _entries("AKA063"):
        return "81024"
    if outside and level != SELF_PAY:
        return "81026"
    if level and level not in _entries("AKA065"):
        return "81025"
    if kind not in _entries("ALC404") or (outside and kind != OUT_OF_CATALOGUE[item]):
        return "81027"
    return ""


def _refuse_flags(row: Mapping[str, Any], names: FeeFields) -> str:
    not_injury, rescue = _text(row, names.not_injury), _text(row, names.rescue)
    self_pay = _text(row, names.item) in OUT_OF_CATALOGUE or _text(row, names.level) == SELF_PAY
    if not_injury not in ("", "0", "1"):
        return "81031"
    if not _text(row, names.order):
        return "81033"
    if rescue not in ("", "0", "1"):
        return "81034"
    if rescue == "1" and not self_pay:
        return "81035"
    return "81038" if not_injury == "1" and self_pay else ""


def check_refunds(visit: Visit, fees: Sequence[Fee]) -> None:
    """Refuse a refund of what is not stored, or of more than that: item code and price are compared.

    Only what was stored before this request counts. By which key the platform looks is not stated (T73).
    """
    for item, price, refunded in _refunds(fees):
        stored = visit.stock.get((item, price), Decimal(0))
        if stored <= 0:
            raise Refusal(81021)
        if refunded > stored:
            raise Refusal(81020)


def _refunds(fees: Iterable[Fee]) -> Iterable[tuple[str, Decimal, Decimal]]:
    sums: dict[tuple[str, Decimal], Decimal] = {}
    for fee in fees:
        quantity = Decimal(fee.quantity)
        if quantity < 0:
            place = (fee.item, Decimal(fee.price).normalize())
            sums[place] = sums.get(place, Decimal(0)) - quantity
    return ((item, price, refunded) for (item, price), refunded in sums.items())


def _entries(table: str) -> Mapping[str, str]:
    return contract().codes[table].entries


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value).strip()
