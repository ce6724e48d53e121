"""Inpatients: who lies where and why, their orders, and what is charged day by day."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta

from connector.sample.items import ITEMS
from connector.sample.people import WARDS, Person, padded, staff_of
from connector.sample.plan import Charge, Order, Plan, Stay, draft_charge, stamp
from connector.sample.schema import Value

INJURED = (
    "old",  #: recognised injury, treatment continued
    "new",  #: new injury: no decision and no application number (T92)
    "operated",  #: recognised, with an operation
    "rehabilitation",  #: recognised, 康复
    "incomplete",  #: the employer's number is missing, so it cannot be registered
    "new_discharged",  #: new injury; has left, charges still in ZY_FYMX
    "archived",  #: has left and is settled: part of its charges moved to ZY_FYMX_N
    "second",  #: second stay under the same 住院号
    "twice_coded",  #: two diagnosis codes
    "new_operated",
    "lower_case",  #: identity number with a lower-case x
    "plain",
)
"""The work-injury stays, by what is special about each; the person of the same place has it."""

TURNS = "turns"
"""The ordinary stay that becomes a work-injury one on the second day."""

ORDINARY_STAYS = 28
_ORDINARY_PEOPLE = 20  #: the first person who is never a work-injury patient

_DIAGNOSES = (
    ("S52.501", "桡骨远端骨折"),
    ("S82.201", "胫骨骨折"),
    ("S62.601", "指骨骨折"),
    ("S68.101", "手指离断"),
    ("S06.001", "脑震荡"),
    ("S32.001", "腰椎骨折"),
)
_DRUGS = (1001, 1002, 1003, 1006, 1007, 1010, 1005, 1101, 1102, 1008, 1004, 1201)
_REHABILITATION = (2016, 2018)
_DAILY_USE = {1201: "15", 1005: "3", 1002: "2", 1003: "2"}


def plan_stays(plan: Plan) -> None:
    """Admit everybody who is in the hospital on the first day, with orders and charges."""
    for place, case in enumerate(INJURED):
        plan.stays.append(_injured_stay(plan, place, case))
    for place in range(ORDINARY_STAYS):
        plan.stays.append(_ordinary_stay(plan, place))
    plan.stays.append(_earlier_stay(plan))
    for stay in plan.stays:
        admit(plan, stay)
        plan.plant("injured" if stay.case in INJURED else "ordinary", stay.key)


def admit(plan: Plan, stay: Stay) -> None:
    """A stay's row, its orders and what is charged for it."""
    stay.row = stay_row(stay, plan)
    orders = list(_orders(plan, stay))
    plan.orders.extend(orders)
    plan.charges.extend(_charges(plan, stay, orders))


def _injured_stay(plan: Plan, place: int, case: str) -> Stay:
    days = {"new_discharged": 16, "archived": 19}.get(case, 5 + place // 2)
    stay = Stay(
        2600101 + place,
        plan.people[place],
        WARDS[2] if case == "rehabilitation" else WARDS[place % 4],
        f"{place + 3}" if place % 5 else f"加{place + 1}",
        _moment(plan, days, 9 + place % 6, 17),
        case,
    )
    if case in ("new_discharged", "archived"):
        stay.discharged = stay.admitted + timedelta(days=7, hours=2)
    return stay


def _ordinary_stay(plan: Plan, place: int) -> Stay:
    stay = Stay(
        2600201 + place,
        plan.people[18] if place == 0 else plan.people[_ORDINARY_PEOPLE + place],
        WARDS[place % 4],
        f"{place + 20}",
        _moment(plan, 3 + place % 3, 8 + place % 9, 41),
        TURNS if place == 0 else "ordinary",
    )
    if place % 4 == 3:
        stay.discharged = stay.admitted + timedelta(days=3, hours=1)
    return stay


def _earlier_stay(plan: Plan) -> Stay:
    """The first stay of the patient whose second one is a work-injury stay: same 住院号, ZYCS 1."""
    second = plan.stay("second")
    begun = second.admitted - timedelta(days=40)
    return Stay(2600001, second.person, WARDS[0], "8", begun, "earlier", begun + timedelta(days=3))


def _moment(plan: Plan, days: int, hour: int, minute: int) -> datetime:
    return datetime.combine(plan.first_day - timedelta(days=days), time(hour, minute))


def stay_row(stay: Stay, plan: Plan) -> dict[str, Value]:
    """A stay's row in ZY_BRRY."""
    person: Person = stay.person
    doctor, nurse = staff_of(stay.ward)
    code, name = _DIAGNOSES[stay.number % len(_DIAGNOSES)]
    injured = stay.case in INJURED or stay.case == "fresh"
    not_discharged = ("", None, "00000000", " ")[stay.number % 4]
    return {
        "ZYH": stay.number,
        "ZYHM": f"{88000 + person.number % 1000:08d}",
        "ZYCS": 2 if stay.case == "second" else 1,
        "BRID": person.number,
        "BRXM": padded(person.name),
        "BRXB": person.sex,
        "SFZH": person.identity,
        "BRXZ": "07" if injured else ("01", "02", "03")[stay.number % 3],
        "BRKS": stay.ward,
        "BRBQ": stay.ward,
        "BRCH": stay.bed,
        "ZYYS": doctor,
        "ZZYS": doctor,
        "RYRQ": stamp(stay.admitted),
        "CYRQ": stamp(stay.discharged) if stay.discharged else not_discharged,
        "RYZDBM": code,
        "RYZDMC": f"{name}\n（{plan.random.choice(('左', '右'))}侧）" if stay.number % 5 == 0 else name,
        "CYPB": 1 if stay.discharged else 0,
        "CYFS": "1" if stay.discharged else None,
        "CYZDBM": code if stay.discharged else None,
        "CYZDMC": name if stay.discharged else None,
        "ZYTS": stay.days if stay.discharged else None,
        "DJRQ": f"{stay.admitted:%Y-%m-%d %H:%M:%S}",
        "CZGH": nurse,
        "GSBZ": "1" if injured else (None, "", "0", " ")[stay.number % 4],
        "BZ": None,
    }


def _days(plan: Plan, stay: Stay) -> int:
    end = stay.discharged.date() if stay.discharged else plan.first_day
    return (end - stay.admitted.date()).days + 1


def _orders(plan: Plan, stay: Stay) -> Iterator[Order]:
    """Nursing and diet, three or four drugs, laboratory, picture, and an operation where there was one."""
    begun = stay.admitted + timedelta(minutes=25)
    nursing = "Ⅰ级护理" if _is_operated(stay) else "Ⅱ级护理"
    yield draft_order(stay, begun, nursing, long=True, item=2003 if _is_operated(stay) else 2004)
    yield draft_order(stay, begun + timedelta(minutes=2), "普食", long=True)
    for place, number in enumerate(plan.random.sample(_DRUGS, 3)):
        at = begun + timedelta(minutes=10 + 3 * place)
        yield draft_order(stay, at, f"{ITEMS[number].name} {ITEMS[number].spec}", long=True, item=number)
    for place, number in enumerate((2007, 2009, 2008)):
        yield draft_order(stay, begun + timedelta(minutes=40 + place), ITEMS[number].name, item=number)
    if stay.ward == WARDS[2]:
        for number in _REHABILITATION:
            at = begun + timedelta(hours=20, minutes=number % 10)
            yield draft_order(stay, at, ITEMS[number].name, long=True, item=number)
    if _is_operated(stay):
        at = begun + timedelta(days=1)
        yield draft_order(stay, at, "拟明日行\n桡骨骨折切开复位内固定术\t（术前禁食）", item=2012)


def draft_order(
    stay: Stay, at: datetime, text: str, *, long: bool = False, item: int = 0, **changes: Value
) -> Order:
    """An order that a doctor gave, a nurse checked, and nobody has stopped unless its stay is over."""
    doctor, nurse = staff_of(stay.ward)
    stopped = stay.discharged if long else at + timedelta(hours=1)
    found = ITEMS.get(item)
    drug = found is not None and found.is_drug
    row: dict[str, Value] = {
        "ZYH": stay.number,
        "LSYZ": 0 if long else 1,
        "XMLX": found.kind if found else None,
        "YPXH": item or None,
        "YPCD": found.place if found else None,
        "YZMC": text,
        "YCJL": "0.5" if drug else None,
        "JLDW": "g" if drug else None,
        "YCSL": _DAILY_USE.get(item, "1") if found else None,
        "YPYF": ("IV" if found and found.form == "注射剂" else "PO") if drug else None,
        "SYPC": ("BID" if long else "ST") if drug else None,
        "KSSJ": f"{at:%Y-%m-%d %H:%M:%S}",
        "TZSJ": f"{stopped:%Y-%m-%d %H:%M:%S}" if stopped else None,
        "YSGH": doctor,
        "TZYS": doctor if stopped else None,
        "FHGH": nurse,
        "ZXGH": nurse,
        "SRKS": stay.ward,
        "BRCH": stay.bed,
        "BZXX": None,
        "YZZT": 3 if stopped else 2,
        "XGSJ": f"{stopped or at + timedelta(minutes=6):%Y-%m-%d %H:%M:%S}",
        **changes,
    }
    return Order(stay, at, row)


def _is_operated(stay: Stay) -> bool:
    return stay.case.endswith("operated") or (stay.case == "ordinary" and stay.number % 9 == 0)


def _charges(plan: Plan, stay: Stay, orders: list[Order]) -> Iterator[Charge]:
    by_item = {order.row["YPXH"]: order for order in orders}
    for day in range(_days(plan, stay)):
        yield from charge_day(plan, stay, day, by_item)
    if _is_operated(stay):
        yield from _operation(stay, by_item.get(2012))


def charge_day(plan: Plan, stay: Stay, day: int, by_item: dict[Value, Order]) -> Iterator[Charge]:
    """What one day in bed costs: bed, doctor, nursing, the drugs of the running orders and what they need."""
    date = stay.admitted.date() + timedelta(days=day)
    start = max(datetime.combine(date, time(7, 5)), stay.admitted + timedelta(hours=1))
    prescription = f"CF{date:%y%m%d}{stay.number % 1000:03d}"
    yield draft_charge(stay, start, 2001, "1")
    yield draft_charge(stay, start + timedelta(minutes=1), 2002, "1", prescription=f"ZC{prescription[2:]}")
    at = start + timedelta(minutes=30)
    for place, (number, order) in enumerate(by_item.items()):
        if not isinstance(number, int) or number == 2012 or (day and order.row["LSYZ"] == 1):
            continue
        moment = at + timedelta(minutes=7 * place, seconds=stay.number % 60)
        quantity = _DAILY_USE.get(number, "1")
        yield draft_charge(stay, moment, number, quantity, order=order, prescription=prescription)
        if ITEMS[number].form == "注射剂":
            later = moment + timedelta(minutes=2)
            yield draft_charge(stay, later, 2005, "1", order=order, prescription=prescription)
            yield draft_charge(stay, later, 3001, "1", order=order, prescription=prescription)
    if plan.random.random() < 0.4:
        yield draft_charge(stay, at + timedelta(hours=2), 2011, "1", prescription=prescription)
        yield draft_charge(stay, at + timedelta(hours=2), 3002, "2", prescription=prescription)


def _operation(stay: Stay, order: Order | None) -> Iterator[Charge]:
    at = stay.admitted + timedelta(days=2, hours=1)
    uses = (
        (2012, "1"),
        (2013, "1"),
        (3003, "1"),
        (3004, "6"),
        (1011, "4"),
        (2014, "8"),
        (2015, "6"),
        (3005, "2"),
    )
    for place, (number, quantity) in enumerate(uses):
        moment = at + timedelta(minutes=9 * place)
        yield draft_charge(stay, moment, number, quantity, order=order, prescription=f"SS{stay.number}")
