"""Fee rows as the platform reads them, and the rules about them that the contract's data cannot say."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

from connector.contract.spec import Node
from connector.simulator.call import Refusal, Rules, read_text
from connector.simulator.visit import Fee, Visit, read_number, scaled

WRONG_AMOUNT = "81023"
_TOO_MUCH_REFUNDED = "81020"
_NOTHING_TO_REFUND = "81021"


@dataclass(frozen=True, slots=True)
class FeeFields:
    """Which field of a fee row plays which part; the cross-province rows have other names."""

    item: str
    category: str
    kind: str
    price: str
    quantity: str
    amount: str

    @classmethod
    def of(cls, node: Node) -> Self:
        """The parts as the contract's roles name them."""
        return cls(**{part: node.roles[part] for part in cls.__dataclass_fields__})


def read_fee(row: Mapping[str, Any], names: FeeFields, rules: Rules) -> Fee:
    """A row with its numbers and the category that the platform assigns; ValueError for what is no number."""
    item = read_text(row, names.item)
    category = (
        rules.categories.get(item)
        or read_text(row, names.category)
        or rules.kind_categories.get(read_text(row, names.kind), "91")
    )
    return Fee(
        row,
        item,
        str(read_number(row.get(names.price) or "0")),
        str(read_number(row.get(names.quantity) or "0")),
        scaled(read_number(row.get(names.amount) or "0")),
        category,
    )


def refuse_amount(row: Mapping[str, Any], names: FeeFields, rules: Rules) -> str:
    """81023 where the amount is not price x quantity; "" for a good row, and for one the contract refuses."""
    try:
        price, quantity, amount = (
            read_number(row.get(name)) for name in (names.price, names.quantity, names.amount)
        )
    except ValueError:
        return ""
    return WRONG_AMOUNT if abs(amount - price * quantity) > rules.amount_tolerance else ""


def check_refunds(visit: Visit, fees: Sequence[Fee]) -> None:
    """Refuse a refund of what is not stored, or of more than that: item code and price are compared.

    Only what was stored before this request counts. By which key the platform looks is not stated (T73).
    """
    for item, price, refunded in _refunds(fees):
        stored = visit.stock.get((item, price), Decimal(0))
        if stored <= 0:
            raise Refusal(_NOTHING_TO_REFUND)
        if refunded > stored:
            raise Refusal(_TOO_MUCH_REFUNDED)


def _refunds(fees: Iterable[Fee]) -> Iterable[tuple[str, Decimal, Decimal]]:
    sums: dict[tuple[str, Decimal], Decimal] = {}
    for fee in fees:
        quantity = Decimal(fee.quantity)
        if quantity < 0:
            place = (fee.item, Decimal(fee.price).normalize())
            sums[place] = sums.get(place, Decimal(0)) - quantity
    return ((item, price, refunded) for (item, price), refunded in sums.items())
