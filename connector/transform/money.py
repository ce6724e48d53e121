"""What amount, price and quantity say together (traps T72, T74), and the amounts to be counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from connector.columns.numbers import Integers, Kind, Numbers
from connector.columns.text import Mask
from connector.records import AMOUNT_SCALE
from connector.transform.cells import Values
from connector.transform.plan import Plan, Slot
from connector.transform.rules import Found, note

_SAFE = 4.0e18
"""Products below it, estimated in floating point, surely fit 64 bits."""

_ZERO_AMOUNT = "the amount is zero: the platform takes no such charge (T72)"


@dataclass(frozen=True, slots=True)
class Money:
    """`amounts` scaled by 4 (int64, 0 where there is none); `nothing`: reason → rows with nothing to send."""

    amounts: Integers = field(repr=False)
    nothing: Mapping[str, Mask] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Part:
    """One of the three, per row."""

    slot: Slot
    values: Values
    numbers: Numbers

    @property
    def scaled(self) -> Integers:
        return np.asarray(self.values.spread(self.numbers.scaled), np.int64)

    @property
    def kinds(self) -> npt.NDArray[np.int8]:
        return np.asarray(self.values.spread(self.numbers.kinds), np.int8)

    def exact(self, row: int) -> int:
        """The whole number of a row, whatever its size."""
        return self.numbers.value(int(self.values.rows[row]))


def count(plan: Plan, values: Mapping[str, Values], found: Found, rows: int) -> Money:
    """Count the amounts, add to `found` where they cannot be right, and say which rows have nothing to send.

    A quantity of zero with an amount that is not is no such row: its money was charged, so the contract's rule
    (81012) keeps it where somebody looks.
    """
    amount, quantity, price = (_part(plan, values, role) for role in ("amount", "quantity", "price"))
    if amount is None:
        return Money(np.zeros(rows, np.int64), {})
    if price is not None and quantity is not None:
        _multiply(plan, amount, price, quantity, found)
    nothing = {_ZERO_AMOUNT: (amount.kinds == Kind.EXACT) & (amount.scaled == 0)}
    return Money(_amounts(amount, found), nothing)


def _part(plan: Plan, values: Mapping[str, Values], role: str) -> _Part | None:
    """The field of a role, where it is one of numbers."""
    slot = plan.role(role)
    if slot is None or (numbers := values[slot.path].numbers) is None:
        return None
    return _Part(slot, values[slot.path], numbers)


def _multiply(plan: Plan, amount: _Part, price: _Part, quantity: _Part, found: Found) -> None:
    """Amount against price × quantity, within the tolerance (81023)."""
    scale = price.numbers.scale + quantity.numbers.scale
    unit = 10 ** (scale - amount.numbers.scale)
    allowed = int(plan.tolerance.scaleb(scale))
    known = np.ones(len(amount.values.rows), np.bool_)
    large = np.zeros_like(known)
    for part in (amount, price, quantity):
        known &= (part.kinds == Kind.EXACT) | (part.kinds == Kind.BEYOND)
        large |= part.kinds == Kind.BEYOND
    a, p, q = amount.scaled, price.scaled, quantity.scaled
    large |= np.abs(p.astype(np.float64)) * np.abs(q) > _SAFE
    large |= np.abs(a.astype(np.float64)) * unit > _SAFE
    with np.errstate(over="ignore"):
        wrong = known & ~large & (np.abs(a * unit - p * q) > allowed)
    for row in np.flatnonzero(known & large).tolist():
        wrong[row] = abs(amount.exact(row) * unit - price.exact(row) * quantity.exact(row)) > allowed
    words = f"differs from price × quantity by more than {plan.tolerance} yuan"
    note(found, wrong, amount.slot, "amount", words)


def _amounts(amount: _Part, found: Found) -> Integers:
    """The amounts scaled by 4; what does not fit is a violation, because no ledger could count it."""
    scale = amount.numbers.scale
    scaled = amount.scaled
    large = amount.kinds == Kind.BEYOND
    if scale < AMOUNT_SCALE:
        factor = 10 ** (AMOUNT_SCALE - scale)
        large = large | (np.abs(scaled.astype(np.float64)) * factor > _SAFE)
        scaled = np.where(large, 0, scaled) * factor
    elif scale > AMOUNT_SCALE:
        scaled = scaled // 10 ** (scale - AMOUNT_SCALE)
    note(found, large, amount.slot, "range", "is too large to be counted")
    return scaled
