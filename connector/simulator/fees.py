"""Fee rows as the platform reads them, and the rules about them that the contract's data cannot say."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from connector.contract.library import contract
from connector.contract.spec import Node
from connector.simulator.call import Rules, read_text
from connector.simulator.visit import CROSS_PROVINCE, Fee, Visit, read_number, scaled


@dataclass(frozen=True, slots=True)
class FeeNode:
    """Where the fees of an upload stand, and which field plays which part: the two families differ in names."""

    wrapper: str
    name: str
    roles: Mapping[str, str]
    kinds: Mapping[str, str]

    def text(self, row: Mapping[str, Any], role: str) -> str:
        """The field of a role as text."""
        return read_text(row, self.roles[role])


@cache
def fee_node(family: str) -> FeeNode:
    """The fees of 4.10, or of 4.24 across provinces."""
    method = "sendBsMedInfo" if family == CROSS_PROVINCE else "sendMedInfo"
    node = find_node(contract().operation(method).request, "item")
    kind = node.field(node.roles["kind"])
    local = kind.twin_codes if kind and family == CROSS_PROVINCE else {}
    return FeeNode(node.wrapper or "", node.name, node.roles, local)


def find_node(request: Node, role: str) -> Node:
    """The node of a request that has a field of the role."""
    return next(node for node in request.nodes if role in node.roles)


def read_fee(row: Mapping[str, Any], names: FeeNode, rules: Rules) -> Fee:
    """A row with its numbers and the category that the platform assigns; ValueError for what is no number."""
    item, kind = names.text(row, "item"), names.text(row, "kind")
    category = (
        rules.categories.get(item)
        or names.text(row, "category")
        or rules.kind_categories.get(names.kinds.get(kind, kind), "91")
    )
    return Fee(
        row,
        item,
        str(read_number(row.get(names.roles["price"]) or "0")),
        str(read_number(row.get(names.roles["quantity"]) or "0")),
        scaled(read_number(row.get(names.roles["amount"]) or "0")),
        category,
    )


def fits_amount(row: Mapping[str, Any], names: FeeNode, rules: Rules) -> bool:
    """Whether the amount is price x quantity; a row that the contract refuses anyway fits."""
    try:
        price, quantity, amount = (
            read_number(row.get(names.roles[role])) for role in ("price", "quantity", "amount")
        )
    except ValueError:
        return True
    return abs(amount - price * quantity) <= rules.amount_tolerance


def check_refunds(visit: Visit, fees: Sequence[Fee]) -> str:
    """What is wrong with refunds: of what is not stored, or of more than that; "" when nothing is.

    Item code and price are compared, and only what was stored before this request counts. By which key the
    platform looks is not stated (T73).
    """
    for item, price, refunded in _refunds(fees):
        stored = visit.stock.get((item, price), Decimal(0))
        if stored <= 0:
            return "nothing_to_refund"
        if refunded > stored:
            return "too_much_refunded"
    return ""


def _refunds(fees: Iterable[Fee]) -> Iterator[tuple[str, Decimal, Decimal]]:
    sums: dict[tuple[str, Decimal], Decimal] = {}
    for fee in fees:
        quantity = Decimal(fee.quantity)
        if quantity < 0:
            place = (fee.item, Decimal(fee.price).normalize())
            sums[place] = sums.get(place, Decimal(0)) - quantity
    return ((item, price, refunded) for (item, price), refunded in sums.items())
