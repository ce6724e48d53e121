"""Outpatients: bills and their lines. One bill is one visit; a refund is a new bill of negative amounts."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

from connector.sample.items import ITEMS
from connector.sample.people import Person
from connector.sample.plan import Plan, amount_of
from connector.sample.schema import Row, Value

FIRST_BILL = 41001
FIRST_LINE = 910001

INJURED = ("old", "new", "refunded", "incomplete", "old")
"""The work-injury bills by what is special about each: patients 12 to 16."""

_ORDINARY = 11
_FIRST_PERSON = 12
_LINES = (
    ((2011, "1"), (3002, "2"), (1004, "1"), (1102, "2"), (3007, "1")),
    ((2009, "1"), (2017, "1"), (3005, "3"), (1101, "2"), (2006, "1")),
    ((2010, "1"), (1103, "4"), (1005, "60"), (2016, "2"), (3006, "2")),
)


def plan_bills(plan: Plan) -> None:
    """Bills of the last six days: work-injury patients first, then ordinary ones, then one refund."""
    bills: list[Row] = []
    lines: list[Row] = []
    for place, case in enumerate((*INJURED, *("ordinary",) * _ORDINARY)):
        person = plan.people[_FIRST_PERSON + place if case != "ordinary" else 35 + place]
        at = datetime.combine(plan.first_day - timedelta(days=6 - place % 6), time(8 + place % 9, 23))
        number = FIRST_BILL + place
        own = draft_lines(number, FIRST_LINE + len(lines), _LINES[place % 3])
        lines.extend(own)
        bills.append(draft_bill(plan, number, person, at, own, injured=case != "ordinary"))
        plan.plant(f"bill_{case}", str(number))
    refunded = next(bill for bill in bills if str(bill["SFXH"]) == plan.planted["bill_refunded"][0])
    number, line = FIRST_BILL + len(bills), FIRST_LINE + len(lines)
    bill, back = refund_bill(refunded, lines, number=number, line=line, quantity="2", day=plan.first_day)
    plan.plant("line_refund", str(back["SBXH"]))
    plan.tables["MS_SFZB"] = [*bills, bill]
    plan.tables["MS_SFMX"] = [*lines, back]


def draft_bill(
    plan: Plan, number: int, person: Person, at: datetime, lines: list[Row], *, injured: bool
) -> dict[str, Value]:
    """A bill over its lines; the cashiers' books are closed up to the fourth day before the last."""
    closing = plan.first_day - timedelta(days=4)
    return {
        "SFXH": number,
        "BRID": person.number,
        "MZHM": person.outpatient_number,
        "FPHM": f"1500{number:08d}",
        "SFRQ": f"{at:%Y-%m-%d %H:%M:%S}",
        "KSDM": "020102",
        "YSGH": "0105  ",
        "ZDBM": ("S62.601", "S52.501", "S93.401")[number % 3],
        "ZDMC": ("指骨骨折", "桡骨远端骨折", "踝扭伤")[number % 3],
        "BRXZ": "07" if injured else ("01", "02", "03")[plan.random.randrange(3)],
        "ZJJE": str(sum(Decimal(str(line["ZJJE"])) for line in lines)),
        "TFBZ": 0,
        "YSFXH": None,
        "JZRQ": f"{closing:%Y-%m-%d} 17:30:00" if at.date() <= closing else None,
        "ZFPB": 0,
    }


def draft_lines(bill: int, first: int, uses: tuple[tuple[int, str], ...]) -> list[Row]:
    """The lines of a bill, numbered from `first`."""
    return [draft_line(bill, first + place, item, quantity) for place, (item, quantity) in enumerate(uses)]


def draft_line(bill: int, number: int, item: int, quantity: str) -> dict[str, Value]:
    """One line of a bill."""
    found = ITEMS[item]
    return {
        "SBXH": number,
        "SFXH": bill,
        "CFH": f"MZ{bill}",
        "XMLX": found.kind,
        "FYXH": item,
        "YPCD": found.place,
        "FYMC": found.name,
        "GG": found.spec,
        "DW": found.unit,
        "FYSL": quantity,
        "FYDJ": found.price,
        "ZJJE": amount_of(found.price, quantity),
        "FYXM": found.fee,
        "TFXH": None,
    }


def refund_bill(
    bill: Row, lines: list[Row], *, number: int, line: int, quantity: str, day: date
) -> tuple[Row, Row]:
    """A negative bill that gives back `quantity` of the second line of a bill, and its only line."""
    original = [one for one in lines if one["SFXH"] == bill["SFXH"]][1]
    amount = f"-{amount_of(str(original['FYDJ']), quantity)}"
    head = {**bill, "SFXH": number, "FPHM": f"1500{number:08d}", "SFRQ": f"{day} 16:40:00", "ZJJE": amount}
    back = {**original, "SBXH": line, "SFXH": number, "FYSL": f"-{quantity}", "ZJJE": amount}
    return (
        {**head, "TFBZ": 1, "YSFXH": bill["SFXH"], "JZRQ": None},
        {**back, "TFXH": original["SBXH"]},
    )
