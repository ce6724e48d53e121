"""One visit as the platform keeps it: its admission, orders, fees, approvals, discharge, invoices, audit."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Literal

AMOUNT_SCALE = 10**4
"""Amounts are whole numbers of 1/10000 yuan; never float."""

LOCAL, CROSS_PROVINCE = "0", "1"
"""The two families of visits, as `rolltype` spells them."""

_PER_FEN = AMOUNT_SCALE // 100
_HISTORY = 32


def read_number(value: object) -> Decimal:
    """The exact value of a number in a request; ValueError where it is none."""
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation as error:
        raise ValueError("not a number") from error
    if not number.is_finite():
        raise ValueError("not a number")
    return number


def scaled(number: Decimal) -> int:
    """An amount in units of 1/10000 yuan, further decimals rounded half up."""
    return int(number.scaleb(4).to_integral_value(ROUND_HALF_UP))


@dataclass(frozen=True, slots=True)
class Fee:
    """One committed fee row: `row` as it was sent, and what the platform reads from it."""

    row: Mapping[str, Any] = field(repr=False)
    item: str
    price: str
    quantity: str
    amount: int
    category: str


@dataclass(frozen=True, slots=True)
class Invoice:
    """One file of a visit: `amount` in 1/10000 yuan, `kind` as FILETYPE says; the bytes themselves are not kept."""

    number: str
    amount: int
    kind: str
    digest: str
    with_discharge: bool = False


@dataclass(slots=True)
class Visit:
    """One registered visit and everything uploaded for it.

    `data` is the admission in the words of 4.8, whichever interface it came by; `approval` says whether an
    approval stands, and whether it covers every fee; `applied` and `audited` are what the web page did.
    """

    number: str
    data: Mapping[str, Any] = field(repr=False)
    new_injury: bool
    recorded_at: datetime
    episode: int = 1
    family: str = LOCAL
    closed_on: str = ""
    settled: bool = False
    applied: bool = False
    audited: bool = False
    approval: Literal["", "outdated", "current"] = ""
    fees: list[Fee] = field(default_factory=list)
    rows: int = 0
    sums: dict[str, int] = field(default_factory=dict)
    fen_sums: dict[str, int] = field(default_factory=dict)
    stock: dict[tuple[str, Decimal], Decimal] = field(default_factory=dict)
    orders: dict[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    approvals: list[str] = field(default_factory=list)
    discharge: Mapping[str, Any] = field(default_factory=dict, repr=False)
    invoices: list[Invoice] = field(default_factory=list)
    history: deque[tuple[dict[str, int], dict[str, int]]] = field(
        default_factory=lambda: deque(maxlen=_HISTORY)
    )

    @property
    def total(self) -> int:
        """The sum of the stored amounts."""
        return sum(self.sums.values())

    def keep(self, fee: Fee, *, row: bool) -> None:
        """Add one row; its text is kept only when `row` says so."""
        self.rows += 1
        self.sums[fee.category] = self.sums.get(fee.category, 0) + fee.amount
        fen = _round_to_fen(fee.amount)
        self.fen_sums[fee.category] = self.fen_sums.get(fee.category, 0) + fen
        if self.approval:
            self.approval = "outdated"
        if row:
            place = (fee.item, Decimal(fee.price).normalize())
            self.stock[place] = self.stock.get(place, Decimal(0)) + Decimal(fee.quantity)
            self.fees.append(fee)

    def remember(self) -> None:
        """Keep the totals as they are now, for answers that come from an old copy."""
        self.history.append((dict(self.sums), dict(self.fen_sums)))

    def clear(self) -> None:
        """Forget every fee (4.11), and with them what was approved."""
        self.remember()
        self.fees.clear()
        self.sums.clear()
        self.fen_sums.clear()
        self.stock.clear()
        self.rows = 0
        self.approval = ""

    def reopen(self) -> None:
        """Undo the discharge (4.14): its records and invoices go; files that came by 4.18 stay (T111)."""
        self.closed_on = ""
        self.settled = False
        self.approval = ""
        self.discharge = {}
        self.invoices = [one for one in self.invoices if not one.with_discharge]


def _round_to_fen(amount: int) -> int:
    sign = -1 if amount < 0 else 1
    return sign * ((abs(amount) + _PER_FEN // 2) // _PER_FEN) * _PER_FEN
