"""The sample hospital's second day: what makes an incremental run worth watching.

Each change is one function that changes the database and says what it did in one sentence, with counts and
keys and nobody's name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import sqlalchemy as sa

from connector.sample import injuries
from connector.sample.clinic import FIRST_BILL, draft_bill, draft_lines, refund_bill
from connector.sample.hospital import SEED, plan_hospital
from connector.sample.invoices import FIRST_INVOICE, draft_invoice
from connector.sample.items import ITEMS, match_row
from connector.sample.papers import draft_front_page
from connector.sample.people import EMPLOYERS, WARDS
from connector.sample.plan import Charge, Order, Plan, Stay, draft_refund
from connector.sample.schema import Row, Value, delete, insert, open_engine, update
from connector.sample.ward import TURNS, charge_day, draft_order, stay_row

FRESH_STAY = 2600301


@dataclass(slots=True)
class _Day:
    """The second day in the making: the plan of the first, the open connection, and the next numbers."""

    plan: Plan = field(repr=False)
    connection: sa.Connection = field(repr=False)
    next_charge: int
    next_order: int

    def at(self, hour: int, minute: int = 0) -> datetime:
        """A moment of the second day."""
        return datetime.combine(self.plan.second_day, time(hour, minute))

    def write_charges(self, charges: list[Charge]) -> str:
        """Number and insert charges; their numbers as `first–last`."""
        for charge in charges:
            charge.number = self.next_charge
            self.next_charge += 1
            order = charge.order.number if charge.order else None
            original = charge.original.number if charge.original else None
            charge.row.update(JLXH=charge.number, YZXH=order, TFXH=original)
        insert(self.connection, "ZY_FYMX", [charge.row for charge in charges])
        return f"{charges[0].number}–{charges[-1].number}" if len(charges) > 1 else charges[0].key

    def write_orders(self, orders: list[Order]) -> None:
        """Number and insert orders."""
        for order in orders:
            order.number = self.next_order
            self.next_order += 1
            order.row = {"JLXH": order.number, "YZZH": order.number, **order.row}
        insert(self.connection, "ZY_BQYZ", [order.row for order in orders])


def change_hospital(url: str, *, seed: int = SEED, today: date) -> list[str]:
    """Let the second day happen in a hospital that `build_hospital` made with the same seed and day.

    One transaction, once per hospital. Returns one sentence per change, in their order.
    """
    plan = plan_hospital(seed=seed, today=today)
    engine = open_engine(url)
    try:
        with engine.begin() as connection:
            last_charge = max(charge.number for charge in plan.charges)
            last_order = max(order.number for order in plan.orders)
            day = _Day(plan, connection, last_charge + 1, last_order + 1)
            return [change(day) for change in CHANGES.values()]
    finally:
        engine.dispose()


def _new_charges(day: _Day) -> str:
    plan = day.plan
    charges: list[Charge] = []
    for stay in _in_hospital(plan):
        running = {order.row["YPXH"]: order for order in plan.orders if order.stay is stay and not order.mark}
        number = (plan.second_day - stay.admitted.date()).days
        charges.extend(charge_day(plan, stay, number, running))
    charges.sort(key=lambda charge: charge.at)
    keys = day.write_charges(charges)
    injured = sum(charge.stay.row["GSBZ"] == "1" for charge in charges)
    return f"{len(charges)} new charges ({keys}), {injured} of them of work-injury stays"


def _late_charges(day: _Day) -> str:
    late = day.plan.marked("late")
    insert(day.connection, "ZY_FYMX", [charge.row for charge in late])
    return f"{len(late)} charges committed late: {_list(late)}, lower numbers than rows that were there before them"


def _refund(day: _Day) -> str:
    plan = day.plan
    stay = plan.stay("operated")
    own = [one for one in plan.charges if one.stay is stay and one.item.number == 3005 and not one.mark]
    day.write_charges([draft_refund(own[0], day.at(10, 20), "1")])
    return f"1 refund ({day.next_charge - 1}) of a part of charge {own[0].key} of the first day"


def _mended_row(day: _Day) -> str:
    charge = day.plan.marked("date_missing")[0]
    when = f"{charge.at:%Y%m%d%H:%M:%S}"
    update(day.connection, "ZY_FYMX", {"JLXH": charge.number}, {"FYRQ": when})
    return f"charge {charge.key}, which had been rejected for its date, was corrected"


def _stopped_order(day: _Day) -> str:
    order = _running_order(day.plan, "new")
    moment = f"{day.at(11):%Y-%m-%d %H:%M:%S}"
    changed: Row = {"TZSJ": moment, "TZYS": order.row["YSGH"], "YZZT": 3, "XGSJ": moment}
    update(day.connection, "ZY_BQYZ", {"JLXH": order.number}, changed)
    return f"order {order.number} was stopped: same number, now with an end, XGSJ moved"


def _signed_order(day: _Day) -> str:
    number = int(day.plan.planted["order_unsigned"][0])
    order = next(one for one in day.plan.orders if one.number == number)
    changed: Row = {"FHGH": order.row["ZXGH"], "XGSJ": f"{day.at(11, 5):%Y-%m-%d %H:%M:%S}"}
    update(day.connection, "ZY_BQYZ", {"JLXH": number}, changed)
    return f"order {number}, which had lacked the nurse's signature, was signed"


def _changed_in_place(day: _Day) -> str:
    plan = day.plan
    stay = plan.stay("new_operated")
    charge = next(one for one in plan.charges if one.stay is stay and one.item.number == 2009)
    changed: Row = {"FYSL": "2", "ZJJE": "144.00"}
    update(day.connection, "ZY_FYMX", {"JLXH": charge.number}, changed)
    return f"charge {charge.key}, already uploaded, was changed in place: quantity 2 instead of 1"


def _new_visit(day: _Day) -> str:
    plan = day.plan
    person = plan.people[injuries.FRESH_PERSON]
    stay = Stay(FRESH_STAY, person, WARDS[1], "31", day.at(8, 10), "fresh")
    stay.row = stay_row(stay, plan)
    insert(day.connection, "ZY_BRRY", [stay.row])
    _link(day, person.number, ZYH=stay.number)
    begun = stay.admitted + timedelta(minutes=20)
    orders = [
        draft_order(stay, begun, "Ⅱ级护理", long=True, item=2004),
        draft_order(stay, begun + timedelta(minutes=3), ITEMS[1001].name, long=True, item=1001),
        draft_order(stay, begun + timedelta(minutes=9), ITEMS[2009].name, item=2009),
    ]
    day.write_orders(orders)
    charges = list(charge_day(plan, stay, 0, {order.row["YPXH"]: order for order in orders}))
    keys = day.write_charges(charges)
    return f"1 new work-injury stay {stay.key} with {len(orders)} orders and {len(charges)} charges ({keys})"


def _turned_stay(day: _Day) -> str:
    plan = day.plan
    stay = plan.stay(TURNS)
    update(day.connection, "ZY_BRRY", {"ZYH": stay.number}, {"GSBZ": "1", "BRXZ": "07"})
    _link(day, stay.person.number, ZYH=stay.number)
    own = sum(charge.stay is stay and not charge.late for charge in plan.charges)
    return f"the ordinary stay {stay.key} became a work-injury one, with {own} charges of the first day"


def _completed_registration(day: _Day) -> str:
    stay = day.plan.stay("incomplete")
    number = EMPLOYERS[stay.person.employer]
    update(day.connection, "GS_DJXX", {"ZYH": stay.number}, {"DWBH": number})
    return f"the registration of stay {stay.key} was completed: the employer's number had been missing"


def _repaired_match(day: _Day) -> str:
    plan = day.plan
    item = ITEMS[1301]
    number = len(plan.tables["YB_MLDZ"]) + 1
    insert(day.connection, "YB_MLDZ", [{"DZXH": number, **match_row(item, plan.today)}])
    waiting = [one for one in plan.marked("unmatched") if one.item is item]
    return f"the missing match of item {item.number} was added (DZXH {number}); charges {_list(waiting)} waited for it"


def _archived_rows(day: _Day) -> str:
    stay = day.plan.stay("new_discharged")
    own = [one for one in day.plan.charges if one.stay is stay]
    insert(day.connection, "ZY_FYMX_N", [{**one.row, "JSCS": 1} for one in own])
    gone = delete(day.connection, "ZY_FYMX", {"ZYH": stay.number})
    return f"{gone} charges of the settled stay {stay.key} moved to the archive ZY_FYMX_N, same numbers"


def _front_page(day: _Day) -> str:
    stay = day.plan.stay("new_discharged")
    number = len(day.plan.tables["BA_BASY"]) + 1
    insert(day.connection, "BA_BASY", [draft_front_page(number, stay)])
    return f"the front page of stay {stay.key}, which had been lacking, was written: the stay may leave"


def _new_bill(day: _Day) -> str:
    plan = day.plan
    lines, bills = plan.tables["MS_SFMX"], plan.tables["MS_SFZB"]
    number, line = FIRST_BILL + len(bills), 1 + max(_number(one["SBXH"]) for one in lines)
    person = plan.people[50]
    own = draft_lines(number, line, ((2011, "1"), (3002, "1")))
    insert(day.connection, "MS_SFZB", [draft_bill(plan, number, person, day.at(9, 15), own, injured=False)])
    insert(day.connection, "MS_SFMX", own)
    refunded = bills[0]
    bill, back = refund_bill(
        refunded, lines, number=number + 1, line=line + len(own), quantity="1", day=plan.second_day
    )
    insert(day.connection, "MS_SFZB", [bill])
    insert(day.connection, "MS_SFMX", [back])
    _invoice_anew(day, refunded, Decimal(str(bill["ZJJE"])))
    return f"1 new ordinary bill {number}, and bill {number + 1} that refunds a line of work-injury bill {_number(refunded['SFXH'])}"


def _invoice_anew(day: _Day, bill: Row, back: Decimal) -> None:
    """Cancel the invoice of a bill of which something was given back, and write one over what is left."""
    update(day.connection, "DZ_FPXX", {"SFXH": bill["SFXH"]}, {"CHBZ": 1})
    number = FIRST_INVOICE + len(day.plan.tables["DZ_FPXX"])
    left = Decimal(str(bill["ZJJE"])) + back
    insert(day.connection, "DZ_FPXX", [draft_invoice(number, day.at(16, 45), left, SFXH=bill["SFXH"])])


def _deleted_rows(day: _Day) -> str:
    sent = _line_of(day.plan, "bill_old", 1, 0)
    waiting = _line_of(day.plan, "bill_incomplete", 0, 0)
    for number in (sent, waiting):
        delete(day.connection, "MS_SFMX", {"SBXH": number})
    return f"line {sent}, already uploaded, and line {waiting}, not yet sent, were deleted from MS_SFMX"


CHANGES: Mapping[str, Callable[[_Day], str]] = {
    "new_charges": _new_charges,
    "late_charges": _late_charges,
    "refund": _refund,
    "mended_row": _mended_row,
    "stopped_order": _stopped_order,
    "signed_order": _signed_order,
    "changed_in_place": _changed_in_place,
    "new_visit": _new_visit,
    "turned_stay": _turned_stay,
    "completed_registration": _completed_registration,
    "repaired_match": _repaired_match,
    "archived_rows": _archived_rows,
    "front_page": _front_page,
    "new_bill": _new_bill,
    "deleted_rows": _deleted_rows,
}
"""Every change of the second day by its name, in the order in which they happen."""


def _in_hospital(plan: Plan) -> list[Stay]:
    return [stay for stay in plan.stays if not stay.discharged]


def _running_order(plan: Plan, case: str) -> Order:
    stay = plan.stay(case)
    own = (one for one in plan.orders if one.stay is stay and not one.mark and one.row["TZSJ"] is None)
    return next(one for one in own if one.row["YPXH"] in ITEMS and ITEMS[_number(one.row["YPXH"])].is_drug)


def _link(day: _Day, patient: int, **visit: Value) -> None:
    """Fill in the visit of a registration that was made before it."""
    update(
        day.connection, "GS_DJXX", {"BRID": patient}, {**visit, "XGSJ": f"{day.at(8, 30):%Y-%m-%d %H:%M:%S}"}
    )


def _line_of(plan: Plan, mark: str, which: int, place: int) -> int:
    bill = int(plan.planted[mark][which])
    return [_number(one["SBXH"]) for one in plan.tables["MS_SFMX"] if one["SFXH"] == bill][place]


def _number(value: Value) -> int:
    return value if isinstance(value, int) else int(value or 0)


def _list(charges: list[Charge]) -> str:
    return ", ".join(charge.key for charge in charges)
