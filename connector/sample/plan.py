"""The sample hospital on paper, before any of it is in a database.

Charges and orders are drafted per stay and numbered in the order of their time at the end, as a real system's
identity columns would. A plan is a pure function of a seed and a day, so the second day's changes find the
rows they change by planning anew.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random

from connector.sample.items import ITEMS, Item
from connector.sample.people import Person, staff_of
from connector.sample.schema import Row, Value

FIRST_CHARGE = 700001
FIRST_ORDER = 300001


@dataclass(slots=True, eq=False)
class Stay:
    """One stay in hospital. `case` names what is special about it; `injury` is its row in GS_DJXX, if any."""

    number: int
    person: Person
    ward: str
    bed: str
    admitted: datetime
    case: str
    discharged: datetime | None = None
    row: dict[str, Value] = field(default_factory=dict, repr=False)

    @property
    def key(self) -> str:
        """The stay's key, as the HIS has it (ZYH)."""
        return str(self.number)

    @property
    def days(self) -> int:
        """Day of leaving minus day of admission; 0 while it lasts."""
        return (self.discharged.date() - self.admitted.date()).days if self.discharged else 0


@dataclass(slots=True, eq=False)
class Order:
    """One order. `mark` names the trouble it was planted for."""

    stay: Stay
    at: datetime
    row: dict[str, Value] = field(repr=False)
    mark: str = ""
    number: int = 0


@dataclass(slots=True, eq=False)
class Charge:
    """One charge. `late`: it has its number, but is committed only on the second day."""

    stay: Stay
    at: datetime
    item: Item
    row: dict[str, Value] = field(repr=False)
    order: Order | None = None
    original: "Charge | None" = None
    mark: str = ""
    late: bool = False
    number: int = 0

    @property
    def key(self) -> str:
        """The charge's key, as text (JLXH)."""
        return str(self.number)


@dataclass(slots=True)
class Plan:
    """Everything the hospital will hold on its first day, and what is kept for the second."""

    seed: int
    today: date
    random: Random
    people: list[Person] = field(repr=False)
    stays: list[Stay] = field(default_factory=list, repr=False)
    orders: list[Order] = field(default_factory=list, repr=False)
    charges: list[Charge] = field(default_factory=list, repr=False)
    tables: dict[str, list[Row]] = field(default_factory=dict, repr=False)
    planted: dict[str, list[str]] = field(default_factory=dict)

    @property
    def first_day(self) -> date:
        """The last day with data before the changes: the third day before today.

        Two whole days lie between the newest row and now, so that no clock, zone or safety lag hides a row.
        """
        return self.today - timedelta(days=3)

    @property
    def second_day(self) -> date:
        """The day of the changes."""
        return self.today - timedelta(days=2)

    def plant(self, name: str, key: str) -> None:
        """Note a row that was made on purpose."""
        self.planted.setdefault(name, []).append(key)

    def stay(self, case: str) -> Stay:
        """The first stay of a case."""
        return next(stay for stay in self.stays if stay.case == case)

    def marked(self, mark: str) -> list[Charge]:
        """The charges planted under a name, in the order of their numbers."""
        return sorted((one for one in self.charges if one.mark == mark), key=lambda one: one.number)


def stamp(at: datetime) -> str:
    """A time as the HIS writes it into CHAR(16)."""
    return f"{at:%Y%m%d%H:%M:%S}"


def amount_of(price: str, quantity: str) -> str:
    """What a till charges: price times quantity, rounded to the fen half up."""
    return str((Decimal(price) * Decimal(quantity)).quantize(Decimal("0.01"), ROUND_HALF_UP))


def draft_charge(
    stay: Stay,
    at: datetime,
    number: int,
    quantity: str,
    *,
    order: Order | None = None,
    prescription: str = "",
    **changes: Value,
) -> Charge:
    """A charge for an item, its columns overwritten by `changes`."""
    item = ITEMS[number]
    doctor, nurse = staff_of(stay.ward)
    row: dict[str, Value] = {
        "ZYH": stay.number,
        "FYRQ": stamp(at),
        "JFRQ": f"{at:%Y-%m-%d %H:%M:%S}",
        "XMLX": item.kind,
        "FYXH": item.number,
        "YPCD": item.place,
        "FYMC": item.name,
        "GG": item.spec,
        "DW": item.unit,
        "FYSL": quantity,
        "FYDJ": item.price,
        "ZJJE": amount_of(item.price, quantity),
        "FYXM": item.fee,
        "CFH": prescription or None,
        "TFXH": None,
        "FYKS": stay.ward,
        "ZXKS": "040101" if item.is_drug else stay.ward,
        "YSGH": doctor,
        "CZGH": nurse,
        "JSCS": 0,
        "ZFPB": None if number % 2 else 0,
        "SCBZ": None,
        **changes,
    }
    return Charge(stay, at, item, row, order)


def draft_refund(original: Charge, at: datetime, quantity: str, *, linked: bool = True) -> Charge:
    """The refund of so much of a charge (negative): same prescription, item, price and order as the original."""
    row = {**original.row, "FYRQ": stamp(at), "JFRQ": f"{at:%Y-%m-%d %H:%M:%S}", "FYSL": f"-{quantity}"}
    row["ZJJE"] = f"-{amount_of(str(row['FYDJ']), quantity)}"
    return Charge(original.stay, at, original.item, row, original.order, original if linked else None)


def number_rows(plan: Plan) -> None:
    """Give orders and charges their numbers in the order of their time, and tie them together."""
    plan.orders.sort(key=lambda order: order.at)
    for number, order in enumerate(plan.orders, start=FIRST_ORDER):
        order.number = number
        order.row = {"JLXH": number, "YZZH": number, **order.row}
        if order.mark:
            plan.plant(order.mark, str(number))
    plan.charges.sort(key=lambda charge: charge.at)
    for number, charge in enumerate(plan.charges, start=FIRST_CHARGE):
        charge.number = number
        charge.row = {"JLXH": number, **charge.row}
    for charge in plan.charges:
        charge.row["YZXH"] = charge.order.number if charge.order else (None, 0)[charge.number % 2]
        if charge.original:
            charge.row["TFXH"] = charge.original.number
        if charge.mark:
            plan.plant(charge.mark, charge.key)
